"""Compiler flags on top of those in force, whichever way these are set.

Cargo takes flags from the first of ``CARGO_ENCODED_RUSTFLAGS``, ``RUSTFLAGS``, ``target.<triple or cfg>.rustflags`` and
``build.rustflags`` that is set and ignores the others. So Cargo is asked which flags those are: it compiles an empty
crate where the project's configuration holds, once as it is and once with an empty ``CARGO_ENCODED_RUSTFLAGS``; what
the first rustc call has more than the second, at its end, are the flags in force. With these and its own, a trial is
built through that variable, which comes first.
"""

from __future__ import annotations

import shlex
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trimtab.cargo import messages
from trimtab.cargo.environment import building
from trimtab.cargo.profiles.arguments import toml_value
from trimtab.cargo.project import Project
from trimtab.cargo.toolchain import complaint
from trimtab.errors import InputError
from trimtab.system.process import Command, Runner
from trimtab.system.toml import parse_toml

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


@dataclass(frozen=True, kw_only=True, slots=True)
class RustflagsPlace:
    """The place where Cargo finds the flags that are in force, in which more of them have an effect."""

    key: str
    """A variable, or a table of Cargo's configuration."""
    file: str
    """Configuration file; empty for a variable."""
    present: tuple[str, ...] = ()
    """Flags that stand in this very place, which new ones must not replace; Cargo joins those of several files."""

    def advice(self, flags: tuple[str, ...]) -> str:
        """The line to write for more flags."""
        every = (*self.present, *flags)
        if self.file:
            return f"put rustflags = [{', '.join(map(toml_value, every))}] in [{self.key}] of {self.file}"
        separator = _SEPARATOR if self.key == VARIABLE else " "
        return f"set {self.key}={shlex.quote(separator.join(every))} where it is built: that comes before all files"


def rustflags_place(
    project: Project, environment: Mapping[str, str], configuration: Mapping[str, Any], target: str
) -> RustflagsPlace:
    """The first of the sources of flags that is set; ``build.rustflags`` if none is.

    Args:
        project: the workspace.
        environment: the user's.
        configuration: Cargo's merged configuration files.
        target: triple that is built for.
    """
    for variable in (VARIABLE, "RUSTFLAGS"):
        if variable in environment:
            separator = _SEPARATOR if variable == VARIABLE else None
            return RustflagsPlace(key=variable, file="", present=tuple(environment[variable].split(separator)))
    file = next(
        (name for name in (".cargo/config", ".cargo/config.toml") if (project.root / name).is_file()),
        ".cargo/config.toml",
    )
    tables = configuration.get("target", {})
    for_targets = any("rustflags" in table for table in tables.values() if isinstance(table, Mapping))
    path = ("target", target) if for_targets else ("build",)
    return RustflagsPlace(key=".".join(path), file=file, present=_flags(project.root / file, path))


def _flags(file: Path, path: tuple[str, ...]) -> tuple[str, ...]:
    """The flags in a table of a configuration file, where they are a list or one string."""
    try:
        table: Any = parse_toml(file.read_text("utf-8"))
    except (OSError, ValueError):
        return ()
    for key in path:
        table = table.get(key, {})
    flags = table.get("rustflags", ())
    return tuple(flags.split()) if isinstance(flags, str) else tuple(map(str, flags))


def _call(runner: Runner, project: Project, crate: Path, environment: dict[str, str], target: str) -> tuple[str, ...]:
    """The arguments of the rustc call that checks the empty crate."""
    manifest = ("--manifest-path", str(crate / "Cargo.toml"))
    argv = ("cargo", "check", "--verbose", "--offline", *manifest, *(("--target", target) if target else ()))
    finished = runner.run(Command(argv=argv, cwd=project.folder, environment=environment))
    calls = messages.invocations(finished.stderr)
    if not finished.ok or not calls:
        raise InputError(f"the compiler flags in force do not work: {complaint(finished)}", where=str(project.folder))
    return calls[-1].arguments
