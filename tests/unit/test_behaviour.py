"""What a run leaves behind, with a program that is played."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fakes.runner import FakeRunner, finished
from trimtab.errors import InputError, MissingError
from trimtab.measure.behaviour import Stage
from trimtab.model.parity import Behaviour, Check, Input
from trimtab.process import WORK_VARIABLE, Command, Finished

CHECK = Check(name="fix", command=("{bin}", "--fix", "{input}"), inputs="*")


def plays(does: Callable[[Path], None], **ends: int | bool) -> FakeRunner:
    """A program that prints its input's name and does something in its folder."""

    def answer(command: Command) -> Finished:
        assert command.outputs
        assert command.cwd
        command.outputs[0].write_text(f"{command.argv[-1]}\n")
        command.outputs[1].write_text("")
        does(command.cwd)
        return finished(**ends)  # type: ignore[arg-type]

    return FakeRunner().on("*", answer)


@pytest.fixture
def observe(tmp_path: Path) -> Callable[..., Behaviour]:
    """Runs a played program on a project of two files."""
    program = tmp_path / "tool"
    program.touch()
    project = tmp_path / "corpus" / "app"
    (project / "src").mkdir(parents=True)
    (project / "src" / "main.py").write_text("import os\n")
    (project / "readme").write_text("hello\n")
    (project / "link").symlink_to("readme")
    (project / "out").symlink_to("../../tool")
    (project / "etc").symlink_to("/etc")
    os.mkfifo(project / "pipe")
    given = Input(name="app", project="app", source=project, place="app")

    def run(runner: FakeRunner, given: Input = given, **beside: Path) -> Behaviour:
        environment = {"HOME": str(tmp_path), "PATH": "/bin", "XDG_CACHE_HOME": "/x", "RUST_BACKTRACE": "1"}
        stage = Stage(runner=runner, folder=tmp_path / "runs" / "000000", environment=environment)
        return stage.observe(program, CHECK, given, beside)

    return run


def test_a_run_in_a_scratch_copy(observe: Callable[..., Behaviour], tmp_path: Path) -> None:
    runner = plays(lambda _: None)
    found = observe(runner)
    assert (found.stdout.text, found.stderr.text, dict(found.files)) == ("app\n", "", {})
    (command,) = runner.commands
    folder = tmp_path / "runs" / "000000"
    assert command.argv == (str(folder / "bin" / "tool"), "--fix", "app")
    assert command.cwd == folder / "work"
    assert command.stdin is None
    environment = dict(command.environment)
    assert environment[WORK_VARIABLE] == str(folder)
    assert (environment["HOME"], environment["TMPDIR"]) == (str(folder / "home"), str(folder / "tmp"))
    assert environment["RUST_BACKTRACE"] == "0"
    assert "XDG_CACHE_HOME" not in environment
    assert list((tmp_path / "runs").iterdir()) == []


def test_what_was_written_changed_and_removed(observe: Callable[..., Behaviour], tmp_path: Path) -> None:
    def does(work: Path) -> None:
        assert sorted(path.name for path in (work / "app").iterdir()) == ["link", "out", "readme", "src"]
        assert (work / "app" / "link").is_symlink()
        assert not (work / "app" / "out").is_symlink()  # or a run could write there
        (work / "app" / "src" / "main.py").write_text("\n")
        (work / "app" / "readme").unlink()
        (work / "app" / "made").mkdir()
        (work / "app" / "made" / "new").write_bytes(b"\xff")
        (work / "app" / "made" / "there").symlink_to("/nowhere")

    files = observe(plays(does)).files
    assert {name: content and content.text for name, content in files.items()} == {
        "app/src/main.py": "\n", "app/readme": None, "app/made/new": "\udcff", "app/made/there": "a link to /nowhere",
    }  # fmt: skip
    assert (tmp_path / "corpus" / "app" / "src" / "main.py").read_text() == "import os\n"


def test_a_file_written_as_it_was_is_no_change(observe: Callable[..., Behaviour]) -> None:
    def does(work: Path) -> None:
        place = work / "app" / "readme"
        place.unlink()
        place.write_text("hello\n")

    assert observe(plays(does)).files == {}


def test_files_lie_beside_the_input(observe: Callable[..., Behaviour], tmp_path: Path) -> None:
    (tmp_path / "tool.toml").write_text("x")

    def does(work: Path) -> None:
        assert (work / "tool.toml").read_text() == "x"
        (work / "tool.toml").write_text("y")

    files = observe(plays(does), **{"tool.toml": tmp_path / "tool.toml"}).files
    assert list(files) == ["tool.toml"]


def test_what_cannot_be_removed_easily_is_removed(observe: Callable[..., Behaviour], tmp_path: Path) -> None:
    def does(work: Path) -> None:
        here = os.open(work, os.O_RDONLY)
        try:
            for _ in range(1200):  # deeper than a recursion goes, and than a path is long
                os.mkdir("d", dir_fd=here)
                below = os.open("d", os.O_RDONLY, dir_fd=here)
                os.close(here)
                here = below
        finally:
            os.close(here)
        (work / "app" / "src").chmod(0)

    observe(plays(does))
    assert list((tmp_path / "runs").iterdir()) == []


def test_of_a_run_that_was_stopped_nothing_is_kept(observe: Callable[..., Behaviour]) -> None:
    found = observe(plays(lambda work: (work / "new").touch(), exit_code=-9, timed_out=True))
    assert (found.timed_out, found.flooded, found.stdout.size, found.files) == (True, False, 0, {})


def test_too_much_is_a_flood_even_if_it_ended_by_itself(observe: Callable[..., Behaviour]) -> None:
    def does(work: Path) -> None:
        with (work / "large").open("wb") as file:
            file.truncate(CHECK.most_written + 1)

    found = observe(plays(does))
    assert (found.timed_out, found.flooded, found.files) == (False, True, {})


def test_an_input_that_is_gone(observe: Callable[..., Behaviour], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="an input cannot be copied"):
        observe(plays(lambda _: None), Input(name="x", project="x", source=tmp_path / "gone", place="x"))


def test_no_space_left(observe: Callable[..., Behaviour]) -> None:
    def does(_: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(MissingError, match="no space left for scratch copies"):
        observe(plays(does))
