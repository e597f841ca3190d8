"""``trimtab compare`` as it is typed, with programs that are played and a Cargo that builds nothing."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any, NoReturn

import pytest

import trimtab
from tests.fakes.cargo import MANIFEST, RUSTC, Crate, FakeCargo
from tests.fakes.programs import native, text_of
from tests.fakes.runner import callgrind, finished
from tests.fakes.weights import bare, image, section
from tests.unit.artifact.archives.test_unpack import make_zip
from tests.unit.conftest import Said, Shell
from tests.unit.measure.test_paired import Programs
from tests.unit.test_schemas import validator
from trimtab.artifact.debug_files import DebugFile
from trimtab.cli.app import run
from trimtab.errors import MissingError
from trimtab.model.size_report import SizeReport
from trimtab.system.machine import this_machine
from trimtab.system.process import Command

MakeShell = Callable[[FakeCargo], Shell]
SMALL = MANIFEST + '\n[profile.small]\ninherits = "release"\nlto = "fat"\n'
BENCH = "--bench 'check={bin} check x' --runs 40"
MISTAKE = ("error: ", "  in: ", "  do: ")


def nothing_counts(*_: object) -> NoReturn:
    raise MissingError("valgrind is not installed", hint="install it")


@pytest.fixture(autouse=True)
def _no_counters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trimtab.cli.compare.find_counter", nothing_counts)


def document_of(said: Said) -> Any:
    assert (said.code, said.err) == (0, ""), said
    document = json.loads(said.out)
    validator("comparison").validate(document)
    return document


def refused(said: Said, code: int = 2) -> str:
    assert (said.code, said.out) == (code, ""), said
    assert 2 <= len(said.errors) <= 3
    assert all(line.startswith(MISTAKE) for line in said.errors)
    return "\n".join(said.errors)


def verdicts(document: Any) -> dict[tuple[str, str], str]:
    return {(row["subject"], row["metric"]): row["verdict"] for row in document["rows"]}


class Comparer:
    """A command line whose programs are played, in a folder with files of their names."""

    def __init__(self, programs: Programs, capture: pytest.CaptureFixture[str]) -> None:
        self.programs = programs
        self._capture = capture

    def compare(self, *arguments: str) -> Said:
        """Run ``trimtab compare``."""
        self._capture.readouterr()
        code = run(["compare", *arguments])
        out, err = self._capture.readouterr()
        return Said(code, out, err)


@pytest.fixture
def comparer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Comparer:
    """Programs ``old`` and ``new``, by themselves and in archives."""
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    programs = Programs({"old": 0.1, "new": 0.13})
    original = programs.otherwise

    def by_name(command: Command) -> Any:
        path = Path(command.argv[0])
        if path.is_absolute():  # a copy of a program: its text is its name
            command = replace(command, argv=(text_of(path), *command.argv[1:]))
        return original(command)

    monkeypatch.setattr(programs, "otherwise", by_name)
    monkeypatch.setattr("trimtab.cli.compare.SystemRunner", lambda: programs)
    for name in ("old", "new"):
        (work / name).write_text(name)
        (work / f"{name}.zip").write_bytes(make_zip([("bin/tool", native(name))]))
    both = [("bin/tool", native("old")), ("bin/other", native("new"))]
    (work / "both.zip").write_bytes(make_zip(both))
    (work / "foreign.zip").write_bytes(make_zip([("bin/tool.exe", b"MZ" + bytes(100))]))
    return Comparer(programs, capsys)


CHECK = ("--bench", "check={bin} check x", "--json")


class TestFiles:
    def test_two_programs(self, comparer: Comparer) -> None:
        found = document_of(comparer.compare("./old", "./new", *CHECK))
        assert (found["base"], found["heads"]) == ("./old", ["./new"])
        assert verdicts(found)["check", "wall"] == "regressed"
        assert found["command"] == "trimtab compare ./old ./new --bench 'check={bin} check x' --json"
        assert {command.argv[1:] for command in comparer.programs.commands} == {("check", "x")}
        assert len({len(command.argv[0]) for command in comparer.programs.commands}) == 1

    def test_scripts_are_run_if_not_weighed(self, comparer: Comparer) -> None:
        found = document_of(comparer.compare("./old", "./new", *CHECK))
        (note,) = [note for note in found["notes"] if note.startswith("not weighed: ")]
        assert note.endswith("(./old)")
        assert {row["metric"] for row in found["rows"]} == {"wall", "cpu", "memory", "faults"}

    def test_what_can_be_neither_run_nor_weighed_is_refused(self, comparer: Comparer) -> None:
        assert "neither a binary" in refused(comparer.compare("./old", "./new"))

    def test_the_same_bytes_are_identical_and_nothing_is_run(self, comparer: Comparer) -> None:
        helpers = ("--setup", "s", "--prepare", "p", "--cleanup", "c")
        for name in ("one", "two"):
            Path(name).write_bytes(native("the same"))
        found = document_of(comparer.compare("./one", "./two", *CHECK, *helpers))
        assert verdicts(found) == {
            ("two", "size.file"): "identical", ("check", "wall"): "identical", ("check", "cpu"): "identical"
        }  # fmt: skip
        assert comparer.programs.commands == []
        assert not [note for note in found["notes"] if "counted" in note]

    def test_a_file_beside_itself_has_two_names(self, comparer: Comparer) -> None:
        found = document_of(comparer.compare("./old", "./old", *CHECK))
        assert (found["base"], found["heads"]) == ("./old (1)", ["./old (2)"])
        assert comparer.programs.commands == []

    def test_archives_are_weighed_and_what_is_in_them_is_run(self, comparer: Comparer) -> None:
        found = document_of(comparer.compare("old.zip", "new.zip", *CHECK))
        assert verdicts(found)["check", "wall"] == "regressed"
        assert verdicts(found)["new.zip", "size.file"] == "same"

    def test_an_archive_beside_a_program(self, comparer: Comparer) -> None:
        found = document_of(comparer.compare("old.zip", "./new", *CHECK))
        assert verdicts(found)["check", "wall"] == "regressed"

    def test_several_programs_and_none_chosen(self, comparer: Comparer) -> None:
        error = refused(comparer.compare("both.zip", "both.zip", *CHECK))
        assert "which program is to be run? There are other, tool" in error
        assert "--bin NAME" in error
        assert comparer.programs.commands == []

    def test_the_one_that_is_chosen(self, comparer: Comparer) -> None:
        shutil.copy("both.zip", "more.zip")
        found = document_of(comparer.compare("both.zip", "more.zip", "--bin", "other", *CHECK))
        assert verdicts(found)["check", "wall"] == "identical"
        error = refused(comparer.compare("both.zip", "more.zip", "--bin", "none", *CHECK))
        assert "which program is to be run?" in error

    def test_the_one_that_both_have(self, comparer: Comparer) -> None:
        found = document_of(comparer.compare("both.zip", "new.zip", *CHECK))
        assert verdicts(found)["check", "wall"] == "regressed"

    def test_a_choice_on_one_side_does_not_rule_out_the_only_program_of_the_other(self, comparer: Comparer) -> None:
        found = document_of(comparer.compare("./old", "both.zip", "--bin", "other", *CHECK))
        assert verdicts(found)["check", "wall"] == "regressed"

    def test_programs_of_another_system_are_weighed_only(self, comparer: Comparer) -> None:
        found = document_of(comparer.compare("foreign.zip", "old.zip", *CHECK))
        assert "nothing was run: there is no program for this system in foreign.zip" in found["notes"]
        assert found["rows"]
        assert comparer.programs.commands == []

    def test_nothing_to_run(self, comparer: Comparer) -> None:
        found = document_of(comparer.compare("old.zip", "new.zip", "--json"))
        assert found["notes"][-1].startswith("nothing was run: give --bench NAME=")
        assert (found["headline"], found["null"]) == ("2 same", [])

    def test_benches_of_the_file_in_this_folder(self, comparer: Comparer) -> None:
        Path("trimtab.toml").write_text('[[bench]]\nname = "filed"\ncommand = "{bin} filed"\n')
        found = document_of(comparer.compare("./old", "./new", "--json"))
        assert ("filed", "wall") in verdicts(found)

    def test_text_and_markdown(self, comparer: Comparer) -> None:
        said = comparer.compare("./old", "./new", *CHECK[:2])
        assert said.out.startswith("2 regressed, worst check ")
        assert "check, null control" in said.out
        assert comparer.compare("./old", "./new", *CHECK[:2], "--markdown").out.startswith("**2 regressed, ")

    def test_counts(self, comparer: Comparer, monkeypatch: pytest.MonkeyPatch) -> None:
        from trimtab.measure.counters import callgrind as by_callgrind

        monkeypatch.setattr("trimtab.cli.compare.find_counter", lambda *_: by_callgrind(lambda _: "here"))
        comparer.programs.on("*valgrind*", lambda command: callgrind(command, 1000))
        found = document_of(comparer.compare("./old", "./new", *CHECK))
        assert verdicts(found)["check", "instructions"] == "same"
        assert any(note.startswith("callgrind: ") for note in found["notes"])
        found = document_of(comparer.compare("./old", "./new", *CHECK, "--no-counts"))
        assert ("check", "instructions") not in verdicts(found)


class TestInterrupts:
    def interrupt(self, comparer: Comparer, after: int) -> None:
        original = comparer.programs.otherwise

        def stop(command: Command) -> Any:
            if len(comparer.programs.commands) == after:
                raise KeyboardInterrupt
            return original(command)

        comparer.programs.otherwise = stop  # type: ignore[method-assign]

    def test_what_was_run_by_then_is_shown_and_nothing_more_is_run(
        self, comparer: Comparer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from trimtab.measure.counters import callgrind as by_callgrind

        monkeypatch.setattr("trimtab.cli.compare.find_counter", lambda *_: by_callgrind(lambda _: "here"))
        self.interrupt(comparer, after=20)
        found = document_of(comparer.compare("./old", "./new", *CHECK, "--bench", "other={bin}"))
        assert {subject for subject, _ in verdicts(found)} == {"check"}
        assert 0 < found["rows"][0]["runs"] < 20
        assert "interrupted: what was run by then is shown" in found["notes"]
        assert len(comparer.programs.commands) == 20

    def test_before_anything_was_measured_there_is_nothing_to_show(self, comparer: Comparer) -> None:
        self.interrupt(comparer, after=1)
        assert "error: interrupted" in refused(comparer.compare("./old", "./new", *CHECK), 130)

    def test_while_weighing(self, comparer: Comparer, monkeypatch: pytest.MonkeyPatch) -> None:
        def stop(*_: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr("trimtab.commands.compare.run.size_breakdown", stop)
        found = document_of(comparer.compare("./old", "./new", *CHECK))
        assert verdicts(found)["check", "wall"] == "regressed"
        assert "not weighed: interrupted (./old)" in found["notes"]
        assert "interrupted" in refused(comparer.compare("./old", "./new"), 130)


class TestFailures:
    def test_a_bench_that_fails_with_head_only(self, comparer: Comparer) -> None:
        comparer.programs.on("*new* bad", finished(stderr="no such option", exit_code=2))
        original = comparer.programs.otherwise

        def fails(command: Command) -> Any:
            new = text_of(Path(command.argv[0])) == "new" and command.argv[1:] == ("bad",)
            return finished(stderr="no such option", exit_code=2) if new else original(command)

        comparer.programs.otherwise = fails  # type: ignore[method-assign]
        said = comparer.compare("./old", "./new", "--bench", "bad={bin} bad", *CHECK)
        assert (said.code, said.err) == (1, "")
        document = json.loads(said.out)
        validator("comparison").validate(document)
        assert {subject for subject, _ in verdicts(document)} == {"check"}
        assert "bad: ./new fails: exit code 2: no such option" in document["failures"]

    @pytest.mark.parametrize("printed", [0, 10])
    def test_the_only_bench_fails(self, comparer: Comparer, printed: int) -> None:
        original = comparer.programs.otherwise

        def fails(command: Command) -> Any:
            if text_of(Path(command.argv[0])) == "new":
                return finished(stderr="no such option", exit_code=2)
            return replace(original(command), printed=printed)

        comparer.programs.otherwise = fails  # type: ignore[method-assign]
        error = refused(comparer.compare("./old", "./new", *CHECK))
        assert error.startswith("error: check: ./new fails: exit code 2: no such option\n")

    def test_a_flood_is_no_failure_to_ignore(self, comparer: Comparer) -> None:
        comparer.programs.on("*", replace(finished(exit_code=-9), flooded=True))
        error = refused(comparer.compare("./old", "./new", *CHECK, "--ignore-failure"))
        assert error.startswith("error: check: ./old fails: it prints ")

    @pytest.mark.parametrize(
        ("arguments", "what"),
        [
            (
                ("nothing", "./old"),
                "no such file, study, profile or revision: 'nothing' (there is no Cargo project here)",
            ),
            (("./old", ""), "no such file, study, profile or revision: ''"),
            (("./old", "x" * 5000), "no such file, study, profile or revision: 'xxx"),
            (("./old", "a\nb"), "no such file, study, profile or revision: 'a\\nb'"),
            (("./old", "-x"), "No such option"),
            (("./old", "--", "-x"), "no such file, study, profile or revision: '-x'"),
            (("./old",), "Missing argument 'HEAD'"),
            (("./old", "study:trial"), "there is no study 'study'"),
            (("./old", "pypi:"), "names no wheel"),
            (("./old", "pypi:a b"), "names no wheel"),
            (("./old", "./new", "--bench", "check"), "is not a bench"),
            (("./old", "./new", "--bench", "check=ls"), "does not run {bin}"),
            (("./old", "./new", "--bench", "a={bin}", "--bench", "a={bin}"), "two benches are called 'a'"),
            (("./old", "./new", "--layouts", "4"), "--layouts"),
            (("./old", "./new", "--layouts", "6", *CHECK[:2]), "./old comes without sources"),
            (("./old", "./new", "--cargo-bench", "*"), "./old comes without sources"),
            (("./old", "./new", "--cargo-bench", "*", "--filter", "("), "--filter is no regular expression"),
            (("./old", "./new", "--json", "--markdown"), "exclude each other"),
        ],
    )
    def test_mistakes_are_two_or_three_lines_and_nothing_is_run(
        self, comparer: Comparer, arguments: tuple[str, ...], what: str
    ) -> None:
        assert what in refused(comparer.compare(*arguments))
        assert comparer.programs.commands == []

    def test_a_damaged_archive(self, comparer: Comparer) -> None:
        whole = Path("old.zip").read_bytes()
        Path("half.zip").write_bytes(whole[: len(whole) // 2])
        assert "the archive is damaged" in refused(comparer.compare("half.zip", "old.zip", *CHECK))


def by_length(path: Path, name: str, _debug_files: Sequence[DebugFile] = ()) -> SizeReport:
    """A weight without looking into a binary."""
    size = path.stat().st_size
    return replace(bare(path.name, image(section(".text", size))), sha256=sha256(path.read_bytes()).hexdigest())


@pytest.fixture
def comparing(monkeypatch: pytest.MonkeyPatch, make_shell: MakeShell, tmp_path: Path) -> Shell:
    """A project with a second profile, ``small``, whose binary is smaller and quicker."""
    shell = make_shell(FakeCargo.with_project(tmp_path / "app", SMALL))
    monkeypatch.setattr("trimtab.cli.compare.SystemRunner", lambda: shell.cargo)
    monkeypatch.setattr("trimtab.commands.compare.run.size_breakdown", by_length)
    return shell


def builds(shell: Shell) -> int:
    return sum(line.startswith("cargo build --verbose") for line in shell.cargo.lines)


def compared(shell: Shell, line: str) -> Any:
    return document_of(shell.trimtab(f"compare {line} --json --quiet"))


class TestProject:
    def test_two_profiles_are_built_weighed_and_run(self, comparing: Shell) -> None:
        found = compared(comparing, f"release small {BENCH}")
        assert verdicts(found)["app", "size.file"] == "improved"
        assert verdicts(found)["check", "wall"] == "improved"
        assert {row["runs"] for row in found["rows"] if row["mode"] == "paired"} == {40}
        assert "a clean build took 9 s → 18 s (+100 %) of CPU time, each built once" in found["notes"]
        assert builds(comparing) == 2

    def test_what_was_built_is_not_built_again(self, comparing: Shell) -> None:
        compared(comparing, "release small")
        compared(comparing, "release small")
        assert builds(comparing) == 2

    def test_the_folder_is_the_profile_that_ships(self, comparing: Shell) -> None:
        found = compared(comparing, "release .")
        assert verdicts(found) == {("app", "size.file"): "identical"}
        assert builds(comparing) == 1

    def test_two_trials_of_a_study(self, comparing: Shell) -> None:
        comparing.trimtab("explore --axis lto=thin,fat --measure size,build --quiet")
        with comparing.opened() as store:
            study = store.load("last")
        before = builds(comparing)
        found = compared(comparing, f"{study.id}:today '{study.id}:lto fat' {BENCH}")
        assert verdicts(found)["check", "wall"] == "improved"
        assert builds(comparing) == before
        (moved,) = [note for note in found["notes"] if "trimtab diff" in note]
        assert moved.endswith(f"trimtab diff {study.id}:{study.trials[0].id} {study.id}:{study.trials[1].id})")

    def test_what_diff_is_told_to_be_called_with_it_understands(
        self, comparing: Shell, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("trimtab.commands.diff.run.size_breakdown", by_length)
        monkeypatch.setattr("trimtab.cli.diff.SystemRunner", lambda: comparing.cargo)
        (moved,) = [note for note in compared(comparing, "release small")["notes"] if "trimtab diff" in note]
        said = comparing.trimtab(moved.partition("trimtab ")[2].removesuffix(")"))
        assert said.code == 0, said

    def test_build_times_of_another_machine_are_not_compared(
        self, comparing: Shell, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        other = replace(this_machine(), cores=64, kernel="4.4")
        studies = []
        for machine in (this_machine(), other):
            monkeypatch.setattr("trimtab.experiment.prepare.this_machine", lambda machine=machine: machine)
            comparing.trimtab("explore --axis lto=thin,fat --measure build --quiet")
            with comparing.opened() as store:
                studies += [one.id for one in store.history() if one.id not in studies]
        found = compared(comparing, f"{studies[0]}:today {studies[1]}:today {BENCH}")
        (note,) = [note for note in found["notes"] if note.startswith("build times are not compared")]
        assert f"cores {this_machine().cores}, not 64" in note
        assert not [note for note in found["notes"] if "clean build took" in note]
        assert verdicts(found)["check", "wall"] == "identical"

    def test_compilers_that_differ_are_told(self, comparing: Shell) -> None:
        compared(comparing, "release small")
        newer = RUSTC.replace("1.95.0", "1.96.0")
        comparing.cargo.on("rustc -vV", finished(newer))
        with comparing.opened() as store:
            old = store.history()[-1].id
        (note,) = [note for note in compared(comparing, f"{old}:today small")["notes"] if "compilers" in note]
        assert note == "the compilers differ: rustc 1.95.0 (59807616e), rustc 1.96.0 (59807616e)"

    def test_a_slip_of_the_pen_costs_no_build(self, comparing: Shell) -> None:
        said = comparing.trimtab("compare release smal --quiet")
        assert "no such file, study, profile or revision: 'smal'" in refused(said)
        assert builds(comparing) == 0

    def test_a_folder_without_a_project_does_not_hide_a_profile(self, comparing: Shell) -> None:
        Path("small").mkdir()
        found = compared(comparing, "release small")
        assert verdicts(found)["app", "size.file"] == "improved"
        assert "no such file, study, profile or revision: 'src'" in refused(comparing.trimtab("compare release src"))

    def test_a_side_that_cannot_be_built(self, comparing: Shell) -> None:
        comparing.cargo.failing["lto=fat"] = finished(stderr="error[E0425]: cannot find value `x`\n", exit_code=101)
        said = comparing.trimtab("compare release small --quiet")
        assert "cannot find value `x`" in refused(said, 4)

    def test_a_trial_that_was_not_built(self, comparing: Shell) -> None:
        comparing.cargo.failing["lto=fat"] = finished(stderr="error[E0425]: cannot find value `x`\n", exit_code=101)
        comparing.trimtab("explore --axis lto=thin,fat --measure size --quiet")
        said = comparing.trimtab("compare last:today 'last:lto fat' --quiet")
        assert "was not built: " in refused(said)

    def test_a_trial_whose_binary_has_gone(self, comparing: Shell) -> None:
        comparing.trimtab("explore --axis lto=thin,fat --measure size --quiet")
        with comparing.opened() as store:
            artifact = store.load("last").trials[1].artifacts[0]
        Path(artifact.path).unlink()
        error = refused(comparing.trimtab("compare last:today 'last:lto fat' --quiet"))
        assert "the binary of last:lto fat is not here" in error
        assert "explore again" in error

    def test_several_binaries_and_none_chosen(
        self, make_shell: MakeShell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        crates = (Crate(name="app", binaries=("app", "tool")),)
        shell = make_shell(FakeCargo.with_project(tmp_path / "several", SMALL, crates=crates))
        monkeypatch.setattr("trimtab.cli.compare.SystemRunner", lambda: shell.cargo)
        monkeypatch.setattr("trimtab.commands.compare.run.size_breakdown", by_length)
        error = refused(shell.trimtab("compare release small --quiet"))
        assert "several binaries and none chosen: app, tool" in error
        assert verdicts(compared(shell, "release small --bin tool")) == {("tool", "size.file"): "improved"}
        found = compared(shell, "release small --bin tool --bin app")
        assert set(verdicts(found)) == {("tool", "size.file"), ("app", "size.file")}
        assert "no binary 'none'" in refused(shell.trimtab("compare release small --bin none --quiet"))

    def test_progress_goes_to_standard_error(self, comparing: Shell) -> None:
        said = comparing.trimtab("compare release small --json")
        assert "building" in said.err
        json.loads(said.out)

    def test_a_store_that_the_user_names(self, comparing: Shell) -> None:
        compared(comparing, f"release small --store {comparing.folder / 'mine.db'}")
        assert (comparing.folder / "mine.db").exists()
        assert not comparing.store.exists()

    def test_the_project_is_left_as_it_was(self, comparing: Shell) -> None:
        def snapshot() -> dict[Path, tuple[bytes, int]]:
            files = (path for path in comparing.cargo.root.rglob("*") if path.is_file())
            return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in files}

        before = snapshot()
        compared(comparing, f"release small {BENCH}")
        assert snapshot() == before
        assert not list((comparing.folder / "cache").rglob("target"))


class TestFromAScript:
    def test_a_comparison_is_a_value(self, comparing: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("trimtab.commands.compare.run.SystemRunner", lambda: comparing.cargo)
        found = trimtab.compare("release", "small", {"check": "{bin} check x"}, budget=30)
        assert found.headline.startswith("3 improved, typically by ")
        assert {row.metric for row in found.rows} >= {"size.file", "wall"}

    @pytest.mark.parametrize("benches", [{"check": "ls"}, {"": "{bin}"}])
    def test_wrong_arguments_are_the_callers(self, comparing: Shell, benches: dict[str, str]) -> None:
        with pytest.raises(trimtab.InputError):
            trimtab.compare("release", "small", benches)


def test_no_word_is_a_traceback(comparer: Comparer) -> None:
    for word in ("\x00", "~", "..", "/", "/dev/null", "/proc/self/mem", "a" * 300, "..\\x", "HEAD^{", "@{-1}", ":/x"):
        said = comparer.compare("./old", word)
        assert said.code in (2, 3), word
        assert said.errors[0].startswith("error: "), word
