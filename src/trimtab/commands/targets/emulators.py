"""Running programs of other targets: natively, under wine, qemu or wasmtime, or with what Cargo is told to use."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from functools import cache
from importlib import resources, util
from pathlib import Path
from typing import Any

from trimtab.commands.targets.model import SmokeRun, SmokeStatus
from trimtab.errors import MissingError
from trimtab.system.process import Command, Finished, Runner
from trimtab.system.usage import mark_used

SMOKE: tuple[tuple[str, ...], ...] = (("--version",), ("--help",))
"""Arguments that nearly every program takes; the first that works will do."""
_RUNS_TOO = {"i686-unknown-linux-gnu": "x86_64", "i686-unknown-linux-musl": "x86_64"}
"""Targets whose programs another architecture's Linux runs as they are, if the libraries are there."""
_FIRST_START = 120.0
"""Seconds; wine makes its folder."""
_PANICKED = 101
"""Exit code of a Rust program that panics."""
_ENDED_BY_SIGNAL = {
    128 + number for number in (signal.SIGILL, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGSEGV)
}
"""Exit codes by which shells, wasmtime and others report that a signal ended the program."""
_NOT_STARTED = (126, 127)
"""Exit codes of shells, ``env`` and others for a program that cannot be started."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Emulator:
    """A program that runs those of another target, such as wine; or nothing, where they run natively."""

    name: str
    argv: tuple[str, ...] = ()
    """Arguments before the program."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """On top of the user's."""
    prepare: tuple[str, ...] = ()
    """A command to run once before."""
    end: tuple[str, ...] = ()
    """A command that ends what it leaves running."""
    crashes: Mapping[int, str] = field(default_factory=dict)
    """Exit code → what crash it stands for."""
    crash_message: str = ""
    """Text that it prints where a program crashes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NoEmulator:
    """The reason why programs of a target cannot be run here, and ways to make it possible."""

    reason: str
    how: tuple[str, ...]


def find_emulator(
    triple: str, host: str, which: Callable[[str], str | None], cache: Path, configured: Sequence[str] = ()
) -> Emulator | NoEmulator:
    """Find the emulator for a target on this machine.

    Args:
        triple: of the target.
        host: of this machine.
        which: finds programs.
        cache: wine's own folder is kept here, so that the user's is left alone.
        configured: the words of the ``runner`` that Cargo is configured to use for the target.
    """
    if configured:
        return Emulator(name=Path(configured[0]).name, argv=tuple(configured))
    if _runs_natively(triple, host):
        return Emulator(name="native")
    rows = [row for row in _facts() if any(fnmatchcase(triple, pattern) for pattern in row["targets"])]
    for row in rows:
        if program := next((path for name in row["programs"] if (path := which(name))), None):
            return _emulator(row, program, cache)
        if row["name"] == "wasmtime" and util.find_spec("wasmtime"):
            return Emulator(name="wasmtime", argv=(sys.executable, "-m", "trimtab.commands.targets.wasi"))
    if rows:
        return NoEmulator(reason=f"there is no {rows[0]['name']} to run it", how=(rows[0]["get"],))
    return NoEmulator(reason="nothing that trimtab knows runs it here", how=(f"set target.{triple}.runner for Cargo",))


def runner_argv(configured: object) -> tuple[str, ...]:
    """The words of a ``runner`` as Cargo takes it: a list, or a string whose words have spaces between them."""
    if isinstance(configured, str):
        return tuple(configured.split())
    return tuple(map(str, configured)) if isinstance(configured, list | tuple) else ()


def prepare(runner: Runner, emulator: Emulator, environment: Mapping[str, str]) -> None:
    """Prepare an emulator once before the first run; if that fails, the runs will tell."""
    _run_beside(runner, emulator, emulator.prepare, environment)


def end(runner: Runner, emulator: Emulator, environment: Mapping[str, str]) -> None:
    """End what earlier runs left running, as far as there is a command for that."""
    _run_beside(runner, emulator, emulator.end, environment)


def run_binary(
    runner: Runner,
    emulator: Emulator,
    binary: tuple[str, Path],
    *,
    arguments: Sequence[str],
    within: Sequence[str] = (),
    cwd: Path,
    environment: Mapping[str, str],
    timeout: float,
) -> SmokeRun:
    """Run a program once, to see that it runs at all.

    Without arguments it is asked for its version or help. A program that takes neither is not called failed, unless it
    crashes or does not end: see `worse`. Nor is one that cannot be started here.

    Args:
        runner: runs it.
        emulator: runs it there.
        binary: its name and file.
        arguments: what to give it.
        within: words before all others, such as those of an overlay.
        cwd: the folder to run it in.
        environment: the user's.
        timeout: seconds.
    """
    name, path = binary
    finished, crash = None, ""
    for options in (tuple(arguments),) if arguments else SMOKE:
        command = Command(
            argv=(*within, *emulator.argv, str(path), *options),
            cwd=cwd,
            environment={**environment, **emulator.environment},
            timeout=timeout,
        )
        try:
            finished = runner.run(command)
        except MissingError as error:
            return _not_started(name, emulator, error.what.replace(str(path), name))
        if finished.exit_code in _NOT_STARTED:
            return _not_started(name, emulator, f"it does not start: {finished.ended}")
        if finished.ok:
            line = f"{' '.join(options)}: {_first_line(finished.stdout)}".removesuffix(": ")
            return SmokeRun(binary=name, state=SmokeStatus.OK, runner=emulator.name, said=line, exit_code=0)
        if crash := _crash(finished, emulator):
            break
    assert finished
    failed = crash or (finished.ended if arguments else "")
    return SmokeRun(
        binary=name,
        state=SmokeStatus.FAILED if failed else SmokeStatus.NOT_RUN,
        runner=emulator.name,
        said=failed or f"it takes neither --version nor --help ({_ended(finished)})",
        exit_code=finished.exit_code,
        how=() if failed else ("--run ARGUMENTS, with what it takes",),
    )


def worse(run: SmokeRun, before: SmokeRun | None) -> SmokeRun:
    """A run beside that of today's binary: what works today and does not now has failed.

    Where both start and neither is known to work, what does not end as it does today has failed.
    """
    if not before or run.state is not SmokeStatus.NOT_RUN:
        return run
    if before.state is SmokeStatus.OK:
        return replace(run, state=SmokeStatus.FAILED, how=())
    if before.state is SmokeStatus.NOT_RUN and before.exit_code not in (None, run.exit_code):
        message = f"{run.said}, and under today's profile exit code {before.exit_code}"
        return replace(run, state=SmokeStatus.FAILED, said=message, how=())
    return run


def _run_beside(runner: Runner, emulator: Emulator, argv: tuple[str, ...], environment: Mapping[str, str]) -> None:
    if argv:
        with contextlib.suppress(MissingError):
            merged = {**environment, **emulator.environment}
            runner.run(Command(argv=argv, environment=merged, timeout=_FIRST_START))


def _not_started(name: str, emulator: Emulator, message: str) -> SmokeRun:
    advice = f"install {emulator.argv[0]}" if emulator.argv else "install the C library of its target"
    return SmokeRun(binary=name, state=SmokeStatus.NOT_RUN, runner=emulator.name, said=message, how=(advice,))


def _crash(finished: Finished, emulator: Emulator) -> str:
    """Description of a crash or time-out; empty where the program ended by itself."""
    code, ended = finished.exit_code, finished.ended
    if code in emulator.crashes:
        code_itself, _, message = ended.partition(": ")
        return ": ".join(filter(None, (code_itself, emulator.crashes[code], message)))
    crashed = (
        code < 0
        or code in _ENDED_BY_SIGNAL
        or (code == _PANICKED and "panicked at" in finished.stderr)
        or (emulator.crash_message and emulator.crash_message in finished.stderr)
    )
    return ended if crashed or finished.timed_out else ""


def _emulator(row: Mapping[str, Any], program: str, cache: Path) -> Emulator:
    argv = (program, *row.get("options", ()))
    if row["name"] == "wine":
        folder = cache / "wine"
        # No windows, and no offers to install Mono and Gecko.
        environment = {"WINEPREFIX": str(folder), "WINEDEBUG": "-all", "WINEDLLOVERRIDES": "mscoree,mshtml="}
        made = (folder / "system.reg").exists()
        folder.parent.mkdir(parents=True, exist_ok=True)
        mark_used(folder)
        return Emulator(
            name="wine",
            argv=argv,
            environment=environment,
            prepare=() if made else (*argv, "wineboot"),
            end=tuple(row["end"]),
            crashes={int(code): meaning for code, meaning in row["crashes"].items()},
            crash_message=row["crash_message"],
        )
    libraries = row.get("libraries", "")
    environment = {"QEMU_LD_PREFIX": libraries} if libraries and os.path.isdir(libraries) else {}  # noqa: PTH112
    return Emulator(name=row["name"], argv=argv, environment=environment)


def _runs_natively(triple: str, host: str) -> bool:
    """Whether it is this machine's own architecture and system, with whatever C library."""
    arch, _, system = triple.partition("-")
    own_arch, _, own_system = host.partition("-")
    linux = all(name.startswith("unknown-linux-") for name in (system, own_system))
    return triple == host or (linux and own_arch in (arch, _RUNS_TOO.get(triple)))


def _first_line(text: str) -> str:
    return next((line.strip() for line in text.splitlines() if line.strip()), "")


def _ended(finished: Finished) -> str:
    code, _, message = finished.ended.partition(": ")
    return f"{code}: {_first_line(message)}" if message else code


@cache
def _facts() -> list[dict[str, Any]]:
    text = resources.files(__package__).joinpath("emulators.toml").read_text("utf-8")
    rows: list[dict[str, Any]] = tomllib.loads(text)["emulator"]
    return rows
