"""Commands in their groups, and the one place where errors become two or three lines and an exit code."""

from __future__ import annotations

import importlib
import signal
import sys
from collections.abc import Sequence
from types import FrameType

import click

from trimtab import __version__
from trimtab.errors import InputError, InterruptError, TrimtabError

GROUPS = {
    "Choose a profile": {
        "explore": "Measure release profiles side by side and recommend one.",
        "fit": "Which profile builds with so much memory and so many CPUs?",
    },
    "Explain a size or a build time": {
        "diff": "Why did a binary or wheel grow? Needs nothing but the files.",
        "forecast": "How long will a clean build take on other machines, and what holds it up?",
    },
    "Prove a difference": {
        "bench": "Is B faster than A, or is it noise? Runs commands in pairs until that is decided.",
        "compare": "What changed between two programs, wheels, profiles or revisions, and is it real?",
        "parity": "Do two programs behave the same? Runs both over a corpus and names what differs.",
    },
    "Ship it": {
        "targets": "Do all release targets still build and run with another profile?",
        "apply": "Write a study's recommended profile into Cargo.toml.",
    },
    "Keep settings and studies": {
        "show": "Print a study again.",
        "history": "List all studies.",
        "init": "Write a commented trimtab.toml after looking at the project.",
        "doctor": "Check this machine: what is missing, what it costs, how to get it.",
    },
}
"""Heading in ``--help`` → command → summary."""

COMMANDS = {name: summary for group in GROUPS.values() for name, summary in group.items()}
"""Command → summary. Its code is the function ``command`` in the module of its name, imported when it is used."""


class LazyGroup(click.Group):
    """A group whose commands are imported one at a time, so that ``--help`` stays quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """All commands, in the order of `COMMANDS`."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The command of that name."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"trimtab.cli.{cmd_name}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Groups of commands with their summaries, without importing any."""
        widest = max(map(len, COMMANDS))
        for heading, group in GROUPS.items():
            with formatter.section(heading):
                formatter.write_dl([(name.ljust(widest), summary) for name, summary in group.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="trimtab")
def application() -> None:
    """Which release profile should this Rust program ship? trimtab answers by measurement."""


def run(arguments: Sequence[str]) -> int:
    """Run a command line; returns the exit code. Commands find the line as the context's ``obj``."""
    for number in (signal.SIGTERM, signal.SIGHUP):  # a closed terminal must not leave a build behind
        signal.signal(number, _stop)
    try:
        result = application.main(
            args=list(arguments), prog_name="trimtab", standalone_mode=False, obj=tuple(arguments)
        )
    except TrimtabError as error:
        return _report(error)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return InputError.exit_code
    except click.ClickException as error:
        command = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else "trimtab"
        return _report(InputError(error.format_message().rstrip("."), hint=f"see `{command} --help`"))
    except (KeyboardInterrupt, click.Abort):
        return _report(InterruptError("interrupted", hint="what was finished is kept; run it again to go on"))
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output has gone; Python would complain about it at exit
        return 0
    return result if isinstance(result, int) else 0


def _report(error: TrimtabError) -> int:
    for line in error.lines():
        click.echo(line, err=True)
    return error.exit_code


def _stop(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
    raise KeyboardInterrupt
