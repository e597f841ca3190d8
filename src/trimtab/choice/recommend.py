"""Recommendation for a goal, by a rule in words that is printed with its answer, never a hidden score."""

from __future__ import annotations

from collections.abc import Iterator

from trimtab.choice.contest import Contest, Outcome, interval_text
from trimtab.choice.rules import (
    BUILD,
    DEAR_TOUCH,
    DEAR_TOUCH_SECONDS,
    LEAST_STEP,
    METRIC_NAMES,
    RULES,
    RUNTIME,
    SIZE,
)
from trimtab.choice.table import change_of, judged_benches, label, size_metric
from trimtab.model.answer import MetricChange, Recommendation
from trimtab.model.metric import RUN_WALL, ratio_metric, run_metric
from trimtab.model.plan import Bench
from trimtab.model.study import Study
from trimtab.model.trial import Trial
from trimtab.units import format_bytes, format_change, format_seconds, format_value

_GAINS_AND_COSTS = ("size.wheel", SIZE, "size.file", BUILD, "build.clean.wall", "build.peak_memory", "build.touch.wall")
_HOW_TO_MEASURE = {SIZE: "--measure size", BUILD: "--measure build", RUNTIME: "--bench NAME='{bin} args…'"}
_TOUCHED = "build.touch.wall"


def recommend(study: Study) -> Recommendation | None:
    """Apply the goal's rule; ``None`` where today's profile could not be built.

    Of the profiles that keep the limits, with no bench slower than today's by more than matters, those that beat
    today's are ranked: by the first objective in steps of what matters, then by the next, then by the fewest changes.
    Less than a step, or what may be noise, counts as no difference; the best is taken, and today's where none beats it.
    Where resamples of what was measured do not agree, or a bench of the best may be slower, the answer is undecided.
    """
    today = study.baseline_trial
    if today is None or today.failure:
        return None
    contest = Contest(study, today)
    outcome = contest.outcome()
    taken = contest.trials[outcome.leader] if outcome.is_decided else today
    if not outcome.is_decided:
        why = tuple(_why_undecided(contest, outcome))
    elif taken is today:
        why = (*_why_keep(contest), *_why_not(contest, taken))
    else:
        why = (*gains_and_costs(study, taken), *_why_not(contest, taken))
    pair = _is_dear(taken, today)
    return Recommendation(
        goal=study.goal,
        trial=taken.id,
        keeps_today=taken is today,
        rule=_rule(contest),
        why=(*why, *((_PAIR,) if pair else ())),
        caveats=tuple(_caveats(study, taken)),
        undecided=() if outcome.is_decided else (outcome.leader, *outcome.rivals),
        agreement=outcome.shares[outcome.leader],
        pair=pair,
    )


def gains_and_costs(study: Study, trial: Trial) -> tuple[str, ...]:
    """Gains and costs of a profile beside today's, one sentence each."""
    today = study.baseline_trial
    if today is None:
        return ()
    names = {name: METRIC_NAMES[name] for name in _GAINS_AND_COSTS}
    names |= {run_metric(bench.name, RUN_WALL): f"{bench.name} runtime" for bench in judged_benches(study)}
    sentences = (_sentence(text, change_of(name, trial, today), today) for name, text in names.items())
    return tuple(sentence for sentence in sentences if sentence)


def needs_pair(study: Study, trial: Trial) -> bool:
    """Whether touch-and-rebuild with a profile would be so dear that nobody should iterate on it."""
    today = study.baseline_trial
    return today is not None and _is_dear(trial, today)


def _is_dear(trial: Trial, today: Trial) -> bool:
    value, base = trial.value(_TOUCHED) or 0.0, today.value(_TOUCHED) or 0.0
    return base > 0 and value >= base * DEAR_TOUCH and value - base >= DEAR_TOUCH_SECONDS


_PAIR = (
    "so long a touch-and-rebuild is for shipping only: iterate with another profile that keeps what this one has today"
    " (trimtab apply offers both)"
)


def _rule(contest: Contest) -> str:
    """Rule in words, with the limits in force: two sentences."""
    objectives = [(size_metric(contest.study) if n == SIZE else n, s) for n, s in RULES[contest.study.goal].objectives]
    order = ", then by ".join(f"{METRIC_NAMES[name]} in steps of {step:.0%}{_least(name)}" for name, step in objectives)
    limits = [f"{METRIC_NAMES[limit.metric]} ≤ {limit.most:g}× today's" for limit in contest.limits]
    limits += [f"{bench.name} slower by ≤ {bench.smallest_change:.1%}" for bench in contest.benches]
    within = f" within the limits ({', '.join(limits)})" if limits else ""
    return (
        f"of the profiles{within} that beat today's, the best by {order},"
        " then by the fewest changes. Less than a step, or what may be noise, is no difference; today's is kept where"
        " none beats it"
    )


def _least(name: str) -> str:
    least = LEAST_STEP.get(name)
    if least is None:
        return ""
    return f" (at least {format_bytes(int(least)) if name.startswith('size.') else format_seconds(least)})"


def _why_keep(contest: Contest) -> tuple[str, ...]:
    """Reasons for keeping today's profile."""
    first, goal = contest.first, contest.study.goal
    if not contest.is_judged:
        how = _HOW_TO_MEASURE.get(first, "--measure size")
        return (f"the goal {goal} is judged by {METRIC_NAMES[first]}, which was not measured: {how}",)
    others = [trial_id for trial_id in contest.trials if trial_id != contest.today.id]
    within = sum(not contest.objection(trial_id) for trial_id in others)
    if not within:
        return (f"none of the {len(others)} other profiles that built can be recommended",)
    return (
        f"of {len(others)} other profiles that built, {within} keep the limits, and none of these beats today's by as"
        " much as matters",
    )


def _why_undecided(contest: Contest, outcome: Outcome) -> Iterator[str]:
    """Profiles that stand against each other, and the measurements that would decide it."""
    study = contest.study
    for trial_id in outcome.doubted:
        for bench in contest.doubts(trial_id):
            paired = contest.evidence[trial_id][ratio_metric(bench.name, RUN_WALL)]
            measured = contest.trials[trial_id].get(ratio_metric(bench.name, RUN_WALL))
            if measured and measured.doubt:
                yield f"{_label(contest, trial_id)} would be ahead, but {bench.name} cannot be judged: {measured.doubt}"
                continue
            yield (
                f"{_label(contest, trial_id)} would be ahead, but it is not decided whether {bench.name} is slower by"
                f" more than {bench.smallest_change:.1%}: {format_change(paired.value)}{interval_text(paired)};"
                " more runs would tell: run the same again with a larger --bench-time"
            )
    if outcome.doubted:
        return
    for trial_id in (outcome.leader, *outcome.rivals):
        if trial_id == contest.today.id:
            yield f"keeping today's is the answer of {outcome.shares[trial_id]:.0%} of resamples"
            continue
        gains = "; ".join(gains_and_costs(study, contest.trials[trial_id])[:2])
        share = outcome.shares.get(trial_id, 0.0)
        yield f"{_label(contest, trial_id)} is the answer of {share:.0%} of resamples: {gains}"
    yield "more measurements of these would tell: run the same again, with more --bench-time or on a quieter machine"


def _why_not(contest: Contest, taken: Trial) -> tuple[str, ...]:
    """The profile that would have been best by the first objective, had nothing spoken against it."""
    if not contest.is_judged:
        return ()
    own = contest.steps(contest.evidence[taken.id])[0]
    tempting = [
        (steps, trial_id)
        for trial_id, measured in contest.evidence.items()
        if trial_id != contest.today.id and (steps := contest.steps(measured)[0]) > own and contest.objection(trial_id)
    ]
    if not tempting:
        return ()
    _, trial_id = max(tempting)
    ratio = contest.ratio(contest.evidence[trial_id], contest.first)
    what = f"{_label(contest, trial_id)}: {METRIC_NAMES[contest.first]} {format_change(ratio)}"
    return (f"left out: {what}, but {contest.objection(trial_id)}",)


def _label(contest: Contest, trial_id: str) -> str:
    return label(contest.trials[trial_id].profile, contest.today.profile)


def _sentence(name: str, change: MetricChange | None, today: Trial) -> str:
    """``stripped size 5.1 MiB → 4.2 MiB (-17.0 %)``, with the interval where there is one."""
    base = today.value(change.metric) if change else None
    if change is None or change.ratio is None or base is None:
        return ""
    values = f"{format_value(base, change.unit)} → {format_value(change.value, change.unit)}"
    if change.low is None:
        return f"{name} {values} ({format_change(change.ratio)})"
    # Only the ratio was measured in pairs: today's median is of other pairs, at another time, and would not fit to it.
    interval = "" if change.high is None else f" [{format_change(change.low)}, {format_change(change.high)}]"
    text = f"{name} {format_change(change.ratio)}{interval}"
    return text if change.real else f"{text}: cannot be told from today's"


def _caveats(study: Study, taken: Trial) -> Iterator[str]:
    if taken.screened:
        yield "it was screened only: run the same again, with a larger budget, to have it built cleanly"
    benches = judged_benches(study)
    if not benches:
        yield "runtime was not judged: give a bench with --bench NAME='{bin} args…' or in trimtab.toml"
    yield from _unsteady(study, benches)
    if benches and len(study.project.binaries) > 1:
        yield f"the benches run {study.project.binaries[0]} only, the first of {len(study.project.binaries)} binaries"
    failed = [label(trial.profile, study.baseline_profile) for trial in study.trials if trial.failure]
    if failed:
        how = "built, or do not work" if study.selection.wheel else "built"
        yield f"{len(failed)} of {len(study.trials)} profiles could not be {how}: {'; '.join(failed[:3])}"
    if len(study.trials) < study.planned:
        yield f"{study.planned - len(study.trials)} of {study.planned} profiles have not been tried"
    yield from (f"effect: {warning}" for warning in taken.warnings)


def _unsteady(study: Study, benches: tuple[Bench, ...]) -> Iterator[str]:
    """Benches whose null control failed."""
    for bench in benches:
        control = study.baseline_trial.get(ratio_metric(bench.name, RUN_WALL)) if study.baseline_trial else None
        if control and control.low and control.high and not control.low <= 1 <= control.high:
            yield f"the null control of {bench.name} differs from itself: this machine is too noisy just now"
