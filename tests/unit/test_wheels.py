"""What takes the place of a program where a wheel ships."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.fakes.values import ABORT, TODAY, study, trial
from tests.fakes.wheels import make_wheel
from trimtab.analysis.recommend import recommend
from trimtab.cargo.project import Binary, Project
from trimtab.errors import InputError
from trimtab.measure.size import WheelSizeProbe
from trimtab.model.metric import STARTUP, Absent, Measurement
from trimtab.model.plan import STARTUP_BENCH, Goal
from trimtab.model.trial import ENDS_INTERPRETER, Artifact, Effect
from trimtab.python.project import WheelProject
from trimtab.wheels import binaries_in, startup_bench, tree_of, wheel_meant

ROOT = Path("/work")
LIBRARY = Binary(name="native", package="app", source=ROOT / "rust/src/lib.rs", is_library=True)
PROGRAM = Binary(name="app", package="app", source=ROOT / "rust/src/main.rs")
OTHER = Binary(name="other", package="other", source=ROOT / "rust/other/main.rs")


def wheel(**rest: Any) -> WheelProject:
    values: dict[str, Any] = {
        "root": ROOT, "requires": ("maturin",), "backend": "maturin", "backend_path": (), "is_maturin": True,
        "manifest": ROOT / "rust/Cargo.toml", "crate": "app", "is_program": False, "profile": "release",
        "module": "app", "scripts": (),
    }  # fmt: skip
    return WheelProject(**{**values, **rest})


def project(*binaries: Binary) -> Project:
    return Project(
        root=ROOT / "rust", packages=("app", "other"), defaults=("app",), default_run="",
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

    def test_the_tree_holds_the_workspace_and_the_python_project(self) -> None:
        assert tree_of(wheel(), project()) == ROOT
        assert tree_of(wheel(root=ROOT / "rust"), project()) == ROOT / "rust"
        assert tree_of(wheel(root=ROOT / "rust/py"), project()) == ROOT / "rust"


@pytest.mark.parametrize(
    ("found", "programs", "command"),
    [
        ({"is_program": True}, (PROGRAM,), STARTUP_BENCH.command),
        ({"scripts": ("run",)}, (LIBRARY,), STARTUP_BENCH.command),
        ({}, (LIBRARY,), ("{python}", "-c", "import app")),
        ({"scripts": ("a", "b")}, (LIBRARY,), ("{python}", "-c", "import app")),
        ({"scripts": None}, (LIBRARY,), ("{python}", "-c", "import app")),
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
        from dataclasses import replace

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
