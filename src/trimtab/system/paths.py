"""Folders of trimtab's own files, how they are removed, and lock files against a second process."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from trimtab.errors import InputError


@dataclass(frozen=True, kw_only=True, slots=True)
class Folders:
    """Paths of the store, with the kept binaries beside it, and of the cache, which can be made again."""

    store: Path
    cache: Path

    @property
    def artifacts(self) -> Path:
        """The folder beside the store in which binaries are kept."""
        return self.store.with_name(self.store.name + ".artifacts")

    @property
    def kept(self) -> tuple[Path, ...]:
        """The files and folders that belong to the store."""
        return tuple(self.store.with_name(self.store.name + suffix) for suffix in ("", "-wal", "-shm", ".artifacts"))


def default_folders(store: str | Path | None = None) -> Folders:
    """The user's data and cache folders, or a store of one's own with the same cache."""
    import platformdirs

    data = Path(platformdirs.user_data_dir("trimtab", appauthor=False))
    cache = Path(platformdirs.user_cache_dir("trimtab", appauthor=False))
    return Folders(store=Path(store).absolute() if store else data / "trimtab.db", cache=cache)


@contextlib.contextmanager
def hold_lock(path: Path, *, wait: bool = False) -> Iterator[bool]:
    """Hold a lock file; yields false where another process holds it. The kernel releases it when the process ends.

    Its modification time is when it was last taken. Whoever holds it may remove it.

    Args:
        path: the file, which is made if need be.
        wait: whether to wait for the other process.

    Raises:
        InputError: its folder cannot be written.
    """
    while True:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            file = path.open("a")
        except OSError as error:
            raise InputError(f"the cache folder cannot be written: {error.strerror}", where=str(path.parent)) from None
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            except BlockingIOError:
                yield False
                return
            if _is_at(file.fileno(), path):
                os.utime(file.fileno())
                yield True
                return


def _is_at(descriptor: int, path: Path) -> bool:
    """Whether an open file still lies at a path: its last holder may have removed it."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def clear(folder: Path) -> None:
    """Remove a folder with all in it, if it is there."""
    shutil.rmtree(folder, ignore_errors=True)
    if folder.exists():  # a process that was just killed may have written once more
        for inner in list(folder.rglob("*")):
            if inner.is_dir() and not inner.is_symlink():  # the kernel's own folder of an overlay is closed to all
                inner.chmod(stat.S_IRWXU)
        shutil.rmtree(folder)
