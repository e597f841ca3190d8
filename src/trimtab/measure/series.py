"""Benches with their candidates, and the samples and pairs taken so far."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from trimtab.model.comparison import Count, Runs, Sample
from trimtab.stats.median import Interval
from trimtab.stats.sequence import PairSequence
from trimtab.stats.tick import tick_of
from trimtab.system.process import Finished
from trimtab.units import format_change, format_seconds

ERROR = 0.01
"""Of the differences that a report calls, the share that is expected to be wrong at most, whenever it is looked at; and
the chance of a wrong ``same`` among its rows."""
NULL = "null control"
"""The baseline's own copy, as a candidate."""
_UNKNOWN = {"memory": "some runs need less than the process that starts them, below which it cannot be told"}
_COARSE = 0.05
"""Tick over the smallest change that matters, below which a clock counts as continuous."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """A bench with the command of each candidate, the baseline first."""

    name: str
    commands: Mapping[str, tuple[str, ...]]
    null: tuple[str, ...]
    """The baseline's command with a copy of its binary, or the same command again; empty for no null control."""
    smallest: float = 0.01
    """The smallest change that matters, as a fraction of the baseline's."""
    identical: frozenset[str] = frozenset()
    """Candidates with the baseline's own bytes, which are not run."""
    stdin: Path | None = None
    """The file that it reads as standard input, in place of that of all benches."""
    cwd: Mapping[str, Path] = field(default_factory=dict)
    """The folder of each candidate that has one of its own."""
    variables: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Environment variables of each candidate beside the common ones."""
    reported: Callable[[Finished], float] | None = None
    """Reads the seconds that a run says its work took, which are then judged instead of the run's own times."""


@dataclass(slots=True)
class Series:
    """One metric of one candidate beside the baseline's."""

    metric: str
    unit: str
    sequence: PairSequence
    read: Callable[[Sample], float | None] = lambda _: None
    """The value in a sample; unused where values come from elsewhere."""
    decisive: bool = True
    """Whether runs go on until it is decided."""
    clock: bool = False
    """Whether values are read off a clock, which may tick coarsely."""
    carry_over: PairSequence | None = None
    """Log ratios of the same program's runs right after the candidate and right after the baseline."""
    pairs: list[tuple[float, float]] = field(default_factory=list)
    """Values of baseline and candidate, pair by pair."""
    absent: str = ""
    """Reason why it cannot be judged; empty if it can. One unknown value is enough: pairs of known ones alone would be
    a selection."""

    @property
    def tells(self) -> bool:
        """Whether there is anything to judge."""
        return not self.absent and len(self.sequence) > 0

    @property
    def repeats(self) -> bool:
        """Whether each side has given the same value each time, twice at least."""
        return len(self.pairs) > 1 and all(len(set(values)) == 1 for values in zip(*self.pairs, strict=True))

    def take(self, base: Sample, head: Sample) -> None:
        """Take in a pair of runs."""
        self.add(self.read(base), self.read(head))

    def add(self, before: float | None, after: float | None) -> None:
        """Take in a pair of values."""
        if before is None or after is None:
            self.absent = _UNKNOWN.get(self.metric, "the system does not tell")
        elif before <= 0 or after <= 0:
            self.absent = "some runs are too short for the clock"
        else:
            self.pairs.append((before, after))
            self.sequence.add(math.log(after / before))

    def take_carry_over(self, after_head: Sample, after_base: Sample) -> None:
        """Take in two runs of one program, right after the candidate and right after the baseline."""
        slow, usual = self.read(after_head), self.read(after_base)
        if self.carry_over is not None and slow and usual and slow > 0 and usual > 0:
            self.carry_over.add(math.log(slow / usual))

    @property
    def carries_over(self) -> bool:
        """Whether runs are known to take another time after the candidate than after the baseline."""
        return self.carry_over is not None and (self.carry_over.slower or self.carry_over.faster)

    @property
    def tick(self) -> float:
        """The clock's tick, in the unit of the values; 0 where there is no clock, or no pair."""
        return tick_of(value for pair in self.pairs for value in pair) if self.clock and self.pairs else 0.0

    @property
    def resolution(self) -> float:
        """Log ratio that one tick makes; 0 where that is far below what matters."""
        if not (tick := self.tick):
            return 0.0
        shortest = min(statistics.median(values) for values in zip(*self.pairs, strict=True))
        ratio = math.log1p(tick / shortest)
        return ratio if ratio > _COARSE * self.sequence.smallest else 0.0

    def interval(self, error: float) -> Interval:
        """The log ratios that are not rejected, widened on both sides by what the clock's tick may hide."""
        exact, margin = self.sequence.interval(error), self.resolution
        low = None if exact.low is None else exact.low - margin
        high = None if exact.high is None else exact.high + margin
        return replace(exact, low=low, high=high)

    @property
    def is_coarse(self) -> bool:
        """Whether the clock's tick may hide as much as matters."""
        return self.resolution >= self.sequence.smallest and abs(self.sequence.centre) < self.sequence.smallest

    def doubt(self, base: str, head: str) -> str:
        """Reason why it decides nothing, whatever its interval; empty if there is none.

        Args:
            base: the baseline, in words.
            head: the candidate.
        """
        if self.carry_over is not None and self.carries_over:
            centre = self.carry_over.centre
            slowing, other = (head, base) if centre > 0 else (base, head)
            return (
                f"{slowing} leaves work behind: what runs right after it takes {format_change(math.exp(abs(centre)))} "
                f"beside what runs right after {other}"
            )
        if self.is_coarse:
            return f"the clock ticks in steps of {format_seconds(self.tick)} or less, which may hide what matters"
        return ""

    def same(self, error: float) -> bool:
        """Whether any difference is smaller than what matters, whatever the clock's tick hides."""
        return self.sequence.within(error) and self.sequence.within(error, self.resolution)


@dataclass(slots=True)
class BenchRuns:
    """A bench in progress: its samples, and the series made of them."""

    case: Case
    runs: dict[str, Runs]
    series: dict[str, list[Series]]
    counted: dict[str, list[Series]] = field(default_factory=dict)
    """Series of counts of each candidate, which take part in the report from the start."""
    failure: str = ""
    """Reason why it was given up; runs made before count."""
    interrupted: bool = False
    """Whether the user has seen enough."""
    budget: float | None = None
    """Seconds that its blocks might take; ``None`` if their number was given."""
    seconds: float = 0.0
    """Seconds that they took."""
    output: dict[str, int] = field(default_factory=dict)
    """Bytes that each candidate printed in its warm-up."""
    counts: dict[str, list[Count]] = field(default_factory=dict)
    """Counted runs of each candidate."""
    left_running: dict[str, int] = field(default_factory=dict)
    """Runs of each candidate that left processes running."""
    notes: list[str] = field(default_factory=list)

    @property
    def base(self) -> str:
        """The baseline's name."""
        return next(iter(self.case.commands))

    @property
    def heads(self) -> tuple[str, ...]:
        """The candidates that are run."""
        return tuple(name for name in self.series if name != NULL)


def new_series(case: Case) -> list[Series]:
    """The metrics that are judged by pairs."""

    def series(
        metric: str, unit: str, read: Callable[[Sample], float | None], *, decisive: bool = True, clock: bool = False
    ) -> Series:
        return Series(
            metric,
            unit,
            new_sequence(case),
            read,
            decisive=decisive,
            clock=clock,
            carry_over=new_sequence(case) if clock else None,
        )

    if case.reported:
        return [series("time", "s", lambda sample: sample.reported, clock=True)]
    return [
        series("wall", "s", lambda sample: sample.wall, clock=True),
        series("cpu", "s", lambda sample: sample.user + sample.system, clock=True),
        series("memory", "bytes", lambda sample: sample.memory),
        # In a small program one page is more than what matters, and random addresses alone need one more or less.
        series("faults", "faults", lambda sample: sample.faults, decisive=False),
    ]


def count_series(case: Case, metrics: tuple[str, ...]) -> list[Series]:
    """Series of counts, for metrics of a `Count`."""
    return [Series(metric, metric, new_sequence(case)) for metric in metrics]


def new_sequence(case: Case) -> PairSequence:
    """An empty sequence for a bench."""
    return PairSequence(smallest=math.log1p(case.smallest), error=ERROR)
