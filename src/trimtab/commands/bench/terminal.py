"""A comparison as text, as Markdown and as JSON; and its runs in hyperfine's own format."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from trimtab.commands.bench.wording import (
    SIGNS,
    all_notes,
    machine_text,
    null_verdict_text,
    ordered,
    row_texts,
    shown_null,
    verdict_text,
)
from trimtab.model.comparison import Comparison, ComparisonRow, Verdict
from trimtab.units import printable

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table


_COLUMNS = ("bench", "metric", "base", "head", "change", "point", "runs", "mode")
_LEAST_WIDTHS = {"point": 100, "runs": 115, "mode": 115}
"""Column → the width from which on there is room for it beside the verdict, which is what everybody looks for."""
_VERDICT = len("❌ regressed") + 1
_STYLES = {Verdict.REGRESSED: "red", Verdict.IMPROVED: "green", Verdict.UNCLEAR: "yellow"}


def comparison_renderables(comparison: Comparison, width: int) -> Iterator[RenderableType]:
    """Headline, table, null control, notes; where there is little room, without the columns that say least."""
    from rich.text import Text

    yield Text(printable(comparison.headline), style="bold")
    heads = ", ".join(comparison.heads)
    yield Text(printable(f"{comparison.base} → {heads}; {machine_text(comparison)}"), style="dim")
    yield _table(comparison, width)
    for line in comparison.failures:
        yield Text(printable(f"failed: {line}"), style="red")
    for line in all_notes(comparison):
        yield Text(printable(f"note: {line}"), style="dim")


def _table(comparison: Comparison, width: int) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    left_out = {name for name, least in _LEAST_WIDTHS.items() if width < least}
    kept = [number for number, name in enumerate(_COLUMNS) if name not in left_out]
    table.add_column("bench", overflow="fold")
    for name in (_COLUMNS[number] for number in kept[1:]):
        table.add_column(name, justify="left" if name in ("metric", "mode") else "right", no_wrap=True)
    table.add_column("", no_wrap=True, min_width=2)  # of their own, since signs are two cells wide
    table.add_column("verdict", min_width=_VERDICT, overflow="fold")

    def add(row: ComparisonRow, sign: str, verdict: Text, style: str = "") -> None:
        texts = row_texts(row)
        table.add_row(*(Text(texts[number]) for number in kept), sign, verdict, style=style)

    for row in ordered(comparison):
        add(row, SIGNS[row.verdict], Text(verdict_text(row), style=_STYLES.get(row.verdict, "")))
    if shown_null(comparison):
        table.add_section()
    for row in shown_null(comparison):
        add(row, "", Text(null_verdict_text(row)), "dim")
    return table
