"""``trimtab history``: the studies that are kept."""

from __future__ import annotations

import json

import trimtab
from tests.unit.commands.exploring import EXPLORE, study
from tests.unit.conftest import Shell
from tests.unit.test_schemas import validator


def test_history(shell: Shell) -> None:
    assert "study" in shell.trimtab("history").out
    study(shell, f"{EXPLORE} --measure size")
    said = shell.trimtab("history")
    assert "2 of 2" in said.out
    document = json.loads(shell.trimtab("history --json").out)
    validator("history").validate(document)
    assert [one["trials"] for one in document["studies"]] == [2]


class TestFromPython:
    def test_the_newest_comes_first(self, shell: Shell) -> None:
        size, speed = (
            trimtab.explore(shell.cargo.root, axes={"lto": ["fat"]}, measure=["size"], goal=goal)
            for goal in ("size", "speed")
        )
        studies = trimtab.history()
        assert {summary.id for summary in studies} == {size.id, speed.id}
        assert [summary.created for summary in studies] == sorted((size.created, speed.created), reverse=True)
        assert [(summary.project, summary.trials, summary.failed) for summary in studies] == [("app", 2, 0)] * 2

    def test_without_a_study_the_list_is_empty(self, shell: Shell) -> None:
        assert trimtab.history() == []

    def test_of_another_store(self, shell: Shell) -> None:
        store = shell.folder / "mine.db"
        study = trimtab.explore(shell.cargo.root, axes={"lto": ["fat"]}, measure=["size"], store=store)
        assert [summary.id for summary in trimtab.history(store=store)] == [study.id]
        assert trimtab.history() == []
