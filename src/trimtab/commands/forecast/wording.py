"""Sentences and cells of a forecast that terminal, page and JSON share."""

from __future__ import annotations

from trimtab.commands.forecast.model import Forecast, ForecastReport, ProfileForecast, Slot, Step
from trimtab.units import format_bytes, format_seconds

MOST_LISTED = 6


def critical_path_text(profile: ProfileForecast) -> str:
    """Critical path of a clean build in one line, on the number of cores nearest to the traced one."""
    if not profile.trace.units:
        return f"{profile.label}: no call of rustc was traced in its build, so there is no forecast"
    forecast = drawn_forecast(profile)
    chain = sorted(forecast.critical, key=lambda slot: slot.begun - slot.ended)[:MOST_LISTED]
    parts = ", ".join(_slot(slot) for slot in sorted(chain, key=lambda slot: slot.begun))
    return f"{profile.label}, {forecast.cores} core{'s' * (forecast.cores != 1)}: held up by {parts}"


def drawn_forecast(profile: ProfileForecast) -> Forecast:
    """The forecast that is drawn: of the number of cores nearest to that which was traced."""
    return min(profile.forecasts, key=lambda forecast: abs(forecast.cores - profile.trace.jobs))


def notes(report: ForecastReport) -> tuple[str, ...]:
    """Notes of the report, and the limits of every forecast."""
    traced = {profile.trace.jobs for profile in report.profiles}
    jobs = " and ".join(map(str, sorted(traced)))
    return (
        *report.notes,
        f"the units were compiled on this machine, {jobs} at a time: another processor takes other times, and how"
        " well rustc uses more cores is not known here, which the interval allows for",
        "peak memory is the sum of the peaks of rustc and linkers that run at once, without Cargo itself and what build"
        " scripts start",
    )


def cells(forecast: Forecast) -> tuple[str, ...]:
    """Cells of a forecast, as text."""
    between = f"{format_seconds(forecast.low)} to {format_seconds(forecast.high)}"
    memory = format_bytes(forecast.peak_memory) if forecast.peak_memory else "–"
    return str(forecast.cores), format_seconds(forecast.wall), between, format_seconds(forecast.cpu), memory


def _slot(slot: Slot) -> str:
    if len(slot.bars) == 1:
        return f"{slot.name} {format_seconds(slot.ended - slot.begun)}"
    steps = ", ".join(f"{step} {format_seconds(seconds)}" for step, seconds in step_seconds(slot).items())
    return f"{slot.name} {format_seconds(slot.ended - slot.begun)} ({steps})"


def step_seconds(slot: Slot) -> dict[Step, float]:
    """Seconds of each step, whose parts for one thread and for several are added up."""
    steps: dict[Step, float] = {}
    for bar in slot.bars:
        steps[bar.step] = steps.get(bar.step, 0.0) + bar.ended - bar.begun
    return steps


def machine_text(report: ForecastReport) -> str:
    """Machine and compiler of the traced build."""
    machine = report.machine
    return f"{machine.cpu}, {machine.cores} cores, {machine.os}; {report.toolchain.rustc}, {report.toolchain.host}"
