"""Benches run in blocks: the baseline and every candidate in random order, until all is decided.

The unit of evidence is the log ratio of a candidate's run and the baseline's run in one block; see
`trimtab.stats.sequence`. A run may slow the next one: it leaves dirty pages, a hot CPU, work for a daemon. Were a
program followed by the other one more often than by itself, that would look like a change. So all runs of a block have
the same predecessor, the program that is first in the block's order: it is run once more wherever it would not come
right before, a *primer*, which is no evidence of a change. Primers tell what carries over: their own predecessor is
another program, that of the run after them is themselves.

The baseline's copy, the *null control*, takes part in about every fourth block, beside the baseline: it shows what the
machine's noise looks like, and is never judged.
"""

from __future__ import annotations

import contextlib
import os
import random
import stat
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from trimtab.errors import InputError, MissingError
from trimtab.measure.series import NULL, BenchRuns, Case, count_series, new_series
from trimtab.measure.verdicts import verdicts_of
from trimtab.model.comparison import Runs, Sample, Verdict
from trimtab.system.process import Command, Finished, Runner

_FEWEST = 3
_FEWEST_ALONE, _SECONDS_ALONE = 10, 3.0
"""Runs of a command that is compared with nothing, and seconds, as hyperfine has them."""
_SIGNALLED = 128
"""Added to a signal's number, what shells make of it as an exit code."""
_LONGEST_NAME = 4096
_NULL_SHARE = 4
"""Blocks for one with the null control in it."""
_REASON_SHOWN = 300
"""Characters of what a failed run printed, the last ones."""


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
    whole: bool = False
    """Whether a bench goes on to the end of its budget, verdicts or not."""
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

    def __init__(
        self,
        runner: Runner,
        options: RunOptions,
        timed: Runner | None = None,
        clock: Callable[[], float] = time.monotonic,
        order: random.Random | None = None,
    ) -> None:
        """Run benches.

        Args:
            runner: runs the helper commands.
            options: how benches are run.
            timed: runs what is timed; the same runner if left out.
            clock: seconds, for the budget.
            order: draws the order of each block; a seed of its own would repeat one order's luck.
        """
        self._runner = runner
        self._timed = timed or runner
        self._options = options
        self._clock = clock
        self._order = order or random.Random()  # noqa: S311 - fair is enough
        self._previous = ""

    def measure(
        self,
        cases: Sequence[Case],
        on_progress: Callable[[BenchRuns], None],
        counted: tuple[str, ...] = (),
    ) -> list[BenchRuns]:
        """Run all cases to their verdicts or the end of their budgets. An interrupt ends the runs, not the report.

        Args:
            cases: what to run.
            on_progress: called after every block.
            counted: metrics that will be counted afterwards, which are rows of the report already.

        Raises:
            InputError: a command cannot be prepared, or fails with the baseline.
        """
        measured = [self._begin(case, () if case.reported else counted) for case in cases]
        try:
            for bench in measured:
                if bench.heads or len(bench.case.commands) == 1:
                    with helped(self._runner, self._options, bench.case):
                        self._run(bench, measured, on_progress)
        except KeyboardInterrupt:
            if not any(runs.samples for bench in measured for runs in bench.runs.values()):
                raise
            for bench in measured:
                bench.interrupted = True
        return measured

    def _begin(self, case: Case, counted: tuple[str, ...]) -> BenchRuns:
        heads = [name for name in list(case.commands)[1:] if name not in case.identical]
        return BenchRuns(
            case=case,
            runs={name: Runs(command=" ".join(command)) for name, command in case.commands.items()},
            series={name: new_series(case) for name in (*heads, NULL)},
            counted={name: count_series(case, counted) for name in heads if counted},
            budget=None if self._options.runs else self._options.budget,
        )

    def _run(self, bench: BenchRuns, everything: Sequence[BenchRuns], on_progress: Callable[[BenchRuns], None]) -> None:
        self._previous = ""
        if not self._warm(bench):
            return
        if bench.heads:
            self._warm_copy(bench)
        started, blocks = self._clock(), 0
        inputs = _Inputs(bench.case, self._options)
        try:
            while not bench.failure and not self._enough(bench, everything, blocks, self._clock() - started):
                self._block(bench)
                blocks += 1
                bench.seconds = self._clock() - started
                on_progress(bench)
        finally:
            bench.notes += inputs.changed()

    def _enough(self, bench: BenchRuns, everything: Sequence[BenchRuns], blocks: int, seconds: float) -> bool:
        if self._options.runs:
            return blocks >= self._options.runs
        if self._options.max_runs and blocks >= self._options.max_runs:
            return True
        if blocks < max(_FEWEST, self._options.min_runs):
            return False
        if seconds >= self._options.budget or self._options.whole:
            return seconds >= self._options.budget
        if not bench.heads:
            return blocks >= max(_FEWEST_ALONE, self._options.min_runs) and seconds >= _SECONDS_ALONE
        verdicts = dict(verdicts_of(everything))
        return all(
            verdicts[id(series)] is not Verdict.UNCLEAR or series.carries_over
            for name in bench.heads
            for series in bench.series[name]
            if series.tells and series.decisive
        )

    def _warm(self, bench: BenchRuns) -> bool:
        """Run each command once or more, unmeasured; the first time what it prints is looked at."""
        for name in (bench.base, *bench.heads) if self._options.warmup else ():
            finished = self._execute(bench, name, "warmup-0", capture=True)
            for number in range(1, self._options.warmup):
                self._execute(bench, name, f"warmup-{number}")
            if finished.flooded or self._fails(finished):
                bench.failure = f"{name} fails: {failure_text(finished)}"
                return False
            bench.output[name] = finished.printed
        return True

    def _warm_copy(self, bench: BenchRuns) -> None:
        """Run the baseline's copy once; where a program does not work elsewhere, it is itself its null control."""
        case = bench.case
        if case.null in ((), case.commands[bench.base]):
            return
        try:
            finished = self._execute(bench, NULL, "warmup-0", capture=True)
            works = not self._fails(finished) and finished.printed == bench.output.get(bench.base, finished.printed)
        except MissingError:
            works = False
        if not works:
            bench.case = replace(case, null=case.commands[bench.base])
            bench.notes.append(f"a copy of {bench.base} does not work elsewhere, so the null control runs it in place")

    def _block(self, bench: BenchRuns) -> None:
        """Every command once, in random order, each right after the first of them."""
        names = [bench.base, *bench.heads]
        order = self._order.sample(names, len(names))
        leader = order[0]
        nulls = len(bench.series[NULL][0].sequence)
        due = bool(bench.case.null) and _NULL_SHARE * nulls <= len(bench.runs[bench.base].samples)
        if bench.heads and leader == bench.base and due:
            order[:1] = self._order.sample([bench.base, NULL], 2)
        samples: dict[str, Sample] = {}
        primers: list[tuple[str, Sample]] = []
        for name in order:
            if bench.heads and (previous := self._previous) != leader:
                primer = self._sample(bench, leader)
                if primer is None:
                    return
                primers.append((previous, primer))
            sample = self._sample(bench, name)
            if sample is None:
                return
            samples[name] = sample
        for name in names:
            bench.runs[name].samples.append(samples[name])
        for name in samples.keys() - {bench.base}:
            for series in bench.series[name]:
                series.take(samples[bench.base], samples[name])
        for previous, primer in primers:
            _carry_over(bench, leader, previous, primer, samples[leader])

    def _sample(self, bench: BenchRuns, name: str) -> Sample | None:
        """One timed run; nothing if it fails, which ends the bench."""
        reported = bench.case.reported
        blocks = len(bench.runs[bench.base].samples)
        finished = self._execute(bench, name, str(blocks), capture=reported is not None)
        if self._fails(finished):
            bench.failure = f"{_shown(bench, name)} fails in block {blocks + 1}: {failure_text(finished)}"
            return None
        return _sample(finished, reported(finished) if reported else None)

    def _execute(self, bench: BenchRuns, name: str, iteration: str, *, capture: bool = False) -> Finished:
        number = _number(bench.case, name)
        run_helper(self._runner, self._options, "prepare", number)
        finished = self._timed.run(command_of(bench.case, name, self._options, iteration, capture=capture))
        run_helper(self._runner, self._options, "conclude", number)
        self._previous = _shown(bench, name)
        if finished.left_running:
            bench.left_running[self._previous] = bench.left_running.get(self._previous, 0) + 1
        return finished

    def _fails(self, finished: Finished) -> bool:
        code = finished.exit_code if finished.exit_code >= 0 else _SIGNALLED - finished.exit_code
        return not finished.ok and not self._options.ignore_failure and code not in self._options.ignored_codes


def _shown(bench: BenchRuns, name: str) -> str:
    """The program that is run: the null control is the baseline's."""
    return bench.base if name == NULL else name


def _carry_over(bench: BenchRuns, leader: str, previous: str, primer: Sample, led: Sample) -> None:
    """Take in a block's leader, run after another program and after itself; one of the two is the baseline."""
    if leader == bench.base and previous in bench.heads:
        for series in bench.series[previous]:
            series.take_carry_over(primer, led)
    elif previous == bench.base:
        for series in bench.series[leader]:
            series.take_carry_over(led, primer)


def failure_text(finished: Finished) -> str:
    """State in which a run ended, and the end of what it printed, to standard error first of all."""
    if finished.timed_out or finished.flooded:
        state = replace(finished, stdout="", stderr="").ended
    else:
        state = f"signal {-finished.exit_code}" if finished.exit_code < 0 else f"exit code {finished.exit_code}"
    printed = " ".join((finished.stderr or finished.stdout).split())
    shown = printed if len(printed) <= _REASON_SHOWN else f"…{printed[-_REASON_SHOWN:]}"
    return f"{state}: {shown}" if shown else state


@contextlib.contextmanager
def helped(runner: Runner, options: RunOptions, case: Case) -> Iterator[None]:
    """Setup before and cleanup after the runs of all commands of a case.

    Raises:
        InputError: a helper command fails.
    """
    for number in range(len(case.commands)):
        run_helper(runner, options, "setup", number)
    try:
        yield
    finally:
        for number in range(len(case.commands)):
            run_helper(runner, options, "cleanup", number)


def run_helper(runner: Runner, options: RunOptions, which: str, number: int) -> None:
    """Run ``setup``, ``prepare``, ``conclude`` or ``cleanup`` of a candidate once, if there is such a command.

    Args:
        runner: runs it.
        options: have the commands.
        which: of the four.
        number: the candidate's, 0 for the baseline.

    Raises:
        InputError: it fails.
    """
    commands: tuple[tuple[str, ...], ...] = getattr(options, which)
    if not commands:
        return
    command = commands[number if len(commands) > 1 else 0]
    finished = runner.run(Command(argv=command, cwd=options.cwd, environment=options.environment))
    if not finished.ok:
        raise InputError(f"the --{which} command fails: {finished.ended}", where=" ".join(command), hint="correct it")


def _number(case: Case, name: str) -> int:
    return 0 if name == NULL else list(case.commands).index(name)


def command_of(case: Case, name: str, options: RunOptions, iteration: str = "", *, capture: bool = False) -> Command:
    """A candidate's command, or the null control's, in its surroundings."""
    candidate = next(iter(case.commands)) if name == NULL else name
    number = _number(case, name)
    output = options.outputs[number if len(options.outputs) > 1 else 0] if options.outputs and iteration else "null"
    iterations = {options.iteration: iteration} if options.iteration and iteration else {}
    return Command(
        argv=case.null if name == NULL else case.commands[name],
        cwd=case.cwd.get(candidate, options.cwd),
        environment={**options.environment, **iterations, **case.variables.get(candidate, {})},
        timeout=options.timeout,
        capture=capture or output == "pipe",
        inherit=output == "inherit",
        outputs=(Path(output), Path(os.devnull)) if output not in ("null", "pipe", "inherit") else None,
        stdin=case.stdin or options.stdin,
    )


class _Inputs:
    """Remembers the files that commands are given, to tell whether the runs change them."""

    def __init__(self, case: Case, options: RunOptions) -> None:
        named = [
            case.cwd.get(name, options.cwd or Path()) / argument
            for name, argv in case.commands.items() for argument in argv if len(argument) < _LONGEST_NAME
        ]  # fmt: skip
        self._before = {path: state for path in dict.fromkeys(named) if (state := _state(path))}

    def changed(self) -> Iterator[str]:
        """A note for each file that is no longer what it was."""
        for path, before in self._before.items():
            if _state(path) != before:
                yield f"the runs change {path}, which they are given, so they may not be alike: restore it by --prepare"


def _state(path: Path) -> tuple[int, int] | None:
    """Size and time of change of a file; ``None`` if it is none."""
    with contextlib.suppress(OSError):
        status = path.stat()
        return (status.st_size, status.st_mtime_ns) if stat.S_ISREG(status.st_mode) else None
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
