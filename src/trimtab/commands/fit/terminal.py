"""A fit report in a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from trimtab.commands.fit.model import Bounds, Fit, FitReport, FitRow
from trimtab.commands.fit.wording import headline, machine_text
from trimtab.units import format_bytes, format_change, format_seconds, printable

if TYPE_CHECKING:
    from rich.console import RenderableType

_STYLES = {Fit.FITS: "green", Fit.OUT_OF_MEMORY: "red", Fit.TOO_SLOW: "red", Fit.FAILED: "red"}


def fit_renderables(report: FitReport) -> Iterator[RenderableType]:
    """Headline, a row for each profile, the cheapest that fits, notes."""
    from rich.table import Table
    from rich.text import Text

    yield Text(printable(headline(report)), style="bold")
    machine = f"{report.machine.cpu}, {report.machine.os}; {report.toolchain.rustc}, {report.toolchain.host}"
    yield Text(printable(machine), style="dim")
    table = Table(box=None, pad_edge=False)
    for heading in ("profile", "", "built in", "forecast", "between", "peak memory", "forecast", "size"):
        table.add_column(heading, justify="left" if heading in ("profile", "") else "right")
    for row in report.rows:
        forecast, tried = row.forecast, row.tried
        table.add_row(
            Text(printable(row.label)),
            Text(row.fit if tried else f"{row.fit} (forecast)", style=_STYLES[row.fit]),
            format_seconds(tried.wall) if tried and tried.fit is Fit.FITS else "–",
            format_seconds(forecast.wall),
            f"{format_seconds(forecast.low)} to {format_seconds(forecast.high)}",
            _bytes(tried.peak_memory if tried else None),
            _bytes(forecast.peak_memory),
            _size(row, report.rows[0]),
        )
    yield table
    for row in report.rows:
        if why := reason(row):
            yield Text(printable(f"{row.label}: {why}"))
    yield Text(printable(advice(report)), style="bold")
    for note in (*_of_bounds(report.bounds), *report.notes):
        yield Text(printable(f"note: {note}"), style="dim")
    if report.command:
        yield Text(printable(f"to repeat: {report.command}"), style="dim")


def reason(row: FitRow) -> str:
    """Reason why a profile does not fit, and by how much; empty if it fits."""
    tried, forecast = row.tried, row.forecast
    if row.fit is Fit.FITS:
        return ""
    if tried and tried.fit is Fit.OUT_OF_MEMORY:
        peak = f", which needs {format_bytes(tried.wanted)} without limits" if tried.wanted else ""
        where = f" in {tried.unit}{peak}" if tried.unit else f": {tried.message}"
        return f"out of memory after {format_seconds(tried.wall)}{where}"
    if tried and tried.fit is Fit.TOO_SLOW:
        return f"stopped after {format_seconds(tried.wall)}; it takes about {format_seconds(forecast.wall)}"
    if tried:
        return tried.message
    if forecast.fit is Fit.OUT_OF_MEMORY and forecast.hungriest_memory:
        return f"most of it for {forecast.hungriest}: {format_bytes(forecast.hungriest_memory)}"
    return f"it takes {format_seconds(forecast.low)} to {format_seconds(forecast.high)}"


def advice(report: FitReport) -> str:
    """The cheapest profile that fits."""
    today, cheapest = report.rows[0], report.cheapest
    if cheapest is None:
        by = "" if all(row.tried for row in report.rows) else "; those that were not built are judged by forecast"
        return f"none of these profiles fits in {machine_text(report.bounds)}{by}"
    by = "" if cheapest.tried else " (forecast)"
    text = f"cheapest that fits: {cheapest.label}, {format_seconds(cheapest.wall)}{by}"
    if cheapest.label == today.label:
        return text
    return f"{text}, {format_bytes(cheapest.size)} where today's has {format_bytes(today.size)}"


def _of_bounds(bounds: Bounds) -> Iterator[str]:
    if bounds.enforced_by:
        yield f"real builds were held within the limits by {bounds.enforced_by}, and by CPU affinity"
    yield (
        "seconds are of this machine's processor; all of the memory is the build's, and what else runs there"
        " needs some of its own"
    )


def _size(row: FitRow, today: FitRow) -> str:
    change = "" if row is today else f" ({format_change(row.size / today.size)})"
    return f"{format_bytes(row.size)}{change}"


def _bytes(size: int | None) -> str:
    return format_bytes(size) if size else "–"
