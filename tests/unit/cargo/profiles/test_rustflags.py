"""Compiler flags on top of those in force."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fakes.cargo import FakeCargo
from tests.fakes.runner import finished
from trimtab.cargo.profiles.rustflags import adding, flags_in_force, rustflags_place
from trimtab.cargo.project import Project, load_project
from trimtab.errors import InputError
from trimtab.system.toml import parse_toml


@pytest.fixture
def cargo(tmp_path: Path) -> FakeCargo:
    return FakeCargo.with_project(tmp_path / "app")


def in_force(cargo: FakeCargo, environment: dict[str, str]) -> tuple[str, ...]:
    return flags_in_force(cargo, load_project(cargo, cargo.root / "Cargo.toml", {}), environment)


@pytest.mark.parametrize(
    ("environment", "flags"),
    [
        ({}, ()),
        ({"RUSTFLAGS": "-C target-cpu=native -g"}, ("-C", "target-cpu=native", "-g")),
        ({"RUSTFLAGS": "-g", "CARGO_ENCODED_RUSTFLAGS": "--cfg\x1fa b"}, ("--cfg", "a b")),
    ],
)
def test_cargo_is_asked_for_them(cargo: FakeCargo, environment: dict[str, str], flags: tuple[str, ...]) -> None:
    assert in_force(cargo, environment) == flags


def test_it_is_asked_where_the_projects_configuration_holds_and_without_touching_it(cargo: FakeCargo) -> None:
    before = sorted(cargo.root.rglob("*"))
    in_force(cargo, {})
    checks = [command for command in cargo.commands if command.argv[1] == "check"]
    assert len(checks) == 2
    for command in checks:
        assert command.cwd == cargo.root
        assert not Path(command.environment["CARGO_TARGET_DIR"]).is_relative_to(cargo.root)
    assert sorted(cargo.root.rglob("*")) == before


def test_flags_that_do_not_work_are_told_in_the_compilers_words(cargo: FakeCargo) -> None:
    cargo.on("cargo check*", finished(stderr="error: unknown codegen option: `lot`\n", exit_code=101))
    with pytest.raises(InputError, match="flags in force do not work: unknown codegen option: `lot`"):
        in_force(cargo, {"RUSTFLAGS": "-C lot=fat"})


def test_those_in_force_are_kept_before_the_new_ones() -> None:
    assert adding(("-C", "x=a b"), ("-g",)) == {"CARGO_ENCODED_RUSTFLAGS": "-g\x1f-C\x1fx=a b"}
    assert adding(("-g",), ()) == {"CARGO_ENCODED_RUSTFLAGS": "-g"}


def test_without_new_ones_nothing_is_said() -> None:
    assert adding((), ("-g",)) == {}


class TestThePlaceForMore:
    """Advice on flags works when it is followed: it names the first source that is set, and what stands there."""

    def advice(self, root: Path, text: str = "", configured: str = "", **environment: str) -> str:
        (root / ".cargo").mkdir()
        if text:
            (root / ".cargo" / "config.toml").write_text(text)
        project = Project(
            root=root,
            folder=root,
            packages=(),
            defaults=(),
            binaries=(),
            target_directory=root,
            has_bench_targets=False,
        )
        configuration = parse_toml(configured or text)
        return rustflags_place(project, environment, configuration, "x86_64-unknown-linux-gnu").advice(("-g",))

    def test_nothing_is_set(self, tmp_path: Path) -> None:
        assert self.advice(tmp_path) == 'put rustflags = ["-g"] in [build] of .cargo/config.toml'

    def test_flags_that_stand_there_are_kept(self, tmp_path: Path) -> None:
        found = self.advice(tmp_path, '[build]\nrustflags = "-C target-cpu=native"\n')
        assert found == 'put rustflags = ["-C", "target-cpu=native", "-g"] in [build] of .cargo/config.toml'

    def test_flags_of_a_target_win_over_those_of_all(self, tmp_path: Path) -> None:
        text = "[target.'cfg(unix)']\nrustflags = ['-Ca=b']\n"
        assert self.advice(tmp_path, text).endswith('["-g"] in [target.x86_64-unknown-linux-gnu] of .cargo/config.toml')

    def test_those_of_a_folder_above_are_joined_by_cargo(self, tmp_path: Path) -> None:
        assert '["-g"]' in self.advice(tmp_path, configured="[build]\nrustflags = ['-Ca=b']\n")

    def test_a_variable_comes_before_all_files(self, tmp_path: Path) -> None:
        found = self.advice(tmp_path, "[build]\nrustflags = ['-Ca=b']\n", RUSTFLAGS="-Cx=y")
        assert found == "set RUSTFLAGS='-Cx=y -g' where it is built: that comes before all files"
