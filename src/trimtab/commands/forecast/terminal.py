"""What clean builds will take, as text, as a page and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from trimtab.commands.forecast.model import ForecastReport
from trimtab.commands.forecast.wording import cells, held_up, notes, where_traced
from trimtab.units import format_bytes, printable

if TYPE_CHECKING:
    from rich.console import RenderableType


def forecast_renderables(report: ForecastReport) -> Iterator[RenderableType]:
    """A table of profiles and cores; what holds each profile up; notes."""
    from rich.table import Table
    from rich.text import Text

    yield Text(printable(f"{report.project.name}: clean builds, foretold from traced ones"), style="bold")
    yield Text(printable(where_traced(report)), style="dim")
    table = Table(box=None, pad_edge=False)
    for heading, justify in (("profile", "left"), ("cores", "right"), ("wall", "right"), ("between", "right")):
        table.add_column(heading, justify="left" if justify == "left" else "right")
    for heading in ("CPU", "peak memory", "size"):
        table.add_column(heading, justify="right")
    for profile in report.profiles:
        for at, one in enumerate(profile.forecasts):
            name, size = ("", "") if at else (Text(printable(profile.label)), format_bytes(profile.size))
            table.add_row(name, *cells(one), size)
    yield table
    for profile in report.profiles:
        yield Text(printable(held_up(profile)))
    for note in notes(report):
        yield Text(printable(f"note: {note}"), style="dim")
    if report.command:
        yield Text(printable(f"to repeat: {report.command}"), style="dim")
