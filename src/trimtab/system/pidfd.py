"""Waiting for the exit of a child with a time-out, without polling where the kernel has pidfds."""

from __future__ import annotations

import os
import time


class Sleep:
    """Waits out the whole time-out, where the kernel has no descriptor for a child's exit."""

    longest = 0.02
    """Longest time-out in seconds: time limits, and here the exit too, are noticed that late."""

    def wait(self, seconds: float) -> None:
        """Wait, at most so many seconds, for the exit."""
        time.sleep(seconds)

    def close(self) -> None:
        """Nothing is held."""


class Pidfd(Sleep):
    """Waits with a pidfd, so that the exit is noticed at once."""

    longest = 0.1

    def __init__(self, pid: int) -> None:
        import select

        self._descriptor = os.pidfd_open(pid)
        self._poll = select.poll()
        self._poll.register(self._descriptor, select.POLLIN)

    def wait(self, seconds: float) -> None:
        """Wait, at most so many seconds, for the exit."""
        self._poll.poll(seconds * 1000)

    def close(self) -> None:
        """Close the descriptor."""
        os.close(self._descriptor)


def watch_exit(pid: int) -> Sleep:
    """A pidfd where this system has them, sleeping elsewhere."""
    try:
        return Pidfd(pid)
    except (AttributeError, OSError):
        return Sleep()
