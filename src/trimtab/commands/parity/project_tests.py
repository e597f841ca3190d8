"""A project's own tests under a profile: run in a copy of its tree, and read test by test.

Cargo names each test target on standard error, and libtest prints its tests on standard output: both go to one file,
so that it is known which lines belong to which target.

Sources for the formats: libtest's pretty output (``library/test/src/formatters/pretty.rs``), Cargo's status lines and
errors (``src/cargo/ops/cargo_test.rs``), and nextest's (``nextest-runner``, ``reporter/displayer``).
"""

from __future__ import annotations

import re
import signal
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from trimtab.cargo import messages
from trimtab.cargo.calls import Calls
from trimtab.cargo.toolchain import complaint
from trimtab.model.profile import Profile
from trimtab.system.orphans import kill_leftovers
from trimtab.system.process import Command, Finished, Runner

_TARGET = re.compile(r"^\s+(?:Running (?P<what>.+?) \((?P<path>.+)\)|(?P<doc>Doc-tests \S+))$")
_BLOCK = re.compile(r"^running \d+ tests?$")
_TEST = re.compile(r"^test (?P<name>.+?) \.\.\. (?P<outcome>ok|FAILED|ignored)\b")
_SECTION = re.compile(r"^---- (?P<name>.+) stdout ----$")
_RESULT = re.compile(r"^test result: (?P<outcome>ok|FAILED)\. \d+ passed; \d+ failed; ")
_TARGET_FAILED = re.compile(r"error: (?:doc)?test failed, to rerun pass ")
"""Not always at the beginning of a line: where tests run one by one, the name of the one that died stands before it."""
_TARGET_DIED = re.compile(r"^\s*process didn't exit successfully: .* \((?P<how>[^()]+)\)$")
_HASH = re.compile(r"-[0-9a-f]{16}$")
_NEXTEST = re.compile(
    r"^\s*(?:TRY \d+ )?(?P<outcome>[A-Z][A-Z0-9+/ -]*?)\s+\[[^\]]*\]\s+(?:\([^()]*/[^()]*\)\s+)?(?P<name>\S.*\S)\s*$"
)
_NEXTEST_ENDS = {
    **dict.fromkeys(("PASS", "LEAK", "TIMEOUT-PASS", "TMPASS"), "ok"),
    **dict.fromkeys(("FAIL", "FAIL + LEAK", "FL+LK", "LEAK-FAIL", "LKFAIL"), "FAILED"),
    **{"SKIP": "ignored", "TMT": "TIMEOUT"},
}
_NEXTEST_MEANWHILE = re.compile(r"SLOW|START|RETRY|DELAY|TERMINATING|TRMNTG|KILL|SETUP|FLAKY")
_SHOWN_LINES = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class TestResult:
    """Outcome of one test."""

    __test__ = False  # for pytest

    outcome: str
    """``ok``, ``FAILED``, ``ignored``, or how else it ended."""
    output: tuple[str, ...] = ()
    """The first lines that a failed one printed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TestRun:
    """All tests of a project, run once."""

    __test__ = False

    exit_code: int
    tests: Mapping[tuple[str, str], TestResult]
    """By test target and name."""
    targets: Mapping[str, TestResult] = field(default_factory=dict)
    """Outcome of each test target, where the runner tells it."""
    unlisted: frozenset[str] = frozenset()
    """Targets with a harness of their own, which do not list their tests as Rust's does."""
    died: frozenset[str] = frozenset()
    """Targets that ended before all of their tests did."""
    failure: str = ""
    """Why not all were run: they cannot be built, or there is no end to them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ProjectTests:
    """The tests of a project, in a copy of its tree, since tests write where they like."""

    __test__ = False

    calls: Calls
    """Its project is the copy."""
    nextest: bool = False

    def run(self, profile: Profile, folder: str) -> TestRun:
        """Build the tests with a profile and run them all.

        Args:
            profile: the settings. Cargo itself sees to it that ``panic`` stays ``unwind`` for tests.
            folder: a target directory in the work folder; what was built there before is used again.
        """
        argv = (
            *(("cargo", "nextest", "run", *_NEXTEST_OPTIONS) if self.nextest else (*_ONE_FILE, "cargo", "test")),
            *("--frozen", "--no-fail-fast"),
        )
        command = self.calls.command(argv, profile, self.calls.work / folder)
        if self.nextest:
            command = replace(command, argv=tuple(_FOR_NEXTEST.get(argument, argument) for argument in command.argv))
        environment = {**command.environment, **dict.fromkeys(("RUST_BACKTRACE", "RUST_LIB_BACKTRACE"), "0")}
        finished = self.calls.runner.run(replace(command, environment=environment))
        kill_leftovers(self.calls.work)
        return nextest_run(finished) if self.nextest else libtest_run(finished)


_ONE_FILE = ("sh", "-c", 'exec "$@" 2>&1', "sh")
_FOR_NEXTEST = {"--profile": "--cargo-profile", "--jobs": "--build-jobs"}
"""Options of Cargo that mean something else to nextest."""
_NEXTEST_OPTIONS = ("--status-level=all", "--final-status-level=none", "--failure-output=never", "--no-tests=pass")


def has_nextest(runner: Runner, environment: Mapping[str, str]) -> bool:
    """Whether ``cargo nextest`` is installed."""
    return runner.run(Command(argv=("cargo", "nextest", "--version"), environment=environment)).ok


def libtest_run(finished: Finished) -> TestRun:
    """Read the output of ``cargo test``, both streams in one."""
    targets = list(_targets(finished.stdout.splitlines()))
    failure = ""
    if finished.timed_out or finished.flooded or (not finished.ok and not targets):
        failure = _failure(replace(finished, stderr=finished.stdout))
    return TestRun(
        exit_code=finished.exit_code,
        tests={(target.label, name): result for target in targets for name, result in target.tests.items()},
        targets={target.label: TestResult(outcome=target.outcome) for target in targets},
        unlisted=frozenset(target.label for target in targets if not target.listed),
        died=frozenset(target.label for target in targets if target.died),
        failure=failure,
    )


def nextest_run(finished: Finished) -> TestRun:
    """Read the output of ``cargo nextest run``, which has a process for each test; the last of its tries counts."""
    tests: dict[tuple[str, str], TestResult] = {}
    for match in map(_NEXTEST.match, finished.stderr.splitlines()):
        if not match or _NEXTEST_MEANWHILE.match(match["outcome"]):
            continue
        target, _, name = match["name"].rpartition(" ")
        tests[target, name] = TestResult(outcome=_nextest_outcome(match["outcome"]))
    failed = finished.timed_out or finished.flooded or (not finished.ok and not tests)
    return TestRun(exit_code=finished.exit_code, tests=tests, failure=_failure(finished) if failed else "")


def _nextest_outcome(status: str) -> str:
    """In the words of libtest; signals lose their first letters where there is more than one try."""
    if f"SIG{status}" in signal.Signals.__members__:
        return f"SIG{status}"
    return _NEXTEST_ENDS.get(status, status)


def _failure(finished: Finished) -> str:
    if finished.timed_out or finished.flooded:
        return finished.ended
    failure = messages.failure(
        finished.stderr, finished.exit_code, timed_out=False, oom_killed=finished.oom_killed, wall=finished.wall
    )
    return failure.message or complaint(finished)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Target:
    """Output of a test target."""

    label: str
    tests: Mapping[str, TestResult]
    outcome: str
    """``ok``, ``FAILED``, or how else it ended."""
    listed: bool
    """Whether its tests are."""
    died: bool
    """Whether it did not come to its result."""


def _targets(lines: Iterable[str]) -> Iterator[_Target]:
    outputs: list[tuple[str, list[str]]] = []
    number = Counter[str]()
    for line in lines:
        if match := _TARGET.match(line):
            label = _label(match)
            number[label] += 1
            outputs.append((label if number[label] == 1 else f"{label} #{number[label]}", []))
        elif outputs:
            outputs[-1][1].append(line)
    return (_target(label, own) for label, own in outputs)


def _label(match: re.Match[str]) -> str:
    if match["doc"]:
        return match["doc"]
    return f"{match['what']} ({_HASH.sub('', Path(match['path']).name)})"


def _target(label: str, lines: Iterable[str]) -> _Target:
    """Read the lines of a target: libtest lists its tests, then what failed ones printed, then the result.

    What tests have printed can look like any of this. So there is one list, which ends with the first failure; only
    Rust's documentation may have several, one after the other.
    """
    tests, printed = dict[str, str](), list[str]()
    state, result, failed, death = "begun", "", False, ""
    for line in lines:
        if _BLOCK.match(line) and (state == "begun" or (state == "done" and label.startswith("Doc-tests"))):
            state = "listing"
        elif state == "listing" and (match := _TEST.match(line)):
            tests[match["name"]] = match["outcome"]
        elif state == "listing" and line == "failures:":
            state = "failures"
        elif state != "begun" and (match := _RESULT.match(line)):
            state, result = "done", match["outcome"]
        elif state == "failures":
            printed.append(line)
        elif _TARGET_FAILED.search(line):
            failed = True
        elif failed and (match := _TARGET_DIED.match(line)):
            death = match["how"]
    sections = _sections(printed)
    return _Target(
        label=label,
        tests={name: TestResult(outcome=outcome, output=sections.get(name, ())) for name, outcome in tests.items()},
        outcome=death or ("FAILED" if failed or result == "FAILED" else "ok"),
        listed=state != "begun",
        died=not result and (failed or bool(tests)),
    )


def _sections(lines: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """First lines of the output of failed tests, by test."""
    sections: dict[str, list[str]] = {}
    current: list[str] = []
    for line in lines:
        if match := _SECTION.match(line):
            current = sections.setdefault(match["name"], [])
        elif line == "failures:":
            current = []
        elif line.strip():
            current.append(line)
    return {name: tuple(lines[:_SHOWN_LINES]) for name, lines in sections.items()}
