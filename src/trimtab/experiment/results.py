"""Results of one trial: new ones in place of the old, or added to them."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import replace

from trimtab.measure.runtime import paired_ratio, seconds_of_runs
from trimtab.model.metric import Absent, Measurement, run_metric
from trimtab.model.plan import Bench
from trimtab.model.trial import Trial

MOST_BUILDS = 5
"""Clean builds of one profile."""
MOST_ROUNDS = 16
"""Rounds of more pairs for one bench of one profile, each as long as the first."""


def with_results(trial: Trial, results: Iterable[Measurement | Absent], prefix: str) -> Trial:
    """The trial with new results in place of those whose names begin alike."""
    results = tuple(results)
    return replace(
        trial,
        measurements=(
            *(result for result in trial.measurements if not result.name.startswith(prefix)),
            *(result for result in results if isinstance(result, Measurement)),
        ),
        absent=(
            *(result for result in trial.absent if not result.name.startswith(prefix)),
            *(result for result in results if isinstance(result, Absent)),
        ),
    )


def without_benches(trial: Trial, stale: Sequence[Bench]) -> Trial:
    """The trial without the results of benches whose names now stand for something else."""
    names = {bench.name for bench in stale}
    prefixes = tuple(run_metric(name, "") for name in names)
    return replace(
        trial,
        measurements=tuple(result for result in trial.measurements if not result.name.startswith(prefixes)),
        absent=tuple(result for result in trial.absent if not result.name.startswith(prefixes)),
        benches=tuple(bench for bench in trial.benches if bench.name not in names),
        bench_inputs=tuple(inputs for inputs in trial.bench_inputs if inputs.bench not in names),
    )


def with_builds(trial: Trial, costs: Iterable[Measurement]) -> Trial:
    """The trial with the costs of one more build: medians of all builds, and their ranges."""
    more = {cost.name: cost for cost in costs}
    return replace(
        trial,
        measurements=tuple(
            _added(known, more[known.name]) if known.name in more else known for known in trial.measurements
        ),
    )


def with_more_pairs(trial: Trial, bench: Bench, results: Sequence[Measurement | Absent], error: float) -> Trial:
    """The trial with the runs of another round of a bench added to those of earlier rounds.

    Args:
        trial: has the earlier ones.
        bench: whose round it was.
        results: of the new round; where it failed, the earlier ones no longer count.
        error: chance that an interval of a ratio misses.
    """
    if any(isinstance(result, Absent) for result in results):
        return with_results(trial, results, run_metric(bench.name, ""))
    merged = {result.name: _with_earlier(trial.get(result.name), result, error) for result in results}
    others = (known for known in trial.measurements if known.name not in merged)
    return replace(
        trial,
        measurements=(*others, *(result for result in merged.values() if isinstance(result, Measurement))),
    )


def _with_earlier(known: Measurement | None, result: Measurement | Absent, error: float) -> Measurement | Absent:
    if isinstance(result, Absent) or not known or not known.observations or not result.observations:
        return result
    runs = (*known.observations, *result.observations)
    if result.unit == "ratio":
        return paired_ratio(result.name, runs, error, result.method.rpartition(";")[0])
    return seconds_of_runs(result.name, runs, result.method)


def _added(known: Measurement, cost: Measurement) -> Measurement:
    values = (*(known.observations or (float(known.value),)), float(cost.value))
    return replace(
        known,
        value=statistics.median(values),
        low=min(values),
        high=max(values),
        samples=len(values),
        observations=values,
    )
