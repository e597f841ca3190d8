"""How often a verdict is wrong and how soon it comes, beside the rules of other programs.

    python benchmarks/verdicts.py --null 1000 --power 300 --jobs 2 --json > simulated.json    (half an hour of CPU)
    python benchmarks/verdicts.py --real 200 --results real.jsonl                             (half an hour, resumable)

Without ``--json`` tables are printed. Simulated is the time of one run after another, as the logarithm of a factor. The
noise of a run has a standard deviation of 3 % in every regime; what comes on top of it is said at each `Regime`.

The rules, all with two commands or functions of the same length:

* **trimtab**: pairs in random order, looked at after every pair, until a verdict or 400 pairs, as a whole report.
* **hyperfine**: its default number of runs, at least 10 and at least 3 s for each command, one command after the other;
  then Welch's t-test as in its `scripts/welch_ttest.py`, here at 1 %.
* **criterion**: 100 samples in 5 s of each function, one after the other; the change of the means bootstrapped; a call
  if its 95 % interval lies beyond the noise threshold of 1 % (`compare_to_threshold` in `report.rs`; here with 1,000
  resamples).
* **tango**: pairs in alternating order, as many runs as hyperfine's; a call if the mean difference is at least 2.6
  standard errors and 0.5 % of the baseline's mean (`DiffEstimate` in its `cli.rs`; no outliers are removed here).

``--real`` times a program against a byte copy of itself while another process makes load on and off.
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
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from trimtab.measure.series import BenchRuns, Case, new_series
from trimtab.measure.verdicts import verdicts_of
from trimtab.model.comparison import Sample, Verdict

RUN_NOISE = 0.03
LOOKS = 400
ERROR = 0.01
SMALLEST = 0.01
CHANGES = (0.01, 0.02, 0.05, 0.10)
SECONDS = (0.017, 0.1)
"""How long a run takes; it matters to those who measure for a time."""
RESAMPLES = 1000

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


def watch(pairs: Pairs, until: Sequence[str], smallest: float) -> dict[str, int]:
    """Verdicts of trimtab and after how many pairs each came first; looked at until one of ``until`` or ``LOOKS``.

    This is the report of `trimtab bench` with its four rows, of which CPU time has the noise of wall time, and memory
    and page faults have none; the verdict on wall time counts.
    """
    case = Case(name="", commands={"base": (), "head": ()}, null=(), smallest=smallest)
    report = BenchRuns(case=case, runs={}, series={"head": new_series(case)})
    found = dict[str, int]()
    for number, (base, head) in enumerate(islice(pairs, LOOKS), start=1):
        for series in report.series["head"]:
            series.add(sample(base), sample(head))
        wall = next(verdict for _, verdict in verdicts_of([report]))
        if wall is not Verdict.UNCLEAR:
            found.setdefault(wall, number)
            if wall in until:
                break
    return found


def sample(seconds: float) -> Sample:
    """A run that took so long."""
    return Sample(wall=seconds, user=seconds, system=0, memory=1 << 30, faults=1 << 10, exit_code=0)


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

    def runs(self, rule: str) -> tuple[Runs, random.Random]:
        """Runs of the machine, and where the rule's own chances come from."""
        source = random.Random(f"{self.regime} {self.change} {self.case} {rule}")
        return REGIMES[self.regime](source), source


def by_trimtab(task: Task) -> dict[str, int]:
    """What is said of two equal programs over all looks; else what is said first."""
    runs, source = task.runs("trimtab")
    pairs = in_pairs(runs, task.change, 1, lambda _: source.random() < 1 / 2)
    return watch(pairs, ("regressed", "improved", "same") if task.change else (), task.smallest)


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


def simulate(task: Task) -> tuple[dict[str, int], dict[str, bool]]:
    """One comparison, by all rules."""
    return by_trimtab(task), by_the_others(task)


def simulated(changes: Sequence[float], cases: int, jobs: int, smallest: float) -> list[dict[str, object]]:
    """A row for each regime and change."""
    rows = []
    with multiprocessing.Pool(jobs) as pool:
        for regime in REGIMES:
            for change in changes:
                tasks = [Task(regime=regime, change=change, case=case, smallest=smallest) for case in range(cases)]
                rows.append(summed_up(regime, change, pool.map(simulate, tasks, chunksize=10)))
                print(f"{regime}, {change:.0%}: done", file=sys.stderr)
    return rows


def summed_up(regime: str, change: float, found: Sequence[tuple[dict[str, int], dict[str, bool]]]) -> dict[str, object]:
    """Shares of the cases, and the pairs that half of all cases had enough of, if half were decided at all."""
    verdicts = [ours for ours, _ in found]

    def share(*wanted: str) -> float:
        return sum(not ours.keys().isdisjoint(wanted) for ours in verdicts) / len(verdicts)

    right = "regressed" if change else "same"
    pairs = statistics.median(ours.get(right, math.inf) for ours in verdicts)
    peers = {rule: sum(others[rule] for _, others in found) / len(found) for rule in found[0][1]}
    return {
        "regime": regime,
        "change": change,
        "cases": len(found),
        "right": share(right),
        "wrong": share("improved", "same") if change else share("improved", "regressed"),
        "median_pairs": pairs if pairs < math.inf else None,
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
        others = " | ".join(f"{peers[f'{rule} {SECONDS[0]}']:.1%}" for rule in ("hyperfine", "criterion", "tango"))
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
        others = " | ".join(f"{peers[f'{rule} {seconds}']:.1%}" for rule in cost)
        took = f"{2 * pairs * seconds:.1f} s" if isinstance(pairs, (int, float)) else "–"
        print(
            f"| {row['regime']} | {row['change']:.0%} | {row['right']:.1%} | {row['wrong']:.1%} | "
            f"{number_or_dash(pairs)} | {took} | {others} |"
        )


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
        self.base, self.head, self._input = folder / "base" / "gzip", folder / "head" / "gzip", folder / "input"
        for path in (self.base, self.head):
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

    def pairs(self, count: int) -> Pairs:
        """Base and head in random order."""
        for _ in range(count):
            order = random.sample([self.base, self.head], 2)
            seconds = {program: self.seconds(program) for program in order}
            yield seconds[self.base], seconds[self.head]

    def compare(self, pairs: int) -> dict[str, object]:
        """One comparison by trimtab and one by hyperfine's default, in random order."""
        record: dict[str, object] = {}
        for rule in random.sample(["trimtab", "hyperfine"], 2):
            start = time.perf_counter()
            if rule == "trimtab":
                taken = list(self.pairs(pairs))
                record |= {"seconds": taken, "verdicts": watch(taken, (), SMALLEST)}
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


def main() -> None:
    """Simulate, run, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--null", type=int, default=0, metavar="N", help="simulated comparisons of equal programs")
    parser.add_argument("--power", type=int, default=0, metavar="N", help="simulated comparisons for each change")
    parser.add_argument("--changes", type=float, nargs="+", default=CHANGES, help="true changes, as fractions")
    parser.add_argument("--smallest", type=float, default=SMALLEST, help="smallest change that matters, as a fraction")
    parser.add_argument("--real", type=int, default=0, metavar="N", help="comparisons of a real program with its copy")
    parser.add_argument("--pairs", type=int, default=150, help="pairs of each real comparison")
    parser.add_argument("--results", type=Path, default=Path("real.jsonl"), help="where real comparisons are kept")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    null = simulated((0.0,), options.null, options.jobs, options.smallest) if options.null else []
    power = simulated(options.changes, options.power, options.jobs, options.smallest) if options.power else []
    records = real(options.real, options.pairs, options.results) if options.real else []
    if options.json:
        real_verdicts = [{"verdicts": one["verdicts"], "p_value": one["p_value"]} for one in records]
        print(json.dumps({"null": null, "power": power, "real": real_verdicts}, indent=2))
        return
    if null:
        print_null(null)
    if power:
        for seconds in SECONDS:
            print_power(power, seconds)
    if records:
        print_real(records)


if __name__ == "__main__":
    main()
