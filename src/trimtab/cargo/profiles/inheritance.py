"""Inheritance among profiles, and the settings that keep a profile as it is when its parent changes.

Cargo is asked what a profile comes to before and after a change, since its defaults depend on more than the profile:
those of ``strip`` on debug information of any package and on Cargo's version, that of codegen units on ``incremental``.

Source: the Cargo book, chapter "Profiles".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from trimtab.errors import InputError
from trimtab.model.profile import CargoValue, Profile

Profiles = dict[str, dict[str, Any]]
"""The ``[profile]`` table: profile → Cargo key → value."""
Changes = dict[str, dict[str, CargoValue]]
"""Profile → Cargo key → value to be written."""

BUILT_IN_PARENTS = {"bench": "release", "test": "dev"}
_ROOTS = ("dev", "release")
_IGNORES_PANIC = ("bench", "test")
_MOST_ROUNDS = 3
"""Times that pins are added to for one profile: a pin of ``debug`` moves the default of ``strip``."""


def heirs(profiles: Profiles, name: str) -> list[str]:
    """Every profile that inherits from a profile, parents before their children.

    Raises:
        InputError: profiles inherit in a circle.
    """
    chains = {heir: ancestry(profiles, heir) for heir in (*BUILT_IN_PARENTS, *profiles)}
    return sorted((heir for heir, chain in chains.items() if name in chain[1:]), key=lambda heir: len(chains[heir]))


def ancestry(profiles: Profiles, name: str) -> list[str]:
    """A profile and its ancestors up to the built-in one that inherits from none.

    Raises:
        InputError: they inherit in a circle.
    """
    chain = [name]
    while parent := _parent(profiles, chain[-1]):
        if parent in chain:
            raise InputError(
                f"the profiles {', '.join(chain)} inherit in a circle",
                where=f"[profile.{parent}] in Cargo.toml",
                hint="end the chain with release or dev",
            )
        chain.append(parent)
    return chain


def _parent(profiles: Profiles, name: str) -> str | None:
    inherits = profiles.get(name, {}).get("inherits", BUILT_IN_PARENTS.get(name))
    return inherits if isinstance(inherits, str) else None


def with_heirs_kept(
    profiles: Profiles,
    name: str,
    settings: Mapping[str, CargoValue],
    effective: Callable[[str, Changes], Profile],
    *,
    used: tuple[str, ...] = (),
) -> Changes:
    """The change of one profile, and settings of their own for its heirs so that these come to what they did.

    Args:
        profiles: those of the manifest with those of configuration files over them.
        name: the profile to change; a custom one that is new inherits from ``release``.
        settings: Cargo key → value.
        effective: asks Cargo what a profile comes to under some changes.
        used: built-in heirs that count even if nothing mentions them, such as ``bench`` where there are benchmarks.

    Raises:
        InputError: profiles inherit in a circle, or an heir cannot be kept as it is.
    """
    is_new = name not in profiles and name not in _ROOTS and name not in BUILT_IN_PARENTS
    changes: Changes = {name: {**({"inherits": "release"} if is_new else {}), **settings}}
    for heir in heirs(profiles, name):
        if heir not in profiles and heir not in used:
            continue
        before = effective(heir, {})
        for _ in range(_MOST_ROUNDS):
            moved = _moved(before, effective(heir, changes), heir)
            if not moved:
                break
            if len(moved) > 1:  # its default may come back with the others, such as debug
                moved.pop("strip", None)
            parent = {} if heir in changes else _inherits(profiles, heir)
            changes[heir] = {**parent, **changes.get(heir, {}), **moved}
        else:
            raise InputError(
                f"the profile {heir}, which inherits from {name}, cannot be kept as it is",
                where=f"{', '.join(changes[heir])} of the profile {heir}",
                hint=f"give {heir} settings of its own, then try again",
            )
    return changes


def _moved(before: Profile, after: Profile, name: str) -> dict[str, CargoValue]:
    """The settings of before that after has lost."""
    return {
        axis.name: axis.cargo(axis.get(before))
        for axis in before.differing(after)
        if not (axis.name == "panic" and name in _IGNORES_PANIC)
    }


def _inherits(profiles: Profiles, name: str) -> dict[str, CargoValue]:
    """``inherits`` of a custom profile: its section of the manifest needs one, even if a configuration file has it."""
    inherits = profiles.get(name, {}).get("inherits")
    return {"inherits": inherits} if isinstance(inherits, str) else {}


def changed_settings(before: Profiles, after: Mapping[str, Mapping[str, Any]]) -> Profiles:
    """The keys to write, by profile; profiles without any are left out."""
    changes = {
        name: {key: value for key, value in profile.items() if not same_literal(before.get(name, {}).get(key), value)}
        for name, profile in after.items()
    }
    return {name: profile for name, profile in changes.items() if profile}


def same_literal(left: Any, right: Any) -> bool:
    """Equality that, unlike Python's, tells ``1`` from ``true``: for ``debug`` they differ."""
    return type(left) is type(right) and bool(left == right)
