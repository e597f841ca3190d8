"""Stripped programs and the files that have their symbols."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from tests.fakes.weights import image, section
from tests.unit.artifact.formats.test_elf import ALLOC, EXECUTE, FUNCTION, NOBITS, Elf, Part, note
from trimtab.artifact import debug_files
from trimtab.artifact.debug_files import DebugFile, debug_file_paths, joined
from trimtab.artifact.size_breakdown import read_debug_files, size_breakdown
from trimtab.errors import InputError
from trimtab.model.size_report import CodeRange, Image, Purpose, Symbol

HERE = Symbol("tool::main", "tool", "tool::main", 16, ".text", 0x1000)
OUTSIDE = Symbol("tool::gone", "tool", "tool::gone", 16, ".text", 0x9000)


def program(*identity: str, link: str = "") -> Image:
    return dataclasses.replace(
        image(section(".text", 64, Purpose.CODE)), code=(CodeRange(0x1000, 0x1040, ".text"),),
        identity=frozenset(identity), debug_link=link,
    )  # fmt: skip


def debug(*identity: str) -> DebugFile:
    file = dataclasses.replace(image(), elsewhere=(OUTSIDE, HERE), identity=frozenset(identity))
    return DebugFile("tool.debug", file)


class TestJoining:
    def test_functions_whose_code_is_in_the_program_get_their_names(self) -> None:
        found = joined(program("build-id 1"), [debug("build-id 2"), debug("build-id 1", "crc32 3")])
        assert found.symbols == (HERE,)
        assert found.notes == ("its functions are named in tool.debug",)
        assert found.stripped

    @pytest.mark.parametrize("identity", [(), ("build-id 2",), ("crc32 1",)])
    def test_only_with_the_file_that_belongs_to_it(self, identity: tuple[str, ...]) -> None:
        assert joined(program("build-id 1"), [debug(*identity)]) == program("build-id 1")

    def test_a_program_with_symbols_needs_none(self) -> None:
        whole = dataclasses.replace(program("build-id 1"), symbols=(HERE,))
        assert joined(whole, [debug("build-id 1")]) is whole


def test_places_where_debuggers_look() -> None:
    paths = [str(path) for path in debug_file_paths(Path("/opt/bin/tool"), program("build-id abcd", link="tool.debug"))]
    assert paths == [
        "/opt/bin/tool.debug", "/opt/bin/.debug/tool.debug", "/usr/lib/debug/opt/bin/tool.debug",
        "/usr/lib/debug/.build-id/ab/cd.debug", "/opt/bin/tool.dSYM/Contents/Resources/DWARF/tool",
    ]  # fmt: skip


def test_a_link_is_a_name_and_no_path() -> None:
    assert not any("etc" in str(path) for path in debug_file_paths(Path("/bin/tool"), program(link="../../etc/passwd")))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stripped program, and its debug file elsewhere."""
    monkeypatch.setattr(debug_files, "GLOBAL_FOLDER", tmp_path / "global")
    (tmp_path / "elsewhere").mkdir()
    for path, kind in ((tmp_path / "tool", 1), (tmp_path / "elsewhere" / "tool.debug", NOBITS)):
        elf = Elf()
        elf.parts = [note(elf, b"\xab\xcd"), Part(".text", b"c" * 64, kind, ALLOC | EXECUTE, address=0x1000)]
        if kind == NOBITS:
            elf.symbols(("first", FUNCTION, 2, 0x1000, 64))
        path.write_bytes(elf.bytes())
    return tmp_path


def names(path: Path, *debug_paths: Path) -> list[str]:
    report = size_breakdown(path, debug_files=read_debug_files(debug_paths))
    return [symbol.name for member in report.binaries if member.image for symbol in member.image.symbols]


class TestFinding:
    def test_a_file_that_is_given(self, folder: Path) -> None:
        assert names(folder / "tool") == []
        assert names(folder / "tool", folder / "elsewhere" / "tool.debug") == ["first"]
        assert names(folder / "tool", folder / "elsewhere") == ["first"]

    def test_a_file_in_the_same_folder(self, folder: Path) -> None:
        assert names(folder) == ["first"]

    def test_a_file_where_the_system_keeps_them(self, folder: Path) -> None:
        (folder / "global" / ".build-id" / "ab").mkdir(parents=True)
        (folder / "elsewhere" / "tool.debug").rename(folder / "global" / ".build-id" / "ab" / "cd.debug")
        assert names(folder / "tool") == ["first"]

    def test_one_that_belongs_to_nothing_is_said(self, folder: Path) -> None:
        debug = read_debug_files([folder / "elsewhere"])
        (folder / "other").write_bytes(Elf(parts=[Part(".text", b"c", 1, ALLOC | EXECUTE)]).bytes())
        assert "no debug file that was given belongs" in size_breakdown(folder / "other", debug_files=debug).notes[0]

    def test_one_without_symbols_is_refused(self, folder: Path) -> None:
        with pytest.raises(InputError, match="no debug file"):
            read_debug_files([folder / "tool"])
