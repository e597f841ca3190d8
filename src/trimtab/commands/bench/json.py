"""``trimtab.comparison/1``: a comparison as JSON. Its schema is ``docs/schemas/comparison.schema.json``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import msgspec

from trimtab.commands.bench.wording import ordered
from trimtab.model.comparison import Comparison

SCHEMA = "trimtab.comparison/1"


def comparison_json(comparison: Comparison) -> str:
    """``trimtab.comparison/1``. Its schema is ``docs/schemas/comparison.schema.json``."""
    document = {
        "schema": SCHEMA,
        "headline": comparison.headline,
        "counts": comparison.counts,
        "base": comparison.base,
        "heads": comparison.heads,
        "rows": [asdict(row) for row in ordered(comparison)],
        "null": [asdict(row) for row in comparison.null],
        "machine": asdict(comparison.machine),
        "conditions": asdict(comparison.conditions),
        "seconds": comparison.seconds,
        "failures": comparison.failures,
        "notes": comparison.notes,
        "command": comparison.command,
    }
    return msgspec.json.format(msgspec.json.encode(encodable(document)), indent=2).decode()


def encodable(value: Any) -> Any:
    """The same with escapes for the bytes of file names that are no UTF-8."""
    match value:
        case str():
            return value.encode("utf-8", "backslashreplace").decode("utf-8")
        case Mapping():
            return {encodable(key): encodable(inner) for key, inner in value.items()}
        case list() | tuple():
            return [encodable(inner) for inner in value]
    return value
