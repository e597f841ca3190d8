"""``trimtab bench``."""

from __future__ import annotations

import contextlib
import os
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from trimtab.benching import TWO_BINARIES, Contest, bench, binaries_contest, commands_contest
from trimtab.cli.output import console, output_options, show
from trimtab.config.file import parse_bench, read_config
from trimtab.errors import InputError
from trimtab.measure.paired import Rules
from trimtab.measure.series import Measured
from trimtab.model.comparison import Runs
from trimtab.model.plan import Bench
from trimtab.process import SystemRunner
from trimtab.report.comparison import comparison_json, comparison_markdown, comparison_renderables, hyperfine_json
from trimtab.units import parse_duration, parse_ratio

_SHELL_WORDS = set("|&;<>()$`*?~")


def _duration(_ctx: click.Context, _param: click.Parameter, value: str | None) -> float | None:
    return parse_duration(value) if value else None


def _smallest(_ctx: click.Context, _param: click.Parameter, value: str) -> float:
    change = parse_ratio(value if value.startswith(("+", "-")) else f"+{value}") - 1
    if not 0 < change < 1:
        raise InputError(f"{value!r} is no smallest change", hint="write it like 1%")
    return change


@click.command("bench", context_settings={"ignore_unknown_options": False})
@click.argument("commands", nargs=-1, metavar="COMMAND COMMAND… | -- '{bin}' ARGS…")
@click.option(
    "--bin", "binaries", multiple=True, metavar="NAME=FILE", help="A binary for {bin}; the first is the base."
)
@click.option("--bench", "benches", multiple=True, metavar="NAME='{bin} …'", help="A command with {bin}; repeatable.")
@click.option("--prepare", "-p", metavar="CMD", help="Run before each run.")
@click.option("--setup", "-s", metavar="CMD", help="Run before the first run of each command.")
@click.option("--cleanup", "-c", metavar="CMD", help="Run after the last run of each command.")
@click.option("--warmup", "-w", type=click.IntRange(min=1), default=1, metavar="N", help="Runs that do not count (1).")
@click.option("--runs", "-r", type=click.IntRange(min=3), metavar="N", help="Exactly N blocks, decided or not.")
@click.option("--budget", callback=_duration, default="15s", metavar="T", help="Time for each bench (15s).")
@click.option("--timeout", callback=_duration, metavar="T", help="Longest time for one run.")
@click.option("--smallest-change", "smallest", callback=_smallest, default="1%", metavar="P", help="That matters (1%).")
@click.option("--ignore-failure", "-i", is_flag=True, help="Runs that fail count too.")
@click.option("--input", "stdin", metavar="FILE", help="Standard input of every run (null).")
@click.option(
    "--shell", "-S", type=click.Choice(["none", "sh"]), default="none", help="Run commands by a shell (none)."
)
@click.option("--export-json", type=click.Path(dir_okay=False), metavar="FILE", help="All runs, as hyperfine has them.")
@click.option("--markdown", is_flag=True, help="Markdown, for a pull request.")
@output_options
def command(
    commands: tuple[str, ...], markdown: bool, as_json: bool, quiet: bool, no_color: bool, export_json: str | None,
    **options: Any,
) -> int:  # fmt: skip
    """Is B faster than A, or is it noise? Runs commands in pairs of random order until that is decided.

    Give two or more commands, each as one word with quotes around it; or several binaries with --bin and, after --, one
    command in which {bin} stands for each of them. Benches from trimtab.toml are run where no command is given. The
    first command or binary is the baseline. The chance of a wrong call in a report is 1 %, whenever it stops.
    """
    if as_json and markdown:
        raise InputError("--json and --markdown exclude each other", hint="choose one")
    rules = _rules(options)
    line = shlex.join(("trimtab", *click.get_current_context().obj))
    with _contest(commands, options) as contest, _progress(quiet=quiet, no_color=no_color) as step:
        found, measured = bench(contest, rules, SystemRunner(), step=step, command=line)
    if export_json:
        _write(Path(export_json), hyperfine_json(_all_runs(measured)))
    if as_json:
        click.echo(comparison_json(found))
    elif markdown:
        click.echo(comparison_markdown(found), nl=False)
    else:
        show(comparison_renderables(found), console(no_color=no_color))
    return 0


def _all_runs(measured: Sequence[Measured]) -> dict[str, Runs]:
    """All candidates of all benches, under names that tell them apart."""
    if len(measured) == 1:
        return measured[0].runs
    return {f"{one.case.name}: {name}": runs for one in measured for name, runs in one.runs.items()}


def _rules(options: dict[str, Any]) -> Rules:
    stdin = options["stdin"]
    if stdin and stdin != "null" and not Path(stdin).is_file():
        raise InputError("there is no such input", where=stdin, hint="name a file, or null")
    return Rules(
        environment=dict(os.environ),
        budget=options["budget"],
        runs=options["runs"],
        warmup=options["warmup"],
        setup=_helper(options["setup"]),
        prepare=_helper(options["prepare"]),
        cleanup=_helper(options["cleanup"]),
        ignore_failure=options["ignore_failure"],
        timeout=options["timeout"],
        stdin=Path(stdin) if stdin and stdin != "null" else None,
    )


def _helper(text: str | None) -> tuple[str, ...]:
    """A command around the runs, which is not timed, so a shell does no harm."""
    return ("sh", "-c", text) if text else ()


@contextlib.contextmanager
def _contest(commands: tuple[str, ...], options: dict[str, Any]) -> Iterator[Contest]:
    if options["binaries"]:
        with binaries_contest(_binaries(options["binaries"]), _benches(commands, options)) as contest:
            yield contest
        return
    if options["benches"]:
        raise InputError("--bench needs binaries for {bin}", hint=TWO_BINARIES)
    if any("{bin}" in text for text in commands):
        raise InputError("nothing stands for {bin}", hint=TWO_BINARIES)
    yield commands_contest([(text, _words(text, options["shell"])) for text in commands], options["smallest"])


def _binaries(texts: Sequence[str]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for text in texts:
        name, equals, path = text.partition("=")
        if not equals or not name or not path:
            raise InputError(f"{text!r} is no binary with a name", hint="write it like --bin base=./old")
        if name in found:
            raise InputError(f"two binaries are called {name!r}", hint="results go by name: give each its own")
        found[name] = Path(path)
    return found


def _benches(commands: tuple[str, ...], options: dict[str, Any]) -> list[Bench]:
    """From the command line, else from ``trimtab.toml``."""
    found = [parse_bench(text) for text in options["benches"]]
    if commands:
        words = _words(commands[0], options["shell"]) if len(commands) == 1 else commands
        if not any("{bin}" in word for word in words):
            raise InputError("the command does not run {bin}", hint="write it like -- '{bin}' check src")
        found.append(Bench(name="bench", command=words, smallest_change=options["smallest"]))
    found = found or list(read_config(Path.cwd()).benches)
    if not found:
        raise InputError("there is no command to run", hint="give one after --, such as -- '{bin}' check src")
    return found


def _words(text: str, shell: str) -> tuple[str, ...]:
    if shell == "sh":
        return ("sh", "-c", text)
    try:
        words = tuple(shlex.split(text))
    except ValueError:
        raise InputError("a quote is not closed", where=text, hint="close it, or use --shell sh") from None
    if not words:
        raise InputError("a command is empty", hint="give two commands, each in quotes")
    if any(word and set(word) <= _SHELL_WORDS for word in words):
        raise InputError("this command needs a shell", where=text, hint="add --shell sh")
    return words


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise InputError(f"the export cannot be written: {error.strerror}", where=str(path)) from None


@contextlib.contextmanager
def _progress(*, quiet: bool, no_color: bool) -> Iterator[Callable[[Measured], None]]:
    """A line that says how far a bench is, on a terminal only: a block takes too little time for a log."""
    if quiet or not sys.stderr.isatty():
        yield lambda _: None
        return
    out = console(no_color=no_color, stderr=True)
    with out.status("starting") as status:
        yield lambda one: status.update(_said(one))


def _said(one: Measured) -> str:
    from rich.markup import escape

    pairs: Sequence[int] = [len(many[0].sequence) for name, many in one.series.items() if name in one.heads]
    return escape(f"{one.case.name}: {max(pairs, default=0)} pairs")
