"""What all commands share: where text goes, and how progress is shown."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

import click

from trimtab.choice.table import label
from trimtab.errors import InputError
from trimtab.experiment.loop import Progress
from trimtab.experiment.run import SilentProgress
from trimtab.model.profile import Profile
from trimtab.model.study import Study
from trimtab.model.trial import Trial
from trimtab.store.sqlite import SqliteStore
from trimtab.system.paths import default_folders
from trimtab.system.process import SystemRunner
from trimtab.units import format_bytes, format_seconds

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console, RenderableType
    from rich.status import Status

    from trimtab.system.process import Command, Finished, Runner

F = TypeVar("F", bound=Callable[..., Any])

_PIPE_WIDTH = 160


def output_options(function: F) -> F:
    """``--json``, ``--quiet``, ``--no-color``: options that every command takes."""
    for option in (
        click.option("--no-color", is_flag=True, help="Plain text (also NO_COLOR)."),
        click.option("--quiet", "-q", is_flag=True, help="No progress."),
        click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output."),
    ):
        function = option(function)
    return function


def store_option(function: F) -> F:
    """``--store FILE``."""
    return click.option("--store", type=click.Path(dir_okay=False), help="Where studies are kept.")(function)


def existing_store(store: str | None) -> SqliteStore:
    """A store to read from: one that the user names must be there.

    Raises:
        InputError: it is not there, or cannot be used.
    """
    path = default_folders(store).store
    if store and not path.exists():
        raise InputError("there is no such store", where=str(path), hint="`trimtab explore --store FILE` makes one")
    return SqliteStore(path)


def console(*, no_color: bool, stderr: bool = False) -> Console:
    """A console for reports, wide enough for tables when nobody looks at it."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else _PIPE_WIDTH
    return Console(stderr=stderr, no_color=no_color or None, width=width, highlight=False, soft_wrap=False)


def show(renderables: Iterable[RenderableType], to: Console) -> None:
    """Print one thing after the other."""
    for renderable in renderables:
        to.print(renderable, markup=False)


def teller(*, quiet: bool) -> Callable[[str], None]:
    """Says on standard error what is being done, where a command has no bar."""
    return lambda text: None if quiet else click.echo(text, err=True)


def chosen_runner(*, verbose: bool, no_color: bool) -> Runner:
    """Runs commands, and says which if that is wanted."""
    return LoudRunner(SystemRunner(), console(no_color=no_color, stderr=True)) if verbose else SystemRunner()


@contextlib.contextmanager
def status_line(*, quiet: bool, no_color: bool) -> Iterator[Callable[[str], None]]:
    """Yields what says how far something is: on one line that is written over, and on a terminal only."""
    if quiet or not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.markup import escape

    with contextlib.ExitStack() as stack:
        shown: list[Status] = []

        def say(text: str) -> None:
            if not shown:  # not earlier: a build before it has a bar of its own
                shown.append(stack.enter_context(console(no_color=no_color, stderr=True).status("")))
            shown[0].update(escape(text))

        yield say


def write_file(path: Path, text: str) -> None:
    """Write what a user asked for into a file.

    Raises:
        InputError: it cannot be written.
    """
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"it cannot be written: {error.strerror}", where=str(path)) from None


class LoudRunner:
    """Runs commands and says which: what ``--verbose`` is for."""

    def __init__(self, runner: Runner, to: Console) -> None:
        self._runner = runner
        self._to = to

    def run(self, command: Command) -> Finished:
        """Print a command, then run it."""
        self._to.print(f"$ {command}", style="dim", markup=False, soft_wrap=True)
        return self._runner.run(command)


class LineProgress:
    """A line per step, for logs."""

    def __init__(self, to: Console) -> None:
        self._to = to
        self._study: Study | None = None
        self._seconds: list[float] = []

    def begin(self, study: Study, left: int) -> None:
        """Say what is explored."""
        self._study = study
        self._say(f"{study.id}: {left} profiles")

    def step(self, profile: Profile, what: str) -> None:
        """Say what is being done."""
        self._say(f"  {self._label(profile)}: {what}")

    def done(self, trial: Trial, *, known: bool, left: int) -> None:
        """Say how it went and about how long the rest will take."""
        if not known:
            self._seconds.append(trial.seconds)
        self._say(f"  {self._label(trial.profile)}: {outcome(trial, known=known)}{self._remaining(left)}")

    def _label(self, profile: Profile) -> str:
        return label(profile, self._study.baseline_profile) if self._study else ""

    def _remaining(self, left: int) -> str:
        if not left or not self._seconds:
            return f"; {left} left" if left else ""
        about = sum(self._seconds) / len(self._seconds) * left
        return f"; {left} left, about {format_seconds(about)}"

    def _say(self, text: str) -> None:
        self._to.print(text, markup=False)


class BarProgress(LineProgress):
    """A bar with what is running, what is left and an estimate, for a terminal."""

    def __init__(self, to: Console) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        super().__init__(to)
        self._bar = Progress(
            SpinnerColumn(),
            MofNCompleteColumn(),
            BarColumn(bar_width=24),
            TimeElapsedColumn(),
            TextColumn("{task.description}", markup=False),
            console=to,
            transient=True,
        )
        self._task = self._bar.add_task("", total=None)
        self._left = ""

    def begin(self, study: Study, left: int) -> None:
        """Show the bar."""
        super().begin(study, left)
        self._bar.update(self._task, total=left)

    def step(self, profile: Profile, what: str) -> None:
        """Name what is running."""
        self._bar.update(self._task, description=f"{self._label(profile)}: {what}{self._left}")

    def done(self, trial: Trial, *, known: bool, left: int) -> None:
        """One further; the trial's line stays above the bar."""
        super().done(trial, known=known, left=0)
        self._left = self._remaining(left)
        self._bar.advance(self._task)

    def __enter__(self) -> BarProgress:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()


@contextlib.contextmanager
def trial_progress(*, quiet: bool, no_color: bool) -> Iterator[Progress]:
    """A bar on a terminal, lines elsewhere, or nothing."""
    if quiet:
        yield SilentProgress()
    elif sys.stderr.isatty():
        with BarProgress(console(no_color=no_color, stderr=True)) as bar:
            yield bar
    else:
        yield LineProgress(console(no_color=no_color, stderr=True))


def outcome(trial: Trial, *, known: bool) -> str:
    """A trial in half a line."""
    if trial.failure:
        said = f"{trial.failure.cause}: {trial.failure.message}"
        return f"{said} (known already)" if known else said
    size = sum(artifact.size for artifact in trial.artifacts)
    took = "known already" if known else f"took {format_seconds(trial.seconds)}"
    return f"{format_bytes(size)}, {took}"
