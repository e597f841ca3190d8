"""A difference as Markdown, for a pull request."""

from __future__ import annotations

from collections.abc import Iterable

from trimtab.commands.diff.listing import Listing, headline, summary
from trimtab.commands.diff.model import Difference, SizeRow
from trimtab.report.escaping import escaped
from trimtab.units import format_change, printable


def diff_markdown(difference: Difference, listings: Iterable[Listing], remarks: Iterable[str]) -> str:
    """Headline, tables, remarks; sizes in bytes."""
    alone = difference.head is None
    lines = [f"**{escaped(headline(difference))}**", ""]
    if difference.head:
        lines += [f"`{_cell(difference.base.path)}` → `{_cell(difference.head.path)}`", ""]
    lines += [*(f"- {escaped(line)}" for line in summary(difference)), ""]
    for listing in listings:
        lines += [*_table(listing, alone=alone), ""]
    lines += [f"- {escaped(remark)}" for remark in remarks]
    return "\n".join(lines).rstrip("\n") + "\n"


def _table(listing: Listing, *, alone: bool) -> list[str]:
    headings = [listing.what or "part", *(("bytes",) if alone else ("base", "head", "change", "%"))]
    if not listing.rows:
        return [escaped(listing.title)]
    lines = [f"**{escaped(listing.title)}**", "", _line(headings), _line(["---", *["---:"] * (len(headings) - 1)])]
    lines += [_line([f"`{_cell(row.name)}`", *_sizes(row, alone=alone)]) for row in listing.rows]
    if listing.more:
        change = [] if alone else ["", f"{listing.more_change:+}", ""]
        lines.append(_line([f"{listing.more} more", "", *change]))
    return lines


def _sizes(row: SizeRow, *, alone: bool) -> list[str]:
    base, head = ("" if size is None else str(size) for size in (row.base, row.head))
    if alone:
        return [base]
    return [base, head, f"{row.change:+}", format_change(row.ratio) if row.ratio else ""]


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(name: str) -> str:
    """A name between backticks in a table: a bar would end the cell, a backtick the code."""
    return printable(name).replace("|", "\\|").replace("`", "'")
