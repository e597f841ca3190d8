"""What `diff` shows, in which order: the same for the terminal and for Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from trimtab.model.difference import Allowance, BinaryDifference, Difference, OneSided, Row
from trimtab.units import format_bytes, format_change, format_count, printable

_CRATES_NAMED = 4


class By(StrEnum):
    """What to list."""

    SECTION = "section"
    CRATE = "crate"
    SYMBOL = "symbol"
    GENERIC = "generic"
    MEMBER = "member"


@dataclass(frozen=True, kw_only=True, slots=True)
class Listing:
    """A table with one row for each thing that was weighed."""

    title: str
    what: str
    """Heading of the first column."""
    rows: tuple[Row, ...]
    more: int = 0
    """Rows left out."""
    more_change: int = 0
    """Bytes by which those changed, together."""
    counted: bool = False
    """Whether the numbers of things are worth a column."""


def headline(difference: Difference) -> str:
    """The answer in one line, to the byte."""
    total = difference.total
    name = printable(total.name)
    if total.head is None:
        return f"{name}: {total.base} bytes"
    change = f" ({format_change(total.ratio)})" if total.ratio else ""
    return f"{name}: {total.base} → {total.head} bytes{change}"


def listings(difference: Difference, by: By | None, top: int) -> Iterator[Listing]:
    """The tables, one after the other.

    Args:
        difference: what to show.
        by: only this; if left out, what each binary is made of, by section and, where there are symbols, by crate.
        top: rows to show of each table, those that changed most.
    """
    if by is By.MEMBER:
        yield _cut("members", "member", difference.members, top)
        return
    for binary in difference.binaries:
        if by is None:
            yield _overview(binary)
        chosen = [by] if by else [By.SECTION, By.CRATE]
        for one in chosen:
            rows = _rows_by(binary, one)
            if rows:
                yield _cut(f"{printable(binary.name)} by {one}", one, rows, top, counted=one is not By.SECTION)


def _rows_by(binary: BinaryDifference, by: By) -> tuple[Row, ...]:
    return {
        By.SECTION: binary.sections,
        By.CRATE: binary.crates,
        By.SYMBOL: binary.symbols,
        By.GENERIC: binary.generics,
    }[by]


def _overview(binary: BinaryDifference) -> Listing:
    compressed = (binary.compressed,) if binary.compressed else ()
    return Listing(title=printable(binary.name), what="", rows=(binary.total, *compressed, *binary.purposes))


def _cut(title: str, what: str, rows: Sequence[Row], top: int, *, counted: bool = False) -> Listing:
    return Listing(
        title=title, what=what, rows=tuple(rows[:top]), more=max(0, len(rows) - top),
        more_change=sum(row.change for row in rows[top:]), counted=counted,
    )  # fmt: skip


def remarks(difference: Difference, allowances: Sequence[Allowance], downloads: int) -> Iterator[str]:
    """What is to be said in words: functions, what only one side has, notes, registries, traffic."""
    return map(printable, _remarks(difference, allowances, downloads))


def _remarks(difference: Difference, allowances: Sequence[Allowance], downloads: int) -> Iterator[str]:
    several = len(difference.binaries) > 1
    for binary in difference.binaries:
        prefix = f"{binary.name}: " if several else ""
        yield from (prefix + text for text in (*_functions(binary), *_one_sided(binary), *binary.notes))
    yield from difference.notes
    yield from map(_allowance_text, allowances, [difference] * len(allowances))
    if downloads and difference.head:
        saved = -difference.total.change * downloads
        verb = "saves" if saved >= 0 else "costs"
        yield f"at {format_count(downloads)} downloads a month it {verb} {format_bytes(abs(saved))} of traffic a month"


def _functions(binary: BinaryDifference) -> Iterator[str]:
    old, new = binary.base_functions, binary.head_functions
    if old and new:
        sources = old.source if old.source == new.source else f"{old.source}, {new.source}"
        change = f" ({format_change(new.count / old.count)})" if old.count else ""
        sizes = f"{format_bytes(old.size)} → {format_bytes(new.size)} of code"
        yield f"functions: {old.count} → {new.count}{change}, {sizes} ({sources})"
    elif found := old or new:
        yield f"functions: {found.count}, {format_bytes(found.size)} of code ({found.source})"


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
