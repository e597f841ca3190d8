"""Today's profile, as Cargo's unit graph shows it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.cargo import Crate, FakeCargo
from tests.fakes.runner import finished
from trimtab.cargo.profiles.effective import EffectiveProfile, buildable, effective_profile, profile_of_unit
from trimtab.cargo.project import choose_binaries, load_project
from trimtab.errors import InputError
from trimtab.model.plan import Selection
from trimtab.model.profile import Debug, Lto, OptLevel, Panic, Profile, Strip

RELEASE: dict[str, Any] = {
    "name": "release",
    "opt_level": "3",
    "lto": "false",
    "codegen_units": None,
    "debuginfo": 0,
    "incremental": False,
    "panic": "unwind",
    "strip": {"resolved": {"Named": "debuginfo"}},
}


@pytest.mark.parametrize(
    ("unit", "profile"),
    [
        ({}, Profile()),
        ({"lto": "true"}, Profile(lto=Lto.FAT)),
        ({"lto": "on"}, Profile(lto=Lto.FAT)),
        ({"lto": "yes"}, Profile(lto=Lto.FAT)),
        ({"lto": "y"}, Profile(lto=Lto.FAT)),
        ({"lto": "thin"}, Profile(lto=Lto.THIN)),
        ({"lto": "off"}, Profile(lto=Lto.OFF)),
        ({"lto": False}, Profile(lto=Lto.LOCAL)),
        ({"codegen_units": 4}, Profile(codegen_units=4)),
        ({"incremental": True}, Profile(codegen_units=256)),
        ({"opt_level": "z"}, Profile(opt_level=OptLevel.Z)),
        ({"panic": "abort"}, Profile(panic=Panic.ABORT)),
        ({"panic": "immediate-abort"}, Profile(panic=Panic.ABORT)),
        ({"strip": {"resolved": "None"}}, Profile(strip=Strip.NONE)),
        ({"strip": {"deferred": "None"}}, Profile(strip=Strip.NONE)),
        ({"strip": {"resolved": {"Named": "symbols"}}}, Profile(strip=Strip.SYMBOLS)),
        ({"strip": "debuginfo"}, Profile(strip=Strip.DEBUGINFO)),
        ({"debuginfo": None}, Profile()),
        ({"debuginfo": 1}, Profile(debug=Debug.LIMITED)),
        ({"debuginfo": 2}, Profile(debug=Debug.FULL)),
        ({"debuginfo": "line-tables-only"}, Profile(debug=Debug.LINE_TABLES_ONLY)),
    ],
)
def test_a_unit_is_read(unit: dict[str, Any], profile: Profile) -> None:
    assert profile_of_unit({**RELEASE, **unit}) == profile


@pytest.mark.parametrize(("key", "value"), [("lto", "bogus"), ("opt_level", "9"), ("debuginfo", "some")])
def test_a_setting_that_only_cargo_knows_is_refused_by_name(key: str, value: str) -> None:
    with pytest.raises(InputError, match=f"today's profile has .* = {value!r}"):
        profile_of_unit({**RELEASE, key: value})


def ask(cargo: FakeCargo, **selection: Any) -> EffectiveProfile:
    project = load_project(cargo, cargo.root / "Cargo.toml", {})
    chosen = Selection(**selection)
    return effective_profile(cargo, project, choose_binaries(project, chosen), chosen, {})


def test_the_profile_overrides_and_notes_are_found(tmp_path: Path) -> None:
    manifest = '[profile.release]\nlto = true\n[profile.release.package.serde]\nopt-level = "s"\n'
    cargo = FakeCargo.with_project(tmp_path, manifest)
    cargo.configuration = {"build": {"rustc-wrapper": "sccache"}, "term": {"color": "always"}}
    today = ask(cargo)
    assert today.profile == Profile(lto=Lto.FAT)
    assert today.overrides == ("serde",)
    assert today.units == 1
    assert today.configuration == {"build": {"rustc-wrapper": "sccache"}}
    assert today.notes == ("sccache was turned off, so that no build is faked by a cache",)


def test_another_profile_inherits(tmp_path: Path) -> None:
    today = ask(FakeCargo.with_project(tmp_path), profile="profiling")
    assert today.profile == Profile(lto=Lto.THIN, debug=Debug.LIMITED, strip=Strip.NONE)


def test_binaries_with_different_profiles_are_noted_and_runs_of_build_scripts_are_no_rustc_calls(
    tmp_path: Path,
) -> None:
    cargo = FakeCargo.with_project(tmp_path, crates=(Crate(name="a", binaries=("a", "b")),))
    units = [
        {"mode": "build", "target": {"kind": ["bin"], "name": name}, "profile": {**RELEASE, "opt_level": level}}
        for name, level in (("a", "3"), ("b", "s"))
    ]
    units.append({**units[0], "mode": "run-custom-build"})
    cargo.on("cargo build*--unit-graph*", finished(json.dumps({"units": units, "roots": [0, 1]})))
    today = ask(cargo, all_binaries=True)
    assert today.profile == Profile()
    assert "different profiles" in today.notes[0]
    assert (today.units, today.rustc_calls) == (3, 2)


def test_the_targets_that_cargo_builds_for(tmp_path: Path) -> None:
    cargo = FakeCargo.with_project(tmp_path)
    unit = {"target": {"kind": ["bin"], "name": "app"}, "profile": RELEASE, "mode": "build"}
    units = [{**unit, "platform": triple} for triple in ("wasm32-wasip1", "i686-unknown-linux-gnu")]
    cargo.on("cargo build*--unit-graph*", finished(json.dumps({"units": units, "roots": [0, 1]})))
    assert ask(cargo).targets == ("wasm32-wasip1", "i686-unknown-linux-gnu")
    assert ask(FakeCargo.with_project(tmp_path / "other")).target == ""


def test_binaries_that_lack_features_are_left_out_as_cargo_does(tmp_path: Path) -> None:
    cargo = FakeCargo.with_project(tmp_path, crates=(Crate(name="a", binaries=("a", "b")),))
    project = load_project(cargo, cargo.root / "Cargo.toml", {})
    lacking = replace(
        project,
        binaries=tuple(
            replace(binary, required_features=("extra",) * (binary.name == "b")) for binary in project.binaries
        ),
    )
    root = {"pkg_id": project.ids["a"], "target": {"kind": ["bin"], "name": "a"}, "profile": RELEASE}
    cargo.on("cargo build*--unit-graph*", finished(json.dumps({"units": [root], "roots": [0]})))
    assert [binary.name for binary in buildable(cargo, lacking, Selection(), {}).binaries] == ["a"]
    assert buildable(cargo, project, Selection(), {}) == project


def test_a_profile_that_does_not_exist_is_the_users_mistake(tmp_path: Path) -> None:
    cargo = FakeCargo.with_project(tmp_path)
    cargo.on("cargo build*--unit-graph*", finished(stderr="error: profile `dist` is not defined\n", exit_code=101))
    with pytest.raises(InputError, match="Cargo cannot plan this build: profile `dist` is not defined"):
        ask(cargo, profile="dist")


def test_questions_leave_the_users_environment_out_of_builds(tmp_path: Path) -> None:
    cargo = FakeCargo.with_project(tmp_path)
    ask(cargo)
    asked = {command.argv[1] for command in cargo.commands if "RUSTC_BOOTSTRAP" in command.environment}
    assert asked == {"build", "-Z"}
    assert all("--unit-graph" in line for line in cargo.lines if line.startswith("cargo build"))
