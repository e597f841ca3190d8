"""Fit of clean builds into a machine with so much memory and so many CPUs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from trimtab.model.machine import Machine, Toolchain
from trimtab.model.profile import Profile
from trimtab.model.study import ProjectInfo


class Fit(StrEnum):
    """Outcome of a build within limits."""

    FITS = "fits"
    OUT_OF_MEMORY = "out of memory"
    TOO_SLOW = "too slow"
    FAILED = "failed"
    """Failed for a reason other than the limits."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Bounds:
    """Limits of the machine that builds shall fit into."""

    memory: int
    """Bytes."""
    cpus: int
    within: float | None = None
    """Seconds that a clean build may take."""
    enforced_by: str = ""
    """Mechanism that held real builds within the limits; empty where there is none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FitForecast:
    """Forecast of a clean build within the limits."""

    fit: Fit
    wall: float
    """Seconds."""
    low: float
    high: float
    cpu: float
    peak_memory: int | None
    """Bytes; ``None`` where it was not measured."""
    hungriest: str = ""
    """The unit that needs most memory."""
    hungriest_memory: int | None = None
    """Bytes that it needs."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LimitedBuild:
    """A real clean build within the limits."""

    fit: Fit
    wall: float
    """Seconds until it ended, one way or the other."""
    cpu: float | None = None
    peak_memory: int | None = None
    unit: str = ""
    """The unit that failed."""
    wanted: int | None = None
    """Peak memory of this unit without limits, in bytes; ``None`` where that is not known."""
    message: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class FitRow:
    """One profile: forecast and, if there was one, a real build within the limits."""

    label: str
    profile: Profile
    size: int
    """Bytes of the programs as shipped."""
    forecast: FitForecast
    tried: LimitedBuild | None = None

    @property
    def fit(self) -> Fit:
        """Outcome of the real build if there was one, else of the forecast."""
        return self.tried.fit if self.tried else self.forecast.fit

    @property
    def wall(self) -> float:
        """Seconds, of the real build if there was one that ended well, else forecast."""
        return self.tried.wall if self.tried and self.tried.fit is Fit.FITS else self.forecast.wall


@dataclass(frozen=True, kw_only=True, slots=True)
class FitReport:
    """Today's profile and cheaper ones within the limits of a machine."""

    project: ProjectInfo
    machine: Machine
    toolchain: Toolchain
    bounds: Bounds
    rows: tuple[FitRow, ...]
    """Today's first."""
    notes: tuple[str, ...] = ()
    command: str = ""

    @property
    def cheapest(self) -> FitRow | None:
        """The profile that fits and takes least time to build; one that was really built, if there is one."""
        fitting = [row for row in self.rows if row.fit is Fit.FITS]
        tried = [row for row in fitting if row.tried]
        return min(tried or fitting, key=lambda row: row.wall, default=None)
