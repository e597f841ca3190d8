"""Progress of a build as messages, for commands without a bar."""

from __future__ import annotations

import time
from collections.abc import Callable

from trimtab.model.build_progress import BuildProgress
from trimtab.report.build_progress import BETWEEN_LINES, build_state


class BuildMessages:
    """Sends the state of a build as a message from time to time: none for short builds.

    Args:
        label: of the profile.
        on_message: called with each message.
        clock: seconds, for differences.
    """

    def __init__(
        self, label: str, on_message: Callable[[str], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._label, self._on_message, self._clock = label, on_message, clock
        self._last = clock()

    def __call__(self, state: BuildProgress) -> None:
        """Send a state, unless there was a message a short time ago."""
        if self._clock() - self._last >= BETWEEN_LINES:
            self._last = self._clock()
            self._on_message(f"{self._label}: {build_state(state)}")
