"""What ``cargo test`` and nextest say, test by test."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fakes.runner import FakeRunner, finished
from tests.fakes.values import FAT, TODAY
from trimtab.cargo.project import Project
from trimtab.cargo.tests import ProjectTests, TestResult, libtest_run, nextest_run
from trimtab.model.plan import Selection

STDERR = """\
    Finished `release` profile [optimized] target(s) in 0.00s
     Running unittests src/lib.rs (target/release/deps/words-0123456789abcdef)
     Running tests/cli.rs (target/release/deps/cli-fedcba9876543210)
error: test failed, to rerun pass `--test cli`
   Doc-tests words
error: 1 target failed:
    `--test cli`
"""
STDOUT = """\

running 2 tests
test tests::counts ... ok
test tests::slow ... ignored, takes an hour

test result: ok. 1 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s


running 2 tests
test prints ... ok
test fails ... FAILED

failures:

---- fails stdout ----

thread 'fails' (17) panicked at tests/cli.rs:3:5:
no


failures:
    fails

test result: FAILED. 1 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s


running 1 test
test src/lib.rs - words (line 3) ... ok

test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.10s

"""
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
────────────
     Summary [   0.130s] 3 tests run: 1 passed, 2 failed, 1 skipped
error: test run failed
"""


def test_libtest_is_read_by_target_and_test() -> None:
    run = libtest_run(finished(STDOUT, stderr=STDERR, exit_code=101))
    panic = ("thread 'fails' (17) panicked at tests/cli.rs:3:5:", "no")
    assert run.tests == {
        ("unittests src/lib.rs (words)", "tests::counts"): TestResult(outcome="ok"),
        ("unittests src/lib.rs (words)", "tests::slow"): TestResult(outcome="ignored"),
        ("tests/cli.rs (cli)", "prints"): TestResult(outcome="ok"),
        ("tests/cli.rs (cli)", "fails"): TestResult(outcome="FAILED", said=panic),
        ("Doc-tests words", "src/lib.rs - words (line 3)"): TestResult(outcome="ok"),
    }
    assert (run.exit_code, run.failure) == (101, "")


def test_a_harness_of_its_own_has_no_block() -> None:
    run = libtest_run(
        finished(STDOUT, stderr=f"{STDERR}     Running tests/own.rs (target/release/deps/own-0123456789abcdef)\n")
    )
    assert {target for target, _ in run.tests} == {"target 1", "target 2", "target 3"}


def test_tests_that_cannot_be_built() -> None:
    stderr = "error[E0425]: cannot find value `x` in this scope\nerror: could not compile `words` (lib test)\n"
    run = libtest_run(finished(stderr=stderr, exit_code=101))
    assert run.tests == {}
    assert run.failure == "error[E0425]: cannot find value `x` in this scope"


def test_tests_that_do_not_end() -> None:
    run = libtest_run(finished(exit_code=-9, timed_out=True, wall=60))
    assert run.failure == "no end after 60 s"


def test_nextest_is_read_by_target_and_test() -> None:
    run = nextest_run(finished(stderr=NEXTEST, exit_code=100))
    assert {key: result.outcome for key, result in run.tests.items()} == {
        ("words", "tests::slow"): "ignored",
        ("words", "tests::counts"): "ok",
        ("words::cli", "fails"): "FAILED",
        ("words::cli", "crashes"): "SIGSEGV",
    }


@pytest.mark.parametrize("nextest", [False, True])
def test_settings_come_from_outside(tmp_path: Path, nextest: bool) -> None:
    runner = FakeRunner().on("cargo *", finished(STDOUT, stderr=STDERR, exit_code=101))
    project = Project(
        root=tmp_path, packages=("words",), defaults=("words",), binaries=(), default_run="",
        target_directory=tmp_path / "target", has_bench_targets=False,
    )  # fmt: skip
    tests = ProjectTests(
        runner=runner, project=project, selection=Selection(packages=("words",), profile="dist"), today=TODAY,
        rustflags=(), environment={}, work=tmp_path / "work", jobs=2, timeout=60.0, nextest=nextest,
    )  # fmt: skip
    tests.run(FAT, "target/base")
    (command,) = runner.commands
    words = " ".join(command.argv)
    assert words.startswith("cargo nextest run " if nextest else "cargo test --frozen --no-fail-fast --profile dist")
    assert f"{'--cargo-profile' if nextest else '--profile'} dist" in words
    assert "--package words" in words
    assert 'profile.dist.lto="fat"' in words
    assert command.environment["CARGO_TARGET_DIR"] == str(tmp_path / "work" / "target" / "base")
    assert command.cwd == tmp_path
