"""Results of release targets under today's profile and a candidate."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from trimtab.model.machine import Machine
from trimtab.model.profile import AxisKind, CargoValue, Profile
from trimtab.model.release_target import ReleaseTarget
from trimtab.model.trial import Artifact, BuildFailed, Cost, Effect


class SmokeStatus(StrEnum):
    """Outcome of a smoke run."""

    OK = "ok"
    FAILED = "failed"
    NOT_RUN = "not run"


@dataclass(frozen=True, kw_only=True, slots=True)
class SmokeRun:
    """A binary that was run, or the reason why not."""

    binary: str
    state: SmokeStatus
    runner: str = ""
    """Name of the emulator, or ``native``."""
    said: str = ""
    """Its end, or the reason why it was not run."""
    exit_code: int | None = None
    """Negative: the signal that ended it; ``None`` where it did not start."""
    how: tuple[str, ...] = ()
    """Ways to make it possible to run it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownIssue:
    """A known issue of some targets with some settings, with its source."""

    targets: tuple[str, ...]
    """Patterns of triples, as in a shell."""
    settings: Mapping[str, tuple[str, ...]]
    """Axis → values that bring it about, all of the axes at once."""
    says: str
    remedy: str
    source: str


@dataclass(frozen=True, kw_only=True, slots=True)
class TargetAttempt:
    """One target under one profile."""

    label: str
    """Settings that differ from today's profile, in words."""
    profile: Profile
    failure: BuildFailed | None = None
    artifacts: tuple[Artifact, ...] = ()
    cost: Cost | None = None
    effects: tuple[Effect, ...] = ()
    runs: tuple[SmokeRun, ...] = ()
    wrote: tuple[str, ...] = ()
    """Changes of the build to the project's own tree, which were kept from it; such as ``deleted src/main.rs``."""

    @property
    def works(self) -> bool:
        """Whether it was built, and nothing that was run failed."""
        return self.failure is None and all(run.state is not SmokeStatus.FAILED for run in self.runs)

    @property
    def ran(self) -> bool:
        """Whether it was built and every binary was run with success."""
        return self.failure is None and bool(self.runs) and all(run.state is SmokeStatus.OK for run in self.runs)

    def was_told(self, axes: Iterable[AxisKind]) -> bool:
        """Whether rustc is known to have been told what the profile says on some axes, for every binary."""
        effects = {effect.binary: effect for effect in self.effects}
        return all(
            artifact.name in effects and _was_told(effects[artifact.name], axis, self.profile)
            for axis in axes
            for artifact in self.artifacts
        )

    @property
    def size(self) -> int:
        """Bytes of all binaries."""
        return sum(artifact.size for artifact in self.artifacts)

    @property
    def trouble(self) -> str:
        """The first error line, of the build or else of a run; nothing where there is none."""
        if self.failure:
            return f"{self.failure.cause}: {self.failure.message}"
        return next((f"{run.binary}: {run.said}" for run in self.runs if run.state is SmokeStatus.FAILED), "")


def _was_told(effect: Effect, axis: AxisKind, profile: Profile) -> bool:
    if axis.in_training:  # no setting of rustc's: the effect check warns where it was not done
        return not effect.warnings
    return bool(getattr(effect, axis.field) == axis.get(profile))


class TargetStatus(StrEnum):
    """Status of a target. Only `PASSES` counts as passing."""

    BREAKS = "breaks"
    """It works under today's profile and fails under the candidate."""
    FAILS = "fails"
    """It fails under today's profile too."""
    NOT_TRIED = "not tried"
    """It cannot be built here."""
    NOT_IN_EFFECT = "not in effect"
    """It works, and rustc is not known to have been told all that the candidate changes."""
    BUILT = "built"
    """It was built, and not every binary was run: nothing here runs it, it takes other arguments or is a library."""
    PASSES = "passes"
    """It was built as asked, and every binary was run."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TargetResult:
    """Attempts at one target, and known issues that fit."""

    target: ReleaseTarget
    way: str = ""
    """The build route, such as ``cargo zigbuild``."""
    reason: str = ""
    """The reason why it was not tried."""
    how: tuple[str, ...] = ()
    """Ways to make it possible to build it here."""
    attempts: tuple[TargetAttempt, ...] = ()
    """Today's profile, then the candidate, if there is one."""
    narrowed: tuple[TargetAttempt, ...] = ()
    """Profiles between the candidate and today's, tried to find out what this target needs."""
    hints: tuple[KnownIssue, ...] = ()
    """Known issues that fit a failure."""

    @property
    def standing(self) -> TargetStatus:
        """Its status."""
        if not self.attempts:
            return TargetStatus.NOT_TRIED
        base, candidate = self.attempts[0], self.attempts[-1]
        if not candidate.works:
            return TargetStatus.BREAKS if base.works else TargetStatus.FAILS
        if not candidate.was_told(candidate.profile.differing(base.profile)):
            return TargetStatus.NOT_IN_EFFECT
        return TargetStatus.PASSES if candidate.ran else TargetStatus.BUILT


@dataclass(frozen=True, kw_only=True, slots=True)
class Proposal:
    """A profile of its own for the targets that need other settings than the rest."""

    profile: str
    """Its name."""
    targets: tuple[str, ...]
    settings: Mapping[str, CargoValue]
    """Cargo key → value, where it differs from the candidate."""
    manifest: tuple[str, ...]
    """The lines for ``Cargo.toml``."""
    workflow: tuple[str, ...]
    """Changes to the build command or workflow."""
    proven: bool
    """Whether each of these targets was really built and run with them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TargetsReport:
    """All release targets under today's profile and a candidate."""

    project: str
    root: str
    profile_name: str
    """The profile that ships."""
    base: Profile
    candidate: Profile | None
    """``None`` where only today's profile was tried."""
    candidate_label: str
    results: tuple[TargetResult, ...]
    proposals: tuple[Proposal, ...]
    machine: Machine
    seconds: float
    notes: tuple[str, ...] = ()
    command: str = ""

    @property
    def counts(self) -> dict[str, int]:
        """Number of targets of each status."""
        counts = Counter(result.standing for result in self.results)
        return {standing.value: counts[standing] for standing in TargetStatus}

    @property
    def headline(self) -> str:
        """The answer in one line."""
        counts, under = self.counts, self.candidate_label or f"today's {self.profile_name}"
        parts = [f"{counts['passes']} of {len(self.results)} release targets pass with {under}"]
        if counts["breaks"]:
            single = counts["breaks"] == 1
            parts.append(f"{counts['breaks']} {'breaks that works' if single else 'break that work'} today")
        if counts["fails"]:
            parts.append(f"{counts['fails']} {'fails' if counts['fails'] == 1 else 'fail'} today")
        if counts["not in effect"]:
            parts.append(f"{counts['not in effect']} not known to have all of it")
        if counts["built"]:
            parts.append(f"{counts['built']} built but not run")
        if counts["not tried"]:
            parts.append(f"{counts['not tried']} not tried")
        return "; ".join(parts)
