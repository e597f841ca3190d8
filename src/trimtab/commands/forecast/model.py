"""Forecast of clean builds on a number of cores, with the schedule that it comes from."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from trimtab.model.machine import Machine, Toolchain
from trimtab.model.profile import Profile
from trimtab.model.study import ProjectInfo
from trimtab.model.trace import Trace, UnitKind


class Step(StrEnum):
    """Phase of a unit's compilation."""

    METADATA = "to metadata"
    """After it, libraries that need this one can begin."""
    CODE = "code"
    LTO = "link-time optimization"
    LINK = "link"
    RUN = "run"


@dataclass(frozen=True, kw_only=True, slots=True)
class Bar:
    """One step in a schedule."""

    step: Step
    begun: float
    """Seconds after the build began."""
    ended: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Slot:
    """A unit in a schedule."""

    unit: str
    """Id of the unit in the trace."""
    name: str
    kind: UnitKind
    bars: tuple[Bar, ...]
    after: str = ""
    """The unit that it waited for, or whose core it took; nothing for those that begin at once."""

    @property
    def begun(self) -> float:
        """Seconds after the build began."""
        return self.bars[0].begun

    @property
    def ended(self) -> float:
        """Seconds after the build began."""
        return self.bars[-1].ended


@dataclass(frozen=True, kw_only=True, slots=True)
class Forecast:
    """Clean build on a number of cores."""

    cores: int
    wall: float
    """Seconds."""
    low: float
    high: float
    """Bounds of the wall time, which allow for what is unknown of rustc's own use of cores."""
    cpu: float
    """Seconds, user and system, of the whole tree."""
    peak_memory: int | None
    """Bytes: the largest sum of the peaks of units that run at once. ``None`` where no unit's memory was measured."""
    slots: tuple[Slot, ...]

    @property
    def critical(self) -> tuple[Slot, ...]:
        """The chain of units that nothing but themselves holds up, from the first to the last."""
        by_unit = {slot.unit: slot for slot in self.slots}
        last = max(self.slots, key=lambda slot: slot.ended, default=None)
        chain = []
        while last:
            chain.append(last)
            last = by_unit.get(last.after)
        return tuple(reversed(chain))


@dataclass(frozen=True, kw_only=True, slots=True)
class ProfileForecast:
    """A profile's clean build on several machines."""

    profile: Profile
    label: str
    """Changes beside today's profile, in words."""
    size: int
    """Bytes of the programs as shipped."""
    trace: Trace
    forecasts: tuple[Forecast, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class ForecastReport:
    """Forecasts of clean builds of a project, profile by profile."""

    project: ProjectInfo
    machine: Machine
    """Machine on which the units were compiled."""
    toolchain: Toolchain
    profiles: tuple[ProfileForecast, ...]
    """Today's first."""
    notes: tuple[str, ...] = ()
    command: str = ""
