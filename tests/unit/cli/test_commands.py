"""Every command from its line to its output, on a project that a fake Cargo "builds"."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.cargo import MANIFEST, Crate, FakeCargo
from tests.fakes.runner import finished
from tests.fakes.values import a_full_study
from tests.unit.conftest import Said, Shell
from tests.unit.test_schemas import validator
from trimtab.commands.doctor.run import doctor
from trimtab.errors import MissingError
from trimtab.model.trial import Trial

MakeShell = Callable[[FakeCargo], Shell]
FAT = "explore --axis lto=thin,fat"


def study(shell: Shell, line: str) -> Any:
    """The document that a command prints, checked against its schema."""
    said = shell.trimtab(f"{line} --json --quiet")
    assert (said.code, said.err) == (0, "")
    document = json.loads(said.out)
    validator("study").validate(document)
    return document


def builds(shell: Shell) -> int:
    return sum(line.startswith("cargo build --verbose") for line in shell.cargo.lines)


class TestExplore:
    def test_measures_recommends_and_stores(self, shell: Shell) -> None:
        said = shell.trimtab(f"{FAT} --measure size,build")
        assert said.code == 0
        assert "app: 2 of 2 profiles, today's release first" in said.out
        assert "For the goal balanced: take lto fat" in said.out
        assert "trimtab apply app-" in said.out
        assert "lto fat: 1000 B, took" in said.err
        with shell.opened() as opened:
            (kept,) = opened.history()
        assert (kept.project, kept.trials, kept.planned, kept.failed) == ("app", 2, 2, 0)

    def test_the_document(self, shell: Shell) -> None:
        found = study(shell, FAT)
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
        said = shell.trimtab(f"{FAT} --measure size --json --quiet")
        assert said.code == 4
        assert "no profile could be built" in said.errors[0]
        document = json.loads(said.out)
        validator("study").validate(document)
        assert {trial["status"] for trial in document["trials"]} == {"failed"}

    def test_again_builds_nothing(self, shell: Shell) -> None:
        first = study(shell, FAT)
        before = builds(shell)
        assert study(shell, FAT)["trials"] == first["trials"]
        assert builds(shell) == before == 4  # a clean build and a touch each
        assert study(shell, f"{FAT} --fresh")["id"] != first["id"]
        assert builds(shell) == 8

    def test_a_bench_is_run_and_judged(self, shell: Shell) -> None:
        found = study(shell, f"{FAT} --bench 'check={{bin}} check x' --bench-time 1s")
        assert "runtime was not judged" not in " ".join(found["recommendation"]["caveats"])
        assert found["trials"][1]["metrics"]["run.check.wall"]["value"] == pytest.approx(1.0)
        assert any(line.endswith("app check x") for line in shell.cargo.lines)

    def test_a_bench_that_fails_keeps_what_was_built(self, shell: Shell) -> None:
        shell.cargo.program["check x"] = finished(stderr="x: no such file", exit_code=1)
        said = shell.trimtab(f"{FAT} --bench 'check={{bin}} check x' --quiet")
        assert said.code == 2
        assert said.errors == [
            "error: the bench 'check' fails with today's binary: exit code 1: x: no such file",
            "  in: {bin} check x",
            said.errors[-1],
        ]
        assert "what was built is kept" in said.errors[-1]
        study(shell, f"{FAT} --bench 'check={{bin}} check y'")
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
        study(shell, FAT)
        (shell.cargo.root / "trimtab.toml").write_text('[[bench]]\nname = "check"\ncommand = "{bin} check x"\n')
        found = study(shell, FAT)
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
            "--profile profiling --package app --bin app --features a,b,c --no-default-features",
            "--jobs 2",
            "--config profile.profiling.codegen-units=1",
            "--frozen",
        ):
            assert words in last

    def test_a_dry_run_as_json(self, shell: Shell) -> None:
        study(shell, f"{FAT} --measure size")
        plan = json.loads(shell.trimtab(f"{FAT} --measure size --dry-run --json").out)
        validator("plan").validate(plan)
        assert [(one["label"], one["known"]) for one in plan["profiles"]][:2] == [("today", True), ("lto fat", True)]

    def test_verbose_prints_what_is_run(self, shell: Shell) -> None:
        assert any(
            line.startswith("$ cargo fetch") for line in shell.trimtab(f"{FAT} --dry-run --verbose").err.splitlines()
        )

    def test_a_dry_run_builds_nothing_and_says_what_is_known(self, shell: Shell) -> None:
        said = shell.trimtab(f"{FAT} --axis 'rustflags=none;--cfg=[x]' --dry-run")
        assert said.code == 0
        lines = said.out.splitlines()
        assert lines[0] == "app: 4 profiles of 1 units each"
        assert "  rustflags '--cfg=[x]'" in lines
        assert lines[-1].startswith("about ")
        assert lines[-1].endswith("(rule of thumb for 1 compilation units)")
        assert builds(shell) == 0
        study(shell, FAT)
        known = shell.trimtab(f"{FAT} --axis codegen-units=16,1 --dry-run").out.splitlines()
        assert known[1:3] == ["  today (known already)", "  codegen-units 1"]
        assert known[-1].endswith("(2 earlier trials of this project)")

    def test_a_failure_is_a_row_and_the_rest_goes_on(self, shell: Shell) -> None:
        shell.cargo.failing["lto=fat"] = finished(stderr="error[E0425]: cannot find value `x`\n", exit_code=101)
        said = shell.trimtab(f"{FAT} --axis codegen-units=16,1 --measure size,build")
        assert said.code == 0
        assert "failed: lto fat: compiler: error[E0425]: cannot find value `x`" in said.out
        assert "2 of 4 profiles could not be built" in said.out

    def test_when_nothing_can_be_built_the_exit_code_says_so(self, shell: Shell) -> None:
        shell.cargo.on(
            "cargo build --verbose*", finished(stderr="error[E0425]: cannot find value `x`\n", exit_code=101)
        )
        said = shell.trimtab(f"{FAT} --quiet")
        assert said.code == 4
        assert said.errors[0] == "error: no profile could be built: error[E0425]: cannot find value `x`"
        assert len(said.errors) == 2
        assert "2 of 2 profiles" in shell.trimtab("show").out

    def test_ctrl_c_keeps_what_was_measured(self, shell: Shell) -> None:
        def interrupt(_: object) -> Any:
            raise KeyboardInterrupt

        shell.cargo.on("cargo build --verbose*lto=*fat*", interrupt)
        said = shell.trimtab(f"{FAT} --quiet")
        assert said.code == 130
        assert said.errors == ["error: interrupted", "  do: what was finished is kept; run it again to go on"]
        assert "app: 1 of 2 profiles" in shell.trimtab("show").out

    def test_edited_sources_stop_it(self, shell: Shell) -> None:
        source = shell.cargo.root / "src" / "main.rs"

        def edit(_: object) -> Any:
            source.write_text("fn main() { todo!() }\n")
            return finished(stderr="", exit_code=101)

        shell.cargo.on("cargo build --verbose*lto=*fat*", edit)
        said = shell.trimtab(f"{FAT} --quiet")
        assert said.code == 2
        assert said.errors[0] == "error: the sources changed while they were being measured"
        assert said.errors[1] == f"  in: {source}"

    def test_the_project_is_left_as_it_was(self, shell: Shell) -> None:
        def snapshot() -> dict[Path, tuple[bytes, int]]:
            files = (path for path in shell.cargo.root.rglob("*") if path.is_file())
            return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in files}

        before = snapshot()
        study(shell, f"{FAT} --bench 'check={{bin}} x'")
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
        found = study(shell, f"{FAT} --bin sort --measure size")
        assert found["project"]["binaries"] == ["sort"]
        found = study(shell, f"{FAT} --bins --measure size,build")
        metrics = found["trials"][0]["metrics"]
        assert metrics["size.file"]["value"] == 3 * metrics["size.file[sort]"]["value"]
        shell.trimtab("show last")
        assert "binary by binary" in shell.trimtab("show last").out

    def test_without_a_lock_file_a_copy_is_measured(self, shell: Shell) -> None:
        (shell.cargo.root / "Cargo.lock").unlink()
        original = shell.cargo.root

        def copied(command: Any) -> Any:
            shell.cargo.root = Path(command.argv[command.argv.index("--manifest-path") + 1]).parent
            return finished(json.dumps(shell.cargo._metadata()))

        shell.cargo.on("cargo metadata --no-deps *", copied)
        found = study(shell, f"{FAT} --measure size")
        assert "a copy of the project was locked and measured" in found["notes"][0]
        assert found["project"]["root"] == str(original)
        assert not (original / "Cargo.lock").exists()
        assert shell.cargo.root != original

    def test_a_compiler_cache_is_turned_off_and_told(self, shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("RUSTC_WRAPPER", "sccache")
        found = study(shell, f"{FAT} --measure size")
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
            seen.append(shell.trimtab(f"{FAT} --measure size"))
            return finished(stderr="error", exit_code=101)

        shell.cargo.on("cargo build --verbose*lto=*fat*", again)
        shell.trimtab(f"{FAT} --measure size --quiet")
        (said,) = seen
        assert said.code == 2
        assert "is being explored already" in said.errors[0]

    def test_a_budget_leaves_the_rest_for_later(self, shell: Shell) -> None:
        found = study(shell, "explore --measure size --budget 0.000001s")
        assert len(found["trials"]) == 1
        assert "11 of 12 profiles have not been tried" in found["recommendation"]["caveats"]


class TestLooking:
    def test_show_prints_what_explore_printed(self, shell: Shell) -> None:
        explored = shell.trimtab(f"{FAT} --measure size,build")
        shown = shell.trimtab("show")
        assert (shown.code, shown.out) == (0, explored.out)
        study_id = study(shell, "show")["id"]
        assert shell.trimtab(f"show {study_id}").out == explored.out

    def test_history(self, shell: Shell) -> None:
        assert "study" in shell.trimtab("history").out
        study(shell, f"{FAT} --measure size")
        said = shell.trimtab("history")
        assert "2 of 2" in said.out
        document = json.loads(shell.trimtab("history --json").out)
        validator("history").validate(document)
        assert [one["trials"] for one in document["studies"]] == [2]

    def test_a_store_of_ones_own(self, shell: Shell) -> None:
        study(shell, f"{FAT} --measure size --store mine.db")
        assert json.loads(shell.trimtab("history --json").out)["studies"] == []
        assert len(json.loads(shell.trimtab("history --json --store mine.db").out)["studies"]) == 1
        assert (shell.cargo.root / "mine.db.artifacts").is_dir()


class TestInit:
    def test_writes_what_it_shows_and_never_over_a_file(self, shell: Shell) -> None:
        shown = shell.trimtab("init --dry-run").out
        place = shell.cargo.root / "trimtab.toml"
        assert not place.exists()
        assert 'bin = "app"' in shown
        assert "lto = thin" in shown
        assert shell.trimtab("init").out == shown == place.read_text()
        place.write_text("# mine\n")
        said = shell.trimtab("init")
        assert said.code == 2
        assert said.errors[0] == "error: there is a trimtab.toml already"
        assert place.read_text() == "# mine\n"

    def test_without_a_lock_file_it_says_what_to_do(self, shell: Shell) -> None:
        (shell.cargo.root / "Cargo.lock").unlink()
        said = shell.trimtab("init")
        assert said.code == 2
        assert "cargo generate-lockfile" in said.errors[-1]


class TestDoctor:
    def doctor(self, shell: Shell, monkeypatch: pytest.MonkeyPatch, which: Callable[[str], str | None]) -> Said:
        monkeypatch.setattr("trimtab.cli.doctor.doctor", functools.partial(doctor, which=which))
        return shell.trimtab("doctor --json")

    def test_tells_what_is_here(self, shell: Shell) -> None:
        said = shell.trimtab("doctor")
        for word in ("cargo 1.95.0", "LLVM 22.1.2", "peak memory", "free at"):
            assert word in said.out

    def test_all_is_well(self, shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
        said = self.doctor(shell, monkeypatch, lambda name: f"/usr/bin/{name}")
        document = json.loads(said.out)
        validator("doctor").validate(document)
        assert said.code == 0
        assert {"name": "valgrind", "health": "ok", "found": "/usr/bin/valgrind", "cost": "", "remedy": ""} in (
            document["checks"]
        )

    def test_what_is_missing_is_bad_news(self, shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
        shell.cargo.on("rustc -vV", MissingError("cannot run 'rustc'"))
        said = self.doctor(shell, monkeypatch, lambda _: None)
        assert said.code == 1
        checks = {check["name"]: check for check in json.loads(said.out)["checks"]}
        assert checks["cargo and rustc"]["health"] == "missing"
        assert "rustup.rs" in checks["cargo and rustc"]["remedy"]
        assert checks["cc"]["health"] == "missing"
        assert checks["valgrind"]["health"] == "note"

    def test_a_compiler_cache_is_a_note(self, shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("RUSTC_WRAPPER", "sccache")
        said = self.doctor(shell, monkeypatch, lambda name: f"/usr/bin/{name}")
        assert said.code == 0
        (check,) = [one for one in json.loads(said.out)["checks"] if one["name"] == "compiler wrapper"]
        assert (check["health"], check["found"]) == ("note", "sccache")


class TestApply:
    AFTER = MANIFEST.replace('lto = "thin" # smaller', 'lto = "fat"')

    def test_writes_the_setting_and_keeps_the_inheriting_profile(self, shell: Shell) -> None:
        study(shell, f"{FAT} --measure size,build")
        said = shell.trimtab("apply --yes")
        assert said.code == 0
        text = (shell.cargo.root / "Cargo.toml").read_text()
        assert 'lto = "fat" # smaller' in text
        assert 'inherits = "release"' in text
        assert text.count("lto = ") == 2
        assert "# trimtab 20" in text
        assert "stripped size 550 B → 500 B (-9.1 %)" in text
        assert "and Cargo reads it as intended" in said.out
        assert '+lto = "fat"' in said.out

    def test_a_rehearsal_and_a_no_write_nothing(self, shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
        study(shell, f"{FAT} --measure size,build")
        assert "nothing was written" in shell.trimtab("apply --dry-run").out
        monkeypatch.setattr("click.confirm", lambda *_, **__: False)
        assert "nothing was written" in shell.trimtab("apply").out
        assert (shell.cargo.root / "Cargo.toml").read_text() == MANIFEST

    def test_the_document(self, shell: Shell) -> None:
        study(shell, f"{FAT} --measure size,build")
        said = shell.trimtab("apply --yes --json")
        document = json.loads(said.out)
        validator("application").validate(document)
        assert document["written"] is True
        assert '+lto = "fat"' in document["diff"]

    def test_another_trial_or_goal_can_be_chosen(self, shell: Shell) -> None:
        found = study(shell, "explore --axis lto=thin,fat,off --measure size,build")
        off = next(trial["id"] for trial in found["trials"] if trial["profile"]["lto"] == "off")
        assert '+lto = "off"' in shell.trimtab(f"apply --trial {off[:6]} --dry-run").out
        assert '+lto = "off"' not in shell.trimtab("apply --goal size --dry-run").out
        said = shell.trimtab("apply --trial zzz")
        assert said.code == 2
        assert "has no single trial 'zzz'" in said.errors[0]

    def test_todays_profile_changes_nothing(self, shell: Shell) -> None:
        study(shell, "explore --axis lto=off --measure size,build")
        said = shell.trimtab("apply --yes")
        assert said.code == 0
        assert "nothing to change" in said.out
        assert (shell.cargo.root / "Cargo.toml").read_text() == MANIFEST

    def test_a_profile_edited_since_is_refused(self, shell: Shell) -> None:
        study(shell, f"{FAT} --measure size,build")
        manifest = shell.cargo.root / "Cargo.toml"
        manifest.write_text(MANIFEST.replace('"thin"', '"off"'))
        said = shell.trimtab("apply --yes")
        assert said.code == 2
        assert said.errors[0] == "error: the profile release has changed since the study"
        assert '"off"' in manifest.read_text()

    def test_a_change_that_cargo_reads_otherwise_is_taken_back(self, shell: Shell) -> None:
        study(shell, f"{FAT} --measure size,build")
        manifest = shell.cargo.root / "Cargo.toml"
        honest = FakeCargo._unit_graph

        def overridden(command: Any) -> Any:
            graph = honest(shell.cargo, list(command.argv[2:]))
            return finished(graph.stdout.replace('"fat"', '"off"'))

        shell.cargo.on("cargo build -Z*--unit-graph*", overridden)
        said = shell.trimtab("apply --yes")
        assert said.code == 2
        assert said.errors[0].startswith("error: the old text was put back")
        assert "CARGO_PROFILE_" in said.errors[-1]
        assert manifest.read_text() == MANIFEST
        assert [path.name for path in manifest.parent.glob(".Cargo*")] == []

    def test_flags_cannot_be_applied_and_where_they_belong_is_told(self, shell: Shell) -> None:
        found = study(shell, "explore --axis 'rustflags=-C target-cpu=native' --measure size")
        native = found["trials"][1]["id"]
        said = shell.trimtab(f"apply --trial {native} --yes")
        assert 'rustflags = ["-C", "target-cpu=native"]' in " ".join(said.out.split())
        assert (shell.cargo.root / "Cargo.toml").read_text() == MANIFEST

    def test_a_failed_trial_is_refused(self, shell: Shell) -> None:
        shell.cargo.failing["lto=fat"] = finished(stderr="error[E0425]: cannot find `x`\n", exit_code=101)
        found = study(shell, f"{FAT} --measure size")
        fat = next(trial for trial in found["trials"] if trial["status"] == "failed")
        said = shell.trimtab(f"apply --trial {fat['id']}")
        assert said.code == 2
        assert said.errors[0] == f"error: trial {fat['id']} could not be built: error[E0425]: cannot find `x`"

    def test_a_study_without_today_recommends_nothing(self, shell: Shell) -> None:
        shell.cargo.failing["lto=thin"] = finished(stderr="error[E0425]: cannot find `x`\n", exit_code=101)
        study(shell, f"{FAT} --measure size")
        said = shell.trimtab("apply")
        assert said.code == 2
        assert "recommends nothing" in said.errors[0]


def test_a_kept_trial_knows_its_binary(shell: Shell) -> None:
    study(shell, f"{FAT} --measure size")
    with shell.opened() as opened:
        trials: tuple[Trial, ...] = opened.load("last").trials
    for trial in trials:
        assert Path(trial.artifacts[0].path).stat().st_size == trial.artifacts[0].size


class TestWhichStudyIsApplied:
    def test_the_newest_of_the_project_in_this_folder(self, shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
        here = study(shell, f"{FAT} --measure size")["id"]
        with shell.opened() as opened:
            found = opened.load(here)
            elsewhere = replace(found.project, root="/elsewhere")
            opened.begin(replace(found, id="other", created="2999-01-01T00:00:00+00:00", project=elsewhere))
        assert shell.trimtab("apply --dry-run").out.startswith(f"{here} → {shell.cargo.root}")

    def test_none_of_another_project(self, shell: Shell) -> None:
        with shell.opened() as opened:
            opened.begin(a_full_study())
        assert shell.trimtab("apply --dry-run").errors[0] == "error: no study of this project"

    def test_another_goal_is_another_study_of_the_same_trials(self, shell: Shell) -> None:
        size = study(shell, f"{FAT} --measure size --goal size")
        before = builds(shell)
        build = study(shell, f"{FAT} --measure size --goal build")
        assert (build["id"] != size["id"], build["trials"] == size["trials"], builds(shell)) == (True, True, before)
