"""Output that all commands share: consoles, messages and status lines, files."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

import click

from trimtab.errors import InputError
from trimtab.system.process import SystemRunner
from trimtab.units import printable

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console, RenderableType
    from rich.status import Status

    from trimtab.system.process import Command, Finished, Runner

F = TypeVar("F", bound=Callable[..., Any])

_PIPE_WIDTH = 160
"""Columns of reports that go into a pipe or a file."""


def output_options(function: F) -> F:
    """``--json``, ``--quiet``, ``--no-color``: options that every command takes."""
    for option in (
        click.option("--no-color", is_flag=True, help="Plain text (also NO_COLOR)."),
        click.option("--quiet", "-q", is_flag=True, help="No progress."),
        click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output."),
    ):
        function = option(function)
    return function


def markdown_option(function: F) -> F:
    """``--markdown``."""
    return click.option("--markdown", is_flag=True, help="Markdown, for a pull request.")(function)


def refuse_two_formats(*, as_json: bool, markdown: bool) -> None:
    """Refuse ``--json`` beside ``--markdown``.

    Raises:
        InputError: both were given.
    """
    if as_json and markdown:
        raise InputError("--json and --markdown exclude each other", hint="choose one")


def store_option(function: F) -> F:
    """``--store FILE``."""
    return click.option("--store", type=click.Path(dir_okay=False), help="Where studies are kept.")(function)


def console(*, no_color: bool, stderr: bool = False) -> Console:
    """A console for reports; wide enough for tables where it is not a terminal."""
    from trimtab.cli.printable_console import PrintableConsole

    stream = sys.stderr if stderr else sys.stdout
    return PrintableConsole(
        stderr=stderr,
        no_color=no_color or None,
        width=None if stream.isatty() else _PIPE_WIDTH,
        highlight=False,
        emoji=False,
        soft_wrap=False,
    )


def say(text: str) -> None:
    """Print a line on standard error."""
    click.echo(printable(text), err=True)


def has_terminal() -> bool:
    """Whether a question can be read and answered."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def show(renderables: Iterable[RenderableType], to: Console) -> None:
    """Print renderables one after the other."""
    for renderable in renderables:
        to.print(renderable, markup=False)


def message_printer(*, quiet: bool) -> Callable[[str], None]:
    """Callback that prints messages on standard error, for commands without a progress bar."""
    return lambda text: None if quiet else say(text)


def chosen_runner(*, verbose: bool, no_color: bool) -> Runner:
    """Runner of all commands; with ``--verbose`` it prints each."""
    return VerboseRunner(SystemRunner(), console(no_color=no_color, stderr=True)) if verbose else SystemRunner()


@contextlib.contextmanager
def status_line(*, quiet: bool, no_color: bool) -> Iterator[Callable[[str], None]]:
    """Callback that overwrites one status line; on a terminal only."""
    if quiet or not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.markup import escape

    with contextlib.ExitStack() as stack:
        status: list[Status] = []

        def update(text: str) -> None:
            if not status:  # not earlier: a build before it has a bar of its own
                status.append(stack.enter_context(console(no_color=no_color, stderr=True).status("")))
            status[0].update(escape(text))

        yield update


def write_file(path: Path, text: str) -> None:
    """Write a report into the file that an option names.

    Raises:
        InputError: it cannot be written.
    """
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot write this file: {error.strerror}", where=str(path)) from None


class VerboseRunner:
    """Prints each command before it runs, for ``--verbose``."""

    def __init__(self, runner: Runner, to: Console) -> None:
        self._runner = runner
        self._to = to

    def run(self, command: Command) -> Finished:
        """Print a command, then run it."""
        self._to.print(f"$ {command}", style="dim", markup=False, soft_wrap=True)
        return self._runner.run(command)
