"""An exploration of one project on one machine: what was asked, and the trials so far."""

from __future__ import annotations

from dataclasses import dataclass

from trimtab.model.plan import Bench, Economics, Goal, Limits, Selection
from trimtab.model.profile import Profile
from trimtab.model.trial import Status, Trial


@dataclass(frozen=True, kw_only=True, slots=True)
class Machine:
    """What times depend on. Times of unlike machines are never compared."""

    cpu: str
    cores: int
    """Cores this process may use."""
    memory: int
    """Bytes."""
    os: str
    kernel: str
    arch: str

    def unlike(self, other: Machine) -> tuple[str, ...]:
        """Why times of another machine cannot be set beside those of this one; nothing where they can."""
        return tuple(
            f"{name} {ours}, not {theirs}"
            for name, ours, theirs in (
                ("CPU", self.cpu, other.cpu),
                ("cores", self.cores, other.cores),
                ("bytes of memory", self.memory, other.memory),
                ("system", self.os, other.os),
                ("kernel", self.kernel, other.kernel),
                ("architecture", self.arch, other.arch),
            )
            if ours != theirs
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Toolchain:
    """The compiler and what drives it."""

    rustc: str
    """First line of ``rustc -vV``, with its commit."""
    cargo: str
    host: str
    """Host target triple."""
    llvm: str
    linker: str = ""
    """What the C compiler that drives the linker calls itself."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ProjectInfo:
    """The project as the study saw it."""

    name: str
    root: str
    """The workspace's root folder; for a published crate, ``crate:NAME@VERSION``."""
    binaries: tuple[str, ...]
    sources: str
    """Digest of every source file, ``Cargo.lock`` and the settings outside the tree that Cargo would use."""
    profile_name: str = "release"
    target: str = ""
    overrides: tuple[str, ...] = ()
    """Packages with settings of their own in this profile (``[profile.release.package.X]``)."""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Study:
    """Trials of one project on one machine with one toolchain, the baseline first."""

    id: str
    created: str
    """UTC, ISO 8601."""
    project: ProjectInfo
    machine: Machine
    toolchain: Toolchain
    basis: str
    """Digest of everything that its trials have in common: project, sources, toolchain, machine, jobs."""
    baseline: str
    """Trial id of today's profile."""
    baseline_profile: Profile
    benches: tuple[Bench, ...]
    goal: Goal
    limits: Limits = Limits()
    economics: Economics | None = None
    selection: Selection = Selection()
    planned: int = 0
    """Number of profiles in the space, the baseline included."""
    command: str = ""
    """How to repeat it."""
    trials: tuple[Trial, ...] = ()

    @property
    def baseline_trial(self) -> Trial | None:
        """Today's profile, if it has been tried."""
        return next((trial for trial in self.trials if trial.id == self.baseline), None)

    @property
    def built(self) -> tuple[Trial, ...]:
        """The trials whose build succeeded."""
        return tuple(trial for trial in self.trials if trial.status is Status.OK)


@dataclass(frozen=True, kw_only=True, slots=True)
class Summary:
    """A study as one line of the history."""

    id: str
    created: str
    """UTC, ISO 8601."""
    project: str
    root: str
    """As in `ProjectInfo`."""
    planned: int
    trials: int
    failed: int
