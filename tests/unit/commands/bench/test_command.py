"""``trimtab bench`` as it is typed, with programs that take the time they are told to."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.fakes.programs import native, text_of
from tests.fakes.runner import finished
from tests.unit.conftest import Said
from tests.unit.measure.test_paired import Programs
from tests.unit.test_schemas import validator
from trimtab.cli.app import run
from trimtab.errors import MissingError


class Bencher:
    """A command line whose programs are played."""

    def __init__(self, programs: Programs, capture: pytest.CaptureFixture[str]) -> None:
        self.programs = programs
        self._capture = capture

    def bench(self, *arguments: str) -> Said:
        """Run ``trimtab bench``."""
        self._capture.readouterr()
        code = run(["bench", *arguments])
        out, err = self._capture.readouterr()
        return Said(code, out, err)


@pytest.fixture
def bencher(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Bencher:
    """Runs of ``old``, ``new``, ``fast`` and of files of these names."""
    monkeypatch.chdir(tmp_path)
    programs = Programs({"old": 0.1, "new": 0.13, "fast": 0.06})
    original = programs.otherwise

    def by_name(command):  # type: ignore[no-untyped-def]
        path = Path(command.argv[0])
        if path.is_absolute():  # a copy of a binary: its text is its name
            command = type(command)(argv=(text_of(path), *command.argv[1:]))
        return original(command)

    monkeypatch.setattr(programs, "otherwise", by_name)
    monkeypatch.setattr("trimtab.cli.bench.SystemRunner", lambda: programs)
    for name in ("old", "new", "fast"):
        (tmp_path / name).write_bytes(native(name))
    (tmp_path / "twin").write_bytes(native("old"))
    return Bencher(programs, capsys)


class TestBench:
    def test_two_commands(self, bencher: Bencher) -> None:
        said = bencher.bench("old x", "new x")
        assert (said.code, said.err) == (0, "")
        assert said.out.startswith("2 regressed, worst bench ")
        assert "old x → new x" in said.out
        assert "bench, null control" in said.out
        assert "not called" in said.out

    def test_the_document(self, bencher: Bencher) -> None:
        document = json.loads(bencher.bench("old", "new", "fast", "--json").out)
        validator("comparison").validate(document)
        assert document["counts"] == {"regressed": 2, "improved": 2, "unclear": 0, "same": 4, "identical": 0}
        assert [row["verdict"] for row in document["rows"]] == ["regressed"] * 2 + ["improved"] * 2 + ["same"] * 4
        assert document["headline"].startswith("2 regressed, worst bench, new ")
        assert "2 improved, typically by " in document["headline"]
        assert document["command"] == "trimtab bench old new fast --json"

    def test_binaries_in_the_place_of_bin(self, bencher: Bencher) -> None:
        binaries = ("--bin", "base=old", "--bin", "head=new", "--bin", "twin=twin")
        said = bencher.bench(*binaries, "--json", "--", "{bin}", "check", "x y")
        document = json.loads(said.out)
        assert (document["base"], document["heads"]) == ("base", ["head", "twin"])
        verdicts = {(row["subject"], row["verdict"]) for row in document["rows"]}
        assert verdicts == {("bench, head", "regressed"), ("bench, head", "same"), ("bench, twin", "identical")}
        ran = {command.argv[1:] for command in bencher.programs.commands}
        assert ran == {("check", "x y")}
        assert len({len(command.argv[0]) for command in bencher.programs.commands}) == 1

    def test_several_benches_from_the_command_line_and_from_the_file(self, bencher: Bencher, tmp_path: Path) -> None:
        pair = ("--bin", "base=old", "--bin", "head=new", "--json")
        document = json.loads(bencher.bench(*pair, "--bench", "a={bin} a", "--bench", "b={bin} b").out)
        assert {row["subject"] for row in document["rows"]} == {"a", "b"}
        (tmp_path / "trimtab.toml").write_text('[[bench]]\nname = "filed"\ncommand = "{bin} filed"\n')
        document = json.loads(bencher.bench(*pair).out)
        assert {row["subject"] for row in document["rows"]} == {"filed"}

    def test_all_runs_in_hyperfines_format(self, bencher: Bencher, tmp_path: Path) -> None:
        bencher.bench("old", "new", "--runs", "5", "--export-json", "runs.json")
        results = json.loads((tmp_path / "runs.json").read_text())["results"]
        assert [result["command"] for result in results] == ["old", "new"]
        for result in results:
            assert len(result["times"]) == len(result["exit_codes"]) == 5
            assert result["min"] <= result["median"] <= result["max"]
            assert result["user"] + result["system"] == pytest.approx(result["mean"] * 0.9)

    def test_markdown(self, bencher: Bencher) -> None:
        said = bencher.bench("old", "new", "--markdown")
        assert said.out.startswith("**2 regressed, worst bench ")
        assert "| ❌ | bench | wall |" in said.out

    def test_a_shell_only_where_it_is_asked_for(self, bencher: Bencher) -> None:
        bencher.programs.on("sh -c *", finished(wall=0.1, cpu=0.1))
        bencher.bench("old | cat", "new | cat", "--shell", "sh", "--runs", "3")
        assert set(bencher.programs.lines) == {"sh -c old | cat", "sh -c new | cat"}

    @pytest.mark.parametrize(
        ("arguments", "what"),
        [
            (("old",), "there is nothing to compare"),
            ((), "there is nothing to compare"),
            (("old", ""), "a command is empty"),
            (("old", "'new"), "a quote is not closed"),
            (("old | cat", "new"), "this command needs a shell"),
            (("{bin} x", "{bin} y"), "nothing stands for {bin}"),
            (("--bench", "a={bin}"), "--bench needs binaries"),
            (("--bin", "base=old", "--", "{bin}"), "there is nothing to compare"),
            (("--bin", "base=old", "--bin", "head=gone", "--", "{bin}"), "the binary cannot be read"),
            (("--bin", "base=old", "--bin", "base=new", "--", "{bin}"), "two binaries are called 'base'"),
            (("--bin", "old", "--", "{bin}"), "is no binary with a name"),
            (("--bin", "base=old", "--bin", "head=new", "--", "x"), "does not run {bin}"),
            (("--bin", "base=old", "--bin", "head=new"), "there is no command to run"),
            (("old", "new", "--budget", "0s"), "'0s' is not a duration"),
            (("old", "new", "--smallest-change", "-3%"), "is no smallest change"),
            (("old", "new", "--input", "gone"), "there is no such input"),
            (("old", "new", "--json", "--markdown"), "exclude each other"),
            (("old", "new", "--runs", "3", "--export-json", "no/where"), "cannot write this file"),
        ],
    )  # fmt: skip
    def test_mistakes_are_two_or_three_lines(self, bencher: Bencher, arguments: tuple[str, ...], what: str) -> None:
        said = bencher.bench(*arguments)
        assert (said.code, said.out) == (2, "")
        assert what in said.errors[0]
        assert 2 <= len(said.errors) <= 3
        assert all(one.startswith(("error: ", "  in: ", "  do: ")) for one in said.errors)

    def test_a_command_that_does_not_exist(self, bencher: Bencher) -> None:
        bencher.programs.on("gone", MissingError("cannot run 'gone': not found"))
        said = bencher.bench("old", "gone")
        assert said.code == 2
        assert said.errors[0] == "error: cannot run 'gone': not found"

    def test_a_command_that_fails(self, bencher: Bencher) -> None:
        bencher.programs.fails["new"] = finished(stderr="no such option", exit_code=2)
        said = bencher.bench("old", "new")
        assert said.code == 2
        assert said.errors[0] == "error: bench: new fails: exit code 2: no such option"

    def test_programs_that_print_different_amounts_are_named(self, bencher: Bencher) -> None:
        bencher.programs.on("new", replace(finished(wall=0.13, cpu=0.1), printed=1234))
        assert "note: bench: new prints 1,234 bytes, old 0: is it the same work?" in bencher.bench("old", "new").out
