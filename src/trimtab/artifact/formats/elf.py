"""ELF: Linux, the BSDs and most else. 32 and 64 bits, both byte orders.

The file header is pyelftools' business. Tables are unpacked here: pyelftools takes about 20 µs for a symbol, which is
half a minute for a debug build, and believes a damaged file that claims to have a billion sections.

Source: System V ABI, chapters 4 and 5, "Sections", "Symbol Table" and "Program Header"; GNU binutils and GDB manual,
"Separate Debug Files", for build ids and ``.gnu_debuglink``.
"""

from __future__ import annotations

import io
import struct
import sys
import zlib
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from trimtab.artifact.formats.layout import HEADERS, Claim, Data, divide, oddities, text_at
from trimtab.artifact.formats.tables import StringTable, rows
from trimtab.artifact.formats.unwind import frame_functions
from trimtab.artifact.symbols import SymbolEntry, named
from trimtab.model.size_report import CodeRange, Format, Functions, Image, Purpose, Symbol

_LONGEST_HEADER = 64
_CLASSES = {1: 32, 2: 64}
"""Bits, by the byte that tells."""
_ELSEWHERE = 0xFFFF
"""In place of a number that does not fit into the file header: the first section header has it. In a symbol, in place
of the number of its section: a table of its own has it."""
_RESERVED = 0xFF00
"""First of the numbers that stand for no section."""
_SYMTAB, _NOTE, _NOBITS, _SECTION_NUMBERS = 2, 7, 8, 18
_RELOCATIONS = {4, 9, 19}
"""RELA, REL, RELR."""
_LINKING_TYPES = {5, 6, 11, 0x6FFFFFF6, 0x6FFFFFFD, 0x6FFFFFFE, 0x6FFFFFFF}
"""HASH, DYNAMIC, DYNSYM, GNU_HASH, GNU_verdef, GNU_verneed, GNU_versym."""
_BY_NAME = {
    **dict.fromkeys((".dynstr", ".interp"), Purpose.LINKING),
    **dict.fromkeys((".eh_frame", ".eh_frame_hdr", ".gcc_except_table", ".ARM.exidx", ".ARM.extab"), Purpose.UNWIND),
    **dict.fromkeys((".symtab", ".strtab", ".symtab_shndx", ".gnu_debugdata"), Purpose.SYMBOLS),
}
_DEBUG = (".debug", ".zdebug", ".stab", ".line", ".gdb_index", ".gnu.linkonce.wi.", ".gnu.debuglto_.debug")
"""Names of sections that hold debug information, unless they are loaded. Source: ``elf.c`` of GNU's BFD."""
_ALLOC, _EXECUTE = 2, 4
_LOAD, _NOTE_SEGMENT = 1, 4
_FUNCTIONS = {2, 10}
"""Symbol types: functions, and those that are chosen when the program is loaded."""
_BUILD_ID = 3
"""Type of a note of GNU's."""
_LONGEST_BUILD_ID = 64


@dataclass(frozen=True, slots=True)
class _Header:
    """The file header."""

    fields: Any
    little_endian: bool
    elfclass: int
    """Bits of an address."""

    def __getitem__(self, name: str) -> Any:
        return self.fields[name]

    @property
    def order(self) -> str:
        """Byte order, as `struct` writes it."""
        return "<" if self.little_endian else ">"

    @property
    def is_object(self) -> bool:
        """Whether it is to be linked yet, so that addresses count from the beginning of each section."""
        return bool(self["e_type"] == "ET_REL")


class _Section(NamedTuple):
    """A section header, as far as it matters here."""

    name: str
    type: int
    flags: int
    address: int
    offset: int
    size: int
    """Bytes in the file."""
    link: int
    """The section that this one refers to; for a symbol table, its names."""

    @property
    def end(self) -> int:
        """Offset of its end in the file."""
        return self.offset + self.size

    @property
    def _by_flags(self) -> Purpose:
        if not self.flags & _ALLOC:
            return Purpose.OTHER
        return Purpose.CODE if self.flags & _EXECUTE else Purpose.DATA

    def purpose(self, *, in_object: bool) -> Purpose:
        """Going by name where the name is a convention, else by type and flags."""
        loaded = self.flags & _ALLOC
        if not loaded and self.name.removeprefix(".rela").removeprefix(".rel").startswith(_DEBUG):
            return Purpose.DEBUG
        if self.name in _BY_NAME:
            return _BY_NAME[self.name]
        if self.type in _RELOCATIONS:  # those that are not loaded were kept by --emit-relocs, and strip removes them
            return Purpose.LINKING if loaded or in_object else Purpose.SYMBOLS
        return Purpose.LINKING if self.type in _LINKING_TYPES else self._by_flags


def read_elf(_: Path, data: Data) -> Image:
    """Measure an ELF file.

    A program whose section headers cannot be read, because they were cut off or overwritten, is divided into segments:
    that is all a system needs to run it.

    Raises:
        ValueError: it is damaged; so say `struct.error` and pyelftools' own errors too.
    """
    elf = _header(data)
    sections, notes = _readable_sections(elf, data)
    parts = [_claim(elf, section) for section in sections] if sections else list(_segments(elf, data))
    layout = divide(data, (*_headers(elf, len(sections)), *parts))
    table = next((section for section in sections if section.type == _SYMTAB), None)
    functions, uncounted = _functions(elf, data, sections)
    symbols, wrong = _symbols(elf, data, table, sections) if table else ((), ())
    code = _code(elf, data, sections)
    absent = {section.name for section in sections if section.type == _NOBITS}
    elsewhere = tuple(symbol for symbol in symbols if symbol.section in absent)
    link, checksum = _debug_link(elf, data, sections)
    identity = [f"build-id {build_id}" for build_id in _build_ids(elf, data, sections)]
    identity += [f"crc32 {checksum:08x}"] if link else [f"crc32 {zlib.crc32(data):08x}"] if elsewhere else []
    if elsewhere:
        wrong += (f"it holds symbols and debug information of {len(elsewhere)} functions that are in another file",)
    return Image(
        format=Format.ELF,
        architecture=str(elf["e_machine"]).removeprefix("EM_").lower(),
        size=len(data),
        sections=layout.sections,
        stripped=table is None,
        functions=functions,
        symbols=tuple(symbol for symbol in symbols if symbol.section not in absent) if elsewhere else symbols,
        elsewhere=elsewhere,
        code=code,
        identity=frozenset(identity),
        debug_link=link,
        notes=(*notes, *oddities(layout), *uncounted, *wrong),
    )


def _header(data: Data) -> _Header:
    from elftools.common.utils import struct_parse
    from elftools.elf.structs import ELFStructs

    start = data[:_LONGEST_HEADER]
    if len(start) < 6 or start[4] not in _CLASSES or start[5] not in (1, 2):  # noqa: PLR2004 - e_ident up to EI_DATA
        raise ValueError("its class or byte order is unknown")
    structs = ELFStructs(little_endian=start[5] == 1, elfclass=_CLASSES[start[4]])
    structs.create_basic_structs()
    fields = struct_parse(structs.Elf_Ehdr, io.BytesIO(start), 0)
    return _Header(fields, structs.little_endian, structs.elfclass)


def _row(elf: _Header, wide: str, narrow: str) -> struct.Struct:
    """Layout of a table's rows, in 64 or in 32 bits."""
    return struct.Struct(elf.order + (wide if elf.elfclass == 64 else narrow))  # noqa: PLR2004


def _readable_sections(elf: _Header, data: Data) -> tuple[list[_Section], tuple[str, ...]]:
    """Sections; none of a program whose section headers cannot be read, and a note."""
    try:
        return _sections(elf, data), ()
    except (ValueError, struct.error) as error:
        if elf.is_object or not elf["e_phnum"]:
            raise
        return [], (f"its section headers cannot be read, so it is divided into segments: {error}",)


def _sections(elf: _Header, data: Data) -> list[_Section]:
    start, count, strings = elf["e_shoff"], elf["e_shnum"], elf["e_shstrndx"]
    if not start:
        return []
    row = _row(elf, "IIQQQQIIQQ", "10I")
    if elf["e_shentsize"] != row.size:
        raise ValueError(f"section headers of {elf['e_shentsize']} bytes")
    first = next(rows(data, row, start, 1))
    headers = list(rows(data, row, start, count or first[5]))
    strings = first[6] if strings == _ELSEWHERE else strings
    if strings >= len(headers):
        raise ValueError("the sections have no names")
    names = cache(StringTable(data, headers[strings][4], headers[strings][5]).at)  # object files have many of one name
    return [
        _Section(names(name), kind, flags, address, offset, 0 if kind in (0, _NOBITS) else size, link)
        for name, kind, flags, address, offset, size, link, *_ in headers
    ]


def _headers(elf: _Header, sections: int) -> Iterator[Claim]:
    for start, size in (
        (0, elf["e_ehsize"]),
        (elf["e_phoff"], elf["e_phnum"] * elf["e_phentsize"]),
        (elf["e_shoff"], sections * elf["e_shentsize"]),
    ):
        yield Claim(start, size, HEADERS, Purpose.OTHER)


def _claim(elf: _Header, section: _Section) -> Claim:
    purpose = section.purpose(in_object=elf.is_object)
    return Claim(section.offset, section.size, section.name or "[no name]", purpose)


class _Segment(NamedTuple):
    """A program header, as far as it matters here."""

    type: int
    flags: int
    offset: int
    address: int
    size: int
    """Bytes in the file."""

    @property
    def name(self) -> str:
        """Named after what may be done with it in memory."""
        letters = "".join(letter if self.flags & bit else "-" for letter, bit in (("r", 4), ("w", 2), ("x", 1)))
        return f"[segment {letters}]"


def _program_headers(elf: _Header, data: Data) -> Iterator[_Segment]:
    row = _row(elf, "IIQQQQQQ", "8I")
    for fields in rows(data, row, elf["e_phoff"], elf["e_phnum"]):
        if elf.elfclass == 64:  # noqa: PLR2004 - bits
            kind, flags, offset, address, _, size, *_ = fields
        else:
            kind, offset, address, _, size, _, flags, _ = fields
        yield _Segment(kind, flags, offset, address, size)


def _segments(elf: _Header, data: Data) -> Iterator[Claim]:
    """Segments that are loaded: all there is to see in a file without section headers."""
    # Headers are loaded too, as part of the first segment.
    size = _row(elf, "IIQQQQQQ", "8I").size
    headers = elf["e_phoff"] + elf["e_phnum"] * size if elf["e_phoff"] == elf["e_ehsize"] else elf["e_ehsize"]
    for segment in _program_headers(elf, data):
        if segment.type == _LOAD:
            start = max(segment.offset, headers)
            purpose = Purpose.CODE if segment.flags & 1 else Purpose.DATA
            yield Claim(start, segment.offset + segment.size - start, segment.name, purpose)


def _code(elf: _Header, data: Data, sections: list[_Section]) -> tuple[CodeRange, ...]:
    """Code that is in the file, by address."""
    if elf.is_object:
        return ()
    if not sections:
        segments = [segment for segment in _program_headers(elf, data) if segment.type == _LOAD and segment.flags & 1]
        return tuple(CodeRange(each.address, each.address + each.size, each.name) for each in segments)
    return tuple(
        CodeRange(section.address, section.address + section.size, section.name)
        for section in sections
        if section.size and section.purpose(in_object=False) is Purpose.CODE
    )


def _build_ids(elf: _Header, data: Data, sections: list[_Section]) -> Iterator[str]:
    """Build ids in the notes; sections tell where these are, or segments where there are none."""
    places = [(section.offset, section.size) for section in sections if section.type == _NOTE]
    if not sections:
        places = [(each.offset, each.size) for each in _program_headers(elf, data) if each.type == _NOTE_SEGMENT]
    row = struct.Struct(elf.order + "III")
    for start, size in places:
        at, end = start, min(start + size, len(data))
        while at + row.size <= end:
            name, length, kind = row.unpack_from(data, at)
            content = at + row.size + (name + 3 & ~3)
            if kind == _BUILD_ID and data[at + row.size : content] == b"GNU\0" and length <= _LONGEST_BUILD_ID:
                yield data[content : content + length].hex()
            at = content + (length + 3 & ~3)


def _debug_link(elf: _Header, data: Data, sections: list[_Section]) -> tuple[str, int]:
    """File name of the separate debug file, and its checksum; an empty name if none is told."""
    section = next((section for section in sections if section.name == ".gnu_debuglink"), None)
    if not section or section.size < 8 or section.end > len(data):  # noqa: PLR2004 - a name, filled up, and a checksum
        return "", 0
    (checksum,) = struct.unpack_from(elf.order + "I", data, section.end - 4)
    return text_at(data, section.offset, section.end - 4), checksum


def _functions(elf: _Header, data: Data, sections: list[_Section]) -> tuple[Functions | None, tuple[str, ...]]:
    frames = next((section for section in sections if section.name == ".eh_frame" and section.size), None)
    if not frames or frames.end > len(data):
        return None, ("functions are not counted: there is no .eh_frame",)
    address = elf.elfclass // 8
    try:
        functions = frame_functions(data, frames.offset, frames.end, order=elf.order, address=address)
    except ValueError as error:  # no reason not to weigh the rest
        return None, (f"functions are not counted: {error}",)
    return (functions, ()) if functions.count else (None, ("functions are not counted: .eh_frame is empty",))


def _symbols(
    elf: _Header, data: Data, table: _Section, sections: list[_Section]
) -> tuple[tuple[Symbol, ...], tuple[str, ...]]:
    try:
        return named(_entries(elf, data, table, sections)), ()
    except ValueError as error:  # no reason not to weigh the rest
        return (), (f"functions have no names: {error}",)


def _entries(elf: _Header, data: Data, table: _Section, sections: list[_Section]) -> Iterator[SymbolEntry]:
    """The functions in the symbol table."""
    if not 0 < table.link < len(sections):
        raise ValueError("the symbol table names no string table")
    strings = sections[table.link]
    if strings.end > len(data):
        raise ValueError("the names of symbols reach beyond the end of the file")
    names = StringTable(data, strings.offset, strings.size)
    numbers = _section_numbers(elf, data, sections)
    row = _row(elf, "IBBHQQ", "IIIBBH")
    for index, fields in enumerate(rows(data, row, table.offset, table.size // row.size)):
        if elf.elfclass == 64:  # noqa: PLR2004 - bits
            name, info, _, number, value, size = fields
        else:
            name, value, size, info, _, number = fields
        if info & 0xF in _FUNCTIONS and number and size:
            number = numbers[index] if number == _ELSEWHERE and index < len(numbers) else number
            section = sections[number] if number < min(len(sections), _RESERVED) else None
            start = section.offset if section and elf.is_object else 0
            yield SymbolEntry(start + value, size, names.at(name), section.name if section else "")


def _section_numbers(elf: _Header, data: Data, sections: list[_Section]) -> array[int]:
    """The section of each symbol, in a file with so many sections that symbols themselves have no room for them."""
    table = next((section for section in sections if section.type == _SECTION_NUMBERS), None)
    numbers = array("I")
    if table and table.end <= len(data):
        numbers.frombytes(data[table.offset : table.end - table.size % 4])
        if elf.little_endian != (sys.byteorder == "little"):
            numbers.byteswap()
    return numbers
