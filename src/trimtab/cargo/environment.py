"""Environment variables of Cargo in a measurement: the user's own, without what would fake the result."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

_INHERITED_JOBSERVERS = ("MAKEFLAGS", "MFLAGS", "CARGO_MAKEFLAGS")
_CACHES_RUSTC_INFO = "CARGO_CACHE_RUSTC_INFO"
_WRAPPER, _WORKSPACE_WRAPPER = "RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER"
_WRAPPERS = (_WRAPPER, _WORKSPACE_WRAPPER, f"CARGO_BUILD_{_WRAPPER}", f"CARGO_BUILD_{_WORKSPACE_WRAPPER}")
_BUILD_PREFIXES = (
    *("CARGO_PROFILE_", "CARGO_BUILD_", "CARGO_TARGET_", "CARGO_ENCODED_RUSTFLAGS", "CARGO_INCREMENTAL"),
    *("MATURIN_", "PYO3_", "SETUPTOOLS_RUST_", "SOURCE_DATE_EPOCH"),
    *("RUSTFLAGS", "RUSTC", "CC", "CXX", "CFLAGS", "CXXFLAGS", "CPPFLAGS", "AR", "LD", "PKG_CONFIG"),
)


def asking(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment for questions whose answers are unstable features of a stable Cargo (unit graph, config).

    Never used for a build: build scripts look at ``RUSTC_BOOTSTRAP`` and would compile other code.
    """
    return {**plain(environment), "RUSTC_BOOTSTRAP": "1"}


def plain(environment: Mapping[str, str]) -> dict[str, str]:
    """The user's environment, with uncoloured output and without a jobserver inherited from ``make``.

    Cargo may not write down what it asked rustc: it would do so in the ``target`` folder of the project.
    """
    kept = {name: value for name, value in environment.items() if name not in _INHERITED_JOBSERVERS}
    return {**kept, "CARGO_TERM_COLOR": "never", "CARGO_TERM_PROGRESS_WHEN": "never", _CACHES_RUSTC_INFO: "0"}


def without_git(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment without what a git hook sets, which would name the user's own index and tree everywhere."""
    return {name: value for name, value in environment.items() if not name.startswith("GIT_")}


def building(environment: Mapping[str, str], target_dir: Path, *, workspace_wrapper: bool = False) -> dict[str, str]:
    """The environment for a build of its own: own target directory, and no compiler cache in between.

    ``CARGO_BUILD_BUILD_DIR`` is set as well, since a ``build.build-dir`` of the user's would be shared between trials.
    An empty wrapper variable turns off one that is set in ``.cargo/config.toml``. That of the workspace is only set
    where there is one to turn off: even if it is empty, Cargo makes other symbol hashes with it.

    Args:
        environment: the user's.
        target_dir: the target directory.
        workspace_wrapper: whether Cargo's configuration has a ``build.rustc-workspace-wrapper``.
    """
    folders = {"CARGO_TARGET_DIR": str(target_dir), "CARGO_BUILD_BUILD_DIR": str(target_dir)}
    has_one = workspace_wrapper or any(name.endswith(_WORKSPACE_WRAPPER) for name in environment)
    off = dict.fromkeys((_WRAPPER, _WORKSPACE_WRAPPER) if has_one else (_WRAPPER,), "")
    settled = {**plain(environment), **folders, **off}
    del settled[_CACHES_RUSTC_INFO]  # in a target directory of its own it costs nothing and saves time
    return settled


def affecting_builds(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that change what a build produces; part of what makes two trials the same."""
    folders = ("CARGO_TARGET_DIR", "CARGO_BUILD_BUILD_DIR", "CARGO_BUILD_TARGET_DIR")
    return {
        name: value
        for name, value in sorted(environment.items())
        if name.startswith(_BUILD_PREFIXES) and name not in folders
    }


def compiler_wrapper(environment: Mapping[str, str]) -> str:
    """The compiler wrapper that the environment asks for (``sccache``), or nothing."""
    return next((environment[name] for name in _WRAPPERS if environment.get(name)), "")
