"""Instructions and cycles of a run: by the CPU's own counters where the kernel allows, else by callgrind's simulation.

Counts repeat whatever else the machine does, and they are not time: fewer instructions can take longer. callgrind is
given fixed caches and fixed addresses, so that its counts are the same on all machines; its cycles are estimated as
Ir + 10·L1 misses + 100·LL misses. Source: the formula "CEst" of KCachegrind without its branch terms.

Most programs count the same every time, and then two counts of each side say all. Of those that do not, such as
programs with randomised hash maps, a few counts say little: their rounds, one count of each candidate in random order,
are pairs like any other, and are judged as such.
"""

from __future__ import annotations

import contextlib
import math
import random
import re
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from trimtab.errors import InputError, MissingError
from trimtab.measure.paired import RunOptions, command_of, failure_text, helped, run_helper
from trimtab.measure.series import BenchRuns
from trimtab.measure.verdicts import SURE_REPEATS, count_is_certain, verdicts_of
from trimtab.model.comparison import Count, Verdict
from trimtab.system.process import Command, Runner
from trimtab.units import format_seconds

CALLGRIND = (
    *("valgrind", "--tool=callgrind", "--trace-children=yes", "--callgrind-out-file=/dev/null", "--cache-sim=yes"),
    *("--I1=32768,8,64", "--D1=32768,8,64", "--LL=8388608,16,64"),
)
_PERF = ("perf", "stat", "-x", ",", "-e", "instructions:u")
_ROUNDS = 2
"""Rounds after which counts that repeat may be enough."""
_PATIENCE, _PATIENCE_FACTOR = 60.0, 300.0
"""Seconds, and times a run, after which counting is given up."""
_SLOWDOWN = 100.0
"""CPU time under callgrind with caches over the CPU time of the program itself."""
_EVENTS = re.compile(r"Events\s*:\s*(.+)")
_COLLECTED = re.compile(r"Collected\s*:\s*([\d ]+)")
_DIGITS = 30
"""No count has more; `int` refuses numbers of thousands."""
_PERF_LINE = re.compile(rf"(\d{{1,{_DIGITS}}})(?:\.\d+)?,[^,]*,(instructions)", re.MULTILINE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Counter:
    """A program that counts what another one executes."""

    program: str
    metrics: tuple[str, ...]
    """Fields of `Count` that it fills."""
    method: str
    """Description of the counts, for a report."""
    slowdown: float
    """Factor by which a run takes longer, about."""
    prefix: Callable[[str], tuple[str, ...]]
    """Argument list before the command, given the name of a log file."""
    read: Callable[[str], Count | None]
    """The counts in that log."""
    limit: float = math.inf
    """Seconds: a bench whose counting is likely to take longer is left out."""

    def count(self, runner: Runner, command: Command) -> Count | str:
        """Run a command once, and say what it executed, or why that is not known. Its exit code is the caller's matter.

        Raises:
            MissingError: the counting program has gone.
        """
        with tempfile.TemporaryDirectory(prefix="trimtab-") as scratch:
            log = Path(scratch) / "log"
            finished = runner.run(replace(command, argv=(*self.prefix(str(log)), *command.argv)))
            text = "".join(part.read_text("utf-8", "replace") for part in sorted(Path(scratch).iterdir()))
        if finished.exit_code >= 0 and not finished.timed_out and (count := self.read(text)):
            return count
        last = next((line for line in reversed(text.splitlines()) if line.strip()), "")
        return f"{self.program} failed: {failure_text(finished)}{': ' * bool(last)}{last}"


def find_counter(
    runner: Runner, environment: Mapping[str, str], which: Callable[[str], str | None] = shutil.which
) -> Counter:
    """The CPU's counters if the kernel lets ``perf`` read them, else callgrind.

    Raises:
        MissingError: neither is here.
    """
    if which("perf"):
        perf = Counter(
            slowdown=1.0,
            program="perf",
            metrics=("instructions",),
            method="instructions in user mode, by the CPU's own counters",
            prefix=lambda log: (*_PERF, "-o", log, "--"),
            read=read_perf,
        )
        if isinstance(perf.count(runner, Command(argv=("true",), environment=environment)), Count):
            return perf
    return callgrind(which)


def callgrind(which: Callable[[str], str | None] = shutil.which) -> Counter:
    """The simulation alone, which counts the same on every machine.

    Raises:
        MissingError: valgrind is not here.
    """
    if not which("valgrind"):
        raise MissingError("valgrind is not installed", hint="sudo apt-get install valgrind")
    fixed_addresses = ("setarch", "-R") if which("setarch") else ()
    return Counter(
        slowdown=_SLOWDOWN,
        program="callgrind",
        metrics=("instructions", "cycles"),
        method="cycles are estimated as Ir + 10·L1 misses + 100·LL misses, with caches of 32 KiB, 32 KiB and 8 MiB",
        prefix=lambda log: (*fixed_addresses, *CALLGRIND, f"--log-file={log}.%p"),
        read=read_callgrind,
    )


def count_runs(
    counter: Counter,
    runner: Runner,
    options: RunOptions,
    measured: Sequence[BenchRuns],
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Count every candidate, until counts repeat exactly or their pairs decide, or the budget of a bench is over.

    Failures do not count. Helper commands are run around these runs too. An interrupt ends the counting: what is
    counted by then is kept.
    """
    with contextlib.suppress(KeyboardInterrupt):
        for bench in measured:
            if bench.heads and not bench.failure and not bench.case.reported:
                try:
                    with helped(runner, options, bench.case):
                        _count_case(counter, runner, options, bench, measured, clock)
                except InputError as error:
                    bench.notes.append(f"no instructions: {error.what}")


def _count_case(
    counter: Counter,
    runner: Runner,
    options: RunOptions,
    bench: BenchRuns,
    measured: Sequence[BenchRuns],
    clock: Callable[[], float],
) -> None:
    samples = [sample for runs in bench.runs.values() for sample in runs.samples]
    each = statistics.median(sample.user + sample.system for sample in samples) if samples else 0.0
    expected = each * counter.slowdown * _ROUNDS * (1 + len(bench.heads))
    if expected > counter.limit:
        bench.notes.append(f"no instructions: counting takes about {format_seconds(expected)}; --counts does it")
        return
    slowest = max((sample.wall for sample in samples), default=0.0)
    patience = options.timeout or _PATIENCE + _PATIENCE_FACTOR * slowest
    names, order, started, rounds = [bench.base, *bench.heads], random.Random(), clock(), 0  # noqa: S311 - fair is enough
    while rounds < _ROUNDS or not _enough(bench, measured, options, rounds, clock() - started):
        counts: dict[str, Count] = {}
        for name in order.sample(names, len(names)):
            run_helper(runner, options, "prepare", names.index(name))
            count = counter.count(runner, replace(command_of(bench.case, name, options), timeout=patience))
            run_helper(runner, options, "conclude", names.index(name))
            if isinstance(count, str):
                bench.notes.append(f"no instructions of {name}: {count}")
                return
            counts[name] = count
        rounds += 1
        for name in names:
            bench.counts.setdefault(name, []).append(counts[name])
        for name in bench.heads:
            for series in bench.counted[name]:
                series.add(*(getattr(counts[side], series.metric) for side in (bench.base, name)))


def _enough(bench: BenchRuns, measured: Sequence[BenchRuns], options: RunOptions, rounds: int, seconds: float) -> bool:
    """Whether counts say all that they can within the budget."""
    every = [series for name in bench.heads for series in bench.counted[name]]
    if all(map(count_is_certain, every)):
        return True
    if rounds < SURE_REPEATS and all(series.repeats for series in every):
        return False
    if seconds >= options.budget or (options.runs and rounds >= max(options.runs, SURE_REPEATS)):
        return True
    verdicts = dict(verdicts_of(measured))
    return all(count_is_certain(series) or verdicts[id(series)] is not Verdict.UNCLEAR for series in every)


def read_callgrind(log: str) -> Count | None:
    """The counts in callgrind's logs, one for each process, which name the events and then give their numbers."""
    names, lines = _EVENTS.search(log), _COLLECTED.findall(log)
    if not names or not lines:
        return None
    events: dict[str, int] = {}
    for line in lines:
        for name, number in zip(names[1].split(), line.split(), strict=False):
            events[name] = events.get(name, 0) + int(number[-_DIGITS:])
    if not events.get("Ir"):
        return None
    first, last = (sum(events.get(name, 0) for name in (f"I{level}mr", f"D{level}mr", f"D{level}mw")) for level in "1L")
    return Count(instructions=events["Ir"], cycles=events["Ir"] + 10 * first + 100 * last)


def read_perf(log: str) -> Count | None:
    """The instructions in a log of ``perf stat -x ,``; what the kernel does not allow is no number there."""
    counted = {name: int(number) for number, name in _PERF_LINE.findall(log)}
    return Count(instructions=counted["instructions"], cycles=None) if counted.get("instructions") else None
