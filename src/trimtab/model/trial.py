"""One profile, built and measured; or the reason why not."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from trimtab.model.inputs import BenchInputs, BuildInputs
from trimtab.model.machine import Timing
from trimtab.model.metric import Absent, Measurement
from trimtab.model.plan import Bench, ProbeKind
from trimtab.model.profile import Profile
from trimtab.model.trace import Trace, Unit

ENDS_INTERPRETER = "with panic = abort a panic ends the Python interpreter, instead of becoming an exception"
"""Warning of the effect check for a PyO3 module that is built so."""


class Status(StrEnum):
    """Outcome of a trial's build."""

    OK = "ok"
    FAILED = "failed"
    TIMEOUT = "timeout"
    OOM = "oom"


class Cause(StrEnum):
    """Why a build failed."""

    COMPILER = "compiler"
    LINKER = "linker"
    BUILD_SCRIPT = "build script"
    OUT_OF_MEMORY = "out of memory"
    TIMEOUT = "timeout"
    DISK_FULL = "disk full"
    KILLED = "killed"
    SMOKE = "smoke check"
    INSTALL = "installation"
    """A wheel could not be installed, or trying it came to no end."""
    TRAINING = "training"
    """The program could not be trained, or its counters could not be read."""
    CARGO = "cargo"

    @property
    def status(self) -> Status:
        """The status of a trial that failed for this cause."""
        return {Cause.TIMEOUT: Status.TIMEOUT, Cause.OUT_OF_MEMORY: Status.OOM}.get(self, Status.FAILED)

    @property
    def passing(self) -> bool:
        """Whether the cause lies in the moment rather than in the profile, so that a rerun tries again."""
        return self in (Cause.DISK_FULL, Cause.KILLED, Cause.TRAINING)  # with other tools or more time, it may work


@dataclass(frozen=True, kw_only=True, slots=True)
class Artifact:
    """A binary that a build produced, kept by content."""

    name: str
    size: int
    """Bytes as shipped."""
    sha256: str
    path: str
    """Path of the kept copy."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Cost:
    """Cost of one run of Cargo."""

    wall: float
    """Seconds."""
    cpu: float
    """Seconds, user and system, of the whole process tree."""
    peak_memory: int | None = None
    """Bytes of the whole process tree at one moment; ``None`` where it could not be watched."""
    memory_method: str = ""
    other_load: float = 0.0
    """Cores that other programs kept busy meanwhile, on average."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainingStep:
    """One round of instrumenting, training and merging, for the compiler or for BOLT."""

    instrumented: Cost
    """Of the instrumented build; of BOLT, of instrumenting the program."""
    instrumented_size: int
    """Bytes of the instrumented program or wheel."""
    training: Cost
    merging: Cost
    slowdown: float | None = None
    """CPU seconds of training over those of the same commands with the finished program."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainedBuild:
    """Account of a build that took training runs; what is not in it happened in no training."""

    pgo: TrainingStep | None = None
    bolt: TrainingStep | None = None
    optimized: Cost
    """Of the last build by Cargo; where BOLT ran, with what it took to lay out the program."""
    functions: int | None = None
    """Functions that the compiler's profile knows of."""
    covered: int | None = None
    """Those among them that training ran."""
    executed: float | None = None
    """Share of what held-out benches execute, by counters in the program's own code, that training ran too."""
    held_out: tuple[tuple[str, ...], ...] = ()
    """Commands of those benches."""
    matched: float | None = None
    """Share of the program's own functions in a profile that was given which are still in the program; ``None`` where
    it was trained, or not told."""
    profile_data: Artifact | None = None
    """The merged profile that the compiler used, kept."""
    notes: tuple[str, ...] = ()
    """Troubles that did not stop it, such as a counter file that could not be read."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Invocation:
    """One call of rustc as Cargo made it."""

    crate: str
    arguments: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Built:
    """A successful build of all chosen binaries."""

    artifacts: tuple[Artifact, ...]
    clean: Cost
    touch: Cost | Absent | None
    """Touch-and-rebuild; ``None`` when it was not asked for."""
    touched: str = ""
    """The source file whose edit was played."""
    invocations: tuple[Invocation, ...] = ()
    trace: Trace | None = None
    """Time of each unit, where that was watched."""
    inputs: BuildInputs | None = None
    """Files and variables that it read; ``None`` where that is not known."""
    trained: TrainedBuild | None = None
    """Set where it took training runs; `clean` is then the sum of all steps."""
    shared: bool = False
    """Whether units were taken from other builds: then `clean` is what this one took, not what a clean one does."""
    wrote: tuple[str, ...] = ()
    """Changes that it made in the tree and that were kept out of it, such as ``wrote src/gen.rs``; the first few."""
    unprofiled: frozenset[str] = frozenset()
    """Functions that had no counts in the profile data that was given, where rustc was asked to say so."""

    @property
    def size(self) -> int:
        """Bytes of the binaries as shipped."""
        return sum(artifact.size for artifact in self.artifacts)


def kept_out(changes: tuple[str, ...]) -> str:
    """Say what a build changed in the tree, as a sentence."""
    return f"the build changed the project's own tree, which was kept from it: {', '.join(changes)}"


@dataclass(frozen=True, kw_only=True, slots=True)
class BuildFailed:
    """A build that did not succeed: a result like any other."""

    cause: Cause
    message: str
    """The line that names the trouble."""
    log: tuple[str, ...] = ()
    """The last lines of what Cargo said."""
    wall: float = 0.0
    """Seconds until it failed."""
    unit: Unit | None = None
    """The unit that failed, where that was watched, and what it had taken by then."""
    wrote: tuple[str, ...] = ()
    """Changes that it made in the tree and that were kept out of it; the first few."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Effect:
    """Settings that one final artifact was really compiled with, and the differences to what was asked."""

    binary: str
    lto: str
    codegen_units: int
    opt_level: str
    panic: str
    strip: str
    debug: str
    rustflags: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class WheelTags:
    """Tags of a wheel: the platforms and Pythons that it claims to work on."""

    claimed: tuple[str, ...]
    """The tags of its file name, such as ``cp311-abi3-linux_x86_64``."""
    platform: str = ""
    """The oldest Linux that has all that it needs, as a platform tag; nothing where that is not known."""
    warnings: tuple[str, ...] = ()
    """Claims that it does not keep."""
    unknown: tuple[str, ...] = ()
    """Checks that could not be made, and why."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Trial:
    """One profile, built and measured, or the failure."""

    id: str
    """Build identity: see :mod:`trimtab.model.identity`."""
    profile: Profile
    status: Status
    started: str
    """UTC, ISO 8601."""
    seconds: float
    """Seconds that the trial took, measuring included."""
    measurements: tuple[Measurement, ...] = ()
    absent: tuple[Absent, ...] = ()
    effects: tuple[Effect, ...] = ()
    artifacts: tuple[Artifact, ...] = ()
    tags: WheelTags | None = None
    """Set where the artifact is a wheel."""
    smoke: str = ""
    """The user's own part of the smoke check that it has been through."""
    failure: BuildFailed | None = None
    screened: bool = False
    """Whether it was built from units of other builds, and what it costs was summed up: good for choosing whom to
    measure, and replaced by what a clean build gives."""
    probes: tuple[ProbeKind, ...] = ()
    """The groups of metrics that were measured."""
    benches: tuple[Bench, ...] = ()
    """The benches that were run."""
    bench_inputs: tuple[BenchInputs, ...] = ()
    """Inputs of their runs."""
    timing: Timing | None = None
    """Conditions under which it was timed; ``None`` where they are not known, so that its times are not either."""
    paths: tuple[str, ...] = ()
    """Absolute paths of the checkout or the machine that got into the program: elsewhere its bytes may differ."""
    native: bool = False
    """Whether it was compiled for the CPU at hand (``target-cpu=native``): on another one its bytes may differ."""
    inputs: BuildInputs | None = None
    """Files and variables that the build read beside the sources; ``None`` where that is not known."""
    trained: TrainedBuild | None = None
    """Set where building it took training runs."""
    wrote: tuple[str, ...] = ()
    """Changes that its build made in the tree and that were kept out of it; the first few."""
    outdated: bool = False
    """Whether its study was taken up again after something that it read had changed; it is no part of that then."""

    def get(self, name: str) -> Measurement | None:
        """The measurement of that name, if there is one."""
        return next((measurement for measurement in self.measurements if measurement.name == name), None)

    def value(self, name: str) -> float | None:
        """The value of the measurement of that name, if there is one."""
        measurement = self.get(name)
        return measurement.value if measurement else None

    @property
    def warnings(self) -> tuple[str, ...]:
        """Warnings of the effect check, over all binaries, of the check of a wheel's tags, and of training."""
        warnings = [warning for effect in self.effects for warning in effect.warnings]
        tags = self.tags.warnings if self.tags else ()
        return tuple(dict.fromkeys((*warnings, *tags, *(self.trained.notes if self.trained else ()))))
