"""Inputs of a build, read from a target directory as Cargo leaves it."""

from __future__ import annotations

from pathlib import Path

import pytest

from trimtab.builders.build_inputs import InputReader
from trimtab.cargo.sources import PathPackage
from trimtab.model.inputs import BuildInputs
from trimtab.system.content import digest_text


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "app"
    for name in ("src/main.rs", "asset.bin", "data/a.txt", "target/x"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)
    return root


def read(root: Path, *, dep_info: str = "", script: str | None = None, is_macro: bool = False) -> BuildInputs:
    target = root.parent / "made"
    (target / "release" / "deps").mkdir(parents=True, exist_ok=True)
    (target / "release" / "deps" / "app-0123456789abcdef.d").write_text(dep_info)
    if script is not None:
        output = target / "release" / "build" / "app-0123456789abcdef" / "output"
        output.parent.mkdir(parents=True)
        output.write_text(script)
    reader = InputReader(
        root=root,
        packages=(PathPackage(name="app", folder=root, is_macro=is_macro),),
        known={root / "src" / "main.rs"},
        immutable=(root.parent / "registry",),
        ours=(root / "target",),
        environment={"GREETING": "hello", "OUT_DIR": "/x"},
    )
    return reader.read(target)


def paths(inputs: BuildInputs) -> list[str]:
    return [record.path for record in inputs.files]


def test_files_that_the_sources_do_not_cover(root: Path) -> None:
    text = "/w/app.d: src/main.rs asset.bin\n\nsrc/main.rs:\nasset.bin:\n/etc/above.txt:\n../shared.txt:\n"
    assert paths(read(root, dep_info=text)) == ["../shared.txt", "/etc/above.txt", "asset.bin"]


def test_generated_and_unpacked_files_are_no_inputs(root: Path) -> None:
    text = f"{root.parent}/made/release/build/app/out/made.rs:\n{root.parent}/registry/a-1.0/src/lib.rs:\n"
    assert paths(read(root, dep_info=text)) == []


def test_variables_are_those_that_were_read_and_cargo_does_not_set(root: Path) -> None:
    text = "# env-dep:GREETING=hello\n# env-dep:ABSENT\n# env-dep:CARGO_PKG_VERSION=1.0\n# env-dep:OUT_DIR=/x\n"
    assert read(root, dep_info=text).variables == (("ABSENT", ""), ("GREETING", digest_text("hello")))


def test_what_a_build_script_declares(root: Path) -> None:
    script = "cargo:rerun-if-changed=data\ncargo::rerun-if-changed=/etc/hosts\ncargo::rerun-if-env-changed=GREETING\n"
    inputs = read(root, script=script)
    assert paths(inputs) == ["/etc/hosts", "data"]
    assert inputs.variables == (("GREETING", digest_text("hello")),)


def test_a_build_script_that_declares_nothing_may_have_read_its_whole_package(root: Path) -> None:
    assert paths(read(root, script="cargo:rustc-cfg=fast\n")) == ["."]


def test_a_script_that_only_names_variables_reads_no_package(root: Path) -> None:
    assert paths(read(root, script="cargo:rerun-if-env-changed=GREETING\n")) == []


def test_a_procedural_macro_may_have_read_anything_in_its_packages(root: Path) -> None:
    assert paths(read(root, is_macro=True)) == ["."]
