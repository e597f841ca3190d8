"""The surroundings of a build: the user's own, less what would fake the result."""

from __future__ import annotations

from pathlib import Path

import pytest

from trimtab.cargo.environment import affecting_builds, asking, building, compiler_wrapper, plain

USER = {
    "PATH": "/usr/bin",
    "MAKEFLAGS": "-j8 --jobserver-auth=3,4",
    "CARGO_MAKEFLAGS": "-j8",
    "CARGO_TERM_COLOR": "always",
    "RUSTC_WRAPPER": "sccache",
    "CARGO_TARGET_DIR": "/home/ann/shared-target",
    "CARGO_PROFILE_RELEASE_LTO": "fat",
}


def test_a_jobserver_is_not_inherited_and_nothing_is_coloured() -> None:
    found = plain(USER)
    assert "MAKEFLAGS" not in found
    assert "CARGO_MAKEFLAGS" not in found
    assert found["CARGO_TERM_COLOR"] == "never"
    assert found["PATH"] == "/usr/bin"
    assert USER["CARGO_TERM_COLOR"] == "always"


def test_a_build_has_a_target_directory_of_its_own_and_no_compiler_cache() -> None:
    found = building(USER, Path("/build/target"))
    assert found["CARGO_TARGET_DIR"] == found["CARGO_BUILD_BUILD_DIR"] == "/build/target"
    assert found["RUSTC_WRAPPER"] == ""
    assert "RUSTC_WORKSPACE_WRAPPER" not in found, "Cargo makes other symbol hashes with it, even if it is empty"


@pytest.mark.parametrize("name", ["RUSTC_WORKSPACE_WRAPPER", "CARGO_BUILD_RUSTC_WORKSPACE_WRAPPER"])
def test_a_wrapper_of_the_workspace_is_turned_off_where_there_is_one(name: str) -> None:
    assert building({name: "w"}, Path("/build/target"))["RUSTC_WORKSPACE_WRAPPER"] == ""
    assert building({}, Path("/build/target"), workspace_wrapper=True)["RUSTC_WORKSPACE_WRAPPER"] == ""


def test_the_users_variables_stay() -> None:
    found = building(USER, Path("/build/target"))
    assert found["CARGO_PROFILE_RELEASE_LTO"] == "fat"


def test_unstable_questions_are_never_asked_in_a_build() -> None:
    assert asking(USER)["RUSTC_BOOTSTRAP"] == "1"
    assert "RUSTC_BOOTSTRAP" not in building(USER, Path("/build/target"))


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("CARGO_PROFILE_RELEASE_LTO", True),
        ("CARGO_BUILD_RUSTFLAGS", True),
        ("CARGO_ENCODED_RUSTFLAGS", True),
        ("CARGO_INCREMENTAL", True),
        ("RUSTFLAGS", True),
        ("CC", True),
        ("RUSTC", True),
        ("CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_LINKER", True),
        ("CARGO_TARGET_DIR", False),
        ("PATH", False),
        ("TERM", False),
    ],
)
def test_what_makes_two_builds_different(name: str, *, counts: bool) -> None:
    assert (affecting_builds({name: "x"}) == {name: "x"}) is counts


@pytest.mark.parametrize(
    ("environment", "wrapper"),
    [({}, ""), ({"RUSTC_WRAPPER": "sccache"}, "sccache"), ({"RUSTC_WRAPPER": "", "RUSTC_WORKSPACE_WRAPPER": "w"}, "w")],
)
def test_the_compiler_wrapper(environment: dict[str, str], wrapper: str) -> None:
    assert compiler_wrapper(environment) == wrapper
