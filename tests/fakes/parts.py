"""Fakes of the protocols that `experiment/loop.py` puts together."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from trimtab.errors import InputError
from trimtab.measure.probe import Probe
from trimtab.model.build_progress import BuildProgress, OnBuildProgress, ignore_progress
from trimtab.model.inputs import BenchInputs
from trimtab.model.metric import Absent, Measurement, ratio_metric, run_metric
from trimtab.model.plan import Bench, ProbeKind
from trimtab.model.profile import Profile
from trimtab.model.study import Study, Summary
from trimtab.model.trace import Trace
from trimtab.model.trial import Artifact, BuildFailed, Built, Cost, Invocation, Trial


@dataclass
class FakeClock:
    """A clock that only moves when it is told to."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass
class FakeBuilder:
    """Writes a small file for each binary, its bytes given by the profile; fails where it is told to."""

    folder: Path
    binaries: tuple[str, ...] = ("app",)
    failures: Mapping[Profile, BuildFailed] = field(default_factory=dict)
    identical: Sequence[Profile] = ()
    """Profiles that all give the same bytes."""
    clock: FakeClock = field(default_factory=FakeClock)
    seconds: float = 10.0
    """What each build takes on the clock."""
    built: list[Profile] = field(default_factory=list)
    sizes: Mapping[Profile, int] = field(default_factory=dict)
    """Bytes of each binary; of others as it comes."""
    shares: bool = False
    """Whether it takes units from other builds."""
    cost: Callable[[], float] | None = None
    """CPU seconds of the next build; twice its wall time if left out."""
    meanwhile: Callable[[Profile], object] = lambda _: None
    """Is called during each build."""

    def build(
        self, profile: Profile, *, touch: bool, on_progress: OnBuildProgress = ignore_progress
    ) -> Built | BuildFailed:
        """Make the files."""
        self.built.append(profile)
        on_progress(BuildProgress(total=1))
        self.clock.now += self.seconds
        self.meanwhile(profile)
        if profile in self.failures:
            return self.failures[profile]
        cpu = self.cost() if self.cost else self.seconds * 2
        cost = Cost(wall=self.seconds, cpu=cpu, peak_memory=1_000_000, memory_method="played")
        if touch:
            on_progress(BuildProgress(rebuilds="src/main.rs"))
        return Built(
            artifacts=tuple(self._artifact(name, profile) for name in self.binaries),
            clean=cost,
            touch=replace(cost, wall=1.0) if touch else None,
            touched="src/main.rs",
            invocations=(Invocation(crate="app", arguments=("--crate-type", "bin", *_told(profile))),),
            trace=Trace(units=(), cargo_cpu=cost.cpu),
            shared=self.shares,
        )

    def _artifact(self, name: str, profile: Profile) -> Artifact:
        content = f"{name} {'same' if profile in self.identical else profile}".encode()
        content = content.ljust(self.sizes.get(profile, 0), b".")
        sha256 = hashlib.sha256(content).hexdigest()
        path = self.folder / sha256 / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return Artifact(name=name, size=len(content), sha256=sha256, path=str(path))


def _told(profile: Profile) -> tuple[str, ...]:
    options = [f"opt-level={profile.opt_level}", f"panic={profile.panic}", f"strip={profile.strip}"]
    options += [f"codegen-units={profile.codegen_units}"]
    options += [f"lto={profile.lto}"] if profile.lto != "local" else []
    return tuple(word for option in options for word in ("-C", option))


@dataclass
class FakeProbe:
    """Gives the length of the first binary, or per bench a time on the clock."""

    kind: ProbeKind = ProbeKind.SIZE
    benches: tuple[Bench, ...] = ()
    clock: FakeClock = field(default_factory=FakeClock)
    seconds: float = 3.0
    weighing: float = 0.0
    """What a size takes on the clock."""
    log: list[tuple[str, Artifact, Artifact | None]] = field(default_factory=list)
    """What was measured, of which binary, against which one of today's."""

    def measure(
        self, artifacts: tuple[Artifact, ...], baseline: tuple[Artifact, ...]
    ) -> Iterator[Measurement | Absent]:
        """One number per bench, or the size."""
        head, base = artifacts[0], baseline[0] if baseline else None
        if self.kind is ProbeKind.SIZE:
            self.log.append(("size", head, base))
            self.clock.now += self.weighing
            yield Measurement(name="size.file", value=head.size, unit="bytes", method="played")
        for bench in self.benches:
            self.log.append((bench.name, head, base))
            self.clock.now += self.seconds
            yield Measurement(name=run_metric(bench.name, "wall"), value=self.seconds, unit="s", method="played")
            ratio = ratio_metric(bench.name, "wall")
            yield Measurement(name=ratio, value=1.0, unit="ratio", low=1.0, high=1.0, method="played")


@dataclass
class _Measuring:
    """A probe that is just a function."""

    measure: Callable[..., Iterator[Measurement | Absent]]


@dataclass
class FakeProbes:
    """Makes fake probes that share one log."""

    clock: FakeClock = field(default_factory=FakeClock)
    log: list[tuple[str, Artifact, Artifact | None]] = field(default_factory=list)
    weighing: float = 0.0
    """What each size takes on the clock."""
    measure: Callable[..., Iterator[Measurement | Absent]] = FakeProbe.measure
    """How its probes measure."""

    def make(self, kinds: frozenset[ProbeKind], benches: tuple[Bench, ...], *, more: float = 0.0) -> tuple[Probe, ...]:
        """A probe for the size and one for the benches, as wanted."""
        size = FakeProbe(log=self.log, clock=self.clock, weighing=self.weighing)
        probes: list[Probe] = [size] if ProbeKind.SIZE in kinds else []
        if benches:
            probe = FakeProbe(kind=ProbeKind.RUN, benches=benches, log=self.log, clock=self.clock)
            probes.append(_Measuring(partial(self.measure, probe)))
        return tuple(probes)

    @property
    def measured(self) -> list[str]:
        """What was measured, in order."""
        return [what for what, _, _ in self.log]


class FakeSearch:
    """Asks for the profiles it is given, and remembers what it is told."""

    def __init__(self, *profiles: Profile) -> None:
        self._waiting = list(profiles)
        self.told: list[Trial] = []

    def ask(self) -> Profile | None:
        """The next one."""
        return self._waiting.pop(0) if self._waiting else None

    def tell(self, trial: Trial) -> None:
        """Remember it."""
        self.told.append(trial)

    @property
    def remaining(self) -> int:
        """How many are left."""
        return len(self._waiting)


class MemoryStore:
    """A store in memory."""

    def __init__(self) -> None:
        self._studies: dict[str, Study] = {}
        self._trials: dict[str, dict[str, Trial]] = {}
        self._records: list[tuple[str, Trial]] = []
        self.closed = False

    def begin(self, study: Study) -> None:
        """Keep the frame."""
        self._studies[study.id] = replace(study, trials=())
        self._trials.setdefault(study.id, {})

    def append(self, study_id: str, trial: Trial) -> None:
        """Keep a trial, as the newest."""
        self._trials[study_id].pop(trial.id, None)
        self._trials[study_id][trial.id] = trial
        self._records = [(study, kept) for study, kept in self._records if (study, kept.id) != (study_id, trial.id)]
        self._records.append((study_id, trial))

    def find_trials(self, trial_id: str) -> tuple[Trial, ...]:
        """All records, the newest first."""
        return tuple(replace(kept, outdated=False) for _, kept in reversed(self._records) if kept.id == trial_id)

    def load(self, study_id: str) -> Study:
        """A study with its trials."""
        found = self._find(study_id)
        return replace(found, trials=tuple(kept for kept in self._trials[found.id].values() if not kept.outdated))

    def history(self) -> list[Summary]:
        """All studies, newest first."""
        return [
            Summary(
                id=study.id,
                created=study.created,
                project=study.project.name,
                root=study.project.root,
                planned=study.planned,
                trials=len(self._trials[study.id]),
                failed=sum(bool(trial.failure) for trial in self._trials[study.id].values()),
            )
            for study in self._newest_first()
        ]

    def close(self) -> None:
        """Nothing to give back."""
        self.closed = True

    def _newest_first(self) -> list[Study]:
        begun = list(self._studies)
        return sorted(self._studies.values(), key=lambda one: (one.created, begun.index(one.id)), reverse=True)

    def _find(self, study_id: str) -> Study:
        studies = self._newest_first()
        found = studies[:1] if study_id == "last" else [one for one in studies if one.id.startswith(study_id)]
        exact = [one for one in found if one.id == study_id]
        if len(exact or found) != 1:
            raise InputError(f"no study, or several: {study_id}")
        return (exact or found)[0]


@dataclass
class RecordingProgress:
    """Remembers what it is told."""

    events: list[str] = field(default_factory=list)
    states: list[tuple[Profile, BuildProgress]] = field(default_factory=list)

    def begin(self, study: Study, left: int) -> None:
        """An exploration begins."""
        self.events.append(f"begin {study.id} {left}")

    def step(self, profile: Profile, activity: str, *, expected: float | None = None) -> None:
        """A profile is being worked on."""
        about = "" if expected is None else f" for {expected:g} s"
        self.events.append(f"step {profile.lto}/{profile.codegen_units} {activity}{about}")

    def building(self, profile: Profile, state: BuildProgress) -> None:
        """A build is at this state."""
        self.states.append((profile, state))

    def done(self, trial: Trial, *, known: bool, left: int) -> None:
        """A trial is finished."""
        self.events.append(
            f"done {trial.profile.lto}/{trial.profile.codegen_units} {'known' if known else 'new'} {left}"
        )


@dataclass
class FakeProvenance:
    """Provenance in which everything is as it was, but for what a test changes."""

    changed: set[str] = field(default_factory=set)
    """Identities of trials whose inputs have changed."""
    changed_benches: set[str] = field(default_factory=set)
    paths: tuple[str, ...] = ()
    """Paths that get into every program."""

    def holds(self, trial: Trial) -> bool:
        """Whether a trial's inputs are as they were."""
        return trial.id not in self.changed and set(trial.paths) <= set(self.paths)

    def is_kept(self, trial: Trial) -> bool:
        """Whether its programs are there."""
        return all(Path(artifact.path).exists() for artifact in trial.artifacts)

    def of_build(self, built: Built) -> tuple[tuple[str, ...], bool]:
        """The paths that get into every program."""
        return self.paths, False

    def of_bench(self, bench: Bench) -> BenchInputs:
        """No inputs."""
        return BenchInputs(bench=bench.name)

    def holds_for(self, bench: Bench, inputs: BenchInputs | None) -> bool:
        """Whether a bench's inputs are as they were."""
        return bench.name not in self.changed_benches
