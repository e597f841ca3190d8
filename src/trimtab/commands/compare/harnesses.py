"""Criterion and divan: which of them a bench executable uses, what its cases are, how long one of them takes.

Both list their cases the way cargo-nextest asks for, and run the one whose full name comes after ``--exact``. (Of
divan's arguments and types, each is a case of its own; see the changelogs of criterion 0.5 and divan 0.1.19, the first
that do.) Both tell the time per iteration only in words, so these are read here.
"""

from __future__ import annotations

import math
import mmap
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from trimtab.commands.compare.bench_targets import BenchTarget
from trimtab.errors import InputError
from trimtab.system.process import Command, Finished, Runner

LISTING = ("--bench", "--list", "--format", "terse")
_LISTED = ": benchmark"
_LISTING_LIMIT = 60.0
"""Seconds: a ``main`` that does not heed its arguments would begin to measure."""
_DIVAN_LIMIT = 5.0
"""Seconds: divan's clock starts before it calibrates itself, which takes 0.4 s if unoptimized, and a run that reaches
its limit before it has found how many iterations make a sample tells the time of a single one."""

_SECONDS = {
    **{"ps": 1e-12, "ns": 1e-9, "µs": 1e-6, "ms": 1e-3, "s": 1.0},
    **{"m": 60.0, "h": 3600.0, "d": 86400.0},  # divan's only
}
_TIME = rf"(\d+(?:\.\d+)?) ({'|'.join(_SECONDS)})"
_ESTIMATES = re.compile(rf"time:\s+\[\S+ \S+ {_TIME} \S+ \S+\]$", re.MULTILINE)
_MEDIAN = re.compile(rf"│ {_TIME} *│[^│\n]+│ \d+ *│ \d+$", re.MULTILINE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Harness:
    """A library that benches are written with, and its command line."""

    name: str
    marker: bytes
    """Text of its ``--help``, by which its executables are known."""
    options: Callable[[float], tuple[str, ...]]
    """The options for a run of about so many seconds."""
    times: re.Pattern[str]
    """Number and unit of each time per iteration that a run prints."""

    def arguments(self, case: str, seconds: float) -> tuple[str, ...]:
        """The arguments that run one case for about so many seconds, longer if ten samples take longer.

        What a group of criterion settles for itself, such as ``group.measurement_time``, wins.
        """
        return ("--bench", "--exact", "--color", "never", *self.options(seconds), "--", case)

    def seconds(self, stdout: str) -> float | None:
        """Seconds per iteration in what a run of one case printed; nothing if it is not understood.

        A case that was timed more than once, as divan does for each number of threads, counts with the geometric mean:
        the log ratio of two such is the mean of the log ratios.
        """
        times = [float(number) * _SECONDS[unit] for number, unit in self.times.findall(stdout)]
        if 0.0 in times:
            return 0.0
        return math.exp(math.fsum(map(math.log, times)) / len(times)) if times else None


def cases(stdout: str) -> tuple[str, ...]:
    """The names in what either harness prints for `LISTING`."""
    lines = stdout.split("\n")
    return tuple(dict.fromkeys(line.removesuffix(_LISTED) for line in lines if line.endswith(_LISTED)))


def _criterion(seconds: float) -> tuple[str, ...]:
    return (
        *("--warm-up-time", f"{seconds / 4:.4f}", "--measurement-time", f"{seconds * 3 / 4:.4f}"),
        *("--sample-size", "10", "--nresamples", "1000"),  # the fewest; trimtab does its own statistics
        *("--noplot", "--discard-baseline"),
    )


def _divan(seconds: float) -> tuple[str, ...]:
    return (
        *("--sample-count", "10", "--min-time", f"{seconds:.4f}"),
        *("--max-time", f"{max(seconds * 10, _DIVAN_LIMIT):.4f}", "--skip-ext-time=false"),
    )


CRITERION = Harness(
    name="criterion", marker=b"This executable is a Criterion.rs benchmark", options=_criterion, times=_ESTIMATES
)
DIVAN = Harness(name="divan", marker=b"Set the number of sampling iterations", options=_divan, times=_MEDIAN)


def find_harness(path: Path) -> Harness | None:
    """The harness of an executable, if it is one of these two.

    Its bytes are asked, not its ``--help``: another harness need not know that option, and would begin to measure.
    """
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return next((harness for harness in (CRITERION, DIVAN) if content.find(harness.marker) >= 0), None)


@dataclass(frozen=True, kw_only=True, slots=True)
class BenchExecutable:
    """A bench target whose cases are run one by one."""

    runner: Runner
    target: BenchTarget
    harness: Harness
    environment: Mapping[str, str]
    scratch: Path
    """Criterion's home, where nothing is written; without one it asks Cargo for the target directory at each start."""

    def cases(self) -> tuple[str, ...]:
        """The names of its cases, in its own order.

        Raises:
            InputError: it does not list them.
        """
        finished = self._list()
        if not finished.ok:
            raise InputError(
                f"bench {self.target.name} does not list its cases: {finished.ended}",
                where=str(self.target.path),
                hint="use criterion 0.5 or divan 0.1.19, or newer ones",
            )
        return cases(finished.stdout)

    def command(self, case: str, seconds: float) -> tuple[str, ...]:
        """The argument list that runs a case for about so many seconds."""
        return (str(self.target.path), *self.harness.arguments(case, seconds))

    @property
    def variables(self) -> Mapping[str, str]:
        """Environment variables that it needs beside the user's."""
        # Cargo says where the package is too, and benches look for their data there
        return {"CRITERION_HOME": str(self.scratch), "CARGO_MANIFEST_DIR": str(self.target.cwd)}

    def time(self, case: str, finished: Finished) -> float:
        """Seconds per iteration, as a run of a case has printed them.

        Raises:
            InputError: the run failed, or what it printed is not understood.
        """
        if not finished.ok:
            raise InputError(
                f"case {case!r} of bench {self.target.name} fails: {finished.ended}",
                where=str(self.target.path),
                hint=f"try it: cargo bench --bench {self.target.name}",
            )
        time = self.harness.seconds(finished.stdout)
        if time is None:
            raise InputError(
                f"case {case!r} of bench {self.target.name} prints no time as {self.harness.name} does",
                where=str(self.target.path),
                hint="leave the case out; only times are read, no counts of other measurements",
            )
        return time

    def _list(self) -> Finished:
        return self.runner.run(
            Command(
                argv=(str(self.target.path), *LISTING),
                cwd=self.target.cwd,
                environment={
                    **self.environment,
                    **self.variables,
                    "NEXTEST": "1",  # divan gives this list to cargo-nextest alone
                },
                timeout=_LISTING_LIMIT,
            )
        )


def open_bench(
    runner: Runner, target: BenchTarget, environment: Mapping[str, str], scratch: Path
) -> BenchExecutable | None:
    """A bench target as something to run; nothing if it is written with neither criterion nor divan."""
    harness = find_harness(target.path)
    if not harness:
        return None
    return BenchExecutable(runner=runner, target=target, harness=harness, environment=environment, scratch=scratch)
