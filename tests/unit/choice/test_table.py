"""The table: changes beside today's profile, and the Pareto front."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fakes.values import CHECK, FAT, FAT1, SMALL, THIN, TODAY, a_full_study, failed, study, trial
from trimtab.choice.table import change_of, choose_trial, columns, front_of, label, rows, runtime_ratio, size_metric
from trimtab.errors import InputError
from trimtab.model.answer import MetricChange
from trimtab.model.metric import Measurement
from trimtab.model.plan import Bench
from trimtab.model.profile import Debug, Profile
from trimtab.model.trial import Trial


def front(*trials: Trial, **rest: object) -> set[str]:
    found = front_of(study(*trials, **rest))
    return {label(one.profile, TODAY) for one in trials if one.id in found}


class TestRows:
    def test_today_comes_first_then_by_stripped_size_and_failures_last(self) -> None:
        found = rows(study(failed(FAT1), trial(THIN, stripped=900), trial(FAT, stripped=700), trial(TODAY)))
        assert [row.label for row in found] == ["today", "lto fat", "lto thin", "lto fat, codegen-units 1"]
        assert [row.is_baseline for row in found] == [True, False, False, False]
        assert found[-1].failure == "compiler: error[E0308]: mismatched types"
        assert found[-1].changes == ()

    def test_each_value_stands_beside_todays(self) -> None:
        _, fat = rows(study(trial(TODAY, stripped=1000, cpu=40.0), trial(FAT, stripped=840, cpu=60.0)))
        assert fat.get("size.stripped") == MetricChange(metric="size.stripped", unit="bytes", value=840, ratio=0.84)
        cost = fat.get("build.clean.cpu")
        assert cost is not None
        assert cost.ratio == 1.5
        assert fat.get("run.check.wall") is None

    def test_without_today_there_are_values_but_no_changes(self) -> None:
        (only,) = rows(study(trial(FAT)))
        assert {change.ratio for change in only.changes} == {None}

    @pytest.mark.parametrize(
        ("profile", "text"),
        [
            (TODAY, "today"),
            (FAT1, "lto fat, codegen-units 1"),
            (Profile(debug=Debug.FULL), "debug full"),
            (Profile(rustflags=("-C", "target-cpu=native")), "rustflags -C target-cpu=native"),
        ],
    )
    def test_labels_say_what_differs_from_today(self, profile: Profile, text: str) -> None:
        assert label(profile, TODAY) == text

    def test_taking_flags_away_has_a_label(self) -> None:
        assert label(TODAY, Profile(rustflags=("-g",))) == "rustflags none"


class TestColumns:
    def test_only_what_was_measured_in_the_tables_order(self) -> None:
        shown = columns(study(trial(TODAY, touch=3.0, runs={"check": (1, 1, 1)}), trial(FAT), benches=(CHECK,)))
        assert shown == (
            "size.file", "size.stripped", "build.clean.cpu", "build.clean.wall", "build.touch.wall", "run.check.wall",
        )  # fmt: skip

    def test_benches_of_other_studies_are_not_shown(self) -> None:
        assert "run.check.wall" not in columns(study(trial(TODAY, runs={"check": (1, 1, 1)})))


class TestRuntimes:
    def test_are_told_by_their_paired_ratio_and_not_by_their_medians(self) -> None:
        today = trial(TODAY, runs={"check": (1.0, 0.99, 1.01)})
        fat = trial(FAT, runs={"check": (0.9, 0.88, 0.92)})
        change = change_of("run.check.wall", fat, today)
        assert change is not None
        assert (change.ratio, change.low, change.high, change.real) == (0.9, 0.88, 0.92, True)
        assert change.value == pytest.approx(0.18)

    @pytest.mark.parametrize(
        ("low", "high", "real"),
        [(0.9, 0.99, True), (0.9, 1.0, False), (0.9, 1.1, False), (1.01, 1.2, True), (1.0, 1.0, False)],
    )
    def test_count_only_when_the_interval_clears_one(self, low: float, high: float, *, real: bool) -> None:
        fat = trial(FAT, runs={"check": (0.95, low, high)})
        change = change_of("run.check.wall", fat, trial(TODAY))
        assert change is not None
        assert change.real is real
        assert runtime_ratio(fat, "check") == (0.95 if real else 1.0)

    def test_without_an_interval_nothing_counts(self) -> None:
        few = trial(FAT, more=(Measurement(name="run.check.wall.ratio", value=0.5, unit="ratio", samples=3),))
        assert runtime_ratio(few, "check") == 1.0

    def test_identical_bytes_show_todays_time(self) -> None:
        same = Measurement(name="run.check.wall.ratio", value=1.0, unit="ratio", low=1.0, high=1.0, samples=0)
        change = change_of("run.check.wall", trial(FAT, more=(same,)), trial(TODAY, runs={"check": (1.0, 0.9, 1.1)}))
        assert change is not None
        assert (change.value, change.ratio, change.real) == (0.2, 1.0, False)

    def test_of_identical_bytes_without_todays_are_not_shown(self) -> None:
        same = Measurement(name="run.check.wall.ratio", value=1.0, unit="ratio", low=1.0, high=1.0, samples=0)
        assert change_of("run.check.wall", trial(FAT, more=(same,)), trial(TODAY)) is None


class TestFront:
    def test_weighs_stripped_size_build_cost_and_every_bench(self) -> None:
        trials = (
            trial(TODAY, stripped=1000, cpu=40.0, runs={"check": (1.0, 0.99, 1.01)}),
            trial(THIN, stripped=1050, cpu=60.0, runs={"check": (1.0, 0.98, 1.02)}),
            trial(FAT, stripped=800, cpu=60.0, runs={"check": (1.0, 0.98, 1.02)}),
            trial(FAT1, stripped=820, cpu=60.0, runs={"check": (0.9, 0.88, 0.92)}),
        )
        assert front(*trials, benches=(CHECK,)) == {"today", "lto fat", "lto fat, codegen-units 1"}
        assert front(*trials) == {"today", "lto fat"}

    def test_differences_that_do_not_matter_do_not_count(self) -> None:
        """A hair bigger and a hair cheaper: equal on both, so that neither is beaten."""
        assert front(trial(TODAY, stripped=100_000, cpu=40.0), trial(FAT, stripped=100_010, cpu=40.1)) == {
            "today", "lto fat",
        }  # fmt: skip

    def test_a_bench_has_its_own_smallest_change(self) -> None:
        trials = (
            trial(TODAY, stripped=1000, runs={"check": (1.0, 0.99, 1.01)}),
            trial(FAT, stripped=1100, runs={"check": (0.98, 0.97, 0.99)}),
        )
        assert front(*trials, benches=(CHECK,)) == {"today", "lto fat"}
        coarse = Bench(name="check", command=CHECK.command, smallest_change=0.1)
        assert front(*trials, benches=(coarse,)) == {"today"}

    def test_falls_back_to_the_size_as_shipped_where_today_has_no_stripped_size(self) -> None:
        trials = (trial(TODAY, file=1000, stripped=None), trial(FAT, file=900), trial(THIN, file=1100, stripped=None))
        assert size_metric(study(*trials)) == "size.file"
        assert front(*trials) == {"lto fat"}

    def test_one_without_the_size_that_counts_is_not_on_it(self) -> None:
        trials = (trial(TODAY, stripped=1000), trial(FAT, stripped=None), trial(THIN, stripped=900))
        assert size_metric(study(*trials)) == "size.stripped"
        assert front(*trials) == {"lto thin"}

    def test_failures_are_not_on_it(self) -> None:
        assert front(trial(TODAY), failed(FAT)) == {"today"}

    def test_without_anything_to_weigh_it_is_empty(self) -> None:
        bare: dict[str, Any] = {"file": None, "stripped": None, "cpu": None}
        assert front(trial(TODAY, **bare), trial(FAT, **bare)) == set()
        assert front(failed(TODAY)) == set()

    def test_on_a_study_with_everything(self) -> None:
        assert [row.label for row in rows(a_full_study()) if row.pareto] == [
            "today", "lto fat, codegen-units 1, opt-level s", "lto fat, codegen-units 1",
        ]  # fmt: skip
        assert SMALL in {row.profile for row in rows(a_full_study()) if row.pareto}


class TestChoiceOfATrial:
    def test_by_its_name_in_the_table_or_the_beginning_of_its_id(self) -> None:
        found = study(trial(TODAY), trial(FAT), trial(FAT1))
        fat = found.trials[1]
        assert choose_trial(found, "lto fat") == choose_trial(found, fat.id) == choose_trial(found, fat.id[:10]) == fat

    def test_a_name_that_no_trial_has(self) -> None:
        with pytest.raises(InputError, match="no trial 'lto thin' in ") as caught:
            choose_trial(study(trial(TODAY), trial(FAT)), "lto thin")
        assert "trimtab show" in caught.value.hint

    def test_a_beginning_that_several_share(self) -> None:
        with pytest.raises(InputError, match=r"several trials of .* begin with ''"):
            choose_trial(study(trial(TODAY), trial(FAT)), "")
