"""Building bench targets: what Cargo is asked, and what is read from its answer. Messages as cargo 1.95 prints them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.runner import FakeRunner, finished
from trimtab.cargo.calls import Calls
from trimtab.cargo.project import Project
from trimtab.commands.compare.bench_targets import BenchBuilder, BenchTarget
from trimtab.errors import InputError
from trimtab.model.plan import Selection
from trimtab.model.profile import Lto, Profile


def artifact(folder: Path, kind: str, name: str) -> str:
    """Cargo's message about something that it made; libraries have no executable unless they are tests."""
    executable = None if kind == "lib" else f"/made/one/release/deps/{name}-0123456789abcdef"
    message = {
        "reason": "compiler-artifact",
        "package_id": f"path+file://{folder}#0.1.0",
        "manifest_path": str(folder / "Cargo.toml"),
        "target": {"kind": [kind], "crate_types": ["bin"], "name": name, "src_path": str(folder / f"{name}.rs")},
        "executable": executable,
        "fresh": False,
    }
    return json.dumps(message, separators=(",", ":"))


def package(folder: Path, name: str) -> Path:
    """A package in a folder whose name says nothing."""
    folder.mkdir()
    (folder / "Cargo.toml").write_text(f'[package]\nname = "{name}"\nversion = "0.1.0"\n')
    return folder


def builder(root: Path, runner: FakeRunner, **rest: Any) -> BenchBuilder:
    project = Project(
        root=root, folder=root, packages=("app",), defaults=("app",), binaries=(), target_directory=root / "target",
        has_bench_targets=True,
    )  # fmt: skip
    benches = rest.pop("benches", ("*",))
    plain = Calls(
        runner=runner, project=project, selection=Selection(), today=Profile(), rustflags=(),
        environment={"PATH": "/bin", "RUSTC_WRAPPER": "sccache"}, work=Path("/made"), jobs=None, timeout=600,
    )  # fmt: skip
    return BenchBuilder(calls=replace(plain, **rest), benches=benches)


def test_only_benches_are_taken_in_order(tmp_path: Path) -> None:
    app, core = package(tmp_path / "a", "app"), package(tmp_path / "c", "app-core")
    lines = [
        artifact(core, "lib", "app_core"),
        artifact(core, "bench", "parse"),
        artifact(app, "bin", "app"),
        "{ printed by a procedural macro",
        artifact(app, "bench", "start"),
        artifact(app, "bench", "parse"),
        '{"reason":"build-finished","success":true}',
    ]
    runner = FakeRunner().on("cargo bench *", finished("\n".join(lines)))
    assert builder(tmp_path, runner).build(Profile(), "one") == (
        BenchTarget(name="parse", package="app", path=Path("/made/one/release/deps/parse-0123456789abcdef"), cwd=app),
        BenchTarget(name="start", package="app", path=Path("/made/one/release/deps/start-0123456789abcdef"), cwd=app),
        BenchTarget(
            name="parse", package="app-core", path=Path("/made/one/release/deps/parse-0123456789abcdef"), cwd=core
        ),
    )


def test_today_is_asked_for_without_settings_in_a_target_directory_of_its_own(tmp_path: Path) -> None:
    runner = FakeRunner().on("cargo bench *", finished())
    assert builder(tmp_path, runner).build(Profile(), "one") == ()
    (command,) = runner.commands
    assert command.argv[:5] == ("cargo", "bench", "--no-run", "--frozen", "--message-format=json-render-diagnostics")
    assert command.argv[5:] == ("--bench", "*", "--profile", "release")
    assert command.cwd == tmp_path
    assert command.timeout == 600
    assert command.environment["CARGO_TARGET_DIR"] == "/made/one"
    assert command.environment["RUSTC_WRAPPER"] == ""
    assert command.environment["TRIMTAB_WORK"].endswith(":/made")
    assert "CARGO_ENCODED_RUSTFLAGS" not in command.environment


def test_what_is_chosen_and_what_differs_is_said(tmp_path: Path) -> None:
    runner = FakeRunner().on("cargo bench *", finished())
    selection = Selection(profile="bench", packages=("app", "app-core"), features=("fast",), default_features=False)
    chosen = builder(
        tmp_path, runner, selection=selection, benches=("parse", "start"), jobs=2, rustflags=("-Cdebuginfo=1",)
    )
    chosen.build(Profile(lto=Lto.FAT, rustflags=("-Ctarget-cpu=native",)), "two")
    (line,) = runner.lines
    assert "--bench parse --bench start" in line
    assert "--profile bench --package app --package app-core --features fast --no-default-features" in line
    assert line.endswith('--jobs 2 --config profile.bench.lto="fat"')
    flags = runner.commands[0].environment["CARGO_ENCODED_RUSTFLAGS"]
    assert flags == "-Cdebuginfo=1\x1f-Ctarget-cpu=native"


@pytest.mark.parametrize(
    ("stderr", "message"),
    [
        (
            "   Compiling app v0.1.0\nerror[E0308]: mismatched types\n --> benches/parse.rs:1:24\n"
            'error: could not compile `app` (bench "parse") due to 1 previous error\n',
            "error[E0308]: mismatched types",
        ),
        (
            "error: no bench target matches pattern `*` in default-run packages\nhelp: available bench in `c` package:",
            "no bench target matches pattern `*` in default-run packages",
        ),
        (
            "error: target `two` in package `app` requires the features: `special`\nConsider enabling them by passing,"
            ' e.g., `--features="special"`\n',
            "target `two` in package `app` requires the features: `special`",
        ),
    ],
    ids=["compiler", "none", "features"],
)
def test_a_failure_is_told_in_one_line(tmp_path: Path, stderr: str, message: str) -> None:
    runner = FakeRunner().on("cargo bench *", finished(stderr=stderr, exit_code=101))
    with pytest.raises(InputError) as error:
        builder(tmp_path, runner).build(Profile(), "one")
    assert error.value.what == f"the benches cannot be built: {message}"
    assert error.value.where == str(tmp_path / "Cargo.toml")
    assert "name other targets" in error.value.hint


def test_a_build_may_not_take_forever(tmp_path: Path) -> None:
    runner = FakeRunner().on("cargo bench *", finished(exit_code=-9, timed_out=True, wall=600.2))
    with pytest.raises(InputError, match="stopped after 600 s"):
        builder(tmp_path, runner).build(Profile(), "one")
