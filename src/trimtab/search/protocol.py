"""Protocol for searches, which choose the next profile: ask for one, tell how it went."""

from __future__ import annotations

from typing import Protocol

from trimtab.model.profile import Profile
from trimtab.model.trial import Trial


class Search(Protocol):
    """Ask and tell."""

    def ask(self) -> Profile | None:
        """The next profile to try, or ``None`` when there is nothing left to learn."""
        ...

    def tell(self, trial: Trial) -> None:
        """Learn from a finished trial."""
        ...

    @property
    def remaining(self) -> int:
        """Number of profiles that will still be asked for, as far as is known."""
        ...
