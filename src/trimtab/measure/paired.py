"""Benches run in blocks: the baseline, a copy of it and every candidate, in random order, until all is decided.

The unit of evidence is the log ratio of a candidate's run and the baseline's run in one block; see
`trimtab.stats.sequence`. The copy, the *null control*, takes part in every second block: it shows what the machine's
noise looks like, and is never judged.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from trimtab.errors import InputError
from trimtab.measure.series import NULL, Case, Measured, new_series
from trimtab.measure.verdicts import verdicts_of
from trimtab.model.comparison import Runs, Sample, Verdict
from trimtab.process import Command, Finished, Runner

_FEWEST = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Rules:
    """How benches are run."""

    environment: Mapping[str, str]
    cwd: Path | None = None
    budget: float = 15.0
    """Seconds for each bench."""
    runs: int | None = None
    """Exactly so many blocks, whatever they say."""
    warmup: int = 1
    setup: tuple[str, ...] = ()
    """Before the first run of each command."""
    prepare: tuple[str, ...] = ()
    """Before each run."""
    cleanup: tuple[str, ...] = ()
    """After the last run of each command."""
    ignore_failure: bool = False
    timeout: float | None = None
    """Seconds for one run."""
    stdin: Path | None = None


class PairedBench:
    """Runs cases in turn, block by block, and stops each as soon as it is decided."""

    def __init__(self, runner: Runner, rules: Rules, clock: Callable[[], float] = time.monotonic) -> None:
        self._runner = runner
        self._rules = rules
        self._clock = clock
        self._order = random.Random()  # noqa: S311 - fair is enough; a fixed seed would repeat one order's luck

    def measure(self, cases: Sequence[Case], step: Callable[[Measured], None]) -> list[Measured]:
        """Run all cases to their verdicts or the end of their budgets. An interrupt ends the runs, not the report.

        Args:
            cases: what to run.
            step: is told after every block.

        Raises:
            InputError: a command cannot be prepared, or fails with the baseline.
        """
        measured = [self._begin(case) for case in cases]
        try:
            for one in measured:
                self._run(one, measured, step)
        except KeyboardInterrupt:
            if not any(runs.samples for one in measured for runs in one.runs.values()):
                raise
        finally:
            for one in measured:
                self._helper(one.case, "cleanup")
        return measured

    def _begin(self, case: Case) -> Measured:
        heads = [name for name in list(case.commands)[1:] if name not in case.identical]
        return Measured(
            case=case,
            runs={name: Runs(command=" ".join(command)) for name, command in case.commands.items()},
            series={name: new_series(case.smallest) for name in (*heads, NULL)},
        )

    def _run(self, one: Measured, everything: Sequence[Measured], step: Callable[[Measured], None]) -> None:
        if not one.heads:
            return
        self._helper(one.case, "setup")
        if not self._warm(one):
            return
        started, blocks = self._clock(), 0
        while not one.failure and not self._enough(one, everything, blocks, self._clock() - started):
            self._block(one, with_null=blocks % 2 == 0)
            blocks += 1
            step(one)

    def _enough(self, one: Measured, everything: Sequence[Measured], blocks: int, seconds: float) -> bool:
        if self._rules.runs:
            return blocks >= self._rules.runs
        if blocks < _FEWEST:
            return False
        if seconds >= self._rules.budget:
            return True
        verdicts = dict(verdicts_of(everything))
        return all(verdicts[id(series)] is not Verdict.UNCLEAR for name in one.heads for series in one.series[name])

    def _warm(self, one: Measured) -> bool:
        """Run each command once or more, unmeasured; the first time what it prints is looked at."""
        for name in (one.base, *one.heads):
            finished = self._execute(one.case.commands[name], capture=True)
            for _ in range(self._rules.warmup - 1):
                self._execute(one.case.commands[name])
            one.output[name] = len(finished.stdout.encode())
            if not finished.ok and not self._rules.ignore_failure:
                one.failure = f"{name} fails: {finished.ended}"
                return False
        return True

    def _block(self, one: Measured, *, with_null: bool) -> None:
        """Every command once, in random order, so that what drifts or bursts hits all alike."""
        base = one.base
        names = [base, *one.heads, *([NULL] if with_null else [])]
        samples: dict[str, Sample] = {}
        for name in self._order.sample(names, len(names)):
            finished = self._execute(one.case.null if name == NULL else one.case.commands[name])
            if not finished.ok and not self._rules.ignore_failure:
                one.failure = f"{base if name == NULL else name} fails now and then: {finished.ended}"
                return
            samples[name] = _sample(finished)
        for name in names:
            if name != NULL:
                one.runs[name].samples.append(samples[name])
            if name != base:
                for series in one.series[name]:
                    series.add(samples[base], samples[name])

    def _execute(self, command: tuple[str, ...], *, capture: bool = False) -> Finished:
        rules = self._rules
        if rules.prepare:
            self._help(rules.prepare, "prepare")
        return self._runner.run(
            Command(
                argv=command, cwd=rules.cwd, environment=rules.environment, timeout=rules.timeout, capture=capture,
                stdin=rules.stdin,
            )
        )  # fmt: skip

    def _helper(self, case: Case, which: str) -> None:
        command: tuple[str, ...] = getattr(self._rules, which)
        if command:
            for _ in case.commands:
                self._help(command, which)

    def _help(self, command: tuple[str, ...], which: str) -> None:
        rules = self._rules
        finished = self._runner.run(Command(argv=command, cwd=rules.cwd, environment=rules.environment))
        if not finished.ok:
            raise InputError(
                f"the --{which} command fails: {finished.ended}", where=" ".join(command), hint="correct it"
            )


def _sample(finished: Finished) -> Sample:
    return Sample(
        wall=finished.wall,
        user=finished.cpu - finished.system,
        system=finished.system,
        memory=finished.largest_process,
        faults=finished.page_faults,
        exit_code=finished.exit_code,
    )
