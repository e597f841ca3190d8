"""Finding and killing what a run that was killed left running: by a variable in its environment."""

from __future__ import annotations

import os
from pathlib import Path

WORK_VARIABLE = "TRIMTAB_WORK"
"""Set in the environment of everything started for a build, so that what a killed run left behind can be found."""
_CLOCK_ERROR = 60.0
"""Seconds by which the clock may be set while we look, and more."""
_MOST_SWEEPS = 100
"""Somebody may fork faster than we kill."""


def kill_leftovers(work: Path, since: float = 0.0) -> int:
    """Kill what is still running for a work folder, or a folder in it.

    A process that forks while others are killed may leave a child that was not there when all were listed. So this is
    done until nothing is found.

    Args:
        work: the folder.
        since: a time on the clock; processes older by a minute are not looked at, which saves most of the work.

    Returns:
        How many processes that were.
    """
    killed, ended = set[int](), set[int]()
    for _ in range(_MOST_SWEEPS):
        before = len(killed), len(ended)
        _sweep(work, since - _CLOCK_ERROR, killed, ended)
        if before == (len(killed), len(ended)):
            break
    return len(killed)


def _sweep(work: Path, oldest: float, killed: set[int], ended: set[int]) -> None:
    """Kill once; notes the others that ended before they were looked at, and may have left children too."""
    import psutil

    for process in psutil.process_iter():
        try:
            if process.create_time() < oldest or process.pid == os.getpid():
                continue
            of = process.environ().get(WORK_VARIABLE, "")
            if of and Path(of).is_relative_to(work):
                process.kill()
                killed.add(process.pid)
        except psutil.NoSuchProcess:
            ended.add(process.pid)
        except (psutil.Error, OSError):
            continue  # somebody else's
