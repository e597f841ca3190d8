"""``trimtab.clean/1``: a cleaning as JSON."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from trimtab.commands.clean.model import Cleaning, size_of

SCHEMA = "trimtab.clean/1"


def clean_json(cleaning: Cleaning) -> str:
    """A cleaning as ``trimtab.clean/1``. Its schema is ``docs/schemas/clean.schema.json``."""
    document = {
        "schema": SCHEMA,
        "done": cleaning.done,
        "bytes": size_of(cleaning.kept),
        "freed_bytes": size_of(cleaning.freed),
        "limit": cleaning.limit,
        "in_use": cleaning.in_use,
        "kinds": [
            {
                "kind": kind,
                "items": len(kept),
                "bytes": size_of(kept),
                "freed_items": len(freed),
                "freed_bytes": size_of(freed),
            }
            for kind, kept, freed in cleaning.kinds
        ],
        "freed": [
            {
                "kind": item.kind,
                "path": str(item.path),
                "bytes": item.size,
                "used": datetime.fromtimestamp(item.used, UTC).isoformat(timespec="seconds"),
            }
            for item in cleaning.freed
        ],
        "studies": [study.id for study in cleaning.studies],
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode()
