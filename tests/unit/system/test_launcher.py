"""Timed runs by the launcher, with its reports played: what is made of them, and what happens where it is not there."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fakes.runner import FakeRunner, finished
from trimtab.errors import MissingError
from trimtab.system.launcher import Launcher, compiled_launcher, timing_runner
from trimtab.system.process import Command, Finished

COMMAND = Command(argv=("tool", "x"), environment={}, capture=False)


def reports(text: str, *, stderr: str = "", **fields: int) -> Callable[[Command], Finished]:
    """The launcher, which leaves this report, and standard error where it goes."""

    def launch(command: Command) -> Finished:
        _, report, *argv = command.argv
        assert argv == ["tool", "x"]
        if text:
            Path(report).write_text(text)
        if command.outputs:
            command.outputs[1].write_text(stderr)
        return finished(**fields)  # type: ignore[arg-type]

    return launch


def run(tmp_path: Path, launch: Callable[[Command], Finished], command: Command = COMMAND) -> Finished:
    return Launcher(FakeRunner().on("*", launch), Path("launch"), tmp_path).run(command)


def test_a_report_takes_the_place_of_what_was_seen_from_outside(tmp_path: Path) -> None:
    found = run(tmp_path, reports("0 1500000000 2000000 500000 4000 321 2 600\n"))
    assert (found.exit_code, found.wall, found.cpu, found.system) == (0, 1.5, 2.5, 0.5)
    assert (found.largest_process, found.page_faults, found.left_running) == (4000 * 1024, 321, 2)


def test_memory_near_the_launchers_own_is_unknown(tmp_path: Path) -> None:
    assert run(tmp_path, reports("0 1 1 1 650 1 0 600\n")).largest_process is None


@pytest.mark.parametrize(("status", "code"), [(3 << 8, 3), (9, -9)])
def test_a_failure_keeps_its_code_and_what_it_said(tmp_path: Path, status: int, code: int) -> None:
    found = run(tmp_path, reports(f"{status} 1 1 1 9000 1 0 600\n", stderr="boom\n"))
    assert (found.exit_code, found.stderr) == (code, "boom\n")


def test_what_it_said_is_dropped_if_it_worked(tmp_path: Path) -> None:
    assert run(tmp_path, reports("0 1 1 1 9000 1 0 600\n", stderr="progress\n")).stderr == ""


def test_captured_output_stays_where_it_is(tmp_path: Path) -> None:
    def launch(command: Command) -> Finished:
        Path(command.argv[1]).write_text("256 1 1 1 9000 1 0 600\n")
        assert command.outputs is None
        return finished("out", stderr="err")

    found = run(tmp_path, launch, Command(argv=("tool", "x"), environment={}))
    assert (found.exit_code, found.stdout, found.stderr) == (1, "out", "err")


def test_a_launcher_that_was_killed_has_no_report_and_an_old_one_does_not_count(tmp_path: Path) -> None:
    (tmp_path / "report").write_text("0 1 1 1 9000 1 0 600\n")
    found = run(tmp_path, reports("", exit_code=-9))
    assert (found.exit_code, found.wall) == (-9, 1.0)


@pytest.mark.parametrize(
    ("code", "reason"),
    [(errno.ENOENT, "No such file or directory"), (errno.ENOEXEC, "it is no program of this system")],
)
def test_a_program_that_cannot_be_started_is_missing(tmp_path: Path, code: int, reason: str) -> None:
    with pytest.raises(MissingError, match=f"cannot run 'tool': {reason}"):
        run(tmp_path, reports(f"exec {code}\n"))


def test_without_a_launcher_commands_run_by_themselves(tmp_path: Path) -> None:
    runner = FakeRunner().on("tool x", finished(exit_code=2, wall=0.5))
    found = Launcher(runner, None, tmp_path).run(COMMAND)
    assert (found.exit_code, found.wall, found.left_running) == (2, 0.5, 0)


def test_runners_that_play_are_used_as_they_are(tmp_path: Path) -> None:
    runner = FakeRunner()
    with timing_runner(runner, tmp_path) as (timed, note):
        assert (timed, note) == (runner, "")


def test_no_compiler_makes_no_launcher(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda _: None)
    assert compiled_launcher(FakeRunner(), tmp_path) is None


def test_a_compiler_whose_programs_do_not_run_makes_none(tmp_path: Path) -> None:
    runner = FakeRunner().on("*launcher.c", finished()).on("*", finished(exit_code=1))
    assert compiled_launcher(runner, tmp_path) is None
