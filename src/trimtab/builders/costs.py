"""Cost of one run of a build, and the cause of its failure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from trimtab.cargo import messages
from trimtab.model.trial import BuildFailed, Cost
from trimtab.system.machine import busy_seconds
from trimtab.system.process import Command, Finished, Runner


def costed(runner: Runner, command: Command) -> tuple[Finished, Cost]:
    """Run a command of a build; returns how it ended and its cost, the load of other programs included."""
    busy = busy_seconds()
    finished = runner.run(command)
    other = max(0.0, busy_seconds() - busy - finished.cpu) / finished.wall
    return finished, Cost(
        wall=finished.wall,
        cpu=finished.cpu,
        peak_memory=finished.peak_memory,
        memory_method=finished.memory_method,
        other_load=other,
    )


def sum_of(costs: Iterable[Cost]) -> Cost:
    """The cost of steps that follow each other: of memory, the most."""
    first, *others = costs
    peaks = [cost.peak_memory for cost in (first, *others) if cost.peak_memory is not None]
    return replace(
        first,
        wall=first.wall + sum(cost.wall for cost in others),
        cpu=first.cpu + sum(cost.cpu for cost in others),
        peak_memory=max(peaks) if peaks and first.peak_memory is not None else first.peak_memory,
    )


def failed(finished: Finished) -> BuildFailed:
    """Cause of a failed build, read from its output and exit status."""
    return messages.failure(
        finished.stderr,
        finished.exit_code,
        timed_out=finished.timed_out,
        oom_killed=finished.oom_killed,
        wall=finished.wall,
    )
