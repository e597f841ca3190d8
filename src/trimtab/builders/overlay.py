"""Builds and runs that see the project's tree and cannot change it: what they write to it goes elsewhere.

On Linux a command can be given a mount namespace of its own, in which an overlay lies over the tree: at the same path,
so that nothing is done differently, with what is written or deleted kept in a folder of ours. A build script that
deletes its own sources then fails its own build, and nothing else. It takes root, or unprivileged user namespaces.

Source: Linux, Documentation/filesystems/overlayfs.rst (a deleted file is a character device 0/0 in the upper folder).
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from trimtab.errors import MissingError
from trimtab.system.paths import clear
from trimtab.system.process import Command, Runner

_SCRIPT = 'mount -t overlay trimtab -o "$1" "$2" && shift 2 && cd "$PWD" && exec "$@"'
NOT_CONTAINED = "this system gives no overlay: what a build script changes in the project's own tree stays changed"
_MOUNT_SYNTAX = ":,\\"
"""Characters with a meaning in mount options."""
_MOST_NAMED = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Overlay:
    """A tree that commands cannot change."""

    tree: Path
    folder: Path
    """Folder for the overlay's upper and work directories; on a local file system."""
    layers: tuple[Path, ...] = ()
    """Folders that commands see over the tree, the topmost first."""
    privileges: tuple[str, ...] = ()
    """Options of ``unshare`` that give the right to mount."""

    @property
    def within(self) -> tuple[str, ...]:
        """Prefix of a command line; the command runs in its working directory, as the overlay has it."""
        attributes = ",userxattr" if self.privileges else ""
        below = ":".join(map(str, (*self.layers, self.tree)))
        options = f"lowerdir={below},upperdir={self.folder / 'upper'},workdir={self.folder / 'work'}{attributes}"
        return ("unshare", "--mount", *self.privileges, "sh", "-c", _SCRIPT, "sh", options, str(self.tree))

    def renew(self) -> None:
        """Forget all changes: the tree is as it really is."""
        clear(self.folder)
        for name in ("upper", "work"):
            (self.folder / name).mkdir(parents=True)

    def at(self, folder: Path) -> Overlay:
        """The same with another folder for what commands change."""
        return replace(self, folder=folder)

    def written(self, path: Path) -> Path | None:
        """The place of what was written at a path of the tree since the last `renew`; ``None`` where nothing was."""
        if not path.is_relative_to(self.tree):
            return None
        place = self.folder / "upper" / path.relative_to(self.tree)
        return place if os.path.lexists(place) else None

    def changes(self) -> tuple[str, ...]:
        """Files written or deleted since the last `renew`, such as ``wrote src/gen.rs``; five at most are named."""
        changes = sorted(_changes(self.folder / "upper"))
        more = (f"and {len(changes) - _MOST_NAMED} more",) if len(changes) > _MOST_NAMED else ()
        return (*changes[:_MOST_NAMED], *more)


def overlay(
    runner: Runner, tree: Path, folder: Path, environment: Mapping[str, str], layers: tuple[Path, ...] = ()
) -> Overlay | None:
    """An overlay over a tree; ``None`` where the system has none for us.

    Args:
        runner: runs ``unshare``.
        tree: the project's root.
        folder: where changes go; it is cleared.
        environment: the user's.
        layers: folders to show over the tree, the topmost first.
    """
    said = "".join(map(str, (tree, folder, *layers)))
    if folder.is_relative_to(tree) or any(sign in said for sign in _MOUNT_SYNTAX) or _holds_mounts(tree):
        return None
    for privileges in ((), ("--map-root-user",)):
        made = Overlay(tree=tree, folder=folder, layers=layers, privileges=privileges)
        try:
            made.renew()
        except OSError:  # whoever writes there next can say it better
            return None
        argv = (*made.within, "test", "-e", "Cargo.toml")
        try:
            tried = runner.run(Command(argv=argv, cwd=tree, environment=environment))
        except MissingError:
            return None
        if tried.ok:
            return made
    return None


def _holds_mounts(tree: Path) -> bool:
    """Whether another file system is mounted somewhere in a tree: an overlay shows the folder beneath it."""
    try:
        table = Path("/proc/self/mountinfo").read_text("utf-8", "surrogateescape")
    except OSError:
        return False
    named = (line.split()[4] for line in table.splitlines())
    places = (re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), name) for name in named)
    return any(Path(place) != tree and Path(place).is_relative_to(tree) for place in places)


def _changes(upper: Path) -> Iterator[str]:
    for folder, folders, names in os.walk(upper):
        if Path(folder) == upper and ".git" in folders:
            folders.remove(".git")  # which refreshes its index whenever it is asked something
        for name in names:
            path = Path(folder) / name
            status = path.lstat()
            deleted = stat.S_ISCHR(status.st_mode) and status.st_rdev == 0
            yield f"{'deleted' if deleted else 'wrote'} {path.relative_to(upper)}"
