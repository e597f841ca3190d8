"""A small launcher for timed runs: memory of small programs, CPU time of all descendants, and nothing left running.

``wait4`` tells of a child no peak below that of its parent, and nothing of descendants that nobody waited for. So each
timed run is started by a program of a few hundred KiB, ``launcher.c``, which is the subreaper of what it starts
(``prctl(2)``, ``PR_SET_CHILD_SUBREAPER``), takes the times and ends what is still running afterwards. It is compiled
by the C compiler that links Rust programs, once, and kept in the cache.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

from trimtab.errors import InputError, MissingError
from trimtab.system.process import Command, Finished, Runner, SystemRunner
from trimtab.system.usage import mark_used, running

NO_LAUNCHER = "no C compiler works here: memory of small programs is unknown, and what runs leave behind is not ended"
_COMPILERS = ("cc", "gcc", "clang")
_MARGIN = 1.1
"""Peak over the launcher's own, below which it cannot be told: the kernel counts the two a few pages apart."""
_MOST_KEPT = 64 * 1024
"""Bytes of standard error that are kept, the last ones."""


class Launcher:
    """Runner for timed runs, which starts each by the launcher and keeps the standard error of those that fail."""

    def __init__(self, runner: Runner, program: Path | None, scratch: Path) -> None:
        """Run commands.

        Args:
            runner: starts the launcher, or the commands themselves where there is none.
            program: the compiled launcher.
            scratch: an empty folder.
        """
        self._runner = runner
        self._program = program
        self._report = scratch / "report"
        self._stderr = scratch / "stderr"

    def run(self, command: Command) -> Finished:
        """Run a command to its end, and end what it has left running.

        Raises:
            MissingError: the program cannot be started.
        """
        shown = command.capture or command.inherit
        outputs = None if shown else ((command.outputs or (Path(os.devnull),))[0], self._stderr)
        self._report.unlink(missing_ok=True)
        started = (str(self._program), str(self._report), *command.argv) if self._program else command.argv
        finished = self._runner.run(replace(command, argv=started, outputs=outputs))
        if self._program:
            finished = self._reported(command, finished)
        return finished if shown or finished.ok else replace(finished, stderr=self._last_stderr())

    def _reported(self, command: Command, finished: Finished) -> Finished:
        """The run as the launcher reports it; one that was killed leaves no report."""
        fields = self._report.read_text().split() if self._report.exists() else []
        if fields[:1] == ["exec"]:
            code = int(fields[1])
            reason = "it is no program of this system" if code == errno.ENOEXEC else os.strerror(code)
            raise MissingError(f"cannot run {command.argv[0]!r}: {reason}", hint="name a program that can be started")
        if not fields:
            return finished
        status, wall, user, system, peak, faults, ended, own = map(int, fields)
        return replace(
            finished,
            exit_code=os.waitstatus_to_exitcode(status),
            wall=wall / 1e9,
            cpu=(user + system) / 1e6,
            system=system / 1e6,
            largest_process=peak * 1024 if peak > own * _MARGIN else None,
            page_faults=faults,
            left_running=ended,
        )

    def _last_stderr(self) -> str:
        with contextlib.suppress(OSError), self._stderr.open("rb") as stream:
            stream.seek(max(0, stream.seek(0, os.SEEK_END) - _MOST_KEPT))
            return stream.read().decode("utf-8", "replace")
        return ""


@contextlib.contextmanager
def timing_runner(runner: Runner, cache: Path) -> Iterator[tuple[Runner, str]]:
    """Yields what timed runs are started by, and a note where that is not the launcher, which is for Linux only.

    Args:
        runner: starts processes; one that plays them is used as it is.
        cache: folder in which the compiled launcher is kept.
    """
    if not isinstance(runner, SystemRunner):
        yield runner, ""
        return
    with contextlib.ExitStack() as stack:
        scratch = stack.enter_context(tempfile.TemporaryDirectory(prefix="trimtab-"))
        with contextlib.suppress(InputError):  # where the cache cannot be written, nothing is removed there either
            stack.enter_context(running(cache))
        program = compiled_launcher(runner, cache) if sys.platform.startswith("linux") else None
        yield Launcher(runner, program, Path(scratch)), "" if program else NO_LAUNCHER


def compiled_launcher(runner: Runner, cache: Path) -> Path | None:
    """The launcher, compiled if need be, which takes a moment; ``None`` if no C compiler makes one that works."""
    source = files("trimtab.system").joinpath("launcher.c").read_bytes()
    digest = hashlib.blake2b(source, digest_size=8).hexdigest()
    program = cache / "launcher" / f"{digest}-{os.uname().machine}" / "trimtab-launch"
    if mark_used(program.parent) and program.exists():
        return program
    with contextlib.suppress(OSError, MissingError):
        program.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=program.parent) as scratch:
            draft, code = Path(scratch) / "draft", Path(scratch) / "launcher.c"
            code.write_bytes(source)
            for compiler in filter(shutil.which, _COMPILERS):
                for options in (("-O1", "-static"), ("-O1",)):
                    argv = (compiler, *options, "-o", str(draft), str(code))
                    if runner.run(Command(argv=argv)).ok and _works(runner, draft, Path(scratch) / "report"):
                        draft.replace(program)
                        mark_used(program.parent)
                        return program
    return None


def _works(runner: Runner, launcher: Path, report: Path) -> bool:
    finished = runner.run(Command(argv=(str(launcher), str(report), "true")))
    return finished.ok and report.exists() and report.read_text().startswith("0 ")
