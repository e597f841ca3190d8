"""The table: each trial beside today's profile, and which trials are on the Pareto front."""

from __future__ import annotations

from trimtab.errors import InputError
from trimtab.model.answer import MetricChange, TableRow
from trimtab.model.metric import RUN_INSTRUCTIONS, RUN_WALL, Measurement, ratio_metric, run_metric
from trimtab.model.plan import Bench
from trimtab.model.profile import Profile
from trimtab.model.study import Study
from trimtab.model.trial import Status, Trial
from trimtab.stats.pareto import pareto_front

SIZE_TOLERANCE, BUILD_TOLERANCE = 0.002, 0.02
"""Differences below these count as equal on the front: other symbol hashes alone move a file by 0.1 to 0.2 %, and the
CPU time of one and the same build differs by a percent or two from run to run."""
SCREENED_SIZE, SCREENED_BUILD = 0.005, 0.25
"""Share by which a screened profile may miss a limit and still deserve a clean build: libraries that serve all
kinds of LTO cost up to a quarter more than bitcode alone, and move a file by up to 0.35 % (docs/benchmarks.md)."""

_COLUMNS = (
    "size.wheel",
    "size.file",
    "size.stripped",
    "size.gzip",
    "size.xz",
    "build.clean.cpu",
    "build.clean.wall",
    "build.peak_memory",
    "build.touch.wall",
)


def columns(study: Study) -> tuple[str, ...]:
    """The metrics that any trial of a study has, in the table's order."""
    runs = [
        name
        for bench in study.benches
        for name in (run_metric(bench.name, RUN_WALL), run_metric(bench.name, RUN_INSTRUCTIONS))
    ]
    known = {measurement.name for trial in study.trials for measurement in trial.measurements}
    return tuple(name for name in (*_COLUMNS, *runs) if name in known)


def rows(study: Study) -> tuple[TableRow, ...]:
    """Today's profile first, then by stripped size; failures last."""
    front = front_of(study)
    baseline = study.baseline_trial
    metrics = columns(study)
    size = size_metric(study)

    def order(trial: Trial) -> tuple[bool, bool, float]:
        return (trial.id != study.baseline, trial.status is not Status.OK, trial.value(size) or 0)

    return tuple(
        TableRow(
            trial=trial.id,
            profile=trial.profile,
            label=label(trial.profile, study.baseline_profile),
            is_baseline=trial.id == study.baseline,
            pareto=trial.id in front,
            changes=tuple(change for name in metrics if (change := change_of(name, trial, baseline))),
            failure=f"{trial.failure.cause}: {trial.failure.message}" if trial.failure else "",
            screened=trial.screened,
            warnings=trial.warnings,
        )
        for trial in sorted(study.trials, key=order)
    )


def label(profile: Profile, baseline: Profile) -> str:
    """Changes of a profile beside today's, in words: ``lto fat, codegen-units 1``; ``today`` where there are none."""
    differing = profile.differing(baseline)
    return ", ".join(f"{axis.name} {axis.show(axis.get(profile)) or 'none'}" for axis in differing) or "today"


def change_of(name: str, trial: Trial, baseline: Trial | None) -> MetricChange | None:
    """One metric of a trial beside the baseline's; runtimes by their paired ratio."""
    paired = trial.get(f"{name}.ratio")
    measured = trial.get(name)
    if measured is None and paired is None:
        return None
    base = baseline.get(name) if baseline else None
    value = measured.value if measured else base.value if base else None
    unit = measured.unit if measured else base.unit if base else "s"
    if value is None:
        return None
    if paired:
        return MetricChange(
            metric=name,
            unit=unit,
            value=value,
            ratio=paired.value,
            low=paired.low,
            high=paired.high,
            real=_clears(paired),
        )
    ratio = value / base.value if base and base.value else None
    return MetricChange(metric=name, unit=unit, value=value, ratio=ratio)


def front_of(study: Study) -> set[str]:
    """The trials that no other trial beats on size, build cost and every bench; a bench that fails keeps one off."""
    today, size = study.baseline_trial, size_metric(study)
    sizes = [(size, SIZE_TOLERANCE)] if today and today.value(size) else []
    builds = [(name, BUILD_TOLERANCE) for name in ("build.clean.cpu",) if _everywhere(study, name)]
    benches = [bench for bench in judged_benches(study) if today and runtime_ratio(today, bench.name) is not None]
    points = {}
    for trial in study.built:
        values = [*(trial.value(name) for name, _ in (*sizes, *builds))]
        values += [runtime_ratio(trial, bench.name) for bench in benches]
        known = [value for value in values if value is not None]
        if known and len(known) == len(values):
            points[trial.id] = known
    tolerances = [tolerance for _, tolerance in (*sizes, *builds)]
    return pareto_front(points, [*tolerances, *(bench.smallest_change for bench in benches)])


def judged_benches(study: Study) -> tuple[Bench, ...]:
    """The benches that count: neither the start-up smoke run nor training does."""
    return tuple(bench for bench in study.benches if bench.is_judged)


def size_metric(study: Study) -> str:
    """Stripped bytes, lest strip and debug settings pass for smaller code; as shipped where today's has none.

    It goes by today's profile alone, so that no other trial has a say in how the rest are compared.
    """
    today = study.baseline_trial
    return "size.stripped" if today and today.value("size.stripped") else "size.file"


def runtime_ratio(trial: Trial, bench: str) -> float | None:
    """Runtime over today's, 1 where the interval does not tell them apart: only real differences count."""
    paired = trial.get(ratio_metric(bench, RUN_WALL))
    if paired is None:
        return None
    return float(paired.value) if _clears(paired) else 1.0


def _clears(paired: Measurement) -> bool:
    if paired.doubt or paired.low is None or paired.high is None:
        return False
    return not paired.low <= 1.0 <= paired.high


def _everywhere(study: Study, name: str) -> bool:
    return bool(study.built) and all(trial.value(name) for trial in study.built)


def choose_trial(study: Study, name: str) -> Trial:
    """A study's trial, by its name in the table or the beginning of its id.

    Raises:
        InputError: there is none, or more than one.
    """
    named = [trial for trial in study.trials if label(trial.profile, study.baseline_profile) == name]
    matches = named or [trial for trial in study.trials if trial.id.startswith(name)]
    if len(matches) != 1:
        raise InputError(
            f"several trials of {study.id} begin with {name!r}" if matches else f"no trial {name!r} in {study.id}",
            hint="name it as in the table of `trimtab show`, or by its id in `trimtab show --json`",
        )
    return matches[0]
