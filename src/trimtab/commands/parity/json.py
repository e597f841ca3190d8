"""``trimtab.parity/1``: a parity run as JSON. Its schema is ``docs/schemas/parity.schema.json``."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import msgspec

from trimtab.commands.parity.model import CheckResult, Parity

SCHEMA = "trimtab.parity/1"


def parity_json(parity: Parity) -> str:
    """``trimtab.parity/1``, with every line. Its schema is ``docs/schemas/parity.schema.json``."""
    document = {
        "schema": SCHEMA,
        "headline": parity.headline,
        "identical": parity.identical,
        "complete": parity.complete,
        "counts": {
            "inputs": parity.inputs,
            "same": parity.same,
            "differ": parity.differ,
            "flaky": parity.flaky,
            "not_compared": parity.not_compared,
        },
        "base": parity.base,
        "head": parity.head,
        "checks": [_check_document(check) for check in parity.checks],
        "machine": asdict(parity.machine),
        "seconds": parity.seconds,
        "notes": parity.notes,
        "command": parity.command,
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode()


def _check_document(check: CheckResult) -> dict[str, Any]:
    return {
        "name": check.name,
        "command": check.command,
        "counts": {
            "inputs": check.inputs,
            "same": check.same,
            "differ": len(check.differences),
            "flaky": len(check.flaky),
            "not_compared": len(check.not_compared),
        },
        "lines": {"added": check.added, "removed": check.removed},
        "endings": [asdict(item) for item in check.endings],
        "exits": [asdict(item) for item in check.exits],
        "rules": [asdict(rule) for rule in check.rules],
        "projects": [asdict(project) for project in check.projects],
        "differences": [asdict(item) for item in check.differences],
        "flaky": [asdict(item) for item in check.flaky],
        "not_compared": [asdict(item) for item in check.not_compared],
    }
