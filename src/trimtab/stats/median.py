"""Medians with distribution-free intervals, and paired ratios.

The interval for a median uses order statistics: the number of independent observations below the true median is
binomial with p = 1/2 whatever the distribution, so the k-th smallest and k-th largest observation enclose it with an
exactly known probability. No normality is assumed and outliers cannot move it. It holds for a number of observations
that was fixed beforehand; looking again and again and stopping when it pleases needs a confidence sequence instead.

Source: Conover, *Practical Nonparametric Statistics*, 3rd ed. 1999, section 3.2 (confidence interval for a quantile).
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

CONFIDENCE = 0.99
"""Confidence of every interval, unless said otherwise."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Interval:
    """An estimate with its interval; ``low`` and ``high`` are ``None`` with too few observations for one."""

    value: float
    low: float | None
    high: float | None
    samples: int


def fewest_for(confidence: float = CONFIDENCE) -> int:
    """The smallest number of observations whose extremes enclose the median with this confidence (8 for 99 %)."""
    return math.ceil(1 - math.log2(1 - confidence))


def median_interval(observations: Sequence[float], confidence: float = CONFIDENCE) -> Interval:
    """The sample median with its order-statistic interval.

    Raises:
        ValueError: there is no observation.
    """
    if not observations:
        raise ValueError("a median needs at least one observation")
    ordered = sorted(observations)
    n = len(ordered)
    rank = _rank(n, confidence)
    return Interval(
        value=statistics.median(ordered),
        low=ordered[rank - 1] if rank else None,
        high=ordered[n - rank] if rank else None,
        samples=n,
    )


def ratio_interval(base: Sequence[float], head: Sequence[float], confidence: float = CONFIDENCE) -> Interval:
    """The median of head/base over pairs measured side by side, with its interval.

    Worked out on log ratios, so that exchanging base and head inverts the result exactly.

    Args:
        base: positive values, one per pair.
        head: positive values, in the same order.

    Raises:
        ValueError: unequal lengths, no pair, or a value that is not positive.
    """
    logs = [math.log(h) - math.log(b) for b, h in zip(base, head, strict=True)]
    middle = median_interval(logs, confidence)
    return Interval(
        value=math.exp(middle.value),
        low=None if middle.low is None else math.exp(middle.low),
        high=None if middle.high is None else math.exp(middle.high),
        samples=middle.samples,
    )


def _rank(n: int, confidence: float) -> int:
    """The largest k with P(k-th smallest < median < k-th largest) at least ``confidence``; 0 where there is none."""
    tail, rank = 0.0, 0
    for k in range(n // 2):
        tail += math.comb(n, k) / 2**n
        if 1 - 2 * tail < confidence:
            break
        rank = k + 1
    return rank
