"""What runs programs of other targets, and what a run says."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fakes.runner import FakeRunner, finished
from tests.fakes.targets import ARM, HOST, WASM, WINDOWS, ran
from tests.fakes.values import artifact
from trimtab.measure.emulators import Emulator, NoEmulator, find_emulator, prepare, run_binary, worse
from trimtab.model.target import Attempt, Ran, Run
from trimtab.model.trial import Artifact
from trimtab.process import Command, Finished
from trimtab.target_running import Running


def here(*programs: str) -> Callable[[str], str | None]:
    return lambda name: name if name in programs else None


def found(triple: str, cache: Path, *programs: str, configured: object = None) -> Emulator:
    emulator = find_emulator(triple, HOST, here(*programs), cache, configured)
    assert isinstance(emulator, Emulator), emulator
    return emulator


class TestEmulator:
    @pytest.mark.parametrize("triple", [HOST, "x86_64-unknown-linux-musl", "i686-unknown-linux-gnu"])
    def test_this_machines_own(self, tmp_path: Path, triple: str) -> None:
        assert found(triple, tmp_path) == Emulator(name="native")

    def test_wine_has_a_folder_of_ours(self, tmp_path: Path) -> None:
        wine = found(WINDOWS, tmp_path, "wine")
        assert (wine.name, wine.words, wine.prepare) == ("wine", ("wine",), ("wine", "wineboot"))
        assert wine.environment["WINEPREFIX"] == str(tmp_path / "wine")
        (tmp_path / "wine").mkdir()
        (tmp_path / "wine" / "system.reg").touch()
        assert found(WINDOWS, tmp_path, "wine").prepare == ()

    def test_wasmtime_the_program_comes_before_the_library(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert found(WASM, tmp_path, "wasmtime").words == ("wasmtime", "run", "--dir", ".")
        monkeypatch.setattr("importlib.util.find_spec", lambda _: object())
        assert found(WASM, tmp_path).words == (sys.executable, "-m", "trimtab.measure.wasi")
        monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
        assert find_emulator(WASM, HOST, here(), tmp_path) == NoEmulator(
            reason="there is no wasmtime to run it", how=("pip install 'trimtab[wasm]', or wasmtime itself",)
        )

    def test_qemu(self, tmp_path: Path) -> None:
        assert found(ARM, tmp_path, "qemu-aarch64-static").words == ("qemu-aarch64-static",)
        assert find_emulator(ARM, HOST, here(), tmp_path) == NoEmulator(
            reason="there is no qemu to run it", how=("sudo apt-get install qemu-user libc6-arm64-cross",)
        )

    @pytest.mark.parametrize("configured", ["runner --flag", ["runner", "--flag"]])
    def test_what_cargo_is_configured_to_use_comes_first(self, tmp_path: Path, configured: object) -> None:
        assert found(HOST, tmp_path, configured=configured) == Emulator(name="runner", words=("runner", "--flag"))

    def test_nothing_runs_some(self, tmp_path: Path) -> None:
        nothing = find_emulator("x86_64-apple-darwin", HOST, here("wine"), tmp_path)
        assert isinstance(nothing, NoEmulator)
        assert nothing.reason == "nothing that trimtab knows runs it here"

    def test_is_prepared_once(self) -> None:
        runner = FakeRunner().on("wine wineboot", finished())
        prepare(
            runner, Emulator(name="wine", prepare=("wine", "wineboot"), environment={"WINEPREFIX": "/w"}), {"A": "b"}
        )
        prepare(runner, Emulator(name="native"), {})
        (command,) = runner.commands
        assert dict(command.environment) == {"A": "b", "WINEPREFIX": "/w"}


class TestRun:
    def run(self, *answers: Finished, arguments: tuple[str, ...] = ()) -> tuple[Run, list[str]]:
        runner = FakeRunner().on("wine /app*", *answers)
        emulator = Emulator(name="wine", words=("wine",))
        run = run_binary(
            runner, emulator, ("app", Path("/app")), arguments=arguments, cwd=Path("/"), environment={}, timeout=9
        )
        return run, runner.lines

    def test_its_version_is_asked_for(self) -> None:
        run, lines = self.run(finished("app 0.1.0\nmore\n"))
        assert run == Run(binary="app", state=Ran.OK, runner="wine", said="--version: app 0.1.0")
        assert lines == ["wine /app --version"]

    def test_or_else_its_help(self) -> None:
        run, lines = self.run(finished(exit_code=2), finished("usage: app\n"))
        assert (run.state, run.said) == (Ran.OK, "--help: usage: app")
        assert lines == ["wine /app --version", "wine /app --help"]

    def test_a_program_that_takes_neither_is_not_called_broken(self) -> None:
        run, _ = self.run(finished(stderr="app: what?\n", exit_code=2))
        assert run.state is Ran.NOT_RUN
        assert run.said == "it takes neither --version nor --help (exit code 2: app: what?)"
        assert run.how == ("--run ARGUMENTS, with what it takes",)

    @pytest.mark.parametrize("ending", [finished(exit_code=-11), finished(exit_code=1, timed_out=True, wall=9)])
    def test_a_crash_or_no_end_is(self, ending: Finished) -> None:
        run, lines = self.run(ending)
        assert (run.state, len(lines)) == (Ran.FAILED, 1)
        assert run.said in ("signal 11", "no end after 9 s")

    def test_with_arguments_of_the_users_every_failure_is(self) -> None:
        run, lines = self.run(finished(stderr="no", exit_code=1), arguments=("check", "x"))
        assert (run.state, run.said, lines) == (Ran.FAILED, "exit code 1: no", ["wine /app check x"])

    def test_what_works_today_and_not_now_has_failed(self) -> None:
        refusing = ran(Ran.NOT_RUN, "wine", "it takes neither --version nor --help (exit code 5)")
        assert worse(refusing, ran()).state is Ran.FAILED
        assert worse(refusing, refusing) is refusing
        assert worse(refusing, None) is refusing


class TestRunning:
    def running(self, tmp_path: Path, runner: FakeRunner, **settings: object) -> Running:
        given = {
            "host": HOST, "cache": tmp_path / "cache", "project": tmp_path, "configuration": {}, "arguments": (),
            "timeout": 3600.0, "environment": {"PATH": ""}, **settings,
        }  # fmt: skip
        return Running(runner=runner, **given)  # type: ignore[arg-type]

    def program(self, tmp_path: Path) -> Artifact:
        path = tmp_path / "kept"
        path.write_text("program")
        return Artifact(name="app", size=7, sha256="0" * 64, path=str(path))

    def test_a_copy_with_the_systems_own_ending_is_run_in_an_empty_folder(self, tmp_path: Path) -> None:
        seen: list[Command] = []

        def run(command: Command) -> Finished:
            seen.append(command)
            assert command.cwd
            assert list(command.cwd.iterdir()) == []
            return finished("app 1")

        configuration = {"target": {WINDOWS: {"runner": "wine-of-mine"}}}
        running = self.running(tmp_path, FakeRunner().on("wine-of-mine *", run), configuration=configuration)
        (result,) = running.runs(WINDOWS, [self.program(tmp_path)], None)
        assert (result.state, result.runner) == (Ran.OK, "wine-of-mine")
        assert Path(seen[0].argv[1]).name == "app.exe"
        assert seen[0].timeout == 60

    def test_arguments_are_taken_in_the_projects_folder(self, tmp_path: Path) -> None:
        runner = FakeRunner().on("*/app check x", finished())
        running = self.running(tmp_path, runner, arguments=("check", "x"), timeout=5.0)
        running.runs(HOST, [self.program(tmp_path)], None)
        assert (runner.commands[0].cwd, runner.commands[0].timeout) == (tmp_path, 5.0)

    def test_a_runner_of_the_environments(self, tmp_path: Path) -> None:
        environment = {"PATH": "", "CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER": "box -q"}
        runner = FakeRunner().on("box -q *", finished())
        running = self.running(tmp_path, runner, environment=environment)
        assert running.runs(ARM, [self.program(tmp_path)], None)[0].runner == "box"

    def test_without_an_emulator_nothing_is_run(self, tmp_path: Path) -> None:
        (run,) = self.running(tmp_path, FakeRunner()).runs(ARM, [artifact("app")], None)
        assert (run.state, run.said) == (Ran.NOT_RUN, "there is no qemu to run it")

    def test_today_is_remembered(self, tmp_path: Path) -> None:
        runner = FakeRunner().on("*/app *", finished(exit_code=2))
        before = Attempt(label="today", profile=None, runs=(ran(),))  # type: ignore[arg-type]
        (run,) = self.running(tmp_path, runner).runs(HOST, [self.program(tmp_path)], before)
        assert run.state is Ran.FAILED
