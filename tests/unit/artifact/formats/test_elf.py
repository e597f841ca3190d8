"""ELF files that are made here byte by byte: whole ones, odd ones and damaged ones."""

from __future__ import annotations

import struct
import time
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.artifact.formats.elf import read_elf
from trimtab.model.size_report import CodeRange, Format, Image, Purpose

PROGBITS, SYMTAB, STRTAB, RELA, NOTE, NOBITS, DYNSYM = 1, 2, 3, 4, 7, 8, 11
ALLOC, EXECUTE = 2, 4
OBJECT, FUNCTION, IFUNC = 1, 2, 10
RELOCATABLE, PROGRAM = 1, 2


@dataclass
class Part:
    """A section."""

    name: str
    data: bytes = b""
    type: int = PROGBITS
    flags: int = 0
    link: int = 0
    size: int | None = None
    """What its header says, if not the truth."""
    offset: int | None = None
    address: int = 0


@dataclass
class Elf:
    """An ELF file: headers, segments, the bytes of each section, its names, the section headers."""

    bits: int = 64
    order: str = "<"
    parts: list[Part] = field(default_factory=list)
    segments: Sequence[tuple[int, int, int, int]] = ()
    """Type, flags, offset and size."""
    body: bytes = b""
    """Bytes that belong to no section."""
    kind: int = PROGRAM
    machine: int = 62
    header: dict[str, int] = field(default_factory=dict)
    """What the file header says, if not the truth."""
    extended: bool = False
    """Whether the number of sections is in the first of them."""

    def pack(self, wide: str, narrow: str, *values: int) -> bytes:
        return struct.pack(self.order + (wide if self.bits == 64 else narrow), *values)

    def symbols(self, *symbols: tuple[str, int, int, int, int]) -> None:
        """Add a symbol table: name, type, section, address and size of each."""
        strings, table = b"\0", self.pack("IBBHQQ", "IIIBBH", 0, 0, 0, 0, 0, 0)
        for name, kind, section, address, size in symbols:
            if self.bits == 64:
                table += self.pack("IBBHQQ", "", len(strings), kind | 0x10, 0, section, address, size)
            else:
                table += self.pack("", "IIIBBH", len(strings), address, size, kind | 0x10, 0, section)
            strings += name.encode() + b"\0"
        self.parts += [
            Part(".symtab", table, SYMTAB, link=len(self.parts) + 2),
            Part(".strtab", strings, STRTAB),
        ]

    def image(self) -> Image:
        return read_elf(Path("made-here"), self.bytes())

    def bytes(self) -> bytes:
        head, entry = (64, 56) if self.bits == 64 else (52, 32)
        parts = [Part("", type=0), *self.parts, Part(".shstrtab", type=STRTAB)] if self.parts else []
        names = b""
        rows, at = [], head + entry * len(self.segments)
        contents = self.body
        for part in parts:
            if part.name == ".shstrtab":
                part.data = b"".join(other.name.encode() + b"\0" for other in parts)
            start = at + len(contents)
            size = len(part.data) if part.size is None else part.size
            rows.append([len(names), part.type, part.flags, part.address, start if part.offset is None else part.offset,
                         size, part.link, 0, 1, 0])  # fmt: skip
            names += part.name.encode() + b"\0"
            contents += b"" if part.type == NOBITS else part.data
        count, strings = len(parts), max(len(parts) - 1, 0)
        if self.extended:
            rows[0][5], rows[0][6], count, strings = count, strings, 0, 0xFFFF
        said = {
            "phoff": head if self.segments else 0, "shoff": at + len(contents) if parts else 0,
            "phentsize": entry, "phnum": len(self.segments), "shentsize": 64 if self.bits == 64 else 40,
            "shnum": count, "shstrndx": strings, **self.header,
        }  # fmt: skip
        ident = b"\x7fELF" + bytes([self.bits // 32, 1 if self.order == "<" else 2, 1]) + bytes(9)
        file = ident + self.pack(
            "HHIQQQIHHHHHH", "HHIIIIIHHHHHH", self.kind, self.machine, 1, 0, said["phoff"], said["shoff"], 0, head,
            said["phentsize"], said["phnum"], said["shentsize"], said["shnum"], said["shstrndx"],
        )  # fmt: skip
        for kind, flags, offset, size in self.segments:
            if self.bits == 64:
                file += self.pack("IIQQQQQQ", "", kind, flags, offset, 0, 0, size, size, 1)
            else:
                file += self.pack("", "8I", kind, offset, 0, 0, size, size, flags, 1)
        return file + contents + b"".join(self.pack("IIQQQQIIQQ", "10I", *row) for row in rows)


def damaged() -> tuple[type[Exception], ...]:
    """What `weigh` tells users in their own words."""
    from elftools.common.exceptions import ELFError
    from elftools.construct import ConstructError

    return ValueError, LookupError, ArithmeticError, TypeError, AssertionError, struct.error, ELFError, ConstructError


KINDS = [(64, "<"), (64, ">"), (32, "<"), (32, ">")]


@pytest.fixture(params=KINDS, ids=str)
def elf(request: pytest.FixtureRequest) -> Elf:
    """A file of every kind."""
    return Elf(*request.param)


def sizes(image: Image) -> dict[str, int]:
    assert sum(section.size for section in image.sections) == image.size
    return {section.name: section.size for section in image.sections}


def text(data: bytes = b"code", name: str = ".text") -> Part:
    return Part(name, data, PROGBITS, ALLOC | EXECUTE)


def test_sections_add_up_to_the_file(elf: Elf) -> None:
    elf.parts = [text(b"c" * 40), Part(".rodata", b"r" * 7, flags=ALLOC), Part(".bss", b"b" * 99, NOBITS, ALLOC)]
    image = elf.image()
    assert image.format is Format.ELF
    assert image.architecture == "x86_64"
    assert image.stripped
    assert image.symbols == ()
    headers = (64, 64) if elf.bits == 64 else (52, 40)
    assert sizes(image) == {
        ".text": 40, ".rodata": 7, ".shstrtab": len("..text..rodata..bss..shstrtab."),
        "[headers]": headers[0] + 5 * headers[1],
    }  # fmt: skip
    assert image.notes == ("functions are not counted: there is no .eh_frame",)


@pytest.mark.parametrize(
    ("part", "purpose"),
    [
        (text(), Purpose.CODE),
        (text(name=".plt"), Purpose.CODE),
        (Part(".rodata", b"r", flags=ALLOC), Purpose.DATA),
        (Part(".note.gnu.build-id", b"n", NOTE, ALLOC), Purpose.DATA),
        (Part(".eh_frame_hdr", b"u", flags=ALLOC), Purpose.UNWIND),
        (Part(".gcc_except_table", b"u", flags=ALLOC), Purpose.UNWIND),
        (Part(".ARM.exidx", b"u", 0x70000001, ALLOC), Purpose.UNWIND),
        (Part(".dynsym", b"l", DYNSYM, ALLOC), Purpose.LINKING),
        (Part(".dynstr", b"l", STRTAB, ALLOC), Purpose.LINKING),
        (Part(".rela.dyn", b"l", RELA, ALLOC), Purpose.LINKING),
        (Part(".gnu.hash", b"l", 0x6FFFFFF6, ALLOC), Purpose.LINKING),
        (Part(".relr.dyn", b"l", 19, ALLOC), Purpose.LINKING),
        (Part(".interp", b"l", flags=ALLOC), Purpose.LINKING),
        (Part(".strtab", b"s", STRTAB), Purpose.SYMBOLS),
        (Part(".debug_info", b"d"), Purpose.DEBUG),
        (Part(".zdebug_line", b"d"), Purpose.DEBUG),
        (Part(".comment", b"o"), Purpose.OTHER),
        (Part(".rela.text", b"s", RELA), Purpose.SYMBOLS),
        (Part(".rela.debug_info", b"d", RELA), Purpose.DEBUG),
        (Part(".stabstr", b"d", STRTAB), Purpose.DEBUG),
        (Part(".gdb_index", b"d"), Purpose.DEBUG),
        (Part(".debug_gdb_scripts", b"a", flags=ALLOC), Purpose.DATA),
    ],
    ids=lambda value: value.name if isinstance(value, Part) else value.value,
)
def test_each_section_has_a_purpose(part: Part, purpose: Purpose) -> None:
    image = Elf(parts=[part]).image()
    assert next(section.purpose for section in image.sections if section.name == part.name) is purpose
    assert image.bytes_for(purpose) >= len(part.data)


def test_zeros_between_sections_are_padding_and_the_rest_is_named(elf: Elf) -> None:
    elf.body = bytes(5)
    elf.parts = [text()]
    assert sizes(elf.image())["[padding]"] == 5
    elf.body = b"secret"
    assert sizes(elf.image())["[unclaimed]"] == 6
    image = read_elf(Path(), elf.bytes() + b"appended")
    assert sizes(image)["[overlay]"] == 8


def test_sections_over_each_other_count_once(elf: Elf) -> None:
    elf.parts = [text(b"c" * 40), Part(".rodata", b"r" * 8, flags=ALLOC)]
    start = 64 if elf.bits == 64 else 52
    elf.parts[1].offset = start + 30
    image = elf.image()
    assert sizes(image)[".text"] == 40
    assert ".rodata" not in sizes(image)
    assert image.notes[0] == "sections overlap by 8 bytes"


def test_a_section_beyond_the_end_counts_as_far_as_it_is_there(elf: Elf) -> None:
    elf.parts = [text(), Part(".rodata", b"r", offset=100_000, size=50)]
    image = elf.image()
    assert ".rodata" not in sizes(image)
    assert image.notes[0] == "sections reach 50 bytes beyond the end of the file"


def test_a_file_without_section_headers_is_divided_by_segments(elf: Elf) -> None:
    head = 64 + 3 * 56 if elf.bits == 64 else 52 + 3 * 32
    elf.body = b"r" * 10 + bytes(6) + b"c" * 20 + b"end"
    elf.segments = [(1, 4, 0, head + 10), (1, 5, head + 16, 20), (6, 7, 0, 5000)]
    image = elf.image()
    assert sizes(image) == {"[headers]": head, "[segment r--]": 10, "[padding]": 6, "[segment r-x]": 20, "[overlay]": 3}
    assert image.bytes_for(Purpose.CODE) == 20
    assert image.stripped
    assert image.notes == ("functions are not counted: there is no .eh_frame",)


def test_a_bare_header_is_a_file(elf: Elf) -> None:
    assert list(sizes(elf.image())) == ["[headers]"]


def test_the_number_of_sections_may_be_in_the_first_of_them(elf: Elf) -> None:
    elf.parts = [text()]
    expected = elf.image()
    elf.extended = True
    assert elf.image() == expected


def test_functions_with_names_are_found(elf: Elf) -> None:
    elf.parts = [text(bytes(100))]
    elf.symbols(
        ("_ZN3app4main17h0123456789abcdefE", FUNCTION, 1, 0x20, 16),
        ("memcpy", IFUNC, 1, 0x10, 16),
        ("alias_of_memcpy", FUNCTION, 1, 0x10, 16),
        ("table", OBJECT, 1, 0x40, 16),
        ("imported", FUNCTION, 0, 0, 16),
        ("no_size", FUNCTION, 1, 0x50, 0),
    )
    image = elf.image()
    assert not image.stripped
    assert [(symbol.name, symbol.crate, symbol.size) for symbol in image.symbols] == [
        ("alias_of_memcpy", "[C]", 16), ("memcpy", "[C]", 0), ("app::main", "app", 16),
    ]  # fmt: skip
    assert image.bytes_for(Purpose.SYMBOLS) == sizes(image)[".symtab"] + sizes(image)[".strtab"]


def test_in_an_object_file_each_section_has_addresses_of_its_own(elf: Elf) -> None:
    elf.kind = RELOCATABLE
    elf.parts = [text(bytes(16), ".text.a"), text(bytes(8), ".text.b")]
    elf.symbols(("b", FUNCTION, 2, 0, 8), ("a", FUNCTION, 1, 0, 16), ("absolute", FUNCTION, 0xFFF1, 5, 1))
    assert [(symbol.name, symbol.size) for symbol in elf.image().symbols] == [("absolute", 1), ("a", 16), ("b", 8)]


def test_a_symbol_table_for_the_dynamic_linker_is_not_its_own(elf: Elf) -> None:
    elf.parts = [text()]
    elf.symbols(("exported", FUNCTION, 1, 0, 4))
    elf.parts[1].type, elf.parts[1].name = DYNSYM, ".dynsym"
    image = elf.image()
    assert image.stripped
    assert image.symbols == ()


def test_a_symbol_table_needs_names(elf: Elf) -> None:
    elf.parts = [text()]
    elf.symbols(("a", FUNCTION, 1, 0, 4))
    elf.parts[1].link = 99
    assert any("no string table" in note for note in elf.image().notes)
    elf.parts[1].link, elf.parts[2].size = 3, 10**6
    assert any("reach beyond the end" in note for note in elf.image().notes)
    assert elf.image().symbols == ()


def test_a_symbol_table_may_end_in_the_middle_of_a_symbol(elf: Elf) -> None:
    elf.parts = [text()]
    elf.symbols(("a", FUNCTION, 1, 0, 4), ("b", FUNCTION, 1, 2, 2))
    elf.parts[1].data = elf.parts[1].data[:-1]
    assert [symbol.name for symbol in elf.image().symbols] == ["a"]


def frames(elf: Elf, *functions: int) -> Part:
    """An ``.eh_frame`` with functions of these sizes."""
    common = b"\0\0\0\0" + b"\1zR\0" + b"\1\x78\x10\1\x1b" + b"\0\0\0"
    data = elf.pack("I", "I", len(common)) + common
    for size in functions:
        data += elf.pack("IIIII", "IIIII", 16, len(data) + 4, 0, size, 0)
    return Part(".eh_frame", data + bytes(4), flags=ALLOC)


def test_functions_without_names_are_counted(elf: Elf) -> None:
    elf.parts = [text(), frames(elf, 100, 23)]
    image = elf.image()
    assert image.functions
    assert (image.functions.count, image.functions.size, image.functions.source) == (2, 123, ".eh_frame")
    assert image.notes == ()


def test_why_functions_are_not_counted(elf: Elf) -> None:
    elf.parts = [text(), frames(elf)]
    image = elf.image()
    assert image.functions is None
    assert image.notes == ("functions are not counted: .eh_frame is empty",)
    elf.parts = [text(), Part(".eh_frame", b"\x99" * 40, flags=ALLOC)]
    assert elf.image().notes == ("functions are not counted: an entry of .eh_frame reaches beyond its end",)
    elf.parts = [text(), Part(".eh_frame", b"u" * 40, NOBITS, ALLOC)]
    assert elf.image().notes == ("functions are not counted: there is no .eh_frame",)
    elf.parts = [text(), Part(".eh_frame", b"u" * 40, flags=ALLOC, size=10**6)]
    assert elf.image().notes[-1] == "functions are not counted: there is no .eh_frame"


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ({"shentsize": 0}, "section headers of 0 bytes"),
        ({"shentsize": 7}, "section headers of 7 bytes"),
        ({"shnum": 60_000}, "beyond the end"),
        ({"shoff": 10**9}, "beyond the end"),
        ({"shstrndx": 50}, "no names"),
    ],
)
def test_section_headers_that_cannot_be_are_refused(elf: Elf, header: dict[str, int], message: str) -> None:
    from elftools.common.exceptions import ELFError

    elf.parts, elf.header = [text()], header
    # pyelftools 0.32 refuses small ones itself, which ends in the same error for the user.
    with pytest.raises((ValueError, ELFError), match=f"{message}|Too small e_shentsize"):
        elf.image()


def test_absurd_numbers_are_refused_at_once(elf: Elf) -> None:
    elf.parts, elf.extended = [text()], True
    file = bytearray(elf.bytes())
    row = 64 if elf.bits == 64 else 40
    at = len(file) - 3 * row + (32 if elf.bits == 64 else 20)
    file[at : at + 4] = b"\x7f\xff\xff\x7f"
    started = time.process_time()
    with pytest.raises(ValueError, match="beyond the end"):
        read_elf(Path(), bytes(file))
    elf = Elf(elf.bits, elf.order, header={"phoff": 0, "phnum": 0xFFFE})
    with pytest.raises(ValueError, match="beyond the end"):
        elf.image()
    assert time.process_time() - started < 1


def test_names_that_end_in_one_another_are_given_up(elf: Elf) -> None:
    elf.parts = [text()]
    elf.symbols(*((f"{'n' * 100}", FUNCTION, 1, 4 * number, 4) for number in range(100)))
    table, row = bytearray(elf.parts[1].data), 24 if elf.bits == 64 else 16
    for number in range(100):  # each name begins one byte after the one before
        table[row * (number + 1) : row * (number + 1) + 4] = (1 + number).to_bytes(
            4, "little" if elf.order == "<" else "big"
        )
    elf.parts[1].data = bytes(table)
    elf.parts[2].data = b"\0" + b"n" * 1200 + b"\0"
    image = elf.image()
    assert image.symbols == ()
    assert "functions have no names: the names of its symbols overlap" in image.notes


def test_symbols_may_share_one_name(elf: Elf) -> None:
    elf.parts = [text()]
    elf.symbols(*(("shared" * 50, FUNCTION, 1, 4 * number, 4) for number in range(200)))
    table, row = bytearray(elf.parts[1].data), 24 if elf.bits == 64 else 16
    for number in range(1, 201):
        table[row * number : row * number + 4] = table[row : row + 4]
    elf.parts[1].data = bytes(table)
    elf.parts[2].data = elf.parts[2].data[:302]
    assert {symbol.name for symbol in elf.image().symbols} == {"shared" * 50}


def test_many_sections_may_share_one_name(elf: Elf) -> None:
    elf.parts = [text(b"c") for _ in range(100)]
    file = bytearray(elf.bytes())
    row = 64 if elf.bits == 64 else 40
    first = file[-101 * row : -101 * row + 4]
    for number in range(1, 101):
        at = len(file) - (102 - number) * row
        file[at : at + 4] = first
    assert sizes(read_elf(Path(), bytes(file)))[".text"] == 100


@pytest.mark.parametrize("file", [b"", b"\x7fELF", b"\x7fELF\2\1\1" + bytes(20), b"MZ" + bytes(100)])
def test_what_is_no_elf_file_is_refused(file: bytes) -> None:
    with pytest.raises(damaged()):
        read_elf(Path(), file)


def whole(bits: int, order: str) -> bytes:
    """A file with everything in it."""
    elf = Elf(bits, order, segments=[(1, 5, 0, 200)])
    elf.parts = [text(bytes(64)), frames(elf, 32, 32), Part(".bss", b"b" * 9, NOBITS, ALLOC)]
    elf.symbols(("_RNvC3app4main", FUNCTION, 1, 0, 32), ("memcpy", FUNCTION, 1, 32, 32))
    return elf.bytes()


@given(st.sampled_from(KINDS), st.data())
def test_a_damaged_file_adds_up_or_is_refused(kind: tuple[int, str], data: st.DataObject) -> None:
    file = bytearray(whole(*kind))
    row = 64 if kind[0] == 64 else 40
    anywhere = st.integers(4, len(file) - 1)
    headers = st.integers(4, 63) | st.integers(len(file) - 7 * row, len(file) - 1)
    for at in data.draw(st.lists(anywhere | headers, min_size=1, max_size=6)):
        file[at] = data.draw(st.sampled_from([0, 1, 0x7F, 0x80, 0xFF]) | st.integers(0, 255))
    cut = data.draw(st.none() | st.integers(0, len(file)))
    started = time.process_time()
    try:
        image = read_elf(Path(), bytes(file[:cut]))
    except damaged():
        image = None
    assert time.process_time() - started < 2
    if image:
        assert sum(section.size for section in image.sections) == image.size == len(file[:cut])
        assert all(symbol.size >= 0 for symbol in image.symbols)


class TestSectionHeadersThatCannotBeRead:
    """The system does not look at them when it runs a program."""

    @staticmethod
    def file(elf: Elf, **header: int) -> Elf:
        head = (64, 56) if elf.bits == 64 else (52, 32)
        elf.parts, elf.segments, elf.header = [text(b"c" * 40)], [(1, 5, sum(head), 40)], header
        return elf

    def test_because_they_were_cut_off(self, elf: Elf) -> None:
        data = self.file(elf).bytes()
        image = read_elf(Path("made-here"), data[: sum((64, 56) if elf.bits == 64 else (52, 32)) + 40])
        assert sizes(image)["[segment r-x]"] == 40
        assert image.stripped
        assert image.notes[0].startswith("its section headers cannot be read, so it is divided into segments: a table")

    @pytest.mark.parametrize("header", [{"shentsize": 7}, {"shoff": 1 << 30}, {"shstrndx": 99}])
    def test_because_something_was_written_over_them(self, elf: Elf, header: dict[str, int]) -> None:
        image = self.file(elf, **header).image()
        assert sizes(image)["[segment r-x]"] == 40
        assert "its section headers cannot be read" in image.notes[0]

    def test_an_object_file_is_nothing_without_them(self, elf: Elf) -> None:
        elf.kind = RELOCATABLE
        with pytest.raises(ValueError, match="beyond the end"):
            self.file(elf, shoff=1 << 30).image()


def note(elf: Elf, build_id: bytes) -> Part:
    header = struct.pack(elf.order + "III", 4, len(build_id), 3)
    other = struct.pack(elf.order + "III", 3, 1, 9) + b"Go\0\0" + b"x\0\0\0"
    return Part(".note.gnu.build-id", other + header + b"GNU\0" + build_id, NOTE, ALLOC)


class TestSeparateDebugFiles:
    def test_functions_are_not_told_of_a_file_that_has_no_code(self, elf: Elf) -> None:
        elf.parts = [Part(".text", b"c" * 64, NOBITS, ALLOC | EXECUTE, address=0x1000), note(elf, b"\xab\xcd")]
        elf.symbols(("first", FUNCTION, 1, 0x1000, 16), ("second", FUNCTION, 1, 0x1010, 48))
        image = elf.image()
        assert image.symbols == ()
        assert [(symbol.name, symbol.address, symbol.size) for symbol in image.elsewhere] == [
            ("first", 0x1000, 16), ("second", 0x1010, 48),
        ]  # fmt: skip
        assert "build-id abcd" in image.identity
        assert f"crc32 {zlib.crc32(elf.bytes()):08x}" in image.identity
        assert not image.stripped
        assert "2 functions that are in another file" in image.notes[-1]

    def test_a_program_tells_where_its_debug_file_is(self, elf: Elf) -> None:
        link = b"tool.debug\0\0" + struct.pack(elf.order + "I", 0xCAFE)
        elf.parts = [Part(".text", b"c" * 64, flags=ALLOC | EXECUTE, address=0x1000), Part(".gnu_debuglink", link)]
        image = elf.image()
        assert (image.debug_link, set(image.identity)) == ("tool.debug", {"crc32 0000cafe"})
        assert image.code == (CodeRange(0x1000, 0x1040, ".text"),)

    def test_a_build_id_without_sections(self, elf: Elf) -> None:
        content = note(elf, b"\1\2").data
        head = 64 + 2 * 56 if elf.bits == 64 else 52 + 2 * 32
        elf.segments = [(4, 4, head, len(content)), (1, 5, head + len(content), 8)]
        elf.body = content + b"c" * 8
        assert elf.image().identity == {"build-id 0102"}
        assert [each.section for each in elf.image().code] == ["[segment r-x]"]

    @pytest.mark.parametrize("link", [b"", b"1234567", b"\0\0\0\0\0\0\0\0"])
    def test_a_link_that_names_nothing(self, elf: Elf, link: bytes) -> None:
        elf.parts = [Part(".gnu_debuglink", link)]
        assert (elf.image().debug_link, elf.image().identity) == ("", frozenset())


def test_symbols_know_their_section_even_where_there_are_too_many_for_a_number(elf: Elf) -> None:
    elf.parts = [text(b"c" * 64), text(b"d" * 64, ".text.cold")]
    elf.symbols(("a", FUNCTION, 1, 0, 16), ("b", FUNCTION, 0xFFFF, 64, 16))
    elf.parts.append(Part(".symtab_shndx", struct.pack(elf.order + "3I", 0, 0, 2), 18))
    assert [(symbol.name, symbol.section) for symbol in elf.image().symbols] == [("a", ".text"), ("b", ".text.cold")]
