"""Escaping for Markdown reports."""

from __future__ import annotations

from trimtab.units import printable

_SPECIAL = "\\`*_<>[]|"


def escaped(text: str) -> str:
    """Text for a paragraph, a list or a cell of a table: no letter is markup, and nobody is mentioned."""
    return unmentioned("".join(f"\\{letter}" if letter in _SPECIAL else letter for letter in printable(text)))


def code(text: str) -> str:
    """Text as inline code; a backtick, which would end it, becomes an apostrophe."""
    return f"`{printable(text).replace('`', chr(39))}`"


def unmentioned(text: str) -> str:
    """Text that mentions nobody: GitHub looks for ``@name`` in what was rendered, where an escape has no effect."""
    return text.replace("@", "@&#8203;")
