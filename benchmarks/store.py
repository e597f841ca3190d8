"""How ``history`` and ``show`` keep up with a large store: wall and CPU seconds on 10,000 trials in 500 studies.

python benchmarks/store.py [--trials 10000] [--json]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from trimtab.model.machine import Machine, Toolchain
from trimtab.model.metric import Measurement
from trimtab.model.plan import Goal, Selection
from trimtab.model.profile import Profile
from trimtab.model.study import ProjectInfo, Study
from trimtab.model.trial import Artifact, Status, Trial
from trimtab.store.sqlite import SqliteStore

_PER_STUDY = 20
METRICS = (
    "build.clean.wall",
    "build.clean.cpu",
    "build.touch.wall",
    "build.peak_memory",
    "size.file",
    "size.stripped",
)


def fill(store: SqliteStore, trials: int) -> None:
    """Write studies of twenty trials each, with as many metrics as a real exploration has."""
    for number in range(trials // _PER_STUDY):
        identity = f"study-{number:06d}"
        ids = [f"{number:06d}{one:06d}" for one in range(_PER_STUDY)]
        study = Study(
            id=identity,
            created=f"2026-01-01T00:00:{number % 60:02d}+00:00",
            project=ProjectInfo(name="project", root="/project", binaries=("project",), sources="0" * 32),
            selection=Selection(),
            machine=Machine(cpu="cpu", cores=2, memory=1, os="os", kernel="kernel", arch="arch"),
            toolchain=Toolchain(rustc="rustc", cargo="cargo", host="host", llvm="llvm"),
            basis="0" * 12,
            baseline=ids[0],
            baseline_profile=Profile(),
            benches=(),
            goal=Goal.SIZE,
            planned=_PER_STUDY,
        )
        store.begin(study)
        for one, trial in enumerate(ids):
            store.append(identity, _trial(trial, one))


def _trial(identity: str, number: int) -> Trial:
    return Trial(
        id=identity,
        profile=replace(Profile(), codegen_units=number + 1),
        status=Status.OK,
        started="2026-01-01T00:00:00+00:00",
        seconds=1.0,
        measurements=tuple(
            Measurement(name=name, value=1e6 + number * 7919 % 1000, unit="s", method="a method in a few words")
            for name in METRICS
        ),
        artifacts=(Artifact(name="project", size=1, sha256="0" * 64, path="/nowhere"),),
    )


def timed(arguments: list[str]) -> dict[str, float]:
    """Wall and CPU seconds of one command."""
    begun = time.perf_counter()
    child = subprocess.Popen([sys.executable, "-m", "trimtab", *arguments], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    assert child.returncode == 0
    return {"wall": time.perf_counter() - begun, "cpu": usage.ru_utime + usage.ru_stime}


def main() -> None:
    """Fill a store and time the commands on it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=10_000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "trimtab.db"
        store = SqliteStore(path)
        fill(store, options.trials)
        store.close()
        found = {
            name: timed([*name.split(), "--store", str(path)]) for name in ("history", "show last", "show last --json")
        }
    if options.json:
        print(json.dumps({"trials": options.trials, "seconds": found}, indent=2))
    else:
        for name, seconds in found.items():
            print(f"{seconds['wall']:.2f} s wall, {seconds['cpu']:.2f} s CPU  trimtab {name}")


if __name__ == "__main__":
    main()
