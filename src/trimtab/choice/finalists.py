"""Finalists: the profiles that deserve a clean build, and measurements that deserve to be repeated."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from trimtab.choice.contest import Contest
from trimtab.choice.recommend import recommend
from trimtab.choice.rules import BUILD
from trimtab.model.metric import RUN_WALL, ratio_metric
from trimtab.model.plan import Bench, Goal
from trimtab.model.study import Study
from trimtab.model.trial import Trial


@dataclass(frozen=True, kw_only=True, slots=True)
class Repeat:
    """A measurement to repeat: the clean build of a trial, or more pairs of one of its benches."""

    trial: Trial
    bench: Bench | None = None


def finalists(study: Study) -> tuple[Trial, ...]:
    """The trials that some goal's rule may take and that were screened only, those of the study's own goal first.

    Once one of them has been built cleanly, its new numbers may send the rule to another; so call this again until
    nothing is left. Of all goals, not only the study's, so that `apply` can be given another one.
    """
    goals = sorted(Goal, key=lambda goal: goal is not study.goal)
    answers = [advice for goal in goals if (advice := recommend(replace(study, goal=goal)))]
    ahead = [advice.undecided[0] if advice.undecided else advice.trial for advice in answers]
    named = [*ahead[:1], *(answers[0].undecided if answers else ()), *ahead[1:]]
    trials = {trial.id: trial for trial in study.trials}
    return tuple(trials[trial_id] for trial_id in dict.fromkeys(named) if trials[trial_id].screened)


def repeats(study: Study) -> Iterator[Repeat]:
    """Measurements that would decide what is undecided, the most telling first; none where it is decided.

    First the benches of trials that would be ahead if these were not slower; then, of those that resamples name, the
    builds if costs make the difference, and the benches if runtimes do.
    """
    today = study.baseline_trial
    if today is None or today.failure:
        return
    contest = Contest(study, today)
    outcome = contest.outcome()
    if outcome.is_decided:
        return
    doubted = (contest.trials[trial_id] for trial_id in outcome.doubted)
    yield from (Repeat(trial=trial, bench=bench) for trial in doubted for bench in contest.doubts(trial.id)
                if not is_disturbed(trial, bench))  # fmt: skip
    between = [contest.trials[trial_id] for trial_id in (outcome.leader, *outcome.rivals)]
    builds = sorted((Repeat(trial=trial) for trial in {t.id: t for t in (today, *between)}.values()), key=_builds)
    others = [trial for trial in between if trial is not today]
    runs = sorted((Repeat(trial=trial, bench=bench) for trial in others for bench in contest.benches
                   if not is_disturbed(trial, bench)), key=_pairs)  # fmt: skip
    if not contest.today.get(BUILD):
        yield from runs
    elif contest.moved_by("build."):
        yield from (*builds, *runs)
    else:
        yield from (*runs, *builds)


def is_disturbed(trial: Trial, bench: Bench) -> bool:
    """Whether more runs of a bench tell nothing, since runs disturb one another or the clock is too coarse."""
    paired = trial.get(ratio_metric(bench.name, RUN_WALL))
    return paired is not None and bool(paired.doubt)


def _builds(repeat: Repeat) -> int:
    cost = repeat.trial.get(BUILD)
    return cost.samples if cost else 0


def _pairs(repeat: Repeat) -> int:
    paired = repeat.bench and repeat.trial.get(ratio_metric(repeat.bench.name, RUN_WALL))
    return paired.samples if paired else 0
