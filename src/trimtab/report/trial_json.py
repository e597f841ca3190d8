"""Parts of a trial as they stand in JSON documents: failed builds and effects."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from trimtab.model.trial import BuildFailed, Effect


def failure_document(failure: BuildFailed) -> dict[str, Any]:
    """A build that did not succeed, with the name of the unit that failed."""
    return {**asdict(failure), "unit": failure.unit.name if failure.unit else None}


def effect_document(effect: Effect) -> dict[str, Any]:
    """Settings that one binary was compiled with, in Cargo's spelling."""
    return {name.replace("_", "-"): value for name, value in asdict(effect).items()}
