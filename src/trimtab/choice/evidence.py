"""Evidence about a trial: each metric that a rule looks at, over today's, with its noise."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from trimtab.choice.rules import BUILD, TOUCH
from trimtab.choice.table import judged_benches, size_metric
from trimtab.model.metric import RUN_WALL, Measurement, ratio_metric
from trimtab.model.study import Study
from trimtab.model.trial import Trial

_BUILD_NOISE, _PRIOR_BUILDS = 0.03, 4
"""Standard deviation of the log of one build's CPU time, and how many builds it counts for beside those that were
repeated: the same build differs by one or two percent on a quiet machine, and by more on a busy one."""
_BEYOND_NOISE = 3.0
"""Standard errors by which build costs must differ to count as different."""
_INTERVAL = 3.0
"""Standard errors from an estimate to an end of its interval, where its pairs were not kept."""
_TO_DEVIATION, _MEDIAN_ERROR = 1.4826, 1.2533
"""Median absolute deviation to standard deviation, and standard error of a median to that of a mean, if normal."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ratio:
    """A metric of a trial over today's."""

    value: float
    low: float | None = None
    """Lower end of its interval; ``None`` where there is none."""
    high: float | None = None
    noise: float = 0.0
    """Standard error of its logarithm, but for today's part."""
    todays_noise: float = 0.0
    """Part of that error that it shares with the ratios of other trials, since all are over the same value."""

    def moved(self, deviations: float, todays_deviations: float = 0.0) -> Ratio:
        """Ratio that another measurement might have given, so many standard errors away."""
        factor = math.exp(self.noise * deviations - self.todays_noise * todays_deviations)
        return Ratio(
            value=self.value * factor,
            low=None if self.low is None else self.low * factor,
            high=None if self.high is None else self.high * factor,
            noise=self.noise,
            todays_noise=self.todays_noise,
        )

    @property
    def proven(self) -> float:
        """The value where the interval tells it from today's; else one."""
        return self.value if self.low is not None and self.high is not None and not self.low <= 1 <= self.high else 1.0


def evidence_of(study: Study, trial: Trial, today: Trial) -> Mapping[str, Ratio]:
    """Ratios by metric: the size, the costs of builds, and ``run.BENCH.wall.ratio`` of each bench that counts."""
    ratios = {}
    size = size_metric(study)
    value, base = trial.value(size), today.value(size)
    if value and base:
        exact = value / base
        ratios[size] = Ratio(value=exact, low=exact, high=exact)
    for name in (BUILD, TOUCH):
        cost, cost_today = trial.get(name), today.get(name)
        if cost and cost_today and cost.value > 0 and cost_today.value > 0:
            ratios[name] = _of_builds(cost, cost_today)
    for bench in judged_benches(study):
        name = ratio_metric(bench.name, RUN_WALL)
        if (paired := trial.get(name)) and paired.value > 0:
            low, high = (None, None) if paired.doubt else (paired.low, paired.high)
            ratios[name] = Ratio(value=paired.value, low=low, high=high, noise=_noise(paired))
    return ratios


def _of_builds(cost: Measurement, today: Measurement) -> Ratio:
    ours, theirs = ([math.log(x) for x in _observed(measured) if x > 0] for measured in (cost, today))
    squares = sum((x - statistics.fmean(logs)) ** 2 for logs in (ours, theirs) for x in logs)
    freedom = len(ours) + len(theirs) - 2
    deviation = math.sqrt((_PRIOR_BUILDS * _BUILD_NOISE**2 + squares) / (_PRIOR_BUILDS + freedom))
    noise, todays_noise = (deviation / math.sqrt(len(logs)) for logs in (ours, theirs))
    value, reach = cost.value / today.value, math.exp(_BEYOND_NOISE * math.hypot(noise, todays_noise))
    return Ratio(value=value, low=value / reach, high=value * reach, noise=noise, todays_noise=todays_noise)


def _observed(measured: Measurement) -> Sequence[float]:
    return measured.observations or (measured.value,)


def _noise(paired: Measurement) -> float:
    """Standard error of the logarithm of a paired ratio."""
    values = paired.pairs.values if paired.pairs else ()
    logs = paired.observations or [math.log(after / before) for before, after in values]
    if len(logs) > 1:
        centre = statistics.median(logs)
        spread = statistics.median(abs(x - centre) for x in logs)
        return _TO_DEVIATION * _MEDIAN_ERROR * spread / math.sqrt(len(logs))
    if paired.low and paired.high and paired.low > 0:
        return math.log(paired.high / paired.low) / 2 / _INTERVAL
    return 0.0
