"""State of a build that runs, in half a line: for bars, and for lines in logs."""

from __future__ import annotations

from trimtab.model.build_progress import BuildProgress, RunningUnit, Stage
from trimtab.units import format_seconds, printable

BETWEEN_LINES = 30.0
"""Seconds without a line after which a log gets one with the state of what runs."""
_MOST_NAMED = 3
"""Units named of those that compile at once."""


def build_state(state: BuildProgress, since: float = 0.0) -> str:
    """Number of units, time so far, estimate, and the units that run; last comes what may be cut off.

    Args:
        state: of the build.
        since: seconds since that state.
    """
    activity = f"rebuilding after an edit of {printable(state.rebuilds)}" if state.rebuilds else "building"
    counts = f"{activity}, {len(state.finished)} of {state.total} units" if state.total else activity
    left = None if state.remaining is None else state.remaining - since
    times = with_times(counts, state.elapsed + since, left)
    return f"{times}; {_running(state, state.elapsed + since)}" if state.running else times


def with_times(activity: str, elapsed: float, left: float | None) -> str:
    """An activity with its time so far and, where that is estimated and not exceeded, the time left, in seconds."""
    so_far = f"{activity}, {_whole_seconds(elapsed)} so far"
    return f"{so_far}, about {_whole_seconds(left)} left" if left is not None and left > 0 else so_far


def _running(state: BuildProgress, now: float) -> str:
    """The units that run; once only programs do, the stage of each."""
    if all(unit.is_program for unit in state.running):
        return " and ".join(f"{_staged(unit)} for {_whole_seconds(now - unit.stage_begun)}" for unit in state.running)
    names = [printable(unit.name) for unit in state.running]  # those that have run longest first
    more = [f"{len(names) - _MOST_NAMED} more"] if len(names) > _MOST_NAMED else []
    return f"compiling {' and '.join([', '.join(names[:_MOST_NAMED]), *more])}"


def _staged(unit: RunningUnit) -> str:
    """A program with its stage."""
    stage = "final link-time optimization of" if unit.stage is Stage.LTO else unit.stage
    return f"{stage} {printable(unit.name)}"


def _whole_seconds(seconds: float) -> str:
    return format_seconds(max(1.0, float(round(seconds))))
