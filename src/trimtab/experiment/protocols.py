"""Protocols that the loop works with."""

from __future__ import annotations

from typing import Protocol

from trimtab.measure.probe import Probe
from trimtab.model.build_progress import BuildProgress
from trimtab.model.plan import Bench, ProbeKind
from trimtab.model.profile import Profile
from trimtab.model.study import Study
from trimtab.model.trial import Artifact, BuildFailed, Trial, WheelTags


class Progress(Protocol):
    """Protocol for showing the progress of an exploration. `building` is called by several threads."""

    def begin(self, study: Study, left: int) -> None:
        """The exploration begins, with so many profiles to try."""
        ...

    def step(self, profile: Profile, activity: str, *, expected: float | None = None) -> None:
        """Work on a profile begins, such as building or running it; `expected` is its estimated duration in seconds."""
        ...

    def building(self, profile: Profile, state: BuildProgress) -> None:
        """The build of a profile has come to a new state."""
        ...

    def done(self, trial: Trial, *, known: bool, left: int) -> None:
        """A trial is finished, or was known already."""
        ...


class Probes(Protocol):
    """Makes the probes for what is still to be measured."""

    def make(self, kinds: frozenset[ProbeKind], benches: tuple[Bench, ...], *, more: float = 0.0) -> tuple[Probe, ...]:
        """Probes for these groups of metrics, running these benches.

        Args:
            kinds: groups of metrics.
            benches: to run.
            more: seconds of further runs of each bench, without counts, which do not vary; 0 where it is run anew.
        """
        ...


class WheelCheck(Protocol):
    """Looks at wheels before they are measured."""

    def tags(self, wheel: Artifact) -> WheelTags:
        """Read the platforms and Pythons that it claims to work on."""
        ...

    @property
    def snippet(self) -> str:
        """The user's own part of the check."""
        ...

    def check(self, wheel: Artifact) -> BuildFailed | None:
        """Why it does not work; ``None`` if it does."""
        ...


class SilentProgress:
    """Shows nothing."""

    def begin(self, study: Study, left: int) -> None:
        """Nothing."""

    def step(self, profile: Profile, activity: str, *, expected: float | None = None) -> None:
        """Nothing."""

    def building(self, profile: Profile, state: BuildProgress) -> None:
        """Nothing."""

    def done(self, trial: Trial, *, known: bool, left: int) -> None:
        """Nothing."""
