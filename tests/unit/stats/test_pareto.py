"""The Pareto front."""

from __future__ import annotations

import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.stats.pareto import pareto_front

Points = dict[int, tuple[float, ...]]
values = st.floats(0.01, 1e9)
points = st.dictionaries(st.integers(0, 50), st.tuples(values, values, values), min_size=1, max_size=25)
clouds = st.lists(st.tuples(*(st.sampled_from([1.0, 2.0, 3.0, 4.0]),) * 2), min_size=1, max_size=20)
tolerances = st.tuples(*(st.sampled_from([0.0, 0.002, 0.02, 0.2]),) * 3)


def beats(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return one != other and all(a <= b for a, b in zip(one, other, strict=True))


def test_a_member_that_is_beaten_on_everything_is_not_on_it() -> None:
    members = {"small": (1, 9), "quick": (9, 1), "between": (5, 5), "worse": (6, 6)}
    assert pareto_front(members, (0, 0)) == {"small", "quick", "between"}


def test_equals_are_on_it_together() -> None:
    assert pareto_front({"one": (1, 1), "same": (1, 1), "worse": (1, 2)}, (0, 0)) == {"one", "same"}


def test_differences_within_the_tolerance_do_not_count() -> None:
    members = {"bigger by a hair": (100.05, 1.0), "slower": (100.0, 2.0)}
    assert pareto_front(members, (0, 0)) == {"bigger by a hair", "slower"}
    assert pareto_front(members, (0.01, 0)) == {"bigger by a hair"}


@given(points, tolerances)
def test_it_is_never_empty_and_nothing_clearly_beaten_is_on_it(members: Points, tolerance: tuple[float, ...]) -> None:
    front = pareto_front(members, tolerance)
    assert front
    for key in front:
        for other in members.values():
            clearly = all(a * (1 + t) ** 2 < b for a, b, t in zip(other, members[key], tolerance, strict=True))
            assert not clearly


@given(clouds)
def test_without_tolerance_it_is_exactly_the_unbeaten_members(cloud: list[tuple[float, ...]]) -> None:
    members = dict(enumerate(cloud))
    unbeaten = {key for key, one in members.items() if not any(beats(other, one) for other in cloud)}
    assert pareto_front(members, (0, 0)) == unbeaten


@given(points, tolerances, st.randoms())
def test_the_order_of_the_members_does_not_matter(
    members: Points, tolerance: tuple[float, ...], source: random.Random
) -> None:
    shuffled = list(members.items())
    source.shuffle(shuffled)
    assert pareto_front(dict(shuffled), tolerance) == pareto_front(members, tolerance)


@pytest.mark.parametrize("tolerance", [0.0, 0.01])
def test_ten_thousand_members_take_no_time(tolerance: float) -> None:
    source = random.Random(1)
    members = {key: (source.random() + 1, source.random() + 1, source.random() + 1) for key in range(10_000)}
    before = time.process_time()
    assert pareto_front(members, (tolerance,) * 3)
    assert time.process_time() - before < 1.0
