"""Pairs of a trial's runs and today's: ratios for the table they stand in, made of what was measured.

What is kept are the runs themselves. An interval says how sure a number is among all others of its table, so it is
computed for that table, by the same `Series` as a verdict of ``trimtab bench``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from trimtab.measure.series import Series
from trimtab.model.metric import (
    RUN_CPU,
    RUN_MEMORY,
    RUN_WALL,
    Absent,
    Level,
    Measurement,
    PairedRuns,
    ratio_metric,
    run_metric,
)
from trimtab.model.plan import Bench
from trimtab.model.study import Study
from trimtab.model.trial import Artifact, Trial
from trimtab.stats.median import median_interval
from trimtab.stats.sequence import PairSequence

UNITS: Mapping[str, str] = {RUN_WALL: "s", RUN_CPU: "s", RUN_MEMORY: "bytes"}
"""Metrics that are measured in pairs, with their units."""
FEWEST_PAIRS = 20
"""Of one round, if no table is so long that an interval takes more."""
PAIRS_PER_SECOND = 50
"""Pairs for each second of bench time that are enough, since more of a program that is so quick say little."""
TODAYS, ITS = "today's program", "this profile's"
"""The two programs of a pair, as failures and doubts name them."""


def ratio_of(name: str, runs: PairedRuns, level: Level, method: str) -> Measurement:
    """Ratio of a trial's runs to today's, with its interval in a table.

    Args:
        name: of the ratio, as in ``run.check.wall.ratio``.
        runs: at least one pair.
        level: of the table's intervals.
        method: in words.
    """
    what = name.split(".")[-2]
    series = Series(what, UNITS[what], _sequence(level), clock=UNITS[what] == "s", carry_over=_sequence(level))
    for before, after in runs.values:
        series.add(before, after)
    for difference in runs.carry_over:
        assert series.carry_over is not None
        series.carry_over.add(difference)
    interval = series.interval(level.error)
    return Measurement(
        name=name,
        value=math.exp(interval.value),
        unit="ratio",
        low=None if interval.low is None else math.exp(interval.low),
        high=None if interval.high is None else math.exp(interval.high),
        samples=interval.samples,
        method=method,
        pairs=runs,
        level=level,
        doubt=series.doubt(TODAYS, ITS),
    )


def value_of_runs(name: str, unit: str, runs: Sequence[float], method: str) -> Measurement:
    """Median of runs with its interval."""
    interval = median_interval(runs)
    return Measurement(
        name=name, value=interval.value, unit=unit, low=interval.low, high=interval.high, samples=interval.samples,
        method=method,
    )  # fmt: skip


def fewest_pairs(level: Level) -> int:
    """The number of pairs that a round takes at least, so that its interval has two ends."""
    return max(FEWEST_PAIRS, _sequence(level).fewest(level.error))


def most_pairs(seconds: float) -> int:
    """The number of pairs that are enough for so much bench time."""
    return math.ceil(PAIRS_PER_SECOND * seconds)


def seconds_lacking(trial: Trial, bench: Bench, seconds: float, rounds: int = 1) -> float:
    """Bench time that a trial's runs of a bench fall short of, in seconds.

    Where its pairs were not kept, as by earlier versions, the first round counts as done.

    Args:
        trial: has them.
        bench: which.
        seconds: of a round.
        rounds: that are wanted.
    """
    wall = trial.get(ratio_metric(bench.name, RUN_WALL))
    if not wall:
        return 0.0
    if not wall.pairs:
        return (rounds - 1) * seconds
    pairs = len(wall.pairs.values)
    if pairs < rounds * FEWEST_PAIRS:
        return max(seconds, rounds * seconds - wall.pairs.seconds)
    is_enough = pairs >= most_pairs(rounds * seconds)
    return 0.0 if is_enough else max(0.0, rounds * seconds - wall.pairs.seconds)


def are_with(trial: Trial, bench: Bench, baseline: Sequence[Artifact]) -> bool:
    """Whether a trial's runs of a bench, if they were kept, are in pairs with this program of today's."""
    wall = trial.get(ratio_metric(bench.name, RUN_WALL))
    base = wall.pairs.base if wall and wall.pairs else ""
    return not (base and baseline) or base == baseline[0].sha256


def with_more_pairs(trial: Trial, bench: Bench, results: Iterable[Measurement | Absent], level: Level) -> Trial:
    """The trial with the runs of another round of a bench added to those of earlier rounds.

    Args:
        trial: has the earlier ones.
        bench: whose round it was.
        results: of the new round; where it failed, all earlier ones of the bench no longer count.
        level: of the table's intervals.
    """
    new = {result.name: result for result in results}
    failed = isinstance(new.get(run_metric(bench.name, RUN_WALL)), Absent)
    merged: dict[str, Measurement | Absent] = dict(new)
    for what in UNITS:
        name, value_name = ratio_metric(bench.name, what), run_metric(bench.name, what)
        known, result = trial.get(name), new.get(name)
        if not (known and known.pairs and isinstance(result, Measurement) and result.pairs):
            continue
        if known.pairs.base == result.pairs.base:
            runs = _joined(known.pairs, result.pairs)
            merged[name] = ratio_of(name, runs, level, result.method)
            merged[value_name] = value_of_runs(value_name, UNITS[what], [run for _, run in runs.values], result.method)
    replaced = run_metric(bench.name, "") if failed else tuple(f"{name}\0" for name in merged)
    return replace(
        trial,
        measurements=(
            *(one for one in trial.measurements if not f"{one.name}\0".startswith(replaced)),
            *(one for one in merged.values() if isinstance(one, Measurement)),
        ),
        absent=(
            *(one for one in trial.absent if not f"{one.name}\0".startswith(replaced)),
            *(one for one in merged.values() if isinstance(one, Absent)),
        ),
    )


def level_of(study: Study, bench: Bench) -> Level:
    """Level at which all intervals of a study's table hold together."""
    return Level(error=study.interval_error, smallest=bench.smallest_change)


def at_level(study: Study, trial: Trial) -> Trial:
    """The trial with the intervals of its runs as they are in a study's table."""
    changed = {one.name: one for bench in study.benches for one in _recomputed(trial, bench, level_of(study, bench))}
    if not changed:
        return trial
    return replace(trial, measurements=tuple(changed.get(one.name, one) for one in trial.measurements))


def at_one_level(study: Study) -> Study:
    """The study with all intervals of runs at the level of its table, wherever its trials come from."""
    return replace(study, trials=tuple(at_level(study, trial) for trial in study.trials))


def _recomputed(trial: Trial, bench: Bench, level: Level) -> Iterator[Measurement]:
    for what in UNITS:
        known = trial.get(ratio_metric(bench.name, what))
        if not known or known.level == level:
            continue
        if known.pairs:
            yield ratio_of(known.name, known.pairs, level, known.method)
        elif known.observations:
            yield _of_logs(known, level)


def _of_logs(known: Measurement, level: Level) -> Measurement:
    """A ratio of which earlier versions kept the logarithms only."""
    sequence = _sequence(level)
    for log in known.observations:
        sequence.add(log)
    interval = sequence.interval(level.error)
    low, high = (None if end is None else math.exp(end) for end in (interval.low, interval.high))
    return replace(known, low=low, high=high, level=level)


def _joined(earlier: PairedRuns, later: PairedRuns) -> PairedRuns:
    return PairedRuns(
        values=(*earlier.values, *later.values),
        carry_over=(*earlier.carry_over, *later.carry_over),
        seconds=earlier.seconds + later.seconds,
        left_running=earlier.left_running + later.left_running,
        base=later.base,
    )


def _sequence(level: Level) -> PairSequence:
    return PairSequence(smallest=math.log1p(level.smallest), error=level.error)
