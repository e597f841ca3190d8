"""The play of a build on so many cores: by hand where the answer is known, and what holds for any trace."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.traces import a_full_trace, hungry, library, other, program, trace
from trimtab.commands.forecast.model import Forecast, Slot, Step
from trimtab.commands.forecast.schedule import simulate
from trimtab.model.trace import Phase, Trace, Unit, UnitKind

NEARLY = pytest.approx
CHAIN = trace(library("a", cpu=3.0), library("b", "a", cpu=3.0), program("app", "b"))


def walls(found: Trace, *cores: int) -> list[float]:
    return [simulate(found, count).wall for count in cores]


def times(found: Forecast) -> dict[str, tuple[float, float]]:
    return {slot.unit: (round(slot.begun, 3), round(slot.ended, 3)) for slot in found.slots}


class TestByHand:
    def test_nothing(self) -> None:
        found = simulate(Trace(units=(), cargo_cpu=0.5), 4)
        assert (found.wall, found.low, found.high, found.cpu) == (0.0, 0.0, 0.0, 0.5)
        assert (found.slots, found.critical, found.peak_memory) == ((), (), None)

    def test_a_chain_whose_libraries_begin_with_the_metadata_and_whose_program_with_all_code(self) -> None:
        assert times(simulate(CHAIN, 2)) == {"a": (0, 3), "b": (1, 4), "app": (4, 6)}
        assert walls(CHAIN, 1, 2, 3, 64) == NEARLY([8, 6, 6, 6])

    def test_units_that_do_not_need_each_other(self) -> None:
        found = trace(*(library(name) for name in "abcd"))
        assert walls(found, 1, 2, 3, 4, 64) == NEARLY([8, 4, 4, 2, 2])

    def test_a_program_needs_all_libraries_below_it_whole(self) -> None:
        found = trace(library("slow", cpu=10.0), library("b", "slow", cpu=1.5), program("app", "b"))
        assert times(simulate(found, 2)) == {"slow": (0, 10), "b": (1, 2.5), "app": (10, 12)}

    def test_a_library_needs_macros_and_runs_of_build_scripts_whole(self) -> None:
        found = trace(
            library("deep"),
            other(UnitKind.MACRO, "derive", "deep", cpu=3.0),
            other(UnitKind.SCRIPT, "script", cpu=1.0),
            other(UnitKind.RUN, "run", "script", cpu=0.5, wall=2.0),
            library("a", "derive", "run"),
            program("app", "a"),
        )
        assert times(simulate(found, 8)) == {
            "deep": (0, 2), "script": (0, 1), "run": (1, 3), "derive": (2, 5), "a": (5, 7), "app": (7, 9),
        }  # fmt: skip

    def test_what_a_macro_is_made_of_does_not_go_into_the_program(self) -> None:
        derive = other(UnitKind.MACRO, "derive", "deep", cpu=0.1)
        found = trace(library("deep", cpu=1.0), derive, library("deeper", cpu=50.0), program("app", "derive"))
        assert times(simulate(found, 8))["app"] == (1.1, 3.1)

    def test_where_rustc_did_not_tell_of_metadata_it_is_there_half_way(self) -> None:
        odd = library("a", cpu=4.0)
        found = trace(replace(odd, cost=replace(odd.cost, metadata=None)), library("b", "a"))
        assert times(simulate(found, 2)) == {"a": (0, 4), "b": (2, 4)}

    def test_what_most_others_wait_for_comes_first(self) -> None:
        found = trace(library("idle"), library("base"), library("b", "base"), library("c", "base"))
        assert next(slot.unit for slot in simulate(found, 1).slots) == "base"

    def test_cargo_plans_before_the_first_unit(self) -> None:
        found = trace(replace(library("a"), begun=0.4), replace(library("b", "a"), begun=1.5), cargo_cpu=0.3)
        assert times(simulate(found, 1)) == {"a": (0.4, 2.4), "b": (2.4, 4.4)}
        assert simulate(found, 1).cpu == NEARLY(4.3)

    @pytest.mark.parametrize("cores", [1, 2, 3])
    def test_a_need_that_was_not_seen_holds_nothing_up(self, cores: int) -> None:
        found = trace(library("a", "core", "-17"), program("app", "a", "nobody"))
        assert walls(found, cores) == NEARLY([4])

    def test_cores_that_are_left_over_go_to_units_of_several_parts(self) -> None:
        found = trace(library("a", cpu=11.0, codegen_units=4))  # 1 to metadata, 3 by one thread, 7 by up to four
        assert walls(found, 1, 2, 4, 64) == NEARLY([11, 7.5, 5.75, 5.75])
        four = simulate(found, 4)
        assert [four.low, four.high] == NEARLY([0.92 * 3.5, 1.08 * 11])

    def test_they_are_shared_evenly_by_those_that_want_them(self) -> None:
        found = trace(*(library(name, cpu=11.0, codegen_units=16) for name in "ab"))
        assert walls(found, 2, 4) == NEARLY([11, 4 + 7 / 2])


class TestTheProgram:
    def test_spreads_as_its_wall_and_cpu_time_say(self) -> None:
        """Nine seconds of CPU in six, on two cores: three by one thread, six by as many as there are (Amdahl)."""
        assert walls(trace(program(cpu=9.0, wall=6.0), jobs=2), 1, 2, 3, 6) == NEARLY([9, 6, 5, 4])
        assert walls(trace(program(cpu=9.0, wall=3.0), jobs=3), 1, 3, 9) == NEARLY([9, 3, 1])

    def test_the_interval_is_narrow_then(self) -> None:
        found = simulate(trace(program(cpu=9.0, wall=6.0), jobs=2), 4)
        assert [found.low, found.high] == NEARLY([0.92 * found.wall, 1.08 * found.wall])

    @pytest.mark.parametrize(
        "found",
        [
            trace(replace(program(cpu=9.0, wall=6.0, beside=1.0), codegen_units=16), jobs=2),
            trace(replace(program(cpu=9.0, wall=9.0), codegen_units=16), jobs=1),
            replace(trace(replace(program(cpu=9.0, wall=6.0), codegen_units=16), jobs=2), other_load=0.5),
        ],
        ids=["other units", "one core", "other programs"],
    )
    def test_it_is_a_guess_where_others_ran_beside_or_there_was_one_core(self, found: Trace) -> None:
        assert walls(found, 1, 3) == NEARLY([9, 9 * 0.3 + 9 * 0.7 / 3])
        three = simulate(found, 3)
        assert [three.low, three.high] == NEARLY([0.92 * 3, 1.08 * 9])

    def test_each_of_its_steps_spreads_by_itself(self) -> None:
        unit = program(cpu=9.0, wall=6.0)
        cost = replace(unit.cost, lto=Phase(begun=2.0, wall=3.0, cpu=6.0), link=Phase(begun=5.0, wall=1.0, cpu=1.0))
        (slot,) = simulate(trace(replace(unit, cost=cost), jobs=2), 4).slots
        assert [(bar.step, round(bar.ended - bar.begun, 4)) for bar in slot.bars] == [
            (Step.CODE, 2.0), (Step.LTO, 1.5), (Step.LINK, 1.0),
        ]  # fmt: skip

    def test_a_guess_takes_code_of_one_part_for_one_threads_work(self) -> None:
        assert walls(trace(program(cpu=9.0, wall=9.0, beside=1.0)), 1, 16) == NEARLY([9, 9])

    @pytest.mark.parametrize(("lto", "spreads"), [("fat", False), ("", False), ("thin", True)])
    @pytest.mark.parametrize("codegen_units", [1, 16])
    def test_a_guess_takes_fat_lto_for_one_threads_work(self, lto: str, spreads: bool, codegen_units: int) -> None:
        unit = program(cpu=8.0, wall=8.0, beside=2.0)
        cost = replace(unit.cost, lto=Phase(begun=0.0, wall=8.0, cpu=8.0))
        (wall,) = walls(trace(replace(unit, cost=cost, lto=lto, codegen_units=codegen_units)), 16)
        assert (wall < 7) == spreads


class TestMemory:
    def test_what_runs_at_once_is_summed(self) -> None:
        found = trace(hungry(library("a"), 100), hungry(library("b"), 200), hungry(program("app", "a", "b"), 250))
        assert [simulate(found, cores).peak_memory for cores in (1, 2)] == [250, 300]

    def test_what_ended_before_it_was_seen_counts_as_the_least_of_the_others(self) -> None:
        found = trace(hungry(library("a"), None), hungry(library("b"), 70), hungry(program("app", "a", "b"), 90))
        assert simulate(found, 2).peak_memory == 140

    def test_none_seen_is_none_known(self) -> None:
        assert simulate(CHAIN, 2).peak_memory is None


class TestCriticalPath:
    def test_is_what_holds_the_rest_up(self) -> None:
        found = trace(
            library("quick", cpu=1.1), library("slow", cpu=5.0), library("b", "quick", cpu=2.0), program("app", "b", "slow")  # noqa: E501
        )  # fmt: skip
        assert [slot.unit for slot in simulate(found, 8).critical] == ["slow", "app"]

    def test_goes_by_cores_where_these_are_short(self) -> None:
        assert [slot.unit for slot in simulate(trace(library("a"), library("b")), 1).critical] == ["a", "b"]

    def test_of_everything(self) -> None:
        found = simulate(a_full_trace(), 2)
        assert [slot.unit for slot in found.critical][-2:] == ["words", "app"]
        assert found.cpu == NEARLY(0.25 + 1.5 + 1 + 3 + 0.5 + 8 + 9)


@pytest.mark.parametrize("found", [CHAIN, a_full_trace(), trace(*(library(name, codegen_units=16) for name in "abc"))])
def test_more_cores_are_never_slower_here(found: Trace) -> None:
    """In general they may be: R. L. Graham's anomalies."""
    assert all(after <= before + 1e-9 for before, after in pairwise(walls(found, *range(1, 20))))


SECONDS = st.floats(0.01, 100.0)


@st.composite
def units(draw: st.DrawFn) -> list[Unit]:
    """Units of one part each, that need some of those before them; what the play does with them is exactly known."""
    found: list[Unit] = []
    for number in range(draw(st.integers(0, 12))):
        needs = draw(st.lists(st.sampled_from([one.id for one in found] or ["core"]), max_size=4, unique=True))
        kind, cpu = draw(st.sampled_from(UnitKind)), draw(SECONDS)
        made = library(f"u{number}", *needs, cpu=cpu, front=cpu * draw(st.floats(0.01, 0.99)))
        found.append(made if kind is UnitKind.LIBRARY else other(kind, f"u{number}", *needs, cpu=cpu))
    return found


@st.composite
def any_trace(draw: st.DrawFn) -> Trace:
    """Units of several parts, with steps, times and memory of any kind."""
    found = [
        replace(
            unit,
            codegen_units=draw(st.sampled_from([1, 2, 16, 256])),
            begun=draw(st.sampled_from([0.0, 0.5])),
            cost=replace(
                unit.cost,
                wall=draw(st.floats(0.0, 100.0)),
                beside=draw(st.sampled_from([0.0, 3.0])),
                lto=draw(st.sampled_from([None, Phase(begun=0.0, wall=1.0, cpu=1.5)])),
                peak_memory=draw(st.sampled_from([None, 1, 1000])),
            ),
        )
        for unit in draw(units())
    ]
    return trace(*found, jobs=draw(st.integers(1, 8)))


def required(unit: Unit, known: dict[str, Unit]) -> Iterator[tuple[Unit, bool]]:
    """What a unit waits for, and whether for all of it."""
    for name in unit.needs:
        if need := known.get(name):
            yield need, unit.kind.links or not_a_library(need)
            if unit.kind.links and not not_a_library(need):
                yield from ((below, True) for below, _ in required(replace(unit, needs=need.needs), known))


def not_a_library(unit: Unit) -> bool:
    return unit.kind is not UnitKind.LIBRARY


def longest(found: Trace) -> float:
    """The end of the last unit if each began as soon as it might."""
    known, whole, front = {unit.id: unit for unit in found.units}, dict[str, float](), dict[str, float]()
    for unit in found.units:
        begun = max((whole[one.id] if all_of else front[one.id] for one, all_of in required(unit, known)), default=0.0)
        front[unit.id] = begun + (unit.cost.metadata.cpu if unit.cost.metadata else unit.cost.cpu)
        whole[unit.id] = begun + unit.cost.cpu
    return max(whole.values(), default=0.0)


def there(slot: Slot, *, all_of: bool) -> float:
    """When a unit, or its metadata, was there."""
    return slot.ended if all_of else max(bar.ended for bar in slot.bars if bar.step is Step.METADATA)


class TestAnyTrace:
    @given(units(), st.integers(1, 6))
    def test_it_takes_no_less_than_it_must_and_no_more_than_greed_can_waste(self, made: list[Unit], cores: int) -> None:
        found = trace(*made)
        total, path = sum(unit.cost.cpu for unit in made), longest(found)
        wall = simulate(found, cores).wall
        assert max(path, total / cores) - 1e-3 <= wall <= total + 1e-3
        assert wall <= total / cores + (1 - 1 / cores) * path + 1e-3  # Graham 1966

    @given(units())
    def test_with_a_core_for_each_the_longest_chain_alone_counts(self, made: list[Unit]) -> None:
        assert simulate(trace(*made), len(made) + 1).wall == NEARLY(longest(trace(*made)), abs=1e-3)

    @given(units())
    def test_with_one_core_all_is_done_one_after_the_other(self, made: list[Unit]) -> None:
        assert simulate(trace(*made), 1).wall == NEARLY(sum(unit.cost.cpu for unit in made), abs=1e-3)

    @given(any_trace(), st.integers(1, 6))
    def test_each_unit_has_its_turn_with_what_it_needs_and_no_more_cores_than_there_are(
        self, found: Trace, cores: int
    ) -> None:
        made = simulate(found, cores)
        slots, known = {slot.unit: slot for slot in made.slots}, {unit.id: unit for unit in found.units}
        assert sorted(slot.unit for slot in made.slots) == sorted(known)
        for moment in [slot.begun for slot in made.slots]:
            assert sum(slot.begun <= moment < slot.ended - 1e-9 for slot in made.slots) <= cores
        for unit in found.units:
            for need, all_of in required(unit, known):
                assert there(slots[need.id], all_of=all_of) <= slots[unit.id].begun + 1e-9
        for slot in made.slots:
            assert all(before.ended == after.begun for before, after in pairwise(slot.bars))
            assert all(bar.begun <= bar.ended for bar in slot.bars)
        assert made.low <= made.wall <= made.high
        assert made.cpu == found.cpu
        assert (made.peak_memory is None) == all(unit.cost.peak_memory is None for unit in found.units)

    @given(any_trace(), st.integers(1, 6))
    def test_the_critical_path_is_a_chain_without_a_gap_to_the_end(self, found: Trace, cores: int) -> None:
        made = simulate(found, cores)
        chain = made.critical
        assert bool(chain) == bool(found.units)
        if chain:
            assert chain[-1].ended == made.wall
            assert chain[0].begun == min(slot.begun for slot in made.slots)
            assert not chain[0].after
        for before, after in pairwise(chain):
            assert after.begun in {bar.ended for bar in before.bars}
