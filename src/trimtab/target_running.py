"""The binaries of a target, run with what is here."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trimtab.build.ways import setting
from trimtab.measure.emulators import Emulator, NoEmulator, find_emulator, prepare, run_binary, worse
from trimtab.model.target import Attempt, Ran, Run
from trimtab.model.trial import Artifact
from trimtab.process import Runner

_SUFFIXES = {"-windows-": ".exe", "wasm": ".wasm"}
_LONGEST = 60.0
"""Seconds for a program that only says its version."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Running:
    """Runs programs of any target."""

    runner: Runner
    host: str
    cache: Path
    project: Path
    configuration: Mapping[str, Any]
    """Cargo's, which may name a runner for a target."""
    arguments: tuple[str, ...]
    """What programs are run with; ``--version`` or else ``--help`` if there are none."""
    timeout: float
    environment: Mapping[str, str]

    def runs(self, triple: str, artifacts: Sequence[Artifact], before: Attempt | None) -> tuple[Run, ...]:
        """Each binary run once, beside today's if there is one.

        Programs run in an empty folder; with arguments of the user's, which may name files, in the project's.
        """
        emulator = self._emulator(triple)
        if isinstance(emulator, NoEmulator):
            return tuple(
                Run(binary=one.name, state=Ran.NOT_RUN, said=emulator.reason, how=emulator.how) for one in artifacts
            )
        prepare(self.runner, emulator, self.environment)
        earlier = {run.binary: run for run in before.runs} if before else {}
        suffix = next((end for part, end in _SUFFIXES.items() if part in triple), "")
        with tempfile.TemporaryDirectory(prefix="trimtab-") as scratch:
            empty = Path(scratch) / "empty"
            empty.mkdir()
            made = []
            for artifact in artifacts:
                program = Path(scratch) / f"{artifact.name}{suffix}"
                shutil.copy2(artifact.path, program)
                run = run_binary(
                    self.runner,
                    emulator,
                    (artifact.name, program),
                    arguments=self.arguments,
                    cwd=self.project if self.arguments else empty,
                    environment=self.environment,
                    timeout=self.timeout if self.arguments else min(self.timeout, _LONGEST),
                )
                made.append(worse(run, earlier.get(artifact.name)))
        return tuple(made)

    def _emulator(self, triple: str) -> Emulator | NoEmulator:
        variable = f"CARGO_TARGET_{triple.upper().replace('-', '_').replace('.', '_')}_RUNNER"
        configured = self.environment.get(variable) or setting(self.configuration, triple, "runner")
        return find_emulator(triple, self.host, self._which, self.cache, configured)

    def _which(self, program: str) -> str | None:
        return shutil.which(program, path=self.environment.get("PATH"))
