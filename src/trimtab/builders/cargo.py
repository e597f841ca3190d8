"""Building with the user's Cargo, settings given from outside and the tree left alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from trimtab.artifact.self_contained import data_beside
from trimtab.builders.build_inputs import InputReader
from trimtab.builders.costs import costed, failed
from trimtab.builders.overlay import Overlay
from trimtab.builders.relink import capturing
from trimtab.builders.rustc_wrapper.compiler import WrappedRustc
from trimtab.builders.rustc_wrapper.recorder import Recorder
from trimtab.builders.touch import TOUCH_METRIC, play_edit
from trimtab.builders.work_folder import ArtifactStore
from trimtab.cargo import messages
from trimtab.cargo.calls import Calls
from trimtab.cargo.project import Binary
from trimtab.model.build_progress import BuildProgress, OnBuildProgress, ignore_progress
from trimtab.model.metric import Absent
from trimtab.model.profile import Profile
from trimtab.model.trace import Trace
from trimtab.model.trial import BuildFailed, Built, Cause, Cost
from trimtab.system.machine import usable_cores
from trimtab.system.paths import clear
from trimtab.system.process import Finished, ResourceLimits, out_of_space

_CONTAINERS_TARGET = Path("/target")
"""The target directory as programs in a container of cross name it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CargoBuilder:
    """Builds the chosen binaries of a project in a work folder."""

    calls: Calls
    binaries: tuple[Binary, ...]
    artifacts: ArtifactStore
    touched: Path
    """The source file whose edit is played."""
    links: Path | None = None
    """Folder in which the last link of each binary is kept, if it is; see :mod:`trimtab.builders.relink`."""
    target: str = ""
    """The target to build for; if left out, the one that Cargo builds for by itself."""
    program: tuple[str, ...] = ("cargo", "build")
    """Program and command that build."""
    more: tuple[str, ...] = ()
    """Further arguments for it."""
    overlay: Overlay | None = None
    """Keeps a build and what is rebuilt after it from changing the tree; ``None`` where the system has none for us."""
    compiler: WrappedRustc | None = None
    """rustc behind the tracing wrapper, for clean builds; ``None`` builds untraced."""
    inputs: InputReader | None = None
    """Reader of what a build has read, if that is wanted."""
    limits: ResourceLimits | None = None
    """Memory and CPUs that a build may use; ``None`` for all."""
    rustc_calls: int | None = None
    """Expected number in a clean build, for its progress."""

    def build(
        self, profile: Profile, *, touch: bool, on_progress: OnBuildProgress = ignore_progress
    ) -> Built | BuildFailed:
        """A clean build in an empty target directory, and if asked for a rebuild after a touch."""
        target = self.calls.work / "target"
        try:
            clear(target)
            if self.links:
                clear(self.links)
            if self.overlay:
                self.overlay.renew()
            finished, cost, recorded = self._clean(profile, target, on_progress)
            if not finished.ok:
                return replace(failed(finished), unit=recorded.failed if recorded else None, wrote=self._wrote())
            programs, libraries = messages.executables(finished.stdout), messages.libraries(finished.stdout)
            made = [(libraries if binary.is_library else programs)[binary.name] for binary in self.binaries]
            kept = tuple(
                self.artifacts.keep(binary.name, path, {} if binary.is_library else data_beside(path))
                for binary, path in zip(self.binaries, (_outside_container(path, target) for path in made), strict=True)
            )
            inputs = self.inputs.read(target) if self.inputs else None  # before a touched rebuild adds to it
            return Built(
                artifacts=kept,
                clean=cost,
                inputs=inputs,
                touch=self._touch(profile, target, on_progress) if touch else None,
                touched=self._touched_name(),
                invocations=messages.invocations(finished.stderr),
                trace=self._trace(recorded, cost, finished, target) if recorded else None,
                shared=bool(self.compiler and self.compiler.sharing),
                wrote=self._wrote(),
                unprofiled=messages.unprofiled(finished.stderr),
            )
        except OSError as error:
            if not out_of_space(error):
                raise
            return BuildFailed(cause=Cause.DISK_FULL, message=f"{error.strerror}: {error.filename or target}")
        finally:
            clear(target)

    def _clean(
        self, profile: Profile, target: Path, on_progress: OnBuildProgress
    ) -> tuple[Finished, Cost, Recorder | None]:
        on_progress(BuildProgress(total=self.rustc_calls if self.compiler else None))
        if not self.compiler:
            return (*self._cargo(profile, target, watch_memory=True), None)
        written = self.overlay.written if self.overlay else None
        with self.compiler.active(target, on_progress, self.rustc_calls, written) as wrapper:
            run = self._cargo(profile, target, "--timings", watch_memory=True, environment=wrapper.environment)
        return (*run, wrapper.recorder)

    def _trace(self, recorded: Recorder, cost: Cost, finished: Finished, target: Path) -> Trace:
        cpus = self.limits.cpus if self.limits else None
        jobs = self.calls.jobs or cpus or usable_cores()
        return recorded.trace(cost=cost, stdout=finished.stdout, target=target, jobs=jobs)

    def _cargo(
        self,
        profile: Profile,
        target: Path,
        *more: str,
        watch_memory: bool,
        environment: Mapping[str, str] | None = None,
    ) -> tuple[Finished, Cost]:
        argv = (
            *(self.overlay.within if self.overlay else ()),
            *(*self.program, "--verbose", "--frozen", "--message-format=json-render-diagnostics"),
            *(("--target", self.target) if self.target else ()),
            *self.more,
            *more,
            *self._capturing(target),
        )
        selection = replace(self.calls.selection, target="") if self.target else self.calls.selection
        command = replace(self.calls, selection=selection).command(argv, profile, target, self.binaries)
        build_environment = {**command.environment, **(environment or {})}
        settled = replace(command, watch_memory=watch_memory, environment=build_environment, limits=self.limits)
        return costed(self.calls.runner, settled)

    def _wrote(self) -> tuple[str, ...]:
        return self.overlay.changes() if self.overlay else ()

    def _capturing(self, target: Path) -> tuple[str, ...]:
        if not self.links:
            return ()
        calls = self.calls
        return capturing(
            calls.runner, calls.project, calls.environment, binaries=self.binaries, target=target, folder=self.links
        )

    def _touch(self, profile: Profile, target: Path, on_progress: OnBuildProgress) -> Cost | Absent:
        """Play an edit of one source file and build again."""
        if not play_edit(target, self.touched, self.calls.project.root):
            return Absent(name=TOUCH_METRIC, reason=f"no compilation unit reads {self._touched_name()}")
        on_progress(BuildProgress(rebuilds=self._touched_name()))
        finished, cost = self._cargo(profile, target, watch_memory=False)
        if not finished.ok:
            return Absent(name=TOUCH_METRIC, reason=f"the rebuild failed: {failed(finished).message}")
        if not messages.rebuilt(finished.stdout):
            return Absent(name=TOUCH_METRIC, reason="Cargo saw nothing to rebuild")
        return cost

    def _touched_name(self) -> str:
        if self.touched.is_relative_to(self.calls.project.root):
            return str(self.touched.relative_to(self.calls.project.root))
        return str(self.touched)


def _outside_container(path: Path, target: Path) -> Path:
    """A file that was built, where it lies for us."""
    within = path.is_relative_to(_CONTAINERS_TARGET) and not path.exists()
    return target / path.relative_to(_CONTAINERS_TARGET) if within else path
