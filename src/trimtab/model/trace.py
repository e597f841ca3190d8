"""What the compiler did in one build, unit by unit.

A unit is one call of rustc that Cargo makes: a library, a program, a procedural macro, a build script; or the run of a
build script.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class UnitKind(StrEnum):
    """What a unit makes."""

    LIBRARY = "library"
    PROGRAM = "program"
    """A program, or a library for others to load or link."""
    MACRO = "procedural macro"
    SCRIPT = "build script"
    RUN = "run of a build script"

    @property
    def links(self) -> bool:
        """Whether it needs all of its dependencies compiled, rather than their metadata."""
        return self is not UnitKind.LIBRARY


@dataclass(frozen=True, kw_only=True, slots=True)
class Phase:
    """A part of a unit's time."""

    begun: float
    """Seconds after the unit began."""
    wall: float
    """Seconds."""
    cpu: float
    """Seconds, user and system."""


@dataclass(frozen=True, kw_only=True, slots=True)
class UnitCost:
    """What one call of rustc took."""

    wall: float
    """Seconds."""
    cpu: float
    """Seconds, user and system, the linker included."""
    metadata: Phase | None = None
    """Until the metadata was there, with which others can go on; ``None`` where rustc did not say."""
    lto: Phase | None = None
    """Link-time optimization, where it was seen."""
    link: Phase | None = None
    peak_memory: int | None = None
    """Bytes that were its own at one moment (its file pages are left out); ``None`` if it ended before it was seen."""
    beside: float = 0.0
    """Other units that ran meanwhile, on average: with many, its wall time says little."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Unit:
    """One unit of a build."""

    id: str
    """Tells it from the other units of its build."""
    package: str
    version: str
    crate: str
    kind: UnitKind
    cost: UnitCost
    begun: float
    """Seconds after the build began."""
    needs: tuple[str, ...] = ()
    """The units that it waits for: for the metadata of libraries if it is one itself, else until they have ended."""
    arguments: tuple[str, ...] = ()
    """What Cargo told rustc, the crate's name first."""
    codegen_units: int = 1
    lto: str | None = None
    """The kind that rustc is told to do; ``""`` for the plain word, which means fat."""
    reused: bool = False
    """Whether it was made earlier, and cost what is said then."""

    @property
    def name(self) -> str:
        """Crate and version, and what it is if it is no library."""
        what = "" if self.kind is UnitKind.LIBRARY else f" ({self.kind})"
        crate = self.package if self.crate.startswith("build_script") or self.kind is UnitKind.RUN else self.crate
        return f"{crate} {self.version}{what}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Trace:
    """All units of a clean build, in the order in which Cargo began them."""

    units: tuple[Unit, ...]
    cargo_cpu: float = 0.0
    """Seconds that Cargo itself took."""
    tracing_cpu: float = 0.0
    """Seconds that the wrapper took: what tracing adds, and no part of a build."""
    jobs: int = 1
    """Units at a time."""
    other_load: float = 0.0
    """Cores that other programs kept busy meanwhile, on average."""

    @property
    def final(self) -> Unit | None:
        """The unit that ends a build: the last program."""
        return next((unit for unit in reversed(self.units) if unit.kind is UnitKind.PROGRAM), None)

    @property
    def cpu(self) -> float:
        """Seconds that all of it takes when nothing is reused."""
        return self.cargo_cpu + sum(unit.cost.cpu for unit in self.units)
