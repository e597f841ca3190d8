"""LLVM's programs, wherever a system keeps them: with a version behind their name, or in a folder of each version."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

_NUMBER = re.compile(r"\d+")
_FOLDERS = Path("/usr/lib")
"""Debian's parent folder of ``llvm-19/bin``; Homebrew and others have LLVM on PATH."""


def find_programs(name: str, environment: Mapping[str, str]) -> tuple[str, ...]:
    """Paths of all versions of a program, one without a version in its name first, then the newest.

    Args:
        name: such as ``llvm-profdata``, which ``llvm-profdata-19`` is too.
        environment: the user's, for its ``PATH``.
    """
    folders = [Path(folder) for folder in environment.get("PATH", os.defpath).split(os.pathsep) if folder]
    folders += sorted(_FOLDERS.glob("llvm-*/bin"), key=_version, reverse=True)
    pattern = re.compile(rf"{re.escape(name)}(-(?P<version>\d+))?(\.exe)?")
    found: dict[Path, tuple[bool, int]] = {}
    for folder in folders:
        for path in _entries(folder):
            if (match := pattern.fullmatch(path.name)) and os.access(path, os.X_OK):
                found.setdefault(path, (bool(match["version"]), -int(match["version"] or _version(folder))))
    return tuple(str(path) for path in sorted(found, key=lambda path: found[path]))


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def _version(folder: Path) -> int:
    return max(map(int, _NUMBER.findall(folder.parent.name)), default=0)
