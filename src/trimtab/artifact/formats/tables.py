"""Tables and string tables in binaries, read within the bounds of the file, whatever their headers claim."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

from trimtab.artifact.formats.layout import Data, text_at

MOST_FUNCTIONS = 500_000
"""More than the largest programs have; a file that lists more would keep its reader busy for nothing."""

_BLOCK = 4096
"""Rows that are unpacked at a time, so that no table is ever copied whole."""
_SHARING = 4
"""Names that a byte of a string table may be part of, on average: linkers let a name end in another, but seldom."""


def rows(data: Data, row: struct.Struct, start: int, count: int) -> Iterator[tuple[Any, ...]]:
    """Unpack a table of rows of one length.

    Raises:
        ValueError: not all of it is in the file.
    """
    if start + count * row.size > len(data):
        raise ValueError(f"a table of {count} rows at {start} reaches beyond the end of the file")
    for first in range(0, count, _BLOCK):
        size = min(_BLOCK, count - first) * row.size
        at = start + first * row.size
        yield from row.iter_unpack(data[at : at + size])


class StringTable:
    """The zero-terminated names in a string table.

    Symbols may share names, and one may end in another; in a damaged file a million of them may all end in one of a
    million bytes, so reading stops when different names add up to several times what there is.
    """

    def __init__(self, data: Data, start: int, size: int) -> None:
        self._data = data
        self._start = start
        self._end = min(start + size, len(data))
        self._left = _SHARING * max(0, self._end - start)
        self._known: dict[int, str] = {}

    def at(self, offset: int) -> str:
        """The name that begins so many bytes after the beginning of the table; empty if that is beyond its end.

        Raises:
            ValueError: the names that were asked for are longer than the table can hold.
        """
        known = self._known.get(offset)
        if known is not None:
            return known
        name = text_at(self._data, self._start + offset, self._end)
        self._left -= len(name)
        if self._left < 0:
            raise ValueError("the names of its symbols overlap")
        self._known[offset] = name
        return name
