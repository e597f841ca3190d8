"""A Cargo workspace as Cargo itself describes it, and the binaries that are meant."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trimtab.cargo.environment import plain
from trimtab.cargo.toolchain import complaint
from trimtab.errors import InputError
from trimtab.model.plan import Selection
from trimtab.system.process import Command, Finished, Runner


@dataclass(frozen=True, kw_only=True, slots=True)
class Binary:
    """Artifact that a workspace member can ship: a program, or a library that others load or link."""

    name: str
    package: str
    source: Path
    """Its root source file."""
    is_library: bool = False
    """Whether it is a ``cdylib`` or ``staticlib``; a package has one at most."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Project:
    """A workspace."""

    root: Path
    packages: tuple[str, ...]
    """Names of the workspace members."""
    defaults: tuple[str, ...]
    """Names of the members that Cargo builds when none is named."""
    binaries: tuple[Binary, ...]
    libraries: tuple[Binary, ...] = ()
    """Those that ship by themselves: a library for other Rust crates does not."""
    default_run: str
    """The binary that ``default-run`` names, or nothing."""
    target_directory: Path
    has_bench_targets: bool

    @property
    def manifest(self) -> Path:
        """The workspace's own ``Cargo.toml``, the only one whose profiles Cargo heeds."""
        return self.root / "Cargo.toml"

    @property
    def lock(self) -> Path:
        """``Cargo.lock``, which need not exist."""
        return self.root / "Cargo.lock"


def find_manifest(path: Path) -> Path:
    """The nearest ``Cargo.toml`` at or above a path.

    Raises:
        InputError: the path does not exist, or there is none.
    """
    if not path.exists():
        raise InputError(f"{path} does not exist", hint="name a folder with a Cargo.toml, or crate:NAME")
    if path.name == "Cargo.toml":
        return path.resolve()
    for folder in (path.resolve(), *path.resolve().parents):
        if (folder / "Cargo.toml").is_file():
            return folder / "Cargo.toml"
    raise InputError("no Cargo.toml", where=f"{path.resolve()} and the folders above", hint="name a Cargo project")


def load_project(runner: Runner, manifest: Path, environment: dict[str, str]) -> Project:
    """Ask Cargo what the workspace of a manifest holds; writes nothing.

    Raises:
        InputError: Cargo cannot read it.
        MissingError: there is no cargo.
    """
    argv = ("cargo", "metadata", "--no-deps", "--format-version", "1", "--manifest-path", str(manifest))
    finished = runner.run(Command(argv=argv, cwd=manifest.parent, environment=plain(environment)))
    if not finished.ok:
        raise InputError(f"Cargo cannot read this project: {_reason(finished.stderr)}", where=str(manifest))
    return _project(json.loads(finished.stdout))


def fetch(runner: Runner, project: Project, environment: dict[str, str]) -> None:
    """Download what the lock file names, so that the network is never timed.

    Raises:
        InputError: the lock file is out of date, or something cannot be downloaded.
    """
    if _fetched(runner, project, environment, "--offline").ok:
        return
    finished = _fetched(runner, project, environment)
    if not finished.ok:
        stale = "--locked" in finished.stderr
        raise InputError(
            f"cargo fetch failed: {complaint(finished)}",
            where=str(project.lock),
            hint="bring it up to date: cargo update --workspace" if stale else "check network and registry settings",
        )


def _fetched(runner: Runner, project: Project, environment: dict[str, str], *more: str) -> Finished:
    argv = ("cargo", "fetch", "--locked", *more)
    return runner.run(Command(argv=argv, cwd=project.root, environment=plain(environment)))


def choose_binaries(project: Project, selection: Selection, below: Path) -> tuple[Binary, ...]:
    """The binaries that are meant: by name, by package, all, or the only one there is.

    The libraries of packages without any program count as binaries.

    Args:
        project: the workspace.
        selection: what the user named.
        below: the folder the user named; a member's own folder narrows the choice to that member.

    Raises:
        InputError: a name that does not exist, or several binaries and none chosen.
    """
    packages = packages_meant(project, selection, below)
    among = [binary for binary in project.binaries if binary.package in packages]
    among = among or [library for library in project.libraries if library.package in packages]
    if twins := [name for name, count in Counter(binary.name for binary in among).items() if count > 1]:
        raise InputError(
            f"two packages have a binary called {twins[0]}",
            where=str(project.manifest),
            hint="choose the package with --package",
        )
    if selection.binaries:
        return tuple(_named(name, among) for name in dict.fromkeys(selection.binaries))
    if not among:
        raise InputError("no binary to ship", where=str(project.manifest), hint="name the package with --package")
    if len(among) == 1 or selection.all_binaries:
        return tuple(among)
    if default := [binary for binary in among if binary.name == project.default_run]:
        return tuple(default)
    names = ", ".join(binary.name for binary in among)
    raise InputError(
        f"several binaries and none chosen: {names}",
        where=str(project.manifest),
        hint="choose with --bin NAME (may be repeated), or weigh them all with --bins",
    )


def packages_meant(project: Project, selection: Selection, below: Path) -> tuple[str, ...]:
    """Names of the packages whose binaries are meant; see `choose_binaries`.

    Raises:
        InputError: there is no such package.
    """
    for name in selection.packages:
        if name not in project.packages:
            raise InputError(f"no package {name!r} in this workspace", hint=f"it has {', '.join(project.packages)}")
    if selection.packages:
        return selection.packages
    all_of_them = (*project.binaries, *project.libraries)
    here = [binary.package for binary in all_of_them if below != project.root and below in binary.source.parents]
    # A binary that was named is looked for everywhere; otherwise Cargo's own default members count.
    everywhere = project.packages if selection.binaries else project.defaults
    return tuple(dict.fromkeys(here)) or everywhere


def _named(name: str, among: list[Binary]) -> Binary:
    for binary in among:
        if binary.name == name:
            return binary
    raise InputError(f"no binary {name!r}", hint=f"there are {', '.join(one.name for one in among) or 'none'}")


def _project(document: dict[str, Any]) -> Project:
    members = set(document["workspace_members"])
    packages = [package for package in document["packages"] if package["id"] in members]
    defaults = set(document.get("workspace_default_members") or members)
    targets = [(package, target) for package in packages for target in package["targets"]]
    return Project(
        root=Path(document["workspace_root"]),
        packages=tuple(package["name"] for package in packages),
        defaults=tuple(package["name"] for package in packages if package["id"] in defaults),
        binaries=tuple(
            Binary(name=target["name"], package=package["name"], source=Path(target["src_path"]))
            for package, target in targets
            if "bin" in target["kind"]
        ),
        libraries=tuple(
            Binary(name=target["name"], package=package["name"], source=Path(target["src_path"]), is_library=True)
            for package, target in targets
            if {"cdylib", "staticlib"} & set(target["kind"])
        ),
        default_run=next((package["default_run"] for package in packages if package.get("default_run")), ""),
        target_directory=Path(document["target_directory"]),
        has_bench_targets=any("bench" in target["kind"] for _, target in targets),
    )


def _reason(stderr: str) -> str:
    """Cargo's own account of a broken manifest, in one line: where and what."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip() and not line.strip().startswith("|")]
    text = " ".join(line.removeprefix("error: ").removeprefix("Caused by:").strip() for line in lines[:6])
    return " ".join(text.split())[:300] or "no reason given"
