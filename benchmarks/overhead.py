"""What tracing and measuring add to a build: trimtab's clean build against plain ``cargo build``, in CPU seconds.

Each pair builds the same crate twice from an empty target directory, once plainly and once through
`trimtab.builders.cargo.CargoBuilder` with everything on (a wrapper around every rustc call, memory of the process tree
watched, binaries kept), in random order. Counted is the CPU time of all processes, this one included; shares of this
process and of the wrapper are told too, as they count them themselves. The floor is plain Cargo, ratio 1.

    python benchmarks/overhead.py crate:ripgrep --pairs 8 [--json]
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import statistics
import subprocess
import tempfile
from dataclasses import asdict
from pathlib import Path

from trimtab.cargo.environment import building
from trimtab.cargo.profiles.arguments import selection_arguments
from trimtab.experiment.prepare import prepare
from trimtab.experiment.request import Request
from trimtab.model.trial import Built
from trimtab.stats.median import ratio_interval
from trimtab.system.paths import Folders, clear
from trimtab.units import format_change


def cpu_seconds() -> float:
    """User and system seconds of this process and of all that it has waited for."""
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def own_cpu_seconds() -> float:
    """User and system seconds of this process alone."""
    own = resource.getrusage(resource.RUSAGE_SELF)
    return own.ru_utime + own.ru_stime


def main() -> None:
    """Run the pairs and print the ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", nargs="?", default="crate:ripgrep")
    parser.add_argument("--pairs", type=int, default=8)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        exploration = prepare(Request(path=options.path), Folders(store=folder / "db", cache=folder / "cache"))
        builder = exploration.builder(folder, folder / "artifacts")

        wrapper: list[float] = []

        def traced() -> None:
            before = cpu_seconds()
            built = builder.build(exploration.today.profile, touch=False)
            assert isinstance(built, Built)
            assert built.trace
            wrapper.append(built.trace.tracing_cpu / (cpu_seconds() - before))

        def plain() -> None:
            target = folder / "target"
            arguments = selection_arguments(exploration.plan.selection, exploration.binaries)
            subprocess.run(
                ["cargo", "build", "--quiet", "--frozen", *arguments],
                cwd=exploration.project.root,
                env=building(exploration.environment, target),
                check=True,
            )
            clear(target)

        ways = {"plain": plain, "traced": traced}
        seconds: dict[str, list[float]] = {name: [] for name in ways}
        own: dict[str, list[float]] = {name: [] for name in ways}
        plain()  # warms the file cache for both
        for _ in range(options.pairs):
            for name in random.sample(list(ways), 2):
                before, own_before = cpu_seconds(), own_cpu_seconds()
                ways[name]()
                seconds[name].append(cpu_seconds() - before)
                own[name].append((own_cpu_seconds() - own_before) / seconds[name][-1])
    ratio = ratio_interval(seconds["plain"], seconds["traced"])
    document = {
        "project": exploration.study.project.name,
        "toolchain": asdict(exploration.study.toolchain),
        "machine": asdict(exploration.study.machine),
        "cpu_seconds": seconds,
        "ratio": asdict(ratio),
        "own_share": {name: statistics.median(shares) for name, shares in own.items()},
        "wrapper_share": statistics.median(wrapper),
    }
    if options.json:
        print(json.dumps(document, indent=2))
    else:
        interval = f" [{format_change(ratio.low)}, {format_change(ratio.high)}]" if ratio.low and ratio.high else ""
        share = statistics.median(own["traced"])
        print(f"our own process: {share:.2%} of the CPU time of a traced build")
        print(f"the wrapper of rustc: {statistics.median(wrapper):.2%}")
        print(f"{exploration.study.project.name}: CPU {format_change(ratio.value)}{interval}, {options.pairs} pairs")


if __name__ == "__main__":
    main()
