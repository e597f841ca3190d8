"""Disk use of a folder, and a quota that is checked from time to time while a command writes there."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

_LEAST_FILE = 4096
"""Bytes that a file or folder counts for at least, so that a flood of empty files is over the quota too."""
_EVERY, _SHARE = 0.1, 0.2
"""Seconds between two checks, and the share of the time that checking may take."""


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
    """Quota on a folder.

    Args:
        folder: the folder.
        most: bytes that may lie in it.
    """

    def __init__(self, folder: Path, most: int) -> None:
        self._folder, self._most = folder, most
        self._next = time.monotonic() + _EVERY

    def is_over(self) -> bool:
        """Whether more lies in the folder than may; false without a look where that was checked a moment ago."""
        before = time.monotonic()
        if before < self._next:
            return False
        size = bytes_below(self._folder)
        took = time.monotonic() - before
        self._next = before + took + max(_EVERY, took / _SHARE)
        return size > self._most
