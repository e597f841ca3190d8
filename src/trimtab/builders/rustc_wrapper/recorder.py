"""What the calls of one build add up to: its trace."""

from __future__ import annotations

import contextlib
import json
import os
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from trimtab.builders.rustc_wrapper.invocation import RustcCall, library_id, script_folder
from trimtab.builders.rustc_wrapper.server import Report
from trimtab.cargo import messages
from trimtab.model.trace import Phase, Trace, Unit, UnitCost, UnitKind
from trimtab.model.trial import Cost

_PAGE = os.sysconf("SC_PAGE_SIZE")
_UNIT_DATA = re.compile(r"UNIT_DATA = (?P<units>\[.*?\n?\]);", re.DOTALL)
_RUN = "run-custom-build"
_MOST_CORES = float(os.cpu_count() or 1)


class Activity:
    """How many calls of rustc run at once, summed over time; for all builds that go on beside each other."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running, self._sum, self._since = 0, 0.0, time.monotonic()

    @contextlib.contextmanager
    def running(self) -> Iterator[Callable[[], float]]:
        """One more call runs; tells how many others did meanwhile, on average."""
        begun, before = self._change(1)

        def beside() -> float:
            now, after = self._change(0)
            return max(0.0, (after - before) / max(now - begun, 1e-9) - 1)

        try:
            yield beside
        finally:
            self._change(-1)

    def _change(self, by: int) -> tuple[float, float]:
        """So many more run from now on; returns the time, and the seconds that all have run until now."""
        with self._lock:
            now = time.monotonic()
            self._sum += self._running * (now - self._since)
            self._running, self._since = self._running + by, now
            return now, self._sum


class Recorder:
    """Collects the units of one build; several threads may add to it at once."""

    def __init__(self, activity: Activity) -> None:
        self.activity = activity
        self._begun = time.monotonic()
        self._lock = threading.Lock()
        self._units: list[Unit] = []
        self._cargo_cpu = 0.0
        self._own_cpu = 0.0
        self.failed: Unit | None = None
        self._was_killed = False

    def now(self) -> float:
        """Seconds since the build began."""
        return time.monotonic() - self._begun

    def add(self, call: RustcCall, begun: float, cost: UnitCost, *, reused: bool) -> None:
        """A unit is there."""
        with self._lock:
            self._units.append(_unit(call, begun, cost, reused=reused))

    def fail(self, call: RustcCall, begun: float, cost: UnitCost, report: Report) -> None:
        """A unit has failed; of several, the one counts that was killed."""
        killed = bool(report.fields["signal"]) or bool(messages.KILLED.search(report.said.decode("utf-8", "replace")))
        with self._lock:
            if self.failed is None or (killed and not self._was_killed):
                self.failed, self._was_killed = _unit(call, begun, cost, reused=False), killed

    def ran(self, report: Report) -> None:
        """Rustc has run, and Cargo has taken so much of the CPU by then."""
        with self._lock:
            self._cargo_cpu = max(self._cargo_cpu, report.fields.get("cargo_cpu", 0.0))
            self._own_cpu += report.fields.get("own_cpu", 0.0)

    def trace(self, *, cost: Cost, stdout: str, target: Path, jobs: int) -> Trace:
        """What the build did.

        Args:
            cost: of the whole process tree.
            stdout: Cargo's messages.
            target: the target directory, where Cargo has left its own timings.
            jobs: units at a time.
        """
        units = sorted(self._units, key=lambda unit: unit.begun)
        compiled = sum(unit.cost.cpu for unit in units if not unit.reused)
        left = max(0.0, cost.cpu - compiled - self._cargo_cpu - self._own_cpu)
        timings = _timings(target)
        runs = list(
            _runs(stdout, [unit for unit in timings if unit["mode"] == _RUN], units, left, _late(timings, units))
        )
        told = sum(run.cost.cpu for run in runs)
        everything = sorted((*units, *runs), key=lambda unit: unit.begun)
        return Trace(
            units=tuple(everything),
            cargo_cpu=self._cargo_cpu + max(0.0, left - told),
            tracing_cpu=self._own_cpu,
            jobs=jobs,
            other_load=cost.other_load,
        )


def cost_of(call: RustcCall, report: Report, link: Phase | None, beside: float) -> UnitCost:
    """What a run of rustc took, from what the wrapper says."""
    fields = report.fields
    seen = fields["own"] > 0
    own, largest = fields["own"] * _PAGE, fields["largest"] * 1024
    return UnitCost(
        wall=fields["wall"],
        cpu=fields["cpu"],
        metadata=Phase(begun=0.0, wall=fields["metadata_wall"], cpu=fields["metadata_cpu"])
        if fields["metadata_wall"] >= 0
        else None,
        lto=_lto(fields, link) if call.kind is UnitKind.PROGRAM and call.codegen("lto") not in (None, "off") else None,
        link=link,
        # The kernel keeps the highest sum of own and file pages; what we looked at in between tells the two apart.
        peak_memory=int(max(own, largest - fields["shared"] * _PAGE)) if seen else None,
        beside=beside,
    )


def _lto(fields: Mapping[str, float], link: Phase | None) -> Phase | None:
    """From where it was seen to begin, to where the link does."""
    begun = fields["lto_begin"]
    if begun < 0:
        return None
    end, cpu = (link.begun, link.cpu) if link else (fields["wall"], 0.0)
    if begun >= end:
        return None  # it was so short that only its end was seen
    return Phase(begun=begun, wall=end - begun, cpu=max(0.0, fields["cpu"] - cpu - fields["cpu_before_lto"]))


def _unit(call: RustcCall, begun: float, cost: UnitCost, *, reused: bool) -> Unit:
    return Unit(
        id=call.id,
        package=call.package,
        version=call.version,
        crate=call.crate,
        kind=call.kind,
        cost=cost,
        begun=begun,
        needs=tuple(_needs(call)),
        arguments=call.arguments,
        codegen_units=call.codegen_units,
        lto=call.codegen("lto"),
        reused=reused,
    )


def _needs(call: RustcCall) -> Iterator[str]:
    yield from dict.fromkeys(library_id(path) for path in call.externs)
    if run := script_folder(call.script_output):
        yield run


def _timings(target: Path) -> list[dict[str, Any]]:
    """The units in the page that Cargo writes (`The Cargo Book`, "Reporting build timings")."""
    try:
        match = _UNIT_DATA.search((target / "cargo-timings" / "cargo-timing.html").read_text("utf-8"))
    except OSError:
        return []
    units: list[dict[str, Any]] = json.loads(match["units"]) if match else []
    return units


def _late(timings: list[dict[str, Any]], units: list[Unit]) -> float:
    """Seconds by which Cargo's clock was started after ours, from what both saw begin first."""
    starts = [unit["start"] for unit in timings if unit["mode"] != _RUN]
    return max(0.0, units[0].begun - min(starts)) if starts and units else 0.0


def _runs(stdout: str, timings: list[dict[str, Any]], units: list[Unit], cpu: float, late: float) -> Iterator[Unit]:
    """The runs of build scripts, which no compiler takes part in; the CPU time that is left is shared out by wall."""
    scripts = {(unit.package, unit.version): unit.id for unit in units if unit.kind is UnitKind.SCRIPT}
    needed = {need for unit in units for need in unit.needs}
    waiting = sorted(timings, key=lambda run: run["start"] + run["duration"])
    wall = sum(run["duration"] for run in timings)
    for name, out in messages.script_runs(stdout):
        run = next((run for run in waiting if name == (run["name"], run["version"])), None)
        folder = script_folder(out)
        if run is None or folder not in needed:
            continue
        waiting.remove(run)
        share = min(cpu / wall, _MOST_CORES) if wall else 0.0
        script = scripts.get(name)
        yield Unit(
            id=folder,
            package=name[0],
            version=name[1],
            crate=name[0],
            kind=UnitKind.RUN,
            cost=UnitCost(wall=run["duration"], cpu=run["duration"] * share),
            begun=run["start"] + late,
            needs=(script,) if script else (),
        )
