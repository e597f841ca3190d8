"""Texts of a comparison that terminal and Markdown share."""

from __future__ import annotations

from collections.abc import Iterator

from trimtab.model.comparison import Comparison, ComparisonRow, Mode, Verdict
from trimtab.units import format_change, format_seconds, format_value, printable

SIGNS = {
    Verdict.REGRESSED: "❌",
    Verdict.IMPROVED: "⚡",
    Verdict.UNCLEAR: "❔",
    Verdict.SAME: "✅",
    Verdict.IDENTICAL: "✅",
}

CALLED = (Verdict.REGRESSED, Verdict.IMPROVED)

MOST_NULL = 6


def machine_text(comparison: Comparison) -> str:
    """Machine and conditions of the runs."""
    machine, conditions = comparison.machine, comparison.conditions
    if not machine.cores:
        return "measured elsewhere"
    aslr = {True: ", addresses random", False: ", addresses fixed", None: ""}[conditions.aslr]
    return (
        f"{machine.cpu}, {machine.cores} cores, {machine.os}{aslr}, {conditions.environment} bytes of environment; "
        f"{format_seconds(comparison.seconds)}"
    )


def ordered(comparison: Comparison) -> list[ComparisonRow]:
    """Rows by verdict, regressions first, and the largest change of each verdict at the top."""
    place = {verdict: number for number, verdict in enumerate(Verdict)}
    return sorted(comparison.rows, key=lambda row: (place[row.verdict], -abs(row.change or 0)))


def row_texts(row: ComparisonRow) -> tuple[str, ...]:
    """Cells of a row, as text."""
    return (printable(row.subject), row.metric, *cell_texts(row), str(row.runs or ""), row.mode)


def cell_texts(row: ComparisonRow) -> tuple[str, str, str, str]:
    """Base, head, interval and point of a change; one without an interval is all there is to say."""
    base, head = ("–" if value is None else format_value(value, row.unit) for value in (row.base, row.head))
    interval = interval_text(row)
    return (base, head, interval, change_text(row.change)) if interval else (base, head, change_text(row.change), "")


def change_text(change: float | None) -> str:
    """A change as a signed percentage."""
    return "–" if change is None else format_change(1 + change)


def interval_text(row: ComparisonRow) -> str:
    """Interval of a change; empty where nothing was sampled, or counts repeat exactly."""
    certain = row.mode is Mode.EXACT or (row.mode is Mode.COUNTED and row.low == row.high)
    if row.change is None or not row.runs or certain or (row.low is None and row.high is None):
        return ""
    low, high = ("?" if value is None else format_change(1 + value) for value in (row.low, row.high))
    return f"[{low}, {high}]"


def verdict_text(row: ComparisonRow) -> str:
    """Verdict, with the pairs that are still missing."""
    if row.placement and row.placement.layout_only:
        alone = row.placement
        return f"layout only: these two alone {alone.verdict} {change_text(alone.change)}"
    return f"{row.verdict}, about {row.more:,} pair{'s' * (row.more > 1)} more" if row.more else str(row.verdict)


def called_notes(comparison: Comparison) -> Iterator[str]:
    """A word on the points of called changes, which are a selection."""
    if any(row.verdict in CALLED and row.mode is Mode.PAIRED for row in comparison.rows):
        yield (
            "go by the intervals: points of changes that were called lean away from zero, since a change is called "
            "sooner where chance makes it look larger"
        )


def reason_notes(comparison: Comparison) -> Iterator[str]:
    """Reasons why rows are unclear, each with its rows."""
    for reason in dict.fromkeys(row.reason for row in comparison.rows if row.reason):
        rows = ", ".join(f"{row.subject} {row.metric}" for row in comparison.rows if row.reason == reason)
        yield f"unclear ({rows}): {reason}"


def spread_notes(comparison: Comparison) -> Iterator[str]:
    """Notes on the spread between the layouts of each side."""
    for row in comparison.rows:
        if alone := row.placement:
            base, head = (format_change(1 + spread) for spread in (alone.base_spread, alone.head_spread))
            yield (
                f"{row.subject} {row.metric}: the slowest of {row.runs} layouts is {base} to the fastest in base, "
                f"{head} in head; these two alone: {alone.verdict}, {change_text(alone.change)}"
            )


def shown_null(comparison: Comparison) -> tuple[ComparisonRow, ...]:
    """The null controls to list: all if they are few, else those that say something."""
    if len(comparison.null) <= MOST_NULL:
        return comparison.null
    return tuple(row for row in comparison.null if row.verdict in CALLED)


def null_notes(comparison: Comparison) -> Iterator[str]:
    """The others in a line."""
    if hidden := len(comparison.null) - len(shown_null(comparison)):
        yield f"{hidden} more null controls, of the baseline beside its own copy, were not called different"


def null_verdict_text(row: ComparisonRow) -> str:
    """Verdict text of a null control."""
    return "called different: mistrust this machine" if row.verdict in CALLED else "not called"


def all_notes(comparison: Comparison) -> tuple[str, ...]:
    """Notes below the table."""
    return (
        *reason_notes(comparison),
        *called_notes(comparison),
        *spread_notes(comparison),
        *null_notes(comparison),
        *comparison.notes,
    )
