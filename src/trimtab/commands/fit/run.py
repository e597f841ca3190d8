"""Fit of clean builds into a smaller machine: forecasts first, then real builds within the limits.

>>> import trimtab
>>> report = trimtab.fit("path/to/project", memory="2G", cpus=1)  # doctest: +SKIP
>>> report.rows[0].fit, report.cheapest  # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from trimtab.builders.work_folder import hold_workplace
from trimtab.commands.fit.model import Bounds, Fit, FitForecast, FitReport, FitRow, LimitedBuild
from trimtab.commands.forecast.model import ProfileForecast
from trimtab.commands.forecast.run import busy_notes, profile_forecasts
from trimtab.errors import InputError
from trimtab.experiment.build_messages import BuildMessages
from trimtab.experiment.exploration import Exploration
from trimtab.experiment.prepare import prepare
from trimtab.experiment.request import Request
from trimtab.model.profile import Lto, Profile
from trimtab.model.trace import Unit
from trimtab.model.trial import BuildFailed, Cause
from trimtab.store.kept import keeping
from trimtab.system.machine import usable_cores
from trimtab.system.paths import Folders, default_folders
from trimtab.system.process import ResourceLimits, Runner, limits_enforced_by
from trimtab.units import parse_duration, parse_size

_LIGHTER = (Lto.FAT, Lto.THIN, Lto.LOCAL, Lto.OFF)
"""Kinds of LTO, from the one that takes most memory and time to build to the one that takes least."""
_USUAL_UNITS = 16
_NOT_ENFORCED = "no control group can be made here to limit the memory of a build: this is a forecast only"


@dataclass(frozen=True, kw_only=True, slots=True)
class FitRequest:
    """Arguments of ``trimtab fit``."""

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
    request: FitRequest,
    folders: Folders,
    runner: Runner | None = None,
    on_message: Callable[[str], None] = lambda _: None,
) -> FitReport:
    """Trace builds without limits, forecast them within the limits, and build for real the profiles that matter.

    Raises:
        InputError: wrong arguments, configuration or project, or more CPUs than there are.
        MissingError: Cargo is missing, or builds cannot be traced here.
        NothingBuiltError: today's profile cannot be built even without limits.
    """
    if request.cpus > usable_cores() and not request.forecast_only:
        raise InputError(
            f"there are {usable_cores()} CPUs here, not {request.cpus}", hint="ask for fewer, or for --forecast-only"
        )
    with keeping(folders):
        return _run(request, folders, runner, on_message)


def _run(request: FitRequest, folders: Folders, runner: Runner | None, on_message: Callable[[str], None]) -> FitReport:
    exploration = prepare(replace(request.exploring, axes=request.exploring.axes or ()), folders, runner)
    if exploration.wheels:
        raise InputError("wheels cannot be built within limits", hint="name the folder of the Cargo project")
    today = exploration.today.profile
    profiles = exploration.profiles if request.exploring.axes else (today, *lighter(today))
    enforced = "" if request.forecast_only else limits_enforced_by()
    bounds = Bounds(memory=request.memory, cpus=request.cpus, within=request.within, enforced_by=enforced)
    with hold_workplace(folders.cache) as work:
        forecasts, notes = profile_forecasts(exploration, profiles, (request.cpus,), work, on_message)
        rows = [_row(forecast, bounds) for forecast in forecasts]
        if enforced:
            builds = _LimitedBuilder(exploration, bounds, forecasts, work, on_message)
            rows = builds.tried(rows)
            notes = (*notes, *builds.notes)
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
    """Profiles that ask less of a builder: less optimization across crates, and at last more codegen units."""
    kinds = _LIGHTER[_LIGHTER.index(profile.lto) + 1 :]
    profiles = [replace(profile, lto=lto) for lto in kinds]
    if profile.codegen_units < _USUAL_UNITS:
        lto = Lto.LOCAL if kinds else profile.lto
        profiles.append(replace(profile, lto=lto, codegen_units=_USUAL_UNITS))
    return tuple(profiles)


def _row(profile: ProfileForecast, bounds: Bounds) -> FitRow:
    (forecast,) = profile.forecasts
    hungriest = max(profile.trace.units, key=lambda unit: unit.cost.peak_memory or 0, default=None)
    verdict = Fit.FITS
    if forecast.peak_memory and forecast.peak_memory > bounds.memory:
        verdict = Fit.OUT_OF_MEMORY
    elif bounds.within is not None and forecast.wall > bounds.within:
        verdict = Fit.TOO_SLOW
    return FitRow(
        label=profile.label,
        profile=profile.profile,
        size=profile.size,
        forecast=FitForecast(
            fit=verdict,
            wall=forecast.wall,
            low=forecast.low,
            high=forecast.high,
            cpu=forecast.cpu,
            peak_memory=forecast.peak_memory,
            hungriest=hungriest.name if hungriest else "",
            hungriest_memory=hungriest.cost.peak_memory if hungriest else None,
        ),
    )


def attempts(rows: Sequence[FitRow], bounds: Bounds) -> Iterator[str]:
    """Labels of the profiles to build within limits, one after the other.

    Today's; then those that are forecast to fit, the quickest first; then the rest, since the forecast may be wrong,
    the one with least peak memory first. Left out are profiles that cannot end in time, and of the rest those of which
    one unit alone takes too much memory.
    """
    in_time = [row for row in rows if bounds.within is None or row.forecast.low <= bounds.within]
    others = [row for row in in_time if row is not rows[0]]
    fitting = sorted((row for row in others if row.forecast.fit is Fit.FITS), key=lambda row: row.forecast.wall)
    doubtful = [row for row in others if row not in fitting and (row.forecast.hungriest_memory or 0) <= bounds.memory]
    yield from (row.label for row in in_time[:1] if row is rows[0])
    yield from (row.label for row in fitting)
    yield from (row.label for row in sorted(doubtful, key=lambda row: row.forecast.peak_memory or 0))


class _LimitedBuilder:
    """Builds profiles for real within the limits."""

    def __init__(
        self,
        exploration: Exploration,
        bounds: Bounds,
        forecasts: Sequence[ProfileForecast],
        work: Path,
        on_message: Callable[[str], None],
    ) -> None:
        self._bounds, self._on_message = bounds, on_message
        self._forecasts = {forecast.label: forecast for forecast in forecasts}
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
        outcomes = {row.label: row for row in rows}
        for label in attempts(rows, self._bounds):
            self._on_message(f"{label}: building within the limits")
            outcomes[label] = self._built(outcomes[label])
            if label != rows[0].label and outcomes[label].fit is Fit.FITS:
                break
        return list(outcomes.values())

    def _built(self, row: FitRow) -> FitRow:
        show = BuildMessages(row.label, self._on_message)
        built = self._builder.build(row.profile, touch=False, on_progress=show)
        if not isinstance(built, BuildFailed):
            cost = built.clean
            self.notes += busy_notes(f"{row.label}, within the limits", cost)
            tried = LimitedBuild(fit=Fit.FITS, wall=cost.wall, cpu=cost.cpu, peak_memory=cost.peak_memory)
            return replace(row, tried=tried, size=built.size)
        verdicts = {Cause.OUT_OF_MEMORY: Fit.OUT_OF_MEMORY, Cause.TIMEOUT: Fit.TOO_SLOW}
        tried = LimitedBuild(
            fit=verdicts.get(built.cause, Fit.FAILED),
            wall=built.wall,
            unit=built.unit.name if built.unit else "",
            wanted=self._wanted(row.label, built.unit) if built.unit else None,
            message=built.message,
        )
        return replace(row, tried=tried)

    def _wanted(self, label: str, unit: Unit) -> int | None:
        """Peak memory of a unit without limits, by its name, since its id is of this build only."""
        peaks = (traced.cost.peak_memory for traced in self._forecasts[label].trace.units if traced.name == unit.name)
        return max((peak or 0 for peak in peaks), default=0) or None
