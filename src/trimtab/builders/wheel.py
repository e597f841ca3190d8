"""Building wheels through a project's own build backend: profiles are told to Cargo through the environment.

Backends may write into the folder that they build (setuptools does), so each build gets a copy of the sources, always
at the same place.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from trimtab.builders.build_inputs import InputReader
from trimtab.builders.costs import costed, failed
from trimtab.builders.rustc_wrapper.compiler import WrappedRustc
from trimtab.builders.rustc_wrapper.recorder import Recorder
from trimtab.builders.touch import TOUCH_METRIC, play_edit
from trimtab.builders.work_folder import ArtifactStore
from trimtab.cargo import messages
from trimtab.cargo.calls import Calls
from trimtab.cargo.profiles.arguments import profile_arguments, profile_environment
from trimtab.cargo.project import Project
from trimtab.cargo.sources import copy_sources
from trimtab.model.build_progress import BuildProgress, OnBuildProgress, ignore_progress
from trimtab.model.metric import Absent
from trimtab.model.profile import Profile
from trimtab.model.trace import Trace
from trimtab.model.trial import BuildFailed, Built, Cause, Cost
from trimtab.pyproject.backend import Backend, HookFailedError
from trimtab.system.machine import usable_cores
from trimtab.system.paths import clear
from trimtab.system.process import Command, Finished, Runner, out_of_space

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
    inputs: InputReader | None = None
    """Reads what a build has read, if that is wanted."""
    compiler: WrappedRustc | None = None
    """rustc behind the tracing wrapper, in a clean build; if left out, rustc calls are not observed."""
    rustc_calls: int | None = None
    """Expected number in a clean build, for its progress."""

    def build(
        self, profile: Profile, *, touch: bool, on_progress: OnBuildProgress = ignore_progress
    ) -> Built | BuildFailed:
        """A clean build in an empty target directory, and if asked for a rebuild after a touch."""
        target, copy, made = (self.calls.work / name for name in ("target", "tree", "wheels"))
        try:
            for folder in (target, copy, made):
                clear(folder)
            calls = self.calls
            copy_tree(calls.runner, calls.project, self.tree, copy, calls.environment, self.ours)
            made.mkdir()
            self._configure(profile)
            wheel, finished, cost, recorder = self._clean(profile, target, on_progress)
            if wheel is None:
                return replace(failed(finished), unit=recorder.failed if recorder else None)
            return Built(
                artifacts=(self.artifacts.keep(wheel.name, wheel),),
                clean=cost,
                touch=self._touch(profile, on_progress) if touch else None,
                touched=self._touched_name(),
                invocations=messages.invocations(finished.stderr),
                inputs=self.inputs.read(target, (copy, self.tree)) if self.inputs else None,
                trace=self._trace(recorder, cost, target) if recorder else None,
            )
        except OSError as error:
            if not out_of_space(error):
                raise
            return BuildFailed(cause=Cause.DISK_FULL, message=f"{error.strerror}: {error.filename or target}")
        finally:
            for folder in (target, copy, made, self.calls.work / ".cargo"):
                clear(folder)

    def _clean(
        self, profile: Profile, target: Path, on_progress: OnBuildProgress
    ) -> tuple[Path | None, Finished, Cost, Recorder | None]:
        """The wheel of a clean build, if it succeeded, with result, cost and the rustc calls that were observed."""
        on_progress(BuildProgress())
        if not self.compiler:
            return *self._wheel(profile, watch_memory=True), None
        with self.compiler.active(target, on_progress, self.rustc_calls) as wrapper:
            build = self._wheel(profile, watch_memory=True, environment=wrapper.environment)
        return *build, wrapper.recorder

    def _trace(self, recorder: Recorder, cost: Cost, target: Path) -> Trace | None:
        """The trace without runs of build scripts; ``None`` where the backend did not have Cargo call the wrapper."""
        trace = recorder.trace(cost=cost, stdout="", target=target, jobs=self.calls.jobs or usable_cores())
        return trace if trace.units else None

    def _wheel(
        self, profile: Profile, *, watch_memory: bool, environment: Mapping[str, str] | None = None
    ) -> tuple[Path | None, Finished, Cost]:
        """The wheel, if it could be built, with result and cost."""
        runs: list[tuple[Finished, Cost]] = []

        def run(command: Command) -> Finished:
            build_environment = {**self._environment(profile), **command.environment, **(environment or {})}
            command = replace(
                command, environment=build_environment, timeout=self.calls.timeout, watch_memory=watch_memory
            )
            runs.append(costed(self.calls.runner, command))
            return runs[-1][0]

        source = self.calls.work / "tree" / self.backend.project.root.relative_to(self.tree)
        try:
            wheel = self.backend.build_wheel(source, self.calls.work / "wheels", run)
        except HookFailedError:
            return None, *runs[-1]
        return wheel, *runs[-1]

    def _configure(self, profile: Profile) -> None:
        """Tell Cargo the settings of a profile that variables cannot name, in a folder above the copy."""
        name = self.calls.selection.profile
        if not _has_variables(name):
            folder = self.calls.work / ".cargo"
            folder.mkdir(exist_ok=True)
            settings = profile_arguments(profile, self.calls.today, name)[1::2]
            (folder / "config.toml").write_text("\n".join(settings), "utf-8")

    def _environment(self, profile: Profile) -> dict[str, str]:
        calls, environment = self.calls, self.backend.tools.inside(self.calls.environment)
        name = calls.selection.profile
        return {
            **calls.build_environment(environment, profile, calls.work / "target"),
            **(profile_environment(profile, calls.today, name) if _has_variables(name) else {}),
            **self.backend.project.choosing(name, environment),
            **({"CARGO_BUILD_JOBS": str(calls.jobs)} if calls.jobs else {}),
            "CARGO_TERM_VERBOSE": "true",  # has Cargo print its rustc calls, which the effect check reads
            "CARGO_NET_OFFLINE": "true",
            "GIT_OPTIONAL_LOCKS": "0",  # `git status` in the copy leaves the user's index alone
            "SOURCE_DATE_EPOCH": environment.get("SOURCE_DATE_EPOCH", _EPOCH),  # equal builds give equal wheels
        }

    def _touch(self, profile: Profile, on_progress: OnBuildProgress) -> Cost | Absent:
        """Play an edit of one source file and build the wheel again."""
        name, copy = self._touched_name(), self.calls.work / "tree"
        root = copy / self.calls.project.root.relative_to(self.tree)
        if not play_edit(self.calls.work / "target", copy / name, root):
            return Absent(name=TOUCH_METRIC, reason=f"no compilation unit reads {name}")
        on_progress(BuildProgress(rebuilds=name))
        wheel, finished, cost = self._wheel(profile, watch_memory=False)
        if wheel is None:
            return Absent(name=TOUCH_METRIC, reason=f"the rebuild failed: {failed(finished).message}")
        return cost

    def _touched_name(self) -> str:
        if self.touched.is_relative_to(self.tree):
            return str(self.touched.relative_to(self.tree))
        return str(self.touched)


def copy_tree(
    runner: Runner,
    project: Project,
    tree: Path,
    destination: Path,
    environment: Mapping[str, str],
    ours: tuple[Path, ...],
) -> None:
    """Copy a tree, with the repository of the original behind it, for whatever asks git for a version."""
    copy_sources(runner, project, destination, dict(environment), ours, tree=tree)
    link = tree / ".git"
    if link.is_dir():
        (destination / ".git").write_text(f"gitdir: {link}\n", "utf-8")
    elif link.is_file():  # a worktree or submodule: the way to its repository
        repository = tree / link.read_text("utf-8").partition("gitdir:")[2].strip()
        (destination / ".git").write_text(f"gitdir: {repository.resolve()}\n", "utf-8")


def _has_variables(profile: str) -> bool:
    """Whether Cargo has variables for a profile: with ``CARGO_PROFILE_RELEASE_LTO_…`` it means ``release`` alone."""
    return "-" not in profile
