"""Sentences of a fit report that terminal and JSON share."""

from __future__ import annotations

from trimtab.commands.fit.model import Bounds, Fit, FitReport
from trimtab.units import format_bytes, format_seconds


def headline(report: FitReport) -> str:
    """Answer for today's profile, in one line."""
    today = report.rows[0]
    outcome = {
        Fit.FITS: f"fits, and takes {format_seconds(today.wall)}",
        Fit.OUT_OF_MEMORY: "runs out of memory",
        Fit.TOO_SLOW: "takes too long",
        Fit.FAILED: "fails",
    }[today.fit]
    by = "" if today.tried else " by forecast"
    return (
        f"{report.project.name} in {machine_text(report.bounds)}: today's {report.project.profile_name} {outcome}{by}"
    )


def machine_text(bounds: Bounds) -> str:
    """Bounds of the machine, as text."""
    within = f" within {format_seconds(bounds.within)}" if bounds.within is not None else ""
    return f"{format_bytes(bounds.memory)} and {bounds.cpus} CPU{'s' * (bounds.cpus != 1)}{within}"
