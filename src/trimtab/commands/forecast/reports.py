"""What clean builds will take, as text, as a page and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

import msgspec

from trimtab.commands.forecast.model import Forecast, ForecastReport, ProfileForecast, Slot, Step
from trimtab.commands.forecast.timeline import timeline_svg
from trimtab.model.trace import Phase, Unit
from trimtab.units import format_bytes, format_seconds, printable

if TYPE_CHECKING:
    from rich.console import RenderableType

SCHEMA = "trimtab.forecast/1"
_MOST_LISTED = 6
_STYLE = """\
body { font-family: system-ui, sans-serif; color: #222; max-width: 1120px; margin: 2em auto; padding: 0 1em; }
table { border-collapse: collapse; margin: 1em 0; }
td, th { padding: .2em .9em; text-align: right; border-bottom: 1px solid #ddd; }
td:first-child, th:first-child { text-align: left; }
svg { max-width: 100%; height: auto; }
.note { color: #666; }
"""


def forecast_renderables(report: ForecastReport) -> Iterator[RenderableType]:
    """A table of profiles and cores; what holds each profile up; notes."""
    from rich.table import Table
    from rich.text import Text

    yield Text(printable(f"{report.project.name}: clean builds, foretold from traced ones"), style="bold")
    yield Text(printable(_where(report)), style="dim")
    table = Table(box=None, pad_edge=False)
    for heading, justify in (("profile", "left"), ("cores", "right"), ("wall", "right"), ("between", "right")):
        table.add_column(heading, justify="left" if justify == "left" else "right")
    for heading in ("CPU", "peak memory", "size"):
        table.add_column(heading, justify="right")
    for profile in report.profiles:
        for at, one in enumerate(profile.forecasts):
            name, size = ("", "") if at else (Text(printable(profile.label)), format_bytes(profile.size))
            table.add_row(name, *_cells(one), size)
    yield table
    for profile in report.profiles:
        yield Text(printable(held_up(profile)))
    for note in notes(report):
        yield Text(printable(f"note: {note}"), style="dim")
    if report.command:
        yield Text(printable(f"to repeat: {report.command}"), style="dim")


def held_up(profile: ProfileForecast) -> str:
    """What a clean build waits for, on as many cores as were traced or on the nearest number asked for."""
    if not profile.trace.units:
        return f"{profile.label}: no unit of its build was seen, so that nothing can be foretold"
    one = pictured(profile)
    chain = sorted(one.critical, key=lambda slot: slot.begun - slot.ended)[:_MOST_LISTED]
    parts = ", ".join(_slot(slot) for slot in sorted(chain, key=lambda slot: slot.begun))
    return f"{profile.label}, {one.cores} core{'s' * (one.cores != 1)}: held up by {parts}"


def pictured(profile: ProfileForecast) -> Forecast:
    """The forecast that is drawn: of the number of cores nearest to that which was traced."""
    return min(profile.forecasts, key=lambda one: abs(one.cores - profile.trace.jobs))


def notes(report: ForecastReport) -> tuple[str, ...]:
    """What else there is to be known."""
    traced = {profile.trace.jobs for profile in report.profiles}
    seen = " and ".join(map(str, sorted(traced)))
    return (
        *report.notes,
        f"the units were compiled on this machine, {seen} at a time: another processor has other seconds, and how"
        " well rustc spreads over more cores is not known here, which the interval allows for",
        "peak memory adds up what rustc and linkers had at most in units that run at once; Cargo itself, and what build"
        " scripts start, are not in it",
    )


def forecast_html(report: ForecastReport) -> str:
    """A page of its own, with a timeline of each profile."""
    rows = [
        f"<tr><td>{escape(printable(profile.label))}</td>"
        + "".join(f"<td>{escape(cell)}</td>" for cell in (*_cells(one), format_bytes(profile.size)))
        + "</tr>"
        for profile in report.profiles
        for one in profile.forecasts
    ]
    headings = ("profile", "cores", "wall", "between", "CPU", "peak memory", "size")
    name = escape(printable(report.project.name))
    parts = [
        "<!doctype html>",
        f'<html lang="en"><head><meta charset="utf-8"><title>{name}: clean builds</title>',
        f"<style>{_STYLE}</style></head><body>",
        f"<h1>{name}: clean builds, foretold from traced ones</h1>",
        f'<p class="note">{escape(printable(_where(report)))}</p>',
        "<table><tr>" + "".join(f"<th>{heading}</th>" for heading in headings) + "</tr>",
        *rows,
        "</table>",
    ]
    for profile in report.profiles:
        parts += [f"<p>{escape(printable(held_up(profile)))}</p>", profile_svg(report, profile)]
    parts += [f'<p class="note">{escape(printable(note))}</p>' for note in notes(report)]
    return "\n".join((*parts, "</body></html>", ""))


def profile_svg(report: ForecastReport, profile: ProfileForecast) -> str:
    """The timeline of one profile."""
    one = pictured(profile)
    cores = f"{one.cores} core{'s' * (one.cores != 1)}"
    return timeline_svg(one, f"{report.project.name}, {profile.label}: {format_seconds(one.wall)} on {cores}")


def forecast_json(report: ForecastReport) -> str:
    """``trimtab.forecast/1``; its schema is ``docs/schemas/forecast.schema.json``."""
    document = {
        "schema": SCHEMA,
        "project": asdict(report.project),
        "machine": asdict(report.machine),
        "toolchain": asdict(report.toolchain),
        "profiles": [
            {
                "label": profile.label,
                "profile": profile.profile.spelled(),
                "size": profile.size,
                "cargo_cpu": profile.trace.cargo_cpu,
                "units": [_unit(unit) for unit in profile.trace.units],
                "forecasts": [_forecast(one) for one in profile.forecasts],
            }
            for profile in report.profiles
        ],
        "notes": notes(report),
        "command": report.command,
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode()


def _unit(unit: Unit) -> dict[str, Any]:
    cost = unit.cost
    return {
        "id": unit.id,
        "name": unit.name,
        "kind": unit.kind,
        "wall": cost.wall,
        "cpu": cost.cpu,
        "metadata": _phase(cost.metadata),
        "lto": _phase(cost.lto),
        "link": _phase(cost.link),
        "peak_memory": cost.peak_memory,
        "needs": unit.needs,
        "arguments": unit.arguments,
    }


def _phase(phase: Phase | None) -> dict[str, float] | None:
    return asdict(phase) if phase else None


def _forecast(one: Forecast) -> dict[str, Any]:
    return {
        "cores": one.cores,
        "wall": {"value": one.wall, "low": one.low, "high": one.high},
        "cpu": one.cpu,
        "peak_memory": one.peak_memory,
        "critical": [
            {
                "unit": slot.unit,
                "name": slot.name,
                "begun": slot.begun,
                "ended": slot.ended,
                "steps": _steps(slot),
            }
            for slot in one.critical
        ],
    }


def _cells(one: Forecast) -> tuple[str, ...]:
    between = f"{format_seconds(one.low)} to {format_seconds(one.high)}"
    memory = format_bytes(one.peak_memory) if one.peak_memory else "–"
    return str(one.cores), format_seconds(one.wall), between, format_seconds(one.cpu), memory


def _slot(slot: Slot) -> str:
    if len(slot.bars) == 1:
        return f"{slot.name} {format_seconds(slot.ended - slot.begun)}"
    said = ", ".join(f"{step} {format_seconds(seconds)}" for step, seconds in _steps(slot).items())
    return f"{slot.name} {format_seconds(slot.ended - slot.begun)} ({said})"


def _steps(slot: Slot) -> dict[Step, float]:
    """Seconds of each step; one may have a part for a single thread and another for several."""
    steps: dict[Step, float] = {}
    for bar in slot.bars:
        steps[bar.step] = steps.get(bar.step, 0.0) + bar.ended - bar.begun
    return steps


def _where(report: ForecastReport) -> str:
    machine = report.machine
    return f"{machine.cpu}, {machine.cores} cores, {machine.os}; {report.toolchain.rustc}, {report.toolchain.host}"
