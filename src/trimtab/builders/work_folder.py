"""Work folder of builds, which one process holds at a time, and the store of the binaries that they make."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from trimtab.errors import InputError
from trimtab.model.trial import Artifact
from trimtab.system.orphans import own_work_folder
from trimtab.system.paths import clear, hold_lock
from trimtab.system.usage import mark_used

_MOST = 16
TRAINING_FOLDER = "training"
"""Folder in it for what training makes."""
_MADE = ("target", "beside", "kept", "links", "tree", "wheels", "environments", "compiler", ".cargo", TRAINING_FOLDER)
"""Folders that builds make."""


@contextlib.contextmanager
def hold_workplace(cache: Path) -> Iterator[Path]:
    """The first free work folder, emptied, for as long as the context lasts.

    Its path is the same for every trial and every run (unless two explorations run at once), since generated code can
    carry it into the binary. What a killed run left running or lying there is cleared away first.

    Raises:
        InputError: the cache folder cannot be written, or all folders are taken.
    """
    for number in range(_MOST):
        folder = cache / "work" / str(number)
        with hold_lock(folder / "lock") as held:
            if not held:
                continue
            try:
                with own_work_folder(folder):
                    for made in _MADE:
                        clear(folder / made)
                    yield folder
            finally:
                for made in _MADE:
                    clear(folder / made)
            return
    raise InputError(f"{_MOST} explorations are running already", where=str(cache / "work"))


class ArtifactStore:
    """Keeps binaries by content, so that later commands can run, weigh and compare them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, name: str, path: Path, beside: Mapping[str, Path] | None = None) -> Artifact:
        """Copy a binary in, and what must lie beside it; the same bytes are kept once.

        They are on the disk when this returns.

        Args:
            name: its name in the store.
            path: the binary.
            beside: files and folders by name; the binary with others of them is kept once more.
        """
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        folder = self._folder / _key(sha256, beside or {})
        kept = Artifact(name=name, size=path.stat().st_size, sha256=sha256, path=str(folder / name))
        if not is_intact(kept):  # not there yet, or cut short when the power went
            for own, source in (beside or {}).items():
                if source.is_dir():
                    shutil.copytree(source, folder / own, dirs_exist_ok=True)
                else:
                    self._copy(source, folder / own)
            self._copy(path, Path(kept.path))
        return kept

    def _copy(self, path: Path, to: Path) -> None:
        to.parent.mkdir(parents=True, exist_ok=True)
        descriptor, draft = tempfile.mkstemp(dir=to.parent)
        os.close(descriptor)
        try:
            shutil.copy2(path, draft)
            sync(Path(draft))
            Path(draft).rename(to)
            mark_used(to.parent)
            for folder in (to.parent, self._folder):
                sync(folder)
        except BaseException:
            Path(draft).unlink(missing_ok=True)
            raise


def sync(path: Path) -> None:
    """Wait until a file or folder is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def is_intact(artifact: Artifact) -> bool:
    """Whether a kept binary is there with the size and the digest that it had; if so, it is used now."""
    path = Path(artifact.path)
    mark_used(path.parent)
    try:
        status = path.stat()
    except OSError:
        return False
    return status.st_size == artifact.size and _sha256(path, status.st_mtime_ns, status.st_ino) == artifact.sha256


@functools.lru_cache(maxsize=4096)
def _sha256(path: Path, modified: int, inode: int) -> str:  # noqa: ARG001 - key of the cache
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


def _key(sha256: str, beside: Mapping[str, Path]) -> str:
    """The folder of a binary: its digest, or one of as many characters where files lie beside it."""
    if not beside:
        return sha256
    key = hashlib.sha256(sha256.encode())
    for name, path in sorted(beside.items()):
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file():
                key.update(f"\0{name}/{file.relative_to(path)}\0".encode("utf-8", "surrogateescape"))
                key.update(hashlib.sha256(file.read_bytes()).digest())
    return key.hexdigest()
