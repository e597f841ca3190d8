"""Building with the user's Cargo, settings given from outside and the tree left alone."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from trimtab.build.links import capturing
from trimtab.build.workplace import ArtifactStore, clear
from trimtab.cargo import messages
from trimtab.cargo.environment import building
from trimtab.cargo.project import Binary, Project
from trimtab.cargo.rustflags import adding
from trimtab.cargo.settings import profile_arguments, selection_arguments
from trimtab.machine import busy_seconds
from trimtab.model.metric import Absent
from trimtab.model.plan import Selection
from trimtab.model.profile import Profile
from trimtab.model.trial import BuildFailed, Built, Cause, Cost
from trimtab.process import WORK_VARIABLE, Command, Finished, Runner, out_of_space

_LONG_AGO = 315532800  # 1980-01-01, before any source file was edited
_CONTAINERS_TARGET = Path("/target")
"""The target directory as programs in a container of cross name it."""
TOUCH_METRIC = "build.touch.wall"


@dataclass(frozen=True, kw_only=True, slots=True)
class CargoBuilder:
    """Builds the chosen binaries of a project in a work folder."""

    runner: Runner
    project: Project
    binaries: tuple[Binary, ...]
    selection: Selection
    today: Profile
    rustflags: tuple[str, ...]
    """The compiler flags in force today."""
    environment: Mapping[str, str]
    work: Path
    artifacts: ArtifactStore
    jobs: int | None
    timeout: float
    """Seconds for each run of Cargo."""
    touched: Path
    """The source file whose edit is played."""
    links: Path | None = None
    """Where the last link of each binary is kept, if it is; see :mod:`trimtab.build.links`."""
    target: str = ""
    """The target to build for; if left out, the one that Cargo builds for by itself."""
    program: tuple[str, ...] = ("cargo", "build")
    """What builds."""
    more: tuple[str, ...] = ()
    """Further arguments for it."""
    within: tuple[str, ...] = ()
    """Words before it, such as those of :class:`trimtab.build.overlay.Overlay`."""

    def build(self, profile: Profile, *, touch: bool) -> Built | BuildFailed:
        """A clean build in an empty target directory, and if asked for a rebuild after a touch."""
        target = self.work / "target"
        try:
            clear(target)
            if self.links:
                clear(self.links)
            finished, cost = self._cargo(profile, target, watch_memory=True)
            if not finished.ok:
                return _failure(finished)
            made = messages.executables(finished.stdout)
            kept = tuple(
                self.artifacts.keep(binary.name, _outside_container(made[binary.name], target))
                for binary in self.binaries
            )
            return Built(
                artifacts=kept,
                clean=cost,
                touch=self._touch(profile, target) if touch else None,
                touched=self._touched_name(),
                invocations=messages.invocations(finished.stderr),
            )
        except OSError as error:
            if not out_of_space(error):
                raise
            return BuildFailed(cause=Cause.DISK_FULL, message=f"{error.strerror}: {error.filename or target}")
        finally:
            clear(target)

    def _cargo(self, profile: Profile, target: Path, *, watch_memory: bool) -> tuple[Finished, Cost]:
        command = Command(
            argv=(
                *(*self.within, *self.program, "--verbose", "--frozen", "--message-format=json-render-diagnostics"),
                *selection_arguments(self.selection, self.binaries),
                *(("--jobs", str(self.jobs)) if self.jobs else ()),
                *(("--target", self.target) if self.target else ()),
                *profile_arguments(profile, self.today, self.selection.profile),
                *self.more,
                *self._capturing(target),
            ),
            cwd=self.project.root,
            environment={
                **building(self.environment, target),
                **adding(profile.rustflags, self.rustflags),
                WORK_VARIABLE: str(self.work),
            },
            timeout=self.timeout,
            watch_memory=watch_memory,
        )
        busy = busy_seconds()
        finished = self.runner.run(command)
        other = max(0.0, busy_seconds() - busy - finished.cpu) / finished.wall
        return finished, Cost(
            wall=finished.wall,
            cpu=finished.cpu,
            peak_memory=finished.peak_memory,
            memory_method=finished.memory_method,
            other_load=other,
        )

    def _capturing(self, target: Path) -> tuple[str, ...]:
        if not self.links:
            return ()
        return capturing(
            self.runner, self.project, self.environment, binaries=self.binaries, target=target, folder=self.links
        )

    def _touch(self, profile: Profile, target: Path) -> Cost | Absent:
        """Play an edit of one source file and build again.

        The file itself is left alone: instead, Cargo's record of when it last compiled the units that read it is
        dated back, after which the file counts as newer, just as if it had been saved.
        """
        records = [
            record
            for units in _units_reading(target, self.touched, self.project.root)
            for record in target.glob(f"**/.fingerprint/*-{units}/dep-*")
        ]
        if not records:
            return Absent(name=TOUCH_METRIC, reason=f"no compilation unit reads {self._touched_name()}")
        for record in records:
            os.utime(record, (_LONG_AGO, _LONG_AGO))
        finished, cost = self._cargo(profile, target, watch_memory=False)
        if not finished.ok:
            return Absent(name=TOUCH_METRIC, reason=f"the rebuild failed: {_failure(finished).message}")
        if not messages.rebuilt(finished.stdout):
            return Absent(name=TOUCH_METRIC, reason="Cargo saw nothing to rebuild")
        return cost

    def _touched_name(self) -> str:
        if self.touched.is_relative_to(self.project.root):
            return str(self.touched.relative_to(self.project.root))
        return str(self.touched)


def _failure(finished: Finished) -> BuildFailed:
    return messages.failure(
        finished.stderr,
        finished.exit_code,
        timed_out=finished.timed_out,
        oom_killed=finished.oom_killed,
        wall=finished.wall,
    )


def _outside_container(path: Path, target: Path) -> Path:
    """A file that was built, where it lies for us."""
    within = path.is_relative_to(_CONTAINERS_TARGET) and not path.exists()
    return target / path.relative_to(_CONTAINERS_TARGET) if within else path


def _units_reading(target: Path, source: Path, root: Path) -> set[str]:
    """Hashes of the units whose dep-info (``deps/NAME-HASH.d``) lists a source file."""
    spellings = {str(source)} | ({str(source.relative_to(root))} if source.is_relative_to(root) else set())
    found = set()
    for record in target.glob("**/deps/*.d"):
        words = record.read_text("utf-8", "replace").replace("\\ ", "\0").split()
        if any(word.replace("\0", " ").rstrip(":") in spellings for word in words):
            found.add(record.stem.rpartition("-")[2])
    return found
