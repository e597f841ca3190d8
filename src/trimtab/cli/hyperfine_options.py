"""Hyperfine's options of ``trimtab bench``: parameters, names, shells, outputs and exports."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from trimtab.commands.bench.hyperfine import UNITS
from trimtab.commands.bench.parameters import BenchCommand, bench_commands
from trimtab.errors import InputError
from trimtab.system.command_template import argv_of, shell_syntax

F = TypeVar("F", bound=Callable[..., Any])

ITERATION = "HYPERFINE_ITERATION"
"""Variable that tells each run its number."""
_BUILTINS = frozenset(
    {
        ".",
        ":",
        "{",
        "!",
        "alias",
        "break",
        "case",
        "cd",
        "command",
        "eval",
        "exec",
        "exit",
        "export",
        "for",
        "hash",
        "if",
    }
    | {"read", "return", "set", "shift", "source", "times", "trap", "type", "ulimit", "umask", "unset", "until", "wait"}
    | {"while"}
)
"""Words that begin a command which a shell runs itself."""
_TABLES = {
    "asciidoc": "an AsciiDoc table",
    "csv": "CSV",
    "markdown": "a Markdown table",
    "orgmode": "an org-mode table",
}
_IGNORED = re.compile(r"^(?:--ignore-failure|-i)=(?P<mode>.*)$", re.DOTALL)
_CODES = "trimtab.ignored_codes"
_OUTPUTS = ("null", "pipe", "inherit")


class BenchCommandLine(click.Command):
    """A command whose ``--ignore-failure`` may have exit codes, which Click has no options for."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take exit codes behind ``--ignore-failure=`` out of the options; `ignored_codes` has them."""
        last = args.index("--") if "--" in args else len(args)
        options = []
        for argument in args[:last]:
            match = _IGNORED.match(argument)
            if match and match["mode"] not in ("", "all-non-zero"):
                ctx.meta[_CODES] = match["mode"]
            else:
                options.append("--ignore-failure" if match else argument)
        return super().parse_args(ctx, options + args[last:])


def ignored_codes() -> frozenset[int]:
    """Exit codes behind ``--ignore-failure=`` on the command line.

    Raises:
        InputError: they are no numbers.
    """
    text = click.get_current_context().meta.get(_CODES, "")
    try:
        return frozenset(int(code) for code in text.split(",")) if text else frozenset()
    except ValueError:
        raise InputError(f"{text!r} are no exit codes", hint="write it like --ignore-failure=1,2") from None


def hyperfine_options(function: F) -> F:
    """Options that hyperfine has and benches of several binaries do not need."""
    options = (
        click.option("--shell", "-S", metavar="SHELL", help="A shell for the commands: none, sh, 'bash --norc' …"),
        click.option("-N", "no_shell", is_flag=True, help="No shell, as --shell none."),
        click.option(
            "--parameter-list", "-L", "lists", nargs=2, multiple=True, metavar="VAR V,V…", help="A run for each {VAR}."
        ),
        click.option(
            "--parameter-scan", "-P", "scan", nargs=3, metavar="VAR MIN MAX", help="A run for each {VAR} of a range."
        ),
        click.option("--parameter-step-size", "-D", "step", metavar="N", help="Step of --parameter-scan (1)."),
        click.option("--command-name", "-n", "names", multiple=True, metavar="NAME", help="A name for a command."),
        click.option("--reference", metavar="CMD", help="A command to compare with; it becomes the baseline."),
        click.option("--reference-name", metavar="NAME", help="A name for it."),
        click.option("--show-output", is_flag=True, help="Show what the commands print."),
        click.option("--output", "outputs", multiple=True, metavar="WHERE", help="null, pipe, inherit, ./FILE (null)."),
        *(
            click.option(f"--export-{name}", metavar="FILE", help=f"Mean and range of each command as {what}.")
            for name, what in _TABLES.items()
        ),
        click.option("--time-unit", "-u", type=click.Choice(list(UNITS)), help="Unit of exported tables."),
        click.option("--sort", type=click.Choice(["auto", "command", "mean-time"]), help="Order of exported tables."),
        click.option(
            "--style",
            type=click.Choice(["auto", "basic", "full", "nocolor", "color", "none"]),
            help="Colours and progress; none prints nothing.",
        ),
    )
    for option in reversed(options):
        function = option(function)
    return function


def exports_anything(options: Mapping[str, Any]) -> bool:
    """Whether runs are exported, or have parameters: then they are a table to be read rather than a question."""
    return any(options[f"export_{name}"] for name in ("json", *_TABLES)) or bool(options["lists"] or options["scan"])


def commands_of(lines: Sequence[str], options: Mapping[str, Any]) -> list[BenchCommand]:
    """All commands that the command line asks for, the reference first.

    Raises:
        InputError: options that do not go together.
    """
    if options["scan"] and options["lists"]:
        raise InputError("--parameter-scan and --parameter-list exclude each other", hint="choose one")
    if options["step"] and not options["scan"]:
        raise InputError("--parameter-step-size is for --parameter-scan", hint="add -P VAR MIN MAX")
    if options["reference_name"] and not options["reference"]:
        raise InputError("--reference-name is for --reference", hint="add --reference CMD")
    if any(not line.strip() for line in lines):
        raise InputError("a command is empty", hint="write each command in quotes of its own")
    commands = bench_commands(lines, options["names"], options["lists"], options["scan"], options["step"])
    if reference := options["reference"]:
        commands.insert(0, BenchCommand(text=reference, name=options["reference_name"] or reference))
    return commands


def shell_of(options: Mapping[str, Any]) -> tuple[str, ...] | None:
    """The shell that is asked for; empty for none, ``None`` where it is not said.

    Raises:
        InputError: it is no command, or both options are given.
    """
    text = options["shell"]
    if options["no_shell"]:
        if text not in (None, "none"):
            raise InputError("-N and --shell exclude each other", hint="choose one")
        return ()
    if text in (None, "none", "default"):
        return {None: None, "none": (), "default": ("sh",)}[text]
    try:
        shell = tuple(shlex.split(text))
    except ValueError:
        shell = ()
    if not shell or not shell[0]:
        raise InputError(f"{text!r} is no shell", hint="write it like --shell 'bash --norc'")
    return shell


def needs_shell(line: str) -> bool:
    """Whether a line means something else to a shell than its words."""
    try:
        words = shlex.split(line)
    except ValueError:
        return True
    return bool(shell_syntax(line)) or words[:1] == [] or words[0] in _BUILTINS


def argv_in(line: str, shell: tuple[str, ...]) -> tuple[str, ...]:
    """The arguments that run a line, by a shell if there is one.

    Raises:
        InputError: there is none, and the line needs one.
    """
    return (*shell, "-c", line) if shell else argv_of(line, "this command")


def outputs_of(options: Mapping[str, Any], commands: int) -> tuple[str, ...]:
    """Destinations of what commands print.

    Raises:
        InputError: one that is not known, or another number of them than of commands.
    """
    if options["show_output"] and (options["outputs"] or options["style"]):
        raise InputError("--show-output takes neither --output nor --style", hint="leave them out")
    outputs = ("inherit",) if options["show_output"] else options["outputs"]
    for output in outputs:
        if output not in _OUTPUTS and Path(output).name == output:
            raise InputError(f"{output!r} is no destination", hint="write null, pipe, inherit, or a file as ./FILE")
    if len(outputs) > 1 and len(outputs) != commands:
        raise InputError(
            f"--output is given {len(outputs)} times for {commands} commands", hint="give it once, or once for each"
        )
    return tuple(outputs)
