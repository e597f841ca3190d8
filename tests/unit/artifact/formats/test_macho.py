"""Mach-O files, made by hand."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.artifact.formats.macho import read_macho
from trimtab.model.size_report import CodeRange, Format, Functions, Image, Purpose

X86_64, ARM64, I386, PPC = 0x01000007, 0x0100000C, 7, 18
BASE = 0x10000
"""Address of the beginning of the file in memory."""
CONTENT = 0x800
"""Where the contents begin: headers end before."""
PURE, SOME, DEBUG, ZERO_FILL = 0x80000000, 0x400, 0x02000000, 1
SYMTAB, DYSYMTAB, SIGNATURE, DYLD_INFO, STARTS, IN_CODE, TRIE, FIXUPS = (
    0x2, 0xB, 0x1D, 0x80000022, 0x26, 0x29, 0x80000033, 0x80000034,
)  # fmt: skip
STAB, LOCAL, EXTERNAL, IMPORTED = 0x24, 0x0E, 0x0F, 0x01


class MachO:
    """A file of one architecture; everything is placed in the order of the calls."""

    def __init__(self, order: str = "<", wide: bool = True, cpu: int = ARM64, subtype: int = 0) -> None:
        self.order, self.wide, self.cpu, self.subtype = order, wide, cpu, subtype
        self.commands: list[bytes] = []
        self.content = b""

    def pack(self, layout: str, *values: Any) -> bytes:
        return struct.pack(self.order + layout, *values)

    def place(self, content: bytes) -> int:
        self.content += content
        return CONTENT + len(self.content) - len(content)

    def segment(self, name: str, *sections: tuple[str, bytes, int], relocations: int = 0) -> MachO:
        word = "Q" if self.wide else "I"
        headers = b""
        for section, content, flags in sections:
            at = self.place(b"" if flags & 0xFF == ZERO_FILL else content)
            place = self.pack(f"{word * 2}I", BASE + at, len(content), at)
            moved = self.place(bytes(8 * relocations))
            rest = self.pack("7I" if self.wide else "6I", 4, moved, relocations, flags, *([0] * (2 + self.wide)))
            headers += struct.pack("16s16s", section.encode(), name.encode()) + place + rest
        place = self.pack(f"16s{word * 4}4I", name.encode(), BASE, 1 << 20, 0, 1 << 20, 5, 5, len(sections), 0)
        return self.command(0x19 if self.wide else 1, place + headers)

    def command(self, number: int, content: bytes) -> MachO:
        self.commands.append(self.pack("II", number, 8 + len(content)) + content)
        return self

    def piece(self, number: int, content: bytes) -> MachO:
        """What has an offset and a size, such as the function starts."""
        return self.command(number, self.pack("II", self.place(content), len(content)))

    def symbols(self, *symbols: tuple[str, int, int, int]) -> MachO:
        """Name, type, section and address of each."""
        table, strings = b"", b"\0"
        for name, kind, section, address in symbols:
            table += self.pack("IBBHQ" if self.wide else "IBBHI", len(strings), kind, section, 0, address)
            strings += name.encode() + b"\0"
        return self.command(SYMTAB, self.pack("4I", self.place(table), len(symbols), self.place(strings), len(strings)))

    def build(self) -> bytes:
        commands = b"".join(self.commands)
        magic = 0xFEEDFACF if self.wide else 0xFEEDFACE
        header = self.pack("7I", magic, self.cpu, self.subtype, 2, len(self.commands), len(commands), 0)
        headers = header + bytes(4 * self.wide) + commands
        assert len(headers) <= CONTENT
        return headers.ljust(CONTENT, b"\0") + self.content


def universal(*slices: bytes, wide: bool = False) -> bytes:
    row = struct.Struct(">IIQQII" if wide else ">5I")
    at, rows, content = 0x1000, b"", b""
    for data in slices:
        rows += row.pack(0, 0, at, len(data), 12, *([0] * wide))
        content += data.ljust(-len(data) % 0x1000 + len(data), b"\0")
        at = 0x1000 + len(content)
    header = struct.pack(">II", 0xCAFEBABF if wide else 0xCAFEBABE, len(slices)) + rows
    return header.ljust(0x1000, b"\0") + content


def read(data: MachO | bytes) -> Image:
    return read_macho(Path("a"), data.build() if isinstance(data, MachO) else data)


def sizes(image: Image) -> dict[str, tuple[int, Purpose]]:
    assert sum(section.size for section in image.sections) == image.size
    return {section.name: (section.size, section.purpose) for section in image.sections}


TEXT = BASE + CONTENT
"""Address of the first contents."""
CODE = ("__text", b"\xc3" * 64, PURE | SOME)
TWO_STARTS = b"\x90\x10\x20"
"""At 0x810, which is 16 bytes after the beginning of the contents, and 32 bytes after that."""


def small(**kind: Any) -> MachO:
    """Code with two functions that have names."""
    file = MachO(**kind).segment("__TEXT", CODE).piece(STARTS, TWO_STARTS + b"\0\0\0")
    return file.symbols(
        ("_main", EXTERNAL, 1, TEXT + 16),
        ("__ZN4core3fmt5write17h0123456789abcdefE", LOCAL, 1, TEXT + 48),
        ("_exit", IMPORTED, 0, 0),
        ("_constant", LOCAL, 9, TEXT),
        ("main.rs", STAB, 1, TEXT),
    )


KINDS = [
    ({"cpu": X86_64}, "x86_64"),
    ({"cpu": X86_64, "subtype": 0x80000008}, "x86_64h"),
    ({"cpu": ARM64, "subtype": 2}, "arm64e"),
    ({"cpu": I386, "wide": False}, "i386"),
    ({"cpu": PPC, "wide": False, "order": ">"}, "ppc"),
    ({"cpu": 0x01000012, "order": ">"}, "ppc64"),
    ({"cpu": 99}, "cpu99"),
]


class TestEveryKind:
    @pytest.mark.parametrize(("kind", "architecture"), KINDS)
    def test_sections_functions_and_symbols(self, kind: dict[str, Any], architecture: str) -> None:
        image = read(small(**kind))
        assert (image.format, image.architecture) == (Format.MACHO, architecture)
        assert sizes(image)["__TEXT,__text"] == (64, Purpose.CODE)
        assert image.functions == Functions(count=2, size=48, source="LC_FUNCTION_STARTS")
        assert [(symbol.name, symbol.size) for symbol in image.symbols] == [("main", 32), ("core::fmt::write", 16)]
        assert image.notes == ()


class TestSections:
    def test_have_a_purpose(self) -> None:
        file = MachO().segment(
            "__TEXT",
            CODE,
            ("__stubs", b"12345", SOME),
            ("__const", b"1234", 0),
            ("__eh_frame", b"123", 0),
            ("__gcc_except_tab", b"12", 0),
        )
        file.segment("__DATA", ("__data", b"123456", 0), ("__bss", b"1234567", ZERO_FILL))
        file.segment("__DWARF", ("__debug_info", b"1", 0))
        file.segment("__LD", ("__compact_unwind", b"1", DEBUG), ("__debug", b"12", DEBUG))
        headers = len(b"".join(file.commands)) + 32
        assert sizes(read(file)) == {
            "[headers]": (headers, Purpose.OTHER),
            "[padding]": (CONTENT - headers, Purpose.OTHER),
            "__TEXT,__text": (64, Purpose.CODE),
            "__TEXT,__stubs": (5, Purpose.CODE),
            "__TEXT,__const": (4, Purpose.DATA),
            "__TEXT,__eh_frame": (3, Purpose.UNWIND),
            "__TEXT,__gcc_except_tab": (2, Purpose.UNWIND),
            "__DATA,__data": (6, Purpose.DATA),
            "__DWARF,__debug_info": (1, Purpose.DEBUG),
            "__LD,__compact_unwind": (1, Purpose.UNWIND),
            "__LD,__debug": (2, Purpose.DEBUG),
        }

    def test_pieces_of_linkedit_are_told_apart(self) -> None:
        file = MachO().segment("__TEXT", CODE).segment("__LINKEDIT")
        for size, number in enumerate((SIGNATURE, IN_CODE, TRIE, FIXUPS), 1):
            file.piece(number, bytes(size))
        ranges = [value for size in range(5, 10) for value in (file.place(bytes(size)), size)]
        file.command(DYLD_INFO, file.pack("10I", *ranges))
        dynamic = [file.place(bytes(12)), 3, file.place(bytes(16)), 2, file.place(bytes(8)), 1]
        file.command(DYSYMTAB, file.pack("18I", *([0] * 12), *dynamic))
        file.symbols(("_main", EXTERNAL, 1, TEXT))
        file.command(0x1B, bytes(16))
        found = sizes(read(file))
        assert {name: size for name, (size, _) in found.items() if name.startswith("[")} == {
            "[headers]": len(b"".join(file.commands)) + 32,
            "[padding]": CONTENT - len(b"".join(file.commands)) - 32,
            "[signature]": 1,
            "[data in code]": 2,
            "[exports]": 3,
            "[chained fixups]": 4,
            "[rebase info]": 5,
            "[bind info]": 6,
            "[weak bind info]": 7,
            "[lazy bind info]": 8,
            "[export info]": 9,
            "[indirect symbols]": 12,
            "[relocations]": 24,
            "[symbol table]": 16,
            "[string table]": 7,
        }
        assert found["[exports]"][1] is found["[bind info]"][1] is Purpose.LINKING
        assert found["[string table]"][1] is Purpose.SYMBOLS

    def test_relocations_of_object_files(self) -> None:
        assert sizes(read(MachO().segment("", CODE, relocations=3)))["[relocations]"] == (24, Purpose.LINKING)

    def test_what_is_claimed_beyond_the_end_or_twice_is_a_note(self) -> None:
        file = MachO().segment("__TEXT", CODE)
        file.command(SIGNATURE, file.pack("II", CONTENT + 32, 100))
        assert read(file).notes[:2] == (
            "sections overlap by 32 bytes",
            "sections reach 68 bytes beyond the end of the file",
        )


class TestFunctions:
    def test_end_with_their_section(self) -> None:
        file = MachO().segment("__TEXT", CODE, CODE, ("__const", bytes(64), 0)).piece(STARTS, b"\x90\x10\x50")
        assert read(file).functions == Functions(count=2, size=48 + 32, source="LC_FUNCTION_STARTS")

    @pytest.mark.parametrize("order", "<>")
    def test_are_taken_from_unwind_information_where_there_is_nothing_else(self, order: str) -> None:
        file = MachO(order)
        regular = file.pack("IHH4I", 2, 8, 2, CONTENT, 0, CONTENT + 16, 0)
        compressed = file.pack("I4H2I", 3, 12, 2, 0, 0, 0x05000000, 0x01000008)
        header = file.pack("7I", 1, 0, 0, 0, 0, 28, 3)
        pages = 28 + 36
        index = (CONTENT, pages, 0, CONTENT + 32, pages + len(regular), 0, CONTENT + 64, 0, 0)
        unwind = header + file.pack("9I", *index) + regular + compressed
        image = read(file.segment("__TEXT", CODE, ("__unwind_info", unwind, 0)))
        assert image.functions == Functions(count=4, size=64, source="__unwind_info")
        assert sizes(image)["__TEXT,__unwind_info"] == (len(unwind), Purpose.UNWIND)

    def test_are_unknown_where_nothing_tells(self) -> None:
        image = read(MachO().segment("__TEXT", CODE))
        assert image.functions is None
        assert image.notes == ("functions are not counted: there is no table of them",)

    @pytest.mark.parametrize("table", [b"\xff" * 20, b"\x80" * 11 + b"\1"])
    def test_a_number_without_an_end_is_refused(self, table: bytes) -> None:
        with pytest.raises(ValueError, match="a number without an end"):
            read(MachO().segment("__TEXT", CODE).piece(STARTS, table))

    @pytest.mark.parametrize("size", [1_000, 2**32 - 1])
    def test_a_table_that_is_not_there_is_refused(self, size: int) -> None:
        file = MachO().segment("__TEXT", CODE)
        with pytest.raises(ValueError, match=f"claims {size} bytes of function starts"):
            read(file.command(STARTS, file.pack("II", CONTENT, size)))

    @pytest.mark.parametrize(
        ("page", "count", "reason"),
        [
            (struct.pack("<IHH", 7, 8, 1), 1, "a page of an unknown kind, 7"),
            (struct.pack("<IHH", 2, 8, 0xFFFF), 1, "a table of 65535 rows"),
            (struct.pack("<IHHI", 3, 8, 1, 0), 9, "the pages of its unwind information overlap"),
            (b"", 2**32 - 1, "a table of 4294967295 rows"),
        ],
    )
    def test_broken_unwind_information_is_refused(self, page: bytes, count: int, reason: str) -> None:
        unwind = struct.pack("<7I", 1, 0, 0, 0, 0, 28, count) + struct.pack("<3I", 0, 28 + 9 * 12, 0) * 9 + page
        with pytest.raises(ValueError, match=reason):
            read(MachO().segment("__TEXT", CODE, ("__unwind_info", unwind, 0)))


class TestSymbols:
    @pytest.mark.parametrize(
        ("symbols", "stripped"),
        [
            ([], True),
            ([("__mh_execute_header", EXTERNAL, 1, BASE), ("_exit", IMPORTED, 0, 0)], True),
            ([("_main", LOCAL, 1, TEXT)], False),
            ([("_variable", LOCAL, 7, TEXT)], False),
            ([("main.rs", STAB, 0, 0)], False),
        ],
    )
    def test_stripped_is_without_private_ones(self, symbols: list[tuple[str, int, int, int]], stripped: bool) -> None:
        assert read(MachO().segment("__TEXT", CODE).symbols(*symbols)).stripped is stripped

    def test_exports_of_a_stripped_file_are_not_listed(self) -> None:
        assert read(MachO().segment("__TEXT", CODE).symbols(("_main", EXTERNAL, 1, TEXT))).symbols == ()

    def test_a_file_may_have_no_table_at_all(self) -> None:
        assert read(MachO().segment("__TEXT", CODE)).stripped

    def test_names_that_overlap_are_refused(self) -> None:
        file = MachO().segment("__TEXT", CODE)
        strings = file.place(b"a" * 100)
        table = file.place(b"".join(file.pack("IBBHQ", start, LOCAL, 1, 0, TEXT) for start in range(10)))
        with pytest.raises(ValueError, match="the names of its symbols overlap"):
            read(file.command(SYMTAB, file.pack("4I", table, 10, strings, 100)))

    def test_more_than_any_program_has_are_refused(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("trimtab.artifact.formats.macho.MOST_FUNCTIONS", 1)
        file = MachO().segment("__TEXT", CODE).symbols(("_a", LOCAL, 1, TEXT), ("_b", LOCAL, 1, TEXT))
        with pytest.raises(ValueError, match="symbols for more than 1 functions"):
            read(file)

    @pytest.mark.parametrize("count", [100, 2**32 - 1])
    def test_a_table_that_is_not_there_is_refused(self, count: int) -> None:
        file = MachO().segment("__TEXT", CODE)
        with pytest.raises(ValueError, match=f"a table of {count} rows"):
            read(file.command(SYMTAB, file.pack("4I", CONTENT, count, CONTENT, 1)))


class TestUniversal:
    @pytest.mark.parametrize("wide", [False, True])
    def test_all_architectures_together(self, wide: bool) -> None:
        image = read(universal(small(cpu=X86_64).build(), small(cpu=ARM64).build(), wide=wide))
        found = sizes(image)
        assert image.architecture == "x86_64+arm64"
        assert found["x86_64 __TEXT,__text"] == found["arm64 __TEXT,__text"] == (64, Purpose.CODE)
        assert found["[headers]"] == (8 + 2 * (32 if wide else 20), Purpose.OTHER)
        assert image.functions == Functions(count=4, size=96, source="LC_FUNCTION_STARTS")
        assert [symbol.name for symbol in image.symbols] == ["main", "core::fmt::write"] * 2
        assert image.notes == ()

    def test_functions_are_unknown_if_one_architecture_does_not_tell(self) -> None:
        image = read(universal(small().build(), MachO(cpu=X86_64).segment("__TEXT", CODE).build()))
        assert image.functions is None
        assert not image.stripped

    @pytest.mark.parametrize(
        ("data", "reason"),
        [
            (struct.pack(">II5I", 0xCAFEBABE, 41, *([0] * 5)), "claims to hold 41 architectures"),
            (struct.pack(">II5I", 0xCAFEBABE, 1, 0, 0, 0, 28, 0), "overlap or reach beyond"),
            (struct.pack(">II5I", 0xCAFEBABE, 1, 0, 0, 28, 1, 0), "overlap or reach beyond"),
            (struct.pack(">II10I", 0xCAFEBABE, 2, *([0, 0, 48, 4, 0] * 2)) + bytes(9), "overlap or reach beyond"),
            (struct.pack(">II5I", 0xCAFEBABE, 1, 0, 0, 28, 8, 0) + b"!<arch>\n", "what lies at 28 is not Mach-O"),
        ],
    )
    def test_what_is_refused(self, data: bytes, reason: str) -> None:
        with pytest.raises(ValueError, match=reason):
            read(data)


class TestHeaders:
    @pytest.mark.parametrize("size", [CONTENT * 2, 2 << 20])
    def test_more_than_there_is_are_refused(self, size: int) -> None:
        data = struct.pack("<8I", 0xFEEDFACF, ARM64, 0, 2, 1, size, 0, 0) + bytes(
            CONTENT if size < 1 << 20 else 3 << 20
        )
        with pytest.raises(ValueError, match=f"claims {size} bytes of load commands"):
            read(data)

    @pytest.mark.parametrize("size", [0, 7, 1000])
    def test_a_command_must_fit(self, size: int) -> None:
        file = MachO()
        file.commands.append(file.pack("II", 0x1B, size))
        with pytest.raises(ValueError, match="load commands are longer than it says"):
            read(file)

    def test_sections_must_fit(self) -> None:
        file = MachO()
        file.command(0x19, file.pack("16s4Q4I", b"__TEXT", 0, 0, 0, 0, 0, 0, 7, 0) + bytes(6 * 80))
        with pytest.raises(ValueError, match="claims 7 sections in one segment"):
            read(file)


WHOLE = [
    small().build(),
    small(cpu=PPC, wide=False, order=">").build(),
    universal(small(cpu=X86_64).build(), small().build()),
]


@given(st.sampled_from(WHOLE), st.data())
def test_damage_is_weighed_or_refused(whole: bytes, draw: st.DataObject) -> None:
    data = bytearray(whole)
    for at in draw.draw(st.lists(st.integers(0, len(data) - 1) | st.integers(0, 600), max_size=5)):
        data[at] = draw.draw(st.integers(0, 255))
    length = draw.draw(st.just(len(data)) | st.integers(4, len(data)))
    try:
        image = read(bytes(data[:length]))
    except (ValueError, struct.error):
        return
    assert sum(section.size for section in image.sections) == length


@given(st.sampled_from([whole[:4] for whole in WHOLE]), st.binary(max_size=200))
def test_anything_after_the_magic_is_weighed_or_refused(magic: bytes, content: bytes) -> None:
    try:
        image = read(magic + content)
    except (ValueError, struct.error):
        return
    assert sum(section.size for section in image.sections) == 4 + len(content)


UUID = 0x1B


def test_a_dsym_holds_functions_that_are_in_another_file() -> None:
    file = small().command(UUID, bytes(range(16)))
    program = read(file)
    data = bytearray(file.build())
    at = data.index(b"__text") + 32 + 16
    data[at : at + 4] = bytes(4)  # the offset of the section: it is not in the file
    debug = read(bytes(data))
    assert debug.identity == program.identity == {f"uuid {bytes(range(16)).hex()}"}
    assert debug.symbols == ()
    assert [symbol.name for symbol in debug.elsewhere] == ["main", "core::fmt::write"]
    assert program.code == (CodeRange(TEXT, TEXT + 64, "__TEXT,__text"),)
    assert {symbol.section for symbol in program.symbols} == {"__TEXT,__text"}


def test_in_a_universal_file_sections_of_symbols_are_called_after_their_architecture() -> None:
    image = read(universal(small(cpu=X86_64).build(), small(cpu=ARM64).build()))
    names = {section.name for section in image.sections}
    assert {symbol.section for symbol in image.symbols} == {"x86_64 __TEXT,__text", "arm64 __TEXT,__text"} < names
