"""Cost of starting: CPU seconds of ``trimtab --help``, beside an empty Python as the floor, run in turn.

python benchmarks/startup.py [--runs 20] [--json]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys

COMMANDS = {
    "python -c pass (floor)": [sys.executable, "-c", "pass"],
    "python -c 'import click'": [sys.executable, "-c", "import click"],
    "trimtab --help": [sys.executable, "-m", "trimtab", "--help"],
}


def cpu_seconds(command: list[str]) -> float:
    """User and system seconds of one run."""
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    assert child.returncode == 0
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    """Run all commands in turn and print medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rounds = [{name: cpu_seconds(command) for name, command in COMMANDS.items()} for _ in range(options.runs)]
    medians = {name: statistics.median(seconds[name] for seconds in rounds) for name in COMMANDS}
    if options.json:
        print(json.dumps({"runs": options.runs, "median_cpu_seconds": medians}, indent=2))
    else:
        for name, seconds in medians.items():
            print(f"{seconds * 1000:6.1f} ms CPU  {name}")


if __name__ == "__main__":
    main()
