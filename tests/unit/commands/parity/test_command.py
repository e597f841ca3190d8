"""``trimtab parity`` as it is typed, with programs that are played."""

from __future__ import annotations

import contextlib
import errno
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.fakes.programs import native, text_of
from tests.fakes.runner import FakeRunner, finished
from tests.unit.conftest import Said
from tests.unit.test_schemas import validator
from trimtab.cli.app import run
from trimtab.commands.parity.run import parity
from trimtab.errors import InputError
from trimtab.system.process import Command, Finished

IN_PLACE = "the programs were run where they are, since they may need what lies there"
CHECK = ("--check", "lint={bin} check {input}", "--inputs", "corpus/**/*.py")


@dataclass
class Programs(FakeRunner):
    """Programs known by what their file says; each prints its input, unless a test says otherwise."""

    says: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    """Program and last word of the command → what it prints, run after run; the last one repeats."""

    def __post_init__(self) -> None:
        super().__init__()

    def otherwise(self, command: Command) -> Finished:
        program, last = text_of(Path(command.argv[0])), command.argv[-1]
        assert command.outputs
        answers = self.says.get((program, last), [last])
        text = answers.pop(0) if len(answers) > 1 else answers[0]
        command.outputs[0].write_text("" if text.startswith("!") else f"{text}\n")
        command.outputs[1].write_text(text[1:] if text.startswith("!") else "")
        code = 127 if text == "!not found" else 101 if text.startswith("!") else 0
        return finished(exit_code=code, timed_out=text == "!forever")

    seen: list[str] = field(default_factory=list)

    def run(self, command: Command) -> Finished:
        """Remember which program it was: its path is that of the other one too."""
        self.seen.append(text_of(Path(command.argv[0])) if Path(command.argv[0]).exists() else "")
        return super().run(command)


@dataclass
class Parity:
    """A command line in a folder with two programs and a corpus."""

    programs: Programs
    capture: pytest.CaptureFixture[str]

    def __call__(self, *arguments: str) -> Said:
        self.capture.readouterr()
        code = run(["parity", *arguments])
        out, err = self.capture.readouterr()
        return Said(code, out, err)

    def document(self, *arguments: str) -> dict[str, object]:
        """What it says in JSON."""
        found: dict[str, object] = json.loads(self("old", "new", "--jobs", "1", "-q", "--json", *arguments).out)
        validator("parity").validate(found)
        return found


@pytest.fixture
def trimtab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Parity:
    """Programs ``old``, ``new`` and a twin of the first, and a corpus of three files."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    programs = Programs()
    for module in ("trimtab.cli.parity", "trimtab.commands.parity.run"):
        monkeypatch.setattr(f"{module}.SystemRunner", lambda: programs)
    for name, text in (("old", "old"), ("new", "new"), ("twin", "old")):
        (tmp_path / name).write_bytes(native(text))
        (tmp_path / name).chmod(0o755)
    for name in ("requests/api.py", "requests/types.py", "flask/app.py"):
        place = tmp_path / "corpus" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text("import os\n")
    return Parity(programs, capsys)


def tools(folder: Path, programs: dict[str, bytes]) -> None:
    """A program in a folder of its own for each side, with a file beside it."""
    for side, program in programs.items():
        (folder / side).mkdir()
        (folder / side / "tool").write_bytes(program)
        (folder / side / "tool").chmod(0o755)
        (folder / side / "lib.sh").write_text(f"lib of {side}")


def outcomes(document: dict[str, object], kind: str) -> list[str]:
    checks = document["checks"]
    assert isinstance(checks, Sequence)
    return [one["input"] for check in checks for one in check[kind]]


class TestOrderOfRuns:
    def test_where_both_agree_each_is_run_once(self, trimtab: Parity) -> None:
        document = trimtab.document(*CHECK)
        assert document["counts"] == {"inputs": 3, "same": 3, "differ": 0, "flaky": 0, "not_compared": 0}
        assert sorted(trimtab.programs.seen) == ["new"] * 3 + ["old"] * 3

    def test_where_they_differ_both_are_run_three_times_more(self, trimtab: Parity) -> None:
        trimtab.programs.says["new", "corpus/flask/app.py"] = ["other"]
        document = trimtab.document(*CHECK)
        assert outcomes(document, "differences") == ["corpus/flask/app.py"]
        assert sorted(trimtab.programs.seen) == ["new"] * 6 + ["old"] * 6

    def test_a_baseline_that_does_not_agree_with_itself_is_flaky(self, trimtab: Parity) -> None:
        trimtab.programs.says["old", "corpus/flask/app.py"] = ["one", "corpus/flask/app.py", "three"]
        document = trimtab.document(*CHECK)
        assert outcomes(document, "differences") == []
        assert outcomes(document, "flaky") == ["corpus/flask/app.py"]
        assert document["headline"] == "no differences over 2 inputs; 1 flaky set aside"

    def test_a_baseline_that_does_not_hides_no_crash_of_head(self, trimtab: Parity) -> None:
        trimtab.programs.says["old", "corpus/flask/app.py"] = ["12:01", "12:02", "12:03", "12:04"]
        trimtab.programs.says["new", "corpus/flask/app.py"] = ["!thread 'main' (3) panicked at src/main.rs:1:1:"]
        said = trimtab("old", "new", *CHECK)
        assert said.code == 1
        assert "@@ corpus/flask/app.py exit code 0 → panic (exit code 101) @@" in said.out
        assert "stdout: set aside, base does not agree with itself" in said.out

    def test_a_candidate_that_never_does_as_the_baseline_is_a_difference(self, trimtab: Parity) -> None:
        trimtab.programs.says["new", "corpus/flask/app.py"] = ["one", "two"]
        document = trimtab.document(*CHECK)
        (difference,) = document["checks"][0]["differences"]  # type: ignore[index]
        assert difference["stable"] is False

    def test_one_that_sometimes_does_is_flaky(self, trimtab: Parity) -> None:
        trimtab.programs.says["new", "corpus/flask/app.py"] = ["one", "corpus/flask/app.py"]
        assert outcomes(trimtab.document(*CHECK), "flaky") == ["corpus/flask/app.py"]

    def test_all_runs_of_an_input_have_one_path(self, trimtab: Parity, tmp_path: Path) -> None:
        tools(tmp_path, {"a": native("old"), "b": native("new")})
        trimtab.programs.says["new", "corpus/flask/app.py"] = ["other"]
        trimtab("a/tool", "b/tool", *CHECK)
        places = {(command.argv[0], str(command.cwd)) for command in trimtab.programs.commands}
        assert len(places) == 3


class TestParity:
    def test_the_exit_code_tells(self, trimtab: Parity) -> None:
        assert trimtab("old", "new", *CHECK).code == 0
        trimtab.programs.says["new", "corpus/flask/app.py"] = ["other"]
        said = trimtab("old", "new", *CHECK)
        assert said.code == 1
        assert said.out.startswith("1 of 3 inputs differ (+1 -1 lines in 1 project)\nold → new; ")
        assert "    -corpus/flask/app.py\n    +other\n" in said.out
        assert said.err == "lint: 3 inputs\n"

    def test_markdown(self, trimtab: Parity) -> None:
        trimtab.programs.says["new", "corpus/flask/app.py"] = ["other"]
        said = trimtab("old", "new", *CHECK, "--markdown")
        assert said.code == 1
        assert "```diff\n@@ corpus/flask/app.py @@\n-corpus/flask/app.py\n+other\n```" in said.out

    def test_of_identical_programs_nothing_is_run(self, trimtab: Parity) -> None:
        said = trimtab("old", "twin", *CHECK)
        assert said.code == 0
        assert said.out.startswith("identical: the same bytes, nothing was run\n")
        assert trimtab.programs.commands == []

    def test_endings_are_told_apart(self, trimtab: Parity) -> None:
        says = trimtab.programs.says
        says["new", "corpus/flask/app.py"] = ["!thread 'main' (3) panicked at src/main.rs:1:1:"]
        says["new", "corpus/requests/api.py"] = ["!forever"]
        document = trimtab.document(*CHECK)
        ends = {one["input"]: one["head"]["ending"] for one in document["checks"][0]["differences"]}  # type: ignore[index]
        assert ends == {"corpus/flask/app.py": "panic", "corpus/requests/api.py": "time-out"}

    def test_where_nothing_could_be_compared_it_is_no_pass(self, trimtab: Parity) -> None:
        for side in ("old", "new"):
            for name in ("flask/app.py", "requests/api.py", "requests/types.py"):
                trimtab.programs.says[side, f"corpus/{name}"] = ["!forever"]
        said = trimtab("old", "new", *CHECK)
        assert said.code == 1
        assert said.out.startswith("none of 3 inputs could be compared; 3 not compared\n")
        assert "lint: none of 3 inputs could be compared, 3 not compared\n" in said.out
        assert "  not compared: corpus/flask/app.py (time-out on both sides)\n" in said.out
        assert "note: lint: nothing could be compared, which is no pass\n" in said.out
        document = trimtab.document(*CHECK)
        assert document["counts"] == {"inputs": 3, "same": 0, "differ": 0, "flaky": 0, "not_compared": 3}

    def test_an_input_that_cannot_be_read_is_left_out(self, trimtab: Parity, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuses(source: Path, place: Path) -> None:
            if source.name == "app.py":
                raise PermissionError(errno.EACCES, "Permission denied", str(source))
            place.write_bytes(source.read_bytes())

        monkeypatch.setattr("trimtab.commands.parity.sandbox.shutil.copy2", refuses)
        trimtab.programs.says["new", "corpus/requests/api.py"] = ["other"]
        document = trimtab.document(*CHECK)
        assert outcomes(document, "differences") == ["corpus/requests/api.py"]
        ((_, reason),) = [(one["input"], one["reason"]) for one in document["checks"][0]["not_compared"]]  # type: ignore[index]
        assert reason.endswith("corpus/flask/app.py cannot be copied: Permission denied")
        assert document["checks"][0]["endings"] == [{"ending": "exit", "base": 2, "head": 2}]  # type: ignore[index]

    def test_runs_that_all_fail_alike_raise_a_doubt(self, trimtab: Parity) -> None:
        for side in ("old", "new"):
            for name in ("flask/app.py", "requests/api.py", "requests/types.py"):
                trimtab.programs.says[side, f"corpus/{name}"] = ["!usage: tool [FILE]"]
        said = trimtab("old", "new", *CHECK)
        assert said.out.startswith("no differences over 3 inputs\n")
        assert "  exit 101: 3 → 3\n" in said.out
        assert "note: lint: no run of base ended with exit code 0" in said.out

    def test_how_to_repeat_it(self, trimtab: Parity) -> None:
        line = "to repeat: trimtab parity old new --check 'lint={bin} check {input}' --inputs 'corpus/**/*.py'"
        assert trimtab("old", "new", *CHECK).out.endswith(f"\n{line}\n")
        said = trimtab("old", "new", *CHECK, "--markdown")
        assert said.out.endswith("--inputs 'corpus/**/*.py' --markdown`\n")

    def test_files_beside_a_native_program_come_with_it(self, trimtab: Parity, tmp_path: Path) -> None:
        tools(tmp_path, {"a": native("a"), "b": native("b")})
        found = list[str]()

        def look(command: Command) -> Finished:
            found.append(Path(command.argv[0]).with_name("lib.sh").read_text())
            return trimtab.programs.otherwise(command)

        trimtab.programs.on("* check *", look)
        assert trimtab("a/tool", "b/tool", *CHECK, "--jobs", "1").code == 0
        assert found == ["lib of a", "lib of b"] * 3

    def test_equal_programs_with_other_files_beside_them_are_run(self, trimtab: Parity, tmp_path: Path) -> None:
        tools(tmp_path, {"a": native(), "b": native()})
        assert trimtab("a/tool", "b/tool", *CHECK).out.startswith("no differences over 3 inputs\n")
        (tmp_path / "b" / "lib.sh").write_text("lib of a")
        assert trimtab("a/tool", "b/tool", *CHECK).out.startswith("identical")

    @pytest.mark.parametrize("program", [b"#!/bin/sh\n", native(runpath="$ORIGIN/../lib")])
    def test_what_needs_its_place_is_run_there(self, trimtab: Parity, tmp_path: Path, program: bytes) -> None:
        tools(tmp_path, {"a": program, "b": program})

        def says(command: Command) -> Finished:
            assert command.outputs
            command.outputs[0].write_text(f"{command.argv[0]}: {Path(command.argv[0]).with_name('lib.sh').read_text()}")
            command.outputs[1].touch()
            return finished()

        trimtab.programs.on("* check *", says)
        said = trimtab("a/tool", "b/tool", *CHECK)
        assert said.code == 1
        assert {command.argv[0] for command in trimtab.programs.commands} == {
            str(tmp_path / side / "tool") for side in "ab"
        }
        assert "    -[program]/tool: lib of a\n    +[program]/tool: lib of b\n" in said.out
        assert f"note: {IN_PLACE}" in said.out

    def test_many_files_beside_a_program_leave_it_in_its_place(self, trimtab: Parity, tmp_path: Path) -> None:
        for number in range(101):
            (tmp_path / f"{number}").touch()
        assert f"note: {IN_PLACE}" in trimtab("old", "new", *CHECK).out

    def test_what_starts_on_neither_side_is_no_pass(self, trimtab: Parity) -> None:
        for side in ("old", "new"):
            trimtab.programs.says[side, "corpus/flask/app.py"] = ["!not found"]
        said = trimtab("old", "new", *CHECK)
        assert said.code == 1
        assert said.out.startswith("no differences over 2 inputs; 1 not compared\n")
        assert "corpus/flask/app.py (not started (exit code 127: not found) on both sides)\n" in said.out
        assert "note: lint: with 1 input neither side starts, which is no pass" in said.out

    def test_what_starts_on_one_side_only_is_a_difference(self, trimtab: Parity) -> None:
        trimtab.programs.says["new", "corpus/flask/app.py"] = ["!not found"]
        document = trimtab.document(*CHECK)
        assert outcomes(document, "differences") == ["corpus/flask/app.py"]

    def test_a_line_that_only_one_side_has_differs_beside_random_ones(self, trimtab: Parity) -> None:
        old, new = (
            [f"{number}\nanswer {answer}" for number in range(answer * 20, answer * 20 + 15)] for answer in (1, 2)
        )
        says = trimtab.programs.says
        says["old", "corpus/flask/app.py"], says["new", "corpus/flask/app.py"] = old, new
        (difference,) = trimtab.document(*CHECK)["checks"][0]["differences"]  # type: ignore[index]
        (change,) = difference["changes"]
        assert (change["removed"], change["added"]) == (["answer 1"], ["answer 2"])
        assert change["remark"] == "lines that differ from run to run are left out"
        assert trimtab.programs.seen.count("old") == 2 + 10

    def test_standard_input(self, trimtab: Parity, tmp_path: Path) -> None:
        found = list[bytes]()

        def reads(command: Command) -> Finished:
            assert command.stdin
            found.append(command.stdin.read_bytes())
            return trimtab.programs.otherwise(command)

        trimtab.programs.on("*", reads)
        arguments = ("--check", "lint={bin}", "--stdin", "{input}", "--inputs", "corpus/flask/*")
        assert trimtab("old", "new", *arguments).code == 0
        (tmp_path / "all.txt").write_text("all")
        assert trimtab("old", "new", "--check", "lint={bin}", "--stdin", "all.txt").code == 0
        assert found == [b"import os\n"] * 2 + [b"all"] * 2

    def test_smoke_runs_where_nothing_is_declared(self, trimtab: Parity) -> None:
        trimtab.programs.says["new", "--version"] = ["2"]
        document = trimtab.document()
        assert [(check["name"], check["counts"]["differ"]) for check in document["checks"]] == [  # type: ignore[attr-defined]
            ("help", 0), ("version", 1),
        ]  # fmt: skip
        assert document["notes"] == ["nothing is declared: only --help and --version were run", IN_PLACE]

    def test_checks_of_a_folder_above(self, trimtab: Parity, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "trimtab.toml").write_text(
            '[[parity]]\nname = "lint"\ncommand = ["{bin}", "{input}"]\ninputs = "corpus/flask/*"\n'
        )
        below = tmp_path / "crates" / "app"
        below.mkdir(parents=True)
        monkeypatch.chdir(below)
        said = trimtab("../../old", "../../new", "--json", "-q")
        assert [check["name"] for check in json.loads(said.out)["checks"]] == ["lint"]
        (tmp_path / "crates" / ".git").mkdir()  # it is another project that has them
        said = trimtab("../../old", "../../new", "--json", "-q")
        assert [check["name"] for check in json.loads(said.out)["checks"]] == ["help", "version"]

    def test_checks_from_the_file(self, trimtab: Parity, tmp_path: Path) -> None:
        (tmp_path / "trimtab.toml").write_text(
            '[[parity]]\nname = "lint"\ncommand = ["{bin}", "x y", "{input}"]\ninputs = "corpus/flask/*"\n'
            'timeout = "5s"\nnormalise = ["times"]\n'
        )
        says = trimtab.programs.says
        says["old", "corpus/flask/app.py"], says["new", "corpus/flask/app.py"] = ["took 1s"], ["took 2s"]
        document = trimtab.document()
        assert document["counts"] == {"inputs": 1, "same": 1, "differ": 0, "flaky": 0, "not_compared": 0}
        assert document["notes"] == [IN_PLACE]
        command = trimtab.programs.commands[0]
        assert (command.argv[1], command.timeout) == ("x y", 5.0)
        trimtab.document("--timeout", "3s")
        assert trimtab.programs.commands[-1].timeout == 3.0

    def test_normalisers_of_the_command_line(self, trimtab: Parity) -> None:
        trimtab.programs.says["new", "corpus/flask/app.py"] = ["12:00:00"]
        trimtab.programs.says["old", "corpus/flask/app.py"] = ["12:00:01"]
        assert trimtab("old", "new", *CHECK, "--normalise", "times", "--normalise", "order").code == 0

    def test_from_python(self, trimtab: Parity) -> None:
        trimtab.programs.says["new", "corpus/flask/app.py"] = ["other"]
        found = parity("old", "new", {"lint": "{bin} check {input}"}, inputs="corpus/**/*.py")
        assert (found.inputs, found.differ) == (3, 1)

    @pytest.mark.parametrize(
        ("arguments", "what"),
        [
            (("old",), "Missing argument 'HEAD'"),
            (("old", "gone", *CHECK), "no such file, study, profile or revision: 'gone'"),
            (("old", "new", "--inputs", "*.py"), "--inputs is for --check, and there is none"),
            (("old", "new", "--normalise", "times"), "--normalise is for --check"),
            (("old", "new", "--check", "lint"), "'lint' is not a check"),
            (("old", "new", "--check", "a b={bin}"), "'a b' cannot name a check"),
            (("old", "new", "--check", "a={bin} 'x"), "has a quote that is not closed"),
            (("old", "new", "--check", "a=x {input}"), "does not run {bin}"),
            (("old", "new", "--check", "a={bin} < {input}", "--inputs", "*"), "the check 'a' has <, standard input"),
            (("old", "new", "--check", "a={bin}", "--stdin", "gone"), "the check 'a' has no such file for stdin"),
            (("old", "new", "--check", "a={python} -c 1"), "{python} is the interpreter of a wheel"),
            (("old", "new", "--check", "a={bin} {input}"), "the check 'a' has no inputs"),
            (("old", "new", "--check", "a={bin} x", "--inputs", "*"), "does not use {input}"),
            (("old", "new", "--check", "a={bin}", "--check", "a={bin} x"), "two checks are called 'a'"),
            (("old", "new", "--check", "a={bin} {input}", "--inputs", "gone/*"), "has no inputs: nothing matches"),
            (("old", "new", *CHECK, "--timeout", "soon"), "'soon' is not a duration"),
            (("old", "new", *CHECK, "--jobs", "0"), "0 is not in the range"),
            (("old", "new", "--json", "--markdown"), "exclude each other"),
            (("old", "plain", *CHECK), "plain may not be executed"),
        ],
    )  # fmt: skip
    def test_mistakes_are_two_or_three_lines(
        self, trimtab: Parity, tmp_path: Path, arguments: tuple[str, ...], what: str
    ) -> None:
        (tmp_path / "plain").write_text("plain")
        said = trimtab(*arguments)
        assert (said.code, said.out) == (2, "")
        assert what in said.errors[0]
        assert 2 <= len(said.errors) <= 3
        assert trimtab.programs.commands == []


class TestStopping:
    def test_an_interrupt_keeps_what_was_run(self, trimtab: Parity, monkeypatch: pytest.MonkeyPatch) -> None:
        def interrupts(text: str) -> None:
            if "1 of" in text:
                raise KeyboardInterrupt

        monkeypatch.setattr("trimtab.cli.parity.status_line", lambda **_: contextlib.nullcontext(interrupts))
        said = trimtab("old", "new", *CHECK, "--jobs", "1", "--json")
        assert said.code == 130
        document = json.loads(said.out)
        assert document["complete"] is False
        assert 1 <= document["counts"]["inputs"] <= 3

    def test_an_error_of_one_run_ends_all(self, trimtab: Parity, monkeypatch: pytest.MonkeyPatch) -> None:
        def breaks(_: Command) -> Finished:
            raise InputError("it breaks", hint="mend it")

        monkeypatch.setattr(trimtab.programs, "otherwise", breaks)
        said = trimtab("old", "new", *CHECK)
        assert said.code == 2
        assert "error: it breaks" in said.err
