"""Processes that outlive the run that started them: each is marked in its environment, found by the mark and killed.

The mark is a random token of the process that owns a work folder, with the folder's path. The path alone would not do:
in another container, whose processes may be visible here, the same path is another folder. The token lies in the folder
as long as it is owned, so that who owns it next can kill what a killed owner has left running.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import time
from collections.abc import Iterator
from pathlib import Path

WORK_VARIABLE = "TRIMTAB_WORK"
"""Variable with the mark, in the environment of everything that is started for a work folder."""
_TOKEN = secrets.token_hex(16)
"""Of this process."""
_TOKEN_FILE = "token"  # noqa: S105 - a file's name
_IS_TOKEN = re.compile(r"[0-9a-f]{32}")
_CLOCK_ERROR = 60.0
"""Seconds by which the clock may be set meanwhile, and more."""
_MOST_SWEEPS = 100
"""Sweeps after which it is given up to kill faster than others fork."""


def work_mark(work: Path) -> str:
    """The value of `WORK_VARIABLE` for processes of a work folder."""
    return f"{_TOKEN}:{work}"


@contextlib.contextmanager
def own_work_folder(work: Path) -> Iterator[None]:
    """Own a folder, which must be locked by this process.

    What a former owner that was killed has left running is killed first, and what is still running at the end then.
    """
    file = work / _TOKEN_FILE
    with contextlib.suppress(OSError, UnicodeDecodeError):
        former = file.read_text("utf-8")
        if _IS_TOKEN.fullmatch(former):
            _kill(f"{former}:", work)
    with contextlib.suppress(OSError):  # the disk is full: what is left running, should we be killed, is not found
        file.write_text(_TOKEN, "utf-8")
    begun = time.time()
    try:
        yield
    finally:
        kill_leftovers(work, begun)
        file.unlink(missing_ok=True)


def kill_leftovers(work: Path, since: float = 0.0) -> int:
    """Kill what is still running for a work folder of this process, or a folder in it.

    Args:
        work: the folder.
        since: a time on the clock; processes older by a minute are not looked at, which saves most of the work.

    Returns:
        The number of processes that were killed.
    """
    return _kill(f"{_TOKEN}:", work, since)


def _kill(token: str, work: Path, since: float = 0.0) -> int:
    """Kill processes with a token, for a folder or one in it, until there are none.

    One sweep is not enough: a process that forks while others are killed may leave a child that was not listed.
    """
    killed, ended = set[int](), set[int]()
    for _ in range(_MOST_SWEEPS):
        before = len(killed), len(ended)
        _sweep(token, work, since - _CLOCK_ERROR, killed, ended)
        if before == (len(killed), len(ended)):
            break
    return len(killed)


def _sweep(token: str, work: Path, oldest: float, killed: set[int], ended: set[int]) -> None:
    """Kill once; also collects processes that ended before they were looked at, and may have left children."""
    import psutil

    for process in psutil.process_iter():
        try:
            if process.create_time() < oldest or process.pid == os.getpid():
                continue
            mark = process.environ().get(WORK_VARIABLE, "")
            if mark.startswith(token) and Path(mark.removeprefix(token)).is_relative_to(work):
                process.kill()
                killed.add(process.pid)
        except psutil.NoSuchProcess:
            ended.add(process.pid)
        except (psutil.Error, OSError):
            continue  # of another user
