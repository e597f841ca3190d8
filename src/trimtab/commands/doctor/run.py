"""Checks of this machine: tools, memory, disk, load; with the cost of what is missing, and the remedy.

>>> import trimtab
>>> [check.name for check in trimtab.doctor() if check.remedy]  # doctest: +SKIP
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from trimtab.builders.profile_data import HINT as PROFDATA_HINT
from trimtab.builders.profile_data import TOOL as PROFDATA
from trimtab.builders.profile_data import find_profile_tools
from trimtab.cargo.environment import compiler_wrapper
from trimtab.cargo.toolchain import HOW_TO_GET_CARGO, ask, find_toolchain
from trimtab.commands.doctor.model import Check, Health
from trimtab.errors import InputError, MissingError
from trimtab.measure.size import find_strip_tool
from trimtab.store.kept import VARIABLE, kept_items, size_limit
from trimtab.system.llvm import find_programs
from trimtab.system.machine import usable_cores
from trimtab.system.memory import ControlGroup, open_watch
from trimtab.system.paths import Folders, default_folders
from trimtab.system.process import Runner, SystemRunner
from trimtab.units import format_bytes

_LEAST_DISK = 5 * 1024**3
"""Bytes that builds may need."""
_BUSY = 0.3
"""Load per core from which wall times suffer."""
_GOVERNOR = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")


def doctor(path: str | Path = ".", *, which: Callable[[str], str | None] = shutil.which) -> tuple[Check, ...]:
    """Check what this machine has and lacks for measuring a project.

    Args:
        path: a folder of the project; its ``rust-toolchain.toml`` decides which toolchain is checked.
        which: finds a program on PATH, as `shutil.which` does.

    Returns:
        All checks, most needed first.
    """
    return tuple(examine(SystemRunner(), Path(path), default_folders(), os.environ, which))


def examine(
    runner: Runner,
    root: Path,
    folders: Folders,
    environment: Mapping[str, str],
    which: Callable[[str], str | None] = shutil.which,
) -> Iterator[Check]:
    """All checks, most needed first.

    Args:
        runner: runs the tools.
        root: a folder of the project; its ``rust-toolchain.toml`` decides which toolchain is checked.
        folders: the cache folder, in which builds will happen, and the store.
        environment: environment variables of the user.
        which: finds a program on PATH.
    """
    yield from _toolchain(runner, root, dict(environment))
    yield _program(which("cc"), "cc", Health.MISSING, "Rust cannot link without it", "sudo apt-get install gcc")
    yield _program(which("valgrind"), "valgrind", Health.NOTE, "no instruction counts", "sudo apt-get install valgrind")
    yield _program(
        which("git"), "git", Health.NOTE, "ignored files count as sources, so that touching them repeats trials",
        "sudo apt-get install git",
    )  # fmt: skip
    yield _bolt(environment)
    yield _memory()
    if wrapper := compiler_wrapper(environment):
        yield Check(
            name="compiler wrapper",
            health=Health.NOTE,
            found=wrapper,
            cost="a cache would fake build times: trials turn it off",
        )
    yield _disk(folders.cache)
    yield _kept(folders, environment)
    yield _load()
    if _GOVERNOR.exists() and (governor := _GOVERNOR.read_text().strip()) not in ("performance", "schedutil"):
        yield Check(
            name="frequency scaling",
            health=Health.NOTE,
            found=governor,
            cost="runtimes vary with the clock",
            remedy="sudo cpupower frequency-set --governor performance",
        )


def _toolchain(runner: Runner, root: Path, environment: dict[str, str]) -> Iterator[Check]:
    try:
        toolchain = find_toolchain(runner, root, environment)
    except MissingError as error:
        yield Check(
            name="cargo and rustc",
            health=Health.MISSING,
            found=error.what,
            cost="nothing can be built",
            remedy=HOW_TO_GET_CARGO,
        )
        return
    yield Check(name="cargo", health=Health.OK, found=toolchain.cargo)
    yield Check(name="rustc", health=Health.OK, found=f"{toolchain.rustc}, {toolchain.host}, LLVM {toolchain.llvm}")
    sysroot = Path(ask(runner, ("rustc", "--print", "sysroot"), root, environment))
    strip = find_strip_tool(runner, sysroot, toolchain.host)
    if strip:
        yield Check(name="objcopy", health=Health.OK, found=strip.program)
    else:
        yield Check(
            name="objcopy",
            health=Health.NOTE,
            found="none that works",
            cost="no stripped sizes",
            remedy="rustup component add llvm-tools, or sudo apt-get install binutils",
        )
    yield _profdata(runner, sysroot, toolchain.host, environment)


def _profdata(runner: Runner, sysroot: Path, host: str, environment: Mapping[str, str]) -> Check:
    try:
        program = find_profile_tools(runner, sysroot, host, environment).programs[0]
    except MissingError as error:
        return Check(
            name=PROFDATA,
            health=Health.NOTE,
            found="not here",
            cost="no profile-guided optimization",
            remedy=error.hint,
        )
    if Path(program).is_relative_to(sysroot):
        return Check(name=PROFDATA, health=Health.OK, found=program)
    cost = "not rustc's own: whether it reads what rustc's programs count shows when they are trained"
    return Check(name=PROFDATA, health=Health.NOTE, found=program, cost=cost, remedy=PROFDATA_HINT)


def _bolt(environment: Mapping[str, str]) -> Check:
    if programs := find_programs("llvm-bolt", environment):
        return Check(name="llvm-bolt", health=Health.OK, found=programs[0])
    remedy = "sudo apt-get install bolt-19, or another version of LLVM's BOLT"
    return Check(
        name="llvm-bolt", health=Health.NOTE, found="not here", cost="linked programs stay as they are", remedy=remedy
    )


def _program(path: str | None, name: str, health: Health, cost: str, remedy: str) -> Check:
    if path:
        return Check(name=name, health=Health.OK, found=path)
    return Check(name=name, health=health, found="not on PATH", cost=cost, remedy=remedy)


def _memory() -> Check:
    watch = open_watch()
    watch.close()
    if isinstance(watch, ControlGroup):
        return Check(name="peak memory", health=Health.OK, found=watch.method)
    return Check(
        name="peak memory",
        health=Health.NOTE,
        found=watch.method,
        cost="peaks between two looks are missed; no control group of one's own could be made",
    )


def _disk(cache: Path) -> Check:
    existing = next(folder for folder in (cache, *cache.parents) if folder.exists())
    free = shutil.disk_usage(existing).free
    space = f"{format_bytes(free)} free at {existing}"
    if free >= _LEAST_DISK:
        return Check(name="disk", health=Health.OK, found=space)
    return Check(
        name="disk",
        health=Health.NOTE,
        found=space,
        cost="builds may fail for want of space",
        remedy="free some, or point XDG_CACHE_HOME at a larger disk",
    )


def _kept(folders: Folders, environment: Mapping[str, str]) -> Check:
    size = format_bytes(sum(item.size for item in kept_items(folders)))
    try:
        limit = size_limit(environment)
    except InputError as error:
        return Check(
            name="kept files", health=Health.NOTE, found=size, cost=f"{VARIABLE}: {error.what}", remedy=error.hint
        )
    if limit is None:
        return Check(name="kept files", health=Health.NOTE, found=f"{size}, no limit", cost="they grow without end")
    return Check(name="kept files", health=Health.OK, found=f"{size} of at most {format_bytes(limit)} ({VARIABLE})")


def _load() -> Check:
    per_core = os.getloadavg()[0] / usable_cores()
    load = f"load {os.getloadavg()[0]:.1f} on {usable_cores()} cores"
    if per_core <= _BUSY:
        return Check(name="other programs", health=Health.OK, found=load)
    return Check(
        name="other programs",
        health=Health.NOTE,
        found=load,
        cost="wall times suffer; CPU times and sizes do not",
        remedy="wait until the machine is idle",
    )
