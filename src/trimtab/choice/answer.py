"""The answer of `explore` and `show` as one value: table, recommendation, monthly trades, notes."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from trimtab.choice.economics import trades
from trimtab.choice.recommend import recommend
from trimtab.choice.table import columns, judged_benches, label, rows
from trimtab.model.answer import Answer
from trimtab.model.metric import RUN_WALL, STARTUP, ratio_metric, run_metric
from trimtab.model.study import Study
from trimtab.model.trial import TrainedBuild, Trial, kept_out
from trimtab.units import format_bytes, format_change, format_seconds

_BUSY = 0.3
"""Cores that other programs may use during a build before a note says so."""
_SHORT = 0.005
"""Seconds below which a run is mostly the start of a process."""


def answer(study: Study) -> Answer:
    """Table, recommendation and the notes a reader needs to trust them."""
    return Answer(
        metrics=columns(study),
        rows=rows(study),
        recommendation=recommend(study),
        trades=tuple(trades(study)),
        notes=tuple(_notes(study)),
    )


def _notes(study: Study) -> list[str]:
    notes = list(study.project.notes)
    if study.project.overrides:
        names = ", ".join(study.project.overrides)
        notes.append(f"packages with settings of their own in this profile: {names}")
    if any(bench.name == STARTUP for bench in study.benches):
        command = " ".join(next(bench.command for bench in study.benches if bench.name == STARTUP))
        notes.append(f"run.startup is a smoke run of `{command}`, not a bench")
    notes += _training(study)
    notes += _elsewhere(study)
    notes += _null_controls(study)
    notes += _disturbances(study)
    for bench in judged_benches(study):
        wall = study.baseline_trial.get(run_metric(bench.name, RUN_WALL)) if study.baseline_trial else None
        if wall and wall.value < _SHORT:
            notes.append(f"{bench.name} takes {format_seconds(wall.value)}, mostly starting: give it more work")
    busy = [load.value for trial in study.trials if (load := trial.get("build.clean.other_load"))]
    if busy and max(busy) > _BUSY:
        notes.append(
            f"other programs kept up to {max(busy):.1f} cores busy during builds: lean on CPU times, not on wall times"
        )
    notes += _wheel_tags(study)
    if any(trial.screened for trial in study.trials):
        notes.append(
            "≈ was screened: built from what profiles have in common, so that its bytes are those of a clean build but"
            " for some tenths of a percent, and its CPU time is a sum over units that may serve several profiles; build"
            " wall, memory and touch-and-rebuild are of clean builds only"
        )
    notes += dict.fromkeys(kept_out(trial.wrote) for trial in study.trials if trial.wrote)
    notes += _builds(study)
    methods = {peak.method for trial in study.built if (peak := trial.get("build.peak_memory"))}
    notes += [f"peak memory: {method}" for method in sorted(methods)]
    return [*notes, *_missing(study)]


def _builds(study: Study) -> Iterator[str]:
    """The number of builds that build costs rest on."""
    counts = {
        label(trial.profile, study.baseline_profile): cost.samples
        for trial in study.trials
        if (cost := trial.get("build.clean.cpu"))
    }
    repeated = [f"{name} of {samples}" for name, samples in counts.items() if samples > 1]
    if counts:
        but = f" but for medians ({'; '.join(repeated)})" if repeated else ""
        yield f"build costs are of one build each{but}: expect a few percent from run to run, more on a busy machine"


def _training(study: Study) -> Iterator[str]:
    """Prices of the trained profiles, and benches that say something about training."""
    if study.training is None:
        return
    for trial in study.built:
        if trial.trained:
            name = label(trial.profile, study.baseline_profile)
            yield f"{name}: {_price(trial, trial.trained, study.baseline_trial)}"
    trained = [bench.name for bench in study.benches if bench.trained]
    if trained:
        yield f"{', '.join(trained)}: what programs were trained with, shown and not judged"
    if untrained := [bench.name for bench in study.benches if bench.name in study.training.untrained]:
        yield f"{', '.join(untrained)}: never touched by training, so that trained programs may be slower"
    if not judged_benches(study):
        yield "no bench is held out from training, so nothing is known about the gain on other work: give a --bench"


def _price(trial: Trial, account: TrainedBuild, today: Trial | None) -> str:
    parts = []
    for name, step in (("pgo", account.pgo), ("bolt", account.bolt)):
        if step:
            slower = f", {step.slowdown:.1f} times slower" if step.slowdown else ""
            parts.append(
                f"instrumented for {name} in {format_seconds(step.instrumented.cpu)} of CPU "
                f"({format_bytes(step.instrumented_size)}{slower}), trained in {format_seconds(step.training.cpu)}"
            )
    parts.append(f"built in {format_seconds(account.optimized.cpu)}")
    total, base = trial.value("build.clean.cpu"), today.value("build.clean.cpu") if today else None
    if total and base:
        parts.append(f"in all {total / base:.1f} times today's build")
    if account.functions and account.covered is not None:
        share = f" and {account.executed:.0%} of what held-out benches execute" if account.executed is not None else ""
        parts.append(f"training ran {account.covered} of {account.functions} functions{share}")
    return "; ".join(parts)


def _elsewhere(study: Study) -> list[str]:
    """Trials that were timed on this class of machine under another system: comparable, and said."""
    reasons = {
        reason
        for trial in study.trials
        if trial.timing
        for reason in study.machine.provenance_unlike(trial.timing.machine)
    }
    return [f"some times were taken on another system: {'; '.join(sorted(reasons))}"] if reasons else []


def _null_controls(study: Study) -> list[str]:
    """Today's binary measured against a byte copy of itself: the noise of this machine on that day."""
    today = study.baseline_trial
    controls = [
        (bench.name, paired)
        for bench in judged_benches(study)
        if today and (paired := today.get(ratio_metric(bench.name, RUN_WALL)))
    ]
    return [
        f"null control: {name} against a byte copy of itself {format_change(paired.value)}"
        + (f" [{format_change(paired.low)}, {format_change(paired.high)}]" if paired.low and paired.high else "")
        for name, paired in controls
    ]


def _disturbances(study: Study) -> Iterator[str]:
    """Benches whose runs disturb one another, or leave something running."""
    for bench, trial in itertools.product(study.benches, study.built):
        paired = trial.get(ratio_metric(bench.name, RUN_WALL))
        name = label(trial.profile, study.baseline_profile)
        if paired and paired.doubt:
            yield f"{bench.name} of {name} is unclear: {paired.doubt}"
        if paired and paired.pairs and (runs := paired.pairs.left_running):
            yield f"{bench.name} of {name} leaves processes running ({runs} of its runs): they were ended"


def _wheel_tags(study: Study) -> Iterator[str]:
    """Tags of the wheels and the oldest Linux that they run on; a line for each profile only where they differ."""
    tagged = {label(trial.profile, study.baseline_profile): trial.tags for trial in study.trials if trial.tags}
    labels_by_tags: dict[tuple[tuple[str, ...], str], list[str]] = {}
    for name, tags in tagged.items():
        labels_by_tags.setdefault((tags.claimed, tags.platform), []).append(name)
    for (claimed, platform), names in labels_by_tags.items():
        subject = "the wheels are" if len(labels_by_tags) == 1 else f"the wheel of {'; '.join(names)} is"
        needs = f"; by what they need, {platform} and newer (auditwheel)" if platform else ""
        yield f"{subject} tagged {', '.join(claimed)}{needs}"
    unknown = dict.fromkeys(reason for tags in tagged.values() for reason in tags.unknown)
    yield from (f"not checked: {reason}" for reason in unknown)


def _missing(study: Study) -> list[str]:
    """Metrics that could not be measured, with the profiles where it is not all of them."""
    benches = tuple(run_metric(bench.name, "") for bench in study.benches)
    labels: dict[tuple[str, str], list[str]] = {}
    for trial in study.built:
        for absent in trial.absent:
            of_another_bench = absent.name.startswith("run.") and not absent.name.startswith(benches)
            if "identical" not in absent.reason and not of_another_bench:
                labels.setdefault((absent.name, absent.reason), []).append(label(trial.profile, study.baseline_profile))
    notes = []
    for (name, reason), which in sorted(labels.items()):
        where = "" if len(which) == len(study.built) else f" for {'; '.join(which)}"
        notes.append(f"{name} is missing{where}: {reason}")
    return notes
