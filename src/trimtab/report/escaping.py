"""Escaping for Markdown reports."""

from __future__ import annotations

from trimtab.units import printable

_SPECIAL = "\\`*_<>[]|"


def escaped(text: str) -> str:
    """Text for a paragraph, a list or a cell of a table: no letter means anything but itself."""
    return "".join(f"\\{letter}" if letter in _SPECIAL else letter for letter in printable(text))
