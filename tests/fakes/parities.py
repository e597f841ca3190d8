"""A parity report with everything that one can have."""

from __future__ import annotations

from dataclasses import replace

from tests.fakes.values import a_full_study
from trimtab.commands.parity.model import BehaviourDifference, End, Ending, LineChange, Parity, SetAside
from trimtab.commands.parity.summary import InputResult, summed

FINE = End(ending=Ending.EXIT, exit_code=0)
FOUND = End(ending=Ending.EXIT, exit_code=1)
PANIC = End(ending=Ending.PANIC, exit_code=101, message="thread 'main' panicked at src/main.rs:3:5:")
STOPPED = End(ending=Ending.TIMEOUT, exit_code=None)


def judged(name: str, project: str, base: End, head: End, *changes: LineChange, stable: bool = True) -> InputResult:
    """An input on which the two differ."""
    difference = BehaviourDifference(input=name, project=project, base=base, head=head, changes=changes, stable=stable)
    return InputResult(input=name, project=project, base=base, head=head, difference=difference)


def same(name: str, project: str, end: End = FINE) -> InputResult:
    """An input on which they agree."""
    return InputResult(input=name, project=project, base=end, head=end)


def a_full_parity() -> Parity:
    """Two checks, and the project's own tests."""
    found = LineChange(
        where="stdout",
        removed=("requests/api.py:3:5: F401 [*] `os` imported but unused", "Found 1 error."),
        added=(
            "requests/api.py:3:5: F401 [*] `os` imported but unused; consider `importlib`",
            "requests/api.py:9:1: E501 Line too long (130 > 120)",
            "Found 2 errors.",
        ),
    )
    flaky = replace(
        same("flask/app.py", "flask"),
        flaky=SetAside(input="flask/app.py", project="flask", reason="base does not agree with itself: stderr"),
    )
    stopped = replace(
        same("@octocat/big.py", "@octocat", STOPPED),
        not_compared=SetAside(input="@octocat/big.py", project="@octocat", reason="time-out on both sides"),
    )
    lint = summed(
        "lint",
        ("{bin}", "check", "{input}"),
        [
            judged("requests/api.py", "requests", FOUND, FOUND, found),
            same("requests/_types.py", "requests"),
            judged(
                "flask/cli.py",
                "flask",
                FINE,
                PANIC,
                LineChange(where="stderr", added=("thread 'main' panicked at src/main.rs:3:5:", "a ``` b | <c>")),
                LineChange(where="file flask/cli.py", remark="removed by head only"),
                stable=False,
            ),
            judged("flask/`x`.py", "flask", FINE, STOPPED),
            judged("@octocat/a.py", "@octocat", FINE, FOUND, LineChange(where="ending", remark="odd")),
            flaky,
            stopped,
        ],
    )
    smoke = summed("version", ("{bin}", "--version"), [same("version", "version")])
    failed = LineChange(where="test", removed=("test tests::adds ... ok",), added=("test tests::adds ... FAILED", "no"))
    tests = summed(
        "cargo test",
        ("cargo", "test"),
        [judged("tests::adds", "unittests src/lib.rs (app)", FINE, PANIC, failed), same("tests::x", "Doc-tests app")],
    )
    return Parity(
        base="release",
        head="dist",
        identical=False,
        checks=(lint, smoke, tests),
        machine=a_full_study().machine,
        seconds=12.3,
        notes=("cargo nextest compared nothing: no reason",),
        command="trimtab parity release dist",
    )
