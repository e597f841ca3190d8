"""What a clean build of a profile will take on so many cores."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from trimtab.model.machine import Machine, Toolchain
from trimtab.model.profile import Profile
from trimtab.model.study import ProjectInfo
from trimtab.model.trace import Trace, UnitKind


class Step(StrEnum):
    """A part of what a unit does."""

    METADATA = "to metadata"
    """After it, libraries that need this one can begin."""
    CODE = "code"
    LTO = "link-time optimization"
    LINK = "link"
    RUN = "run"


@dataclass(frozen=True, kw_only=True, slots=True)
class Bar:
    """A step at its time."""

    step: Step
    begun: float
    """Seconds after the build began."""
    ended: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Slot:
    """A unit in a schedule."""

    unit: str
    """Its id."""
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
    """A clean build on so many cores."""

    cores: int
    wall: float
    """Seconds."""
    low: float
    high: float
    """Between them it will lie, as far as rustc's own use of cores is unknown."""
    cpu: float
    """Seconds, user and system, of the whole tree."""
    peak_memory: int | None
    """Bytes at most at one moment: the sum of what units that run at once had at most. ``None`` where no unit was
    looked at."""
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
    """What it changes."""
    size: int
    """Bytes of the programs as shipped."""
    trace: Trace
    forecasts: tuple[Forecast, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class ForecastReport:
    """What clean builds of a project will take."""

    project: ProjectInfo
    machine: Machine
    """On which the units were compiled."""
    toolchain: Toolchain
    profiles: tuple[ProfileForecast, ...]
    """Today's first."""
    notes: tuple[str, ...] = ()
    command: str = ""
