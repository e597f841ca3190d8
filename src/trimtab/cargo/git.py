"""A project as it was at a git revision, in a folder of its own: the user's tree and index are not touched."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

from trimtab.cargo.environment import without_git
from trimtab.errors import InputError, MissingError
from trimtab.system.process import Command, Finished, Runner
from trimtab.system.toml import parse_toml
from trimtab.system.usage import mark_used


def revision_of(runner: Runner, revision: str, folder: Path, environment: Mapping[str, str]) -> str:
    """Full hash of the commit that a revision names in a folder; empty if there is none, no git or no repository."""
    if revision.startswith("-"):
        return ""
    try:
        finished = _git(runner, folder, environment, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
    except MissingError:
        return ""
    return finished.stdout.strip() if finished.ok else ""


def revisions_between(runner: Runner, span: str, folder: Path, environment: Mapping[str, str]) -> tuple[str, ...]:
    """Full hashes of ``A..B``, from A to B along first parents, both among them.

    Raises:
        InputError: it has another form, or names no revision here.
        MissingError: git is not here.
    """
    older, dots, newer = span.partition("..")
    if not dots or not older or not newer:
        raise InputError(f"{span!r} is no range of revisions", hint="write it like --revisions v1.0..main")
    ends = [revision_of(runner, name, folder, environment) for name in (older, newer)]
    if not all(ends):
        missing = older if not ends[0] else newer
        raise InputError(f"there is no revision {missing!r} here", where=str(folder), hint="`git log` lists them")
    listed = _git(runner, folder, environment, "rev-list", "--reverse", "--first-parent", f"{ends[0]}..{ends[1]}", "--")
    _must(listed)
    return (ends[0], *listed.stdout.split())


def checkout(runner: Runner, commit: str, folder: Path, cache: Path, environment: Mapping[str, str]) -> Path:
    """The folder of a project as it was at a commit, checked out once and kept in the cache.

    All commits lie at paths of one length, since a path can find its way into the program. Settings of Cargo in folders
    above the repository do not hold there.

    Args:
        runner: runs git.
        commit: the full hash.
        folder: the project's folder in the user's repository.
        cache: where checkouts are kept.
        environment: the user's.

    Raises:
        InputError: the commit cannot be checked out, or has no such folder.
    """
    top = Path(_git(runner, folder, environment, "rev-parse", "--show-toplevel").stdout.strip())
    checked_out = cache / sha256(str(top).encode()).hexdigest()[:12] / commit
    if not mark_used(checked_out):
        checked_out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".draft-", dir=checked_out.parent) as scratch:
            draft = Path(scratch) / "tree"
            _must(
                _git(runner, folder, environment, "clone", "--quiet", "--shared", "--no-checkout", str(top), str(draft))
            )
            # A shallow repository is copied, not shared, and then lacks what no branch leads to.
            objects = folder / _git(runner, folder, environment, "rev-parse", "--git-path", "objects").stdout.strip()
            (draft / ".git" / "objects" / "info" / "alternates").write_text(f"{objects.resolve()}\n", "utf-8")
            _must(_git(runner, draft, environment, "checkout", "--quiet", "--detach", commit))
            if (draft / ".gitmodules").exists():
                _must(_git(runner, draft, environment, "submodule", "--quiet", "update", "--init", "--recursive"))
            _publish(draft, checked_out)
    project = checked_out / folder.resolve().relative_to(top.resolve())
    if not any((project / name).exists() for name in ("Cargo.toml", "pyproject.toml")):
        raise InputError(f"there is no Cargo.toml at {commit[:12]}", where=str(folder), hint="name another revision")
    return project


def _publish(draft: Path, destination: Path) -> None:
    """Move a finished checkout into place; another process may have done so first, and it has the same files."""
    try:
        draft.rename(destination)
    except OSError:
        if not destination.exists():
            raise
        shutil.rmtree(draft, ignore_errors=True)
    mark_used(destination)


def _must(finished: Finished) -> None:
    if not finished.ok:
        raise InputError(f"git cannot check this revision out: {finished.ended}", hint="see that `git fsck` is content")


def _git(runner: Runner, folder: Path, environment: Mapping[str, str], *arguments: str) -> Finished:
    return runner.run(Command(argv=("git", *arguments), cwd=folder, environment=without_git(environment)))


def profile_names(manifest: Path) -> frozenset[str]:
    """The profiles that Cargo knows by itself, and those of a workspace's own ``Cargo.toml``."""
    try:
        own = parse_toml(manifest.read_text("utf-8")).get("profile", {})
    except (OSError, ValueError):
        own = {}
    return frozenset({"dev", "release", "test", "bench"} | (set(own) if isinstance(own, dict) else set()))
