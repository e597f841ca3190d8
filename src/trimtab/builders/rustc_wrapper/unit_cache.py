"""What rustc has made, kept on disk by key: whole or not at all.

An entry is a folder that is written under another name and moved into place at once, so a process that dies, a disk
that fills up or a second writer leaves either all of it or nothing. The digest of each file is checked when an entry is
used for the first time, so one that a crash of the machine has damaged is not used but made again.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
import tempfile
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from trimtab.model.trace import UnitCost
from trimtab.system.paths import hold_lock

RECORD = ".d"
"""The ending of what compilers write of what they have read; build scripts that try one out leave it lying."""
_FACTS = "entry.json"
_IN_USE = 3600.0
"""Seconds after its last use for which an entry may still be needed by a build that runs."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CachedUnit:
    """What one call of rustc has made."""

    crate: str
    files: Mapping[str, tuple[int, str]]
    """Name → bytes and digest."""
    cost: UnitCost
    said: str
    """What rustc said."""


class UnitCache:
    """All that is kept, within a number of bytes."""

    def __init__(self, folder: Path, most: int) -> None:
        self._folder = folder
        self._most = most
        self._checked: set[str] = set()
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def hold(self, key: str) -> Iterator[bool]:
        """Be the only one, in any process, who makes an entry; false where another does so.

        Raises:
            InputError: the cache folder cannot be written.
        """
        with hold_lock(self._folder / "locks" / key) as held:
            yield held

    def place(self, key: str) -> Path:
        """Where an entry lies."""
        return self._folder / "units" / key[:2] / key

    def has(self, key: str) -> bool:
        """Whether there is an entry, whole or not."""
        return (self.place(key) / _FACTS).exists()

    def find(self, key: str) -> CachedUnit | None:
        """An entry that is whole, and now counts as used; ``None`` if there is none."""
        place = self.place(key)
        try:
            entry = msgspec.json.decode((place / _FACTS).read_bytes(), type=CachedUnit)
            if key not in self._checked:
                if any(_digest(place / name) != known for name, known in entry.files.items()):
                    raise ValueError(key)
                with self._lock:
                    self._checked.add(key)
            os.utime(place / _FACTS)
        except (OSError, ValueError, msgspec.DecodeError):  # which is no ValueError before msgspec 0.21
            return None
        return entry

    def keep(self, key: str, crate: str, files: Mapping[str, Path], cost: UnitCost, said: str) -> None:
        """Keep what a call has made, in place of what is kept under that key.

        Raises:
            OSError: it cannot be written, or not all of it.
        """
        with tempfile.TemporaryDirectory(dir=self._drafts()) as scratch:
            draft = Path(scratch) / key
            draft.mkdir()
            for name, path in files.items():
                copy(path, draft / name)
            digests = {name: _digest(draft / name) for name in files}
            entry = CachedUnit(crate=crate, files=digests, cost=cost, said=said)
            (draft / _FACTS).write_bytes(msgspec.json.encode(entry))
            place = self.place(key)
            place.parent.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(FileNotFoundError):
                place.rename(Path(scratch) / "old")
            try:
                draft.rename(place)
            except OSError as error:
                if error.errno in (errno.ENOTEMPTY, errno.EEXIST):  # somebody else has kept it since
                    return
                raise
        with self._lock:
            self._checked.add(key)

    def tidy(self, now: float) -> int:
        """Remove what was used longest ago until all is within the limit; returns how many bytes are left.

        Args:
            now: seconds since 1970; what was used within the last hour stays.
        """
        for draft in self._folder.glob("drafts/*"):  # of processes that were killed
            with contextlib.suppress(OSError):  # it is no longer there
                if draft.stat().st_mtime < now - _IN_USE:
                    shutil.rmtree(draft, ignore_errors=True)
        for lock in self._folder.glob("locks/*"):  # of entries that were never kept
            with contextlib.suppress(OSError):
                if lock.stat().st_mtime < now - _IN_USE and not self.has(lock.name):
                    lock.unlink()
        known = []
        for facts in (*self._folder.glob(f"units/*/*/{_FACTS}"), *self._folder.glob("outputs/*")):
            with contextlib.suppress(OSError):
                folder = facts.parent if facts.name == _FACTS else facts
                known.append((facts.stat().st_mtime, folder, _bytes_in(folder)))
        left = sum(size for _, _, size in known)
        for used, folder, size in sorted(known):
            if left <= self._most or used > now - _IN_USE:
                break
            grave = tempfile.TemporaryDirectory(dir=self._drafts(), ignore_cleanup_errors=True)
            with grave, contextlib.suppress(OSError):  # somebody else has removed it
                folder.rename(Path(grave.name) / "old")
                left -= size
            (self._folder / "locks" / folder.name).unlink(missing_ok=True)
        return left

    def output(self, folder: Path) -> Path:
        """A copy of what a build script wrote, at a place that depends on nothing but what it holds.

        Files of `RECORD` count by their names alone: they hold the path of the folder, which each profile has anew.
        """
        digest = digest_of_folder(folder, by_name=RECORD)
        place = self._folder / "outputs" / digest / "out"
        if place.is_dir() and (digest in self._checked or digest_of_folder(place, by_name=RECORD) == digest):
            self._checked.add(digest)
            with contextlib.suppress(OSError):
                os.utime(place.parent)
            return place
        with tempfile.TemporaryDirectory(dir=self._drafts()) as scratch:
            draft = Path(scratch) / digest
            shutil.copytree(folder, draft / "out", symlinks=True)
            place.parent.parent.mkdir(parents=True, exist_ok=True)
            try:
                draft.rename(place.parent)
            except OSError:  # somebody else was quicker, whose copy may be in use already; or it is damaged
                if digest_of_folder(place, by_name=RECORD) != digest:
                    place.parent.rename(Path(scratch) / "old")
                    draft.rename(place.parent)
        return place

    def _drafts(self) -> Path:
        """A folder for what is not yet or no longer in its place."""
        drafts = self._folder / "drafts"
        drafts.mkdir(parents=True, exist_ok=True)
        return drafts


def copy(source: Path, to: Path) -> None:
    """Put a file at another place too, without a second copy of its bytes where the file system can do that."""
    try:
        to.hardlink_to(source)
    except OSError:
        shutil.copy2(source, to)


def replace_file(source: Path, to: Path) -> None:
    """Put a file at another place too, whatever is there: what that is a second name of stays as it is."""
    draft = to.with_name(f".{to.name}.{threading.get_native_id()}")
    draft.unlink(missing_ok=True)
    copy(source, draft)
    draft.rename(to)
    draft.unlink(missing_ok=True)  # nothing is renamed where both are names of one file


def leads_outside(folder: Path) -> bool:
    """Whether a link below a folder leads to what is not in it."""
    real = folder.resolve()
    return any(path.is_symlink() and not path.resolve().is_relative_to(real) for path in folder.rglob("*"))


def digest_of_folder(folder: Path, by_name: str | None = None) -> str:
    """Stands for the names of all files below a folder, and for what they hold but for files with a certain ending."""
    digest = hashlib.blake2b(digest_size=16)
    for path in sorted(folder.rglob("*")):
        digest.update(f"{path.relative_to(folder)}\0".encode("utf-8", "surrogateescape"))
        if path.is_symlink():
            digest.update(os.fsencode(path.readlink()))
        elif path.is_file() and path.suffix != by_name:
            digest.update(_digest(path)[1].encode())
    return digest.hexdigest()


def _digest(path: Path) -> tuple[int, str]:
    with path.open("rb") as file:
        return os.fstat(file.fileno()).st_size, hashlib.file_digest(file, "sha256").hexdigest()


def _bytes_in(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file())
