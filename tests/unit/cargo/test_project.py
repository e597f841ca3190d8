"""Which project, and which of its binaries."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.fakes.cargo import Crate, FakeCargo
from tests.fakes.runner import FakeRunner, finished
from trimtab.cargo.project import Binary, Project, choose_binaries, fetch, find_manifest, load_project
from trimtab.errors import InputError
from trimtab.model.plan import Selection

ROOT = Path("/work")


def project(**rest: Any) -> Project:
    """A workspace with two packages: `tools` has two binaries, `server` one."""
    places = {"find": "tools", "sort": "tools", "serve": "server"}
    values: dict[str, Any] = {
        "root": ROOT,
        "folder": ROOT,
        "packages": ("tools", "server", "lib"),
        "defaults": ("tools", "server", "lib"),
        "binaries": tuple(
            Binary(name=name, package=package, source=ROOT / package / "src/bin" / f"{name}.rs")
            for name, package in places.items()
        ),
        "ids": {name: f"path+file:///projects/{name}#0.1.0" for name in ("tools", "server", "lib")},
        "target_directory": ROOT / "target",
        "has_bench_targets": False,
    }
    return Project(**{**values, **rest})


def chosen(selection: Selection, **rest: Any) -> list[str]:
    return [binary.name for binary in choose_binaries(project(**rest), selection)]


@pytest.mark.parametrize(
    ("selection", "names"),
    [
        (Selection(binaries=("sort",)), ["sort"]),
        (Selection(binaries=("serve", "find")), ["serve", "find"]),
        (Selection(binaries=("find", "find")), ["find"]),
        (Selection(packages=("server",)), ["serve"]),
        (Selection(all_binaries=True), ["find", "sort", "serve"]),
        (Selection(all_binaries=True, packages=("tools",)), ["find", "sort"]),
    ],
)
def test_binaries_are_chosen_by_name_by_package_or_all(selection: Selection, names: list[str]) -> None:
    assert chosen(selection) == names


def test_default_run_and_default_members_choose() -> None:
    assert chosen(Selection(), default_runs={"tools": "sort"}) == ["sort"]
    assert chosen(Selection(), defaults=("server",)) == ["serve"]
    assert chosen(Selection(binaries=("find",)), defaults=("server",)) == ["find"]
    assert chosen(Selection(packages=("tools",)), default_runs={"tools": "sort", "server": "serve"}) == ["sort"]


def test_a_default_run_that_lacks_features_chooses_none() -> None:
    with pytest.raises(InputError, match="several binaries and none chosen: find, sort, serve"):
        chosen(Selection(), default_runs={"tools": "debugger"})


def test_two_default_runs_choose_none() -> None:
    with pytest.raises(InputError, match="several binaries"):
        chosen(Selection(), default_runs={"tools": "sort", "server": "serve"})


@pytest.mark.parametrize(
    ("selection", "defaults", "specs"),
    [
        (Selection(binaries=("serve",)), ("tools", "server"), [""]),
        (Selection(binaries=("serve",)), ("tools",), ["path+file:///projects/server#0.1.0"]),
        (Selection(packages=("server",)), ("tools", "server"), ["path+file:///projects/server#0.1.0"]),
    ],
)
def test_a_package_is_named_to_cargo_only_where_it_must_be(
    selection: Selection, defaults: tuple[str, ...], specs: list[str]
) -> None:
    assert [binary.package_spec for binary in choose_binaries(project(defaults=defaults), selection)] == specs


@pytest.mark.parametrize(
    ("selection", "binaries", "has_name"),
    [
        (Selection(all_binaries=True), None, False),
        (Selection(), ("find",), False),
        (Selection(binaries=("find",)), None, True),  # Cargo refuses it by name, too
        (Selection(all_binaries=True), ("sort", "serve"), True),
    ],
)
def test_a_name_that_a_binary_without_its_features_has_too_is_not_said(
    selection: Selection, binaries: tuple[str, ...] | None, has_name: bool
) -> None:
    everything = project()
    kept = tuple(one for one in everything.binaries if binaries is None or one.name in binaries)
    lacking = (Binary(name="find", package="server", source=Path("a.rs"), required_features=("x",)),)
    chosen = choose_binaries(project(binaries=kept, left_out=lacking), selection)
    assert {binary.has_name for binary in chosen} == {has_name}


def test_before_cargo_1_77_an_id_is_no_specification() -> None:
    old = project(ids={"server": "server 0.1.0 (path+file:///projects/server)"})
    assert choose_binaries(old, Selection(packages=("server",)))[0].package_spec == "server"


@pytest.mark.parametrize(
    ("selection", "what", "hint"),
    [
        (Selection(), "several binaries and none chosen: find, sort, serve", "--bin NAME"),
        (Selection(binaries=("fnid",)), "no binary 'fnid'", "there are find, sort, serve"),
        (Selection(binaries=("serve",), packages=("tools",)), "no binary 'serve'", "there are find, sort"),
        (Selection(packages=("tool",)), "no package 'tool' in this workspace", "it has tools, server, lib"),
        (Selection(packages=("lib",)), "no binary to ship", "--package"),
    ],
)
def test_what_cannot_be_chosen_is_refused_with_what_can(selection: Selection, what: str, hint: str) -> None:
    with pytest.raises(InputError) as caught:
        chosen(selection)
    assert caught.value.what == what
    assert hint in caught.value.hint


def test_the_manifest_is_found_above(tmp_path: Path) -> None:
    (tmp_path / "Cargo.toml").touch()
    below = tmp_path / "src" / "deep"
    below.mkdir(parents=True)
    assert find_manifest(below) == find_manifest(tmp_path / "Cargo.toml") == tmp_path / "Cargo.toml"


def test_a_link_to_a_manifest_counts_where_it_lies(tmp_path: Path) -> None:
    (tmp_path / "manifests").mkdir()
    (tmp_path / "manifests" / "tool.toml").touch()
    (tmp_path / "tool").mkdir()
    link = tmp_path / "tool" / "Cargo.toml"
    link.symlink_to("../manifests/tool.toml")
    assert find_manifest(link) == find_manifest(tmp_path / "tool") == link


def test_no_manifest_and_no_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no Cargo\.toml"):
        find_manifest(tmp_path)
    with pytest.raises(InputError, match="does not exist"):
        find_manifest(tmp_path / "nothere")


def test_cargos_description_is_read(tmp_path: Path) -> None:
    crates = (Crate(name="app", binaries=("app", "extra"), folder="app"), Crate(name="dep", folder="dep"))
    found = load_project(FakeCargo(tmp_path, crates), tmp_path / "Cargo.toml", {})
    assert found.root == tmp_path
    assert found.packages == found.defaults == ("app", "dep")
    assert [binary.name for binary in found.binaries] == ["app", "extra"]
    assert found.binaries[1].source == tmp_path / "app/src/bin/extra.rs"
    assert not found.has_bench_targets
    assert found.folder == tmp_path
    assert found.at(Path("/copy")).folder == Path("/copy")
    assert found.manifest == tmp_path / "Cargo.toml"


def test_a_broken_manifest_is_told_in_one_line() -> None:
    stderr = """\
error: invalid array
expected `]`
 --> Cargo.toml:2:12
  |
2 | members = ["a"
  |            ^
"""
    runner = FakeRunner().on("cargo metadata*", finished(stderr=stderr, exit_code=101))
    with pytest.raises(InputError) as caught:
        load_project(runner, Path("/build/Cargo.toml"), {})
    assert caught.value.what.startswith("Cargo cannot read this project: invalid array expected `]`")
    assert "\n" not in caught.value.what
    assert caught.value.where == "/build/Cargo.toml"


class TestFetch:
    def test_what_is_here_already_needs_no_network(self) -> None:
        runner = FakeRunner().on("cargo fetch --locked --offline", finished())
        fetch(runner, project(), {})
        assert len(runner.lines) == 1

    def test_what_is_not_is_downloaded(self) -> None:
        missing = finished(stderr="error: failed to download `x`", exit_code=101)
        runner = FakeRunner().on("cargo fetch --locked --offline", missing).on("cargo fetch --locked", finished())
        fetch(runner, project(), {})
        assert runner.lines[-1] == "cargo fetch --locked"

    @pytest.mark.parametrize(
        ("stderr", "hint"),
        [
            ("error: cannot update the lock file because --locked was passed to prevent this", "cargo update"),
            ("    Updating crates.io index\nerror: failed to get `x` as a dependency", "network"),
        ],
    )
    def test_failure_says_what_to_do(self, stderr: str, hint: str) -> None:
        runner = FakeRunner().on("cargo fetch*", finished(stderr=stderr, exit_code=101))
        with pytest.raises(InputError) as caught:
            fetch(runner, project(), {})
        assert hint in caught.value.hint
        assert caught.value.what.startswith("cargo fetch failed: ")
        assert "error:" not in caught.value.what
