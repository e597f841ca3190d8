"""Exploring what ships as a wheel: the parts that take the place of those for plain programs are chosen here."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from trimtab.builders.build_inputs import InputReader
from trimtab.builders.wheel import WheelBuilder, copy_tree
from trimtab.builders.work_folder import ArtifactStore
from trimtab.cargo.calls import Calls
from trimtab.cargo.project import Binary, Project, packages_meant
from trimtab.cargo.sources import tree_with_dependencies
from trimtab.config.file import Config, read_config
from trimtab.errors import InputError, MissingError
from trimtab.measure.installed import Installer
from trimtab.measure.wheel_tags import wheel_tags
from trimtab.model.metric import STARTUP
from trimtab.model.plan import STARTUP_BENCH, Bench, Plan, Selection
from trimtab.model.trial import Artifact, BuildFailed, WheelTags
from trimtab.pyproject.backend import Backend, find_backend
from trimtab.pyproject.project import NAME, WheelProject, builds_wheel, find_wheel_project, read_wheel_project
from trimtab.system.process import Command, Runner

_NO_CHOICE = "what a wheel holds, its pyproject.toml says"


@dataclass(frozen=True, kw_only=True, slots=True)
class WheelSetup:
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
        """Notes on the way they are built."""
        python, *packages = self.backend.versions
        names = ("maturin==", "setuptools-rust==", "setuptools_rust==")
        version = next((one.replace("==", " ") for one in packages if one.startswith(names)), "its build backend")
        return (f"wheels are built by {version} with {python}, in a copy of the sources",)

    def builder(
        self, calls: Calls, artifacts: ArtifactStore, touched: Path, ours: tuple[Path, ...], inputs: InputReader
    ) -> WheelBuilder:
        """Builder of its trials."""
        return WheelBuilder(
            calls=calls,
            tree=self.tree,
            backend=self.backend,
            artifacts=artifacts,
            touched=touched,
            ours=ours,
            inputs=inputs,
        )

    def installer(self, runner: Runner, work: Path, environment: Mapping[str, str]) -> Installer:
        """Installer of its wheels, in a work folder."""
        return Installer(
            runner=runner,
            tools=self.backend.tools,
            folder=work / "environments",
            environment=environment,
            program=self.program,
            smoke=self.smoke,
        )


def pinned_toolchain(runner: Runner, folder: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """The environment in which rustup takes the toolchain of a folder elsewhere too; nothing without rustup."""
    try:
        asked = runner.run(
            Command(argv=("rustup", "show", "active-toolchain"), cwd=folder, environment=dict(environment))
        )
    except MissingError:
        return {}
    return {"RUSTUP_TOOLCHAIN": asked.stdout.split()[0]} if asked.ok and asked.stdout.strip() else {}


@dataclass(frozen=True, slots=True)
class WheelInspection:
    """Looks at each wheel that was built: its tags, and whether it works."""

    installer: Installer
    home: Path | None
    """Folder in which benches run that import from the wheel, if there are such."""

    @property
    def snippet(self) -> str:
        """The user's own smoke check."""
        return self.installer.smoke

    def tags(self, wheel: Artifact) -> WheelTags:
        """Read the platforms and Pythons that it claims to work on."""
        return wheel_tags(self.installer.runner, Path(wheel.path))

    def check(self, wheel: Artifact) -> BuildFailed | None:
        """The smoke check.

        Raises:
            InputError: benches would import something else.
        """
        failure = self.installer.check(wheel)
        if self.home and not failure:
            self.installer.require_own_modules(wheel, self.home)
        return failure


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


def wheel_beside(
    path: Path, project: Project, binaries: tuple[str, ...] = (), packages: tuple[str, ...] = ()
) -> WheelProject | None:
    """The Python project beside a Cargo project, if its wheel is what ships.

    So it is where ``trimtab.toml`` says so; if that says nothing, where no package that is meant has a program.

    Args:
        path: the folder that the user named.
        project: the workspace.
        binaries: names of binaries that the user named.
        packages: names of packages.

    Raises:
        InputError: there is no such package.
    """
    meant = packages_meant(project, Selection(packages=packages))
    has_program = any(one.package in meant or one.name in binaries for one in project.binaries)
    for folder in dict.fromkeys((path.resolve(), project.root)):
        if (folder / NAME).is_file() and builds_wheel(folder):
            declared = read_config(folder).wheel
            if declared or (declared is None and not has_program):
                return read_wheel_project(folder)
    return None


def tree_of(runner: Runner, wheel: WheelProject, project: Project, environment: dict[str, str]) -> Path:
    """The folder that holds a Python project, the workspace of its crate and the path dependencies beside them."""
    both = Path(os.path.commonpath((wheel.root, project.root)))
    return tree_with_dependencies(runner, project, both, environment)


def binaries_in(wheel: WheelProject, project: Project) -> tuple[Binary, ...]:
    """Artifacts that Cargo builds for a wheel: the programs of its package, or its library.

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
) -> WheelSetup:
    """All that it takes to build a project's wheels and to try them.

    Raises:
        InputError: the build backend cannot be installed, or settings do not go with wheels.
        MissingError: there is no Python for it.
    """
    chosen, tree = plan.selection, tree_of(runner, wheel, project, environment)
    if "--profile" in environment.get("MATURIN_PEP517_ARGS", ""):
        raise InputError("MATURIN_PEP517_ARGS names a profile", hint="name it with --profile, and unset the variable")
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

    def copy(copy_folder: Path) -> Path:
        copy_tree(runner, project, tree, copy_folder, environment, ours)
        return copy_folder / wheel.root.relative_to(tree)

    backend = find_backend(runner, wheel, chosen.python or sys.executable, cache / "backends", copy, environment)
    return WheelSetup(
        tree=tree,
        backend=backend,
        program=chosen.binaries[0] if chosen.binaries else "",
        smoke=config.smoke,
    )


def startup_bench(wheel: WheelProject, project: Project) -> Bench:
    """The smoke run of a wheel: its only program, or the import of its first module."""
    if len(_programs(wheel, project) or ()) == 1:
        return STARTUP_BENCH
    return Bench(name=STARTUP, command=("{python}", "-c", "import {module}"))


def _programs(wheel: WheelProject, project: Project) -> tuple[str, ...] | None:
    """The programs that a wheel installs; ``None`` where only its build knows."""
    if wheel.scripts is None:
        return None
    built = [binary.name for binary in binaries_in(wheel, project) if not binary.is_library]
    return tuple(sorted({*wheel.scripts, *built}))
