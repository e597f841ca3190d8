#!/usr/bin/env python3
"""Compare two commands by running them in turns, in random order.

Usage: pairwise.py [-n PAIRS] [--seed N] COMMAND COMMAND

Prints the median ratio of the two wall times with an interval from the sign test: the interval holds
the true median ratio in at least the stated share of all experiments, whatever the distribution.
"""

from __future__ import annotations

import argparse
import math
import random
import shlex
import subprocess
import sys
import time
from dataclasses import dataclass, field


@dataclass
class Comparison:
    """Log ratios of paired runs, second command over first."""

    ratios: list[float] = field(default_factory=list)

    def add(self, first: float, second: float) -> None:
        self.ratios.append(math.log(second / first))

    def median(self) -> float:
        ordered = sorted(self.ratios)
        middle = len(ordered) // 2
        if len(ordered) % 2:
            return ordered[middle]
        return (ordered[middle - 1] + ordered[middle]) / 2

    def interval(self, confidence: float) -> tuple[float, float]:
        """Order statistics that enclose the median with at least this confidence."""
        ordered = sorted(self.ratios)
        count = len(ordered)
        outside = (1 - confidence) / 2
        rank = 0
        tail = 0.5**count
        while rank + 1 < count / 2 and tail <= outside:
            rank += 1
            tail += math.comb(count, rank) * 0.5**count
        rank = max(rank - 1, 0)
        return ordered[rank], ordered[count - 1 - rank]


def run_once(command: list[str]) -> float:
    """Wall time of one run in seconds; stops the program when the command fails."""
    start = time.perf_counter()
    finished = subprocess.run(command, stdout=subprocess.DEVNULL, check=False)
    elapsed = time.perf_counter() - start
    if finished.returncode != 0:
        sys.exit(f"{shlex.join(command)}: exit status {finished.returncode}")
    return elapsed


def compare(first: list[str], second: list[str], pairs: int, rng: random.Random) -> Comparison:
    comparison = Comparison()
    run_once(first)
    run_once(second)
    for _ in range(pairs):
        if rng.random() < 0.5:
            a = run_once(first)
            b = run_once(second)
        else:
            b = run_once(second)
            a = run_once(first)
        comparison.add(a, b)
    return comparison


def percent(log_ratio: float) -> str:
    return f"{(math.exp(log_ratio) - 1) * 100:+.2f}%"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("first", help="the baseline, as one shell word")
    parser.add_argument("second", help="the candidate, as one shell word")
    parser.add_argument("-n", "--pairs", type=int, default=25)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--confidence", type=float, default=0.99)
    options = parser.parse_args()
    if options.pairs < 5:
        parser.error("fewer than five pairs decide nothing")

    comparison = compare(
        shlex.split(options.first),
        shlex.split(options.second),
        options.pairs,
        random.Random(options.seed),
    )
    low, high = comparison.interval(options.confidence)
    print(f"median change {percent(comparison.median())}, between {percent(low)} and {percent(high)}")
    if low > 0:
        print("the second command is slower")
    elif high < 0:
        print("the second command is faster")
    else:
        print("no difference was shown")
    return 0


if __name__ == "__main__":
    sys.exit(main())
