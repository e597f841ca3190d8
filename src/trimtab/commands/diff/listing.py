"""Tables and remarks of `diff` in their order: the same for the terminal and for Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from trimtab.commands.diff.grouping import Group, Levels, grouped, parts_worth_a_row
from trimtab.commands.diff.model import Allowance, BinaryDifference, By, Difference, OneSided, SizeRow
from trimtab.units import format_bytes, format_change, format_count, format_signed, printable

_CRATES_NAMED = 4
_MOST_SUMMARIES = 15
"""Binaries that are summed up in sentences: a static library may have thousands."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Listing:
    """A table with one row for each thing that was weighed."""

    title: str
    what: str
    """Heading of the first column."""
    rows: tuple[SizeRow, ...]
    more: int = 0
    """Rows left out."""
    more_change: int = 0
    """Bytes by which those changed, together."""
    counted: bool = False
    """Whether the numbers of things are worth a column."""


def headline(difference: Difference) -> str:
    """The answer in one line, to the byte."""
    total, head = difference.total, difference.head
    name = printable(total.name)
    if total.head is None or head is None:
        return f"{name}: {total.base} bytes"
    if difference.base.sha256 == head.sha256:
        return f"{name}: identical, {total.base} bytes"
    change = f" ({format_change(total.ratio)})" if total.ratio else ""
    return f"{name}: {total.base} → {total.head} bytes{change}"


def summary(difference: Difference) -> Iterator[str]:
    """Change by purpose, a line for each binary that changed."""
    several = len(difference.binaries) > 1
    for binary in _changed(difference)[:_MOST_SUMMARIES]:
        prefix = f"{printable(binary.name)}: " if several else ""
        parts = [f"{row.name} {format_signed(row.change)}" for row in binary.purposes if row.change]
        if binary.base_name and binary.head_name and parts:
            yield f"{prefix}{format_signed(binary.total.change)}: {', '.join(parts)}"
        yield from (prefix + text for text in _functions(binary))


def _changed(difference: Difference) -> list[BinaryDifference]:
    return [binary for binary in difference.binaries if not binary.unchanged]


def listings(difference: Difference, by: By | Levels | None, top: int) -> Iterator[Listing]:
    """The tables, one after the other. Between two files only what differs is listed.

    Args:
        difference: what to show.
        by: only this, or groups of two levels; if left out, the members of an archive, and what each binary is made of,
            by section and, where there are symbols, by crate.
        top: rows to show of each table, those that changed most; and binaries to show.
    """
    alone = difference.head is None
    if isinstance(by, tuple):
        yield from _group_listings(difference, by, top)
        return
    stored = "stored" if any(binary.compressed for binary in difference.binaries) else "bytes"
    if by is By.MEMBER or (by is None and len(difference.members) > 1):
        members = _cut(f"members, {stored}", "member", difference.members, top, alone=alone)
        if members.rows:
            yield members
    if by is By.MEMBER:
        return
    for binary in _changed(difference)[:top]:
        if by is None:
            yield _overview(binary)
        if by and not _rows_by(binary, by):
            yield _no_symbols(binary, by, alone=alone)
        for group in [by] if by else [By.SECTION, By.CRATE]:
            listing = _cut(f"{printable(binary.name)} by {group}", group, _rows_by(binary, group), top, alone=alone)
            if listing.rows:
                yield listing


def _no_symbols(binary: BinaryDifference, by: str, *, alone: bool) -> Listing:
    sides = "" if alone else " on both sides"
    title = f"{printable(binary.name)}: there are no symbols{sides}, so there is nothing to list by {by}"
    return Listing(title=title, what=by, rows=())


def _group_listings(difference: Difference, levels: Levels, top: int) -> Iterator[Listing]:
    """A table of two levels for each binary, or one for all where binaries are a level themselves."""
    alone, text = difference.head is None, ", ".join(levels)
    changed = _changed(difference)
    for binaries in [changed] if By.MEMBER in levels else [[binary] for binary in changed[:top]]:
        groups = [group for group in grouped(binaries, levels) if alone or any(part.differs for part in group.parts)]
        title = "binaries" if By.MEMBER in levels else printable(binaries[0].name)
        if groups:
            yield Listing(
                title=f"{title} by {text}",
                what=text,
                rows=tuple(row for group in groups[:top] for row in _group_rows(group, top, alone=alone)),
                more=max(0, len(groups) - top),
                more_change=sum(group.row.change for group in groups[top:]),
                counted=True,
            )
        elif binaries and not binaries[0].crates:
            yield _no_symbols(binaries[0], text, alone=alone)


def _group_rows(group: Group, top: int, *, alone: bool) -> Iterator[SizeRow]:
    yield group.row
    parts = [part for part in parts_worth_a_row(group) if alone or part.differs]
    yield from (replace(part, name=f"└─{part.name}") for part in parts[:top])


def _rows_by(binary: BinaryDifference, by: By) -> tuple[SizeRow, ...]:
    return {
        By.SECTION: binary.sections,
        By.CRATE: binary.crates,
        By.SYMBOL: binary.symbols,
        By.GENERIC: binary.generics,
    }[by]


def _overview(binary: BinaryDifference) -> Listing:
    """The purposes add up to the file; what it takes when compressed stands below."""
    compressed = (binary.compressed,) if binary.compressed else ()
    return Listing(title=printable(binary.name), what="", rows=(binary.total, *binary.purposes, *compressed))


def _cut(title: str, what: str, rows: Sequence[SizeRow], top: int, *, alone: bool) -> Listing:
    shown = [row for row in rows if alone or row.differs]
    return Listing(
        title=title,
        what=what,
        rows=tuple(shown[:top]),
        more=max(0, len(shown) - top),
        more_change=sum(row.change for row in shown[top:]),
        counted=what in (By.CRATE, By.SYMBOL, By.GENERIC),
    )


def remarks(difference: Difference, allowances: Sequence[Allowance], downloads: int) -> Iterator[str]:
    """Sentences below the tables: functions that only one side has, notes, registries, traffic."""
    return map(printable, _remarks(difference, allowances, downloads))


def _remarks(difference: Difference, allowances: Sequence[Allowance], downloads: int) -> Iterator[str]:
    several = len(difference.binaries) > 1
    changed = _changed(difference)
    for binary in changed[:_MOST_SUMMARIES]:
        prefix = f"{binary.name}: " if several else ""
        yield from (prefix + text for text in (*_one_sided(binary), *binary.notes))
    if (more := len(changed) - _MOST_SUMMARIES) > 0:
        binaries = "binary" if more == 1 else "binaries"
        yield f"{more} more {binaries}: --by member,section lists all, --json has everything"
    if same := len(difference.binaries) - len(changed):
        yield f"{same} {'binary' if same == 1 else 'binaries'} did not change"
    yield from difference.notes
    yield from (_allowance_text(allowance, difference) for allowance in allowances)
    if downloads and difference.head:
        saved = -difference.total.change * downloads
        verb = "saves" if saved >= 0 else "costs"
        yield f"at {format_count(downloads)} downloads a month it {verb} {format_bytes(abs(saved))} of traffic a month"


def _functions(binary: BinaryDifference) -> Iterator[str]:
    old, new = binary.base_functions, binary.head_functions
    if old and new and old.source == new.source:
        change = f" ({format_change(new.count / old.count)})" if old.count else ""
        sizes = f"{format_bytes(old.size)} → {format_bytes(new.size)} of code"
        yield f"functions {old.count} → {new.count}{change}, {sizes} ({old.source})"
        return
    for side, functions in (("base", old), ("head", new)):
        if functions:
            where = f" in {side}" if binary.base_name and binary.head_name else ""
            yield f"functions{where}: {functions.count}, {format_bytes(functions.size)} of code ({functions.source})"


def _one_sided(binary: BinaryDifference) -> Iterator[str]:
    for side, only in (("base", binary.only_base), ("head", binary.only_head)):
        if only and only.count:
            yield f"functions only in {side}: {only.count}, {format_bytes(only.bytes)}: {_crates(only)}"


def _crates(only: OneSided) -> str:
    named = [f"{row.name} {format_bytes(abs(row.change))}" for row in only.crates[:_CRATES_NAMED]]
    more = len(only.crates) - len(named)
    return ", ".join([*named, f"{more} more"] if more else named)


def _allowance_text(allowance: Allowance, difference: Difference) -> str:
    newest = difference.head or difference.base
    releases = f"{allowance.base_releases}"
    if allowance.head_releases is not None:
        releases += f" → {allowance.head_releases}"
    limit, project = format_bytes(allowance.file_limit), format_bytes(allowance.project_limit)
    wheels = "one such wheel" if allowance.wheels == 1 else f"{allowance.wheels} such wheels"
    return (
        f"{allowance.registry}: {newest.bytes / allowance.file_limit:.0%} of the {limit} that a file may have; a"
        f" project's {project} hold {releases} releases of {wheels}"
    )
