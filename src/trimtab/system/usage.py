"""Use of kept files: when each was last used, and which commands run, so that none is removed under them.

An item, a file or a folder that is kept, has a *mark* beside it: a file whose modification time is the last use, and
which holds the item's size once that was measured. It is locked by whoever uses or removes the item at that moment.
What a command has used since it began stays until it ends.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from trimtab.system.disk_quota import bytes_below
from trimtab.system.paths import hold_lock

MARK = ".used"
"""Suffix of marks; the name of a mark begins with a dot."""
_FREED = ".freed-"
"""Prefix of what was moved away in order to be deleted."""
_CLOCK = 1.0
"""Seconds by which the clock of a file system may lag behind."""


def mark_of(item: Path) -> Path:
    """Path of an item's mark."""
    return item.with_name(f".{item.name}{MARK}")


def mark_used(item: Path) -> bool:
    """Mark an item as used now; false where there is no such item.

    A folder that cannot be written is no error: nothing is removed there either.
    """
    if not item.exists():
        return False
    with contextlib.suppress(OSError), mark_of(item).open("a+") as mark:
        fcntl.flock(mark, fcntl.LOCK_SH)
        os.utime(mark_of(item), (time.time(),) * 2)
    return item.exists()


def last_used(item: Path) -> float:
    """Time of an item's last use, in seconds since 1970; an item without a mark is given one.

    Raises:
        OSError: there is no such item.
    """
    mark = mark_of(item)
    if not mark.exists():
        mark_used(item)
    return mark.stat().st_mtime if mark.exists() else item.stat().st_ctime


def measured_size(item: Path) -> int:
    """Bytes of an item, each file counting a few thousand at least; measured once for each state of its folder.

    Raises:
        OSError: there is no such item.
    """
    state = item.stat().st_mtime_ns
    with contextlib.suppress(OSError, ValueError):
        size, of = map(int, mark_of(item).read_text("ascii").split())
        if of == state:
            return size
    size = bytes_of(item)
    with contextlib.suppress(OSError), _locked(item) as mark:
        used = os.fstat(mark.fileno()).st_mtime_ns
        mark.truncate(0)
        mark.write(f"{size} {state}\n")
        mark.flush()
        os.utime(mark.fileno(), ns=(used, used))
    return size


def bytes_of(path: Path) -> int:
    """Bytes of a file, or of all files below a folder."""
    return bytes_below(path) if path.is_dir() and not path.is_symlink() else path.lstat().st_size


def take_away(item: Path, used: float) -> Path | None:
    """Rename an item, so that it is gone at once and can be deleted in peace.

    Args:
        item: the item; its mark goes too.
        used: its last use, in seconds since 1970, as far as is known.

    Returns:
        Its new path; ``None`` where it was used meanwhile, or cannot be removed.
    """
    try:
        with _locked(item) as mark:
            return _renamed(item) if os.fstat(mark.fileno()).st_mtime <= used else None
    except OSError:
        return None
    finally:
        if not item.exists():
            mark_of(item).unlink(missing_ok=True)


def take_away_unmarked(item: Path) -> Path | None:
    """Rename something that has no mark; see `take_away`."""
    try:
        return _renamed(item)
    except OSError:
        return None


def _renamed(item: Path) -> Path:
    return item.rename(item.with_name(f"{_FREED}{uuid.uuid4().hex[:12]}"))


@contextlib.contextmanager
def _locked(item: Path) -> Iterator[IO[str]]:
    """The mark of an item that is there, locked against all uses."""
    with mark_of(item).open("r+", encoding="ascii") as mark:
        fcntl.flock(mark, fcntl.LOCK_EX)
        yield mark


@contextlib.contextmanager
def running(cache: Path) -> Iterator[None]:
    """Hold what this command uses of what is kept, for as long as the context lasts.

    Raises:
        InputError: the cache folder cannot be written.
    """
    path = cache / "running" / f"{os.getpid()}-{uuid.uuid4().hex[:8]}"
    with contextlib.ExitStack() as stack:
        with none_begins(cache):
            stack.enter_context(hold_lock(path, wait=True))
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


@contextlib.contextmanager
def none_begins(cache: Path) -> Iterator[float]:
    """Let no command begin for a moment; yields when the oldest that runs began, or infinity if none runs.

    Raises:
        InputError: the cache folder cannot be written.
    """
    with hold_lock(cache / "running.lock", wait=True):
        yield min(map(_began, (cache / "running").glob("*")), default=float("inf"))


def _began(path: Path) -> float:
    with hold_lock(path) as ended:
        if not ended:
            with contextlib.suppress(FileNotFoundError):  # it ends at this moment
                return path.stat().st_mtime - _CLOCK
        path.unlink(missing_ok=True)
    return float("inf")
