"""Running programs of other targets: natively, under wine, qemu or wasmtime, or with what Cargo is told to use."""

from __future__ import annotations

import os
import shlex
import sys
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cache
from importlib import resources, util
from pathlib import Path
from typing import Any

from trimtab.model.target import Ran, Run
from trimtab.process import Command, Finished, Runner

SMOKE: tuple[tuple[str, ...], ...] = (("--version",), ("--help",))
"""Arguments that nearly every program takes; the first that works will do."""
_RUNS_TOO = {"i686-unknown-linux-gnu": "x86_64", "i686-unknown-linux-musl": "x86_64"}
"""Targets whose programs another architecture's Linux runs as they are, if the libraries are there."""
_FIRST_START = 120.0
"""Seconds; wine makes its folder."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Emulator:
    """What runs programs of a target."""

    name: str
    words: tuple[str, ...] = ()
    """That stand before the program."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """On top of the user's."""
    prepare: tuple[str, ...] = ()
    """A command to run once before."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NoEmulator:
    """Why programs of a target cannot be run here, and what makes it possible."""

    reason: str
    how: tuple[str, ...]


def find_emulator(
    triple: str, host: str, which: Callable[[str], str | None], cache: Path, configured: object = None
) -> Emulator | NoEmulator:
    """What runs programs of a target here.

    Args:
        triple: of the target.
        host: of this machine.
        which: finds programs.
        cache: wine's own folder is kept here, so that the user's is left alone.
        configured: the ``runner`` that Cargo is configured to use for the target, a string or a list.
    """
    if configured:
        words = shlex.split(configured) if isinstance(configured, str) else [str(word) for word in _listed(configured)]
        return Emulator(name=Path(words[0]).name, words=tuple(words))
    if _runs_natively(triple, host):
        return Emulator(name="native")
    rows = [row for row in _facts() if any(fnmatchcase(triple, pattern) for pattern in row["targets"])]
    for row in rows:
        if program := next((found for name in row["programs"] if (found := which(name))), None):
            return _emulator(row, program, cache)
        if row["name"] == "wasmtime" and util.find_spec("wasmtime"):
            return Emulator(name="wasmtime", words=(sys.executable, "-m", "trimtab.measure.wasi"))
    if rows:
        return NoEmulator(reason=f"there is no {rows[0]['name']} to run it", how=(rows[0]["get"],))
    return NoEmulator(reason="nothing that trimtab knows runs it here", how=(f"set target.{triple}.runner for Cargo",))


def prepare(runner: Runner, emulator: Emulator, environment: Mapping[str, str]) -> None:
    """What must be done once before the first run; if it fails, the runs will say so."""
    if emulator.prepare:
        surroundings = {**environment, **emulator.environment}
        runner.run(Command(argv=emulator.prepare, environment=surroundings, timeout=_FIRST_START))


def run_binary(
    runner: Runner,
    emulator: Emulator,
    binary: tuple[str, Path],
    *,
    arguments: Sequence[str],
    cwd: Path,
    environment: Mapping[str, str],
    timeout: float,
) -> Run:
    """Run a program once, to see that it runs at all.

    Without arguments it is asked for its version or help. A program that takes neither is not called failed, unless it
    ends by a signal or not at all: see `worse`.

    Args:
        runner: runs it.
        emulator: runs it there.
        binary: its name and file.
        arguments: what to give it.
        cwd: the folder to run it in.
        environment: the user's.
        timeout: seconds.
    """
    name, path = binary
    finished = None
    for words in (tuple(arguments),) if arguments else SMOKE:
        command = Command(
            argv=(*emulator.words, str(path), *words),
            cwd=cwd,
            environment={**environment, **emulator.environment},
            timeout=timeout,
        )
        finished = runner.run(command)
        if finished.ok:
            said = f"{' '.join(words)}: {_first_line(finished.stdout)}".removesuffix(": ")
            return Run(binary=name, state=Ran.OK, runner=emulator.name, said=said)
        if finished.timed_out or finished.exit_code < 0:
            break
    assert finished
    crashed = bool(arguments) or finished.timed_out or finished.exit_code < 0
    return Run(
        binary=name,
        state=Ran.FAILED if crashed else Ran.NOT_RUN,
        runner=emulator.name,
        said=finished.ended if crashed else f"it takes neither --version nor --help ({_ended(finished)})",
        how=() if crashed else ("--run ARGUMENTS, with what it takes",),
    )


def worse(run: Run, before: Run | None) -> Run:
    """A run beside that of today's binary: what works today and does not now has failed."""
    if run.state is Ran.NOT_RUN and before and before.state is Ran.OK:
        return Run(binary=run.binary, state=Ran.FAILED, runner=run.runner, said=run.said)
    return run


def _emulator(row: Mapping[str, Any], program: str, cache: Path) -> Emulator:
    words = (program, *row.get("options", ()))
    if row["name"] == "wine":
        folder = cache / "wine"
        # No windows, and no offers to install Mono and Gecko.
        environment = {"WINEPREFIX": str(folder), "WINEDEBUG": "-all", "WINEDLLOVERRIDES": "mscoree,mshtml="}
        made = (folder / "system.reg").exists()
        folder.parent.mkdir(parents=True, exist_ok=True)
        return Emulator(name="wine", words=words, environment=environment, prepare=() if made else (*words, "wineboot"))
    libraries = row.get("libraries", "")
    environment = {"QEMU_LD_PREFIX": libraries} if libraries and os.path.isdir(libraries) else {}  # noqa: PTH112
    return Emulator(name=row["name"], words=words, environment=environment)


def _runs_natively(triple: str, host: str) -> bool:
    """Whether it is this machine's own architecture and system, with whatever C library."""
    arch, _, system = triple.partition("-")
    own_arch, _, own_system = host.partition("-")
    linux = all(one.startswith("unknown-linux-") for one in (system, own_system))
    return triple == host or (linux and own_arch in (arch, _RUNS_TOO.get(triple)))


def _first_line(text: str) -> str:
    return next((line.strip() for line in text.splitlines() if line.strip()), "")


def _ended(finished: Finished) -> str:
    code, _, said = finished.ended.partition(": ")
    return f"{code}: {_first_line(said)}" if said else code


def _listed(value: object) -> list[object]:
    return list(value) if isinstance(value, list | tuple) else [value]


@cache
def _facts() -> list[dict[str, Any]]:
    text = resources.files(__package__).joinpath("emulators.toml").read_text("utf-8")
    rows: list[dict[str, Any]] = tomllib.loads(text)["emulator"]
    return rows
