"""The command line as a whole: errors in two or three lines, exit codes, and a quick ``--help``."""

from __future__ import annotations

import inspect
import re
import signal
import sys
from collections.abc import Iterator
from importlib.abc import MetaPathFinder
from typing import Any

import click
import pytest

import trimtab
from tests.fakes.parts import FakeClock
from tests.unit.conftest import Shell
from trimtab import __main__, errors
from trimtab.cli import app
from trimtab.errors import InputError, InterruptError, MissingError, NothingBuiltError, SourcesChanged, TrimtabError

HEAVY = ("rich", "msgspec", "psutil", "tomlkit", "sqlite3", "platformdirs")


class TestErrors:
    def test_each_family_has_an_exit_code_of_its_own(self) -> None:
        codes = {family.__name__: family.exit_code for family in TrimtabError.__subclasses__()}
        assert codes == {"InputError": 2, "MissingError": 3, "NothingBuiltError": 4, "InterruptError": 130}
        assert SourcesChanged.exit_code == InputError.exit_code

    def test_the_tree_in_the_docstring_is_the_real_one(self) -> None:
        for name, kind in inspect.getmembers(errors, inspect.isclass):
            if issubclass(kind, TrimtabError) and kind is not TrimtabError:
                (line,) = [line for line in str(errors.__doc__).splitlines() if f" {name} " in line]
                assert str(kind.exit_code) in line.split()

    @pytest.mark.parametrize(
        ("error", "lines"),
        [
            (InputError("what"), ["error: what"]),
            (MissingError("what", hint="how"), ["error: what", "  do: how"]),
            (InputError("what", where="here", hint="how"), ["error: what", "  in: here", "  do: how"]),
        ],
    )
    def test_is_read_in_a_few_lines(self, error: TrimtabError, lines: list[str]) -> None:
        assert error.lines() == lines
        assert str(error) == "what"

    @pytest.mark.parametrize(
        ("raised", "code", "first"),
        [
            (InputError("wrong"), 2, "error: wrong"),
            (SourcesChanged("changed"), 2, "error: changed"),
            (MissingError("missing"), 3, "error: missing"),
            (NothingBuiltError("nothing"), 4, "error: nothing"),
            (KeyboardInterrupt(), 130, "error: interrupted"),
            (InterruptError("stopped"), 130, "error: stopped"),
        ],
    )
    def test_ends_the_command_with_its_code(
        self, shell: Shell, monkeypatch: pytest.MonkeyPatch, raised: BaseException, code: int, first: str
    ) -> None:
        def fail(*_: Any) -> None:
            raise raised

        monkeypatch.setattr("trimtab.cli.explore.prepare", fail)
        said = shell.trimtab("explore")
        assert (said.code, said.out) == (code, "")
        assert said.errors[0] == first
        assert len(said.errors) <= 3

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
    def test_a_terminated_run_ends_like_an_interrupted_one(
        self, shell: Shell, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
    ) -> None:
        monkeypatch.setattr("trimtab.cli.explore.prepare", lambda *_: signal.raise_signal(number))
        said = shell.trimtab("explore")
        assert (said.code, said.errors[0]) == (130, "error: interrupted")

    def test_a_second_interruption_at_once_does_not_stop_the_cleanup(
        self, shell: Shell, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        cleaned: list[str] = []

        def interrupted(*_: Any) -> None:
            try:
                signal.raise_signal(signal.SIGINT)
            finally:
                signal.raise_signal(signal.SIGINT)
                signal.raise_signal(signal.SIGTERM)
                cleaned.append("everything")

        monkeypatch.setattr("trimtab.cli.explore.prepare", interrupted)
        assert shell.trimtab("explore").code == 130
        assert cleaned == ["everything"]

    def test_a_later_one_does(self) -> None:
        clock = FakeClock()
        interruption = app.Interruption(clock)
        for moment in (0.0, 60.0):
            clock.now = moment
            with pytest.raises(KeyboardInterrupt):
                interruption(signal.SIGINT, None)
            interruption(signal.SIGINT, None)

    def test_signals_that_are_ignored_stay_ignored(self, shell: Shell) -> None:
        """As under nohup, and in the background of a shell."""
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        shell.trimtab("--version")
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN

    def test_text_from_outside_is_printed_as_escapes(self, shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(*_: Any) -> None:
            raise InputError("\x1b[2Jgone", where="a\u202eb\nerror: fake", hint="\udcff")

        monkeypatch.setattr("trimtab.cli.explore.prepare", fail)
        assert shell.trimtab("explore").errors == [
            "error: \\x1b[2Jgone",
            "  in: a\\u202eb\\nerror: fake",
            "  do: \\udcff",
        ]


class TestUsage:
    @pytest.mark.parametrize(
        ("line", "first", "last"),
        [
            ("explroe", "error: No such command 'explroe'", "  do: see `trimtab --help`"),
            ("--colour", "error: No such option", "  do: see `trimtab --help`"),
            ("explore --axes lto=fat", "error: No such option", "  do: see `trimtab explore --help`"),
            (
                "explore --goal tiny",
                "error: Invalid value for '--goal': 'tiny' is not one of",
                "trimtab explore --help",
            ),
            ("explore --jobs 0", "error: Invalid value for '--jobs' / '-j': 0 is not in the range x>=1", "--help`"),
            ("explore --jobs", "error: Option '--jobs' requires an argument", "--help`"),
            ("explore a b", "error: Got unexpected extra argument (b)", "  do: see `trimtab explore --help`"),
            ("explore --timeout soon", "error: 'soon' is not a duration", "  do: write it like 90s, 20m, 2h or 30d"),
            ("explore --limit speed=2x", "error: there is no limit 'speed'", "the limits are build, touch and size"),
            ("explore --limit build", "error: the limit build has no value", "  do: write it like build=2x"),
            ("explore --limit build=fast", "error: 'fast' is not a limit", "2.5x or +5%"),
            ("explore --measure size,weight", "error: 'weight' is not known", "size, build, touch, run"),
            ("explore --axis ltoo=fat", "error: there is no axis 'ltoo'", "  do: did you mean 'lto'?"),
            ("explore --axis lto=fast", "error: 'fast' is not a value of the axis lto", "off, local, thin, fat"),
            ("explore --bench check=ls", "error: the bench 'check' does not run {bin}", "'{bin} check src'"),
            ('explore --bench "a={bin} \'x"', "error: the bench 'a' has a quote that is not closed", "'x"),
            ("explore --bench 'a={bin}' --bench 'a={bin} x'", "error: two benches are called 'a'", "its own"),
            ("explore nothere", "error: nothere does not exist", "crate:NAME"),
            ("show nothing", "error: there is no study 'nothing'", "`trimtab history` lists them"),
            ("apply", "error: no study of this project", "explore it first, or name a study"),
            ("doctor nothere", "error: Invalid value for '[PATH]': Directory 'nothere' does not exist", "--help`"),
        ],
    )
    def test_a_mistake_is_told_in_two_or_three_lines(self, shell: Shell, line: str, first: str, last: str) -> None:
        said = shell.trimtab(line)
        assert (said.code, said.out) == (2, "")
        assert 2 <= len(said.errors) <= 3
        assert said.errors[0].startswith(first)
        assert last in said.errors[-1]

    def test_without_a_command_the_help_is_shown(self, shell: Shell) -> None:
        said = shell.trimtab("")
        assert (said.code, said.out) == (2, "")
        assert "explore" in said.err

    def test_the_help_lists_every_command_once_under_its_group(self, shell: Shell) -> None:
        said = shell.trimtab("--help")
        assert (said.code, said.err) == (0, "")
        positions = [said.out.index(f"\n{heading}:\n") for heading in app.GROUPS]
        assert positions == sorted(positions)
        listed = re.findall(r"^  ([a-z]+) {2,}\S", said.out, flags=re.MULTILINE)
        assert listed == list(app.COMMANDS) == [name for group in app.GROUPS.values() for name in group]

    def test_the_summaries_stand_below_each_other(self, shell: Shell) -> None:
        lines = [line for line in shell.trimtab("--help").out.splitlines() if re.match(r"  [a-z]+ {2,}\S", line)]
        assert len({re.match(r"  [a-z]+ +", line).end() for line in lines}) == 1  # type: ignore[union-attr]

    def test_version(self, shell: Shell) -> None:
        assert shell.trimtab("--version").out == f"trimtab, version {trimtab.__version__}\n"

    @pytest.mark.parametrize("command", app.COMMANDS)
    def test_every_command_has_its_help_and_the_same_summary(self, shell: Shell, command: str) -> None:
        found = app.application.get_command(click.Context(app.application), command)
        parts = found.commands if isinstance(found, click.Group) else ("",)
        for part in parts:
            said = shell.trimtab(f"{command} {part} --help")
            assert (said.code, said.err) == (0, "")
            for option in ("--json", "--quiet", "--no-color", "--help"):
                assert option in said.out


class Refuse(MetaPathFinder):
    """Makes importing something heavy an error."""

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> None:
        if fullname.partition(".")[0] in HEAVY:
            raise AssertionError(f"--help imports {fullname}")


@pytest.fixture
def fresh_modules(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As if nothing of trimtab, and nothing heavy, had been imported so far."""
    before = dict(sys.modules)
    for name in before:
        if name.partition(".")[0] in ("trimtab", "_sqlite3", *HEAVY):
            del sys.modules[name]
    monkeypatch.setattr(sys, "meta_path", [Refuse(), *sys.meta_path])
    yield
    sys.modules.clear()
    sys.modules.update(before)


@pytest.mark.usefixtures("fresh_modules")
def test_help_imports_nothing_heavy(capsys: pytest.CaptureFixture[str]) -> None:
    from trimtab.cli.app import run as fresh_run

    assert fresh_run is not app.run
    assert fresh_run(["--help"]) == 0
    assert "Choose a profile:" in capsys.readouterr().out
    assert not {name.partition(".")[0] for name in sys.modules} & set(HEAVY)


@pytest.mark.usefixtures("fresh_modules")
def test_the_guard_against_heavy_imports_works() -> None:
    from trimtab.cli.app import run as fresh_run

    with pytest.raises(AssertionError, match="--help imports"):
        fresh_run(["history"])


@pytest.mark.usefixtures("fresh_modules")
def test_importing_the_package_imports_nothing_heavy() -> None:
    import trimtab as fresh

    assert fresh is not trimtab
    assert fresh.TrimtabError.__name__ == "TrimtabError"


class TestScripts:
    @pytest.mark.parametrize(
        ("script", "arguments", "passed"),
        [
            (__main__.main, ["explore", "trimtab"], ["explore", "trimtab"]),
            (__main__.cargo_main, ["trimtab", "explore"], ["explore"]),
            (__main__.cargo_main, ["explore", "trimtab"], ["explore", "trimtab"]),
            (__main__.cargo_main, ["trimtab"], []),
            (__main__.cargo_main, [], []),
        ],
    )
    def test_pass_the_line_on(
        self, monkeypatch: pytest.MonkeyPatch, script: Any, arguments: list[str], passed: list[str]
    ) -> None:
        seen: list[list[str]] = []

        def fake_run(given: list[str]) -> int:
            seen.append(given)
            return 7

        monkeypatch.setattr(sys, "argv", ["trimtab", *arguments])
        monkeypatch.setattr(app, "run", fake_run)
        with pytest.raises(SystemExit) as caught:
            script()
        assert seen == [passed]
        assert caught.value.code == 7


class TestPublicNames:
    @pytest.mark.parametrize("name", trimtab.__all__)
    def test_resolve_and_are_documented(self, name: str) -> None:
        assert getattr(trimtab, name).__doc__

    def test_are_the_ones_that_are_loaded_when_used(self) -> None:
        assert sorted(trimtab._HOMES) == sorted(trimtab.__all__)

    def test_others_do_not_exist(self) -> None:
        with pytest.raises(AttributeError, match="no attribute 'nothing'"):
            _ = trimtab.nothing
