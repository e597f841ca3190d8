"""Texts on a parity run that terminal and Markdown share."""

from __future__ import annotations

from collections.abc import Iterator

from trimtab.commands.parity.model import BehaviourDifference, CheckResult, Ending, Parity
from trimtab.units import format_seconds

MOST_LISTED = 10
"""Rules, projects and flaky inputs, on a terminal."""


_LONGEST_LINE = 300


def machine(parity: Parity) -> str:
    """Machine and time taken."""
    host = parity.machine
    return f"{host.cpu}, {host.cores} cores, {host.os}; {format_seconds(parity.seconds)}"


def notes(parity: Parity) -> tuple[str, ...]:
    """Notes, an interrupt first."""
    interrupted = () if parity.complete else ("interrupted: not all inputs were run",)
    return (*interrupted, *parity.notes)


def title(check: CheckResult) -> str:
    """A check in one line."""
    text = f"no differences over {check.same} input{'s' * (check.same != 1)}"
    if check.differences:
        text = f"{len(check.differences)} of {check.inputs} inputs differ (+{check.added} -{check.removed} lines)"
    elif check.inputs and not check.compared:
        text = f"none of {check.inputs} input{'s' * (check.inputs != 1)} could be compared"
    flaky = f", {len(check.flaky)} flaky" if check.flaky else ""
    return f"{check.name}: {text}{flaky}" + (f", {len(check.not_compared)} not compared" if check.not_compared else "")


def endings(check: CheckResult) -> str:
    """Ends of runs, where not all ended with exit code 0."""
    if all(count.ending is Ending.EXIT for count in check.endings) and all(
        not count.exit_code for count in check.exits
    ):
        return ""
    others = [
        f"{count.ending}: {count.base} → {count.head}" for count in check.endings if count.ending is not Ending.EXIT
    ]
    exits = [f"exit {count.exit_code}: {count.base} → {count.head}" for count in check.exits]
    rest = [f"{len(exits) - MOST_LISTED} more exit codes"] if len(exits) > MOST_LISTED else []
    return ", ".join((*others, *exits[:MOST_LISTED], *rest))


def lines_of(difference: BehaviourDifference) -> Iterator[str]:
    """A difference as lines of a diff."""
    ends = (
        ""
        if difference.base.summary == difference.head.summary
        else f" {difference.base.summary} → {difference.head.summary}"
    )
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
