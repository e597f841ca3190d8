"""Libraries that ship: chosen, built, and checked for what Cargo drops silently with them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from trimtab.builders.touch import play_edit
from trimtab.cargo.messages import libraries
from trimtab.cargo.profiles.arguments import selection_arguments
from trimtab.cargo.project import Binary, Project, choose_binaries
from trimtab.measure.effect import check_effect, shipped_crates
from trimtab.model.plan import Selection
from trimtab.model.profile import Lto, Panic, Profile
from trimtab.model.trial import ENDS_INTERPRETER, Invocation

ROOT = Path("/project")
LIBRARY = Binary(name="shared", package="shared", source=ROOT / "shared/src/lib.rs", is_library=True)
PROGRAM = Binary(name="tool", package="tool", source=ROOT / "tool/src/main.rs")


def project(*binaries: Binary) -> Project:
    return Project(
        root=ROOT, folder=ROOT, packages=("shared", "tool"), defaults=("shared", "tool"),
        binaries=tuple(one for one in binaries if not one.is_library),
        libraries=tuple(one for one in binaries if one.is_library),
        target_directory=ROOT / "target", has_bench_targets=False,
    )  # fmt: skip


def call(crate: str, types: str, words: str = "") -> Invocation:
    kinds = [word for one in types.split() for word in ("--crate-type", one)]
    return Invocation(crate=crate, arguments=("src/lib.rs", *kinds, *words.split()))


class TestChoice:
    def test_programs_come_first(self) -> None:
        assert choose_binaries(project(PROGRAM, LIBRARY), Selection()) == (PROGRAM,)

    def test_without_a_program_the_library_ships(self) -> None:
        assert choose_binaries(project(LIBRARY), Selection()) == (LIBRARY,)  # with the features that all members want
        assert choose_binaries(project(PROGRAM, LIBRARY), Selection(packages=("shared",))) == (
            replace(LIBRARY, package_spec="shared"),
        )

    def test_its_folder_chooses_it(self) -> None:
        here = replace(project(PROGRAM, LIBRARY), folder=ROOT / "shared", defaults=("shared",))
        assert choose_binaries(here, Selection()) == (LIBRARY,)

    def test_cargo_is_asked_for_the_library(self) -> None:
        assert selection_arguments(Selection(), (LIBRARY,))[-1:] == ("--lib",)


@pytest.mark.parametrize(
    ("kind", "files", "expected"),
    [
        (["cdylib"], ["/t/libshared.so"], "/t/libshared.so"),
        (["cdylib", "rlib"], ["/t/libshared.so", "/t/libshared.rlib"], "/t/libshared.so"),
        (
            ["staticlib", "cdylib", "rlib"],
            ["/t/libshared.a", "/t/libshared.rlib", "/t/libshared.so"],
            "/t/libshared.so",
        ),
        (["staticlib"], ["/t/libshared.a"], "/t/libshared.a"),
    ],
)
def test_the_file_that_ships(kind: list[str], files: list[str], expected: str) -> None:
    message = {"reason": "compiler-artifact", "target": {"name": "shared", "kind": kind}, "filenames": files}
    dependency = {"reason": "compiler-artifact", "target": {"name": "dep", "kind": ["lib"]}, "filenames": ["/t/d.rlib"]}
    assert libraries(f"{json.dumps(dependency)}\n{json.dumps(message)}\n") == {"shared": Path(expected)}


class TestEffect:
    ASKED = Profile(lto=Lto.FAT)

    def test_mixed_crate_types_lose_lto_and_are_told_why(self) -> None:
        found = check_effect([call("shared", "rlib cdylib", "-C opt-level=3 -C strip=debuginfo")], "shared", self.ASKED)
        assert found
        first, second = found.warnings
        assert first == "shared: lto was asked as fat but rustc was told local"
        assert second.startswith(
            "shared: a library that is rlib and cdylib at once gets no LTO; build it as cdylib alone"
        )

    def test_a_single_type_keeps_it(self) -> None:
        words = "-C opt-level=3 -C lto=fat -C strip=debuginfo"
        found = check_effect([call("shared", "cdylib", words)], "shared", self.ASKED)
        assert found
        assert found.warnings == ()

    @pytest.mark.parametrize(
        ("types", "panic", "extern", "warned"),
        [
            ("cdylib", "abort", "pyo3", True),
            ("cdylib", "unwind", "pyo3", False),
            ("cdylib", "abort", "serde", False),
            ("bin", "abort", "pyo3", False),
        ],
    )
    def test_abort_in_a_module_of_pyo3s(self, types: str, panic: str, extern: str, warned: bool) -> None:
        words = f"-C opt-level=3 -C strip=debuginfo -C panic={panic} --extern {extern}=/t/lib{extern}-1.rlib"
        found = check_effect([call("shared", types, words)], "shared", Profile(panic=Panic(panic)))
        assert found
        assert found.warnings == ((f"shared: {ENDS_INTERPRETER}",) if warned else ())

    def test_what_a_build_was_for(self) -> None:
        calls = [
            call("build_script_build", "bin"),
            call("macros", "proc-macro", "-C extra-filename=-1"),
            call("dep", "lib cdylib", "-C extra-filename=-2"),
            call("native", "cdylib", "--extern dep=/t/libdep-2.rlib"),
            call("tool", "bin", "-C extra-filename=-3 --extern dep=/t/libdep-2.rlib"),
        ]
        assert shipped_crates(calls) == ("native", "tool")


def test_an_edit_is_played_for_a_library_whose_files_have_no_hash(tmp_path: Path) -> None:
    record = tmp_path / "release/.fingerprint/shared-0123456789abcdef/dep-lib-shared"
    other = tmp_path / "release/.fingerprint/other-0123456789abcdef/dep-lib-other"
    for path in (record, other):
        path.parent.mkdir(parents=True)
        path.touch()
    (tmp_path / "release/deps").mkdir()
    (tmp_path / "release/deps/shared.d").write_text("libshared.so: src/lib.rs\n")
    (tmp_path / "release/deps/other.d").write_text("libother.so: src/other.rs\n")
    assert play_edit(tmp_path, Path("/project/src/lib.rs"), Path("/project"))
    assert record.stat().st_mtime < other.stat().st_mtime
    assert not play_edit(tmp_path, Path("/project/src/none.rs"), Path("/project"))
