"""Protocol for stores of studies and trials."""

from __future__ import annotations

from typing import Protocol

from trimtab.model.study import Study, Summary
from trimtab.model.trial import Trial


class Store(Protocol):
    """Append-only, safe with several writers: a trial is on disk when `append` returns."""

    def begin(self, study: Study) -> None:
        """Keep a study's frame (its trials are appended one by one); beginning it again keeps its trials."""
        ...

    def append(self, study_id: str, trial: Trial) -> None:
        """Keep a finished trial; the same trial again takes the place of the earlier one."""
        ...

    def find_trials(self, trial_id: str) -> tuple[Trial, ...]:
        """Find all records of a trial in any study, the newest first: what makes a rerun quick."""
        ...

    def load(self, study_id: str) -> Study:
        """A study with its trials, in the order in which they ended, without those that are outdated.

        Args:
            study_id: its id, the beginning of it, or ``last`` for the newest.

        Raises:
            InputError: no such study, or more than one that begins so.
        """
        ...

    def history(self) -> list[Summary]:
        """All studies, newest first."""
        ...

    def close(self) -> None:
        """Give the store back."""
        ...
