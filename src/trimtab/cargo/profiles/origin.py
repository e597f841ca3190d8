"""Places where a profile's settings come from, and the one that wins.

Cargo takes a setting of a profile from a table for the package, else from the profile; and for both from
``CARGO_PROFILE_…`` variables before configuration files before the manifest. (The Cargo book, "Profiles", "Overrides";
"Configuration".)
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from trimtab.cargo.environment import asking
from trimtab.cargo.profiles.inheritance import ancestry
from trimtab.cargo.project import Project
from trimtab.system.process import Command, Runner

_ORIGIN = re.compile(r"# (?P<file>[^\n]+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class SettingOrigin:
    """A place that sets a key of a profile."""

    key: str
    """As in ``profile.release.lto``, or the name of a variable."""
    place: str
    """File, or ``the environment``."""

    def __str__(self) -> str:
        return f"{self.key} ({self.place})"


def winning_origin(
    runner: Runner,
    project: Project,
    environment: Mapping[str, str],
    *,
    tables: Mapping[str, Any],
    configuration: Mapping[str, Any],
    profile: str,
    key: str,
    package: str,
) -> SettingOrigin | None:
    """The setting that comes before ``profile.NAME.KEY`` of the manifest for a package; ``None`` if none does.

    Args:
        runner: runs Cargo.
        project: the workspace.
        environment: the user's.
        tables: profiles of the manifest with those of configuration files over them.
        configuration: Cargo's merged configuration files.
        profile: the profile's name.
        key: Cargo's name of the setting.
        package: the package that is built.
    """
    for path in _paths(tables, profile, key, package):
        variable = f"CARGO_{'_'.join(path)}".upper().replace("-", "_")
        if variable in environment:
            return SettingOrigin(variable, "the environment")
        is_configured = _below(configuration, *path) is not None
        if is_configured or len(path) > 3:  # noqa: PLR2004 - profile, its name, key
            dotted = ".".join(path)
            place = _configuration_file(runner, project, environment, dotted) if is_configured else "Cargo.toml"
            return SettingOrigin(dotted, place)
    return None


def _paths(tables: Mapping[str, Any], profile: str, key: str, package: str) -> Iterator[tuple[str, ...]]:
    """Paths of the settings that Cargo looks at before it looks at an ancestor, nearest first."""
    for name in ancestry(dict(tables), profile):
        for spec in _specs(_below(tables, name, "package") or {}, package):
            if _below(tables, name, "package", spec, key) is not None:
                yield ("profile", name, "package", spec, key)
    yield ("profile", profile, key)


def _specs(overrides: Mapping[str, Any], package: str) -> list[str]:
    """The specifications that mean a package, the one by name before that of all."""
    named = [spec for spec in overrides if re.split(r"[@:]", spec.rpartition("/")[2].rpartition("#")[2])[0] == package]
    return [*named, *(["*"] if "*" in overrides else [])]


def _configuration_file(runner: Runner, project: Project, environment: Mapping[str, str], key: str) -> str:
    argv = ("cargo", "-Z", "unstable-options", "config", "get", "--show-origin", key)
    finished = runner.run(Command(argv=argv, cwd=project.folder, environment=asking(environment)))
    origin = _ORIGIN.search(finished.stdout) if finished.ok else None
    return origin["file"] if origin else "Cargo's configuration"


def _below(tables: Any, *path: str) -> Any:
    for key in path:
        tables = tables.get(key) if isinstance(tables, Mapping) else None
    return tables
