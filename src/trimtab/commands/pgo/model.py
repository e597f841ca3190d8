"""Findings of `trimtab pgo`: an optimized program with its price, and the gain that an old profile keeps."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from trimtab.model.machine import Machine, Toolchain
from trimtab.model.profile import Profile
from trimtab.model.study import ProjectInfo
from trimtab.model.trial import Cost, TrainedBuild


@dataclass(frozen=True, kw_only=True, slots=True)
class OptimizedBuild:
    """A program or wheel as a release job ships it."""

    project: ProjectInfo
    profile: Profile
    files: tuple[Path, ...]
    """The programs or the wheel, where they were written."""
    profile_data: Path | None
    """The merged profile beside them, to be kept or committed."""
    account: TrainedBuild
    cost: Cost
    """Of all steps together."""
    notes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Gain:
    """Time with a profile over the time without, on one bench; below one is a gain."""

    ratio: float
    low: float | None
    high: float | None

    @property
    def is_real(self) -> bool:
        """Whether the interval tells it from no gain."""
        return self.high is not None and self.high < 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """Share of a gain that is left, 1 for all of it; negative where an old profile slows the program down."""

    share: float
    low: float | None
    high: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class AgedBench:
    """One bench of one revision."""

    bench: str
    own: Gain
    """With a profile of the revision itself."""
    aged: Gain
    """With the old one."""

    @property
    def kept(self) -> Kept | None:
        """The share of the own gain that the old profile still gives; ``None`` where there is no real gain to keep.

        Its interval holds all that the two intervals allow together, so it is wider than a joint one would be.
        """
        own, aged = self.own, self.aged
        if not own.is_real:
            return None
        if own == aged:  # one and the same profile
            return Kept(share=1.0, low=1.0, high=1.0)
        share = (1 - aged.ratio) / (1 - own.ratio)
        if own.low is None or own.high is None or aged.low is None or aged.high is None:
            return Kept(share=share, low=None, high=None)
        corners = [(1 - old) / (1 - new) for old in (aged.low, aged.high) for new in (own.low, own.high)]
        return Kept(share=share, low=min(corners), high=max(corners))


@dataclass(frozen=True, kw_only=True, slots=True)
class AgedRevision:
    """One revision of a program, built plainly, with its own profile and with the old one."""

    name: str
    benches: tuple[AgedBench, ...] = ()
    known: float | None = None
    """Share of the functions that its own training runs which the old profile knows by their names."""
    sizes: tuple[float, float, float] | None = None
    """Stripped bytes: plain, with its own profile, with the old one."""
    failure: str = ""
    """The reason why there is nothing; empty if there is something."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Aging:
    """Gain of one profile that is left, revision by revision."""

    project: ProjectInfo
    machine: Machine
    toolchain: Toolchain
    source: str
    """The revision or file that the old profile is of."""
    revisions: tuple[AgedRevision, ...]
    notes: tuple[str, ...] = ()
    command: str = ""
