"""``cargo test``, and nextest where it is installed, as checks of parity between two builds of a project."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace

from trimtab.analysis.normalise import without_process
from trimtab.analysis.parity import Judged, summed
from trimtab.api import Exploration
from trimtab.build.workplace import hold_workplace
from trimtab.cargo.sources import copy_sources
from trimtab.cargo.tests import ProjectTests, TestResult, TestRun, has_nextest
from trimtab.errors import InputError
from trimtab.model.parity import Change, CheckResult, Difference, End, Ending, Flaky
from trimtab.model.profile import Profile
from trimtab.units import printable

_ALL = "all tests"
_ABSENT = TestResult(outcome="not run")
_FAILED = 101
"""Rust's exit code for a failed test."""
Side = tuple[Exploration, Profile]
"""The sources of a side and its profile."""


def cargo_tests(base: Side, head: Side, told: Callable[[str], None]) -> tuple[list[CheckResult], list[str]]:
    """Run a project's tests as both sides build it.

    Args:
        base: the baseline.
        head: the candidate.
        told: is told what is being done.

    Returns:
        A result for each test runner, and notes on those that could not be used.
    """
    runner, environment = base[0].runner, base[0].environment
    results, notes = [], []
    for nextest in (False, *((True,) if has_nextest(runner, environment) else ())):
        name = "cargo nextest" if nextest else "cargo test"
        told(f"{name}: building and running the tests of both sides")
        try:
            results.append(_result(name, base, head, nextest=nextest))
        except InputError as error:
            notes.append(f"{name} was not run: {error.what}" + (f" ({error.where})" if error.where else ""))
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
            return ProjectTests(
                runner=exploration.runner,
                project=replace(exploration.project, root=tree),
                selection=exploration.plan.selection,
                today=exploration.today.profile,
                rustflags=exploration.rustflags,
                environment=exploration.environment,
                work=work,
                jobs=exploration.plan.jobs,
                timeout=exploration.plan.build_timeout,
                nextest=nextest,
            ).run(profile, f"target/{folder}")

        old, new = run(base, "base"), run(head, "head")
        if old.failure:
            raise InputError(f"base's tests cannot be built: {old.failure}")
        same_sources = base[0].sources.digest == head[0].sources.digest
        judged = list(_judged(old, new, same_sources=same_sources))
        if any(one.difference for one in judged):
            again = _judged(old, run(base, "base"), same_sources=True)
            unsure = {(one.project, one.input) for one in again if one.difference}
            judged = [_set_aside(one) if (one.project, one.input) in unsure else one for one in judged]
    return summed(name, tuple(name.split()), judged)


def _judged(base: TestRun, head: TestRun, *, same_sources: bool) -> Iterator[Judged]:
    """Every test of both sides; one that only one of two revisions has is no difference."""
    if head.failure:
        built = Change(where="test", remark=f"head's tests cannot be built: {head.failure}")
        yield _differing(_ALL, _ALL, _status(base), _status(head), built)
        return
    alike = True
    both = base.tests.keys() | head.tests.keys() if same_sources else base.tests.keys() & head.tests.keys()
    for target, name in sorted(both):
        old, new = (run.tests.get((target, name), _ABSENT) for run in (base, head))
        if old.outcome == new.outcome:
            yield Judged(input=name, project=target, base=_end(old), head=_end(new))
        else:
            alike = False
            change = Change(where="test", removed=_lines(name, old), added=_lines(name, new))
            yield _differing(name, target, _end(old), _end(new), change)
    if alike and base.exit_code != head.exit_code:  # a harness of its own, or a target that died
        yield _differing(_ALL, _ALL, _status(base), _status(head))


def _status(run: TestRun) -> End:
    return End(ending=Ending.EXIT, exit_code=run.exit_code)


def _differing(name: str, target: str, base: End, head: End, *changes: Change) -> Judged:
    difference = Difference(input=name, project=target, base=base, head=head, changes=changes)
    return Judged(input=name, project=target, base=base, head=head, difference=difference)


def _end(result: TestResult) -> End:
    if result.outcome == "ok":
        return End(ending=Ending.EXIT, exit_code=0)
    if result.outcome != "FAILED":
        signalled = result.outcome.startswith("SIG")
        return End(ending=Ending.SIGNAL if signalled else Ending.EXIT, exit_code=None, message=result.outcome)
    panic = next((line.strip() for line in result.said if "panicked at" in line), "")
    return End(ending=Ending.PANIC if panic else Ending.EXIT, exit_code=_FAILED, message=printable(panic))


def _lines(name: str, result: TestResult) -> tuple[str, ...]:
    said = map(without_process, result.said)
    return (f"test {printable(name)} ... {result.outcome}", *map(printable, said))


def _set_aside(judged: Judged) -> Judged:
    flaky = Flaky(input=judged.input, project=judged.project, reason="base does not agree with itself")
    return replace(judged, difference=None, flaky=flaky if judged.difference else None)
