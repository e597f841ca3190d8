"""The loop: what is built, measured and stored, in which order, and what a rerun does not repeat."""

from __future__ import annotations

import math
import random
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.parts import (
    FakeBuilder,
    FakeClock,
    FakeProbe,
    FakeProbes,
    FakeProvenance,
    FakeSearch,
    MemoryStore,
    RecordingProgress,
)
from tests.fakes.values import CHECK, FAT, FAT1, MACHINE, THIN, TODAY, artifact, study
from trimtab.choice.recommend import recommend
from trimtab.errors import InputError, SourcesChanged
from trimtab.experiment.loop import Experiment
from trimtab.experiment.results import MOST_ROUNDS
from trimtab.experiment.screening import Screening
from trimtab.measure.trial_pairs import level_of, ratio_of
from trimtab.model.identity import build_identity, digest
from trimtab.model.machine import Machine
from trimtab.model.metric import Absent, Level, Measurement, PairedRuns, ratio_metric
from trimtab.model.plan import Bench, Plan, ProbeKind, Selection
from trimtab.model.profile import Profile
from trimtab.model.study import Study
from trimtab.model.trial import Artifact, BuildFailed, Cause, Status, Trial, WheelTags

SIZE_ONLY, RUN_ONLY = frozenset({ProbeKind.SIZE}), frozenset({ProbeKind.RUN})
EVERYTHING = frozenset(ProbeKind)
LOOKUP = Bench(name="lookup", command=("{bin}", "lookup"))


@dataclass
class FakeWheelCheck:
    """Finds fault with some artifacts; counts how often it was asked."""

    snippet: str = ""
    faults: list[str] = field(default_factory=list)
    """Digests."""
    asked: int = 0

    def tags(self, wheel: Artifact) -> WheelTags:
        return WheelTags(claimed=("cp311-abi3-linux_x86_64",))

    def check(self, wheel: Artifact) -> BuildFailed | None:
        self.asked += 1
        return failure(Cause.SMOKE) if wheel.sha256 in self.faults else None


@dataclass
class Laboratory:
    """What stays between runs: store, clock, files. Each run has a new experiment, as after a restart."""

    folder: Path
    store: MemoryStore = field(default_factory=MemoryStore)
    clock: FakeClock = field(default_factory=FakeClock)
    failures: dict[Profile, BuildFailed] = field(default_factory=dict)
    identical: tuple[Profile, ...] = ()
    installed: list[str] = field(default_factory=list)
    wheel_check: FakeWheelCheck | None = None
    measure: Callable[..., Iterator[Measurement | Absent]] = FakeProbe.measure
    sizes: dict[Profile, int] = field(default_factory=dict)
    weighing: float = 0.0
    screening: Screening | None = None
    provenance: FakeProvenance = field(default_factory=FakeProvenance)
    cost: Callable[[], float] | None = None
    """CPU seconds of the next build; twice its wall time if left out."""
    truth: float = 1.0
    """Runtime of all programs over today's, where a test measures that with noise."""
    machine: Machine = MACHINE

    def run(self, *profiles: Profile, study_id: str = "app-1", planned: int = 0, **plan: Any) -> Study:
        values: dict[str, Any] = {"selection": Selection(), "probes": EVERYTHING, **plan}
        settled = Plan(**values)
        self.builder = FakeBuilder(
            self.folder, failures=self.failures, identical=self.identical, clock=self.clock, sizes=self.sizes,
            cost=self.cost,
        )  # fmt: skip
        self.probes = FakeProbes(clock=self.clock, measure=self.measure, weighing=self.weighing)
        self.progress = RecordingProgress()
        self.search = FakeSearch(*profiles)
        return Experiment(
            plan=settled,
            study=study(
                id=study_id,
                benches=settled.benches,
                planned=planned or len(profiles),
                machine=self.machine,
                jobs=settled.jobs,
                fresh=settled.fresh,
                **({"created": datetime.now(UTC).isoformat(timespec="microseconds")} if settled.fresh else {}),
            ),
            builder=self.builder,
            search=self.search,
            store=self.store,
            probes=self.probes,
            check_sources=self.check_sources,
            provenance=self.provenance,
            progress=self.progress,
            wheel_check=self.wheel_check,
            screening=self.screening,
            clock=self.clock,
            which=lambda name: name if name in self.installed else None,
        ).run()

    def check_sources(self) -> None:
        """The sources stay as they are unless a test says otherwise."""

    def known(self, profile: Profile) -> Trial:
        return self.store.find_trials(build_identity("basis", profile))[0]


@pytest.fixture
def laboratory(tmp_path: Path) -> Laboratory:
    return Laboratory(tmp_path)


def metrics(trial: Trial) -> set[str]:
    return {one.name for one in trial.measurements}


def failure(cause: Cause, wall: float = 10.0) -> BuildFailed:
    return BuildFailed(cause=cause, message=f"it was {cause}", log=("last words",), wall=wall)


class TestOneRun:
    def test_asks_builds_measures_stores_and_tells(self, laboratory: Laboratory) -> None:
        found = laboratory.run(TODAY, FAT, benches=(CHECK,))
        assert laboratory.builder.built == [TODAY, FAT]
        assert laboratory.probes.measured == ["size", "check", "size", "check"]
        assert [trial.profile for trial in found.trials] == [TODAY, FAT]
        assert tuple(laboratory.search.told) == found.trials
        assert metrics(found.trials[1]) == {
            "build.clean.wall", "build.clean.cpu", "build.clean.other_load", "build.peak_memory",
            "build.touch.wall", "build.touch.cpu", "build.touch.other_load", "size.file", "run.check.wall",
            "run.check.wall.ratio",
        }  # fmt: skip

    def test_tells_what_is_going_on(self, laboratory: Laboratory) -> None:
        laboratory.sizes, laboratory.weighing = {TODAY: 1000, THIN: 500}, 4.0
        laboratory.run(TODAY, THIN, benches=(CHECK,))
        assert laboratory.progress.events == [
            "begin app-1 2",
            "step local/16 building",
            "step local/16 measuring size: strip, gzip, xz of 1000 B",
            "step local/16 running check",
            "done local/16 new 1",
            "step thin/16 building",
            "step thin/16 measuring size: strip, gzip, xz of 500 B for 2 s",
            "step thin/16 running check",
            "done thin/16 new 0",
        ]

    def test_estimates_each_build_from_those_before_it(self, laboratory: Laboratory) -> None:
        laboratory.run(TODAY, THIN)
        states = laboratory.progress.states
        assert [(profile, state.rebuilds, state.remaining) for profile, state in states] == [
            (TODAY, "", None),
            (TODAY, "src/main.rs", None),
            (THIN, "", 10.0),
            (THIN, "src/main.rs", 1.0),
        ]

    def test_estimates_from_builds_of_an_earlier_run(self, laboratory: Laboratory) -> None:
        laboratory.run(TODAY)
        laboratory.run(TODAY, THIN, study_id="app-2")
        assert [(profile, state.remaining) for profile, state in laboratory.progress.states] == [
            (THIN, 10.0),
            (THIN, 1.0),
        ]

    def test_each_trial_is_stored_before_the_next_begins(self, laboratory: Laboratory) -> None:
        stored: list[tuple[int, int]] = []

        def look() -> None:
            stored.append((len(laboratory.builder.built), len(laboratory.store.load("app-1").trials)))

        laboratory.check_sources = look  # type: ignore[method-assign]
        laboratory.run(TODAY, THIN, FAT)
        for built in (1, 2, 3):
            assert (built, built - 1) in stored  # just built: those before are stored
            assert (built, built) in stored  # measured: stored as well

    def test_benches_compare_with_todays_binary(self, laboratory: Laboratory) -> None:
        found = laboratory.run(TODAY, FAT, benches=(CHECK,))
        today, fat = (trial.artifacts[0] for trial in found.trials)
        assert [(head, base) for what, head, base in laboratory.probes.log if what == "check"] == [
            (today, None),
            (fat, today),
        ]

    def test_a_profile_with_todays_very_bytes_is_still_compared_and_no_null_control(
        self, laboratory: Laboratory
    ) -> None:
        laboratory.identical = (TODAY, FAT)
        found = laboratory.run(TODAY, FAT, benches=(CHECK,))
        today, fat = (trial.artifacts[0] for trial in found.trials)
        assert today == fat
        assert [base for what, _, base in laboratory.probes.log if what == "check"] == [None, today]

    def test_the_effect_is_checked(self, laboratory: Laboratory) -> None:
        (trial,) = laboratory.run(FAT1).trials
        (effect,) = trial.effects
        assert (effect.binary, effect.lto, effect.codegen_units, effect.warnings) == ("app", "fat", 1, ())

    @pytest.mark.parametrize(
        ("probes", "expected"),
        [
            (SIZE_ONLY, {"size.file"}),
            ({ProbeKind.TOUCH}, {"build.touch.wall", "build.touch.cpu", "build.touch.other_load"}),
            (
                {ProbeKind.BUILD},
                {"build.clean.wall", "build.clean.cpu", "build.clean.other_load", "build.peak_memory"},
            ),
            ({ProbeKind.RUN}, {"run.check.wall", "run.check.wall.ratio"}),
        ],
    )
    def test_only_what_was_asked_for_is_measured(
        self, laboratory: Laboratory, probes: set[ProbeKind], expected: set[str]
    ) -> None:
        (trial,) = laboratory.run(TODAY, probes=frozenset(probes), benches=(CHECK,)).trials
        assert metrics(trial) == expected
        assert trial.probes == tuple(probes - {ProbeKind.RUN})
        assert trial.benches == ((CHECK,) if ProbeKind.RUN in probes else ())

    def test_a_trial_takes_as_long_as_build_and_benches(self, laboratory: Laboratory) -> None:
        (trial,) = laboratory.run(TODAY, benches=(CHECK,)).trials
        assert trial.seconds == 13.0


class TestRerun:
    def test_nothing_is_repeated(self, laboratory: Laboratory) -> None:
        first = laboratory.run(TODAY, FAT, benches=(CHECK,))
        again = laboratory.run(TODAY, FAT, benches=(CHECK,))
        assert again == first
        assert laboratory.builder.built == []
        assert laboratory.probes.measured == []
        assert [event for event in laboratory.progress.events if "step" in event] == []
        assert laboratory.progress.events[-1] == "done fat/16 known 0"

    def test_an_interrupted_run_goes_on_where_it_was(self, laboratory: Laboratory) -> None:
        def interrupt() -> None:
            if laboratory.builder.built == [TODAY, THIN]:
                raise KeyboardInterrupt

        laboratory.check_sources = interrupt  # type: ignore[method-assign]
        with pytest.raises(KeyboardInterrupt):
            laboratory.run(TODAY, THIN, FAT)
        assert [trial.profile for trial in laboratory.store.load("app-1").trials] == [TODAY]
        del laboratory.check_sources
        found = laboratory.run(TODAY, THIN, FAT)
        assert laboratory.builder.built == [THIN, FAT]
        assert [trial.profile for trial in found.trials] == [TODAY, THIN, FAT]

    def test_another_study_of_the_same_sources_takes_up_what_is_known(self, laboratory: Laboratory) -> None:
        laboratory.run(TODAY, FAT)
        found = laboratory.run(TODAY, FAT1, FAT, study_id="app-2")
        assert laboratory.builder.built == [FAT1]
        assert [trial.profile for trial in found.trials] == [TODAY, FAT1, FAT]
        assert len(laboratory.store.load("app-1").trials) == 2

    def test_a_new_bench_is_run_without_building(self, laboratory: Laboratory) -> None:
        laboratory.run(TODAY, FAT, benches=(CHECK,))
        found = laboratory.run(TODAY, FAT, benches=(CHECK, LOOKUP))
        assert laboratory.builder.built == []
        assert laboratory.probes.measured == ["lookup", "lookup"]
        assert {"run.check.wall", "run.lookup.wall"} <= metrics(found.trials[1])
        base = laboratory.probes.log[1][2]
        assert base == found.trials[0].artifacts[0]

    def test_time_spent_on_a_new_bench_is_added_to_the_trials(self, laboratory: Laboratory) -> None:
        laboratory.run(TODAY)
        (trial,) = laboratory.run(TODAY, benches=(CHECK,)).trials
        assert trial.seconds == 13.0

    def test_a_bench_that_was_left_out_for_a_while_is_not_run_again(self, laboratory: Laboratory) -> None:
        laboratory.run(TODAY, benches=(CHECK,))
        laboratory.run(TODAY, study_id="app-2", benches=(LOOKUP,))
        laboratory.run(TODAY, study_id="app-3", probes=SIZE_ONLY)
        laboratory.run(TODAY, benches=(CHECK,))
        assert laboratory.probes.measured == []

    def test_a_bench_with_another_command_is_run_again(self, laboratory: Laboratory) -> None:
        laboratory.run(TODAY, benches=(CHECK, LOOKUP))
        (trial,) = laboratory.run(TODAY, benches=(replace(CHECK, command=("{bin}", "other")), LOOKUP)).trials
        assert laboratory.probes.measured == ["check"]
        assert sorted(one.name for one in trial.measurements if one.name.startswith("run.")) == [
            "run.check.wall",
            "run.check.wall.ratio",
            "run.lookup.wall",
            "run.lookup.wall.ratio",
        ]

    def test_another_smallest_change_is_no_reason_to_run_again(self, laboratory: Laboratory) -> None:
        laboratory.run(TODAY, benches=(CHECK,))
        laboratory.run(TODAY, benches=(replace(CHECK, smallest_change=0.05),))
        assert laboratory.probes.measured == []

    def test_a_group_of_metrics_that_needs_no_build_is_added(self, laboratory: Laboratory) -> None:
        laboratory.run(TODAY, probes=frozenset({ProbeKind.BUILD}))
        (trial,) = laboratory.run(TODAY, probes=frozenset({ProbeKind.BUILD, ProbeKind.SIZE})).trials
        assert laboratory.builder.built == []
        assert {"size.file", "build.clean.cpu"} <= metrics(trial)

    def test_a_group_of_metrics_that_needs_a_build_builds(self, laboratory: Laboratory) -> None:
        laboratory.run(TODAY, probes=SIZE_ONLY)
        laboratory.run(TODAY, probes=SIZE_ONLY | {ProbeKind.TOUCH})
        assert laboratory.builder.built == [TODAY]

    def test_a_binary_that_is_gone_is_built_again(self, laboratory: Laboratory) -> None:
        first = laboratory.run(TODAY, FAT)
        Path(first.trials[1].artifacts[0].path).unlink()
        laboratory.run(TODAY, FAT)
        assert laboratory.builder.built == [FAT]
        assert Path(laboratory.known(FAT).artifacts[0].path).exists()


class TestFailure:
    def test_is_a_result_and_the_rest_goes_on(self, laboratory: Laboratory) -> None:
        laboratory.failures[THIN] = failure(Cause.COMPILER)
        found = laboratory.run(TODAY, THIN, FAT, benches=(CHECK,))
        assert [trial.status for trial in found.trials] == [Status.OK, Status.FAILED, Status.OK]
        assert found.trials[1].failure == failure(Cause.COMPILER)
        assert found.trials[1].measurements == ()
        assert laboratory.probes.measured == ["size", "check"] * 2

    @pytest.mark.parametrize(
        ("cause", "again"),
        [
            (Cause.COMPILER, False),
            (Cause.LINKER, False),
            (Cause.BUILD_SCRIPT, False),
            (Cause.OUT_OF_MEMORY, False),
            (Cause.DISK_FULL, True),
            (Cause.KILLED, True),
        ],
    )
    def test_is_tried_again_only_when_it_may_have_passed(
        self, laboratory: Laboratory, cause: Cause, *, again: bool
    ) -> None:
        laboratory.failures[FAT] = failure(cause)
        laboratory.run(TODAY, FAT)
        laboratory.run(TODAY, FAT)
        assert laboratory.builder.built == ([FAT] if again else [])
        laboratory.failures.clear()
        assert laboratory.run(TODAY, FAT).trials[1].status is (Status.OK if again else cause.status)

    @pytest.mark.parametrize(("timeout", "again"), [(60.0, False), (59.0, False), (120.0, True)])
    def test_a_time_out_is_tried_again_only_with_more_time(
        self, laboratory: Laboratory, timeout: float, *, again: bool
    ) -> None:
        laboratory.failures[FAT] = failure(Cause.TIMEOUT, wall=60.2)
        assert laboratory.run(TODAY, FAT, build_timeout=60.0).trials[1].status is Status.TIMEOUT
        laboratory.run(TODAY, FAT, build_timeout=timeout)
        assert laboratory.builder.built == ([FAT] if again else [])

    def test_of_today_ends_the_study_until_today_builds(self, laboratory: Laboratory) -> None:
        """Nothing can be compared with it, so nothing else is built."""
        laboratory.failures[TODAY] = failure(Cause.DISK_FULL)
        found = laboratory.run(TODAY, FAT, benches=(CHECK,))
        assert [trial.profile for trial in found.trials] == laboratory.builder.built == [TODAY]
        laboratory.failures.clear()
        laboratory.run(TODAY, FAT, benches=(CHECK,))
        assert laboratory.builder.built == [TODAY, FAT]
        what, head, base = laboratory.probes.log[-1]
        assert (what, head, base) == ("check", laboratory.known(FAT).artifacts[0], laboratory.known(TODAY).artifacts[0])

    def test_of_a_bench_keeps_what_was_built(self, laboratory: Laboratory, monkeypatch: pytest.MonkeyPatch) -> None:
        def broken(self: FakeProbes, kinds: object, benches: tuple[Bench, ...], *, more: float) -> tuple[()]:
            raise InputError("the bench 'check' fails with today's binary")

        with monkeypatch.context() as patch:
            patch.setattr(FakeProbes, "make", broken)
            with pytest.raises(InputError):
                laboratory.run(TODAY, FAT, benches=(CHECK,))
        (kept,) = laboratory.store.load("app-1").trials
        assert kept.get("build.clean.cpu") is not None
        assert kept.benches == ()
        found = laboratory.run(TODAY, FAT, benches=(CHECK,))
        assert laboratory.builder.built == [FAT]
        assert laboratory.probes.measured == ["size", "check"] * 2
        assert len(found.trials) == 2


class TestWheels:
    def test_one_that_does_not_work_is_a_failure_with_all_that_is_known_of_it(self, laboratory: Laboratory) -> None:
        laboratory.wheel_check = FakeWheelCheck()
        fat = next(one for one in laboratory.run(TODAY, FAT).trials if one.profile == FAT)
        laboratory.wheel_check.faults = [fat.artifacts[0].sha256]
        laboratory.store = MemoryStore()
        today, fat = laboratory.run(TODAY, FAT).trials
        assert (today.status, fat.status) == (Status.OK, Status.FAILED)
        assert fat.failure
        assert fat.failure.cause is Cause.SMOKE
        assert fat.artifacts
        assert fat.tags
        assert fat.effects
        assert fat.value("build.clean.cpu")
        assert not fat.value("size.file"), "what does not work is not measured"

    def test_another_smoke_check_takes_no_build(self, laboratory: Laboratory) -> None:
        check = laboratory.wheel_check = FakeWheelCheck(snippet="imprt mine")
        today = laboratory.run(TODAY).trials[0]
        laboratory.store = MemoryStore()
        check.faults = [today.artifacts[0].sha256]
        assert laboratory.run(TODAY).trials[0].failure
        check.faults, check.snippet = [], "import mine"
        (again,) = laboratory.run(TODAY).trials
        assert laboratory.builder.built == []
        assert again.status is Status.OK
        assert again.value("size.file")
        asked = check.asked
        laboratory.run(TODAY)
        assert check.asked == asked, "nor is the same check repeated"

    def test_todays_that_does_not_work_is_no_baseline(self, laboratory: Laboratory) -> None:
        check = laboratory.wheel_check = FakeWheelCheck()
        today = laboratory.run(TODAY).trials[0]
        laboratory.store, check.faults = MemoryStore(), [today.artifacts[0].sha256]
        study = laboratory.run(TODAY, FAT, benches=(CHECK,))
        assert [trial.profile for trial in study.trials] == [TODAY]
        assert not study.trials[0].benches


class TestRepeats:
    """What would decide the recommendation is measured again; see tests/unit/choice/test_finalists.py for what."""

    @pytest.fixture(autouse=True)
    def noisy(self, laboratory: Laboratory) -> None:
        """Fat LTO is smaller and as fast, which 60 pairs with 3 % of noise cannot tell from one percent slower."""
        noise = random.Random(7)

        def measure(probe: FakeProbe, artifacts: Any, baseline: Any) -> Iterator[Measurement | Absent]:
            for bench in probe.benches:
                probe.log.append((bench.name, artifacts[0], baseline[0] if baseline else None))
                probe.clock.now += probe.seconds
                pairs = PairedRuns(
                    values=tuple((0.1, 0.1 * laboratory.truth * math.exp(noise.gauss(0, 0.03))) for _ in range(60)),
                    seconds=probe.seconds,
                    base=(baseline or artifacts)[0].sha256,
                )
                level = Level(error=0.005, smallest=0.01)
                yield ratio_of(ratio_metric(bench.name, "wall"), pairs, level, "played; in pairs")
            if probe.kind is ProbeKind.SIZE:
                yield from FakeProbe.measure(probe, artifacts, baseline)

        laboratory.sizes, laboratory.measure = {TODAY: 100_000, FAT: 80_000}, measure

    def test_pairs_are_added_until_it_is_decided(self, laboratory: Laboratory) -> None:
        found = laboratory.run(TODAY, FAT, benches=(CHECK,))
        pairs, rounds = laboratory.known(FAT).get("run.check.wall.ratio"), laboratory.probes.measured.count("check") - 1
        assert pairs
        assert pairs.pairs
        assert pairs.samples == len(pairs.pairs.values) == 60 * rounds
        assert rounds > 2
        assert pairs.high is not None
        assert pairs.high <= 1.01
        advice = recommend(found)
        assert advice
        assert (advice.trial, advice.undecided) == (laboratory.known(FAT).id, ())

    def test_not_beyond_the_budget(self, laboratory: Laboratory) -> None:
        found = laboratory.run(TODAY, FAT, benches=(CHECK,), budget=30.0)
        advice = recommend(found)
        assert advice
        assert advice.undecided == (found.baseline, laboratory.known(FAT).id)
        assert laboratory.probes.measured.count("check") == 2
        laboratory.run(TODAY, FAT, benches=(CHECK,))
        assert laboratory.probes.measured.count("check") > 1, "run again, it goes on"

    def test_more_bench_time_goes_on_with_what_is_known(self, laboratory: Laboratory) -> None:
        laboratory.sizes = {}
        laboratory.run(TODAY, FAT, benches=(CHECK,), bench_time=3.0)
        before = laboratory.known(FAT).get("run.check.wall.ratio")
        laboratory.run(TODAY, FAT, benches=(CHECK,), bench_time=3.0)
        assert laboratory.probes.measured == [], "what was run for as long is not run again"
        laboratory.run(TODAY, FAT, benches=(CHECK,), bench_time=6.0)
        after = laboratory.known(FAT).get("run.check.wall.ratio")
        assert laboratory.probes.measured == ["check", "check"]
        assert laboratory.builder.built == []
        assert before
        assert before.pairs
        assert after
        assert after.pairs
        assert after.pairs.values[:60] == before.pairs.values
        assert (len(after.pairs.values), after.pairs.seconds) == (120, 6.0)

    def test_pairs_with_another_program_of_todays_are_not_known(self, laboratory: Laboratory) -> None:
        """Where a build is not reproducible, today's program may come out otherwise once its old one was freed."""
        laboratory.sizes = {}
        laboratory.run(TODAY, FAT, benches=(CHECK,), bench_time=3.0)
        Path(laboratory.known(TODAY).artifacts[0].path).unlink()
        laboratory.sizes = {TODAY: 5000}
        laboratory.provenance.is_kept = lambda trial: Path(trial.artifacts[0].path).exists()  # type: ignore[method-assign]
        laboratory.run(TODAY, FAT, benches=(CHECK,), bench_time=3.0)
        assert laboratory.builder.built == [TODAY]
        rounds = laboratory.probes.measured.count("check") - 1
        ratio = laboratory.known(FAT).get("run.check.wall.ratio")
        assert ratio
        assert ratio.pairs
        assert ratio.pairs.base == laboratory.known(TODAY).artifacts[0].sha256
        assert len(ratio.pairs.values) == 60 * rounds, "none of those before"

    def test_what_stays_undecided_ends_and_is_not_run_again(self, laboratory: Laboratory) -> None:
        """The limit is on what is kept, so that the same command again measures nothing; more bench time goes on."""
        laboratory.truth = 1.01
        found = laboratory.run(TODAY, FAT, benches=(CHECK,), bench_time=3.0)
        advice = recommend(found)
        assert advice
        assert advice.undecided
        assert laboratory.probes.measured.count("check") == 1 + MOST_ROUNDS
        again = laboratory.run(TODAY, FAT, benches=(CHECK,), bench_time=3.0)
        assert laboratory.probes.measured == []
        assert recommend(again) == advice
        laboratory.run(TODAY, FAT, benches=(CHECK,), bench_time=4.0)
        assert laboratory.probes.measured

    def test_intervals_are_those_of_the_table_that_they_stand_in(self, laboratory: Laboratory) -> None:
        laboratory.sizes = {}
        small = laboratory.run(TODAY, FAT, benches=(CHECK,), bench_time=3.0)
        large = laboratory.run(TODAY, FAT, THIN, FAT1, benches=(CHECK,), bench_time=3.0, planned=400)
        (narrow, first), (wide, second) = (
            (ratio, study)
            for study in (small, large)
            for trial in study.trials
            if trial.profile == FAT and (ratio := trial.get("run.check.wall.ratio"))
        )
        assert narrow.pairs == wide.pairs
        assert (narrow.level, wide.level) == (level_of(first, CHECK), level_of(second, CHECK))
        assert narrow.low is not None
        assert wide.low is not None
        assert wide.low < narrow.low

    def test_a_cost_that_decides_is_built_again_and_its_builds_are_kept(self, laboratory: Laboratory) -> None:
        laboratory.sizes = {TODAY: 100_000, FAT: 100_000}
        laboratory.cost = lambda: 17.0 if laboratory.builder.built[-1] == FAT else 20.0
        laboratory.run(TODAY, FAT)
        costs = [laboratory.known(profile).get("build.clean.cpu") for profile in (TODAY, FAT)]
        assert [cost and cost.samples for cost in costs] == [
            laboratory.builder.built.count(profile) for profile in (TODAY, FAT)
        ]
        assert len(laboratory.builder.built) > 2
        laboratory.run(TODAY, FAT)
        assert laboratory.builder.built == [], "what is decided is not measured again"


def test_edited_sources_stop_it_and_what_was_measured_is_kept(laboratory: Laboratory) -> None:
    def edited() -> None:
        if laboratory.builder.built[-1] == FAT:
            raise SourcesChanged("the sources changed while they were being measured")

    laboratory.check_sources = edited  # type: ignore[method-assign]
    with pytest.raises(SourcesChanged):
        laboratory.run(TODAY, FAT, FAT1)
    assert [trial.profile for trial in laboratory.store.load("app-1").trials] == [TODAY]
    assert laboratory.store.find_trials(build_identity("basis", FAT)) == ()


ONE = Profile(codegen_units=1)
SPACE = (TODAY, THIN, FAT, FAT1, ONE)


@dataclass
class Screen:
    """Two builders that share; the second has a clock of its own, since what goes on beside takes no longer."""

    laboratory: Laboratory
    at_once: int = 1
    """How many builds there is memory for."""
    failures: dict[Profile, BuildFailed] = field(default_factory=dict)
    meanwhile: Callable[[Profile], object] = lambda _: None
    peaks: list[int] = field(default_factory=list)
    """What was asked."""
    interrupted: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Begin counting anew."""
        self.built: list[Profile] = []
        laboratory = self.laboratory
        builders = tuple(
            FakeBuilder(
                laboratory.folder, failures=self.failures, clock=clock, sizes=laboratory.sizes, shares=True,
                meanwhile=lambda profile: self.meanwhile(profile),  # noqa: PLW0108 - a test may set it later
                built=self.built,
            )
            for clock in (laboratory.clock, FakeClock())
        )  # fmt: skip
        laboratory.screening = Screening(builders=builders, beside=self.beside, interrupt=self.interrupted.set)

    def beside(self, peak: int) -> int:
        self.peaks.append(peak)
        return self.at_once


@pytest.fixture
def screen(laboratory: Laboratory) -> Screen:
    """Of `SPACE`, whatever the goal, fat LTO with one codegen unit is taken."""
    laboratory.sizes = {TODAY: 1000, THIN: 990, FAT: 800, FAT1: 700, ONE: 950}
    return Screen(laboratory)


def screened(found: Study) -> list[Profile]:
    return [trial.profile for trial in found.trials if trial.screened]


class TestScreening:
    def test_today_and_what_is_taken_are_built_cleanly_the_others_from_shared_units(
        self, laboratory: Laboratory, screen: Screen
    ) -> None:
        found = laboratory.run(*SPACE)
        assert laboratory.builder.built == [TODAY, FAT1]
        assert screen.built == [THIN, FAT, FAT1, ONE]
        assert screened(found) == [THIN, FAT, ONE]
        assert {trial.profile for trial in found.trials} == set(SPACE)
        assert set(screen.peaks) == {1_000_000}

    def test_of_one_that_was_screened_there_are_bytes_and_the_sum_of_cpu_times(
        self, laboratory: Laboratory, screen: Screen
    ) -> None:
        laboratory.run(*SPACE, benches=(CHECK,))
        thin = laboratory.known(THIN)
        assert metrics(thin) == {"build.clean.cpu", "size.file", "run.check.wall", "run.check.wall.ratio"}
        assert thin.probes == (ProbeKind.BUILD, ProbeKind.SIZE)
        assert thin.seconds == 13.0
        assert metrics(laboratory.known(FAT1)) == metrics(laboratory.known(TODAY))

    def test_it_is_replaced_by_the_clean_one(self, laboratory: Laboratory, screen: Screen) -> None:
        found = laboratory.run(*SPACE, benches=(CHECK,))
        (kept,) = [trial for trial in found.trials if trial.profile == FAT1]
        assert not kept.screened
        assert kept.value("build.peak_memory")
        assert laboratory.progress.events[-2:] == ["step fat/1 building", "done fat/1 new 0"]  # its bytes are known
        assert laboratory.probes.measured == ["size", "check"] * 5

    def test_two_at_once_where_there_is_memory(self, laboratory: Laboratory, screen: Screen) -> None:
        meeting = threading.Barrier(2, timeout=30)
        screen.at_once, screen.meanwhile = 2, lambda _: meeting.wait()
        found = laboratory.run(*SPACE)
        assert [set(screen.built[:2]), set(screen.built[2:])] == [{THIN, FAT}, {FAT1, ONE}]
        assert [trial.profile for trial in found.trials] == [TODAY, THIN, FAT, ONE, FAT1]
        assert laboratory.clock.now == 40.0
        assert laboratory.known(FAT).seconds == 10.0

    def test_one_at_a_time_where_nobody_knows_how_much_memory_it_takes(
        self, laboratory: Laboratory, screen: Screen
    ) -> None:
        screen.at_once = 2
        laboratory.run(*SPACE, probes=SIZE_ONLY)
        assert screen.built == [THIN, FAT, FAT1, ONE]
        assert screen.peaks == []

    def test_goes_on_until_what_is_taken_was_built_cleanly(self, laboratory: Laboratory, screen: Screen) -> None:
        laboratory.failures = {FAT1: failure(Cause.OUT_OF_MEMORY), FAT: failure(Cause.LINKER)}
        found = laboratory.run(*SPACE)
        assert laboratory.builder.built == [TODAY, FAT1, FAT, ONE]
        assert screened(found) == [THIN]
        assert laboratory.known(FAT1).status is Status.OOM

    def test_nothing_is_confirmed_where_today_is_best(self, laboratory: Laboratory, screen: Screen) -> None:
        laboratory.sizes[TODAY] = 500
        assert screened(laboratory.run(*SPACE)) == [THIN, FAT, FAT1, ONE]
        assert laboratory.builder.built == [TODAY]

    @pytest.mark.parametrize("benches", [(), (CHECK,)])
    def test_a_rerun_repeats_nothing(self, laboratory: Laboratory, screen: Screen, benches: tuple[Bench, ...]) -> None:
        first = laboratory.run(*SPACE, benches=benches)
        screen.forget()
        again = laboratory.run(*SPACE, benches=benches)
        assert sorted(again.trials, key=lambda one: one.id) == sorted(first.trials, key=lambda one: one.id)
        assert (laboratory.builder.built, screen.built, laboratory.probes.measured) == ([], [], [])
        assert [event for event in laboratory.progress.events if " new " in event or "step" in event] == []

    def test_an_interrupted_one_goes_on_where_it_was(self, laboratory: Laboratory, screen: Screen) -> None:
        def interrupt() -> None:
            if FAT in screen.built:
                raise KeyboardInterrupt

        laboratory.check_sources = interrupt  # type: ignore[method-assign]
        with pytest.raises(KeyboardInterrupt):
            laboratory.run(*SPACE)
        assert [trial.profile for trial in laboratory.store.load("app-1").trials] == [TODAY, THIN]
        del laboratory.check_sources
        screen.forget()
        laboratory.run(*SPACE)
        assert (laboratory.builder.built, screen.built) == ([FAT1], [FAT, FAT1, ONE])

    def test_exactly_afterwards_builds_cleanly_what_was_screened(self, laboratory: Laboratory, screen: Screen) -> None:
        laboratory.run(*SPACE)
        laboratory.screening = None
        found = laboratory.run(*SPACE)
        assert laboratory.builder.built == [THIN, FAT, ONE]
        assert screened(found) == []
        assert all(trial.value("build.peak_memory") for trial in found.trials)

    def test_after_that_there_is_nothing_to_screen(self, laboratory: Laboratory, screen: Screen) -> None:
        laboratory.screening = None
        laboratory.run(*SPACE)
        screen.forget()
        found = laboratory.run(*SPACE)
        assert (laboratory.builder.built, screen.built, screened(found)) == ([], [], [])

    def test_a_new_bench_is_run_without_building(self, laboratory: Laboratory, screen: Screen) -> None:
        laboratory.run(*SPACE)
        screen.forget()
        laboratory.run(*SPACE, benches=(CHECK,))
        assert (laboratory.builder.built, screen.built) == ([], [])
        assert laboratory.probes.measured == ["check"] * 5

    def test_a_binary_that_is_gone_is_screened_again(self, laboratory: Laboratory, screen: Screen) -> None:
        found = laboratory.run(*SPACE)
        gone = next(trial for trial in found.trials if trial.profile == THIN)
        Path(gone.artifacts[0].path).unlink()
        screen.forget()
        laboratory.run(*SPACE)
        assert (laboratory.builder.built, screen.built) == ([], [THIN])

    @pytest.mark.parametrize("at_once", [1, 2])
    def test_a_build_that_fails_is_tried_cleanly(self, laboratory: Laboratory, screen: Screen, at_once: int) -> None:
        screen.at_once, screen.failures[FAT] = at_once, failure(Cause.OUT_OF_MEMORY)
        assert all(trial.status is Status.OK for trial in laboratory.run(*SPACE).trials)
        assert FAT in laboratory.builder.built
        assert not laboratory.known(FAT).screened

    @pytest.mark.parametrize("at_once", [1, 2])
    def test_one_that_fails_then_too_is_a_result(self, laboratory: Laboratory, screen: Screen, at_once: int) -> None:
        screen.at_once, screen.failures[FAT] = at_once, failure(Cause.OUT_OF_MEMORY)
        laboratory.failures[FAT] = failure(Cause.COMPILER, wall=7.0)
        found = laboratory.run(*SPACE)
        assert laboratory.known(FAT).failure == failure(Cause.COMPILER, wall=7.0)
        assert {trial.profile: trial.status for trial in found.trials} == {
            profile: Status.FAILED if profile == FAT else Status.OK for profile in SPACE
        }
        screen.forget()
        laboratory.run(*SPACE)
        assert (laboratory.builder.built, screen.built) == ([], [])

    def test_without_today_nothing_is_screened(self, laboratory: Laboratory, screen: Screen) -> None:
        laboratory.failures[TODAY] = failure(Cause.COMPILER)
        assert [trial.profile for trial in laboratory.run(*SPACE).trials] == [TODAY]
        assert (laboratory.builder.built, screen.built) == ([TODAY], [])

    def test_an_end_in_the_middle_ends_what_goes_on_beside(self, laboratory: Laboratory, screen: Screen) -> None:
        def during(profile: Profile) -> None:
            if profile == THIN:
                raise OSError(5, "Input/output error")
            assert screen.interrupted.wait(30)

        screen.at_once, screen.meanwhile = 2, during
        with pytest.raises(OSError, match="Input/output error"):
            laboratory.run(*SPACE)
        assert screen.interrupted.is_set()
        assert [trial.profile for trial in laboratory.store.load("app-1").trials] == [TODAY]

    def test_an_end_in_the_middle_ends_what_a_builder_starts_after_that_too(
        self, laboratory: Laboratory, screen: Screen
    ) -> None:
        def during(profile: Profile) -> None:
            if profile == THIN:
                raise KeyboardInterrupt
            for _ in range(2):  # two processes, one after the other
                assert screen.interrupted.wait(30)
                screen.interrupted.clear()

        screen.at_once, screen.meanwhile = 2, during
        with pytest.raises(KeyboardInterrupt):
            laboratory.run(*SPACE)

    def test_edited_sources_stop_it(self, laboratory: Laboratory, screen: Screen) -> None:
        def edited() -> None:
            if screen.built:
                raise SourcesChanged("the sources changed while they were being measured")

        laboratory.check_sources = edited  # type: ignore[method-assign]
        with pytest.raises(SourcesChanged):
            laboratory.run(*SPACE)
        assert [trial.profile for trial in laboratory.store.load("app-1").trials] == [TODAY]

    @pytest.mark.parametrize(
        ("at_once", "budget", "tried", "clean"),
        [
            (1, 10.0, 1, [TODAY]),
            (1, 35.0, 3, [TODAY]),
            (1, 50.0, 5, [TODAY]),
            (1, 60.0, 5, [TODAY, FAT1]),
            (2, 20.0, 3, [TODAY]),
            (2, 29.0, 3, [TODAY]),
            (2, 40.0, 5, [TODAY, FAT1]),
        ],
    )
    def test_the_budget_is_kept(
        self, laboratory: Laboratory, screen: Screen, *, at_once: int, budget: float, tried: int, clean: list[Profile]
    ) -> None:
        screen.at_once = at_once
        found = laboratory.run(*SPACE, budget=budget)
        assert (len(found.trials), laboratory.builder.built) == (tried, clean)
        assert laboratory.clock.now <= budget

    def test_what_the_budget_left_is_built_cleanly_the_next_time(self, laboratory: Laboratory, screen: Screen) -> None:
        laboratory.run(*SPACE, budget=50.0)
        screen.forget()
        laboratory.run(*SPACE, budget=50.0)
        assert (laboratory.builder.built, screen.built) == ([FAT1], [])


class TestSurroundings:
    def results(self, laboratory: Laboratory, *found: Measurement | Absent | Exception) -> None:
        """Probes of benches give these, one after the other, for every run of the laboratory."""
        answers = iter(found)

        def measure(probe: FakeProbe, *_: object) -> Iterator[Measurement | Absent]:
            answer = next(answers)
            probe.log.append((type(answer).__name__, artifact(), None))
            if isinstance(answer, Exception):
                raise answer
            yield answer

        laboratory.measure = measure

    def test_a_tool_that_was_installed_meanwhile_is_used(self, laboratory: Laboratory) -> None:
        counted = Measurement(name="run.check.instructions", value=5, unit="instructions")
        missing = Absent(name="run.check.instructions", reason="not installed", needs="valgrind")
        self.results(laboratory, missing, counted)
        laboratory.run(TODAY, probes=RUN_ONLY, benches=(CHECK,))
        (same,) = laboratory.run(TODAY, probes=RUN_ONLY, benches=(CHECK,)).trials
        assert same.absent == (missing,)
        laboratory.installed.append("valgrind")
        (trial,) = laboratory.run(TODAY, probes=RUN_ONLY, benches=(CHECK,)).trials
        assert (trial.measurements, trial.absent) == ((counted,), ())
        assert laboratory.builder.built == []

    def test_a_full_disk_leaves_the_measurement_for_another_time(self, laboratory: Laboratory) -> None:
        wall = Measurement(name="run.check.wall", value=1.0, unit="s")
        self.results(laboratory, OSError(28, "No space left on device"), wall)
        (trial,) = laboratory.run(TODAY, probes=RUN_ONLY, benches=(CHECK,)).trials
        assert (trial.measurements, trial.benches) == ((), ())
        (trial,) = laboratory.run(TODAY, probes=RUN_ONLY, benches=(CHECK,)).trials
        assert (trial.measurements, trial.benches) == ((wall,), (CHECK,))

    def test_other_trouble_with_files_is_not_hidden(self, laboratory: Laboratory) -> None:
        self.results(laboratory, PermissionError(13, "Permission denied"))
        with pytest.raises(PermissionError):
            laboratory.run(TODAY, probes=RUN_ONLY, benches=(CHECK,))


class TestBudget:
    @pytest.mark.parametrize(("budget", "tried"), [(1.0, 1), (19.9, 1), (20.0, 2), (35.0, 3), (1000.0, 4), (None, 4)])
    def test_no_trial_begins_that_would_not_end_in_time(
        self, laboratory: Laboratory, budget: float | None, tried: int
    ) -> None:
        found = laboratory.run(TODAY, THIN, FAT, FAT1, budget=budget)
        assert len(found.trials) == tried
        assert laboratory.clock.now == 10.0 * tried

    def test_what_is_known_already_costs_none_of_it(self, laboratory: Laboratory) -> None:
        laboratory.run(TODAY, THIN, FAT, FAT1, budget=20.0)
        found = laboratory.run(TODAY, THIN, FAT, FAT1, budget=20.0)
        assert laboratory.builder.built == [FAT, FAT1]
        assert len(found.trials) == 4

    def test_adding_a_bench_costs_only_the_bench(self, laboratory: Laboratory) -> None:
        laboratory.run(TODAY, THIN, FAT)
        laboratory.run(TODAY, THIN, FAT, benches=(CHECK,), budget=9.0)
        assert laboratory.probes.measured == ["check"] * 3


class TestIdentity:
    def test_depends_on_the_basis_and_each_axis(self) -> None:
        ids = {build_identity(basis, profile) for basis in ("a", "b") for profile in (TODAY, THIN, FAT, FAT1)}
        assert len(ids) == 8
        assert all(len(one) == 20 for one in ids)

    def test_does_not_depend_on_the_order_of_keys_and_tells_parts_apart(self) -> None:
        assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
        assert digest("ab", "c") != digest("a", "bc")


class TestWhatIsKnown:
    """What of an earlier run still holds: see ``docs/trust.md``."""

    def test_another_kernel_and_more_memory_repeat_nothing(self, laboratory: Laboratory) -> None:
        laboratory.run(TODAY, FAT, benches=(CHECK,))
        laboratory.machine = replace(MACHINE, kernel="6.12.0", memory=16 * 1024**3, os="Debian GNU/Linux 13")
        again = laboratory.run(TODAY, FAT, study_id="app-2", benches=(CHECK,))
        assert laboratory.builder.built == []
        assert laboratory.probes.measured == []
        assert len(again.trials) == 2

    def test_another_cpu_keeps_sizes_and_refuses_times(self, laboratory: Laboratory) -> None:
        laboratory.run(TODAY, FAT, benches=(CHECK,))
        laboratory.machine = replace(MACHINE, cpu="Other CPU 7")
        again = laboratory.run(TODAY, FAT, study_id="app-2", benches=(CHECK,), probes=frozenset({ProbeKind.SIZE}))
        assert laboratory.builder.built == []
        assert laboratory.probes.measured == []
        assert [metrics(trial) for trial in again.trials] == [{"size.file"}, {"size.file"}]

    def test_another_cpu_builds_again_for_times_and_sizes_of_the_same_bytes_stay(self, laboratory: Laboratory) -> None:
        laboratory.run(TODAY, FAT, benches=(CHECK,))
        laboratory.machine = replace(MACHINE, cpu="Other CPU 7")
        laboratory.run(TODAY, FAT, study_id="app-2", benches=(CHECK,))
        assert laboratory.builder.built == [TODAY, FAT]
        assert laboratory.probes.measured == ["check", "check"]

    def test_going_back_to_the_first_machine_repeats_nothing(self, laboratory: Laboratory) -> None:
        laboratory.run(TODAY, benches=(CHECK,))
        laboratory.machine = replace(MACHINE, cores=64)
        laboratory.run(TODAY, study_id="app-2", benches=(CHECK,))
        laboratory.machine = MACHINE
        laboratory.run(TODAY, study_id="app-3", benches=(CHECK,))
        assert laboratory.builder.built == []
        assert laboratory.probes.measured == []

    def test_other_jobs_build_again_and_keep_sizes_and_runs(self, laboratory: Laboratory) -> None:
        laboratory.run(TODAY, benches=(CHECK,))
        laboratory.run(TODAY, study_id="app-2", benches=(CHECK,), jobs=1)
        assert laboratory.builder.built == [TODAY]
        assert laboratory.probes.measured == []

    @pytest.mark.parametrize("cause", [Cause.TIMEOUT, Cause.OUT_OF_MEMORY])
    def test_what_was_too_much_for_one_machine_is_tried_on_another(self, laboratory: Laboratory, cause: Cause) -> None:
        laboratory.failures = {FAT: failure(cause)}
        laboratory.run(TODAY, FAT)
        laboratory.failures, laboratory.machine = {}, replace(MACHINE, cores=64)
        again = laboratory.run(FAT, study_id="app-2")
        assert [trial.status for trial in again.trials] == [Status.OK]

    def test_a_program_that_carries_a_path_is_another_one_elsewhere(self, laboratory: Laboratory) -> None:
        laboratory.provenance = FakeProvenance(paths=("/home/ann/app",))
        laboratory.run(TODAY)
        laboratory.provenance = FakeProvenance(paths=("/home/bob/app",))
        laboratory.run(TODAY, study_id="app-2")
        assert laboratory.builder.built == [TODAY]
        laboratory.provenance = FakeProvenance(paths=("/home/ann/app",))
        laboratory.run(TODAY, study_id="app-3")
        assert laboratory.builder.built == []

    def test_changed_inputs_are_built_again_and_old_rows_leave_the_study(self, laboratory: Laboratory) -> None:
        laboratory.run(TODAY, FAT)
        laboratory.provenance.changed = {build_identity("basis", profile) for profile in (TODAY, FAT)}
        study = laboratory.run(TODAY)
        assert laboratory.builder.built == [TODAY]
        assert [trial.profile for trial in study.trials] == [TODAY]

    def test_a_changed_input_of_a_bench_runs_it_again_and_builds_nothing(self, laboratory: Laboratory) -> None:
        laboratory.run(TODAY, FAT, benches=(CHECK,))
        laboratory.provenance.changed_benches = {CHECK.name}
        laboratory.run(TODAY, FAT, benches=(CHECK,))
        assert laboratory.builder.built == []
        assert laboratory.probes.measured == ["check", "check"]

    def test_fresh_measures_everything_again_and_is_what_is_known_afterwards(self, laboratory: Laboratory) -> None:
        laboratory.run(TODAY, FAT)
        laboratory.run(TODAY, FAT, study_id="app-2", fresh=True)
        assert laboratory.builder.built == [TODAY, FAT]
        laboratory.run(TODAY, FAT, study_id="app-3")
        assert laboratory.builder.built == []
