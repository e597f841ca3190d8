"""The executable of the rustc wrapper, compiled by the user's own rustc and cached."""

from __future__ import annotations

import hashlib
import sys
import tempfile
from importlib.resources import files
from pathlib import Path

from trimtab.cargo.environment import plain
from trimtab.cargo.toolchain import complaint
from trimtab.errors import MissingError
from trimtab.system.process import Command, Runner
from trimtab.system.usage import mark_used

NAME = "trimtab-rustc"
"""File name of the wrapper; under any other name it acts as a linker."""


def wrapper(runner: Runner, cache: Path, toolchain: str, root: Path, environment: dict[str, str]) -> Path:
    """Path of the wrapper, which is compiled where it is not cached; that takes a second.

    Args:
        runner: runs rustc.
        cache: the folder of trimtab's cache.
        toolchain: identifies the compiler.
        root: the folder in which rustc is called, so that rustup selects its toolchain.
        environment: the user's.

    Raises:
        MissingError: this system has no such wrapper, or it cannot be compiled.
    """
    if not sys.platform.startswith("linux"):
        raise MissingError("builds can be traced on Linux only", hint="run trimtab on Linux")
    source = files("trimtab.builders.rustc_wrapper").joinpath("wrapper.rs").read_bytes()
    digest = hashlib.blake2b(source + toolchain.encode(), digest_size=8).hexdigest()
    path = cache / "wrapper" / digest / NAME
    if mark_used(path.parent) and path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as scratch:
        draft, code = Path(scratch) / NAME, Path(scratch) / "wrapper.rs"
        code.write_bytes(source)
        options = ("--edition", "2021", "-O", "-C", "panic=abort", "-C", "strip=symbols")
        argv = (environment.get("RUSTC") or "rustc", *options, "-o", str(draft), str(code))
        finished = runner.run(Command(argv=argv, cwd=root, environment=plain(environment)))
        if not finished.ok:
            raise MissingError(
                f"trimtab's rustc wrapper cannot be compiled: {complaint(finished)}",
                hint="see that rustc can compile and link a small program here",
            )
        draft.replace(path)  # atomic: another process may have compiled it too
    mark_used(path.parent)
    return path
