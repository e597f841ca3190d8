"""Parts of trials in JSON documents."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from trimtab.model.trial import BuildFailed, Effect


def failure_document(failure: BuildFailed) -> dict[str, Any]:
    """A build that did not succeed, with the name of the unit that failed."""
    return {**asdict(failure), "unit": failure.unit.name if failure.unit else None}


def effect_document(effect: Effect) -> dict[str, Any]:
    """What one binary was compiled with, its settings in Cargo's spelling."""
    return {name.replace("_", "-"): value for name, value in asdict(effect).items()}
