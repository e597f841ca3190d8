"""What a clean build takes on so many cores, from the trace of one build: list scheduling with metadata pipelining.

Cargo begins a library as soon as there is metadata of all libraries that it needs, and whatever links when all that it
links is whole; of those that may begin, the one first that most others wait for. Each unit takes one core; cores that
are left over go to units whose code is cut into several parts. So it is played here, in steps of one core each.

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
"""Of what a unit does after its metadata: one thread makes the parts that others optimize."""
_ALONE = 0.25
"""Other units and programs that may run beside a unit, on average, for its wall time to tell how well it spreads."""
_FAT = ("", "fat", "yes", "on", "true")
"""How rustc is told to make one module of all, which one thread works on."""
_LEAST = 1e-6
"""Seconds, or cores, that count as nothing."""
_MARGIN = 0.08
"""By which wall times of one and the same build differ anyway: with 3 %, 9 of 12 were within (docs/benchmarks.md)."""


def forecast(trace: Trace, cores: int) -> Forecast:
    """A clean build on so many cores.

    Args:
        trace: of a build with `trace.jobs` units at a time.
        cores: as Cargo's ``--jobs``.
    """
    typical = _Play(trace, cores, _SERIAL_SHARE).run()
    spread, serial = (_Play(trace, cores, share).run() for share in (0.0, 1.0))
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
    """Of CPU."""
    width: float
    """Cores that it can use at once."""


_Event = tuple[str, bool]
"""A unit, and whether all of it is there or its metadata alone."""


@dataclass(slots=True)
class _Running:
    """A unit at work."""

    unit: Unit
    left: list[_Work]
    seconds: float
    """Of CPU, that are left of the first."""
    begun: float
    """When the first began."""
    after: str
    bars: list[Bar] = field(default_factory=list)

    def advance(self, seconds: float, now: float) -> Iterator[_Event]:
        """So much work has been done; tells what is there now that was not before."""
        self.seconds -= seconds
        if self.seconds > _LEAST / 2:
            return
        done = self.left.pop(0)
        self.bars.append(Bar(step=done.step, begun=self.begun, ended=now))
        if done.step is Step.METADATA:
            yield self.unit.id, False
        if self.left:
            self.seconds, self.begun = self.left[0].seconds, now
        else:
            yield self.unit.id, True

    def slot(self) -> Slot:
        """The unit in the schedule."""
        return Slot(
            unit=self.unit.id, name=self.unit.name, kind=self.unit.kind, bars=tuple(self.bars), after=self.after
        )


class _Play:
    """One play of a build."""

    def __init__(self, trace: Trace, cores: int, serial_share: float) -> None:
        self._trace, self._cores, self._serial = trace, cores, serial_share
        self._units = {unit.id: unit for unit in trace.units}
        self._needs = {unit.id: frozenset(self._needs_of(unit)) for unit in trace.units}
        self._priority = self._priorities()
        self._least = min((unit.cost.peak_memory for unit in trace.units if unit.cost.peak_memory), default=0)

    def run(self) -> tuple[list[Slot], int]:
        """All units at their times, and the most bytes at one moment."""
        now = min((unit.begun for unit in self._trace.units), default=0.0)  # until then, Cargo plans
        waiting = sorted(self._trace.units, key=lambda unit: -self._priority[unit.id])
        happened: set[_Event] = set()
        latest: list[_Event] = []
        running: list[_Running] = []
        slots: list[Slot] = []
        peak = 0
        while waiting or running:
            able = [unit for unit in waiting if self._needs[unit.id] <= happened][: self._cores - len(running)]
            for unit in able:
                waiting.remove(unit)
                work = list(self._work(unit))
                running.append(_Running(unit, work, work[0].seconds, now, self._after(unit, latest)))
            peak = max(peak, sum(one.unit.cost.peak_memory or self._least for one in running))
            rates = self._rates(running)
            pause = min(one.seconds / rate for one, rate in zip(running, rates, strict=True))
            now += pause
            latest = [
                event for one, rate in zip(running, rates, strict=True) for event in one.advance(pause * rate, now)
            ]
            happened |= set(latest)
            slots += [one.slot() for one in running if not one.left]
            running = [one for one in running if one.left]
        return slots, peak

    def _after(self, unit: Unit, latest: list[_Event]) -> str:
        """What a unit that begins now has waited for: one of its needs if that has just come, else a core."""
        needs = [event for event in latest if event in self._needs[unit.id]]
        return next((name for name, _ in (*needs, *latest)), "")

    def _rates(self, running: list[_Running]) -> list[float]:
        """How many cores each of the running units has: one, and an even share of those that are left over."""
        rates = [1.0 for _ in running]
        left = float(self._cores - len(running))
        wanting = [at for at, one in enumerate(running) if one.left[0].width > 1]
        while left > _LEAST and wanting:
            share = left / len(wanting)
            for at in list(wanting):
                given = min(share, running[at].left[0].width - rates[at])
                rates[at] += given
                left -= given
                if running[at].left[0].width - rates[at] <= _LEAST:
                    wanting.remove(at)
        return rates

    def _needs_of(self, unit: Unit) -> Iterator[_Event]:
        """What must have happened before a unit begins; what links needs the needs of its libraries too."""
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
        """How many units wait for each one, directly or not."""
        dependents: dict[str, set[str]] = defaultdict(set)
        for name, needs in self._needs.items():
            for need, _ in needs:
                dependents[need].add(name)
        found: dict[str, set[str]] = {}

        def below(name: str) -> set[str]:
            if name not in found:
                found[name] = set().union(*(below(one) | {one} for one in dependents[name]))
            return found[name]

        return {name: len(below(name)) for name in self._units}

    def _work(self, unit: Unit) -> Iterator[_Work]:
        """What a unit does, one after the other, in CPU seconds."""
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
        """The unit that is linked; it mostly runs alone, so that its wall time tells how it spreads."""
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
    """Work of which a share is done by one thread, and the rest by as many as there are parts."""
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
