"""Estimating the remaining time of a build that runs, from the builds of other profiles before it."""

from __future__ import annotations

import statistics
import threading
from collections import defaultdict
from dataclasses import dataclass, fields, replace

from trimtab.model.build_progress import BuildProgress
from trimtab.model.profile import Profile
from trimtab.model.trace import Trace, Unit, UnitKind

_LEAST_COMPARED = 5.0
"""Seconds of finished units from which on their pace tells something of the others'."""
_SLOWEST = 5.0
"""Factor by which the units of two profiles may differ at most."""


@dataclass(frozen=True, kw_only=True, slots=True)
class EarlierBuild:
    """A build that has ended, as far as the next one can be estimated from it."""

    profile: Profile
    wall: float
    """Seconds of the clean build, or of the build with shared units."""
    rebuild: float | None = None
    """Seconds of the touch-and-rebuild."""
    trace: Trace | None = None


class BuildEstimates:
    """Adds an estimate of the remaining time to the states of builds. Several threads may use it at once."""

    def __init__(self) -> None:
        self._builds: list[EarlierBuild] = []
        self._similar: dict[Profile, _SimilarBuilds] = {}
        self._lock = threading.Lock()

    def add(self, build: EarlierBuild) -> None:
        """Estimate from this build too."""
        with self._lock:
            self._builds.append(build)
            self._similar.clear()

    def complete(self, profile: Profile, state: BuildProgress) -> BuildProgress:
        """The state with an estimate from the most similar profile, the last of several."""
        with self._lock:
            if profile not in self._similar:
                self._similar[profile] = _SimilarBuilds.to(profile, self._builds)
            similar = self._similar[profile]
        if state.rebuilds:
            return replace(state, remaining=_until(similar.rebuild, state.elapsed))
        if similar.units and (state.finished or state.running):
            return replace(state, remaining=similar.units.remaining(state))
        return replace(state, remaining=_until(similar.wall, state.elapsed))


@dataclass(frozen=True, kw_only=True, slots=True)
class _SimilarBuilds:
    """Facts of the builds most similar to one, each from the most similar that has it."""

    wall: float | None
    rebuild: float | None
    units: ExpectedUnits | None

    @classmethod
    def to(cls, profile: Profile, builds: list[EarlierBuild]) -> _SimilarBuilds:
        """Among some builds, in the order in which they ended."""
        newest_first = builds[::-1]
        similar = sorted(newest_first, key=lambda build: _likeness(build.profile, profile), reverse=True)
        traces = (build.trace for build in similar)
        return cls(
            wall=next((build.wall for build in similar), None),
            rebuild=next((build.rebuild for build in similar if build.rebuild is not None), None),
            units=next((ExpectedUnits(trace, trace.final) for trace in traces if trace and trace.final), None),
        )


class ExpectedUnits:
    """Units of a build as a trace of the same units under another profile lets expect them.

    Work that remains is divided by the number of units that ran at once in the earlier build. The program is last and
    alone. What all finished units took, against what they took earlier, is the pace of the other libraries; that of the
    program depends on its link-time optimization instead, and is taken as it was.

    Args:
        earlier: the trace.
        final: the program in it.
    """

    def __init__(self, earlier: Trace, final: Unit) -> None:
        units = [unit for unit in earlier.units if unit.kind is not UnitKind.RUN and unit is not final]
        walls = defaultdict(list)
        for unit in units:
            walls[unit.name].append(unit.cost.wall)
        self._walls = {name: statistics.fmean(seconds) for name, seconds in walls.items()}  # some are compiled twice
        self._work = sum(unit.cost.wall for unit in units)
        self._final = final
        compiled = sum(unit.cost.wall for unit in units if not unit.reused)
        is_known = final.begun and compiled
        self._at_once = min(max(compiled / final.begun, 1.0), earlier.jobs) if is_known else earlier.jobs

    def remaining(self, state: BuildProgress) -> float | None:
        """Estimated seconds to the end of a build; ``None`` once it takes longer than that."""
        wall = expected = saved = done = 0.0
        for unit in state.finished:
            before = self._walls.get(unit.name, 0.0)
            done += before
            if unit.reused:
                saved += before
            elif before:
                wall += unit.wall
                expected += before
        pace = min(max(wall / expected, 1 / _SLOWEST), _SLOWEST) if expected >= _LEAST_COMPARED else 1.0
        running = {unit.name: state.elapsed - unit.begun for unit in state.running}
        under_way = sum(min(seconds, self._walls.get(name, 0.0) * pace) for name, seconds in running.items())
        work = max(0.0, (self._work - done) * pace - under_way)
        is_done = any(unit.name == self._final.name for unit in state.finished)
        last = _until(0.0 if is_done else self._final.cost.wall, running.get(self._final.name, 0.0))
        return None if last is None else work * (1 - (saved / done if done else 0.0)) / self._at_once + last


def _until(end: float | None, now: float) -> float | None:
    return end - now if end is not None and now <= end else None


def _likeness(profile: Profile, other: Profile) -> tuple[bool, int]:
    """Equal link-time optimization counts most, since the program takes longest; then the number of equal settings."""
    equal = [getattr(profile, field.name) == getattr(other, field.name) for field in fields(Profile)]
    return profile.lto == other.lto, sum(equal)
