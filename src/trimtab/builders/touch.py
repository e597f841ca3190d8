"""Playing an edit of a source file: the file itself is left alone.

Instead, Cargo's record of when it last compiled the units that read it is dated back, after which the file counts as
newer, just as if it had been saved.
"""

from __future__ import annotations

import os
from pathlib import Path

_LONG_AGO = 315532800  # 1980-01-01, before any source file was edited
TOUCH_METRIC = "build.touch.wall"


def play_edit(target: Path, source: Path, root: Path) -> bool:
    """Have the next build take a file for edited; returns whether any compilation unit reads it.

    Args:
        target: the target directory of a build.
        source: the source file.
        root: the workspace's root, to which Cargo's records may be relative.
    """
    records = [
        record
        for name in _units_reading(target, source, root)
        for record in target.glob(f"**/.fingerprint/{_fingerprint(name)}")
    ]
    for record in records:
        os.utime(record, (_LONG_AGO, _LONG_AGO))
    return bool(records)


def _fingerprint(name: str) -> str:
    """Glob of Cargo's fingerprint of a unit, by the name of its dep-info; that of a ``cdylib`` has no hash."""
    _, dash, unit = name.rpartition("-")
    return f"*-{unit}/dep-*" if dash else f"*/dep-lib-{unit.removeprefix('lib')}"


def _units_reading(target: Path, source: Path, root: Path) -> set[str]:
    """Names of the dep-info files (``deps/NAME-HASH.d``) that list a source file."""
    spellings = {str(source)} | ({str(source.relative_to(root))} if source.is_relative_to(root) else set())
    units = set()
    for record in target.glob("**/deps/*.d"):
        paths = record.read_text("utf-8", "replace").replace("\\ ", "\0").split()
        if any(path.replace("\0", " ").rstrip(":") in spellings for path in paths):
            units.add(record.stem)
    return units
