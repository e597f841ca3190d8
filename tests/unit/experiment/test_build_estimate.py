"""The estimate of a build's remaining time, from the builds before it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.fakes.traces import library, program, trace
from tests.fakes.values import FAT, THIN, TODAY
from trimtab.experiment.build_estimate import BuildEstimates, EarlierBuild, ExpectedUnits
from trimtab.model.build_progress import BuildProgress, FinishedUnit, RunningUnit
from trimtab.model.trace import Trace, Unit


def earlier() -> Trace:
    """Four libraries of 10 s each, two at a time, then 30 s for the program."""
    libraries = [library(name, cpu=10.0) for name in "abcd"]
    return trace(*libraries, replace(program("app", cpu=30.0), begun=20.0), jobs=2)


def remaining_time(state: BuildProgress, trace: Trace) -> float | None:
    assert trace.final
    return ExpectedUnits(trace, trace.final).remaining(state)


def finished(*units: Unit, pace: float = 1.0, reused: bool = False) -> tuple[FinishedUnit, ...]:
    return tuple(FinishedUnit(name=unit.name, wall=unit.cost.wall * pace, reused=reused) for unit in units)


def running(unit: Unit, begun: float) -> RunningUnit:
    return RunningUnit(name=unit.name, begun=begun)


class TestRemainingTime:
    def test_at_the_begin_is_that_of_the_build_before(self) -> None:
        assert remaining_time(BuildProgress(), earlier()) == 20.0 + 30.0

    def test_counts_what_has_ended_and_the_part_that_has_run(self) -> None:
        a, b, c, *_ = earlier().units
        state = BuildProgress(elapsed=14.0, finished=finished(a, b), running=(running(c, 10.0),))
        assert remaining_time(state, earlier()) == (6.0 + 10.0) / 2 + 30.0

    def test_slower_units_slow_the_libraries_but_not_the_program(self) -> None:
        a, b, *_ = earlier().units
        state = BuildProgress(elapsed=20.0, finished=finished(a, b, pace=2.0))
        assert remaining_time(state, earlier()) == 20.0 + 30.0

    def test_units_from_the_cache_let_expect_more_of_them(self) -> None:
        a, b, *_ = earlier().units
        state = BuildProgress(elapsed=0.1, finished=finished(a, b, reused=True))
        assert remaining_time(state, earlier()) == 30.0

    @pytest.mark.parametrize(("elapsed", "remaining"), [(22.0, 28.0), (50.0, 0.0), (50.1, None)])
    def test_of_the_program_ends_where_it_takes_longer_than_before(
        self, elapsed: float, remaining: float | None
    ) -> None:
        *libraries, app = earlier().units
        state = BuildProgress(elapsed=elapsed, finished=finished(*libraries), running=(running(app, 20.0),))
        assert remaining_time(state, earlier()) == remaining

    def test_a_crate_that_is_compiled_twice_counts_twice(self) -> None:
        a, *_ = earlier().units
        twice = trace(a, replace(a, id="another"), replace(program("app", cpu=30.0), begun=20.0), jobs=1)
        assert remaining_time(BuildProgress(), twice) == 50.0
        assert remaining_time(BuildProgress(finished=finished(a)), twice) == 40.0


class TestBuildEstimates:
    def test_the_first_build_has_no_estimate(self) -> None:
        state = BuildProgress(total=3)
        assert BuildEstimates().complete(TODAY, state) == state

    def test_without_a_trace_the_time_of_the_build_before_counts(self) -> None:
        estimates = BuildEstimates()
        estimates.add(EarlierBuild(profile=TODAY, wall=60.0))
        assert estimates.complete(FAT, BuildProgress(elapsed=20.0)).remaining == 40.0
        assert estimates.complete(FAT, BuildProgress(elapsed=61.0)).remaining is None

    def test_a_trace_without_a_program_counts_as_none(self) -> None:
        estimates = BuildEstimates()
        estimates.add(EarlierBuild(profile=TODAY, wall=60.0, trace=trace(library("a"))))
        assert estimates.complete(FAT, BuildProgress(elapsed=20.0)).remaining == 40.0

    def test_a_profile_with_the_same_link_time_optimization_is_preferred_and_the_last_of_several(self) -> None:
        estimates = BuildEstimates()
        for profile, wall in ((FAT, 100.0), (FAT, 90.0), (THIN, 50.0), (TODAY, 10.0)):
            estimates.add(EarlierBuild(profile=profile, wall=wall))
        assert estimates.complete(replace(FAT, codegen_units=4), BuildProgress()).remaining == 90.0
        assert estimates.complete(replace(THIN, codegen_units=4), BuildProgress()).remaining == 50.0

    def test_a_rebuild_is_estimated_from_rebuilds(self) -> None:
        estimates = BuildEstimates()
        estimates.add(EarlierBuild(profile=TODAY, wall=60.0, rebuild=5.0))
        state = BuildProgress(elapsed=1.0, rebuilds="src/main.rs")
        assert estimates.complete(FAT, state).remaining == 4.0

    def test_units_are_estimated_from_the_trace(self) -> None:
        estimates = BuildEstimates()
        estimates.add(EarlierBuild(profile=TODAY, wall=1000.0, trace=earlier()))
        a, *_ = earlier().units
        state = BuildProgress(elapsed=10.0, total=5, finished=finished(a))
        assert estimates.complete(FAT, state).remaining == 15.0 + 30.0
