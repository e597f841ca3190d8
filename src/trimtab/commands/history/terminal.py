"""Studies as a table in a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from trimtab.model.study import Summary

if TYPE_CHECKING:
    from rich.table import Table


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
