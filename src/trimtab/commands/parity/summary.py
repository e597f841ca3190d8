"""Sums over the inputs of a check: differences by rule and project, and the ends of runs."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from trimtab.commands.parity.model import (
    BehaviourDifference,
    CheckResult,
    End,
    Ending,
    EndingCount,
    ExitCount,
    ProjectResult,
    SetAside,
    Tally,
)

_PLACE = r"\S[^:\n]*:\d+(?::\d+)?(?:-\d+(?::\d+)?)?:?\s+"
"""Beginning of a linter's line: file, line and column."""
_CODE = re.compile(
    rf"(?:{_PLACE})?(?:(?:error|warning|note|info|help|fatal)\b:?\s*)?[\[(]?"
    r"(?P<code>[A-Z]{1,8}\d{2,5}|(?:clippy|rustdoc|rustc)::\w+)\b"
)
_WORDS = re.compile(rf"{_PLACE}(?P<code>[a-z]+(?:-[a-z]+)+):")
"""Errors without a number, such as ruff's ``invalid-syntax``."""
_NAMED = re.compile(r".*[\[(](?P<code>[a-z][a-z0-9]+(?:[-/][a-z0-9]+)+)[\])]\s*$")
"""mypy, ESLint and others end a line with the rule's name."""


def rule_of(line: str) -> str:
    """The code that a line carries (``F401``, ``E0277``, ``clippy::needless_return``, ``attr-defined``), or nothing."""
    match = _CODE.match(line.strip()) or _WORDS.match(line.strip()) or _NAMED.match(line)
    return match["code"] if match else ""


@dataclass(frozen=True, kw_only=True, slots=True)
class InputResult:
    """One input, run on both sides."""

    input: str
    project: str
    base: End | None
    """``None`` where it was not run."""
    head: End | None
    difference: BehaviourDifference | None = None
    flaky: SetAside | None = None
    not_compared: SetAside | None = None
    unsteady: bool = False
    """Whether the two differ only in lines of places of which other lines differ from run to run."""


def summed(name: str, command: tuple[str, ...], results: Sequence[InputResult]) -> CheckResult:
    """All inputs of a check together, in the order in which they are given."""
    differences = tuple(result.difference for result in results if result.difference)
    flaky = tuple(result.flaky for result in results if result.flaky)
    return CheckResult(
        name=name,
        command=command,
        inputs=len(results),
        differences=differences,
        flaky=flaky,
        not_compared=tuple(result.not_compared for result in results if result.not_compared),
        endings=_endings(results),
        exits=_exits(results),
        projects=tuple(
            sorted(
                _projects(results),
                key=lambda project: (-project.added - project.removed, -project.differ, project.name),
            )
        ),
        rules=_rules(differences),
        not_started=sum(_neither_starts(result) for result in results),
    )


def _neither_starts(result: InputResult) -> bool:
    ends = [end.ending for end in (result.base, result.head) if end]
    return bool(result.not_compared) and ends == [Ending.NOT_STARTED, Ending.NOT_STARTED]


def _endings(results: Sequence[InputResult]) -> tuple[EndingCount, ...]:
    base = Counter(result.base.ending for result in results if result.base)
    head = Counter(result.head.ending for result in results if result.head)
    return tuple(
        EndingCount(ending=ending, base=base[ending], head=head[ending])
        for ending in Ending
        if base[ending] or head[ending]
    )


def _exits(results: Sequence[InputResult]) -> tuple[ExitCount, ...]:
    base, head = (
        Counter(end.exit_code for end in ends if end and end.ending is Ending.EXIT and end.exit_code is not None)
        for ends in ([result.base for result in results], [result.head for result in results])
    )
    return tuple(ExitCount(exit_code=code, base=base[code], head=head[code]) for code in sorted(base | head))


def caveats(check: CheckResult) -> tuple[str, ...]:
    """Notes on a check that is worth less than it seems."""
    if check.not_started:
        count = f"{check.not_started} input{'s' * (check.not_started != 1)}"
        return (
            f"{check.name}: with {count} neither side starts, which is no pass; see that the command runs by itself",
        )
    if check.inputs and not check.compared:
        return (f"{check.name}: nothing could be compared, which is no pass",)
    if check.inputs and not any(count.base for count in check.exits if count.exit_code == 0):
        return (f"{check.name}: no run of base ended with exit code 0; see that the command does what is meant",)
    return ()


def _projects(results: Sequence[InputResult]) -> Iterator[ProjectResult]:
    grouped: dict[str, list[InputResult]] = defaultdict(list)
    for result in results:
        grouped[result.project].append(result)
    for name, members in grouped.items():
        differences = [result.difference for result in members if result.difference]
        changes = [change for difference in differences for change in difference.changes]
        yield ProjectResult(
            name=name,
            inputs=len(members),
            differ=len(differences),
            flaky=sum(result.flaky is not None for result in members),
            not_compared=sum(result.not_compared is not None for result in members),
            added=sum(len(change.added) for change in changes),
            removed=sum(len(change.removed) for change in changes),
            rules=_rules(differences),
        )


def _rules(differences: Iterable[BehaviourDifference]) -> tuple[Tally, ...]:
    changes = [change for difference in differences for change in difference.changes]
    added = Counter(rule_of(line) for change in changes for line in change.added)
    removed = Counter(rule_of(line) for change in changes for line in change.removed)
    tallies = [
        Tally(name=rule, added=added[rule], removed=removed[rule]) for rule in added.keys() | removed.keys() if rule
    ]
    return tuple(sorted(tallies, key=lambda tally: (-tally.added - tally.removed, tally.name)))
