"""Estimating the remaining time of a build that runs, from the builds of other profiles before it."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, fields, replace

from trimtab.model.build_progress import BuildProgress, FinishedUnit
from trimtab.model.profile import Profile
from trimtab.model.trace import Trace, UnitKind

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
        self._lock = threading.Lock()

    def add(self, build: EarlierBuild) -> None:
        """Estimate from this build too."""
        with self._lock:
            self._builds.append(build)

    def complete(self, profile: Profile, state: BuildProgress) -> BuildProgress:
        """The state with an estimate from the most similar profile, the last of several."""
        with self._lock:
            newest_first = list(reversed(self._builds))
        builds = sorted(newest_first, key=lambda build: _likeness(build.profile, profile), reverse=True)
        if state.rebuilds:
            walls = [build.rebuild for build in builds if build.rebuild is not None]
            return replace(state, remaining=_until(walls[0], state.elapsed) if walls else None)
        traces = [build.trace for build in builds if build.trace and build.trace.final]
        if traces and (state.finished or state.running):
            return replace(state, remaining=remaining_time(state, traces[0]))
        return replace(state, remaining=_until(builds[0].wall, state.elapsed) if builds else None)


def remaining_time(state: BuildProgress, earlier: Trace) -> float | None:
    """Estimated seconds to the end of a build; ``None`` once it takes longer than that.

    Work that remains is divided by the number of units that ran at once in the earlier build. The program is last and
    alone. What all finished units took, against what they took earlier, is the pace of the other libraries; that of the
    program depends on its link-time optimization instead, and is taken as it was.

    Args:
        state: of the build that runs.
        earlier: trace of the same units under another profile.
    """
    final = earlier.final
    if final is None:
        return None
    units = [unit for unit in earlier.units if unit.kind is not UnitKind.RUN and unit is not final]
    expected = {unit.name: unit.cost.wall for unit in units}
    finished = Counter(unit.name for unit in state.finished)
    running = {unit.name: state.elapsed - unit.begun for unit in state.running}
    pace, work = _pace(state.finished, expected), 0.0
    for unit in units:
        if finished[unit.name]:
            finished[unit.name] -= 1
        else:
            work += max(0.0, unit.cost.wall * pace - running.get(unit.name, 0.0))
    compiled = sum(unit.cost.wall for unit in units if not unit.reused)
    at_once = min(max(compiled / final.begun, 1.0), earlier.jobs) if final.begun and compiled else earlier.jobs
    program = final.cost.wall if final.name not in finished else 0.0
    last = _until(program, running.get(final.name, 0.0))
    return None if last is None else work * (1 - _reused(state.finished)) / at_once + last


def _until(end: float, now: float) -> float | None:
    return end - now if now <= end else None


def _pace(finished: tuple[FinishedUnit, ...], expected: dict[str, float]) -> float:
    """Wall time of the units that were compiled, over that of the same units earlier."""
    compared = [unit for unit in finished if not unit.reused and unit.name in expected]
    before = sum(expected[unit.name] for unit in compared)
    if before < _LEAST_COMPARED:
        return 1.0
    return min(max(sum(unit.wall for unit in compared) / before, 1 / _SLOWEST), _SLOWEST)


def _reused(finished: tuple[FinishedUnit, ...]) -> float:
    """Share of the work so far that the unit cache has saved."""
    total = sum(unit.wall for unit in finished)
    return sum(unit.wall for unit in finished if unit.reused) / total if total else 0.0


def _likeness(profile: Profile, other: Profile) -> tuple[bool, int]:
    """Equal link-time optimization counts most, since the program takes longest; then the number of equal settings."""
    equal = [getattr(profile, field.name) == getattr(other, field.name) for field in fields(Profile)]
    return profile.lto == other.lto, sum(equal)
