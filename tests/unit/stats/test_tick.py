"""Ticks of clocks, from what is read off them."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.stats.tick import tick_of


def read(seconds: float, tick: float, phase: float) -> float:
    """A clock's reading, rounded to microseconds as the kernel has it."""
    return round(math.floor(seconds / tick + phase) * tick, 6)


@pytest.mark.parametrize("tick", [1 / 64, 1 / 100, 1 / 250, 1 / 300, 1 / 1000])
def test_a_tick_is_found_in_readings_of_a_noisy_program(tick: float) -> None:
    source = random.Random(tick)
    readings = [read(source.gauss(0.1, 0.01), tick, source.random()) for _ in range(40)]
    assert tick_of(readings) == pytest.approx(tick, abs=3e-6)


def test_a_clock_that_does_not_tick_has_none() -> None:
    assert tick_of([0.1]) == 0
    assert tick_of([0.1, 0.2, 0.35]) == 0


def test_readings_that_are_all_one_may_be_a_single_tick() -> None:
    assert tick_of([0.05, 0.05, 0.05]) == 0.05


def test_no_reading_has_no_tick() -> None:
    with pytest.raises(ValueError, match="at least one"):
        tick_of([])


@given(st.floats(1e-4, 0.1), st.lists(st.integers(1, 50), min_size=1, max_size=30))
def test_a_tick_is_never_taken_for_less(tick: float, counts: list[int]) -> None:
    readings = [tick * count for count in (*counts, counts[0])]
    assert tick_of(readings) >= tick * 0.999
