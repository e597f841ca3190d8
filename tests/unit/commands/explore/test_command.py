"""``trimtab explore`` from its line to its output, on a project that a fake Cargo "builds"."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.cargo import MANIFEST, Crate, FakeCargo
from tests.fakes.runner import finished
from tests.unit.commands.exploring import EXPLORE, builds, study
from tests.unit.conftest import Shell
from tests.unit.test_schemas import validator
from trimtab.errors import MissingError
from trimtab.model.trial import Trial
from trimtab.system.process import Command, Finished

MakeShell = Callable[[FakeCargo], Shell]


class TestExplore:
    def test_measures_recommends_and_stores(self, shell: Shell) -> None:
        said = shell.trimtab(f"{EXPLORE} --measure size,build")
        assert said.code == 0
        assert "app: 2 of 2 profiles, today's release first" in said.out
        assert "For the goal balanced: take lto fat" in said.out
        assert "trimtab apply app-" in said.out
        assert "lto fat: 1000 B, took" in said.err
        with shell.opened() as opened:
            (kept,) = opened.history()
        assert (kept.project, kept.trials, kept.planned, kept.failed) == ("app", 2, 2, 0)

    def test_the_document(self, shell: Shell) -> None:
        found = study(shell, EXPLORE)
        today, fat = found["trials"]
        assert today["id"] == found["baseline"]
        assert (today["profile"]["lto"], fat["profile"]["lto"]) == ("thin", "fat")
        assert set(fat["metrics"]) >= {
            "build.clean.cpu", "build.clean.wall", "build.peak_memory", "build.touch.wall", "size.file",
            "size.stripped", "size.gzip", "size.xz", "run.startup.wall", "run.startup.instructions",
        }  # fmt: skip
        assert (fat["metrics"]["size.file"]["value"], fat["metrics"]["size.stripped"]["value"]) == (1000, 500)
        assert fat["metrics"]["run.startup.wall.ratio"]["value"] == pytest.approx(1000 / 1100)
        assert fat["effect"][0]["lto"] == "fat"
        assert [effect["warnings"] for effect in fat["effect"]] == [[]]
        assert found["recommendation"]["trial"] == fat["id"]
        assert found["command"] == "trimtab explore --axis lto=thin,fat --json --quiet"
        assert found["toolchain"]["rustc"] == "rustc 1.95.0 (59807616e)"

    def test_the_document_is_there_when_nothing_could_be_built(self, shell: Shell) -> None:
        shell.cargo.on("cargo build --verbose*", finished(stderr="error[E0425]: cannot find `x`\n", exit_code=101))
        said = shell.trimtab(f"{EXPLORE} --measure size --json --quiet")
        assert said.code == 4
        assert "nothing can be compared" in said.errors[0]
        document = json.loads(said.out)
        validator("study").validate(document)
        assert {trial["status"] for trial in document["trials"]} == {"failed"}

    def test_again_builds_nothing(self, shell: Shell) -> None:
        first = study(shell, EXPLORE)
        before = builds(shell)
        assert study(shell, EXPLORE)["trials"] == first["trials"]
        assert builds(shell) == before == 4  # a clean build and a touch each
        assert study(shell, f"{EXPLORE} --fresh")["id"] != first["id"]
        assert builds(shell) == 8

    def test_a_bench_is_run_and_judged(self, shell: Shell) -> None:
        found = study(shell, f"{EXPLORE} --bench 'check={{bin}} check x' --bench-time 1s")
        assert "runtime was not judged" not in " ".join(found["recommendation"]["caveats"])
        assert found["trials"][1]["metrics"]["run.check.wall"]["value"] == pytest.approx(1.0)
        assert any(line.endswith("app check x") for line in shell.cargo.lines)

    def test_a_bench_that_fails_keeps_what_was_built(self, shell: Shell) -> None:
        shell.cargo.program["check x"] = finished(stderr="x: no such file", exit_code=1)
        said = shell.trimtab(f"{EXPLORE} --bench 'check={{bin}} check x' --quiet")
        assert said.code == 2
        assert said.errors == [
            "error: the bench 'check' fails with today's binary: exit code 1: x: no such file",
            "  in: {bin} check x",
            said.errors[-1],
        ]
        assert "what was built is kept" in said.errors[-1]
        study(shell, f"{EXPLORE} --bench 'check={{bin}} check y'")
        assert builds(shell) == 4

    def test_settings_come_from_the_file_and_the_line_wins(self, shell: Shell) -> None:
        (shell.cargo.root / "trimtab.toml").write_text(
            '[space]\nlto = ["off"]\ngoal = "size"\n[measure]\nprobes = ["size", "build"]\n[limits]\nbuild = "9x"\n'
        )
        found = study(shell, "explore")
        assert [trial["profile"]["lto"] for trial in found["trials"]] == ["thin", "off"]
        assert found["recommendation"]["goal"] == "size"
        assert "build CPU ≤ 9× today's" in found["recommendation"]["rule"]
        assert "build.touch.wall" not in found["trials"][0]["metrics"]
        found = study(shell, "explore --axis lto=fat --goal speed --measure build --limit build=3x")
        assert [trial["profile"]["lto"] for trial in found["trials"]] == ["thin", "fat"]
        assert found["recommendation"]["goal"] == "speed"
        assert "build CPU ≤ 3× today's" in found["recommendation"]["rule"]

    def test_a_bench_added_in_the_file_builds_nothing(self, shell: Shell) -> None:
        study(shell, EXPLORE)
        (shell.cargo.root / "trimtab.toml").write_text('[[bench]]\nname = "check"\ncommand = "{bin} check x"\n')
        found = study(shell, EXPLORE)
        assert builds(shell) == 4
        assert "run.check.wall" in found["trials"][1]["metrics"]

    def test_the_default_space_surrounds_today(self, shell: Shell) -> None:
        found = study(shell, "explore --measure size")
        assert len(found["trials"]) == found["planned"] == 12
        assert found["trials"][0]["label"] == "today"

    def test_options_reach_cargo(self, shell: Shell) -> None:
        line = "explore --axis codegen-units=1 --features 'a,b c' --no-default-features --jobs 2 --profile profiling"
        study(shell, f"{line} --measure size")
        last = next(line for line in reversed(shell.cargo.lines) if line.startswith("cargo build --verbose"))
        for words in (
            "--profile profiling --bin app --features a,b,c --no-default-features",
            "--jobs 2",
            "--config profile.profiling.codegen-units=1",
            "--frozen",
        ):
            assert words in last

    def test_a_dry_run_as_json(self, shell: Shell) -> None:
        study(shell, f"{EXPLORE} --measure size")
        plan = json.loads(shell.trimtab(f"{EXPLORE} --measure size --dry-run --json").out)
        validator("plan").validate(plan)
        assert [(one["label"], one["known"]) for one in plan["profiles"]][:2] == [("today", True), ("lto fat", True)]

    def test_verbose_prints_what_is_run(self, shell: Shell) -> None:
        assert any(
            line.startswith("$ cargo fetch")
            for line in shell.trimtab(f"{EXPLORE} --dry-run --verbose").err.splitlines()
        )

    def test_a_dry_run_builds_nothing_and_says_what_is_known(self, shell: Shell) -> None:
        said = shell.trimtab(f"{EXPLORE} --axis 'rustflags=none;--cfg=[x]' --dry-run")
        assert said.code == 0
        lines = said.out.splitlines()
        assert lines[0] == "app: 4 profiles of 1 units each"
        assert "  rustflags '--cfg=[x]'" in lines
        assert lines[-1].startswith("about ")
        assert lines[-1].endswith("(rule of thumb for 1 compilation units)")
        assert builds(shell) == 0
        study(shell, EXPLORE)
        known = shell.trimtab(f"{EXPLORE} --axis codegen-units=16,1 --dry-run").out.splitlines()
        assert known[1:3] == ["  today (known already)", "  codegen-units 1"]
        assert known[-1].endswith("(2 earlier trials of this project)")

    def test_a_failure_is_a_row_and_the_rest_goes_on(self, shell: Shell) -> None:
        shell.cargo.failing["lto=fat"] = finished(stderr="error[E0425]: cannot find value `x`\n", exit_code=101)
        said = shell.trimtab(f"{EXPLORE} --axis codegen-units=16,1 --measure size,build")
        assert said.code == 0
        assert "failed: lto fat: compiler: error[E0425]: cannot find value `x`" in said.out
        assert "2 of 4 profiles could not be built" in said.out

    def test_when_nothing_can_be_built_the_exit_code_says_so(self, shell: Shell) -> None:
        shell.cargo.on(
            "cargo build --verbose*", finished(stderr="error[E0425]: cannot find value `x`\n", exit_code=101)
        )
        said = shell.trimtab(f"{EXPLORE} --quiet")
        assert said.code == 4
        assert said.errors[0].startswith("error: today's profile could not be built, so nothing can be compared: ")
        assert said.errors[0].endswith("error[E0425]: cannot find value `x`")
        assert len(said.errors) == 2
        assert "1 of 2 profiles" in shell.trimtab("show").out

    def test_ctrl_c_keeps_what_was_measured(self, shell: Shell) -> None:
        def interrupt(_: object) -> Any:
            raise KeyboardInterrupt

        shell.cargo.on("cargo build --verbose*lto=*fat*", interrupt)
        said = shell.trimtab(f"{EXPLORE} --quiet")
        assert said.code == 130
        assert said.errors == ["error: interrupted", "  do: what was finished is kept; run it again to go on"]
        assert "app: 1 of 2 profiles" in shell.trimtab("show").out

    def test_edited_sources_stop_it(self, shell: Shell) -> None:
        source = shell.cargo.root / "src" / "main.rs"

        def edit(_: object) -> Any:
            source.write_text("fn main() { todo!() }\n")
            return finished(stderr="", exit_code=101)

        shell.cargo.on("cargo build --verbose*lto=*fat*", edit)
        said = shell.trimtab(f"{EXPLORE} --quiet")
        assert said.code == 2
        assert said.errors[0] == "error: the sources changed while they were being measured"
        assert said.errors[1] == f"  in: {source}"

    def test_the_project_is_left_as_it_was(self, shell: Shell) -> None:
        def snapshot() -> dict[Path, tuple[bytes, int]]:
            files = (path for path in shell.cargo.root.rglob("*") if path.is_file())
            return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in files}

        before = snapshot()
        study(shell, f"{EXPLORE} --bench 'check={{bin}} x'")
        assert snapshot() == before
        assert not list((shell.folder / "cache").rglob("target"))

    def test_several_binaries_must_be_chosen_from(self, make_shell: MakeShell, tmp_path: Path) -> None:
        crates = (
            Crate(name="find", binaries=("find", "sort"), folder="find"),
            Crate(name="serve", binaries=("serve",), folder="serve"),
        )
        shell = make_shell(FakeCargo.with_project(tmp_path / "work", crates=crates))
        said = shell.trimtab("explore")
        assert said.code == 2
        assert said.errors[0] == "error: several binaries and none chosen: find, sort, serve"
        assert "--bin NAME" in said.errors[-1]
        found = study(shell, f"{EXPLORE} --bin sort --measure size")
        assert found["project"]["binaries"] == ["sort"]
        found = study(shell, f"{EXPLORE} --bins --measure size,build")
        metrics = found["trials"][0]["metrics"]
        assert metrics["size.file"]["value"] == 3 * metrics["size.file[sort]"]["value"]
        shell.trimtab("show last")
        assert "binary by binary" in shell.trimtab("show last").out

    def test_without_a_lock_file_only_cargo_sees_one(self, shell: Shell) -> None:
        (shell.cargo.root / "Cargo.lock").unlink()

        def mounted(command: Command) -> Finished:
            inner = command.argv[next(at for at, word in enumerate(command.argv) if word in ("cargo", "test")) :]
            if inner == ("cargo", "fetch"):
                upper = next(word for word in command.argv if word.startswith("lowerdir="))
                folder = upper.partition("upperdir=")[2].partition(",")[0]
                (Path(folder) / "Cargo.lock").write_text("version = 4\n")
                return finished()
            return finished() if inner[0] == "test" else shell.cargo.otherwise(replace(command, argv=inner))

        shell.cargo.on("unshare *", mounted)
        found = study(shell, f"{EXPLORE} --measure size")
        assert "there is no Cargo.lock: one was made outside of the tree" in found["notes"][0]
        assert found["project"]["root"] == str(shell.cargo.root)
        assert not (shell.cargo.root / "Cargo.lock").exists()
        assert {command.cwd for command in shell.cargo.commands if "build" in command.argv} == {shell.cargo.root}

    def test_without_a_lock_file_and_without_an_overlay_it_is_refused(self, shell: Shell) -> None:
        (shell.cargo.root / "Cargo.lock").unlink()
        shell.cargo.on("unshare *", finished(exit_code=1))
        result = shell.trimtab(EXPLORE)
        assert result.code == 2
        assert "run `cargo generate-lockfile` there" in result.err

    def test_for_another_system_it_is_weighed_and_not_run(self, shell: Shell) -> None:
        self.builds_for(shell, "wasm32-wasip1")
        found = study(shell, f"{EXPLORE} --measure size,run")
        assert found["project"]["target"] == found["trials"][0]["target"] == "wasm32-wasip1"
        assert "not for wasm32-wasip1" in found["trials"][0]["absent"]["run.startup.wall"]
        assert not [line for line in shell.cargo.lines if line.endswith("--version") and "app" in line.split("/")[-1]]

    def test_of_several_targets_one_must_be_chosen(self, shell: Shell) -> None:
        self.builds_for(shell, "x86_64-unknown-linux-gnu", "x86_64-unknown-linux-musl")
        result = shell.trimtab(EXPLORE)
        assert result.code == 2
        assert "several targets: x86_64-unknown-linux-gnu, x86_64-unknown-linux-musl" in result.err
        assert 'target = "x86_64-unknown-linux-gnu" under [project]' in result.err
        (shell.cargo.root / "trimtab.toml").write_text('[project]\ntarget = "x86_64-unknown-linux-gnu"\n')
        assert study(shell, f"{EXPLORE} --measure size")["project"]["target"] == "x86_64-unknown-linux-gnu"
        (first, *_) = [line for line in shell.cargo.lines if line.startswith("cargo build --verbose")]
        assert "--target x86_64-unknown-linux-gnu" in first

    @staticmethod
    def builds_for(shell: Shell, *targets: str) -> None:
        """Cargo is configured to build for some targets, unless it is told one."""

        def planned(command: Command) -> Finished:
            graph = json.loads(shell.cargo.otherwise(command).stdout)
            argv = command.argv
            chosen = (argv[argv.index("--target") + 1],) if "--target" in argv else targets
            units = [{**unit, "platform": target} for unit in graph["units"] for target in chosen]
            return finished(json.dumps({**graph, "units": units, "roots": list(range(len(units)))}))

        shell.cargo.on("cargo build -Z*--unit-graph*", planned)

    def test_a_compiler_cache_is_turned_off_and_told(self, shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("RUSTC_WRAPPER", "sccache")
        found = study(shell, f"{EXPLORE} --measure size")
        assert found["notes"][0] == "sccache was turned off, so that no build is faked by a cache"
        (build, *_) = [
            command for command in shell.cargo.commands if command.argv[:3] == ("cargo", "build", "--verbose")
        ]
        assert Path(build.environment["RUSTC_WRAPPER"]).name == "trimtab-rustc"

    @pytest.mark.parametrize(
        ("answer", "code", "first"),
        [
            (MissingError("cannot run 'cargo'"), 3, "error: there is no cargo on PATH"),
            (
                finished(stderr="error: no override and no default toolchain set", exit_code=1),
                3,
                "error: cargo does not work: no override",
            ),
        ],
    )
    def test_without_cargo(self, shell: Shell, answer: Any, code: int, first: str) -> None:
        shell.cargo.on("cargo -V", answer)
        said = shell.trimtab("explore")
        assert said.code == code
        assert said.errors[0].startswith(first)
        assert "rustup.rs" in said.errors[-1]

    def test_no_project(self, shell: Shell, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        (tmp_path / "empty").mkdir()
        monkeypatch.chdir(tmp_path / "empty")
        said = shell.trimtab("explore")
        assert said.code == 2
        assert said.errors[0] == "error: no Cargo.toml"

    def test_a_store_that_is_none(self, shell: Shell) -> None:
        said = shell.trimtab("explore --store Cargo.toml")
        assert said.code == 2
        assert said.errors[0].startswith("error: this is not a store")
        assert (shell.cargo.root / "Cargo.toml").read_text() == MANIFEST

    def test_the_same_exploration_twice_at_once_is_refused(self, shell: Shell) -> None:
        seen: list[Any] = []

        def again(_: object) -> Any:
            seen.append(shell.trimtab(f"{EXPLORE} --measure size"))
            return finished(stderr="error", exit_code=101)

        shell.cargo.on("cargo build --verbose*lto=*fat*", again)
        shell.trimtab(f"{EXPLORE} --measure size --quiet")
        (said,) = seen
        assert said.code == 2
        assert "is being explored already" in said.errors[0]

    def test_a_budget_leaves_the_rest_for_later(self, shell: Shell) -> None:
        found = study(shell, "explore --measure size --budget 0.000001s")
        assert len(found["trials"]) == 1
        assert "11 of 12 profiles have not been tried" in found["recommendation"]["caveats"]


class TestStore:
    def test_a_store_of_ones_own(self, shell: Shell) -> None:
        study(shell, f"{EXPLORE} --measure size --store mine.db")
        assert json.loads(shell.trimtab("history --json").out)["studies"] == []
        assert len(json.loads(shell.trimtab("history --json --store mine.db").out)["studies"]) == 1
        assert (shell.cargo.root / "mine.db.artifacts").is_dir()


def test_a_kept_trial_knows_its_binary(shell: Shell) -> None:
    study(shell, f"{EXPLORE} --measure size")
    with shell.opened() as opened:
        trials: tuple[Trial, ...] = opened.load("last").trials
    for trial in trials:
        assert Path(trial.artifacts[0].path).stat().st_size == trial.artifacts[0].size


class TestGoals:
    def test_another_goal_is_another_study_of_the_same_trials(self, shell: Shell) -> None:
        size = study(shell, f"{EXPLORE} --measure size --goal size")
        before = builds(shell)
        build = study(shell, f"{EXPLORE} --measure size --goal build")
        assert (build["id"] != size["id"], build["trials"] == size["trials"], builds(shell)) == (True, True, before)
