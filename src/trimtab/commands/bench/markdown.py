"""A comparison as Markdown, for a pull request."""

from __future__ import annotations

from trimtab.commands.bench.wording import SIGNS, all_notes, machine_text, ordered, row_texts, shown_null
from trimtab.model.comparison import Comparison, Verdict
from trimtab.report.escaping import escaped
from trimtab.units import printable


def comparison_markdown(comparison: Comparison) -> str:
    """For a pull request."""
    rows = [(SIGNS[row.verdict], row) for row in ordered(comparison)] + [("", row) for row in shown_null(comparison)]
    notes = (machine_text(comparison), *all_notes(comparison))
    heads = ", ".join(map(_code, comparison.heads))
    lines = [
        f"**{escaped(comparison.headline)}**",
        "",
        f"{_code(comparison.base)} → {heads}: {_totals(comparison)}",
        "",
        "| | bench | metric | base | head | change | point | runs | mode |",
        "|---|---|---|---:|---:|---:|---:|---:|---|",
        *(f"| {' | '.join((sign, *map(escaped, row_texts(row))))} |" for sign, row in rows),
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
