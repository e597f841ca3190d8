"""Mistakes: two or three lines that say what is wrong, the right exit code, and nothing built for nothing."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.user import User, snapshot

pytestmark = pytest.mark.integration

QUICK = ("--axis", "opt-level=s", "--measure", "size")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--axis", "ltoo=fat"), "'lto'"),
        (("--axis", "lto=fatter"), "'fatter'"),
        (("--axis", "codegen-units=0"), "'0'"),
        (("--axis", "codegen-units=many"), "'many'"),
        (("--axis", "lto="), "lto"),
        (("--axis", "nonsense"), "nonsense"),
        (("--goal", "beauty"), "beauty"),
        (("--limit", "weight=2x"), "weight"),
        (("--limit", "build=twice"), "twice"),
        (("--limit", "build"), "limit"),
        (("--measure", "colour"), "colour"),
        (("--budget", "soon"), "soon"),
        (("--timeout", "0s"), "0s"),
        (("--jobs", "0"), "jobs"),
        (("--bench", "check=prog"), "{bin}"),
        (("--bench", "{bin} check"), "bench"),
        (("--bench", "a b={bin}"), "'a b'"),
        (("--bench", "check={bin} 'open"), "check"),
        (("--bin", "trio"), "'trio'"),
        (("--package", "trio"), "'trio'"),
        (("--features", "trio"), "trio"),
        (("--profile", "trio"), "trio"),
        (("--profile", "../../x"), "x"),
        (("--nonsense",), "--nonsense"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_wrong_argument_is_named(user: User, arguments: tuple[str, ...], expected: str) -> None:
    project = user.project("duo")
    before = snapshot(project)
    assert expected in user.run("explore", project, *arguments).refused(2)
    assert user.builds() == []
    assert snapshot(project) == before


def test_an_unknown_command_is_named(user: User) -> None:
    assert "explode" in user.run("explode").refused(2)


def test_no_manifest(user: User) -> None:
    empty = user.folder / "empty"
    empty.mkdir()
    assert "Cargo.toml" in user.run("explore", cwd=empty).refused(2)


def test_a_path_that_does_not_exist(user: User) -> None:
    assert "nowhere" in user.run("explore", "nowhere").refused(2)


@pytest.mark.parametrize(
    ("manifest", "expected"),
    [
        ("[package\n", "Cargo.toml"),
        ('[package]\nname = "x"\nversion = "one"\n', "version"),
        ("", "Cargo.toml"),
        ("\xff\xfe\x00", "Cargo.toml"),
        ('[package]\nname = "duo"\nversion = "0.1.0"\n\n[profile.release]\nlto = 7\n', "lto"),
    ],
)
def test_a_broken_manifest(user: User, manifest: str, expected: str) -> None:
    project = user.project("picky")
    (project / "Cargo.toml").write_bytes(manifest.encode("latin-1"))
    assert expected in user.run("explore", project).refused(2)


def test_a_library_has_no_binary_to_ship(user: User) -> None:
    assert "no binary" in user.run("explore", user.project("duo") / "words", *QUICK).refused(2)


def test_several_binaries_and_none_chosen(user: User) -> None:
    project = user.project("picky")
    (project / "src" / "bin").mkdir()
    (project / "src" / "bin" / "other.rs").write_text("fn main() {}\n")
    error = user.run("explore", project).refused(2)
    assert "picky" in error
    assert "other" in error
    assert "--bin" in error
    assert user.builds() == []


def test_a_lock_file_that_is_out_of_date(user: User) -> None:
    project = user.project("duo")
    lock = project / "Cargo.lock"
    lock.write_text(lock.read_text().replace('name = "words"\nversion = "0.1.0"', 'name = "words"\nversion = "0.0.9"'))
    before = snapshot(project)
    error = user.run("explore", project, *QUICK).refused(2)
    assert "Cargo.lock" in error
    assert "cargo update" in error
    assert snapshot(project) == before
    assert user.builds() == []


@pytest.mark.parametrize("command", ["explore", "init"])
def test_no_cargo(user: User, command: str) -> None:
    project = user.project("duo")
    nothing = user.folder / "nothing"
    nothing.mkdir()
    error = user.run(command, project, PATH=str(nothing)).refused(3)
    assert "no cargo on PATH" in error
    assert "install Rust" in error


def test_a_cargo_that_does_not_work(user: User) -> None:
    project = user.project("duo")
    broken = user.folder / "broken"
    broken.mkdir()
    (broken / "cargo").write_text("#!/bin/sh\necho 'error: no toolchain is installed' >&2\nexit 1\n")
    (broken / "cargo").chmod(0o755)
    error = user.run("explore", project, PATH=f"{broken}:{os.environ['PATH']}").refused(3)
    assert "no toolchain is installed" in error


def test_no_compiler(user: User, toolchain: Path) -> None:
    project = user.project("duo")
    tools = user.folder / "only-cargo"
    tools.mkdir()
    (tools / "cargo").symlink_to(toolchain / "cargo")
    assert "rustc" in user.run("explore", project, PATH=str(tools)).refused(3)


def test_a_bench_that_fails_says_so_and_what_was_built_is_kept(user: User) -> None:
    project = user.project("duo")
    arguments = ("explore", project, "--axis", "opt-level=s", "--measure", "size,run", "--bench-time", "10ms")
    error = user.run(*arguments, "--bench", "count={bin} cuont 3").refused(2)
    assert "'count'" in error
    assert "usage: duo count N" in error
    assert len(user.builds()) == 1
    user.does(*arguments, "--bench", "count={bin} count 3")
    assert len(user.builds()) == 2


def test_a_bench_that_cannot_be_started_says_so(user: User) -> None:
    project = user.project("duo")
    arguments = ("explore", project, *QUICK[:2], "--measure", "run")
    result = user.run(*arguments, "--bench", "count=no-such-program {bin}")
    assert result.code in (2, 3)
    assert "no-such-program" in result.refused(result.code)


@pytest.mark.parametrize("command", [("history",), ("show",), ("apply", "--dry-run")])
def test_a_store_that_is_none(user: User, command: tuple[str, ...]) -> None:
    store = user.folder / "letter.db"
    store.write_text("Dear Ann,\n" * 500)
    assert "not a store" in user.run(*command, "--store", store).refused(2)
    assert store.read_text() == "Dear Ann,\n" * 500


def test_a_store_below_a_file(user: User) -> None:
    (user.folder / "file").write_text("")
    assert str(user.folder / "file") in user.run("history", "--store", user.folder / "file" / "s.db").refused(2)


def test_a_store_that_is_a_folder(user: User) -> None:
    assert str(user.folder) in user.run("history", "--store", user.folder).refused(2)


def test_a_store_that_cannot_be_written(user: User, tmpfs: Callable[[str], Path]) -> None:
    project = user.project("duo")
    if os.geteuid():
        folder = user.folder / "locked"
        folder.mkdir(mode=0o500)
    else:  # permissions do not bind root, a disk that is read-only does
        folder = tmpfs("ro,size=1m")
    error = user.run("explore", project, *QUICK, "--store", folder / "studies.db").refused(2)
    assert "studies.db" in error
    assert user.builds() == []


def test_a_cache_that_cannot_be_written(user: User) -> None:
    (user.folder / "file").write_text("")
    error = user.run("explore", user.project("duo"), *QUICK, XDG_CACHE_HOME=str(user.folder / "file")).refused(2)
    assert str(user.folder / "file") in error


def test_a_store_of_a_newer_trimtab(user: User) -> None:
    user.does("history")
    with sqlite3.connect(user.store) as store:
        store.execute("PRAGMA user_version = 999")
    store.close()
    assert "newer trimtab" in user.run("history").refused(2)


@pytest.mark.parametrize(
    "command", [("show",), ("show", "nothing-123"), ("apply", "--yes"), ("apply", "x", "--dry-run")]
)
def test_a_study_that_does_not_exist(user: User, command: tuple[str, ...]) -> None:
    assert "trimtab history" in user.run(*command).refused(2)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[project]\nbinn = 'x'\n", "project.bin"),
        ("[space]\nltoo = ['fat']\n", "lto"),
        ("[space]\nlto = ['fatter']\n", "fatter"),
        ("[space]\ngoal = 'beauty'\n", "beauty"),
        ("[measure]\njobs = 'two'\n", "jobs"),
        ("[[bench]]\nname = 'x'\n", "command"),
        ("[[bench]]\nname = 'x'\ncommand = ['prog']\n", "{bin}"),
        ("[limits]\nbuild = 2\n", "build"),
        ("bench = 3\n", "bench"),
        ("[", "TOML"),
    ],
)
def test_settings_that_are_wrong(user: User, text: str, expected: str) -> None:
    project = user.project("duo")
    (project / "trimtab.toml").write_text(text)
    error = user.run("explore", project).refused(2)
    assert expected in error
    assert str(project / "trimtab.toml") in error
    assert user.builds() == []


@pytest.mark.parametrize("spec", ["crate:", "crate:@1.0", "crate:two words", "crate:a/../b"])
def test_a_crate_without_a_proper_name(user: User, spec: str) -> None:
    user.run("explore", spec).refused(2)
    assert user.builds() == []


@pytest.mark.registry
@pytest.mark.usefixtures("registry")
@pytest.mark.parametrize("spec", ["crate:trimtab-has-no-such-crate", "crate:itoa@999.0.0"])
def test_a_crate_that_does_not_exist(user: User, spec: str) -> None:
    error = user.run("explore", spec).refused(2)
    assert spec.removeprefix("crate:").partition("@")[0] in error


def test_a_settings_file_that_exists_is_not_overwritten(user: User) -> None:
    project = user.project("duo")
    (project / "trimtab.toml").write_text("# mine\n")
    assert "already" in user.run("init", project).refused(2)
    assert (project / "trimtab.toml").read_text() == "# mine\n"
