"""Files that people have: written so that nothing of theirs is lost."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from pathlib import Path

from trimtab.errors import InputError


def replace_text(path: Path, text: str) -> None:
    """Write a file so that at any moment it holds either the old or the new text.

    Links to it, its owner, mode and extended attributes stay. Where a new file could not have these, since there are
    hard links to the old one or it is somebody else's, the text is written into the old one.

    Raises:
        InputError: it cannot be written.
    """
    real = path.resolve()
    try:
        if real.stat().st_nlink > 1 or not _replaced(real, text):
            _overwrite(real, text)
    except OSError as error:
        raise InputError(f"cannot be written: {error.strerror}", where=str(path)) from None


def _replaced(path: Path, text: str) -> bool:
    """Put a new file in the place of an old one; false where that cannot be as the old one is."""
    descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(text.encode("utf-8"))
            file.flush()
            os.fsync(file.fileno())
        before, made = path.stat(), Path(draft).stat()
        if (before.st_uid, before.st_gid) != (made.st_uid, made.st_gid):
            try:
                os.chown(draft, before.st_uid, before.st_gid)
            except PermissionError:
                return False
        shutil.copystat(path, draft)
        os.utime(draft)
        Path(draft).replace(path)
        return True
    finally:
        with contextlib.suppress(FileNotFoundError):
            Path(draft).unlink()


def _overwrite(path: Path, text: str) -> None:
    with path.open("r+b") as file:
        file.write(text.encode("utf-8"))
        file.truncate()
        file.flush()
        os.fsync(file.fileno())
