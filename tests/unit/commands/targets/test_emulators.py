"""What runs programs of other targets, and what a run says."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fakes.runner import FakeRunner, finished
from tests.fakes.targets import ARM, HOST, WASM, WINDOWS, ran
from tests.fakes.values import artifact
from trimtab.builders.overlay import Overlay
from trimtab.commands.targets.emulators import (
    Emulator,
    NoEmulator,
    end,
    find_emulator,
    prepare,
    run_binary,
    runner_argv,
    worse,
)
from trimtab.commands.targets.model import SmokeRun, SmokeStatus, TargetAttempt
from trimtab.commands.targets.smoke_run import SmokeRunner
from trimtab.errors import MissingError
from trimtab.model.trial import Artifact
from trimtab.system.process import Command, Finished


def here(*programs: str) -> Callable[[str], str | None]:
    return lambda name: name if name in programs else None


def found(triple: str, cache: Path, *programs: str, configured: tuple[str, ...] = ()) -> Emulator:
    emulator = find_emulator(triple, HOST, here(*programs), cache, configured)
    assert isinstance(emulator, Emulator), emulator
    return emulator


class TestEmulator:
    @pytest.mark.parametrize("triple", [HOST, "x86_64-unknown-linux-musl", "i686-unknown-linux-gnu"])
    def test_this_machines_own(self, tmp_path: Path, triple: str) -> None:
        assert found(triple, tmp_path) == Emulator(name="native")

    def test_wine_has_a_folder_of_ours(self, tmp_path: Path) -> None:
        wine = found(WINDOWS, tmp_path, "wine")
        assert (wine.name, wine.argv, wine.prepare) == ("wine", ("wine",), ("wine", "wineboot"))
        assert wine.environment["WINEPREFIX"] == str(tmp_path / "wine")
        assert (wine.crashes[9], wine.crash_message) == ("it aborted (0xC0000409)", "wine: Unhandled ")
        (tmp_path / "wine").mkdir()
        (tmp_path / "wine" / "system.reg").touch()
        assert found(WINDOWS, tmp_path, "wine").prepare == ()

    def test_wasmtime_the_program_comes_before_the_library(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert found(WASM, tmp_path, "wasmtime").argv == ("wasmtime", "run", "--dir", ".")
        monkeypatch.setattr("importlib.util.find_spec", lambda _: object())
        assert found(WASM, tmp_path).argv == (sys.executable, "-m", "trimtab.commands.targets.wasi")
        monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
        assert find_emulator(WASM, HOST, here(), tmp_path) == NoEmulator(
            reason="there is no wasmtime to run it", how=("pip install 'trimtab[wasm]', or wasmtime itself",)
        )

    def test_qemu(self, tmp_path: Path) -> None:
        assert found(ARM, tmp_path, "qemu-aarch64-static").argv == ("qemu-aarch64-static",)
        assert find_emulator(ARM, HOST, here(), tmp_path) == NoEmulator(
            reason="there is no qemu to run it", how=("sudo apt-get install qemu-user libc6-arm64-cross",)
        )

    def test_what_cargo_is_configured_to_use_comes_first(self, tmp_path: Path) -> None:
        configured = ("/opt/runner", "--flag")
        assert found(HOST, tmp_path, configured=configured) == Emulator(name="runner", argv=configured)

    @pytest.mark.parametrize(
        ("configured", "words"),
        [
            ("runner  --flag\t-L /a", ("runner", "--flag", "-L", "/a")),
            (["runner", "a b"], ("runner", "a b")),
            ("qemu 'x", ("qemu", "'x")),  # quotes mean nothing to Cargo
            (" ", ()),
            ([], ()),
            (None, ()),
        ],
    )
    def test_a_runners_words_are_those_that_cargo_takes(self, configured: object, words: tuple[str, ...]) -> None:
        assert runner_argv(configured) == words

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

    def test_what_cannot_be_prepared_is_left_to_the_runs(self) -> None:
        prepare(FakeRunner().on("wine *", MissingError("no wine")), Emulator(name="wine", prepare=("wine", "x")), {})

    def test_what_it_leaves_running_is_ended(self, tmp_path: Path) -> None:
        runner = FakeRunner().on("wineserver -k", finished())
        end(runner, found(WINDOWS, tmp_path, "wine"), {})
        end(runner, Emulator(name="native"), {})
        (command,) = runner.commands
        assert command.environment["WINEPREFIX"] == str(tmp_path / "wine")


class TestRun:
    def run(self, *answers: Finished | Exception, arguments: tuple[str, ...] = ()) -> tuple[SmokeRun, list[str]]:
        runner = FakeRunner().on("wine /app*", *answers)
        crashes = {9: "it aborted (0xC0000409)", 53: "a DLL that it needs is not here (0xC0000135)"}
        emulator = Emulator(name="wine", argv=("wine",), crashes=crashes, crash_message="wine: Unhandled ")
        run = run_binary(
            runner, emulator, ("app", Path("/app")), arguments=arguments, cwd=Path("/"), environment={}, timeout=9
        )
        return run, runner.lines

    def test_its_version_is_asked_for(self) -> None:
        run, lines = self.run(finished("app 0.1.0\nmore\n"))
        assert run == SmokeRun(
            binary="app", state=SmokeStatus.OK, runner="wine", said="--version: app 0.1.0", exit_code=0
        )
        assert lines == ["wine /app --version"]

    def test_or_else_its_help(self) -> None:
        run, lines = self.run(finished(exit_code=2), finished("usage: app\n"))
        assert (run.state, run.said) == (SmokeStatus.OK, "--help: usage: app")
        assert lines == ["wine /app --version", "wine /app --help"]

    def test_a_program_that_takes_neither_is_not_called_broken(self) -> None:
        run, _ = self.run(finished(stderr="app: what?\n", exit_code=2))
        assert run.state is SmokeStatus.NOT_RUN
        assert run.said == "it takes neither --version nor --help (exit code 2: app: what?)"
        assert (run.how, run.exit_code) == (("--run ARGUMENTS, with what it takes",), 2)

    @pytest.mark.parametrize("ending", [finished(exit_code=-11), finished(exit_code=1, timed_out=True, wall=9)])
    def test_a_crash_or_no_end_is(self, ending: Finished) -> None:
        run, lines = self.run(ending)
        assert (run.state, len(lines)) == (SmokeStatus.FAILED, 1)
        assert run.said in ("signal 11", "no end after 9 s")

    @pytest.mark.parametrize(
        ("ending", "said"),
        [
            (
                finished(stderr="thread 'main' panicked at src/main.rs:2:5:\nboom\n", exit_code=101),
                "exit code 101: thread",
            ),
            (finished(stderr="wasm trap: unreachable\n", exit_code=134), "exit code 134: wasm trap: unreachable"),
            (finished(exit_code=139), "exit code 139"),
            (finished(exit_code=9), "exit code 9: it aborted (0xC0000409)"),
            (finished(stderr="oh\n", exit_code=53), "exit code 53: a DLL that it needs is not here (0xC0000135): oh"),
            (finished(stderr="wine: Unhandled page fault on write\n", exit_code=5), "exit code 5: wine: Unhandled"),
        ],
    )
    def test_so_is_a_crash_that_ends_with_an_exit_code(self, ending: Finished, said: str) -> None:
        run, lines = self.run(ending)
        assert (run.state, len(lines)) == (SmokeStatus.FAILED, 1)
        assert run.said.startswith(said)

    @pytest.mark.parametrize(
        "ending",
        [
            finished(stderr="error: unexpected argument\n", exit_code=101),
            finished(stderr="a worker panicked at 3 am\n", exit_code=1),
            finished(exit_code=5),
            finished(exit_code=3),
        ],
    )
    def test_exit_codes_that_programs_choose_are_no_crashes(self, ending: Finished) -> None:
        assert self.run(ending)[0].state is SmokeStatus.NOT_RUN

    @pytest.mark.parametrize(
        ("ending", "said"),
        [
            (
                MissingError("cannot run 'wine': No such file or directory"),
                "cannot run 'wine': No such file or directory",
            ),
            (MissingError("cannot run '/app': it is no program"), "cannot run 'app': it is no program"),
            (finished(stderr="env: 'x': No such file\n", exit_code=127), "it does not start: exit code 127: env: 'x'"),
            (finished(exit_code=126), "it does not start: exit code 126"),
        ],
    )
    @pytest.mark.parametrize("arguments", [(), ("check",)])
    def test_a_program_that_cannot_be_started_is_not_run(
        self, ending: Finished | Exception, said: str, arguments: tuple[str, ...]
    ) -> None:
        run, lines = self.run(ending, arguments=arguments)
        assert (run.state, run.exit_code, run.how, len(lines)) == (SmokeStatus.NOT_RUN, None, ("install wine",), 1)
        assert run.said.startswith(said)

    def test_without_an_emulator_it_lacks_its_targets_own(self) -> None:
        runner = FakeRunner().on("/app *", MissingError("cannot run '/app': No such file or directory"))
        app = ("app", Path("/app"))
        run = run_binary(runner, Emulator(name="native"), app, arguments=(), cwd=Path("/"), environment={}, timeout=9)
        assert run.how == ("install the C library of its target",)

    def test_with_arguments_of_the_users_every_failure_is(self) -> None:
        run, lines = self.run(finished(stderr="no", exit_code=1), arguments=("check", "x"))
        assert (run.state, run.said, lines) == (SmokeStatus.FAILED, "exit code 1: no", ["wine /app check x"])

    def test_what_works_today_and_not_now_has_failed(self) -> None:
        refusing = ran(SmokeStatus.NOT_RUN, "wine", "it takes neither --version nor --help (exit code 5)", exit_code=5)
        assert worse(refusing, ran()).state is SmokeStatus.FAILED
        assert worse(refusing, refusing) is refusing
        assert worse(refusing, None) is refusing

    def test_what_ends_otherwise_than_today_has_failed(self) -> None:
        now, before = (ran(SmokeStatus.NOT_RUN, said=f"exit code {code}", exit_code=code) for code in (5, 2))
        assert worse(now, before) == ran(
            SmokeStatus.FAILED, said="exit code 5, and under today's profile exit code 2", exit_code=5
        )

    def test_what_started_today_and_does_not_now_has_failed(self) -> None:
        not_started = ran(SmokeStatus.NOT_RUN, said="cannot run 'app'")
        assert worse(not_started, ran()).state is SmokeStatus.FAILED
        assert worse(not_started, ran(SmokeStatus.NOT_RUN, exit_code=2)).state is SmokeStatus.FAILED

    def test_what_does_better_than_today_has_not(self) -> None:
        refusing = ran(SmokeStatus.NOT_RUN, exit_code=2)
        assert worse(refusing, ran(SmokeStatus.NOT_RUN)) is refusing
        assert worse(refusing, ran(SmokeStatus.FAILED, exit_code=-11)) is refusing


class TestRunning:
    def running(self, tmp_path: Path, runner: FakeRunner, **settings: object) -> SmokeRunner:
        given = {
            "host": HOST, "cache": tmp_path / "cache", "work": tmp_path / "work", "project": tmp_path,
            "configuration": {}, "libraries": frozenset(), "overlay": None, "arguments": (), "timeout": 3600.0,
            "environment": {"PATH": ""}, **settings,
        }  # fmt: skip
        return SmokeRunner(runner=runner, **given)  # type: ignore[arg-type]

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
        assert (result.state, result.runner) == (SmokeStatus.OK, "wine-of-mine")
        assert Path(seen[0].argv[1]).name == "app.exe"
        assert seen[0].timeout == 60

    def test_the_data_that_its_build_left_beside_it_comes_with_it(self, tmp_path: Path) -> None:
        (tmp_path / "store").mkdir()
        (tmp_path / "store" / "words.txt").write_text("words")

        def run(command: Command) -> Finished:
            return finished(Path(command.argv[-2]).with_name("words.txt").read_text())

        running = self.running(tmp_path, FakeRunner().on("*", run))
        (result,) = running.runs(HOST, [self.program(tmp_path / "store")], None)
        assert (result.state, result.said) == (SmokeStatus.OK, "--version: words")

    def test_arguments_are_taken_in_the_projects_folder(self, tmp_path: Path) -> None:
        runner = FakeRunner().on("*/app check x", finished())
        running = self.running(tmp_path, runner, arguments=("check", "x"), timeout=5.0)
        running.runs(HOST, [self.program(tmp_path)], None)
        assert (runner.commands[0].cwd, runner.commands[0].timeout) == (tmp_path, 5.0)

    def test_they_see_the_projects_folder_anew_and_cannot_change_it(self, tmp_path: Path) -> None:
        over = Overlay(tree=tmp_path / "tree", folder=tmp_path / "work" / "tree")
        configuration = {"target": {WINDOWS: {"runner": "wine"}}}

        def run(command: Command) -> Finished:
            assert command.argv[: len(over.within) + 1] == (*over.within, "wine")
            assert over.changes() == ()
            (over.folder / "upper" / "written").touch()
            return finished()

        settings = {"arguments": ("fix",), "overlay": over, "project": over.tree, "configuration": configuration}
        running = self.running(tmp_path, FakeRunner().on("unshare *", run), **settings)
        for _ in range(2):
            assert running.runs(WINDOWS, [self.program(tmp_path)], None)[0].state is SmokeStatus.OK

    def test_wines_server_has_ended_by_then(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("shutil.which", lambda name, **_: name)
        (tmp_path / "cache" / "wine").mkdir(parents=True)
        runner = FakeRunner().on("*", finished())
        over = Overlay(tree=tmp_path / "tree", folder=tmp_path / "work" / "tree")
        self.running(tmp_path, runner, arguments=("x",), overlay=over).runs(WINDOWS, [self.program(tmp_path)], None)
        assert [line.split()[0] for line in runner.lines] == ["wine", "wineserver", "unshare"]
        assert runner.lines[1] == "wineserver -k"

    def test_a_library_is_not_run(self, tmp_path: Path) -> None:
        running = self.running(tmp_path, FakeRunner(), libraries=frozenset({"app"}))
        for triple in (HOST, WINDOWS):
            assert running.runs(triple, [artifact("app")], None) == (
                SmokeRun(binary="app", state=SmokeStatus.NOT_RUN, said="a library: nothing to run"),
            )

    def test_a_runner_of_the_environments(self, tmp_path: Path) -> None:
        environment = {"PATH": "", "CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER": "box -q"}
        runner = FakeRunner().on("box -q *", finished())
        running = self.running(tmp_path, runner, environment=environment)
        assert running.runs(ARM, [self.program(tmp_path)], None)[0].runner == "box"

    def test_without_an_emulator_nothing_is_run(self, tmp_path: Path) -> None:
        (run,) = self.running(tmp_path, FakeRunner()).runs(ARM, [artifact("app")], None)
        assert (run.state, run.said) == (SmokeStatus.NOT_RUN, "there is no qemu to run it")

    def test_today_is_remembered(self, tmp_path: Path) -> None:
        runner = FakeRunner().on("*/app *", finished(exit_code=2))
        before = TargetAttempt(label="today", profile=None, runs=(ran(),))  # type: ignore[arg-type]
        (run,) = self.running(tmp_path, runner).runs(HOST, [self.program(tmp_path)], before)
        assert run.state is SmokeStatus.FAILED
