"""``trimtab.diff/1``: the document that other programs rely on. Its schema is ``docs/schemas/diff.schema.json``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

import msgspec

from trimtab.commands.diff.grouping import Levels, grouped
from trimtab.commands.diff.model import Allowance, BinaryDifference, By, Difference, OneSided, SizeRow

SCHEMA = "trimtab.diff/1"


def diff_json(difference: Difference, allowances: Sequence[Allowance], levels: Levels | None = None) -> str:
    """The whole difference as one JSON document; sizes in bytes, ``null`` where a side has none.

    Groups of two levels are in it if they are asked for.
    """
    total = difference.total
    document: dict[str, Any] = {
        "schema": SCHEMA,
        "base": asdict(difference.base),
        "head": asdict(difference.head) if difference.head else None,
        "change": {"bytes": total.change, "ratio": total.ratio} if difference.head else None,
        "members": [_binary(binary) for binary in difference.binaries],
        "files": [_row(row) for row in difference.members],
        "registries": [asdict(allowance) for allowance in allowances],
        "notes": difference.notes,
    }
    if levels:
        document["groups"] = list(_groups(difference, levels))
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode()


def _binary(binary: BinaryDifference) -> dict[str, Any]:
    compressed, old, new = binary.compressed, binary.base_functions, binary.head_functions
    return {
        "name": binary.name,
        "base_name": binary.base_name,
        "head_name": binary.head_name,
        "base_kind": binary.base_kind,
        "head_kind": binary.head_kind,
        "base_bytes": binary.total.base,
        "head_bytes": binary.total.head,
        "base_compressed": compressed.base if compressed else None,
        "head_compressed": compressed.head if compressed else None,
        "stripped": {"base": binary.base_stripped, "head": binary.head_stripped},
        "functions": {"base": old.count if old else None, "head": new.count if new else None},
        "function_bytes": {"base": old.size if old else None, "head": new.size if new else None},
        "function_source": {"base": old.source if old else None, "head": new.source if new else None},
        "purposes": [_row(row) for row in binary.purposes],
        "sections": [{**_row(row), "purpose": row.group} for row in binary.sections],
        "crates": [_counted(row) for row in binary.crates],
        "generics": [_counted(row) for row in binary.generics],
        "symbols": [{**_counted(row), "crate": row.group} for row in binary.symbols],
        "only": {"base": _one_sided(binary.only_base), "head": _one_sided(binary.only_head)},
        "notes": binary.notes,
    }


def _groups(difference: Difference, levels: Levels) -> Iterator[dict[str, Any]]:
    """Groups of each binary, or, where binaries are a level themselves, of all together."""
    together = By.MEMBER in levels
    for binaries in [difference.binaries] if together else [(binary,) for binary in difference.binaries]:
        yield {
            "member": None if together else binaries[0].name,
            "by": levels,
            "rows": [
                {**_counted(group.row), "parts": [_counted(part) for part in group.parts]}
                for group in grouped(binaries, levels)
            ],
        }


def _one_sided(only: OneSided | None) -> dict[str, Any] | None:
    if only is None:
        return None
    crates = [
        {"name": row.name, "bytes": abs(row.change), "count": row.base_count + row.head_count} for row in only.crates
    ]
    return {"count": only.count, "bytes": only.bytes, "crates": crates}


def _row(row: SizeRow) -> dict[str, Any]:
    return {"name": row.name, "base": row.base, "head": row.head}


def _counted(row: SizeRow) -> dict[str, Any]:
    return {**_row(row), "base_count": row.base_count, "head_count": row.head_count}
