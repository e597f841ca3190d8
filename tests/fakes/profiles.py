"""A second reading of the Cargo book: what a profile comes to, without asking Cargo."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trimtab.cargo.profiles.inheritance import Changes, Profiles
from trimtab.model.profile import AXES, Profile

_DEBUG_NONE = (None, False, 0, "none")


def setting_of(table: Mapping[str, Mapping[str, Any]], name: str, key: str) -> Any:
    """The value of a key, its own or its ancestors', else Cargo's default since 1.77."""
    current, value = name, None
    while value is None:
        own = table.get(current, {})
        value = own.get(key)
        if value is None and current in ("release", "dev"):
            break
        current = own.get("inherits") or {"bench": "release", "test": "dev"}.get(current, current)
    if value is not None:
        return value
    if key == "strip":
        return "debuginfo" if setting_of(table, name, "debug") in _DEBUG_NONE else "none"
    if key == "codegen-units":
        return 256 if setting_of(table, name, "incremental") else 16
    optimized = current == "release"
    return {
        "lto": False,
        "opt-level": 3 if optimized else 0,
        "panic": "unwind",
        "debug": not optimized,
        "incremental": not optimized,
    }[key]


def effective(table: Mapping[str, Mapping[str, Any]], name: str) -> Profile:
    """What a profile comes to."""
    profile = Profile()
    for axis in AXES:
        if axis.in_cargo:
            profile = axis.set(profile, axis.parse(str(setting_of(table, name, axis.name))))
    return profile


class BookCargo:
    """Answers `with_heirs_kept` by the book."""

    def __init__(self, table: Profiles) -> None:
        self._table = table

    def __call__(self, name: str, changes: Changes) -> Profile:
        """What a profile comes to under changes."""
        names = {**self._table, **changes}
        return effective({name: {**self._table.get(name, {}), **changes.get(name, {})} for name in names}, name)
