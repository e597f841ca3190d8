"""Which profile to take for a goal: a rule in words that is printed with its answer, never a hidden score."""

from __future__ import annotations

from dataclasses import dataclass

from trimtab.analysis.table import BUILD_TOLERANCE, change_of, label, runtime_ratio, size_metric
from trimtab.model.metric import RUN_WALL, STARTUP, ratio_metric, run_metric
from trimtab.model.plan import Goal, Limits
from trimtab.model.study import Study
from trimtab.model.trial import Trial
from trimtab.model.verdict import Change, Recommendation
from trimtab.units import format_change, format_value

SIZE, BUILD, TOUCH, RUNTIME = "size.stripped", "build.clean.cpu", "build.touch.wall", "runtime"
_WORDS = {
    SIZE: "stripped size",
    "size.file": "size as shipped",
    BUILD: "build CPU",
    TOUCH: "touch-and-rebuild",
    RUNTIME: "runtime",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """Objectives in order of importance, each with the ratio below which two profiles count as equal; and limits."""

    objectives: tuple[tuple[str, float], ...]
    limits: Limits


RULES: dict[Goal, Rule] = {
    Goal.SIZE: Rule(
        objectives=((SIZE, 0.01), (RUNTIME, 0.01), (BUILD, 0.05)), limits=Limits(build=4.0, touch=None, size=None)
    ),
    Goal.SPEED: Rule(
        objectives=((RUNTIME, 0.01), (SIZE, 0.01), (BUILD, 0.05)), limits=Limits(build=4.0, touch=None, size=1.1)
    ),
    Goal.BALANCED: Rule(
        objectives=((SIZE, 0.02), (RUNTIME, 0.01), (BUILD, 0.05)), limits=Limits(build=2.0, touch=3.0, size=1.0)
    ),
    Goal.BUILD: Rule(
        objectives=((BUILD, 0.05), (SIZE, 0.01), (RUNTIME, 0.01)), limits=Limits(build=1.0, touch=None, size=1.1)
    ),
}


def recommend(study: Study) -> Recommendation | None:
    """Apply the goal's rule; ``None`` where today's profile could not be built.

    A profile is a candidate when it keeps the limits and no bench is known to be worse than today's by more than the
    smallest change that matters. The best on the first objective is taken; among those equal to it the best on the
    next, and so on. When that is no better than today's profile on the first objective, today's is kept.
    """
    today = study.baseline_trial
    if today is None or today.failure:
        return None
    rule = RULES[study.goal]
    limits = _limits(rule, study.limits)
    size = size_metric(study)
    objectives = [(size if name == SIZE else name, tolerance) for name, tolerance in rule.objectives]
    judged = [(name, tolerance) for name, tolerance in objectives if _value(study, today, name) is not None]
    candidates = [trial for trial in study.built if _allowed(study, trial, today, limits, size)]
    best = _best(study, candidates, judged) if judged else today
    keeps = best.id == today.id or not _better(study, best, today, judged[0])
    taken = today if keeps else best
    return Recommendation(
        goal=study.goal,
        trial=taken.id,
        keeps_today=keeps,
        rule=describe(study.goal, study.limits),
        why=_why(study, taken, today, candidates, judged),
        caveats=_caveats(study, taken),
    )


def describe(goal: Goal, limits: Limits) -> str:
    """The rule in words, with the limits in force."""
    rule = RULES[goal]
    order = ", then ".join(f"{_WORDS[name]} (ties within {tolerance:.0%})" for name, tolerance in rule.objectives)
    caps = _limits(rule, limits)
    shown = [
        f"{_WORDS[name]} ≤ {limit:g}× today's"
        for name, limit in ((BUILD, caps.build), (TOUCH, caps.touch), (SIZE, caps.size))
        if limit is not None
    ]
    return f"least {order}; limits: {', '.join(shown)}, no bench known to be slower by more than matters"


def _limits(rule: Rule, asked: Limits) -> Limits:
    return Limits(
        build=asked.build or rule.limits.build,
        touch=asked.touch or rule.limits.touch,
        size=asked.size or rule.limits.size,
    )


def _value(study: Study, trial: Trial, objective: str) -> float | None:
    if objective != RUNTIME:
        return trial.value(objective)
    benches = judged_benches(study)
    if not benches:
        return None
    product = 1.0
    for name in benches:
        product *= runtime_ratio(trial, name)
    return float(product ** (1 / len(benches)))


def judged_benches(study: Study) -> list[str]:
    """The benches that count: the start-up smoke run does not."""
    return [bench.name for bench in study.benches if bench.name != STARTUP]


def _allowed(study: Study, trial: Trial, today: Trial, limits: Limits, size: str) -> bool:
    if trial.id == today.id:
        return True
    if _cautious(study) and trial.profile.opt_level != today.profile.opt_level:
        return False
    for name, limit in ((BUILD, limits.build), (TOUCH, limits.touch), (size, limits.size)):
        value, base = trial.value(name), today.value(name)
        tolerance = 1 + BUILD_TOLERANCE if name != size else 1.0
        if limit is not None and value and base and value > base * limit * tolerance:
            return False
    return not any(
        runtime_ratio(trial, bench.name) > 1 + bench.smallest_change or not _runs(trial, bench.name)
        for bench in study.benches
        if bench.name != STARTUP
    )


def _cautious(study: Study) -> bool:
    """Without a bench nobody knows what another ``opt-level`` does to runtime; only the goal size takes it unseen."""
    return not judged_benches(study) and study.goal is not Goal.SIZE


def _runs(trial: Trial, bench: str) -> bool:
    """Whether the bench worked with this trial's binary, where runtime was measured at all."""
    if not any(one.name == bench for one in trial.benches):
        return True
    return trial.get(ratio_metric(bench, RUN_WALL)) is not None


def _best(study: Study, candidates: list[Trial], objectives: list[tuple[str, float]]) -> Trial:
    left = candidates
    for name, tolerance in objectives:
        values = {trial.id: _value(study, trial, name) for trial in left}
        known = [value for value in values.values() if value is not None]
        if not known:
            continue  # none of those that are left was measured so far
        least = min(known)
        left = [trial for trial in left if (value := values[trial.id]) is not None and value <= least * (1 + tolerance)]
    # What is still equal is settled by the fewest changes to today's profile, then by the exact first objective.
    return min(
        left,
        key=lambda trial: (
            len(trial.profile.differing(study.baseline_profile)),
            _value(study, trial, objectives[0][0]) or 0.0,
        ),
    )


def _better(study: Study, trial: Trial, today: Trial, objective: tuple[str, float]) -> bool:
    name, tolerance = objective
    value, base = _value(study, trial, name), _value(study, today, name)
    return value is not None and base is not None and value * (1 + tolerance) <= base


def _why(
    study: Study, taken: Trial, today: Trial, candidates: list[Trial], judged: list[tuple[str, float]]
) -> tuple[str, ...]:
    if taken.id == today.id:
        what = _WORDS[judged[0][0]] if judged else "what was measured"
        return (
            f"other profiles that built: {len(study.built) - 1}; within the limits: {len(candidates) - 1};"
            f" none of them is better on {what}",
        )
    return gains_and_costs(study, taken)


def gains_and_costs(study: Study, trial: Trial) -> tuple[str, ...]:
    """What a profile gains and what it costs beside today's, one sentence each."""
    today = study.baseline_trial
    if today is None:
        return ()
    names = [SIZE, "size.file", BUILD, "build.clean.wall", "build.peak_memory", TOUCH]
    names += [run_metric(name, RUN_WALL) for name in judged_benches(study)]
    sentences = (_sentence(change_of(name, trial, today), today) for name in names)
    return tuple(sentence for sentence in sentences if sentence)


def _sentence(change: Change | None, today: Trial) -> str:
    """``size.file 5.1 MiB → 4.2 MiB (-17.0 %)``, with the interval where there is one."""
    if change is None or change.ratio is None:
        return ""
    base = today.value(change.metric)
    if base is None:
        return ""
    text = f"{change.metric} {format_value(base, change.unit)} → {format_value(change.value, change.unit)}"
    if change.low is None or change.high is None:
        return f"{text} ({format_change(change.ratio)})"
    text = f"{change.metric} {format_change(change.ratio)} [{format_change(change.low)}, {format_change(change.high)}]"
    return text if change.real else f"{text}: cannot be told from today's"


def _caveats(study: Study, taken: Trial) -> tuple[str, ...]:
    caveats = []
    if not judged_benches(study):
        caveats.append("runtime was not judged: give a bench with --bench NAME='{bin} args…' or in trimtab.toml")
    if _cautious(study) and any(t.profile.opt_level != study.baseline_profile.opt_level for t in study.built):
        caveats.append("profiles with another opt-level were left out for that reason")
    failed = [trial for trial in study.trials if trial.failure]
    if failed:
        names = ", ".join(label(trial.profile, study.baseline_profile) for trial in failed[:3])
        caveats.append(f"{len(failed)} of {len(study.trials)} profiles could not be built: {names}")
    if len(study.trials) < study.planned:
        caveats.append(f"{study.planned - len(study.trials)} of {study.planned} profiles have not been tried")
    for bench in judged_benches(study):
        control = study.baseline_trial.get(ratio_metric(bench, RUN_WALL)) if study.baseline_trial else None
        if control and control.low is not None and control.high is not None and not control.low <= 1 <= control.high:
            caveats.append(f"the null control of {bench} differs from itself: this machine is too noisy just now")
    return (*caveats, *(f"effect: {warning}" for warning in taken.warnings))
