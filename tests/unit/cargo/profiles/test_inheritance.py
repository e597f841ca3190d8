"""Profiles that inherit keep what they come to, as Cargo says it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.fakes.profiles import BookCargo
from trimtab.cargo.profiles.inheritance import Changes, Profiles, ancestry, heirs, with_heirs_kept
from trimtab.errors import InputError
from trimtab.model.profile import Profile, Strip

DIST: Profiles = {"dist": {"inherits": "release"}}


def test_heirs_come_after_their_parents() -> None:
    profiles = {"deep": {"inherits": "dist"}, **DIST, "quick": {"inherits": "dev"}}
    assert heirs(profiles, "release") == ["bench", "dist", "deep"]
    assert ancestry(profiles, "deep") == ["deep", "dist", "release"]


def test_a_circle_is_refused() -> None:
    with pytest.raises(InputError, match="the profiles a, b inherit in a circle"):
        ancestry({"a": {"inherits": "b"}, "b": {"inherits": "a"}}, "a")


def test_a_profile_of_a_configuration_file_gets_a_section_with_its_parent() -> None:
    changes = with_heirs_kept(DIST, "release", {"lto": "fat"}, BookCargo(DIST))
    assert changes == {"release": {"lto": "fat"}, "dist": {"inherits": "release", "lto": False}}


def test_dev_can_be_changed_and_test_is_kept() -> None:
    profiles: Profiles = {"test": {"opt-level": 1}}
    changes = with_heirs_kept(profiles, "dev", {"debug": "limited"}, BookCargo(profiles))
    assert changes == {"dev": {"debug": "limited"}, "test": {"debug": "full"}}


def test_what_cargo_implies_is_asked_for() -> None:
    """Debug information of one package keeps the default of strip from removing any, whatever the profile says."""

    def effective(name: str, changes: Changes) -> Profile:
        strip = {**changes.get("release", {}), **changes.get(name, {})}.get("strip", "none")
        return Profile(strip=Strip(str(strip)))

    changes = with_heirs_kept(DIST, "release", {"strip": "symbols"}, effective)
    assert changes["dist"] == {"inherits": "release", "strip": "none"}


def test_an_heir_that_cannot_be_kept_is_refused_by_name() -> None:
    def effective(name: str, changes: Changes) -> Profile:
        return replace(Profile(), codegen_units=1 if changes else 2)

    with pytest.raises(InputError, match="the profile dist, which inherits from release, cannot be kept"):
        with_heirs_kept(DIST, "release", {"lto": "fat"}, effective)
