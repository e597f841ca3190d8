"""Protocol for builders of profiles."""

from __future__ import annotations

from typing import Protocol

from trimtab.model.build_progress import OnBuildProgress, ignore_progress
from trimtab.model.profile import Profile
from trimtab.model.trial import BuildFailed, Built


class Builder(Protocol):
    """Builds one profile at a time, from nothing."""

    def build(
        self, profile: Profile, *, touch: bool, on_progress: OnBuildProgress = ignore_progress
    ) -> Built | BuildFailed:
        """A clean build of all chosen binaries, and after it, if asked for, a touch-and-rebuild.

        A build that fails is a result, not an exception. `on_progress` gets at least one state for each of the two.
        """
        ...
