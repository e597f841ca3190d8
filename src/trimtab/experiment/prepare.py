"""Preparation: a request settled and checked against the real project, before the first build."""

from __future__ import annotations

import os
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path

from trimtab.builders.bolt import bolt_version
from trimtab.builders.lock_layer import lock_layer
from trimtab.builders.overlay import NOT_CONTAINED, Overlay, overlay
from trimtab.cargo.environment import compiler_wrapper
from trimtab.cargo.profiles.effective import buildable, effective_profile
from trimtab.cargo.profiles.rustflags import flags_in_force
from trimtab.cargo.project import Project, choose_binaries, fetch, find_manifest, load_project
from trimtab.cargo.registry import PREFIX, published_crate
from trimtab.cargo.sources import copy_with_lock, read_sources
from trimtab.cargo.toolchain import ask, find_toolchain
from trimtab.config.file import Config, distinct, read_config
from trimtab.errors import InputError
from trimtab.experiment.exploration import Exploration
from trimtab.experiment.held_out import require_held_out, require_trainable, training_identity
from trimtab.experiment.request import Request
from trimtab.experiment.wheels import (
    binaries_in,
    find_wheels,
    pinned_toolchain,
    startup_bench,
    tree_of,
    wheel_beside,
    wheel_meant,
)
from trimtab.model.identity import build_basis, build_identity, digest
from trimtab.model.plan import STARTUP_BENCH, Limits, Plan, ProbeKind, Selection
from trimtab.model.profile import Profile, Switch
from trimtab.model.space import Space, default_space
from trimtab.model.study import ProjectInfo, Study
from trimtab.pyproject.project import WheelProject, read_wheel_project
from trimtab.release.shipped_profiles import other_profile_notes
from trimtab.system.machine import this_machine
from trimtab.system.paths import Folders, clear
from trimtab.system.process import Runner, SystemRunner

_ID_DIGITS = 16
"""Of a study's id, 64 bits: among 3,000 studies two collide with a probability of 2.5e-13 (birthday bound)."""


def prepare(request: Request, folders: Folders, runner: Runner | None = None) -> Exploration:
    """Find out everything that must be known before the first build; changes nothing in the project.

    Raises:
        InputError: wrong arguments, configuration or project.
        MissingError: Cargo or another tool is missing.
    """
    runner, environment = runner or SystemRunner(), dict(os.environ)
    project, origin, notes, wheel, config = _locate(runner, request, folders, environment)
    if not wheel and not project.lock.exists():
        runner = lock_layer(runner, project, folders.cache, environment)
        project = replace(project, made_lock=runner.lock)
        notes = (*notes, "there is no Cargo.lock: one was made outside of the tree, which only Cargo sees there")
    over = None if wheel else _containment(runner, project, folders, environment)
    if not wheel and not over:
        notes = (*notes, NOT_CONTAINED)
    if wheel:
        environment |= pinned_toolchain(runner, wheel.root, environment)
    home = wheel.root if wheel else project.root
    toolchain = find_toolchain(runner, wheel.root if wheel else project.folder, environment)
    plan = _settle(request, config, wheel, project)
    fetch(runner, project, environment)
    wheels = (
        find_wheels(runner, wheel, project, plan, config, folders.cache, environment, folders.kept) if wheel else None
    )
    if not wheel:
        project = buildable(runner, project, plan.selection, environment)
    binaries = binaries_in(wheel, project) if wheel else choose_binaries(project, plan.selection)
    today = effective_profile(runner, project, binaries, plan.selection, environment)
    if len(today.targets) > 1 and not request.each_target:
        raise _several_targets(today.targets, project)
    tree = wheels.tree if wheels else project.root
    settings = {**today.configuration, **project.made_lock_text}
    sources = read_sources(runner, project, environment, settings, folders.kept, tree=tree)
    if wrapper := compiler_wrapper(environment):
        notes = (*notes, f"{wrapper} was turned off, so that no build is faked by a cache")
    space = plan.space or default_space(today.profile)
    ours = (*folders.kept, folders.cache, project.target_directory)
    trained = [profile for profile in space.profiles(today.profile) if profile.is_trained]
    _require_a_profile_for_its_threshold(space, trained)
    learned = ""
    if trained:
        require_trainable(trained, plan, today.target or toolchain.host, toolchain.host, binaries, home)
        bolts = any(profile.bolt is Switch.ON for profile in trained)
        bolt = bolt_version(runner, project.folder, environment) if bolts else ""
        plan, learned = _with_training(plan, home, ours, bolt)
    touched = home / config.touch if config.touch else binaries[0].source
    machine = this_machine()
    created = datetime.now(UTC).isoformat(timespec="microseconds")
    basis = build_basis(
        sources=sources.digest,
        toolchain=toolchain,
        target=today.target or toolchain.host,
        selection=plan.selection,
        # Which packages are built together decides about the features of what they have in common.
        binaries=[
            (binary.package if binary.package_spec else "+".join(project.defaults), binary.name) for binary in binaries
        ],
        outside=[str(folder) for folder in sources.outside],
        backend=wheels.backend.versions if wheels else (),
    )
    profiles = [profile.spelled() for profile in space.profiles(today.profile)]
    asked = digest(
        *(origin, basis, profiles, plan.benches, plan.goal, asdict(plan.limits), asdict(machine.machine_class)),
        *(plan.jobs, config.touch, created if plan.fresh else ""),
        *((learned,) if trained else ()),  # studies of before there was training keep their ids
    )
    study = Study(
        id=f"{wheel.crate if wheel else binaries[0].name}-{asked[:_ID_DIGITS]}",
        created=created,
        project=ProjectInfo(
            name=binaries[0].package,
            root=origin,
            binaries=tuple(binary.name for binary in binaries),
            sources=sources.digest,
            profile_name=plan.selection.profile,
            target=today.target or toolchain.host,
            folder=str(project.folder),
            overrides=today.overrides,
            notes=(
                *(*notes, *(wheels.notes if wheels else ()), *today.notes),
                *other_profile_notes(_at_home(origin, project), plan.selection.profile, environment),
            ),
        ),
        selection=plan.selection
        if wheel
        else replace(plan.selection, binaries=tuple(binary.name for binary in binaries)),
        machine=machine,
        toolchain=toolchain,
        basis=basis,
        baseline=build_identity(basis, today.profile),
        baseline_profile=today.profile,
        benches=plan.benches if ProbeKind.RUN in plan.probes else (),
        goal=plan.goal,
        limits=plan.limits,
        economics=plan.economics,
        jobs=plan.jobs,
        touched=config.touch,
        fresh=plan.fresh,
        training=plan.training if trained else None,
        training_digest=learned,
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
        rustflags=flags_in_force(runner, project, environment, today.target) if trained or _adds_flags(space) else (),
        folders=folders,
        runner=runner,
        environment=environment,
        overlay=over,
    )


def _with_training(plan: Plan, home: Path, ours: tuple[Path, ...], bolt: str) -> tuple[Plan, str]:
    """The plan with training shown beside its benches, and the identity of the training."""
    if ProbeKind.RUN in plan.probes:
        require_held_out(plan.benches, plan.training, home, ours)
    benches = (*plan.benches, *plan.training.benches)
    return replace(plan, benches=benches), training_identity(plan.training, home, ours, bolt)


def _require_a_profile_for_its_threshold(space: Space, trained: list[Profile]) -> None:
    asked = any(axis.kind.name == "pgo-hot" for axis in space.axes)
    if asked and all(profile.pgo is Switch.OFF for profile in trained):
        raise InputError("pgo-hot is about a profile, and pgo is off", hint="add --axis pgo=off,on")


def _containment(runner: Runner, project: Project, folders: Folders, environment: dict[str, str]) -> Overlay | None:
    """An overlay over the project's tree, tried where those of work folders will be; ``None`` if there is none."""
    tried = folders.cache / f"overlay-{os.getpid()}"
    layers = (project.made_lock.parent,) if project.made_lock else ()
    try:
        return overlay(runner, project.root, tried, environment, layers)
    finally:
        clear(tried)


def _several_targets(targets: tuple[str, ...], project: Project) -> InputError:
    return InputError(
        f"Cargo is configured to build for several targets: {', '.join(targets)}",
        where=f"build.target, as it is in force in {project.folder}",
        hint=f'choose the one to measure: target = "{targets[0]}" under [project] in trimtab.toml (explore: --target)',
    )


def _locate(
    runner: Runner, request: Request, folders: Folders, environment: dict[str, str]
) -> tuple[Project, str, tuple[str, ...], WheelProject | None, Config]:
    """The workspace, seen from the folder that is meant, its name for people, notes on how it was reached, settings."""
    if request.path.startswith(PREFIX):
        if request.wheel:
            raise InputError(
                "a published crate has no wheel", where=request.path, hint="name a Python project's folder"
            )
        ask(runner, ("cargo", "-V"), Path.cwd(), environment)
        place = published_crate(runner, request.path, folders.cache / "crates", environment)
        project = load_project(runner, place / "Cargo.toml", environment)
        return project, request.path, (), None, read_config(project.root)
    path = Path(request.path)
    wheel = wheel_meant(path, asked=request.wheel)
    manifest = wheel.manifest.resolve() if wheel else find_manifest(path)
    folder = path.resolve() if path.is_dir() and not wheel else manifest.parent
    ask(runner, ("cargo", "-V"), folder, environment)
    project = load_project(runner, manifest, environment, folder)
    wheel = wheel or wheel_beside(path, project, request.binaries, request.packages)
    config = read_config(wheel.root if wheel else project.root)
    if not wheel or project.lock.exists():
        return project, str(project.root), (), wheel, config
    tree = tree_of(runner, wheel, project, environment)
    copy = copy_with_lock(runner, project, folders.cache / "sources", environment, folders.kept, tree=tree)
    note = "there is no Cargo.lock: a copy of the project was locked and measured"
    copied = load_project(runner, copy / manifest.relative_to(tree), environment)
    return copied, str(project.root), (note,), read_wheel_project(copy / wheel.root.relative_to(tree)), config


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
    training = replace(
        config.training,
        commands=request.training or config.training.commands,
        shared_inputs=(*config.training.shared_inputs, *request.shared_inputs),
        profile_data=str(Path(request.profile_data).resolve()) if request.profile_data else "",
    )
    axes = (config.axes or None) if request.axes is None else request.axes
    probes = request.probes or config.probes or defaults.probes
    return Plan(
        selection=Selection(
            packages=request.packages or config.packages,
            target=request.target or config.target,
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
        build_timeout=request.timeout or config.timeout,
        run_timeout=request.timeout or config.timeout or defaults.run_timeout,
        bench_time=request.bench_time or config.bench_time or defaults.bench_time,
        budget=request.budget or config.budget,
        training=training,
        economics=config.economics,
        exact=request.exact,
        fresh=request.fresh,
    )
