"""PE files, made by hand."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pefile import PEFormatError  # noqa: TID253 - no command waits for a test

from trimtab.artifact.formats.pe import read_pe
from trimtab.model.size_report import CodeRange, Format, Functions, Image, Purpose

I386, ARMNT, AMD64, ARM64 = 0x14C, 0x1C4, 0x8664, 0xAA64
TEXT, DATA, BSS = 0x60000020, 0x40000040, 0xC0000080
PAGE, BLOCK = 0x1000, 0x200
HEADERS = 0x400
"""Where the contents begin."""
EXTERNAL, FILE = 2, 103
FUNCTION = 0x20


def padded(content: bytes) -> bytes:
    return content.ljust(-(-len(content) // BLOCK) * BLOCK, b"\0")


def pe(
    *sections: tuple[bytes, bytes, int],
    machine: int = AMD64,
    exceptions: tuple[int, int] = (0, 0),
    signature: bytes = b"",
    symbols: tuple[bytes, ...] = (),
    strings: bytes = b"",
) -> bytes:
    """A file with sections of a name, contents and flags; the first is at the address `PAGE`, the next a page later."""
    headers, content = b"", b""
    for number, (name, body, flags) in enumerate(sections, 1):
        place = (len(body), PAGE * number, len(padded(body)), HEADERS + len(content) if body else 0)
        headers += struct.pack("<8s4I3II", name, *place, 0, 0, 0, flags)
        content += padded(body)
    table = HEADERS + len(content) if symbols or strings else 0
    content += b"".join(symbols) + (struct.pack("<I", 4 + len(strings)) + strings if table else b"")
    directories = [(0, 0)] * 16
    directories[3] = exceptions
    directories[4] = (HEADERS + len(content), len(signature))
    wide = machine in (AMD64, ARM64)
    word = "Q" if wide else "I"
    optional = struct.pack("<HH5I", 0x20B if wide else 0x10B, 14, 0, 0, 0, PAGE, PAGE)
    optional += struct.pack(f"<{'Q' if wide else 'II'}2I6H", *([0] * (2 - wide)), PAGE, BLOCK, 6, 0, 0, 0, 6, 0)
    optional += struct.pack(f"<4I2H4{word}2I", 0, PAGE * 9, HEADERS, 0, 3, 0, 0, 0, 0, 0, 0, 16)
    optional += b"".join(struct.pack("<2I", *each) for each in directories)
    count = sum(symbol[17] + 1 for symbol in symbols)
    file = struct.pack("<2H3I2H", machine, len(sections), 0, table, count, len(optional), 0x22)
    start = b"MZ" + bytes(58) + struct.pack("<I", 64) + b"PE\0\0" + file + optional + headers
    assert len(start) <= HEADERS
    return start.ljust(HEADERS, b"\0") + content + signature


def symbol(name: bytes | int, section: int, value: int, kind: int = FUNCTION, auxiliary: int = 0) -> bytes:
    """With a name of up to eight bytes, or an offset in the string table."""
    text = struct.pack("<II", 0, name) if isinstance(name, int) else name
    return struct.pack("<8sIHHBB", text, value, section, kind, EXTERNAL, auxiliary) + bytes(18 * auxiliary)


def read(data: bytes) -> Image:
    return read_pe(Path("a.exe"), data)


def sizes(image: Image) -> dict[str, tuple[int, Purpose]]:
    assert sum(section.size for section in image.sections) == image.size
    return {section.name: (section.size, section.purpose) for section in image.sections}


CODE = (b".text", bytes(100), TEXT)


class TestSections:
    def test_have_a_purpose(self) -> None:
        found = sizes(
            read(
                pe(
                    CODE,
                    (b".rdata", bytes(600), DATA),
                    (b".bss", b"", BSS),
                    (b".pdata", b"1", DATA),
                    (b".reloc", b"1", DATA),
                    (b".rsrc", b"1", DATA),
                    (b"/4", b"1", DATA),
                    (b"//AAAAAQ", b"1", DATA),
                    (b"/999", b"1", DATA),
                    signature=b"signed",
                    strings=b".debug_info\0.eh_frame\0",
                )
            )
        )
        headers = 64 + 24 + 240 + 9 * 40
        assert found == {
            "[headers]": (headers, Purpose.OTHER),
            "[padding]": (HEADERS - headers, Purpose.OTHER),
            ".text": (512, Purpose.CODE),
            ".rdata": (1024, Purpose.DATA),
            ".pdata": (512, Purpose.UNWIND),
            ".reloc": (512, Purpose.LINKING),
            ".rsrc": (512, Purpose.DATA),
            ".debug_info": (512, Purpose.DEBUG),
            ".eh_frame": (512, Purpose.UNWIND),
            "/999": (512, Purpose.DATA),
            "[symbols]": (4 + 22, Purpose.SYMBOLS),
            "[signature]": (6, Purpose.OTHER),
        }

    def test_what_is_claimed_beyond_the_end_is_a_note(self) -> None:
        image = read(pe(CODE)[:-12])
        assert "sections reach 12 bytes beyond the end of the file" in image.notes

    def test_headers_that_cannot_be_made_out_are_a_note(self) -> None:
        data = bytearray(pe(CODE))
        data[64 + 6] = 2
        assert "only 1 of 2 sections can be made out" in read(bytes(data)).notes

    def test_names_of_sections_are_as_long_as_the_table_at_most(self) -> None:
        with pytest.raises(ValueError, match="the names of its symbols overlap"):
            read(pe(*[(f"/{start}".encode(), b"1", DATA) for start in range(4, 13)], strings=b"a" * 100))


class TestArchitecture:
    @pytest.mark.parametrize(
        ("machine", "name"), [(I386, "i386"), (AMD64, "amd64"), (ARM64, "arm64"), (ARMNT, "armnt"), (0x1234, "0x1234")]
    )
    def test_is_called_as_in_the_specification(self, machine: int, name: str) -> None:
        image = read(pe(CODE, machine=machine))
        assert (image.format, image.architecture) == (Format.PE, name)

    @pytest.mark.parametrize("machine", [I386, ARMNT])
    def test_some_have_no_table_of_functions(self, machine: int) -> None:
        image = read(pe(CODE, machine=machine))
        assert image.functions is None
        assert image.notes == (
            "functions are not counted: only amd64 and arm64 have a table of them that is read here",
        )


class TestFunctionsOfX64:
    PLAIN, CHAINED = bytes([1]), bytes([1 | 4 << 3])

    def read(self, *entries: tuple[int, int, int], size: int = 0) -> Image:
        table = b"".join(struct.pack("<3I", *entry) for entry in entries)
        unwind = (b".xdata", self.PLAIN + self.CHAINED, DATA)
        return read(pe(CODE, (b".pdata", table, DATA), unwind, exceptions=(2 * PAGE, size or len(table))))

    def test_pieces_add_to_the_bytes_but_not_to_the_number(self) -> None:
        plain, chained, another_entry = 3 * PAGE, 3 * PAGE + 1, 2 * PAGE + 1
        image = self.read(
            (PAGE, PAGE + 10, plain),
            (PAGE + 10, PAGE + 15, chained),
            (PAGE + 16, PAGE + 18, another_entry),
            (PAGE + 32, PAGE + 40, plain),
        )
        assert image.functions == Functions(count=2, size=25, source=".pdata")
        assert image.notes == ()

    @pytest.mark.parametrize("unwind", [0, 2 * PAGE - 2, 9 * PAGE, 2**32 - 2])
    def test_unwind_information_may_not_be_there(self, unwind: int) -> None:
        assert self.read((PAGE, PAGE + 10, unwind)).functions == Functions(count=1, size=10, source=".pdata")

    def test_a_function_that_ends_before_it_begins_has_no_bytes(self) -> None:
        assert self.read((PAGE + 10, PAGE, 3 * PAGE)).functions == Functions(count=1, size=0, source=".pdata")

    @pytest.mark.parametrize("size", [BLOCK + 1, 2**32 - 1])
    def test_a_table_that_is_not_there_is_a_note(self, size: int) -> None:
        image = self.read((PAGE, PAGE + 10, 3 * PAGE), size=size)
        assert image.functions is None
        assert image.notes == ("functions are not counted: their table is not in the file",)

    def test_there_may_be_no_directory_for_it(self) -> None:
        data = bytearray(pe(CODE))
        data[64 + 24 + 108] = 3
        assert read(bytes(data)).functions is None

    def test_there_may_be_no_section_at_all(self) -> None:
        assert read(pe(exceptions=(PAGE, 12))).functions is None


class TestFunctionsOfArm64:
    def test_have_their_length_in_the_table_or_elsewhere(self) -> None:
        packed, fragment, unpacked, nowhere = 10 << 2 | 1, 5 << 2 | 2, 3 * PAGE, 9 * PAGE
        table = b"".join(struct.pack("<2I", PAGE, unwind) for unwind in (packed, fragment, unpacked, nowhere))
        unwind = (b".xdata", struct.pack("<I", 0xFFFC0000 | 300), DATA)
        data = pe(CODE, (b".pdata", table, DATA), unwind, machine=ARM64, exceptions=(2 * PAGE, len(table)))
        assert read(data).functions == Functions(count=3, size=4 * (10 + 5 + 300), source=".pdata")


class TestSymbols:
    LONG = b"_ZN4core3fmt5write17h0123456789abcdefE\0"

    def test_are_functions_by_address(self) -> None:
        image = read(
            pe(
                CODE,
                (b".data", b"1", DATA),
                symbols=(
                    symbol(b".file", 0xFFFE, 0, kind=0, auxiliary=1),
                    symbol(4, 1, 32, auxiliary=1),
                    symbol(b"exactly8", 1, 0),
                    symbol(b"data", 2, 0, kind=0),
                    symbol(b"undef", 0, 0),
                    symbol(b"nowhere", 9, 0),
                ),
                strings=self.LONG,
            )
        )
        assert [(found.name, found.size) for found in image.symbols] == [("exactly8", 32), ("core::fmt::write", 68)]
        assert not image.stripped

    def test_32_bits_put_an_underscore_before_names(self) -> None:
        assert read(pe(CODE, machine=I386, symbols=(symbol(b"_main", 1, 0),))).symbols[0].name == "main"

    def test_without_them_it_is_stripped(self) -> None:
        image = read(pe(CODE))
        assert image.stripped
        assert image.symbols == ()

    def test_more_than_any_program_has_are_refused(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("trimtab.artifact.formats.coff.MOST_FUNCTIONS", 1)
        with pytest.raises(ValueError, match="symbols for more than 1 functions"):
            read(pe(CODE, symbols=(symbol(b"one", 1, 0), symbol(b"two", 1, 8))))

    def test_a_table_that_is_not_there_is_refused(self) -> None:
        data = bytearray(pe(CODE))
        data[64 + 12 : 64 + 20] = struct.pack("<2I", HEADERS, 2**32 - 1)
        with pytest.raises(ValueError, match="a table of 4294967295 rows"):
            read(bytes(data))


@pytest.mark.parametrize("data", [b"", b"MZ", b"MZ" + bytes(62), b"MZ" + bytes(58) + b"\xff" * 4, pe(CODE)[:100]])
def test_what_is_refused(data: bytes) -> None:
    with pytest.raises(PEFormatError):
        read(data)


ENTRIES = struct.pack("<6I", PAGE, PAGE + 10, 2 * PAGE, PAGE + 10, PAGE + 20, 2 * PAGE)
WHOLE = [
    pe(
        CODE, (b".pdata", ENTRIES, DATA), (b"/4", b"1", DATA), machine=machine, exceptions=(2 * PAGE, 24),
        symbols=(symbol(4, 1, 0, auxiliary=1), symbol(b"main", 1, 16)), strings=b"a_long_name\0", signature=b"signed",
    )
    for machine in (AMD64, ARM64, I386)
]  # fmt: skip


@given(st.sampled_from(WHOLE), st.data())
def test_damage_is_weighed_or_refused(whole: bytes, draw: st.DataObject) -> None:
    data = bytearray(whole)
    for at in draw.draw(st.lists(st.integers(0, len(data) - 1) | st.integers(60, 500), max_size=5)):
        data[at] = draw.draw(st.integers(0, 255))
    length = draw.draw(st.just(len(data)) | st.integers(0, len(data)))
    try:
        image = read(bytes(data[:length]))
    except (ValueError, PEFormatError):
        return
    assert sum(section.size for section in image.sections) == length


@given(st.binary(max_size=300))
def test_anything_after_the_magic_is_weighed_or_refused(content: bytes) -> None:
    try:
        image = read(b"MZ" + content)
    except (ValueError, PEFormatError):
        return
    assert sum(section.size for section in image.sections) == 2 + len(content)


class TestSymbolsInASection:
    """Go's linker makes a section of the symbol table."""

    def test_count_as_symbols_once(self) -> None:
        table = symbol(b"main", 1, 0x10) + struct.pack("<I", 4)
        data = bytearray(pe(CODE, (b".symtab", table, 0x42000000)))
        at = data.index(b"PE\0\0") + 12
        data[at : at + 8] = struct.pack("<II", HEADERS + BLOCK, 1)
        image = read(bytes(data))
        assert sizes(image)[".symtab"] == (512, Purpose.SYMBOLS)
        assert "[symbols]" not in sizes(image)
        assert not any("overlap" in note for note in image.notes)
        assert [(symbol.name, symbol.section) for symbol in image.symbols] == [("main", ".text")]
        assert not image.stripped


def test_functions_of_a_debug_file_are_in_another(tmp_path: Path) -> None:
    data = bytearray(pe((b".text", b"", TEXT), symbols=(symbol(b"main", 1, 0x10),)))
    at = data.index(b".text\0\0\0") + 8
    data[at : at + 4] = struct.pack("<I", 0x40)
    image = read(bytes(data))
    assert image.symbols == ()
    assert [(symbol.name, symbol.size) for symbol in image.elsewhere] == [("main", 0x30)]
    assert image.identity == {f"crc32 {zlib.crc32(data):08x}"}


def test_a_program_tells_where_its_debug_file_is() -> None:
    link = b"a.exe.debug\0" + struct.pack("<I", 0xCAFE)
    image = read(pe(CODE, (b"/4", link, DATA), strings=b".gnu_debuglink\0"))
    assert (image.debug_link, set(image.identity)) == ("a.exe.debug", {"crc32 0000cafe"})
    assert image.code == (CodeRange(PAGE, PAGE + 100, ".text"),)
