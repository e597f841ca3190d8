"""Forecasts of clean builds against real ones.

Every profile is traced with shared units, as ``trimtab forecast`` does, and forecast for the cores of this machine and,
with ``--one-core``, for one. Right after that it is built for real with plain ``cargo build`` in an empty target
directory, under the same limit of cores; peak memory is watched as `trimtab explore` does. Errors are
forecast / real - 1. The floor is how far builds of one profile are from each other in several rounds; there is no peer:
``cargo build --timings`` shows what was, not what will be.

    python benchmarks/forecast.py crate:ripgrep [--one-core] [--rounds 2] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from trimtab.commands.forecast.run import profile_forecasts
from trimtab.experiment.exploration import Exploration
from trimtab.experiment.prepare import prepare
from trimtab.experiment.request import Request
from trimtab.model.space import parse_axis
from trimtab.model.trial import Built
from trimtab.system.machine import usable_cores
from trimtab.system.paths import Folders
from trimtab.system.process import ResourceLimits
from trimtab.units import format_bytes

_AXES = ("lto=local,thin,fat", "codegen-units=16,1")


def rows(exploration: Exploration, cores: Sequence[int], folder: Path, number: int) -> Iterator[dict[str, Any]]:
    """Each profile on each number of cores, as forecast and for real, right after each other."""
    for profile in exploration.profiles:
        (one,), _ = profile_forecasts(exploration, (profile,), cores, folder, lambda _: None)
        for foretold in one.forecasts:
            builder = replace(
                exploration.cargo_builder(folder / "real", folder / "kept"), limits=ResourceLimits(cpus=foretold.cores)
            )
            built = builder.build(profile, touch=False)
            assert isinstance(built, Built), built
            real, memory = built.clean, foretold.peak_memory
            row = {
                "round": number,
                "profile": one.label,
                "cores": foretold.cores,
                "forecast": {
                    "wall": foretold.wall,
                    "low": foretold.low,
                    "high": foretold.high,
                    "cpu": foretold.cpu,
                    "peak_memory": memory,
                },
                "real": asdict(real),
                "cpu_error": foretold.cpu / real.cpu - 1,
                "wall_error": foretold.wall / real.wall - 1,
                "within_interval": foretold.low <= real.wall <= foretold.high,
                "memory_error": memory / real.peak_memory - 1 if memory and real.peak_memory else None,
            }
            print(json.dumps(row), file=sys.stderr, flush=True)
            yield row


def main() -> None:
    """Run the builds and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", nargs="?", default="crate:ripgrep")
    parser.add_argument("--one-core", action="store_true", help="on one core too")
    parser.add_argument("--rounds", type=int, default=1, help="how often all of that is done")
    parser.add_argument("--features", default="")
    parser.add_argument("--no-default-features", action="store_true")
    parser.add_argument("--json", metavar="FILE")
    options = parser.parse_args()
    request = Request(
        path=options.path,
        axes=tuple(map(parse_axis, _AXES)),
        features=tuple(filter(None, options.features.split(","))),
        default_features=not options.no_default_features,
    )
    cores = (usable_cores(), *((1,) if options.one_core else ()))
    found: list[dict[str, Any]] = []
    exploration = None
    for number in range(options.rounds):
        with tempfile.TemporaryDirectory() as scratch:  # each round with an empty cache
            folder = Path(scratch)
            exploration = prepare(request, Folders(store=folder / "db", cache=folder / "cache"))
            (folder / "real").mkdir()
            found += rows(exploration, cores, folder, number)
    summary = {
        f"{kind}_{name}_error_on_{count}": measure(abs(row[f"{name}_error"]) for row in found if row["cores"] == count)
        for count in cores
        for name in ("cpu", "wall")
        for kind, measure in (("mean", statistics.mean), ("worst", max))
    }
    if options.json and exploration:
        document = {
            "project": exploration.study.project.name,
            "toolchain": asdict(exploration.study.toolchain),
            "machine": asdict(exploration.study.machine),
            **summary,
            "rows": found,
        }
        Path(options.json).write_text(json.dumps(document, indent=2) + "\n")
    for row in found:
        one, real = row["forecast"], row["real"]
        print(
            f"{row['profile']:<36} {row['cores']} cores: wall {one['wall']:6.1f} s, really {real['wall']:6.1f}"
            f" ({row['wall_error']:+.1%}); CPU {one['cpu']:6.1f}, really {real['cpu']:6.1f} ({row['cpu_error']:+.1%});"
            f" memory {format_bytes(one['peak_memory'] or 0)}, really {format_bytes(real['peak_memory'] or 0)}"
        )
    for name, value in summary.items():
        print(f"{name:>24}  {value:.1%}")


if __name__ == "__main__":
    main()
