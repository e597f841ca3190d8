"""Effect of placement alone on a bench, and the difference between two builds beyond that."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class LayoutSpread:
    """One metric of one bench over several layouts of two builds."""

    subject: str
    """The bench."""
    metric: str
    """``wall``, ``cpu``, or ``time`` where the bench says its own."""
    base: tuple[float, ...]
    """The effect of each layout of the base: a log ratio to the middle of all layouts of both sides."""
    head: tuple[float, ...]
    rounds: int
    """Runs of each layout."""
    change: float
    """head/base - 1, of the mean effects."""
    low: float | None
    """Interval of the change over layouts; ``None`` with too few of them for one."""
    high: float | None

    @property
    def base_spread(self) -> float:
        """The slowest layout's time over the fastest one's, less one; what noise is left in the medians adds to it."""
        return _spread(self.base)

    @property
    def head_spread(self) -> float:
        """The same of the head."""
        return _spread(self.head)

    def explains(self, change: float | None) -> bool:
        """Whether placement alone accounts for a change between two layouts.

        Over all layouts there may be no change at all, and cannot be that one.
        """
        if change is None or self.low is None or self.high is None:
            return False
        return self.low <= 0 <= self.high and not self.low <= change <= self.high


def _spread(effects: Sequence[float]) -> float:
    return math.expm1(max(effects) - min(effects))
