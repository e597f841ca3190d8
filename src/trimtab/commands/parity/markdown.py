"""A parity run as Markdown that a comment on a pull request can hold."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence

from trimtab.commands.parity.model import CheckResult, Parity, ProjectResult, SetAside
from trimtab.commands.parity.wording import endings, lines_of, machine, notes, title
from trimtab.report.comment import COMMENT_ROOM, fitting
from trimtab.report.escaping import escaped, unmentioned
from trimtab.units import printable

_STEPS = (
    *((lines, 1_000) for lines in (100_000, 1_000, 300, 100, 50, 20, 10, 5, 2)),
    *((2, most) for most in (300, 100, 50, 20, 10, 5, 2, 0)),
)
"""Lines of each project, and projects, rules and flaky inputs of each check: the first that fit are taken."""
_FENCE = re.compile(r"`{3,}")


def parity_markdown(parity: Parity, room: int = COMMENT_ROOM) -> str:
    """Headline; for each check its rules and, by project, the lines that differ: as many as there is room for.

    Args:
        parity: what was found.
        room: units of UTF-16 that it may have, a few hundred at least.
    """
    return fitting(("\n".join(_all(parity, lines, listed)) + "\n" for lines, listed in _STEPS), room)


def _all(parity: Parity, lines: int, listed: int) -> Iterator[str]:
    yield f"**{escaped(parity.headline)}**"
    yield ""
    yield f"`{_code(parity.base)}` → `{_code(parity.head)}`"
    for check in parity.checks:
        yield ""
        yield from _check(check, lines, listed)
    yield ""
    yield from (f"- {escaped(line)}" for line in (machine(parity), *notes(parity)))
    if parity.command:
        yield f"- to repeat: `{_code(parity.command)[:1000]}`"


def _check(check: CheckResult, lines: int, listed: int) -> Iterator[str]:
    yield f"#### {escaped(title(check))}"
    yield ""
    yield f"`{_code(' '.join(check.command))[:1000]}`"
    if line := endings(check):
        yield ""
        yield f"How runs ended: {line}"
    if check.rules and listed:
        yield ""
        yield from _details(f"Changes by rule ({len(check.rules)})", _rules(check, listed))
    differing = [project for project in check.projects if project.differ]
    for project in differing[:listed]:
        yield ""
        yield from _details(_summary(project), _diff(check, project, lines))
    if len(differing) > listed:
        yield ""
        yield f"… and {len(differing) - listed} more projects: see `--json`."
    if check.flaky:
        yield ""
        yield from _details(f"{len(check.flaky)} flaky, set aside", _aside(check.flaky, listed))
    if check.not_compared:
        yield ""
        yield from _details(f"{len(check.not_compared)} not compared", _aside(check.not_compared, listed))


def _details(summary: str, content: Iterator[str]) -> Iterator[str]:
    yield f"<details><summary>{unmentioned(html.escape(printable(summary)))}</summary>"
    yield ""
    yield from content
    yield ""
    yield "</details>"


def _summary(project: ProjectResult) -> str:
    return f"{project.name}: {project.differ} of {project.inputs} inputs, +{project.added} -{project.removed} lines"


def _rules(check: CheckResult, listed: int) -> Iterator[str]:
    yield "| rule | added | removed |"
    yield "|---|---:|---:|"
    for rule in check.rules[:listed]:
        yield f"| {escaped(rule.name)} | +{rule.added} | -{rule.removed} |"
    if rest := check.rules[listed:]:
        yield f"| {len(rest)} more | +{sum(rule.added for rule in rest)} | -{sum(rule.removed for rule in rest)} |"


def _diff(check: CheckResult, project: ProjectResult, most: int) -> Iterator[str]:
    lines = [
        line for difference in check.differences if difference.project == project.name for line in lines_of(difference)
    ]
    shown = lines[:most]
    longest = max((len(match[0]) for line in shown for match in _FENCE.finditer(line)), default=2)
    fence = "`" * (longest + 1)
    yield f"{fence}diff"
    yield from shown
    yield fence
    if len(lines) > most:
        yield ""
        yield f"… and {len(lines) - most} more lines: see `--json`."


def _aside(inputs: Sequence[SetAside], listed: int) -> Iterator[str]:
    yield from (f"- `{_code(given.input)}`: {escaped(given.reason)}" for given in inputs[:listed])
    if len(inputs) > listed:
        yield f"- … and {len(inputs) - listed} more: see `--json`."


def _code(text: str) -> str:
    return printable(text).replace("`", "'")
