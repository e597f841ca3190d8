"""Evidence from pairs: exact for equal programs, whatever the noise, and quick for unequal ones."""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trimtab.stats.sequence import Evidence, PairSequence, _scale, discoveries

SMALLEST = math.log(1.01)
NUMBERS = st.floats(-1e6, 1e6, allow_nan=False)

Noise = Callable[[random.Random], float]
NOISES: dict[str, Noise] = {
    "normal": lambda dice: dice.gauss(0, 0.04),
    "no second moment": lambda dice: dice.gauss(0, 0.02) / max(1e-3, abs(dice.gauss(0, 1))),
    "mostly nothing": lambda dice: 0.0 if dice.random() < 0.7 else dice.choice((-1, 1)),
    "two clocks": lambda dice: dice.choice((-0.3, 0.0, 0.0, 0.3)) + dice.gauss(0, 0.01),
}


def sequence(*differences: float, error: float = 0.01) -> PairSequence:
    found = PairSequence(smallest=SMALLEST, error=error)
    for difference in differences:
        found.add(difference)
    return found


class TestBets:
    @pytest.mark.parametrize("x", [0.0, 0.001, 0.04, 0.3, 50.0])
    @pytest.mark.parametrize("sign", [1, -1])
    def test_are_fair(self, x: float, sign: int) -> None:
        """The mean over both signs of a pair is exactly one, which is all that the guarantee rests on."""
        wealth = []
        for outcome in (x, -x):
            evidence = Evidence(0.0, sign)
            evidence.add(outcome, 0.03)
            wealth.append(math.exp(evidence.log))
        assert sum(wealth) / 2 == pytest.approx(1, abs=1e-12)

    @given(st.lists(st.floats(-3, 3), max_size=12))
    @settings(max_examples=50)
    def test_are_fair_over_all_signs_of_many_pairs(self, sizes: list[float]) -> None:
        """The scale may depend on all that came before, signs left out or not: the mean stays one."""
        sizes = sizes[:8]
        total = 0.0
        for bits in range(2 ** len(sizes)):
            signed = [size if bits >> n & 1 else -size for n, size in enumerate(sizes)]
            evidence, past = Evidence(0.0, 1), 0.02
            for x in signed:
                evidence.add(x, past)
                past = 0.5 * past + 0.5 * abs(x) + (0.01 if x > 0 else 0.02)
            total += math.exp(evidence.log)
        assert total / 2 ** len(sizes) == pytest.approx(1, rel=1e-9)


class TestEqualPrograms:
    @pytest.mark.parametrize("noise", NOISES.values(), ids=NOISES)
    def test_are_seldom_ever_called_different(self, noise: Noise) -> None:
        """At an error of 10 %, over 60 looks each: at most 10 % of 400, with three standard deviations to spare."""
        dice, called = random.Random(7), 0
        for _ in range(400):
            found = PairSequence(smallest=1e-9, error=0.1)
            for _ in range(60):
                found.add(noise(dice))
                if found.slower or found.faster:
                    called += 1
                    break
        assert called <= 400 * 0.1 + 3 * math.sqrt(400 * 0.1 * 0.9)

    def test_drift_is_no_difference(self) -> None:
        dice = random.Random(3)
        found = PairSequence(smallest=SMALLEST, error=0.01)
        for pair in range(200):
            slot = [0.01 * pair + dice.gauss(0, 0.02), 0.01 * pair + 0.05 + dice.gauss(0, 0.02)]
            dice.shuffle(slot)
            found.add(slot[0] - slot[1])
            assert not found.slower
            assert not found.faster

    def test_are_called_the_same_in_the_end(self) -> None:
        dice = random.Random(2)
        assert sequence(*(dice.gauss(0, 0.01) for _ in range(150))).same


class TestUnequalPrograms:
    @pytest.mark.parametrize("noise", [0.03, 0.001, 0.0])
    @pytest.mark.parametrize("factor", [1.1, 2.0, 100.0])
    def test_large_changes_take_a_dozen_pairs_whatever_the_noise(self, factor: float, noise: float) -> None:
        dice, found = random.Random(1), PairSequence(smallest=SMALLEST, error=0.01)
        while not found.slower and len(found) < 100:
            found.add(math.log(factor) + dice.gauss(0, noise))
        assert len(found) <= 16

    def test_five_percent_is_called_in_some_twenty_pairs(self) -> None:
        dice, counts = random.Random(4), []
        for _ in range(60):
            found = PairSequence(smallest=SMALLEST, error=0.01)
            while not found.faster:
                found.add(math.log(0.95) + dice.gauss(0, 0.03 * math.sqrt(2)))
                assert not found.slower
            counts.append(len(found))
        assert sorted(counts)[30] <= 35

    def test_what_is_smaller_than_matters_is_not_called(self) -> None:
        dice = random.Random(5)
        found = sequence(*(math.log(1.004) + dice.gauss(0, 0.005) for _ in range(400)))
        assert found.same
        assert not found.slower

    def test_pairs_left_are_about_as_many_as_it_takes(self) -> None:
        dice, guess = random.Random(6), None
        found = PairSequence(smallest=SMALLEST, error=0.01)
        while not found.slower:
            found.add(math.log(1.02) + dice.gauss(0, 0.04))
            if len(found) == 40:
                guess = found.pairs_left()
        assert guess is not None
        assert 0.2 < guess / max(1, len(found) - 40) < 5


class TestInterval:
    @pytest.mark.parametrize("noise", NOISES.values(), ids=NOISES)
    def test_holds_the_true_change(self, noise: Noise) -> None:
        dice, missed = random.Random(8), 0
        for _ in range(60):
            interval = sequence(*(0.1 + noise(dice) for _ in range(40)), error=0.1).interval()
            missed += not ((interval.low or -math.inf) <= 0.1 <= (interval.high or math.inf))
        assert missed <= 60 * 0.1 + 3 * math.sqrt(60 * 0.1 * 0.9)

    def test_clears_zero_when_a_difference_is_called(self) -> None:
        dice, found = random.Random(9), PairSequence(smallest=SMALLEST, error=0.01)
        while not found.slower:
            found.add(0.05 + dice.gauss(0, 0.04))
        interval = found.interval()
        assert interval.low is not None
        assert interval.high is not None
        assert 0 < interval.low <= interval.value <= interval.high

    @given(st.lists(NUMBERS, max_size=30))
    @settings(max_examples=60, deadline=None)
    def test_is_in_order_for_any_numbers(self, numbers: list[float]) -> None:
        found = sequence(*numbers)
        interval = found.interval()
        assert interval.samples == len(numbers)
        assert (interval.low is None) or interval.low <= interval.value
        assert (interval.high is None) or interval.value <= interval.high
        assert not (found.slower and found.faster)
        assert found.pairs_left() is None or found.pairs_left() > 0  # type: ignore[operator]

    @given(st.lists(st.floats(-1, 1), min_size=1, max_size=25))
    @settings(max_examples=40, deadline=None)
    def test_exchanging_the_programs_mirrors_everything(self, numbers: list[float]) -> None:
        one, other = sequence(*numbers), sequence(*(-x for x in numbers))
        assert (one.slower, one.faster, one.same) == (other.faster, other.slower, other.same)
        assert one.log_evidence == pytest.approx(other.log_evidence, abs=1e-6)
        left, right = one.interval(), other.interval()
        assert left.low == pytest.approx(None if right.high is None else -right.high, abs=1e-6)

    def test_nothing_is_known_without_pairs(self) -> None:
        interval = sequence().interval()
        assert (interval.low, interval.high, interval.samples) == (None, None, 0)


class TestDiscoveries:
    @given(st.lists(st.floats(-5, 20), max_size=12), st.floats(0.001, 0.2))
    def test_are_the_largest_that_all_pass(self, logs: list[float], rate: float) -> None:
        found = discoveries(logs, rate)
        n = len(logs)
        sizes = [k for k in range(1, n + 1) if sum(log >= math.log(n / (k * rate)) for log in logs) >= k]
        assert len(found) == max(sizes, default=0)
        assert all(logs[kept] >= logs[left] for kept in found for left in set(range(n)) - found)

    def test_one_row_needs_one_over_the_rate(self) -> None:
        assert discoveries([math.log(99.9)], 0.01) == set()
        assert discoveries([math.log(100.1)], 0.01) == {0}

    def test_many_real_rows_help_each_other(self) -> None:
        assert discoveries([math.log(150)] * 10 + [0.0], 0.01) == set(range(10))
        assert discoveries([math.log(150)] + [0.0] * 10, 0.01) == set()


@pytest.mark.parametrize(("smallest", "error"), [(0, 0.01), (-1, 0.01), (0.01, 0), (0.01, 1)])
def test_what_makes_no_sense_is_refused(smallest: float, error: float) -> None:
    with pytest.raises(ValueError, match="needed"):
        PairSequence(smallest=smallest, error=error)


@given(st.lists(st.floats(-10, 10) | st.sampled_from([0.0, 1.0, 2.0]), min_size=4, max_size=40))
def test_the_scale_is_the_median_absolute_deviation(differences: list[float]) -> None:
    ordered = sorted(differences)
    centre = statistics.median(ordered)
    deviation = statistics.median(abs(x - centre) for x in ordered)
    assert _scale(ordered) == pytest.approx(max(1e-4, 1.4826 * deviation))
