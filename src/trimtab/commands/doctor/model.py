"""Checks of a machine."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Health(StrEnum):
    """Outcome of a check."""

    OK = "ok"
    NOTE = "note"
    """Works, but numbers suffer or something is left out."""
    MISSING = "missing"
    """Nothing can be built without it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """One check: a tool, a resource or a setting of the machine."""

    name: str
    health: Health
    found: str
    """Path, version or state that was found."""
    cost: str = ""
    """Consequence of going without it, or of leaving it so."""
    remedy: str = ""
    """Command that installs it, or another remedy."""
