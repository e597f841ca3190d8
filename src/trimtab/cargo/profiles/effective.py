"""Today's profile: what Cargo would really use, asked of Cargo itself.

The unit graph (``cargo build --unit-graph``, an unstable option that a stable Cargo answers under
``RUSTC_BOOTSTRAP=1``) shows each unit's profile after inheritance, per-package overrides, ``.cargo/config.toml`` and
environment variables have been applied; and for which targets what is built, with which features.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from trimtab.cargo.environment import asking
from trimtab.cargo.profiles.arguments import selection_arguments, toml_value
from trimtab.cargo.project import Binary, Project, packages_meant
from trimtab.cargo.toolchain import complaint
from trimtab.errors import InputError
from trimtab.model.plan import Selection
from trimtab.model.profile import CargoValue, Debug, Lto, OptLevel, Panic, Profile, Strip, axis_kind, parse_axis_value
from trimtab.system.process import Command, Runner
from trimtab.system.toml import parse_toml

_DEFAULT_UNITS, _DEFAULT_INCREMENTAL_UNITS = 16, 256
_MEANT_FOR_BUILDS = ("build", "target", "profile", "env", "unstable")

ProfileTables = dict[str, dict[str, Any]]
"""The ``[profile]`` table: profile → Cargo key → value."""


@dataclass(frozen=True, kw_only=True, slots=True)
class EffectiveProfile:
    """Today's settings."""

    profile: Profile
    targets: tuple[str, ...]
    """Triples that Cargo is told to build for, by an option or by its configuration; none for this machine's own."""
    overrides: tuple[str, ...]
    """Packages with settings of their own."""
    units: int
    """Compilation units of a clean build, build scripts included."""
    rustc_calls: int
    """Compilation units of a clean build, runs of build scripts left out."""
    configuration: Mapping[str, Any]
    """The parts of Cargo's merged configuration files that change a build."""
    notes: tuple[str, ...]

    @property
    def target(self) -> str:
        """The first target; empty for this machine's own."""
        return next(iter(self.targets), "")


def buildable(runner: Runner, project: Project, selection: Selection, environment: dict[str, str]) -> Project:
    """The project without the binaries that Cargo leaves out for want of ``required-features``.

    Raises:
        InputError: Cargo refuses to plan the build.
    """
    meant = packages_meant(project, selection)
    if not any(binary.required_features and binary.package in meant for binary in project.binaries):
        return project
    graph = unit_graph(runner, project, (), selection, environment)
    built = {(root["pkg_id"], root["target"]["name"]) for root in _roots(graph) if "bin" in root["target"]["kind"]}
    lacking = tuple(
        binary
        for binary in project.binaries
        if binary.required_features
        and binary.package in meant
        and (project.ids.get(binary.package), binary.name) not in built
    )
    kept = tuple(binary for binary in project.binaries if binary not in lacking)
    return replace(project, binaries=kept, left_out=lacking)


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
    settings = configuration(runner, project, environment)
    profiles = profiles_of(graph, binaries)
    notes = []
    if len(set(profiles)) > 1:
        notes.append("the chosen binaries have different profiles today; changes are told against the first")
    build = settings.get("build", {})
    if wrapper := build.get("rustc-wrapper") or build.get("rustc-workspace-wrapper"):
        notes.append(f"{wrapper} was turned off, so that no build is faked by a cache")
    return EffectiveProfile(
        profile=profiles[0],
        targets=tuple(dict.fromkeys(root["platform"] for root in _roots(graph) if root.get("platform"))),
        overrides=tuple(profile_tables(project, settings).get(selection.profile, {}).get("package", {})),
        units=len(graph["units"]),
        rustc_calls=sum(unit["mode"] != "run-custom-build" for unit in graph["units"]),
        configuration=settings,
        notes=tuple(notes),
    )


def profiles_of(graph: Mapping[str, Any], binaries: tuple[Binary, ...]) -> list[Profile]:
    """The profiles of some binaries in a unit graph, in their order."""
    mains = {(root["target"]["name"], "bin" not in root["target"]["kind"]): root for root in _roots(graph)}
    return [profile_of_unit(mains[binary.name, binary.is_library]["profile"]) for binary in binaries]


def _roots(graph: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [graph["units"][index] for index in graph["roots"]]


def unit_graph(
    runner: Runner,
    project: Project,
    binaries: tuple[Binary, ...],
    selection: Selection,
    environment: dict[str, str],
    changes: Mapping[str, Mapping[str, CargoValue]] | None = None,
) -> dict[str, Any]:
    """Cargo's plan of compilation units for the chosen binaries.

    Args:
        runner: runs Cargo.
        project: the workspace.
        binaries: what to build; what Cargo builds by default if there are none.
        selection: profile, packages, features and target.
        environment: the user's.
        changes: profile → settings that are to count as if they were written in the manifest.

    Raises:
        InputError: Cargo refuses.
    """
    arguments = [
        f"profile.{name}.{key}={toml_value(value)}"
        for name, settings in (changes or {}).items()
        for key, value in settings.items()
    ]
    argv = (
        *("cargo", "build", "-Z", "unstable-options", "--unit-graph", "--frozen"),
        *selection_arguments(selection, binaries),
        *(word for argument in arguments for word in ("--config", argument)),
    )
    finished = runner.run(Command(argv=argv, cwd=project.folder, environment=asking(environment)))
    if not finished.ok:
        raise InputError(f"Cargo cannot plan this build: {complaint(finished)}", where=str(project.manifest))
    graph: dict[str, Any] = json.loads(finished.stdout)
    return graph


def profile_of_unit(unit: Mapping[str, Any]) -> Profile:
    """The ``profile`` of a unit in the unit graph (format version 1) as a value.

    Raises:
        InputError: Cargo takes a setting that no compiler is known to take.
    """
    units = unit["codegen_units"]
    if units is None:
        units = _DEFAULT_INCREMENTAL_UNITS if unit["incremental"] else _DEFAULT_UNITS
    return Profile(
        lto=Lto(_value("lto", unit["lto"])),
        codegen_units=units,
        opt_level=OptLevel(_value("opt-level", unit["opt_level"])),
        panic=Panic(unit["panic"]) if unit["panic"] in ("unwind", "abort") else Panic.ABORT,
        strip=_strip(unit["strip"]),
        debug=Debug(_value("debug", unit["debuginfo"] or 0)),
    )


def _value(axis: str, setting: object) -> str:
    try:
        return str(parse_axis_value(axis_kind(axis), str(setting)))
    except InputError as error:
        raise InputError(f"today's profile has {axis} = {setting!r}", hint=error.hint) from None


def _strip(value: Any) -> Strip:
    """``{"resolved": {"Named": "debuginfo"}}``, ``{"resolved": "None"}`` or a plain name, by Cargo's age."""
    while isinstance(value, dict):
        value = next(iter(value.values()))
    text = str(value).lower()
    return Strip(text) if text in {member.value for member in Strip} else Strip.NONE


def configuration(runner: Runner, project: Project, environment: dict[str, str]) -> dict[str, Any]:
    """The parts of Cargo's merged configuration files that change a build."""
    argv = ("cargo", "-Z", "unstable-options", "config", "get", "--format", "json")
    finished = runner.run(Command(argv=argv, cwd=project.folder, environment=asking(environment)))
    document = json.loads(finished.stdout) if finished.ok else {}
    return {name: document[name] for name in _MEANT_FOR_BUILDS if name in document}


def profile_tables(project: Project, settings: Mapping[str, Any]) -> ProfileTables:
    """The profiles of the manifest with those of configuration files over them, as Cargo merges them.

    Args:
        project: the workspace; Cargo does not tell what its manifest says of profiles.
        settings: of `configuration`.
    """
    try:
        manifest = parse_toml(project.manifest.read_text("utf-8")).get("profile", {})
    except (OSError, ValueError):
        manifest = {}
    return merged_tables(manifest if isinstance(manifest, dict) else {}, settings.get("profile", {}))


def merged_tables(lower: Mapping[str, Any], upper: Mapping[str, Any]) -> dict[str, Any]:
    """Tables with others over them, key by key."""
    tables = dict(lower)
    for key, value in upper.items():
        below = tables.get(key)
        tables[key] = merged_tables(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return tables
