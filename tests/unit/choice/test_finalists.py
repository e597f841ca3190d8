"""Which profiles of a screening are built cleanly."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.fakes.values import CHECK, FAT, FAT1, THIN, TODAY, failed, study, trial
from trimtab.choice.finalists import finalists, repeats
from trimtab.model.plan import Bench, Goal
from trimtab.model.profile import Profile
from trimtab.model.study import Study
from trimtab.model.trial import Trial

ONE = Profile(codegen_units=1)
BASE = trial(TODAY, stripped=1000, cpu=40.0)
QUICK = replace(trial(THIN, stripped=1050, cpu=30.0), screened=True)
MIDDLE = replace(trial(FAT, stripped=850, cpu=70.0), screened=True)
LEAST = replace(trial(FAT1, stripped=700, cpu=175.0), screened=True)


def names(found: Study) -> list[Profile]:
    return [one.profile for one in finalists(found)]


def clean(one: Trial) -> Trial:
    return replace(one, screened=False)


def test_what_any_goal_would_take_the_studys_own_first() -> None:
    assert set(names(study(BASE, QUICK, MIDDLE, LEAST))) == {THIN, FAT, FAT1}
    assert names(study(BASE, QUICK, MIDDLE, LEAST, goal=Goal.BALANCED))[0] == FAT
    assert names(study(BASE, QUICK, MIDDLE, LEAST, goal=Goal.SIZE))[0] == FAT1
    assert names(study(BASE, QUICK, MIDDLE, LEAST, goal=Goal.BUILD))[0] == THIN


def test_each_once_and_none_that_no_goal_would_take() -> None:
    dull = replace(trial(Profile(codegen_units=8), stripped=990, cpu=60.0), screened=True)
    found = names(study(BASE, QUICK, dull, MIDDLE))
    assert sorted(found, key=str) == sorted([THIN, FAT], key=str)


def test_what_was_built_cleanly_is_none() -> None:
    assert names(study(BASE, clean(QUICK), MIDDLE, clean(LEAST))) == [FAT]
    assert names(study(BASE, clean(QUICK), clean(MIDDLE), clean(LEAST))) == []


def test_a_clean_build_may_send_the_rule_to_another() -> None:
    dearer = clean(trial(FAT, stripped=850, cpu=150.0))
    second = replace(trial(ONE, stripped=900, cpu=75.0), screened=True)
    assert names(study(BASE, MIDDLE, second)) == [FAT]
    assert names(study(BASE, dearer, second)) == [ONE]
    assert names(study(BASE, dearer, clean(second))) == []


def test_none_without_today() -> None:
    assert names(study(failed(TODAY), MIDDLE)) == []
    assert names(study(MIDDLE)) == []
    assert names(study()) == []


def test_nothing_better_than_today() -> None:
    worse = replace(trial(FAT, stripped=1200, cpu=90.0), screened=True)
    assert names(study(BASE, worse)) == []


class TestRepeats:
    UNCLEAR, CLEAR = (1.0, 0.97, 1.03), (1.0, 0.996, 1.004)

    def of(self, *trials: Trial, **rest: Any) -> list[tuple[Profile, str]]:
        return [
            (repeat.trial.profile, repeat.bench.name if repeat.bench else "build")
            for repeat in repeats(study(*trials, **rest))
        ]

    def test_nothing_where_it_is_decided(self) -> None:
        assert self.of(BASE, clean(MIDDLE)) == []
        assert self.of(BASE) == self.of() == self.of(failed(TODAY)) == []

    def test_first_the_benches_that_would_put_one_ahead(self) -> None:
        today = trial(TODAY, stripped=1000, runs={"check": self.CLEAR, "lookup": self.CLEAR})
        fat = trial(FAT, stripped=800, runs={"check": self.CLEAR, "lookup": self.UNCLEAR})
        lookup = Bench(name="lookup", command=("{bin}",))
        assert self.of(today, fat, benches=(CHECK, lookup))[0] == (FAT, "lookup")

    def test_builds_where_their_cost_decides_those_that_were_built_least_first(self) -> None:
        quick = trial(THIN, stripped=1000, cpu=35.0)
        found = self.of(BASE, quick, goal=Goal.BUILD)
        assert found == [(TODAY, "build"), (THIN, "build")]
        built = replace(BASE, measurements=tuple(
            replace(one, samples=2, observations=(40.0, 40.0)) if one.name == "build.clean.cpu" else one
            for one in BASE.measurements
        ))  # fmt: skip
        assert self.of(built, quick, goal=Goal.BUILD)[0] == (THIN, "build")
