"""Results of one trial: new ones in place of the old, or added to them."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import replace

from trimtab.model.metric import Absent, Measurement, run_metric
from trimtab.model.plan import Bench, ProbeKind
from trimtab.model.trial import Trial

MOST_BUILDS = 5
"""Clean builds of one profile."""
MOST_ROUNDS = 16
"""Rounds of more pairs for one bench of one profile, the first one included, whichever run of trimtab they are of."""
OF_BUILDS = frozenset({ProbeKind.BUILD, ProbeKind.TOUCH})
"""Groups of metrics that come with a build."""
_COSTS = "build."
"""Beginning of the names of build costs."""


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


def carried_over(known: Trial | None, trial: Trial) -> Trial:
    """The trial that was built anew, with what is known of the same bytes: sizes, and times of runs."""
    same = known and not known.failure and _digests(known) == _digests(trial)
    if not known or not same or trial.failure:
        return trial
    kept = tuple(result for result in known.measurements if not result.name.startswith(_COSTS))
    absent = tuple(result for result in known.absent if not result.name.startswith((_COSTS, "effect[")))
    probes = set(known.probes) - OF_BUILDS
    return replace(
        trial,
        measurements=(*trial.measurements, *kept),
        absent=(*trial.absent, *absent),
        probes=tuple(sorted({*trial.probes, *probes})),
        benches=known.benches,
        bench_inputs=known.bench_inputs,
    )


def _digests(trial: Trial) -> tuple[tuple[str, str], ...]:
    return tuple((artifact.name, artifact.sha256) for artifact in trial.artifacts)
