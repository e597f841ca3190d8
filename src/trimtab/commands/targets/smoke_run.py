"""The binaries of a target, run with what is here."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trimtab.builders.overlay import Overlay
from trimtab.builders.routes import setting
from trimtab.commands.targets.emulators import (
    Emulator,
    NoEmulator,
    end,
    find_emulator,
    prepare,
    run_binary,
    runner_argv,
    worse,
)
from trimtab.commands.targets.model import SmokeRun, SmokeStatus, TargetAttempt
from trimtab.model.trial import Artifact
from trimtab.system.orphans import kill_leftovers
from trimtab.system.process import Runner

_SUFFIXES = {"-windows-": ".exe", "wasm": ".wasm"}
_LONGEST = 60.0
"""Seconds for a program that only says its version."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SmokeRunner:
    """Runs programs of any target."""

    runner: Runner
    host: str
    cache: Path
    work: Path
    """The work folder; processes that run in it are ended before the overlay is renewed."""
    project: Path
    libraries: frozenset[str]
    """Names of the binaries that are no programs."""
    overlay: Overlay | None
    """Over the project's folder, where the system has one for us."""
    configuration: Mapping[str, Any]
    """Cargo's, which may name a runner for a target."""
    arguments: tuple[str, ...]
    """Arguments for programs; ``--version`` or else ``--help`` if there are none."""
    timeout: float
    environment: Mapping[str, str]

    def runs(self, triple: str, artifacts: Sequence[Artifact], before: TargetAttempt | None) -> tuple[SmokeRun, ...]:
        """Each program run once, beside today's if there is one.

        Programs run in an empty folder; with arguments of the user's, which may name files, in the project's. There, if
        the system has an overlay, they see all as it is and change nothing.
        """
        programs = [artifact for artifact in artifacts if artifact.name not in self.libraries]
        emulator = self._emulator(triple)
        if programs and isinstance(emulator, Emulator):
            prepare(self.runner, emulator, self.environment)
        earlier = {run.binary: run for run in before.runs} if before else {}
        return tuple(
            worse(self._run(triple, emulator, artifact), earlier.get(artifact.name))
            if artifact in programs
            else SmokeRun(binary=artifact.name, state=SmokeStatus.NOT_RUN, said="a library: nothing to run")
            for artifact in artifacts
        )

    def _run(self, triple: str, emulator: Emulator | NoEmulator, artifact: Artifact) -> SmokeRun:
        if isinstance(emulator, NoEmulator):
            return SmokeRun(binary=artifact.name, state=SmokeStatus.NOT_RUN, said=emulator.reason, how=emulator.how)
        suffix = next((ending for part, ending in _SUFFIXES.items() if part in triple), "")
        with tempfile.TemporaryDirectory(prefix="trimtab-") as scratch:
            empty = Path(scratch) / "empty"
            empty.mkdir()
            folder = Path(scratch) / "program"
            shutil.copytree(Path(artifact.path).parent, folder)  # with the data that its build left beside it
            program = (folder / Path(artifact.path).name).rename(folder / f"{artifact.name}{suffix}")
            return run_binary(
                self.runner,
                emulator,
                (artifact.name, program),
                arguments=self.arguments,
                within=self._tree(emulator) if self.arguments else (),
                cwd=self.project if self.arguments else empty,
                environment=self.environment,
                timeout=self.timeout if self.arguments else min(self.timeout, _LONGEST),
            )

    def _tree(self, emulator: Emulator) -> tuple[str, ...]:
        """The command prefix under which a program sees the project's folder as it is now, and writes elsewhere."""
        if not self.overlay:
            return ()
        end(self.runner, emulator, self.environment)  # wine's server opens the files of all, in the tree that it sees
        kill_leftovers(self.work)
        self.overlay.renew()
        return self.overlay.within

    def _emulator(self, triple: str) -> Emulator | NoEmulator:
        configured = runner_argv(setting(self.configuration, self.environment, triple, "runner"))
        return find_emulator(triple, self.host, self._which, self.cache, configured)

    def _which(self, program: str) -> str | None:
        return shutil.which(program, path=self.environment.get("PATH"))
