"""Runtime: each trial's binary against today's, in pairs of random order; and instructions under callgrind.

Baseline and candidate alternate, so that drift and bursts of load hit both; the unit of evidence is the ratio within
a pair. The number of pairs is fixed before the first one, which is what the interval assumes. Today's own row is
measured against a byte copy of itself: that *null control* shows what the machine's noise looks like.
"""

from __future__ import annotations

import contextlib
import random
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from trimtab.errors import InputError, MissingError
from trimtab.measure.counting import callgrind
from trimtab.model.metric import (
    RUN_CPU,
    RUN_CYCLES,
    RUN_INSTRUCTIONS,
    RUN_WALL,
    STARTUP,
    Absent,
    Measurement,
    ratio_metric,
    run_metric,
)
from trimtab.model.plan import Bench
from trimtab.model.trial import Artifact
from trimtab.process import Command, Finished, Runner
from trimtab.stats.median import CONFIDENCE, Interval, fewest_for, median_interval, ratio_interval

_MOST_PAIRS = 60
_STARTUP_TIMEOUT = 5.0
_IDENTICAL = "byte-identical to today's binary; nothing was run"


@dataclass(frozen=True, kw_only=True, slots=True)
class Surroundings:
    """Where and how benches are run."""

    runner: Runner
    cwd: Path
    environment: Mapping[str, str]
    timeout: float
    """Seconds for one run."""

    def run(self, argv: Sequence[str], *, capture: bool = False) -> Finished:
        """One run of a bench; its output is dropped unless captured."""
        return self.runner.run(self.command(argv, capture=capture))

    def command(self, argv: Sequence[str], *, capture: bool = False) -> Command:
        """A bench's command in these surroundings."""
        return Command(
            argv=tuple(argv), cwd=self.cwd, environment=self.environment, timeout=self.timeout, capture=capture
        )


class RunProbe:
    """Wall and CPU seconds of each bench, paired with the baseline's."""

    def __init__(
        self,
        surroundings: Surroundings,
        benches: tuple[Bench, ...],
        seconds: float,
        confidence: float = CONFIDENCE,
    ) -> None:
        self._surroundings = surroundings
        self._benches = benches
        self._seconds = seconds
        self._confidence = confidence

    def measure(
        self, artifacts: tuple[Artifact, ...], baseline: tuple[Artifact, ...]
    ) -> Iterator[Measurement | Absent]:
        """Medians in seconds and paired ratios, with intervals.

        Raises:
            InputError: a bench fails with today's own binary.
        """
        base, head = (baseline or artifacts)[0], artifacts[0]
        with _own_or_copy(head, copied=not baseline) as path:
            for bench in self._benches:
                if baseline and base.sha256 == head.sha256:
                    yield from _identical(bench)
                else:
                    order = random.Random(f"{bench.name} {head.sha256}")  # noqa: S311 - reproducible, not secret
                    with _place_for(bench, self._surroundings, base.path) as (settled, surroundings):
                        yield from self._pairs(settled, surroundings, (base.path, path), order)

    def _pairs(
        self, bench: Bench, surroundings: Surroundings, pair: tuple[str, str], order: random.Random
    ) -> Iterator[Measurement | Absent]:
        base, head = pair
        warm = surroundings.run(command_line(bench, base), capture=True)
        if not warm.ok and bench.name == STARTUP:
            yield Absent(name=run_metric(STARTUP, RUN_WALL), reason="the program takes neither --version nor --help")
            return
        if not warm.ok:
            raise _bench_fails(bench, warm, base)
        trouble = surroundings.run(command_line(bench, head), capture=True)
        if not trouble.ok:
            yield Absent(name=run_metric(bench.name, RUN_WALL), reason=trouble.ended)
            return
        pairs = min(_MOST_PAIRS, max(fewest_for(self._confidence), int(self._seconds / (warm.wall + trouble.wall))))
        runs: dict[str, list[Finished]] = {base: [], head: []}
        for _ in range(pairs):
            for binary in order.sample(pair, 2):
                finished = surroundings.run(command_line(bench, binary))
                if not finished.ok:
                    yield Absent(name=run_metric(bench.name, RUN_WALL), reason=finished.ended)
                    return
                runs[binary].append(finished)
        yield from self._summary(bench, RUN_WALL, [r.wall for r in runs[base]], [r.wall for r in runs[head]])
        yield from self._summary(bench, RUN_CPU, [r.cpu for r in runs[base]], [r.cpu for r in runs[head]])

    def _summary(self, bench: Bench, what: str, base: list[float], head: list[float]) -> Iterator[Measurement | Absent]:
        method = (
            f"{' '.join(bench.command)}; {len(base)} pairs of random order with today's binary (today's own row: with a"
            f" byte copy of itself, the null control); intervals at {self._confidence:.3%}"
        )
        name, ratio_name = run_metric(bench.name, what), ratio_metric(bench.name, what)
        yield _measurement(name, median_interval(head, self._confidence), "s", method)
        if min(*base, *head) <= 0:
            yield Absent(name=ratio_name, reason="too short for the clock")
        else:
            yield _measurement(ratio_name, ratio_interval(base, head, self._confidence), "ratio", method)


class InstructionProbe:
    """Instructions and estimated cycles under callgrind: repeatable whatever else the machine does, but not time."""

    def __init__(self, surroundings: Surroundings, benches: tuple[Bench, ...]) -> None:
        self._surroundings = surroundings
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
            elif bench.command[0] != "{bin}":
                yield Absent(name=name, reason="callgrind counts only a command that begins with {bin}")
            else:
                with _place_for(bench, self._surroundings, base.path) as (settled, surroundings):
                    yield from self._count(settled, surroundings, artifacts[0].path)

    def _count(self, bench: Bench, surroundings: Surroundings, binary: str) -> Iterator[Measurement | Absent]:
        name = run_metric(bench.name, RUN_INSTRUCTIONS)
        try:
            counter = callgrind(shutil.which)
            count = counter.count(surroundings.runner, surroundings.command(command_line(bench, binary)))
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
def _place_for(bench: Bench, surroundings: Surroundings, binary: str) -> Iterator[tuple[Bench, Surroundings]]:
    """Where a bench is run: as the user said, in the project.

    The start-up smoke run, which nobody asked for, is kept in an empty folder and short, and gets the option that the
    program takes, ``--version`` or ``--help``.
    """
    if bench.name != STARTUP:
        yield bench, surroundings
        return
    with tempfile.TemporaryDirectory(prefix="trimtab-") as scratch:
        short = replace(surroundings, cwd=Path(scratch), timeout=min(_STARTUP_TIMEOUT, surroundings.timeout))
        if not short.run(command_line(bench, binary)).ok:
            bench = replace(bench, command=("{bin}", "--help"))
        yield bench, short


@contextlib.contextmanager
def _own_or_copy(artifact: Artifact, *, copied: bool) -> Iterator[str]:
    """The path of a binary, or of a byte copy that lies as deep and has a path as long as any other kept binary."""
    if not copied:
        yield artifact.path
        return
    place = Path(artifact.path).parent.with_name(artifact.sha256[::-1])
    place.mkdir(exist_ok=True)
    try:
        yield str(shutil.copy2(artifact.path, place / artifact.name))
    finally:
        shutil.rmtree(place, ignore_errors=True)


def command_line(bench: Bench, binary: str) -> tuple[str, ...]:
    """A bench's command with the binary in its place."""
    return tuple(word.replace("{bin}", binary) for word in bench.command)


def _measurement(name: str, found: Interval, unit: str, method: str) -> Measurement:
    return Measurement(
        name=name, value=found.value, unit=unit, low=found.low, high=found.high, samples=found.samples, method=method
    )


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


def _bench_fails(bench: Bench, finished: Finished, binary: str) -> InputError:
    return InputError(
        f"the bench {bench.name!r} fails with today's binary: {finished.ended.replace(binary, '{bin}')}",
        where=" ".join(bench.command),
        hint="it is run in the project's root folder; correct the command, then run again (what was built is kept)",
    )
