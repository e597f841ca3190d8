"""Cost of checking that what is known still holds, beside reading the sources as the floor.

A workspace of many path packages is built once; each package includes a file that git ignores, and every tenth has a
build script that declares nothing, so that its whole package counts. Then the inputs that the build recorded are
checked, as before a stored trial is used again: with nothing changed, and after all dates have changed.

    python benchmarks/known.py [--units 500] [--runs 5] [--json]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.fakes.values import MACHINE, trial
from trimtab.builders.build_inputs import InputReader
from trimtab.cargo.project import load_project
from trimtab.cargo.sources import read_sources
from trimtab.experiment.provenance import CheckoutProvenance
from trimtab.model.trial import Trial
from trimtab.system.process import SystemRunner

PACKAGE = '[package]\nname = "{name}"\nversion = "0.1.0"\nedition = "2021"\n'


def make(root: Path, units: int) -> None:
    """Write the workspace, as a git repository."""
    names = [f"part{number}" for number in range(units)]
    needs = "".join(f'{name} = {{ path = "parts/{name}" }}\n' for name in names)
    (root / "src").mkdir(parents=True)
    (root / "Cargo.toml").write_text(f"{PACKAGE.format(name='app')}[dependencies]\n{needs}[workspace]\n")
    (root / "src" / "main.rs").write_text("fn main() {}\n")
    (root / ".gitignore").write_text("target\n*.bin\n")
    for number, name in enumerate(names):
        folder = root / "parts" / name
        (folder / "src").mkdir(parents=True)
        (folder / "Cargo.toml").write_text(PACKAGE.format(name=name))
        (folder / "src" / "lib.rs").write_text('pub static DATA: &[u8] = include_bytes!("../data.bin");\n')
        (folder / "data.bin").write_bytes(os.urandom(10_000))
        if number % 10 == 0:
            (folder / "build.rs").write_text("fn main() {}\n")
    for argv in (("git", "init", "-q"), ("git", "add", "."), ("cargo", "generate-lockfile", "--offline", "-q")):
        subprocess.run(argv, cwd=root, check=True)


def seconds(function: Callable[[], object], runs: int) -> float:
    """Median of wall seconds."""
    times = []
    for _ in range(runs):
        begun = time.perf_counter()
        function()
        times.append(time.perf_counter() - begun)
    return statistics.median(times)


def measure(root: Path, target: Path, runs: int) -> dict[str, float | int]:
    """Build once, and time the checks."""
    environment = {**os.environ, "CARGO_TARGET_DIR": str(target)}
    subprocess.run(("cargo", "build", "-q", "--offline"), cwd=root, env=environment, check=True)
    runner = SystemRunner()
    project = load_project(runner, root / "Cargo.toml", dict(os.environ))

    def sources() -> InputReader:
        read = read_sources(runner, project, dict(os.environ), {})
        return InputReader(
            root=root, packages=read.packages, known=read.stamps.keys(), immutable=read.unpacked,
            ours=(project.target_directory,), environment=os.environ,
        )  # fmt: skip

    kept = trial(inputs=sources().read(target))

    def check(known: Trial = kept) -> None:
        provenance = CheckoutProvenance(
            root=root, home=root, paths=(), machine_class=MACHINE.machine_class, environment=os.environ
        )
        assert provenance.holds(known)

    inputs = kept.inputs
    assert inputs
    unchanged = seconds(check, runs)
    for path in root.rglob("*.bin"):
        path.touch()
    return {
        "records": len(inputs.files),
        "check_seconds": unchanged,
        "check_seconds_other_dates": seconds(check, runs),
        "read_sources_seconds": seconds(sources, runs),
    }


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--units", type=int, default=500)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder).resolve() / "app"
        make(root, options.units)
        figures = {"units": options.units, **measure(root, Path(folder).resolve() / "target", options.runs)}
    if options.json:
        print(json.dumps(figures, indent=2))
    else:
        for name, value in figures.items():
            print(f"{value:10.3f}  {name}" if isinstance(value, float) else f"{value:10}  {name}")


if __name__ == "__main__":
    main()
