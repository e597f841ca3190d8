"""An exploration of one project on one machine: what was asked, and the trials so far."""

from __future__ import annotations

from dataclasses import dataclass

from trimtab.model.identity import build_identity
from trimtab.model.machine import Machine, Timing, Toolchain
from trimtab.model.plan import Bench, Economics, Goal, Limits, Selection, Training
from trimtab.model.profile import Profile
from trimtab.model.trial import Status, Trial

TABLE_ERROR = 0.01
"""Chance that any interval of a table's benches misses what it is about."""


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
    """Triple that it is built for."""
    folder: str = ""
    """Folder in which Cargo was called; empty for the root."""
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
    """Digest of everything that the builds of its trials have in common: see `build_basis`."""
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
    """Command line that repeats it."""
    jobs: int | None = None
    """Cargo's ``--jobs``; ``None`` is one per core."""
    touched: str = ""
    """As in `Timing`."""
    fresh: bool = False
    """Whether what was known when it was created does not count."""
    training: Training | None = None
    """Training of the profiles that are trained; ``None`` where none is."""
    training_digest: str = ""
    """Digest of that and of the files that it reads."""
    trials: tuple[Trial, ...] = ()

    @property
    def held_out(self) -> tuple[tuple[str, ...], ...]:
        """Commands of the benches that training is to serve and that read no standard input."""
        untrained = self.training.untrained if self.training else ()
        return tuple(
            bench.command
            for bench in self.benches
            if bench.is_judged and not bench.stdin and bench.name not in untrained
        )

    def trial_id(self, profile: Profile) -> str:
        """Build identity of a profile in this study."""
        return build_identity(self.basis, profile, self.training_digest)

    @property
    def timing(self) -> Timing:
        """Conditions under which its trials are timed."""
        return Timing(machine=self.machine, jobs=self.jobs, touched=self.touched)

    @property
    def interval_error(self) -> float:
        """Chance that an interval of a bench misses, so that all of the table hold together (Bonferroni)."""
        return TABLE_ERROR / max(1, self.planned * len(self.benches))

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
