"""What a parity run says, in the words that terminal and Markdown share."""

from __future__ import annotations

from collections.abc import Iterator

from trimtab.commands.parity.model import BehaviourDifference, CheckResult, Ending, Parity
from trimtab.units import format_seconds

MOST_LISTED = 10
"""Rules, projects and flaky inputs, on a terminal."""


_LONGEST_LINE = 300


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
    rest = [f"{len(exits) - MOST_LISTED} more exit codes"] if len(exits) > MOST_LISTED else []
    return ", ".join((*others, *exits[:MOST_LISTED], *rest))


def lines_of(difference: BehaviourDifference) -> Iterator[str]:
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
