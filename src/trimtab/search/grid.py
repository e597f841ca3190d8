"""Every profile of the space, today's first, then those with the fewest changes."""

from __future__ import annotations

from trimtab.model.profile import Profile
from trimtab.model.space import Space
from trimtab.model.trial import Trial


class GridSearch:
    """The whole grid. Told trials do not change its order."""

    def __init__(self, baseline: Profile, space: Space) -> None:
        self._waiting = [baseline, *space.profiles(baseline)]

    def ask(self) -> Profile | None:
        """The next profile in order."""
        return self._waiting.pop(0) if self._waiting else None

    def tell(self, trial: Trial) -> None:
        """A grid learns nothing."""

    @property
    def remaining(self) -> int:
        """Exactly how many are left."""
        return len(self._waiting)
