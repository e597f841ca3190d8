"""Forecast of clean builds on other numbers of cores, from one traced build of each profile.

>>> import trimtab
>>> report = trimtab.forecast("path/to/project", axes={"lto": ["thin", "fat"]}, cores=[4])  # doctest: +SKIP
>>> report.profiles[0].forecasts[0].wall  # doctest: +SKIP
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from trimtab.builders.work_folder import hold_workplace
from trimtab.choice.table import label
from trimtab.commands.forecast.model import ForecastReport, ProfileForecast
from trimtab.commands.forecast.schedule import simulate
from trimtab.errors import InputError, MissingError, NothingBuiltError
from trimtab.experiment.build_messages import BuildMessages
from trimtab.experiment.exploration import Exploration
from trimtab.experiment.held_out import require_untrained
from trimtab.experiment.prepare import prepare
from trimtab.experiment.request import Request
from trimtab.model.profile import Profile, axis_kind
from trimtab.model.space import axis_of
from trimtab.model.trial import BuildFailed, Cost
from trimtab.store.kept import keeping
from trimtab.system.machine import usable_cores
from trimtab.system.paths import Folders, default_folders
from trimtab.system.process import Runner

CORES = (1, 2, 4, 8, 16, 64)
"""Numbers of cores that are forecast if none are given."""
_BUSY = 0.3
"""Cores that other programs may use during a build before a note says so."""


def forecast(
    path: str | Path = ".",
    *,
    axes: Mapping[str, Sequence[object]] | None = None,
    cores: Sequence[int] = CORES,
    profile: str = "",
) -> ForecastReport:
    """Forecast clean builds of a project.

    Args:
        path: a folder of a Cargo project, or ``crate:NAME[@VERSION]``.
        axes: axis name → values to try; today's profile alone if left out.
        cores: numbers of cores to forecast.
        profile: the profile that ships; ``release`` if left out.

    Raises:
        InputError: wrong arguments, configuration or project, or a wheel ships.
        MissingError: Cargo is missing, or builds cannot be traced here.
        NothingBuiltError: today's profile cannot be built.
    """
    chosen = tuple(axis_of(axis_kind(name), list(map(str, values))) for name, values in (axes or {}).items())
    return run(Request(path=str(path), axes=chosen, profile=profile), tuple(cores), default_folders())


def run(
    request: Request,
    cores: tuple[int, ...],
    folders: Folders,
    runner: Runner | None = None,
    on_message: Callable[[str], None] = lambda _: None,
) -> ForecastReport:
    """Build each profile once with every call of rustc traced, and forecast clean builds from that.

    Raises:
        InputError: wrong arguments, configuration or project, or a wheel ships.
        MissingError: Cargo is missing, or builds cannot be traced here.
        NothingBuiltError: today's profile cannot be built.
    """
    if not cores or min(cores) < 1:
        raise InputError("no number of cores, or one below 1", hint="name one number of cores or more, each at least 1")
    with keeping(folders):
        return _run(request, cores, folders, runner, on_message)


def _run(
    request: Request,
    cores: tuple[int, ...],
    folders: Folders,
    runner: Runner | None,
    on_message: Callable[[str], None],
) -> ForecastReport:
    exploration = prepare(request, folders, runner)
    if exploration.wheels:
        raise InputError("the build of a wheel cannot be forecast", hint="name the folder of the Cargo project")
    study = exploration.study
    with hold_workplace(folders.cache) as work:
        profiles, notes = profile_forecasts(exploration, exploration.profiles, cores, work, on_message)
    return ForecastReport(
        project=study.project,
        machine=study.machine,
        toolchain=study.toolchain,
        profiles=profiles,
        notes=(*study.project.notes, *notes),
        command=request.command,
    )


def profile_forecasts(
    exploration: Exploration,
    profiles: Sequence[Profile],
    cores: Sequence[int],
    work: Path,
    on_message: Callable[[str], None],
) -> tuple[tuple[ProfileForecast, ...], tuple[str, ...]]:
    """Trace builds of profiles, with what they have in common compiled once; the notes name profiles that failed.

    Raises:
        InputError: a profile takes training.
        MissingError: builds cannot be traced here.
        NothingBuiltError: the first cannot be built.
    """
    require_untrained(profiles, "forecasts")
    jobs = exploration.plan.jobs or usable_cores()
    sharing = exploration.tracing(jobs)
    builder = exploration.sharing_builder(work, work / "kept", sharing)
    builder = replace(builder, calls=replace(builder.calls, jobs=jobs, timeout=None))  # the time is what is measured
    today = exploration.today.profile
    forecasts: list[ProfileForecast] = []
    notes: list[str] = []
    for profile in profiles:
        name = label(profile, today)
        on_message(f"{name}: building")
        built = builder.build(profile, touch=False, on_progress=BuildMessages(name, on_message))
        exploration.sources.check_unchanged()
        if isinstance(built, BuildFailed):
            if not forecasts:
                raise NothingBuiltError(f"{name} cannot be built: {built.message}", hint="see that `cargo build` works")
            notes.append(f"{name} cannot be built: {built.cause}: {built.message}")
        elif not built.trace or not built.trace.units:
            raise MissingError(
                f"no call of rustc was traced in the build of {name}",
                hint="see that no other rustc wrapper is set",
            )
        else:
            earlier = [unit for unit in built.trace.units if unit.reused] if not forecasts else []
            if earlier:
                notes.append(f"{len(earlier)} units were compiled in earlier runs and count with the time of then")
            notes += busy_notes(name, built.clean)
            forecasts.append(
                ProfileForecast(
                    profile=profile,
                    label=name,
                    size=built.size,
                    trace=built.trace,
                    forecasts=tuple(simulate(built.trace, count) for count in cores),
                )
            )
    sharing.entries.tidy(time.time())
    return tuple(forecasts), tuple(notes)


def busy_notes(name: str, cost: Cost) -> list[str]:
    """A note on the load by other programs during a build, if it was high."""
    if cost.other_load <= _BUSY:
        return []
    return [f"{name}: other programs kept {cost.other_load:.1f} cores busy meanwhile: its wall time is less certain"]
