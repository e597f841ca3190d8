"""What every builder keeps to."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fakes.cargo import FakeCargo
from tests.fakes.parts import FakeBuilder
from tests.fakes.runner import finished
from tests.fakes.values import FAT, THIN, TODAY
from tests.fakes.wheels import FakeBackend
from trimtab.builders.builder import Builder
from trimtab.builders.cargo import CargoBuilder
from trimtab.builders.wheel import WheelBuilder
from trimtab.builders.work_folder import ArtifactStore
from trimtab.cargo.calls import Calls
from trimtab.cargo.project import Project, choose_binaries, load_project
from trimtab.model.build_progress import BuildProgress
from trimtab.model.plan import Selection
from trimtab.model.profile import OptLevel, Profile
from trimtab.model.trial import BuildFailed, Built, Cause, Cost
from trimtab.pyproject.backend import Backend
from trimtab.pyproject.environments import Environment
from trimtab.pyproject.project import read_wheel_project
from trimtab.system.process import Runner

BROKEN = Profile(opt_level=OptLevel.O0)


def calls(runner: Runner, project: Project, folder: Path) -> Calls:
    return Calls(
        runner=runner, project=project, selection=Selection(), today=TODAY, rustflags=(), environment={},
        work=folder / "work", jobs=None, timeout=60,
    )  # fmt: skip


def cargo_builder(folder: Path) -> Builder:
    cargo = FakeCargo.with_project(folder / "project", '[package]\nname = "app"\n')
    cargo.failing["opt-level=0"] = finished(stderr="error[E0308]: mismatched types\n", exit_code=101)
    project = load_project(cargo, cargo.root / "Cargo.toml", {})
    binaries = choose_binaries(project, Selection())
    return CargoBuilder(
        calls=calls(cargo, project, folder), binaries=binaries, artifacts=ArtifactStore(folder / "kept"),
        touched=binaries[0].source,
    )  # fmt: skip


def wheel_builder(folder: Path) -> Builder:
    runner = FakeBackend.with_project(folder / "project", '[package]\nname = "app"\n')
    runner.failing["opt-level=0"] = finished(stderr="error[E0308]: mismatched types\n", exit_code=101)
    (runner.root / "pyproject.toml").write_text('[build-system]\nrequires = ["maturin"]\nbuild-backend = "maturin"\n')
    project = load_project(runner, runner.root / "Cargo.toml", {})
    return WheelBuilder(
        calls=calls(runner, project, folder), tree=runner.root,
        backend=Backend(project=read_wheel_project(runner.root), tools=Environment(folder / "tools"), versions=()),
        artifacts=ArtifactStore(folder / "kept"), touched=project.binaries[0].source,
    )  # fmt: skip


def fake_builder(folder: Path) -> Builder:
    failure = BuildFailed(cause=Cause.COMPILER, message="error[E0308]: mismatched types", log=("error",), wall=1.0)
    return FakeBuilder(folder, failures={BROKEN: failure})


MAKERS: dict[str, Callable[[Path], Builder]] = {
    "cargo": cargo_builder,
    "wheel": wheel_builder,
    "fake": fake_builder,
}
NAMES = ("app", "app-0.1.0-py3-none-any.whl")


@pytest.fixture(params=MAKERS)
def builder(request: pytest.FixtureRequest, tmp_path: Path) -> Builder:
    return MAKERS[request.param](tmp_path)


def build(builder: Builder, profile: Profile, *, touch: bool = False) -> Built:
    built = builder.build(profile, touch=touch)
    assert isinstance(built, Built)
    return built


class TestBuilder:
    def test_gives_binaries_that_stay(self, builder: Builder) -> None:
        first = build(builder, TODAY)
        build(builder, FAT)
        for artifact in first.artifacts:
            content = Path(artifact.path).read_bytes()
            assert len(content) == artifact.size > 0
            assert hashlib.sha256(content).hexdigest() == artifact.sha256
            assert Path(artifact.path).name == artifact.name
            assert artifact.name in NAMES

    def test_gives_the_same_for_the_same_profile_only(self, builder: Builder) -> None:
        today, thin, again = (build(builder, profile).artifacts for profile in (TODAY, THIN, TODAY))
        assert today == again
        assert today[0].sha256 != thin[0].sha256

    def test_says_what_it_cost(self, builder: Builder) -> None:
        built = build(builder, TODAY)
        assert built.clean.wall > 0
        assert built.clean.cpu > 0
        assert built.clean.peak_memory
        assert built.clean.memory_method
        assert built.clean.other_load >= 0

    def test_says_what_rustc_was_told(self, builder: Builder) -> None:
        (call,) = [one for one in build(builder, FAT).invocations if one.crate == "app"]
        assert "lto=fat" in call.arguments

    def test_touches_only_when_asked(self, builder: Builder) -> None:
        assert build(builder, TODAY).touch is None
        touched = build(builder, TODAY, touch=True)
        assert isinstance(touched.touch, Cost)
        assert touched.touched == "src/main.rs"

    def test_reports_progress_of_the_build_and_of_the_rebuild(self, builder: Builder) -> None:
        states: list[BuildProgress] = []
        builder.build(TODAY, touch=True, on_progress=states.append)
        assert list(dict.fromkeys(state.rebuilds for state in states)) == ["", "src/main.rs"]

    def test_a_failure_is_a_result_and_the_next_build_works(self, builder: Builder) -> None:
        found = builder.build(BROKEN, touch=True)
        assert isinstance(found, BuildFailed)
        assert found.cause is Cause.COMPILER
        assert found.message == "error[E0308]: mismatched types"
        assert found.log
        assert found.wall > 0
        assert build(builder, TODAY).artifacts
