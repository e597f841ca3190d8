"""Progress of a build that runs: units that have ended, units that run, and an estimate of the remaining time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class Stage(StrEnum):
    """Stage of a rustc call."""

    COMPILING = "compiling"
    LTO = "link-time optimization"
    LINKING = "linking"


@dataclass(frozen=True, kw_only=True, slots=True)
class RunningUnit:
    """A rustc call that runs."""

    name: str
    """As :attr:`trimtab.model.trace.Unit.name`."""
    begun: float
    """Seconds after the build began."""
    is_program: bool = False
    """Whether it makes an executable or a library for other languages."""
    stage: Stage = Stage.COMPILING
    stage_begun: float = 0.0
    """Seconds after the build began."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FinishedUnit:
    """A rustc call that has ended."""

    name: str
    wall: float
    """Seconds; if reused, of the original call."""
    reused: bool = False
    """Whether it was taken from the unit cache."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BuildProgress:
    """State of a build at one moment."""

    elapsed: float = 0.0
    """Seconds since the build, or the rebuild, began."""
    total: int | None = None
    """Expected number of rustc calls; ``None`` where it is not known or calls cannot be observed."""
    finished: tuple[FinishedUnit, ...] = ()
    running: tuple[RunningUnit, ...] = ()
    """In the order in which they began."""
    rebuilds: str = ""
    """The source file after whose edit this is a rebuild; empty for a clean build."""
    remaining: float | None = None
    """Estimated seconds to the end; ``None`` where there is nothing to estimate from, or the estimate was exceeded."""


OnBuildProgress = Callable[[BuildProgress], None]
"""Callback for states of a build. Several threads may call it."""


def ignore_progress(state: BuildProgress) -> None:
    """The callback that does nothing."""
