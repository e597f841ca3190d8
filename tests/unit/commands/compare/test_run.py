"""The parts behind ``trimtab compare``: what is run once more, what stops it, and revisions of a git that is played."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.cargo import MANIFEST, FakeCargo
from tests.fakes.runner import FakeRunner, finished
from tests.unit.commands.compare.test_command import by_length
from tests.unit.conftest import Shell
from trimtab.cargo.git import checkout, profile_names, revision_of
from trimtab.commands.compare.run import CompareContext, CompareRequest, run
from trimtab.errors import InputError, MissingError
from trimtab.experiment.exploration import Exploration
from trimtab.experiment.protocols import SilentProgress
from trimtab.experiment.sides import Candidate, Finder
from trimtab.measure.paired import RunOptions
from trimtab.measure.series import BenchRuns
from trimtab.model.comparison import Comparison, ComparisonRow, Mode, Verdict
from trimtab.model.layout import LayoutSpread
from trimtab.model.plan import Bench
from trimtab.system.paths import default_folders
from trimtab.system.process import Command, Finished

BENCH = Bench(name="check", command=("{bin}", "check"))
RULES = RunOptions(environment={}, runs=40)
COMMIT = "0123456789abcdef" * 2 + "01234567"
SPREADS = [
    LayoutSpread(
        subject="check", metric=metric, base=(0.0, 0.01), head=(0.0, 0.02), rounds=5, change=0.0, low=-0.02, high=0.02
    )
    for metric in ("wall", "cpu")
]


@pytest.fixture
def project(make_shell: Callable[[FakeCargo], Shell], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """Has a profile ``small`` with a smaller binary."""
    monkeypatch.setattr("trimtab.commands.compare.run.size_breakdown", by_length)
    manifest = MANIFEST + '\n[profile.small]\ninherits = "release"\nlto = "fat"\n'
    return make_shell(FakeCargo.with_project(tmp_path / "app", manifest))


def compared(
    shell: Shell, base: str = "release", head: str = "small", **request: Any
) -> tuple[Comparison, list[BenchRuns]]:
    asked = CompareRequest(**{"base": base, "head": head, "options": RULES, "benches": (BENCH,), **request})
    return run(asked, CompareContext(folders=default_folders(), runner=shell.cargo))


def timed(rows: tuple[ComparisonRow, ...]) -> list[ComparisonRow]:
    return [row for row in rows if row.metric in ("wall", "cpu")]


def benches_run(shell: Shell) -> int:
    return sum(line.endswith(" check") for line in shell.cargo.lines)


class TestLayouts:
    @pytest.fixture(autouse=True)
    def _lld(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("trimtab.commands.compare.run.find_lld", lambda *_: ())

    def spread(
        self, monkeypatch: pytest.MonkeyPatch, found: Callable[[], tuple[list[LayoutSpread], list[str]]]
    ) -> None:
        monkeypatch.setattr("trimtab.commands.compare.run.layout_spreads", lambda *_: found())

    def test_their_verdict_takes_the_place_of_the_two_programs(
        self, project: Shell, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.spread(monkeypatch, lambda: (SPREADS, ["a note"]))
        found, _ = compared(project, layouts=5)
        for row in timed(found.rows):
            assert (row.mode, row.verdict) == (Mode.LAYOUTS, Verdict.UNCLEAR)
            assert row.placement
            assert (row.placement.verdict, row.placement.layout_only) == (Verdict.IMPROVED, True)
        assert "a note" in found.notes
        assert found.headline.endswith("2 differ by layout only")

    def test_an_interrupt_keeps_what_the_two_programs_said(
        self, project: Shell, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def stop() -> Any:
            raise KeyboardInterrupt

        self.spread(monkeypatch, stop)
        found, _ = compared(project, layouts=5)
        assert {row.mode for row in timed(found.rows)} == {Mode.PAIRED}
        assert "layouts: interrupted before there were any" in found.notes

    def test_identical_programs_have_none(self, project: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
        self.spread(monkeypatch, pytest.fail)
        found, _ = compared(project, head=".", layouts=5)
        assert {row.verdict for row in found.rows} == {Verdict.IDENTICAL}
        assert benches_run(project) == 0

    def test_without_lld_nothing_is_run(self, project: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
        def missing(*_: object) -> None:
            raise MissingError("there is no lld to shuffle functions with")

        monkeypatch.setattr("trimtab.commands.compare.run.find_lld", missing)
        with pytest.raises(MissingError, match="no lld"):
            compared(project, layouts=5)
        assert benches_run(project) == 0


def finder(shell: Shell, **fields: Any) -> Finder:
    from contextlib import nullcontext

    return Finder(
        folders=default_folders(), runner=shell.cargo, scratch=shell.folder, project=shell.cargo.root,
        progress=lambda: nullcontext(SilentProgress()), **fields,
    )  # fmt: skip


class TestSources:
    def explored(self, shell: Shell, line: str) -> str:
        said = shell.trimtab(f"explore {line} --measure size --quiet")
        assert said.code == 0, said
        with shell.opened() as store:
            return store.load("last").id

    def sources(self, shell: Shell, word: str) -> tuple[Exploration, Candidate]:
        (side,) = finder(shell).find(word)
        exploration, profile = finder(shell).sources(side)
        assert side.trial
        assert profile == side.trial.profile
        return exploration, side

    def test_a_side_that_was_just_built_is_not_looked_for_again(self, project: Shell) -> None:
        (side,) = finder(project).find("small")
        assert finder(project).sources(side)[0] is side.exploration

    def test_those_of_a_trial_are_found_again(self, project: Shell) -> None:
        study = self.explored(project, "--axis lto=thin,fat --features a,b --no-default-features --profile profiling")
        exploration, side = self.sources(project, f"{study}:lto fat")
        assert side.study
        assert exploration.plan.selection == side.study.selection
        assert exploration.project.root == project.cargo.root

    def test_flags_of_a_trial_come_on_top_of_those_in_force(
        self, project: Shell, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("RUSTFLAGS", "--cfg in_force")
        study = self.explored(project, "--axis 'rustflags=none;--cfg=asked'")
        exploration, side = self.sources(project, f"{study}:rustflags --cfg=asked")
        assert side.trial
        assert side.trial.profile.rustflags == ("--cfg=asked",)
        assert exploration.rustflags == ("--cfg", "in_force")

    def test_edited_sources_are_refused(self, project: Shell) -> None:
        study = self.explored(project, "--axis lto=fat")
        (project.cargo.root / "src" / "main.rs").write_text("fn main() { todo!() }\n")
        with pytest.raises(InputError, match="have changed since it was built"):
            self.sources(project, f"{study}:today")

    def test_a_file_has_none(self, project: Shell) -> None:
        (project.folder / "tool").write_text("#!/bin/sh\n")
        (side,) = finder(project).find(str(project.folder / "tool"))
        with pytest.raises(InputError, match="comes without sources"):
            finder(project).sources(side)


class Git(FakeRunner):
    """A repository with one commit: a clone of it is a folder with a ``Cargo.toml``."""

    def __init__(self, top: Path) -> None:
        super().__init__()
        self.top = top
        self.fails: dict[str, Finished] = {}
        self.files = {"Cargo.toml": "[package]\n"}

    def otherwise(self, command: Command) -> Finished:
        assert not [name for name in command.environment if name.startswith("GIT_")]
        words = command.argv[1:]
        if words[0] in self.fails:
            return self.fails[words[0]]
        match words:
            case ("rev-parse", "--show-toplevel"):
                return finished(f"{self.top}\n")
            case ("rev-parse", "--git-path", "objects"):
                return finished(".git/objects\n")
            case ("rev-parse", "--verify", "--quiet", "main^{commit}"):
                return finished(f"{COMMIT}\n")
            case ("rev-parse", *_):
                return finished(exit_code=1)
            case ("clone", *_, draft):
                (Path(draft) / ".git" / "objects" / "info").mkdir(parents=True)
                return finished()
            case ("checkout", *_) if command.cwd:
                for name, text in self.files.items():
                    (command.cwd / name).parent.mkdir(parents=True, exist_ok=True)
                    (command.cwd / name).write_text(text)
                return finished()
            case ("submodule", *_):
                return finished()
        return super().otherwise(command)


ENVIRONMENT = {"PATH": "/bin", "GIT_DIR": "/elsewhere/.git", "GIT_WORK_TREE": "/elsewhere", "GIT_INDEX_FILE": "index"}


@pytest.fixture
def git(tmp_path: Path) -> Git:
    (tmp_path / "repository" / "sub").mkdir(parents=True)
    return Git(tmp_path / "repository")


class TestRevisions:
    def check_out(self, git: Git, folder: str = ".") -> Path:
        return checkout(git, COMMIT, git.top / folder, git.top.parent / "cache", ENVIRONMENT)

    def test_a_word_of_gits(self, git: Git) -> None:
        assert revision_of(git, "main", git.top, ENVIRONMENT) == COMMIT
        assert revision_of(git, "other", git.top, ENVIRONMENT) == ""

    def test_a_word_that_would_be_an_option_is_not_asked_for(self, git: Git) -> None:
        assert revision_of(git, "--git-dir=/x", git.top, ENVIRONMENT) == ""
        assert git.commands == []

    def test_without_git(self, git: Git) -> None:
        runner = FakeRunner().on("*", MissingError("cannot run 'git'"))
        assert revision_of(runner, "main", git.top, ENVIRONMENT) == ""

    def test_checked_out_once(self, git: Git) -> None:
        place = self.check_out(git)
        assert (place / "Cargo.toml").read_text() == "[package]\n"
        assert place.name == COMMIT
        before = len(git.lines)
        assert self.check_out(git) == place
        assert git.lines[before:] == ["git rev-parse --show-toplevel"]
        assert [path.name for path in place.parent.glob("[!.]*")] == [COMMIT]

    def test_two_repositories_lie_apart_at_paths_of_one_length(self, git: Git) -> None:
        first = self.check_out(git)
        git.top = git.top.rename(git.top.with_name("another-one"))
        second = self.check_out(git)
        assert first != second
        assert len(str(first)) == len(str(second))

    def test_a_project_below(self, git: Git) -> None:
        git.files = {"sub/Cargo.toml": "[package]\n"}
        assert self.check_out(git, "sub").parts[-2:] == (COMMIT, "sub")

    def test_a_revision_without_the_project(self, git: Git) -> None:
        with pytest.raises(InputError, match=r"there is no Cargo\.toml at 0123456789ab") as caught:
            self.check_out(git, "sub")
        assert caught.value.where == str(git.top / "sub")

    def test_submodules_are_checked_out_too(self, git: Git) -> None:
        git.files[".gitmodules"] = ""
        self.check_out(git)
        assert "git submodule --quiet update --init --recursive" in git.lines

    @pytest.mark.parametrize("step", ["clone", "checkout", "submodule"])
    def test_what_fails_leaves_nothing_behind(self, git: Git, step: str) -> None:
        git.files[".gitmodules"] = ""
        git.fails[step] = finished(stderr="fatal: the reason", exit_code=128)
        with pytest.raises(InputError, match="git cannot check this revision out: exit code 128: fatal: the reason"):
            self.check_out(git)
        assert not list((git.top.parent / "cache").rglob("Cargo.toml"))
        assert not list((git.top.parent / "cache").rglob(".draft-*"))

    def test_another_process_may_be_first(self, git: Git, monkeypatch: pytest.MonkeyPatch) -> None:
        original = git.otherwise

        def race(command: Command) -> Finished:
            if command.argv[1] == "checkout":
                place = next((git.top.parent / "cache").iterdir()) / COMMIT
                place.mkdir()
                (place / "Cargo.toml").write_text("[package]\n# theirs\n")
            return original(command)

        monkeypatch.setattr(git, "otherwise", race)
        assert (self.check_out(git) / "Cargo.toml").read_text() == "[package]\n# theirs\n"


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", set()),
        ('[profile.dist]\ninherits = "release"\n', {"dist"}),
        ("not TOML", set()),
        ("profile = 3\n", set()),
        (b"\xff", set()),
    ],
)
def test_profiles_are_cargos_own_and_those_of_the_file(tmp_path: Path, text: str | bytes, names: set[str]) -> None:
    manifest = tmp_path / "Cargo.toml"
    manifest.write_bytes(text if isinstance(text, bytes) else text.encode())
    assert profile_names(manifest) == {"dev", "release", "test", "bench", *names}
    assert profile_names(tmp_path / "gone") == {"dev", "release", "test", "bench"}


def test_a_profile_goes_before_a_branch_of_its_name(project: Shell) -> None:
    project.cargo.on("git rev-parse --verify *", finished(f"{COMMIT}\n"))
    (side,) = finder(project).find("release")
    assert side.name == "release"
    assert side.exploration
    assert side.exploration.project.root == project.cargo.root
