"""What ``cargo test`` and nextest say, test by test."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.fakes.runner import FakeRunner, finished
from tests.fakes.values import FAT, TODAY
from trimtab.cargo.calls import Calls
from trimtab.cargo.project import Project
from trimtab.commands.parity import cargo_test as cargo_testing
from trimtab.commands.parity.cargo_test import cargo_tests
from trimtab.commands.parity.model import Ending
from trimtab.commands.parity.project_tests import ProjectTests, TestResult, TestRun, libtest_run, nextest_run
from trimtab.commands.parity.summary import InputResult, summed
from trimtab.model.plan import Selection

SAID = """\
    Finished `release` profile [optimized] target(s) in 0.00s
     Running unittests src/lib.rs (target/release/deps/words-0123456789abcdef)

running 2 tests
test tests::counts ... ok
test tests::slow ... ignored, takes an hour

test result: ok. 1 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s

     Running tests/cli.rs (target/release/deps/cli-fedcba9876543210)

running 2 tests
test prints ... ok
test fails ... FAILED

failures:

---- fails stdout ----
running 1 test
test within ... ok

test result: ok. 1 passed

thread 'fails' (17) panicked at tests/cli.rs:3:5:
no


failures:
    fails

test result: FAILED. 1 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s

error: test failed, to rerun pass `--test cli`
     Running tests/mine.rs (target/release/deps/mine-0123456789abcdef)
a harness of its own
   Doc-tests words

running 1 test
test src/lib.rs - words (line 3) ... ok

test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.10s


running 1 test
test src/lib.rs - words (line 9) - compile fail ... ok

test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.10s

error: 1 target failed:
    `--test cli`
"""
DIED = """\
     Running unittests src/lib.rs (target/release/deps/words-0123456789abcdef)

running 3 tests
test a ... ok
test b ... error: test failed, to rerun pass `--lib`

Caused by:
  process didn't exit successfully: `/tmp/deps/words-0123456789abcdef --test-threads 1` (signal: 11, SIGSEGV: invalid memory reference)
     Running tests/own.rs (target/release/deps/own-0123456789abcdef)
hello
error: test failed, to rerun pass `--test own`

Caused by:
  process didn't exit successfully: `/tmp/deps/own-0123456789abcdef` (exit status: 3)
     Running tests/early.rs (target/release/deps/early-0123456789abcdef)
error: test failed, to rerun pass `--test early`
error: 3 targets failed:
"""  # noqa: E501 - as Cargo says it
NEXTEST = """\
    Finished `release` profile [optimized] target(s) in 0.05s
────────────
 Nextest run ID 9b8e1c5e with nextest profile: default
    Starting 4 tests across 2 binaries
        SKIP [         ] (  -/  4) words tests::slow
        PASS [   0.003s] (  1/  4) words tests::counts
        FAIL [   0.004s] words::cli fails
        SLOW [> 60.000s] words::cli takes_long
     SIGSEGV [   0.120s] (3/4) words::cli crashes
  TRY 1 FAIL [   0.004s] (3/9) words::cli fails_at_first
  TRY 1 SLOW [> 60.000s] (───) words::cli fails_at_first
  DELAY 2/3  [   1.000s] (───) words::cli fails_at_first
 TRY 2 START [         ] (───) words::cli fails_at_first
  TRY 2 PASS [   0.004s] (4/9) words::cli fails_at_first
  TRY 1 SEGV [   0.004s] (4/9) words::cli dies
  TRY 2 SEGV [   0.004s] (5/9) words::cli dies
   LEAK-FAIL [   0.004s] (6/9) words::cli leaks
TIMEOUT-PASS [   0.004s] (7/9) words::cli may_take_long
 FAIL + LEAK [   0.004s] (8/9) words::cli fails_and_leaks
 TRY 3 FL+LK [   0.004s] (8/9) words::cli fails_and_leaks_again
   TRY 3 TMT [   0.004s] (9/9) words::cli hangs
  SETUP PASS [   0.004s] (1/1) my-script: run it
────────────
     Summary [   0.130s] 3 tests run: 1 passed, 2 failed, 1 skipped
error: test run failed
"""


CLI, LIB, DOC, MINE = "tests/cli.rs (cli)", "unittests src/lib.rs (words)", "Doc-tests words", "tests/mine.rs (mine)"
OWN, EARLY = "tests/own.rs (own)", "tests/early.rs (early)"


def test_libtest_is_read_by_target_and_test() -> None:
    run = libtest_run(finished(SAID, exit_code=101))
    printed = (
        "running 1 test",
        "test within ... ok",
        "test result: ok. 1 passed",
        "thread 'fails' (17) panicked at tests/cli.rs:3:5:",
        "no",
    )
    assert run.tests == {
        (LIB, "tests::counts"): TestResult(outcome="ok"),
        (LIB, "tests::slow"): TestResult(outcome="ignored"),
        (CLI, "prints"): TestResult(outcome="ok"),
        (CLI, "fails"): TestResult(outcome="FAILED", output=printed),
        (DOC, "src/lib.rs - words (line 3)"): TestResult(outcome="ok"),
        (DOC, "src/lib.rs - words (line 9) - compile fail"): TestResult(outcome="ok"),
    }
    assert (run.exit_code, run.failure) == (101, "")
    assert {label: one.outcome for label, one in run.targets.items()} == {
        LIB: "ok", CLI: "FAILED", MINE: "ok", DOC: "ok",
    }  # fmt: skip
    assert run.unlisted == {MINE}
    assert not run.died


def test_targets_that_died() -> None:
    run = libtest_run(finished(DIED, exit_code=101))
    assert run.tests == {(LIB, "a"): TestResult(outcome="ok")}
    assert {label: one.outcome for label, one in run.targets.items()} == {
        LIB: "signal: 11, SIGSEGV: invalid memory reference", OWN: "exit status: 3", EARLY: "FAILED",
    }  # fmt: skip
    assert LIB in run.died


def test_targets_of_one_name_are_told_apart() -> None:
    run = libtest_run(finished(SAID + SAID))
    assert (CLI, "fails") in run.tests
    assert (f"{CLI} #2", "fails") in run.tests


def test_tests_that_cannot_be_built() -> None:
    stderr = "error[E0425]: cannot find value `x` in this scope\nerror: could not compile `words` (lib test)\n"
    run = libtest_run(finished(stderr, exit_code=101))
    assert run.tests == {}
    assert run.failure == "error[E0425]: cannot find value `x` in this scope"


def test_tests_that_do_not_end() -> None:
    for text in ("", SAID):
        run = libtest_run(finished(text, exit_code=-9, timed_out=True, wall=60))
        assert run.failure == "no end after 60 s"
    assert nextest_run(finished(stderr=NEXTEST, exit_code=-9, timed_out=True, wall=60)).failure == "no end after 60 s"


def test_nextest_is_read_by_target_and_test() -> None:
    run = nextest_run(finished(stderr=NEXTEST, exit_code=100))
    assert {key: result.outcome for key, result in run.tests.items()} == {
        ("words", "tests::slow"): "ignored",
        ("words", "tests::counts"): "ok",
        ("words::cli", "fails"): "FAILED",
        ("words::cli", "crashes"): "SIGSEGV",
        ("words::cli", "fails_at_first"): "ok",
        ("words::cli", "dies"): "SIGSEGV",
        ("words::cli", "leaks"): "FAILED",
        ("words::cli", "may_take_long"): "ok",
        ("words::cli", "fails_and_leaks"): "FAILED",
        ("words::cli", "fails_and_leaks_again"): "FAILED",
        ("words::cli", "hangs"): "TIMEOUT",
    }


@pytest.mark.parametrize("nextest", [False, True])
def test_settings_come_from_outside(tmp_path: Path, nextest: bool) -> None:
    runner = FakeRunner().on("*cargo *", finished(SAID, exit_code=101))
    project = Project(
        root=tmp_path, folder=tmp_path, packages=("words",), defaults=("words",), binaries=(),
        target_directory=tmp_path / "target", has_bench_targets=False,
    )  # fmt: skip
    calls = Calls(
        runner=runner, project=project, selection=Selection(packages=("words",), profile="dist"), today=TODAY,
        rustflags=(), environment={}, work=tmp_path / "work", jobs=2, timeout=60.0,
    )  # fmt: skip
    ProjectTests(calls=calls, nextest=nextest).run(FAT, "target/base")
    (command,) = runner.commands
    words = " ".join(command.argv).removeprefix('sh -c exec "$@" 2>&1 sh ')
    assert words.startswith("cargo nextest run " if nextest else "cargo test --frozen --no-fail-fast ")
    assert f"{'--build-jobs' if nextest else '--jobs'} 2" in words
    assert f"{'--cargo-profile' if nextest else '--profile'} dist" in words
    assert "--package words" in words
    assert 'profile.dist.lto="fat"' in words
    assert command.environment["CARGO_TARGET_DIR"] == str(tmp_path / "work" / "target" / "base")
    assert command.cwd == tmp_path


def ran(exit_code: int = 0, *, targets: dict[str, str] | None = None, **tests: str) -> TestRun:
    """A run with tests of one target, and how others ended."""
    return TestRun(
        exit_code=exit_code,
        tests={(LIB, name): TestResult(outcome=outcome) for name, outcome in tests.items()},
        targets={label: TestResult(outcome=outcome) for label, outcome in (targets or {}).items()},
        unlisted=frozenset({OWN}),
        died=frozenset(label for label, outcome in (targets or {}).items() if outcome.startswith("signal")),
    )


def differing(base: TestRun, head: TestRun, *, same_sources: bool = False) -> list[tuple[str, str]]:
    found = cargo_testing._judged(base, head, same_sources=same_sources)
    return [(one.project, one.input) for one in found if one.difference]


SEGV = "signal: 11, SIGSEGV: invalid memory reference"


class TestComparing:
    """With an old failing test in base, the exit codes are alike."""

    @pytest.mark.parametrize("same_sources", [False, True])
    def test_a_target_that_died_and_the_tests_that_vanished_with_it(self, same_sources: bool) -> None:
        base = ran(101, targets={LIB: "FAILED"}, old="FAILED", fine="ok")
        head = ran(101, targets={LIB: SEGV}, old="FAILED")
        assert differing(base, head, same_sources=same_sources) == [(LIB, "fine"), (LIB, "as a whole")]
        judged = cargo_testing._judged(base, head, same_sources=False)
        lost, whole = (one.difference for one in judged if one.difference)
        assert (lost.head.summary, whole.head.ending, whole.head.summary) == ("not run", Ending.SIGNAL, SEGV)

    def test_a_harness_of_its_own(self) -> None:
        base = ran(101, targets={LIB: "FAILED", OWN: "ok"}, old="FAILED")
        assert differing(base, ran(101, targets={LIB: "FAILED", OWN: "exit status: 3"}, old="FAILED")) == [
            (OWN, "as a whole")
        ]
        both = list(cargo_testing._judged(base, base, same_sources=True))
        assert [(one.project, one.input) for one in both] == [(LIB, "old"), (OWN, "as a whole")]

    def test_a_failed_test_is_not_counted_twice(self) -> None:
        base = ran(targets={LIB: "ok"}, test="ok")
        assert differing(base, ran(101, targets={LIB: "FAILED"}, test="FAILED")) == [(LIB, "test")]

    def test_a_test_of_one_revision_only_is_no_difference(self) -> None:
        base = ran(targets={LIB: "ok"}, test="ok", old="ok")
        assert differing(base, ran(targets={LIB: "ok", OWN: "ok"}, test="ok", new="ok")) == []

    def test_exit_codes_that_nothing_explains(self) -> None:
        assert differing(ran(test="ok"), ran(101, test="ok")) == [("all tests", "all tests")]

    def test_a_run_without_end(self) -> None:
        head = replace(ran(-9, test="ok"), failure="no end after 60 s")
        (one,) = cargo_testing._judged(ran(test="ok"), head, same_sources=True)
        assert one.difference
        assert one.difference.changes[0].remark == "head's tests did not run to their end: no end after 60 s"


@pytest.mark.parametrize("judged", [[], [InputResult(input="a", project=LIB, base=None, head=None)]])
def test_no_test_in_common_is_a_note_and_no_pass(monkeypatch: pytest.MonkeyPatch, judged: list[InputResult]) -> None:
    monkeypatch.setattr(cargo_testing, "has_nextest", lambda *_: False)
    monkeypatch.setattr(cargo_testing, "_result", lambda name, *_, **__: summed(name, ("cargo", "test"), judged))
    side: Any = (SimpleNamespace(runner=None, environment={}), TODAY)
    results, notes = cargo_tests(side, side, lambda _: None)
    assert len(results) == len(judged)
    assert notes == ([] if judged else ["cargo test compared nothing: there is no test that both sides have"])


class TestRepeating:
    @staticmethod
    def repeated(old: str, new: str, old_again: str, new_again: str) -> InputResult:
        base, head = ran(test=old), ran(test=new)
        judged = list(cargo_testing._judged(base, head, same_sources=True))
        (one,) = cargo_testing._repeated(judged, base, head, ran(test=old_again), ran(test=new_again))
        return one

    def test_a_difference_that_stays(self) -> None:
        found = self.repeated("ok", "FAILED", "ok", "FAILED").difference
        assert found
        assert found.stable

    def test_a_side_that_does_not_agree_with_itself(self) -> None:
        for side, again in (("base", ("FAILED", "FAILED")), ("head", ("ok", "ok"))):
            found = self.repeated("ok", "FAILED", *again)
            assert not found.difference
            assert found.flaky
            assert found.flaky.reason == f"{side} does not agree with itself"

    def test_a_head_that_never_does_as_base(self) -> None:
        found = self.repeated("ok", "FAILED", "ok", "ignored").difference
        assert found
        assert not found.stable

    def test_a_signal_need_not_come_back(self) -> None:
        found = self.repeated("ok", "SIGSEGV", "ok", "ok").difference
        assert found
        assert not found.stable

    def test_tests_that_never_come_to_their_end(self) -> None:
        endless = replace(ran(-9), failure="no end after 60 s")
        judged = list(cargo_testing._judged(ran(test="ok"), endless, same_sources=True))
        (one,) = cargo_testing._repeated(judged, ran(test="ok"), endless, ran(test="ok"), endless)
        assert one.difference
        assert one.difference.stable
