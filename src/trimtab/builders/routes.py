"""Build routes: toolchains that have a target's standard library, and linkers for it."""

from __future__ import annotations

import os
import shutil
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from trimtab.cargo.profiles.arguments import toml_value
from trimtab.cargo.toolchain import ask, find_toolchain, runs_on
from trimtab.errors import MissingError
from trimtab.model.machine import Toolchain
from trimtab.system.process import Runner

CROSS = "cross"
"""Builds in containers, which see the project's tree itself."""
_CHOOSING = ("RUSTC", "CARGO", "RUSTDOC", "RUSTUP_TOOLCHAIN")
"""Variables that would have another toolchain do the work."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TargetToolchain:
    """A toolchain that is here."""

    toolchain: Toolchain
    environment: Mapping[str, str]
    """In which its ``cargo`` and ``rustc`` come first."""
    sysroot: Path
    known: frozenset[str]
    """The triples that its rustc knows."""
    libraries: frozenset[str]
    """Those whose standard library is installed."""

    def which(self, program: str) -> str | None:
        """A program that it would find, its own tools included."""
        own = self.sysroot / "lib" / "rustlib" / self.toolchain.host / "bin"
        return shutil.which(program, path=os.pathsep.join((str(own), self.environment.get("PATH", os.defpath))))


@dataclass(frozen=True, kw_only=True, slots=True)
class BuildRoute:
    """Program, toolchain and linker that build a target."""

    name: str
    """``cargo``, ``cargo zigbuild`` or ``cross``."""
    program: tuple[str, ...]
    """Program and command that build."""
    compiler: TargetToolchain
    more: tuple[str, ...] = ()
    """Further arguments."""

    def __str__(self) -> str:
        return f"{self.name}, {self.compiler.toolchain.rustc}" if self.name != CROSS else self.name


@dataclass(frozen=True, kw_only=True, slots=True)
class Unavailable:
    """Why a target cannot be built here, and what makes it possible."""

    reason: str
    how: tuple[str, ...]


def find_compiler(
    runner: Runner, root: Path, environment: Mapping[str, str], folder: Path | None = None
) -> TargetToolchain:
    """The toolchain in force in a folder, or another one.

    Args:
        runner: runs it.
        root: the project's root.
        environment: the user's.
        folder: has a ``cargo`` and a ``rustc`` that are to be used instead.

    Raises:
        MissingError: there is none, or it does not work.
    """
    chosen = dict(environment)
    if folder:
        for program in ("cargo", "rustc"):
            if not (folder / program).exists():
                raise MissingError(
                    f"there is no {program}", hint="name a folder with cargo and rustc", where=str(folder)
                )
        chosen = {name: value for name, value in chosen.items() if name not in _CHOOSING}
        chosen["PATH"] = os.pathsep.join((str(folder.resolve()), chosen.get("PATH", os.defpath)))
    toolchain = find_toolchain(runner, root, chosen)
    sysroot = Path(ask(runner, ("rustc", "--print", "sysroot"), root, chosen))
    installed = (path.parent.parent.name for path in (sysroot / "lib" / "rustlib").glob("*/lib/libcore-*.rlib"))
    return TargetToolchain(
        toolchain=toolchain,
        environment=chosen,
        sysroot=sysroot,
        known=frozenset(ask(runner, ("rustc", "--print", "target-list"), root, chosen).split()),
        libraries=frozenset(installed),
    )


def choose_way(
    triple: str, compilers: Sequence[TargetToolchain], linkers: Mapping[str, str]
) -> BuildRoute | Unavailable:
    """The first way that is open: Cargo with each toolchain, then cargo-zigbuild, then cross.

    Args:
        triple: of the target.
        compilers: the toolchains, the user's own first.
        linkers: triple → the linker that Cargo is configured to use for it.
    """
    for compiler in compilers:
        if triple not in compiler.libraries:
            continue
        more = _linking(triple, compiler, linkers)
        if more is not None:
            return BuildRoute(name="cargo", program=("cargo", "build"), compiler=compiler, more=more)
        if _fits(triple, _facts()["zigbuild"]["targets"]) and compiler.which("cargo-zigbuild"):
            return BuildRoute(name="cargo zigbuild", program=("cargo", "zigbuild"), compiler=compiler)
    first = compilers[0]
    if _fits(triple, _facts()["cross"]["targets"]) and first.which("cross") and _containers(first):
        return BuildRoute(name=CROSS, program=("cross", "build"), compiler=first)
    return _no_way(triple, compilers, linkers)


def linkers_in_force(
    configuration: Mapping[str, Any], environment: Mapping[str, str], triples: Sequence[str]
) -> dict[str, str]:
    """Triple → linker, where Cargo's configuration or a variable names one."""
    in_force = {}
    for triple in triples:
        if linker := setting(configuration, environment, triple, "linker"):
            in_force[triple] = str(linker)
    return in_force


def setting(configuration: Mapping[str, Any], environment: Mapping[str, str], triple: str, name: str) -> Any:
    """A setting of ``[target.TRIPLE]``, of a variable or else of Cargo's merged configuration; ``None`` without one."""
    key = f"{triple}_{name}".upper().replace("-", "_").replace(".", "_")
    if value := environment.get(f"CARGO_TARGET_{key}"):
        return value
    table = configuration.get("target", {})
    own = table.get(triple, {}) if isinstance(table, Mapping) else {}
    return own.get(name) if isinstance(own, Mapping) else None


def _linking(triple: str, compiler: TargetToolchain, linkers: Mapping[str, str]) -> tuple[str, ...] | None:
    """Arguments that make Cargo link with what is here; ``None`` where nothing is."""
    if linker := linkers.get(triple):
        return () if compiler.which(linker) else None
    row = _row(triple, compiler)
    if row is None:
        return () if compiler.which("cc") else None
    program = next((program for program in row["programs"] if compiler.which(program)), None)
    if not program:
        return None
    return () if program == row.get("own") else ("--config", f"target.{triple}.linker={toml_value(program)}")


def _row(triple: str, compiler: TargetToolchain) -> dict[str, Any] | None:
    """Row of ``linkers.toml`` for a target; ``None`` where the machine's own C compiler links it."""
    host = compiler.toolchain.host
    if runs_on(triple, host):
        return None
    for row in _facts()["linker"]:
        if _fits(triple, row["targets"]):
            typed: dict[str, Any] = row
            return typed
    return {"programs": []}


def _no_way(triple: str, compilers: Sequence[TargetToolchain], linkers: Mapping[str, str]) -> Unavailable:
    """All that is missing, and what can be done: each of the ways is enough by itself."""
    facts, reasons, steps = _facts(), [], []
    if not any(triple in compiler.known for compiler in compilers):
        return _unknown(triple)
    if not any(triple in compiler.libraries for compiler in compilers):
        packages = [name for pattern, name in facts["debian"].items() if fnmatchcase(triple, pattern)]
        debian = f" (for Debian's rustc: sudo apt-get install {packages[0]})" if packages else ""
        reasons.append("its standard library is not installed")
        steps.append(f"rustup target add {triple}{debian}")
    how = []
    if all(_linking(triple, compiler, linkers) is None for compiler in compilers):
        reason, linking = _no_linker(triple, linkers)
        reasons.append(reason)
        how = [" and ".join((*steps, way)) for way in linking]
        how += [row["elsewhere"]] if (row := _row(triple, compilers[0])) and "elsewhere" in row else []
    ways = how or [" and ".join(steps)]
    cross = (facts["cross"]["get"],) if _fits(triple, facts["cross"]["targets"]) else ()
    return Unavailable(reason="; ".join(reasons), how=(*ways, *cross))


def _unknown(triple: str) -> Unavailable:
    renamed = _facts()["renamed"]
    both = {**renamed, **{new: old for old, new in renamed.items()}}
    if other := both.get(triple):
        return Unavailable(reason=f"this rustc calls it {other}", how=(f"--target {other}",))
    return Unavailable(
        reason="no rustc here knows it",
        how=("use a newer toolchain, or name it as `rustc --print target-list` does",),
    )


def _no_linker(triple: str, linkers: Mapping[str, str]) -> tuple[str, list[str]]:
    """Why nothing links for a target, and what would."""
    facts = _facts()
    if linker := linkers.get(triple):
        return f"its linker {linker}, which Cargo is configured to use, is not here", [f"install {linker}"]
    zig = [facts["zigbuild"]["get"]] if _fits(triple, facts["zigbuild"]["targets"]) else []
    row = next((row for row in facts["linker"] if _fits(triple, row["targets"])), None)
    if row is None:
        return "trimtab knows no linker for it", [f"set target.{triple}.linker for Cargo", *zig]
    why = row.get("why") or f"there is no {row['programs'][-1]} to link it"
    return why, [*([row["get"]] if "get" in row else []), *zig]


def _containers(compiler: TargetToolchain) -> bool:
    return bool(compiler.which("docker") or compiler.which("podman"))


def _fits(triple: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(triple, pattern) for pattern in patterns)


@cache
def _facts() -> dict[str, Any]:
    return tomllib.loads(resources.files(__package__).joinpath("linkers.toml").read_text("utf-8"))
