"""Benches run in blocks: the baseline, a copy of it and every candidate, in random order, until all is decided.

The unit of evidence is the log ratio of a candidate's run and the baseline's run in one block; see
`trimtab.stats.sequence`. The copy, the *null control*, takes part in every second block: it shows what the machine's
noise looks like, and is never judged.
"""

from __future__ import annotations

import contextlib
import os
import random
import stat
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from trimtab.errors import InputError
from trimtab.measure.series import NULL, BenchRuns, Case, new_series
from trimtab.measure.verdicts import verdicts_of
from trimtab.model.comparison import Runs, Sample, Verdict
from trimtab.system.process import Command, Finished, Runner

_FEWEST = 3
_FEWEST_ALONE, _SECONDS_ALONE = 10, 3.0
"""Runs of a command that is compared with nothing, and seconds, as hyperfine has them."""
_SIGNALLED = 128
"""Added to a signal's number, what shells make of it as an exit code."""
_LONGEST_NAME = 4096


@dataclass(frozen=True, kw_only=True, slots=True)
class RunOptions:
    """Options of paired runs, the same for all benches of a report."""

    environment: Mapping[str, str]
    cwd: Path | None = None
    budget: float = 15.0
    """Seconds for each bench."""
    runs: int | None = None
    """Exactly so many blocks, whatever they say."""
    min_runs: int = 0
    """Blocks before a verdict ends a bench."""
    max_runs: int | None = None
    """Blocks after which a bench ends without a verdict."""
    warmup: int = 1
    setup: tuple[tuple[str, ...], ...] = ()
    """Command before the first run: none, one, or one for each candidate."""
    prepare: tuple[tuple[str, ...], ...] = ()
    """Command before each run."""
    conclude: tuple[tuple[str, ...], ...] = ()
    """Command after each run."""
    cleanup: tuple[tuple[str, ...], ...] = ()
    """Command after the last run."""
    outputs: tuple[str, ...] = ()
    """Destination of standard output, one or one for each candidate: ``null``, ``pipe``, ``inherit`` or a path."""
    iteration: str = ""
    """Name of a variable that tells each run its number, or ``warmup-`` and its number, from 0 on."""
    ignore_failure: bool = False
    ignored_codes: frozenset[int] = frozenset()
    """Exit codes that are no failures."""
    timeout: float | None = None
    """Seconds for one run."""
    stdin: Path | None = None


class PairedBench:
    """Runs cases in turn, block by block, and stops each as soon as it is decided."""

    def __init__(self, runner: Runner, rules: RunOptions, clock: Callable[[], float] = time.monotonic) -> None:
        self._runner = runner
        self._rules = rules
        self._clock = clock
        self._order = random.Random()  # noqa: S311 - fair is enough; a fixed seed would repeat one order's luck

    def measure(self, cases: Sequence[Case], step: Callable[[BenchRuns], None]) -> list[BenchRuns]:
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
                if one.heads or len(one.case.commands) == 1:
                    with helped(self._runner, self._rules, len(one.case.commands)):
                        self._run(one, measured, step)
        except KeyboardInterrupt:
            if not any(runs.samples for one in measured for runs in one.runs.values()):
                raise
            for one in measured:
                one.interrupted = True
        return measured

    def _begin(self, case: Case) -> BenchRuns:
        heads = [name for name in list(case.commands)[1:] if name not in case.identical]
        return BenchRuns(
            case=case,
            runs={name: Runs(command=" ".join(command)) for name, command in case.commands.items()},
            series={name: new_series(case) for name in (*heads, NULL)},
        )

    def _run(self, one: BenchRuns, everything: Sequence[BenchRuns], step: Callable[[BenchRuns], None]) -> None:
        if not self._warm(one):
            return
        started, blocks = self._clock(), 0
        inputs = _Inputs(one.case, self._rules)
        try:
            while not one.failure and not self._enough(one, everything, blocks, self._clock() - started):
                self._block(one, with_null=blocks % 2 == 0 and bool(one.heads))
                blocks += 1
                step(one)
        finally:
            one.notes += inputs.changed()

    def _enough(self, one: BenchRuns, everything: Sequence[BenchRuns], blocks: int, seconds: float) -> bool:
        if self._rules.runs:
            return blocks >= self._rules.runs
        if self._rules.max_runs and blocks >= self._rules.max_runs:
            return True
        if blocks < max(_FEWEST, self._rules.min_runs):
            return False
        if seconds >= self._rules.budget:
            return True
        if not one.heads:
            return blocks >= max(_FEWEST_ALONE, self._rules.min_runs) and seconds >= _SECONDS_ALONE
        verdicts = dict(verdicts_of(everything))
        return all(
            verdicts[id(series)] is not Verdict.UNCLEAR
            for name in one.heads
            for series in one.series[name]
            if series.tells and series.decisive
        )

    def _warm(self, one: BenchRuns) -> bool:
        """Run each command once or more, unmeasured; the first time what it prints is looked at."""
        for name in (one.base, *one.heads):
            if not self._rules.warmup:
                continue
            finished = self._execute(one.case, name, "warmup-0", capture=True)
            for number in range(1, self._rules.warmup):
                self._execute(one.case, name, f"warmup-{number}")
            if finished.flooded or self._fails(finished):
                one.failure = f"{name} fails: {finished.ended}"
                return False
            one.output[name] = finished.printed
        return True

    def _block(self, one: BenchRuns, *, with_null: bool) -> None:
        """Every command once, in random order, so that what drifts or bursts hits all alike."""
        base = one.base
        names = [base, *one.heads, *([NULL] if with_null else [])]
        samples: dict[str, Sample] = {}
        iteration = str(len(one.runs[base].samples))
        for name in self._order.sample(names, len(names)):
            finished = self._execute(one.case, name, iteration, capture=one.case.reported is not None)
            if self._fails(finished):
                block = len(one.runs[base].samples) + 1
                one.failure = f"{base if name == NULL else name} fails in block {block}: {finished.ended}"
                return
            samples[name] = _sample(finished, one.case.reported(finished) if one.case.reported else None)
        for name in names:
            if name != NULL:
                one.runs[name].samples.append(samples[name])
            if name != base:
                for series in one.series[name]:
                    series.add(samples[base], samples[name])

    def _execute(self, case: Case, name: str, iteration: str, *, capture: bool = False) -> Finished:
        number = 0 if name == NULL else list(case.commands).index(name)
        run_helper(self._runner, self._rules, "prepare", number)
        finished = self._runner.run(command_of(case, name, self._rules, iteration, capture=capture))
        run_helper(self._runner, self._rules, "conclude", number)
        return finished

    def _fails(self, finished: Finished) -> bool:
        code = finished.exit_code if finished.exit_code >= 0 else _SIGNALLED - finished.exit_code
        return not finished.ok and not self._rules.ignore_failure and code not in self._rules.ignored_codes


@contextlib.contextmanager
def helped(runner: Runner, rules: RunOptions, commands: int) -> Iterator[None]:
    """Setup before and cleanup after the runs of so many commands.

    Raises:
        InputError: a helper command fails.
    """
    for number in range(commands):
        run_helper(runner, rules, "setup", number)
    try:
        yield
    finally:
        for number in range(commands):
            run_helper(runner, rules, "cleanup", number)


def run_helper(runner: Runner, rules: RunOptions, which: str, number: int = 0) -> None:
    """Run ``setup``, ``prepare``, ``conclude`` or ``cleanup`` once, if there is such a command.

    Args:
        runner: runs it.
        rules: have the commands.
        which: of the four.
        number: the candidate's, 0 for the baseline.

    Raises:
        InputError: it fails.
    """
    commands: tuple[tuple[str, ...], ...] = getattr(rules, which)
    if not commands:
        return
    command = commands[number if len(commands) > 1 else 0]
    finished = runner.run(Command(argv=command, cwd=rules.cwd, environment=rules.environment))
    if not finished.ok:
        raise InputError(f"the --{which} command fails: {finished.ended}", where=" ".join(command), hint="correct it")


def command_of(case: Case, name: str, rules: RunOptions, iteration: str = "", *, capture: bool = False) -> Command:
    """A candidate's command, or the null control's, in its surroundings."""
    candidate = next(iter(case.commands)) if name == NULL else name
    number = list(case.commands).index(candidate)
    output = rules.outputs[number if len(rules.outputs) > 1 else 0] if rules.outputs and iteration else "null"
    iterations = {rules.iteration: iteration} if rules.iteration and iteration else {}
    return Command(
        argv=case.null if name == NULL else case.commands[name],
        cwd=case.cwd.get(candidate, rules.cwd),
        environment={**rules.environment, **iterations, **case.variables.get(candidate, {})},
        timeout=rules.timeout,
        capture=capture or output == "pipe",
        inherit=output == "inherit",
        outputs=(Path(output), Path(os.devnull)) if output not in ("null", "pipe", "inherit") else None,
        stdin=case.stdin or rules.stdin,
    )


class _Inputs:
    """Remembers the files that commands are given, to tell whether the runs change them."""

    def __init__(self, case: Case, rules: RunOptions) -> None:
        named = [
            case.cwd.get(name, rules.cwd or Path()) / word
            for name, words in case.commands.items() for word in words[1:] if len(word) < _LONGEST_NAME
        ]  # fmt: skip
        self._before = {path: found for path in dict.fromkeys(named) if (found := _state(path))}

    def changed(self) -> Iterator[str]:
        """A note for each file that is no longer what it was."""
        for path, before in self._before.items():
            if _state(path) != before:
                yield f"the runs change {path}, which they are given, so they may not be alike: restore it by --prepare"


def _state(path: Path) -> tuple[int, int] | None:
    """Size and time of change of a file; ``None`` if it is none."""
    with contextlib.suppress(OSError):
        found = path.stat()
        return (found.st_size, found.st_mtime_ns) if stat.S_ISREG(found.st_mode) else None
    return None


def _sample(finished: Finished, reported: float | None) -> Sample:
    return Sample(
        wall=finished.wall,
        user=finished.cpu - finished.system,
        system=finished.system,
        memory=finished.largest_process,
        faults=finished.page_faults,
        exit_code=finished.exit_code,
        reported=reported,
    )
