"""A profile as the arguments and environment that make Cargo use it, without touching any file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from trimtab.cargo.project import Binary
from trimtab.model.plan import Selection
from trimtab.model.profile import AXES, CargoValue, Profile

_SEPARATOR = "\x1f"


def selection_arguments(selection: Selection, binaries: tuple[Binary, ...]) -> tuple[str, ...]:
    """The arguments that choose profile, packages, binaries and features."""
    arguments = ["--profile", selection.profile]
    for package in dict.fromkeys(binary.package for binary in binaries):
        arguments += ["--package", package]
    for binary in binaries:
        arguments += ["--bin", binary.name]
    if selection.features:
        arguments += ["--features", ",".join(selection.features)]
    if not selection.default_features:
        arguments.append("--no-default-features")
    return tuple(arguments)


def profile_arguments(profile: Profile, today: Profile, name: str) -> tuple[str, ...]:
    """``--config`` arguments for what differs from today's profile, and nothing for the baseline.

    Settings that stay as they are stay unsaid, so that the baseline is built exactly as it ships. ``strip`` is the
    exception: Cargo's default for it depends on ``debug``, so it is said as soon as ``debug`` changes.
    """
    changed = {axis.name for axis in profile.differing(today)}
    if "debug" in changed:
        changed.add("strip")
    arguments: list[str] = []
    for axis in AXES:
        if axis.name in changed and axis.name != "rustflags":
            arguments += ["--config", f"profile.{name}.{axis.name}={toml_value(axis.cargo(axis.get(profile)))}"]
    return tuple(arguments)


def rustflags_settings(
    flags: tuple[str, ...], environment: Mapping[str, str], configuration: Mapping[str, Any], host: str
) -> tuple[tuple[str, ...], dict[str, str]]:
    """Arguments and environment that add compiler flags to those in force, whichever way they are set.

    Cargo takes flags from the first of ``CARGO_ENCODED_RUSTFLAGS``, ``RUSTFLAGS``, ``target.<triple>.rustflags`` and
    ``build.rustflags`` and ignores the others, so more flags must be added at the same place. Lists given with
    ``--config`` are joined to those in files.
    """
    if not flags:
        return (), {}
    if (encoded := environment.get("CARGO_ENCODED_RUSTFLAGS")) is not None:  # an empty one counts, too
        return (), {"CARGO_ENCODED_RUSTFLAGS": _SEPARATOR.join(filter(None, (encoded, *flags)))}
    if "RUSTFLAGS" in environment:
        encoded = _SEPARATOR.join((*environment["RUSTFLAGS"].split(), *flags))
        return (), {"CARGO_ENCODED_RUSTFLAGS": encoded}
    variable = f"CARGO_TARGET_{host.upper().replace('-', '_')}_RUSTFLAGS"
    by_target = variable in environment or any(
        "rustflags" in table
        for name, table in configuration.get("target", {}).items()
        if isinstance(table, dict) and (name == host or name.startswith("cfg("))
    )
    key = f"target.{host}.rustflags" if by_target else "build.rustflags"
    return ("--config", f"{key}={json.dumps(list(flags))}"), {}


def toml_value(value: CargoValue) -> str:
    """A setting as it is written in TOML; JSON's spelling is the same for these types."""
    return json.dumps(value)
