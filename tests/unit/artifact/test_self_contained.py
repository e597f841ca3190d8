"""Programs that are their bytes, and programs that are what lies around them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.fakes.programs import native
from trimtab.artifact.self_contained import companions, data_beside, same_program


def placed(folder: Path, data: bytes, *beside: str) -> Path:
    """A program in a folder of its own, with files and, by a slash at their end, folders beside it."""
    folder.mkdir(parents=True)
    for name in beside:
        (folder / name).mkdir() if name.endswith("/") else (folder / name).write_text(name)
    (folder / "tool").write_bytes(data)
    return folder / "tool"


def twins(folder: Path, data: bytes, *beside: str) -> tuple[Path, Path]:
    return placed(folder / "a", data, *beside), placed(folder / "b", data, *beside)


class TestSameProgram:
    @pytest.mark.parametrize("data", [native(), native(needed="libc.so.6"), native(runpath="/usr/lib/x:/opt/lib")])
    def test_native_programs_of_the_same_bytes_are(self, tmp_path: Path, data: bytes) -> None:
        assert same_program(*twins(tmp_path, data))
        assert not same_program(tmp_path / "a" / "tool", placed(tmp_path / "c", data + b"x"))

    @pytest.mark.parametrize(
        "data",
        [
            b"#!/bin/sh\nexec ../lib/impl\n",
            native(runpath="$ORIGIN/../lib"),
            native(runpath="/usr/lib:${ORIGIN}"),
            native(runpath="lib"),
            native(needed="./lib/libf.so"),
            b"\xcf\xfa\xed\xfe".ljust(64, b"\0") + b"@executable_path/../lib/libf.dylib",
            b"\x7fELF\x02\x01",
            b"",
        ],
    )
    def test_what_finds_its_code_by_its_place_is_not(self, tmp_path: Path, data: bytes) -> None:
        base, head = twins(tmp_path, data)
        assert not same_program(base, head)
        assert companions(base) is None

    def test_files_beside_them_have_to_be_the_same_too(self, tmp_path: Path) -> None:
        base, head = twins(tmp_path, native(), "words.txt")
        assert same_program(base, head)
        head.with_name("words.txt").write_text("others")
        assert not same_program(base, head)
        head.with_name("words.txt").unlink()
        assert not same_program(base, head)

    def test_what_is_in_folders_beside_them_is_not_known(self, tmp_path: Path) -> None:
        assert not same_program(*twins(tmp_path, native(), "assets/"))

    def test_cargos_own_files_say_nothing(self, tmp_path: Path) -> None:
        base = placed(tmp_path / "release", native(), "deps/", "build/", "incremental/", ".cargo-lock", "tool.d")
        assert same_program(base, placed(tmp_path / "b", native()))

    def test_a_program_of_an_installation_is_not_its_bytes(self, tmp_path: Path) -> None:
        base, head = (placed(tmp_path / name / "bin", native()) for name in "ab")
        assert same_program(base, head)
        (tmp_path / "a" / "lib").mkdir()
        assert not same_program(base, head)

    def test_nor_is_a_link_such_as_that_of_a_virtual_environment(self, tmp_path: Path) -> None:
        program = placed(tmp_path / "usr", native())
        for name in "ab":
            (tmp_path / name).symlink_to(program)
        assert not same_program(tmp_path / "a", tmp_path / "b")
        assert companions(tmp_path / "a") is None

    def test_nor_another_name_of_one_file(self, tmp_path: Path) -> None:
        program = placed(tmp_path / "usr", native())
        os.link(program, program.with_name("other"))
        assert not same_program(program, program.with_name("other"))


def test_any_program_is_the_same_as_itself(tmp_path: Path) -> None:
    program = placed(tmp_path / "a", b"#!/bin/sh\n")
    assert same_program(program, program)


class TestCopies:
    def test_the_files_beside_it_go_with_it(self, tmp_path: Path) -> None:
        program = placed(tmp_path / "a", native(), "words.txt", "tool.d")
        assert companions(program) == {"words.txt": tmp_path / "a" / "words.txt"}

    def test_unless_there_are_many(self, tmp_path: Path) -> None:
        program = placed(tmp_path / "a", native(), *(str(number) for number in range(101)))
        assert companions(program) is None

    def test_data_that_a_build_leaves_beside_a_program(self, tmp_path: Path) -> None:
        program = placed(tmp_path / "release", native(), "words.txt", "assets/", "deps/", "libtool.rlib", "tool.d")
        program.with_name("other").write_bytes(native())
        assert sorted(data_beside(program)) == ["assets", "words.txt"]
