"""A parity run as text for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING

from trimtab.commands.parity.model import CheckResult, Parity, SetAside
from trimtab.commands.parity.wording import MOST_LISTED, endings, lines_of, machine, notes, title
from trimtab.units import printable

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table


_MOST_LINES = 20
"""Of each project, on a terminal."""
_STYLES = {"-": "red", "+": "green", "@": "cyan"}


def parity_renderables(parity: Parity) -> Iterator[RenderableType]:
    """Headline; for each check its rules and, by project, the lines that differ; notes; how to repeat it."""
    from rich.text import Text

    yield Text(printable(parity.headline), style="bold")
    yield Text(printable(f"{parity.base} → {parity.head}; {machine(parity)}"), style="dim")
    for check in parity.checks:
        yield Text("")
        yield from _check(check)
    for note in notes(parity):
        yield Text(printable(f"note: {note}"), style="dim")
    if parity.command:
        yield Text(printable(f"to repeat: {parity.command}"), style="dim")


def _check(check: CheckResult) -> Iterator[RenderableType]:
    from rich.text import Text

    yield Text(printable(title(check)), style="bold red" if check.differences else "bold")
    yield Text(printable(f"  {' '.join(check.command)}"), style="dim")
    if line := endings(check):
        yield Text(f"  {line}")
    if check.rules:
        yield _rules(check)
    differing = [project for project in check.projects if project.differ]
    for project in differing[:MOST_LISTED]:
        head = (
            f"  {project.name}: {project.differ} of {project.inputs} inputs, +{project.added} -{project.removed} lines"
        )
        yield Text(printable(head))
        lines = (line for one in check.differences if one.project == project.name for line in lines_of(one))
        for line in islice(lines, _MOST_LINES):
            yield Text(f"    {line}", style=_STYLES.get(line[0], ""))
        if rest := sum(1 for _ in lines):
            yield Text(f"    … {rest} more lines, in --json", style="dim")
    if len(differing) > MOST_LISTED:
        yield Text(f"  … {len(differing) - MOST_LISTED} more projects, in --json", style="dim")
    yield from _aside("flaky", check.flaky)
    yield from _aside("not compared", check.not_compared)


def _aside(what: str, inputs: Sequence[SetAside]) -> Iterator[RenderableType]:
    from rich.text import Text

    for given in inputs[:MOST_LISTED]:
        yield Text(printable(f"  {what}: {given.input} ({given.reason})"))
    if len(inputs) > MOST_LISTED:
        yield Text(f"  … {len(inputs) - MOST_LISTED} more {what}, in --json", style="dim")


def _rules(check: CheckResult) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    table.add_column("  rule")
    table.add_column("added", justify="right")
    table.add_column("removed", justify="right")
    for rule in check.rules[:MOST_LISTED]:
        table.add_row(Text(f"  {rule.name}"), f"+{rule.added}", f"-{rule.removed}")
    if rest := check.rules[MOST_LISTED:]:
        sums = [sum(getattr(rule, name) for rule in rest) for name in ("added", "removed")]
        table.add_row(f"  {len(rest)} more", f"+{sums[0]}", f"-{sums[1]}")
    return table
