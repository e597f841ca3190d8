"""Running an exploration from a script or notebook: here the parts are chosen and put together.

>>> import trimtab
>>> study = trimtab.explore("path/to/project", axes={"lto": ["local", "thin", "fat"]})  # doctest: +SKIP
>>> trimtab.answer(study).recommendation  # doctest: +SKIP
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from trimtab.builders.work_folder import hold_workplace
from trimtab.cargo.toolchain import ask
from trimtab.config.file import parse_bench, parse_choice, parse_limits
from trimtab.errors import InputError, MissingError, NothingBuiltError
from trimtab.experiment.loop import Experiment, Progress, Screening
from trimtab.experiment.prepare import Exploration, Request, prepare
from trimtab.experiment.wheels import (
    WheelInspection,
)
from trimtab.measure.installed import BENCH_VARIABLES, Installer
from trimtab.measure.probe import Probe
from trimtab.measure.runtime import Binaries, InstructionProbe, RunProbe, Surroundings
from trimtab.measure.size import SizeProbe, WheelSizeProbe, find_strip_tool
from trimtab.model.plan import Bench, Goal, ProbeKind
from trimtab.model.profile import Profile, axis_kind
from trimtab.model.space import axis_of
from trimtab.model.study import Study
from trimtab.model.trial import Trial
from trimtab.search.grid import GridSearch
from trimtab.stats.median import CONFIDENCE
from trimtab.store.sqlite import SqliteStore
from trimtab.system.machine import usable_cores
from trimtab.system.orphans import WORK_VARIABLE, kill_leftovers
from trimtab.system.paths import default_folders, hold_lock

_LEAST_SCREENED = 10
"""Profiles: of fewer, a screening saves less than it costs to build cleanly what each goal would take."""
_AT_ONCE = 2
"""Builds in a screening; wall times are not recorded then."""
_MARGIN = 1.25
"""By which another profile may need more memory than today's."""
_BESIDE = "beside"
"""Folder of the second build, in the work folder."""


class SilentProgress:
    """Says nothing."""

    def begin(self, study: Study, left: int) -> None:
        """Nothing."""

    def step(self, profile: Profile, what: str) -> None:
        """Nothing."""

    def done(self, trial: Trial, *, known: bool, left: int) -> None:
        """Nothing."""


def explore(
    path: str | Path = ".",
    *,
    axes: Mapping[str, Sequence[object]] | None = None,
    benches: Mapping[str, str] | None = None,
    bins: Sequence[str] = (),
    packages: Sequence[str] = (),
    features: Sequence[str] = (),
    profile: str = "",
    wheel: bool = False,
    goal: str = "",
    limits: Mapping[str, str] | None = None,
    measure: Sequence[str] = (),
    jobs: int | None = None,
    timeout: float | None = None,
    bench_time: float | None = None,
    budget: float | None = None,
    exact: bool = False,
    fresh: bool = False,
    store: str | Path | None = None,
    progress: Progress | None = None,
) -> Study:
    """Measure release profiles of a Cargo project side by side.

    Args:
        path: a folder of a Cargo project, or ``crate:NAME[@VERSION]``.
        axes: axis name → values to try, as in ``{"lto": ["local", "fat"]}``; none is today's profile alone; a sensible
            space if left out.
        benches: name → command with ``{bin}`` in it.
        bins: names of the binaries to ship, where there are several.
        packages: only these packages' binaries.
        features: features to turn on.
        profile: the profile that ships; ``release`` if left out.
        wheel: whether what ships is the wheel of a Python project; benches may then use ``{python}`` too.
        goal: ``size``, ``speed``, ``balanced`` or ``build``.
        limits: ``build``, ``touch``, ``size`` → limit such as ``"2x"`` or ``"+5%"`` of today's.
        measure: groups of metrics among ``size``, ``build``, ``touch``, ``run``; all if left out.
        jobs: Cargo's ``--jobs``.
        timeout: seconds for one build or one run of a bench.
        bench_time: seconds for each bench of each trial.
        budget: seconds for the whole exploration.
        exact: build every profile cleanly, instead of screening them first and building those that a goal may take.
        fresh: measure again what is known already.
        store: file to keep the study in; the user's own store if left out.
        progress: is told what is going on.

    Returns:
        The study, finished or, within a budget, as far as it came. A repeated call measures nothing twice.

    Raises:
        InputError: wrong arguments, configuration or project.
        MissingError: Cargo or another tool is missing.
        NothingBuiltError: no profile could be built; the failures are in the store.
    """
    request = Request(
        path=str(path),
        axes=tuple(axis_of(axis_kind(name), [str(value) for value in values]) for name, values in axes.items())
        if axes is not None
        else None,
        benches=tuple(parse_bench(f"{name}={command}") for name, command in (benches or {}).items()),
        binaries=tuple(bins),
        packages=tuple(packages),
        features=tuple(features),
        profile=profile,
        wheel=wheel,
        goal=parse_choice(Goal, goal) if goal else None,
        limits=parse_limits(limits or {}),
        probes=frozenset(parse_choice(ProbeKind, name) for name in measure),
        jobs=jobs,
        timeout=timeout,
        bench_time=bench_time,
        budget=budget,
        exact=exact,
        fresh=fresh,
    )
    folders = default_folders(store)
    with contextlib.closing(SqliteStore(folders.store)) as opened:
        study = run(prepare(request, folders), opened, progress or SilentProgress())
    require_built(study)
    return study


def run(exploration: Exploration, store: SqliteStore, progress: Progress) -> Study:
    """Run a prepared exploration to its end, or take it up where it was interrupted.

    Raises:
        InputError: the same project is being explored already, or the sources were edited meanwhile.
    """
    cache, study = exploration.folders.cache, exploration.study
    with hold_lock(cache / "locks" / study.basis) as held:
        if not held:  # the two would build the same profiles twice, and disturb each other's times
            raise InputError(f"{study.project.name} is being explored already", hint="wait for that to end")
        with hold_workplace(cache) as work:
            return _experiment(exploration, store, work, progress).run()


def _experiment(exploration: Exploration, store: SqliteStore, work: Path, progress: Progress) -> Experiment:
    wheels = exploration.wheels
    installer = wheels.installer(exploration.runner, work, exploration.environment) if wheels else None
    return Experiment(
        plan=exploration.plan,
        study=exploration.study,
        builder=exploration.builder(work, store.artifacts),
        screening=_screening(exploration, store, work),
        search=GridSearch(exploration.today.profile, exploration.space),
        store=store,
        probes=_ProbeMaker(exploration, work, installer),
        wheel_check=_inspection(exploration, installer) if installer else None,
        check_sources=exploration.sources.check_unchanged,
        progress=progress,
    )


def _screening(exploration: Exploration, store: SqliteStore, work: Path) -> Screening | None:
    """How profiles are screened; not at all where there are hardly more of them than are built cleanly in the end."""
    if exploration.plan.exact or exploration.wheels or len(exploration.profiles) < _LEAST_SCREENED:
        return None
    try:
        sharing = exploration.sharing()
        places = [work, *(work / _BESIDE / str(number) for number in range(1, _AT_ONCE))]
        builders = tuple(exploration.sharing_builder(place, store.artifacts, sharing) for place in places)
    except MissingError:
        return None
    sharing.entries.tidy(time.time())
    return Screening(builders=builders, beside=_beside, interrupt=lambda: kill_leftovers(work))


def _beside(peak: int) -> int:
    """How many builds may go on at once: their last steps leave cores idle, but all of their memory must fit."""
    import psutil

    fitting = int(psutil.virtual_memory().available / (peak * _MARGIN))
    return max(1, min(_AT_ONCE, usable_cores(), fitting))


def _inspection(exploration: Exploration, installer: Installer) -> WheelInspection:
    imports = any("{python}" in word for bench in exploration.study.benches for word in bench.command)
    return WheelInspection(installer, exploration.home if imports else None)


def require_built(study: Study) -> None:
    """Raise where a study has only failures.

    Raises:
        NothingBuiltError: no profile could be built.
    """
    if study.built:
        return
    failure = next((trial.failure for trial in study.trials if trial.failure), None)
    raise NothingBuiltError(
        f"no profile could be built: {failure.message if failure else 'nothing was tried'}",
        hint=f"see that `cargo build` works here; trimtab show {study.id} lists all failures",
    )


@dataclass(frozen=True, slots=True)
class _ProbeMaker:
    """Chooses the probes: the place to name a new one."""

    exploration: Exploration
    work: Path
    installer: Installer | None
    """Where wheels are built."""

    def make(self, kinds: frozenset[ProbeKind], benches: tuple[Bench, ...]) -> tuple[Probe, ...]:
        """Probes for these groups of metrics, running these benches."""
        runner, root = self.exploration.runner, self.exploration.home
        probes: list[Probe] = []
        if ProbeKind.SIZE in kinds:
            sysroot = Path(ask(runner, ("rustc", "--print", "sysroot"), root, self.exploration.environment))
            binaries = SizeProbe(runner, find_strip_tool(runner, sysroot, self.exploration.study.toolchain.host))
            probes.append(WheelSizeProbe(binaries) if self.installer else binaries)
        if benches:
            surroundings = Surroundings(
                runner=runner,
                cwd=root,
                environment={
                    **self.exploration.environment,
                    **(BENCH_VARIABLES if self.installer else {}),
                    WORK_VARIABLE: str(self.work),
                },
                timeout=self.exploration.plan.build_timeout,
                stage=self.installer or Binaries(),
            )
            probes.append(RunProbe(surroundings, benches, self.exploration.plan.bench_time, self._confidence))
            probes.append(InstructionProbe(surroundings, benches))
        return tuple(probes)

    @property
    def _confidence(self) -> float:
        """Of each interval, so that all of them hold together at 99 % (Bonferroni): one per profile and bench."""
        study = self.exploration.study
        return 1 - (1 - CONFIDENCE) / max(1, study.planned * len(study.benches))
