"""Which profiles of a screening deserve a clean build."""

from __future__ import annotations

from dataclasses import replace

from trimtab.choice.recommend import recommend
from trimtab.model.plan import Goal
from trimtab.model.study import Study
from trimtab.model.trial import Trial


def finalists(study: Study) -> tuple[Trial, ...]:
    """The trials that some goal's rule would take and that were screened only, those of the study's own goal first.

    Once one of them has been built cleanly, its new numbers may send the rule to another; so this is to be asked until
    nothing is left. Of all goals, not only the study's, so that `apply` may be told another one.
    """
    goals = sorted(Goal, key=lambda goal: goal is not study.goal)
    taken = [found.trial for goal in goals if (found := recommend(replace(study, goal=goal)))]
    trials = {trial.id: trial for trial in study.trials}
    return tuple(trials[name] for name in dict.fromkeys(taken) if trials[name].screened)
