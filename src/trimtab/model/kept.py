"""Kept items: files and folders that trimtab keeps from one command to the next."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class KeptKind(StrEnum):
    """Kind of what is kept; all but studies can be made or fetched again."""

    STUDIES = "studies"
    """The store: what was measured."""
    PROGRAMS = "programs"
    """Binaries and wheels of trials."""
    UNITS = "units"
    """Compiled units that builds share."""
    SOURCES = "sources"
    """Lock files of projects that have none, and locked copies of such projects."""
    CRATES = "crates"
    """Sources of published crates."""
    REVISIONS = "revisions"
    """Checkouts of git revisions."""
    WHEELS = "wheels"
    """Published wheels, packed and unpacked."""
    BACKENDS = "backends"
    """Virtual environments with build backends."""
    TARGETS = "targets"
    """Builds for other targets, and wine's folder."""
    WRAPPERS = "wrappers"
    """Compiled helpers: the rustc wrapper, one for each toolchain, and the launcher of timed runs."""
    LEFTOVERS = "leftovers"
    """Files of commands that were killed; nothing reads them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class KeptItem:
    """One file or folder that is removed as a whole or not at all."""

    kind: KeptKind
    path: Path
    size: int
    """Bytes, each file counting a few thousand at least."""
    used: float
    """Time of its last use, in seconds since 1970."""
