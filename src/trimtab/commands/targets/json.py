"""``trimtab.targets/1``: release targets as JSON. Its schema is ``docs/schemas/targets.schema.json``."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import msgspec

from trimtab.commands.targets.model import KnownIssue, Proposal, TargetAttempt, TargetResult, TargetsReport
from trimtab.report.trial_json import effect_document, failure_document

SCHEMA = "trimtab.targets/1"


def targets_json(report: TargetsReport) -> str:
    """``trimtab.targets/1``. Its schema is ``docs/schemas/targets.schema.json``."""
    candidate = report.candidate
    document = {
        "schema": SCHEMA,
        "headline": report.headline,
        "counts": report.counts,
        "project": report.project,
        "root": report.root,
        "profile_name": report.profile_name,
        "base": report.base.spelled(),
        "candidate": {"label": report.candidate_label, "profile": candidate.spelled()} if candidate else None,
        "targets": [_target(result) for result in report.results],
        "proposals": [_proposal(proposal) for proposal in report.proposals],
        "machine": asdict(report.machine),
        "seconds": report.seconds,
        "notes": report.notes,
        "command": report.command,
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode()


def _target(result: TargetResult) -> dict[str, Any]:
    return {
        "triple": result.target.triple,
        "places": [asdict(place) for place in result.target.places],
        "standing": result.standing,
        "way": result.way,
        "reason": result.reason,
        "how": result.how,
        "attempts": [_attempt(attempt) for attempt in result.attempts],
        "narrowed": [_attempt(attempt) for attempt in result.narrowed],
        "hints": [_hint(hint) for hint in result.hints],
    }


def _hint(hint: KnownIssue) -> dict[str, Any]:
    settings = [{"axis": axis, "values": values} for axis, values in hint.settings.items()]
    return {**asdict(hint), "settings": settings}


def _proposal(proposal: Proposal) -> dict[str, Any]:
    settings = [{"key": key, "value": value} for key, value in proposal.settings.items()]
    return {**asdict(proposal), "settings": settings}


def _attempt(attempt: TargetAttempt) -> dict[str, Any]:
    return {
        "label": attempt.label,
        "profile": attempt.profile.spelled(),
        "builds": attempt.failure is None,
        "failure": failure_document(attempt.failure) if attempt.failure else None,
        "size": attempt.size if not attempt.failure else None,
        "artifacts": [asdict(artifact) for artifact in attempt.artifacts],
        "cost": asdict(attempt.cost) if attempt.cost else None,
        "effects": [effect_document(effect) for effect in attempt.effects],
        "runs": [asdict(run) for run in attempt.runs],
        "wrote": attempt.wrote,
    }
