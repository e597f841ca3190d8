"""Exploring what ships as a wheel: the parts that take the place of those for plain programs are chosen here."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from trimtab.build.wheel import WheelBuilder
from trimtab.build.workplace import ArtifactStore
from trimtab.cargo.calls import Calls
from trimtab.cargo.project import Binary, Project
from trimtab.cargo.sources import copy_sources
from trimtab.config.file import Config, read_config
from trimtab.errors import InputError
from trimtab.measure.installed import Installer
from trimtab.measure.tags import wheel_tags
from trimtab.model.metric import STARTUP
from trimtab.model.plan import STARTUP_BENCH, Bench, Plan
from trimtab.model.trial import Artifact, BuildFailed, WheelTags
from trimtab.process import Runner
from trimtab.python.backend import Backend, find_backend
from trimtab.python.project import NAME, WheelProject, builds_wheel, find_wheel_project, read_wheel_project

_NO_CHOICE = "what a wheel holds, its pyproject.toml says"


@dataclass(frozen=True, kw_only=True, slots=True)
class Wheels:
    """A project whose wheel ships, with its build backend installed."""

    tree: Path
    """The folder that holds the workspace and the Python project."""
    backend: Backend
    program: str
    """The console script that ``{bin}`` stands for; nothing for the only one there is."""
    smoke: str
    """The user's own smoke check, in Python."""

    @property
    def notes(self) -> tuple[str, ...]:
        """How they are built."""
        python, *packages = self.backend.versions
        names = ("maturin==", "setuptools-rust==", "setuptools_rust==")
        version = next((one.replace("==", " ") for one in packages if one.startswith(names)), "its build backend")
        return (f"wheels are built by {version} with {python}, in a copy of the sources",)

    def builder(self, calls: Calls, artifacts: ArtifactStore, touched: Path, ours: tuple[Path, ...]) -> WheelBuilder:
        """What builds its trials."""
        return WheelBuilder(
            calls=calls, tree=self.tree, backend=self.backend, artifacts=artifacts, touched=touched, ours=ours
        )

    def installer(self, runner: Runner, work: Path, environment: Mapping[str, str]) -> Installer:
        """What installs its wheels, in a work folder."""
        return Installer(
            runner=runner,
            tools=self.backend.tools,
            folder=work / "environments",
            environment=environment,
            program=self.program,
            smoke=self.smoke,
        )


@dataclass(frozen=True, slots=True)
class WheelInspection:
    """Looks at each wheel that was built: its tags, and whether it works."""

    installer: Installer

    def tags(self, wheel: Artifact) -> WheelTags:
        """What it claims to work on."""
        return wheel_tags(self.installer.runner, Path(wheel.path))

    def check(self, wheel: Artifact) -> BuildFailed | None:
        """The smoke check."""
        return self.installer.check(wheel)


def wheel_meant(path: Path, *, asked: bool) -> WheelProject | None:
    """The Python project that is meant by a path: if asked for, or where there is no Cargo project beside it.

    Raises:
        InputError: it was asked for, and there is none.
    """
    if asked:
        return find_wheel_project(path)
    path = path.resolve()
    alone = (path / NAME).is_file() and not (path / "Cargo.toml").is_file()
    return read_wheel_project(path) if alone and builds_wheel(path) else None


def wheel_beside(path: Path, project: Project) -> WheelProject | None:
    """The Python project beside a Cargo project, if its wheel is what ships.

    So it is where ``trimtab.toml`` says so, and where the package in the wheel has no program to ship.
    """
    for folder in dict.fromkeys((path.resolve(), project.root)):
        if (folder / NAME).is_file() and builds_wheel(folder):
            wheel = read_wheel_project(folder)
            if read_config(folder).wheel or not any(one.package == wheel.crate for one in project.binaries):
                return wheel
    return None


def tree_of(wheel: WheelProject, project: Project) -> Path:
    """The folder that holds both a Python project and the workspace of its crate."""
    return Path(os.path.commonpath((wheel.root, project.root)))


def binaries_in(wheel: WheelProject, project: Project) -> tuple[Binary, ...]:
    """What Cargo builds for a wheel: the programs of its package, or its library.

    Raises:
        InputError: it has neither.
    """
    order = (project.binaries, project.libraries) if wheel.is_program else (project.libraries, project.binaries)
    for listed in order:
        if among := tuple(binary for binary in listed if binary.package == wheel.crate):
            return among
    raise InputError(
        f"the package {wheel.crate} has no program and no cdylib",
        where=str(wheel.manifest),
        hint='a Python module takes crate-type = ["cdylib"]',
    )


def find_wheels(
    runner: Runner,
    wheel: WheelProject,
    project: Project,
    plan: Plan,
    config: Config,
    cache: Path,
    environment: dict[str, str],
    ours: tuple[Path, ...],
) -> Wheels:
    """All that it takes to build a project's wheels and to try them.

    Raises:
        InputError: the build backend cannot be installed, or settings do not go with wheels.
        MissingError: there is no Python for it.
    """
    chosen, tree = plan.selection, tree_of(wheel, project)
    if chosen.packages or chosen.features or not chosen.default_features:
        raise InputError(f"packages and features are not chosen here: {_NO_CHOICE}", where=str(wheel.root))
    programs = _programs(wheel, project)
    if len(chosen.binaries) > 1 or (programs is not None and set(chosen.binaries) - set(programs)):
        raise InputError(
            f"the wheel has no program {' and '.join(chosen.binaries)}",
            where=", ".join(programs or ()) or str(wheel.root),
        )
    if any("{bin}" in word for bench in plan.benches for word in bench.command) and not chosen.binaries:
        if programs == ():
            raise InputError("the wheel installs no program for {bin}", hint="write the bench with {python} -c '…'")
        if programs and len(programs) > 1:
            raise InputError(
                f"which program is {{bin}}? There are {', '.join(programs)}", hint="choose with --bin NAME"
            )

    def copy(place: Path) -> Path:
        copy_sources(runner, project, place, environment, ours, tree=tree)
        return place / wheel.root.relative_to(tree)

    backend = find_backend(runner, wheel, chosen.python or sys.executable, cache / "backends", copy, environment)
    return Wheels(
        tree=tree,
        backend=backend,
        program=chosen.binaries[0] if chosen.binaries else "",
        smoke=config.smoke,
    )


def startup_bench(wheel: WheelProject, project: Project) -> Bench:
    """The smoke run of a wheel: its only program, or the import of its module."""
    if len(_programs(wheel, project) or ()) == 1:
        return STARTUP_BENCH
    return Bench(name=STARTUP, command=("{python}", "-c", f"import {wheel.module}"))


def _programs(wheel: WheelProject, project: Project) -> tuple[str, ...] | None:
    """The programs that a wheel installs; ``None`` where only its build knows."""
    if wheel.scripts is None:
        return None
    built = [binary.name for binary in binaries_in(wheel, project) if not binary.is_library]
    return tuple(sorted({*wheel.scripts, *built}))
