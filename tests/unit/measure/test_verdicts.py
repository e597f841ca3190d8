"""Rows and verdicts from what was measured, without running anything."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.measure.series import NULL, BenchRuns, Case, count_series, new_series
from trimtab.measure.verdicts import over_layouts, range_verdict, rows_of, warnings_of
from trimtab.model.comparison import Comparison, ComparisonRow, Count, Mode, Runs, Sample, Verdict
from trimtab.model.layout import LayoutSpread

CASE = Case(name="check", commands={"old": ("old",), "new": ("new",)}, null=("copy",))
changes = st.floats(-0.99, 10)


def sample(wall: float = 0.1, *, memory: int | None = 5 << 20, faults: int | None = 900) -> Sample:
    return Sample(wall=wall, user=wall * 0.8, system=wall * 0.1, memory=memory, faults=faults, exit_code=0)


def measured(old: Sequence[Sample], new: Sequence[Sample], case: Case = CASE) -> BenchRuns:
    """A bench after as many blocks; the copy takes as long as the baseline."""
    one = BenchRuns(
        case=case,
        runs={"old": Runs(command="old", samples=list(old)), "new": Runs(command="new", samples=list(new))},
        series={"new": new_series(case), NULL: new_series(case)},
    )
    for before, after in zip(old, new, strict=True):
        for name, other in (("new", after), (NULL, before)):
            for series in one.series[name]:
                series.take(before, other)
    return one


def steady(change: float = 0.0, pairs: int = 100) -> BenchRuns:
    """Pairs with a little noise."""
    walls = [0.1 * (1 + 0.001 * math.sin(number)) for number in range(pairs)]
    return measured([sample()] * pairs, [sample(wall * (1 + change)) for wall in walls])


def by_metric(rows: Sequence[ComparisonRow]) -> dict[str, ComparisonRow]:
    assert len({row.metric for row in rows}) == len(rows)
    return {row.metric: row for row in rows}


class TestRange:
    @pytest.mark.parametrize(
        ("low", "high", "verdict"),
        [
            (0.01, 0.02, Verdict.REGRESSED),
            (0.009, 0.02, Verdict.UNCLEAR),
            (-0.02, -0.01, Verdict.IMPROVED),
            (-0.02, -0.009, Verdict.UNCLEAR),
            (-0.02, 0.02, Verdict.UNCLEAR),
            (0.0, 0.0, Verdict.SAME),
            (-0.009, 0.009, Verdict.SAME),
            (0.0, 0.01, Verdict.UNCLEAR),
        ],
    )
    def test_against_one_percent(self, low: float, high: float, verdict: Verdict) -> None:
        assert range_verdict(low, high, 0.01) is verdict

    @given(changes, changes, st.floats(0.001, 0.5))
    def test_what_is_called_is_as_large_as_matters_whatever_lies_between(
        self, one: float, other: float, smallest: float
    ) -> None:
        low, high = sorted((one, other))
        verdict = range_verdict(low, high, smallest)
        assert (verdict is Verdict.REGRESSED) == (low >= smallest)
        assert (verdict is Verdict.IMPROVED) == (high <= -smallest)
        assert (verdict is Verdict.SAME) == (-smallest < low <= high < smallest)


class TestCounted:
    def counted(self, old: Sequence[int], new: Sequence[int]) -> tuple[list[ComparisonRow], list[ComparisonRow]]:
        one = steady()
        one.counts = {
            name: [Count(instructions=number, cycles=2 * number) for number in numbers]
            for name, numbers in (("old", old), ("new", new))
        }
        one.counted = {"new": count_series(CASE, ("instructions", "cycles"))}
        for before, after in zip(old, new, strict=False):
            for series, factor in zip(one.counted["new"], (1, 2), strict=True):
                series.add(factor * before, factor * after)
        rows, null = rows_of([one])
        return tuple([row for row in some if row.mode is Mode.COUNTED] for some in (rows, null))  # type: ignore[return-value]

    def test_counts_that_repeat_exactly_are_certain(self) -> None:
        rows, _ = self.counted([100] * 5, [109] * 5)
        row = by_metric(rows)["instructions"]
        assert (row.base, row.head, row.unit, row.runs) == (100, 109, "instructions", 5)
        assert row.low == row.high == row.change == 109 / 100 - 1
        assert row.verdict is Verdict.REGRESSED
        assert by_metric(rows)["cycles"].base == 200

    def test_two_of_each_side_are_enough_where_they_differ_by_nothing_that_matters(self) -> None:
        rows, _ = self.counted([1000] * 2, [1001] * 2)
        assert {row.verdict for row in rows} == {Verdict.SAME}

    def test_two_of_each_side_are_too_few_for_a_difference(self) -> None:
        """A program that executes one of two numbers at random does this in one case of eight."""
        rows, _ = self.counted([100] * 2, [200] * 2)
        assert {row.verdict for row in rows} == {Verdict.UNCLEAR}

    @pytest.mark.parametrize(
        ("old", "new"), [((100, 101), (150, 151)), ((100,) * 4, (150,) * 4), ((100,) * 5, (150, 150, 150, 150, 151))]
    )
    def test_a_few_counts_that_do_not_repeat_decide_nothing(self, old: Sequence[int], new: Sequence[int]) -> None:
        rows, _ = self.counted(old, new)
        assert {row.verdict for row in rows} == {Verdict.UNCLEAR}
        assert all("a verdict takes" in row.reason for row in rows)

    @pytest.mark.parametrize(("factor", "verdict"), [(1.0, Verdict.SAME), (1.05, Verdict.REGRESSED)])
    def test_many_are_pairs_like_any_other(self, factor: float, verdict: Verdict) -> None:
        old = [1_000_000 + 7919 * number % 1000 for number in range(40)]
        new = [round(factor * (1_000_000 + 6947 * number % 1000)) for number in range(40)]
        row = by_metric(self.counted(old, new)[0])["instructions"]
        assert row.verdict is verdict
        assert row.low is not None
        assert row.high is not None
        assert row.low <= factor - 1 <= row.high
        assert row.low < row.high

    def test_the_null_control_is_the_baselines_first_run_beside_its_second_and_never_called(self) -> None:
        _, null = self.counted((100, 120), (110, 108))
        row = by_metric(null)["instructions"]
        assert row.subject == "check, null control"
        assert (row.base, row.head, row.runs) == (100, 120, 1)
        assert row.low == row.high == row.change == pytest.approx(0.2)
        assert row.verdict is Verdict.UNCLEAR

    @pytest.mark.parametrize(("old", "new"), [((), ()), ((100, 100), ())])
    def test_what_was_not_counted_has_no_row(self, old: Sequence[int], new: Sequence[int]) -> None:
        assert self.counted(old, new)[0] == []

    def test_one_count_alone_has_no_null_control(self) -> None:
        assert self.counted((100,), (100,))[1] == []


class TestCarryOver:
    def disturbed(self, factor: float, change: float = 0.05) -> BenchRuns:
        """Pairs, and as many runs right after either program."""
        bench = steady(change)
        for number in range(30):
            usual = 0.1 * (1 + 0.001 * math.sin(number))
            for series in bench.series["new"]:
                series.take_carry_over(sample(usual * factor), sample(0.1))
        return bench

    def test_who_leaves_work_behind_is_not_judged_by_time(self) -> None:
        rows = by_metric(rows_of([self.disturbed(1.1)])[0])
        assert {rows[metric].verdict for metric in ("wall", "cpu")} == {Verdict.UNCLEAR}
        assert rows["wall"].reason.startswith("new leaves work behind: what runs right after it takes +10.")
        assert rows["wall"].more is None

    def test_the_baseline_may_be_the_one(self) -> None:
        rows = by_metric(rows_of([self.disturbed(0.9)])[0])
        assert rows["wall"].reason.startswith("old leaves work behind: what runs right after it takes +11.")
        assert rows["wall"].reason.endswith("beside what runs right after new")

    def test_nothing_is_the_same_meanwhile(self) -> None:
        assert by_metric(rows_of([self.disturbed(1.1, change=0.0)])[0])["wall"].verdict is Verdict.UNCLEAR

    def test_a_little_is_let_pass(self) -> None:
        rows = by_metric(rows_of([self.disturbed(1.002)])[0])
        assert (rows["wall"].verdict, rows["wall"].reason) == (Verdict.REGRESSED, "")


class TestTicks:
    def ticking(self, old: float, new: float, tick: float = 0.01) -> ComparisonRow:
        """CPU time by a clock that ticks, of which the phase is another in each run."""

        def read(seconds: float, number: int) -> Sample:
            cpu = math.floor(seconds / tick + number * 0.618 % 1) * tick
            return Sample(wall=seconds, user=cpu, system=0.0, memory=1 << 20, faults=900, exit_code=0)

        bench = measured([read(old, 2 * n) for n in range(200)], [read(new, 2 * n + 1) for n in range(200)])
        return by_metric(rows_of([bench])[0])["cpu"]

    @pytest.mark.parametrize("seconds", [0.053, 0.203, 0.506])
    def test_nothing_is_the_same_where_a_tick_is_more_than_what_matters(self, seconds: float) -> None:
        row = self.ticking(seconds, seconds)
        assert row.verdict is Verdict.UNCLEAR
        assert "the clock ticks in steps of 10 ms" in row.reason
        assert row.low is not None
        assert row.high is not None
        assert row.low < -0.01 / seconds * 0.9 < 0.01 / seconds * 0.9 < row.high

    def test_readings_that_are_all_one_say_nothing_of_the_tick(self) -> None:
        row = self.ticking(0.05, 0.05, tick=0.05)
        assert row.verdict is Verdict.UNCLEAR

    def test_a_fine_clock_does_not_matter(self) -> None:
        assert self.ticking(0.5, 0.5, tick=1e-5).verdict is Verdict.SAME


class TestFewPairs:
    def test_a_budget_that_is_too_short_is_said_with_one_that_would_do(self) -> None:
        bench = steady(1.0, pairs=4)
        bench.budget, bench.seconds = 15.0, 16.0
        assert by_metric(rows_of([bench])[0])["wall"].verdict is Verdict.UNCLEAR
        (said,) = (text for text in warnings_of([bench]) if "budget" in text)
        assert said == (
            "check: 4 pairs are all that fit into the budget of 15 s, and a verdict takes 13 at least, more where the "
            "difference is small: --budget 65s"
        )

    def test_a_number_of_runs_that_is_too_small(self) -> None:
        said = list(warnings_of([steady(1.0, pairs=4)]))
        assert "check: 4 pairs are too few for a verdict, which takes 13 at least: --runs 13" in said

    def test_enough_pairs_need_no_word(self) -> None:
        assert not [text for text in warnings_of([steady(1.0, pairs=13)]) if "verdict takes" in text]


def test_the_null_controls_medians_are_its_own() -> None:
    bench = measured([sample(0.1)] * 10, [sample(0.2)] * 10)
    bench.series[NULL] = new_series(CASE)
    for series in bench.series[NULL]:
        series.take(sample(0.1), sample(0.11))
    _, null = rows_of([bench])
    assert (by_metric(null)["wall"].base, by_metric(null)["wall"].head) == (0.1, 0.11)


def test_processes_that_are_left_running_are_said() -> None:
    bench = steady()
    bench.left_running = {"new": 3}
    assert "check: new leaves processes running (3 of its runs): they were ended before the next run" in list(
        warnings_of([bench])
    )


class TestOutput:
    def printed(self, old: int, new: int) -> ComparisonRow | None:
        one = steady()
        one.output = {"old": old, "new": new}
        return by_metric(rows_of([one])[0]).get("output")

    def test_as_much_is_the_same(self) -> None:
        row = self.printed(1234, 1234)
        assert row
        assert (row.mode, row.verdict, row.change, row.unit) == (Mode.EXACT, Verdict.SAME, 0.0, "bytes")

    def test_more_or_less_is_neither_better_nor_worse(self) -> None:
        for new, change in ((2468, 1.0), (617, -0.5), (0, -1.0)):
            row = self.printed(1234, new)
            assert row
            assert (row.verdict, row.change, row.low, row.high) == (Verdict.UNCLEAR, change, change, change)

    def test_something_instead_of_nothing_has_no_change(self) -> None:
        row = self.printed(0, 5)
        assert row
        assert (row.verdict, row.change) == (Verdict.UNCLEAR, None)

    def test_silence_has_no_row(self) -> None:
        assert self.printed(0, 0) is None


class TestAbsent:
    def test_a_metric_that_one_run_does_not_tell_is_left_out_with_the_reason(self) -> None:
        for memory, faults, gone in ((None, 900, "memory"), (5 << 20, None, "faults")):
            new = [sample() for _ in range(20)]
            new[7] = sample(memory=memory, faults=faults)
            one = measured([sample()] * 20, new)
            rows, null = rows_of([one])
            assert gone not in by_metric(rows)
            assert set(by_metric(rows)) == {"wall", "cpu", "memory", "faults"} - {gone}
            assert gone in by_metric(null)
            (said,) = [text for text in warnings_of([one]) if f"no {gone}" in text]
            assert said.startswith(f"check: no {gone}: ")

    def test_unknown_memory_is_less_than_the_launchers_own(self) -> None:
        one = measured([sample(memory=None)] * 10, [sample()] * 10)
        (said,) = (text for text in warnings_of([one]) if "memory" in text)
        assert said.startswith("check: no memory: some runs need less than the process that starts them")

    def test_a_clock_too_coarse_for_cpu_time(self) -> None:
        short = Sample(wall=0.01, user=0.0, system=0.0, memory=1, faults=1, exit_code=0)
        one = measured([short] * 10, [short] * 10)
        assert set(by_metric(rows_of([one])[0])) == {"wall", "memory", "faults"}
        assert "check: no cpu: some runs are too short for the clock" in list(warnings_of([one]))

    def test_a_bench_that_failed_from_the_start_has_no_rows(self) -> None:
        one = BenchRuns(
            case=CASE,
            runs={"old": Runs(command="old"), "new": Runs(command="new")},
            series={"new": new_series(CASE), NULL: new_series(CASE)},
            failure="new fails: signal 11",
            output={"old": 5},
        )
        rows, null = rows_of([one, steady(0.1)])
        assert {row.runs for row in rows} == {100}
        assert {row.runs for row in null} == {100}
        assert rows_of([one]) == ([], [])

    def test_a_bench_that_failed_later_keeps_its_pairs(self) -> None:
        one = steady(0.1, pairs=8)
        one.failure = "new fails now and then: exit code 1"
        assert by_metric(rows_of([one])[0])["wall"].runs == 8

    def test_identical_candidates_have_rows_without_runs(self) -> None:
        case = Case(name="check", commands=CASE.commands, null=("copy",), smallest=0.01, identical=frozenset({"new"}))
        one = BenchRuns(
            case=case,
            runs={"old": Runs(command="old"), "new": Runs(command="new")},
            series={NULL: new_series(case)},
        )
        rows, null = rows_of([one])
        assert [(row.metric, row.verdict, row.runs, row.base) for row in rows] == [
            ("wall", Verdict.IDENTICAL, 0, None),
            ("cpu", Verdict.IDENTICAL, 0, None),
        ]
        assert null == []
        assert list(warnings_of([one])) == []


def paired(verdict: Verdict = Verdict.REGRESSED, **fields: object) -> ComparisonRow:
    values: dict[str, object] = {
        "subject": "check", "metric": "wall", "mode": Mode.PAIRED, "base": 0.1, "head": 0.11, "unit": "s",
        "change": 0.1, "low": 0.08, "high": 0.12, "verdict": verdict, "runs": 40, "more": None,
    }  # fmt: skip
    return ComparisonRow(**{**values, **fields})  # type: ignore[arg-type]


def spread(change: float, low: float | None, high: float | None, **fields: object) -> LayoutSpread:
    values: dict[str, object] = {
        "subject": "check", "metric": "wall", "base": (-0.01, 0.0, 0.01), "head": (0.0, 0.03), "rounds": 9,
        "change": change, "low": low, "high": high,
    }  # fmt: skip
    return LayoutSpread(**{**values, **fields})  # type: ignore[arg-type]


class TestOverLayouts:
    def over(self, row: ComparisonRow, found: LayoutSpread) -> ComparisonRow:
        (one,) = over_layouts([row], [found], {"check": 0.01})
        return one

    @pytest.mark.parametrize(
        ("change", "low", "high", "verdict", "layout_only"),
        [
            (0.05, 0.001, 0.09, Verdict.REGRESSED, False),
            (0.005, 0.001, 0.02, Verdict.UNCLEAR, False),
            (-0.05, -0.09, -0.001, Verdict.IMPROVED, False),
            (-0.005, -0.02, -0.001, Verdict.UNCLEAR, False),
            (0.0, -0.005, 0.005, Verdict.SAME, True),
            (0.006, 0.003, 0.009, Verdict.SAME, False),
            (0.0, -0.05, 0.05, Verdict.UNCLEAR, True),
            (0.02, 0.0, 0.05, Verdict.UNCLEAR, True),
            (0.05, None, None, Verdict.UNCLEAR, False),
            (0.05, 0.01, None, Verdict.UNCLEAR, False),
        ],
    )
    def test_the_verdict_is_that_of_all_layouts(
        self, change: float, low: float | None, high: float | None, verdict: Verdict, layout_only: bool
    ) -> None:
        row = self.over(paired(), spread(change, low, high))
        assert (row.mode, row.verdict, row.change, row.low, row.high) == (Mode.LAYOUTS, verdict, change, low, high)
        assert row.placement
        assert row.placement.layout_only is layout_only
        assert (row.placement.verdict, row.placement.change) == (Verdict.REGRESSED, 0.1)
        assert (row.placement.low, row.placement.high) == (0.08, 0.12)

    @pytest.mark.parametrize("verdict", [Verdict.SAME, Verdict.UNCLEAR])
    def test_what_was_not_called_does_not_differ_by_layout_only(self, verdict: Verdict) -> None:
        row = self.over(paired(verdict, more=12), spread(0.0, -0.005, 0.005))
        assert row.placement
        assert not row.placement.layout_only
        assert row.more is None

    def test_runs_are_layouts_and_spreads_are_ratios(self) -> None:
        row = self.over(paired(), spread(0.05, 0.001, 0.09))
        assert row.runs == 2
        assert row.placement
        assert row.placement.base_spread == pytest.approx(math.expm1(0.02))
        assert row.placement.head_spread == pytest.approx(math.expm1(0.03))

    @pytest.mark.parametrize(
        "row", [paired(metric="memory"), paired(subject="other"), paired(mode=Mode.COUNTED), paired(mode=Mode.EXACT)]
    )
    def test_other_rows_stay_as_they_are(self, row: ComparisonRow) -> None:
        assert over_layouts([row], [spread(0.0, -0.1, 0.1)], {"check": 0.01}) == [row]

    @given(changes, changes, changes)
    def test_the_head_line_counts_every_row_once(self, one: float, two: float, three: float) -> None:
        low, change, high = sorted((one, two, three))
        assert self.over(paired(), spread(change, low, high)).verdict is not Verdict.IDENTICAL


def comparison(*rows: ComparisonRow) -> Comparison:
    from tests.unit.test_schemas import COMPARISON

    return Comparison(
        base="old", heads=("new",), rows=rows, null=(), machine=COMPARISON.machine, conditions=COMPARISON.conditions,
        seconds=1.0,
    )  # fmt: skip


class TestHeadline:
    def test_nothing(self) -> None:
        assert comparison().headline == "nothing was compared"

    def test_worst_typical_and_rest(self) -> None:
        found = comparison(
            paired(change=0.1),
            paired(change=0.5, subject="list"),
            paired(Verdict.IMPROVED, change=-0.2, low=-0.22, high=-0.18),
            paired(Verdict.SAME),
            paired(Verdict.UNCLEAR),
            *over_layouts([paired()], [spread(0.0, -0.005, 0.005)], {"check": 0.01}),
        )
        assert found.headline == (
            "2 regressed, worst list wall by 8.0 to 12.0 %; 1 improved, typically by 18.0 to 22.0 %; 2 same; "
            "1 unclear; 1 differs by layout only"
        )
        assert sum(found.counts.values()) == len(found.rows)

    def test_a_certain_change_is_a_number_and_a_doubtful_one_has_signs(self) -> None:
        certain = comparison(paired(mode=Mode.EXACT, change=0.1, low=0.1, high=0.1))
        assert certain.headline == "1 regressed, worst check wall by 10.0 %"
        doubtful = comparison(paired(change=0.1, low=-0.01, high=0.2))
        assert doubtful.headline == "1 regressed, worst check wall by -1.0 % to +20.0 %"

    def test_a_change_from_nothing_is_no_percentage(self) -> None:
        assert comparison(paired(change=None, low=None, high=None)).headline.startswith("1 regressed")
