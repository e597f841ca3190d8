"""``trimtab.optimized/1`` and ``trimtab.aging/1``: trained programs and aging profiles as JSON.

Their schemas are ``docs/schemas/optimized.schema.json`` and ``docs/schemas/aging.schema.json``.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import msgspec

from trimtab.commands.pgo.model import AgedRevision, Aging, OptimizedBuild
from trimtab.commands.pgo.wording import age_headline

BUILD_SCHEMA = "trimtab.optimized/1"
AGE_SCHEMA = "trimtab.aging/1"


def build_json(built: OptimizedBuild) -> str:
    """A build as ``trimtab.optimized/1``; its schema is ``docs/schemas/optimized.schema.json``."""
    account = built.account
    return _text(
        {
            "schema": BUILD_SCHEMA,
            "project": asdict(built.project),
            "profile": built.profile.spelled(),
            "files": [str(file) for file in built.files],
            "profile_data": built.profile_data and str(built.profile_data),
            "pgo": account.pgo and asdict(account.pgo),
            "bolt": account.bolt and asdict(account.bolt),
            "optimized": asdict(account.optimized),
            "cost": asdict(built.cost),
            "functions": account.functions,
            "covered": account.covered,
            "notes": built.notes,
        }
    )


def age_json(aging: Aging) -> str:
    """A report as ``trimtab.aging/1``; its schema is ``docs/schemas/aging.schema.json``."""
    return _text(
        {
            "schema": AGE_SCHEMA,
            "headline": age_headline(aging),
            "project": asdict(aging.project),
            "machine": asdict(aging.machine),
            "toolchain": asdict(aging.toolchain),
            "source": aging.source,
            "revisions": [_revision(revision) for revision in aging.revisions],
            "notes": aging.notes,
            "command": aging.command,
        }
    )


def _revision(revision: AgedRevision) -> dict[str, Any]:
    return {
        "name": revision.name,
        "benches": [
            {
                "bench": bench.bench,
                "own": asdict(bench.own),
                "aged": asdict(bench.aged),
                "kept": bench.kept and asdict(bench.kept),
            }
            for bench in revision.benches
        ],
        "known": revision.known,
        "sizes": revision.sizes,
        "failure": revision.failure,
    }


def _text(document: dict[str, Any]) -> str:
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode()
