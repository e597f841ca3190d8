"""Trace of one build: each unit with its cost.

A unit is one call of rustc by Cargo (for a library, a program, a procedural macro or a build script), or the run of a
build script.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class UnitKind(StrEnum):
    """Product of a unit."""

    LIBRARY = "library"
    PROGRAM = "program"
    """An executable, or a library for other languages: cdylib, staticlib, dylib."""
    MACRO = "procedural macro"
    SCRIPT = "build script"
    RUN = "run of a build script"

    @property
    def links(self) -> bool:
        """Whether it needs all of its dependencies compiled, rather than their metadata."""
        return self is not UnitKind.LIBRARY


@dataclass(frozen=True, kw_only=True, slots=True)
class Phase:
    """A part of a unit's time: front end, link-time optimization or link."""

    begun: float
    """Seconds after the unit began."""
    wall: float
    """Seconds."""
    cpu: float
    """Seconds, user and system."""


@dataclass(frozen=True, kw_only=True, slots=True)
class UnitCost:
    """Cost of one call of rustc."""

    wall: float
    """Seconds."""
    cpu: float
    """Seconds, user and system, the linker included."""
    metadata: Phase | None = None
    """Front end, up to the metadata, with which dependent units can begin; ``None`` where rustc did not report it."""
    lto: Phase | None = None
    """Link-time optimization; ``None`` where none was sampled."""
    link: Phase | None = None
    """Run of the linker."""
    peak_memory: int | None = None
    """Peak of anonymous memory in bytes (file pages are left out); ``None`` if it ended before the first sample."""
    beside: float = 0.0
    """Average number of other units that ran at the same time; its wall time depends on them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Unit:
    """One unit of a build."""

    id: str
    """Identifies it within its build."""
    package: str
    version: str
    crate: str
    kind: UnitKind
    cost: UnitCost
    begun: float
    """Seconds after the build began."""
    needs: tuple[str, ...] = ()
    """Ids of the units that it waits for: a library for the metadata of libraries, all others for the end of units."""
    arguments: tuple[str, ...] = ()
    """Arguments of rustc as Cargo gave them."""
    codegen_units: int = 1
    lto: str | None = None
    """Value of ``-C lto``; ``""`` for the option without a value, which means fat; ``None`` without it."""
    reused: bool = False
    """Whether it was taken from the unit cache; its cost is then that of the original call."""

    @property
    def name(self) -> str:
        """Crate and version, with the kind in parentheses if it is no library."""
        kind = "" if self.kind is UnitKind.LIBRARY else f" ({self.kind})"
        crate = self.package if self.crate.startswith("build_script") or self.kind is UnitKind.RUN else self.crate
        return f"{crate} {self.version}{kind}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Trace:
    """All units of a clean build, in the order in which Cargo began them."""

    units: tuple[Unit, ...]
    cargo_cpu: float = 0.0
    """CPU seconds of Cargo itself."""
    tracing_cpu: float = 0.0
    """CPU seconds of the wrapper: the cost of tracing, no part of a build."""
    jobs: int = 1
    """Units at a time."""
    other_load: float = 0.0
    """Average number of cores that other programs kept busy meanwhile."""

    @property
    def final(self) -> Unit | None:
        """The unit that ends a build: the program that was begun last."""
        return next((unit for unit in reversed(self.units) if unit.kind is UnitKind.PROGRAM), None)

    @property
    def cpu(self) -> float:
        """CPU seconds of a build without the unit cache."""
        return self.cargo_cpu + sum(unit.cost.cpu for unit in self.units)
