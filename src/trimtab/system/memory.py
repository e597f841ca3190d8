"""Peak memory of a whole process tree at one moment: the sum that decides whether a builder is killed.

What is summed is *anonymous and shared* memory, which the kernel cannot take back without swapping. File pages
(rustc's own 150 MB library, the rlibs it maps) are left out: the kernel drops them under pressure, and a control group
is charged for them only when it happens to be the first to read them, so counts that include them (``memory.peak``)
depend on what ran before.

Two ways, and the measurement says which:

- a control group of its own (version 2, or version 1 where that is what the machine has), whose ``memory.stat`` is
  read every 50 ms: exact sums for one small read;
- without the right to make one, the processes of the tree are walked, at intervals that keep the walk itself under
  half a percent of one core.

In version 2 a group that holds processes cannot give its children a memory controller, so there the first way needs a
group that was delegated for the purpose.

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
"""To remove a group, and seconds between them."""
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
    """Bytes; ``None`` before the first look that found any."""

    @property
    def method(self) -> str:
        """How it watches, in words for the report."""
        ...

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


class Holder(Protocol):
    """A process that stays in a scope until it is told to end, or we end."""

    pid: int

    def communicate(self) -> object:
        """Let it end, and wait for that."""
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
        """What it is, in words."""
        return f"control group (v{self._version})" + (" of systemd" if self._holder else "")

    @property
    def method(self) -> str:
        """Which kind of group, and how often it is read."""
        return f"{self.kind}, anonymous and shared memory every {_INTERVAL * 1000:.0f} ms"

    @classmethod
    def make(cls, limit: int | None = None) -> ControlGroup | None:
        """A new group below this process' own.

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
        """The group of a scope, which systemd makes for those who may not make a group: version 2 only.

        Args:
            holder: is in the scope; a scope goes with its last process, and what was counted in it.
            name: the scope's, as systemd knows it.
            manager: the option that tells which systemd that is.
            limit: bytes of memory that all members together may use, of which systemd has been told.

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
        """One small read: the group's sum of this moment."""
        self._stat.seek(0)
        now = sum(map(int, _FIELDS[self._version].findall(self._stat.read())))
        self.peak = max(self.peak or 0, now) or None
        return _INTERVAL

    def kill(self) -> None:
        """Kill all members that are not ours."""
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
        self._look = _anonymous_memory if _PROC.is_dir() else _resident_memory

    @property
    def method(self) -> str:
        """What was summed, and the longest pause between two looks."""
        what = "anonymous memory (resident less shared)" if _PROC.is_dir() else "resident memory"
        return f"process walk, {what}, every {self._longest * 1000:.0f} ms or more often"

    def enter(self, argv: Sequence[str]) -> list[str]:
        """Nothing to enter."""
        return list(argv)

    def sample(self, pid: int) -> float:
        """Walk once; the pause after it grows with the cost of the walk."""
        before = time.perf_counter()
        self.peak = max(self.peak or 0, self._look(pid)) or None
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
        """Nothing to give back."""


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
    """Bytes of a process and its descendants elsewhere."""
    import psutil

    total = 0
    with contextlib.suppress(psutil.Error):
        root = psutil.Process(pid)
        for process in (root, *root.children(recursive=True)):
            with contextlib.suppress(psutil.Error):
                total += process.memory_info().rss
    return total


def _kernel_kills() -> int:
    """How often the kernel has killed for want of memory since the machine started; 0 where it does not say."""
    with contextlib.suppress(OSError):
        for line in (_PROC / "vmstat").read_text().splitlines():
            if line.startswith("oom_kill "):
                return int(line.split()[1])
    return 0


def new_name() -> str:
    """A name for a group, that tells whose it is: the process, and the space in which it has that number."""
    return f"trimtab-{os.getpid()}-{_pid_space()}-{time.monotonic_ns()}"


def _pid_space() -> int:
    """Stands for the PID namespace; processes of another may be in the same groups."""
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
    """Hold a group below a limit, with what it could swap; whether the kernel does that."""
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
    """Whether a group has its limits, of memory and of swap; the latter where there is any."""
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
        members = {int(member) for member in (folder / "cgroup.procs").read_text().split()} - {
            spared,
            0,
        }  # 0: not ours to see
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
