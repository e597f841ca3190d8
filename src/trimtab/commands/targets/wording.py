"""What a report on targets says, in the words that terminal and Markdown share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from trimtab.commands.targets.model import Attempt, Ran, Standing, TargetResult, TargetsReport
from trimtab.units import format_bytes, format_change, format_seconds, printable

SIGNS = {
    Standing.BREAKS: "❌",
    Standing.FAILS: "❌",
    Standing.NOT_TRIED: "–",
    Standing.NOT_IN_EFFECT: "❔",
    Standing.BUILT: "❔",
    Standing.PASSES: "✅",
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


def possible(report: TargetsReport) -> Iterator[str]:
    """Advice for targets that could not be built or run here."""
    for result in report.results:
        if advice := how(result):
            possible = "to build it here" if not result.attempts else "to run it here"
            yield f"{result.target.triple}, {possible}: {'; or '.join(advice)}"


def how(result: TargetResult) -> tuple[str, ...]:
    """Ways to build or run a target here."""
    if not result.attempts:
        return result.how
    runs = result.attempts[-1].runs
    return tuple(dict.fromkeys(word for run in runs if run.state is Ran.NOT_RUN for word in run.how))


def effects(report: TargetsReport) -> Iterator[str]:
    """Warnings of the effect check, attempt by attempt."""
    for result, attempt in all_attempts(report.results):
        for effect in attempt.effects:
            yield from (f"{result.target.triple}, {attempt.label}: {warning}" for warning in effect.warnings)


def wrote(report: TargetsReport) -> Iterator[str]:
    """Files that builds wrote into the tree."""
    for result, attempt in all_attempts(report.results):
        if attempt.wrote:
            yield (
                f"{result.target.triple}, {attempt.label}: the build changed the project's own tree, which was kept "
                f"from it: {', '.join(attempt.wrote)}"
            )


def all_attempts(results: Sequence[TargetResult]) -> Iterator[tuple[TargetResult, Attempt]]:
    """Every attempt with its target."""
    for result in results:
        for attempt in (*result.attempts, *result.narrowed):
            yield result, attempt
