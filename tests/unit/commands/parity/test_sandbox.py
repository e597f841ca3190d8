"""What a run leaves behind, with a program that is played."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.fakes.runner import FakeRunner, finished
from trimtab.commands.parity.model import Behaviour, Input
from trimtab.commands.parity.programs import OwnPaths, Program
from trimtab.commands.parity.sandbox import CopyError, Sandbox
from trimtab.errors import MissingError
from trimtab.model.parity_check import ParityCheck
from trimtab.system.orphans import WORK_VARIABLE, work_mark
from trimtab.system.process import Command, Finished

CHECK = ParityCheck(name="fix", command=("{bin}", "--fix", "{input}"), inputs="*")


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
    program = tmp_path / "bin" / "tool"
    program.parent.mkdir()
    program.touch()
    (program.parent / "lib.sh").touch()
    project = tmp_path / "corpus" / "app"
    (project / "src").mkdir(parents=True)
    (project / "src" / "main.py").write_text("import os\n")
    (project / "readme").write_text("hello\n")
    (project / "link").symlink_to("readme")
    (project / "out").symlink_to("../../bin/tool")
    data = tmp_path / "data"
    data.mkdir()
    (data / "a").write_text("a")
    (data / "b").symlink_to("a")
    (data / "again").symlink_to(data)
    (data / "back").symlink_to(project)
    (project / "data").symlink_to("../../data")
    (project / "gone").symlink_to("../../gone")
    os.mkfifo(project / "pipe")
    given = Input(name="app", project="app", source=project, path="app")

    def run(
        runner: FakeRunner,
        given: Input = given,
        check: ParityCheck = CHECK,
        program: Program = Program(linked=program),  # noqa: B008 - frozen
        **beside: Path,
    ) -> Behaviour:
        environment = {"HOME": str(tmp_path), "PATH": "/bin", "XDG_CACHE_HOME": "/x", "RUST_BACKTRACE": "1"}
        stage = Sandbox(runner=runner, folder=tmp_path / "runs" / "000000", environment=environment)
        return stage.observe(program, check, given, beside)

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
    assert environment[WORK_VARIABLE] == work_mark(folder)
    assert (environment["HOME"], environment["TMPDIR"]) == (str(folder / "home"), str(folder / "tmp"))
    assert environment["RUST_BACKTRACE"] == "0"
    assert "XDG_CACHE_HOME" not in environment
    assert list((tmp_path / "runs").iterdir()) == []


def test_what_was_written_changed_and_removed(observe: Callable[..., Behaviour], tmp_path: Path) -> None:
    def does(work: Path) -> None:
        assert sorted(path.name for path in (work / "app").iterdir()) == ["data", "link", "out", "readme", "src"]
        assert (work / "app" / "link").is_symlink()
        assert not (work / "app" / "out").is_symlink()  # or a run could write there
        assert not (work / "app" / "data").is_symlink()
        assert sorted(path.name for path in (work / "app" / "data").iterdir()) == ["a", "b"]
        (work / "app" / "data" / "a").write_text("b")
        (work / "app" / "src" / "main.py").write_text("\n")
        (work / "app" / "readme").unlink()
        (work / "app" / "made").mkdir()
        (work / "app" / "made" / "new").write_bytes(b"\xff")
        (work / "app" / "made" / "there").symlink_to("/nowhere")

    files = observe(plays(does)).files
    texts = {name: (one.before and one.before.text, one.after and one.after.text) for name, one in files.items()}
    assert texts == {
        "app/src/main.py": ("import os\n", "\n"),
        "app/readme": ("hello\n", None),
        "app/made/new": (None, "\udcff"),
        "app/made/there": (None, "a link to /nowhere"),
        "app/data/a": ("a", "b"),
    }
    assert (tmp_path / "data" / "a").read_text() == "a"
    assert (tmp_path / "corpus" / "app" / "src" / "main.py").read_text() == "import os\n"


def test_a_file_written_as_it_was_is_no_change(observe: Callable[..., Behaviour]) -> None:
    def does(work: Path) -> None:
        place = work / "app" / "readme"
        place.unlink()
        place.write_text("hello\n")

    assert observe(plays(does)).files == {}


def test_a_file_whose_time_is_set_back_has_changed_all_the_same(observe: Callable[..., Behaviour]) -> None:
    def does(work: Path) -> None:
        place = work / "app" / "readme"
        status = place.stat()
        with place.open("r+") as file:
            file.write("HELLO\n")
        os.utime(place, ns=(status.st_atime_ns, status.st_mtime_ns))

    assert list(observe(plays(does)).files) == ["app/readme"]


def test_permissions_are_part_of_a_file(observe: Callable[..., Behaviour]) -> None:
    def does(work: Path) -> None:
        (work / "app" / "readme").chmod(0o755)

    (written,) = observe(plays(does)).files.values()
    assert written.before
    assert written.after
    assert (written.before.text, written.after.text, written.after.mode) == ("hello\n", "hello\n", 0o755)


def test_a_file_out_of_the_project_is_what_it_leads_to(observe: Callable[..., Behaviour], tmp_path: Path) -> None:
    def touches(work: Path) -> None:
        (work / "app" / "out").touch()

    assert observe(plays(touches)).files == {}


def test_a_link_to_a_large_folder(observe: Callable[..., Behaviour], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trimtab.commands.parity.sandbox._MOST_LINKED", 4096)
    with pytest.raises(CopyError, match=r"the link .*/app/data leads to more than 4 KiB"):
        observe(plays(lambda _: None))


def test_the_files_beside_a_program(observe: Callable[..., Behaviour], tmp_path: Path) -> None:
    def does(work: Path) -> None:
        assert sorted(path.name for path in (work.parent / "bin").iterdir()) == ["lib.sh", "tool"]

    observe(plays(does))


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
    with pytest.raises(CopyError, match="gone cannot be copied: No such file or directory"):
        observe(plays(lambda _: None), Input(name="x", project="x", source=tmp_path / "gone", path="x"))


def test_a_reason_that_the_system_has_no_words_for(
    observe: Callable[..., Behaviour], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(source: Path, _: Path) -> None:
        raise shutil.SameFileError(f"{source} is the same file")

    monkeypatch.setattr("trimtab.commands.parity.sandbox.shutil.copy2", refuses)
    with pytest.raises(CopyError, match=r"cannot be copied: .* is the same file"):
        observe(plays(lambda _: None))


def test_no_space_left(observe: Callable[..., Behaviour]) -> None:
    def does(_: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(MissingError, match="no space left for scratch copies"):
        observe(plays(does))


class TestProgramsInTheirPlaces:
    OWN = OwnPaths(Path("/opt/one/bin/tool"), Path("/opt/two/bin/tool"))

    def program(self, side: str) -> Program:
        return Program(
            values={"{bin}": f"/opt/{side}/bin/tool"}, environment={"PYTHONSAFEPATH": "1"}, own_paths=self.OWN
        )

    def test_they_are_run_there(self, observe: Callable[..., Behaviour], tmp_path: Path) -> None:
        runner = plays(lambda _: None)
        observe(runner, program=self.program("one"))
        (command,) = runner.commands
        assert command.argv == ("/opt/one/bin/tool", "--fix", "app")
        assert command.cwd == tmp_path / "runs" / "000000" / "work"
        assert command.environment["PYTHONSAFEPATH"] == "1"

    def test_their_paths_are_no_difference(self, observe: Callable[..., Behaviour]) -> None:
        def says(side: str) -> Behaviour:
            def does(work: Path) -> None:
                (work / "log").write_text(f"/opt/{side}/lib/impl failed in /opt/{side}s and /usr\n")
                (work.parent / "stdout").write_text(f"usage: /opt/{side}/bin/tool [FILE]\n")

            return observe(plays(does), program=self.program(side))

        one, two = says("one"), says("two")
        assert one.stdout == two.stdout
        assert one.stdout.text == "usage: [program]/bin/tool [FILE]\n"
        assert one.files["log"].after
        assert one.files["log"].after.text == "[program]/lib/impl failed in /opt/ones and /usr\n"

    @pytest.mark.parametrize(
        ("base", "head", "text", "shown"),
        [
            ("/a/old.sh", "/a/new.sh", "/a/old.sh: no such option\n", "[program]: no such option\n"),
            ("/a/old.sh", "/a/new.sh", "usage: new.sh FILE\nnew.sh: bad\n", "usage: [program] FILE\n[program]: bad\n"),
            ("/a/old", "/a/new", "old\nnew files, old: 3\n", "old\nnew files, old: 3\n"),
            ("/tool", "/opt/tool", "/tool and /opt/tool\n", "[program] and [program]\n"),
        ],
    )
    def test_what_is_a_programs_own_name(self, base: str, head: str, text: str, shown: str) -> None:
        assert OwnPaths(Path(base), Path(head)).without(text) == shown


class TestStandardInput:
    def test_it_is_the_input(self, observe: Callable[..., Behaviour], tmp_path: Path) -> None:
        (tmp_path / "in.txt").write_text("x")
        runner = plays(lambda _: None)
        check = replace(CHECK, command=("{bin}",), stdin="{input}")
        observe(runner, Input(name="in", project="in", source=tmp_path / "in.txt", path="in.txt"), check)
        assert [command.stdin for command in runner.commands] == [tmp_path / "runs" / "000000" / "work" / "in.txt"]

    def test_or_a_file_of_the_checks_own(self, observe: Callable[..., Behaviour], tmp_path: Path) -> None:
        runner = plays(lambda _: None)
        observe(runner, check=replace(CHECK, stdin=str(tmp_path / "all.txt")))
        assert [command.stdin for command in runner.commands] == [tmp_path / "all.txt"]


def test_a_program_that_cannot_be_started_says_so_on_the_end(observe: Callable[..., Behaviour]) -> None:
    def cannot(_: Command) -> Finished:
        raise MissingError("cannot run 'tool': No such file or directory")

    found = observe(FakeRunner().on("*", cannot))
    assert (found.exit_code, found.stderr.text) == (127, "cannot run 'tool': No such file or directory")
