"""A forecast as a page with its build timelines."""

from __future__ import annotations

from xml.sax.saxutils import escape

from trimtab.commands.forecast.model import ForecastReport, ProfileForecast
from trimtab.commands.forecast.timeline import timeline_svg
from trimtab.commands.forecast.wording import cells, critical_path_text, drawn_forecast, machine_text, notes
from trimtab.units import format_bytes, format_seconds, printable

_STYLE = """\
body { font-family: system-ui, sans-serif; color: #222; max-width: 1120px; margin: 2em auto; padding: 0 1em; }
table { border-collapse: collapse; margin: 1em 0; }
td, th { padding: .2em .9em; text-align: right; border-bottom: 1px solid #ddd; }
td:first-child, th:first-child { text-align: left; }
svg { max-width: 100%; height: auto; }
.note { color: #666; }
"""


def forecast_html(report: ForecastReport) -> str:
    """A whole HTML page, with a timeline of each profile."""
    rows = [
        f"<tr><td>{escape(printable(profile.label))}</td>"
        + "".join(f"<td>{escape(cell)}</td>" for cell in (*cells(forecast), format_bytes(profile.size)))
        + "</tr>"
        for profile in report.profiles
        for forecast in profile.forecasts
    ]
    headings = ("profile", "cores", "wall", "between", "CPU", "peak memory", "size")
    name = escape(printable(report.project.name))
    parts = [
        "<!doctype html>",
        f'<html lang="en"><head><meta charset="utf-8"><title>{name}: clean builds</title>',
        f"<style>{_STYLE}</style></head><body>",
        f"<h1>{name}: clean builds, forecast from traced ones</h1>",
        f'<p class="note">{escape(printable(machine_text(report)))}</p>',
        "<table><tr>" + "".join(f"<th>{heading}</th>" for heading in headings) + "</tr>",
        *rows,
        "</table>",
    ]
    for profile in report.profiles:
        parts += [f"<p>{escape(printable(critical_path_text(profile)))}</p>", profile_svg(report, profile)]
    parts += [f'<p class="note">{escape(printable(note))}</p>' for note in notes(report)]
    return "\n".join((*parts, "</body></html>", ""))


def profile_svg(report: ForecastReport, profile: ProfileForecast) -> str:
    """The timeline of one profile."""
    forecast = drawn_forecast(profile)
    cores = f"{forecast.cores} core{'s' * (forecast.cores != 1)}"
    return timeline_svg(forecast, f"{report.project.name}, {profile.label}: {format_seconds(forecast.wall)} on {cores}")
