"""Files other than workflows that name targets: those of dist, wheel builders, rustup and Cargo itself."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from trimtab.errors import InputError
from trimtab.model.release_target import Place
from trimtab.release.cibuildwheel import CibuildwheelSettings
from trimtab.release.triples import short_name
from trimtab.release.workflows import Named
from trimtab.system.toml import parse_toml


def read_dist(text: str, file: str) -> list[Named]:
    """The targets of dist (cargo-dist), from ``dist-workspace.toml``, ``dist.toml`` or a ``Cargo.toml``.

    Raises:
        InputError: it is not TOML.
    """
    table = parse(text)
    holders = (table, table.get("workspace", {}).get("metadata", {}), table.get("package", {}).get("metadata", {}))
    listed = (holder.get("dist", {}).get("targets", []) for holder in holders if isinstance(holder.get("dist"), dict))
    return [
        (triple, _place(text, file, triple))
        for triples in listed
        if isinstance(triples, list)
        for triple in map(str, triples)
    ]


def read_pyproject(text: str, file: str) -> tuple[list[Named], CibuildwheelSettings]:
    """The targets that wheels are built for as far as ``pyproject.toml`` names them, and cibuildwheel's settings.

    Raises:
        InputError: it is not TOML.
    """
    tools = parse(text).get("tool", {})
    wheels = CibuildwheelSettings(tools.get("cibuildwheel", {}))
    maturin = tools.get("maturin", {}).get("target", {})
    named = [(triple, _place(text, file, triple)) for triple in maturin if isinstance(maturin, Mapping)]
    for system, archs in wheels.named().items():
        for arch in archs:
            machine = short_name("cibuildwheel", system, arch)[0]
            place = _place(text, file, arch)
            named += [(triple, place) for triple in wheels.triples(system, machine, archs=arch)]
    return named, wheels


def read_rust_toolchain(text: str, file: str) -> list[Named]:
    """The targets that ``rust-toolchain.toml`` has rustup install; none in the older form, a bare version.

    Raises:
        InputError: it is not TOML.
    """
    if "[" not in text:
        return []
    listed = parse(text).get("toolchain", {}).get("targets", [])
    return [(triple, _place(text, file, triple)) for triple in map(str, listed)]


def read_cargo_config(text: str, file: str, known: Collection[str]) -> list[Named]:
    """The targets that ``.cargo/config.toml`` builds for, and those it has settings for.

    Raises:
        InputError: it is not TOML.
    """
    table = parse(text)
    built = table.get("build", {}).get("target", [])
    names = [*([built] if isinstance(built, str) else built), *table.get("target", {})]
    return [(triple, _place(text, file, triple)) for triple in dict.fromkeys(names) if triple in known]


def parse(text: str) -> dict[str, Any]:
    """TOML as a dictionary.

    Raises:
        InputError: it is not TOML.
    """
    try:
        return parse_toml(text)
    except ValueError as error:
        raise InputError(f"not valid TOML: {error}") from None


def _place(text: str, file: str, name: str) -> Place:
    return Place(file=file, line=next(_lines_with(text, name), 1), said=name)


def _lines_with(text: str, name: str) -> Iterator[int]:
    """Lines that have a name in them, and not only in a comment."""
    pattern = re.compile(rf"(?<![\w-]){re.escape(name)}(?![\w-])")
    for number, line in enumerate(text.splitlines(), start=1):
        if pattern.search(line.partition("#")[0]):
            yield number
