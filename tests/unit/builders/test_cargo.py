"""Builds with Cargo: settings from outside, touches that change no file, disks that are full."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.fakes.cargo import FakeCargo
from tests.fakes.runner import finished
from tests.fakes.values import FAT1, TODAY
from trimtab.builders.cargo import CargoBuilder
from trimtab.builders.work_folder import ArtifactStore
from trimtab.cargo.calls import Calls
from trimtab.cargo.project import choose_binaries, load_project
from trimtab.model.metric import Absent
from trimtab.model.plan import Selection
from trimtab.model.profile import Profile
from trimtab.model.trial import BuildFailed, Built, Cause, Cost
from trimtab.system.orphans import WORK_VARIABLE, work_mark
from trimtab.system.process import Command


@pytest.fixture
def cargo(tmp_path: Path) -> FakeCargo:
    return FakeCargo.with_project(tmp_path / "app", '[package]\nname = "app"\n')


def builder(cargo: FakeCargo, **rest: Any) -> CargoBuilder:
    folder = cargo.root.parent
    project = load_project(cargo, cargo.root / "Cargo.toml", {})
    binaries = choose_binaries(project, Selection())
    touched = rest.pop("touched", binaries[0].source)
    values: dict[str, Any] = {
        "runner": cargo, "project": project, "selection": Selection(), "today": TODAY, "rustflags": (),
        "environment": {"PATH": "/bin", "MAKEFLAGS": "-j9"}, "work": folder / "work", "jobs": None, "timeout": 60.0,
    }  # fmt: skip
    calls = Calls(**{**values, **rest})
    return CargoBuilder(calls=calls, binaries=binaries, artifacts=ArtifactStore(folder / "kept"), touched=touched)


def build_of(cargo: FakeCargo) -> Command:
    """The first build."""
    return next(command for command in cargo.commands if command.argv[:2] == ("cargo", "build"))


class TestSettings:
    def test_come_from_outside(self, cargo: FakeCargo) -> None:
        builder(cargo, jobs=3).build(FAT1, touch=False)
        command = build_of(cargo)
        assert command.argv == (
            *("cargo", "build", "--verbose", "--frozen", "--message-format=json-render-diagnostics"),
            *("--profile", "release", "--bin", "app", "--jobs", "3"),
            *("--config", 'profile.release.lto="fat"', "--config", "profile.release.codegen-units=1"),
        )
        assert command.cwd == cargo.root
        assert (command.timeout, command.watch_memory) == (60.0, True)

    def test_the_environment_is_the_users_less_what_would_fake_it(self, cargo: FakeCargo) -> None:
        flags = Profile(rustflags=("-C", "target-cpu=native"))
        work = cargo.root.parent / "work"
        builder(cargo, environment={"MAKEFLAGS": "-j9"}, rustflags=("-g",)).build(flags, touch=False)
        environment = build_of(cargo).environment
        assert environment["CARGO_TARGET_DIR"] == str(work / "target")
        assert environment["CARGO_ENCODED_RUSTFLAGS"] == "-g\x1f-C\x1ftarget-cpu=native"
        assert environment[WORK_VARIABLE] == work_mark(work)
        assert "MAKEFLAGS" not in environment

    def test_each_build_begins_and_ends_with_an_empty_target_directory(self, cargo: FakeCargo) -> None:
        target = cargo.root.parent / "work" / "target"
        (target / "release").mkdir(parents=True)
        (target / "release" / "left").touch()
        seen: list[bool] = []
        original = cargo.otherwise

        def look(command: Command) -> Any:
            seen.append((target / "release" / "left").exists())
            return original(command)

        cargo.on("cargo build*", look)
        builder(cargo).build(TODAY, touch=False)
        assert seen == [False]
        assert not target.exists()


class TestTouch:
    def test_is_a_second_build_without_watching_memory_and_without_changing_the_file(self, cargo: FakeCargo) -> None:
        source = cargo.root / "src" / "main.rs"
        before = source.stat().st_mtime_ns
        built = builder(cargo).build(TODAY, touch=True)
        assert isinstance(built, Built)
        assert isinstance(built.touch, Cost)
        assert built.touched == "src/main.rs"
        assert source.stat().st_mtime_ns == before
        first, second = [command for command in cargo.commands if command.argv[:2] == ("cargo", "build")]
        assert first.argv == second.argv
        assert not second.watch_memory

    def test_dates_back_the_record_of_the_units_that_read_the_file(self, cargo: FakeCargo) -> None:
        dates: list[float] = []
        original = cargo.otherwise

        def look(command: Command) -> Any:
            records = Path(command.environment["CARGO_TARGET_DIR"]).glob("**/dep-bin-app")
            dates.extend(record.stat().st_mtime for record in records)
            return original(command)

        cargo.on("cargo build*", look)
        builder(cargo).build(TODAY, touch=True)
        assert dates == [315532800]

    @pytest.mark.parametrize(
        ("touched", "name", "reason"),
        [
            ("src/other.rs", "src/other.rs", "no compilation unit reads src/other.rs"),
            ("/elsewhere/lib.rs", "/elsewhere/lib.rs", "no compilation unit reads /elsewhere/lib.rs"),
        ],
    )
    def test_a_file_that_nothing_reads_is_told(self, cargo: FakeCargo, touched: str, name: str, reason: str) -> None:
        built = builder(cargo, touched=cargo.root / touched).build(TODAY, touch=True)
        assert isinstance(built, Built)
        assert built.touch == Absent(name="build.touch.wall", reason=reason)
        assert built.touched == name

    @pytest.mark.parametrize(
        ("second", "reason"),
        [
            (
                finished(stderr="error[E0425]: cannot find `x`\n", exit_code=101),
                "the rebuild failed: error[E0425]: cannot find `x`",
            ),
            (finished('{"reason":"compiler-artifact","fresh":true}'), "Cargo saw nothing to rebuild"),
        ],
    )
    def test_a_rebuild_that_fails_or_does_nothing_is_absent(self, cargo: FakeCargo, second: Any, reason: str) -> None:
        cargo.on("cargo build*", cargo.otherwise, second)
        built = builder(cargo).build(TODAY, touch=True)
        assert isinstance(built, Built)
        assert built.touch == Absent(name="build.touch.wall", reason=reason)


class TestTrouble:
    def test_a_time_out(self, cargo: FakeCargo) -> None:
        cargo.on("cargo build*", finished(exit_code=-9, timed_out=True, wall=60.3))
        found = builder(cargo).build(TODAY, touch=True)
        assert isinstance(found, BuildFailed)
        assert (found.cause, found.message, found.wall) == (Cause.TIMEOUT, "stopped after 60 s", 60.3)

    def test_out_of_memory(self, cargo: FakeCargo) -> None:
        cargo.on("cargo build*", finished(exit_code=-9, oom_killed=True))
        found = builder(cargo).build(TODAY, touch=True)
        assert isinstance(found, BuildFailed)
        assert found.cause is Cause.OUT_OF_MEMORY

    @pytest.mark.parametrize("number", [28, 122])
    def test_no_space_to_keep_the_binary(self, cargo: FakeCargo, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
        def full(*_: object) -> None:
            raise OSError(number, "full", "/kept")

        monkeypatch.setattr(ArtifactStore, "keep", full)
        found = builder(cargo).build(TODAY, touch=False)
        assert isinstance(found, BuildFailed)
        assert (found.cause, found.message) == (Cause.DISK_FULL, "full: /kept")
        assert not (cargo.root.parent / "work" / "target").exists()

    def test_other_trouble_with_files_is_no_build_failure(
        self, cargo: FakeCargo, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def denied(*_: object) -> None:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(ArtifactStore, "keep", denied)
        with pytest.raises(PermissionError):
            builder(cargo).build(TODAY, touch=False)
