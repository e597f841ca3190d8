"""A project's own tests under a profile: run in a copy of its tree, and read test by test.

Sources for the formats: libtest's pretty output (``library/test/src/formatters/pretty.rs``), Cargo's status lines, and
nextest's (``nextest-runner``, ``reporter/displayer``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from trimtab.cargo import messages
from trimtab.cargo.environment import building
from trimtab.cargo.project import Project
from trimtab.cargo.rustflags import adding
from trimtab.cargo.settings import profile_arguments, selection_arguments
from trimtab.cargo.toolchain import complaint
from trimtab.model.plan import Selection
from trimtab.model.profile import Profile
from trimtab.process import WORK_VARIABLE, Command, Finished, Runner, kill_leftovers

_TARGET = re.compile(r"^\s+(?:Running (?P<what>.+) \((?P<path>[^()]+)\)|(?P<doc>Doc-tests \S+))$")
_BLOCK = re.compile(r"^running \d+ tests?$")
_TEST = re.compile(r"^test (?P<name>.+?) \.\.\. (?P<outcome>ok|FAILED|ignored)\b")
_SECTION = re.compile(r"^---- (?P<name>.+) stdout ----$")
_HASH = re.compile(r"-[0-9a-f]{16}$")
_NEXTEST = re.compile(r"^\s*(?P<outcome>[A-Z]+)\s+\[[^\]]*\]\s+(?:\([^()]*/[^()]*\)\s+)?(?P<name>\S.*\S)\s*$")
_NEXTEST_ENDS = {"PASS": "ok", "LEAK": "ok", "FAIL": "FAILED"}
_NEXTEST_MEANWHILE = ("SLOW", "START", "RETRY", "TERMINATING", "KILLING")
_SHOWN_LINES = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class TestResult:
    """What became of one test."""

    __test__ = False  # for pytest

    outcome: str
    """``ok``, ``FAILED``, ``ignored``, or a signal's name."""
    said: tuple[str, ...] = ()
    """The first lines that a failed one printed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TestRun:
    """All tests of a project, run once."""

    __test__ = False

    exit_code: int
    tests: Mapping[tuple[str, str], TestResult]
    """By test target and name."""
    failure: str = ""
    """Why none was run, if the tests could not be built."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ProjectTests:
    """The tests of a project, in a copy of its tree, since tests write where they like."""

    __test__ = False

    runner: Runner
    project: Project
    """The copy."""
    selection: Selection
    today: Profile
    rustflags: tuple[str, ...]
    """The compiler flags in force today."""
    environment: Mapping[str, str]
    work: Path
    jobs: int | None
    timeout: float
    """Seconds for building and running them all."""
    nextest: bool = False

    def run(self, profile: Profile, folder: str) -> TestRun:
        """Build the tests with a profile and run them all.

        Args:
            profile: the settings. Cargo itself sees to it that ``panic`` stays ``unwind`` for tests.
            folder: a target directory in the work folder; what was built there before is used again.
        """
        selection, words = self.selection, selection_arguments(self.selection, ())
        if self.nextest:  # which means something else by --profile
            words = tuple("--cargo-profile" if word == "--profile" else word for word in words)
        finished = self.runner.run(
            Command(
                argv=(
                    *(("cargo", "nextest", "run", *_NEXTEST_OPTIONS) if self.nextest else ("cargo", "test")),
                    *("--frozen", "--no-fail-fast"),
                    *words,
                    *(word for package in selection.packages for word in ("--package", package)),
                    *(("--jobs" if not self.nextest else "--build-jobs", str(self.jobs)) if self.jobs else ()),
                    *profile_arguments(profile, self.today, selection.profile),
                ),
                cwd=self.project.root,
                environment={
                    **building(self.environment, self.work / folder),
                    **adding(profile.rustflags, self.rustflags),
                    **dict.fromkeys(("RUST_BACKTRACE", "RUST_LIB_BACKTRACE"), "0"),
                    WORK_VARIABLE: str(self.work),
                },
                timeout=self.timeout,
            )
        )
        kill_leftovers(self.work)
        return nextest_run(finished) if self.nextest else libtest_run(finished)


_NEXTEST_OPTIONS = ("--status-level=all", "--final-status-level=none", "--failure-output=never", "--no-tests=pass")


def has_nextest(runner: Runner, environment: Mapping[str, str]) -> bool:
    """Whether ``cargo nextest`` is installed."""
    return runner.run(Command(argv=("cargo", "nextest", "--version"), environment=environment)).ok


def libtest_run(finished: Finished) -> TestRun:
    """What ``cargo test`` says. Targets with a harness of their own are known by the exit code alone."""
    targets = [match for match in map(_TARGET.match, finished.stderr.splitlines()) if match]
    if not finished.ok and not targets:
        return TestRun(exit_code=finished.exit_code, tests={}, failure=_failure(finished))
    blocks = _blocks(finished.stdout)
    # Names of targets stand on the other stream; one without a block is a harness of its own.
    fit = len(targets) == len(blocks)
    labels = [_label(match) for match in targets] if fit else [f"target {number + 1}" for number in range(len(blocks))]
    tests = {
        (label, name): result for label, block in zip(labels, blocks, strict=True) for name, result in _tests(block)
    }
    return TestRun(exit_code=finished.exit_code, tests=tests)


def nextest_run(finished: Finished) -> TestRun:
    """What ``cargo nextest run`` says, which puts each test in a process of its own."""
    tests: dict[tuple[str, str], TestResult] = {}
    for match in map(_NEXTEST.match, finished.stderr.splitlines()):
        if not match or match["outcome"] in _NEXTEST_MEANWHILE:
            continue
        target, _, name = match["name"].rpartition(" ")
        outcome = "ignored" if match["outcome"] == "SKIP" else _NEXTEST_ENDS.get(match["outcome"], match["outcome"])
        tests[target, name] = TestResult(outcome=outcome)
    failure = _failure(finished) if not finished.ok and not tests else ""
    return TestRun(exit_code=finished.exit_code, tests=tests, failure=failure)


def _failure(finished: Finished) -> str:
    if finished.timed_out or finished.flooded:
        return finished.ended
    found = messages.failure(
        finished.stderr, finished.exit_code, timed_out=False, oom_killed=finished.oom_killed, wall=finished.wall
    )
    return found.message or complaint(finished)


def _blocks(stdout: str) -> list[list[str]]:
    """The lines of each test target."""
    blocks: list[list[str]] = []
    for line in stdout.splitlines():
        if _BLOCK.match(line):
            blocks.append([])
        elif blocks:
            blocks[-1].append(line)
    return blocks


def _label(match: re.Match[str]) -> str:
    if match["doc"]:
        return match["doc"]
    return f"{match['what']} ({_HASH.sub('', Path(match['path']).name)})"


def _tests(lines: list[str]) -> Iterator[tuple[str, TestResult]]:
    said = _sections(lines)
    for match in map(_TEST.match, lines):
        if match:
            name = match["name"]
            yield name, TestResult(outcome=match["outcome"], said=said.get(name, ()))


def _sections(lines: list[str]) -> dict[str, tuple[str, ...]]:
    """What failed tests printed, the first lines of it."""
    found: dict[str, list[str]] = {}
    current: list[str] = []
    for line in lines:
        if match := _SECTION.match(line):
            current = found.setdefault(match["name"], [])
        elif line == "failures:":
            current = []
        elif line.strip():
            current.append(line)
    return {name: tuple(said[:_SHOWN_LINES]) for name, said in found.items()}
