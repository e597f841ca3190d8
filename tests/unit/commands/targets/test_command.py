"""`trimtab targets` from its line to its output, with a Cargo that builds nothing."""

from __future__ import annotations

import json
import shlex
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.cargo import HOST, FakeCargo
from tests.fakes.runner import finished
from tests.fakes.targets import ARM, WINDOWS
from tests.unit.conftest import Said
from tests.unit.test_schemas import validator
from trimtab.cli.app import run
from trimtab.errors import MissingError
from trimtab.system.process import Command, Finished

RELEASE = """\
on: {push: {tags: ['*']}}
jobs:
  build:
    runs-on: ubuntu-latest
    strategy: {matrix: {target: [x86_64-unknown-linux-gnu, x86_64-pc-windows-gnu, aarch64-unknown-linux-gnu]}}
    steps: [{run: "cargo build --release --target ${{ matrix.target }}"}]
"""
BREAKS = finished(stderr="error: linking with `x86_64-w64-mingw32-gcc` failed: exit status: 1\n", exit_code=101)
Trimtab = Callable[[str], Said]


def on_windows(breaks: Callable[[list[str]], bool]) -> Callable[[Command], Finished | None]:
    def ending(command: Command) -> Finished | None:
        words = list(command.argv)
        return BREAKS if WINDOWS in words and breaks(words) else None

    return ending


class ManyTargets(FakeCargo):
    """A toolchain with two of three targets, and wine."""

    ending: Callable[[Command], Finished | None] = staticmethod(lambda _: None)

    def otherwise(self, command: Command) -> Finished:
        match command.argv:
            case ("rustc", "--print", "sysroot"):
                return finished(f"{self.root.parent / 'sysroot'}\n")
            case ("rustc", "--print", "target-list"):
                return finished(f"{HOST}\n{WINDOWS}\n{ARM}\n")
            case ("unshare", *_):
                return finished(exit_code=1)
            case ("wine", _, *_):
                return finished("app 0.1.0\n")
            case ("cross", "build", *words):
                folder = command.environment["CARGO_TARGET_DIR"]
                built = self._build(words, Path(folder))
                return replace(built, stdout=built.stdout.replace(folder, "/target"))
            case ("cargo", "build", *words) if "--unit-graph" not in words and (ended := self.ending(command)):
                return ended
        return super().otherwise(command)


@pytest.fixture
def cargo(tmp_path: Path) -> ManyTargets:
    made = ManyTargets.with_project(tmp_path / "app")
    assert isinstance(made, ManyTargets)
    workflows = tmp_path / "app" / ".github" / "workflows"
    workflows.mkdir(parents=True)
    (workflows / "release.yml").write_text(RELEASE)
    for triple in (HOST, WINDOWS):
        library = tmp_path / "sysroot" / "lib" / "rustlib" / triple / "lib"
        library.mkdir(parents=True)
        (library / "libcore-1.rlib").touch()
    return made


@pytest.fixture
def trimtab(cargo: ManyTargets, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Trimtab:
    programs = {"cc": "/usr/bin/cc", "x86_64-w64-mingw32-gcc": "/usr/bin/x", "wine": "wine"}
    monkeypatch.setattr(shutil, "which", lambda name, **_: programs.get(name))
    monkeypatch.setenv("XDG_DATA_HOME", str(cargo.root.parent / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(cargo.root.parent / "cache"))
    monkeypatch.setattr("trimtab.cli.output.SystemRunner", lambda: cargo)
    monkeypatch.chdir(cargo.root)

    def call(line: str) -> Said:
        capsys.readouterr()
        code = run(["targets", *shlex.split(line)])
        out, err = capsys.readouterr()
        return Said(code, out, err)

    return call


def test_cross_builds_what_the_toolchain_cannot(
    trimtab: Trimtab, cargo: ManyTargets, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It names files as they lie in its container."""
    monkeypatch.setattr(shutil, "which", lambda name, **_: name if name in ("cross", "docker") else None)
    found = document(trimtab(f"--target {ARM} --json"))
    (target,) = found["targets"]
    assert (target["way"], target["standing"]) == ("cross", "built")
    assert target["attempts"][0]["size"] == 1100
    assert any(line.startswith("cross build --verbose") and f"--target {ARM}" in line for line in cargo.lines)


def test_where_an_overlay_contains_other_builds_those_of_cross_are_named(
    trimtab: Trimtab, cargo: ManyTargets, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda name, **_: name if name in ("cross", "docker") else None)
    cargo.on("unshare *", finished())
    found = document(trimtab(f"--target {ARM} --json"))
    assert (
        f"{ARM}: cross builds in containers that see the project's own tree: what a build script writes there stays"
    ) in found["notes"]


def document(said: Said) -> Any:
    found = json.loads(said.out)
    validator("targets").validate(found)
    return found


def standings(said: Said) -> dict[str, str]:
    return {target["triple"]: target["standing"] for target in document(said)["targets"]}


def builds(cargo: FakeCargo) -> int:
    return sum(line.startswith("cargo build --verbose") for line in cargo.lines)


def test_every_target_under_both_profiles(trimtab: Trimtab, cargo: ManyTargets) -> None:
    said = trimtab("--candidate lto=fat --json")
    assert said.code == 0
    assert standings(said) == {HOST: "passes", WINDOWS: "passes", ARM: "not tried"}
    found = document(said)
    assert found["candidate"]["label"] == "lto fat"
    native = found["targets"][0]
    assert [(one["label"], one["size"]) for one in native["attempts"]] == [("today", 1100), ("lto fat", 1000)]
    assert [run["said"] for one in native["attempts"] for run in one["runs"]] == ["--version: app 0.1.0"] * 2
    assert native["places"] == [
        {"file": ".github/workflows/release.yml", "line": 5, "said": HOST},
    ]
    assert found["targets"][1]["attempts"][0]["runs"][0]["runner"] == "wine"
    assert found["targets"][2]["reason"].startswith("its standard library is not installed")
    assert any("this system gives no overlay" in note for note in found["notes"])
    assert not any("--run" in note for note in found["notes"])
    assert any(f"--target {WINDOWS}" in line for line in cargo.lines)


def test_what_was_built_is_not_built_again(trimtab: Trimtab, cargo: ManyTargets) -> None:
    trimtab("--candidate lto=fat --quiet")
    assert builds(cargo) == 4
    again = trimtab("--candidate lto=fat --quiet --json")
    assert builds(cargo) == 4
    assert standings(again)[WINDOWS] == "passes"
    trimtab("--candidate lto=fat --quiet --fresh")
    assert builds(cargo) == 8


def test_a_failure_is_tried_again(trimtab: Trimtab, cargo: ManyTargets) -> None:
    cargo.ending = on_windows(lambda _: True)
    assert trimtab("--quiet").code == 1
    assert builds(cargo) == 2
    cargo.ending = lambda _: None
    assert trimtab("--quiet").code == 0
    assert builds(cargo) == 3


def test_a_target_that_the_candidate_breaks(trimtab: Trimtab, cargo: ManyTargets) -> None:
    cargo.ending = on_windows(lambda words: 'profile.release.lto="fat"' in words)
    said = trimtab("-c lto=fat -c codegen-units=1 --json")
    assert said.code == 1
    assert standings(said) == {HOST: "passes", WINDOWS: "breaks", ARM: "not tried"}
    found = document(said)
    windows = found["targets"][1]
    assert windows["attempts"][1]["failure"]["cause"] == "linker"
    assert [(one["label"], one["builds"]) for one in windows["narrowed"]] == [("codegen-units 1", True)]
    assert windows["hints"][0]["source"] == "rustls/rustls-platform-verifier#141"
    (proposal,) = found["proposals"]
    assert (proposal["profile"], proposal["targets"], proposal["proven"]) == ("release-lto-thin", [WINDOWS], True)
    assert proposal["settings"] == [{"key": "lto", "value": "thin"}]
    text = trimtab("-c lto=fat -c codegen-units=1")
    assert "[profile.release-lto-thin]" in text.out
    assert "1 breaks that works today" in text.out
    assert "x86_64-pc-windows-gnu: breaks" in text.err
    assert "[profile.release-lto-thin]" in trimtab("-c lto=fat -c codegen-units=1 --markdown -q").out


def test_compiler_flags_that_break_a_target_are_no_profile(trimtab: Trimtab, cargo: ManyTargets) -> None:
    broken = on_windows(lambda _: True)

    def ending(command: Command) -> Finished | None:
        return broken(command) if command.environment.get("CARGO_ENCODED_RUSTFLAGS") else None

    cargo.ending = ending
    found = document(trimtab("-c 'rustflags=-C target-cpu=native' --json"))
    assert found["targets"][1]["standing"] == "breaks"
    assert found["proposals"] == []
    assert any(note.startswith(f"{WINDOWS} cannot have -C target-cpu=native, and no") for note in found["notes"])


def test_a_trouble_that_a_narrower_profile_has_too_is_not_blamed(trimtab: Trimtab, cargo: ManyTargets) -> None:
    """The linker cannot take one codegen unit, with fat LTO or without."""
    cargo.ending = on_windows(lambda words: "profile.release.codegen-units=1" in words)
    windows = document(trimtab("-c lto=fat -c codegen-units=1 --json"))["targets"][1]
    assert [(one["label"], one["builds"]) for one in windows["narrowed"]] == [
        ("codegen-units 1", False),
        ("lto fat", True),
    ]
    assert windows["hints"] == []


def test_a_runner_that_is_not_here_ends_nothing(trimtab: Trimtab, cargo: ManyTargets) -> None:
    cargo.configuration = {"target": {HOST: {"runner": "qemu-of-mine -L '/x"}}}
    cargo.on("qemu-of-mine *", MissingError("cannot run 'qemu-of-mine': No such file or directory"))
    said = trimtab("--json")
    assert said.code == 0
    assert standings(said) == {HOST: "built", WINDOWS: "passes", ARM: "not tried"}
    (run,) = document(said)["targets"][0]["attempts"][0]["runs"]
    assert (run["said"], run["how"]) == (
        "cannot run 'qemu-of-mine': No such file or directory",
        ["install qemu-of-mine"],
    )


def test_without_an_overlay_runs_in_the_tree_are_noted(trimtab: Trimtab, cargo: ManyTargets) -> None:
    notes = document(trimtab(f"--target {HOST} --run 'check x' --json"))["notes"]
    assert "this system gives no overlay: what --run runs can change the project's own tree" in notes


def test_a_profile_of_the_project(trimtab: Trimtab, cargo: ManyTargets) -> None:
    found = document(trimtab("--candidate profiling --json"))
    assert found["candidate"] == {
        "label": "profiling (strip none, debug limited)",
        "profile": {**found["base"], "strip": "none", "debug": "limited"},
    }
    assert any("--profile profiling" in line and "--config" not in line for line in cargo.lines)


def test_a_trial_of_a_study(trimtab: Trimtab, cargo: ManyTargets, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trimtab.experiment.prepare.SystemRunner", lambda: cargo)
    assert run(["explore", "--axis", "lto=fat", "--measure", "build", "--quiet"]) == 0
    found = document(trimtab("--candidate 'last:lto fat' --json"))
    assert found["candidate"]["label"] == "lto fat"


def test_targets_by_name_and_of_the_file(trimtab: Trimtab, cargo: ManyTargets) -> None:
    assert standings(trimtab(f"--target {HOST} --target {WINDOWS},{HOST} --json")) == {
        HOST: "passes",
        WINDOWS: "passes",
    }
    (cargo.root / "trimtab.toml").write_text(f'[project]\ntargets = "{WINDOWS}"\n')
    found = document(trimtab("--json"))
    assert [target["places"] for target in found["targets"]] == [[{"file": "trimtab.toml", "line": 0, "said": WINDOWS}]]
    assert found["candidate"] is None


def test_a_project_that_names_none(trimtab: Trimtab, cargo: ManyTargets) -> None:
    shutil.rmtree(cargo.root / ".github")
    said = trimtab("--json")
    assert standings(said) == {HOST: "passes"}
    assert any("the project names no targets" in note for note in document(said)["notes"])


def test_strict_asks_for_all(trimtab: Trimtab) -> None:
    assert trimtab("-q").code == 0
    assert trimtab("-q --strict").code == 1


def test_nothing_that_can_be_tried(trimtab: Trimtab) -> None:
    said = trimtab(f"--target {ARM} -q")
    assert said.code == 3
    assert f"{ARM}, to build it here: rustup target add" in " ".join(said.out.split())
    assert said.errors == [
        "error: none of the 1 release targets can be built here",
        "  do: install what is named above",
    ]


def test_nothing_that_could_be_built(trimtab: Trimtab, cargo: ManyTargets) -> None:
    cargo.ending = lambda _: BREAKS
    said = trimtab("-q --json")
    assert said.code == 4
    assert standings(said)[HOST] == "fails"


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("--candidate lto=thin", "the candidate is today's profile"),
        ("--candidate release", "the candidate is today's profile"),
        ("--candidate lto=fast", "'fast' is not a value of the axis lto"),
        ("--candidate lt0=fat", "there is no axis 'lt0'"),
        ("--candidate nobody", "there is no profile 'nobody'"),
        ("--candidate lto=fat --candidate profiling", "'profiling' comes too late"),
        ("--candidate nobody:x", "there is no study 'nobody'"),
        ("--json --markdown", "--json and --markdown exclude each other"),
        ('--run "\'"', "--run has a quote that is not closed"),
        ("--profile nobody", ""),
    ],
)
def test_wrong_usage(trimtab: Trimtab, cargo: ManyTargets, line: str, what: str) -> None:
    if not what:
        cargo.on("cargo build -Z *", finished(stderr="error: profile `nobody` is not defined\n", exit_code=101))
    said = trimtab(line)
    assert said.code == 2, said
    assert said.errors[0].startswith(f"error: {what}")


def test_a_toolchain_that_cannot_read_the_project_is_left_out(
    trimtab: Trimtab, cargo: ManyTargets, tmp_path: Path
) -> None:
    for name in ("cargo", "rustc"):
        (tmp_path / "old" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "old" / name).touch()
    fetches = [finished(), finished(exit_code=101), finished(stderr="error: lock file version 4\n", exit_code=101)]
    cargo.on("cargo fetch *", *fetches)
    said = trimtab(f"--toolchain {tmp_path / 'old'} --json -q")
    assert any("was left out: cargo fetch failed: lock file version 4" in note for note in document(said)["notes"])
    assert standings(said)[HOST] == "passes"
