"""What is run and what has come in: benches, their candidates, and the pairs so far."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from trimtab.model.comparison import Runs, Sample
from trimtab.stats.sequence import PairSequence

ERROR = 0.01
"""The chance of a wrong call in a whole report: a false-discovery rate over its rows, whenever it is looked at."""
NULL = "[null]"
"""The baseline's own copy, as a candidate."""


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


@dataclass(slots=True)
class Series:
    """One metric of one candidate beside the baseline's."""

    metric: str
    unit: str
    read: Callable[[Sample], float]
    sequence: PairSequence
    zero: bool = False
    """Whether a value was too small for the clock."""

    def add(self, base: Sample, head: Sample) -> None:
        """Take in one pair."""
        before, after = self.read(base), self.read(head)
        if before > 0 and after > 0:
            self.sequence.add(math.log(after / before))
        else:
            self.zero = True


@dataclass(slots=True)
class Measured:
    """A bench in progress: what has been run, and what it says."""

    case: Case
    runs: dict[str, Runs]
    series: dict[str, list[Series]]
    failure: str = ""
    """Why it was given up; what was run before counts."""
    output: dict[str, int] = field(default_factory=dict)
    """Bytes that each candidate printed in its warm-up."""

    @property
    def base(self) -> str:
        """The baseline's name."""
        return next(iter(self.case.commands))

    @property
    def heads(self) -> tuple[str, ...]:
        """The candidates that are run."""
        return tuple(name for name in self.series if name != NULL)


def new_series(smallest: float) -> list[Series]:
    """The metrics that are judged."""

    def sequence() -> PairSequence:
        return PairSequence(smallest=math.log1p(smallest), error=ERROR)

    return [
        Series("wall", "s", lambda sample: sample.wall, sequence()),
        Series("cpu", "s", lambda sample: sample.user + sample.system, sequence()),
    ]
