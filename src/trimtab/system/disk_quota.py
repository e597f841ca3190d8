"""How much lies in a folder, and a watch that looks from time to time while a command writes there."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

_LEAST_FILE = 4096
"""Bytes that a file or folder counts for at least: a flood of empty files is one too."""
_EVERY, _SHARE = 0.1, 0.2
"""Seconds between two looks, and the share of the time that looking may take."""


def bytes_below(folder: Path) -> int:
    """Bytes of all files below a folder by their length, a few thousand for each at least; links are not followed."""
    total, folders = 0, [str(folder)]
    while folders:
        with contextlib.suppress(OSError), os.scandir(folders.pop()) as entries:  # it may be gone by now
            for entry in entries:
                with contextlib.suppress(OSError):
                    total += max(_LEAST_FILE, entry.stat(follow_symlinks=False).st_size)
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
    return total


class FolderWatch:
    """Tells when there is more in a folder than may be."""

    def __init__(self, folder: Path, most: int) -> None:
        self._folder, self._most = folder, most
        self._next = time.monotonic() + _EVERY

    def is_over(self) -> bool:
        """Look, unless that was done a moment ago."""
        before = time.monotonic()
        if before < self._next:
            return False
        found = bytes_below(self._folder)
        took = time.monotonic() - before
        self._next = before + took + max(_EVERY, took / _SHARE)
        return found > self._most
