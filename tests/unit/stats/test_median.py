"""Order-statistic intervals: the stated confidence is checked by simulation, whatever the distribution."""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Callable
from fractions import Fraction
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.stats.median import CONFIDENCE, fewest_for, median_interval, ratio_interval

REPORTS = 20_000
SAMPLERS: dict[str, tuple[Callable[[random.Random], float], float]] = {
    "normal": (lambda source: source.gauss(0, 1), 0.0),
    "exponential": (lambda source: source.expovariate(1), math.log(2)),
    "Cauchy": (lambda source: math.tan(math.pi * (source.random() - 0.5)), 0.0),
    "two clocks": (lambda source: source.gauss(1 if source.random() < 0.5 else 3, 0.01), 2.0),
}
"""Name → a draw, and the true median."""
positive = st.lists(st.tuples(*(st.floats(1e-6, 1e6),) * 2), min_size=1, max_size=60)


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize("samples", [8, 13, 60])
def test_the_interval_covers_the_true_median_as_often_as_it_says(name: str, samples: int) -> None:
    draw, median = SAMPLERS[name]
    source = random.Random(f"{name} {samples}")
    covered = 0
    for _ in range(REPORTS // samples * 8):
        found = median_interval([draw(source) for _ in range(samples)])
        assert found.low is not None
        assert found.high is not None
        covered += found.low <= median <= found.high
    # What the binomial distribution promises is at least 99 %; three standard errors of the simulation are allowed.
    trials = REPORTS // samples * 8
    assert covered / trials >= CONFIDENCE - 3 * math.sqrt(CONFIDENCE * (1 - CONFIDENCE) / trials)


@cache
def exact_coverage(samples: int, rank: int) -> Fraction:
    """P(k-th smallest < median < k-th largest), by counting in exact fractions how many fall below the median."""
    ways = [1]
    for _ in range(samples):
        ways = [a + b for a, b in zip([0, *ways], [*ways, 0], strict=True)]
    return Fraction(sum(ways[rank : samples - rank + 1]), 2**samples)


@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.99, 0.999])
@pytest.mark.parametrize("samples", [1, 4, 7, 8, 9, 20, 33, 60])
def test_the_rank_is_the_largest_that_keeps_the_confidence(samples: int, confidence: float) -> None:
    # With the numbers 1 to n as observations, the lower end is the rank itself.
    found = median_interval(range(1, samples + 1), confidence)
    ranks = [rank for rank in range(1, samples // 2 + 1) if exact_coverage(samples, rank) >= confidence]
    expected = max(ranks, default=None)
    assert found.low == expected
    assert found.high == (None if expected is None else samples + 1 - expected)


@pytest.mark.parametrize(("confidence", "fewest"), [(0.99, 8), (0.95, 6), (0.5, 2)])
def test_the_fewest_observations_that_give_an_interval(confidence: float, fewest: int) -> None:
    assert fewest_for(confidence) == fewest
    assert median_interval([0.0] * fewest, confidence).low is not None
    assert median_interval([0.0] * (fewest - 1), confidence).low is None


def test_an_outlier_does_not_move_it() -> None:
    calm = [1.0, 1.1, 0.9, 1.05, 0.95, 1.0, 1.02, 0.98, 1.01, 0.99, 1.03, 0.97]
    wild = [*calm[:-1], 1e9]
    assert median_interval(wild).value == pytest.approx(median_interval(calm).value, rel=0.02)
    high = median_interval(wild, 0.95).high
    assert high is not None
    assert high <= 1.1


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=80))
def test_the_interval_holds_the_median_and_only_observed_values(values: list[float]) -> None:
    found = median_interval(values)
    assert found.value == statistics.median(values)
    assert found.samples == len(values)
    if found.low is not None and found.high is not None:
        assert found.low <= found.value <= found.high
        assert {found.low, found.high} <= set(values)
    else:
        assert len(values) < fewest_for()


@given(positive)
def test_exchanging_base_and_head_inverts_the_ratio(pairs: list[tuple[float, float]]) -> None:
    base, head = zip(*pairs, strict=True)
    there, back = ratio_interval(base, head), ratio_interval(head, base)
    assert there.value == pytest.approx(1 / back.value)
    if there.low is not None and back.high is not None:
        assert there.low == pytest.approx(1 / back.high)


@given(positive, st.floats(0.01, 100))
def test_a_faster_machine_changes_no_ratio(pairs: list[tuple[float, float]], factor: float) -> None:
    base, head = zip(*pairs, strict=True)
    scaled = ratio_interval([value * factor for value in base], [value * factor for value in head])
    assert scaled.value == pytest.approx(ratio_interval(base, head).value)


def test_a_slower_head_has_a_ratio_above_one() -> None:
    found = ratio_interval([2.0] * 8, [3.0] * 8)
    assert (found.value, found.low, found.high) == pytest.approx((1.5, 1.5, 1.5))


@pytest.mark.parametrize(
    ("base", "head"), [([], []), ([1.0], []), ([1.0, 2.0], [1.0]), ([0.0], [1.0]), ([1.0], [0.0]), ([1.0], [-1.0])]
)
def test_what_gives_no_ratio_is_refused(base: list[float], head: list[float]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        ratio_interval(base, head)
