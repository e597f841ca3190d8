"""Runtime: each trial's binary against today's, in pairs of random order; and instructions under callgrind.

They run in the blocks of `trimtab.measure.paired`, each run with a known predecessor, so that drift, bursts of load and
what a run leaves behind hit both alike. Intervals are confidence sequences: they hold whenever the runs stop, so that
more pairs may be added to those of earlier rounds. Today's own row is measured against a byte copy of itself: that
*null control* shows what the machine's noise looks like.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from trimtab.errors import InputError, MissingError
from trimtab.measure.counters import callgrind
from trimtab.measure.paired import PairedBench, RunOptions
from trimtab.measure.series import BenchRuns, Case
from trimtab.measure.trial_pairs import ITS, TODAYS, UNITS, fewest_pairs, most_pairs, ratio_of, value_of_runs
from trimtab.model.metric import (
    RUN_CPU,
    RUN_CYCLES,
    RUN_INSTRUCTIONS,
    RUN_WALL,
    STARTUP,
    Absent,
    Level,
    Measurement,
    PairedRuns,
    ratio_metric,
    run_metric,
)
from trimtab.model.plan import STARTUP_BENCH, Bench
from trimtab.model.trial import Artifact
from trimtab.stats.median import CONFIDENCE
from trimtab.system.command_template import filled
from trimtab.system.process import Command, Finished, Runner

_STARTUP_TIMEOUT = 5.0
_IDENTICAL = "byte-identical to today's binary; nothing was run"

Words = Mapping[str, str]
"""Placeholders of a bench's command → their values: ``{"{bin}": "/path/to/the/binary"}``."""


class ProgramStage(Protocol):
    """Puts what was built where benches can run it."""

    def words(self, artifact: Artifact, *, copied: bool) -> contextlib.AbstractContextManager[Words]:
        """Placeholders for an artifact, valid as long as the context lasts.

        Args:
            artifact: what was built.
            copied: whether to put a copy of it elsewhere, with a path of the same length.
        """
        ...


class Binaries:
    """Binaries are run where they are kept; a copy lies as deep and has a path as long as any other."""

    @contextlib.contextmanager
    def words(self, artifact: Artifact, *, copied: bool) -> Iterator[Words]:
        """``{bin}`` alone."""
        if not copied:
            yield {"{bin}": artifact.path}
            return
        folder = Path(artifact.path).parent.with_name(artifact.sha256[::-1])
        try:
            shutil.copytree(Path(artifact.path).parent, folder, dirs_exist_ok=True)
            yield {"{bin}": str(folder / artifact.name)}
        finally:
            shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True, kw_only=True, slots=True)
class RunContext:
    """Runner, folder, environment and limits for all benches of a trial."""

    runner: Runner
    timed: Runner | None = None
    """Runs what is timed; the same runner if left out."""
    cwd: Path
    environment: Mapping[str, str]
    timeout: float
    """Seconds for one run."""
    stage: ProgramStage = field(default_factory=Binaries)
    stdin: Path | None = None

    def run(self, argv: Sequence[str], *, capture: bool = False) -> Finished:
        """One run of a bench; its output is dropped unless captured."""
        return self.runner.run(self.command(argv, capture=capture))

    def command(self, argv: Sequence[str], *, capture: bool = False) -> Command:
        """A bench's command in these context."""
        return Command(
            argv=tuple(argv),
            cwd=self.cwd,
            environment=self.environment,
            timeout=self.timeout,
            capture=capture,
            stdin=self.stdin,
        )


class RunProbe:
    """Wall and CPU seconds and peak memory of each bench, in the blocks of ``trimtab bench`` with today's program.

    A round takes the whole bench time whatever the pairs say: what is stopped once it looks well looks too well.
    """

    def __init__(
        self,
        context: RunContext,
        benches: tuple[Bench, ...],
        seconds: float,
        error: float = 1 - CONFIDENCE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Run benches.

        Args:
            context: how they are run.
            benches: which.
            seconds: for the runs of each.
            error: chance that an interval misses, as small as the table is long.
            clock: seconds.
        """
        self._context = context
        self._benches = benches
        self._seconds = seconds
        self._error = error
        self._clock = clock

    def measure(
        self, artifacts: tuple[Artifact, ...], baseline: tuple[Artifact, ...]
    ) -> Iterator[Measurement | Absent]:
        """Medians and paired ratios, with intervals.

        Raises:
            InputError: a bench fails with today's own binary.
        """
        base, head = (baseline or artifacts)[0], artifacts[0]
        if baseline and base.sha256 == head.sha256:
            for bench in self._benches:
                yield from _identical(bench)
            return
        stage = self._context.stage
        with stage.words(base, copied=False) as first, stage.words(head, copied=not baseline) as second:
            for bench in self._benches:
                with _context_for(bench, self._context, first) as (settled, context):
                    yield from self._run(settled, context, (first, second), base.sha256)

    def _run(
        self, bench: Bench, context: RunContext, words: tuple[Words, Words], base: str
    ) -> Iterator[Measurement | Absent]:
        level = Level(error=self._error, smallest=bench.smallest_change)
        commands = dict(zip((TODAYS, ITS), (command_line(bench, meaning) for meaning in words), strict=True))
        options = RunOptions(
            environment=context.environment,
            cwd=context.cwd,
            budget=self._seconds,
            min_runs=fewest_pairs(level),
            max_runs=max(fewest_pairs(level), most_pairs(self._seconds)),
            whole=True,
            timeout=context.timeout,
        )
        case = Case(name=bench.name, commands=commands, null=(), smallest=bench.smallest_change, stdin=context.stdin)
        paired = PairedBench(context.runner, options, context.timed, self._clock)
        (runs,) = paired.measure([case], lambda _: None)
        if runs.interrupted:
            raise KeyboardInterrupt
        if runs.failure and TODAYS not in runs.output:
            if bench.name != STARTUP:
                raise _bench_fails(bench, runs.failure.removeprefix(f"{TODAYS} fails: "), words[0])
            yield Absent(name=run_metric(STARTUP, RUN_WALL), reason="the program takes neither --version nor --help")
        elif runs.failure:
            reason = runs.failure.removeprefix(f"{ITS} fails: ")
            yield Absent(name=run_metric(bench.name, RUN_WALL), reason=reason)
        else:
            yield from _summary(bench, runs, level, base)


def _summary(bench: Bench, runs: BenchRuns, level: Level, base: str) -> Iterator[Measurement | Absent]:
    method = (
        f"{' '.join(bench.command)}; pairs of random order with today's binary (today's own row: with a byte copy"
        " of itself, the null control)"
    )
    for series in runs.series[ITS]:
        if series.metric not in UNITS:
            continue
        name, ratio = run_metric(bench.name, series.metric), ratio_metric(bench.name, series.metric)
        values = [value for sample in runs.runs[ITS].samples if (value := series.read(sample)) is not None]
        if len(values) == len(runs.runs[ITS].samples):
            yield value_of_runs(name, series.unit, values, method)
        else:
            yield Absent(name=name, reason=series.absent)
        if series.absent:
            yield Absent(name=ratio, reason=series.absent)
        else:
            kept = PairedRuns(
                values=tuple(series.pairs),
                carry_over=series.carry_over.differences if series.carry_over else (),
                seconds=runs.seconds,
                left_running=runs.left_running.get(ITS, 0),
                base=base,
            )
            yield ratio_of(ratio, kept, level, method)


class NotRun:
    """Stands for the benches of a file that cannot be run here."""

    def __init__(self, benches: tuple[Bench, ...], reason: str) -> None:
        self._benches = benches
        self._reason = reason

    def measure(
        self,
        artifacts: tuple[Artifact, ...],  # noqa: ARG002 - nothing is measured
        baseline: tuple[Artifact, ...],  # noqa: ARG002
    ) -> Iterator[Measurement | Absent]:
        """The reason, for each bench."""
        for bench in self._benches:
            yield Absent(name=run_metric(bench.name, RUN_WALL), reason=self._reason)


class InstructionProbe:
    """Instructions and estimated cycles under callgrind: repeatable whatever else the machine does, but not time."""

    def __init__(self, context: RunContext, benches: tuple[Bench, ...]) -> None:
        self._context = context
        self._benches = benches

    def measure(
        self, artifacts: tuple[Artifact, ...], baseline: tuple[Artifact, ...]
    ) -> Iterator[Measurement | Absent]:
        """Two counts per bench."""
        base = (baseline or artifacts)[0]
        identical = bool(baseline) and artifacts[0].sha256 == base.sha256
        for bench in self._benches:
            name = run_metric(bench.name, RUN_INSTRUCTIONS)
            if identical:
                yield Absent(name=name, reason=_IDENTICAL)
            elif bench.command[0] not in ("{bin}", "{python}"):
                yield Absent(name=name, reason="callgrind counts only a command that begins with {bin} or {python}")
            else:
                stage = self._context.stage
                with (
                    stage.words(base, copied=False) as first,
                    stage.words(artifacts[0], copied=False) as own,
                    _context_for(bench, self._context, first) as (settled, context),
                ):
                    yield from self._count(settled, context, own)

    def _count(self, bench: Bench, context: RunContext, words: Words) -> Iterator[Measurement | Absent]:
        name = run_metric(bench.name, RUN_INSTRUCTIONS)
        try:
            counter = callgrind(shutil.which)
            count = counter.count(context.runner, context.command(command_line(bench, words)))
        except MissingError as error:
            yield Absent(name=name, reason=error.what, needs="valgrind")
            return
        if isinstance(count, str):
            yield Absent(name=name, reason=count)
            return
        method = f"{counter.program}; {' '.join(bench.command)}"
        yield Measurement(name=name, value=count.instructions, unit="instructions", method=method)
        assert count.cycles is not None, "callgrind estimates them"
        yield Measurement(
            name=run_metric(bench.name, RUN_CYCLES), value=count.cycles, unit="cycles",
            method=f"{counter.program}, {counter.method}; {' '.join(bench.command)}",
        )  # fmt: skip


@contextlib.contextmanager
def _context_for(bench: Bench, context: RunContext, words: Words) -> Iterator[tuple[Bench, RunContext]]:
    """The context of one bench: as the user said, in the project.

    The start-up smoke run, which nobody asked for, is kept in an empty folder and short, and gets the option that the
    program takes, ``--version`` or ``--help``.
    """
    if bench.name != STARTUP:
        environment = {**context.environment, **dict(bench.environment)}
        yield bench, replace(context, stdin=standard_input(bench, context.cwd), environment=environment)
        return
    with tempfile.TemporaryDirectory(prefix="trimtab-") as scratch:
        short = replace(context, cwd=Path(scratch), timeout=min(_STARTUP_TIMEOUT, context.timeout))
        if bench == STARTUP_BENCH and not short.run(command_line(bench, words)).ok:
            bench = replace(bench, command=("{bin}", "--help"))
        yield bench, short


def command_line(bench: Bench, words: Words) -> tuple[str, ...]:
    """A bench's command with what it is run with in its place."""
    return filled(bench.command, words)


def standard_input(bench: Bench, folder: Path) -> Path | None:
    """The file that a bench reads as its standard input, if it has one.

    Raises:
        InputError: there is no such file.
    """
    if not bench.stdin:
        return None
    path = folder / bench.stdin
    if not path.is_file():
        raise InputError(f"the bench {bench.name!r} has no such file for stdin", where=str(path), hint="name a file")
    return path


def _identical(bench: Bench) -> Iterator[Measurement | Absent]:
    for what in (RUN_WALL, RUN_CPU):
        yield Absent(name=run_metric(bench.name, what), reason=_IDENTICAL)
        yield Measurement(
            name=ratio_metric(bench.name, what),
            value=1.0,
            unit="ratio",
            low=1.0,
            high=1.0,
            samples=0,
            method=_IDENTICAL,
        )


def _bench_fails(bench: Bench, ended: str, words: Words) -> InputError:
    for name, meaning in words.items():
        ended = ended.replace(meaning, name)
    return InputError(
        f"the bench {bench.name!r} fails with today's binary: {ended}",
        where=" ".join(bench.command),
        hint="it is run in the project's root folder; correct the command, then run again (what was built is kept)",
    )
