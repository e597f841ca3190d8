"""Where builds happen: a folder that one process holds at a time, and the binaries that are kept."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from trimtab.errors import InputError
from trimtab.model.trial import Artifact
from trimtab.system.orphans import kill_leftovers
from trimtab.system.paths import hold_lock

_MOST = 16
_MADE = ("target", "beside", "kept", "links", "tree", "wheels", "environments", "compiler", ".cargo")
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
            kill_leftovers(folder)
            try:
                for made in _MADE:
                    clear(folder / made)
                yield folder
            finally:
                for made in _MADE:
                    clear(folder / made)
            return
    raise InputError(f"{_MOST} explorations are running already", where=str(cache / "work"))


def clear(folder: Path) -> None:
    """Remove a folder with all in it, if it is there."""
    shutil.rmtree(folder, ignore_errors=True)
    if folder.exists():  # a process that was just killed may have written once more
        for inner in list(folder.rglob("*")):
            if inner.is_dir() and not inner.is_symlink():  # the kernel's own folder of an overlay is closed to all
                inner.chmod(stat.S_IRWXU)
        shutil.rmtree(folder)


class ArtifactStore:
    """Keeps binaries by content, so that later commands can run, weigh and compare them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, name: str, path: Path) -> Artifact:
        """Copy a binary in; the same bytes are kept once."""
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        place = self._folder / sha256 / name
        if not place.exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            descriptor, draft = tempfile.mkstemp(dir=place.parent)
            os.close(descriptor)
            try:
                shutil.copy2(path, draft)
                Path(draft).rename(place)
            except BaseException:
                Path(draft).unlink(missing_ok=True)
                raise
        return Artifact(name=name, size=place.stat().st_size, sha256=sha256, path=str(place))
