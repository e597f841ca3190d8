"""``trimtab.forecast/1``: a forecast as JSON. Its schema is ``docs/schemas/forecast.schema.json``."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import msgspec

from trimtab.commands.forecast.model import Forecast, ForecastReport
from trimtab.commands.forecast.wording import notes, step_seconds
from trimtab.model.trace import Phase, Unit

SCHEMA = "trimtab.forecast/1"


def forecast_json(report: ForecastReport) -> str:
    """A report as ``trimtab.forecast/1``; its schema is ``docs/schemas/forecast.schema.json``."""
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
                "forecasts": [_forecast(forecast) for forecast in profile.forecasts],
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


def _forecast(forecast: Forecast) -> dict[str, Any]:
    return {
        "cores": forecast.cores,
        "wall": {"value": forecast.wall, "low": forecast.low, "high": forecast.high},
        "cpu": forecast.cpu,
        "peak_memory": forecast.peak_memory,
        "critical": [
            {
                "unit": slot.unit,
                "name": slot.name,
                "begun": slot.begun,
                "ended": slot.ended,
                "steps": step_seconds(slot),
            }
            for slot in forecast.critical
        ],
    }
