"""A ``Cargo.lock`` for a project that has none, seen by Cargo alone: nothing is written into the tree.

Cargo would write one beside the manifest. A copy of the project would lose what its place means: settings and
toolchains of parent folders, the repository that a build script asks. So Cargo is run where the user stands, in a mount
namespace of its own, in which an overlay lies over the tree with the lock file on top. What it writes into the tree
goes to memory and is gone with the command. Builds have an `Overlay` of their own, of which the lock file is a layer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path

from trimtab.builders.overlay import overlay
from trimtab.cargo.environment import plain
from trimtab.cargo.project import Project
from trimtab.cargo.toolchain import complaint
from trimtab.errors import InputError
from trimtab.system.paths import hold_lock
from trimtab.system.process import Command, Finished, Runner
from trimtab.system.usage import mark_used

_SCRIPT = (
    'mount -t tmpfs trimtab "$1" && mkdir "$1/upper" "$1/work"'
    ' && mount -t overlay trimtab -o "lowerdir=$2:$3,upperdir=$1/upper,workdir=$1/work$4" "$3"'
    ' && cd "$PWD" && shift 4 && exec "$@"'
)
_NAME = "Cargo.lock"


@dataclass(frozen=True, kw_only=True, slots=True)
class LockLayer:
    """Runs commands; those of Cargo in the tree see a lock file there."""

    runner: Runner
    tree: Path
    layer: Path
    """Folder with the ``Cargo.lock`` and nothing else."""
    scratch: Path
    """Folder that each command mounts memory of its own over."""
    privileges: tuple[str, ...]
    """Options of ``unshare`` that give the right to mount."""

    @property
    def lock(self) -> Path:
        """The lock file, outside of the tree."""
        return self.layer / _NAME

    def run(self, command: Command) -> Finished:
        """Run a command to its end.

        Raises:
            MissingError: the program does not exist, or there is nothing here to hold it to its limits.
        """
        if command.argv[0] == "cargo" and command.cwd and command.cwd.is_relative_to(self.tree):
            command = replace(command, argv=(*self._prefix(), *command.argv))
        return self.runner.run(command)

    def _prefix(self) -> tuple[str, ...]:
        attributes = ",userxattr" if self.privileges else ""
        places = (str(self.scratch), str(self.layer), str(self.tree), attributes)
        return ("unshare", "--mount", *self.privileges, "sh", "-c", _SCRIPT, "sh", *places)


def lock_layer(runner: Runner, project: Project, cache: Path, environment: Mapping[str, str]) -> LockLayer:
    """Have Cargo resolve a project without writing into it; an earlier result is kept as far as it still fits.

    Args:
        runner: runs Cargo.
        project: the workspace, which has no ``Cargo.lock``.
        cache: folder for what is made.
        environment: the user's.

    Raises:
        InputError: Cargo cannot resolve it, or the system gives no overlay.
    """
    folder = cache / "locked" / blake2b(str(project.root).encode(), digest_size=8).hexdigest()
    layer, scratch = folder / "layer", folder / "scratch"
    with hold_lock(folder / "lock", wait=True):
        mark_used(folder)
        over = overlay(runner, project.root, folder / "made", environment)
        if over is None:
            raise InputError(
                "there is no Cargo.lock, and this system gives no overlay to keep one out of the tree",
                where=str(project.root),
                hint="run `cargo generate-lockfile` there, then try again",
            )
        for made in (layer, scratch):
            made.mkdir(exist_ok=True)
        upper = over.folder / "upper" / _NAME
        if (layer / _NAME).exists():
            upper.write_bytes((layer / _NAME).read_bytes())
        argv = (*over.within, "cargo", "fetch")
        finished = runner.run(Command(argv=argv, cwd=project.folder, environment=plain(environment)))
        if not finished.ok or not upper.exists():
            raise InputError(
                f"there is no Cargo.lock, and Cargo cannot make one: {complaint(finished)}", where=str(project.root)
            )
        draft = folder / "draft"
        draft.write_bytes(upper.read_bytes())
        draft.rename(layer / _NAME)
    return LockLayer(runner=runner, tree=project.root, layer=layer, scratch=scratch, privileges=over.privileges)
