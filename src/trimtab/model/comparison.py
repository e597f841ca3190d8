"""Candidates run side by side: samples, rows and verdicts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from trimtab.model.machine import Machine

_TIMES = frozenset({"wall", "cpu", "time"})
_EXPLANATIONS = frozenset({"faults", "instructions", "cycles", "output"})


class Verdict(StrEnum):
    """The verdict on one metric of one bench."""

    REGRESSED = "regressed"
    IMPROVED = "improved"
    UNCLEAR = "unclear"
    SAME = "same"
    """The typical (median) run differs by less than what matters."""
    IDENTICAL = "identical"
    """The same bytes: nothing was run."""


class Mode(StrEnum):
    """The way a row's numbers came about, which says what its interval means."""

    PAIRED = "paired"
    """Many runs, side by side in blocks of random order; the interval may be looked at at any time. It has the clock's
    tick in it."""
    COUNTED = "counted"
    """A few runs under a program that counts. Where these repeat exactly there is nothing to be uncertain of; else
    verdict and interval are made as for pairs."""
    EXACT = "exact"
    """Read off a file or an output: there is nothing to be uncertain of."""
    LAYOUTS = "layouts"
    """Many runs of several layouts of the same code; the interval includes the spread between layouts."""
    IMPORTED = "imported"
    """Many runs that another program made, of one command after the other; the interval takes them for independent."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Placement:
    """The two programs that were compared, beside several layouts of both sides."""

    verdict: Verdict
    """On these two programs alone."""
    change: float | None
    """Of these two alone, with its interval."""
    low: float | None
    high: float | None
    base_spread: float
    """The slowest layout's time over the fastest one's, less one."""
    head_spread: float
    layout_only: bool
    """Whether these two are called different while their layouts allow for no change, and not for that one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ComparisonRow:
    """One metric of one bench, or of a file, for one candidate beside the baseline."""

    subject: str
    """The bench or file, and the candidate where there are several."""
    metric: str
    mode: Mode
    base: float | None
    """Median of the baseline; ``None`` where nothing was run."""
    head: float | None
    unit: str
    change: float | None
    """head/base - 1, the median of the pairs; ``None`` where the baseline is nothing."""
    low: float | None
    """Interval of the change; ``None`` with too few pairs for one."""
    high: float | None
    verdict: Verdict
    runs: int
    """Pairs; runs of each side where they are counted; layouts of each side."""
    more: int | None = None
    """Pairs that an unclear row still takes to a verdict, about; ``None`` if there is no telling."""
    reason: str = ""
    """Reason why an unclear row is so, where it is more than noise; empty otherwise."""
    placement: Placement | None = None
    """Set where there are layouts: change, interval and verdict are then those of all layouts."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Conditions:
    """Conditions that all runs had in common, beside the machine."""

    aslr: bool | None
    """Whether the kernel puts a program's memory at random addresses; ``None`` where it does not say."""
    cpus: tuple[int, ...]
    """The CPUs on which runs were allowed; empty where there is no telling."""
    governor: str
    """Governor of the CPUs' frequency; empty where there is none."""
    environment: int
    """Bytes of the environment, which lies on a program's stack and so moves it."""
    cwd: str
    """The folder in which commands were run."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """Some candidates beside a baseline: their files and their benches."""

    base: str
    heads: tuple[str, ...]
    rows: tuple[ComparisonRow, ...]
    null: tuple[ComparisonRow, ...]
    """The baseline beside a copy of itself, in the same blocks: today's noise. Never counted."""
    machine: Machine
    conditions: Conditions
    seconds: float
    """Seconds that it took."""
    failures: tuple[str, ...] = ()
    """Benches that could not be run or failed in the middle, with the reason; what was measured before counts."""
    notes: tuple[str, ...] = ()
    command: str = ""

    @property
    def counts(self) -> Mapping[Verdict, int]:
        """Number of rows with each verdict."""
        counted = Counter(row.verdict for row in self.rows)
        return {verdict: counted[verdict] for verdict in Verdict}

    @property
    def headline(self) -> str:
        """The worst regression, the typical gain and the rest in one line."""
        parts = []
        worse = [row for row in self.rows if row.verdict is Verdict.REGRESSED]
        better = [row for row in self.rows if row.verdict is Verdict.IMPROVED]
        if worse:
            worst = max(_telling(worse), key=lambda row: row.change or 0)
            parts.append(f"{len(worse)} regressed, worst {worst.subject} {worst.metric} by {_range(worst)}")
        if better:
            middle = sorted(_telling(better), key=lambda row: row.change or 0)[len(_telling(better)) // 2]
            parts.append(f"{len(better)} improved, typically by {_range(middle)}")
        for verdict in (Verdict.SAME, Verdict.UNCLEAR, Verdict.IDENTICAL):
            if self.counts[verdict]:
                parts.append(f"{self.counts[verdict]} {verdict}")
        if only := sum(row.placement is not None and row.placement.layout_only for row in self.rows):
            parts.append(f"{only} differ{'s' * (only == 1)} by layout only")
        if self.failures:
            parts.append(f"{len(self.failures)} failed")
        return "; ".join(parts) or "nothing was compared"


def _telling(rows: Sequence[ComparisonRow]) -> Sequence[ComparisonRow]:
    """The rows that a reader asks for first: times, else what is no mere explanation of them."""
    for metrics in (_TIMES, frozenset({row.metric for row in rows}) - _EXPLANATIONS):
        if chosen := [row for row in rows if row.metric in metrics]:
            return chosen
    return rows


def _range(row: ComparisonRow) -> str:
    """The interval of a change in percent, without a sign where both ends have the same; a certain change as it is."""
    ends = [end for end in (row.low, row.high) if end is not None] or [row.change or 0]
    if min(ends) < 0 < max(ends):
        return f"{min(ends):+.1%} to {max(ends):+.1%}".replace("%", " %")
    small, large = (f"{end:.1%}".removesuffix("%") for end in (min(map(abs, ends)), max(map(abs, ends))))
    return f"{small} to {large} %" if small != large else f"{small} %"


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """One run."""

    wall: float
    """Seconds."""
    user: float
    system: float
    memory: int | None
    """Bytes of the largest process."""
    faults: int | None
    exit_code: int
    reported: float | None = None
    """Seconds that the run itself says its work took."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Count:
    """Instructions and cycles of one run."""

    instructions: int
    cycles: int | None
    """Simulated; ``None`` where nothing simulates them: measured ones are no more certain than time."""


@dataclass(slots=True)
class Runs:
    """All runs of one candidate in one bench, in the order in which they were made."""

    command: str
    samples: list[Sample] = field(default_factory=list)
