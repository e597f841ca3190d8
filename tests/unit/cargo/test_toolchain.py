"""What stands for a compiler: its libraries, the standard library, the linkers that it may call."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.fakes.runner import FakeRunner, finished
from trimtab.cargo.toolchain import InstalledCompiler, complaint, find_compiler, runs_on
from trimtab.errors import MissingError


@pytest.fixture
def sysroot(tmp_path: Path) -> Path:
    """A compiler as rustup lays it out: its LLVM is found by a link."""
    folder = tmp_path / "toolchain"
    for name in (
        "bin/rustc", "lib/librustc_driver-1.so", "lib/libLLVM.so.22-rust", "lib/rustlib/x86_64/lib/libstd-1.rlib",
        "share/doc/README",
    ):  # fmt: skip
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    (folder / "lib" / "libLLVM-22.so").symlink_to("libLLVM.so.22-rust")
    return folder


def found(sysroot: Path, tools: Path, **environment: str) -> InstalledCompiler:
    runner = FakeRunner().on("* --print sysroot", finished(stdout=f"{sysroot}\n"))
    return find_compiler(runner, sysroot, {"PATH": str(tools), **environment})


@pytest.mark.parametrize(
    "name", ["lib/librustc_driver-1.so", "lib/libLLVM.so.22-rust", "lib/rustlib/x86_64/lib/libstd-1.rlib"]
)
def test_each_of_its_libraries_counts(name: str, sysroot: Path, tmp_path: Path) -> None:
    before = found(sysroot, tmp_path)
    (sysroot / name).write_text("built anew")
    assert found(sysroot, tmp_path).files != before.files


def test_linkers_on_path_count(sysroot: Path, tmp_path: Path) -> None:
    before = found(sysroot, tmp_path)
    linker = tmp_path / "ld.mold"
    linker.write_text("#!/bin/sh\n")
    linker.chmod(0o755)
    after = found(sysroot, tmp_path)
    os.utime(linker, (1, 1))
    assert len({one.files for one in (before, after, found(sysroot, tmp_path))}) == 3


def test_what_cargo_may_call_it(sysroot: Path, tmp_path: Path) -> None:
    assert set(found(sysroot, tmp_path).names) == {"rustc", str(sysroot / "bin" / "rustc")}
    assert "/my/rustc" in found(sysroot, tmp_path, RUSTC="/my/rustc").names
    assert "rustc" not in found(sysroot, tmp_path, RUSTC="/my/rustc").names


def test_without_one(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match="rustc does not work"):
        find_compiler(FakeRunner().on("*", finished(stderr="error: no override", exit_code=1)), tmp_path, {})


def test_a_list_behind_a_complaint_belongs_to_it() -> None:
    stderr = """\
error: rustc 1.95.0 is not supported by the following packages:
  tooold@0.1.0 requires rustc 1.999
  other@1.0.0 requires rustc 1.97
Either upgrade rustc or select compatible dependency versions with
"""
    assert complaint(finished(stderr=stderr, exit_code=101)) == (
        "rustc 1.95.0 is not supported by the following packages: "
        "tooold@0.1.0 requires rustc 1.999, other@1.0.0 requires rustc 1.97"
    )


@pytest.mark.parametrize(
    ("target", "runs"),
    [
        ("x86_64-unknown-linux-gnu", True),
        ("x86_64-unknown-linux-musl", True),
        ("aarch64-unknown-linux-gnu", False),
        ("wasm32-wasip1", False),
        ("x86_64-pc-windows-gnu", False),
    ],
)
def test_programs_that_a_machine_runs_by_itself(target: str, *, runs: bool) -> None:
    assert runs_on(target, "x86_64-unknown-linux-gnu") is runs
