"""Simulation of a clean build on a number of cores, from the trace of one build: list scheduling with pipelining.

Cargo begins a library as soon as there is metadata of all libraries that it needs, and whatever links when all that it
links is complete; of the units that are ready, the one first that most others wait for. Each unit takes one core; idle
cores go to units with several codegen units. The simulation follows these rules.

How well a unit's own work spreads over cores is known for the last one, which runs alone, from its CPU and wall time
(Amdahl 1967); for the others it is a guess, and the interval goes from one end of what is possible to the other.

Source: R. L. Graham, "Bounds on multiprocessing timing anomalies", 1969 (list scheduling); Cargo's
``core/compiler/job_queue`` and ``util/dependency_queue.rs`` (what may begin when, and in which order).
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from trimtab.commands.forecast.model import Bar, Forecast, Slot, Step
from trimtab.model.trace import Phase, Trace, Unit, UnitKind

_SERIAL_SHARE = 0.3
"""Share of one thread in a unit's work after its metadata: it makes the codegen units that others optimize."""
_ALONE = 0.25
"""Other units and programs that may run beside a unit, on average, for its wall time to tell how well it spreads."""
_FAT = ("", "fat", "yes", "on", "true")
"""Values of ``-C lto`` that make one module of all, which one thread works on."""
_LEAST = 1e-6
"""Seconds, or cores, that count as nothing."""
_MARGIN = 0.08
"""Share by which wall times of the same build differ anyway: with 3 %, 9 of 12 were within (docs/benchmarks.md)."""


def simulate(trace: Trace, cores: int) -> Forecast:
    """Forecast a clean build on a number of cores.

    Args:
        trace: of a build with `trace.jobs` units at a time.
        cores: as Cargo's ``--jobs``.
    """
    typical = _Simulation(trace, cores, _SERIAL_SHARE).run()
    spread, serial = (_Simulation(trace, cores, share).run() for share in (0.0, 1.0))
    walls = [max((slot.ended for slot in slots), default=0.0) for slots, _ in (spread, typical, serial)]
    slots, peak = typical
    return Forecast(
        cores=cores,
        wall=walls[1],
        low=min(walls) * (1 - _MARGIN),
        high=max(walls) * (1 + _MARGIN),
        cpu=trace.cpu,
        peak_memory=peak or None,
        slots=tuple(sorted(slots, key=lambda slot: (slot.begun, slot.ended))),
    )


@dataclass(frozen=True, slots=True)
class _Work:
    step: Step
    seconds: float
    """CPU seconds."""
    width: float
    """Cores that it can use at once."""


_Event = tuple[str, bool]
"""A unit, and whether all of it is there or its metadata alone."""


@dataclass(slots=True)
class _RunningUnit:
    """A unit that is being compiled."""

    unit: Unit
    todo: list[_Work]
    seconds: float
    """CPU seconds that remain of the first piece of work."""
    begun: float
    """Time at which the first piece began."""
    after: str
    bars: list[Bar] = field(default_factory=list)

    def advance(self, seconds: float, now: float) -> Iterator[_Event]:
        """Do so many CPU seconds of work; yields the events that this brings about."""
        self.seconds -= seconds
        if self.seconds > _LEAST / 2:
            return
        done = self.todo.pop(0)
        self.bars.append(Bar(step=done.step, begun=self.begun, ended=now))
        if done.step is Step.METADATA:
            yield self.unit.id, False
        if self.todo:
            self.seconds, self.begun = self.todo[0].seconds, now
        else:
            yield self.unit.id, True

    def slot(self) -> Slot:
        """The unit in the schedule."""
        return Slot(
            unit=self.unit.id, name=self.unit.name, kind=self.unit.kind, bars=tuple(self.bars), after=self.after
        )


class _Simulation:
    """One simulated build."""

    def __init__(self, trace: Trace, cores: int, serial_share: float) -> None:
        self._trace, self._cores, self._serial = trace, cores, serial_share
        self._units = {unit.id: unit for unit in trace.units}
        self._needs = {unit.id: frozenset(self._needs_of(unit)) for unit in trace.units}
        self._priority = self._priorities()
        self._least_memory = min((unit.cost.peak_memory for unit in trace.units if unit.cost.peak_memory), default=0)

    def run(self) -> tuple[list[Slot], int]:
        """Schedule of all units, and the peak memory in bytes."""
        now = min((unit.begun for unit in self._trace.units), default=0.0)  # until then, Cargo plans
        waiting = sorted(self._trace.units, key=lambda unit: -self._priority[unit.id])
        happened: set[_Event] = set()
        latest: list[_Event] = []
        running: list[_RunningUnit] = []
        slots: list[Slot] = []
        peak = 0
        while waiting or running:
            ready = [unit for unit in waiting if self._needs[unit.id] <= happened][: self._cores - len(running)]
            for unit in ready:
                waiting.remove(unit)
                work = list(self._work(unit))
                running.append(_RunningUnit(unit, work, work[0].seconds, now, self._after(unit, latest)))
            peak = max(peak, sum(slot.unit.cost.peak_memory or self._least_memory for slot in running))
            rates = self._rates(running)
            pause = min(unit.seconds / rate for unit, rate in zip(running, rates, strict=True))
            now += pause
            latest = [
                event for unit, rate in zip(running, rates, strict=True) for event in unit.advance(pause * rate, now)
            ]
            happened |= set(latest)
            slots += [unit.slot() for unit in running if not unit.todo]
            running = [unit for unit in running if unit.todo]
        return slots, peak

    def _after(self, unit: Unit, latest: list[_Event]) -> str:
        """Unit that one which begins now has waited for: a need that has just been met, else whose core it takes."""
        needs = [event for event in latest if event in self._needs[unit.id]]
        return next((name for name, _ in (*needs, *latest)), "")

    def _rates(self, running: list[_RunningUnit]) -> list[float]:
        """Cores of each running unit: one, and an even share of those that are idle."""
        rates = [1.0 for _ in running]
        idle = float(self._cores - len(running))
        wanting = [at for at, unit in enumerate(running) if unit.todo[0].width > 1]
        while idle > _LEAST and wanting:
            share = idle / len(wanting)
            for at in list(wanting):
                given = min(share, running[at].todo[0].width - rates[at])
                rates[at] += given
                idle -= given
                if running[at].todo[0].width - rates[at] <= _LEAST:
                    wanting.remove(at)
        return rates

    def _needs_of(self, unit: Unit) -> Iterator[_Event]:
        """Events that a unit waits for; a unit that is linked also waits for the needs of its libraries."""
        waiting, known = list(unit.needs), set[str]()
        while waiting:
            name = waiting.pop()
            need = self._units.get(name)
            if need is None or name in known:
                continue  # of the standard library, or of a unit that was not seen
            known.add(name)
            yield name, unit.kind.links or need.kind is not UnitKind.LIBRARY
            if unit.kind.links and need.kind is UnitKind.LIBRARY:
                waiting += need.needs

    def _priorities(self) -> dict[str, int]:
        """Number of units that wait for each one, directly or not."""
        dependents: dict[str, set[str]] = defaultdict(set)
        for name, needs in self._needs.items():
            for need, _ in needs:
                dependents[need].add(name)
        known: dict[str, set[str]] = {}

        def below(name: str) -> set[str]:
            if name not in known:
                known[name] = set().union(*(below(dependent) | {dependent} for dependent in dependents[name]))
            return known[name]

        return {name: len(below(name)) for name in self._units}

    def _work(self, unit: Unit) -> Iterator[_Work]:
        """Work of a unit, piece by piece, in CPU seconds."""
        if unit.kind is UnitKind.RUN:
            spread = max(1.0, unit.cost.cpu / unit.cost.wall) if unit.cost.wall else 1.0
            yield _Work(Step.RUN, max(unit.cost.cpu, unit.cost.wall, _LEAST), spread)
            return
        if unit.kind is UnitKind.PROGRAM:
            yield from self._program(unit)
            return
        front = unit.cost.metadata.cpu if unit.cost.metadata else unit.cost.cpu / 2
        yield _Work(Step.METADATA, max(front, _LEAST), 1.0)
        yield from _spread(Step.CODE, max(unit.cost.cpu - front, _LEAST), self._serial, float(unit.codegen_units))

    def _program(self, unit: Unit) -> Iterator[_Work]:
        """The unit that is linked; it mostly runs alone, so that its wall time tells how many cores it uses."""
        cost = unit.cost
        last = [(step, phase) for step, phase in ((Step.LTO, cost.lto), (Step.LINK, cost.link)) if phase]
        wall = max(0.0, cost.wall - sum(phase.wall for _, phase in last))
        cpu = max(0.0, cost.cpu - sum(phase.cpu for _, phase in last))
        for step, phase in ((Step.CODE, Phase(begun=0.0, wall=wall, cpu=cpu)), *last):
            if cost.beside + self._trace.other_load > _ALONE or self._trace.jobs == 1:
                serial = 1.0 if step is Step.LTO and unit.lto in _FAT else self._serial
                width = float(unit.codegen_units) if step is Step.CODE else math.inf
            else:
                serial, width = _serial_share(phase, self._trace.jobs), math.inf
            yield from _spread(step, max(phase.cpu, _LEAST), serial, width)


def _spread(step: Step, seconds: float, serial: float, width: float) -> Iterator[_Work]:
    """Work of which a share is done by one thread, and the rest by as many threads as there are codegen units."""
    if serial > 0 or width <= 1:
        yield _Work(step, seconds * (serial if width > 1 else 1.0), 1.0)
    if serial < 1 and width > 1:
        yield _Work(step, seconds * (1 - serial), width)


def _serial_share(phase: Phase, cores: int) -> float:
    """The share of one thread, from what a phase took on two cores or more with nothing beside it (Amdahl's law)."""
    if phase.cpu <= phase.wall:
        return 1.0
    parallel = (phase.cpu - phase.wall) * cores / (cores - 1)
    return max(0.0, 1 - parallel / phase.cpu)
