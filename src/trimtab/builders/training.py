"""Running the training commands of a program, and adding up what they take."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from trimtab.model.plan import Training
from trimtab.model.trial import Artifact, BuildFailed, Cause, Cost
from trimtab.system.command_template import filled, line_of
from trimtab.system.process import Command, Finished, Runner

_LOG_LINES = 30

Stage = Callable[[Artifact], AbstractContextManager[Mapping[str, str]]]
"""Puts what was built where it can be run; gives values for ``{bin}`` and its like."""


class StepFailedError(Exception):
    """A step of a trained build failed: a result like any other."""

    def __init__(self, failure: BuildFailed) -> None:
        super().__init__(failure.message)
        self.failure = failure


@dataclass(frozen=True, kw_only=True, slots=True)
class Trainer:
    """Runs training commands with whatever was built."""

    runner: Runner
    training: Training
    folder: Path
    """Folder in which they run."""
    environment: Mapping[str, str]
    timeout: float | None
    """Seconds for one run."""
    stage: Stage

    def train(self, artifact: Artifact, variables: Mapping[str, str]) -> Cost:
        """Run all commands as often as was asked.

        Args:
            artifact: the program or wheel.
            variables: environment on top of the user's and the training's.

        Returns:
            Wall and CPU seconds of all runs together.

        Raises:
            StepFailedError: a command fails or does not end.
        """
        runs: list[Finished] = []
        environment = {**self.environment, **dict(self.training.environment), **variables}
        with self.stage(artifact) as values, tempfile.TemporaryDirectory(prefix="trimtab-") as scratch:
            said = Path(scratch) / "stderr"
            for command in self.training.commands * self.training.repetitions:
                argv = filled(command, values)
                finished = self.runner.run(
                    Command(
                        argv=argv,
                        cwd=self.folder,
                        environment=environment,
                        timeout=self.timeout,
                        outputs=(Path(os.devnull), said),
                    )
                )
                if not finished.ok:
                    words = said.read_text("utf-8", "replace") if said.exists() else finished.stderr
                    raise StepFailedError(_failure(command, replace(finished, stderr=words)))
                runs.append(finished)
        return Cost(wall=sum(run.wall for run in runs), cpu=sum(run.cpu for run in runs))


def _failure(command: tuple[str, ...], finished: Finished) -> BuildFailed:
    return BuildFailed(
        cause=Cause.TRAINING,
        message=f"the training command `{line_of(command)}` failed: {finished.ended}",
        log=tuple(finished.stderr.splitlines()[-_LOG_LINES:]),
        wall=finished.wall,
    )


@contextmanager
def program_at(artifact: Artifact) -> Iterator[Mapping[str, str]]:
    """``{bin}`` as the path at which a program is kept."""
    yield {"{bin}": artifact.path}
