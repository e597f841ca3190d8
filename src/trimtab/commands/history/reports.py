"""The list of studies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import msgspec

from trimtab.model.study import Summary

if TYPE_CHECKING:
    from rich.table import Table

SCHEMA = "trimtab.history/1"


def history_table(studies: Sequence[Summary]) -> Table:
    """One line per study, newest first."""
    from rich import box
    from rich.table import Table

    table = Table("study", "when (UTC)", "project", "trials", "failed", box=box.SIMPLE_HEAD, pad_edge=False)
    for study in studies:
        when = study.created[:16].replace("T", " ")
        trials = f"{study.trials} of {study.planned}"
        table.add_row(study.id, when, study.project, trials, str(study.failed or ""))
    return table


def history_json(studies: Sequence[Summary]) -> str:
    """``trimtab.history/1``. Its schema is ``docs/schemas/history.schema.json``."""
    document = {"schema": SCHEMA, "studies": [asdict(study) for study in studies]}
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode()
