"""Peak memory of a whole process tree at one moment: the sum that decides whether a builder is killed.

What is summed is *anonymous and shared* memory, which the kernel cannot take back without swapping. File pages
(rustc's own 150 MB library, the rlibs it maps) are left out: the kernel drops them under pressure, and a control group
is charged for them only when it happens to be the first to read them, so counts that include them (``memory.peak``)
depend on what ran before.

Two ways, and the measurement says which:

- a control group of its own (version 2, or version 1 where that is what the machine has), whose ``memory.stat`` is
  read every 20 ms: exact sums for one small read;
- without the right to make one, the processes are walked with psutil, at intervals that keep the walk itself under
  half a percent of one core.

Source for the fields: the kernel's ``Documentation/admin-guide/cgroup-v2.rst`` and ``cgroup-v1/memory.rst``.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

_INTERVAL = 0.02
_WALK_SHARE = 0.005
_ROOT = Path("/sys/fs/cgroup")
_NAME = re.compile(r"trimtab-(?P<pid>\d+)-\d+")
_JOIN = 'echo $$ > "$0" && exec "$@"'


class MemoryWatch(Protocol):
    """Watches one process tree."""

    peak: int | None
    """Bytes; ``None`` before the first look."""
    method: str
    """How it watches, in words for the report."""

    def enter(self, argv: Sequence[str]) -> list[str]:
        """The command line that starts a program inside the watch."""
        ...

    def sample(self, pid: int) -> float:
        """Look once; returns how many seconds to wait before the next look."""
        ...

    def kill(self) -> None:
        """Kill every member of the tree that is left."""
        ...

    @property
    def oom_killed(self) -> bool:
        """Whether the kernel is known to have killed a member for want of memory."""
        ...

    def close(self) -> None:
        """Give back what the watch holds."""
        ...


def open_watch() -> MemoryWatch:
    """The best watch that this machine allows."""
    return ControlGroup.make() or ProcessWalk()


class ControlGroup:
    """A control group made for one command."""

    def __init__(self, folder: Path, fields: tuple[bytes, ...], version: int) -> None:
        self._folder = folder
        self._stat = (folder / "memory.stat").open("rb", buffering=0)
        self._fields = fields
        self._version = version
        self.peak: int | None = None
        self.method = f"control group (v{version}), anonymous and shared memory every {_INTERVAL * 1000:.0f} ms"

    @classmethod
    def make(cls) -> ControlGroup | None:
        """A new group below this process' own, or ``None`` where that is not allowed."""
        if not sys.platform.startswith("linux"):
            return None
        for parent, fields, version in (
            (_own_group("memory"), (b"total_rss", b"total_shmem"), 1),
            (_own_group(""), (b"anon", b"shmem"), 2),
        ):
            if parent is None:
                continue
            _sweep(parent)
            folder = parent / f"trimtab-{os.getpid()}-{time.monotonic_ns()}"
            with contextlib.suppress(OSError):
                folder.mkdir()
                if os.access(folder / "memory.stat", os.R_OK) and os.access(folder / "cgroup.procs", os.W_OK):
                    return cls(folder, fields, version)
                folder.rmdir()
        return None

    def enter(self, argv: Sequence[str]) -> list[str]:
        """A shell joins the group and becomes the program, so that no process is started outside of it."""
        return ["/bin/sh", "-c", _JOIN, str(self._folder / "cgroup.procs"), *argv]

    def sample(self, pid: int) -> float:  # noqa: ARG002 - the group knows its members
        """One small read: the group's sum of this moment."""
        self._stat.seek(0)
        values = dict(line.split() for line in self._stat.read().splitlines())
        now = sum(int(values.get(field, 0)) for field in self._fields)
        self.peak = max(self.peak or 0, now)
        return _INTERVAL

    def kill(self) -> None:
        """Kill all members, again until none is left: one may have forked meanwhile."""
        for _ in range(50):
            members = (self._folder / "cgroup.procs").read_text().split()
            if not members:
                return
            for member in members:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(member), signal.SIGKILL)
            time.sleep(0.01)

    @property
    def oom_killed(self) -> bool:
        """The group's own count of kills for want of memory."""
        name = "memory.events" if self._version == 2 else "memory.oom_control"  # noqa: PLR2004
        with contextlib.suppress(OSError):
            for line in (self._folder / name).read_text().splitlines():
                if line.startswith("oom_kill "):
                    return int(line.split()[1]) > 0
        return False

    def close(self) -> None:
        """Remove the group; nothing may be left in it."""
        self._stat.close()
        with contextlib.suppress(OSError):
            self.kill()
            self._folder.rmdir()


class ProcessWalk:
    """Sums over the process tree by walking it."""

    def __init__(self) -> None:
        linux = sys.platform.startswith("linux")
        self.peak: int | None = None
        what = "anonymous memory (resident less shared)" if linux else "resident memory, shared pages counted each time"
        self.method = f"process walk, {what}"
        self._linux = linux

    def enter(self, argv: Sequence[str]) -> list[str]:
        """Nothing to enter."""
        return list(argv)

    def sample(self, pid: int) -> float:
        """Walk once; the pause after it grows with the cost of the walk."""
        import psutil

        before = time.perf_counter()
        total = 0
        with contextlib.suppress(psutil.Error):
            root = psutil.Process(pid)
            for process in (root, *root.children(recursive=True)):
                with contextlib.suppress(psutil.Error):
                    memory = process.memory_info()
                    total += memory.rss - memory.shared if self._linux else memory.rss
        self.peak = max(self.peak or 0, total)
        return max(_INTERVAL, (time.perf_counter() - before) / _WALK_SHARE)

    def kill(self) -> None:
        """The process group is killed by whoever started it."""

    @property
    def oom_killed(self) -> bool:
        """Not known without a control group."""
        return False

    def close(self) -> None:
        """Nothing to give back."""


def _own_group(controller: str) -> Path | None:
    """The folder of this process' own control group for a version 1 controller, or in version 2 for ``""``."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            if controller in controllers.split(","):
                folder = _ROOT / controller / path.lstrip("/")
                return folder if folder.is_dir() else None
    return None


def _sweep(parent: Path) -> None:
    """Remove groups whose owner died without doing so, with whatever still runs in them."""
    for folder in parent.glob("trimtab-*"):
        match = _NAME.fullmatch(folder.name)
        if match and not Path(f"/proc/{match['pid']}").exists():
            with contextlib.suppress(OSError):
                for member in (folder / "cgroup.procs").read_text().split():
                    os.kill(int(member), signal.SIGKILL)
                time.sleep(0.05)
                folder.rmdir()
