"""A comparison as text, as Markdown and as JSON; and its runs in hyperfine's own format."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import msgspec

from trimtab.model.comparison import Comparison, Mode, Row, Runs, Verdict
from trimtab.report.escaping import escaped
from trimtab.units import format_change, format_seconds, format_value, printable

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

SCHEMA = "trimtab.comparison/1"

_SIGNS = {
    Verdict.REGRESSED: "❌",
    Verdict.IMPROVED: "⚡",
    Verdict.UNCLEAR: "❔",
    Verdict.SAME: "✅",
    Verdict.IDENTICAL: "✅",
}
_CALLED = (Verdict.REGRESSED, Verdict.IMPROVED)
_MOST_NULL = 6
_COLUMNS = ("bench", "metric", "base", "head", "change", "interval", "runs", "mode")
_LEAST_WIDTHS = {"interval": 90, "runs": 115, "mode": 115}
"""Column → the width from which on there is room for it beside the verdict, which is what everybody looks for."""
_VERDICT = len("❌ regressed") + 1
_STYLES = {Verdict.REGRESSED: "red", Verdict.IMPROVED: "green", Verdict.UNCLEAR: "yellow"}


def comparison_renderables(comparison: Comparison, width: int) -> Iterator[RenderableType]:
    """Headline, table, null control, notes; where there is little room, without the columns that say least."""
    from rich.text import Text

    yield Text(printable(comparison.headline), style="bold")
    heads = ", ".join(comparison.heads)
    yield Text(printable(f"{comparison.base} → {heads}; {_machine(comparison)}"), style="dim")
    yield _table(comparison, width)
    for line in comparison.failures:
        yield Text(printable(f"failed: {line}"), style="red")
    for line in (*_spreads(comparison), *_null_notes(comparison), *comparison.notes):
        yield Text(printable(f"note: {line}"), style="dim")


def _machine(comparison: Comparison) -> str:
    machine, conditions = comparison.machine, comparison.conditions
    aslr = {True: ", addresses random", False: ", addresses fixed", None: ""}[conditions.aslr]
    return (
        f"{machine.cpu}, {machine.cores} cores, {machine.os}{aslr}, {conditions.environment} bytes of environment; "
        f"{format_seconds(comparison.seconds)}"
    )


def ordered(comparison: Comparison) -> list[Row]:
    """What regressed and what improved first, the most of it at the top."""
    place = {verdict: number for number, verdict in enumerate(Verdict)}
    return sorted(comparison.rows, key=lambda row: (place[row.verdict], -abs(row.change or 0)))


def _table(comparison: Comparison, width: int) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    left_out = {name for name, least in _LEAST_WIDTHS.items() if width < least}
    kept = [number for number, name in enumerate(_COLUMNS) if name not in left_out]
    table.add_column("bench", overflow="fold")
    for name in (_COLUMNS[number] for number in kept[1:]):
        table.add_column(name, justify="left" if name in ("metric", "mode") else "right", no_wrap=True)
    table.add_column("", no_wrap=True, min_width=2)  # of their own, since signs are two cells wide
    table.add_column("verdict", min_width=_VERDICT, overflow="fold")

    def add(row: Row, sign: str, verdict: Text, style: str = "") -> None:
        texts = _texts(row)
        table.add_row(*(Text(texts[number]) for number in kept), sign, verdict, style=style)

    for row in ordered(comparison):
        add(row, _SIGNS[row.verdict], Text(_verdict(row), style=_STYLES.get(row.verdict, "")))
    if _shown_null(comparison):
        table.add_section()
    for row in _shown_null(comparison):
        add(row, "", Text(_null_verdict(row)), "dim")
    return table


def _texts(row: Row) -> tuple[str, ...]:
    return (printable(row.subject), row.metric, *_cells(row), str(row.runs or ""), row.mode)


def _cells(row: Row) -> tuple[str, str, str, str]:
    base, head = ("–" if value is None else format_value(value, row.unit) for value in (row.base, row.head))
    return base, head, _change(row.change), _interval(row)


def _change(change: float | None) -> str:
    return "–" if change is None else format_change(1 + change)


def _interval(row: Row) -> str:
    if row.change is None or not row.runs or row.mode is Mode.EXACT:
        return ""
    low, high = ("?" if value is None else format_change(1 + value) for value in (row.low, row.high))
    return f"[{low}, {high}]"


def _verdict(row: Row) -> str:
    if row.placement and row.placement.layout_only:
        alone = row.placement
        return f"layout only: these two alone {alone.verdict} {_change(alone.change)}"
    return f"{row.verdict}, about {row.more:,} pair{'s' * (row.more > 1)} more" if row.more else str(row.verdict)


def _spreads(comparison: Comparison) -> Iterator[str]:
    """How far the layouts of each side lie apart."""
    for row in comparison.rows:
        if alone := row.placement:
            base, head = (format_change(1 + spread) for spread in (alone.base_spread, alone.head_spread))
            yield (
                f"{row.subject} {row.metric}: the slowest of {row.runs} layouts is {base} to the fastest in base, "
                f"{head} in head; these two alone: {alone.verdict}, {_change(alone.change)}"
            )


def _shown_null(comparison: Comparison) -> tuple[Row, ...]:
    """The null controls to list: all if they are few, else those that say something."""
    if len(comparison.null) <= _MOST_NULL:
        return comparison.null
    return tuple(row for row in comparison.null if row.verdict in _CALLED)


def _null_notes(comparison: Comparison) -> Iterator[str]:
    """The others in a line."""
    if hidden := len(comparison.null) - len(_shown_null(comparison)):
        yield f"{hidden} more null controls, of the baseline beside its own copy, were not called different"


def _null_verdict(row: Row) -> str:
    """What the baseline beside its own copy says of the machine."""
    return "called different: mistrust this machine" if row.verdict in _CALLED else "not called"


def comparison_markdown(comparison: Comparison) -> str:
    """For a pull request."""
    rows = [(_SIGNS[row.verdict], row) for row in ordered(comparison)] + [("", row) for row in _shown_null(comparison)]
    notes = (_machine(comparison), *_spreads(comparison), *_null_notes(comparison), *comparison.notes)
    heads = ", ".join(map(_code, comparison.heads))
    lines = [
        f"**{escaped(comparison.headline)}**",
        "",
        f"{_code(comparison.base)} → {heads}: {_totals(comparison)}",
        "",
        "| | bench | metric | base | head | change | interval | runs | mode |",
        "|---|---|---|---:|---:|---:|---|---:|---|",
        *(f"| {' | '.join((sign, *map(escaped, _texts(row))))} |" for sign, row in rows),
        "",
        *(f"- ❌ failed: {escaped(line)}" for line in comparison.failures),
        *(f"- {escaped(line)}" for line in notes),
    ]
    return "\n".join(lines) + "\n"


def _totals(comparison: Comparison) -> str:
    counts = comparison.counts
    totals = (
        f"❌ {counts[Verdict.REGRESSED]} regressed",
        f"⚡ {counts[Verdict.IMPROVED]} improved",
        f"✅ {counts[Verdict.SAME] + counts[Verdict.IDENTICAL]} untouched",
        f"❔ {counts[Verdict.UNCLEAR]} unclear",
    )
    return " · ".join(totals)


def _code(name: str) -> str:
    return f"`{printable(name).replace('`', chr(39))}`"


def comparison_json(comparison: Comparison) -> str:
    """``trimtab.comparison/1``. Its schema is ``docs/schemas/comparison.schema.json``."""
    document = {
        "schema": SCHEMA,
        "headline": comparison.headline,
        "counts": comparison.counts,
        "base": comparison.base,
        "heads": comparison.heads,
        "rows": [asdict(row) for row in ordered(comparison)],
        "null": [asdict(row) for row in comparison.null],
        "machine": asdict(comparison.machine),
        "conditions": asdict(comparison.conditions),
        "seconds": comparison.seconds,
        "failures": comparison.failures,
        "notes": comparison.notes,
        "command": comparison.command,
    }
    return msgspec.json.format(msgspec.json.encode(_encodable(document)), indent=2).decode()


def _encodable(value: Any) -> Any:
    """The same with escapes for the bytes of file names that are no UTF-8."""
    match value:
        case str():
            return value.encode("utf-8", "backslashreplace").decode("utf-8")
        case Mapping():
            return {_encodable(key): _encodable(inner) for key, inner in value.items()}
        case list() | tuple():
            return [_encodable(inner) for inner in value]
    return value


def hyperfine_json(runs: Mapping[str, Runs]) -> str:
    """All runs as hyperfine's ``--export-json`` writes them, so that its scripts read them. Source: hyperfine 1.19."""
    results = [_hyperfine_result(name, one) for name, one in runs.items() if one.samples]
    return msgspec.json.format(msgspec.json.encode(_encodable({"results": results})), indent=2).decode()


def _hyperfine_result(name: str, runs: Runs) -> dict[str, Any]:
    walls = [sample.wall for sample in runs.samples]
    return {
        "command": name,
        "mean": statistics.fmean(walls),
        "stddev": statistics.stdev(walls) if len(walls) > 1 else None,
        "median": statistics.median(walls),
        "user": statistics.fmean(sample.user for sample in runs.samples),
        "system": statistics.fmean(sample.system for sample in runs.samples),
        "min": min(walls),
        "max": max(walls),
        "times": walls,
        "memory_usage_byte": [sample.memory or 0 for sample in runs.samples],  # 0: unknown, as in hyperfine
        "exit_codes": [sample.exit_code for sample in runs.samples],
    }
