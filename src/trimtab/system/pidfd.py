"""Waiting for the exit of a child, or for a pause to be over: without polling where that is possible."""

from __future__ import annotations

import os
import time


class Sleep:
    """Waits out a pause where the kernel has no descriptor for a child's exit."""

    longest = 0.02
    """Seconds that a pause may have at most: what else is looked after, and here the exit too, is seen so late."""

    def wait(self, seconds: float) -> None:
        """Wait so long, or less if it has exited and that is seen."""
        time.sleep(seconds)

    def close(self) -> None:
        """Nothing to give back."""


class Pidfd(Sleep):
    """Waits until a child exits or a pause is over, so that the exit is seen at once."""

    longest = 0.1

    def __init__(self, pid: int) -> None:
        import select

        self._descriptor = os.pidfd_open(pid)
        self._poll = select.poll()
        self._poll.register(self._descriptor, select.POLLIN)

    def wait(self, seconds: float) -> None:
        """Wait so long, or until it has exited."""
        self._poll.poll(seconds * 1000)

    def close(self) -> None:
        """Give the descriptor back."""
        os.close(self._descriptor)


def watch_exit(pid: int) -> Sleep:
    """The best way to wait for a child's exit that this system has."""
    try:
        return Pidfd(pid)
    except (AttributeError, OSError):
        return Sleep()
