"""Running an exploration from a script or notebook: here the parts are chosen and put together.

>>> import trimtab
>>> study = trimtab.explore("path/to/project", axes={"lto": ["local", "thin", "fat"]})  # doctest: +SKIP
>>> trimtab.answer(study).recommendation  # doctest: +SKIP
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from trimtab.build.builder import Builder
from trimtab.build.cargo import CargoBuilder
from trimtab.build.workplace import ArtifactStore, hold_workplace
from trimtab.cargo.calls import Calls
from trimtab.cargo.environment import compiler_wrapper
from trimtab.cargo.project import Binary, Project, choose_binaries, fetch, find_manifest, load_project
from trimtab.cargo.published import PREFIX, published_crate
from trimtab.cargo.rustflags import flags_in_force
from trimtab.cargo.shipping import other_profile_notes
from trimtab.cargo.sources import Sources, copy_with_lock, read_sources
from trimtab.cargo.today import Today, todays_profile
from trimtab.cargo.toolchain import ask, find_toolchain
from trimtab.config.file import Config, distinct, parse_bench, parse_choice, parse_limits, read_config
from trimtab.errors import InputError, NothingBuiltError
from trimtab.experiment import Experiment, Progress, digest, trial_identity
from trimtab.folders import Folders, default_folders, hold_lock
from trimtab.machine import this_machine
from trimtab.measure.installed import BENCH_VARIABLES, Installer
from trimtab.measure.probe import Probe
from trimtab.measure.runtime import Binaries, InstructionProbe, RunProbe, Surroundings
from trimtab.measure.size import SizeProbe, WheelSizeProbe, find_strip_tool
from trimtab.model.plan import STARTUP_BENCH, Bench, Goal, Limits, Plan, ProbeKind, Selection
from trimtab.model.profile import Profile, axis_kind
from trimtab.model.space import Axis, Space, axis_of, default_space
from trimtab.model.study import ProjectInfo, Study
from trimtab.model.trial import Trial
from trimtab.process import WORK_VARIABLE, Runner, SystemRunner
from trimtab.python.project import WheelProject, read_wheel_project
from trimtab.search.grid import GridSearch
from trimtab.stats.median import CONFIDENCE
from trimtab.store.sqlite import SqliteStore
from trimtab.wheels import (
    WheelInspection,
    Wheels,
    binaries_in,
    find_wheels,
    pinned_toolchain,
    startup_bench,
    tree_of,
    wheel_beside,
    wheel_meant,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """What a user asks for; whatever is left out comes from ``trimtab.toml`` or from the defaults of `Plan`."""

    path: str = "."
    """A folder of a Cargo project, or ``crate:NAME[@VERSION]``."""
    binaries: tuple[str, ...] = ()
    all_binaries: bool = False
    packages: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    default_features: bool = True
    profile: str = ""
    wheel: bool = False
    """Whether what ships is the wheel of the Python project; the only choice where there is no program."""
    python: str = ""
    """The interpreter that wheels are for."""
    axes: tuple[Axis, ...] | None = None
    """``()`` is today's profile alone; ``None`` takes those of the file, or a sensible space."""
    benches: tuple[Bench, ...] = ()
    probes: frozenset[ProbeKind] = frozenset()
    goal: Goal | None = None
    limits: Limits = Limits()
    jobs: int | None = None
    timeout: float | None = None
    bench_time: float | None = None
    budget: float | None = None
    fresh: bool = False
    """Measure everything again instead of taking up what is known."""
    command: str = ""
    """How to repeat it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Exploration:
    """A request, settled and checked against the real project: ready to run."""

    plan: Plan
    project: Project
    home: Path
    """The folder in which benches are run: the workspace's root, or the Python project's where a wheel ships."""
    binaries: tuple[Binary, ...]
    wheels: Wheels | None
    """Where wheels ship."""
    today: Today
    sources: Sources
    study: Study
    space: Space
    touched: Path
    rustflags: tuple[str, ...]
    """The compiler flags in force; only asked for where the space adds to them."""
    folders: Folders
    runner: Runner
    environment: dict[str, str]

    @property
    def profiles(self) -> tuple[Profile, ...]:
        """Today's profile and all others that will be tried, in order."""
        return (self.today.profile, *self.space.profiles(self.today.profile))

    def builder(self, work: Path, artifacts: Path) -> Builder:
        """What builds its trials, in a work folder, keeping binaries in another."""
        if self.wheels:
            kept = ArtifactStore(artifacts)
            return self.wheels.builder(self.calls(work), kept, self.touched, self.folders.kept)
        return self.cargo_builder(work, artifacts)

    def cargo_builder(self, work: Path, artifacts: Path) -> CargoBuilder:
        """What builds the bare binaries."""
        return CargoBuilder(
            calls=self.calls(work), binaries=self.binaries, artifacts=ArtifactStore(artifacts), touched=self.touched
        )

    def calls(self, work: Path) -> Calls:
        """How its Cargo is called, with target directories in a work folder."""
        return Calls(
            runner=self.runner,
            project=self.project,
            selection=self.plan.selection,
            today=self.today.profile,
            rustflags=self.rustflags,
            environment=self.environment,
            work=work,
            jobs=self.plan.jobs,
            timeout=self.plan.build_timeout,
        )


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
        fresh=fresh,
    )
    folders = default_folders(store)
    with contextlib.closing(SqliteStore(folders.store)) as opened:
        study = run(prepare(request, folders), opened, progress or SilentProgress())
    require_built(study)
    return study


def look(path: Path, runner: Runner | None = None) -> tuple[Path, tuple[str, ...], Profile, bool]:
    """A project's root, its programs, today's release profile of the first of them, and whether a wheel ships.

    Raises:
        InputError: no project, or no binary.
        MissingError: Cargo is missing.
    """
    runner, environment = runner or SystemRunner(), dict(os.environ)
    wheel = wheel_meant(path, asked=False)
    manifest = wheel.manifest if wheel else find_manifest(path)
    find_toolchain(runner, manifest.parent, environment)
    project = load_project(runner, manifest, environment)
    wheel = wheel or wheel_beside(path, project)
    if not project.lock.exists():
        raise InputError("there is no Cargo.lock", where=str(project.root), hint="run `cargo generate-lockfile` first")
    fetch(runner, project, environment)
    selection = Selection(all_binaries=True, profile=wheel.profile if wheel else "release")
    binaries = binaries_in(wheel, project) if wheel else choose_binaries(project, selection, path.resolve())
    today = todays_profile(runner, project, binaries[:1], selection, environment)
    programs = tuple(binary.name for binary in binaries if not binary.is_library)
    return wheel.root if wheel else project.root, programs, today.profile, wheel is not None


def prepare(request: Request, folders: Folders, runner: Runner | None = None) -> Exploration:
    """Find out everything that must be known before the first build; changes nothing in the project.

    Raises:
        InputError: wrong arguments, configuration or project.
        MissingError: Cargo or another tool is missing.
    """
    runner, environment = runner or SystemRunner(), dict(os.environ)
    path, project, origin, notes, wheel, config = _locate(runner, request, folders, environment)
    if wheel:
        environment |= pinned_toolchain(runner, wheel.root, environment)
    home = wheel.root if wheel else project.root
    toolchain = find_toolchain(runner, home, environment)
    plan = _settle(request, config, wheel, project)
    fetch(runner, project, environment)
    wheels = (
        find_wheels(runner, wheel, project, plan, config, folders.cache, environment, folders.kept) if wheel else None
    )
    binaries = binaries_in(wheel, project) if wheel else choose_binaries(project, plan.selection, path)
    today = todays_profile(runner, project, binaries, plan.selection, environment)
    tree = wheels.tree if wheels else project.root
    sources = read_sources(runner, project, environment, today.configuration, folders.kept, tree=tree)
    if wrapper := compiler_wrapper(environment):
        notes = (*notes, f"{wrapper} was turned off, so that no build is faked by a cache")
    space = plan.space or default_space(today.profile)
    touched = home / config.touch if config.touch else binaries[0].source
    machine = this_machine()
    # Everything that all trials have in common. What is not in here must not change a build or a measurement.
    basis = digest(
        *(str(project.root), sources.digest, asdict(toolchain), asdict(machine)),
        *(sorted(plan.selection.features), plan.selection.default_features, plan.selection.profile),
        *([(binary.package, binary.name) for binary in binaries], plan.jobs, str(touched)),
        *((str(wheel.root), wheels.backend.versions) if wheel and wheels else ()),
        datetime.now(UTC).isoformat() if request.fresh else "",
    )
    profiles = [profile.spelled() for profile in space.profiles(today.profile)]
    asked = digest(basis, profiles, plan.benches, plan.goal, asdict(plan.limits))
    study = Study(
        id=f"{wheel.crate if wheel else binaries[0].name}-{asked[:6]}",
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        project=ProjectInfo(
            name=binaries[0].package,
            root=origin,
            binaries=tuple(binary.name for binary in binaries),
            sources=sources.digest,
            profile_name=plan.selection.profile,
            target=toolchain.host,
            overrides=today.overrides,
            notes=(
                *(*notes, *(wheels.notes if wheels else ()), *today.notes),
                *other_profile_notes(_at_home(origin, project), plan.selection.profile),
            ),
        ),
        selection=plan.selection
        if wheel
        else replace(plan.selection, binaries=tuple(binary.name for binary in binaries)),
        machine=machine,
        toolchain=toolchain,
        basis=basis,
        baseline=trial_identity(basis, today.profile),
        baseline_profile=today.profile,
        benches=plan.benches if ProbeKind.RUN in plan.probes else (),
        goal=plan.goal,
        limits=plan.limits,
        planned=1 + len(space.profiles(today.profile)),
        command=request.command,
    )
    return Exploration(
        plan=plan,
        project=project,
        home=home,
        binaries=binaries,
        wheels=wheels,
        today=today,
        sources=sources,
        study=study,
        space=space,
        touched=touched,
        rustflags=flags_in_force(runner, project, environment) if _adds_flags(space) else (),
        folders=folders,
        runner=runner,
        environment=environment,
    )


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
        search=GridSearch(exploration.today.profile, exploration.space),
        store=store,
        probes=_ProbeMaker(exploration, work, installer),
        wheel_check=_inspection(exploration, installer) if installer else None,
        check_sources=exploration.sources.check_unchanged,
        progress=progress,
    )


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


def _locate(
    runner: Runner, request: Request, folders: Folders, environment: dict[str, str]
) -> tuple[Path, Project, str, tuple[str, ...], WheelProject | None, Config]:
    """The folder that is meant, its workspace, how to name that to people, what was done to get there, and settings."""
    if request.path.startswith(PREFIX):
        if request.wheel:
            raise InputError(
                "a published crate has no wheel", where=request.path, hint="name a Python project's folder"
            )
        ask(runner, ("cargo", "-V"), Path.cwd(), environment)
        place = published_crate(runner, request.path, folders.cache / "crates", environment)
        project = load_project(runner, place / "Cargo.toml", environment)
        return place, project, request.path, (), None, read_config(project.root)
    path = Path(request.path)
    wheel = wheel_meant(path, asked=request.wheel)
    manifest = wheel.manifest.resolve() if wheel else find_manifest(path)
    ask(runner, ("cargo", "-V"), manifest.parent, environment)
    project = load_project(runner, manifest, environment)
    wheel = wheel or wheel_beside(path, project, request.binaries, request.packages)
    config = read_config(wheel.root if wheel else project.root)
    if project.lock.exists():
        return path.resolve(), project, str(project.root), (), wheel, config
    tree = tree_of(runner, wheel, project, environment) if wheel else project.root
    copy = copy_with_lock(runner, project, folders.cache / "sources", environment, folders.kept, tree=tree)
    note = "there is no Cargo.lock: a copy of the project was locked and measured"
    copied = load_project(runner, copy / project.manifest.relative_to(tree), environment)
    if wheel:
        wheel = read_wheel_project(copy / wheel.root.relative_to(tree))
    return copy, copied, str(project.root), (note,), wheel, config


def _at_home(origin: str, project: Project) -> Path:
    """The root of a project where its release workflows lie, which copies do not have."""
    return Path(origin) if Path(origin).is_dir() else project.root


def _adds_flags(space: Space) -> bool:
    return any(axis.kind.name == "rustflags" for axis in space.axes)


def _settle(request: Request, config: Config, wheel: WheelProject | None, project: Project) -> Plan:
    """The command line over ``trimtab.toml`` over the defaults.

    Raises:
        InputError: a bench runs a wheel, and there is none.
    """
    benches = distinct(request.benches) or config.benches
    if not wheel and any("{python}" in word for bench in benches for word in bench.command):
        raise InputError(
            "{python} stands for an interpreter with the wheel, and no wheel ships here", hint="add --wheel"
        )
    startup = startup_bench(wheel, project) if wheel else STARTUP_BENCH
    defaults = Plan(selection=Selection())
    axes = (config.axes or None) if request.axes is None else request.axes
    probes = request.probes or config.probes or defaults.probes
    return Plan(
        selection=Selection(
            packages=request.packages or config.packages,
            binaries=request.binaries or (() if request.all_binaries else config.binaries),
            all_binaries=request.all_binaries,
            features=request.features or config.features,
            default_features=request.default_features and config.default_features,
            profile=request.profile or config.profile or (wheel.profile if wheel else "release"),
            wheel=wheel is not None,
            python=request.python or config.python,
        ),
        space=Space(axes=axes) if axes is not None else None,
        benches=benches or (startup,),
        probes=probes,
        goal=request.goal or config.goal or defaults.goal,
        limits=Limits(
            build=request.limits.build or config.limits.build,
            touch=request.limits.touch or config.limits.touch,
            size=request.limits.size or config.limits.size,
        ),
        jobs=request.jobs or config.jobs,
        build_timeout=request.timeout or config.timeout or defaults.build_timeout,
        bench_time=request.bench_time or config.bench_time or defaults.bench_time,
        budget=request.budget or config.budget,
    )
