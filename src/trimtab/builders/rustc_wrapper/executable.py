"""The small program that stands between Cargo and rustc, compiled by the user's own rustc and kept."""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from importlib.resources import files
from pathlib import Path

from trimtab.cargo.environment import plain
from trimtab.cargo.toolchain import complaint
from trimtab.errors import MissingError
from trimtab.system.process import Command, Runner

NAME = "trimtab-rustc"
"""It knows by its name that it is no linker."""


def wrapper(runner: Runner, cache: Path, toolchain: str, root: Path, environment: dict[str, str]) -> Path:
    """The wrapper; it is compiled if need be, which takes a second.

    Args:
        runner: runs rustc.
        cache: where it is kept.
        toolchain: what stands for the compiler.
        root: the folder whose compiler is meant.
        environment: the user's.

    Raises:
        MissingError: this system has no such wrapper, or it cannot be compiled.
    """
    if not sys.platform.startswith("linux"):
        raise MissingError("builds can be traced on Linux only", hint="leave it out, or run it on Linux")
    source = files("trimtab.builders.rustc_wrapper").joinpath("wrapper.rs").read_bytes()
    digest = hashlib.blake2b(source + toolchain.encode(), digest_size=8).hexdigest()
    place = cache / "wrapper" / digest / NAME
    if place.exists():
        return place
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place.parent) as scratch:
        draft, code = Path(scratch) / NAME, Path(scratch) / "wrapper.rs"
        code.write_bytes(source)
        argv = (
            environment.get("RUSTC") or "rustc",
            "--edition",
            "2021",
            "-O",
            "-C",
            "panic=abort",
            "-C",
            "strip=symbols",
        )
        finished = runner.run(
            Command(argv=(*argv, "-o", str(draft), str(code)), cwd=root, environment=plain(environment))
        )
        if not finished.ok:
            raise MissingError(
                f"the compiler's wrapper cannot be compiled: {complaint(finished)}",
                hint="see that rustc can compile and link a small program here",
            )
        os.replace(draft, place)  # noqa: PTH105 - atomic, whoever else has compiled it meanwhile
    return place
