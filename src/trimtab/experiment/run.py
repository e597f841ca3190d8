"""Running an exploration from a script or notebook: here the parts are chosen and put together.

>>> import trimtab
>>> study = trimtab.explore("path/to/project", axes={"lto": ["local", "thin", "fat"]})  # doctest: +SKIP
>>> trimtab.answer(study).recommendation  # doctest: +SKIP
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

from trimtab.builders.training import program_at
from trimtab.builders.work_folder import hold_workplace
from trimtab.errors import InputError, NothingBuiltError
from trimtab.experiment.exploration import Exploration
from trimtab.experiment.loop import Experiment
from trimtab.experiment.protocols import Progress
from trimtab.experiment.screening import screening_of
from trimtab.experiment.wiring import ProbeFactory, wheel_inspection
from trimtab.model.identity import digest
from trimtab.model.study import Study
from trimtab.model.trial import Cause
from trimtab.search.grid import GridSearch
from trimtab.store.sqlite import SqliteStore
from trimtab.system.launcher import timing_runner
from trimtab.system.paths import hold_lock
from trimtab.system.process import Runner


def run(exploration: Exploration, store: SqliteStore, progress: Progress) -> Study:
    """Run a prepared exploration to its end, or take it up where it was interrupted.

    Raises:
        InputError: the same project is being explored already, or the sources were edited meanwhile.
    """
    cache, study = exploration.folders.cache, exploration.study
    with hold_lock(cache / "locks" / digest(study.basis, study.project.root)) as held:
        if not held:  # the two would build the same profiles twice, and disturb each other's times
            raise InputError(f"{study.project.name} is being explored already", hint="wait for that to end")
        with hold_workplace(cache) as work, timing_runner(exploration.runner, cache) as (timed, note):
            noted = replace(exploration, study=_with_note(exploration.study, note))
            return _experiment(noted, store, work, progress, timed).run()


def _with_note(study: Study, note: str) -> Study:
    if not note or note in study.project.notes:
        return study
    return replace(study, project=replace(study.project, notes=(*study.project.notes, note)))


def _experiment(
    exploration: Exploration, store: SqliteStore, work: Path, progress: Progress, timed: Runner
) -> Experiment:
    wheels = exploration.wheels
    installer = wheels.installer(exploration.runner, work, exploration.environment) if wheels else None
    stage = partial(installer.words, copied=False) if installer else program_at
    return Experiment(
        plan=exploration.plan,
        study=exploration.study,
        builder=exploration.builder(work, store.artifacts, stage),
        screening=screening_of(exploration, store, work),
        search=GridSearch(exploration.today.profile, exploration.space),
        store=store,
        probes=ProbeFactory(exploration, work, installer, timed),
        wheel_check=wheel_inspection(exploration, installer) if installer else None,
        check_sources=exploration.sources.check_unchanged,
        provenance=exploration.provenance,
        progress=progress,
    )


def require_built(study: Study) -> None:
    """Raise where a study has only failures.

    Raises:
        NothingBuiltError: no profile could be built.
    """
    if study.built:
        return
    failure = next((trial.failure for trial in study.trials if trial.failure), None)
    profile = study.project.profile_name
    if not failure:
        raise NothingBuiltError("no profile could be built: nothing was tried", hint="give it a larger --budget")
    raise NothingBuiltError(
        f"today's profile could not be built, so nothing can be compared: {failure.message}",
        hint=_ADVICE.get(failure.cause, f"see that `cargo build --profile {profile}` works here")
        + f"; trimtab show {study.id} has the log",
    )


_ADVICE = {
    Cause.TIMEOUT: "give it a longer --timeout, or none",
    Cause.OUT_OF_MEMORY: "build with fewer --jobs, or name a profile that needs less memory with --profile",
    Cause.DISK_FULL: "make room on the disk (trimtab clean), then run the same again",
    Cause.SMOKE: "correct the wheel or the smoke lines first",
}
"""Advice by the cause for which today's profile could not be built."""
