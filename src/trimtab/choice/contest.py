"""Contest between the profiles of a study under one goal's rule: what the best is, and how sure that is.

The order is total: a profile's place depends on its own numbers and on today's, and on nothing else. So taking away a
profile that was not chosen changes nothing (independence of irrelevant alternatives), which ties between any two
profiles, not being transitive, would not give.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from trimtab.choice.evidence import Ratio, evidence_of
from trimtab.choice.rules import BUILD, LEAST_STEP, METRIC_NAMES, RULES, RUNTIME, SIZE, TOUCH
from trimtab.choice.table import SCREENED_BUILD, SCREENED_SIZE, judged_benches, size_metric
from trimtab.model.metric import RUN_WALL, ratio_metric, run_metric
from trimtab.model.plan import Bench, Goal
from trimtab.model.study import Study
from trimtab.model.trial import ENDS_INTERPRETER, Trial
from trimtab.units import format_change

DECIDED = 0.9
"""Share of resamples that must give the same answer."""
_DRAWS = 100
_MOST_CONTENDERS = 20
"""Profiles that are resampled: the others are too far behind."""
_AFTER_ROUNDING = 1e-9
"""Steps by which a quotient of two floats may miss a whole number."""

Evidence = Mapping[str, Ratio]


@dataclass(frozen=True, kw_only=True, slots=True)
class Limit:
    """A limit in force, as a multiple of today's."""

    metric: str
    option: str
    """Its name in ``--limit``."""
    most: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """Answers that a contest gives, with their shares."""

    leader: str
    """Trial that is ahead by what was measured; today's where none is better."""
    doubted: tuple[str, ...]
    """Trials that would be ahead of it if no bench of theirs were slower by more than matters, which is not decided."""
    shares: Mapping[str, float]
    """Share of resamples for each answer; the empty text stands for one that has doubts of its own."""
    questioned: tuple[str, ...] = ()
    """Trials that resamples leave in doubt, the most frequent first."""

    @property
    def is_decided(self) -> bool:
        """Whether the leader has no doubts beside it, and resamples agree."""
        return not self.doubted and self.shares[self.leader] >= DECIDED

    @property
    def rivals(self) -> tuple[str, ...]:
        """Other trials that may be the answer, the likeliest first."""
        likely = sorted(self.shares, key=lambda trial: -self.shares[trial])
        others = (trial for trial in (*likely, *self.questioned) if trial and trial != self.leader)
        return tuple(dict.fromkeys((*self.doubted, *others)))


class Contest:
    """A goal's rule applied to a study whose today's profile was built."""

    def __init__(self, study: Study, today: Trial) -> None:
        rule, size = RULES[study.goal], size_metric(study)
        self.study = study
        self.today = today
        self.benches = judged_benches(study)
        objectives = [(size if name == SIZE else name, step) for name, step in rule.objectives]
        self.first = objectives[0][0]
        self.objectives = [
            (name, max(step, LEAST_STEP.get(name, 0.0) / (today.value(name) or 1.0)))
            for name, step in objectives
            if (self.benches if name == RUNTIME else today.value(name))
        ]
        self.limits = [
            Limit(metric=metric, option=option, most=most)
            for metric, option, most in (
                (BUILD, "build", study.limits.build or rule.limits.build),
                (TOUCH, "touch", study.limits.touch or rule.limits.touch),
                (size, "size", study.limits.size or rule.limits.size),
            )
            if most and today.value(metric)
        ]
        self.trials = {trial.id: trial for trial in study.built}
        self.evidence = {trial.id: evidence_of(study, trial, today) for trial in study.built}
        self._changes = {
            trial.id: (len(trial.profile.differing(today.profile)), str(trial.profile), trial.id)
            for trial in study.built
        }
        self._barred = {trial.id: self._bar(trial) for trial in study.built}

    @property
    def is_judged(self) -> bool:
        """Whether the first objective was measured."""
        return any(name == self.first for name, _ in self.objectives)

    def steps(self, evidence: Evidence) -> tuple[int, ...]:
        """Steps by which each objective is better than today's, beyond its own noise; negative where it is worse."""
        return tuple(
            math.trunc(gain + math.copysign(_AFTER_ROUNDING, gain))
            for name, step in self.objectives
            for gain in [(1 - self.ratio(evidence, name)) / step]
        )

    def ratio(self, evidence: Evidence, objective: str) -> float:
        """An objective over today's, one where it cannot be told from that; runtime is the geometric mean."""
        if objective != RUNTIME:
            return evidence[objective].proven if objective in evidence else 1.0
        ratios = [evidence[name].proven for name in map(_ratio_of, self.benches) if name in evidence]
        return float(math.prod(ratios) ** (1 / len(ratios))) if ratios else 1.0

    def beats_today(self, trial_id: str) -> bool:
        """Whether a trial comes before today's, limits and benches aside."""
        return self.steps(self.evidence[trial_id]) > self._nothing

    def objection(self, trial_id: str, evidence: Evidence | None = None) -> str:
        """Objection to a trial as a candidate; empty if there is none."""
        if trial_id == self.today.id:
            return ""
        if self._barred[trial_id]:
            return self._barred[trial_id]
        measured = self.evidence[trial_id] if evidence is None else evidence
        screened = self.trials[trial_id].screened
        for limit in self.limits:
            known = measured.get(limit.metric)
            if known and known.low is not None and known.low > limit.most * _tolerance(limit.metric, screened=screened):
                ratio = known.value
                return (
                    f"{METRIC_NAMES[limit.metric]} {ratio:.3g}× today's"
                    f" (allow it with --limit {limit.option}={ratio + 0.1:.1f}x)"
                )
        for bench in self.benches:
            paired = measured[_ratio_of(bench)]
            if paired.low is not None and paired.low > 1 + bench.smallest_change:
                return f"{bench.name} runtime {format_change(paired.value)}{interval_text(paired)}"
        return ""

    def doubts(self, trial_id: str, evidence: Evidence | None = None) -> tuple[Bench, ...]:
        """Benches of which it is not decided whether a trial is slower by more than matters."""
        measured = self.evidence[trial_id] if evidence is None else evidence
        return tuple(
            bench
            for bench in self.benches
            if trial_id != self.today.id
            and (paired := measured.get(_ratio_of(bench)))
            and not _is_clear(paired, 1 + bench.smallest_change)
        )

    def outcome(self) -> Outcome:
        """The answer by what was measured, and by resamples of it: every value moved by its own noise, at random.

        Each trial draws from a stream of its own, so that none changes what another one draws.
        """
        leader, doubted = self._answer(self.evidence)
        drawn = {trial_id: _draws(trial_id, self.evidence[trial_id]) for trial_id in self._contenders(leader)}
        tally: Counter[str] = Counter()
        questioned: Counter[str] = Counter()
        for _ in range(_DRAWS):
            answer, doubts = self._answer({trial_id: next(draws) for trial_id, draws in drawn.items()})
            tally["" if doubts and not doubted else answer] += 1
            questioned.update(doubts)
        shares = {trial_id: count / _DRAWS for trial_id, count in tally.items()}
        often = tuple(trial_id for trial_id, _ in questioned.most_common())
        return Outcome(leader=leader, doubted=doubted, shares={leader: 0.0, **shares}, questioned=often)

    def moved_by(self, metric: str) -> bool:
        """Whether resamples of this metric alone give other answers."""
        leader, _ = self._answer(self.evidence)
        contenders = self._contenders(leader)
        drawn = {trial_id: _draws(trial_id, self.evidence[trial_id], metric) for trial_id in contenders}
        others = 0
        for _ in range(_DRAWS):
            answer, doubts = self._answer({trial_id: next(draws) for trial_id, draws in drawn.items()})
            others += bool(doubts) or answer != leader
        return others > _DRAWS * (1 - DECIDED) / 2

    def _answer(self, evidence: Mapping[str, Evidence]) -> tuple[str, tuple[str, ...]]:
        """The best trial without doubts, and those with doubts that would be ahead of it."""
        if not self.is_judged:
            return self.today.id, ()
        ranked = sorted(
            (self._place(trial_id, steps), trial_id)
            for trial_id, measured in evidence.items()
            if (steps := self.steps(measured)) > self._nothing and not self.objection(trial_id, measured)
        )
        doubted: list[str] = []
        for _, trial_id in ranked:
            if not self.doubts(trial_id, evidence[trial_id]):
                return trial_id, tuple(doubted)
            doubted.append(trial_id)
        return self.today.id, tuple(doubted)

    def _place(self, trial_id: str, steps: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, str, str]]:
        return tuple(-number for number in steps), self._changes[trial_id]

    @property
    def _nothing(self) -> tuple[int, ...]:
        return (0,) * len(self.objectives)

    def _contenders(self, leader: str) -> list[str]:
        """The leader, and the trials that might beat today's at the best that their noise allows, the best first."""
        places = []
        for trial_id, measured in self.evidence.items():
            best = {name: ratio.moved(-_FARTHEST, _FARTHEST) for name, ratio in measured.items()}
            steps = self.steps(best)
            if steps > self._nothing and not self.objection(trial_id, best):
                places.append((trial_id != leader, self._place(trial_id, steps), trial_id))
        return [trial_id for _, _, trial_id in sorted(places)[:_MOST_CONTENDERS]]

    def _bar(self, trial: Trial) -> str:
        """Objection to a trial that no more runs of anything would take away."""
        if trial.id == self.today.id:
            return "is today's"
        if any(warning.endswith(ENDS_INTERPRETER) and warning not in self.today.warnings for warning in trial.warnings):
            return ENDS_INTERPRETER
        for bench in self.benches:
            if _ratio_of(bench) not in self.evidence[trial.id]:
                failed = any(absent.name.startswith(run_metric(bench.name, RUN_WALL)) for absent in trial.absent)
                return f"the bench {bench.name} {'fails' if failed else 'was not run'}"
        needed = [*(name for name, _ in self.objectives if name != RUNTIME), *(limit.metric for limit in self.limits)]
        for name in needed:
            if name not in self.evidence[trial.id] and not (name == TOUCH and trial.screened):
                return f"{METRIC_NAMES[name]} was not measured"
        is_cautious = not self.benches and self.study.goal is not Goal.SIZE
        if is_cautious and trial.profile.opt_level != self.today.profile.opt_level:
            return "another opt-level, and no bench to tell what that does to runtime"
        return ""


_FARTHEST = 3.0
"""Standard errors by which a contender's numbers are taken to be off at most."""


def _draws(trial_id: str, evidence: Evidence, only: str = "") -> Iterator[Evidence]:
    """Evidence as it might have come out, again and again."""
    own, todays = random.Random(trial_id), random.Random("today")  # noqa: S311 - repeatable, not secret
    while True:
        shared = {BUILD: todays.gauss(0, 1), TOUCH: todays.gauss(0, 1)}
        yield {
            name: ratio.moved(own.gauss(0, 1), shared.get(name, 0.0))
            if ratio.noise and name.startswith(only)
            else ratio
            for name, ratio in evidence.items()
        }


def _ratio_of(bench: Bench) -> str:
    return ratio_metric(bench.name, RUN_WALL)


def _is_clear(paired: Ratio, most: float) -> bool:
    """Whether a ratio's interval lies on one side of the most that is allowed."""
    return (paired.high is not None and paired.high <= most) or (paired.low is not None and paired.low > most)


def _tolerance(metric: str, *, screened: bool) -> float:
    """Factor by which a screened trial may miss a limit: it is then built cleanly, and judged by that."""
    if not screened:
        return 1.0
    return 1 + (SCREENED_SIZE if metric.startswith("size.") else SCREENED_BUILD)


def interval_text(paired: Ratio) -> str:
    """``[-1.0 %, +3.0 %]`` with a space before it; nothing where there is no interval."""
    if paired.low is None or paired.high is None:
        return ""
    return f" [{format_change(paired.low)}, {format_change(paired.high)}]"
