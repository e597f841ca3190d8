"""The only module that starts processes: a `Command` goes in, a `Finished` with result and resources comes out.

Wall time is taken around spawn and wait, CPU time from ``wait4`` (the whole tree of waited-for descendants, which is
how Cargo runs rustc and rustc the linker). Memory of the tree is watched only when asked for (`trimtab.system.memory`).
A command can be held below a limit of memory, by a control group, and to some of the CPUs, by affinity: that needs no
rights, is inherited, and is what Cargo and rustc go by when they choose how much to do at once.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import math
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Literal, Protocol

from trimtab.errors import MissingError
from trimtab.system.disk_quota import FolderWatch
from trimtab.system.memory import ControlGroup, MemoryWatch, new_name, open_watch
from trimtab.system.pidfd import watch_exit
from trimtab.units import format_bytes

if TYPE_CHECKING:
    from resource import struct_rusage

    Child = subprocess.Popen[bytes]
    _Outputs = tuple[IO[bytes] | None, IO[bytes] | None]

_POLL_FLOOR = 0.0005
_MOST_KEPT = 256 * 1024 * 1024
_MOST_PRINTED = 1 << 30
_OUTPUT_SHOWN = 200
_TRIED_LIMIT = 64 * 1024 * 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class Confinement:
    """Limits on what a command may write, to its output or to files."""

    folder: Path
    """The folder in which all that it writes should be, its output included."""
    most: int
    """Bytes that may be in the folder, and in any one file elsewhere."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ResourceLimits:
    """Memory and CPUs that a command may use."""

    memory: int | None = None
    """Bytes for its whole process tree, enforced by the kernel; the memory of the tree is then watched too."""
    cpus: int | None = None
    """CPUs that its whole tree may use, of those that this process may use."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Command:
    """A program with its arguments, environment and limits."""

    argv: tuple[str, ...]
    cwd: Path | None = None
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    timeout: float | None = None
    """Seconds, after which the whole tree is killed."""
    watch_memory: bool = False
    capture: bool = True
    """Whether to keep its output, the last 256 MiB of each stream; more than 1 GiB kills it. Else it is dropped."""
    stdin: Path | None = None
    """File for its standard input; the null device if left out."""
    outputs: tuple[Path, Path] | None = None
    """Files to write standard output and standard error to, instead of keeping them in `Finished`."""
    inherit: bool = False  # whether it prints to where this process does
    confinement: Confinement | None = None
    """Limits on what it may write; beyond them it is killed."""
    limits: ResourceLimits | None = None
    """Memory and CPUs that it may use."""

    def __str__(self) -> str:
        return shlex.join(self.argv)


@dataclass(frozen=True, kw_only=True, slots=True)
class Finished:
    """Result of a command that has ended."""

    exit_code: int
    """Negative: the signal that ended it."""
    wall: float
    """Seconds from spawn to exit."""
    cpu: float
    """Seconds, user and system, of the whole tree."""
    system: float = 0.0
    """The system's share of that."""
    largest_process: int | None = None
    """Peak resident bytes of the largest process of the tree; ``None`` where this process itself has had as many."""
    page_faults: int | None = None
    """Page faults of the tree, minor and major."""
    left_running: int = 0
    """Processes that it had left running and that were killed, where a launcher looked for them."""
    stdout: str = ""
    stderr: str = ""
    printed: int = 0
    """Bytes that it wrote to standard output, where that is captured."""
    timed_out: bool = False
    flooded: bool = False
    """Whether it was killed for printing or writing without end."""
    peak_memory: int | None = None
    """Bytes of the whole tree at one moment."""
    memory_method: str = ""
    oom_killed: bool = False
    """Whether the kernel is known to have killed a member of the tree for want of memory."""

    @property
    def ok(self) -> bool:
        """Whether it succeeded."""
        return self.exit_code == 0

    @property
    def ended(self) -> str:
        """Exit code, signal or time-out, and the beginning of the output; half a line for messages."""
        if self.timed_out:
            return f"no end after {self.wall:.0f} s" if self.wall >= 10 else f"no end after {self.wall:.2g} s"  # noqa: PLR2004 - two digits
        if self.flooded:
            return "it prints or writes without end"
        output = " ".join((self.stderr or self.stdout).split())[:_OUTPUT_SHOWN]
        ended = f"signal {-self.exit_code}" if self.exit_code < 0 else f"exit code {self.exit_code}"
        return f"{ended}: {output}" if output else ended


class Runner(Protocol):
    """Protocol for running commands; the tests have a fake that starts no process."""

    def run(self, command: Command) -> Finished:
        """Run a command to its end.

        Raises:
            MissingError: the program does not exist, or there is nothing here to hold it to its limits.
        """
        ...


class SystemRunner:
    """Runs commands as processes of this system."""

    def run(self, command: Command) -> Finished:
        """Run a command to its end; kill its whole tree on time-out or when this process is interrupted."""
        with _outputs(command) as (stdout, stderr), _watch(command) as watch:
            child: Child | None = None
            try:
                with _no_interruption():
                    before = time.perf_counter()
                    child = _spawn(command, watch, stdout, stderr)
                status, usage, killed = _wait(child, command, watch, (stdout, stderr), before)
            except BaseException:
                with _no_interruption():  # a second one at once must not leave half of the tree
                    if child:
                        _kill_tree(child, watch)
                        child.wait()
                raise
            wall = time.perf_counter() - before
            child.returncode = os.waitstatus_to_exitcode(status)
            if killed and watch:
                watch.kill()
            return Finished(
                exit_code=child.returncode,
                wall=wall,
                cpu=usage.ru_utime + usage.ru_stime,
                system=usage.ru_stime,
                largest_process=_largest_process(usage),
                page_faults=usage.ru_minflt + usage.ru_majflt,
                stdout="" if command.outputs else _tail(stdout),
                stderr="" if command.outputs else _tail(stderr),
                printed=os.fstat(stdout.fileno()).st_size if stdout else 0,
                timed_out=killed == "timeout",
                flooded=killed == "flood" or (bool(command.confinement) and child.returncode == -signal.SIGXFSZ),
                peak_memory=watch.peak if watch else None,
                memory_method=watch.method if watch else "",
                oom_killed=watch.oom_killed if watch else False,
            )


def _largest_process(usage: struct_rusage) -> int | None:
    """Peak resident bytes, where they are the child's own: the kernel counts its parent's peak too, until exec."""
    peak = usage.ru_maxrss * (1024 if sys.platform == "linux" else 1)
    ours = _own_peak()
    return peak if peak > ours + ours // 10 else None  # the kernel counts the two a few pages apart


def _own_peak() -> int:
    """Bytes of memory that this process has had at most (`getrusage` would count that of its own parent too)."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1024 if sys.platform == "linux" else 1)


@contextlib.contextmanager
def _no_interruption() -> Iterator[None]:
    """Defer signals to the end: between fork and the first wait, an interruption would leave the child running."""
    if threading.current_thread() is not threading.main_thread():
        yield  # signals are handled in the main thread only
        return
    arrived: list[int] = []
    usual = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    handled = {number: handler for number, handler in usual.items() if callable(handler)}
    try:
        for number in handled:
            signal.signal(number, lambda number, _: arrived.append(number))
        yield
    finally:
        for number, handler in handled.items():
            signal.signal(number, handler)
    if arrived:
        signal.raise_signal(arrived[0])


def _spawn(command: Command, watch: MemoryWatch | None, stdout: IO[bytes] | None, stderr: IO[bytes] | None) -> Child:
    argv = list(command.argv)
    if watch and not shutil.which(argv[0], path=command.environment.get("PATH")):
        raise MissingError(f"cannot run {argv[0]!r}: not found", hint="run `trimtab doctor`")
    try:
        stdin = command.stdin.open("rb") if command.stdin else None
    except OSError as error:
        raise MissingError(f"cannot read {command.stdin}: {error.strerror}", hint="name a file that is there") from None
    try:
        with _few_cpus(command.limits.cpus if command.limits else None):
            child = subprocess.Popen(
                watch.enter(argv) if watch else argv,
                cwd=command.cwd,
                env=dict(command.environment),
                stdin=stdin or subprocess.DEVNULL,
                stdout=None if command.inherit else stdout or subprocess.DEVNULL,
                stderr=None if command.inherit else stderr or subprocess.DEVNULL,
                process_group=0,  # not a session: on a busy machine Linux lets a new one wait for its first turn
            )
    except (FileNotFoundError, PermissionError, NotADirectoryError) as error:
        raise MissingError(f"cannot run {argv[0]!r}: {error.strerror}", hint="run `trimtab doctor`") from None
    except OSError as error:
        if error.errno != errno.ENOEXEC:
            raise
        raise MissingError(
            f"cannot run {argv[0]!r}: it is no program of this system", hint="name one that is, or a script with #!"
        ) from None
    finally:
        if stdin:
            stdin.close()
    if command.confinement:
        _limit(child.pid, command.confinement.most)
    return child


@contextlib.contextmanager
def _few_cpus(count: int | None) -> Iterator[None]:
    """Restrict this thread, and so what it starts meanwhile, to some of its CPUs."""
    if count is None:
        yield
        return
    if not hasattr(os, "sched_setaffinity"):
        raise MissingError("this system cannot hold a program to some CPUs", hint="leave out the limit of CPUs")
    usable = os.sched_getaffinity(0)
    if not 0 < count <= len(usable):
        raise MissingError(f"this process may not use {count} CPUs", hint=f"ask for 1 to {len(usable)}")
    os.sched_setaffinity(0, sorted(usable)[:count])
    try:
        yield
    finally:
        os.sched_setaffinity(0, usable)


def _limit(pid: int, most: int) -> None:
    """Set limits of a process that has just begun and all that it will start: the size of files, and no core dumps.

    Only Linux can do this to another process. To do it in the new one before it becomes the program would take code
    that runs between fork and exec, which is not safe where there are threads.
    """
    if sys.platform != "linux":
        return
    import resource

    with contextlib.suppress(OSError):  # it may have ended already
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (most, most))
        resource.prlimit(pid, resource.RLIMIT_CORE, (0, 0))


def _wait(
    child: Child, command: Command, watch: MemoryWatch | None, outputs: _Outputs, before: float
) -> tuple[int, struct_rusage, Literal["", "timeout", "flood"]]:
    """Wait for the child; if there is nothing to look after this blocks, so that timing adds no wake-ups of its own."""
    if command.timeout is None and watch is None and not any(outputs):
        _, status, usage = os.wait4(child.pid, 0)
        return status, usage, ""
    deadline = math.inf if command.timeout is None else before + command.timeout
    confined = command.confinement
    folder = FolderWatch(confined.folder, confined.most) if confined else None
    pause = _POLL_FLOOR
    killed: Literal["", "timeout", "flood"] = ""
    with contextlib.closing(watch_exit(child.pid)) as exited:
        while True:
            if not killed and (killed := _reason_to_kill(deadline, outputs, folder)):
                _kill_tree(child, watch)
            pid, status, usage = os.wait4(child.pid, os.WNOHANG)
            if pid:
                return status, usage, killed
            pause = watch.sample(child.pid) if watch else min(pause * 2, exited.longest)
            exited.wait(min(pause, max(_POLL_FLOOR, deadline - time.perf_counter())))


def _reason_to_kill(deadline: float, outputs: _Outputs, folder: FolderWatch | None) -> Literal["", "timeout", "flood"]:
    """The reason to kill a command, empty if there is none."""
    if time.perf_counter() > deadline:
        return "timeout"
    if folder and folder.is_over():
        return "flood"
    flooded = any(output and os.fstat(output.fileno()).st_size > _MOST_PRINTED for output in outputs)
    return "flood" if flooded else ""


def _kill_tree(child: Child, watch: MemoryWatch | None) -> None:
    """Kill the group, and those below it that went into a session of their own."""
    import psutil

    below: list[psutil.Process] = []
    with contextlib.suppress(psutil.Error, OSError):  # must come first: orphans have another parent
        below = psutil.Process(child.pid).children(recursive=True)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    for process in below:
        with contextlib.suppress(psutil.Error):
            process.kill()
    if watch:
        watch.kill()


@contextlib.contextmanager
def _watch(command: Command) -> Iterator[MemoryWatch | None]:
    limit = command.limits.memory if command.limits else None
    if limit is None and not command.watch_memory:
        yield None
        return
    with contextlib.ExitStack() as held:
        with _no_interruption():
            watch = open_watch() if limit is None else _open_limited(limit)
            held.callback(_close, watch)
        yield watch


def _close(watch: MemoryWatch) -> None:
    with _no_interruption():
        watch.close()


def limits_enforced_by() -> str:
    """Mechanism that enforces limits of memory on this machine, for messages; empty if there is none."""
    return _limiter()[0]


def _open_limited(limit: int) -> ControlGroup:
    group = _limiter()[1](limit)
    if group is None:
        raise MissingError(
            f"nothing here can hold a program below {format_bytes(limit)} of memory",
            hint="run trimtab as root, or as a user for whom `systemd-run --user --scope true` works",
        )
    return group


@functools.cache
def _limiter() -> tuple[str, Callable[[int], ControlGroup | None]]:
    """The first constructor of groups that works here (the limit is in force and a program can join), with its kind.

    Before Linux 6.2, who joins a group that has the controller of CPUs too gets all CPUs of that group.
    """
    for make in (ControlGroup.make, _make_scope):
        group = make(_TRIED_LIMIT)
        if group is None:
            continue
        with contextlib.closing(group), _few_cpus(1):
            argv = group.enter(["cat", "/proc/self/status"])
            status = subprocess.run(argv, check=False, stdin=subprocess.DEVNULL, capture_output=True).stdout
        if re.search(rb"^Cpus_allowed_list:\s*\d+$", status, re.MULTILINE):
            return group.kind, make
    return "", lambda _: None


def _make_scope(limit: int) -> ControlGroup | None:
    """A group made by systemd; ``None`` without systemd, or where the limit is not in force."""
    name, manager = f"{new_name()}.scope", "--system" if os.geteuid() == 0 else "--user"
    # Others may only join what is delegated; it also keeps systemd from ending all when the kernel kills one.
    options = ("Delegate=memory", f"MemoryMax={limit}", "MemorySwapMax=0")
    argv = ["systemd-run", manager, "--scope", "--quiet", "--collect", f"--unit={name}"]
    argv += [f"--property={option}" for option in options]
    try:
        holder = subprocess.Popen(
            [*argv, "cat", "/proc/self/cgroup", "-"],  # says when it is there, then stays as long as we do
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            process_group=0,
        )
    except OSError:
        return None
    assert holder.stdout
    holder.stdout.readline()
    group = ControlGroup.of_scope(holder, name, manager, limit)
    if group is None:
        holder.communicate()
    return group


@contextlib.contextmanager
def _outputs(command: Command) -> Iterator[_Outputs]:
    """Files for the output; unlike pipes they need no reader, and a flood fills a disk instead of our memory."""
    if command.outputs:
        with command.outputs[0].open("wb") as stdout, command.outputs[1].open("wb") as stderr:
            yield stdout, stderr
        return
    if not command.capture:
        yield None, None
        return
    with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
        yield stdout, stderr


def _tail(stream: IO[bytes] | None) -> str:
    if stream is None:
        return ""
    size = stream.seek(0, os.SEEK_END)
    stream.seek(max(0, size - _MOST_KEPT))
    return stream.read().decode("utf-8", "replace")


def out_of_space(error: OSError) -> bool:
    """Whether an operation failed because a disk or quota is full."""
    return error.errno in (errno.ENOSPC, errno.EDQUOT)
