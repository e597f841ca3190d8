"""What `doctor` finds."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Health(StrEnum):
    """How a check came out."""

    OK = "ok"
    NOTE = "note"
    """Works, but numbers suffer or something is left out."""
    MISSING = "missing"
    """Nothing can be built without it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """One thing looked at."""

    name: str
    health: Health
    found: str
    cost: str = ""
    """What it costs to go without, or to leave it so."""
    remedy: str = ""
    """How to get it, or what to do."""
