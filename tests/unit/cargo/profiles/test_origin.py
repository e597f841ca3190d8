"""The setting that comes before a manifest's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.fakes.runner import FakeRunner, finished
from trimtab.cargo.profiles.origin import winning_origin
from trimtab.cargo.project import Project

ROOT = Path("/work")
PROJECT = Project(
    root=ROOT, folder=ROOT, packages=("app",), defaults=("app",), binaries=(), target_directory=ROOT / "target",
    has_bench_targets=False,
)  # fmt: skip


def winner(manifest: dict[str, Any], *, configured: dict[str, Any] | None = None, **environment: str) -> str:
    runner = FakeRunner().on(
        "cargo -Z unstable-options config get --show-origin profile.release.lto",
        finished('profile.release.lto = "off" # /home/ann/.cargo/config.toml\n'),
    )
    configuration = {"profile": configured} if configured else {}
    origin = winning_origin(
        runner, PROJECT, environment, tables={**manifest, **(configured or {})}, configuration=configuration,
        profile="release", key="lto", package="app",
    )  # fmt: skip
    return str(origin or "")


@pytest.mark.parametrize("spec", ["app", "app@0.1.0", "path+file:///projects/app#0.1.0", "*"])
def test_a_table_for_the_package_wins(spec: str) -> None:
    expected = f"profile.release.package.{spec}.lto (Cargo.toml)"
    assert winner({"release": {"package": {spec: {"lto": "off"}}}}) in (expected, "")
    assert winner({"release": {"package": {spec: {"opt-level": 1}}}}) == ""


def test_so_does_that_of_its_parent() -> None:
    tables = {"release": {"package": {"app": {"lto": "off"}}}}
    assert winner(tables) == "profile.release.package.app.lto (Cargo.toml)"
    assert winner({"release": {"package": {"other": {"lto": "off"}}}}) == ""


def test_a_configuration_file_is_named() -> None:
    assert winner({}, configured={"release": {"lto": "off"}}) == "profile.release.lto (/home/ann/.cargo/config.toml)"


def test_a_variable_wins_over_files() -> None:
    found = winner({}, configured={"release": {"lto": "off"}}, CARGO_PROFILE_RELEASE_LTO="thin")
    assert found == "CARGO_PROFILE_RELEASE_LTO (the environment)"


def test_the_manifests_own_setting_is_no_obstacle() -> None:
    assert winner({"release": {"lto": "thin"}}) == ""
