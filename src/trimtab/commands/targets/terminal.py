"""Release targets as text for a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from trimtab.commands.targets.model import TargetsReport, TargetStatus
from trimtab.commands.targets.wording import HEADINGS, effects, possible, rows, subtitle, wrote
from trimtab.units import printable

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

_STYLES = {
    TargetStatus.BREAKS: "bold red",
    TargetStatus.FAILS: "red",
    TargetStatus.NOT_IN_EFFECT: "yellow",
    TargetStatus.BUILT: "yellow",
    TargetStatus.PASSES: "green",
}
_WIDE = 140
"""Columns of a terminal that has room for the errors in the table."""


def targets_renderables(report: TargetsReport, width: int) -> Iterator[RenderableType]:
    """Headline, table, what could be done, proposals, notes; where there is little room, errors below the table."""
    from rich.text import Text

    yield Text(printable(report.headline), style="bold")
    yield Text(printable(subtitle(report)), style="dim")
    wide = width >= _WIDE
    yield _table(report, wide=wide)
    for line in (*(() if wide else _remarks(report)), *_after(report)):
        yield Text(printable(line))
    for line in (*effects(report), *wrote(report), *report.notes):
        yield Text(printable(f"note: {line}"), style="dim")
    if report.command:
        yield Text(printable(f"to repeat: {report.command}"), style="dim")


def _table(report: TargetsReport, *, wide: bool) -> Table:
    """The table; where there is little room, a target's profiles stand below its name, and errors are left out."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    for name in HEADINGS if wide else ("target", *HEADINGS[2:-1]):
        right, wraps = name in ("size", "build CPU"), not wide or name in ("profile", HEADINGS[-1])
        table.add_column(name, justify="right" if right else "left", no_wrap=not wraps, overflow="fold")
    for result in report.results:
        for target, label, *cells in rows(result):
            style = _STYLES.get(result.standing, "dim")
            if wide:
                table.add_row(Text(target, style=style), Text(label), *map(Text, cells))
                continue
            if target:
                table.add_row(Text(target, style=style), *([] if label else map(Text, cells[:-1])))
            if label:
                table.add_row(Text(f"  {label}"), *map(Text, cells[:-1]))
    return table


def _remarks(report: TargetsReport) -> Iterator[str]:
    """The table's last column, a line for each."""
    for result in report.results:
        for cells in rows(result):
            if cells[-1]:
                yield f"{result.target.triple}, {cells[1] or cells[2]}: {cells[-1]}"


def _after(report: TargetsReport) -> Iterator[str]:
    """Advice, known issues, and the proposed settings."""
    yield from possible(report)
    for result in report.results:
        for known in result.hints:
            yield f"{result.target.triple}, known: {known.says}; {known.remedy} ({known.source})"
    for proposal in report.proposals:
        proof = "built and run with it" if proposal.proven else "not run with it"
        yield ""
        yield f"{', '.join(proposal.targets)} with settings of its own ({proof}), in Cargo.toml:"
        yield from (f"  {line}" for line in proposal.manifest)
        yield from (f"  {line}" for line in proposal.workflow)
