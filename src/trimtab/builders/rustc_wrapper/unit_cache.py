"""Unit cache: output files of rustc calls on disk, by key; each entry is whole or absent.

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
"""Suffix of compilers' dep-info files; build scripts that probe a compiler leave some behind."""
_FACTS = "entry.json"
_IN_USE = 3600.0
"""Seconds after its last use for which an entry may still be needed by a build that runs."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CachedUnit:
    """One entry: the output files of a rustc call, and its cost."""

    crate: str
    files: Mapping[str, tuple[int, str]]
    """Name → bytes and digest."""
    cost: UnitCost
    stderr: str
    """Diagnostics of rustc."""


class UnitCache:
    """All entries, within a limit.

    Args:
        folder: holds the entries.
        most: bytes that all entries together may have.
    """

    def __init__(self, folder: Path, most: int) -> None:
        self._folder = folder
        self._most = most
        self._checked: set[str] = set()
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def hold(self, key: str) -> Iterator[bool]:
        """Lock an entry against all other threads and processes; yields false where another has it locked.

        Raises:
            InputError: the cache folder cannot be written.
        """
        with hold_lock(self._folder / "locks" / key) as held:
            yield held

    def entry_folder(self, key: str) -> Path:
        """The folder of an entry, whether it exists or not."""
        return self._folder / "units" / key[:2] / key

    def has(self, key: str) -> bool:
        """Whether there is an entry, intact or not."""
        return (self.entry_folder(key) / _FACTS).exists()

    def find(self, key: str) -> CachedUnit | None:
        """An intact entry, which is marked as used now; ``None`` if there is none."""
        folder = self.entry_folder(key)
        try:
            entry = msgspec.json.decode((folder / _FACTS).read_bytes(), type=CachedUnit)
            if key not in self._checked:
                if any(_digest(folder / name) != known for name, known in entry.files.items()):
                    raise ValueError(key)
                with self._lock:
                    self._checked.add(key)
            os.utime(folder / _FACTS)
        except (OSError, ValueError, msgspec.DecodeError):  # which is no ValueError before msgspec 0.21
            return None
        return entry

    def keep(self, key: str, crate: str, files: Mapping[str, Path], cost: UnitCost, stderr: str) -> None:
        """Store the output files of a call, in place of those stored under that key.

        Raises:
            OSError: the entry cannot be written.
        """
        with tempfile.TemporaryDirectory(dir=self._drafts()) as scratch:
            draft = Path(scratch) / key
            draft.mkdir()
            for name, path in files.items():
                copy(path, draft / name)
            digests = {name: _digest(draft / name) for name in files}
            entry = CachedUnit(crate=crate, files=digests, cost=cost, stderr=stderr)
            (draft / _FACTS).write_bytes(msgspec.json.encode(entry))
            folder = self.entry_folder(key)
            folder.parent.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(FileNotFoundError):
                folder.rename(Path(scratch) / "old")
            try:
                draft.rename(folder)
            except OSError as error:
                if error.errno in (errno.ENOTEMPTY, errno.EEXIST):  # another process has stored it meanwhile
                    return
                raise
        with self._lock:
            self._checked.add(key)

    def tidy(self, now: float) -> int:
        """Remove least recently used entries until the rest is within the limit.

        Args:
            now: seconds since 1970; what was used within the last hour stays.

        Returns:
            The bytes of the entries that stay.
        """
        for draft in self._folder.glob("drafts/*"):  # of processes that were killed
            with contextlib.suppress(OSError):  # another process has removed it
                if draft.stat().st_mtime < now - _IN_USE:
                    shutil.rmtree(draft, ignore_errors=True)
        for lock in self._folder.glob("locks/*"):  # of entries that were never kept
            with contextlib.suppress(OSError):
                if lock.stat().st_mtime < now - _IN_USE and not self.has(lock.name):
                    lock.unlink()
        entries = []
        for facts in (*self._folder.glob(f"units/*/*/{_FACTS}"), *self._folder.glob("outputs/*")):
            with contextlib.suppress(OSError):
                folder = facts.parent if facts.name == _FACTS else facts
                entries.append((facts.stat().st_mtime, folder, _bytes_in(folder)))
        total = sum(size for _, _, size in entries)
        for used, folder, size in sorted(entries):
            if total <= self._most or used > now - _IN_USE:
                break
            grave = tempfile.TemporaryDirectory(dir=self._drafts(), ignore_cleanup_errors=True)
            with grave, contextlib.suppress(OSError):  # another process has removed it
                folder.rename(Path(grave.name) / "old")
                total -= size
            (self._folder / "locks" / folder.name).unlink(missing_ok=True)
        return total

    def output(self, folder: Path) -> Path:
        """A copy of a build script's ``OUT_DIR``, in a folder whose path depends on its content alone.

        Files with the suffix `RECORD` count by their names alone: they contain the path of the folder, which differs
        from profile to profile.
        """
        digest = digest_of_folder(folder, by_name=RECORD)
        kept = self._folder / "outputs" / digest / "out"
        if kept.is_dir() and (digest in self._checked or digest_of_folder(kept, by_name=RECORD) == digest):
            self._checked.add(digest)
            with contextlib.suppress(OSError):
                os.utime(kept.parent)
            return kept
        with tempfile.TemporaryDirectory(dir=self._drafts()) as scratch:
            draft = Path(scratch) / digest
            shutil.copytree(folder, draft / "out", symlinks=True)
            kept.parent.parent.mkdir(parents=True, exist_ok=True)
            try:
                draft.rename(kept.parent)
            except OSError:  # another process was first, and its copy may be in use; or it is damaged
                if digest_of_folder(kept, by_name=RECORD) != digest:
                    kept.parent.rename(Path(scratch) / "old")
                    draft.rename(kept.parent)
        return kept

    def _drafts(self) -> Path:
        """The folder for entries that are being written or removed."""
        drafts = self._folder / "drafts"
        drafts.mkdir(parents=True, exist_ok=True)
        return drafts


def copy(source: Path, to: Path) -> None:
    """Hard-link a file to another path, or copy it where the file system cannot link."""
    try:
        to.hardlink_to(source)
    except OSError:
        shutil.copy2(source, to)


def replace_file(source: Path, to: Path) -> None:
    """Hard-link or copy a file over an existing path; other names of the replaced file keep its content."""
    draft = to.with_name(f".{to.name}.{threading.get_native_id()}")
    draft.unlink(missing_ok=True)
    copy(source, draft)
    draft.rename(to)
    draft.unlink(missing_ok=True)  # `rename` does nothing where both are names of one file


def leads_outside(folder: Path) -> bool:
    """Whether a symbolic link below a folder leads out of it."""
    real = folder.resolve()
    return any(path.is_symlink() and not path.resolve().is_relative_to(real) for path in folder.rglob("*"))


def digest_of_folder(folder: Path, by_name: str | None = None) -> str:
    """Digest of the names and contents of all files below a folder; with the suffix `by_name`, of the names alone."""
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
