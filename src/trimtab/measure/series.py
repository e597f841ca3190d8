"""Benches with their candidates, and the samples and pairs taken so far."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from trimtab.model.comparison import Count, Runs, Sample
from trimtab.stats.sequence import PairSequence
from trimtab.system.process import Finished

ERROR = 0.01
"""Of the differences that a report calls, the share that is expected to be wrong at most, whenever it is looked at; and
the chance of a wrong ``same`` among its rows."""
NULL = "null control"
"""The baseline's own copy, as a candidate."""
_UNKNOWN = {"memory": "some runs need less than trimtab itself has had, below which it cannot be told"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """A bench with the command of each candidate, the baseline first."""

    name: str
    commands: Mapping[str, tuple[str, ...]]
    null: tuple[str, ...]
    """The baseline's command with a copy of its binary, or the same command again."""
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
    read: Callable[[Sample], float | None]
    sequence: PairSequence
    decisive: bool = True
    """Whether runs go on until it is decided."""
    absent: str = ""
    """Reason why it cannot be judged; empty if it can. One unknown value is enough: pairs of known ones alone would be
    a selection."""

    @property
    def tells(self) -> bool:
        """Whether there is anything to judge."""
        return not self.absent and len(self.sequence) > 0

    def add(self, base: Sample, head: Sample) -> None:
        """Take in one pair."""
        before, after = self.read(base), self.read(head)
        if before is None or after is None:
            self.absent = _UNKNOWN.get(self.metric, "the system does not tell")
        elif before <= 0 or after <= 0:
            self.absent = "some runs are too short for the clock"
        else:
            self.sequence.add(math.log(after / before))


@dataclass(slots=True)
class BenchRuns:
    """A bench in progress: its samples, and the series made of them."""

    case: Case
    runs: dict[str, Runs]
    series: dict[str, list[Series]]
    failure: str = ""
    """Reason why it was given up; runs made before count."""
    interrupted: bool = False
    """Whether the user has seen enough."""
    output: dict[str, int] = field(default_factory=dict)
    """Bytes that each candidate printed in its warm-up."""
    counts: dict[str, list[Count]] = field(default_factory=dict)
    """Counted runs of each candidate."""
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

    def series(metric: str, unit: str, read: Callable[[Sample], float | None], *, decisive: bool = True) -> Series:
        sequence = PairSequence(smallest=math.log1p(case.smallest), error=ERROR)
        return Series(metric, unit, read, sequence, decisive=decisive)

    if case.reported:
        return [series("time", "s", lambda sample: sample.reported)]
    return [
        series("wall", "s", lambda sample: sample.wall),
        series("cpu", "s", lambda sample: sample.user + sample.system),
        series("memory", "bytes", lambda sample: sample.memory),
        # In a small program one page is more than what matters, and random addresses alone need one more or less.
        series("faults", "faults", lambda sample: sample.faults, decisive=False),
    ]
