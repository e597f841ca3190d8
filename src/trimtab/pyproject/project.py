"""A Python project whose wheel is built by Cargo, as its ``pyproject.toml`` describes it.

Sources: PEP 518 and 517 (``[build-system]``), maturin's user guide ("Configuration", "Environment variables"),
setuptools-rust's reference (``[[tool.setuptools-rust.ext-modules]]``, ``SETUPTOOLS_RUST_CARGO_PROFILE``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trimtab.errors import InputError
from trimtab.system.toml import parse_toml

NAME = "pyproject.toml"
_NAME = re.compile(r"[A-Za-z0-9_.-]+")
_USUAL_PLACES = ("Cargo.toml", "rust/Cargo.toml", "src/Cargo.toml", "src/rust/Cargo.toml")
"""Usual paths of a manifest that no setting names, such as that of a ``setup.py``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class WheelProject:
    """A folder with a ``pyproject.toml`` whose build backend calls Cargo."""

    root: Path
    requires: tuple[str, ...]
    """Requirements of its build backend (``build-system.requires``)."""
    backend: str
    backend_path: tuple[str, ...]
    """Folders in it that hold the backend itself; hardly ever any."""
    is_maturin: bool
    """Whether maturin builds it; setuptools-rust otherwise."""
    manifest: Path
    """The ``Cargo.toml`` that is built."""
    crate: str
    """The package that it describes."""
    is_program: bool
    """Whether the wheel holds the package's programs rather than a module."""
    profile: str
    """The Cargo profile that ships."""
    scripts: tuple[str, ...] | None
    """Console scripts that it installs, apart from the programs that Cargo builds; ``None`` if only its build knows."""

    def choosing(self, profile: str, environment: Mapping[str, str]) -> dict[str, str]:
        """The environment that makes the backend build with a profile; nothing for the one that ships."""
        if profile == self.profile:
            return {}
        if not self.is_maturin:
            return {"SETUPTOOLS_RUST_CARGO_PROFILE": profile}
        arguments = environment.get("MATURIN_PEP517_ARGS", "")
        return {"MATURIN_PEP517_ARGS": f"{arguments} --profile {profile}".strip()}


def find_wheel_project(path: Path) -> WheelProject:
    """The project at a path, or in the nearest folder above it that has one.

    Raises:
        InputError: there is none, or it is built without Cargo.
    """
    if not path.exists():
        raise InputError(f"{path} does not exist", hint=f"name a folder with a {NAME}")
    for folder in (path.resolve(), *path.resolve().parents):
        if (folder / NAME).is_file():
            return read_wheel_project(folder)
    raise InputError(f"no {NAME}", where=f"{path.resolve()} and the folders above", hint="name a Python project")


def builds_wheel(folder: Path) -> bool:
    """Whether a folder holds a Python project that is built by Cargo."""
    try:
        read_wheel_project(folder)
    except InputError:
        return False
    return True


def read_wheel_project(root: Path) -> WheelProject:
    """Project that the ``pyproject.toml`` in a folder describes.

    Raises:
        InputError: it cannot be read, or nothing in it calls Cargo.
    """
    file = root / NAME
    document = _read(file)
    system, tools, project = _table(document, "build-system"), _table(document, "tool"), _table(document, "project")
    requires, backend = _strings(system.get("requires")), str(system.get("build-backend", "setuptools.build_meta"))
    is_maturin = backend.partition(".")[0] == "maturin" or _needs(requires, "maturin")
    if not is_maturin and not _needs(requires, "setuptools-rust"):
        raise InputError(
            f"the build backend {backend} calls no Cargo that is known here",
            where=str(file),
            hint="wheels are built with maturin or setuptools-rust",
        )
    maturin, rust = _table(tools, "maturin"), _table(tools, "setuptools-rust")
    extensions, programs = _tables(rust.get("ext-modules")), _tables(rust.get("bins"))
    named = (
        maturin.get("manifest-path") if is_maturin else next((table.get("path") for table in extensions + programs), "")
    )
    manifest = _manifest(root, str(named or ""))
    crate = _read(manifest)
    package = str(_table(crate, "package").get("name", ""))
    if not package:
        raise InputError("it describes no package", where=str(manifest), hint="name that of the package in the wheel")
    only_built = "scripts" in _strings(project.get("dynamic")) or not (is_maturin or "project" in document)  # setup.py
    is_program = maturin.get("bindings") == "bin" if "bindings" in maturin else not extensions and _has_programs(crate)
    return WheelProject(
        root=root,
        requires=requires,
        backend=backend,
        backend_path=_strings(system.get("backend-path")),
        is_maturin=is_maturin,
        manifest=manifest,
        crate=package,
        is_program=is_program,
        profile=str(maturin.get("profile", "release")),
        scripts=None if only_built else tuple(sorted(_table(project, "scripts"))),
    )


def _read(file: Path) -> dict[str, Any]:
    try:
        return parse_toml(file.read_text("utf-8"))
    except (OSError, ValueError) as error:  # no file, no UTF-8, no TOML
        raise InputError(f"it cannot be read: {error}", where=str(file)) from None


def _needs(requires: tuple[str, ...], name: str) -> bool:
    """Whether a distribution is among requirements (PEP 503 has ``-``, ``_`` and ``.`` be alike)."""
    names = (_NAME.match(requirement.strip()) for requirement in requires)
    return any(match and re.sub(r"[-_.]+", "-", match[0]).lower() == name for match in names)


def _manifest(root: Path, named: str) -> Path:
    manifest = next((root / path for path in (named, *_USUAL_PLACES) if path and (root / path).is_file()), None)
    if manifest is None:
        raise InputError(
            f"there is no {named or 'Cargo.toml'} for the wheel",
            where=str(root),
            hint="name it in pyproject.toml: [tool.maturin] manifest-path, or path of the extension module",
        )
    return manifest


def _has_programs(crate: Mapping[str, Any]) -> bool:
    """Whether a manifest stands for programs alone: maturin takes a ``cdylib`` for a module wherever there is one."""
    types = _table(crate, "lib").get("crate-type", [])
    return "cdylib" not in types


def _table(of: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    table = of.get(name, {})
    return table if isinstance(table, Mapping) else {}


def _tables(value: Any) -> list[Mapping[str, Any]]:
    return [table for table in value if isinstance(table, Mapping)] if isinstance(value, list) else []


def _strings(value: Any) -> tuple[str, ...]:
    return tuple(str(item) for item in value) if isinstance(value, list) else ()
