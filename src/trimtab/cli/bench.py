"""``trimtab bench``."""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from trimtab.cli.bench_options import pairs_said, print_comparison, rules_of, run_options
from trimtab.cli.options import command_line
from trimtab.cli.output import output_options, refuse_two_formats, status_line
from trimtab.commands.bench.run import TWO_BINARIES, BenchPlan, bench, binaries_plan, commands_plan, require_run
from trimtab.config.file import parse_bench, read_config
from trimtab.errors import InputError
from trimtab.measure.counters import find_counter
from trimtab.measure.series import NULL
from trimtab.model.plan import Bench
from trimtab.system.process import SystemRunner

_SHELL_WORDS = set("|&;<>()$`*?~")


@click.command("bench", context_settings={"ignore_unknown_options": False})
@click.argument("commands", nargs=-1, metavar="COMMAND COMMAND… | -- '{bin}' ARGS…")
@click.option(
    "--bin", "binaries", multiple=True, metavar="NAME=FILE", help="A binary for {bin}; the first is the base."
)
@click.option(
    "--shell", "-S", type=click.Choice(["none", "sh"]), default="none", help="Run commands by a shell (none)."
)
@click.option("--counts", is_flag=True, help="Count instructions and cycles too (perf or valgrind).")
@run_options
@output_options
def command(commands: tuple[str, ...], **options: Any) -> int:
    """Is B faster than A, or is it noise? Runs commands in pairs of random order until that is decided.

    Give two or more commands, each as one word with quotes around it; or several binaries with --bin and, after --, one
    command in which {bin} stands for each of them. Benches from trimtab.toml are run where no command is given. The
    first command or binary is the baseline. Of the differences that are called, at most 1 % are
    expected to be wrong, whenever it stops.
    """
    refuse_two_formats(as_json=options["as_json"], markdown=options["markdown"])
    rules, runner = rules_of(options), SystemRunner()
    if options["counts"] and options["shell"] == "sh":
        raise InputError("what a shell starts cannot be counted", hint="leave --shell or --counts out")
    counter = find_counter(runner, rules.environment) if options["counts"] else None
    line = status_line(quiet=options["quiet"], no_color=options["no_color"])
    with _contest(commands, options) as contest, line as say:
        found, measured = bench(
            contest,
            rules,
            runner,
            counter=counter,
            on_progress=lambda one: say(pairs_said(one)),
            command=command_line(),
        )
    require_run(found)
    return print_comparison(found, measured, options)


@contextlib.contextmanager
def _contest(commands: tuple[str, ...], options: Mapping[str, Any]) -> Iterator[BenchPlan]:
    if options["binaries"]:
        with binaries_plan(_binaries(options["binaries"]), _benches(commands, options)) as contest:
            yield contest
        return
    if options["benches"]:
        raise InputError("--bench needs binaries for {bin}", hint=TWO_BINARIES)
    if any("{bin}" in text for text in commands):
        raise InputError("nothing stands for {bin}", hint=TWO_BINARIES)
    yield commands_plan([(text, _words(text, options["shell"])) for text in commands], options["smallest"])


def _binaries(texts: Sequence[str]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for text in texts:
        name, equals, path = text.partition("=")
        if not equals or not name or not path:
            raise InputError(f"{text!r} is no binary with a name", hint="write it like --bin base=./old")
        if name == NULL:
            raise InputError(f"{NULL!r} cannot name a binary", hint="it is what the baseline's own copy is called")
        if name in found:
            raise InputError(f"two binaries are called {name!r}", hint="results go by name: give each its own")
        found[name] = Path(path)
    return found


def _benches(commands: tuple[str, ...], options: Mapping[str, Any]) -> list[Bench]:
    """From the command line, else from ``trimtab.toml``."""
    found = [replace(parse_bench(text), smallest_change=options["smallest"]) for text in options["benches"]]
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
