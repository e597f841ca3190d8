"""Shift between two small samples, with a distribution-free interval.

Two independent samples are taken to have the same distribution but for a shift. Its Hodges-Lehmann estimate is the
median of all differences between an observation of the one and an observation of the other. The Mann-Whitney statistic
of the samples, one of them moved by d, is the number of these differences above d, so the shifts that its exact test
does not reject lie between the k-th smallest and the k-th largest difference. No normality is assumed, and ties only
make the interval wider than it need be.

Sources: J. L. Hodges and E. L. Lehmann, "Estimates of location based on rank tests", Annals of Mathematical Statistics
34 (1963); H. B. Mann and D. R. Whitney, "On a test of whether one of two random variables is stochastically larger than
the other", ibid. 18 (1947), for the recursion; M. Hollander and D. A. Wolfe, *Nonparametric Statistical Methods*, 2nd
ed. 1999, section 4.3, for the interval.
"""

from __future__ import annotations

import functools
import math
import statistics
from collections.abc import Sequence

from trimtab.stats.median import CONFIDENCE, Interval


def shift_interval(base: Sequence[float], head: Sequence[float], confidence: float = CONFIDENCE) -> Interval:
    """Hodges-Lehmann estimate of head less base, with its Mann-Whitney interval.

    Exchanging base and head changes the sign exactly. At 99 %, an interval takes five observations on each side.

    Raises:
        ValueError: a sample is empty.
    """
    if not base or not head:
        raise ValueError("a shift needs observations on both sides")
    differences = sorted(after - before for before in base for after in head)
    rank = _rank(len(base), len(head), confidence)
    return Interval(
        value=statistics.median(differences),
        low=differences[rank - 1] if rank else None,
        high=differences[-rank] if rank else None,
        samples=len(base) + len(head),
    )


def arrangements(m: int, n: int) -> list[int]:
    """Number of orders of m and n observations for which the Mann-Whitney statistic is 0, 1, …, m·n.

    The largest observation of all is one of the first kind, above all n of the second, or it is one of the second:
    c(m, n, u) = c(m - 1, n, u - n) + c(m, n - 1, u).
    """
    counts = [[1] + [0] * (m * n) for _ in range(m + 1)]
    for others in range(1, n + 1):
        for ours in range(1, m + 1):
            smaller = [0] * others + counts[ours - 1]
            counts[ours] = [a + b for a, b in zip(counts[ours], smaller, strict=False)]
    return counts[m]


@functools.cache
def _rank(m: int, n: int, confidence: float) -> int:
    """The largest k such that the k-th smallest and k-th largest difference enclose the shift with this confidence.

    Zero where even the extremes do not.
    """
    allowed, tail, rank = (1 - confidence) / 2 * math.comb(m + n, m), 0, 0
    for count in arrangements(m, n)[: (m * n + 1) // 2]:
        tail += count
        if tail > allowed:
            break
        rank += 1
    return rank
