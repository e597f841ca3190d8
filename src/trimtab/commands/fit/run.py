"""Whether builds fit into a smaller machine: here the parts of ``trimtab fit`` are put together.

>>> import trimtab
>>> report = trimtab.fit("path/to/project", memory="2G", cpus=1)  # doctest: +SKIP
>>> report.rows[0].fit, report.cheapest  # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from trimtab.builders.work_folder import hold_workplace
from trimtab.commands.fit.model import Bounds, Estimated, Fit, FitReport, FitRow, Tried
from trimtab.commands.forecast.model import ProfileForecast
from trimtab.commands.forecast.run import busy_notes, profile_forecasts
from trimtab.errors import InputError
from trimtab.experiment.exploration import Exploration
from trimtab.experiment.prepare import prepare
from trimtab.experiment.request import Request
from trimtab.model.profile import Lto, Profile
from trimtab.model.trace import Unit
from trimtab.model.trial import BuildFailed, Cause
from trimtab.system.machine import usable_cores
from trimtab.system.paths import Folders, default_folders
from trimtab.system.process import ResourceLimits, Runner, limits_enforced_by
from trimtab.units import parse_duration, parse_size

_LIGHTER = (Lto.FAT, Lto.THIN, Lto.LOCAL, Lto.OFF)
"""From the kind that takes most memory and time to build to the one that takes least."""
_USUAL_UNITS = 16
_NOT_ENFORCED = "nothing on this machine can hold a build within a limit of memory: this is a forecast only"


@dataclass(frozen=True, kw_only=True, slots=True)
class FitRequest:
    """What a user asks for."""

    exploring: Request
    """The project; its axes are the profiles to try beside today's, lighter ones if there are none."""
    memory: int
    """Bytes."""
    cpus: int = 1
    within: float | None = None
    """Seconds that a clean build may take."""
    forecast_only: bool = False
    """Build nothing within the limits."""


def fit(
    path: str | Path = ".", *, memory: str, cpus: int = 1, within: str = "", profile: str = "", bins: Sequence[str] = ()
) -> FitReport:
    """Say whether a clean build fits into a machine, and which profile does.

    Args:
        path: a folder of a Cargo project, or ``crate:NAME[@VERSION]``.
        memory: of the machine, such as ``2G``.
        cpus: of the machine.
        within: what a build may take, such as ``30m``; any time if left out.
        profile: the profile that ships; ``release`` if left out.
        bins: names of the binaries to ship, where there are several.

    Raises:
        InputError: wrong arguments, configuration or project, or more CPUs than there are.
        MissingError: Cargo is missing, or builds cannot be traced here.
        NothingBuiltError: today's profile cannot be built even without limits.
    """
    exploring = Request(path=str(path), profile=profile, binaries=tuple(bins))
    limit = parse_duration(within) if within else None
    return run(FitRequest(exploring=exploring, memory=parse_size(memory), cpus=cpus, within=limit), default_folders())


def run(
    request: FitRequest, folders: Folders, runner: Runner | None = None, told: Callable[[str], None] = lambda _: None
) -> FitReport:
    """Trace builds without limits, forecast them within the limits, and build for real what that is to be shown for.

    Raises:
        InputError: wrong arguments, configuration or project, or more CPUs than there are.
        MissingError: Cargo is missing, or builds cannot be traced here.
        NothingBuiltError: today's profile cannot be built even without limits.
    """
    if request.cpus > usable_cores() and not request.forecast_only:
        raise InputError(
            f"there are {usable_cores()} CPUs here, not {request.cpus}", hint="ask for fewer, or for --forecast-only"
        )
    exploration = prepare(replace(request.exploring, axes=request.exploring.axes or ()), folders, runner)
    if exploration.wheels:
        raise InputError("builds of wheels are not tried", hint="name the folder of the Cargo project")
    today = exploration.today.profile
    profiles = exploration.profiles if request.exploring.axes else (today, *lighter(today))
    enforced = "" if request.forecast_only else limits_enforced_by()
    bounds = Bounds(memory=request.memory, cpus=request.cpus, within=request.within, enforced_by=enforced)
    with hold_workplace(folders.cache) as work:
        found, notes = profile_forecasts(exploration, profiles, (request.cpus,), work, told)
        rows = [_estimated(one, bounds) for one in found]
        if enforced:
            trials = _Trials(exploration, bounds, found, work, told)
            rows = trials.tried(rows)
            notes = (*notes, *trials.notes)
    study = exploration.study
    return FitReport(
        project=study.project,
        machine=study.machine,
        toolchain=study.toolchain,
        bounds=bounds,
        rows=tuple(rows),
        notes=(
            *study.project.notes,
            *notes,
            *(() if enforced or request.forecast_only else (_NOT_ENFORCED,)),
        ),
        command=request.exploring.command,
    )


def lighter(profile: Profile) -> tuple[Profile, ...]:
    """Profiles that ask less of a builder: less optimization across crates, and at last more parts of code."""
    kinds = _LIGHTER[_LIGHTER.index(profile.lto) + 1 :]
    found = [replace(profile, lto=lto) for lto in kinds]
    if profile.codegen_units < _USUAL_UNITS:
        lto = Lto.LOCAL if kinds else profile.lto
        found.append(replace(profile, lto=lto, codegen_units=_USUAL_UNITS))
    return tuple(found)


def _estimated(one: ProfileForecast, bounds: Bounds) -> FitRow:
    (foretold,) = one.forecasts
    hungriest = max(one.trace.units, key=lambda unit: unit.cost.peak_memory or 0, default=None)
    verdict = Fit.FITS
    if foretold.peak_memory and foretold.peak_memory > bounds.memory:
        verdict = Fit.OUT_OF_MEMORY
    elif bounds.within is not None and foretold.wall > bounds.within:
        verdict = Fit.TOO_SLOW
    return FitRow(
        label=one.label,
        profile=one.profile,
        size=one.size,
        estimated=Estimated(
            fit=verdict,
            wall=foretold.wall,
            low=foretold.low,
            high=foretold.high,
            cpu=foretold.cpu,
            peak_memory=foretold.peak_memory,
            hungriest=hungriest.name if hungriest else "",
            hungriest_memory=hungriest.cost.peak_memory if hungriest else None,
        ),
    )


def attempts(rows: Sequence[FitRow], bounds: Bounds) -> Iterator[str]:
    """Which profiles to build within limits, one after the other, by their labels.

    The first; of the others the quickest that is forecast to fit; of the rest, which the forecast may have wronged,
    what takes least memory. Left out is what cannot end in time, and of the rest what has one unit that alone takes too
    much.
    """
    in_time = [row for row in rows if bounds.within is None or row.estimated.low <= bounds.within]
    others = [row for row in in_time if row is not rows[0]]
    fitting = sorted((row for row in others if row.estimated.fit is Fit.FITS), key=lambda row: row.estimated.wall)
    doubtful = [row for row in others if row not in fitting and (row.estimated.hungriest_memory or 0) <= bounds.memory]
    yield from (row.label for row in in_time[:1] if row is rows[0])
    yield from (row.label for row in fitting)
    yield from (row.label for row in sorted(doubtful, key=lambda row: row.estimated.peak_memory or 0))


class _Trials:
    """Real builds within the limits."""

    def __init__(
        self,
        exploration: Exploration,
        bounds: Bounds,
        forecasts: Sequence[ProfileForecast],
        work: Path,
        told: Callable[[str], None],
    ) -> None:
        self._bounds, self._told = bounds, told
        self._forecasts = {one.label: one for one in forecasts}
        self.notes: list[str] = []
        traced = exploration.cargo_builder(work, work / "kept")
        self._builder = replace(
            traced,
            calls=replace(traced.calls, jobs=bounds.cpus, timeout=bounds.within),
            compiler=exploration.compiler(work),
            limits=ResourceLimits(memory=bounds.memory, cpus=bounds.cpus),
        )

    def tried(self, rows: Sequence[FitRow]) -> list[FitRow]:
        """Build the first, unless it is known to take too long; then those that may fit, until one does."""
        found = {row.label: row for row in rows}
        for label in attempts(rows, self._bounds):
            self._told(f"{label}: building within the limits")
            found[label] = self._built(found[label])
            if label != rows[0].label and found[label].fit is Fit.FITS:
                break
        return list(found.values())

    def _built(self, row: FitRow) -> FitRow:
        built = self._builder.build(row.profile, touch=False)
        if not isinstance(built, BuildFailed):
            cost = built.clean
            self.notes += busy_notes(f"{row.label}, within the limits", cost)
            tried = Tried(fit=Fit.FITS, wall=cost.wall, cpu=cost.cpu, peak_memory=cost.peak_memory)
            return replace(row, tried=tried, size=built.size)
        verdicts = {Cause.OUT_OF_MEMORY: Fit.OUT_OF_MEMORY, Cause.TIMEOUT: Fit.TOO_SLOW}
        tried = Tried(
            fit=verdicts.get(built.cause, Fit.FAILED),
            wall=built.wall,
            unit=built.unit.name if built.unit else "",
            wanted=self._wanted(row.label, built.unit) if built.unit else None,
            message=built.message,
        )
        return replace(row, tried=tried)

    def _wanted(self, label: str, unit: Unit) -> int | None:
        """Bytes that a unit has where there is room; its id is of this build only, and its name may be two units'."""
        units = [one for one in self._forecasts[label].trace.units if one.name == unit.name]
        return max((one.cost.peak_memory or 0 for one in units), default=0) or None
