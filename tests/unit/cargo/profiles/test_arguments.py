"""Profiles as Cargo's arguments and environment."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from tests import strategies
from trimtab.cargo.profiles.arguments import profile_arguments, profile_environment, selection_arguments, toml_value
from trimtab.cargo.project import Binary
from trimtab.model.plan import Selection
from trimtab.model.profile import AXES, CargoValue, Debug, Lto, OptLevel, Panic, Profile, Strip


def said(profile: Profile, today: Profile) -> dict[str, Any]:
    """What the arguments set, as Cargo's TOML reader understands them."""
    arguments = profile_arguments(profile, today, "release")
    assert arguments[::2] == ("--config",) * (len(arguments) // 2)
    settings: dict[str, Any] = {}
    for text in arguments[1::2]:
        settings |= tomllib.loads(text)["profile"]["release"]
    return settings


class TestProfile:
    def test_the_baseline_is_built_as_it_ships(self) -> None:
        assert profile_arguments(Profile(lto=Lto.FAT), Profile(lto=Lto.FAT), "release") == ()

    def test_only_changes_are_said(self) -> None:
        assert said(Profile(lto=Lto.LOCAL, codegen_units=1), Profile(lto=Lto.FAT)) == {"lto": False, "codegen-units": 1}

    def test_strip_is_said_when_debug_changes_since_its_default_depends_on_it(self) -> None:
        assert said(Profile(debug=Debug.FULL), Profile()) == {"debug": "full", "strip": "debuginfo"}
        assert said(Profile(strip=Strip.NONE), Profile()) == {"strip": "none"}

    def test_the_profile_that_ships_is_the_one_that_is_changed(self) -> None:
        assert profile_arguments(Profile(opt_level=OptLevel.O2), Profile(), "dist") == (
            "--config",
            "profile.dist.opt-level=2",
        )

    @given(strategies.profiles, strategies.profiles)
    def test_arguments_are_toml_and_say_each_change_once(self, profile: Profile, today: Profile) -> None:
        settings = said(profile, today)
        changed = {axis.name for axis in profile.differing(today)} - {"rustflags"}
        assert set(settings) - changed <= {"strip"}
        assert changed <= set(settings)
        assert settings == {axis.name: axis.cargo(axis.get(profile)) for axis in AXES if axis.name in settings}


class TestEnvironment:
    def test_it_says_the_same_as_the_arguments(self) -> None:
        asked = Profile(lto=Lto.FAT, codegen_units=1, opt_level=OptLevel.S, panic=Panic.ABORT)
        assert profile_environment(asked, Profile(), "my-dist") == {
            "CARGO_PROFILE_MY_DIST_LTO": "fat",
            "CARGO_PROFILE_MY_DIST_CODEGEN_UNITS": "1",
            "CARGO_PROFILE_MY_DIST_OPT_LEVEL": "s",
            "CARGO_PROFILE_MY_DIST_PANIC": "abort",
        }
        assert profile_environment(Profile(lto=Lto.LOCAL), Profile(lto=Lto.FAT), "release") == {
            "CARGO_PROFILE_RELEASE_LTO": "false"
        }

    @given(strategies.profiles, strategies.profiles)
    def test_nothing_is_left_out(self, profile: Profile, today: Profile) -> None:
        assert len(profile_environment(profile, today, "release")) == len(said(profile, today))


class TestSelection:
    def test_packages_that_cargo_builds_by_itself_are_not_named(self) -> None:
        tools = [Binary(name=name, package="tools", source=Path("a.rs")) for name in ("a", "b")]
        selection = Selection(features=("x", "y"), default_features=False, profile="dist", target="wasm32-wasip1")
        assert selection_arguments(selection, tuple(tools)) == (
            *("--profile", "dist", "--bin", "a", "--bin", "b", "--target", "wasm32-wasip1"),
            *("--features", "x,y", "--no-default-features"),
        )

    def test_others_are_named_once_by_their_id(self) -> None:
        spec = "path+file:///projects/tools#0.1.0"
        tools = [Binary(name=name, package="tools", source=Path("a.rs"), package_spec=spec) for name in ("a", "b")]
        assert selection_arguments(Selection(packages=("tools", "lib")), tuple(tools)) == (
            *("--profile", "release", "--package", spec, "--package", "lib", "--bin", "a", "--bin", "b"),
        )

    def test_where_names_are_not_enough_all_are_built(self) -> None:
        tools = tuple(Binary(name=name, package="tools", source=Path("a.rs"), has_name=False) for name in ("a", "b"))
        assert selection_arguments(Selection(), tools) == ("--profile", "release", "--bins")


@pytest.mark.parametrize("value", ["thin", False, 1])
def test_values_are_toml(value: CargoValue) -> None:
    assert tomllib.loads(f"x = {toml_value(value)}")["x"] == json.loads(toml_value(value)) == value
