"""Calls of Cargo for a project: settings from outside, a target directory of ours, the tree left alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from trimtab.cargo.environment import building
from trimtab.cargo.profiles.arguments import profile_arguments, selection_arguments
from trimtab.cargo.profiles.rustflags import adding
from trimtab.cargo.project import Binary, Project
from trimtab.model.plan import Selection
from trimtab.model.profile import Profile
from trimtab.system.orphans import WORK_VARIABLE, work_mark
from trimtab.system.process import Command, Runner


@dataclass(frozen=True, kw_only=True, slots=True)
class Calls:
    """All that calls of Cargo for one project have in common."""

    runner: Runner
    project: Project
    selection: Selection
    """Profile, packages and features."""
    today: Profile
    """The profile in force: only settings that differ from it are given to Cargo."""
    rustflags: tuple[str, ...]
    """The compiler flags in force today."""
    environment: Mapping[str, str]
    """The user's."""
    work: Path
    """The folder with all target directories. What runs for it can be found, should it be left running."""
    jobs: int | None
    timeout: float | None
    """Seconds for one call; ``None`` where it may take any time."""
    workspace_wrapper: bool = False
    """Whether Cargo's configuration has a ``build.rustc-workspace-wrapper``, which is turned off."""

    def command(
        self, argv: tuple[str, ...], profile: Profile, target: Path, binaries: tuple[Binary, ...] = ()
    ) -> Command:
        """A call that builds something with a profile.

        Args:
            argv: the program, its command and further arguments.
            profile: the settings.
            target: the target directory.
            binaries: what to build, if that is some of the project's binaries.
        """
        return Command(
            argv=(
                *argv,
                *selection_arguments(self.selection, binaries),
                *(("--jobs", str(self.jobs)) if self.jobs else ()),
                *profile_arguments(profile, self.today, self.selection.profile),
            ),
            cwd=self.project.folder,
            environment=self.build_environment(self.environment, profile, target),
            timeout=self.timeout,
        )

    def build_environment(self, environment: Mapping[str, str], profile: Profile, target: Path) -> dict[str, str]:
        """Environment of a call that builds with a profile."""
        return {
            **building(environment, target, workspace_wrapper=self.workspace_wrapper),
            **adding(profile.rustflags, self.rustflags),
            WORK_VARIABLE: work_mark(self.work),
        }
