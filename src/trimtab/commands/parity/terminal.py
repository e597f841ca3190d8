"""Whether two programs behave the same, as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import islice
from typing import TYPE_CHECKING, Any

import msgspec

from trimtab.commands.parity.model import CheckResult, Difference, Ending, Parity, SetAside
from trimtab.units import format_seconds, printable

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

SCHEMA = "trimtab.parity/1"

_LONGEST_LINE = 300
_MOST_LINES = 20
"""Of each project, on a terminal."""
_MOST_LISTED = 10
"""Rules, projects and flaky inputs, on a terminal."""
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


def machine(parity: Parity) -> str:
    """Where it was run, and how long that took."""
    one = parity.machine
    return f"{one.cpu}, {one.cores} cores, {one.os}; {format_seconds(parity.seconds)}"


def notes(parity: Parity) -> tuple[str, ...]:
    """What else there is to be known."""
    interrupted = () if parity.complete else ("interrupted: not all inputs were run",)
    return (*interrupted, *parity.notes)


def title(check: CheckResult) -> str:
    """A check in one line."""
    said = f"no differences over {check.same} input{'s' * (check.same != 1)}"
    if check.differences:
        said = f"{len(check.differences)} of {check.inputs} inputs differ (+{check.added} -{check.removed} lines)"
    elif check.inputs and not check.compared:
        said = f"none of {check.inputs} input{'s' * (check.inputs != 1)} could be compared"
    flaky = f", {len(check.flaky)} flaky" if check.flaky else ""
    return f"{check.name}: {said}{flaky}" + (f", {len(check.not_compared)} not compared" if check.not_compared else "")


def endings(check: CheckResult) -> str:
    """How runs ended, where not all ended with exit code 0."""
    if all(one.ending is Ending.EXIT for one in check.endings) and all(not one.exit_code for one in check.exits):
        return ""
    others = [f"{one.ending}: {one.base} → {one.head}" for one in check.endings if one.ending is not Ending.EXIT]
    exits = [f"exit {one.exit_code}: {one.base} → {one.head}" for one in check.exits]
    rest = [f"{len(exits) - _MOST_LISTED} more exit codes"] if len(exits) > _MOST_LISTED else []
    return ", ".join((*others, *exits[:_MOST_LISTED], *rest))


def lines_of(difference: Difference) -> Iterator[str]:
    """A difference as lines of a diff."""
    ends = "" if difference.base.said == difference.head.said else f" {difference.base.said} → {difference.head.said}"
    unstable = "" if difference.stable else " (head does not agree with itself)"
    yield _cut(f"@@ {difference.input}{ends}{unstable} @@")
    for change in difference.changes:
        if change.remark or change.where != "stdout":
            yield _cut(f"  {change.where}{': ' * bool(change.remark)}{change.remark}")
        yield from (_cut(f"-{line}") for line in change.removed)
        yield from (_cut(f"+{line}") for line in change.added)


def _cut(line: str) -> str:
    line = line.replace("\n", " ")
    return line if len(line) <= _LONGEST_LINE else f"{line[:_LONGEST_LINE]}…"


def _check(check: CheckResult) -> Iterator[RenderableType]:
    from rich.text import Text

    yield Text(printable(title(check)), style="bold red" if check.differences else "bold")
    yield Text(printable(f"  {' '.join(check.command)}"), style="dim")
    if said := endings(check):
        yield Text(f"  {said}")
    if check.rules:
        yield _rules(check)
    differing = [project for project in check.projects if project.differ]
    for project in differing[:_MOST_LISTED]:
        head = (
            f"  {project.name}: {project.differ} of {project.inputs} inputs, +{project.added} -{project.removed} lines"
        )
        yield Text(printable(head))
        lines = (line for one in check.differences if one.project == project.name for line in lines_of(one))
        for line in islice(lines, _MOST_LINES):
            yield Text(f"    {line}", style=_STYLES.get(line[0], ""))
        if rest := sum(1 for _ in lines):
            yield Text(f"    … {rest} more lines, in --json", style="dim")
    if len(differing) > _MOST_LISTED:
        yield Text(f"  … {len(differing) - _MOST_LISTED} more projects, in --json", style="dim")
    yield from _aside("flaky", check.flaky)
    yield from _aside("not compared", check.not_compared)


def _aside(what: str, inputs: Sequence[SetAside]) -> Iterator[RenderableType]:
    from rich.text import Text

    for one in inputs[:_MOST_LISTED]:
        yield Text(printable(f"  {what}: {one.input} ({one.reason})"))
    if len(inputs) > _MOST_LISTED:
        yield Text(f"  … {len(inputs) - _MOST_LISTED} more {what}, in --json", style="dim")


def _rules(check: CheckResult) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    table.add_column("  rule")
    table.add_column("added", justify="right")
    table.add_column("removed", justify="right")
    for rule in check.rules[:_MOST_LISTED]:
        table.add_row(Text(f"  {rule.name}"), f"+{rule.added}", f"-{rule.removed}")
    if rest := check.rules[_MOST_LISTED:]:
        sums = [sum(getattr(rule, name) for rule in rest) for name in ("added", "removed")]
        table.add_row(f"  {len(rest)} more", f"+{sums[0]}", f"-{sums[1]}")
    return table


def parity_json(parity: Parity) -> str:
    """``trimtab.parity/1``, with every line. Its schema is ``docs/schemas/parity.schema.json``."""
    document = {
        "schema": SCHEMA,
        "headline": parity.headline,
        "identical": parity.identical,
        "complete": parity.complete,
        "counts": {
            "inputs": parity.inputs,
            "same": parity.same,
            "differ": parity.differ,
            "flaky": parity.flaky,
            "not_compared": parity.not_compared,
        },
        "base": parity.base,
        "head": parity.head,
        "checks": [_check_document(check) for check in parity.checks],
        "machine": asdict(parity.machine),
        "seconds": parity.seconds,
        "notes": parity.notes,
        "command": parity.command,
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode()


def _check_document(check: CheckResult) -> dict[str, Any]:
    return {
        "name": check.name,
        "command": check.command,
        "counts": {
            "inputs": check.inputs,
            "same": check.same,
            "differ": len(check.differences),
            "flaky": len(check.flaky),
            "not_compared": len(check.not_compared),
        },
        "lines": {"added": check.added, "removed": check.removed},
        "endings": [asdict(one) for one in check.endings],
        "exits": [asdict(one) for one in check.exits],
        "rules": [asdict(rule) for rule in check.rules],
        "projects": [asdict(project) for project in check.projects],
        "differences": [asdict(one) for one in check.differences],
        "flaky": [asdict(one) for one in check.flaky],
        "not_compared": [asdict(one) for one in check.not_compared],
    }
