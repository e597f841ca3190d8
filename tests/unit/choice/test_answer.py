"""The notes that come with an answer, and how long an exploration may take."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.fakes.values import CHECK, FAT, FAT1, PROJECT, THIN, TODAY, a_full_study, failed, study, trial
from trimtab.choice.answer import answer
from trimtab.commands.explore.estimate import estimate
from trimtab.model.metric import Absent, Measurement
from trimtab.model.plan import STARTUP_BENCH
from trimtab.model.study import Study

BARE: dict[str, Any] = {"cpu": None}
"""Without build costs, of which a note is made."""


def notes(found: Study) -> tuple[str, ...]:
    return answer(found).notes


def test_it_holds_table_recommendation_and_notes() -> None:
    found = answer(a_full_study())
    assert found.metrics[0] == "size.file"
    assert len(found.rows) == 6
    assert found.recommendation is not None


def test_a_quiet_study_has_no_notes() -> None:
    assert notes(study(trial(TODAY, **BARE), trial(FAT, **BARE))) == ()


def test_the_projects_notes_and_overrides_are_told() -> None:
    project = replace(PROJECT, notes=("sccache was turned off",), overrides=("serde", "regex"))
    assert notes(study(trial(TODAY, **BARE), project=project)) == (
        "sccache was turned off",
        "packages with settings of their own in this profile: serde, regex",
    )


def test_a_smoke_run_is_named_as_such() -> None:
    (note,) = notes(study(trial(TODAY, **BARE), benches=(STARTUP_BENCH,)))
    assert note == "run.startup is a smoke run of `{bin} --version`, not a bench"


@pytest.mark.parametrize(("cores", "told"), [(0.2, False), (0.7, True)])
def test_a_busy_machine_is_told(cores: float, *, told: bool) -> None:
    load = Measurement(name="build.clean.other_load", value=cores, unit="cores")
    found = notes(study(trial(TODAY), trial(FAT, more=(load,))))
    assert any("0.7 cores busy" in note for note in found) is told


def test_costs_of_one_build_each_are_told_as_such() -> None:
    assert notes(study(trial(TODAY))) == (
        "build costs are of one build each: expect a few percent from run to run, more on a busy machine",
    )


def test_how_memory_was_watched_is_told_once() -> None:
    memory = Measurement(name="build.peak_memory", value=1, unit="bytes", method="process walk")
    assert notes(study(trial(TODAY, **BARE, more=(memory,)), trial(FAT, **BARE, more=(memory,)))) == (
        "peak memory: process walk",
    )


def test_what_is_missing_is_told_with_its_reason_but_not_what_is_identical_or_of_others() -> None:
    absent = (
        Absent(name="size.stripped", reason="no objcopy works here"),
        Absent(name="run.check.wall", reason="byte-identical to today's binary; nothing was run"),
        Absent(name="run.other.wall", reason="of a bench of another study"),
    )
    crashed = Absent(name="run.check.wall", reason="signal 11")
    found = study(
        trial(TODAY, **BARE, absent=absent),
        trial(FAT, **BARE, absent=absent),
        trial(FAT1, **BARE, absent=(*absent, crashed)),
        failed(THIN),
        benches=(CHECK,),
    )
    assert notes(found) == (
        "run.check.wall is missing for lto fat, codegen-units 1: signal 11",
        "size.stripped is missing: no objcopy works here",
    )


class TestEstimate:
    def test_by_rule_of_thumb(self) -> None:
        found = estimate(units=40, trials=6, cores=2, bench_seconds=4.0, earlier=None)
        assert 0 < found.low < found.high
        assert found.basis == "rule of thumb for 40 compilation units"

    def test_ripgrep_lies_within(self) -> None:
        """39 units took 20 to 48 seconds of wall time a clean build on two cores (facts of 2026)."""
        found = estimate(units=39, trials=1, cores=2, bench_seconds=0.0, earlier=None)
        assert found.low < 20
        assert found.high > 48

    def test_the_projects_own_times_are_better(self) -> None:
        earlier = study(trial(TODAY, seconds=50.0), trial(FAT, seconds=90.0), failed(FAT))
        found = estimate(units=40, trials=6, cores=2, bench_seconds=4.0, earlier=earlier)
        assert (found.low, found.high, found.basis) == (300.0, 540.0, "2 earlier trials of this project")

    def test_an_earlier_study_without_times_does_not_count(self) -> None:
        found = estimate(units=1, trials=1, cores=1, bench_seconds=0.0, earlier=study(failed(TODAY)))
        assert found.basis.startswith("rule of thumb")

    def test_more_cores_and_fewer_trials_take_less_and_benches_more(self) -> None:
        slow = estimate(units=40, trials=6, cores=1, bench_seconds=0.0, earlier=None)
        assert estimate(units=40, trials=6, cores=8, bench_seconds=0.0, earlier=None).low < slow.low
        assert estimate(units=40, trials=3, cores=1, bench_seconds=0.0, earlier=None).high == slow.high / 2
        assert estimate(units=40, trials=6, cores=1, bench_seconds=9.0, earlier=None).low > slow.low
        assert estimate(units=40, trials=0, cores=1, bench_seconds=9.0, earlier=None).high == 0
