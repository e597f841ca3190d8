"""Forecasts of clean builds against real ones.

Every profile is traced once with shared units, as ``trimtab forecast`` does, and forecast for the cores of this
machine and, with ``--one-core``, for one. Then it is built for real with plain ``cargo build`` in an empty target
directory, under the same limit of cores; peak memory is watched as `trimtab explore` does. Errors are
forecast / real - 1, where real is the median of all rounds. The floor is how far one real build is from that median;
there is no peer: ``cargo build --timings`` shows what was, not what will be.

    python benchmarks/forecast.py crate:ripgrep [--one-core] [--rounds 2] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from trimtab.exploration import Exploration, Request, prepare
from trimtab.folders import Folders
from trimtab.forecasting import profile_forecasts
from trimtab.machine import usable_cores
from trimtab.model.forecast import ProfileForecast
from trimtab.model.space import parse_axis
from trimtab.model.trial import Built, Cost
from trimtab.process import Limits
from trimtab.units import format_bytes

_AXES = ("lto=local,thin,fat", "codegen-units=16,1")


def real_builds(
    exploration: Exploration, forecasts: tuple[ProfileForecast, ...], folder: Path, rounds: int
) -> dict[tuple[str, int], list[Cost]]:
    """What real builds take, by profile and number of cores; all profiles once, then all again."""
    found: dict[tuple[str, int], list[Cost]] = defaultdict(list)
    for number in range(rounds):
        for one in forecasts:
            for foretold in one.forecasts:
                builder = replace(
                    exploration.cargo_builder(folder / "real", folder / "kept"), limits=Limits(cpus=foretold.cores)
                )
                built = builder.build(one.profile, touch=False)
                assert isinstance(built, Built), built
                found[one.label, foretold.cores].append(built.clean)
                said = {"round": number, "profile": one.label, "cores": foretold.cores, "forecast_wall": foretold.wall}
                print(json.dumps({**said, **asdict(built.clean)}), file=sys.stderr, flush=True)
    return found


def rows(forecasts: tuple[ProfileForecast, ...], real: dict[tuple[str, int], list[Cost]]) -> Iterator[dict[str, Any]]:
    """Each profile on each number of cores, as forecast and for real: the median of all rounds."""
    for one in forecasts:
        for foretold in one.forecasts:
            costs = real[one.label, foretold.cores]
            wall, cpu = (statistics.median(getattr(cost, name) for cost in costs) for name in ("wall", "cpu"))
            peak = statistics.median(cost.peak_memory or 0 for cost in costs)
            yield {
                "profile": one.label,
                "cores": foretold.cores,
                "forecast": {
                    "wall": foretold.wall,
                    "low": foretold.low,
                    "high": foretold.high,
                    "cpu": foretold.cpu,
                    "peak_memory": foretold.peak_memory,
                },
                "real": {"wall": wall, "cpu": cpu, "peak_memory": peak, "builds": [asdict(cost) for cost in costs]},
                "cpu_error": foretold.cpu / cpu - 1,
                "wall_error": foretold.wall / wall - 1,
                "within_interval": foretold.low <= wall <= foretold.high,
                "memory_error": foretold.peak_memory / peak - 1 if foretold.peak_memory and peak else None,
                "one_build_from_the_median": statistics.mean(abs(cost.cpu / cpu - 1) for cost in costs),
            }


def main() -> None:
    """Run the builds and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", nargs="?", default="crate:ripgrep")
    parser.add_argument("--one-core", action="store_true", help="on one core too")
    parser.add_argument("--rounds", type=int, default=1, help="real builds of each")
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
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        exploration = prepare(request, Folders(store=folder / "db", cache=folder / "cache"))
        (folder / "real").mkdir()
        forecasts, _ = profile_forecasts(exploration, exploration.profiles, cores, folder, lambda _: None)
        found = list(rows(forecasts, real_builds(exploration, forecasts, folder, options.rounds)))
    summary = {
        f"{kind}_{name}_error_on_{count}": measure(abs(row[f"{name}_error"]) for row in found if row["cores"] == count)
        for count in cores
        for name in ("cpu", "wall")
        for kind, measure in (("mean", statistics.mean), ("worst", max))
    }
    if options.json:
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
            f" ({row['wall_error']:+.1%}); CPU {one['cpu']:6.1f}, really {real['cpu']:6.1f} ({row['cpu_error']:+.1%},"
            f" real builds differ by ±{row['one_build_from_the_median']:.1%}); memory"
            f" {format_bytes(one['peak_memory'] or 0)}, really {format_bytes(round(real['peak_memory']))}"
        )
    for name, value in summary.items():
        print(f"{name:>24}  {value:.1%}")


if __name__ == "__main__":
    main()
