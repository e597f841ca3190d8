"""Benches in blocks of random order, with programs that take the time they are told to."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from tests.fakes.runner import FakeRunner, finished
from trimtab.errors import InputError
from trimtab.measure.paired import PairedBench, RunOptions
from trimtab.measure.series import NULL, BenchRuns, Case
from trimtab.measure.verdicts import rows_of, warnings_of
from trimtab.model.comparison import ComparisonRow, Verdict
from trimtab.system.process import Command, Finished

RULES = RunOptions(environment={}, budget=1e9, runs=None)


class Programs(FakeRunner):
    """Programs whose time is given, with noise; keeps a clock that goes on as they run."""

    def __init__(
        self,
        times: Mapping[str, float],
        *,
        noise: float = 0.03,
        state: Callable[[int], float] = lambda _: 1.0,
        after: Mapping[str, float] | None = None,
    ) -> None:
        """Play programs.

        Args:
            times: name → seconds.
            noise: standard deviation of their logarithm.
            state: of the machine at each run, as a factor.
            after: name → factor of the run right after it; the copy leaves behind what ``old`` does.
        """
        super().__init__()
        self._after, self._previous = after or {}, ""
        self._times, self._noise, self._state = times, noise, state
        self._dice = random.Random(5)
        self.now = 0.0
        self.fails: dict[str, Finished] = {}

    def otherwise(self, command: Command) -> Finished:
        name = command.argv[0]
        if name in self.fails:
            return self.fails[name]
        wall = self._times[name] * self._state(len(self.commands)) * self._dice.lognormvariate(0, self._noise)
        wall *= self._after.get(self._previous, 1.0)
        self._previous = "old" if name == "copy" else name
        self.now += wall
        return replace(
            finished("out", wall=wall, cpu=wall * 0.9), system=wall * 0.1, largest_process=5 << 20, page_faults=900
        )

    def runs(self, name: str) -> int:
        """How often a program was run."""
        return [command.argv[0] for command in self.commands].count(name)


def case(*heads: str, identical: Sequence[str] = ()) -> Case:
    return Case(
        name="check",
        commands={name: (name,) for name in ("old", *heads)},
        null=("copy",),
        identical=frozenset(identical),
    )


def measure(programs: Programs, *cases: Case, rules: RunOptions = RULES) -> list[BenchRuns]:
    bench = PairedBench(programs, rules, clock=lambda: programs.now, order=random.Random(7))
    return bench.measure(cases, lambda _: None)


def judged(measured: Sequence[BenchRuns]) -> tuple[list[ComparisonRow], list[ComparisonRow]]:
    """The rows of times: what else is measured is the same for all of these programs."""
    rows, null = rows_of(measured)
    assert {row.verdict for row in rows if row.metric in ("memory", "faults")} <= {Verdict.SAME, Verdict.UNCLEAR}
    return tuple([row for row in some if row.metric in ("wall", "cpu")] for some in (rows, null))  # type: ignore[return-value]


def by_subject(rows: Sequence[ComparisonRow]) -> dict[tuple[str, str], ComparisonRow]:
    return {(row.subject, row.metric): row for row in rows}


class TestVerdicts:
    @pytest.mark.parametrize(
        ("factor", "verdict"),
        [(1.1, Verdict.REGRESSED), (0.9, Verdict.IMPROVED), (3.0, Verdict.REGRESSED), (0.2, Verdict.IMPROVED)],
    )
    def test_a_difference_is_called_and_ends_the_runs(self, factor: float, verdict: Verdict) -> None:
        programs = Programs({"old": 0.1, "copy": 0.1, "new": 0.1 * factor})
        rows, _ = judged(measure(programs, case("new")))
        for row in rows:
            assert row.verdict is verdict
            assert row.change is not None
            assert row.low is not None
            assert row.high is not None
            assert row.change == pytest.approx(factor - 1, rel=0.3)
            assert row.low <= row.change <= row.high
            assert row.low > 0 or row.high < 0
        assert programs.runs("new") < 60

    def test_no_difference_is_the_same_once_enough_was_run(self) -> None:
        programs = Programs({"old": 0.1, "copy": 0.1, "new": 0.1}, noise=0.005)
        rows, null = judged(measure(programs, case("new")))
        assert {row.verdict for row in rows} == {Verdict.SAME}
        assert {row.verdict for row in null} <= {Verdict.SAME, Verdict.UNCLEAR}

    def test_a_machine_with_two_speeds_and_bursts_is_seen_through(self) -> None:
        dice = random.Random(1)
        programs = Programs(
            {"old": 0.1, "copy": 0.1, "new": 0.11},
            state=lambda run: (1.3 if run // 50 % 2 else 1.0) * dice.choice((1, 1, 1, 2)),
        )
        rows, _ = judged(measure(programs, case("new"), rules=replace(RULES, budget=200)))
        assert {row.verdict for row in rows} == {Verdict.REGRESSED}

    def test_what_is_not_decided_within_the_budget_is_unclear_and_says_how_much_is_left(self) -> None:
        programs = Programs({"old": 0.1, "copy": 0.1, "new": 0.1015})
        rows, _ = judged(measure(programs, case("new"), rules=replace(RULES, budget=5)))
        assert {row.verdict for row in rows} == {Verdict.UNCLEAR}
        assert all(row.more is None or row.more > 0 for row in rows)
        assert programs.now < 7

    def test_several_candidates_share_the_baselines_runs(self) -> None:
        programs = Programs({"old": 0.1, "copy": 0.1, "new": 0.11, "newer": 0.13})
        (one,) = measured = measure(programs, case("new", "newer"))
        rows, _ = judged(measured)
        assert len({len(runs.samples) for runs in one.runs.values()}) == 1
        assert {row.subject for row in rows} == {"check, new", "check, newer"}
        assert {row.verdict for row in rows} == {Verdict.REGRESSED}

    def test_identical_binaries_are_not_run(self) -> None:
        programs = Programs({})
        rows, null = judged(measure(programs, case("new", identical=["new"])))
        assert {row.verdict for row in rows} == {Verdict.IDENTICAL}
        assert programs.commands == []
        assert all(row.runs == 0 for row in null)


def test_benches_still_to_be_run_count_from_the_start() -> None:
    """A verdict that ended a bench must hold when others come after it."""
    programs = Programs({"old": 0.1, "copy": 0.1, "new": 0.11})
    cases = [replace(case("new"), name=f"check{number}") for number in range(6)]
    rows, _ = judged(measure(programs, *cases))
    assert {row.verdict for row in rows} == {Verdict.REGRESSED}


def test_a_mean_that_changes_unlike_the_typical_run_is_noted() -> None:
    dice = random.Random(3)
    programs = Programs({"old": 0.1, "copy": 0.1, "new": 0.1}, noise=0.005)
    usual = programs.otherwise
    programs.otherwise = lambda command: (  # type: ignore[method-assign]
        replace(usual(command), wall=0.3) if command.argv[0] == "new" and dice.random() < 0.1 else usual(command)
    )
    said = "; ".join(warnings_of(measure(programs, case("new"), rules=replace(RULES, runs=100))))
    assert "check: the mean wall of new changes by +" in said


class TestBlocks:
    @pytest.mark.parametrize("heads", [("new",), ("new", "newer"), ("new", "newer", "newest")])
    @pytest.mark.parametrize("leaver", ["old", "new"])
    def test_what_a_run_leaves_behind_hits_both_runs_of_a_pair_alike(self, heads: Sequence[str], leaver: str) -> None:
        programs = Programs(dict.fromkeys(("old", "copy", *heads), 0.1), noise=0, after={leaver: 1.5})
        (one,) = measure(programs, case(*heads), rules=replace(RULES, runs=60))
        for series in (one.series[name][0] for name in (*heads, NULL)):
            assert {after / before for before, after in series.pairs} == {1.0}
            assert len({before for before, _ in series.pairs}) == (1 if series is one.series[NULL][0] else 2)

    def test_what_is_left_behind_is_seen_and_said(self) -> None:
        programs = Programs({"old": 0.1, "copy": 0.1, "new": 0.12}, after={"new": 1.1})
        rows, _ = judged(measure(programs, case("new"), rules=replace(RULES, runs=100)))
        assert {row.verdict for row in rows} == {Verdict.UNCLEAR}
        assert all(row.reason.startswith("new leaves work behind") for row in rows)

    def test_it_ends_the_runs(self) -> None:
        """More of them would not help."""
        programs = Programs({"old": 0.1, "copy": 0.1, "new": 0.1}, after={"new": 1.5})
        measure(programs, case("new"), rules=replace(RULES, budget=1e3))
        assert programs.now < 100

    def test_the_copy_takes_part_in_about_every_fourth_block(self) -> None:
        programs = Programs({"old": 0.1, "copy": 0.1, "new": 0.1})
        (one,) = measure(programs, case("new"), rules=replace(RULES, runs=200))
        assert 40 <= len(one.series[NULL][0].sequence) <= 60
        assert len(programs.commands) < 3 + 200 * 2.85

    def test_order_is_random(self) -> None:
        """Whoever is first in a block is followed by itself: in about half of all blocks each of the two."""
        programs = Programs({"old": 0.1, "copy": 0.1, "new": 0.1})
        measure(programs, case("new"), rules=replace(RULES, runs=200))
        lines = [command.argv[0].replace("copy", "old") for command in programs.commands]
        changes = sum(before != after for before, after in itertools.pairwise(lines))
        assert 200 < changes < 400

    def test_a_copy_that_does_not_work_is_replaced_by_the_baseline_itself(self) -> None:
        programs = Programs({"old": 0.1, "new": 0.1})
        programs.fails["copy"] = finished(stderr="libf.so: not found", exit_code=127)
        (one,) = measure(programs, case("new"), rules=replace(RULES, runs=20))
        assert not one.failure
        assert programs.runs("copy") == 1
        assert len(one.series[NULL][0].sequence) > 0
        assert "a copy of old does not work elsewhere" in "; ".join(warnings_of([one]))

    def test_helpers_run_around_the_runs(self) -> None:
        programs = Programs({"old": 0.1, "copy": 0.1, "new": 0.1})
        for which in ("prepare", "setup", "cleanup"):
            programs.on(f"sh -c {which}", finished())
        rules = replace(
            RULES,
            runs=3,
            prepare=(("sh", "-c", "prepare"),),
            setup=(("sh", "-c", "setup"),),
            cleanup=(("sh", "-c", "cleanup"),),
        )
        measure(programs, case("new"), rules=rules)
        timed = programs.runs("old") + programs.runs("new") + programs.runs("copy")
        assert [programs.lines.count(f"sh -c {which}") for which in ("setup", "prepare", "cleanup")] == [2, timed, 2]
        assert programs.lines[:2] == ["sh -c setup"] * 2
        assert programs.lines[-2:] == ["sh -c cleanup"] * 2

    def test_each_command_may_have_a_helper_of_its_own(self) -> None:
        programs = Programs({"old": 0.1, "copy": 0.1, "new": 0.1})
        for which in ("for old", "for new"):
            programs.on(f"sh -c {which}", finished())
        helpers = (("sh", "-c", "for old"), ("sh", "-c", "for new"))
        measure(programs, case("new"), rules=replace(RULES, runs=30, prepare=helpers))
        for before, after in zip(programs.lines[::2], programs.lines[1::2], strict=True):
            assert before == ("sh -c for new" if after == "new" else "sh -c for old")

    def test_a_helper_that_fails_is_the_callers_mistake(self) -> None:
        programs = Programs({"old": 0.1, "copy": 0.1, "new": 0.1})
        programs.on("sh -c nonsense", finished(stderr="nonsense: not found", exit_code=127))
        with pytest.raises(InputError, match="the --prepare command fails: exit code 127: nonsense"):
            measure(programs, case("new"), rules=replace(RULES, prepare=(("sh", "-c", "nonsense"),)))


class TestFailures:
    def test_a_command_that_fails_from_the_start_is_not_timed(self) -> None:
        programs = Programs({"old": 0.1, "copy": 0.1, "new": 0.1})
        programs.fails["new"] = finished(stderr="no such option", exit_code=2)
        (one,) = measure(programs, case("new"))
        assert one.failure == "new fails: exit code 2: no such option"
        assert one.runs["old"].samples == []

    def test_a_failure_later_keeps_what_was_measured(self) -> None:
        programs = Programs({"old": 0.1, "copy": 0.1, "new": 0.1})

        def step(one: BenchRuns) -> None:
            if len(one.runs["new"].samples) == 5:
                programs.fails["new"] = finished(exit_code=-11)

        (one,) = PairedBench(programs, RULES, clock=lambda: programs.now).measure([case("new")], step)
        assert one.failure == "new fails in block 6: signal 11"
        assert len(one.series["new"][0].sequence) == 5

    def test_failures_may_be_accepted(self) -> None:
        programs = Programs({"old": 0.1, "copy": 0.1})
        programs.fails["new"] = finished(exit_code=1, wall=0.1)
        (one,) = measure(programs, case("new"), rules=replace(RULES, runs=4, ignore_failure=True))
        assert not one.failure
        assert [sample.exit_code for sample in one.runs["new"].samples] == [1] * 4

    def test_an_interrupt_ends_the_runs_and_keeps_them(self) -> None:
        programs = Programs({"old": 0.1, "copy": 0.1, "new": 0.1})

        def step(one: BenchRuns) -> None:
            if len(one.runs["new"].samples) == 7:
                raise KeyboardInterrupt

        (one,) = PairedBench(programs, RULES, clock=lambda: programs.now).measure([case("new")], step)
        assert len(one.runs["new"].samples) == 7

    def test_times_of_nothing_are_no_pairs(self) -> None:
        programs = Programs({"old": 0.0, "copy": 0.0, "new": 0.0})
        measured = measure(programs, case("new"), rules=replace(RULES, runs=5))
        assert judged(measured) == ([], [])
        assert "check: no cpu: some runs are too short for the clock" in list(warnings_of(measured))


def test_inputs_that_the_runs_change_are_named(tmp_path: Path) -> None:
    changed, kept = tmp_path / "changed", tmp_path / "kept"
    changed.write_text("a")
    kept.write_text("a")
    programs = Programs({"old": 0.1, "copy": 0.1, "new": 0.1})
    words = ("x", "changed", str(kept), "no-file", "y" * 5000)
    sorting = Case(name="sort", commands={"old": ("old", *words), "new": ("new", *words)}, null=("copy",))

    def step(_: BenchRuns) -> None:
        changed.write_text(changed.read_text() + "a")

    rules = replace(RULES, runs=3, cwd=tmp_path)
    (one,) = PairedBench(programs, rules, clock=lambda: programs.now).measure([sorting], step)
    (warning,) = (text for text in warnings_of([one]) if "which they are given" in text)
    assert warning.startswith(f"sort: the runs change {changed}, ")


class TestWarnings:
    def said(self, times: float, state: Callable[[int], float]) -> str:
        programs = Programs({"old": times, "copy": times, "new": times}, noise=0.01, state=state)
        return "; ".join(warnings_of(measure(programs, case("new"), rules=replace(RULES, runs=60))))

    def test_a_quiet_machine_needs_none(self) -> None:
        assert self.said(0.1, lambda _: 1.0) == ""

    def test_short_runs(self) -> None:
        assert "less than 5 ms" in self.said(0.004, lambda _: 1.0)

    def test_a_machine_that_gets_slower(self) -> None:
        assert "speed changed by" in self.said(0.1, lambda run: 1 + run / 400)

    def test_two_speeds(self) -> None:
        assert "two groups" in self.said(0.1, lambda run: 1.4 if run // 7 % 2 else 1.0)
