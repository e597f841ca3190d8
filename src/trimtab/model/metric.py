"""Measurements: a value with its unit, interval, count and method; or the reason why there is none."""

from __future__ import annotations

from dataclasses import dataclass


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
    """Each observation by itself, so that more can be added: the values of repeated builds, or the log ratios of pairs;
    empty where there is but one, or where they were not kept."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Absent:
    """A metric that could not be measured, with its reason: never zero."""

    name: str
    reason: str
    needs: str = ""
    """The program without which it cannot be measured; once that is there, it is measured after all."""


RUN_WALL, RUN_CPU, RUN_INSTRUCTIONS, RUN_CYCLES = "wall", "cpu", "instructions", "cycles"
RUN_PREFIX = "run."
"""Beginning of the names of runtime metrics."""
STARTUP = "startup"
"""The bench that stands in where none was given: the program's own ``--version`` or ``--help``."""


def run_metric(bench: str, what: str) -> str:
    """The name of a runtime metric: ``run.check.wall``."""
    return f"{RUN_PREFIX}{bench}.{what}"


def ratio_metric(bench: str, what: str) -> str:
    """The name of a paired ratio to the baseline: ``run.check.wall.ratio``."""
    return f"{RUN_PREFIX}{bench}.{what}.ratio"
