"""``trimtab.doctor/1``: checks of this machine as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

import msgspec

from trimtab.commands.doctor.model import Check

SCHEMA = "trimtab.doctor/1"


def doctor_json(checks: Sequence[Check]) -> str:
    """Checks as ``trimtab.doctor/1``. Its schema is ``docs/schemas/doctor.schema.json``."""
    document = {"schema": SCHEMA, "checks": [asdict(check) for check in checks]}
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode()
