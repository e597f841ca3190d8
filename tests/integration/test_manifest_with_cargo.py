"""Edited manifests in front of the real Cargo: it says which profile each target gets before and after."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from trimtab.cargo.environment import asking
from trimtab.cargo.profiles.arguments import toml_value
from trimtab.cargo.profiles.edit import edit_profile, profiles_in
from trimtab.cargo.profiles.effective import profile_of_unit
from trimtab.cargo.profiles.inheritance import Changes, with_heirs_kept
from trimtab.model.profile import CargoValue, Profile, axis_kind

pytestmark = pytest.mark.integration

PACKAGE = """
[package]
name = "tiny"
version = "0.1.0"
edition = "2021"
"""
SECTIONS = f"""{PACKAGE}
[profile.profiling]
inherits = "release"
debug = 1

[profile.dist]
inherits = "release"
lto = "thin"

[profile.nightly]
inherits = "dist"
debug = "line-tables-only"

[profile.quick]
inherits = "dev"

[profile.criterion]
inherits = "bench"
"""
MANIFESTS = {
    "sections": SECTIONS,
    "windows": "\ufeff" + SECTIONS.replace("\n", "\r\n"),
    "explicit": f"""{SECTIONS}
# what we ship
[profile.release]
lto = true # fat
debug = 1

[profile.release.build-override]
opt-level = 1

[profile.bench]
codegen-units = 4
""",
    "inline": f"""{PACKAGE}
[profile]
release = {{ opt-level = 2, strip = true }}
profiling = {{ debug = 1, inherits = "release" }}
dist = {{ lto = "thin", inherits = "release" }}
nightly = {{ debug = 1, inherits = "dist" }}
quick = {{ inherits = "dev" }}
criterion = {{ inherits = "bench" }}
""",
    "dotted": f"""
profile.release.opt-level = "s"
profile.profiling.inherits = "release"
profile.profiling.debug = 1
profile.dist.inherits = "release"
profile.nightly.inherits = "dist"
profile.nightly.debug = 2
profile.quick.inherits = "dev"
profile.criterion.inherits = "bench"
{PACKAGE}""",
}
SETTINGS: dict[str, dict[str, CargoValue]] = {
    "fat": {"lto": "fat", "codegen-units": 1},
    "small": {"lto": False, "opt-level": "z", "panic": "abort", "strip": "symbols"},
    "debuggable": {"debug": "limited", "lto": "off"},
    "bare": {"debug": False, "strip": "none", "codegen-units": 16},
}
OTHERS = ("dev", "test", "bench", "profiling", "dist", "nightly", "quick", "criterion")


@pytest.fixture
def crate(tmp_path: Path) -> Path:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "main.rs").write_text("fn main() {}\n")
    (tmp_path / "benches").mkdir()
    (tmp_path / "benches" / "speed.rs").write_text("fn main() {}\n")
    return tmp_path


def cargos_profile(crate: Path, name: str, changes: Changes | None = None) -> Profile:
    """The profile that Cargo compiles with, for ``bench`` that of the benchmark itself. It must print no warning."""
    target = ("bench", "--bench", "speed") if name == "bench" else ("build", "--bin", "tiny")
    options: tuple[str, ...] = ("--offline", "-Z", "unstable-options", "--unit-graph", "--profile", name)
    for profile, values in (changes or {}).items():
        for key, value in values.items():
            options += ("--config", f"profile.{profile}.{key}={toml_value(value)}")
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("CARGO_PROFILE_")}
    finished = subprocess.run(
        ["cargo", *target, *options], cwd=crate, env=asking(inherited), capture_output=True, text=True, check=False
    )
    messages = [line for line in finished.stderr.splitlines() if "waiting for file lock" not in line]
    assert (finished.returncode, messages) == (0, [])
    graph: dict[str, Any] = json.loads(finished.stdout)
    (root,) = graph["roots"]
    return profile_of_unit(graph["units"][root]["profile"])


def edit_file(manifest: Path, name: str, settings: Mapping[str, CargoValue]) -> None:
    text = manifest.read_bytes().decode()

    def effective(profile: str, changes: Changes) -> Profile:
        return cargos_profile(manifest.parent, profile, changes)

    changes = with_heirs_kept(profiles_in(text), name, settings, effective, used=("bench",))
    manifest.write_bytes(edit_profile(text, name=name, changes=changes, comment=("a test",)).encode())


@pytest.mark.slow
@pytest.mark.parametrize("text", MANIFESTS.values(), ids=MANIFESTS)
def test_release_changes_and_all_others_stay(crate: Path, text: str) -> None:
    manifest = crate / "Cargo.toml"
    manifest.write_bytes(text.encode())
    before = {name: cargos_profile(crate, name) for name in OTHERS}
    release = cargos_profile(crate, "release")
    for label, settings in SETTINGS.items():
        manifest.write_bytes(text.encode())

        edit_file(manifest, "release", settings)

        assert {name: cargos_profile(crate, name) for name in OTHERS} == before, label
        expected = release
        for key, value in settings.items():
            axis = axis_kind(key)
            expected = axis.set(expected, axis.parse(str(value)))
        changed = cargos_profile(crate, "release")
        if "strip" not in settings:
            expected = axis_kind("strip").set(expected, changed.strip)
        assert changed == expected, label


@pytest.mark.slow
@pytest.mark.parametrize("text", MANIFESTS.values(), ids=MANIFESTS)
def test_a_custom_profile_changes_and_all_others_stay(crate: Path, text: str) -> None:
    manifest = crate / "Cargo.toml"
    manifest.write_bytes(text.encode())
    others = ("release", *(name for name in OTHERS if name != "dist"))
    before = {name: cargos_profile(crate, name) for name in others}
    edit_file(manifest, "dist", {"lto": "fat", "codegen-units": 1, "panic": "abort"})
    assert {name: cargos_profile(crate, name) for name in others} == before
    dist = cargos_profile(crate, "dist")
    assert (dist.lto, dist.codegen_units, dist.panic) == ("fat", 1, "abort")


def test_a_new_custom_profile_is_one_that_cargo_takes(crate: Path) -> None:
    (crate / "Cargo.toml").write_text(PACKAGE)
    edit_file(crate / "Cargo.toml", "ship", {"lto": "thin"})
    assert cargos_profile(crate, "ship").lto == "thin"
    assert cargos_profile(crate, "release") == Profile()


def test_importing_the_editor_is_cheap() -> None:
    code = "import sys, trimtab.cargo.profiles.edit; sys.exit('tomlkit' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
