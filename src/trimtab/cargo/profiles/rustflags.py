"""Compiler flags on top of those in force, whichever way these are set.

Cargo takes flags from the first of ``CARGO_ENCODED_RUSTFLAGS``, ``RUSTFLAGS``, ``target.<triple or cfg>.rustflags`` and
``build.rustflags`` that is set and ignores the others. So Cargo is asked which flags those are: it compiles an empty
crate where the project's configuration holds, once as it is and once with an empty ``CARGO_ENCODED_RUSTFLAGS``; what
the first rustc call has more than the second, at its end, are the flags in force. With these and its own, a trial is
built through that variable, which comes first.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

from trimtab.cargo import messages
from trimtab.cargo.environment import building
from trimtab.cargo.project import Project
from trimtab.cargo.toolchain import complaint
from trimtab.errors import InputError
from trimtab.system.process import Command, Runner

VARIABLE = "CARGO_ENCODED_RUSTFLAGS"
_SEPARATOR = "\x1f"
_MANIFEST = '[package]\nname = "trimtab-flags"\nversion = "0.0.0"\nedition = "2021"\n\n[workspace]\n'


def flags_in_force(
    runner: Runner, project: Project, environment: Mapping[str, str], target: str = ""
) -> tuple[str, ...]:
    """The compiler flags that Cargo uses today for a target; for the project's own if none is named.

    Raises:
        InputError: an empty crate cannot be checked with them.
    """
    with tempfile.TemporaryDirectory(prefix="trimtab-") as scratch:
        crate = Path(scratch)
        (crate / "src").mkdir()
        (crate / "src" / "lib.rs").touch()
        (crate / "Cargo.toml").write_text(_MANIFEST, "utf-8")
        with_flags = _call(runner, project, crate, building(environment, crate / "as-it-is"), target)
        without = _call(runner, project, crate, {**building(environment, crate / "without"), VARIABLE: ""}, target)
    return with_flags[len(without) :]


def adding(flags: tuple[str, ...], in_force: tuple[str, ...]) -> dict[str, str]:
    """The environment that gives rustc the flags in force and these; nothing where there are none to add."""
    return {VARIABLE: _SEPARATOR.join((*in_force, *flags))} if flags else {}


def _call(runner: Runner, project: Project, crate: Path, environment: dict[str, str], target: str) -> tuple[str, ...]:
    """The arguments of the rustc call that checks the empty crate."""
    manifest = ("--manifest-path", str(crate / "Cargo.toml"))
    argv = ("cargo", "check", "--verbose", "--offline", *manifest, *(("--target", target) if target else ()))
    finished = runner.run(Command(argv=argv, cwd=project.folder, environment=environment))
    calls = messages.invocations(finished.stderr)
    if not finished.ok or not calls:
        raise InputError(f"the compiler flags in force do not work: {complaint(finished)}", where=str(project.folder))
    return calls[-1].arguments
