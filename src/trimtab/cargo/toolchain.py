"""The cargo and rustc that a project uses."""

from __future__ import annotations

import itertools
import shutil
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from trimtab.cargo.environment import plain
from trimtab.errors import MissingError
from trimtab.model.machine import Toolchain
from trimtab.system.process import Command, Finished, Runner

_LINKERS = ("cc", "gcc", "clang", "ld", "ld.bfd", "ld.gold", "ld.lld", "ld.mold", "lld", "mold", "rust-lld")
_NEW_MESSAGE = ("error", "warning", "note:", "help:", "Either ", "Caused by:")
_MOST_MEMBERS = 5
HOW_TO_GET_CARGO = "install Rust: https://rustup.rs, or on Debian `sudo apt-get install cargo-web rustc-web`"


def find_toolchain(runner: Runner, root: Path, environment: dict[str, str]) -> Toolchain:
    """The toolchain in force in a folder (rustup overrides and ``rust-toolchain.toml`` hold).

    Raises:
        MissingError: there is no cargo or rustc, or it does not work.
    """
    cargo = ask(runner, ("cargo", "-V"), root, environment)
    version = ask(runner, (environment.get("RUSTC") or "rustc", "-vV"), root, environment)
    fields = dict(line.split(": ", 1) for line in version.splitlines() if ": " in line)
    return Toolchain(
        rustc=f"rustc {fields.get('release', '?')} ({fields.get('commit-hash', 'unknown')[:9]})",
        cargo=cargo,
        host=fields.get("host", "unknown"),
        llvm=fields.get("LLVM version", "unknown"),
        linker=_linker(runner, root, environment),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class InstalledCompiler:
    """A compiler as it lies on disk, with the linkers that it may call."""

    names: tuple[str, ...]
    """Names and paths by which Cargo may call it."""
    files: tuple[tuple[str, int, int], ...]
    """Path, bytes and date of its own libraries, of the standard library's, and of linkers."""


def find_compiler(runner: Runner, root: Path, environment: dict[str, str]) -> InstalledCompiler:
    """The compiler in force in a folder, unless Cargo's configuration names another.

    Raises:
        MissingError: there is no rustc.
    """
    name = environment.get("RUSTC") or "rustc"
    sysroot = Path(ask(runner, (name, "--print", "sysroot"), root, environment))
    libraries = (*sysroot.glob("lib/*.so*"), *sysroot.glob("lib/*/libLLVM*.so*"), *sysroot.glob("lib/*/librustc*.so*"))
    paths = (shutil.which(linker, path=environment.get("PATH")) for linker in _LINKERS)
    files = {*libraries, *sysroot.glob("lib/rustlib/*/lib/*.r*"), *(Path(path) for path in paths if path)}
    real = sorted({path.resolve() for path in files})
    path = shutil.which(name, path=environment.get("PATH")) or name
    return InstalledCompiler(
        names=tuple(dict.fromkeys((name, path, str(sysroot / "bin" / "rustc")))),
        files=tuple((str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in real if path.is_file()),
    )


def _linker(runner: Runner, root: Path, environment: dict[str, str]) -> str:
    """Version line of the C compiler that drives the linker; empty where there is none."""
    try:
        finished = runner.run(Command(argv=("cc", "--version"), cwd=root, environment=plain(environment)))
    except MissingError:
        return ""
    return finished.stdout.partition("\n")[0].strip()


def ask(runner: Runner, argv: tuple[str, ...], root: Path, environment: dict[str, str]) -> str:
    """Standard output of a tool of the toolchain, stripped.

    Raises:
        MissingError: it is missing or does not work.
    """
    try:
        finished = runner.run(Command(argv=argv, cwd=root, environment=plain(environment)))
    except MissingError:
        raise MissingError(f"there is no {argv[0]} on PATH", hint=HOW_TO_GET_CARGO) from None
    if not finished.ok:
        raise MissingError(f"{argv[0]} does not work: {complaint(finished)}", hint=HOW_TO_GET_CARGO)
    return finished.stdout.strip()


def complaint(finished: Finished) -> str:
    """Error line of a Rust tool, with the innermost cause where Cargo gives causes."""
    lines = [line.strip() for line in finished.stderr.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("error")]
    message = (errors or lines or [f"exit code {finished.exit_code}"])[0]
    if message.endswith(":"):  # a list follows
        members = itertools.takewhile(lambda line: not line.startswith(_NEW_MESSAGE), lines[lines.index(message) + 1 :])
        message = f"{message} {', '.join(itertools.islice(members, _MOST_MEMBERS))}"
    message = message.removeprefix("error: ")
    causes = [cause for before, cause in pairwise(lines) if before == "Caused by:"]
    return f"{message}: {causes[-1]}" if causes else message


def runs_on(target: str, host: str) -> bool:
    """Whether a machine runs programs of a target by itself: its own architecture and system, whichever C library."""
    return target == host or _machine(target) == _machine(host)


def _machine(triple: str) -> tuple[str, str]:
    """Architecture and system: musl and glibc are of one kind."""
    arch, _, rest = triple.partition("-")
    return arch, "linux" if rest.startswith("unknown-linux-") else rest
