"""Explorations from a script."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

import trimtab
from tests.fakes.cargo import MANIFEST, Crate, FakeCargo
from tests.fakes.parts import RecordingProgress
from tests.fakes.runner import finished
from tests.unit.conftest import Shell
from trimtab.commands.apply.run import prepare_application, write
from trimtab.errors import InputError, NothingBuiltError
from trimtab.model.plan import Goal
from trimtab.model.study import Study


class TestExplore:
    def test_takes_plain_values_and_gives_a_study(self, shell: Shell) -> None:
        progress = RecordingProgress()
        study = trimtab.explore(
            shell.cargo.root,
            axes={"lto": ["thin", True], "codegen-units": [16, 1]},
            benches={"check": "{bin} check x"},
            goal="size",
            limits={"build": "5x"},
            measure=["size", "build", "run"],
            bench_time=0.1,
            store=shell.folder / "mine.db",
            progress=progress,
        )
        assert [trial.profile.lto for trial in study.trials] == ["thin", "thin", "fat", "fat"]
        assert (study.goal, study.limits.build) == (Goal.SIZE, 5.0)
        assert study.trials[0].get("run.check.wall") is not None
        assert progress.events[0] == f"begin {study.id} 4"
        recommendation = trimtab.answer(study).recommendation
        assert recommendation is not None
        assert recommendation.goal is Goal.SIZE

    def test_a_repeated_call_measures_nothing_twice(self, shell: Shell) -> None:
        first = trimtab.explore(shell.cargo.root, axes={"lto": ["fat"]}, measure=["size"])
        commands = len([line for line in shell.cargo.lines if line.startswith("cargo build --verbose")])
        again = trimtab.explore(shell.cargo.root, axes={"lto": ["fat"]}, measure=["size"])
        assert again.trials == first.trials
        assert len([line for line in shell.cargo.lines if line.startswith("cargo build --verbose")]) == commands

    @pytest.mark.parametrize(
        ("arguments", "what"),
        [
            ({"goal": "tiny"}, "'tiny' is not known"),
            ({"measure": ["weight"]}, "'weight' is not known"),
            ({"axes": {"ltoo": ["fat"]}}, "there is no axis 'ltoo'"),
            ({"axes": {"lto": ["fast"]}}, "'fast' is not a value of the axis lto"),
            ({"benches": {"check": "ls"}}, "does not run"),
            ({"limits": {"build": "fast"}}, "'fast' is not a limit"),
        ],
    )
    def test_wrong_arguments_are_the_callers(self, shell: Shell, arguments: dict[str, object], what: str) -> None:
        with pytest.raises(InputError, match=what):
            trimtab.explore(shell.cargo.root, **arguments)  # type: ignore[arg-type]

    def test_when_nothing_can_be_built_the_failures_are_kept(self, shell: Shell) -> None:
        shell.cargo.on("cargo build --verbose*", finished(stderr="error[E0425]: cannot find `x`\n", exit_code=101))
        with pytest.raises(NothingBuiltError, match="cannot find `x`"):
            trimtab.explore(shell.cargo.root, axes={"lto": ["fat"]})
        with shell.opened() as store:
            assert store.history()[0].failed == 2

    @pytest.mark.parametrize("choose", [{"bins": ["sort"]}, {"packages": ["sort"]}])
    def test_the_binary_can_be_chosen(
        self, make_shell: Callable[[FakeCargo], Shell], tmp_path: Path, choose: dict[str, list[str]]
    ) -> None:
        crates = (
            Crate(name="find", binaries=("find",), folder="find"),
            Crate(name="sort", binaries=("sort",), folder="sort"),
        )
        shell = make_shell(FakeCargo.with_project(tmp_path / "work", crates=crates))
        study = trimtab.explore(shell.cargo.root, axes={"lto": ["fat"]}, measure=["size"], **choose)  # type: ignore[arg-type]
        assert study.project.binaries == ("sort",)


class TestApplying:
    def explored(self, shell: Shell) -> Study:
        return trimtab.explore(shell.cargo.root, axes={"lto": ["fat"]}, measure=["size", "build"])

    def test_a_file_that_changed_meanwhile_is_left_alone(self, shell: Shell) -> None:
        study = self.explored(shell)
        application = prepare_application(study, study.trials[1], {})
        manifest = shell.cargo.root / "Cargo.toml"
        manifest.write_text(MANIFEST + "# mine\n")
        with pytest.raises(InputError, match="changed while the change was being shown"):
            write(application)
        assert manifest.read_text() == MANIFEST + "# mine\n"

    def test_a_published_crate_cannot_be_edited(self, shell: Shell) -> None:
        study = self.explored(shell)
        published = replace(study, project=replace(study.project, root="crate:hexyl@0.16.0"))
        with pytest.raises(InputError, match="is a published crate"):
            prepare_application(published, study.trials[1], {})

    def test_a_write_that_fails_leaves_the_old_text_and_no_draft(
        self, shell: Shell, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        study = self.explored(shell)
        application = prepare_application(study, study.trials[1], {})

        def full(*_: object) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("os.fsync", full)
        with pytest.raises(InputError, match="cannot be written: No space left on device"):
            write(application)
        assert (shell.cargo.root / "Cargo.toml").read_text() == MANIFEST
        assert [path.name for path in shell.cargo.root.iterdir() if path.name.startswith(".Cargo")] == []

    def test_an_interrupt_while_cargo_is_asked_puts_the_old_text_back(self, shell: Shell) -> None:
        study = self.explored(shell)
        application = prepare_application(study, study.trials[1], {})

        def interrupt(_: object) -> None:
            raise KeyboardInterrupt

        shell.cargo.on("cargo build -Z*--unit-graph*", interrupt)  # type: ignore[arg-type]
        with pytest.raises(KeyboardInterrupt):
            write(application)
        assert (shell.cargo.root / "Cargo.toml").read_text() == MANIFEST

    def test_the_file_keeps_its_permissions_and_a_link_stays_a_link(self, shell: Shell) -> None:
        manifest, real = shell.cargo.root / "Cargo.toml", shell.folder / "real.toml"
        manifest.rename(real)
        manifest.symlink_to(real)
        real.chmod(0o640)
        study = self.explored(shell)
        write(prepare_application(study, study.trials[1], {}))
        assert manifest.is_symlink()
        assert real.stat().st_mode & 0o777 == 0o640
        assert 'lto = "fat"' in real.read_text()
