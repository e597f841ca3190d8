"""Answer of an exploration: the table's rows and the recommendation, as values that reports only print."""

from __future__ import annotations

from dataclasses import dataclass

from trimtab.model.plan import Goal
from trimtab.model.profile import Profile


@dataclass(frozen=True, kw_only=True, slots=True)
class MetricChange:
    """One metric of one trial beside the baseline's."""

    metric: str
    unit: str
    value: float
    ratio: float | None
    """value / baseline; ``None`` where the baseline has none."""
    low: float | None = None
    """Interval of the ratio, where it was measured in pairs."""
    high: float | None = None
    real: bool = True
    """``False`` when the interval does not clear zero change."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TableRow:
    """One trial as a line of the table."""

    trial: str
    profile: Profile
    label: str
    """Changes beside today's profile, in words."""
    is_baseline: bool
    pareto: bool
    changes: tuple[MetricChange, ...]
    failure: str = ""
    screened: bool = False
    """Whether it was built from shared units only."""
    warnings: tuple[str, ...] = ()

    def get(self, metric: str) -> MetricChange | None:
        """The change in one metric."""
        return next((change for change in self.changes if change.metric == metric), None)


@dataclass(frozen=True, kw_only=True, slots=True)
class Trade:
    """Monthly costs and savings of a profile beside today's, in the user's own numbers."""

    trial: str
    label: str
    minutes: float | None
    """Building time a month, more than today's if positive; ``None`` where builds are not counted or were not timed."""
    price: float | None
    """Money for these minutes; ``None`` where a minute has no price."""
    bytes: float | None
    """Bytes downloaded a month, more than today's if positive; ``None`` where downloads are not counted or no size is
    known."""
    of: str = ""
    """Metric of the downloaded bytes, such as ``size.wheel``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Recommendation:
    """The profile to take for a goal, with the rule that chose it and its price."""

    goal: Goal
    trial: str
    keeps_today: bool
    rule: str
    """The rule in words, with the limits in force."""
    why: tuple[str, ...]
    """Gains and costs, one sentence each."""
    caveats: tuple[str, ...] = ()
    """Limits of the evidence, and what to do about them."""
    undecided: tuple[str, ...] = ()
    """Trials between which it is not decided, today's among them where that may be kept; `trial` is today's then."""
    agreement: float = 1.0
    """Share of resamples of what was measured that give the same answer."""
    pair: bool = False
    """Whether touch-and-rebuild would get dear, so that a profile to iterate on should keep what is shipped today."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """Everything that `explore` answers, ready to be printed."""

    metrics: tuple[str, ...]
    """The table's columns, in order."""
    rows: tuple[TableRow, ...]
    recommendation: Recommendation | None
    trades: tuple[Trade, ...] = ()
    """Trades of the profiles that were built cleanly, where ``[economics]`` says how often it is built or fetched."""
    notes: tuple[str, ...] = ()
