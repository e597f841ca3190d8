"""Runtime: each trial's binary against today's, in pairs of random order; and instructions under callgrind.

Baseline and candidate alternate, so that drift and bursts of load hit both; the unit of evidence is the ratio within
a pair. The number of pairs is fixed before the first one, which is what the interval assumes. Today's own row is
measured against a byte copy of itself: that *null control* shows what the machine's noise looks like.
"""

from __future__ import annotations

import random
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from trimtab.errors import InputError, MissingError
from trimtab.model.metric import (
    RUN_CPU,
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
from trimtab.stats.median import Interval, fewest_for, median_interval, ratio_interval

_MOST_PAIRS = 60
_COLLECTED = re.compile(r"Collected\s*:\s*(\d+)")
_OUTPUT_SHOWN = 200
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
        return self.runner.run(
            Command(argv=tuple(argv), cwd=self.cwd, environment=self.environment, timeout=self.timeout, capture=capture)
        )


class RunProbe:
    """Wall and CPU seconds of each bench, paired with the baseline's."""

    def __init__(self, surroundings: Surroundings, benches: tuple[Bench, ...], seconds: float) -> None:
        self._surroundings = surroundings
        self._benches = benches
        self._seconds = seconds

    def measure(
        self, artifacts: tuple[Artifact, ...], baseline: tuple[Artifact, ...]
    ) -> Iterator[Measurement | Absent]:
        """Medians in seconds and paired ratios, each with a 99 % interval.

        Raises:
            InputError: a bench fails with today's own binary.
        """
        base, head = (baseline or artifacts)[0], artifacts[0]
        with tempfile.TemporaryDirectory(prefix="trimtab-") as scratch:
            copy = Path(head.path) if baseline else shutil.copy2(base.path, Path(scratch) / head.name)
            for unsettled in self._benches:
                bench = settled(unsettled, self._surroundings, base.path)
                if baseline and base.sha256 == head.sha256:
                    yield from _identical(bench)
                else:
                    order = random.Random(f"{bench.name} {head.sha256}")  # noqa: S311 - reproducible, not secret
                    yield from self._pairs(bench, base.path, str(copy), order, is_baseline=not baseline)

    def _pairs(
        self, bench: Bench, base: str, head: str, order: random.Random, *, is_baseline: bool
    ) -> Iterator[Measurement | Absent]:
        warm = self._run(bench, base)
        if not warm.ok and bench.name == STARTUP:
            yield Absent(name=run_metric(STARTUP, RUN_WALL), reason="the program takes neither --version nor --help")
            return
        if not warm.ok:
            raise _bench_fails(bench, warm)
        trouble = self._run(bench, head)
        if not trouble.ok:
            yield Absent(name=run_metric(bench.name, RUN_WALL), reason=_how_it_ended(trouble))
            return
        pairs = min(_MOST_PAIRS, max(fewest_for(), int(self._seconds / (warm.wall + trouble.wall))))
        runs: dict[str, list[Finished]] = {base: [], head: []}
        for _ in range(pairs):
            for binary in order.sample((base, head), 2):
                finished = self._run(bench, binary, capture=False)
                if not finished.ok:
                    yield Absent(name=run_metric(bench.name, RUN_WALL), reason=_how_it_ended(finished))
                    return
                runs[binary].append(finished)
        against = "a byte copy of itself (null control)" if is_baseline else "today's binary"
        method = f"{' '.join(bench.command)}; {pairs} pairs of random order with {against}"
        yield from _summary(bench, RUN_WALL, [r.wall for r in runs[base]], [r.wall for r in runs[head]], method)
        yield from _summary(bench, RUN_CPU, [r.cpu for r in runs[base]], [r.cpu for r in runs[head]], method)

    def _run(self, bench: Bench, binary: str, *, capture: bool = True) -> Finished:
        return self._surroundings.run(command_line(bench, binary), capture=capture)


class InstructionProbe:
    """Instructions executed, counted by callgrind: repeatable whatever else the machine does, but not time."""

    def __init__(self, surroundings: Surroundings, benches: tuple[Bench, ...]) -> None:
        self._surroundings = surroundings
        self._benches = benches
        self._prefix = _callgrind()

    def measure(
        self, artifacts: tuple[Artifact, ...], baseline: tuple[Artifact, ...]
    ) -> Iterator[Measurement | Absent]:
        """One count per bench."""
        base = (baseline or artifacts)[0]
        identical = bool(baseline) and artifacts[0].sha256 == base.sha256
        for unsettled in self._benches:
            bench = settled(unsettled, self._surroundings, base.path)
            name = run_metric(bench.name, RUN_INSTRUCTIONS)
            if self._prefix is None:
                yield Absent(name=name, reason="valgrind is not installed")
                continue
            if identical:
                yield Absent(name=name, reason=_IDENTICAL)
                continue
            try:
                finished = self._surroundings.run(
                    (*self._prefix, *command_line(bench, artifacts[0].path)), capture=True
                )
            except MissingError as error:
                yield Absent(name=name, reason=error.what)
                continue
            count = _COLLECTED.search(finished.stderr)
            if not count:
                yield Absent(name=name, reason=f"callgrind failed: {_how_it_ended(finished)}")
                continue
            yield Measurement(
                name=name, value=int(count[1]), unit="instructions", method=f"callgrind; {' '.join(bench.command)}"
            )


def settled(bench: Bench, surroundings: Surroundings, binary: str) -> Bench:
    """The start-up smoke run with the option that the program takes, ``--version`` or ``--help``; others unchanged."""
    if bench.name != STARTUP or surroundings.run(command_line(bench, binary)).ok:
        return bench
    return replace(bench, command=("{bin}", "--help"))


def command_line(bench: Bench, binary: str) -> tuple[str, ...]:
    """A bench's command with the binary in its place."""
    return tuple(word.replace("{bin}", binary) for word in bench.command)


def _callgrind() -> tuple[str, ...] | None:
    valgrind, setarch = shutil.which("valgrind"), shutil.which("setarch")
    if not valgrind:
        return None
    fixed_addresses = (setarch, "-R") if setarch else ()
    return (*fixed_addresses, valgrind, "--tool=callgrind", "--callgrind-out-file=/dev/null")


def _summary(
    bench: Bench, what: str, base: list[float], head: list[float], method: str
) -> Iterator[Measurement | Absent]:
    name, ratio_name = run_metric(bench.name, what), ratio_metric(bench.name, what)
    yield _measurement(name, median_interval(head), "s", method)
    if min(*base, *head) <= 0:
        yield Absent(name=ratio_name, reason="too short for the clock")
    else:
        yield _measurement(ratio_name, ratio_interval(base, head), "ratio", method)


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


def _bench_fails(bench: Bench, finished: Finished) -> InputError:
    return InputError(
        f"the bench {bench.name!r} fails with today's binary: {_how_it_ended(finished)}",
        where=" ".join(bench.command),
        hint="it is run in the project's root folder; correct the command, then run again (what was built is kept)",
    )


def _how_it_ended(finished: Finished) -> str:
    said = " ".join((finished.stderr or finished.stdout).split())[:_OUTPUT_SHOWN]
    if finished.timed_out:
        return f"no end after {finished.wall:.0f} s"
    ended = f"signal {-finished.exit_code}" if finished.exit_code < 0 else f"exit code {finished.exit_code}"
    return f"{ended}: {said}" if said else ended
