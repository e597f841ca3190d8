"""``trimtab show``: a stored study again."""

from __future__ import annotations

import pytest

import trimtab
from tests.unit.commands.exploring import EXPLORE, study
from tests.unit.conftest import Shell
from trimtab.errors import InputError


def test_prints_what_explore_printed(shell: Shell) -> None:
    explored = shell.trimtab(f"{EXPLORE} --measure size,build")
    shown = shell.trimtab("show")
    assert (shown.code, shown.out) == (0, explored.out)
    study_id = study(shell, "show")["id"]
    assert shell.trimtab(f"show {study_id}").out == explored.out


def test_as_markdown(shell: Shell) -> None:
    explored = shell.trimtab(f"{EXPLORE} --measure size,build --markdown")
    assert explored.out.startswith("**app: take lto fat (goal balanced)**\n")
    shown = shell.trimtab("show --markdown")
    assert (shown.code, shown.out) == (0, explored.out)


@pytest.mark.parametrize("line", ["show --json --markdown", f"{EXPLORE} --json --markdown"])
def test_two_formats_at_once_are_refused(shell: Shell, line: str) -> None:
    said = shell.trimtab(line)
    assert (said.code, said.out) == (2, "")
    assert said.errors == ["error: --json and --markdown exclude each other", "  do: choose one"]


class TestFromPython:
    def test_the_newest_a_name_and_the_beginning_of_one(self, shell: Shell) -> None:
        explored = trimtab.explore(shell.cargo.root, axes={"lto": ["fat"]}, measure=["size"])
        assert trimtab.show() == trimtab.show(explored.id) == trimtab.show(explored.id[:-2]) == explored

    def test_from_another_store(self, shell: Shell) -> None:
        store = shell.folder / "mine.db"
        explored = trimtab.explore(shell.cargo.root, axes={"lto": ["fat"]}, measure=["size"], store=store)
        assert trimtab.show(store=store) == explored
        with pytest.raises(InputError, match="no study"):
            trimtab.show()

    def test_a_study_that_is_not_there(self, shell: Shell) -> None:
        trimtab.explore(shell.cargo.root, axes={"lto": ["fat"]}, measure=["size"])
        with pytest.raises(InputError, match="there is no study 'nothing'"):
            trimtab.show("nothing")
