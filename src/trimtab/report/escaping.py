"""Text as Markdown shows it letter by letter, for reports."""

from __future__ import annotations

from trimtab.units import printable

_MEANS_SOMETHING = "\\`*_<>[]|"


def escaped(text: str) -> str:
    """Text for a paragraph, a list or a cell of a table: no letter means anything but itself."""
    return "".join(f"\\{letter}" if letter in _MEANS_SOMETHING else letter for letter in printable(text))
