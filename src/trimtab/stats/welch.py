"""Difference between the means of two small samples, with an interval that holds whatever their spreads.

The statistic is Welch's: the difference over the root of the sum of both squared standard errors. Its distribution
depends on the ratio of the two spreads, which nobody knows. Of all ratios, the one at which a single sample has all the
spread makes the tails heaviest: there it is Student's distribution with as many degrees of freedom as the smaller
sample has, less one. Quantiles of that never err on the wrong side for normal samples (Welch's own estimate of the
degrees of freedom does, a little, where samples are small). Rank tests, whose level needs two samples of one shape, err
two to four times as often as they claim where spreads differ.

Sources: B. L. Welch, "The significance of the difference between two means when the population variances are unequal",
Biometrika 29 (1938); P. L. Hsu, "Contribution to the theory of 'Student's' t-test as applied to the problem of two
samples", Statistical Research Memoirs 2 (1938); M. R. Mickey and M. B. Brown, "Bounds on the distribution functions of
the Behrens-Fisher statistic", Annals of Mathematical Statistics 37 (1966), for the bound. Samples with tails that are
shorter than normal ones make a t-test err more often than it claims, so half of the error is left to that. How often it
errs: ``benchmarks/verdicts.py --layouts``.
"""

from __future__ import annotations

import functools
import math
import statistics
from collections.abc import Sequence

from trimtab.stats.median import CONFIDENCE, Interval

_HALVINGS = 200
_FOR_NORMAL = 0.5
"""Share of the error that normal samples may use up."""


def mean_difference(base: Sequence[float], head: Sequence[float], confidence: float = CONFIDENCE) -> Interval:
    """Mean of head less mean of base.

    Exchanging base and head changes the sign exactly. An interval takes two observations on each side.

    Raises:
        ValueError: a sample is empty.
    """
    if not base or not head:
        raise ValueError("a difference needs observations on both sides")
    difference = statistics.fmean(head) - statistics.fmean(base)
    fewest, samples = min(len(base), len(head)), len(base) + len(head)
    if fewest < 2:  # noqa: PLR2004 - a spread takes two
        return Interval(value=difference, low=None, high=None, samples=samples)
    error = math.sqrt(sum(statistics.variance(sample) / len(sample) for sample in (base, head)))
    reach = student_quantile(fewest - 1, 1 - _FOR_NORMAL * (1 - confidence)) * error
    return Interval(value=difference, low=difference - reach, high=difference + reach, samples=samples)


@functools.cache
def student_quantile(freedom: int, confidence: float) -> float:
    """The t that encloses so much of Student's distribution between -t and t."""
    low, high = 0.0, 1.0
    while student_within(high, freedom) < confidence:
        high *= 2
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if student_within(middle, freedom) < confidence else (low, middle)
    return high


def student_within(t: float, freedom: int) -> float:
    """The probability of a value between -t and t under Student's distribution, for whole degrees of freedom.

    Source: M. Abramowitz and I. A. Stegun, *Handbook of Mathematical Functions*, 1964, 26.7.3 and 26.7.4.
    """
    angle = math.atan2(t, math.sqrt(freedom))
    sine, cosine = math.sin(angle), math.cos(angle)
    odd = freedom % 2
    term, total = (cosine if odd else 1.0), 0.0
    for factor in range(1 + odd, freedom, 2):
        total += term
        term *= factor / (factor + 1) * cosine * cosine
    return 2 / math.pi * (angle + sine * total) if odd else sine * total
