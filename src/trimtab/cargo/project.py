"""A Cargo workspace as Cargo itself describes it where the user stands, and the binaries that are meant."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from trimtab.cargo.environment import plain
from trimtab.cargo.toolchain import complaint
from trimtab.errors import InputError
from trimtab.model.plan import Selection
from trimtab.system.process import Command, Finished, Runner

_LIBRARIES = ("cdylib", "staticlib")


@dataclass(frozen=True, kw_only=True, slots=True)
class Binary:
    """Artifact that a workspace member can ship: a program, or a library that others load or link."""

    name: str
    package: str
    source: Path
    """Its root source file."""
    is_library: bool = False
    """Whether it is a ``cdylib`` or ``staticlib``; a package has one at most."""
    required_features: tuple[str, ...] = ()
    """Features of its package without which Cargo leaves it out."""
    package_spec: str = ""
    """Package id to choose its package by; empty where Cargo builds it without being told which package."""
    has_name: bool = True
    """Whether Cargo can be told its name; not if a binary of that name, of another package, lacks features."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Project:
    """A workspace, seen from a folder in it."""

    root: Path
    folder: Path
    """Folder in which Cargo is called: it decides about default members, configuration files and toolchain."""
    packages: tuple[str, ...]
    """Names of the workspace members."""
    defaults: tuple[str, ...]
    """Names of the members that Cargo builds in the folder when none is named."""
    binaries: tuple[Binary, ...]
    libraries: tuple[Binary, ...] = ()
    """Those that ship by themselves: a library for other Rust crates does not."""
    left_out: tuple[Binary, ...] = ()
    """Binaries that Cargo leaves out for want of ``required-features``, unless they are named."""
    ids: Mapping[str, str] = field(default_factory=dict)
    """Name of a member → its package id."""
    default_runs: Mapping[str, str] = field(default_factory=dict)
    """Name of a member → the binary that its ``default-run`` names."""
    target_directory: Path
    has_bench_targets: bool
    made_lock: Path | None = None
    """A lock file outside of the tree, for a project that has none."""

    @property
    def manifest(self) -> Path:
        """The workspace's own ``Cargo.toml``, the only one whose profiles Cargo heeds."""
        return self.root / "Cargo.toml"

    @property
    def lock(self) -> Path:
        """``Cargo.lock``, which need not exist."""
        return self.root / "Cargo.lock"

    def built_with(self, binary: Binary) -> str:
        """Names of the packages that Cargo builds for a binary: they decide about features of common dependencies."""
        return binary.package if binary.package_spec else "+".join(self.defaults)

    @property
    def made_lock_text(self) -> dict[str, str]:
        """``Cargo.lock`` → its text, if it lies outside of the tree."""
        return {"Cargo.lock": self.made_lock.read_text("utf-8")} if self.made_lock else {}

    def at(self, root: Path) -> Project:
        """The same project in a copy of its tree."""
        within = self.folder.is_relative_to(self.root)
        return replace(self, root=root, folder=root / self.folder.relative_to(self.root) if within else root)


def find_manifest(path: Path) -> Path:
    """The nearest ``Cargo.toml`` at or above a path; a link to one counts where it lies.

    Raises:
        InputError: the path does not exist, or there is none.
    """
    if not path.exists():
        raise InputError(f"{path} does not exist", hint="name a folder with a Cargo.toml, or crate:NAME")
    if path.name == "Cargo.toml" and path.is_file():
        return path.parent.resolve() / path.name
    for folder in (path.resolve(), *path.resolve().parents):
        if (folder / "Cargo.toml").is_file():
            return folder / "Cargo.toml"
    raise InputError("no Cargo.toml", where=f"{path.resolve()} and the folders above", hint="name a Cargo project")


def load_project(runner: Runner, manifest: Path, environment: dict[str, str], folder: Path | None = None) -> Project:
    """Ask Cargo what the workspace of a manifest holds; writes nothing.

    Args:
        runner: runs Cargo.
        manifest: the nearest one to the folder.
        environment: the user's.
        folder: where Cargo is called; that of the manifest if left out.

    Raises:
        InputError: Cargo cannot read it.
        MissingError: there is no cargo.
    """
    folder = folder or manifest.parent
    argv = ("cargo", "metadata", "--no-deps", "--format-version", "1", "--manifest-path", str(manifest))
    finished = runner.run(Command(argv=argv, cwd=folder, environment=plain(environment)))
    if not finished.ok:
        raise InputError(f"Cargo cannot read this project: {_reason(finished.stderr)}", where=str(manifest))
    return _project(json.loads(finished.stdout), manifest, folder)


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
    return runner.run(Command(argv=argv, cwd=project.folder, environment=plain(environment)))


def choose_binaries(project: Project, selection: Selection) -> tuple[Binary, ...]:
    """The binaries that are meant: by name, by package, all, or the only one there is.

    As with ``cargo build``, the members count that Cargo builds by default in the project's folder, unless packages are
    named; and as with ``cargo run``, ``default-run`` decides among several. A binary that is named and not among these
    is looked for in all members. Libraries of packages without any program count as binaries.

    Args:
        project: the workspace, without binaries that lack features (see `cargo.profiles.effective.buildable`).
        selection: what the user named.

    Raises:
        InputError: a name that does not exist, or several binaries and none chosen.
    """
    packages = packages_meant(project, selection)
    among = _in_packages(project, packages)
    if set(selection.binaries) - {binary.name for binary in among} and not selection.packages:
        among = _in_packages(project, project.packages)
    if selection.binaries:
        chosen = tuple(_named(name, among) for name in dict.fromkeys(selection.binaries))
    else:
        chosen = _unnamed(project, selection, packages, among)
    names = Counter(binary.name for binary in among)
    if twins := [binary.name for binary in chosen if names[binary.name] > 1]:
        raise InputError(
            f"two packages have a binary called {twins[0]}",
            where=str(project.manifest),
            hint="choose the package with --package",
        )
    is_default = set(packages) == set(project.defaults) and not selection.packages
    settled = tuple(
        binary
        if is_default and binary.package in project.defaults
        else replace(binary, package_spec=_spec(binary, project))
        for binary in chosen
    )
    lacking = {binary.name for binary in project.left_out if binary.package in packages}
    if len(chosen) == len(among) and not selection.binaries and lacking & {binary.name for binary in chosen}:
        return tuple(replace(binary, has_name=False) for binary in settled)
    return settled


def _unnamed(
    project: Project, selection: Selection, packages: tuple[str, ...], among: list[Binary]
) -> tuple[Binary, ...]:
    """The binaries where none is named."""
    if not among:
        raise InputError("no binary to ship", where=str(project.manifest), hint="name the package with --package")
    if len(among) == 1 or selection.all_binaries:
        return tuple(among)
    default_runs = [(name, project.default_runs[name]) for name in packages if name in project.default_runs]
    # The one that it names may lack features, and is then not among them.
    named = tuple(binary for binary in among if (binary.package, binary.name) in default_runs)
    if len(default_runs) == len(named) == 1:
        return named
    raise InputError(
        f"several binaries and none chosen: {', '.join(binary.name for binary in among)}",
        where=str(project.manifest),
        hint="choose with --bin NAME (may be repeated), or weigh them all with --bins",
    )


def _in_packages(project: Project, packages: tuple[str, ...]) -> list[Binary]:
    programs = [binary for binary in project.binaries if binary.package in packages]
    return programs or [library for library in project.libraries if library.package in packages]


def _spec(binary: Binary, project: Project) -> str:
    """Package id of a member, which no dependency of the same name can be taken for.

    Before Cargo 1.77 ids were no package id specifications.
    """
    identity = project.ids.get(binary.package, "")
    return identity if "#" in identity else binary.package


def packages_meant(project: Project, selection: Selection) -> tuple[str, ...]:
    """Names of the packages whose binaries are meant; see `choose_binaries`.

    Raises:
        InputError: there is no such package.
    """
    for name in selection.packages:
        if name not in project.packages:
            raise InputError(f"no package {name!r} in this workspace", hint=f"it has {', '.join(project.packages)}")
    return selection.packages or project.defaults


def _named(name: str, among: list[Binary]) -> Binary:
    for binary in among:
        if binary.name == name:
            return binary
    names = ", ".join(dict.fromkeys(binary.name for binary in among))
    raise InputError(f"no binary {name!r}", hint=f"there are {names or 'none'}")


def _project(document: dict[str, Any], manifest: Path, folder: Path) -> Project:
    members = set(document["workspace_members"])
    packages = [package for package in document["packages"] if package["id"] in members]
    targets = [(package, target) for package in packages for target in package["targets"]]
    return Project(
        root=Path(document["workspace_root"]),
        folder=folder,
        packages=tuple(package["name"] for package in packages),
        defaults=tuple(package["name"] for package in packages if package["id"] in _defaults(document, manifest)),
        binaries=tuple(_binary(package, target) for package, target in targets if "bin" in target["kind"]),
        libraries=tuple(
            _binary(package, target, is_library=True)
            for package, target in targets
            if set(_LIBRARIES) & set(target["kind"])
        ),
        ids={package["name"]: package["id"] for package in packages},
        default_runs={package["name"]: package["default_run"] for package in packages if package.get("default_run")},
        target_directory=Path(document["target_directory"]),
        has_bench_targets=any("bench" in target["kind"] for _, target in targets),
    )


def _binary(package: Mapping[str, Any], target: Mapping[str, Any], *, is_library: bool = False) -> Binary:
    return Binary(
        name=target["name"],
        package=package["name"],
        source=Path(target["src_path"]),
        is_library=is_library,
        required_features=tuple(target.get("required-features", ())),
    )


def _defaults(document: Mapping[str, Any], manifest: Path) -> set[str]:
    """Ids of the default members; before Cargo 1.71, which does not name them, worked out as it does.

    Source: the Cargo book, "Workspaces" (``default-members``; package selection).
    """
    if "workspace_default_members" in document:
        return set(document["workspace_default_members"])
    members = set(document["workspace_members"])
    here = {package["id"] for package in document["packages"] if Path(package["manifest_path"]) == manifest}
    return here & members or members


def _reason(stderr: str) -> str:
    """Cargo's own account of a broken manifest, in one line: where and what."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip() and not line.strip().startswith("|")]
    text = " ".join(line.removeprefix("error: ").removeprefix("Caused by:").strip() for line in lines[:6])
    return " ".join(text.split())[:300] or "no reason given"
