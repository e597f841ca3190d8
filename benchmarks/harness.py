"""What `trimtab bench` adds to a run, and whether it times a short run as hyperfine does.

The program is a C loop of about 5 ms. Floor: a bare `posix_spawn` and `wait4` from Python. Peer: `hyperfine -N`. All
take turns in blocks of random order, so that load hits all alike.

    python benchmarks/harness.py [--blocks 30] [--json]
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from trimtab.measure.paired import PairedBench, RunOptions
from trimtab.measure.series import Case
from trimtab.stats.median import ratio_interval
from trimtab.system.process import SystemRunner

PROGRAM = """
#include <stdlib.h>
int main(int count, char **words) {
    volatile unsigned long sum = 0;
    for (long at = atol(words[1]) * 1000; at; at--) sum += at;
    return 0;
}
"""
RUNS = 20


def program(folder: Path, seconds: float) -> list[str]:
    """A command that takes about so long."""
    source, binary = folder / "loop.c", folder / "loop"
    source.write_text(PROGRAM)
    subprocess.run(["cc", "-O1", "-o", binary, source], check=True)
    loops = 1000
    took = min(bare([str(binary), str(loops)])[0] for _ in range(30))
    return [str(binary), str(max(1, int(loops * seconds / took)))]


def bare(command: list[str]) -> tuple[float, float]:
    """Seconds of one run, from spawn to exit, and what it cost in all: here the same."""
    start = time.perf_counter()
    child = os.posix_spawn(command[0], command, {})
    os.waitpid(child, 0)
    took = time.perf_counter() - start
    return took, took


def ours(command: list[str]) -> tuple[float, float]:
    """Median of what trimtab says, and the time per run that it took for it."""
    case = Case(name="loop", commands={"a": tuple(command), "b": tuple(command)}, null=tuple(command))
    bench = PairedBench(SystemRunner(), RunOptions(environment={}, runs=RUNS))
    start = time.perf_counter()
    (measured,) = bench.measure([case], lambda _: None)
    took = time.perf_counter() - start
    walls = [sample.wall for runs in measured.runs.values() for sample in runs.samples]
    return statistics.median(walls), took / (len(walls) + RUNS // 2 + 2)


def hyperfine(command: list[str]) -> tuple[float, float]:
    """Median of what hyperfine says, and the time per run that it took."""
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        words = ["hyperfine", "-N", "--style=none", "--warmup=1", f"--runs={2 * RUNS}", f"--export-json={file.name}"]
        start = time.perf_counter()
        subprocess.run([*words, " ".join(command)], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        took = time.perf_counter() - start
        (result,) = json.loads(Path(file.name).read_text())["results"]
    return result["median"], took / (2 * RUNS + 1)


def several_bare(command: list[str]) -> tuple[float, float]:
    """Medians of bare runs."""
    found = statistics.median(bare(command)[0] for _ in range(2 * RUNS))
    return found, found


def main() -> None:
    """Take turns and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--blocks", type=int, default=30)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rules = {"bare": several_bare, "trimtab": ours}
    if shutil.which("hyperfine"):
        rules["hyperfine"] = hyperfine
    said: dict[str, list[float]] = {name: [] for name in rules}
    cost: dict[str, list[float]] = {name: [] for name in rules}
    with tempfile.TemporaryDirectory() as folder:
        command = program(Path(folder), 0.005)
        for _ in range(options.blocks):
            for name in random.sample(list(rules), len(rules)):
                median, each = rules[name](command)
                said[name].append(median)
                cost[name].append(each)
    added = statistics.median(a - b for a, b in zip(cost["trimtab"], cost["bare"], strict=True))
    document: dict[str, object] = {
        "blocks": options.blocks,
        "median_ms": {name: statistics.median(times) * 1e3 for name, times in said.items()},
        "added_ms_per_run": added * 1e3,
    }
    for name in rules:
        if name != "trimtab":
            interval = ratio_interval(said[name], said["trimtab"])
            document[f"trimtab_over_{name}"] = [interval.value, interval.low, interval.high]
    if options.json:
        print(json.dumps(document, indent=2))
        return
    print(", ".join(f"{name} {statistics.median(times) * 1e3:.2f} ms" for name, times in said.items()))
    print(f"trimtab adds {added * 1e3:.2f} ms to a run in all, beside spawning the process")
    for name in rules:
        if name != "trimtab":
            interval = ratio_interval(said[name], said["trimtab"])
            low, high = (math.nan if end is None else end for end in (interval.low, interval.high))
            print(f"what trimtab says over {name}: {interval.value - 1:+.1%} [{low - 1:+.1%}, {high - 1:+.1%}]")


if __name__ == "__main__":
    main()
