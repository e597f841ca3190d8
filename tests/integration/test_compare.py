"""`trimtab compare` with real programs, builds and a real git; two revisions are built once for all tests."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.integration.user import User, eventually, processes_about, snapshot
from trimtab.builders.relink import find_lld
from trimtab.errors import MissingError
from trimtab.measure.counters import callgrind
from trimtab.system.process import SystemRunner

pytestmark = pytest.mark.integration

COUNT = ("--bench", "count={bin} count 3000")
QUICK = ("--runs", "5", "--no-counts", "--json")
BENCH = """\
fn main() {
    let words: Vec<String> = std::env::args().collect();
    if words.iter().any(|word| word == "--help") {
        println!("This executable is a Criterion.rs benchmark.");
    } else if words.iter().any(|word| word == "--list") {
        println!("walk: benchmark\\nskip: benchmark");
    } else {
        println!("{} time:   [1.0 ms 1.5 ms 9.0 ms]", words.last().unwrap());
    }
}
"""
"""Talks like criterion, without its sixty dependencies."""
SLOW = "count * count + (1..400).map(|n| std::hint::black_box(n * count)).sum::<u64>()"


@dataclass(frozen=True, kw_only=True)
class Repository:
    """A repository with the project ``duo`` in a subfolder; its second commit is slower and has no ``flags``."""

    user: User
    top: Path
    first: dict[str, Any]
    """The first commit beside the second."""

    @property
    def project(self) -> Path:
        """The folder in which comparisons are run."""
        return self.top / "tools" / "duo"

    def compares(self, *arguments: str | Path, cwd: Path | None = None, **environment: str) -> dict[str, Any]:
        """The document of a comparison that must succeed and leave all as it was."""
        before = snapshot(self.top)
        result = self.user.does("compare", *arguments, cwd=cwd or self.project, inside=(), **environment)
        assert snapshot(self.top) == before
        return result.document


def git(folder: Path, *arguments: str) -> str:
    settings = ("-c", "user.name=Ann", "-c", "user.email=ann@example.org")
    return subprocess.run(("git", *settings, *arguments), check=True, cwd=folder, capture_output=True, text=True).stdout


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")


def row(document: dict[str, Any], subject: str, metric: str) -> dict[str, Any]:
    (document,) = [entry for entry in document["rows"] if (entry["subject"], entry["metric"]) == (subject, metric)]
    return dict(document)


@pytest.fixture(scope="module")
def repository(new_user: Callable[[Path], User], tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """Made and compared once: two builds."""
    if not shutil.which("git"):
        pytest.skip("there is no git here")
    user = new_user(tmp_path_factory.mktemp("compared"))
    top = user.folder / "repository"
    project = user.project("duo", into="repository/tools/duo")
    (project / "words" / "benches").mkdir()
    (project / "words" / "benches" / "spoken.rs").write_text(BENCH)
    with (project / "words" / "Cargo.toml").open("a") as manifest:
        manifest.write('\n[[bench]]\nname = "spoken"\nharness = false\n')
    git(top, "init", "--quiet", "--initial-branch=main")
    git(top, "add", ".")
    git(top, "commit", "--quiet", "--message=first")
    edit(project / "words" / "src" / "lib.rs", "count * count", SLOW)
    edit(project / "words" / "benches" / "spoken.rs", "1.5 ms", "2.5 ms")
    edit(project / "app" / "src" / "main.rs", '["flags", _]', '["the-flags", _]')
    git(top, "commit", "--quiet", "--all", "--message=second")
    before = snapshot(top)
    arguments = ("HEAD~1", "HEAD", *COUNT, "--bench", "flags={bin} flags", *QUICK)
    result = user.run("compare", *arguments, cwd=project)
    assert result.code == 1, result
    assert snapshot(top) == before
    return Repository(user=user, top=top, first=result.document)


class TestRevisions:
    def test_both_are_built_weighed_and_run(self, repository: Repository) -> None:
        document = repository.first
        heads = [git(repository.top, "rev-parse", "--short=12", revision).strip() for revision in ("HEAD~1", "HEAD")]
        assert (document["base"], document["heads"]) == (f"HEAD~1 ({heads[0]})", [f"HEAD ({heads[1]})"])
        assert row(document, "duo", "size.file")["unit"] == "bytes"
        wall = row(document, "count", "wall")
        assert (wall["runs"], wall["verdict"]) == (5, "unclear")
        assert wall["change"] > 0.1
        assert any("a clean build took" in note for note in document["notes"])
        assert len(repository.user.builds()) >= 2

    def test_a_bench_that_fails_with_head_only_is_told_and_the_others_are_reported(
        self, repository: Repository
    ) -> None:
        assert {entry["subject"] for entry in repository.first["rows"]} == {"duo", "count"}
        (failure,) = repository.first["failures"]
        assert failure.startswith("flags: HEAD (")
        assert "fails: exit code 2: usage: duo count N" in failure

    @pytest.mark.parametrize("folder", ["app", "app/src", "../.."])
    def test_from_a_folder_below_or_above(self, repository: Repository, folder: str) -> None:
        builds = len(repository.user.builds())
        cwd = repository.project / folder
        if folder == "../..":
            result = repository.user.run("compare", "HEAD~1", "HEAD", "--json", cwd=cwd)
            assert "there is no Cargo project here" in result.refused(2)
            return
        document = repository.compares("HEAD~1", "HEAD", "--json", cwd=cwd)
        assert row(document, "duo", "size.file")["change"] == row(repository.first, "duo", "size.file")["change"]
        assert len(repository.user.builds()) <= builds + 2  # Cargo is asked there, where it means other packages

    @pytest.mark.parametrize("elsewhere", [True, False])
    def test_what_a_git_hook_sets_changes_nothing(self, repository: Repository, elsewhere: bool) -> None:
        builds = len(repository.user.builds())
        checkout = repository.user.folder / "elsewhere" if elsewhere else repository.top
        inner = str(checkout / ".git")
        variables = {"GIT_DIR": inner, "GIT_WORK_TREE": str(checkout), "GIT_INDEX_FILE": f"{inner}/index"}
        document = repository.compares("main~1", "main", "--json", cwd=None, **variables)
        assert document["base"].startswith("main~1 (")
        assert len(repository.user.builds()) == builds

    def test_an_uncommitted_edit_is_the_tree_and_not_the_revision(self, repository: Repository) -> None:
        source = repository.project / "app" / "src" / "main.rs"
        before = source.read_bytes()
        edit(source, "usage: duo count N", "usage: duo count TIMES")
        try:
            status = git(repository.top, "status", "--porcelain")
            document = repository.compares("HEAD", ".", "--bench", "count={bin} count 5", *QUICK)
            assert git(repository.top, "status", "--porcelain") == status == " M tools/duo/app/src/main.rs\n"
        finally:
            source.write_bytes(before)
        assert document["heads"] == ["."]
        assert row(document, "count", "wall")["verdict"] != "identical"
        assert row(document, "duo", "size.file")["verdict"] == "same"

    def test_a_commit_of_a_shallow_clone_that_no_branch_leads_to(self, repository: Repository) -> None:
        shallow = repository.user.folder / "shallow"
        git(repository.user.folder, "clone", "--quiet", "--depth=1", repository.top.as_uri(), str(shallow))
        first = git(repository.top, "rev-parse", "HEAD~1").strip()
        git(shallow, "fetch", "--quiet", "--depth=1", "origin", first)
        before = snapshot(shallow)
        result = repository.user.run("compare", first, "no-such-branch", cwd=shallow / "tools" / "duo")
        assert "no such file, study, profile or revision: 'no-such-branch'" in result.refused(2)
        (checkout,) = [path for path in (repository.user.cache / "trimtab" / "revisions").glob(f"*/{first}")
                    if "shallow" in (path / ".git" / "config").read_text()]  # fmt: skip
        assert "flags" in (checkout / "tools" / "duo" / "app" / "src" / "main.rs").read_text()
        assert snapshot(shallow) == before

    @pytest.mark.parametrize("revision", ["no-such-branch", "HEAD~99", "HEAD:tools", "refs/heads/../x", "@{upstream}"])
    def test_what_git_does_not_know(self, repository: Repository, revision: str) -> None:
        builds = len(repository.user.builds())
        assert "error: " in repository.user.run("compare", "HEAD", revision, cwd=repository.project).refused(2)
        assert len(repository.user.builds()) == builds

    def test_killed_in_the_middle_of_a_checkout_and_then_again(self, user: User) -> None:
        project = user.project("picky")
        git(project, "init", "--quiet")
        git(project, "add", "Cargo.toml", "Cargo.lock", "src")
        git(project, "commit", "--quiet", "--message=one")
        before = snapshot(project)
        real, shim = shutil.which("git"), user.folder / "tools" / "git"
        assert real
        shim.write_text(f'#!/bin/sh\n[ "$1" = checkout ] && kill -9 $PPID && exit 9\nexec {real} "$@"\n')
        shim.chmod(0o755)
        assert user.run("compare", "HEAD", ".", cwd=project).code == -signal.SIGKILL
        shim.unlink()
        document = user.does("compare", "HEAD", ".", "--json", cwd=project).document
        assert row(document, "picky", "size.file")["verdict"] in ("same", "identical")
        assert snapshot(project) == before

    def test_killed_in_the_middle_of_a_build_and_then_again(self, user: User) -> None:
        project = user.project("picky")
        slow, fast = "build.rs", "src/main.rs"
        (project / slow).write_text(
            'fn main() { if !std::path::Path::new("%s").exists() { loop { std::thread::sleep('
            "std::time::Duration::from_millis(50)) } } }\n" % (user.folder / "go")
        )
        git(project, "init", "--quiet")
        git(project, "add", "Cargo.toml", "Cargo.lock", slow, fast)
        git(project, "commit", "--quiet", "--message=one")
        before = snapshot(project)
        running = user.start("compare", "HEAD", ".", "--json", cwd=project)
        running.wait_for("building")
        assert eventually(lambda: any("build-script-build" in line for line in processes_about(user.folder)))
        running.stop(signal.SIGKILL)
        (user.folder / "go").touch()
        document = user.does("compare", "HEAD", ".", "--json", cwd=project).document
        assert row(document, "picky", "size.file")["runs"] == 1
        assert snapshot(project) == before
        assert eventually(lambda: not processes_about(user.folder)), processes_about(user.folder)
        work = user.cache / "trimtab" / "work"
        assert not [path for path in work.rglob("*") if path.is_file() and path.name != "lock"]


@pytest.fixture(scope="module")
def kept(repository: Repository) -> tuple[Path, Path]:
    """The two programs, as trimtab has kept them."""
    studies = repository.user.does("history", "--json").document["studies"]
    studies = [study for study in studies if "/revisions/" in study["root"]]  # other tests explore the project itself
    programs = []
    for study in reversed(studies[-2:]):
        shown = repository.user.does("show", study["id"], "--json").document
        programs.append(Path(shown["trials"][0]["artifacts"][0]["path"]))
    first, second = programs
    failing = subprocess.run([second, "flags"], check=False, capture_output=True).returncode
    return (first, second) if failing else (second, first)


class TestFiles:
    def test_two_programs(self, repository: Repository, kept: tuple[Path, Path]) -> None:
        document = repository.compares(*kept, *COUNT, *QUICK)
        assert row(document, "duo", "size.file")["change"] == row(repository.first, "duo", "size.file")["change"]
        assert row(document, "count", "output")["mode"] == "exact"

    def test_a_trial_beside_a_copy_of_it_is_identical_and_not_run(
        self, repository: Repository, kept: tuple[Path, Path], tmp_path: Path
    ) -> None:
        copy = shutil.copy(kept[0], tmp_path / "renamed")
        study = next(
            entry["id"]
            for entry in repository.user.does("history", "--json").document["studies"]
            if str(kept[0]) in repository.user.does("show", entry["id"], "--json").out
        )
        document = repository.compares(f"{study}:today", copy, "--bench", "wait={bin} wait 3600", *QUICK)
        assert {entry["verdict"] for entry in document["rows"]} == {"identical"}
        assert document["seconds"] < 60

    def test_wheels_and_archives(self, repository: Repository, kept: tuple[Path, Path], tmp_path: Path) -> None:
        for number, program in enumerate(kept):
            with zipfile.ZipFile(tmp_path / f"duo-{number}.0-py3-none-any.whl", "w", zipfile.ZIP_DEFLATED) as wheel:
                wheel.write(program, f"duo-{number}.0.data/scripts/duo")
                wheel.writestr(f"duo-{number}.0.dist-info/WHEEL", "Wheel-Version: 1.0\n")
            with tarfile.open(tmp_path / f"duo-{number}.tar.xz", "w:xz") as archive:
                archive.add(program, f"duo-{number}/duo")
        wheels = [tmp_path / f"duo-{number}.0-py3-none-any.whl" for number in range(2)]
        document = repository.compares(*wheels, *COUNT, *QUICK)
        assert row(document, "duo", "size.wheel")["base"] == wheels[0].stat().st_size
        assert row(document, "duo", "size.file")["base"] == kept[0].stat().st_size
        assert row(document, "count", "wall")["runs"] == 5
        document = repository.compares(tmp_path / "duo-0.tar.xz", wheels[1], *COUNT, *QUICK)
        assert row(document, "count", "wall")["runs"] == 5

    def test_a_program_of_another_system(self, repository: Repository, kept: tuple[Path, Path], tmp_path: Path) -> None:
        foreign = tmp_path / "foreign"
        foreign.write_bytes(bytes(range(7, 64)) * 9)
        foreign.chmod(0o755)
        error = repository.user.run("compare", kept[0], foreign, *COUNT, *QUICK).refused(2)
        assert "it is no program of this system" in error

    def test_a_program_that_may_not_be_run(
        self, repository: Repository, kept: tuple[Path, Path], tmp_path: Path
    ) -> None:
        plain = shutil.copyfile(kept[1], tmp_path / "plain")
        plain.chmod(0o644)
        result = repository.user.run("compare", kept[0], plain, *COUNT, *QUICK)
        assert result.code == 1
        assert "Permission denied" in result.document["failures"][0]
        assert [row["metric"] for row in result.document["rows"]] == ["size.file"]

    def test_instructions_by_callgrind(self, repository: Repository, kept: tuple[Path, Path]) -> None:
        try:
            callgrind()
        except MissingError as error:
            pytest.skip(error.what)
        document = repository.compares(*kept, "--bench", "count={bin} count 20", "--runs", "3", "--counts", "--json")
        counted = row(document, "count", "instructions")
        assert counted["verdict"] == "regressed"
        assert counted["mode"] == "counted"
        if any("callgrind" in note for note in document["notes"]):
            null = [entry for entry in document["null"] if entry["metric"] == "instructions"]
            assert [round(entry["change"], 3) for entry in null] == [0.0]

    def test_ctrl_c_shows_what_was_run(self, repository: Repository, kept: tuple[Path, Path]) -> None:
        arguments = ("--bench", "count={bin} count 1", "--budget", "10m", "--smallest-change", "0.001%", "--json")
        running = repository.user.start("compare", *kept, *arguments)
        running.wait_a_little(2)
        result = running.stop(signal.SIGINT)
        assert result.code == 0, result
        assert row(result.document, "count", "wall")["runs"] > 0
        assert any(note.startswith("interrupted") for note in result.document["notes"])
        assert row(result.document, "duo", "size.file")["runs"] == 1


class TestProfiles:
    @pytest.mark.slow
    def test_one_beside_another(self, repository: Repository) -> None:
        document = repository.compares("release", "dev", *COUNT, *QUICK)
        assert row(document, "duo", "size.file")["verdict"] == "regressed"
        assert row(document, "count", "wall")["change"] > 0.5

    def test_over_layouts(self, repository: Repository, tmp_path: Path) -> None:
        try:
            find_lld(SystemRunner(), tmp_path)
        except MissingError as error:
            pytest.skip(error.what)
        arguments = ("HEAD~1", "HEAD", *COUNT, "--layouts", "6", "--budget", "1s", "--no-counts", "--json")
        document = repository.compares(*arguments)
        wall = row(document, "count", "wall")
        assert (wall["mode"], wall["runs"]) == ("layouts", 6)
        assert wall["verdict"] in ("regressed", "unclear")  # with so few layouts, one burst of load leaves it open
        assert wall["low"] <= wall["change"] <= wall["high"]
        assert wall["placement"]["verdict"] in ("regressed", "unclear")
        assert not [note for note in document["notes"] if "other bytes" in note]
        assert row(document, "count", "output")["mode"] == "exact"
        assert not any((repository.user.cache / "trimtab" / "work").glob("*/links"))

    def test_identical_programs_need_no_layouts(self, repository: Repository) -> None:
        builds = len(repository.user.builds())
        document = repository.compares("HEAD", "HEAD", "--bench", "wait={bin} wait 3600", "--layouts", "6", "--json")
        assert {entry["verdict"] for entry in document["rows"]} == {"identical"}
        assert len(repository.user.builds()) == builds


class TestCargoBench:
    def test_cases_that_both_have_are_run_in_turn(self, repository: Repository) -> None:
        arguments = ("HEAD~1", "HEAD", "--cargo-bench", "*", "--filter", "walk$", "--runs", "12", "--json")
        document = repository.compares(*arguments)
        time = row(document, "spoken/walk", "time")
        assert (time["base"], time["head"]) == pytest.approx((0.0015, 0.0025))
        assert time["runs"] == 12
        assert time["change"] == pytest.approx(2 / 3)
        assert {entry["subject"] for entry in document["rows"]} == {"duo", "spoken/walk"}

    def test_nothing_fits(self, repository: Repository) -> None:
        arguments = ("HEAD~1", "HEAD", "--cargo-bench", "*", "--filter", "run$", "--quiet")
        error = repository.user.run("compare", *arguments, cwd=repository.project).refused(2)
        assert "cargo bench has no case to run" in error

    def test_a_target_that_is_not_there(self, repository: Repository) -> None:
        arguments = ("HEAD~1", "HEAD", "--cargo-bench", "none", "--quiet")
        error = repository.user.run("compare", *arguments, cwd=repository.project).refused(2)
        assert "the benches cannot be built" in error


@pytest.mark.registry
def test_two_published_wheels(repository: Repository, tmp_path: Path) -> None:
    versions = [f"pypi:rust-just=={version}" for version in ("1.40.0", "1.42.0")]
    (tmp_path / "justfile").write_text("all:\n    @echo well\n")
    arguments = (*versions, "--bench", "list={bin} --list", *QUICK)
    result = repository.user.run("compare", *arguments, cwd=tmp_path)
    if result.code == 3 and "index cannot be reached" in result.err:
        pytest.skip(result.err.splitlines()[0])
    assert result.code == 0, result
    document = result.document
    assert row(document, "rust_just", "size.wheel")["base"] > 1 << 20
    assert row(document, "just", "size.file")["base"] > 1 << 20
    assert row(document, "list", "wall")["runs"] == 5
    assert json.loads(result.out)["base"] == versions[0]
