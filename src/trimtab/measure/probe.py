"""Protocol for probes. A new metric is a new probe, named where an exploration chooses its probes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from trimtab.model.metric import Absent, Measurement
from trimtab.model.trial import Artifact


class Probe(Protocol):
    """Probe of one aspect of a trial's binaries, such as their size or their run time."""

    def measure(
        self, artifacts: tuple[Artifact, ...], baseline: tuple[Artifact, ...]
    ) -> Iterable[Measurement | Absent]:
        """The metrics of one trial.

        Args:
            artifacts: the trial's binaries, at least one.
            baseline: the binaries of today's profile to compare with; none when the trial is today's itself. (Equal
                binaries do not tell: another profile may well give the same bytes.)

        Raises:
            InputError: the user's settings make it impossible for every trial, such as a bench that fails.
        """
        ...
