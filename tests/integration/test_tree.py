"""The project's tree is the same afterwards, whatever happens: contents, permissions and times."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from tests.integration.user import User, snapshot, with_leftovers

pytestmark = pytest.mark.integration

AXES = ("--axis", "opt-level=3,s", "--axis", "codegen-units=16,1")


def test_explore_leaves_a_tree_as_it_was(user: User) -> None:
    project = with_leftovers(user.project("duo"))
    before = snapshot(project)
    user.explores(project, *AXES[:2], "--bench", "count={bin} count 1", "--bench-time", "10ms")
    assert snapshot(project) == before
    work = user.cache / "trimtab" / "work"
    assert not [path for path in work.rglob("*") if path.is_file() and path.name != "lock"]


@pytest.mark.slow
def test_explore_writes_no_lock_file(user: User) -> None:
    project = with_leftovers(user.project("duo"))
    (project / "Cargo.lock").unlink()
    before = snapshot(project)
    study = user.explores(project, *AXES, "--measure", "size")
    assert snapshot(project) == before
    assert not (project / "Cargo.lock").exists()
    assert any("no Cargo.lock" in note for note in study["notes"])
    assert [trial["status"] for trial in study["trials"]] == ["ok"] * 4
    again = user.explores(project, *AXES, "--measure", "size")
    assert again["id"] == study["id"]
    assert len(user.builds()) == 4


def test_a_project_without_lock_file_may_lie_in_a_workspace_member(user: User) -> None:
    project = user.project("duo")
    (project / "Cargo.lock").unlink()
    before = snapshot(project)
    user.explores(project / "app", "--axis", "opt-level=s", "--measure", "size")
    assert snapshot(project) == before


@pytest.mark.slow
def test_without_lock_file_the_place_means_what_it_does_to_cargo(user: User) -> None:
    """The member, settings of the folder above, the repository that a build script asks: all are as Cargo has them."""
    project = user.project("duo", into="above/duo")
    (project / "Cargo.lock").unlink()
    (user.folder / "above" / ".cargo").mkdir()
    (user.folder / "above" / ".cargo" / "config.toml").write_text('[profile.release]\nlto = "fat"\n')
    (project / "app" / "build.rs").write_text(
        'fn main() { assert!(std::process::Command::new("git").arg("log").status().unwrap().success()); '
        'std::fs::write("made-by-the-build", "").unwrap(); }\n'
    )
    git = ("git", "-c", "user.name=a", "-c", "user.email=a@b")
    for words in (("init", "-q"), ("add", "-A"), ("commit", "-qm", "x")):
        subprocess.run([*git, *words], cwd=project, check=True)
    before = snapshot(project)
    study = user.explores(project / "app", "--axis", "opt-level=s", "--measure", "size")
    assert study["trials"][0]["profile"]["lto"] == "fat"
    assert [trial["status"] for trial in study["trials"]] == ["ok", "ok"]
    assert snapshot(project) == before


MEDDLER = """\
use std::{env, fs, path::Path};

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    if env::var_os("DELETES").is_some() {
        assert!(!Path::new("src/made.rs").exists(), "an earlier build is seen");
        fs::remove_file("notes.txt").unwrap();
    }
    fs::write("src/made.rs", "pub const MADE: &str = \\"by the build\\";\\n").unwrap();
}
"""


def meddling(user: User) -> Path:
    """A project whose build script writes into its sources, and can delete some of them."""
    project = user.project("duo")
    (project / "app" / "build.rs").write_text(MEDDLER)
    (project / "app" / "notes.txt").write_text("of the user's\n")
    main = project / "app" / "src" / "main.rs"
    text = main.read_text()
    main.write_text(text.replace("use std::process", "mod made;\nuse std::process", 1))
    main.write_text(
        main.read_text()
        .replace('"duo {}"', '"duo {} {}"')
        .replace('env!("CARGO_PKG_VERSION"))', 'env!("CARGO_PKG_VERSION"), made::MADE)')
    )
    return project


@pytest.mark.usefixtures("containment")
def test_what_builds_change_in_the_tree_is_seen_by_their_rebuilds_and_by_nobody_else(user: User) -> None:
    project = meddling(user)
    before = snapshot(project)
    axes = ("--axis", "opt-level=s", "--measure", "build,touch,size")
    study = user.explores(project, *axes, DELETES="1")
    assert [trial["status"] for trial in study["trials"]] == ["ok", "ok"]
    assert all(trial["metrics"]["build.touch.wall"]["value"] > 0 for trial in study["trials"])
    assert "deleted app/notes.txt, wrote app/src/made.rs" in " ".join(study["notes"])
    assert snapshot(project) == before
    compared = user.does("compare", "release", "dev", "--bench", "count={bin} count 1", cwd=project, DELETES="1")
    assert "kept from it" in " ".join(compared.out.split())
    assert snapshot(project) == before

    # Without an overlay the programs are the same to the byte, the tree is not, and both are said.
    (user.folder / "tools" / "unshare").write_text("#!/bin/sh\nexit 1\n")
    (user.folder / "tools" / "unshare").chmod(0o755)
    plain = user.explores(project, *axes, "--fresh")
    assert [one["artifacts"][0]["sha256"] for one in plain["trials"]] == [
        one["artifacts"][0]["sha256"] for one in study["trials"]
    ]
    assert any("this system gives no overlay" in note for note in plain["notes"])
    assert (project / "app" / "src" / "made.rs").exists()


def test_failing_builds_leave_a_tree_as_it_was(user: User) -> None:
    project = with_leftovers(user.project("picky"))
    before = snapshot(project)
    study = user.explores(project, "--axis", "panic=abort")
    assert [trial["status"] for trial in study["trials"]] == ["ok", "failed"]
    assert snapshot(project) == before


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_an_interrupted_run_leaves_a_tree_as_it_was(user: User, number: signal.Signals) -> None:
    project = with_leftovers(user.project("duo"))
    before = snapshot(project)
    running = user.start("explore", project, *AXES)
    running.wait_for("building", times=2)
    running.stop(number)
    assert snapshot(project) == before


def test_other_commands_leave_a_tree_as_it_was(user: User) -> None:
    project = with_leftovers(user.project("duo"))
    before = snapshot(project)
    user.does("explore", project, *AXES, "--dry-run")
    user.does("init", project, "--dry-run")
    user.does("doctor", project)
    assert snapshot(project) == before


@pytest.mark.slow
def test_a_crate_outside_of_the_workspace_is_left_alone_and_counts_as_source(user: User) -> None:
    project, outside = user.project("duo"), user.folder / "words"
    (project / "words").rename(outside)
    _edit(project / "Cargo.toml", '"app", "words"', '"app"')
    _edit(project / "app" / "Cargo.toml", "../words", "../../words")
    before = snapshot(project), snapshot(outside)
    study = user.explores(project, "--axis", "opt-level=s", "--measure", "size")
    assert (snapshot(project), snapshot(outside)) == before
    _edit(outside / "src" / "lib.rs", "count * count", "count * count * count")
    assert user.explores(project, "--axis", "opt-level=s", "--measure", "size")["id"] != study["id"]


@pytest.mark.slow
def test_odd_files_in_the_tree_do_no_harm(user: User) -> None:
    project = user.project("duo")
    os.mkfifo(project / "pipe")
    (project / "nowhere").symlink_to("missing")
    (project / "loop").symlink_to("loop")
    (project / "up").symlink_to("..")
    (project / os.fsdecode(b"latin-\xe9")).write_text("no UTF-8 in this name\n")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(os.path.relpath(project / "socket"))
        for lock in (True, False):
            if not lock:
                (project / "Cargo.lock").unlink()
            study = user.explores(project, "--axis", "opt-level=s", "--measure", "size")
            assert [trial["status"] for trial in study["trials"]] == ["ok", "ok"]


def _edit(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")
