"""The rule of each goal, its limits, and what keeps today's profile."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.fakes.values import ABORT, CHECK, FAT, FAT1, SMALL, THIN, TODAY, a_full_study, failed, study, trial
from trimtab.choice.recommend import gains_and_costs, recommend
from trimtab.choice.rules import RULES
from trimtab.choice.table import label
from trimtab.model.answer import Recommendation
from trimtab.model.metric import Absent
from trimtab.model.plan import STARTUP_BENCH, Bench, Goal, Limits
from trimtab.model.profile import Profile
from trimtab.model.trial import Effect, Trial

SAME, FASTER, SLOWER, UNCLEAR = (1.0, 0.995, 1.005), (0.9, 0.88, 0.92), (1.1, 1.08, 1.12), (1.2, 0.9, 1.5)


def advice(*trials: Trial, goal: Goal = Goal.BALANCED, **rest: Any) -> Recommendation:
    found = recommend(study(*trials, goal=goal, **rest))
    assert found is not None
    return found


def taken(*trials: Trial, goal: Goal = Goal.BALANCED, **rest: Any) -> str:
    found = advice(*trials, goal=goal, **rest)
    (chosen,) = [one for one in trials if one.id == found.trial]
    assert found.keeps_today == (chosen.profile == TODAY)
    return label(chosen.profile, TODAY)


class TestGoals:
    TRIALS = (
        trial(TODAY, stripped=1000, cpu=40.0, runs={"check": SAME}),
        trial(THIN, stripped=995, cpu=30.0, runs={"check": SAME}),
        trial(FAT, stripped=850, cpu=70.0, runs={"check": FASTER}),
        trial(FAT1, stripped=700, cpu=150.0, runs={"check": SAME}),
        trial(SMALL, stripped=500, cpu=200.0, runs={"check": SAME}),
    )

    @pytest.mark.parametrize(
        ("goal", "expected"),
        [
            (Goal.SIZE, "lto fat, codegen-units 1"),  # SMALL builds five times as long
            (Goal.SPEED, "lto fat"),
            (Goal.BALANCED, "lto fat"),
            (Goal.BUILD, "lto thin"),
        ],
    )
    def test_each_has_its_own_answer(self, goal: Goal, expected: str) -> None:
        assert taken(*self.TRIALS, goal=goal, benches=(CHECK,)) == expected

    @pytest.mark.parametrize(
        ("limits", "expected"),
        [
            (Limits(build=6.0), "lto fat, codegen-units 1, opt-level s"),
            (Limits(build=2.0), "lto fat"),
            (Limits(build=1.1), "lto thin"),
            (Limits(size=0.6, build=6.0), "lto fat, codegen-units 1, opt-level s"),
        ],
    )
    def test_limits_can_be_set(self, limits: Limits, expected: str) -> None:
        assert taken(*self.TRIALS, goal=Goal.SIZE, limits=limits, benches=(CHECK,)) == expected

    def test_touch_has_a_limit_only_if_it_is_asked_for(self) -> None:
        trials = (trial(TODAY, touch=10.0), trial(FAT, stripped=500_000, touch=40.0))
        assert taken(*trials) == "lto fat"
        assert taken(*trials, limits=Limits(touch=3.0)) == "today"
        assert taken(*trials, limits=Limits(touch=5.0)) == "lto fat"

    @pytest.mark.parametrize(("touch", "pair"), [(10.5, False), (14.0, False), (15.5, True), (40.0, True)])
    def test_where_the_rebuild_gets_dear_the_answer_is_a_pair(self, touch: float, *, pair: bool) -> None:
        found = advice(trial(TODAY, touch=10.0), trial(FAT, stripped=500_000, touch=touch))
        assert found.pair is pair
        assert any("iterate with another profile" in reason for reason in found.why) is pair

    def test_a_rebuild_of_milliseconds_is_never_dear(self) -> None:
        assert not advice(trial(TODAY, touch=0.2), trial(FAT, stripped=500_000, touch=0.9)).pair

    def test_a_limit_on_build_cost_is_broken_beyond_the_noise_of_one_build(self) -> None:
        for cpu, expected in ((100.0, "lto fat"), (180.0, "today")):
            assert taken(trial(TODAY, cpu=40.0), trial(FAT, stripped=500_000, cpu=cpu)) == expected
        near = advice(trial(TODAY, cpu=40.0), trial(FAT, stripped=500_000, cpu=136.0))
        assert near.undecided, "another build may tell"

    def test_a_screened_trial_may_miss_a_limit_by_as_much_as_screening_is_off(self) -> None:
        today = trial(TODAY, stripped=1000, cpu=40.0)
        for cpu, expected in ((145.0, "lto fat"), (190.0, "today")):
            screened = replace(trial(FAT, stripped=500, cpu=cpu), screened=True)
            assert taken(today, screened) == expected
        for limit, expected in ((1.0, "lto fat"), (0.9, "today")):
            screened = replace(trial(FAT, stripped=1004, cpu=20.0), screened=True)
            assert taken(today, screened, goal=Goal.BUILD, limits=Limits(size=limit)) == expected
        assert taken(today, trial(FAT, stripped=1004, cpu=20.0), goal=Goal.BUILD, limits=Limits(size=1.0)) == "today"

    def test_equals_on_the_first_objective_are_told_apart_by_the_next(self) -> None:
        today = trial(TODAY, stripped=1000, cpu=40.0, runs={"check": SAME})
        slow, quick = (
            trial(FAT, stripped=800, cpu=70.0, runs={"check": SAME}),
            trial(FAT1, stripped=805, cpu=70.0, runs={"check": FASTER}),
        )
        assert taken(today, slow, quick, benches=(CHECK,)) == "lto fat, codegen-units 1"

    def test_what_is_equal_on_everything_is_settled_by_the_fewest_changes(self) -> None:
        today = trial(TODAY, stripped=1000)
        assert taken(today, trial(FAT1, stripped=799), trial(FAT, stripped=800)) == "lto fat"


class TestRuntime:
    def test_a_real_regression_excludes(self) -> None:
        today = trial(TODAY, stripped=1000, runs={"check": SAME})
        assert taken(today, trial(FAT, stripped=500, runs={"check": SLOWER}), benches=(CHECK,)) == "today"

    @pytest.mark.parametrize("unclear", [(1.005, 0.9, 1.2), (0.95, 0.8, 1.2), UNCLEAR, (1.0, 0.99, 1.011)])
    def test_an_unclear_one_leaves_it_undecided_and_what_would_decide_is_told(
        self, unclear: tuple[float, float, float]
    ) -> None:
        today = trial(TODAY, stripped=1000, runs={"check": SAME})
        fat = trial(FAT, stripped=500, runs={"check": unclear})
        found = advice(today, fat, benches=(CHECK,))
        assert (found.trial, found.keeps_today, found.undecided) == (today.id, True, (today.id, fat.id))
        (reason,) = found.why
        assert "lto fat would be ahead, but it is not decided whether check is slower by more than 1.0%" in reason
        assert "--bench-time" in reason

    def test_an_unclear_one_that_would_not_be_ahead_decides_nothing(self) -> None:
        today = trial(TODAY, stripped=1000, runs={"check": SAME})
        fat, unclear = (
            trial(FAT, stripped=500, runs={"check": SAME}),
            trial(THIN, stripped=700, runs={"check": UNCLEAR}),
        )
        assert taken(today, fat, unclear, benches=(CHECK,)) == "lto fat"

    def test_a_bench_that_was_not_run_is_an_objection(self) -> None:
        """As after an interrupt."""
        today = trial(TODAY, stripped=1000, runs={"check": SAME})
        found = advice(today, trial(FAT, stripped=500), benches=(CHECK,))
        assert found.keeps_today
        assert any(reason.endswith("but the bench check was not run") for reason in found.why)

    def test_one_that_is_real_but_does_not_matter_does_not(self) -> None:
        today = trial(TODAY, stripped=1000, runs={"check": SAME})
        slower = trial(FAT, stripped=500, runs={"check": (1.03, 1.02, 1.04)})
        coarse = Bench(name="check", command=CHECK.command, smallest_change=0.05)
        assert taken(today, slower, benches=(coarse,)) == "lto fat"
        assert taken(today, slower, benches=(CHECK,)) == "today"

    def test_one_of_several_benches_is_enough(self) -> None:
        lookup = Bench(name="lookup", command=("{bin}",))
        today = trial(TODAY, stripped=1000, runs={"check": SAME, "lookup": SAME})
        mixed = trial(FAT, stripped=500, runs={"check": FASTER, "lookup": SLOWER})
        assert taken(today, mixed, benches=(CHECK, lookup)) == "today"

    def test_a_bench_that_fails_with_the_trial_excludes(self) -> None:
        today = trial(TODAY, stripped=1000, runs={"check": SAME}, benches=(CHECK,))
        crashes = trial(
            FAT, stripped=500, absent=(Absent(name="run.check.wall", reason="signal 11"),), benches=(CHECK,)
        )
        assert taken(today, crashes, benches=(CHECK,)) == "today"

    def test_the_startup_smoke_run_is_not_judged(self) -> None:
        today = trial(TODAY, stripped=1000, runs={"startup": SAME})
        found = advice(today, trial(FAT, stripped=500, runs={"startup": SLOWER}), benches=(STARTUP_BENCH,))
        assert not found.keeps_today
        assert any("runtime was not judged" in caveat for caveat in found.caveats)


class TestWithoutBench:
    @pytest.mark.parametrize(
        ("goal", "expected"), [(Goal.SIZE, "lto fat, codegen-units 1, opt-level s"), (Goal.BALANCED, "lto fat")]
    )
    def test_another_opt_level_is_taken_unseen_only_for_size(self, goal: Goal, expected: str) -> None:
        trials = (trial(TODAY), trial(FAT, stripped=700_000), trial(SMALL, stripped=500_000))
        assert taken(*trials, goal=goal) == expected

    def test_with_one_it_is_judged_like_any_other(self) -> None:
        trials = (trial(TODAY, runs={"check": SAME}), trial(SMALL, stripped=500_000, runs={"check": SAME}))
        assert taken(*trials, benches=(CHECK,)) == "lto fat, codegen-units 1, opt-level s"


class TestKeepsToday:
    @pytest.mark.parametrize("goal", Goal)
    def test_when_nothing_is_better_by_more_than_the_tolerance(self, goal: Goal) -> None:
        nearly = trial(FAT, stripped=799_000, cpu=39.5, runs={"check": (0.995, 0.99, 0.999)})
        found = advice(trial(TODAY, runs={"check": SAME}), nearly, goal=goal, benches=(CHECK,))
        assert found.keeps_today
        (reason,) = found.why
        assert reason == (
            "of 1 other profiles that built, 1 keep the limits, and none of these beats today's by as much as matters"
        )

    def test_when_only_milliseconds_of_a_build_are_saved(self) -> None:
        """A fresh `cargo new`: with one codegen unit it builds in a tenth less, that is 21 ms."""
        assert taken(trial(TODAY, cpu=0.21), trial(Profile(codegen_units=1), cpu=0.189)) == "today"

    @pytest.mark.parametrize("goal", Goal)
    def test_when_it_is_all_there_is(self, goal: Goal) -> None:
        assert advice(trial(TODAY), goal=goal).keeps_today

    @pytest.mark.parametrize("goal", Goal)
    def test_when_nothing_was_measured(self, goal: Goal) -> None:
        bare: dict[str, Any] = {"file": None, "stripped": None, "cpu": None}
        assert advice(trial(TODAY, **bare), trial(FAT, **bare), goal=goal).keeps_today


class TestMissing:
    def test_today_that_could_not_be_built_leaves_nothing_to_say(self) -> None:
        assert recommend(study(failed(TODAY), trial(FAT))) is None
        assert recommend(study(trial(FAT))) is None

    def test_failures_are_passed_over_and_counted(self) -> None:
        found = advice(trial(TODAY), failed(FAT), failed(ABORT), planned=5)
        assert found.keeps_today
        assert "2 of 3 profiles could not be built: lto fat; panic abort" in found.caveats
        assert "2 of 5 profiles have not been tried" in found.caveats

    def test_without_stripped_sizes_the_size_as_shipped_counts(self) -> None:
        trials = (trial(TODAY, file=1000, stripped=None), trial(FAT, file=800, stripped=700))
        assert taken(*trials, goal=Goal.SIZE) == "lto fat"

    @pytest.mark.parametrize("goal", Goal)
    @pytest.mark.parametrize("lacking", ["size", "build", "everything"])
    def test_a_trial_that_was_not_measured_to_the_end_is_no_accident(self, goal: Goal, lacking: str) -> None:
        """As after an interrupted run that added a group of metrics."""
        sizes: dict[str, Any] = (
            {"file": None, "stripped": None} if lacking != "build" else {"file": 500, "stripped": 500}
        )
        cpu = None if lacking != "size" else 10.0
        found = advice(
            trial(TODAY, runs={"check": SAME}),
            trial(FAT, cpu=cpu, runs={"check": FASTER}, **sizes),
            goal=goal,
            benches=(CHECK,),
        )
        assert found.trial


class TestWords:
    @pytest.mark.parametrize("goal", Goal)
    def test_the_rule_names_objectives_and_limits_in_force(self, goal: Goal) -> None:
        today = trial(TODAY, touch=10.0, runs={"check": SAME})
        text = advice(today, goal=goal, limits=Limits(build=3.0), benches=(CHECK,)).rule
        assert text.startswith("of the profiles within the limits (")
        assert text.count(". ") == 1, "two sentences"
        assert "build CPU ≤ 3× today's" in text
        assert ("stripped size ≤" in text) is (RULES[goal].limits.size is not None)
        assert "touch-and-rebuild CPU ≤" not in text
        assert "check slower by ≤ 1.0%" in text

    def test_the_best_that_was_left_out_is_named_with_the_reason_and_the_way_to_allow_it(self) -> None:
        found = advice(trial(TODAY), trial(FAT, stripped=500_000, cpu=200.0), trial(FAT1, stripped=600_000, cpu=200.0))
        assert found.keeps_today
        (left_out,) = [reason for reason in found.why if reason.startswith("left out")]
        assert left_out == (
            "left out: lto fat: stripped size -37.5 %, but build CPU 5× today's (allow it with --limit build=5.1x)"
        )

    def test_what_is_gained_and_what_it_costs(self) -> None:
        today = trial(TODAY, file=1000, stripped=1000, cpu=40.0, touch=10.0, runs={"check": SAME})
        fat = trial(FAT, file=900, stripped=800, cpu=60.0, touch=20.0, runs={"check": FASTER})
        assert gains_and_costs(study(today, fat, benches=(CHECK,)), fat) == (
            "stripped size 1000 B → 800 B (-20.0 %)",
            "size as shipped 1000 B → 900 B (-10.0 %)",
            "build CPU 40 s → 60 s (+50.0 %)",
            "build wall 20 s → 30 s (+50.0 %)",
            "touch-and-rebuild wall 10 s → 20 s (+100 %)",
            "check runtime -10.0 % [-12.0 %, -8.0 %]",
        )

    def test_an_unclear_runtime_says_so(self) -> None:
        today, fat = trial(TODAY, runs={"check": SAME}), trial(FAT, runs={"check": UNCLEAR})
        (runtime,) = [text for text in gains_and_costs(study(today, fat, benches=(CHECK,)), fat) if "runtime" in text]
        assert runtime == "check runtime +20.0 % [-10.0 %, +50.0 %]: cannot be told from today's"

    def test_a_null_control_that_differs_from_itself_is_a_caveat(self) -> None:
        noisy = trial(TODAY, runs={"check": (1.05, 1.02, 1.08)})
        found = advice(noisy, trial(FAT, runs={"check": SAME}), benches=(CHECK,))
        assert "the null control of check differs from itself: this machine is too noisy just now" in found.caveats

    def test_warnings_of_the_chosen_profile_are_caveats(self) -> None:
        effect = Effect(
            binary="sounding", lto="local", codegen_units=16, opt_level="3", panic="unwind", strip="none", debug="none",
            warnings=("sounding: lto was asked as fat but rustc was told local",),
        )  # fmt: skip
        found = advice(trial(TODAY), trial(FAT, stripped=500_000, effects=(effect,)))
        assert "effect: sounding: lto was asked as fat but rustc was told local" in found.caveats

    def test_on_a_study_with_everything(self) -> None:
        found = recommend(a_full_study())
        assert found is not None
        assert found.trial == trial(FAT1).id


def test_a_study_of_thousands_is_answered_quickly() -> None:
    import time
    from dataclasses import replace

    many = [replace(trial(FAT, stripped=800_000 - number), id=f"{number}") for number in range(2000)]
    large = study(trial(TODAY, stripped=1_000_000), *many)
    before = time.process_time()
    assert recommend(large)
    assert time.process_time() - before < 1.0
