"""A forecast in a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from trimtab.commands.forecast.model import ForecastReport
from trimtab.commands.forecast.wording import cells, critical_path_text, machine_text, notes
from trimtab.units import format_bytes, printable

if TYPE_CHECKING:
    from rich.console import RenderableType


def forecast_renderables(report: ForecastReport) -> Iterator[RenderableType]:
    """A table of profiles and cores, the critical path of each profile, notes."""
    from rich.table import Table
    from rich.text import Text

    yield Text(printable(f"{report.project.name}: clean builds, forecast from traced ones"), style="bold")
    yield Text(printable(machine_text(report)), style="dim")
    table = Table(box=None, pad_edge=False)
    table.add_column("profile")
    for heading in ("cores", "wall", "between", "CPU", "peak memory", "size"):
        table.add_column(heading, justify="right")
    for profile in report.profiles:
        for at, forecast in enumerate(profile.forecasts):
            name, size = ("", "") if at else (Text(printable(profile.label)), format_bytes(profile.size))
            table.add_row(name, *cells(forecast), size)
    yield table
    for profile in report.profiles:
        yield Text(printable(critical_path_text(profile)))
    for note in notes(report):
        yield Text(printable(f"note: {note}"), style="dim")
    if report.command:
        yield Text(printable(f"to repeat: {report.command}"), style="dim")
