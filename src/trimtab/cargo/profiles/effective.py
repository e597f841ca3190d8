"""Today's profile: what Cargo would really use, asked of Cargo itself.

The unit graph (``cargo build --unit-graph``, an unstable option that a stable Cargo answers under
``RUSTC_BOOTSTRAP=1``) shows each unit's profile after inheritance, per-package overrides, ``.cargo/config.toml`` and
environment variables have been applied.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from trimtab.cargo.environment import asking
from trimtab.cargo.profiles.arguments import selection_arguments
from trimtab.cargo.project import Binary, Project
from trimtab.cargo.toolchain import complaint
from trimtab.errors import InputError
from trimtab.model.plan import Selection
from trimtab.model.profile import Debug, Lto, OptLevel, Panic, Profile, Strip
from trimtab.system.process import Command, Runner

_LTO = {
    "false": Lto.LOCAL,
    "true": Lto.FAT,
    "fat": Lto.FAT,
    "thin": Lto.THIN,
    "off": Lto.OFF,
    "n": Lto.OFF,
    "no": Lto.OFF,
}
_DEBUG = {"0": Debug.NONE, "none": Debug.NONE, "1": Debug.LIMITED, "2": Debug.FULL}
_DEFAULT_UNITS, _DEFAULT_INCREMENTAL_UNITS = 16, 256


@dataclass(frozen=True, kw_only=True, slots=True)
class EffectiveProfile:
    """Today's settings."""

    profile: Profile
    overrides: tuple[str, ...]
    """Packages with settings of their own."""
    units: int
    """Compilation units of a clean build, build scripts included."""
    rustc_calls: int
    """Compilation units of a clean build, runs of build scripts left out."""
    configuration: Mapping[str, Any]
    """The parts of Cargo's merged configuration files that change a build."""
    notes: tuple[str, ...]


def effective_profile(
    runner: Runner,
    project: Project,
    binaries: tuple[Binary, ...],
    selection: Selection,
    environment: dict[str, str],
) -> EffectiveProfile:
    """Ask Cargo for the profile of the chosen binaries.

    Raises:
        InputError: no such profile, or Cargo refuses for another reason.
    """
    graph = unit_graph(runner, project, binaries, selection, environment)
    configuration = _configuration(runner, project, environment)
    units = graph["units"]
    profiles = profiles_of(graph, binaries)
    notes = []
    if len(set(profiles)) > 1:
        notes.append("the chosen binaries have different profiles today; changes are told against the first")
    if wrapper := configuration.get("build", {}).get("rustc-wrapper"):
        notes.append(f"{wrapper} was turned off, so that no build is faked by a cache")
    return EffectiveProfile(
        profile=profiles[0],
        overrides=_overrides(project, selection.profile),
        units=len(units),
        rustc_calls=sum(unit["mode"] != "run-custom-build" for unit in units),
        configuration=configuration,
        notes=tuple(notes),
    )


def profiles_of(graph: Mapping[str, Any], binaries: tuple[Binary, ...]) -> list[Profile]:
    """The profiles of some binaries in a unit graph."""
    wanted = {(binary.name, binary.is_library) for binary in binaries}
    roots = [graph["units"][index] for index in graph["roots"]]
    mains = [root for root in roots if (root["target"]["name"], "bin" not in root["target"]["kind"]) in wanted]
    return [profile_of_unit(main["profile"]) for main in mains]


def unit_graph(
    runner: Runner,
    project: Project,
    binaries: tuple[Binary, ...],
    selection: Selection,
    environment: dict[str, str],
) -> dict[str, Any]:
    """Cargo's plan of compilation units for the chosen binaries.

    Raises:
        InputError: Cargo refuses.
    """
    argv = ("cargo", "build", "-Z", "unstable-options", "--unit-graph", *selection_arguments(selection, binaries))
    finished = runner.run(Command(argv=(*argv, "--frozen"), cwd=project.root, environment=asking(environment)))
    if not finished.ok:
        raise InputError(f"Cargo cannot plan this build: {complaint(finished)}", where=str(project.manifest))
    graph: dict[str, Any] = json.loads(finished.stdout)
    return graph


def profile_of_unit(unit: Mapping[str, Any]) -> Profile:
    """The ``profile`` of a unit in the unit graph (format version 1) as a value."""
    units = unit["codegen_units"]
    if units is None:
        units = _DEFAULT_INCREMENTAL_UNITS if unit["incremental"] else _DEFAULT_UNITS
    debug = str(unit["debuginfo"] or 0)
    return Profile(
        lto=_LTO[str(unit["lto"]).lower()],
        codegen_units=units,
        opt_level=OptLevel(str(unit["opt_level"])),
        panic=Panic(unit["panic"]) if unit["panic"] in ("unwind", "abort") else Panic.ABORT,
        strip=_strip(unit["strip"]),
        debug=_DEBUG.get(debug) or Debug(debug),
    )


def _strip(value: Any) -> Strip:
    """``{"resolved": {"Named": "debuginfo"}}``, ``{"resolved": "None"}`` or a plain name, by Cargo's age."""
    while isinstance(value, dict):
        value = next(iter(value.values()))
    text = str(value).lower()
    return Strip(text) if text in {member.value for member in Strip} else Strip.NONE


def _configuration(runner: Runner, project: Project, environment: dict[str, str]) -> dict[str, Any]:
    argv = ("cargo", "-Z", "unstable-options", "config", "get", "--format", "json")
    finished = runner.run(Command(argv=argv, cwd=project.root, environment=asking(environment)))
    document = json.loads(finished.stdout) if finished.ok else {}
    return {name: document[name] for name in ("build", "target", "profile", "env", "unstable") if name in document}


def _overrides(project: Project, profile: str) -> tuple[str, ...]:
    settings = tomllib.loads(project.manifest.read_text("utf-8")).get("profile", {}).get(profile, {})
    return tuple(settings.get("package", {}))
