"""Building wheels through a project's own build backend: profiles are told to Cargo through the environment.

Backends may write into the folder that they build (setuptools does), so each build gets a copy of the sources, always
at the same place.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from trimtab.build.costs import costed, failed
from trimtab.build.touching import TOUCH_METRIC, play_edit
from trimtab.build.workplace import ArtifactStore, clear
from trimtab.cargo import messages
from trimtab.cargo.calls import Calls
from trimtab.cargo.settings import profile_environment
from trimtab.cargo.sources import copy_sources
from trimtab.model.metric import Absent
from trimtab.model.profile import Profile
from trimtab.model.trial import BuildFailed, Built, Cause, Cost
from trimtab.process import Command, Finished, out_of_space
from trimtab.python.backend import Backend, HookFailedError

_EPOCH = "315532800"
"""1980-01-01, the oldest date that a zip can hold."""


@dataclass(frozen=True, kw_only=True, slots=True)
class WheelBuilder:
    """Builds the wheel of a project in a work folder."""

    calls: Calls
    """Its project is the workspace of the crate that is in the wheel."""
    tree: Path
    """The folder that holds the workspace and the Python project."""
    backend: Backend
    artifacts: ArtifactStore
    touched: Path
    """The source file whose edit is played."""
    ours: tuple[Path, ...] = ()
    """Files and folders in the tree that are trimtab's own."""

    def build(self, profile: Profile, *, touch: bool) -> Built | BuildFailed:
        """A clean build in an empty target directory, and if asked for a rebuild after a touch."""
        target, copy, made = (self.calls.work / name for name in ("target", "tree", "wheels"))
        try:
            for folder in (target, copy, made):
                clear(folder)
            self.copy(copy)
            made.mkdir()
            wheel, finished, cost = self._wheel(profile, watch_memory=True)
            if wheel is None:
                return failed(finished)
            return Built(
                artifacts=(self.artifacts.keep(wheel.name, wheel),),
                clean=cost,
                touch=self._touch(profile) if touch else None,
                touched=str(self.touched.relative_to(self.tree)),
                invocations=messages.invocations(finished.stderr),
            )
        except OSError as error:
            if not out_of_space(error):
                raise
            return BuildFailed(cause=Cause.DISK_FULL, message=f"{error.strerror}: {error.filename or target}")
        finally:
            for folder in (target, copy, made):
                clear(folder)

    def copy(self, place: Path) -> Path:
        """Copy the tree; returns where the Python project lies in it."""
        calls = self.calls
        copy_sources(calls.runner, calls.project, place, dict(calls.environment), self.ours, tree=self.tree)
        repository = self.tree / ".git"
        if repository.is_dir():  # build scripts and backends ask git for the version
            (place / ".git").write_text(f"gitdir: {repository}\n", "utf-8")
        return place / self.backend.project.root.relative_to(self.tree)

    def _wheel(self, profile: Profile, *, watch_memory: bool) -> tuple[Path | None, Finished, Cost]:
        """The wheel, if it could be built, with how that ended and what it cost."""
        runs: list[tuple[Finished, Cost]] = []

        def run(command: Command) -> Finished:
            around = {**self._surroundings(profile), **command.environment}
            command = replace(command, environment=around, timeout=self.calls.timeout, watch_memory=watch_memory)
            runs.append(costed(self.calls.runner, command))
            return runs[-1][0]

        source = self.calls.work / "tree" / self.backend.project.root.relative_to(self.tree)
        try:
            wheel = self.backend.build_wheel(source, self.calls.work / "wheels", run)
        except HookFailedError:
            return None, *runs[-1]
        return wheel, *runs[-1]

    def _surroundings(self, profile: Profile) -> dict[str, str]:
        calls, environment = self.calls, self.backend.tools.inside(self.calls.environment)
        name = calls.selection.profile
        return {
            **calls.surroundings(environment, profile, calls.work / "target"),
            **profile_environment(profile, calls.today, name),
            **self.backend.project.choosing(name, environment),
            **({"CARGO_BUILD_JOBS": str(calls.jobs)} if calls.jobs else {}),
            "CARGO_TERM_VERBOSE": "true",  # has Cargo print its rustc calls, which the effect check reads
            "CARGO_NET_OFFLINE": "true",
            "GIT_OPTIONAL_LOCKS": "0",  # `git status` in the copy leaves the user's index alone
            "SOURCE_DATE_EPOCH": environment.get("SOURCE_DATE_EPOCH", _EPOCH),  # equal builds give equal wheels
        }

    def _touch(self, profile: Profile) -> Cost | Absent:
        """Play an edit of one source file and build the wheel again."""
        name = self.touched.relative_to(self.tree)
        copy = self.calls.work / "tree"
        root = copy / self.calls.project.root.relative_to(self.tree)
        if not play_edit(self.calls.work / "target", copy / name, root):
            return Absent(name=TOUCH_METRIC, reason=f"no compilation unit reads {name}")
        wheel, finished, cost = self._wheel(profile, watch_memory=False)
        if wheel is None:
            return Absent(name=TOUCH_METRIC, reason=f"the rebuild failed: {failed(finished).message}")
        return cost
