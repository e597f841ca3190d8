"""Finalists of a screening: the profiles that deserve a clean build."""

from __future__ import annotations

from dataclasses import replace

from trimtab.choice.recommend import recommend
from trimtab.model.plan import Goal
from trimtab.model.study import Study
from trimtab.model.trial import Trial


def finalists(study: Study) -> tuple[Trial, ...]:
    """The trials that some goal's rule would take and that were screened only, those of the study's own goal first.

    Once one of them has been built cleanly, its new numbers may send the rule to another; so call this again until
    nothing is left. Of all goals, not only the study's, so that `apply` can be given another one.
    """
    goals = sorted(Goal, key=lambda goal: goal is not study.goal)
    taken = [advice.trial for goal in goals if (advice := recommend(replace(study, goal=goal)))]
    trials = {trial.id: trial for trial in study.trials}
    return tuple(trials[trial_id] for trial_id in dict.fromkeys(taken) if trials[trial_id].screened)
