"""BOLT: a linked program laid out anew by what a training run of it did.

The program is instrumented, which needs no hardware counters, trained, and rewritten. For that it must have been linked
with its relocations, which BOLT leaves out, and is stripped only afterwards. LLVM's own options for size and speed are
left alone but for those that its documentation recommends.

Source: LLVM, "BOLT", README and "Optimizing Clang".
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from trimtab.builders.costs import costed, sum_of
from trimtab.builders.training import StepFailedError
from trimtab.cargo.toolchain import ask
from trimtab.errors import MissingError
from trimtab.model.profile import Strip
from trimtab.model.trial import BuildFailed, Cause, Cost
from trimtab.system.llvm import find_programs
from trimtab.system.process import Command, Runner

HINT = "install LLVM's BOLT (Debian: apt-get install bolt-19)"
_LAYOUT = (
    *("-reorder-blocks=ext-tsp", "-reorder-functions=hfsort", "-split-functions", "-split-all-cold"),
    *("-icf=1", "-use-gnu-stack"),
)
_STRIP = {Strip.DEBUGINFO: "--strip-debug", Strip.SYMBOLS: "--strip-all"}
_LOG_LINES = 30
_AT_ONCE = 500
_MERGES = "merges the counters"


@dataclass(frozen=True, kw_only=True, slots=True)
class Bolt:
    """LLVM's BOLT and a ``strip``, with the folder and variables that they run with."""

    runner: Runner
    bolt: str
    merge_fdata: str
    strip: str
    """A program that takes the options of GNU's ``strip``."""
    folder: Path
    environment: Mapping[str, str]

    def instrument(self, program: Path, into: Path, counters: Path) -> Cost:
        """Write an instrumented copy, each run of which leaves a file in a folder.

        Raises:
            StepFailedError: BOLT cannot.
        """
        file = str(counters / "run.fdata")
        argv = (self.bolt, str(program), "-instrument", f"--instrumentation-file={file}")
        return self._run((*argv, "--instrumentation-file-append-pid", "-o", str(into)), "instruments the program")

    def merge(self, counters: Path, into: Path) -> Cost:
        """Merge what runs have left.

        Raises:
            StepFailedError: there is nothing, or it cannot be merged.
        """
        files = sorted(str(file) for file in counters.iterdir() if file.stat().st_size)
        if not files:
            raise StepFailedError(BuildFailed(cause=Cause.TRAINING, message="training wrote no counters for BOLT"))
        costs, merged = [], []
        for number in range(0, len(files), _AT_ONCE):  # a command line has an end
            part = into.with_name(f"{into.name}-{number}")
            costs.append(self._run((self.merge_fdata, "-o", str(part), *files[number : number + _AT_ONCE]), _MERGES))
            merged.append(str(part))
        costs.append(self._run((self.merge_fdata, "-o", str(into), *merged), _MERGES))
        return sum_of(costs)

    def optimize(self, program: Path, data: Path, into: Path, strip: Strip) -> Cost:
        """Write the program laid out anew, and stripped as it ships.

        Raises:
            StepFailedError: BOLT cannot.
        """
        costs = [
            self._run((self.bolt, str(program), f"-data={data}", *_LAYOUT, "-o", str(into)), "lays out the program")
        ]
        if strip in _STRIP:
            costs.append(self._run((self.strip, _STRIP[strip], str(into)), "strips the program"))
        return sum_of(costs)

    def _run(self, argv: tuple[str, ...], does: str) -> Cost:
        finished, cost = costed(
            self.runner, Command(argv=argv, cwd=self.folder, environment=self.environment, watch_memory=True)
        )
        if not finished.ok:
            said = (finished.stderr or finished.stdout).splitlines()
            what = next((line for line in said if "ERROR" in line or "error" in line), finished.ended)
            name = Path(argv[0]).name
            message = f"{name}, which {does}, failed: {what}"
            raise StepFailedError(BuildFailed(cause=Cause.TRAINING, message=message, log=tuple(said[-_LOG_LINES:])))
        return cost


def bolt_version(runner: Runner, folder: Path, environment: Mapping[str, str]) -> str:
    """Version of BOLT, as it says: another one lays programs out otherwise.

    Raises:
        MissingError: it is not here.
    """
    return ask(runner, (find_bolt(runner, folder, environment).bolt, "--version"), folder, dict(environment))


def find_bolt(runner: Runner, folder: Path, environment: Mapping[str, str]) -> Bolt:
    """Find BOLT, the newest one, on PATH or in Debian's folders.

    Raises:
        MissingError: it is not here, or there is no ``strip``.
    """
    bolt, merge = (next(iter(find_programs(name, environment)), "") for name in ("llvm-bolt", "merge-fdata"))
    strip = shutil.which("strip", path=environment.get("PATH"))
    if not bolt or not merge:
        raise MissingError("llvm-bolt is not here: it lays out linked programs anew", hint=HINT)
    if not strip:
        raise MissingError("strip is not here: it removes the symbols that BOLT needed", hint="install GNU binutils")
    return Bolt(runner=runner, bolt=bolt, merge_fdata=merge, strip=strip, folder=folder, environment=environment)
