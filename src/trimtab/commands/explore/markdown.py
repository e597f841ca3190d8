"""A study and its answer as Markdown, for an issue or a pull request."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from trimtab.commands.explore.wording import LEGEND, advice, agreement, heading_of, machine_text, monthly, repetition
from trimtab.model.answer import Answer, MetricChange, TableRow
from trimtab.model.metric import STARTUP
from trimtab.model.study import Study
from trimtab.report.comment import COMMENT_ROOM, fitting
from trimtab.report.escaping import code, escaped
from trimtab.units import format_change, format_value

_STEPS = (100_000, 300, 100, 50, 20, 10, 5, 2)
"""Lines of each kind, such as rows of the table or notes: the most that fit are taken."""
_LONGEST = 1000
"""Letters of a line, a label or the command."""


def study_markdown(study: Study, answer: Answer, room: int = COMMENT_ROOM) -> str:
    """Headline, table of profiles against today's, reasons, machine, compiler and how to repeat it.

    Args:
        study: trials of one project.
        answer: the answer that was computed from it.
        room: units of UTF-16 that the text may have, a few hundred at least.
    """
    return fitting(("\n".join(_draft(study, answer, listed)) + "\n" for listed in _STEPS), room)


def _draft(study: Study, answer: Answer, listed: int) -> Iterator[str]:
    chosen = answer.recommendation
    goal = f" (goal {chosen.goal})" if chosen else ""
    yield f"**{escaped(f'{study.project.name}: {advice(answer)}{goal}')}**"
    yield ""
    tried = f"{len(study.trials)} of {study.planned} profiles"
    yield escaped(f"{tried}; changes are against today's {study.project.profile_name}.")
    yield ""
    if answer.rows:
        yield from _table(answer, listed)
        yield ""
        yield escaped(LEGEND)
        yield ""
    if chosen:
        yield from _list([*chosen.why, *(f"caveat: {caveat}" for caveat in chosen.caveats)], listed)
        sure = [] if chosen.undecided else [agreement(answer)]
        yield from _list([*sure, f"rule: {chosen.rule}", *map(monthly, answer.trades)], listed)
    yield from _list([f"failed: {row.label}: {row.failure}" for row in answer.rows if row.failure], listed)
    yield from _list([f"warning: {row.label}: {text}" for row in answer.rows for text in row.warnings], listed)
    yield from _list([machine_text(study), *(f"note: {note}" for note in answer.notes)], listed)
    yield f"- to repeat: {code(_short(repetition(study)))}"


def _table(answer: Answer, listed: int) -> Iterator[str]:
    metrics = [name for name in answer.metrics if not name.startswith(f"run.{STARTUP}.")]
    chosen = answer.recommendation.trial if answer.recommendation else ""
    rows = [row for at, row in enumerate(answer.rows) if at < listed or row.trial == chosen]
    yield _line(["", "profile", *(escaped(heading_of(name).replace("\n", " ")) for name in metrics)])
    yield _line(["---", "---", *("---:" for _ in metrics)])
    for row in rows:
        marks = f"{escaped('*') * row.pareto} {'◀' * (row.trial == chosen)}".strip()
        label = escaped(_short(f"{'≈ ' * row.screened}{row.label}"))
        cells = ["failed", *[""] * (len(metrics) - 1)] if row.failure else [_cell(row, name) for name in metrics]
        yield _line([marks, f"**{label}**" if row.trial == chosen else label, *cells[: len(metrics)]])
    if len(rows) < len(answer.rows):
        yield _line(["", f"… {len(answer.rows) - len(rows)} more: see `--json`", *("" for _ in metrics)])


def _cell(row: TableRow, metric: str) -> str:
    """Today's value; of other profiles the value with its change, or the interval of a change measured in pairs."""
    change = row.get(metric)
    if change is None:
        return "–"
    value = format_value(change.value, change.unit)
    if row.is_baseline or change.ratio is None:
        return escaped(value)
    interval = _interval(change)
    return escaped(interval or f"{value} ({format_change(change.ratio)})")


def _interval(change: MetricChange) -> str:
    if change.ratio is None or change.low is None or change.high is None:
        return ""
    interval = f"[{format_change(change.low)}, {format_change(change.high)}]"
    return f"{format_change(change.ratio)} {interval}" if change.real else f"unclear {interval}"


def _list(lines: Sequence[str], listed: int) -> Iterator[str]:
    yield from (f"- {escaped(_short(line))}" for line in lines[:listed])
    if len(lines) > listed:
        yield f"- … {len(lines) - listed} more: see `--json`"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
