"""Which cargo and rustc a project uses."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

from trimtab.cargo.environment import plain
from trimtab.errors import MissingError
from trimtab.model.study import Toolchain
from trimtab.process import Command, Finished, Runner

HOW_TO_GET_CARGO = "install Rust: https://rustup.rs, or on Debian `sudo apt-get install cargo-web rustc-web`"


def find_toolchain(runner: Runner, root: Path, environment: dict[str, str]) -> Toolchain:
    """The toolchain in force in a folder (rustup overrides and ``rust-toolchain.toml`` hold).

    Raises:
        MissingError: there is no cargo or rustc, or it does not work.
    """
    cargo = ask(runner, ("cargo", "-V"), root, environment)
    said = ask(runner, (environment.get("RUSTC") or "rustc", "-vV"), root, environment)
    fields = dict(line.split(": ", 1) for line in said.splitlines() if ": " in line)
    return Toolchain(
        rustc=f"rustc {fields.get('release', '?')} ({fields.get('commit-hash', 'unknown')[:9]})",
        cargo=cargo,
        host=fields.get("host", "unknown"),
        llvm=fields.get("LLVM version", "unknown"),
        linker=_linker(runner, root, environment),
    )


def compiler_files(runner: Runner, root: Path, environment: dict[str, str]) -> tuple[tuple[str, int, int], ...]:
    """Path, bytes and date of the compiler's own libraries and of the standard library's: all that it is.

    Raises:
        MissingError: there is no rustc.
    """
    sysroot = Path(ask(runner, (environment.get("RUSTC") or "rustc", "--print", "sysroot"), root, environment))
    files = sorted((*sysroot.glob("lib/*.so"), *sysroot.glob("lib/rustlib/*/lib/*.r*")))
    return tuple((str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in files)


def _linker(runner: Runner, root: Path, environment: dict[str, str]) -> str:
    """What the C compiler that drives the linker calls itself; nothing where there is none."""
    try:
        finished = runner.run(Command(argv=("cc", "--version"), cwd=root, environment=plain(environment)))
    except MissingError:
        return ""
    return finished.stdout.partition("\n")[0].strip()


def ask(runner: Runner, argv: tuple[str, ...], root: Path, environment: dict[str, str]) -> str:
    """What a tool of the toolchain prints.

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
    """The line in which a tool of Rust names the trouble, with the innermost cause where Cargo gives causes."""
    lines = [line.strip() for line in finished.stderr.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("error")]
    said = (errors or lines or [f"exit code {finished.exit_code}"])[0].removeprefix("error: ")
    causes = [cause for before, cause in pairwise(lines) if before == "Caused by:"]
    return f"{said}: {causes[-1]}" if causes else said
