"""Bytes grouped on two levels, such as by crate and, within each crate, by section."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from trimtab.commands.diff.difference import NOT_NAMED, by_change
from trimtab.commands.diff.model import BinaryDifference, By, SizeRow
from trimtab.model.size_report import Image, Purpose

Levels = tuple[By, By]
_BY_SYMBOLS = {By.CRATE, By.SYMBOL, By.GENERIC}
"""Levels that need symbols."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """One item of the first level, and what it is made of."""

    row: SizeRow
    parts: tuple[SizeRow, ...]
    """Items of the second level; they add up to the row."""


@dataclass(slots=True)
class _Sums:
    """Bytes and number of items on both sides; ``None`` where a side has none."""

    base: int | None = None
    head: int | None = None
    base_count: int = 0
    head_count: int = 0

    def add(self, side: str, size: int, count: int) -> None:
        if side == "base":
            self.base, self.base_count = (self.base or 0) + size, self.base_count + count
        else:
            self.head, self.head_count = (self.head or 0) + size, self.head_count + count

    def row(self, name: str) -> SizeRow:
        return SizeRow(
            name=name, base=self.base, head=self.head, base_count=self.base_count, head_count=self.head_count
        )


def grouped(binaries: Iterable[BinaryDifference], levels: Levels) -> tuple[Group, ...]:
    """Groups of some binaries together, those that changed most first.

    Below a section, or where symbols are not asked for, groups add up to the file; else to its code. Bytes that have no
    symbol stand under ``[not named]``. Binaries whose code has no names are left out where symbols are asked for.
    """
    sums: dict[str, dict[str, _Sums]] = {}
    for binary in binaries:
        if binary.crates or not _BY_SYMBOLS.intersection(levels):
            for side, image in (("base", binary.base_image), ("head", binary.head_image)):
                for outer, inner, size, count in _cells(binary.name, image, levels) if image else ():
                    sums.setdefault(outer, {}).setdefault(inner, _Sums()).add(side, size, count)
    groups = (_group(name, parts) for name, parts in sums.items())
    return tuple(sorted(groups, key=lambda group: (by_change(group.row), group.row.name)))


def _group(name: str, parts: dict[str, _Sums]) -> Group:
    whole = _Sums()
    for part in parts.values():
        for side, size, count in (("base", part.base, part.base_count), ("head", part.head, part.head_count)):
            if size is not None:
                whole.add(side, size, count)
    rows = (sums.row(inner) for inner, sums in parts.items())
    return Group(row=whole.row(name), parts=tuple(sorted(rows, key=lambda row: (by_change(row), row.name))))


def _cells(member: str, image: Image, levels: Levels) -> Iterator[tuple[str, str, int, int]]:
    """Names on both levels, bytes and number of items, for each function and for what remains of each section."""
    unnamed = {section.name: section.size for section in image.sections}
    if _BY_SYMBOLS.intersection(levels):
        for symbol in image.symbols:
            names = {
                By.MEMBER: member,
                By.SECTION: symbol.section,
                By.CRATE: symbol.crate,
                By.SYMBOL: symbol.name,
                By.GENERIC: symbol.generic,
            }
            unnamed[symbol.section] = unnamed.get(symbol.section, 0) - symbol.size
            yield names[levels[0]], names[levels[1]], symbol.size, 1
    whole_file = levels[0] is By.SECTION or not _BY_SYMBOLS.intersection(levels)
    for section in image.sections:
        if (size := unnamed.pop(section.name, 0)) > 0 and (whole_file or section.purpose is Purpose.CODE):
            outer, inner = (_rest(level, member, section.name) for level in levels)
            yield outer, inner, size, 0


def _rest(level: By, member: str, section: str) -> str:
    return {By.MEMBER: member, By.SECTION: section}.get(level, NOT_NAMED)


def parts_worth_a_row(group: Group) -> Sequence[SizeRow]:
    """Parts of a group, unless the only one says no more than the group itself."""
    return () if [part.name for part in group.parts] == [NOT_NAMED] else group.parts
