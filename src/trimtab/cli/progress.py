"""Progress of trials: a bar on a terminal, lines from time to time elsewhere."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trimtab.choice.table import label
from trimtab.cli.output import console
from trimtab.experiment.protocols import Progress, SilentProgress
from trimtab.model.build_progress import BuildProgress
from trimtab.model.profile import Profile
from trimtab.model.study import Study
from trimtab.model.trial import Trial
from trimtab.report.build_progress import BETWEEN_LINES, build_state, with_times
from trimtab.units import format_bytes, format_seconds, printable

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.progress import Progress as Bar

_TICK = 1.0
"""Seconds between two checks for that."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Work:
    """Work on one profile."""

    begun: float
    """Seconds on the clock; the time of the state, if there is one."""
    activity: str = ""
    expected: float | None = None
    """Estimated seconds for all of it."""
    state: BuildProgress | None = None
    """Of a build."""


class LineProgress:
    """A line for each step, and for long ones a line from time to time; for logs.

    Args:
        to: console for the lines.
        clock: seconds, for differences.
    """

    def __init__(self, to: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self._to, self._clock = to, clock
        self._study: Study | None = None
        self._seconds: list[float] = []
        self._works: dict[Profile, _Work] = {}
        self._lock = threading.Lock()
        self._last_line = clock()
        self._ended = threading.Event()

    def begin(self, study: Study, left: int) -> None:
        """Name the study, with the number of profiles."""
        self._study = study
        self._say(f"{study.id}: {left} profiles")

    def step(self, profile: Profile, activity: str, *, expected: float | None = None) -> None:
        """Name the activity."""
        with self._lock:
            self._works[profile] = _Work(activity=activity, begun=self._clock(), expected=expected)
        self._announce(f"  {self._label(profile)}: {activity}")

    def building(self, profile: Profile, state: BuildProgress) -> None:
        """Keep the state, to be shown when its time comes."""
        with self._lock:
            self._works[profile] = _Work(begun=self._clock(), state=state)

    def done(self, trial: Trial, *, known: bool, left: int) -> None:
        """Name the result, with an estimate for the rest."""
        if not known:
            self._seconds.append(trial.seconds)
        with self._lock:
            self._works.pop(trial.profile, None)
        self._say(f"  {self._label(trial.profile)}: {outcome(trial, known=known)}{self._remaining(left)}")

    def tick(self) -> None:
        """Print the state of all that runs, if there has been no line for a while."""
        if self._clock() - self._last_line >= BETWEEN_LINES:
            for line in self._states():
                self._say(f"  {line}")

    def __enter__(self) -> LineProgress:
        threading.Thread(target=self._tick_until_ended, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()

    def _tick_until_ended(self) -> None:
        while not self._ended.wait(_TICK):
            self.tick()

    def _states(self) -> list[str]:
        """A line for each profile that is being worked on."""
        with self._lock:
            works = list(self._works.items())
        return [f"{self._label(profile)}: {_described(work, self._clock())}" for profile, work in works]

    def _label(self, profile: Profile) -> str:
        return label(profile, self._study.baseline_profile) if self._study else ""

    def _remaining(self, left: int) -> str:
        if not left or not self._seconds:
            return f"; {left} left" if left else ""
        about = sum(self._seconds) / len(self._seconds) * left
        return f"; {left} left, about {format_seconds(about)}"

    def _announce(self, text: str) -> None:
        """Show a step that begins."""
        self._say(text)

    def _say(self, text: str) -> None:
        self._last_line = self._clock()
        self._to.print(text, markup=False)


class BarProgress(LineProgress):
    """A bar over all profiles, and below it a line for each profile that is being worked on; for a terminal."""

    def __init__(self, to: Console, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(to, clock)
        self._bar = _bar(to, self._states)
        self._task = self._bar.add_task("", total=None)

    def begin(self, study: Study, left: int) -> None:
        """Show the bar."""
        super().begin(study, left)
        self._bar.update(self._task, total=left)

    def done(self, trial: Trial, *, known: bool, left: int) -> None:
        """Advance the bar; the trial's line stays above it."""
        super().done(trial, known=known, left=0)
        self._bar.update(self._task, advance=1, description=self._remaining(left).removeprefix("; "))

    def tick(self) -> None:
        """Nothing: the bar is drawn anew several times a second."""

    def _announce(self, text: str) -> None:
        """Nothing: it is below the bar already."""

    def __enter__(self) -> BarProgress:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()


def _bar(to: Console, states: Callable[[], list[str]]) -> Bar:
    """A bar with lines below it."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
    from rich.text import Text

    class WithStates(Progress):
        def get_renderables(self) -> Iterable[RenderableType]:
            yield self.make_tasks_table(self.tasks)
            for state in states():
                yield Text(f"  {state}", no_wrap=True, overflow="ellipsis")

    return WithStates(
        SpinnerColumn(),
        MofNCompleteColumn(),
        BarColumn(bar_width=24),
        TimeElapsedColumn(),
        TextColumn("{task.description}", markup=False),
        console=to,
        transient=True,
        refresh_per_second=4,
    )


@contextlib.contextmanager
def trial_progress(*, quiet: bool, no_color: bool) -> Iterator[Progress]:
    """A bar on a terminal, lines elsewhere, or nothing."""
    if quiet:
        yield SilentProgress()
        return
    to = console(no_color=no_color, stderr=True)
    with BarProgress(to) if sys.stderr.isatty() else LineProgress(to) as progress:
        yield progress


def _described(work: _Work, now: float) -> str:
    """The state of a build, or an activity with its times."""
    if work.state:
        return build_state(work.state, now - work.begun)
    elapsed = now - work.begun
    return with_times(work.activity, elapsed, None if work.expected is None else work.expected - elapsed)


def outcome(trial: Trial, *, known: bool) -> str:
    """A trial in half a line."""
    if trial.failure:
        failure = f"{trial.failure.cause}: {printable(trial.failure.message)}"
        return f"{failure} (known already)" if known else failure
    size = sum(artifact.size for artifact in trial.artifacts)
    took = "known already" if known else f"took {format_seconds(trial.seconds)}"
    return f"{format_bytes(size)}, {took}"
