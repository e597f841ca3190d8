"""A profile as the arguments and environment that make Cargo use it, without touching any file."""

from __future__ import annotations

import json

from trimtab.cargo.project import Binary
from trimtab.model.plan import Selection
from trimtab.model.profile import AXES, CargoValue, Profile


def selection_arguments(selection: Selection, binaries: tuple[Binary, ...]) -> tuple[str, ...]:
    """The arguments that choose profile, packages, binaries, features and target.

    Packages that Cargo builds by itself are not named: with them, dependencies get the features that all of them want.
    So libraries of all of them are built where one is chosen, as they are in ``cargo build``.
    """
    arguments = ["--profile", selection.profile]
    specs = {binary.package: binary.package_spec for binary in binaries if binary.package_spec}
    for package in dict.fromkeys((*selection.packages, *specs)):
        arguments += ["--package", specs.get(package, package)]
    named = ("--lib" if binary.is_library else f"--bin {binary.name}" for binary in binaries)
    for argument in dict.fromkeys(named) if all(binary.has_name for binary in binaries) else ("--bins",):
        arguments += argument.split(" ", 1)
    if selection.target:
        arguments += ["--target", selection.target]
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
        if axis.name in changed and axis.in_cargo:
            arguments += ["--config", f"profile.{name}.{axis.name}={toml_value(axis.cargo(axis.get(profile)))}"]
    return tuple(arguments)


def profile_environment(profile: Profile, today: Profile, name: str) -> dict[str, str]:
    """The same as environment variables, for a Cargo that somebody else calls (The Cargo Book, "Configuration")."""
    prefix = f"CARGO_PROFILE_{name.upper().replace('-', '_')}_"
    assignments = profile_arguments(profile, today, name)[1::2]
    return {
        f"{prefix}{setting.rpartition('.')[2].upper().replace('-', '_')}": str(json.loads(value)).lower()
        for setting, _, value in (assignment.partition("=") for assignment in assignments)
    }


def toml_value(value: CargoValue) -> str:
    """A setting as it is written in TOML; JSON's spelling is the same for these types."""
    return json.dumps(value)
