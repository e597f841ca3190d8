"""What the calls of a build add up to: units with costs and needs, the runs of build scripts, who took the CPU."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.rustc import Crate, report
from trimtab.builders.rustc_wrapper import recorder as recording
from trimtab.builders.rustc_wrapper.recorder import Activity, Recorder, cost_of
from trimtab.model.build_progress import BuildProgress, FinishedUnit, RunningUnit, Stage
from trimtab.model.trace import Phase, Trace, UnitCost, UnitKind
from trimtab.model.trial import Cost

COST = UnitCost(wall=2.0, cpu=3.0)
RUN = "base-00000000000000aa"


class Clock:
    """Tells the time as it is set."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(recording, "time", clock)
    return clock


@pytest.fixture
def recorder() -> Recorder:
    return Recorder(Activity())


@pytest.fixture
def base(tmp_path: Path) -> Crate:
    """A library with a build script."""
    target = tmp_path / "target"
    output = target / "release" / "build" / RUN / "out"
    return Crate(package=tmp_path / "base", target=target, environment={"OUT_DIR": str(output)})


@pytest.fixture
def script(base: Crate) -> Crate:
    package = {"CARGO_PKG_NAME": "base"}
    return base.but(name="build_script_build", types=("bin",), unit="00000000000000cc", environment=package)


@pytest.fixture
def program(base: Crate) -> Crate:
    return base.but(name="tool", types=("bin",), unit="00000000000000dd", needs=(base,), environment={})


def trace_of(recorder: Recorder, base: Crate, *, cpu: float = 10.0, runs: int = 1, late: float = 0.0) -> Trace:
    """The trace of a build whose Cargo says that ``base`` ran its build script from second 1.5 to 2.5."""
    units = [{"name": "base", "version": "0.1.0", "mode": "todo", "start": late, "duration": 1.0}]
    units += [
        {"name": "base", "version": "0.1.0", "mode": "run-custom-build", "start": 1.5 + number, "duration": 1.0}
        for number in range(runs)
    ]
    message = {
        "reason": "build-script-executed", "package_id": "path+file:///base#0.1.0",
        "out_dir": str(base.target / "release" / "build" / RUN / "out"),
    }  # fmt: skip
    page = base.target / "cargo-timings" / "cargo-timing.html"
    page.parent.mkdir(parents=True)
    page.write_text(f"<script>\nDURATION = 3;\nUNIT_DATA = {json.dumps(units, indent=2)};\nCONCURRENCY = [];</script>")
    return recorder.trace(cost=Cost(wall=1.0, cpu=cpu), stdout=json.dumps(message) + "\n", target=base.target, jobs=2)


class TestUnits:
    def test_stand_in_the_order_in_which_they_began(self, recorder: Recorder, base: Crate, program: Crate) -> None:
        recorder.add(program.call, 2.0, COST, reused=False)
        recorder.add(base.call, 1.0, COST, reused=True)
        trace = recorder.trace(cost=Cost(wall=1.0, cpu=10.0), stdout="", target=base.target, jobs=4)
        assert [(unit.crate, unit.begun, unit.reused) for unit in trace.units] == [
            ("base", 1.0, True),
            ("tool", 2.0, False),
        ]
        assert trace.jobs == 4
        assert trace.final
        assert trace.final.crate == "tool"

    def test_say_what_they_need_by_id(self, recorder: Recorder, base: Crate, program: Crate) -> None:
        macro = base.but(name="magic", types=("proc-macro",), unit="00000000000000bb", environment={})
        program = program.but("--extern", "proc_macro", needs=(base, macro, base))
        for crate in (macro, base, program):
            recorder.add(crate.call, 0.0, COST, reused=False)
        needs = {unit.id: unit.needs for unit in trace_of(recorder, base).units}
        assert needs["tool-00000000000000dd"] == ("base-0123456789abcdef", "magic-00000000000000bb")
        assert needs["base-0123456789abcdef"] == (RUN,)
        assert set(needs["tool-00000000000000dd"]) < set(needs)

    def test_keep_what_cargo_said(self, recorder: Recorder, base: Crate) -> None:
        call = base.but("-C", "codegen-units=1").call
        recorder.add(call, 0.0, COST, reused=False)
        (unit,) = recorder.trace(cost=Cost(wall=1.0, cpu=3.0), stdout="", target=base.target, jobs=1).units
        assert (unit.package, unit.version, unit.kind) == ("base", "0.1.0", UnitKind.LIBRARY)
        assert (unit.arguments, unit.codegen_units) == (call.arguments, 1)
        assert unit.name == "base 0.1.0"


class TestProgress:
    def test_is_reported_when_a_unit_begins_reaches_a_stage_and_ends(
        self, clock: Clock, base: Crate, program: Crate
    ) -> None:
        states: list[BuildProgress] = []
        recorder = Recorder(Activity(), states.append, total=3)
        with recorder.running(base.call) as begun:
            recorder.add(base.call, begun, COST, reused=True)
        clock.now += 5.0
        with recorder.running(program.call):
            clock.now += 2.0
            recorder.reached(program.call, Stage.LTO)
        done = (FinishedUnit(name="base 0.1.0", wall=2.0, reused=True),)
        linking = RunningUnit(name="tool 0.1.0 (program)", begun=5.0, is_program=True, stage_begun=5.0)
        assert states == [
            BuildProgress(total=3, running=(RunningUnit(name="base 0.1.0", begun=0.0),)),
            BuildProgress(total=3, finished=done),
            BuildProgress(elapsed=5.0, total=3, finished=done, running=(linking,)),
            BuildProgress(
                elapsed=7.0, total=3, finished=done, running=(replace(linking, stage=Stage.LTO, stage_begun=7.0),)
            ),
            BuildProgress(elapsed=7.0, total=3, finished=done),
        ]

    def test_a_unit_that_fails_no_longer_runs(self, base: Crate) -> None:
        states: list[BuildProgress] = []
        recorder = Recorder(Activity(), states.append)
        with pytest.raises(ConnectionError), recorder.running(base.call):
            raise ConnectionError
        assert (states[-1].running, states[-1].finished) == ((), ())

    def test_more_units_than_expected_raise_the_total(self, base: Crate, program: Crate) -> None:
        states: list[BuildProgress] = []
        recorder = Recorder(Activity(), states.append, total=1)
        with recorder.running(base.call), recorder.running(program.call):
            assert states[-1].total == 2

    def test_has_no_total_where_nothing_is_expected(self, base: Crate) -> None:
        states: list[BuildProgress] = []
        with Recorder(Activity(), states.append).running(base.call):
            assert states[-1].total is None


class TestRuns:
    def test_of_build_scripts_are_units_too(self, recorder: Recorder, base: Crate, script: Crate) -> None:
        recorder.add(script.call, 0.0, COST, reused=False)
        recorder.add(base.call, 3.0, COST, reused=False)
        trace = trace_of(recorder, base)
        (run,) = [unit for unit in trace.units if unit.kind is UnitKind.RUN]
        assert (run.id, run.package, run.version, run.begun, run.cost.wall) == (RUN, "base", "0.1.0", 1.5, 1.0)
        assert run.needs == (script.call.id,)
        assert run.name == "base 0.1.0 (run of a build script)"
        assert [unit.kind for unit in trace.units] == [UnitKind.SCRIPT, UnitKind.RUN, UnitKind.LIBRARY]

    def test_begin_by_our_clock_rather_than_cargos(self, recorder: Recorder, base: Crate, script: Crate) -> None:
        recorder.add(script.call, 4.25, COST, reused=True)
        recorder.add(base.call, 7.0, COST, reused=False)
        trace = trace_of(recorder, base, late=0.25)
        assert [(unit.kind, unit.begun) for unit in trace.units] == [
            (UnitKind.SCRIPT, 4.25),
            (UnitKind.RUN, 5.5),
            (UnitKind.LIBRARY, 7.0),
        ]

    def test_that_nothing_needs_are_left_out(self, recorder: Recorder, base: Crate, script: Crate) -> None:
        recorder.add(script.call, 0.0, COST, reused=False)
        assert [unit.kind for unit in trace_of(recorder, base).units] == [UnitKind.SCRIPT]

    def test_share_the_cpu_that_nobody_else_took(
        self, recorder: Recorder, base: Crate, script: Crate, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(recording, "_MOST_CORES", 2.0)
        recorder.add(script.call, 0.0, COST, reused=False)
        recorder.add(base.call, 3.0, COST, reused=False)
        recorder.ran(report(cargo_cpu=0.5))
        trace = trace_of(recorder, base, cpu=7.75)
        (run,) = [unit for unit in trace.units if unit.kind is UnitKind.RUN]
        assert run.cost.cpu == pytest.approx(1.25)
        assert trace.cargo_cpu == pytest.approx(0.5)
        assert trace.cpu == pytest.approx(7.75)

    def test_do_not_take_more_cores_than_there_are(
        self, recorder: Recorder, base: Crate, script: Crate, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(recording, "_MOST_CORES", 2.0)
        recorder.add(script.call, 0.0, COST, reused=False)
        recorder.add(base.call, 3.0, COST, reused=False)
        trace = trace_of(recorder, base, cpu=16.0)
        (run,) = [unit for unit in trace.units if unit.kind is UnitKind.RUN]
        assert run.cost.cpu == pytest.approx(2.0)
        assert trace.cargo_cpu == pytest.approx(8.0)
        assert trace.cpu == pytest.approx(16.0)

    @pytest.mark.parametrize("page", ["", "<html></html>", "UNIT_DATA = [];"])
    def test_are_not_told_where_cargo_says_nothing_of_them(
        self, page: str, recorder: Recorder, base: Crate, script: Crate
    ) -> None:
        if page:
            place = base.target / "cargo-timings" / "cargo-timing.html"
            place.parent.mkdir(parents=True)
            place.write_text(page)
        recorder.add(base.call, 3.0, COST, reused=False)
        trace = recorder.trace(cost=Cost(wall=1.0, cpu=10.0), stdout="", target=base.target, jobs=1)
        assert [unit.kind for unit in trace.units] == [UnitKind.LIBRARY]
        assert trace.cpu == pytest.approx(10.0)


class TestCpu:
    def test_of_reused_units_is_none_of_this_builds(self, recorder: Recorder, base: Crate, program: Crate) -> None:
        recorder.add(base.call, 0.0, UnitCost(wall=50.0, cpu=100.0), reused=True)
        recorder.add(program.call, 1.0, COST, reused=False)
        trace = recorder.trace(cost=Cost(wall=1.0, cpu=4.0), stdout="", target=base.target, jobs=1)
        assert trace.cargo_cpu == pytest.approx(1.0)

    def test_of_the_wrapper_is_told_apart(self, recorder: Recorder, base: Crate) -> None:
        recorder.add(base.call, 0.0, COST, reused=False)
        for own in (0.25, 0.5):
            recorder.ran(report(cargo_cpu=0.5, own_cpu=own))
        trace = recorder.trace(cost=Cost(wall=1.0, cpu=10.0), stdout="", target=base.target, jobs=1)
        assert trace.tracing_cpu == pytest.approx(0.75)
        assert trace.cargo_cpu == pytest.approx(10.0 - 3.0 - 0.75)

    def test_of_cargo_is_what_was_seen_last(self, recorder: Recorder, base: Crate) -> None:
        for seen in (0.2, 0.75, 0.5, -1.0):
            recorder.ran(report(cargo_cpu=seen))
        assert recorder.trace(cost=Cost(wall=1.0, cpu=0.0), stdout="", target=base.target, jobs=1).cargo_cpu == 0.75


class TestCost:
    def cost(self, base: Crate, **fields: float) -> UnitCost:
        return cost_of(base.call, report(**fields), None, 0.5)

    def test_is_what_the_wrapper_reports(self, base: Crate) -> None:
        cost = self.cost(base)
        assert (cost.wall, cost.cpu, cost.beside) == (2.0, 3.0, 0.5)
        assert cost.metadata == Phase(begun=0.0, wall=0.5, cpu=0.4)
        assert (cost.lto, cost.link) == (None, None)

    def test_has_no_metadata_where_rustc_said_nothing_of_it(self, base: Crate) -> None:
        assert self.cost(base, metadata_wall=-1.0, metadata_cpu=-1.0).metadata is None

    @pytest.mark.parametrize(
        ("seen", "peak"),
        [
            ({"own": 2000, "shared": 500, "largest": 9000}, 2000 * 4096),
            ({"own": 1000, "shared": 500, "largest": 9000}, 9000 * 1024 - 500 * 4096),
            ({"own": 0, "shared": 0, "largest": 9000}, None),
        ],
    )
    def test_knows_the_memory_of_what_was_seen(
        self, seen: dict[str, float], peak: int | None, base: Crate, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(recording, "_PAGE", 4096)
        assert self.cost(base, **seen).peak_memory == peak


class TestLto:
    LINK = Phase(begun=9.0, wall=1.0, cpu=0.5)

    def lto(self, crate: Crate, lto: str, link: Phase | None = LINK, **fields: float) -> Phase | None:
        values: dict[str, Any] = {"wall": 10.0, "cpu": 8.0, "lto_begin": 4.0, "cpu_before_lto": 3.0}
        return cost_of(crate.but(lto=lto).call, report(**(values | fields)), link, 0.0).lto

    @pytest.mark.parametrize("lto", ["-C lto=thin", "-C lto=fat", "-C lto"])
    def test_is_from_where_it_was_seen_to_where_the_link_begins(self, program: Crate, lto: str) -> None:
        assert self.lto(program, lto) == Phase(begun=4.0, wall=5.0, cpu=4.5)

    def test_or_to_the_end_where_no_link_was_watched(self, program: Crate) -> None:
        assert self.lto(program, "-C lto=fat", link=None) == Phase(begun=4.0, wall=6.0, cpu=5.0)

    @pytest.mark.parametrize("lto", ["-C embed-bitcode=no", "-C lto=off -C embed-bitcode=no"])
    def test_is_none_where_nothing_is_optimized_across_crates(self, program: Crate, lto: str) -> None:
        assert self.lto(program, lto) is None

    def test_is_none_of_a_library(self, base: Crate) -> None:
        assert self.lto(base, "-C lto=fat") is None

    def test_is_not_told_where_it_was_not_seen(self, program: Crate) -> None:
        assert self.lto(program, "-C lto=fat", lto_begin=-1.0) is None

    def test_is_not_told_where_only_its_end_was_seen(self, program: Crate) -> None:
        """It ended between two looks, and the linker ran at the second."""
        assert self.lto(program, "-C lto=fat", lto_begin=9.01) is None

    def test_never_took_less_than_no_time(self, program: Crate) -> None:
        phase = self.lto(program, "-C lto=fat", cpu=3.4)  # the kernel counts in hundredths, and rounds
        assert phase
        assert phase.cpu == 0.0


class TestActivity:
    def test_nobody_beside(self, clock: Clock) -> None:
        with Activity().running() as beside:
            clock.now += 10
            assert beside() == 0.0

    def test_is_an_average_over_time(self, clock: Clock) -> None:
        activity = Activity()
        with activity.running() as beside:
            clock.now += 6
            with activity.running() as other, activity.running():
                clock.now += 2
                assert other() == pytest.approx(1 + 1)
            clock.now += 2
            assert beside() == pytest.approx(2 * 2 / 10)

    def test_of_one_after_the_other_is_none(self, clock: Clock) -> None:
        activity = Activity()
        for _ in range(3):
            with activity.running() as beside:
                clock.now += 1
                assert beside() == 0.0

    def test_of_those_that_ran_before_does_not_count(self, clock: Clock) -> None:
        activity = Activity()
        with activity.running():
            clock.now += 100
        with activity.running() as beside:
            clock.now += 1
            assert beside() == 0.0

    def test_of_an_instant(self, clock: Clock) -> None:
        with Activity().running() as beside:
            assert beside() == 0.0

    def test_is_over_after_an_error(self, clock: Clock) -> None:
        activity = Activity()
        with pytest.raises(KeyError), activity.running():
            raise KeyError
        with activity.running() as beside:
            clock.now += 1
            assert beside() == 0.0
