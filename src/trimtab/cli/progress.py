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
from trimtab.model.build_progress import BuildProgress, RunningUnit, Stage
from trimtab.model.profile import Profile
from trimtab.model.study import Study
from trimtab.model.trial import Trial
from trimtab.units import format_bytes, format_seconds, printable

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.progress import Progress as Bar

_BETWEEN_LINES = 30.0
"""Seconds without a line after which a log gets one with the state of what runs."""
_TICK = 1.0
"""Seconds between two checks for that."""
_MOST_NAMED = 3
"""Units named of those that compile at once."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Work:
    """Work on one profile."""

    activity: str
    begun: float
    """Seconds on the clock; also of the other times."""
    expected: float | None = None
    """Seconds for all of it."""
    state: BuildProgress | None = None
    """Of a build."""
    received: float = 0.0
    """Time of that state."""


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
        now = self._clock()
        activity = f"rebuilding after an edit of {printable(state.rebuilds)}" if state.rebuilds else "building"
        with self._lock:
            self._works[profile] = _Work(activity=activity, begun=now - state.elapsed, state=state, received=now)

    def done(self, trial: Trial, *, known: bool, left: int) -> None:
        """Name the result, with an estimate for the rest."""
        if not known:
            self._seconds.append(trial.seconds)
        with self._lock:
            self._works.pop(trial.profile, None)
        self._say(f"  {self._label(trial.profile)}: {outcome(trial, known=known)}{self._remaining(left)}")

    def tick(self) -> None:
        """Print the state of all that runs, if there has been no line for a while."""
        if self._clock() - self._last_line >= _BETWEEN_LINES:
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
    """Activity, time so far, estimate and units in half a line; what may be cut off comes last."""
    state = work.state
    counts = f", {len(state.finished)} of {state.total} units" if state and state.total else ""
    parts = [f"{work.activity}{counts}", f"{_whole_seconds(now - work.begun)} so far"]
    remaining = state.remaining if state else work.expected
    since = work.received if state else work.begun
    if remaining is not None and (left := remaining - (now - since)) > 0:
        parts.append(f"about {_whole_seconds(left)} left")
    units = _units(state, now - work.received) if state and state.running else ""
    return f"{', '.join(parts)}; {units}" if units else ", ".join(parts)


def _units(state: BuildProgress, since: float) -> str:
    """The units that run; once only programs do, the stage of each.

    Args:
        state: of a build.
        since: seconds since that state.
    """
    if all(unit.is_program for unit in state.running):
        now = state.elapsed + since
        return " and ".join(f"{_staged(unit)} for {_whole_seconds(now - unit.stage_begun)}" for unit in state.running)
    names = [printable(unit.name) for unit in state.running]  # those that have run longest first
    more = [f"{len(names) - _MOST_NAMED} more"] if len(names) > _MOST_NAMED else []
    return f"compiling {' and '.join([', '.join(names[:_MOST_NAMED]), *more])}"


def _staged(unit: RunningUnit) -> str:
    """A program with its stage."""
    stage = "final link-time optimization of" if unit.stage is Stage.LTO else unit.stage
    return f"{stage} {printable(unit.name)}"


def _whole_seconds(seconds: float) -> str:
    return format_seconds(max(1.0, float(round(seconds))))


def outcome(trial: Trial, *, known: bool) -> str:
    """A trial in half a line."""
    if trial.failure:
        failure = f"{trial.failure.cause}: {printable(trial.failure.message)}"
        return f"{failure} (known already)" if known else failure
    size = sum(artifact.size for artifact in trial.artifacts)
    took = "known already" if known else f"took {format_seconds(trial.seconds)}"
    return f"{format_bytes(size)}, {took}"
