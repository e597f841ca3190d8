"""Recommendation for a goal, by a rule in words that is printed with its answer, never a hidden score."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from trimtab.choice.table import (
    BUILD_TOLERANCE,
    SCREENED_BUILD,
    SCREENED_SIZE,
    change_of,
    judged_benches,
    label,
    runtime_ratio,
    size_metric,
)
from trimtab.model.answer import MetricChange, Recommendation
from trimtab.model.metric import RUN_WALL, ratio_metric, run_metric
from trimtab.model.plan import Bench, Goal, Limits
from trimtab.model.study import Study
from trimtab.model.trial import ENDS_INTERPRETER, Trial
from trimtab.units import format_change, format_value

SIZE, BUILD, TOUCH, RUNTIME = "size.stripped", "build.clean.cpu", "build.touch.cpu", "runtime"
_METRIC_NAMES = {
    SIZE: "stripped size",
    "size.file": "size as shipped",
    "size.wheel": "wheel",
    BUILD: "build CPU",
    "build.clean.wall": "build wall",
    "build.peak_memory": "peak memory",
    TOUCH: "touch-and-rebuild CPU",
    "build.touch.wall": "touch-and-rebuild wall",
    RUNTIME: "runtime",
}
_GAINS_AND_COSTS = ("size.wheel", SIZE, "size.file", BUILD, "build.clean.wall", "build.peak_memory", "build.touch.wall")
_HOW_TO_MEASURE = {SIZE: "--measure size", BUILD: "--measure build", RUNTIME: "--bench NAME='{bin} args…'"}


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

    A profile is a candidate when it keeps the limits and no bench is slower than today's by more than the smallest
    change that matters, as far as is known. The best on the first objective is taken; among those equal to it the best
    on the next, and so on; then the one with the fewest changes. It must beat today's profile on the first objective
    on which the two are not equal; otherwise today's is kept.
    """
    today = study.baseline_trial
    if today is None or today.failure:
        return None
    ranking = _Ranking(study, today)
    best = ranking.best()
    decided_by = ranking.advantage(best, today)
    taken = best if decided_by else today
    return Recommendation(
        goal=study.goal,
        trial=taken.id,
        keeps_today=taken is today,
        rule=ranking.rule(),
        why=(*(gains_and_costs(study, taken) if decided_by else ranking.why_keep()), *ranking.why_not(taken)),
        caveats=tuple(_caveats(study, taken)),
    )


def gains_and_costs(study: Study, trial: Trial) -> tuple[str, ...]:
    """Gains and costs of a profile beside today's, one sentence each."""
    today = study.baseline_trial
    if today is None:
        return ()
    names = {name: _METRIC_NAMES[name] for name in _GAINS_AND_COSTS}
    names |= {run_metric(bench.name, RUN_WALL): f"{bench.name} runtime" for bench in judged_benches(study)}
    sentences = (_sentence(text, change_of(name, trial, today), today) for name, text in names.items())
    return tuple(sentence for sentence in sentences if sentence)


class _Ranking:
    """One goal's rule applied to one study."""

    def __init__(self, study: Study, today: Trial) -> None:
        rule = RULES[study.goal]
        size = size_metric(study)
        self._study = study
        self._today = today
        self._objectives = [(size if name == SIZE else name, tolerance) for name, tolerance in rule.objectives]
        self._limits = [
            (metric, option, chosen or default)
            for metric, option, chosen, default in (
                (BUILD, "build", study.limits.build, rule.limits.build),
                (TOUCH, "touch", study.limits.touch, rule.limits.touch),
                (size, "size", study.limits.size, rule.limits.size),
            )
            if (chosen or default) and today.value(metric)
        ]
        self._is_judged = self._value(today, self._objectives[0][0]) is not None

    def best(self) -> Trial:
        """The best candidate; today's profile is always one."""
        if not self._is_judged:
            return self._today
        candidates = [trial for trial in self._study.built if not self.objection(trial)]
        for name, tolerance in self._objectives:
            values = {trial.id: self._value(trial, name) for trial in candidates}
            known = [value for value in values.values() if value is not None]
            if known:
                enough = min(known) * (1 + tolerance)
                candidates = [
                    trial for trial in candidates if (value := values[trial.id]) is not None and value <= enough
                ]
        return min(candidates, key=lambda trial: len(trial.profile.differing(self._today.profile)))

    def advantage(self, trial: Trial, other: Trial) -> str:
        """The first objective on which two are not equal, if the one is better there; nothing otherwise."""
        for name, tolerance in self._objectives:
            value, other_value = self._value(trial, name), self._value(other, name)
            if value is None or other_value is None:
                continue
            if value * (1 + tolerance) <= other_value:
                return name
            if other_value * (1 + tolerance) <= value:
                return ""
        return ""

    def objection(self, trial: Trial) -> str:
        """Objection to a trial as a candidate; empty if there is none."""
        if trial.id == self._today.id:
            return ""
        for metric, option, limit in self._limits:
            value, base = trial.value(metric), self._today.value(metric)
            tolerance = _tolerance(metric, screened=trial.screened)
            if limit and value and base and value > base * limit * tolerance:
                ratio = value / base
                return (
                    f"{_METRIC_NAMES[metric]} {ratio:.3g}× today's (allow it with --limit {option}={ratio + 0.1:.1f}x)"
                )
        if self._newly_ends_interpreter(trial):
            return ENDS_INTERPRETER
        for bench in judged_benches(self._study):
            if objection := _slower(trial, bench):
                return objection
        if self._is_cautious and trial.profile.opt_level != self._today.profile.opt_level:
            return "another opt-level, and no bench to tell what that does to runtime"
        return ""

    def rule(self) -> str:
        """Rule in words, with the limits in force."""
        order = ", then ".join(
            f"{_METRIC_NAMES[name]} (ties within {tolerance:.0%})" for name, tolerance in self._objectives
        )
        limits = [f"{_METRIC_NAMES[metric]} ≤ {limit:g}× today's" for metric, _, limit in self._limits]
        limits += [f"{bench.name} slower by ≤ {bench.smallest_change:.1%}" for bench in judged_benches(self._study)]
        return f"least {order}; limits: {', '.join(limits) or 'none'}"

    def why_keep(self) -> tuple[str, ...]:
        """Reasons for keeping today's profile."""
        first = self._objectives[0][0]
        if not self._is_judged:
            how = _HOW_TO_MEASURE.get(first, "--measure size")
            return (f"the goal {self._study.goal} is judged by {_METRIC_NAMES[first]}, which was not measured: {how}",)
        others = len(self._study.built) - 1
        within = sum(not self.objection(trial) for trial in self._study.built) - 1
        if not within:
            return (f"none of the {others} other profiles that built can be recommended",)
        return (f"of {others} other profiles that built, {within} keep the limits, and none of these is better",)

    def why_not(self, taken: Trial) -> tuple[str, ...]:
        """The best profile that was left out although it beats the one taken on the first objective."""
        name, tolerance = self._objectives[0]
        chosen = self._value(taken, name)
        tempting = [
            (value, trial)
            for trial in self._study.built
            if chosen and (value := self._value(trial, name)) and value * (1 + tolerance) <= chosen
            if self.objection(trial)
        ]
        if not tempting:
            return ()
        value, trial = min(tempting, key=lambda pair: pair[0])
        base = self._value(self._today, name) or value
        what = f"{label(trial.profile, self._today.profile)}: {_METRIC_NAMES[name]} {format_change(value / base)}"
        return (f"left out: {what}, but {self.objection(trial)}",)

    def _newly_ends_interpreter(self, trial: Trial) -> bool:
        """Whether an exception would end the interpreter, though not with today's profile: no size is worth that."""
        return any(
            warning.endswith(ENDS_INTERPRETER) and warning not in self._today.warnings for warning in trial.warnings
        )

    @property
    def _is_cautious(self) -> bool:
        """Whether other values of ``opt-level`` are refused: without a bench, only the goal size takes them unseen."""
        return not judged_benches(self._study) and self._study.goal is not Goal.SIZE

    def _value(self, trial: Trial, objective: str) -> float | None:
        """An objective's value; runtime is the geometric mean of the ratios to today's."""
        if objective != RUNTIME:
            return trial.value(objective)
        ratios = [runtime_ratio(trial, bench.name) for bench in judged_benches(self._study)]
        known = [ratio for ratio in ratios if ratio is not None]
        return float(math.prod(known) ** (1 / len(known))) if known and len(known) == len(ratios) else None


def _tolerance(metric: str, *, screened: bool) -> float:
    """Factor by which a limit may be missed; a screened trial is then built cleanly, and judged by that."""
    if metric.startswith("size."):
        return 1 + SCREENED_SIZE if screened else 1.0
    return 1 + (SCREENED_BUILD if screened else BUILD_TOLERANCE)


def _slower(trial: Trial, bench: Bench) -> str:
    """Objection of a bench to a trial: it fails, or the estimate is slower by more than matters."""
    paired = trial.get(ratio_metric(bench.name, RUN_WALL))
    if paired is None:
        failed = any(absent.name.startswith(run_metric(bench.name, RUN_WALL)) for absent in trial.absent)
        return f"the bench {bench.name} fails" if failed else ""
    if paired.value <= 1 + bench.smallest_change:
        return ""
    return f"{bench.name} runtime {format_change(paired.value)}{_interval(paired.low, paired.high)}"


def _sentence(name: str, change: MetricChange | None, today: Trial) -> str:
    """``stripped size 5.1 MiB → 4.2 MiB (-17.0 %)``, with the interval where there is one."""
    base = today.value(change.metric) if change else None
    if change is None or change.ratio is None or base is None:
        return ""
    values = f"{format_value(base, change.unit)} → {format_value(change.value, change.unit)}"
    if change.low is None:
        return f"{name} {values} ({format_change(change.ratio)})"
    # Only the ratio was measured in pairs: today's median is of other pairs, at another time, and would not fit to it.
    text = f"{name} {format_change(change.ratio)}{_interval(change.low, change.high)}"
    return text if change.real else f"{text}: cannot be told from today's"


def _interval(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f" [{format_change(low)}, {format_change(high)}]"


def _caveats(study: Study, taken: Trial) -> Iterator[str]:
    if taken.screened:
        yield "it was screened only: run the same again, with a larger budget, to have it built cleanly"
    benches = judged_benches(study)
    if not benches:
        yield "runtime was not judged: give a bench with --bench NAME='{bin} args…' or in trimtab.toml"
    for bench in benches:
        paired = taken.get(ratio_metric(bench.name, RUN_WALL))
        if paired and paired.high and taken.id != study.baseline and paired.high > 1 + bench.smallest_change:
            worst = format_change(paired.high)
            yield f"the runtime of {bench.name} is unclear, it could be {worst}: give it more time with --bench-time"
        control = study.baseline_trial.get(ratio_metric(bench.name, RUN_WALL)) if study.baseline_trial else None
        if control and control.low and control.high and not control.low <= 1 <= control.high:
            yield f"the null control of {bench.name} differs from itself: this machine is too noisy just now"
    if benches and len(study.project.binaries) > 1:
        yield f"the benches run {study.project.binaries[0]} only, the first of {len(study.project.binaries)} binaries"
    failed = [label(trial.profile, study.baseline_profile) for trial in study.trials if trial.failure]
    if failed:
        how = "built, or do not work" if study.selection.wheel else "built"
        yield f"{len(failed)} of {len(study.trials)} profiles could not be {how}: {'; '.join(failed[:3])}"
    if len(study.trials) < study.planned:
        yield f"{study.planned - len(study.trials)} of {study.planned} profiles have not been tried"
    yield from (f"effect: {warning}" for warning in taken.warnings)
