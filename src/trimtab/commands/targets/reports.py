"""Release targets as text, as Markdown and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import msgspec

from trimtab.commands.explore.json import effect_document, failure_document
from trimtab.model.target import Attempt, Proposal, Ran, Standing, TargetResult, TargetsReport, Trouble
from trimtab.report.escaping import escaped
from trimtab.units import format_bytes, format_change, format_seconds, printable

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

SCHEMA = "trimtab.targets/1"
_SIGNS = {
    Standing.BREAKS: "❌",
    Standing.FAILS: "❌",
    Standing.NOT_TRIED: "–",
    Standing.NOT_IN_EFFECT: "❔",
    Standing.BUILT: "❔",
    Standing.PASSES: "✅",
}
_STYLES = {
    Standing.BREAKS: "bold red",
    Standing.FAILS: "red",
    Standing.NOT_IN_EFFECT: "yellow",
    Standing.BUILT: "yellow",
    Standing.PASSES: "green",
}
_WIDE = 140
"""Columns of a terminal that has room for the errors in the table."""
_HEADINGS = ("target", "profile", "builds", "runs", "size", "build CPU", "effect", "first error, or why not")


def targets_renderables(report: TargetsReport, width: int) -> Iterator[RenderableType]:
    """Headline, table, what could be done, proposals, notes; where there is little room, errors below the table."""
    from rich.text import Text

    yield Text(printable(report.headline), style="bold")
    yield Text(printable(_subtitle(report)), style="dim")
    wide = width >= _WIDE
    yield _table(report, wide=wide)
    for line in (*(() if wide else _remarks(report)), *_after(report)):
        yield Text(printable(line))
    for line in (*_effects(report), *_wrote(report), *report.notes):
        yield Text(printable(f"note: {line}"), style="dim")
    if report.command:
        yield Text(printable(f"to repeat: {report.command}"), style="dim")


def _subtitle(report: TargetsReport) -> str:
    machine = report.machine
    return (
        f"{report.project}, today's {report.profile_name}"
        f"{f' and {report.candidate_label}' if report.candidate_label else ''}; "
        f"{machine.cpu}, {machine.cores} cores, {machine.os}; {format_seconds(report.seconds)}"
    )


def _table(report: TargetsReport, *, wide: bool) -> Table:
    """Where there is little room, a target's profiles stand below its name, and errors are left out."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    for name in _HEADINGS if wide else ("target", *_HEADINGS[2:-1]):
        right, wraps = name in ("size", "build CPU"), not wide or name in ("profile", _HEADINGS[-1])
        table.add_column(name, justify="right" if right else "left", no_wrap=not wraps, overflow="fold")
    for result in report.results:
        for target, label, *cells in _rows(result):
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
        for cells in _rows(result):
            if cells[-1]:
                yield f"{result.target.triple}, {cells[1] or cells[2]}: {cells[-1]}"


def _rows(result: TargetResult) -> Iterator[tuple[str, ...]]:
    """A line for each profile that a target was tried with, or one that says why it was not."""
    target = f"{_SIGNS[result.standing]} {printable(result.target.triple)}"
    if not result.attempts:
        yield (target, "", Standing.NOT_TRIED, "", "", "", "", printable(result.reason))
        return
    base = result.attempts[0]
    for attempt in (*result.attempts, *result.narrowed):
        yield (target if attempt is base else "", *_cells(attempt, base))


def _cells(attempt: Attempt, base: Attempt) -> tuple[str, ...]:
    remark = printable(attempt.trouble or next((run.said for run in attempt.runs if run.state is Ran.NOT_RUN), ""))
    if attempt.failure:
        return (attempt.label, "fails", "", "", "", "", remark)
    size = format_bytes(attempt.size)
    if base.size and attempt is not base:
        size += f" ({format_change(attempt.size / base.size)})"
    cpu = format_seconds(attempt.cost.cpu) if attempt.cost else ""
    return (attempt.label, "ok", _runs(attempt), size, cpu, _effect(attempt), remark)


def _runs(attempt: Attempt) -> str:
    states = {run.state for run in attempt.runs}
    worst = next((state for state in (Ran.FAILED, Ran.NOT_RUN, Ran.OK) if state in states), Ran.NOT_RUN)
    runners = " ".join(dict.fromkeys(run.runner for run in attempt.runs if run.runner))
    said = {Ran.FAILED: "fails", Ran.NOT_RUN: Ran.NOT_RUN, Ran.OK: Ran.OK}[worst]
    return f"{said} ({runners})" if runners else said


def _effect(attempt: Attempt) -> str:
    if not attempt.effects:
        return "not seen"
    return "differs" if any(effect.warnings for effect in attempt.effects) else "as asked"


def _after(report: TargetsReport) -> Iterator[str]:
    """What would make more possible, what is known of the failures, and what to write."""
    yield from _possible(report)
    for result in report.results:
        for known in result.hints:
            yield f"{result.target.triple}, known: {known.says}; {known.remedy} ({known.source})"
    for proposal in report.proposals:
        proof = "built and run with it" if proposal.proven else "not run with it"
        yield ""
        yield f"{', '.join(proposal.targets)} with settings of its own ({proof}), in Cargo.toml:"
        yield from (f"  {line}" for line in proposal.manifest)
        yield from (f"  {line}" for line in proposal.workflow)


def _possible(report: TargetsReport) -> Iterator[str]:
    for result in report.results:
        if how := _how(result):
            possible = "to build it here" if not result.attempts else "to run it here"
            yield f"{result.target.triple}, {possible}: {'; or '.join(how)}"


def _how(result: TargetResult) -> tuple[str, ...]:
    if not result.attempts:
        return result.how
    runs = result.attempts[-1].runs
    return tuple(dict.fromkeys(word for run in runs if run.state is Ran.NOT_RUN for word in run.how))


def _effects(report: TargetsReport) -> Iterator[str]:
    for result, attempt in _attempts(report.results):
        for effect in attempt.effects:
            yield from (f"{result.target.triple}, {attempt.label}: {warning}" for warning in effect.warnings)


def _wrote(report: TargetsReport) -> Iterator[str]:
    for result, attempt in _attempts(report.results):
        if attempt.wrote:
            yield (
                f"{result.target.triple}, {attempt.label}: the build changed the project's own tree, which was kept "
                f"from it: {', '.join(attempt.wrote)}"
            )


def _attempts(results: Sequence[TargetResult]) -> Iterator[tuple[TargetResult, Attempt]]:
    for result in results:
        for attempt in (*result.attempts, *result.narrowed):
            yield result, attempt


def targets_markdown(report: TargetsReport) -> str:
    """For a pull request."""
    lines = [f"**{escaped(report.headline)}**", "", f"| {' | '.join(_HEADINGS)} |"]
    lines.append("|---|---|---|---|---:|---:|---|---|")
    for result in report.results:
        lines += [f"| {' | '.join(map(escaped, cells))} |" for cells in _rows(result)]
    lines.append("")
    for proposal in report.proposals:
        lines += ["```toml", *proposal.manifest, "```", ""]
        lines += [f"- {escaped(line)}" for line in proposal.workflow]
    known = (known for result in report.results for known in result.hints)
    lines += [f"- {escaped(line)}" for line in _possible(report)]
    lines += [f"- known: {escaped(f'{one.says}; {one.remedy} ({one.source})')}" for one in known]
    lines += [f"- {escaped(line)}" for line in (*_effects(report), *_wrote(report), *report.notes, _subtitle(report))]
    if report.command:
        lines.append(f"- to repeat: {escaped(report.command)}")
    return "\n".join(lines) + "\n"


def targets_json(report: TargetsReport) -> str:
    """``trimtab.targets/1``. Its schema is ``docs/schemas/targets.schema.json``."""
    candidate = report.candidate
    document = {
        "schema": SCHEMA,
        "headline": report.headline,
        "counts": report.counts,
        "project": report.project,
        "root": report.root,
        "profile_name": report.profile_name,
        "base": report.base.spelled(),
        "candidate": {"label": report.candidate_label, "profile": candidate.spelled()} if candidate else None,
        "targets": [_target(result) for result in report.results],
        "proposals": [_proposal(proposal) for proposal in report.proposals],
        "machine": asdict(report.machine),
        "seconds": report.seconds,
        "notes": report.notes,
        "command": report.command,
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode()


def _target(result: TargetResult) -> dict[str, Any]:
    return {
        "triple": result.target.triple,
        "places": [asdict(place) for place in result.target.places],
        "standing": result.standing,
        "way": result.way,
        "reason": result.reason,
        "how": result.how,
        "attempts": [_attempt(attempt) for attempt in result.attempts],
        "narrowed": [_attempt(attempt) for attempt in result.narrowed],
        "hints": [_hint(hint) for hint in result.hints],
    }


def _hint(hint: Trouble) -> dict[str, Any]:
    settings = [{"axis": axis, "values": values} for axis, values in hint.settings.items()]
    return {**asdict(hint), "settings": settings}


def _proposal(proposal: Proposal) -> dict[str, Any]:
    settings = [{"key": key, "value": value} for key, value in proposal.settings.items()]
    return {**asdict(proposal), "settings": settings}


def _attempt(attempt: Attempt) -> dict[str, Any]:
    return {
        "label": attempt.label,
        "profile": attempt.profile.spelled(),
        "builds": attempt.failure is None,
        "failure": failure_document(attempt.failure) if attempt.failure else None,
        "size": attempt.size if not attempt.failure else None,
        "artifacts": [asdict(artifact) for artifact in attempt.artifacts],
        "cost": asdict(attempt.cost) if attempt.cost else None,
        "effects": [effect_document(effect) for effect in attempt.effects],
        "runs": [asdict(run) for run in attempt.runs],
        "wrote": attempt.wrote,
    }
