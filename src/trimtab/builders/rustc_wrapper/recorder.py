"""Recording the rustc calls of one build, and making its trace of them."""

from __future__ import annotations

import contextlib
import json
import os
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from trimtab.builders.rustc_wrapper.invocation import RustcCall, library_id, script_folder
from trimtab.builders.rustc_wrapper.server import Report
from trimtab.cargo import messages
from trimtab.model.build_progress import (
    BuildProgress,
    FinishedUnit,
    OnBuildProgress,
    RunningUnit,
    Stage,
    ignore_progress,
)
from trimtab.model.trace import Phase, Trace, Unit, UnitCost, UnitKind
from trimtab.model.trial import Cost

_PAGE = os.sysconf("SC_PAGE_SIZE")
_UNIT_DATA = re.compile(r"UNIT_DATA = (?P<units>\[.*?\n?\]);", re.DOTALL)
_RUN = "run-custom-build"
_MOST_CORES = float(os.cpu_count() or 1)


class Activity:
    """Integral over time of the number of running rustc calls, for all builds that run at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running, self._sum, self._since = 0, 0.0, time.monotonic()

    @contextlib.contextmanager
    def running(self) -> Iterator[Callable[[], float]]:
        """Count one more running call; yields a function for the average number of others meanwhile."""
        begun, before = self._change(1)

        def beside() -> float:
            now, after = self._change(0)
            return max(0.0, (after - before) / max(now - begun, 1e-9) - 1)

        try:
            yield beside
        finally:
            self._change(-1)

    def _change(self, by: int) -> tuple[float, float]:
        """Change the number of running calls; returns the time, and the seconds that all have run until now."""
        with self._lock:
            now = time.monotonic()
            self._sum += self._running * (now - self._since)
            self._running, self._since = self._running + by, now
            return now, self._sum


class Recorder:
    """Collects the units of one build; several threads may add to it at once.

    Args:
        activity: counts running calls of all builds.
        on_progress: gets the state of the build whenever a unit begins, reaches a further stage or ends.
        total: expected number of rustc calls.
    """

    def __init__(
        self, activity: Activity, on_progress: OnBuildProgress = ignore_progress, total: int | None = None
    ) -> None:
        self.activity = activity
        self._on_progress, self._total = on_progress, total
        self._running: dict[str, RunningUnit] = {}
        self._reporting = threading.Lock()
        self._begun = time.monotonic()
        self._lock = threading.Lock()
        self._units: list[Unit] = []
        self._finished: list[FinishedUnit] = []
        self._cargo_cpu = 0.0
        self._own_cpu = 0.0
        self.failed: Unit | None = None
        self._was_killed = False

    def now(self) -> float:
        """Seconds since the build began."""
        return time.monotonic() - self._begun

    @contextlib.contextmanager
    def running(self, call: RustcCall) -> Iterator[float]:
        """Count a call as running; yields the seconds from the begin of the build to its own."""
        begun = self.now()
        unit = _unit(call, begun, UnitCost(wall=0.0, cpu=0.0), reused=False)
        is_program = unit.kind is UnitKind.PROGRAM
        with self._lock:
            self._running[call.id] = RunningUnit(name=unit.name, begun=begun, is_program=is_program, stage_begun=begun)
        self._report()
        try:
            yield begun
        finally:
            with self._lock:
                self._running.pop(call.id, None)
            self._report()

    def reached(self, call: RustcCall, stage: Stage) -> None:
        """A running call has reached a further stage."""
        with self._lock:
            if unit := self._running.get(call.id):
                self._running[call.id] = replace(unit, stage=stage, stage_begun=self.now())
        self._report()

    def _report(self) -> None:
        with self._reporting:  # one at a time, so that states arrive in order
            with self._lock:
                finished, running = tuple(self._finished), tuple(self._running.values())
            total = None if self._total is None else max(self._total, len(finished) + len(running))
            self._on_progress(BuildProgress(elapsed=self.now(), total=total, finished=finished, running=running))

    def add(self, call: RustcCall, begun: float, cost: UnitCost, *, reused: bool) -> None:
        """Record a unit that was compiled, or taken from the cache."""
        unit = _unit(call, begun, cost, reused=reused)
        with self._lock:
            self._units.append(unit)
            self._finished.append(FinishedUnit(name=unit.name, wall=cost.wall, reused=reused))

    def fail(self, call: RustcCall, begun: float, cost: UnitCost, report: Report) -> None:
        """Record a unit that has failed; of several, one that was killed is kept."""
        killed = bool(report.fields["signal"]) or bool(messages.KILLED.search(report.stderr.decode("utf-8", "replace")))
        with self._lock:
            if self.failed is None or (killed and not self._was_killed):
                self.failed, self._was_killed = _unit(call, begun, cost, reused=False), killed

    def ran(self, report: Report) -> None:
        """Record the CPU time of Cargo so far, and of the wrapper, from the report on a run of rustc."""
        with self._lock:
            self._cargo_cpu = max(self._cargo_cpu, report.fields.get("cargo_cpu", 0.0))
            self._own_cpu += report.fields.get("own_cpu", 0.0)

    def trace(self, *, cost: Cost, stdout: str, target: Path, jobs: int) -> Trace:
        """The trace of the build, which has ended.

        Args:
            cost: of the whole process tree.
            stdout: Cargo's messages.
            target: the target directory, with Cargo's own timings in it.
            jobs: units at a time.
        """
        units = sorted(self._units, key=lambda unit: unit.begun)
        compiled = sum(unit.cost.cpu for unit in units if not unit.reused)
        remaining_cpu = max(0.0, cost.cpu - compiled - self._cargo_cpu - self._own_cpu)
        timings = _timings(target)
        script_timings = [unit for unit in timings if unit["mode"] == _RUN]
        runs = list(_runs(stdout, script_timings, units, remaining_cpu, _late(timings, units)))
        scripts_cpu = sum(run.cost.cpu for run in runs)
        return Trace(
            units=tuple(sorted((*units, *runs), key=lambda unit: unit.begun)),
            cargo_cpu=self._cargo_cpu + max(0.0, remaining_cpu - scripts_cpu),
            tracing_cpu=self._own_cpu,
            jobs=jobs,
            other_load=cost.other_load,
        )


def cost_of(call: RustcCall, report: Report, link: Phase | None, beside: float) -> UnitCost:
    """Cost of a run of rustc, from the wrapper's report on it."""
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
        # The kernel keeps the highest sum of own and file pages; the samples in between tell the two apart.
        peak_memory=int(max(own, largest - fields["shared"] * _PAGE)) if seen else None,
        beside=beside,
    )


def _lto(fields: Mapping[str, float], link: Phase | None) -> Phase | None:
    """Link-time optimization: from its first sample to the begin of the link."""
    begun = fields["lto_begin"]
    if begun < 0:
        return None
    end, cpu = (link.begun, link.cpu) if link else (fields["wall"], 0.0)
    if begun >= end:
        return None  # so short that only its end was sampled
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
    """The units in Cargo's timing report (`The Cargo Book`, "Reporting build timings")."""
    try:
        match = _UNIT_DATA.search((target / "cargo-timings" / "cargo-timing.html").read_text("utf-8"))
    except OSError:
        return []
    units: list[dict[str, Any]] = json.loads(match["units"]) if match else []
    return units


def _late(timings: list[dict[str, Any]], units: list[Unit]) -> float:
    """Seconds between the start of our clock and of Cargo's, from the first unit of each."""
    starts = [unit["start"] for unit in timings if unit["mode"] != _RUN]
    return max(0.0, units[0].begun - min(starts)) if starts and units else 0.0


def _runs(stdout: str, timings: list[dict[str, Any]], units: list[Unit], cpu: float, late: float) -> Iterator[Unit]:
    """The runs of build scripts, which are no rustc calls; `cpu` seconds are divided in proportion to wall time."""
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
