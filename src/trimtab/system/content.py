"""Content of files and folders as digests: metadata is asked first, content only where that differs."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Iterator
from pathlib import Path

from trimtab.model.inputs import InputRecord

_CACHE_TAG = "CACHEDIR.TAG"
_PASSED_OVER = (".git", ".hg", ".jj", ".svn", "__pycache__")
_BYTES = 16


def record_input(name: str | Path, root: Path, ours: Collection[Path] = ()) -> InputRecord:
    """Record a file or folder as it is now.

    Args:
        name: relative to the root, or absolute; links are followed.
        root: the project's root.
        ours: files and folders to pass over in a folder: trimtab's own, and target directories.
    """
    return InputRecord(path=str(name), stamp=_stamp(root / name, ours), digest=_digest(root / name, ours))


def is_unchanged(record: InputRecord, root: Path, ours: Collection[Path] = ()) -> bool:
    """Whether a recorded input still has the content that it had, in this checkout or another one."""
    path = root / record.path
    return _stamp(path, ours) == record.stamp or _digest(path, ours) == record.digest


def file_digests(path: Path, ours: Collection[Path] = ()) -> dict[str, str]:
    """Digest of each file's content at or below a path → its name relative to that; files that are empty are left out.

    Args:
        path: a file or folder; links are followed.
        ours: files and folders to pass over.
    """
    found = {}
    for name, file in _files(path, ours):
        try:
            if file.is_file() and file.stat().st_size:
                with file.open("rb") as opened:
                    found[hashlib.file_digest(opened, lambda: hashlib.blake2b(digest_size=_BYTES)).hexdigest()] = name
        except OSError:
            continue
    return found


def digest_text(text: str | None) -> str:
    """Digest a text; empty for none. Values of variables may be secrets, so only digests of them are stored."""
    if text is None:
        return ""
    return hashlib.blake2b(text.encode("utf-8", "surrogateescape"), digest_size=_BYTES).hexdigest()


def _stamp(path: Path, ours: Collection[Path]) -> str:
    digest = hashlib.blake2b(digest_size=_BYTES)
    is_there = False
    for name, file in _files(path, ours):
        try:
            status = file.stat()
        except OSError:
            continue
        is_there = True
        # The time of the last change of status cannot be set: it tells of content that came with an older date.
        digest.update(
            f"{name}\0{status.st_size} {status.st_mtime_ns} {status.st_ctime_ns} {status.st_ino}\0".encode(
                "utf-8", "surrogateescape"
            )
        )
    return digest.hexdigest() if is_there else ""


def _digest(path: Path, ours: Collection[Path]) -> str:
    digest = hashlib.blake2b(digest_size=_BYTES)
    is_there = False
    for name, file in _files(path, ours):
        try:
            with file.open("rb") as opened:
                content = hashlib.file_digest(opened, lambda: hashlib.blake2b(digest_size=_BYTES)).digest()
        except OSError:
            continue
        is_there = True
        digest.update(name.encode("utf-8", "surrogateescape") + b"\0" + content)
    return digest.hexdigest() if is_there else ""


def _files(path: Path, ours: Collection[Path]) -> Iterator[tuple[str, Path]]:
    """Regular files at or below a path with their names relative to it, in order; each folder is entered once."""
    if path.is_file():
        yield "", path
        return
    entered: set[tuple[int, int]] = set()

    def walk(folder: Path, name: str) -> Iterator[tuple[str, Path]]:
        try:
            status = folder.stat()
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError:
            return
        if (status.st_dev, status.st_ino) in entered or any(entry.name == _CACHE_TAG for entry in entries if name):
            return
        entered.add((status.st_dev, status.st_ino))
        for entry in entries:
            inner, below = Path(entry.path), f"{name}{entry.name}"
            if inner in ours:
                continue
            if entry.is_file():
                yield below, inner
            elif entry.is_dir() and entry.name not in _PASSED_OVER:
                yield f"{below}/", inner
                yield from walk(inner, f"{below}/")

    yield from walk(path, "")
