"""``trimtab bench`` as it is typed, with programs that take the time they are told to."""

from __future__ import annotations

import json
import re
import shlex
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
        assert (said.code, said.err) == (1, "")
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

    @pytest.mark.parametrize("arguments", [(), ("-S", "default"), ("--shell", "sh")])
    def test_a_shell_where_one_of_the_commands_needs_it(self, bencher: Bencher, arguments: tuple[str, ...]) -> None:
        bencher.programs.on("sh -c *", finished(wall=0.1, cpu=0.1))
        said = bencher.bench("old | cat", "new", *arguments, "--runs", "3")
        assert set(bencher.programs.lines) == {"sh -c old | cat", "sh -c new"}
        assert ("all commands are run by sh, which 'old | cat' needs" in said.out) is not bool(arguments)

    def test_the_shell_that_is_asked_for(self, bencher: Bencher) -> None:
        bencher.programs.on("bash *", finished(wall=0.1, cpu=0.1))
        bencher.bench("old", "-S", "bash --norc", "--runs", "3")
        assert {command.argv for command in bencher.programs.commands} == {("bash", "--norc", "-c", "old")}

    def test_a_shell_for_benches_has_the_binary_quoted(self, bencher: Bencher, tmp_path: Path) -> None:
        (tmp_path / "it's").mkdir()
        (tmp_path / "it's" / "old").write_bytes(native("old"))
        bencher.programs.on("sh *", finished(wall=0.1, cpu=0.1))
        pair = ("--bin", "base=it's/old", "--bin", "head=new", "--runs", "3")
        bencher.bench(*pair, "-S", "sh", "--bench", "x={bin} < in")
        bencher.bench(*pair, "--", "{bin} < in")
        lines = {command.argv[-1] for command in bencher.programs.commands if "it'" in command.argv[-1]}
        assert [shlex.split(line)[1:] for line in lines] == [["<", "in"]]
        assert {shlex.split(line)[0].replace("//", "/") for line in lines} == {str(tmp_path / "it's" / "old")}

    @pytest.mark.parametrize(
        ("arguments", "what"),
        [
            ((), "there is no command to run"),
            (("old", ""), "a command is empty"),
            (("old", "'new", "-N"), "this command has a quote that is not closed"),
            (("old | cat", "new", "--shell", "none"), "this command has |, a pipe to a shell"),
            (("old", "new", "-N", "-S", "sh"), "-N and --shell exclude each other"),
            (("old", "-S", "'"), '"\'" is no shell'),
            (("old", "-n", "a", "-n", "b"), "2 names are given for 1 command"),
            (("old", "-L", "x", "1,2", "-n", "a", "-n", "b", "-n", "c"), "3 names are given for 2 commands"),
            (("old", "-L", "x", "1", "-L", "x", "2"), "two parameters are called 'x'"),
            (("old", "-L", "x", "1", "-P", "x", "1", "2"), "exclude each other"),
            (("old", "-P", "x", "2", "1"), "from 2 to 1 there are no values"),
            (("old", "-P", "x", "a", "1"), "a, 1 and 1 are not all numbers"),
            (("old", "-P", "x", "0", "1e9"), "there are more than 100,000 values"),
            (("old", "-P", "x", "0", "1", "-D", "0"), "0 is no step"),
            (("old", "-D", "1"), "--parameter-step-size is for --parameter-scan"),
            (("old", "--reference-name", "x"), "--reference-name is for --reference"),
            (("old", "new", "-p", "a", "-p", "b", "-p", "c"), "--prepare is given 3 times, and there are 2 commands"),
            (("old", "--output", "x"), "'x' is no destination"),
            (("old", "--output", "null", "--output", "pipe"), "--output is given 2 times for 1 commands"),
            (("old", "--show-output", "--style", "full"), "--show-output takes neither"),
            (("old", "-r", "1", "-m", "2"), "--runs is an exact number"),
            (("old", "-m", "3", "-M", "2"), "--min-runs is more than --max-runs"),
            (("old", "--ignore-failure=x"), "'x' are no exit codes"),
            (("old", "--import-json", "x"), "--import-json runs nothing"),
            (("--import-json", "gone"), "it cannot be read"),
            (("--bin", "base=old", "--bin", "head=new", "--bench", "x={bin} < in"), "the bench 'x' has <"),
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
        assert said.code == 1
        assert said.errors[0] == "error: cannot run 'gone': not found"

    def test_a_command_that_fails(self, bencher: Bencher) -> None:
        bencher.programs.fails["new"] = finished(stderr="no such option", exit_code=2)
        said = bencher.bench("old", "new")
        assert said.code == 1
        assert said.errors[0] == "error: bench: new fails: exit code 2: no such option"

    def test_programs_that_print_different_amounts_are_named(self, bencher: Bencher) -> None:
        bencher.programs.on("new", replace(finished(wall=0.13, cpu=0.1), printed=1234))
        assert "note: bench: new prints 1,234 bytes, old 0: is it the same work?" in bencher.bench("old", "new").out


def argvs(bencher: Bencher) -> list[tuple[str, ...]]:
    return [command.argv for command in bencher.programs.commands]


class TestHyperfinesOptions:
    """Options of hyperfine, and its words for them."""

    def test_a_command_alone_is_timed(self, bencher: Bencher) -> None:
        said = bencher.bench("old", "--runs", "4")
        assert said.code == 0
        assert re.match(r"old: \S+ m?s ± \S+ ms \(mean and standard deviation\), .*, 4 runs; user ", said.out)
        document = json.loads(bencher.bench("old", "--runs", "4", "--json").out)
        validator("comparison").validate(document)
        assert (document["rows"], document["null"], document["heads"]) == ([], [], [])
        assert document["notes"][0].startswith("old: ")

    def test_one_run_and_no_warm_up(self, bencher: Bencher) -> None:
        assert bencher.bench("old", "-w", "0", "-r", "1", "--export-json", "runs.json").code == 0
        assert argvs(bencher) == [("old",)]
        (result,) = json.loads(Path("runs.json").read_text())["results"]
        assert (result["stddev"], len(result["times"])) == (None, 1)

    def test_the_number_of_runs_has_bounds(self, bencher: Bencher) -> None:
        for bound, count in (("--min-runs", 40), ("--max-runs", 4)):
            found = bencher.bench("old", "fast", bound, str(count), "-w", "0", "--json")
            assert {row["runs"] for row in json.loads(found.out)["rows"] if row["mode"] == "paired"} == {count}

    def test_parameters(self, bencher: Bencher) -> None:
        bencher.bench("old {a}{b}", "new {a}", "-L", "a", "1,2", "-L", "b", "x,{a}", "-w", "0", "-r", "1")
        ran = [" ".join(argv) for argv in argvs(bencher)]
        assert sorted(set(ran)) == ["new 1", "new 2", "old 1x", "old 1{a}", "old 2x", "old 2{a}"]

    def test_parameters_are_in_helpers_names_and_exports_too(self, bencher: Bencher) -> None:
        arguments = ("-P", "n", "0.5", "1.5", "-D", "0.5", "-n", "n is {n}", "-p", "make {n}", "-w", "0", "-r", "1")
        bencher.programs.on("sh *", finished())
        assert bencher.bench("old {n}", *arguments, "--export-json", "runs.json").code == 0
        helpers = [argv[-1] for argv in argvs(bencher) if argv[0] == "sh"]
        assert sorted(set(helpers)) == ["make 0.5", "make 1.0", "make 1.5"]
        results = json.loads(Path("runs.json").read_text())["results"]
        assert [(result["command"], result["parameters"]) for result in results] == [
            (f"n is {value}", {"n": value}) for value in ("0.5", "1.0", "1.5")
        ]

    def test_a_parameter_that_no_command_uses_is_shown(self, bencher: Bencher) -> None:
        said = bencher.bench("old", "-L", "branch", "main,topic", "-r", "3")
        assert "old (branch = main) → old (branch = topic)" in said.out

    def test_the_reference_is_the_baseline(self, bencher: Bencher) -> None:
        document = json.loads(
            bencher.bench("new", "fast", "--reference", "old", "--reference-name", "ref", "--json").out
        )
        assert (document["base"], document["heads"]) == ("ref", ["new", "fast"])

    def test_a_helper_for_each_command(self, bencher: Bencher) -> None:
        bencher.programs.on("sh *", finished())
        helpers = ("-s", "s", "-p", "a", "-p", "b", "-C", "c", "-C", "d", "-c", "e")
        bencher.bench("old", "new", *helpers, "-w", "0", "-r", "3")
        ran = [argv[-1] for argv in argvs(bencher)]
        assert ran[:2] == ["s", "s"]
        assert ran[-2:] == ["e", "e"]
        triples = {tuple(ran[index : index + 3]) for index in range(2, len(ran) - 2, 3)}
        assert triples == {("a", "old", "c"), ("b", "new", "d")}

    def test_runs_know_their_number(self, bencher: Bencher) -> None:
        bencher.bench("old", "-w", "2", "-r", "2")
        numbers = [command.environment["HYPERFINE_ITERATION"] for command in bencher.programs.commands]
        assert numbers == ["warmup-0", "warmup-1", "0", "1"]

    def test_outputs(self, bencher: Bencher) -> None:
        bencher.bench(
            "old", "new", "fast", *("--output", "inherit", "--output", "./log", "--output", "pipe"), "-r", "1"
        )
        last = {command.argv[0]: command for command in bencher.programs.commands}
        assert last["old"].inherit
        assert last["new"].outputs == (Path("log"), Path("/dev/null"))
        assert last["fast"].capture
        bencher.bench("old", "--show-output", "-r", "1")
        assert bencher.programs.commands[-1].inherit

    @pytest.mark.parametrize(
        ("arguments", "code"),
        [
            ((), 1),
            (("-i",), 0),
            (("--ignore-failure=all-non-zero",), 0),
            (("-i=3,4",), 0),
            (("--ignore-failure=5",), 1),
        ],
    )
    def test_exit_codes_that_are_no_failures(self, bencher: Bencher, arguments: tuple[str, ...], code: int) -> None:
        bencher.programs.on("odd", finished(wall=0.1, cpu=0.1, exit_code=3))
        said = bencher.bench("odd", "-r", "3", *arguments, "--export-json", "runs.json")
        assert said.code == code
        if not code:
            assert json.loads(Path("runs.json").read_text())["results"][0]["exit_codes"] == [3, 3, 3]

    def test_a_signal_is_128_and_its_number(self, bencher: Bencher) -> None:
        bencher.programs.on("odd", finished(wall=0.1, cpu=0.1, exit_code=-9))
        said = bencher.bench("odd", "-i", "-r", "3", "--export-json", "-", "--style", "none")
        assert json.loads(said.out)["results"][0]["exit_codes"] == [137, 137, 137]

    def test_exports_to_files_and_to_standard_output(self, bencher: Bencher) -> None:
        formats = ("markdown", "asciidoc", "orgmode", "csv", "json")
        arguments = [word for name in formats for word in (f"--export-{name}", f"runs.{name}")]
        said = bencher.bench("old", "new", "-r", "3", *arguments, "--style", "none", "-u", "second")
        assert (said.code, said.out) == (0, "")
        assert Path("runs.markdown").read_text().startswith("| Command | Mean [s] | Min [s] | Max [s] | Relative |\n")
        assert Path("runs.csv").read_text().count("\n") == 3
        said = bencher.bench("old", "-r", "3", "--export-markdown", "-", "--style", "none")
        assert said.out.startswith("\n| Command | Mean [ms] |")

    def test_a_regression_is_bad_news_unless_runs_are_exported(self, bencher: Bencher) -> None:
        assert bencher.bench("old", "new").code == 1
        assert bencher.bench("new", "old").code == 0
        assert bencher.bench("old", "new", "--fail-on", "never").code == 0
        assert bencher.bench("old", "new", "--export-json", "x.json").code == 0
        assert bencher.bench("old", "new", "--export-json", "x.json", "--fail-on", "regressed").code == 1
        assert bencher.bench("new", "old", "--runs", "3", "--fail-on", "unclear").code == 1


class TestImports:
    def files(self, **results: list[dict[str, object]]) -> tuple[str, ...]:
        for name, entries in results.items():
            Path(f"{name}.json").write_text(json.dumps({"results": entries}))
        return tuple(word for name in results for word in ("--import-json", f"{name}.json"))

    def test_commands_of_one_file(self, bencher: Bencher) -> None:
        times = [0.1, 0.11, 0.12, 0.1, 0.11, 0.12, 0.1, 0.11, 0.13, 0.1]
        old = {"command": "old", "mean": 0.11, "times": times, "user": 0.1, "system": 0.01, "exit_codes": [0] * 9 + [1]}
        new = {**old, "command": "new", "times": [2 * time for time in times], "memory_usage_byte": [0] * 10}
        said = bencher.bench(*self.files(runs=[old, new]), "--json")
        document = json.loads(said.out)
        validator("comparison").validate(document)
        assert said.code == 0
        assert bencher.programs.commands == []
        wall, cpu = document["rows"]
        assert (wall["metric"], wall["change"], wall["runs"], wall["mode"]) == ("wall", 1.0, 10, "imported")
        assert wall["low"] < 1.0 < wall["high"]
        assert (cpu["metric"], cpu["change"], cpu["low"]) == ("cpu", 0.0, None)
        assert {row["verdict"] for row in document["rows"]} == {"unclear"}
        assert "old: 1 of 10 runs failed" in document["notes"]
        assert any("Not known: the machine" in note for note in document["notes"])

    def test_the_same_commands_of_two_files(self, bencher: Bencher) -> None:
        first = [{"command": "a", "mean": 1.0}, {"command": "b", "mean": 2.0}]
        second = [{"command": "b", "mean": 3.0}]
        said = bencher.bench(*self.files(main=first, topic=second))
        assert "main → topic; measured elsewhere" in said.out
        assert "+50.0 %" in said.out
        assert "note: a is not in topic" in said.out

    def test_what_hyperfine_would_export_of_parameters(self, bencher: Bencher) -> None:
        results = [{"command": "x", "mean": 1.0, "parameters": {"n": str(n)}} for n in (1, 2, 3)]
        document = json.loads(bencher.bench(*self.files(runs=results), "--json").out)
        assert (document["base"], document["heads"]) == ("x (n = 1)", ["x (n = 2)", "x (n = 3)"])

    @pytest.mark.parametrize(
        ("text", "what"),
        [
            ("{}", "it is no export of hyperfine"),
            ("[", "it is no export of hyperfine"),
            ('{"results": []}', "there are no results in it"),
            ('{"results": [{"command": "a", "mean": 1}]}', "one command alone has nothing beside it"),
        ],
    )
    def test_other_files(self, bencher: Bencher, text: str, what: str) -> None:
        Path("odd.json").write_text(text)
        said = bencher.bench("--import-json", "odd.json")
        assert said.code == 2
        assert what in said.errors[0]
