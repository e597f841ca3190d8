"""How often a verdict is wrong and how soon it comes, beside the rules of other programs.

    python benchmarks/verdicts.py --null 1000 --power 300 --jobs 2 --json > simulated.json    (half an hour of CPU)
    python benchmarks/verdicts.py --carry-over 300 --ticks 300 --counts 1000 --layouts 20000 --jobs 2  (the same)
    python benchmarks/verdicts.py --real 200 --results real.jsonl                             (half an hour, resumable)
    python benchmarks/verdicts.py --real-counts 100                                           (the same)

Without ``--json`` tables are printed. Simulated is the time of one run after another, as the logarithm of a factor. The
noise of a run has a standard deviation of 3 % in every regime; what comes on top of it is said at each `Regime`.

The rules, all with two commands or functions of the same length:

* **trimtab**: its own blocks, primers and null control included, looked at after every block, until a verdict or 400
  pairs, as a whole report.
* **hyperfine**: its default number of runs, at least 10 and at least 3 s for each command, one command after the other;
  then Welch's t-test as in its `scripts/welch_ttest.py`, here at 1 %.
* **criterion**: 100 samples in 5 s of each function, one after the other; the change of the means bootstrapped; a call
  if its 95 % interval lies beyond the noise threshold of 1 % (`compare_to_threshold` in `report.rs`; here with 1,000
  resamples).
* **tango**: pairs in alternating order, as many runs as hyperfine's; a call if the mean difference is at least 2.6
  standard errors and 0.5 % of the baseline's mean (`DiffEstimate` in its `cli.rs`; no outliers are removed here).

``--real`` times a program against a byte copy of itself while another process makes load on and off; ``--real-counts``
counts the instructions of a program whose work depends on the seed of its hash tables beside a copy of itself.

The other simulations break what the rules above may take for granted, in the quiet regime:

* **carry-over**: what runs right after one of the two programs takes longer; beside trimtab's blocks, the same in
  blocks without primers. Wrong is a call of programs that are equal, or of the other direction.
* **ticks**: CPU time is read off a clock that ticks every 10 ms, rounded at random so that the mean is right, or down
  always, and one program takes 3 % longer. Wrong is *same*.
* **counts**: equal programs whose instruction counts differ from run to run, normal in the logarithm, or one of two
  values. Wrong is a call.
* **layouts**: effects of layouts whose spreads differ between the two builds. Wrong is an interval without the true
  difference.
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

from trimtab.measure.counters import Counter, count_runs, find_counter
from trimtab.measure.paired import PairedBench, RunOptions
from trimtab.measure.series import NULL, BenchRuns, Case
from trimtab.measure.verdicts import rows_of, verdicts_of
from trimtab.model.comparison import Count, Mode, Verdict
from trimtab.stats.welch import mean_difference
from trimtab.system.launcher import timing_runner
from trimtab.system.process import Command, Finished, Runner, SystemRunner

RUN_NOISE = 0.03
LOOKS = 400
WARM_UPS = 3
DECIDED = ("regressed", "improved", "same")
ERROR = 0.01
SMALLEST = 0.01
CHANGES = (0.01, 0.02, 0.05, 0.10)
SECONDS = (0.017, 0.1)
"""How long a run takes; it matters to those who measure for a time."""
RESAMPLES = 1000
CARRIED = (0.03, 0.05, 0.10)
TICK = 0.01
TWO_VALUES = "one of two, 20 % apart"
COUNT_ROUNDS, REAL_ROUNDS = 40, 14
RATIOS = (1.0, 2.0, 5.0, 10.0)

Runs = Iterator[float]
"""Logarithms of the times of consecutive runs of one program, without end."""
Pairs = Iterable[tuple[float, float]]
"""Seconds of base and head."""


def quiet(source: random.Random) -> Runs:
    """Independent and normal."""
    while True:
        yield source.gauss(0, RUN_NOISE)


def tails(source: random.Random) -> Runs:
    """Student's t with 3 degrees of freedom, scaled to the same standard deviation."""
    while True:
        chi_squared = sum(source.gauss(0, 1) ** 2 for _ in range(3))
        yield RUN_NOISE / math.sqrt(3) * source.gauss(0, 1) / math.sqrt(chi_squared / 3)


def delays(source: random.Random) -> Runs:
    """Beside the noise, one run in ten takes longer, on average by 35 %: exponential in the logarithm, mean 0.3."""
    for noise in quiet(source):
        yield noise + (source.expovariate(1 / 0.3) if source.random() < 1 / 10 else 0)


def drift(source: random.Random) -> Runs:
    """The machine's speed walks at random, by 0.5 % from run to run."""
    level = 0.0
    for noise in quiet(source):
        level += source.gauss(0, 0.005)
        yield level + noise


def bursts(source: random.Random) -> Runs:
    """Another process comes and goes, on average for 20 runs out of 80; with it a run takes 10 to 65 % longer."""
    busy = source.random() < 1 / 4
    for noise in quiet(source):
        busy = source.random() >= (1 / 20) if busy else source.random() < 1 / 60
        yield noise + (source.uniform(0.1, 0.5) if busy else 0)


def two_state(source: random.Random) -> Runs:
    """Two clocks 10 % apart, changing with a chance of a fifth after each run."""
    slow = source.random() < 1 / 2
    for noise in quiet(source):
        slow ^= source.random() < 1 / 5
        yield noise + (math.log(1.1) if slow else 0)


REGIMES: dict[str, Callable[[random.Random], Runs]] = {
    "quiet": quiet,
    "heavy tails": tails,
    "delays": delays,
    "drift": drift,
    "bursts": bursts,
    "two states": two_state,
}


def in_pairs(runs: Runs, change: float, seconds: float, coin: Callable[[int], bool]) -> Pairs:
    """Base and head side by side; the coin says for each pair whether head goes first."""
    for number, (first, second) in enumerate(zip(runs, runs, strict=True)):
        base, head = (second, first) if coin(number) else (first, second)
        yield seconds * math.exp(base), seconds * math.exp(head) * (1 + change)


class Machine:
    """Runs ``base``, its copy and ``head``, whose times are the regime's; plays a `Runner`."""

    def __init__(
        self,
        runs: Runs,
        change: float,
        *,
        carry_over: Mapping[str, float] | None = None,
        cpu: Callable[[float], float] = lambda seconds: seconds,
        seconds: float = 1.0,
    ) -> None:
        """Play programs.

        Args:
            runs: logarithms of the times of consecutive runs.
            change: of head against base.
            carry_over: program → what the run right after it takes longer, as a fraction.
            cpu: reading of the CPU's clock for a time.
            seconds: that base takes.
        """
        self._runs, self._cpu = runs, cpu
        self._times = {"base": seconds, "copy": seconds, "head": seconds * (1 + change)}
        self._carry_over = carry_over or {}
        self._previous = ""

    def run(self, command: Command) -> Finished:
        """One run."""
        name = command.argv[0]
        wall = self._times[name] * math.exp(next(self._runs)) * (1 + self._carry_over.get(self._previous, 0))
        self._previous = "base" if name == "copy" else name
        return Finished(exit_code=0, wall=wall, cpu=self._cpu(wall), largest_process=1 << 30, page_faults=1 << 10)


class Unprimed(PairedBench):
    """Blocks in plain random order, as they were before there were primers."""

    def _block(self, bench: BenchRuns) -> None:
        names = [*bench.runs, *([NULL] if len(bench.runs[bench.base].samples) % 2 == 0 else [])]
        samples = {name: self._sample(bench, name) for name in self._order.sample(names, len(names))}
        base = samples[bench.base]
        for name, taken in samples.items():
            assert base
            assert taken
            if name != NULL:
                bench.runs[name].samples.append(taken)
            for series in bench.series.get(name, ()):
                series.take(base, taken)


def watch(
    machine: Runner,
    until: Sequence[str],
    smallest: float,
    order: random.Random,
    *,
    metric: str = "wall",
    commands: tuple[tuple[str, ...], ...] = (("base",), ("head",), ("copy",)),
    looks: int = LOOKS,
    blocks: type[PairedBench] = PairedBench,
) -> dict[str, tuple[int, int]]:
    """Verdicts of trimtab with the pairs and runs after which each came first; until one of ``until``, or ``looks``.

    This is the report of `trimtab bench` with its four rows, of which CPU time has the noise of wall time, and memory
    and page faults have none; the verdict on one metric counts.
    """
    base, head, copy = commands
    case = Case(name="", commands={"base": base, "head": head}, null=copy, smallest=smallest)
    found = dict[str, tuple[int, int]]()
    made = 0

    class Counted:
        """Counts the runs."""

        def run(self, command: Command) -> Finished:
            """One run."""
            nonlocal made
            made += 1
            return machine.run(command)

    def look(bench: BenchRuns) -> None:
        verdicts = dict(verdicts_of([bench]))
        series = next(series for series in bench.series["head"] if series.metric == metric)
        verdict = verdicts.get(id(series), Verdict.UNCLEAR)
        if verdict is not Verdict.UNCLEAR and verdict not in found:
            found[verdict] = len(bench.runs["base"].samples), made - WARM_UPS
            if verdict in until:
                raise KeyboardInterrupt

    blocks(Counted(), RunOptions(environment={}, runs=looks), order=order).measure([case], look)
    return found


def hyperfine_runs(seconds: float) -> int:
    """At least 10 and at least 3 s."""
    return max(10, math.ceil(3 / seconds))


def welch(base: Sequence[float], head: Sequence[float]) -> float:
    """The two-sided p-value of Welch's t-test.

    The tail of Student's distribution comes from Wallace's transformation to a normal deviate, right to two digits for
    the 9 and more degrees of freedom that there are here. Source: D. L. Wallace, "Bounds on normal approximations to
    Student's and the chi-square distributions", Annals of Mathematical Statistics 30 (1959).
    """
    a, b = (statistics.variance(times) / len(times) for times in (base, head))
    t = (statistics.fmean(head) - statistics.fmean(base)) / math.sqrt(a + b)
    freedom = (a + b) ** 2 / (a**2 / (len(base) - 1) + b**2 / (len(head) - 1))
    z = (8 * freedom + 1) / (8 * freedom + 3) * math.sqrt(freedom * math.log1p(t**2 / freedom))
    return math.erfc(z / math.sqrt(2))


def by_hyperfine(base: Sequence[float], head: Sequence[float]) -> bool:
    """Whether a difference is called."""
    return welch(base, head) < ERROR


def by_criterion(base: Sequence[float], head: Sequence[float], source: random.Random) -> bool:
    """Whether a difference is called."""

    def resampled(times: Sequence[float]) -> float:
        return statistics.fmean(source.choices(times, k=len(times)))

    changes = sorted(resampled(head) / resampled(base) - 1 for _ in range(RESAMPLES))
    return changes[RESAMPLES * 25 // 1000] > 0.01 or changes[-1 - RESAMPLES * 25 // 1000] < -0.01  # noqa: PLR2004


def by_tango(pairs: Pairs) -> bool:
    """Whether a difference is called."""
    base, head = zip(*pairs, strict=True)
    differences = [b - a for a, b in zip(base, head, strict=True)]
    mean, error = statistics.fmean(differences), statistics.stdev(differences) / math.sqrt(len(differences))
    return abs(mean) >= 2.6 * error and abs(mean) > 0.005 * statistics.fmean(base)


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """One simulated comparison."""

    regime: str
    change: float
    case: int
    smallest: float
    """The smallest change that matters."""
    peers: bool = True
    """Whether the other rules are simulated too."""

    def runs(self, rule: str) -> tuple[Runs, random.Random]:
        """Runs of the machine, and where the rule's own chances come from."""
        source = random.Random(f"{self.regime} {self.change} {self.case} {rule}")
        return REGIMES[self.regime](source), source


def by_trimtab(task: Task) -> dict[str, tuple[int, int]]:
    """What is said of two equal programs over all looks; else what is said first."""
    runs, source = task.runs("trimtab")
    return watch(Machine(runs, task.change), DECIDED if task.change else (), task.smallest, source)


def by_the_others(task: Task) -> dict[str, bool]:
    """Whether each rule calls a difference, for each length of a run."""
    found = {}
    for seconds in SECONDS:
        count = hyperfine_runs(seconds)
        runs, _ = task.runs(f"hyperfine {seconds}")
        found[f"hyperfine {seconds}"] = by_hyperfine(*one_after_the_other(runs, task.change, count))
        runs, source = task.runs(f"criterion {seconds}")
        each = math.ceil(5 / 100 / seconds)
        samples = one_after_the_other(runs, task.change, 100, each)
        found[f"criterion {seconds}"] = by_criterion(*samples, source)
        runs, _ = task.runs(f"tango {seconds}")
        found[f"tango {seconds}"] = by_tango(islice(in_pairs(runs, task.change, 1, lambda n: n % 2 == 1), count))
    return found


def one_after_the_other(runs: Runs, change: float, count: int, each: int = 1) -> tuple[list[float], list[float]]:
    """Samples of base, then of head, each the mean of so many runs."""
    base, head = (
        [statistics.fmean(math.exp(run) for run in islice(runs, each)) * factor for _ in range(count)]
        for factor in (1, 1 + change)
    )
    return base, head


def seconds_of_peer(rule: str, seconds: float) -> float:
    """How long a rule measures both programs, without warming up."""
    return 10 * max(1, seconds / 0.05) if rule == "criterion" else 2 * hyperfine_runs(seconds) * seconds


def simulate(task: Task) -> tuple[dict[str, tuple[int, int]], dict[str, bool]]:
    """One comparison, by all rules that are wanted."""
    return by_trimtab(task), by_the_others(task) if task.peers else {}


def simulated(changes: Sequence[float], cases: int, options: argparse.Namespace) -> list[dict[str, object]]:
    """A row for each regime and change."""
    rows = []
    with multiprocessing.Pool(options.jobs) as pool:
        for regime in REGIMES:
            for change in changes:
                tasks = [
                    Task(regime=regime, change=change, case=case, smallest=options.smallest, peers=options.peers)
                    for case in range(cases)
                ]
                rows.append(summed_up(regime, change, pool.map(simulate, tasks, chunksize=10)))
                print(f"{regime}, {change:.0%}: done", file=sys.stderr)
    return rows


def summed_up(
    regime: str, change: float, found: Sequence[tuple[dict[str, tuple[int, int]], dict[str, bool]]]
) -> dict[str, object]:
    """Shares of the cases, and the pairs that half of all cases had enough of, if half were decided at all."""
    verdicts = [ours for ours, _ in found]

    def share(*wanted: str) -> float:
        return sum(not ours.keys().isdisjoint(wanted) for ours in verdicts) / len(verdicts)

    right = "regressed" if change else "same"
    never = (math.inf, math.inf)
    pairs, runs = (statistics.median(ours.get(right, never)[at] for ours in verdicts) for at in (0, 1))
    peers = {rule: sum(others[rule] for _, others in found) / len(found) for rule in found[0][1]}
    return {
        "regime": regime,
        "change": change,
        "cases": len(found),
        "right": share(right),
        "wrong": share("improved", "same") if change else share("improved", "regressed"),
        "median_pairs": pairs if pairs < math.inf else None,
        "median_runs": runs if runs < math.inf else None,
        "called_by_others": peers,
    }


def print_null(rows: Sequence[dict[str, object]]) -> None:
    """False alarms."""
    cases, program = rows[0]["cases"], f"{SECONDS[0] * 1e3:.0f} ms program"
    print(f"\nEqual programs: called different ({cases} cases each; peers with a {program})\n")
    print("| regime | trimtab, 400 looks | hyperfine | criterion | tango | trimtab says same | median pairs to that |")
    print("|---|---|---|---|---|---|---|")
    for row in rows:
        peers = row["called_by_others"]
        assert isinstance(peers, dict)
        others = " | ".join(percent(peers, f"{rule} {SECONDS[0]}") for rule in ("hyperfine", "criterion", "tango"))
        same, pairs = f"{row['right']:.0%}", number_or_dash(row["median_pairs"])
        print(f"| {row['regime']} | {row['wrong']:.1%} | {others} | {same} | {pairs} |")


def print_power(rows: Sequence[dict[str, object]], seconds: float) -> None:
    """What is called right, and at what price."""
    cost = {rule: seconds_of_peer(rule, seconds) for rule in ("hyperfine", "criterion", "tango")}
    print(f"\nA program of {seconds * 1e3:.0f} ms that became slower: called so ({rows[0]['cases']} cases each)\n")
    print(
        "| regime | change | trimtab | wrong | median pairs | median time | "
        + " | ".join(f"{rule}, {spent:.0f} s" for rule, spent in cost.items())
        + " |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for row in rows:
        peers, pairs = row["called_by_others"], row["median_pairs"]
        assert isinstance(peers, dict)
        others, runs = " | ".join(percent(peers, f"{rule} {seconds}") for rule in cost), row["median_runs"]
        took = f"{runs * seconds:.1f} s" if isinstance(runs, (int, float)) else "–"
        print(
            f"| {row['regime']} | {row['change']:.0%} | {row['right']:.1%} | {row['wrong']:.1%} | "
            f"{number_or_dash(pairs)} | {took} | {others} |"
        )


def percent(shares: Mapping[str, float], rule: str) -> str:
    """The share of a rule, if it was simulated."""
    return f"{shares[rule]:.1%}" if rule in shares else "–"


def number_or_dash(value: object) -> str:
    """A number without decimals."""
    return f"{value:.0f}" if isinstance(value, (int, float)) else "–"


LOAD = """
import random, time
while True:
    until = time.monotonic() + random.uniform(0.5, 4)
    while time.monotonic() < until:
        sum(range(10_000))
    time.sleep(random.uniform(0.5, 4))
"""


@contextmanager
def load() -> Iterator[None]:
    """Another process that is busy for 0.5 to 4 s, then idle as long, and so on."""
    process = subprocess.Popen([sys.executable, "-c", LOAD])
    try:
        yield
    finally:
        process.kill()
        process.wait()


class Real:
    """A program and its byte copy, at work on a file that takes it about 17 ms."""

    def __init__(self, folder: Path) -> None:
        found = shutil.which("gzip")
        assert found, "gzip is needed"
        self.base, self.head, self.copy = (folder / name / "gzip" for name in ("base", "head", "copy"))
        self._folder, self._input = folder, folder / "input"
        for path in (self.base, self.head, self.copy):
            path.parent.mkdir()
            shutil.copy(Path(found).resolve(), path)
        size = 100_000
        self._fill(size)
        took = min(self.seconds(self.base) for _ in range(20))
        self._fill(int(size * SECONDS[0] / took))

    def _fill(self, size: int) -> None:
        source = random.Random("input")
        self._input.write_text("".join(source.choices("etaoin shrdlu\n", k=size)), encoding="ascii")

    def seconds(self, program: Path) -> float:
        """One run, from its start until it is waited for."""
        start = time.perf_counter()
        actions = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
        process = os.posix_spawn(program, [str(program), "-c", str(self._input)], {}, file_actions=actions)
        _, status = os.waitpid(process, 0)
        assert status == 0
        return time.perf_counter() - start

    def compare(self, pairs: int) -> dict[str, object]:
        """One comparison by trimtab and one by hyperfine's default, in random order."""
        record: dict[str, object] = {}
        for rule in random.sample(["trimtab", "hyperfine"], 2):
            start = time.perf_counter()
            if rule == "trimtab":
                commands = tuple((str(path), "-c", str(self._input)) for path in (self.base, self.head, self.copy))
                with timing_runner(SystemRunner(), self._folder) as (runner, _):
                    verdicts = watch(runner, (), SMALLEST, random.Random(), commands=commands, looks=pairs)
                record["verdicts"] = verdicts
            else:
                count = hyperfine_runs(SECONDS[0])
                base, head = ([self.seconds(program) for _ in range(count)] for program in (self.base, self.head))
                record["p_value"] = welch(base, head)
            record[f"{rule}_took"] = time.perf_counter() - start
        return record


def real(count: int, pairs: int, results: Path) -> list[dict[str, object]]:
    """Comparisons of a program with its copy under load; those that a file of results already holds are kept."""
    results.touch()
    done = len(results.read_text(encoding="utf-8").splitlines())
    with tempfile.TemporaryDirectory() as folder, load():
        program = Real(Path(folder))
        for number in range(done, count):
            with results.open("a", encoding="utf-8") as stream:
                print(json.dumps(program.compare(pairs)), file=stream)
            print(f"{number + 1} of {count}", file=sys.stderr)
    return [json.loads(line) for line in results.read_text(encoding="utf-8").splitlines()]


def print_real(records: Sequence[dict[str, object]]) -> None:
    """A real program beside its copy."""
    called = [record for record in records if {"improved", "regressed"} & set(record["verdicts"])]  # type: ignore[call-overload]
    p_values = [float(str(record["p_value"])) for record in records]
    print(f"\n{len(records)} comparisons of a real program with its own copy, under load that comes and goes\n")
    print(f"trimtab, ever called different: {len(called)} ({len(called) / len(records):.1%})")
    print(f"hyperfine's runs, Welch's test at 1 %: {sum(p < ERROR for p in p_values) / len(records):.1%}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Disturbance:
    """Simulated comparisons in which something is broken; one row of a table."""

    kind: str
    label: str
    wrong: tuple[str, ...]
    """Verdicts that would be wrong."""
    change: float = 0.0
    carry_over: Mapping[str, float] = field(default_factory=dict)
    seconds: float = 1.0
    rounds_down: bool = False

    def one(self, case: int) -> dict[str, set[str]]:
        """All verdicts that ever come, by rule."""
        found = {}
        for rule, blocks in (
            ("trimtab", PairedBench),
            *([("unprimed", Unprimed)] if self.carry_over and not self.change else []),
        ):
            source = random.Random(f"{self.kind} {self.label} {case} {rule}")
            ticks = self._ticks(source) if self.kind == "ticks" else lambda seconds: seconds
            machine = Machine(quiet(source), self.change, carry_over=self.carry_over, cpu=ticks, seconds=self.seconds)
            metric = "cpu" if self.kind == "ticks" else "wall"
            verdicts = watch(machine, (), SMALLEST, source, metric=metric, blocks=blocks)
            found[rule] = set(map(str, verdicts))
        return found

    def _ticks(self, source: random.Random) -> Callable[[float], float]:
        """A clock that ticks every 10 ms."""
        return lambda seconds: math.floor(seconds / TICK + (0 if self.rounds_down else source.random())) * TICK


def disturbances(kinds: Sequence[str]) -> Iterator[Disturbance]:
    """All rows of the tables."""
    if "carry-over" in kinds:
        for share in CARRIED:
            for who in ("base", "head"):
                for change in (0.0, *((0.05, -0.05) if share == CARRIED[-1] else ())):
                    wrong = ["regressed"] * (change <= 0) + ["improved"] * (change >= 0)
                    label = f"{who} leaves {share:.0%}, head takes {change:+.0%}"
                    yield Disturbance(
                        kind="carry-over", label=label, wrong=tuple(wrong), change=change, carry_over={who: share}
                    )
    if "ticks" in kinds:
        for seconds in (0.02, 0.05, 0.2, 0.5):
            for rounds_down in (False, True):
                label = f"{seconds * 1e3:.0f} ms, {'rounded down' if rounds_down else 'rounded at random'}"
                yield Disturbance(
                    kind="ticks", label=label, wrong=("same",), change=0.03, seconds=seconds, rounds_down=rounds_down
                )


def disturbed(cases: Mapping[str, int], jobs: int) -> None:
    """Markdown tables of simulations with something broken.

    Args:
        cases: kind → comparisons for each row.
        jobs: processes.
    """
    print("\n| broken | cases | wrong | wrong without primers | verdicts that came |\n|---|---|---|---|---|")
    with multiprocessing.Pool(jobs) as pool:
        for row in disturbances([kind for kind, count in cases.items() if count]):
            found = pool.map(row.one, range(cases[row.kind]), chunksize=5)
            wrong = {rule: sum(not one[rule].isdisjoint(row.wrong) for one in found) / len(found) for rule in found[0]}
            verdicts = {name: sum(name in one["trimtab"] for one in found) / len(found) for name in DECIDED}
            before = f"{wrong['unprimed']:.1%}" if "unprimed" in wrong else ""
            came = ", ".join(f"{name} {share:.0%}" for name, share in verdicts.items() if share)
            print(f"| {row.label} | {len(found)} | {wrong['trimtab']:.1%} | {before} | {came} |", flush=True)


@dataclass(frozen=True, kw_only=True, slots=True)
class Randomised(Counter):
    """Counts that differ from run to run."""

    draw: Callable[[], float]

    def count(self, runner: Runner, command: Command) -> Count | str:  # noqa: ARG002 - nothing is run
        """One count."""
        instructions = round(1e9 * self.draw() * (1.05 if command.argv[0] == "slower" else 1))
        return Count(instructions=instructions, cycles=2 * instructions)


def counted(task: tuple[str, str, int]) -> str:
    """The verdict on the instructions of a program and its copy, or of one that executes 5 % more."""
    spread, head, number = task
    source = random.Random(f"counts {spread} {head} {number}")
    draw = (
        (lambda: source.choice((1.0, 1.2)))
        if spread == TWO_VALUES
        else (lambda: math.exp(source.gauss(0, float(spread) / 100)))
    )
    counter = Randomised(
        program="", metrics=("instructions", "cycles"), method="", slowdown=1, prefix=lambda _: (),
        read=lambda _: None, draw=draw,
    )  # fmt: skip
    machine = Machine(quiet(source), 0.0)
    case = Case(name="", commands={"base": ("base",), "head": ("head",)}, null=("copy",))
    bench = PairedBench(machine, RunOptions(environment={}, runs=3), order=source)
    measured = bench.measure([case], lambda _: None, counter.metrics)
    measured[0].case = replace(case, commands={"base": ("base",), "head": (head,)})
    clock = iter(range(1_000_000))
    options = RunOptions(environment={}, budget=COUNT_ROUNDS)
    count_runs(counter, machine, options, measured, clock=lambda: next(clock))
    rows, _ = rows_of(measured)
    return str(next(row.verdict for row in rows if row.metric == "instructions"))


def counts(cases: int, jobs: int) -> None:
    """A Markdown table."""
    print(
        f"\n| spread of counts, {COUNT_ROUNDS} rounds | cases | equal programs called different | same "
        "| 5 % more called so |"
    )
    print("|---|---|---|---|---|")
    with multiprocessing.Pool(jobs) as pool:
        for spread in ("0", "0.1", "1", "5", "20", TWO_VALUES):
            equal = pool.map(counted, [(spread, "head", number) for number in range(cases)], chunksize=20)
            slower = pool.map(counted, [(spread, "slower", number) for number in range(cases // 5)], chunksize=20)
            wrong = sum(verdict in ("regressed", "improved") for verdict in equal) / cases
            name = spread if spread == TWO_VALUES else f"{spread} %"
            print(
                f"| {name} | {cases} | {wrong:.2%} | {equal.count('same') / cases:.0%} | "
                f"{slower.count('regressed') / len(slower):.0%} |", flush=True,
            )  # fmt: skip


SHAPES: dict[str, Callable[[random.Random], float]] = {
    "normal": lambda source: source.gauss(0, 1),
    "heavy tails": lambda source: source.gauss(0, 1) / math.sqrt(source.gammavariate(1.5, 2) / 3),
    "uniform": lambda source: source.uniform(-1.7, 1.7),
}


def misses(task: tuple[str, int, float, int]) -> float:
    """Share of intervals over so many layouts of each side that miss the true difference."""
    shape, layouts, ratio, cases = task
    source = random.Random(f"layouts {task}")
    wrong = 0
    for _ in range(cases):
        base = [SHAPES[shape](source) for _ in range(layouts)]
        head = [ratio * SHAPES[shape](source) for _ in range(layouts)]
        interval = mean_difference(base, head)
        assert interval.low is not None
        assert interval.high is not None
        wrong += not interval.low <= 0 <= interval.high
    return wrong / cases


def layouts(cases: int, jobs: int) -> None:
    """A Markdown table."""
    print(f"\n| effects of layouts | layouts | {' | '.join(f'spreads 1 : {ratio:g}' for ratio in RATIOS)} |")
    print(f"|---|---|{'---|' * len(RATIOS)}")
    with multiprocessing.Pool(jobs) as pool:
        for shape in SHAPES:
            for count in (6, 10, 20):
                found = pool.map(misses, [(shape, count, ratio, cases) for ratio in RATIOS])
                print(f"| {shape} | {count} | {' | '.join(f'{share:.2%}' for share in found)} |", flush=True)


HASHING = r"""
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
int main(void) {
    static unsigned long long seed, table[1024], probes, sum;
    if (getrandom(&seed, sizeof seed, 0) != sizeof seed) return 1;
    for (unsigned long long key = 1; key <= 1000; key++) {
        unsigned long long at = (key ^ seed) * 0x9E3779B97F4A7C15ULL >> 54;
        while (table[at]) at = (at + 1) % 1024, probes++;
        table[at] = key;
    }
    for (unsigned long long i = 0; i < probes; i++) sum += table[i * 7 % 1024] * i;
    printf("%d\n", sum != 1);
}
"""
"""A C program with a hash table whose seed is random, so that each run takes another number of probes."""


def real_counts(count: int) -> None:
    """Counts of a randomised program beside a copy of itself."""
    runner, verdicts = SystemRunner(), list[str]()
    with tempfile.TemporaryDirectory() as folder, timing_runner(runner, Path(folder)) as (timed, _):
        source, base, head = (Path(folder) / name for name in ("hashing.c", "base", "head"))
        source.write_text(HASHING)
        subprocess.run(["cc", "-O1", "-o", str(base), str(source)], check=True)
        shutil.copy(base, head)
        case = Case(name="", commands={"base": (str(base),), "head": (str(head),)}, null=(str(base),))
        counter = find_counter(runner, dict(os.environ))
        options = RunOptions(environment=dict(os.environ), runs=REAL_ROUNDS)
        for number in range(count):
            bench = PairedBench(runner, replace(options, runs=3), timed)
            measured = bench.measure([case], lambda _: None, counter.metrics)
            count_runs(counter, runner, options, measured)
            rows, _ = rows_of(measured)
            spread = statistics.pstdev(math.log(one.instructions) for one in measured[0].counts["base"])
            verdicts += [str(row.verdict) for row in rows if row.mode is Mode.COUNTED]
            print(f"{number + 1} of {count}: spread {spread:.1%}, {verdicts[-2:]}", file=sys.stderr, flush=True)
    called = sum(verdict in ("improved", "regressed") for verdict in verdicts)
    print(f"\n{count} comparisons of a randomised program with its copy by {counter.program}: {called} rows called")


def parsed() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--null", type=int, default=0, metavar="N", help="simulated comparisons of equal programs")
    parser.add_argument("--power", type=int, default=0, metavar="N", help="simulated comparisons for each change")
    parser.add_argument("--changes", type=float, nargs="+", default=CHANGES, help="true changes, as fractions")
    parser.add_argument("--smallest", type=float, default=SMALLEST, help="smallest change that matters, as a fraction")
    for name in ("carry-over", "ticks", "counts", "layouts"):
        parser.add_argument(f"--{name}", type=int, default=0, metavar="N", help="simulated comparisons for each row")
    parser.add_argument("--real-counts", type=int, default=0, metavar="N", help="counted comparisons with a copy")
    parser.add_argument("--real", type=int, default=0, metavar="N", help="comparisons of a real program with its copy")
    parser.add_argument("--pairs", type=int, default=150, help="pairs of each real comparison")
    parser.add_argument("--results", type=Path, default=Path("real.jsonl"), help="where real comparisons are kept")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--alone", dest="peers", action="store_false", help="simulate trimtab alone, not its peers")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def main() -> None:
    """Simulate, run, print."""
    options = parsed()
    null = simulated((0.0,), options.null, options) if options.null else []
    power = simulated(options.changes, options.power, options) if options.power else []
    records = real(options.real, options.pairs, options.results) if options.real else []
    if options.json:
        real_verdicts = [{"verdicts": one["verdicts"], "p_value": one["p_value"]} for one in records]
        print(json.dumps({"null": null, "power": power, "real": real_verdicts}, indent=2))
        return
    if options.carry_over or options.ticks:
        disturbed({"carry-over": options.carry_over, "ticks": options.ticks}, options.jobs)
    if options.counts:
        counts(options.counts, options.jobs)
    if options.layouts:
        layouts(options.layouts, options.jobs)
    if options.real_counts:
        real_counts(options.real_counts)
    if null:
        print_null(null)
    if power:
        for seconds in SECONDS:
            print_power(power, seconds)
    if records:
        print_real(records)


if __name__ == "__main__":
    main()
