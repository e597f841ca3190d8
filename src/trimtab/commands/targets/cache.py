"""Targets that were built before: kept in the cache, so that an interrupted `trimtab targets` goes on where it was.

Only what was built is kept. A failure on another target often lies in what this machine lacks, and may be gone.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

import msgspec

from trimtab.builders.work_folder import is_intact
from trimtab.commands.targets.model import TargetAttempt
from trimtab.system.usage import mark_used


class AttemptStore:
    """A file for each attempt, by its identity; the binaries lie beside them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def artifacts(self) -> Path:
        """Folder of the built binaries."""
        return self._folder / "artifacts"

    def find(self, identity: str) -> TargetAttempt | None:
        """An attempt whose binaries are all as they were built."""
        mark_used(self._path(identity))
        try:
            attempt = msgspec.json.decode(self._path(identity).read_bytes(), type=TargetAttempt)
        except (OSError, msgspec.DecodeError):
            return None
        return attempt if all(map(is_intact, attempt.artifacts)) else None

    def keep(self, identity: str, attempt: TargetAttempt) -> None:
        """Keep an attempt that was built; a cache that cannot be written only costs another build."""
        with contextlib.suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
            descriptor, draft = tempfile.mkstemp(prefix=".draft-", dir=self._folder)
            with os.fdopen(descriptor, "wb") as file:
                file.write(msgspec.json.encode(attempt))
            Path(draft).rename(self._path(identity))
            mark_used(self._path(identity))

    def _path(self, identity: str) -> Path:
        return self._folder / f"{identity}.json"
