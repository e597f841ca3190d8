"""A study and its answer in a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trimtab.commands.explore.wording import LEGEND, advice, agreement, heading_of, machine_text, monthly, repetition
from trimtab.model.answer import Answer, MetricChange, TableRow
from trimtab.model.metric import RUN_INSTRUCTIONS, STARTUP
from trimtab.model.study import Study
from trimtab.units import format_bytes, format_change, format_value

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import RenderableType
    from rich.table import Table

_LEAST_WANTED = ("size.gzip", "build.clean.wall", "size.xz", "size.file", "build.peak_memory")
"""Columns given up first where the terminal is narrow; ``--json`` has them all."""
_COLUMN_WIDTH, _LEAST_LABEL = 11, 26


def study_renderables(study: Study, answer: Answer, width: int) -> Iterator[RenderableType]:
    """Heading, table, effect warnings, recommendation and notes, one after the other."""
    from rich.text import Text

    yield Text.from_markup(_heading(study))
    yield _table(answer, width)
    yield Text(f"{LEGEND}; (in brackets) cannot be told from today's", style="dim")
    if len(study.project.binaries) > 1:
        yield _binaries(study, answer)
    for row in answer.rows:
        if row.failure:
            yield Text(f"failed: {row.label}: {row.failure}", style="red")
        for warning in row.warnings:
            yield Text(f"warning: {row.label}: {warning}", style="yellow")
    yield from _recommendation(study, answer)
    for note in answer.notes:
        yield Text(f"note: {note}", style="dim")
    yield Text(_repeat(study), style="dim")


def _heading(study: Study) -> str:
    from rich.markup import escape

    profile = study.project.profile_name
    return (
        f"[bold]{escape(study.project.name)}[/bold]: {len(study.trials)} of {study.planned} profiles,"
        f" today's [bold]{profile}[/bold] first\n"
        f"[dim]{escape(machine_text(study))}[/dim]"
    )


def _table(answer: Answer, width: int) -> Table:
    """Today's profile in absolute values, the others as changes to it."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    labels = max((len(row.label) for row in answer.rows), default=0) + len("*  ◀ ")
    labels += len("≈ ") * any(row.screened for row in answer.rows)
    metrics = _columns_that_fit(answer.metrics, width - min(labels, _LEAST_LABEL))
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    table.add_column("profile", width=min(labels, max(_LEAST_LABEL, width - _COLUMN_WIDTH * len(metrics))))
    for name in metrics:
        table.add_column(heading_of(name), justify="right", no_wrap=True)
    chosen = answer.recommendation.trial if answer.recommendation else ""
    for row in answer.rows:
        label = Text(
            f"{'*' if row.pareto else ' '} {'≈ ' * row.screened}{row.label}",
            style="bold" if row.trial == chosen else "",
        )
        if row.trial == chosen:
            label.append(" ◀", style="bold green")
        if row.failure:
            table.add_row(label, Text("failed", style="red"))
        else:
            table.add_row(label, *(_cell(row, name) for name in metrics))
    return table


def _columns_that_fit(metrics: Sequence[str], width: int) -> list[str]:
    """Columns that there is room for; the least wanted are given up first."""
    kept = list(metrics)
    smoke = [name for name in metrics if name.startswith(f"run.{STARTUP}.")]
    counts = [name for name in metrics if name.endswith(RUN_INSTRUCTIONS) and name not in smoke]
    for name in (*smoke, *_LEAST_WANTED, *counts):
        if _COLUMN_WIDTH * len(kept) > width and name in kept:
            kept.remove(name)
    return kept


def _cell(row: TableRow, metric: str) -> RenderableType:
    from rich.text import Text

    change = row.get(metric)
    if change is None:
        return Text("–", style="dim")
    if row.is_baseline or change.ratio is None:
        return Text(format_value(change.value, change.unit))
    return Text(_percent(change), style=_color(change))


def _percent(change: MetricChange) -> str:
    if change.ratio is None:
        return ""
    return format_change(change.ratio) if change.real else f"({format_change(change.ratio)})"


def _color(change: MetricChange) -> str:
    if not change.real or change.ratio is None or format_change(change.ratio) == "0.0 %":
        return "dim"
    return "green" if change.ratio < 1 else "red"


def _binaries(study: Study, answer: Answer) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, title="binary by binary, bytes as shipped", title_justify="left")
    table.add_column("profile")
    for name in study.project.binaries:
        table.add_column(name, justify="right")
    artifacts = {trial.id: trial.artifacts for trial in study.built}
    for row in answer.rows:
        sizes = {artifact.name: format_bytes(artifact.size) for artifact in artifacts.get(row.trial, ())}
        if sizes:
            table.add_row(Text(row.label), *(sizes.get(name, "–") for name in study.project.binaries))
    return table


def _recommendation(study: Study, answer: Answer) -> Iterator[RenderableType]:
    from rich.text import Text

    chosen = answer.recommendation
    if chosen is None:
        yield Text(f"\n{advice(answer)}", style="bold red")
        return
    style = "bold yellow" if chosen.undecided else "bold green"
    yield Text.assemble(("\nFor the goal ", ""), (chosen.goal, "bold"), (": ", ""), (advice(answer), style))
    for reason in chosen.why:
        yield _indented(reason)
    for caveat in chosen.caveats:
        yield _indented(f"! {caveat}", "yellow")
    if not chosen.undecided:
        yield _indented(agreement(answer))
    yield _indented(f"rule: {chosen.rule}", "dim")
    for trade in answer.trades:
        yield _indented(monthly(trade), "bold" if trade.trial == chosen.trial else "")
    if not chosen.keeps_today:
        yield Text(f"  write it: trimtab apply {study.id}")


def _indented(text: str, style: str = "") -> RenderableType:
    """A paragraph whose further lines are indented as its first."""
    from rich.padding import Padding
    from rich.text import Text

    return Padding(Text(text, style=style), (0, 0, 0, 2), expand=False)


def _repeat(study: Study) -> str:
    return f"study {study.id}; again: trimtab show {study.id}; to repeat: {repetition(study)}"
