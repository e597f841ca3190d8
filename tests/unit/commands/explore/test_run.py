"""Explorations from a script."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import trimtab
from tests.fakes.cargo import Crate, FakeCargo
from tests.fakes.parts import RecordingProgress
from tests.fakes.runner import finished
from tests.unit.conftest import Shell
from trimtab.errors import InputError, NothingBuiltError
from trimtab.model.plan import Goal


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
            assert store.history()[0].failed == 1

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
