"""Benches over layouts, with programs whose placement costs what it is told to."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.fakes.runner import FakeRunner, finished
from trimtab.commands.compare.layouts import LayoutBench, LayoutRuns, layout_effects
from trimtab.errors import InputError
from trimtab.measure.paired import RunOptions
from trimtab.measure.series import Case
from trimtab.model.layout import LayoutSpread
from trimtab.system.process import Command, Finished

RULES = RunOptions(environment={}, runs=9)
BASE = tuple(f"base {number}" for number in range(8))
NAMES = (*BASE, *(f"head {number}" for number in range(8)))
CASE = Case(name="check", commands={name: (name,) for name in NAMES}, null=())


class Layouts(FakeRunner):
    """Programs of 0.1 s, each with a placement of its own; keeps a clock that goes on as they run."""

    def __init__(
        self,
        *,
        placement: float = 0.0,
        head: float = 1.0,
        noise: float = 0.005,
        seed: int = 8,
        state: Callable[[int], float] = lambda _: 1.0,
    ) -> None:
        super().__init__()
        self._dice, self._noise, self._state = random.Random(seed), noise, state
        self.times = {name: 0.1 * self._dice.lognormvariate(0, placement) for name in NAMES}
        self.times |= {name: time * head for name, time in self.times.items() if name.startswith("head")}
        self.now = 0.0
        self.fails: dict[str, Finished] = {}

    def otherwise(self, command: Command) -> Finished:
        (name,) = command.argv
        if name in self.fails:
            return self.fails[name]
        wall = self.times[name] * self._state(len(self.commands)) * self._dice.lognormvariate(0, self._noise)
        self.now += wall
        return replace(finished("out", wall=wall, cpu=wall * 0.9), system=wall * 0.1)


def measure(layouts: Layouts, rules: RunOptions = RULES, step: Callable[[int], None] = lambda _: None) -> LayoutRuns:
    return LayoutBench(layouts, rules, clock=lambda: layouts.now).spread(CASE, BASE, step)


def wall(found: LayoutRuns) -> LayoutSpread:
    (one,) = [spread for spread in found.spreads if spread.metric == "wall"]
    return one


def no_change(spread: LayoutSpread) -> bool:
    """Whether the layouts allow for none."""
    return spread.low is not None and spread.high is not None and spread.low <= 0 <= spread.high


@pytest.mark.parametrize(
    ("low", "high", "change", "explained"),
    [(-0.02, 0.03, 0.05, True), (-0.02, 0.06, 0.05, False), (0.01, 0.03, 0.05, False), (None, None, 0.05, False),
     (-0.02, 0.03, None, False)],
)  # fmt: skip
def test_placement_explains_what_the_layouts_exclude(
    low: float | None, high: float | None, change: float | None, explained: bool
) -> None:
    spread = LayoutSpread(subject="x", metric="cpu", base=(0.0,), head=(0.0,), rounds=3, change=0.0, low=low, high=high)
    assert spread.explains(change) is explained


class TestWhatIsSaid:
    def test_a_difference_beyond_placement_is_one(self) -> None:
        found = measure(Layouts(placement=0.02, head=1.1))
        assert [spread.metric for spread in found.spreads] == ["wall", "cpu"]
        for spread in found.spreads:
            assert spread.low is not None
            assert spread.high is not None
            assert 0 < spread.low <= spread.change <= spread.high
            assert spread.change == pytest.approx(0.1, abs=0.07)
            assert not no_change(spread)
            assert (spread.subject, spread.rounds, len(spread.base), len(spread.head)) == ("check", 9, 8, 8)

    def test_a_difference_between_two_layouts_is_placement_only(self) -> None:
        layouts = Layouts(placement=0.04)
        spread = wall(measure(layouts))
        times = [layouts.times[name] for name in BASE]
        assert no_change(spread)
        assert spread.base_spread == pytest.approx(max(times) / min(times) - 1, abs=0.02)
        assert spread.base_spread > 0.05

    def test_more_runs_of_few_layouts_do_not_make_a_difference(self) -> None:
        """Equal builds are called different in one of a hundred reports at most, however long their layouts are run."""
        wrong = sum(
            not no_change(wall(measure(Layouts(placement=0.03, noise=0.001, seed=seed), replace(RULES, runs=30))))
            for seed in range(200)
        )
        assert wrong <= 7  # more than that has a chance below one in a thousand at a rate of 1 %

    def test_drift_and_bursts_are_seen_through(self) -> None:
        layouts = Layouts(head=1.03, state=lambda run: (1 + run / 300) * (1.5 if run % 90 < 20 else 1.0))
        spread = wall(measure(layouts, replace(RULES, runs=30)))
        assert spread.change == pytest.approx(0.03, abs=0.01)
        assert not no_change(spread)

    def test_too_few_layouts_say_nothing(self) -> None:
        few = replace(CASE, commands={name: (name,) for name in ("base 0", "head 0")})
        layouts = Layouts(head=2.0)
        found = LayoutBench(layouts, RULES, clock=lambda: layouts.now).spread(few, ["base 0"])
        assert (wall(found).low, wall(found).high, no_change(wall(found))) == (None, None, False)
        assert wall(found).change == pytest.approx(1, abs=0.05)

    def test_times_of_nothing_say_nothing(self) -> None:
        layouts = Layouts()
        layouts.times = dict.fromkeys(NAMES, 0.0)
        assert measure(layouts).spreads == ()

    def test_times_that_the_bench_reports_itself(self) -> None:
        layouts = Layouts()
        case = replace(CASE, reported=lambda _: 1.0 + layouts.lines[-1].startswith("head"))
        (spread,) = LayoutBench(layouts, RULES).spread(case, BASE).spreads
        assert spread.metric == "time"
        assert (spread.change, spread.low, spread.high) == pytest.approx((1, 1, 1))

    @pytest.mark.parametrize("base", [(), NAMES, ("another",)])
    def test_both_sides_need_layouts(self, base: tuple[str, ...]) -> None:
        with pytest.raises(ValueError, match="layouts of both sides are needed"):
            LayoutBench(Layouts(), RULES).spread(CASE, base)

    def test_an_effect_is_the_median_distance_from_the_rounds_median(self) -> None:
        e = math.e
        assert layout_effects([[1, 4, 1], [e, 4 * e, 9], [e**2, 4 * e**2, 1]]) == pytest.approx([-1, 0, 1])


class TestOrder:
    def test_every_layout_once_in_each_round_in_random_order(self) -> None:
        layouts = Layouts()
        measure(layouts)
        warm, timed = layouts.lines[: len(NAMES)], layouts.lines[len(NAMES) :]
        assert sorted(warm) == sorted(NAMES)
        rounds = [timed[at : at + len(NAMES)] for at in range(0, len(timed), len(NAMES))]
        assert len(rounds) == 9
        assert all(sorted(one) == sorted(NAMES) for one in rounds)
        assert len(set(map(tuple, rounds))) == 9

    def test_goes_on_until_the_budget_is_over_but_for_three_rounds_at_least(self) -> None:
        for budget, rounds in ((0.1, 3), (16.0, 10)):  # a round takes 1.6 s
            found = measure(Layouts(noise=0.0), replace(RULES, runs=None, budget=budget))
            assert wall(found).rounds == pytest.approx(rounds, abs=1 if budget > 1 else 0)

    def test_helpers_run_around_the_runs(self) -> None:
        layouts = Layouts()
        for which in ("prepare", "setup", "cleanup"):
            layouts.on(f"sh -c {which}", finished())
        rules = replace(RULES, runs=3, **{which: (("sh", "-c", which),) for which in ("prepare", "setup", "cleanup")})  # type: ignore[arg-type]
        measure(layouts, rules)
        assert [layouts.lines.count(f"sh -c {which}") for which in ("setup", "prepare", "cleanup")] == [16, 64, 16]
        assert layouts.lines[:16] == ["sh -c setup"] * 16


class TestFailures:
    def test_a_layout_that_fails_from_the_start(self) -> None:
        layouts = Layouts()
        layouts.fails["head 3"] = finished(stderr="cannot open", exit_code=2)
        found = measure(layouts)
        assert found.failure == "head 3 fails: exit code 2: cannot open"
        assert found.spreads == ()

    def test_a_failure_later_keeps_whole_rounds(self) -> None:
        layouts = Layouts()

        def step(rounds: int) -> None:
            if rounds == 4:
                layouts.fails["base 2"] = finished(exit_code=-11)

        found = measure(layouts, step=step)
        assert found.failure == "base 2 fails in block 5: signal 11"
        assert {len(runs.samples) for runs in found.runs.values()} == {4}
        assert wall(found).rounds == 4

    def test_a_helper_that_fails_is_the_callers_mistake(self) -> None:
        layouts = Layouts()
        layouts.on("sh -c nonsense", finished(exit_code=127))
        with pytest.raises(InputError, match="the --prepare command fails"):
            measure(layouts, replace(RULES, prepare=(("sh", "-c", "nonsense"),)))

    def test_an_interrupt_ends_the_runs_and_keeps_them(self) -> None:
        def step(rounds: int) -> None:
            if rounds == 5:
                raise KeyboardInterrupt

        assert wall(measure(Layouts(), step=step)).rounds == 5

    def test_an_interrupt_before_the_first_round_is_one(self) -> None:
        def interrupt(_: Command) -> Finished:
            raise KeyboardInterrupt

        layouts = Layouts()
        layouts.on("base 0", interrupt)
        with pytest.raises(KeyboardInterrupt):
            measure(layouts)
