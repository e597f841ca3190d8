"""What a forecast says, in the words that terminal, page and JSON share."""

from __future__ import annotations

from trimtab.commands.forecast.model import Forecast, ForecastReport, ProfileForecast, Slot, Step
from trimtab.units import format_bytes, format_seconds

MOST_LISTED = 6


def held_up(profile: ProfileForecast) -> str:
    """What a clean build waits for, on as many cores as were traced or on the nearest number asked for."""
    if not profile.trace.units:
        return f"{profile.label}: no unit of its build was seen, so that nothing can be foretold"
    one = pictured(profile)
    chain = sorted(one.critical, key=lambda slot: slot.begun - slot.ended)[:MOST_LISTED]
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


def cells(one: Forecast) -> tuple[str, ...]:
    """Cells of a forecast, as text."""
    between = f"{format_seconds(one.low)} to {format_seconds(one.high)}"
    memory = format_bytes(one.peak_memory) if one.peak_memory else "–"
    return str(one.cores), format_seconds(one.wall), between, format_seconds(one.cpu), memory


def _slot(slot: Slot) -> str:
    if len(slot.bars) == 1:
        return f"{slot.name} {format_seconds(slot.ended - slot.begun)}"
    said = ", ".join(f"{step} {format_seconds(seconds)}" for step, seconds in step_seconds(slot).items())
    return f"{slot.name} {format_seconds(slot.ended - slot.begun)} ({said})"


def step_seconds(slot: Slot) -> dict[Step, float]:
    """Seconds of each step; one may have a part for a single thread and another for several."""
    steps: dict[Step, float] = {}
    for bar in slot.bars:
        steps[bar.step] = steps.get(bar.step, 0.0) + bar.ended - bar.begun
    return steps


def where_traced(report: ForecastReport) -> str:
    """Machine and compiler of the traced build."""
    machine = report.machine
    return f"{machine.cpu}, {machine.cores} cores, {machine.os}; {report.toolchain.rustc}, {report.toolchain.host}"
