"""What takes the place of a program where a wheel ships."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.runner import FakeRunner, finished
from tests.fakes.values import ABORT, TODAY, study, trial
from tests.fakes.wheels import make_wheel
from trimtab.cargo.project import Binary, Project
from trimtab.choice.recommend import recommend
from trimtab.errors import InputError
from trimtab.experiment.wheels import binaries_in, startup_bench, tree_of, wheel_beside, wheel_meant
from trimtab.measure.size import WheelSizeProbe
from trimtab.model.metric import STARTUP, Absent, Measurement
from trimtab.model.plan import STARTUP_BENCH, Goal
from trimtab.model.trial import ENDS_INTERPRETER, Artifact, Effect
from trimtab.pyproject.project import WheelProject

ROOT = Path("/project")
LIBRARY = Binary(name="native", package="app", source=ROOT / "rust/src/lib.rs", is_library=True)
PROGRAM = Binary(name="app", package="app", source=ROOT / "rust/src/main.rs")
OTHER = Binary(name="other", package="other", source=ROOT / "rust/other/main.rs")


def wheel(**rest: Any) -> WheelProject:
    values: dict[str, Any] = {
        "root": ROOT, "requires": ("maturin",), "backend": "maturin", "backend_path": (), "is_maturin": True,
        "manifest": ROOT / "rust/Cargo.toml", "crate": "app", "is_program": False, "profile": "release",
        "scripts": (),
    }  # fmt: skip
    return WheelProject(**{**values, **rest})


def metadata(*folders: Path) -> FakeRunner:
    """A Cargo that knows of path dependencies in some folders."""
    packages = [
        {"name": folder.name, "manifest_path": str(folder / "Cargo.toml"), "source": None} for folder in folders
    ]
    return FakeRunner().on("cargo metadata *", finished(json.dumps({"packages": packages})))


def project(*binaries: Binary) -> Project:
    return Project(
        root=ROOT / "rust", folder=ROOT / "rust", packages=("app", "other"), defaults=("app",),
        binaries=tuple(one for one in binaries if not one.is_library),
        libraries=tuple(one for one in binaries if one.is_library),
        target_directory=ROOT / "rust/target", has_bench_targets=False,
    )  # fmt: skip


class TestWhatIsInIt:
    def test_the_library_of_a_module_and_the_programs_of_a_program(self) -> None:
        everything = project(PROGRAM, OTHER, LIBRARY)
        assert binaries_in(wheel(), everything) == (LIBRARY,)
        assert binaries_in(wheel(is_program=True), everything) == (PROGRAM,)
        assert binaries_in(wheel(), project(PROGRAM)) == (PROGRAM,)

    def test_nothing(self) -> None:
        with pytest.raises(InputError, match="the package app has no program and no cdylib"):
            binaries_in(wheel(), project(OTHER))

    @pytest.mark.parametrize(
        ("root", "beside", "expected"),
        [
            (ROOT, [], ROOT),
            (ROOT / "rust", [], ROOT / "rust"),
            (ROOT / "rust/py", [], ROOT / "rust"),
            (ROOT / "rust", [ROOT / "core"], ROOT / "rust"),
        ],
    )
    def test_the_tree_holds_the_workspace_and_the_python_project(
        self, root: Path, beside: list[Path], expected: Path
    ) -> None:
        assert tree_of(metadata(*beside), wheel(root=root), project(), {}) == expected

    def test_path_dependencies_in_the_same_repository_belong_to_it(self, tmp_path: Path) -> None:
        (tmp_path / ".git").mkdir()
        there, core = tmp_path / "bindings", tmp_path / "core"
        found = replace(project(), root=there)
        assert tree_of(metadata(core), wheel(root=there), found, {}) == tmp_path
        assert tree_of(metadata(tmp_path.parent / "far"), wheel(root=there), found, {}) == there


@pytest.mark.parametrize(
    ("found", "programs", "command"),
    [
        ({"is_program": True}, (PROGRAM,), STARTUP_BENCH.command),
        ({"scripts": ("run",)}, (LIBRARY,), STARTUP_BENCH.command),
        ({}, (LIBRARY,), ("{python}", "-c", "import {module}")),
        ({"scripts": ("a", "b")}, (LIBRARY,), ("{python}", "-c", "import {module}")),
        ({"scripts": None}, (LIBRARY,), ("{python}", "-c", "import {module}")),
    ],
)
def test_the_smoke_run(found: dict[str, Any], programs: tuple[Binary, ...], command: tuple[str, ...]) -> None:
    bench = startup_bench(wheel(**found), project(*programs))
    assert (bench.name, bench.command) == (STARTUP, command)


class TestWhichIsMeant:
    def test_only_asked_for_where_there_is_a_cargo_project(self, tmp_path: Path) -> None:
        (tmp_path / "pyproject.toml").write_text('[build-system]\nrequires = ["maturin"]\nbuild-backend = "maturin"\n')
        (tmp_path / "rust").mkdir()
        (tmp_path / "rust" / "Cargo.toml").write_text('[package]\nname = "app"\n')
        found = wheel_meant(tmp_path, asked=False)
        assert found
        assert found.manifest == tmp_path / "rust" / "Cargo.toml"
        (tmp_path / "Cargo.toml").write_text('[package]\nname = "app"\n')
        assert wheel_meant(tmp_path, asked=False) is None
        assert wheel_meant(tmp_path, asked=True)


class TestBeside:
    """A workspace with a program and a module, whose ``pyproject.toml`` lies in its root."""

    @pytest.fixture
    def root(self, tmp_path: Path) -> Path:
        for name in ("tool", "py"):
            (tmp_path / name).mkdir()
        (tmp_path / "pyproject.toml").write_text(
            '[build-system]\nrequires = ["maturin"]\n[tool.maturin]\nmanifest-path = "py/Cargo.toml"\n'
        )
        (tmp_path / "py" / "Cargo.toml").write_text('[package]\nname = "py"\n[lib]\ncrate-type = ["cdylib"]\n')
        return tmp_path

    def beside(self, root: Path, below: str = "", **chosen: tuple[str, ...]) -> bool:
        tool = Binary(name="tool", package="tool", source=root / "tool/main.rs")
        module = Binary(name="py", package="py", source=root / "py/lib.rs", is_library=True)
        defaults = (below,) if below else ("tool", "py")  # as Cargo has it in the folder of a member
        found = replace(project(tool, module), root=root, packages=("tool", "py"), defaults=defaults)
        return wheel_beside(root / below, found, **chosen) is not None

    def test_a_program_that_is_meant_ships(self, root: Path) -> None:
        assert not self.beside(root)
        assert not self.beside(root, "tool")
        assert not self.beside(root, packages=("tool",))
        assert not self.beside(root, "py", binaries=("tool",))

    def test_where_none_is_meant_the_wheel_ships(self, root: Path) -> None:
        assert self.beside(root, "py")
        assert self.beside(root, packages=("py",))

    @pytest.mark.parametrize("said", [True, False])
    def test_the_settings_have_the_last_word(self, root: Path, said: bool) -> None:
        (root / "trimtab.toml").write_text(f"[project]\nwheel = {str(said).lower()}\n")
        assert self.beside(root) is self.beside(root, "py") is said


class Weights:
    """Weighs binaries by their names."""

    def measure(self, artifacts: tuple[Artifact, ...], baseline: tuple[Artifact, ...]) -> list[Measurement | Absent]:
        names = ",".join(one.name for one in artifacts)
        return [Measurement(name="size.file", value=sum(one.size for one in artifacts), unit="bytes", method=names)]


def test_a_wheel_is_weighed_with_the_binaries_in_it(tmp_path: Path) -> None:
    elf = b"\x7fELF" + bytes(100)
    path = make_wheel(
        tmp_path / "a.whl", {"app/native.so": elf, "app-0.1.0.data/scripts/app": elf, "app/__init__.py": ""}
    )
    artifact = Artifact(name="a.whl", size=path.stat().st_size, sha256="0" * 64, path=str(path))
    size, inside = WheelSizeProbe(Weights()).measure((artifact,), ())  # type: ignore[arg-type]
    assert (size.name, isinstance(size, Measurement) and size.value) == ("size.wheel", artifact.size)
    assert isinstance(inside, Measurement)
    assert (inside.value, inside.method) == (208, "app/native.so,app-0.1.0.data/scripts/app")
    pure = make_wheel(tmp_path / "b.whl", {"app/__init__.py": ""})
    artifact = Artifact(name="b.whl", size=pure.stat().st_size, sha256="1" * 64, path=str(pure))
    assert [one.name for one in WheelSizeProbe(Weights()).measure((artifact,), ())] == ["size.wheel", "size.file"]  # type: ignore[arg-type]


class TestRecommendation:
    def warned(self, trial_of: Any) -> Any:
        effect = Effect(
            binary="native", lto="local", codegen_units=16, opt_level="3", panic="abort", strip="none", debug="none",
            warnings=(f"native: {ENDS_INTERPRETER}",),
        )  # fmt: skip
        return replace(trial_of, effects=(effect,))

    def test_no_size_is_worth_a_module_that_ends_the_interpreter(self) -> None:
        trials = (trial(TODAY, stripped=1000, cpu=40.0), self.warned(trial(ABORT, stripped=700, cpu=40.0)))
        found = recommend(study(*trials, goal=Goal.SIZE))
        assert found
        assert found.keeps_today
        assert any(ENDS_INTERPRETER in why for why in found.why)

    def test_unless_todays_does_so_already(self) -> None:
        trials = (self.warned(trial(TODAY, stripped=1000, cpu=40.0)), self.warned(trial(ABORT, stripped=700, cpu=40.0)))
        found = recommend(study(*trials, goal=Goal.SIZE))
        assert found
        assert not found.keeps_today
