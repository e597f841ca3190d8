"""Every byte of a file belongs to exactly one part."""

from __future__ import annotations

import mmap
from collections.abc import Iterable
from dataclasses import dataclass

from trimtab.model.size_report import Purpose, Section

Data = mmap.mmap | bytes
"""A file's bytes, read where they lie."""

HEADERS = "[headers]"
PADDING = "[padding]"
OVERLAY = "[overlay]"
UNCLAIMED = "[unclaimed]"

_BLOCK = 1 << 16


@dataclass(frozen=True, slots=True)
class Claim:
    """A part of a file that its headers speak of."""

    start: int
    """Offset of its first byte."""
    size: int
    name: str
    purpose: Purpose


@dataclass(frozen=True, slots=True)
class Layout:
    """A file, divided."""

    sections: tuple[Section, ...]
    """In file order, parts of one name together; their sizes add up to the file's."""
    overlap: int
    """Bytes that were claimed more than once; they count for the part that begins first."""
    beyond: int
    """Bytes that were claimed after the end of the file; they do not count."""


def divide(data: Data, claims: Iterable[Claim]) -> Layout:
    """Give each byte to the first claim on it, and name what nobody claims.

    What lies between claims is padding if it is all zeros, else unclaimed; what follows the last claim is an overlay.
    """
    size, cursor, overlap, beyond = len(data), 0, 0, 0
    parts: dict[tuple[str, Purpose], int] = {}

    def add(name: str, purpose: Purpose, count: int) -> None:
        if count > 0:
            parts[name, purpose] = parts.get((name, purpose), 0) + count

    for claim in sorted((claim for claim in claims if claim.size > 0), key=lambda claim: claim.start):
        end = claim.start + claim.size
        beyond += max(0, end - max(size, claim.start))
        start, end = min(claim.start, size), min(end, size)
        if start > cursor:
            add(PADDING if _is_zero(data, cursor, start) else UNCLAIMED, Purpose.OTHER, start - cursor)
        overlap += max(0, min(cursor, end) - start)
        add(claim.name, claim.purpose, end - max(start, cursor))
        cursor = max(cursor, end)
    add(OVERLAY, Purpose.OTHER, size - cursor)
    sections = tuple(Section(name=name, size=count, purpose=purpose) for (name, purpose), count in parts.items())
    return Layout(sections=sections, overlap=overlap, beyond=beyond)


def oddities(layout: Layout) -> tuple[str, ...]:
    """Notes on headers that claim bytes twice, or more bytes than the file has."""
    notes = []
    if layout.overlap:
        notes.append(f"sections overlap by {layout.overlap} bytes")
    if layout.beyond:
        notes.append(f"sections reach {layout.beyond} bytes beyond the end of the file")
    return tuple(notes)


def _is_zero(data: Data, start: int, end: int) -> bool:
    blocks = (data[at : min(at + _BLOCK, end)] for at in range(start, end, _BLOCK))
    return all(block.count(0) == len(block) for block in blocks)


def text_at(data: Data, offset: int, end: int) -> str:
    """A zero-terminated string; what is not UTF-8 is shown as escapes."""
    if not 0 <= offset < end:
        return ""
    stop = data.find(b"\0", offset, end)
    return data[offset : stop if stop >= 0 else end].decode("utf-8", "backslashreplace")
