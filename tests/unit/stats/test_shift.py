"""The shift between two small samples."""

from __future__ import annotations

import math
import random
import statistics
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.stats.shift import arrangements, shift_interval

SAMPLES = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=12)


class TestArrangements:
    @pytest.mark.parametrize(("m", "n"), [(1, 1), (1, 5), (2, 3), (4, 4), (5, 2), (3, 6)])
    def test_are_those_that_can_be_listed(self, m: int, n: int) -> None:
        listed = [0] * (m * n + 1)
        for places in combinations(range(m + n), m):
            listed[sum(places) - m * (m - 1) // 2] += 1  # how many of the others lie below, over all of ours
        assert arrangements(m, n) == listed

    @given(st.integers(1, 9), st.integers(1, 9))
    def test_are_symmetric_and_all(self, m: int, n: int) -> None:
        counts = arrangements(m, n)
        assert counts == counts[::-1] == arrangements(n, m)
        assert sum(counts) == math.comb(m + n, m)


class TestInterval:
    def test_by_hand(self) -> None:
        # Differences 1..25 of 5 and 5: the extremes alone leave out 2 of 252 orders, or 0.8 %.
        found = shift_interval([0, 1, 2, 3, 4], [5, 10, 15, 20, 25])
        assert (found.value, found.low, found.high, found.samples) == (13, 1, 25, 10)

    @pytest.mark.parametrize(
        ("each", "confidence", "rank"),
        # One more than the critical values of U, two-sided, in the usual tables.
        [(4, 0.95, 1), (5, 0.95, 3), (8, 0.95, 14), (10, 0.95, 24), (10, 0.99, 17), (20, 0.95, 128)],
    )
    def test_ends_are_those_of_published_tables(self, each: int, confidence: float, rank: int) -> None:
        # Differences are all distinct and, sorted, 0, 1, 2, …: the low end tells the rank.
        base = [-float(number) for number in range(each)]
        head = [float(number * each) for number in range(each)]
        found = shift_interval(base, head, confidence)
        assert (found.low, found.high) == (rank - 1, each * each - rank)

    @pytest.mark.parametrize(("m", "n"), [(1, 1), (4, 4), (1, 100), (2, 12)])
    def test_too_few_have_no_ends(self, m: int, n: int) -> None:
        found = shift_interval([0.0] * m, [1.0] * n)
        assert (found.value, found.low, found.high) == (1, None, None)

    def test_nothing_has_no_shift(self) -> None:
        with pytest.raises(ValueError, match="observations on both sides"):
            shift_interval([], [1.0])

    @given(SAMPLES, SAMPLES, st.sampled_from([0.5, 0.9, 0.99]))
    def test_exchanging_the_sides_changes_the_sign(
        self, base: list[float], head: list[float], confidence: float
    ) -> None:
        there, back = shift_interval(base, head, confidence), shift_interval(head, base, confidence)
        assert there.value == -back.value
        assert (there.low is None) == (back.low is None)
        if there.low is not None and there.high is not None and back.low is not None and back.high is not None:
            assert (there.low, there.high) == (-back.high, -back.low)
            assert there.low <= there.value <= there.high

    @given(SAMPLES, SAMPLES)
    def test_a_moved_sample_moves_it(self, base: list[float], head: list[float]) -> None:
        before, after = shift_interval(base, head), shift_interval(base, [one + 64 for one in head])
        assert after.value == pytest.approx(before.value + 64, abs=1e-6)

    @given(SAMPLES, SAMPLES)
    def test_more_confidence_is_a_wider_interval(self, base: list[float], head: list[float]) -> None:
        narrow, wide = shift_interval(base, head, 0.8), shift_interval(base, head, 0.99)
        if wide.low is not None and wide.high is not None:
            assert narrow.low is not None
            assert narrow.high is not None
            assert wide.low <= narrow.low <= narrow.high <= wide.high


@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.99])
@pytest.mark.parametrize("noise", ["normal", "heavy", "skewed"])
def test_the_interval_covers_as_often_as_it_says(noise: str, confidence: float) -> None:
    dice, runs, shift = random.Random(63), 2000, 0.7

    def draw() -> float:
        match noise:
            case "normal":
                return dice.gauss(0, 1)
            case "heavy":
                return math.tan(math.pi * (dice.random() - 0.5))
            case _:
                return dice.expovariate(1)

    covered = 0
    for _ in range(runs):
        found = shift_interval([draw() for _ in range(8)], [draw() + shift for _ in range(10)], confidence)
        assert found.low is not None
        assert found.high is not None
        covered += found.low <= shift <= found.high
    allowed = 4 * math.sqrt(confidence * (1 - confidence) / runs)
    assert confidence - allowed <= covered / runs
    assert covered / runs <= confidence + 0.02 + allowed  # the exact distribution has steps


def test_the_estimate_is_the_median_of_all_differences() -> None:
    base, head = [1.0, 4.0, 9.0], [2.0, 8.0]
    assert shift_interval(base, head).value == statistics.median([1, 7, -2, 4, -7, -1])
