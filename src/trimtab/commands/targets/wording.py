"""Texts on release targets that terminal and Markdown share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from trimtab.commands.targets.model import SmokeStatus, TargetAttempt, TargetResult, TargetsReport, TargetStatus
from trimtab.model.trial import kept_out
from trimtab.units import format_bytes, format_change, format_seconds, printable

SIGNS = {
    TargetStatus.BREAKS: "❌",
    TargetStatus.FAILS: "❌",
    TargetStatus.NOT_TRIED: "–",
    TargetStatus.NOT_IN_EFFECT: "❔",
    TargetStatus.BUILT: "❔",
    TargetStatus.PASSES: "✅",
}

HEADINGS = ("target", "profile", "builds", "runs", "size", "build CPU", "effect", "first error, or why not")


def subtitle(report: TargetsReport) -> str:
    """Project, profiles, machine and time taken."""
    machine = report.machine
    return (
        f"{report.project}, today's {report.profile_name}"
        f"{f' and {report.candidate_label}' if report.candidate_label else ''}; "
        f"{machine.cpu}, {machine.cores} cores, {machine.os}; {format_seconds(report.seconds)}"
    )


def rows(result: TargetResult) -> Iterator[tuple[str, ...]]:
    """A line for each profile that a target was tried with, or one that says why it was not."""
    target = f"{SIGNS[result.standing]} {printable(result.target.triple)}"
    if not result.attempts:
        yield (target, "", TargetStatus.NOT_TRIED, "", "", "", "", printable(result.reason))
        return
    base = result.attempts[0]
    for attempt in (*result.attempts, *result.narrowed):
        yield (target if attempt is base else "", *_cells(attempt, base))


def _cells(attempt: TargetAttempt, base: TargetAttempt) -> tuple[str, ...]:
    remark = printable(
        attempt.trouble or next((run.said for run in attempt.runs if run.state is SmokeStatus.NOT_RUN), "")
    )
    if attempt.failure:
        return (attempt.label, "fails", "", "", "", "", remark)
    size = format_bytes(attempt.size)
    if base.size and attempt is not base:
        size += f" ({format_change(attempt.size / base.size)})"
    cpu = format_seconds(attempt.cost.cpu) if attempt.cost else ""
    return (attempt.label, "ok", _runs(attempt), size, cpu, _effect(attempt), remark)


def _runs(attempt: TargetAttempt) -> str:
    states = {run.state for run in attempt.runs}
    worst = next(
        (state for state in (SmokeStatus.FAILED, SmokeStatus.NOT_RUN, SmokeStatus.OK) if state in states),
        SmokeStatus.NOT_RUN,
    )
    runners = " ".join(dict.fromkeys(run.runner for run in attempt.runs if run.runner))
    text = {SmokeStatus.FAILED: "fails", SmokeStatus.NOT_RUN: SmokeStatus.NOT_RUN, SmokeStatus.OK: SmokeStatus.OK}[
        worst
    ]
    return f"{text} ({runners})" if runners else text


def _effect(attempt: TargetAttempt) -> str:
    if not attempt.effects:
        return "not seen"
    return "differs" if any(effect.warnings for effect in attempt.effects) else "as asked"


def possible(report: TargetsReport) -> Iterator[str]:
    """Advice for targets that could not be built or run here."""
    for result in report.results:
        if advice := how(result):
            possible = "to build it here" if not result.attempts else "to run it here"
            yield f"{result.target.triple}, {possible}: {'; or '.join(advice)}"


def how(result: TargetResult) -> tuple[str, ...]:
    """Advice that makes it possible to build or run a target here."""
    if not result.attempts:
        return result.how
    runs = result.attempts[-1].runs
    return tuple(dict.fromkeys(advice for run in runs if run.state is SmokeStatus.NOT_RUN for advice in run.how))


def effects(report: TargetsReport) -> Iterator[str]:
    """Warnings of the effect check, attempt by attempt."""
    for result, attempt in all_attempts(report.results):
        for effect in attempt.effects:
            yield from (f"{result.target.triple}, {attempt.label}: {warning}" for warning in effect.warnings)


def wrote(report: TargetsReport) -> Iterator[str]:
    """Files that builds wrote into the tree."""
    for result, attempt in all_attempts(report.results):
        if attempt.wrote:
            yield f"{result.target.triple}, {attempt.label}: {kept_out(attempt.wrote)}"


def all_attempts(results: Sequence[TargetResult]) -> Iterator[tuple[TargetResult, TargetAttempt]]:
    """Every attempt with its target."""
    for result in results:
        for attempt in (*result.attempts, *result.narrowed):
            yield result, attempt
