"""The sources as one digest, so that it is known when a measurement is no longer valid.

What counts is everything in the workspace and in path dependencies outside of it: files that git knows or does not
ignore where there is a git checkout, otherwise every file that is not in a build or hidden folder.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
import os
import shutil
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trimtab.cargo.environment import affecting_builds, plain, without_git
from trimtab.cargo.project import Project
from trimtab.errors import InputError, MissingError, SourcesChanged
from trimtab.system.process import Command, Runner
from trimtab.system.usage import mark_used

_OWN = "trimtab.toml"
"""Our own settings are no source: what they change is part of the plan, and a new bench must not cost a rebuild."""
_CACHE_TAG = "CACHEDIR.TAG"
_SKIPPED = ("node_modules", "__pycache__")
_HIDDEN_BUT_READ = (".cargo",)
_CHUNK = 1 << 20


@dataclass(frozen=True, kw_only=True, slots=True)
class PathPackage:
    """A package that lies in a folder of the user's rather than in a registry."""

    name: str
    folder: Path
    is_macro: bool
    """Whether it has a procedural macro, which may read files that it tells nobody of."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sources:
    """A digest of the sources, and what each file looked like when it was taken."""

    digest: str
    packages: tuple[PathPackage, ...] = ()
    outside: tuple[Path, ...] = ()
    """Folders of path packages outside the tree."""
    unpacked: tuple[Path, ...] = ()
    """Folders in which Cargo has unpacked packages of registries and git: their content never changes."""
    stamps: Mapping[Path, tuple[int, int]]
    """File → size in bytes and modification time in nanoseconds."""
    begun: float = field(default_factory=time.time)
    """When reading them began, in seconds since 1970: what changed later may be in the digest or not."""

    def check_unchanged(self) -> None:
        """Raise when a file was edited or removed meanwhile.

        Raises:
            SourcesChanged: names the first such file.
        """
        for path, stamp in self.stamps.items():
            if _stamp(path) != stamp:
                raise SourcesChanged(
                    "the sources changed while they were being measured",
                    where=str(path),
                    hint="what was measured is kept; run it again to measure the new sources",
                )


def read_sources(
    runner: Runner,
    project: Project,
    environment: dict[str, str],
    configuration: Mapping[str, Any],
    ours: Collection[Path] = (),
    *,
    tree: Path | None = None,
) -> Sources:
    """Digest everything that a build of the project reads, settings outside of its tree included.

    Args:
        runner: runs Cargo and git.
        project: the workspace.
        environment: the user's.
        configuration: Cargo's merged configuration files.
        ours: files and folders that may lie in the tree but are trimtab's own, such as the store.
        tree: the folder that counts, where that is more than the workspace's root.
    """
    begun = time.time()
    digest = hashlib.blake2b(digest_size=16)
    stamps: dict[Path, tuple[int, int]] = {}
    tree = tree or project.root
    packages, unpacked = _packages(runner, project, environment)
    outside = _outside(packages, tree)
    # Packages in the tree that git ignores, or that lie in a repository of their own, are not among its files.
    unseen = (package.folder for package in packages if package.folder / "Cargo.toml" not in stamps)
    for base in itertools.chain((tree, *outside), unseen):
        for path in _foreign(_files(runner, base, environment, project), ours):
            if path.name == _OWN or path in stamps:
                continue
            stamps[path] = _stamp(path)
            digest.update(f"{path.relative_to(base)}\0".encode("utf-8", "surrogateescape"))
            _feed(digest, path)
    settings = {"environment": affecting_builds(environment), "configuration": dict(configuration)}
    digest.update(json.dumps(settings, sort_keys=True).encode())
    return Sources(
        digest=digest.hexdigest(),
        packages=packages,
        outside=tuple(outside),
        unpacked=unpacked,
        stamps=stamps,
        begun=begun,
    )


def copy_with_lock(
    runner: Runner,
    project: Project,
    folder: Path,
    environment: dict[str, str],
    ours: Collection[Path] = (),
    *,
    tree: Path | None = None,
) -> Path:
    """Copy a project that has no ``Cargo.lock`` and lock the copy, since Cargo would otherwise write into the tree.

    Args:
        runner: runs Cargo.
        project: the workspace.
        folder: where copies are kept; a copy of the same sources is used again.
        environment: the user's.
        ours: files and folders that are trimtab's own.
        tree: the folder to copy, where that is more than the workspace's root.

    Returns:
        The root of the copy.

    Raises:
        InputError: Cargo cannot lock the copy, for example because of a path dependency outside the workspace.
    """
    tree = tree or project.root
    files = _foreign(_files(runner, tree, environment, project), ours)
    digest = hashlib.blake2b(digest_size=8)
    for path in (path for path in files if path.name != _OWN):
        digest.update(f"{path.relative_to(tree)}\0".encode("utf-8", "surrogateescape"))
        _feed(digest, path)
    copy = folder / f"{tree.name}-{digest.hexdigest()}"
    if mark_used(copy):
        return copy
    draft = folder / f".{copy.name}.{os.getpid()}"
    _copy(files, tree, draft)
    lock_copy(runner, draft, environment, str(project.manifest), project.root.relative_to(tree))
    publish(draft, copy)
    return copy


def copy_sources(
    runner: Runner,
    project: Project,
    destination: Path,
    environment: dict[str, str],
    ours: Collection[Path] = (),
    *,
    tree: Path | None = None,
) -> None:
    """Copy the tree of a project, without what git ignores or was built.

    Args:
        runner: runs Cargo and git.
        project: the workspace.
        destination: where its root is to lie.
        environment: the user's.
        ours: files and folders that are trimtab's own.
        tree: the folder to copy, where that is more than the workspace's root.

    Raises:
        InputError: it has path dependencies outside of its tree, which a copy would not find.
    """
    tree = tree or project.root
    if outside := _outside(_packages(runner, project, environment)[0], tree):
        raise InputError("a copy would not find its path dependencies", where=", ".join(map(str, outside)))
    _copy(_foreign(_files(runner, tree, environment, project), ours), tree, destination)


def _copy(files: Iterable[Path], root: Path, destination: Path) -> None:
    for path in files:
        to = destination / path.relative_to(root)
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, to, follow_symlinks=False)


def lock_copy(runner: Runner, draft: Path, environment: dict[str, str], where: str, root: Path = Path()) -> None:
    """Make sure that a copy of a project has a ``Cargo.lock``; it is removed if that cannot be.

    Args:
        runner: runs Cargo.
        draft: the copy.
        environment: the user's.
        where: the project, as it is named to the user.
        root: where in the copy the workspace has its root.

    Raises:
        InputError: Cargo cannot resolve it.
    """
    if (draft / root / "Cargo.lock").exists():
        return
    argv = ("cargo", "generate-lockfile")
    finished = runner.run(Command(argv=argv, cwd=draft / root, environment=plain(environment)))
    if not finished.ok:
        shutil.rmtree(draft, ignore_errors=True)
        raise InputError(
            "there is no Cargo.lock, and a copy of the project could not be locked",
            where=where,
            hint="run `cargo generate-lockfile` in the project, then try again",
        )


def tree_with_dependencies(runner: Runner, project: Project, tree: Path, environment: dict[str, str]) -> Path:
    """A folder with a tree and the path dependencies beside it, as long as all are in one repository."""
    beside = _outside(_packages(runner, project, environment)[0], tree)
    top = next((folder for folder in (tree, *tree.parents) if (folder / ".git").exists()), tree)
    return Path(os.path.commonpath((tree, *(folder for folder in beside if folder.is_relative_to(top)))))


def publish(draft: Path, destination: Path) -> None:
    """Move a finished folder into place at once and mark it as used; another process may have done so first."""
    try:
        draft.rename(destination)
    except OSError:
        if not destination.exists():
            raise
        shutil.rmtree(draft)
    mark_used(destination)


def _packages(
    runner: Runner, project: Project, environment: dict[str, str]
) -> tuple[tuple[PathPackage, ...], tuple[Path, ...]]:
    """Ask Cargo which packages lie in folders of the user's, in order of these, and where it unpacked the others."""
    argv = ("cargo", "metadata", "--frozen", "--format-version", "1")
    finished = runner.run(Command(argv=argv, cwd=project.root, environment=plain(environment)))
    packages = json.loads(finished.stdout)["packages"] if finished.ok else []
    own = tuple(
        PathPackage(
            name=package["name"],
            folder=Path(package["manifest_path"]).parent,
            is_macro=any("proc-macro" in target["kind"] for target in package.get("targets", ())),
        )
        for package in sorted(packages, key=lambda package: str(package["manifest_path"]))
        if package["source"] is None
    )
    unpacked = {Path(package["manifest_path"]).parents[1] for package in packages if package["source"] is not None}
    return own, tuple(sorted(unpacked))


def _outside(packages: Iterable[PathPackage], tree: Path) -> list[Path]:
    """Folders of path packages that lie outside of a tree."""
    return sorted({package.folder for package in packages if not package.folder.is_relative_to(tree)})


def _foreign(files: Iterable[Path], ours: Collection[Path]) -> list[Path]:
    """The files that are not trimtab's own, in order."""
    return sorted(path for path in files if not any(path.is_relative_to(own) for own in ours))


def _files(runner: Runner, base: Path, environment: dict[str, str], project: Project) -> Iterator[Path]:
    """All files below a folder, our own settings among them."""
    names: list[str] = []
    for which in (("--cached", "--recurse-submodules"), ("--others", "--exclude-standard")):
        command = Command(argv=("git", "ls-files", "-z", *which), cwd=base, environment=without_git(environment))
        with contextlib.suppress(MissingError):
            listed = runner.run(command)
            names += [name for name in listed.stdout.split("\0") if name and listed.ok]
    if names:
        locks = (path for path in (base / "Cargo.lock", project.lock) if path.exists() and path.is_relative_to(base))
        known = {base / name for name in names} | set(locks)
        yield from (path for path in known if path.is_file() or path.is_symlink())
    else:
        yield from _walk(base, project.target_directory)


def _walk(folder: Path, target_directory: Path) -> Iterator[Path]:
    with os.scandir(folder) as entries:
        for entry in entries:
            path = Path(entry.path)
            if entry.is_symlink() or entry.is_file():  # a pipe or socket would be waited for
                yield path
            elif (
                entry.is_dir()
                and path != target_directory
                and entry.name not in _SKIPPED
                and (not entry.name.startswith(".") or entry.name in _HIDDEN_BUT_READ)
                and not (path / _CACHE_TAG).exists()
            ):
                yield from _walk(path, target_directory)


def _stamp(path: Path) -> tuple[int, int]:
    try:
        status = path.lstat()
    except OSError:
        return (-1, -1)
    return (status.st_size, status.st_mtime_ns)


def _feed(digest: Any, path: Path) -> None:
    if path.is_symlink():
        digest.update(os.fsencode(path.readlink()))
        return
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    digest.update(b"\0")
