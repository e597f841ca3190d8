"""Measurements: a value with its unit, interval, count and method; or the reason why there is none."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class PairedRuns:
    """Runs of a bench in pairs with today's program, as they were measured."""

    values: tuple[tuple[float, float], ...]
    """Today's value and the trial's, pair by pair, in the unit of the metric."""
    carry_over: tuple[float, ...] = ()
    """Log ratios of the same program's runs right after the trial's program and right after today's."""
    seconds: float = 0.0
    """Seconds that their blocks took."""
    left_running: int = 0
    """Runs that left processes running, which were ended."""
    base: str = ""
    """Digest of today's program, which may be another one once it was built again."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Level:
    """Level of the intervals in one table."""

    error: float
    """Chance that one of them ever misses."""
    smallest: float
    """The smallest change that matters to the bench, as a fraction."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Measurement:
    """One measured number of one trial.

    A smaller value is better for everything that trimtab measures.
    """

    name: str
    """Metric name, as in ``build.clean.cpu`` or ``run.check.wall``."""
    value: int | float
    unit: str
    """``s``, ``bytes``, ``instructions``, ``cycles``, ``ratio`` or ``cores``."""
    low: float | None = None
    """Lower end of the interval; ``None`` where one observation gives none."""
    high: float | None = None
    samples: int = 1
    method: str = ""
    """Method of measuring, in words for the report; part of what makes two measurements comparable."""
    observations: tuple[float, ...] = ()
    """Each observation by itself, so that more can be added: the values of repeated builds, or the log ratios of pairs
    as earlier versions kept them; empty where there is but one, or where they were not kept."""
    pairs: PairedRuns | None = None
    """Runs that a ratio was made of; its interval is computed from them for the table that it stands in."""
    level: Level | None = None
    """Level at which the interval was computed; ``None`` where it has but one."""
    doubt: str = ""
    """Reason why an interval of pairs decides nothing, however narrow it is; empty if there is none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Absent:
    """A metric that could not be measured, with its reason: never zero."""

    name: str
    reason: str
    needs: str = ""
    """The program without which it cannot be measured; once that is there, it is measured after all."""


RUN_WALL, RUN_CPU, RUN_MEMORY, RUN_INSTRUCTIONS, RUN_CYCLES = "wall", "cpu", "memory", "instructions", "cycles"
RUN_PREFIX = "run."
UNTRAINED_EXECUTED = "build.pgo.untrained.executed"
"""Beginning of the names of runtime metrics."""
STARTUP = "startup"
"""The bench that stands in where none was given: the program's own ``--version`` or ``--help``."""


def run_metric(bench: str, what: str) -> str:
    """The name of a runtime metric: ``run.check.wall``."""
    return f"{RUN_PREFIX}{bench}.{what}"


def ratio_metric(bench: str, what: str) -> str:
    """The name of a paired ratio to the baseline: ``run.check.wall.ratio``."""
    return f"{RUN_PREFIX}{bench}.{what}.ratio"
