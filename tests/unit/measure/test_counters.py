"""Counts of instructions and cycles: who counts, what is read from the logs, and what happens when it fails."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.runner import FakeRunner, callgrind, finished
from trimtab.errors import InputError, MissingError
from trimtab.measure import counters as counting
from trimtab.measure.counters import Counter, count_runs, find_counter, read_callgrind, read_perf
from trimtab.measure.paired import PairedBench, RunOptions
from trimtab.measure.series import BenchRuns, Case
from trimtab.measure.verdicts import rows_of
from trimtab.model.comparison import Count, Mode, Runs, Verdict
from trimtab.system.process import Command, Finished

LOG = """\
==7== Callgrind, a call-graph generating cache profiler
==7== Events    : Ir Dr Dw I1mr D1mr D1mw ILmr DLmr DLmw
==7== Collected : 1000 200 100 1 2 3 4 5 6
==7==
"""
PERF = """\
# started on Sun Jan  1 00:00:00 2026

123456,,instructions:u,1000,100.00,,
234567,,cycles:u,1000,100.00,1.9,GHz
"""
RULES = RunOptions(environment={"A": "b"})
CASE = Case(name="check", commands={"old": ("old", "x"), "new": ("new", "x")}, null=("copy", "x"))


def logs(text: str) -> st.SearchStrategy[str]:
    """Any text, and texts like a log, cut and pasted."""
    words = st.sampled_from([*text.split(), "\n", " ", ",", "-", "<not counted>", "9" * 5000, "²", "٣"])
    return st.text() | st.lists(words | st.text(max_size=3), max_size=40).map(" ".join) | st.lists(words).map("".join)


class TestReading:
    def test_callgrinds_log(self) -> None:
        assert read_callgrind(LOG) == Count(instructions=1000, cycles=1000 + 10 * (1 + 2 + 3) + 100 * (4 + 5 + 6))

    def test_callgrind_without_caches(self) -> None:
        log = "==7== Events    : Ir\n==7== Collected : 1000\n"
        assert read_callgrind(log) == Count(instructions=1000, cycles=1000)

    @pytest.mark.parametrize(
        "log",
        [
            "",
            "==7== Events    : Ir\n",
            "==7== Collected : 1000\n",
            "==7== Events    : Dr\n==7== Collected : 1000\n",
            "==7== Events    : Ir\n==7== Collected : 0\n",
            "==7== Events    : Ir\n==7== Collected :  \n",
        ],
    )
    def test_callgrind_that_counted_nothing(self, log: str) -> None:
        assert read_callgrind(log) is None

    def test_every_process_counts(self) -> None:
        once, twice = read_callgrind(LOG), read_callgrind(LOG + LOG)
        assert once
        assert once.cycles
        assert twice == Count(instructions=2 * once.instructions, cycles=2 * once.cycles)

    def test_perfs_log(self) -> None:
        assert read_perf(PERF) == Count(instructions=123456, cycles=None)

    @pytest.mark.parametrize(
        "log",
        [
            "",
            "<not supported>,,instructions:u,0,100.00,,\n<not supported>,,cycles:u,0,100.00,,\n",
            "0,,instructions:u,1000,100.00,,\n0,,cycles:u,1000,100.00,,\n",
        ],
    )
    def test_perf_that_may_not_count(self, log: str) -> None:
        assert read_perf(log) is None

    @given(logs(LOG))
    def test_no_text_is_too_much_for_callgrinds(self, text: str) -> None:
        found = read_callgrind(text)
        assert found is None or 0 < found.instructions <= (found.cycles or 0)

    @given(logs(PERF))
    def test_no_text_is_too_much_for_perfs(self, text: str) -> None:
        found = read_perf(text)
        assert found is None or found.instructions > 0

    @pytest.mark.parametrize("read", [read_callgrind, read_perf])
    def test_numbers_of_thousands_of_digits_are_no_traceback(self, read: Callable[[str], Count | None]) -> None:
        read(LOG.replace("1000", "9" * 5000))
        read(PERF.replace("123456", "9" * 5000))


def perf(command: Command, log: str, exit_code: int = 0) -> Finished:
    Path(command.argv[command.argv.index("-o") + 1]).write_text(log)
    return finished(exit_code=exit_code)


def here(*names: str) -> Callable[[str], str | None]:
    return lambda name: f"/usr/bin/{name}" if name in names else None


class TestFinding:
    def test_perf_where_the_kernel_allows_it(self) -> None:
        runner = FakeRunner().on("perf stat *", lambda command: perf(command, PERF))
        found = find_counter(runner, {"A": "b"}, here("perf", "valgrind", "setarch"))
        assert found.program == "perf"
        assert "the CPU's own" in found.method
        (command,) = runner.commands
        assert command.argv[-2:] == ("--", "true")
        assert command.environment == {"A": "b"}

    @pytest.mark.parametrize(
        "refusal",
        [
            lambda _: finished(stderr="Error: No permission to enable instructions:u event.", exit_code=255),
            lambda command: perf(command, "<not supported>,,instructions:u\n<not supported>,,cycles:u\n"),
            lambda _: finished(stderr="perf: E: linux-perf-6.1 is not installed", exit_code=1),
        ],
        ids=["forbidden", "no counters", "of another kernel"],
    )
    def test_callgrind_where_it_does_not(self, refusal: Callable[[Command], Finished]) -> None:
        runner = FakeRunner().on("perf *", refusal)
        found = find_counter(runner, {}, here("perf", "valgrind", "setarch"))
        assert found.program == "callgrind"
        assert found.prefix("log")[:3] == ("setarch", "-R", "valgrind")

    def test_callgrind_without_perf_and_setarch(self) -> None:
        found = find_counter(FakeRunner(), {}, here("valgrind"))
        assert found.prefix("log")[0] == "valgrind"
        assert found.prefix("log")[-1] == "--log-file=log.%p"

    def test_nothing_here(self) -> None:
        with pytest.raises(MissingError, match="valgrind is not installed") as caught:
            find_counter(FakeRunner(), {}, here())
        assert caught.value.hint


def counter() -> Counter:
    return counting.callgrind(here("valgrind"))


def ran(*cases: Case, wall: float = 0.1) -> list[BenchRuns]:
    """Benches whose runs are done."""
    runner = FakeRunner().on("*", finished(wall=wall, cpu=wall))
    return PairedBench(runner, replace(RULES, runs=3)).measure(
        cases or (CASE,), lambda _: None, ("instructions", "cycles")
    )


def counting_runner(instructions: Callable[[str], int]) -> FakeRunner:
    """Programs that execute so many instructions."""
    return FakeRunner().on("*valgrind*", lambda command: callgrind(command, instructions(command.argv[-2])))


class TestCounting:
    def test_counts_that_are_all_one_end_after_two_rounds(self) -> None:
        measured, runner = ran(), counting_runner({"old": 1000, "new": 1001}.__getitem__)
        count_runs(counter(), runner, RULES, measured)
        assert sorted(command.argv[-2:] for command in runner.commands) == [("new", "x")] * 2 + [("old", "x")] * 2

    def test_a_difference_is_counted_five_times(self) -> None:
        measured, runner = ran(), counting_runner({"old": 1000, "new": 1100}.__getitem__)
        count_runs(counter(), runner, RULES, measured)
        assert sorted(command.argv[-2:] for command in runner.commands) == [("new", "x")] * 5 + [("old", "x")] * 5
        assert {command.environment["A"] for command in runner.commands} == {"b"}
        rows, null = rows_of(measured)
        counted = {row.metric: row for row in rows if row.mode is Mode.COUNTED}
        assert counted["instructions"].verdict is Verdict.REGRESSED
        assert counted["instructions"].change == pytest.approx(0.1)
        assert (counted["instructions"].base, counted["instructions"].head) == (1000, 1100)
        assert counted["cycles"].runs == 5
        assert {row.runs for row in null if row.mode is Mode.COUNTED} == {1}

    @pytest.mark.parametrize(("change", "verdict"), [(1.0, Verdict.SAME), (1.1, Verdict.REGRESSED)])
    def test_counts_that_vary_go_on_until_they_are_decided(self, change: float, verdict: Verdict) -> None:
        dice = random.Random(1)
        measured = ran()
        runner = counting_runner(lambda name: round(dice.gauss(1e6, 1e3) * (change if name == "new" else 1)))
        count_runs(counter(), runner, RULES, measured, clock=lambda: 0.0)
        rows = [row for row in rows_of(measured)[0] if row.mode is Mode.COUNTED]
        assert {row.verdict for row in rows} == {verdict}
        assert all(13 <= row.runs < 40 for row in rows)

    def test_counts_that_vary_end_with_the_budget(self) -> None:
        numbers = itertools.count(1000)
        measured, clock = ran(), itertools.count(step=4)
        count_runs(counter(), counting_runner(lambda _: next(numbers)), RULES, measured, clock=lambda: next(clock))
        rows = [row for row in rows_of(measured)[0] if row.mode is Mode.COUNTED]
        assert {(row.verdict, row.runs) for row in rows} == {(Verdict.UNCLEAR, 5)}

    def test_patience_grows_with_the_runs(self) -> None:
        measured, runner = ran(wall=2.0), counting_runner(lambda _: 10)
        count_runs(counter(), runner, RULES, measured)
        assert {command.timeout for command in runner.commands} == {60 + 300 * 2.0}
        runner = counting_runner(lambda _: 10)
        count_runs(counter(), runner, replace(RULES, timeout=5.0), measured)
        assert {command.timeout for command in runner.commands} == {5.0}

    def test_what_would_take_longer_than_the_limit_is_left_out(self) -> None:
        runner = counting_runner(lambda _: 1000)
        (one,) = measured = ran(CASE, wall=0.2)
        count_runs(replace(counter(), limit=60), runner, RULES, measured)
        assert (runner.commands, one.counts) == ([], {})
        assert one.notes == ["no instructions: counting takes about 80 s; --counts does it"]
        count_runs(replace(counter(), limit=90), runner, RULES, measured)
        assert set(one.counts) == {"old", "new"}

    def test_a_failure_becomes_a_note_and_other_benches_go_on(self) -> None:
        other = replace(CASE, name="other", commands={"old": ("old", "y"), "new": ("new", "y")})
        measured, runner = ran(CASE, other), FakeRunner()
        runner.on("*valgrind* new x", finished(stderr="Unrecognised instruction", exit_code=-4))
        runner.on("*valgrind*", lambda command: callgrind(command, 10))
        count_runs(counter(), runner, RULES, measured)
        assert measured[0].notes == ["no instructions of new: callgrind failed: signal 4: Unrecognised instruction"]
        assert not [row for row in rows_of(measured[:1])[0] if row.mode is Mode.COUNTED]
        assert set(measured[1].counts) == {"old", "new"}

    def test_the_log_says_why(self) -> None:
        def fails(command: Command) -> Finished:
            (log,) = (word.partition("=")[2] for word in command.argv if word.startswith("--log-file="))
            Path(log).write_text("==7== Callgrind\n==7== the reason\n\n")
            return finished(exit_code=1)

        measured = ran()
        count_runs(counter(), FakeRunner().on("*", fails), RULES, measured)
        assert measured[0].notes[0].endswith(": callgrind failed: exit code 1: ==7== the reason")

    def test_what_takes_too_long_is_given_up(self) -> None:
        measured = ran()

        def endless(command: Command) -> Finished:
            return replace(callgrind(command, 10), exit_code=-9, timed_out=True, wall=90.0)

        count_runs(counter(), FakeRunner().on("*", endless), RULES, measured)
        assert ": callgrind failed: no end after 90 s" in measured[0].notes[0]

    def test_the_programs_own_exit_code_does_not_matter(self) -> None:
        runner = FakeRunner().on("*", lambda command: replace(callgrind(command, 10), exit_code=1))
        measured = ran()
        count_runs(counter(), runner, replace(RULES, ignore_failure=True), measured)
        assert measured[0].counts == {name: [Count(instructions=10, cycles=20)] * 2 for name in ("old", "new")}

    def test_an_interrupt_keeps_what_is_there(self) -> None:
        def new(_: Command) -> Finished:
            raise KeyboardInterrupt

        runner = FakeRunner().on("* new x", new).on("*", lambda command: callgrind(command, 10))
        measured = ran()
        count_runs(counter(), runner, RULES, measured)
        assert measured[0].counts == {}
        assert not [row for row in rows_of(measured)[0] if row.mode is Mode.COUNTED]

    def test_failed_identical_and_self_timed_benches_are_not_counted(self) -> None:
        runner = FakeRunner().on("*", finished(wall=0.1))
        failed = BenchRuns(case=CASE, runs={"old": Runs(command="old")}, series={"new": []}, failure="new fails")
        identical = ran(replace(CASE, identical=frozenset({"new"})))
        timed = ran(replace(CASE, reported=lambda _: 1.0))
        count_runs(counter(), runner, RULES, [failed, *identical, *timed])
        assert runner.commands == []

    def test_helpers_run_around_these_runs_too(self) -> None:
        runner = counting_runner(lambda _: 10).on("*", finished())
        rules = replace(RULES, setup=(("setup",),), prepare=(("prepare",),), cleanup=(("cleanup",),))
        count_runs(counter(), runner, rules, ran())
        words = ["valgrind" if "valgrind" in line else line for line in runner.lines]
        assert words == ["setup"] * 2 + ["prepare", "valgrind"] * 4 + ["cleanup"] * 2

    def test_a_helper_that_fails_is_a_note(self) -> None:
        runner = FakeRunner().on("prepare", finished(exit_code=3))
        measured = ran()
        count_runs(counter(), runner, replace(RULES, prepare=(("prepare",),)), measured)
        assert measured[0].notes == ["no instructions: the --prepare command fails: exit code 3"]

    def test_counters_that_have_gone_are_told(self) -> None:
        runner = FakeRunner().on("*", MissingError("cannot run 'valgrind': not found"))
        with pytest.raises(MissingError):
            count_runs(counter(), runner, RULES, ran())


def test_helpers_that_fail_before_the_runs_are_the_callers_mistake() -> None:
    runner = FakeRunner().on("setup", finished(exit_code=3))
    with pytest.raises(InputError, match="the --setup command fails"):
        PairedBench(runner, replace(RULES, setup=(("setup",),))).measure((CASE,), lambda _: None)
