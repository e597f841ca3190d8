"""Fetched wheels on disk, each in a folder of its own with the digest that tells whether it is what was fetched."""

from __future__ import annotations

import contextlib
import hashlib
from pathlib import Path

from trimtab.system.usage import mark_used

_DIGEST = "sha256"
"""Name of the file with the digest, beside the wheel."""


def wheels_in(folder: Path) -> list[Path]:
    """All wheels in a folder."""
    return sorted(folder.glob("*.whl"))


def cached_wheel(folder: Path) -> Path | None:
    """The wheel in a folder of the cache; ``None`` if there is none, or if it has changed since it was fetched."""
    mark_used(folder)
    with contextlib.suppress(OSError, UnicodeDecodeError):
        for wheel in wheels_in(folder):
            if (folder / _DIGEST).read_text("utf-8") == _digest(wheel):
                return wheel
    return None


def cache_wheel(draft: Path, folder: Path) -> Path:
    """Move a folder with a fetched wheel to its place in the cache, at once; a damaged one there is replaced.

    Args:
        draft: the folder, itself in a temporary folder on the same file system.
        folder: its place.

    Raises:
        OSError: it cannot be moved there.
    """
    (wheel,) = wheels_in(draft)
    (draft / _DIGEST).write_text(_digest(wheel), "utf-8")
    try:
        draft.rename(folder)
    except OSError:
        if cached := cached_wheel(folder):  # of another process, which was first
            return cached
        folder.rename(draft.with_name("damaged"))
        draft.rename(folder)
    mark_used(folder)
    return folder / wheel.name


def _digest(wheel: Path) -> str:
    with wheel.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
