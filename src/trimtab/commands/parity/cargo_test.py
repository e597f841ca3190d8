"""``cargo test``, and nextest where it is installed, as checks of parity between two builds of a project."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace

from trimtab.builders.work_folder import hold_workplace
from trimtab.cargo.sources import copy_sources
from trimtab.commands.parity.model import BehaviourDifference, CheckResult, End, Ending, LineChange, SetAside
from trimtab.commands.parity.normalise import without_process
from trimtab.commands.parity.project_tests import ProjectTests, TestResult, TestRun, has_nextest
from trimtab.commands.parity.summary import InputResult, summed
from trimtab.errors import InputError
from trimtab.experiment.exploration import Exploration
from trimtab.model.profile import Profile
from trimtab.units import printable

_ALL = "all tests"
_WHOLE = "as a whole"
"""Name of a test target as a test of its own: it died, or its harness does not list its tests."""
_ABSENT = TestResult(outcome="not run")
_FAILED = 101
"""Rust's exit code for a failed test."""
Side = tuple[Exploration, Profile]
"""The sources of a side and its profile."""


_TRAINED = (
    "tests are compiled with the trial's profile data: counts serve what is compiled as it ships, such as libraries; "
    "what is compiled as a test has other names of functions, and BOLT lays out no tests"
)


def cargo_tests(base: Side, head: Side, on_message: Callable[[str], None]) -> tuple[list[CheckResult], list[str]]:
    """Run a project's tests as both sides build it.

    Args:
        base: the baseline.
        head: the candidate.
        on_message: called with each line of progress.

    Returns:
        A result for each test runner, and notes on those that could not be used.
    """
    runner, environment = base[0].runner, base[0].environment
    results, notes = [], []
    if any(profile.is_trained for _, profile in (base, head)):
        notes.append(_TRAINED)
    for nextest in (False, *((True,) if has_nextest(runner, environment) else ())):
        name = "cargo nextest" if nextest else "cargo test"
        on_message(f"{name}: building and running the tests of both sides")
        try:
            result = _result(name, base, head, nextest=nextest)
            if not result.inputs:
                raise InputError("there is no test that both sides have")
            results.append(result)
        except InputError as error:
            notes.append(f"{name} compared nothing: {error.what}" + (f" ({error.where})" if error.where else ""))
    return results, notes


def _result(name: str, base: Side, head: Side, *, nextest: bool) -> CheckResult:
    with hold_workplace(base[0].folders.cache) as work:

        def run(side: Side, folder: str) -> TestRun:
            exploration, profile = side
            tree = work / "target" / "tree"
            shutil.rmtree(tree, ignore_errors=True)
            copy_sources(
                exploration.runner, exploration.project, tree, exploration.environment, exploration.folders.kept
            )
            for file, text in exploration.project.made_lock_text.items():
                (tree / file).write_text(text, "utf-8")
            calls = replace(exploration.calls(work), project=exploration.project.at(tree))
            return ProjectTests(calls=calls, nextest=nextest).run(profile, f"target/{folder}")

        old, new = run(base, "base"), run(head, "head")
        if old.failure:
            raise InputError(f"base's tests did not run to their end: {old.failure}")
        same_sources = base[0].sources.digest == head[0].sources.digest
        results = list(_judged(old, new, same_sources=same_sources))
        if any(result.difference for result in results):
            results = _repeated(results, old, new, run(base, "base"), run(head, "head"))
    return summed(name, tuple(name.split()), results)


def _repeated(
    results: list[InputResult], old: TestRun, new: TestRun, old_again: TestRun, new_again: TestRun
) -> list[InputResult]:
    """The same after all tests were run once more: without those of which a side does not agree with itself.

    A test that head's second run did as base is no difference, unless a signal ended the first one.
    """
    of_base, of_head, back = (_differ(*runs) for runs in ((old, old_again), (new, new_again), (old, new_again)))
    settled = []
    for result in results:
        key = result.project, result.input
        if not result.difference:
            settled.append(result)
        elif key in of_base:
            settled.append(_set_aside(result, "base"))
        elif key in of_head and key not in back and result.difference.head.ending is not Ending.SIGNAL:
            settled.append(_set_aside(result, "head"))
        else:
            settled.append(replace(result, difference=replace(result.difference, stable=key not in of_head)))
    return settled


def _differ(run: TestRun, again: TestRun) -> set[tuple[str, str]]:
    """The tests with another outcome in another run; all as one, if only one of them did not come to its end."""
    if run.failure or again.failure:
        return set() if run.failure and again.failure else {(_ALL, _ALL)}
    return {(result.project, result.input) for result in _judged(run, again, same_sources=True) if result.difference}


def _judged(base: TestRun, head: TestRun, *, same_sources: bool) -> Iterator[InputResult]:
    """Every test of both sides, and every target that does not list them, or fails by itself.

    A test that only one of two revisions has is no difference, unless its target died before it was run.
    """
    if head.failure:
        remark = f"head's tests did not run to their end: {head.failure}"
        yield _differing(_ALL, _ALL, _status(base), _status(head), LineChange(where="test", remark=remark))
        return
    differing = set[str]()
    lost = {key for key in base.tests.keys() - head.tests.keys() if key[0] in head.died}
    both = base.tests.keys() | head.tests.keys() if same_sources else (base.tests.keys() & head.tests.keys()) | lost
    for target, name in sorted(both):
        old, new = (run.tests.get((target, name), _ABSENT) for run in (base, head))
        if old.outcome == new.outcome:
            yield InputResult(input=name, project=target, base=_end(old), head=_end(new))
        else:
            differing.add(target)
            change = LineChange(where="test", removed=_lines(name, old), added=_lines(name, new))
            yield _differing(name, target, _end(old), _end(new), change)
    for target in sorted(base.targets.keys() & head.targets.keys()):
        old, new = base.targets[target], head.targets[target]
        if old.outcome != new.outcome and (target not in differing or target in base.died | head.died):
            differing.add(target)
            yield _differing(_WHOLE, target, _end(old), _end(new))
        elif target in base.unlisted & head.unlisted:
            yield InputResult(input=_WHOLE, project=target, base=_end(old), head=_end(new))
    if not differing and base.exit_code != head.exit_code:
        yield _differing(_ALL, _ALL, _status(base), _status(head))


def _status(run: TestRun) -> End:
    return End(ending=Ending.EXIT, exit_code=run.exit_code)


def _differing(name: str, target: str, base: End, head: End, *changes: LineChange) -> InputResult:
    difference = BehaviourDifference(input=name, project=target, base=base, head=head, changes=changes)
    return InputResult(input=name, project=target, base=base, head=head, difference=difference)


def _end(result: TestResult) -> End:
    if result.outcome == "ok":
        return End(ending=Ending.EXIT, exit_code=0)
    if result.outcome != "FAILED":
        signalled = result.outcome.lower().startswith("sig")
        return End(ending=Ending.SIGNAL if signalled else Ending.EXIT, exit_code=None, message=result.outcome)
    panic = next((line.strip() for line in result.output if "panicked at" in line), "")
    return End(ending=Ending.PANIC if panic else Ending.EXIT, exit_code=_FAILED, message=printable(panic))


def _lines(name: str, result: TestResult) -> tuple[str, ...]:
    printed = map(without_process, result.output)
    return (f"test {printable(name)} ... {result.outcome}", *map(printable, printed))


def _set_aside(result: InputResult, side: str) -> InputResult:
    reason = f"{side} does not agree with itself"
    return replace(result, difference=None, flaky=SetAside(input=result.input, project=result.project, reason=reason))
