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


def component(*sections: bytes) -> bytes:
    return b"\0asm\x0d\0\1\0" + b"".join(sections)


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
        assert sections["custom:reloc.CODE"] == (1, Purpose.SYMBOLS)

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


class TestComponents:
    MODULE = module(code(SHORT, LONG), function_names((0, "first")))
    WHOLE = component(
        section(7, b"types"),
        section(1, MODULE),
        section(4, component(section(1, module(code(SHORT))), section(8, b"canon"))),
        section(1, module(section(TYPE, b"\0"))),
        section(7, b"more"),
        custom("component-name", b"names"),
    )

    def test_sections_of_all_modules_are_added_up(self) -> None:
        image = read_wasm(Path("a.wasm"), self.WHOLE)
        sections = {found.name: (found.size, found.purpose) for found in image.sections}
        assert sum(size for size, _ in sections.values()) == len(self.WHOLE)
        assert sections["code"] == (1 + 1 + len(SHORT) + 2 + len(LONG) + 1 + 1 + len(SHORT), Purpose.CODE)
        assert sections["component:type"] == (9, Purpose.LINKING)
        assert sections["component:canon"] == (5, Purpose.LINKING)
        assert sections["custom:component-name"] == (5, Purpose.SYMBOLS)
        assert sections["type"] == (1, Purpose.OTHER)

    def test_functions_of_all_modules_are_counted(self) -> None:
        image = read_wasm(Path("a.wasm"), self.WHOLE)
        assert image.functions == Functions(count=3, size=2 * len(SHORT) + len(LONG), source="code section")
        assert [(symbol.name, symbol.section) for symbol in image.symbols] == [("first", "code")]
        assert (image.format, image.architecture, image.stripped) == (Format.WASM, "component", False)

    def test_none_are_endlessly_within_each_other(self) -> None:
        data = component()
        for _ in range(102):
            data = component(section(4, data))
        with pytest.raises(ValueError, match="more than 100 components within each other"):
            read_wasm(Path("a.wasm"), data)


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

    @pytest.mark.parametrize("imports", [vector(text("a") + text("b") + b"\7"), number(2**32)])
    def test_imports_of_an_unknown_kind_leave_functions_without_names(self, imports: bytes) -> None:
        image = read(section(IMPORT, imports), code(SHORT), function_names((0, "a")))
        assert image.symbols == ()
        assert image.notes[0].startswith("the names of its functions cannot be read: ")

    def test_sections_that_proposals_add_have_a_number_for_a_name(self) -> None:
        assert read(section(77, b"1")).sections[-1] == Section(name="section 77", size=1, purpose=Purpose.OTHER)

    def test_a_name_that_is_not_utf_8_is_shown_as_escapes(self) -> None:
        assert read(code(SHORT), function_names((0, b"\xff"))).symbols[0].name == "\\xff"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\0asm\2\0\0\0", "what lies at 0 is no module of version 1"),
        (b"\0asm", "what lies at 0 is no module of version 1"),
        (component(section(4, b"\0asm\1\0\0\0")), "what lies at 10 is no component"),
        (component(section(1, b"\0asm\1\0\0\0\1")), "ends in the middle of something"),
        (module(section(TYPE, b"\0"), section(TYPE, b"\0")), "a second section 1 at 11, where the format allows none"),
        (module(b"\1\x05\0"), "5 bytes are announced at 10, where there are 1"),
        (module(b"\1" + b"\xff" * 20), "a number without an end"),
        (module(b"\1"), "ends in the middle of something"),
        (module(*[custom("x")] * 10_001), "more than 10000 sections"),
        (module(section(CODE, number(1_000_001))), "1000001 items are announced, where 1000000 are allowed"),
        (module(section(CODE, number(1_000_000))), "ends in the middle"),
        (module(section(CODE, b"\1\x05\0")), "5 bytes are announced"),
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
