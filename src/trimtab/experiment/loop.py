"""The one loop: the search asks, a build is made, probes measure, the trial is stored, the search is told.

Everything with an effect comes in as an argument; the tests run the same loop with fakes.
"""

from __future__ import annotations

import shutil
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from trimtab.builders.builder import Builder
from trimtab.choice.finalists import Repeat, finalists, repeats
from trimtab.experiment.build_estimate import BuildEstimates, EarlierBuild
from trimtab.experiment.known import KnownTrials
from trimtab.experiment.protocols import Probes, Progress, WheelCheck
from trimtab.experiment.provenance import Provenance
from trimtab.experiment.results import (
    MOST_BUILDS,
    MOST_ROUNDS,
    OF_BUILDS,
    carried_over,
    with_builds,
    with_results,
    without_benches,
)
from trimtab.experiment.screening import Screening
from trimtab.measure.build_cost import cost_of
from trimtab.measure.effect import check_effect, shipped_crates
from trimtab.measure.trial_pairs import are_with, at_level, at_one_level, level_of, seconds_lacking, with_more_pairs
from trimtab.model.build_progress import OnBuildProgress
from trimtab.model.metric import Absent, Measurement, run_metric
from trimtab.model.plan import Bench, Plan, ProbeKind
from trimtab.model.profile import Profile
from trimtab.model.study import Study
from trimtab.model.trial import Artifact, BuildFailed, Built, Cause, Cost, Status, Trial
from trimtab.search.protocol import Search
from trimtab.store.protocol import Store
from trimtab.system.process import out_of_space
from trimtab.units import format_bytes

_PAUSE = 0.1
"""Seconds between two attempts to end builds."""


@dataclass(kw_only=True)
class Experiment:
    """One exploration with all that it works with."""

    plan: Plan
    study: Study
    builder: Builder
    search: Search
    store: Store
    probes: Probes
    check_sources: Callable[[], None]
    """Raises when the sources are no longer what they were."""
    provenance: Provenance
    """Tells what trials are tied to beside their identity, and whether that still holds."""
    progress: Progress
    wheel_check: WheelCheck | None = None
    """Set where wheels are built."""
    screening: Screening | None = None
    """If left out, every profile is built cleanly."""
    clock: Callable[[], float] = time.monotonic
    which: Callable[[str], str | None] = shutil.which
    """Finds programs."""
    _baseline: tuple[Artifact, ...] = field(default=(), init=False)
    _is_hopeless: bool = field(default=False, init=False)
    """Set when today's profile has failed: nothing can be compared then, whatever else is built."""
    _durations: list[float] = field(default_factory=list, init=False)
    _estimates: BuildEstimates = field(default_factory=BuildEstimates, init=False)
    _seconds_per_byte: float | None = field(default=None, init=False)
    """Duration of the last size measurement, in proportion to the size."""

    def run(self) -> Study:
        """Try profiles until the search has no more or the budget is used up; returns the study with its trials."""
        begun = self.clock()
        self.store.begin(self.study)
        self._leave_out_outdated()
        self.progress.begin(self.study, self.search.remaining)
        while not self._is_hopeless and self._in_budget(begun) and (profiles := self._asked()):
            now, is_news = self.clock(), False
            for profile, built in zip(profiles, self._screened(profiles), strict=True):
                trial, known = self._trial(profile, built, clean=self._is_clean(profile))
                if trial.id == self.study.baseline:
                    self._baseline = () if trial.failure else trial.artifacts
                    self._is_hopeless = bool(trial.failure)
                self.search.tell(trial)
                self.progress.done(trial, known=known, left=self.search.remaining)
                is_news = is_news or not known
            if is_news:
                self._durations.append(self.clock() - now)
        self._confirm(begun)
        self._decide(begun)
        return self._loaded

    @property
    def _loaded(self) -> Study:
        """The study with the trials so far."""
        return at_one_level(self.store.load(self.study.id))

    @property
    def _known(self) -> KnownTrials:
        return KnownTrials(store=self.store, study=self.study, provenance=self.provenance)

    def _leave_out_outdated(self) -> None:
        """Take trials out of a study that is taken up again where something that they read has changed since."""
        for trial in self.store.load(self.study.id).trials:
            if not self.provenance.holds(trial):
                self.store.append(self.study.id, replace(trial, outdated=True))

    def _asked(self) -> list[Profile]:
        """The next profiles to try: as many as may be built at once."""
        profiles: list[Profile] = []
        while len(profiles) < self._at_once() and (profile := self.search.ask()) is not None:
            profiles.append(profile)
        return profiles

    def _at_once(self) -> int:
        """One, until today's profile has been built cleanly, and so told what a build takes."""
        today = self._known.find(self.study.baseline_profile) if self.screening and self._baseline else None
        peak = today.value("build.peak_memory") if today else None
        return self.screening.beside(int(peak)) if self.screening and peak else 1

    def _screened(self, profiles: Sequence[Profile]) -> list[Built | None]:
        """Build profiles from shared units, all at once.

        Nothing for those that are not to be built so, and for those that could not be: a clean build will tell whether
        that lies in the profile, or in the units and in the other builds beside it.
        """
        wanted = [profile for profile in profiles if not self._is_clean(profile) and self._is_new(profile)]
        if not self.screening or not wanted:
            return [None for _ in profiles]
        for profile in wanted:
            self.progress.step(profile, "building")
        with ThreadPoolExecutor(len(wanted)) as threads:
            builds: list[Future[Built | BuildFailed]] = []
            try:
                for builder, profile in zip(self.screening.builders, wanted, strict=False):
                    show = self._showing(profile)
                    builds.append(threads.submit(builder.build, profile, touch=False, on_progress=show))
                built = dict(zip(wanted, (build.result() for build in builds), strict=True))
            except BaseException:
                self.screening.interrupt()
                while wait(builds, _PAUSE).not_done:  # a builder may have been about to start a process
                    self.screening.interrupt()
                raise
        self.check_sources()
        for profile, result in built.items():
            self._estimate_from(profile, result)
        outcomes = (built.get(profile) for profile in profiles)
        return [outcome if isinstance(outcome, Built) else None for outcome in outcomes]

    def _is_clean(self, profile: Profile) -> bool:
        """Whether a profile is built cleanly at once.

        So is today's, since all others are held against it; and trained ones, whose counters serve no other profile.
        """
        return not self.screening or profile.is_trained or profile == self.study.baseline_profile

    def _is_new(self, profile: Profile) -> bool:
        trial = self._known.find(profile)
        return trial is None or self._must_build(trial, clean=False)

    def _confirm(self, begun: float) -> None:
        """Build cleanly what any goal would take, until that is what has been built cleanly."""
        while self.screening and (left := finalists(self._loaded)) and self._in_budget(begun):
            now = self.clock()
            trial, known = self._trial(left[0].profile, None, clean=True)
            self._durations.append(self.clock() - now)
            self.progress.done(trial, known=known, left=len(left) - 1)

    def _decide(self, begun: float) -> None:
        """Repeat what would decide the recommendation, until it is decided or as much was done as is reasonable."""
        rounds: Counter[tuple[str, Bench | None]] = Counter()
        while self._in_budget(begun) and (repeat := self._next_repeat(rounds)):
            now = self.clock()
            rounds[repeat.trial.id, repeat.bench] += 1
            trial = self._keep(self._repeated(repeat), now - repeat.trial.seconds)
            self._durations.append(self.clock() - now)
            self.progress.done(trial, known=False, left=0)

    def _next_repeat(self, rounds: Mapping[tuple[str, Bench | None], int]) -> Repeat | None:
        for repeat in repeats(self._loaded):
            trial, bench, done = repeat.trial, repeat.bench, rounds.get((repeat.trial.id, repeat.bench), 0)
            if bench:
                lacking = seconds_lacking(trial, bench, self.plan.bench_time, MOST_ROUNDS)
                possible = bench in self._wanted_benches(trial) and done < MOST_ROUNDS and lacking > 0
            else:
                cost = trial.get("build.clean.cpu")
                builds = max(done + 1, cost.samples if cost else 0)
                possible = ProbeKind.BUILD in self.plan.probes and builds < MOST_BUILDS
            if possible:
                return repeat
        return None

    def _repeated(self, repeat: Repeat) -> Trial:
        """A trial with one more clean build, or another round of pairs of a bench, added to what is known."""
        trial, bench = repeat.trial, repeat.bench
        if bench:
            self.progress.step(trial.profile, f"running {bench.name} again")
            return self._with_more_runs(trial, bench, self.plan.bench_time)
        self.progress.step(trial.profile, "building again")
        touch = self.study.limits.touch is not None
        built = self.builder.build(trial.profile, touch=touch, on_progress=self._showing(trial.profile))
        self.check_sources()
        costs = cost_of(built) if isinstance(built, Built) else ()
        return with_builds(trial, (cost for cost in costs if isinstance(cost, Measurement)))

    def _with_more_runs(self, trial: Trial, bench: Bench, seconds: float) -> Trial:
        results = self._take(trial, frozenset(), (bench,), more=seconds)
        self.check_sources()
        return with_more_pairs(trial, bench, results, level_of(self.study, bench))

    def _in_budget(self, begun: float) -> bool:
        """Whether another trial is likely to end in time; the first is always tried."""
        if self.plan.budget is None or not self._durations:
            return True
        expected = sum(self._durations) / len(self._durations)
        return self.clock() - begun + expected <= self.plan.budget

    def _trial(self, profile: Profile, screened: Built | None, *, clean: bool) -> tuple[Trial, bool]:
        """A profile's trial, and whether it was known already. What is found is stored step by step.

        Args:
            profile: to try.
            screened: what came of building it from shared units, if that was done just now.
            clean: whether only a clean build will do.
        """
        begun = self.clock() - (screened.clean.wall if screened else 0.0)
        known = self._known.find(profile)
        trial = self._checked_again(known) if known else None
        if trial and not screened and not self._must_build(trial, clean=clean):
            if wall := trial.value("build.clean.wall"):
                self._estimates.add(EarlierBuild(profile=profile, wall=wall, rebuild=trial.value("build.touch.wall")))
            trial = without_benches(trial, self._stale_benches(trial))
            if trial.failure or not any(self._missing(trial)):
                self.store.append(self.study.id, known := at_level(self.study, trial))
                return known, True
            begun -= trial.seconds
        else:
            trial = carried_over(known, self._build(profile, screened))
        trial = self._keep(trial, begun)
        if not trial.failure:
            trial = self._measure(trial, begun)
        return trial, False

    def _checked_again(self, trial: Trial) -> Trial:
        """A known trial, its wheel looked at again where that may end otherwise now: it takes no build.

        So it may if the user has another smoke check, and where the wheel could not be installed.
        """
        check, cause = self.wheel_check, trial.failure and trial.failure.cause
        kept = trial.artifacts and self.provenance.is_kept(trial)
        if not check or not kept or cause not in (None, Cause.SMOKE, Cause.INSTALL):
            return trial
        if trial.smoke == check.snippet and cause is not Cause.INSTALL:
            return trial
        failure = check.check(trial.artifacts[0])
        status = failure.cause.status if failure else Status.OK
        return replace(trial, failure=failure, status=status, smoke=check.snippet)

    def _keep(self, trial: Trial, begun: float) -> Trial:
        trial = replace(trial, seconds=self.clock() - begun)
        self.store.append(self.study.id, trial)
        return trial

    def _must_build(self, trial: Trial, *, clean: bool) -> bool:
        if trial.screened and clean:
            return True
        if trial.failure:
            longest = self.plan.build_timeout
            more_time = trial.status is Status.TIMEOUT and (longest is None or longest > trial.failure.wall)
            return trial.failure.cause.passing or more_time or not self.provenance.is_kept(trial)
        wanted = {ProbeKind.BUILD} if trial.screened else OF_BUILDS
        unmeasured = (wanted & self.plan.probes) - set(trial.probes)
        return bool(unmeasured) or not self.provenance.is_kept(trial)

    def _build(self, profile: Profile, screened: Built | None) -> Trial:
        started = datetime.now(UTC).isoformat(timespec="microseconds")
        built: Built | BuildFailed | None = screened
        if not built:
            self.progress.step(profile, "building")
            touch = ProbeKind.TOUCH in self.plan.probes
            built = self.builder.build(profile, touch=touch, on_progress=self._showing(profile))
            self.check_sources()
            self._estimate_from(profile, built)
        if isinstance(built, BuildFailed):
            return Trial(
                id=self.study.trial_id(profile),
                profile=profile,
                status=built.cause.status,
                started=started,
                seconds=0.0,
                failure=built,
                timing=self.study.timing,
                wrote=built.wrote,
            )
        return self._built(profile, started, built)

    def _showing(self, profile: Profile) -> OnBuildProgress:
        """Shows the states of a profile's build."""
        return lambda state: self.progress.building(profile, self._estimates.complete(profile, state))

    def _estimate_from(self, profile: Profile, built: Built | BuildFailed) -> None:
        if isinstance(built, Built):
            rebuild = built.touch.wall if isinstance(built.touch, Cost) else None
            self._estimates.add(
                EarlierBuild(profile=profile, wall=built.clean.wall, rebuild=rebuild, trace=built.trace)
            )

    def _built(self, profile: Profile, started: str, built: Built) -> Trial:
        costs = [result for result in cost_of(built) if _kind_of_cost(result.name) in self.plan.probes]
        is_wheel = self.wheel_check is not None
        names = tuple(artifact.name for artifact in built.artifacts)
        if is_wheel:  # which may hold more than the crate that was looked at
            names = shipped_crates(built.invocations) or self.study.project.binaries
        effects = {name: check_effect(built.invocations, name, profile) for name in names}
        unseen = [name for name, effect in effects.items() if effect is None]
        failure = self.wheel_check.check(built.artifacts[0]) if self.wheel_check else None
        paths, native = self.provenance.of_build(built)
        return Trial(
            id=self.study.trial_id(profile),
            profile=profile,
            status=failure.cause.status if failure else Status.OK,
            failure=failure,
            smoke=self.wheel_check.snippet if self.wheel_check else "",
            tags=self.wheel_check.tags(built.artifacts[0]) if self.wheel_check else None,
            screened=built.shared,
            trained=built.trained,
            timing=self.study.timing,
            paths=paths,
            native=native,
            wrote=built.wrote,
            inputs=built.inputs,
            started=started,
            seconds=0.0,
            artifacts=built.artifacts,
            effects=tuple(effect for effect in effects.values() if effect),
            measurements=tuple(result for result in costs if isinstance(result, Measurement)),
            absent=(
                *(result for result in costs if isinstance(result, Absent)),
                *(Absent(name=f"effect[{name}]", reason="its rustc call was not seen") for name in unseen),
            ),
            probes=tuple(sorted(self.plan.probes & ({ProbeKind.BUILD} if built.shared else OF_BUILDS))),
        )

    def _wanted_benches(self, trial: Trial) -> tuple[Bench, ...]:
        """The plan's benches; none without today's binary, since runs are pairs with it."""
        paired = bool(self._baseline) or trial.id == self.study.baseline
        return self.plan.benches if paired and ProbeKind.RUN in self.plan.probes else ()

    def _stale_benches(self, trial: Trial) -> tuple[Bench, ...]:
        """Benches whose name now stands for another command or other inputs.

        Results of benches that are not wanted now stay: they may be wanted again.
        """
        inputs = {known.bench: known for known in trial.bench_inputs}
        ran = {bench.name: bench for bench in trial.benches}
        paired = () if trial.id == self.study.baseline else self._baseline
        return tuple(
            bench
            for bench in self._wanted_benches(trial)
            if bench.name in ran
            and (
                (ran[bench.name].command, ran[bench.name].stdin) != (bench.command, bench.stdin)
                or not (self.provenance.holds_for(bench, inputs.get(bench.name)) and are_with(trial, bench, paired))
            )
        )

    def _missing(self, trial: Trial) -> tuple[frozenset[ProbeKind], tuple[Bench, ...]]:
        """The probes and benches that the plan wants and the trial lacks, has too few of, or lacked a program for."""
        possible = tuple(result.name for result in trial.absent if result.needs and self.which(result.needs))
        kinds = self.plan.probes - set(trial.probes) - OF_BUILDS - {ProbeKind.RUN}
        if any(name.startswith("size.") for name in possible):
            kinds |= self.plan.probes & {ProbeKind.SIZE}
        ran = {(bench.name, bench.command, bench.stdin) for bench in trial.benches}
        benches = (
            bench
            for bench in self._wanted_benches(trial)
            if (bench.name, bench.command, bench.stdin) not in ran
            or any(name.startswith(run_metric(bench.name, "")) for name in possible)
            or seconds_lacking(trial, bench, self.plan.bench_time)
        )
        return frozenset(kinds), tuple(benches)

    def _measure(self, trial: Trial, begun: float) -> Trial:
        """Take what is missing, group by group; a group for which the disk is too full is left for another time."""
        kinds, benches = self._missing(trial)
        for kind in sorted(kinds):
            size, now = sum(artifact.size for artifact in trial.artifacts), self.clock()
            expected = None if self._seconds_per_byte is None else self._seconds_per_byte * size
            self.progress.step(
                trial.profile, f"measuring size: strip, gzip, xz of {format_bytes(size)}", expected=expected
            )
            if results := self._take(trial, frozenset({kind}), ()):
                trial = with_results(trial, results, f"{kind}.")
                trial = self._keep(replace(trial, probes=tuple(sorted({*trial.probes, kind}))), begun)
                self._seconds_per_byte = (self.clock() - now) / size if size else None
        for bench in benches:
            if lacking := seconds_lacking(trial, bench, self.plan.bench_time):
                self.progress.step(trial.profile, f"running {bench.name} for longer")
                trial = self._keep(self._with_more_runs(trial, bench, lacking), begun)
                continue
            self.progress.step(trial.profile, f"running {bench.name}")
            inputs = self.provenance.of_bench(bench)
            if results := self._take(trial, frozenset(), (bench,)):
                trial = with_results(without_benches(trial, (bench,)), results, run_metric(bench.name, ""))
                run = replace(trial, benches=(*trial.benches, bench), bench_inputs=(*trial.bench_inputs, inputs))
                trial = self._keep(run, begun)
        self.check_sources()
        return trial

    def _take(
        self, trial: Trial, kinds: frozenset[ProbeKind], benches: tuple[Bench, ...], *, more: float = 0.0
    ) -> list[Measurement | Absent]:
        baseline = () if trial.id == self.study.baseline else self._baseline
        try:
            probes = self.probes.make(kinds, benches, more=more)
            return [result for probe in probes for result in probe.measure(trial.artifacts, baseline)]
        except OSError as error:
            if not out_of_space(error):
                raise
            return []


def _kind_of_cost(metric: str) -> ProbeKind:
    return ProbeKind.TOUCH if metric.startswith("build.touch.") else ProbeKind.BUILD
