"""Inheritance among profiles, and the settings that keep a profile as it is when its parent changes.

Source: the Cargo book, chapter "Profiles".
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from trimtab.errors import InputError
from trimtab.model.profile import CargoValue, axis_kind, parse_axis_value

Profiles = dict[str, dict[str, Any]]
"""The ``[profile]`` table: profile → Cargo key → value."""

_BUILT_IN_PARENTS = {"bench": "release", "test": "dev"}
_DEFAULTS: dict[str, dict[str, CargoValue]] = {
    "release": {"lto": False, "opt-level": 3, "panic": "unwind", "debug": False, "incremental": False},
    "dev": {"lto": False, "opt-level": 0, "panic": "unwind", "debug": True, "incremental": True},
}
_IGNORES_PANIC = ("bench", "test")
_WITHOUT_DEBUG = (None, False, 0, "none")


def plan_profiles(profiles: Profiles, name: str, settings: Mapping[str, CargoValue], bench_targets: bool) -> Profiles:
    """All profiles as they shall be: one with new settings, and its descendants with what they had.

    Args:
        profiles: as they are.
        name: the profile to change; a custom one that is new inherits from ``release``.
        settings: Cargo key → value.
        bench_targets: whether the built-in ``bench`` counts even if it is not mentioned.

    Raises:
        InputError: profiles inherit in a circle, or a descendant's value of today cannot be told.

    Descendants of every degree are compared, not only children: the default of ``strip`` depends on ``debug``, so what
    a child pins may not be what its own child had.
    """
    planned = copy.deepcopy(profiles)
    created = {} if name in _DEFAULTS or name in _BUILT_IN_PARENTS else {"inherits": "release"}
    planned.setdefault(name, created).update(settings)
    keys = [*(key for key in settings if key != "strip"), "strip"]
    for heir in _descendants(profiles, name):
        if heir not in profiles and not (heir == "bench" and bench_targets):
            continue
        for key in keys:
            if key == "panic" and heir in _IGNORES_PANIC:
                continue
            before = _effective(profiles, heir, key)
            if _equal(key, before, _effective(planned, heir, key)):
                continue
            if not isinstance(before, CargoValue):
                raise InputError(
                    f"trimtab cannot tell which {key} the profile {heir} has now",
                    where=f"[profile.{heir}] in Cargo.toml",
                    hint=f"give it a {key} of its own, then try again",
                )
            planned.setdefault(heir, {})[key] = before
    return planned


def _parent(profiles: Profiles, name: str) -> str | None:
    inherits: str | None = profiles.get(name, {}).get("inherits", _BUILT_IN_PARENTS.get(name))
    return inherits


def _chain(profiles: Profiles, name: str) -> list[str]:
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


def _descendants(profiles: Profiles, name: str) -> list[str]:
    """Every profile that inherits from this one, parents before their children."""
    chains = {heir: _chain(profiles, heir) for heir in (*_BUILT_IN_PARENTS, *profiles)}
    heirs = [heir for heir, chain in chains.items() if name in chain[1:]]
    return sorted(heirs, key=lambda heir: chains[heir].index(name))


def _effective(profiles: Profiles, name: str, key: str) -> Any:
    """Value in force for a key: the nearest explicit one, else Cargo's default; ``None`` if trimtab does not know it.

    Since Cargo 1.77 the default of ``strip`` is to remove debug information when none is asked for. Incremental builds
    have 256 codegen units by default, others 16.
    """
    chain = _chain(profiles, name)
    for ancestor in chain:
        if key in profiles.get(ancestor, {}):
            return profiles[ancestor][key]
    if key == "strip":
        return "debuginfo" if _effective(profiles, name, "debug") in _WITHOUT_DEBUG else "none"
    if key == "codegen-units":
        return 256 if _effective(profiles, name, "incremental") is True else 16
    return _DEFAULTS.get(chain[-1], {}).get(key)


def _equal(key: str, left: Any, right: Any) -> bool:
    """Whether two spellings mean the same to Cargo, as ``true`` and ``"fat"`` do for ``lto``."""
    try:
        axis = axis_kind(key)
        return bool(parse_axis_value(axis, str(left)) == parse_axis_value(axis, str(right)))
    except InputError:
        return _same_literal(left, right)


def _same_literal(left: Any, right: Any) -> bool:
    """Equality that, unlike Python's, tells ``1`` from ``true``: for ``debug`` they differ."""
    return type(left) is type(right) and bool(left == right)


def changed_settings(before: Profiles, after: Profiles) -> Profiles:
    """The keys to write, by profile; profiles without any are left out."""
    changes = {
        name: {key: value for key, value in profile.items() if not _same_literal(before.get(name, {}).get(key), value)}
        for name, profile in after.items()
    }
    return {name: profile for name, profile in changes.items() if profile}
