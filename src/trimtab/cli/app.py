"""Commands in their groups, and the one place where errors become two or three lines and an exit code."""

from __future__ import annotations

import contextlib
import errno
import importlib
import math
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from types import FrameType

import click

from trimtab import __version__
from trimtab.errors import InputError, InterruptError, TrimtabError
from trimtab.units import printable

_PATIENCE = 10.0
"""Seconds after an interruption in which others are ignored."""
_UNWRITABLE = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EBADF)
"""Errors of writing to standard output: those of other files have a file name."""

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
        "pgo": "Build the trained program that ships; find out how long its profile serves.",
        "targets": "Do all release targets still build and run with another profile?",
        "apply": "Write a study's recommended profile into Cargo.toml.",
    },
    "Keep settings and studies": {
        "show": "Print a study again.",
        "history": "List all studies.",
        "clean": "Free what is kept: by age, by size, by study.",
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
    interruption = Interruption()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # a closed terminal must not leave a build behind
        if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup and shells have it, in the background
            signal.signal(number, interruption)
    try:
        result = application.main(
            args=list(arguments), prog_name="trimtab", standalone_mode=False, obj=tuple(arguments)
        )
        sys.stdout.flush()
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
    except OSError as error:
        return _output_failed(error)
    return result if isinstance(result, int) else 0


class Interruption:
    """Handler of signals that interrupts once: what is then cleaned up must not be interrupted by an impatient second
    Ctrl-C, which is ignored for some seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._first = clock, -math.inf

    def __call__(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - as Python calls it
        """Raise, unless that was done a moment ago."""
        if self._clock() - self._first >= _PATIENCE:
            self._first = self._clock()
            raise KeyboardInterrupt


def _report(error: TrimtabError) -> int:
    with contextlib.suppress(OSError):  # standard error may be full, or closed at its other end
        for line in error.lines():
            click.echo(printable(line), err=True)
    return error.exit_code


def _output_failed(error: OSError) -> int:
    """The exit code where standard output cannot be written; other errors are raised again."""
    if isinstance(error, BrokenPipeError):
        sys.stderr.close()  # the reader of our output has gone; Python would complain about it at exit
        return 0
    if error.errno not in _UNWRITABLE or error.filename is not None:
        raise error
    with open(os.devnull, "w") as null:  # noqa: PTH123 - for what is left in the buffer, which Python writes at exit
        os.dup2(null.fileno(), sys.stdout.fileno())
    return _report(
        InputError(f"standard output cannot be written: {error.strerror}", hint="see that there is space where it goes")
    )
