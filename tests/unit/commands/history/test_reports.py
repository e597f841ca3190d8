"""Reports of `history`, compared with golden files."""

from __future__ import annotations

from collections.abc import Callable

from tests.unit.commands.explore.test_reports import printed
from trimtab.commands.history.json import history_json
from trimtab.commands.history.terminal import history_table
from trimtab.model.study import Summary

Golden = Callable[[str, str], None]

STUDIES = [
    Summary(
        id="sounding-1a2b3c",
        created="2026-05-01T10:00:00+00:00",
        project="sounding-cli",
        root="/src/sounding",
        planned=8,
        trials=6,
        failed=1,
    ),
    Summary(
        id="rg-9f8e7d",
        created="2026-04-30T22:15:09+00:00",
        project="ripgrep",
        root="crate:ripgrep@14.1.1",
        planned=6,
        trials=6,
        failed=0,
    ),
]


def test_history(golden: Golden) -> None:
    golden("history.txt", printed([history_table(STUDIES)], 80))
    golden("history.json", history_json(STUDIES) + "\n")
