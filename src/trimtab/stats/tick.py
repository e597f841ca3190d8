"""The tick of a clock, estimated from readings of it.

A clock that goes on in steps gives the same reading again and again; one that does not, read to the nanosecond, hardly
ever does. So where readings repeat, the smallest distance between those that differ is taken for the tick: the true one
may be a fraction of that, so the estimate errs to the side of caution. Where all readings are one, nothing says how
long the tick is but that the reading is a multiple of it: then the reading itself is taken.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable

_ALIKE = 2.5e-6
"""Seconds between readings that count as one: sums of two times are rounded to microseconds twice."""


def tick_of(readings: Iterable[float]) -> float:
    """The tick in seconds; 0 where readings do not repeat.

    Raises:
        ValueError: there is no reading.
    """
    ordered = sorted(readings)
    if not ordered:
        raise ValueError("a tick needs at least one reading")
    gaps = [after - before for before, after in itertools.pairwise(ordered)]
    steps = [gap for gap in gaps if gap > _ALIKE]
    if len(steps) == len(gaps):  # a single reading too
        return 0.0
    return min(steps, default=ordered[-1])
