"""A rerun repeats nothing that is known and still valid, as the calls of cargo tell."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.integration.user import PROJECTS, User, by_label

pytestmark = pytest.mark.integration

LIBRARY = "duo/words/src/lib.rs"
AXIS = ("--axis", "opt-level=3,s,1")
MEASURED = ("--measure", "size,build,touch")


@pytest.fixture(scope="module")
def first(new_user: Callable[[Path], User], tmp_path_factory: pytest.TempPathFactory) -> tuple[User, dict[str, Any]]:
    """A user who has explored the project ``duo``, and the study."""
    user = new_user(tmp_path_factory.mktemp("resumed"))
    study = user.explores(user.project("duo"), *AXIS, *MEASURED)
    assert len(user.builds()) == 6  # each is built cleanly, touched and built again
    return user, study


@pytest.mark.slow
def test_a_second_run_builds_nothing_and_answers_the_same(first: tuple[User, dict[str, Any]]) -> None:
    user, study = first
    builds = len(user.builds())
    again = user.explores(user.folder / "duo", *AXIS, *MEASURED)
    assert len(user.builds()) == builds
    assert again["trials"] == study["trials"]
    assert again["id"] == study["id"]


def test_another_goal_builds_nothing_and_is_a_study_of_its_own(first: tuple[User, dict[str, Any]]) -> None:
    user, study = first
    builds = len(user.builds())
    other = user.explores(user.folder / "duo", *AXIS, *MEASURED, "--goal", "size", "--limit", "build=9x")
    assert len(user.builds()) == builds
    assert other["trials"] == study["trials"]
    assert other["recommendation"]["goal"] == "size"
    for known in (study, other):
        shown = user.does("show", known["id"], "--json").document
        assert shown["recommendation"] == known["recommendation"]


def test_a_larger_space_builds_only_what_is_new(first: tuple[User, dict[str, Any]]) -> None:
    user, study = first
    builds = len(user.builds())
    larger = by_label(user.explores(user.folder / "duo", "--axis", "opt-level=3,s,1,2", *MEASURED))
    assert len(user.builds()) == builds + 2
    smaller = by_label(study)
    assert {label: larger[label]["metrics"] for label in smaller} == {
        label: smaller[label]["metrics"] for label in smaller
    }


@pytest.mark.slow
def test_a_new_bench_is_run_without_a_build(user: User) -> None:
    project = user.project("duo")
    few = (project, "--axis", "opt-level=s", "--measure", "size,run", "--bench-time", "10ms")
    first = by_label(user.explores(*few))
    arguments = (*few, "--bench", "count={bin} count 2")
    second = by_label(user.explores(*arguments))
    assert len(user.builds()) == 2
    for label, trial in second.items():
        assert trial["metrics"]["run.count.wall"]["value"] > 0
        assert trial["metrics"]["size.file"] == first[label]["metrics"]["size.file"]
    third = by_label(user.explores(*arguments, "--bench", "more={bin} count 3"))
    assert len(user.builds()) == 2
    for label, trial in third.items():
        assert trial["metrics"]["run.count.wall"] == second[label]["metrics"]["run.count.wall"]
        assert trial["metrics"]["run.more.wall"]["value"] > 0


def test_sizes_are_added_without_a_build(user: User) -> None:
    project = user.project("duo")
    user.explores(project, *AXIS, "--measure", "build")
    study = user.explores(project, *AXIS, "--measure", "build,size")
    assert len(user.builds()) == 3
    assert all({"size.stripped", "build.clean.cpu"} <= set(trial["metrics"]) for trial in study["trials"])


EXPLORED = ("--axis", "opt-level=s", "--measure", "size")


@pytest.mark.slow
def test_an_edited_source_makes_everything_new(user: User) -> None:
    project = user.project("duo")
    first = user.explores(project, *EXPLORED)
    for edited in ("words/src/lib.rs", "app/Cargo.toml", "Cargo.toml", "Cargo.lock", "README.md"):
        path = project / edited
        text = path.read_text() if path.exists() else None
        path.write_text(f"{text or ''}{'// x' if edited.endswith('.rs') else '# x'}\n")
        assert _known(user, project) == [False, False], edited
        if text is None:
            path.unlink()
        else:
            path.write_text(text)
    assert _known(user, project) == [True, True], "all is as it was"
    (project / "words" / "src" / "lib.rs").write_text("#![allow(dead_code)]\n" + (PROJECTS / LIBRARY).read_text())
    second = user.explores(project, *EXPLORED)
    assert len(user.builds()) == 4
    assert second["id"] != first["id"]
    assert {trial["id"] for trial in second["trials"]}.isdisjoint(trial["id"] for trial in first["trials"])
    assert len(user.does("history", "--json").document["studies"]) == 2


def test_what_is_no_source_makes_nothing_new(user: User) -> None:
    project = user.project("duo")
    assert user.explores(project, *EXPLORED)["recommendation"]["goal"] == "balanced"
    (project / "words" / "src" / "lib.rs").touch()
    (project / "target").mkdir()
    (project / "target" / "CACHEDIR.TAG").touch()
    (project / "target" / "made").write_text("by somebody")
    (project / "trimtab.toml").write_text('[space]\ngoal = "size"\n')
    assert user.explores(project, *EXPLORED)["recommendation"]["goal"] == "size"
    assert len(user.builds()) == 2


def test_ignored_files_are_no_source_in_a_git_checkout(user: User) -> None:
    project = user.project("duo")
    (project / ".gitignore").write_text("/target\n*.log\n")
    subprocess.run(["git", "init", "-q", "."], cwd=project, check=True, env=dict(user.environment))
    user.explores(project, *EXPLORED)
    (project / "build.log").write_text("made by somebody\n")
    assert _known(user, project) == [True, True]
    (project / "data.txt").write_text("read by a build script, perhaps\n")
    assert _known(user, project) == [False, False]


@pytest.mark.slow
def test_other_surroundings_make_everything_new_if_they_change_a_build(user: User) -> None:
    project = user.project("duo")
    user.explores(project, *EXPLORED)
    assert _known(user, project, TERM="other", LANG="C") == [True, True]
    assert _known(user, project, RUSTFLAGS="--cfg from_environment") == [False, False]
    assert _known(user, project, CARGO_PROFILE_RELEASE_DEBUG="1") == [False, False]
    assert _known(user, project, CFLAGS="-O1") == [False, False]
    home = user.folder / "home" / ".cargo"
    home.mkdir()
    (home / "config.toml").write_text('[build]\nrustflags = ["--cfg", "from_config"]\n')
    assert _known(user, project, CARGO_HOME=str(home)) == [False, False]


@pytest.mark.slow
def test_fresh_measures_again(user: User) -> None:
    project = user.project("duo")
    user.explores(project, "--axis", "opt-level=s", "--measure", "size")
    user.explores(project, "--axis", "opt-level=s", "--measure", "size", "--fresh")
    assert len(user.builds()) == 4


def _known(user: User, project: Path, **environment: str) -> list[bool]:
    """A flag for each profile: true if it would not be built again."""
    plan = user.does("explore", project, *EXPLORED, "--dry-run", "--json", cwd=None, inside=(), **environment).document
    return [profile["known"] for profile in plan["profiles"]]


@pytest.mark.slow
def test_a_lost_artifact_is_built_again(user: User) -> None:
    project = user.project("duo")
    first = user.explores(project, "--axis", "opt-level=s", "--measure", "size")
    Path(first["trials"][1]["artifacts"][0]["path"]).unlink()
    second = user.explores(project, "--axis", "opt-level=s", "--measure", "size")
    assert len(user.builds()) == 3
    assert Path(second["trials"][1]["artifacts"][0]["path"]).exists()
    assert second["trials"][1]["artifacts"] == first["trials"][1]["artifacts"]


@pytest.mark.slow
def test_sources_edited_meanwhile_are_refused_and_what_was_measured_is_kept(user: User) -> None:
    project = user.project("duo")
    running = user.start("explore", project, "--axis", "opt-level=3,s,2,1,z", "--measure", "size")
    running.wait_for("took")
    edited = project / "words" / "src" / "lib.rs"
    text = edited.read_text()
    edited.write_text(text + "// more\n")
    error = running.end().refused(2)
    assert str(edited) in error
    kept = user.does("show", "--json").document["trials"]
    assert kept[0]["label"] == "today"
    assert len(kept) < 5
    edited.write_text(text)
    builds = len(user.builds())
    user.explores(project, "--axis", "opt-level=3,s,2,1,z", "--measure", "size")
    assert len(user.builds()) - builds == 5 - len(kept)


def test_a_file_removed_meanwhile_is_refused(user: User) -> None:
    project = user.project("duo")
    extra = project / "app" / "src" / "table.txt"
    extra.write_text("1 2 3\n")
    running = user.start("explore", project, "--axis", "opt-level=3,s,2,1,z", "--measure", "size")
    running.wait_for("took")
    extra.unlink()
    assert str(extra) in running.end().refused(2)
