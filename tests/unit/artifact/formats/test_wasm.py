"""WebAssembly modules, made by hand."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.artifact.formats.wasm import read_wasm
from trimtab.model.size_report import Format, Functions, Image, Purpose, Section

PREAMBLE = b"\0asm\1\0\0\0"
TYPE, IMPORT, FUNCTION, EXPORT, CODE, DATA = 1, 2, 3, 7, 10, 11


def number(value: int) -> bytes:
    """An unsigned LEB128."""
    low, rest = value & 0x7F, value >> 7
    return bytes([low | 0x80]) + number(rest) if rest else bytes([low])


def text(value: str | bytes) -> bytes:
    content = value.encode() if isinstance(value, str) else value
    return number(len(content)) + content


def vector(*items: bytes) -> bytes:
    return number(len(items)) + b"".join(items)


def section(kind: int, content: bytes) -> bytes:
    return bytes([kind]) + text(content)


def custom(name: str, content: bytes = b"") -> bytes:
    return section(0, text(name) + content)


def code(*bodies: bytes) -> bytes:
    return section(CODE, vector(*map(text, bodies)))


def function_names(*pairs: tuple[int, str | bytes]) -> bytes:
    module_name = section(0, text("the module"))
    return custom("name", module_name + section(1, vector(*(number(index) + text(name) for index, name in pairs))))


def module(*sections: bytes) -> bytes:
    return PREAMBLE + b"".join(sections)


def read(*sections: bytes) -> Image:
    return read_wasm(Path("a.wasm"), module(*sections))


SHORT, LONG = b"\0\x0b", b"\0" + b"\1" * 300 + b"\x0b"
IMPORTS = vector(
    text("env") + text("first") + b"\0" + number(500),
    text("env") + text("table") + b"\1" + b"\x70" + b"\1\2\3",
    text("env") + text("typed table") + b"\1" + b"\x63\x05" + b"\0\2",
    text("env") + text("memory") + b"\2" + b"\x0b\1" + number(300) + b"\x10",
    text("env") + text("global") + b"\3" + b"\x7f\1",
    text("env") + text("reference") + b"\3" + b"\x64\x70\0",
    text("env") + text("tag") + b"\4" + b"\0\1",
    text("env") + text("second") + b"\0" + b"\0",
)
WHOLE = module(
    section(TYPE, vector(b"\x60\0\0")),
    section(IMPORT, IMPORTS),
    section(FUNCTION, vector(b"\0", b"\0")),
    section(EXPORT, vector(text("run") + b"\0\2")),
    code(SHORT, LONG),
    section(DATA, vector(b"\0\x41\0\x0b" + text("hello"))),
    custom(".debug_info", b"debug"),
    function_names((0, "first"), (2, "run"), (3, "_ZN4core3fmt5write17h0123456789abcdefE"), (99, "nobody")),
    custom("producers", b"\0"),
    custom("reloc.CODE", b"\0"),
)


class TestWhole:
    image = read_wasm(Path("a.wasm"), WHOLE)

    def test_every_byte_is_in_a_section(self) -> None:
        sections = {found.name: (found.size, found.purpose) for found in self.image.sections}
        assert sum(size for size, _ in sections.values()) == self.image.size == len(WHOLE)
        assert sections["type"] == (4, Purpose.OTHER)
        assert sections["import"] == (len(IMPORTS), Purpose.LINKING)
        assert sections["export"][1] is Purpose.LINKING
        assert sections["code"] == (1 + 1 + len(SHORT) + 2 + len(LONG), Purpose.CODE)
        assert sections["data"][1] is Purpose.DATA
        assert sections["custom:.debug_info"] == (5, Purpose.DEBUG)
        assert sections["custom:name"][1] is Purpose.SYMBOLS
        assert sections["custom:producers"] == (1, Purpose.OTHER)
        assert sections["custom:reloc.CODE"] == (1, Purpose.LINKING)

    def test_functions_are_bodies(self) -> None:
        assert self.image.functions == Functions(count=2, size=len(SHORT) + len(LONG), source="code section")

    def test_names_are_for_functions_after_the_imported_ones(self) -> None:
        assert [(symbol.name, symbol.size) for symbol in self.image.symbols] == [
            ("run", len(SHORT)),
            ("core::fmt::write", len(LONG)),
        ]

    def test_what_it_is(self) -> None:
        assert (self.image.format, self.image.architecture) == (Format.WASM, "wasm")
        assert not self.image.stripped
        assert self.image.notes == ()


class TestParts:
    def test_an_empty_module(self) -> None:
        image = read()
        assert image.sections == (Section(name="[headers]", size=8, purpose=Purpose.OTHER),)
        assert image.functions == Functions(count=0, size=0, source="code section")

    @pytest.mark.parametrize(
        ("sections", "stripped"),
        [((), True), ((custom("producers"),), True), ((function_names(),), False), ((custom(".debug_line"),), False)],
    )
    def test_stripped_is_without_names_and_debug_sections(self, sections: tuple[bytes, ...], stripped: bool) -> None:
        assert read(*sections).stripped is stripped

    @pytest.mark.parametrize("names", [b"\1\5\1", b"\1\2\2\0", b"\1\4\1\0\x7f\x61", b"\1", b"\1\1\0\1\1\0"])
    def test_broken_names_are_a_note(self, names: bytes) -> None:
        image = read(code(SHORT), custom("name", names))
        assert image.symbols == ()
        assert image.notes[0].startswith("the names of its functions cannot be read: ")

    def test_a_name_that_is_not_utf_8_is_shown_as_escapes(self) -> None:
        assert read(code(SHORT), function_names((0, b"\xff"))).symbols[0].name == "\\xff"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\0asm\x0d\0\1\0", "not a WebAssembly module of version 1"),
        (module(section(TYPE, b"\0"), section(TYPE, b"\0")), "a section 1 at 11, where the format allows none"),
        (module(section(77, b"\0")), "a section 77 at 8"),
        (module(b"\1\x05\0"), "5 bytes are announced at 10, where there are 1"),
        (module(b"\1" + b"\xff" * 20), "a number without an end"),
        (module(b"\1"), "ends in the middle of something"),
        (module(*[custom("x")] * 10_001), "more than 10000 sections"),
        (module(section(CODE, number(1_000_001))), "1000001 items are announced, where 1000000 are allowed"),
        (module(section(CODE, number(1_000_000))), "ends in the middle"),
        (module(section(CODE, b"\1\x05\0")), "5 bytes are announced"),
        (module(section(IMPORT, vector(text("a") + text("b") + b"\7"))), "imports something of an unknown kind, 7"),
        (module(section(IMPORT, number(2**32))), "4294967296 items are announced"),
    ],
)
def test_what_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        read_wasm(Path("a.wasm"), data)


@given(st.lists(st.tuples(st.integers(0, len(WHOLE) - 1), st.integers(0, 255)), max_size=5), st.integers(0, len(WHOLE)))
def test_damage_is_weighed_or_refused(changes: list[tuple[int, int]], length: int) -> None:
    data = bytearray(WHOLE)
    for at, byte in changes:
        data[at] = byte
    try:
        image = read_wasm(Path("a.wasm"), bytes(data[:length]))
    except ValueError:
        return
    assert sum(found.size for found in image.sections) == length


@given(st.binary(max_size=100))
def test_anything_after_the_preamble_is_weighed_or_refused(content: bytes) -> None:
    try:
        image = read(content)
    except ValueError:
        return
    assert sum(found.size for found in image.sections) == len(PREAMBLE) + len(content)
