"""What chooses the next profile, by whatever method: ask for one, tell how it went."""

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
        """How many more profiles will be asked for, as far as is known."""
        ...
