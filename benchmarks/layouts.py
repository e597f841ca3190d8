"""What placement alone does to a program, and what replicates make of it: the bundled project `examples/sounding`.

Each of a few profiles is built once and relinked twenty times with shuffled functions: ten layouts for one side and ten
for the other, all of the same objects, so that by construction nothing but placement differs.

* **spread**: all twenty take turns, bench by bench. Reported: the slowest over the fastest of the ten, and the interval
  over layouts of the change between the sides, which is known to be none. Twenty copies of one layout do the same: what
  they spread is noise, which is in the others' spread too.
* **tries**: one layout of each side, drawn at random, is compared by `PairedBench` alone, as if they were two builds. A
  try that is called different while the interval over layouts of that profile and bench contains no change is what
  replicates are for: *layout only*.

    python benchmarks/layouts.py --results layouts.jsonl [--tries 50] [--seconds 15]

Builds take about a minute, spreads and tries so many `--seconds` each (eight times that for a spread). What the file of
results already holds is not measured again; binaries are kept in `--folder`.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from itertools import islice
from pathlib import Path

from trimtab.builders.relink import relink, replicate, reproduces
from trimtab.commands.compare.layouts import LayoutBench
from trimtab.experiment.exploration import Exploration
from trimtab.experiment.prepare import prepare
from trimtab.experiment.request import Request
from trimtab.measure.paired import PairedBench, RunOptions
from trimtab.measure.series import Case
from trimtab.measure.verdicts import rows_of
from trimtab.model.comparison import Verdict
from trimtab.model.layout import LayoutSpread
from trimtab.model.profile import Lto, Profile
from trimtab.model.trial import Built
from trimtab.system.paths import Folders
from trimtab.system.process import SystemRunner

PROJECT = Path(__file__).resolve().parents[1] / "examples" / "sounding"
BENCHES = {
    "report": ("report", "--format", "json", "corpus", "crates"),
    "duplicates": ("dup", "--min-tokens", "20", "corpus", "crates"),
}
LAYOUTS = 10
SPREAD_SHARE = 8
COPIES = "copies of one layout"
METRICS = ("wall", "cpu")
DIFFERENT = (Verdict.IMPROVED, Verdict.REGRESSED)

Record = dict[str, object]


def profiles(today: Profile) -> dict[str, Profile]:
    """Today's and its neighbours."""
    return {
        "today": today,
        "codegen-units=1": replace(today, codegen_units=1),
        "lto=thin": replace(today, lto=Lto.THIN),
        "lto=fat, codegen-units=1": replace(today, lto=Lto.FAT, codegen_units=1),
    }


class Results:
    """Records in a file, one a line, written as they come."""

    def __init__(self, path: Path) -> None:
        path.touch()
        self._path = path
        self.records: list[Record] = [json.loads(line) for line in path.read_text("utf-8").splitlines()]

    def of(self, kind: str, **fields: object) -> list[Record]:
        """What is known of a kind."""
        wanted = {"kind": kind, **fields}
        return [record for record in self.records if wanted.items() <= record.items()]

    def add(self, record: Record) -> None:
        """Keep one more."""
        self.records.append(record)
        with self._path.open("a", encoding="utf-8") as file:
            print(json.dumps(record), file=file)
        print(*(f"{name}={value}" for name, value in record.items() if not isinstance(value, dict)), file=sys.stderr)


class Layouts:
    """The project's layouts, built where they are missing, and the benches to run them with."""

    def __init__(self, folder: Path, seconds: float) -> None:
        self._runner = SystemRunner()
        self._folder, self._seconds = folder, seconds
        cache = Folders(store=folder / "db", cache=folder / "cache")
        self._exploration: Exploration = prepare(Request(path=str(PROJECT)), cache)
        self.profiles = profiles(self._exploration.today.profile)

    def have(self, name: str) -> bool:
        """Whether all layouts of a profile are there."""
        return (self._place(name) / f"{2 * LAYOUTS:04}" / "sounding").exists()

    def copy(self, name: str) -> None:
        """Lay out copies of a profile's first layout as if they were layouts."""
        for seed in range(1, 2 * LAYOUTS + 1):
            place = self._place(COPIES) / f"{seed:04}" / "sounding"
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(self._place(name) / "0001" / "sounding", place)

    def build(self, name: str) -> Record:
        """Build a profile and relink it; what that took."""
        links = self._folder / "links"
        builder = replace(self._exploration.cargo_builder(self._folder / "work", self._folder / "kept"), links=links)
        built = builder.build(self.profiles[name], touch=False)
        assert isinstance(built, Built), built
        (artifact,) = built.artifacts
        capture = links / artifact.name
        assert reproduces(self._runner, capture, Path(artifact.path)), "the capture makes other bytes than the build"
        started = time.perf_counter()
        relink(self._runner, capture, self._folder / "plain")
        plain = time.perf_counter() - started
        replicate(self._runner, capture, self._place(name), 2 * LAYOUTS)
        each = (time.perf_counter() - started - plain) / (2 * LAYOUTS)
        return {"build_seconds": built.clean.wall, "link_again_seconds": plain, "relink_seconds": each}

    def spread(self, profile: str, bench: str) -> Record:
        """Ten layouts beside ten others."""
        case = self._case(profile, bench, range(1, 2 * LAYOUTS + 1))
        found = LayoutBench(self._runner, self._rules(SPREAD_SHARE)).spread(case, list(case.commands)[:LAYOUTS])
        assert not found.failure, found.failure
        return {spread.metric: asdict(spread) for spread in found.spreads}

    def compare(self, profile: str, bench: str, one: int, other: int) -> Record:
        """One layout beside another, by pairs."""
        case = self._case(profile, bench, (one, other))
        rows, _ = rows_of(PairedBench(self._runner, self._rules(1)).measure([case], lambda _: None))
        return {row.metric: {**asdict(row), "verdict": str(row.verdict)} for row in rows if row.metric in METRICS}

    def _case(self, profile: str, bench: str, seeds: range | tuple[int, int]) -> Case:
        place = self._place(profile)
        words = {f"{seed:04}": (str(place / f"{seed:04}" / "sounding"), *BENCHES[bench]) for seed in seeds}
        return Case(name=bench, commands=words, null=next(iter(words.values())))

    def _rules(self, share: int) -> RunOptions:
        return RunOptions(environment=dict(os.environ), cwd=PROJECT, budget=self._seconds * share)

    def _place(self, profile: str) -> Path:
        return self._folder / "layouts" / str([*self.profiles, COPIES].index(profile))


def draws(layouts: Layouts) -> Iterator[Record]:
    """Pairs of layouts of one profile with a bench, always the same ones in the same order."""
    dice = random.Random("layouts")
    while True:
        yield {
            "profile": dice.choice(list(layouts.profiles)),
            "bench": dice.choice(list(BENCHES)),
            "one": dice.randint(1, LAYOUTS),
            "other": dice.randint(LAYOUTS + 1, 2 * LAYOUTS),
        }


def measure(layouts: Layouts, results: Results, tries: int) -> None:
    """Everything that is not known yet."""
    for profile in layouts.profiles:
        if not layouts.have(profile):
            results.add({"kind": "build", "profile": profile, **layouts.build(profile)})
    layouts.copy(next(iter(layouts.profiles)))
    for profile in (*layouts.profiles, COPIES):
        for bench in BENCHES:
            if not results.of("spread", profile=profile, bench=bench):
                found = layouts.spread(profile, bench)
                results.add({"kind": "spread", "profile": profile, "bench": bench, **found})
    for number, draw in enumerate(islice(draws(layouts), tries)):
        if not results.of("try", number=number):
            found = layouts.compare(**draw)  # type: ignore[arg-type]
            results.add({"kind": "try", "number": number, **draw, **found})


def spread_of(record: Record, metric: str) -> LayoutSpread:
    """The value that a record was made from."""
    fields = record[metric]
    assert isinstance(fields, Mapping)
    return LayoutSpread(**{**fields, "base": tuple(fields["base"]), "head": tuple(fields["head"])})


def report(results: Results) -> None:
    """Markdown tables."""
    print("Ten layouts of the same objects beside ten others\n")
    print("| profile | bench | metric | rounds | slowest/fastest | of the others | change, 99 % interval |")
    print("|---|---|---|---|---|---|---|")
    spreads: dict[tuple[object, object, str], LayoutSpread] = {}
    for record in results.of("spread"):
        for metric in METRICS:
            spread = spread_of(record, metric)
            spreads[record["profile"], record["bench"], metric] = spread
            print(
                f"| {record['profile']} | {record['bench']} | {metric} | {spread.rounds} | {spread.base_spread:+.1%} | "
                f"{spread.head_spread:+.1%} | {change(spread.change, spread.low, spread.high)} |"
            )
    print("\nOne layout beside another: those that pairs alone call different\n")
    print("| try | profile | bench | layouts | metric | pairs | change, interval | pairs say | replicates say |")
    print("|---|---|---|---|---|---|---|---|---|")
    called = found = 0
    tries = results.of("try")
    for record in tries:
        rows = {metric: record[metric] for metric in METRICS}
        different = {
            metric: row for metric, row in rows.items() if isinstance(row, dict) and row["verdict"] in DIFFERENT
        }
        excused = [
            spreads[record["profile"], record["bench"], metric].explains(row["change"])
            for metric, row in different.items()
        ]
        called += bool(different)
        found += any(excused)
        for (metric, row), layout_only in zip(different.items(), excused, strict=True):
            print(
                f"| {record['number']} | {record['profile']} | {record['bench']} | {record['one']}, {record['other']} "
                f"| {metric} | {row['runs']} | {change(row['change'], row['low'], row['high'])} | {row['verdict']} "
                f"| {'layout only' if layout_only else 'unclear'} |"
            )
    print(f"\n{len(tries)} tries: {called} called different by pairs, {found} of them layout only by replicates.")
    builds = results.of("build")
    for record in builds:
        print(
            f"{record['profile']}: built in {record['build_seconds']:.1f} s, linked again in "
            f"{record['link_again_seconds']:.2f} s, a layout in {record['relink_seconds']:.2f} s."
        )


def change(value: float, low: float | None, high: float | None) -> str:
    """A change with its interval, in percent."""
    ends = ", ".join("–" if end is None else f"{end:+.2%}" for end in (low, high))
    return f"{value:+.2%} [{ends}]"


def main() -> None:
    """Measure what is missing, and report all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", type=Path, required=True, help="file of records, one a line")
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path(tempfile.gettempdir()) / "layouts",
        help="where builds and binaries are kept",
    )
    parser.add_argument("--tries", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=15.0, help="for each try; eight times that for each spread")
    options = parser.parse_args()
    results = Results(options.results)
    measure(Layouts(options.folder.absolute(), options.seconds), results, options.tries)
    report(results)


if __name__ == "__main__":
    main()
