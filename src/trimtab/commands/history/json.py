"""``trimtab.history/1``: the list of studies as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

import msgspec

from trimtab.model.study import Summary

SCHEMA = "trimtab.history/1"


def history_json(studies: Sequence[Summary]) -> str:
    """Studies as ``trimtab.history/1``. Its schema is ``docs/schemas/history.schema.json``."""
    document = {"schema": SCHEMA, "studies": [asdict(study) for study in studies]}
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode()
