"""Differences of means whose interval holds whatever the spreads."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.stats.welch import mean_difference, student_quantile, student_within

samples = st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=12)


@pytest.mark.parametrize(
    ("freedom", "quantile"),
    [(1, 63.657), (2, 9.925), (3, 5.841), (4, 4.604), (5, 4.032), (9, 3.250), (18, 2.878), (30, 2.750), (200, 2.601)],
)
def test_quantiles_are_those_of_the_tables(freedom: int, quantile: float) -> None:
    assert student_quantile(freedom, 0.99) == pytest.approx(quantile, abs=6e-4)


@given(st.integers(1, 40), st.floats(0.01, 0.999))
def test_a_quantile_encloses_what_it_says(freedom: int, confidence: float) -> None:
    assert student_within(student_quantile(freedom, confidence), freedom) == pytest.approx(confidence, abs=1e-9)


def test_an_example() -> None:
    interval = mean_difference([0, 1, 2, 3, 4], [5, 10, 15, 20, 25])
    error = ((2.5 + 62.5) / 5) ** 0.5
    assert interval.value == 13
    reach = student_quantile(4, 0.995) * error
    assert interval.low == pytest.approx(13 - reach)
    assert interval.high == pytest.approx(13 + reach)


def test_one_observation_has_no_interval_and_none_no_difference() -> None:
    assert (mean_difference([1.0], [2.0, 3.0]).low, mean_difference([1.0], [2.0, 3.0]).value) == (None, 1.5)
    with pytest.raises(ValueError, match="both sides"):
        mean_difference([], [1.0])


@given(samples, samples)
def test_exchanging_the_sides_changes_the_sign(base: list[float], head: list[float]) -> None:
    there, back = mean_difference(base, head), mean_difference(head, base)
    assert (there.value, there.low) == (-back.value, -back.high if back.high is not None else None)


@pytest.mark.parametrize("ratio", [1.0, 3.0, 10.0])
@pytest.mark.parametrize("count", [6, 10])
def test_it_errs_in_one_case_of_a_hundred_at_most_whatever_the_spreads(ratio: float, count: int) -> None:
    """Of 1,000 cases at 1 %, more than 18 would come with a chance of one in 100."""
    source = random.Random(f"{ratio} {count}")
    wrong = 0
    for _ in range(1000):
        base = [source.uniform(-1, 1) for _ in range(count)]
        head = [source.uniform(-ratio, ratio) for _ in range(count)]
        interval = mean_difference(base, head)
        assert interval.low is not None
        assert interval.high is not None
        wrong += not interval.low <= 0 <= interval.high
    assert wrong <= 18
