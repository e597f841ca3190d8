"""A difference as a person reads it in a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from trimtab.commands.diff.listing import Listing, headline, summary
from trimtab.commands.diff.model import Difference, SizeRow
from trimtab.units import format_bytes, format_change, format_signed, printable

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table
    from rich.text import Text

_BAR, _SHORT_BAR = 16, 8
_LEAST_NAME, _WIDE = 20, 100
_NUMBERS, _COUNTS = 44, 14
"""Columns that the numbers take, beside bar and name."""


def diff_renderables(
    difference: Difference, listings: Iterable[Listing], remarks: Iterable[str], width: int
) -> Iterator[RenderableType]:
    """Headline, tables with bars, remarks."""
    from rich.text import Text

    yield Text(headline(difference), style="bold")
    if difference.head:
        yield Text(f"{printable(difference.base.path)} → {printable(difference.head.path)}", style="dim")
    for line in summary(difference):
        yield Text(line)
    yield Text()
    for listing in listings:
        yield Text(listing.title, style="bold")
        if listing.rows:
            yield _table(listing, alone=difference.head is None, width=width)
    for remark in remarks:
        yield Text(remark)


def _table(listing: Listing, *, alone: bool, width: int) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    counted = listing.counted and any(row.base_count != 1 or row.head_count != 1 for row in listing.rows)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    bar = _BAR if width >= _WIDE else _SHORT_BAR
    room = width - bar - _NUMBERS - (_COUNTS if counted else 0)
    table.add_column(listing.what, max_width=max(_LEAST_NAME, room), overflow="fold")
    for name in ("bytes",) if alone else ("base", "head", "change", ""):
        table.add_column(name, justify="right", no_wrap=True)
    if counted:
        table.add_column("number", justify="right", no_wrap=True)
    table.add_column("", no_wrap=True, width=bar)
    largest = max((abs(_weight(row, alone=alone)) for row in listing.rows), default=0)
    for row in listing.rows:
        cells = [Text(printable(row.name)), *_sizes(row, alone=alone)]
        if counted:
            cells.append(Text(_numbers(row, alone=alone)))
        table.add_row(*cells, _bar(_weight(row, alone=alone) / (largest or 1) * bar, alone=alone))
    if listing.more:
        change = [] if alone else [Text(), Text(), Text(format_signed(listing.more_change), "dim")]
        table.add_row(Text(f"{listing.more} more", "dim"), *change)
    return table


def _sizes(row: SizeRow, *, alone: bool) -> list[Text]:
    from rich.text import Text

    if alone:
        return [Text(_bytes(row.base))]
    ratio = format_change(row.ratio) if row.ratio else ""
    style = _style(row.change)
    return [Text(_bytes(row.base)), Text(_bytes(row.head)), Text(format_signed(row.change), style), Text(ratio, style)]


def _numbers(row: SizeRow, *, alone: bool) -> str:
    if alone or row.base_count == row.head_count:
        return str(row.base_count or "")
    return f"{row.base_count} → {row.head_count}"


def _weight(row: SizeRow, *, alone: bool) -> int:
    return (row.base or 0) if alone else row.change


def _bar(length: float, *, alone: bool) -> Text:
    """A bar so many characters long, drawn in eighths of one."""
    from rich.text import Text

    full, rest = divmod(round(abs(length) * 8), 8)
    return Text("█" * full + (" ▏▎▍▌▋▊▉"[rest] if rest else ""), style="cyan" if alone else _style(length))


def _style(change: float) -> str:
    return "green" if change < 0 else "red" if change > 0 else "dim"


def _bytes(size: int | None) -> str:
    return "–" if size is None else format_bytes(size)
