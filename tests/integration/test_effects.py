"""Settings that Cargo drops or that something overrides, silently: each with a project in which it happens."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.integration.user import User, by_label

pytestmark = pytest.mark.integration

TODAY = "lto=local"
"""An axis that adds nothing to today's profile of a new project."""
BUILD_FLAGS = '[build]\nrustflags = ["-C", "codegen-units=4"]\n'
TARGET_FLAGS = "[target.'cfg(all())']\nrustflags = [\"-Ccodegen-units=4\"]\n"
BUILD_SCRIPT = 'fn main() {\n    assert!(words::walk("a b", &mut []) == 0);\n}\n'
RELEASES = """\
on:
  push:
    tags: ["v*"]
jobs:
  build:
    runs-on: ubuntu-latest
    steps:
      - run: cargo build --locked --profile dist
      - uses: softprops/action-gh-release@v2
        with:
          files: target/dist/duo
"""
SHIPS_ANOTHER = (
    ".github/workflows/release.yml:8 ships with --profile dist, not release, which is measured here: "
    "choose it with --profile dist"
)


def explored(user: User, project: Path, *axes: str, **environment: str) -> dict[str, dict[str, Any]]:
    """The trials of an exploration by what they change."""
    options = [option for axis in axes for option in ("--axis", axis)]
    return by_label(user.explores(project, *options, "--measure", "size", cwd=None, **environment))


def warnings(trial: dict[str, Any]) -> list[str]:
    (effect,) = trial["effect"]
    return list(effect["warnings"])


def adding(project: Path, name: str, text: str) -> Path:
    """Put text at the end of one of a project's files, which need not exist."""
    file = project / name
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a") as opened:
        opened.write(text)
    return project


def test_flags_of_the_environment_win_over_the_profile(user: User) -> None:
    # Not -C lto=off: what Cargo compiles for LTO holds nothing but bitcode, which only some linkers read.
    flags = "-Copt-level=1 -C codegen-units=4 -C debuginfo=1"
    project = adding(user.project("duo"), "Cargo.toml", '\n[profile.release]\nopt-level = "s"\ncodegen-units = 1\n')
    trials = explored(user, project, "lto=fat", RUSTFLAGS=flags)
    assert warnings(trials["lto fat"]) == [
        "duo: codegen-units was asked as 1 but rustc was told 4",
        "duo: opt-level was asked as s but rustc was told 1",
        "duo: debug was asked as none but rustc was told limited",
        "dependencies with another codegen-units than asked: words",
        "dependencies with another opt-level than asked: words",
        "dependencies with another debug than asked: words",
    ]
    assert warnings(trials["today"])[:2] == [
        "duo: codegen-units was asked as 1 but rustc was told 4",
        "duo: opt-level was asked as s but rustc was told 1",
    ]
    effect = trials["today"]["effect"][0]
    assert (effect["codegen-units"], effect["opt-level"]) == (4, "1")
    text = " ".join(user.does("show").out.split())
    assert "warning: today: duo: codegen-units was asked as 1 but rustc was told 4" in text


@pytest.mark.parametrize("config", [BUILD_FLAGS, TARGET_FLAGS], ids=["build", "target"])
def test_flags_of_the_configuration_win_over_the_profile(user: User, config: str) -> None:
    project = adding(user.project("duo"), ".cargo/config.toml", config)
    trials = explored(user, project, "codegen-units=1")
    assert warnings(trials["codegen-units 1"]) == [
        "duo: codegen-units was asked as 1 but rustc was told 4",
        "dependencies with another codegen-units than asked: words",
    ]


def test_flags_that_take_the_bitcode_away_are_no_silent_drop(user: User) -> None:
    """rustc refuses them beside link-time optimization across crates, and they take nothing from any other."""
    trials = explored(user, user.project("duo"), "lto=thin", RUSTFLAGS="-Cembed-bitcode=no")
    assert warnings(trials["today"]) == []
    assert trials["lto thin"]["status"] == "failed"
    assert "`-C embed-bitcode=no` and `-C lto` are incompatible" in trials["lto thin"]["failure"]["message"]


@pytest.mark.slow
def test_a_dependency_with_settings_of_its_own(user: User) -> None:
    override = "\n[profile.release.package.words]\nopt-level = 1\ncodegen-units = 2\ndebug = true\n"
    project = adding(user.project("duo"), "Cargo.toml", override)
    trials = explored(user, project, "opt-level=s")
    assert warnings(trials["opt-level s"]) == [
        "dependencies with another codegen-units than asked: words",
        "dependencies with another opt-level than asked: words",
        "dependencies with another debug than asked: words",
    ]


def test_a_program_with_settings_of_its_own(user: User) -> None:
    project = adding(user.project("duo"), "Cargo.toml", "\n[profile.release.package.duo]\ncodegen-units = 4\n")
    trials = explored(user, project, "codegen-units=1")
    assert trials["today"]["profile"]["codegen-units"] == 4
    assert warnings(trials["codegen-units 1"]) == ["duo: codegen-units was asked as 1 but rustc was told 4"]


def test_settings_for_build_scripts_are_none_for_the_program(user: User) -> None:
    """The build script has a copy of the dependency, compiled with settings of its own, of which nothing ships."""
    override = "\n[profile.release.build-override]\nopt-level = 1\ncodegen-units = 2\ndebug = true\n"
    project = adding(user.project("duo"), "Cargo.toml", override)
    adding(project, "app/Cargo.toml", '\n[build-dependencies]\nwords = { path = "../words" }\n')
    adding(project, "app/build.rs", BUILD_SCRIPT)
    trials = explored(user, project, "opt-level=s")
    assert [warnings(trials[label]) for label in ("today", "opt-level s")] == [[], []]


@pytest.mark.parametrize(
    ("config", "environment"),
    [("", {"CARGO_PROFILE_RELEASE_LTO": "off"}), ('[profile.release]\nlto = "off"\n', {})],
    ids=["environment", "configuration"],
)
def test_a_profile_set_elsewhere_is_todays_and_gives_way(user: User, config: str, environment: dict[str, str]) -> None:
    project = adding(user.project("duo"), ".cargo/config.toml", config)
    trials = explored(user, project, "lto=local", **environment)
    for label, lto in (("today", "off"), ("lto local", "local")):
        assert trials[label]["profile"]["lto"] == trials[label]["effect"][0]["lto"] == lto
        assert warnings(trials[label]) == []


def test_a_workflow_that_ships_another_profile(user: User) -> None:
    project = adding(user.project("duo"), ".github/workflows/release.yml", RELEASES)
    adding(project, "Cargo.toml", '\n[profile.dist]\ninherits = "release"\n')
    arguments = (project, "--axis", TODAY, "--measure", "size")
    assert SHIPS_ANOTHER in user.explores(*arguments)["notes"]
    assert not [note for note in user.explores(*arguments, "--profile", "dist")["notes"] if "ships with" in note]
