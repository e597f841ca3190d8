"""Sentences of an exploration's report that terminal and Markdown share."""

from __future__ import annotations

from trimtab.model.answer import Answer, Trade
from trimtab.model.metric import RUN_INSTRUCTIONS
from trimtab.model.study import Study
from trimtab.units import format_bytes, format_seconds, format_signed

LEGEND = "* on the Pareto front of what was measured of size, build CPU and benches; ◀ recommended"
_HEADINGS = {
    "size.wheel": "wheel",
    "size.file": "file",
    "size.stripped": "stripped",
    "size.gzip": "gzip",
    "size.xz": "xz",
    "build.clean.cpu": "build\nCPU",
    "build.clean.wall": "build\nwall",
    "build.peak_memory": "peak\nmemory",
    "build.touch.wall": "touch,\nrebuild",
}
_DOWNLOADED = {"size.wheel": "the wheel", "size.gzip": "compressed with gzip", "size.file": "as shipped"}


def heading_of(metric: str) -> str:
    """Heading of a metric's column, on one line or two."""
    if metric in _HEADINGS:
        return _HEADINGS[metric]
    _, bench, measure = metric.split(".", 2)
    return f"{bench}\n{'instr.' if measure == RUN_INSTRUCTIONS else measure}"


def advice(answer: Answer) -> str:
    """The recommended profile, or why there is none, in half a line."""
    chosen = answer.recommendation
    if chosen is None:
        reason = "could not be built" if any(row.is_baseline for row in answer.rows) else "has not been tried"
        return f"no recommendation: today's profile {reason}"
    labels = {row.trial: row.label for row in answer.rows}
    if chosen.undecided:
        return f"undecided between {'; '.join(labels[trial] for trial in chosen.undecided)}"
    if chosen.keeps_today:
        return "keep today's profile"
    return f"take {labels[chosen.trial]}"


def agreement(answer: Answer) -> str:
    """Share of resamples that give the same answer, as a sentence."""
    share = answer.recommendation.agreement if answer.recommendation else 0.0
    return f"{share:.0%} of resamples of what was measured give the same answer"


def machine_text(study: Study) -> str:
    """Machine and compiler of a study."""
    machine, toolchain = study.machine, study.toolchain
    return (
        f"{machine.cpu}, {machine.cores} cores, {format_bytes(machine.memory)}, {machine.os};"
        f" {toolchain.rustc}, {toolchain.host}"
    )


def monthly(trade: Trade) -> str:
    """Monthly costs and savings of a profile, in half a line."""
    parts = []
    if trade.minutes is not None:
        price = "" if trade.price is None else f" ({trade.price:+,.2f} in money)"
        sign = "-" if trade.minutes < 0 else "+"
        parts.append(f"{sign}{format_seconds(abs(trade.minutes) * 60)} of building{price}")
    if trade.bytes is not None:
        parts.append(f"{format_signed(round(trade.bytes))} of downloads ({_DOWNLOADED[trade.of]})")
    return f"each month, {trade.label}: {', '.join(parts) or 'nothing that was measured'}"


def repetition(study: Study) -> str:
    """The command, or the call from Python, that repeats a study."""
    return study.command or "trimtab.explore(…)"
