"""Progress of trials: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from trimtab.choice.table import label
from trimtab.cli.output import console
from trimtab.experiment.protocols import Progress, SilentProgress
from trimtab.model.profile import Profile
from trimtab.model.study import Study
from trimtab.model.trial import Trial
from trimtab.units import format_bytes, format_seconds

if TYPE_CHECKING:
    from rich.console import Console


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
