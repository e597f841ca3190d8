"""Peak memory of a whole process tree at one moment: the sum that decides whether a builder is killed.

What is summed is *anonymous and shared* memory, which the kernel cannot take back without swapping. File pages
(rustc's own 150 MB library, the rlibs it maps) are left out: the kernel drops them under pressure, and a control group
is charged for them only when it happens to be the first to read them, so counts that include them (``memory.peak``)
depend on what ran before.

There are two methods, and the measurement names the one that was used:

- a control group of its own (version 2, or version 1 where that is what the machine has), whose ``memory.stat`` is
  read every 50 ms: exact sums for one small read;
- without the right to make one, the processes of the tree are walked, at intervals that keep the walk itself under
  half a percent of one core.

In version 2 a group that holds processes cannot give its children a memory controller, so there the first method needs
a group that was delegated for the purpose.

A control group can also hold the whole tree below a limit. The kernel counts file pages then too, but drops them before
it kills: a program that needs less than the limit gets through, slower the closer it comes. Nothing may go to swap,
where it would not count. A limit is no wish: a group that does not hold it is not used, and what cannot join the group
does not run.

Source for the fields: the kernel's ``Documentation/admin-guide/cgroup-v2.rst`` and ``cgroup-v1/memory.rst``.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

_INTERVAL = 0.05
_WALK_SHARE = 0.005
_ROOT = Path("/sys/fs/cgroup")
_PROC = Path("/proc")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_MOST_TRIES, _PAUSE = 40, 0.05
"""Attempts to remove a group, and seconds between them."""
_NAME = re.compile(r"trimtab-(?P<pid>\d+)-(?P<space>\d+)-\d+(\.scope)?")
_JOIN = 'echo $$ > "$0" 2>/dev/null; exec "$@"'
"""Should joining fail, the program runs all the same and the peak stays absent."""
_JOIN_OR_END = 'echo $$ > "$0" && exec "$@"'
_JOIN_SCOPE_OR_END = (
    "busctl {manager} call org.freedesktop.systemd1 /org/freedesktop/systemd1 org.freedesktop.systemd1.Manager"
    ' AttachProcessesToUnit ssau "$0" "" 1 $$ >/dev/null && exec "$@"'
)
_FIELDS = {
    1: re.compile(rb"^total_(?:rss|shmem) (\d+)$", re.MULTILINE),
    2: re.compile(rb"^(?:anon|shmem) (\d+)$", re.MULTILINE),
}


class MemoryWatch(Protocol):
    """Watches one process tree."""

    peak: int | None
    """Bytes; ``None`` before the first sample above zero."""

    @property
    def method(self) -> str:
        """Name of the method, for reports."""
        ...

    def enter(self, argv: Sequence[str]) -> list[str]:
        """The command line that starts a program as a member of the watched tree."""
        ...

    def sample(self, pid: int) -> float:
        """Take one sample; returns the seconds to wait before the next."""
        ...

    def kill(self) -> None:
        """Kill every member of the tree that is left."""
        ...

    @property
    def oom_killed(self) -> bool:
        """Whether the kernel is known to have killed a member for want of memory."""
        ...

    def close(self) -> None:
        """Release what the watch holds, such as its control group."""
        ...


def open_watch() -> MemoryWatch:
    """A control group where this process may make one, a process walk elsewhere."""
    return ControlGroup.make() or ProcessWalk()


class Holder(Protocol):
    """A process that keeps a systemd scope alive until it is told to end, or this process ends."""

    pid: int

    def communicate(self) -> object:
        """Let it end, and wait for it."""
        ...


class ControlGroup:
    """A control group made for one command."""

    def __init__(self, folder: Path, version: int, join: tuple[str, str], holder: Holder | None = None) -> None:
        self._folder = folder
        self._stat = (folder / "memory.stat").open("rb", buffering=0)
        self._version = version
        self._join = join
        self._holder = holder
        self.peak: int | None = None

    @property
    def kind(self) -> str:
        """Kind of group, for messages."""
        return f"control group (v{self._version})" + (" of systemd" if self._holder else "")

    @property
    def method(self) -> str:
        """Kind of the group, and the sampling interval."""
        return f"{self.kind}, anonymous and shared memory every {_INTERVAL * 1000:.0f} ms"

    @classmethod
    def make(cls, limit: int | None = None) -> ControlGroup | None:
        """A new group below this process' own group.

        Args:
            limit: bytes of memory that all members together may use.

        Returns:
            ``None`` where that is not allowed, or the limit would not hold.
        """
        if not sys.platform.startswith("linux"):
            return None
        for controller, version in (("memory", 1), ("", 2)):
            parent = _own_group(controller)
            if parent is None:
                continue
            _sweep(parent)
            folder = parent / new_name()
            with contextlib.suppress(OSError):
                folder.mkdir()
                usable = os.access(folder / "memory.stat", os.R_OK) and os.access(folder / "cgroup.procs", os.W_OK)
                if usable and (limit is None or _set_limit(folder, version, limit)):
                    join = _JOIN if limit is None else _JOIN_OR_END
                    return cls(folder, version, (join, str(folder / "cgroup.procs")))
                folder.rmdir()
        return None

    @classmethod
    def of_scope(cls, holder: Holder, name: str, manager: str, limit: int) -> ControlGroup | None:
        """The group of a systemd scope, for users who may not make a group themselves; version 2 only.

        Args:
            holder: a member that keeps the scope alive; with its last process a scope is removed, its counts too.
            name: of the scope's unit.
            manager: the option of ``busctl`` that selects the systemd instance.
            limit: bytes of memory that all members together may use, already set by systemd.

        Returns:
            ``None`` where the limit does not hold.
        """
        folder = _own_group("", str(holder.pid))
        if folder is None or folder.name != name or not _holds(folder, {"memory.max": limit, "memory.swap.max": 0}):
            return None
        _sweep(folder.parent)
        return cls(folder, 2, (_JOIN_SCOPE_OR_END.format(manager=manager), name), holder)

    def enter(self, argv: Sequence[str]) -> list[str]:
        """A shell joins the group and becomes the program, so that no process is started outside of it."""
        return ["/bin/sh", "-c", *self._join, *argv]

    def sample(self, pid: int) -> float:  # noqa: ARG002 - the group knows its members
        """Read the group's current sum."""
        self._stat.seek(0)
        now = sum(map(int, _FIELDS[self._version].findall(self._stat.read())))
        self.peak = max(self.peak or 0, now) or None
        return _INTERVAL

    def kill(self) -> None:
        """Kill all members but the holder."""
        _kill_members(self._folder, self._holder.pid if self._holder else None)

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
        if self._holder:
            self._holder.communicate()
        for _ in range(_MOST_TRIES):  # what was killed is a member until the kernel has done with it
            with contextlib.suppress(OSError):
                self.kill()
                self._folder.rmdir()
            if not self._folder.exists():
                return
            time.sleep(_PAUSE)


class ProcessWalk:
    """Sums over the process tree by walking it."""

    def __init__(self) -> None:
        self.peak: int | None = None
        self._longest = 0.0
        self._killed_before = _kernel_kills()
        self._sum = _anonymous_memory if _PROC.is_dir() else _resident_memory

    @property
    def method(self) -> str:
        """Kind of memory that is summed, and the longest pause between two samples."""
        summed = "anonymous memory (resident less shared)" if _PROC.is_dir() else "resident memory"
        return f"process walk, {summed}, every {self._longest * 1000:.0f} ms or more often"

    def enter(self, argv: Sequence[str]) -> list[str]:
        """The command line as it is: there is nothing to join."""
        return list(argv)

    def sample(self, pid: int) -> float:
        """Walk the tree; the pause after it grows with the cost of the walk."""
        before = time.perf_counter()
        self.peak = max(self.peak or 0, self._sum(pid)) or None
        pause = max(_INTERVAL, (time.perf_counter() - before) / _WALK_SHARE)
        self._longest = max(self._longest, pause)
        return pause

    def kill(self) -> None:
        """The process group is killed by whoever started it."""

    @property
    def oom_killed(self) -> bool:
        """Whether the kernel killed any process of the machine for want of memory meanwhile."""
        return _kernel_kills() > self._killed_before

    def close(self) -> None:
        """Nothing is held."""


def _anonymous_memory(pid: int) -> int:
    """Bytes of a process and its descendants on Linux, from ``statm`` and the children that each thread has."""
    total, waiting = 0, [str(pid)]
    while waiting:
        folder = _PROC / waiting.pop()
        with contextlib.suppress(OSError, ValueError):
            _, resident, shared, *_ = (folder / "statm").read_bytes().split()
            total += (int(resident) - int(shared)) * _PAGE
            for thread in (folder / "task").iterdir():
                waiting += (thread / "children").read_text().split()
    return total


def _resident_memory(pid: int) -> int:
    """Bytes of a process and its descendants on other systems."""
    import psutil

    total = 0
    with contextlib.suppress(psutil.Error):
        root = psutil.Process(pid)
        for process in (root, *root.children(recursive=True)):
            with contextlib.suppress(psutil.Error):
                total += process.memory_info().rss
    return total


def _kernel_kills() -> int:
    """Count of out-of-memory kills since the machine started; 0 where the kernel keeps none."""
    with contextlib.suppress(OSError):
        for line in (_PROC / "vmstat").read_text().splitlines():
            if line.startswith("oom_kill "):
                return int(line.split()[1])
    return 0


def new_name() -> str:
    """A name for a group that identifies its owner: process id, PID namespace, time."""
    return f"trimtab-{os.getpid()}-{_pid_space()}-{time.monotonic_ns()}"


def _pid_space() -> int:
    """Inode number of the PID namespace: processes of several namespaces may be members of the same groups."""
    with contextlib.suppress(OSError):
        return (_PROC / "self" / "ns" / "pid").stat().st_ino
    return 0


def _own_group(controller: str, pid: str = "self") -> Path | None:
    """The folder of a process' own control group for a version 1 controller, or in version 2 for ``""``."""
    with contextlib.suppress(OSError):
        for line in (_PROC / pid / "cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            if controller in controllers.split(","):
                folder = _ROOT / controller / path.lstrip("/")
                return folder if folder.is_dir() else None
    return None


def _set_limit(folder: Path, version: int, limit: int) -> bool:
    """Set the limit of a group, for memory and swap together; returns whether the kernel has accepted it."""
    if version == 1:  # in this order: memory with swap may not be less than memory
        files = {"memory.limit_in_bytes": limit, "memory.memsw.limit_in_bytes": limit}
    else:
        files = {"memory.max": limit, "memory.swap.max": 0}
    with contextlib.suppress(OSError):
        for name, most in files.items():
            if os.access(folder / name, os.W_OK):
                (folder / name).write_text(str(most))
    return _holds(folder, files)


def _holds(folder: Path, files: Mapping[str, int]) -> bool:
    """Whether the limits of a group, of memory and of swap, are in force; the latter where the machine has swap."""
    _, swap = files
    for name, most in files.items():
        if name == swap and not (folder / name).exists() and not _has_swap():
            continue
        try:
            now = int((folder / name).read_text())
        except (OSError, ValueError):  # version 2 says "max" where there is no limit
            return False
        if not most - _PAGE < now <= most:  # the kernel counts in pages
            return False
    return True


def _has_swap() -> bool:
    """Whether this machine can swap at all."""
    with contextlib.suppress(OSError):
        return len((_PROC / "swaps").read_text().splitlines()) > 1  # the first is a heading
    return True


def _kill_members(folder: Path, spared: int | None = None) -> None:
    """Kill all members of a group, again until none is left: one may have forked meanwhile."""
    for _ in range(50):
        listed = map(int, (folder / "cgroup.procs").read_text().split())
        members = set(listed) - {spared, 0}  # 0: in a PID namespace that cannot be seen from here
        if not members:
            return
        for member in members:
            with contextlib.suppress(ProcessLookupError):
                os.kill(member, signal.SIGKILL)
        time.sleep(0.01)


def _sweep(parent: Path) -> None:
    """Remove groups whose owner died without doing so, with whatever still runs in them."""
    for folder in parent.glob("trimtab-*"):
        match = _NAME.fullmatch(folder.name)
        if match and int(match["space"]) == _pid_space() and not (_PROC / match["pid"]).exists():
            with contextlib.suppress(OSError):
                _kill_members(folder)
                folder.rmdir()
