"""``trimtab.study/1``: a study and its answer as JSON. Its schema is ``docs/schemas/study.schema.json``."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import msgspec

from trimtab.model.answer import Answer, TableRow
from trimtab.model.study import Study
from trimtab.model.trial import TrainedBuild, Trial
from trimtab.report.trial_json import effect_document, failure_document

SCHEMA = "trimtab.study/1"


def study_json(study: Study, answer: Answer) -> str:
    """The whole study as one JSON document."""
    chosen = answer.recommendation
    rows = {row.trial: row for row in answer.rows}
    document = {
        "schema": SCHEMA,
        "id": study.id,
        "created": study.created,
        "command": study.command,
        "project": asdict(study.project),
        "machine": asdict(study.machine),
        "toolchain": asdict(study.toolchain),
        "baseline": study.baseline,
        "planned": study.planned,
        "trials": [_trial(trial, study.project.target, rows[trial.id]) for trial in study.trials],
        "pareto": [row.trial for row in answer.rows if row.pareto],
        "recommendation": chosen
        and {
            "trial": chosen.trial,
            "goal": chosen.goal,
            "keeps_today": chosen.keeps_today,
            "rule": chosen.rule,
            "why": chosen.why,
            "caveats": chosen.caveats,
            "undecided": chosen.undecided,
            "agreement": chosen.agreement,
            "pair": chosen.pair,
        },
        "trades": [asdict(trade) for trade in answer.trades],
        "notes": answer.notes,
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode()


def _trial(trial: Trial, target: str, row: TableRow) -> dict[str, Any]:
    return {
        "id": trial.id,
        "label": row.label,
        "profile": trial.profile.spelled(),
        "target": target,
        "status": trial.status,
        "started": trial.started,
        "seconds": trial.seconds,
        "metrics": {
            one.name: {
                "value": one.value,
                "unit": one.unit,
                "low": one.low,
                "high": one.high,
                "samples": one.samples,
                "method": one.method,
            }
            for one in trial.measurements
        },
        "absent": {one.name: one.reason for one in trial.absent},
        "effect": [effect_document(effect) for effect in trial.effects],
        "artifacts": [asdict(artifact) for artifact in trial.artifacts],
        "tags": asdict(trial.tags) if trial.tags else None,
        "failure": failure_document(trial.failure) if trial.failure else None,
        "screened": trial.screened,
        "training": _training(trial.trained) if trial.trained else None,
    }


def _training(account: TrainedBuild) -> dict[str, Any]:
    return {
        "functions": account.functions,
        "covered": account.covered,
        "executed": account.executed,
        "profile_data": asdict(account.profile_data) if account.profile_data else None,
        "notes": account.notes,
    }
