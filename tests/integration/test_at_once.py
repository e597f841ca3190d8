"""Explorations that run at the same time."""

from __future__ import annotations

import signal

import pytest

from tests.integration.user import User

pytestmark = pytest.mark.integration


def test_two_projects_in_one_store(user: User) -> None:
    first, second = user.project("duo", into="first"), user.project("duo", into="second")
    (second / "trimtab.toml").write_text("# another\n")
    arguments = ("--axis", "opt-level=3,s,2", "--measure", "size", "--json")
    runs = [user.start("explore", project, *arguments) for project in (first, second)]
    results = [run.end() for run in runs]
    assert [result.code for result in results] == [0, 0], results
    studies = [result.document for result in results]
    for study in studies:
        assert [trial["status"] for trial in study["trials"]] == ["ok"] * 3
        assert user.does("show", study["id"], "--json").document["trials"] == study["trials"]
    assert len({study["id"] for study in studies}) == 2
    assert len(user.does("history", "--json").document["studies"]) == 2
    assert len(user.builds()) == 6


def test_the_same_exploration_twice_is_refused_the_second_time(user: User) -> None:
    project = user.project("moody")
    arguments = ("explore", project, "--axis", "opt-level=z", "--measure", "size")
    first = user.start(*arguments)
    first.wait_for("building", times=2)
    error = user.run(*arguments).refused(2)
    assert "is being explored already" in error
    assert first.stop(signal.SIGINT).code == 130
    assert len(user.builds()) == 2


def test_a_store_can_be_read_while_it_is_written(user: User) -> None:
    project = user.project("moody")
    running = user.start("explore", project, "--axis", "opt-level=z", "--measure", "size")
    running.wait_for("building", times=2)
    study = user.does("show", "--json").document
    assert [trial["label"] for trial in study["trials"]] == ["today"]
    assert [listed["trials"] for listed in user.does("history", "--json").document["studies"]] == [1]
    running.stop(signal.SIGINT)


def test_stores_of_ones_own_are_apart(user: User) -> None:
    project = user.project("duo")
    here, there = user.folder / "here.db", user.folder / "there" / "store.db"
    for store in (here, there):
        user.explores(project, "--axis", "opt-level=s", "--measure", "size", "--store", store)
    assert len(user.builds()) == 4
    assert not user.store.exists()
    assert len(user.does("history", "--json", "--store", here).document["studies"]) == 1


def test_a_store_inside_the_project_is_no_source(user: User) -> None:
    project = user.project("duo")
    arguments = (project, "--axis", "opt-level=3,s,2", "--measure", "size", "--store", project / "studies.db")
    first = user.explores(*arguments)
    assert user.explores(*arguments)["id"] == first["id"]
    assert len(user.builds()) == 3
