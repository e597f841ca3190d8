"""``trimtab.fit/1``: whether builds fit, as JSON. Its schema is ``docs/schemas/fit.schema.json``."""

from __future__ import annotations

from dataclasses import asdict

import msgspec

from trimtab.commands.fit.model import FitReport
from trimtab.commands.fit.wording import headline

SCHEMA = "trimtab.fit/1"


def fit_json(report: FitReport) -> str:
    """A report as ``trimtab.fit/1``; its schema is ``docs/schemas/fit.schema.json``."""
    cheapest = report.cheapest
    document = {
        "schema": SCHEMA,
        "headline": headline(report),
        "project": asdict(report.project),
        "machine": asdict(report.machine),
        "toolchain": asdict(report.toolchain),
        "limits": asdict(report.bounds),
        "rows": [
            {
                "label": row.label,
                "profile": row.profile.spelled(),
                "size": row.size,
                "verdict": row.fit,
                "forecast": asdict(row.forecast),
                "tried": row.tried and asdict(row.tried),
            }
            for row in report.rows
        ],
        "cheapest": cheapest and cheapest.label,
        "notes": report.notes,
        "command": report.command,
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode()
