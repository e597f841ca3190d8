"""Release targets, and the places where a project names them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """A place in the project that names a target."""

    file: str
    """Path from the project's root; ``--target`` for the command line."""
    line: int
    """From 1 on; 0 on the command line."""
    said: str
    """The target as it is called there, such as ``aarch64`` on a macOS runner."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ReleaseTarget:
    """A target that the project ships for."""

    triple: str
    places: tuple[Place, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Discovery:
    """The targets that a project names, in its own order."""

    targets: tuple[ReleaseTarget, ...]
    notes: tuple[str, ...] = ()
    """Remarks on files that could not be read."""
