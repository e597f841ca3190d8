"""COFF: what PE files and the object files of Windows have in common, and these objects themselves.

Source: Microsoft, "PE Format", "COFF File Header (Object and Image)", "Section Table", "COFF Symbol Table"; for objects
with more than 65,279 sections ``ANON_OBJECT_HEADER_BIGOBJ`` of ``winnt.h``.
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from trimtab.artifact.formats.layout import HEADERS, Claim, Data, divide, oddities
from trimtab.artifact.formats.tables import MOST_FUNCTIONS, StringTable, rows
from trimtab.artifact.symbols import named, sized
from trimtab.model.size_report import CodeRange, Format, Image, Purpose, Symbol

I386 = 0x014C
MACHINES = {
    I386: "i386", 0x8664: "amd64", 0xAA64: "arm64", 0xA641: "arm64ec", 0xA64E: "arm64x", 0x01C4: "armnt",
    0x01C0: "arm", 0x01C2: "thumb",
}  # fmt: skip
"""Machines that objects are told by; names as pefile has them."""

_CODE = 0x20000020
"""Section flags: contains code, can be executed."""
_REMOVED, _INFORMATION = 0x800, 0x200
"""Section flags of objects: the linker leaves it out; it tells the linker something."""
_OVERFLOW, _MANY = 0x01000000, 0xFFFF
"""Flag and number of relocations of a section that has more; the first one has the number."""

_UNWIND = {".pdata", ".xdata", ".eh_frame", ".gcc_except_table"}
_LINKING = {".idata", ".didat", ".edata", ".reloc"}
_DEBUG = (".debug", ".zdebug_", ".stab")

_SYMBOL, _BIG_SYMBOL = struct.Struct("<8sIHHBB"), struct.Struct("<8sIIHBB")
"""Name, value, section, type, storage class, number of auxiliary records that follow."""
_TYPE, _FUNCTION = 0x30, 0x20
"""In a symbol's type: the bits that say what it is derived from, and their value for a function."""
_HEADER = struct.Struct("<HHIIIHH")
"""Machine, number of sections, time, offset and number of symbols, bytes of the optional header, flags."""
_BIG_HEADER = struct.Struct("<HHHH4s16s16xIII")
"""Zero, 0xFFFF, version, machine, time, class id, numbers and offset of sections and symbols."""
_BIG_CLASS = bytes.fromhex("c7a1bad1eebaa94baf20faf66aa4dcb8")
_SECTION = struct.Struct("<8sIIIIIIHHI")
"""Name, size and address in memory, size and offset in the file, offsets of relocations and line numbers, their
numbers, flags."""
_RELOCATION, _LINE_NUMBER = 10, 6
"""Bytes of each."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CoffSection:
    """A section of a PE file or an object."""

    name: str
    offset: int
    size: int
    """Bytes in the file."""
    address: int
    """Relative to the beginning of the image; in an object, offset in the file."""
    end: int
    """Address of its end, without what fills it up in the file."""
    flags: int

    @property
    def purpose(self) -> Purpose:
        """Going by name where the name is a convention, else by flags. In objects, ``$`` divides name and order."""
        name = self.name.partition("$")[0]
        if name.startswith(_DEBUG):
            return Purpose.DEBUG
        if name in _UNWIND:
            return Purpose.UNWIND
        if name in _LINKING:
            return Purpose.LINKING
        if self.flags & (_REMOVED | _INFORMATION):
            return Purpose.OTHER
        return Purpose.CODE if self.flags & _CODE else Purpose.DATA

    @property
    def code(self) -> CodeRange:
        """Its addresses, under its name."""
        return CodeRange(self.address, self.end, self.name)


def is_coff_object(head: bytes) -> bool:
    """Whether a file that begins so is an object: they have no magic, so everything must look like one."""
    if len(head) < _HEADER.size + 8:
        return False
    first, second, version = struct.unpack_from("<HHH", head)
    if (first, second) == (0, 0xFFFF):
        return version >= 2 and head[12:28] == _BIG_CLASS  # noqa: PLR2004 - version
    _, count, _, symbols, _, optional, _ = _HEADER.unpack_from(head)
    beyond_headers = not symbols or symbols >= _HEADER.size + count * _SECTION.size
    return first in MACHINES and count > 0 and not optional and beyond_headers and head[20:21] in b"./"


def read_coff_object(data: Data) -> Image:
    """Measure an object file. Functions are not counted, only named.

    Raises:
        ValueError: it is damaged; so says `struct.error` too.
    """
    if data[:2] == b"\0\0":
        _, _, _, machine, _, _, count, table, symbols = _BIG_HEADER.unpack_from(data)
        start, row = _BIG_HEADER.size, _BIG_SYMBOL
    else:
        machine, count, _, table, symbols, _, _ = _HEADER.unpack_from(data)
        start, row = _HEADER.size, _SYMBOL
    strings = string_table(data, table + symbols * row.size if table else 0)
    names = StringTable(data, *strings)
    headers = list(rows(data, _SECTION, start, count))
    sections = [_object_section(header, names) for header in headers]
    claims = [Claim(0, start + count * _SECTION.size, HEADERS, Purpose.OTHER)]
    for section, header in zip(sections, headers, strict=True):
        claims += _section_claims(data, section, header)
    if table:
        claims.append(Claim(table, symbols * row.size + strings[1], "[symbols]", Purpose.SYMBOLS))
    layout = divide(data, claims)
    return Image(
        format=Format.PE,
        architecture=MACHINES.get(machine, f"{machine:#06x}"),
        size=len(data),
        sections=layout.sections,
        stripped=not symbols,
        symbols=symbols_of(data, table, symbols, sections, names, without_underscore=machine == I386, row=row)[0],
        notes=(*oddities(layout), "functions are not counted: it is an object file"),
    )


def _object_section(
    header: tuple[bytes, int, int, int, int, int, int, int, int, int], names: StringTable
) -> CoffSection:
    name, _, _, size, offset, *_, flags = header
    size = size if offset else 0
    return CoffSection(
        name=section_name(name.partition(b"\0")[0], names),
        offset=offset,
        size=size,
        address=offset,
        end=offset + size,
        flags=flags,
    )


def _section_claims(data: Data, section: CoffSection, header: tuple[Any, ...]) -> Iterator[Claim]:
    """A section, its relocations, and its line numbers, which compilers do not make any more."""
    relocations, lines, relocation_count, line_count, flags = header[5:]
    if flags & _OVERFLOW and relocation_count == _MANY:
        (relocation_count,) = struct.unpack_from("<I", data, relocations)
    purpose = Purpose.DEBUG if section.purpose is Purpose.DEBUG else Purpose.LINKING
    yield Claim(section.offset, section.size, section.name, section.purpose)
    yield Claim(relocations, relocation_count * _RELOCATION, "[relocations]", purpose)
    yield Claim(lines, line_count * _LINE_NUMBER, "[line numbers]", Purpose.DEBUG)


def string_table(data: Data, start: int) -> tuple[int, int]:
    """Offset and size of the string table, which follows the symbols and begins with its size."""
    if not 0 < start <= len(data) - 4:
        return 0, 0
    return start, struct.unpack_from("<I", data, start)[0]


def section_name(name: bytes, names: StringTable) -> str:
    """``/4`` and ``//AAAAAE`` are offsets in the string table, the second in base 64."""
    long = ""
    if name.startswith(b"//"):
        long = names.at(int.from_bytes(base64.b64decode(b"AA" + name[2:])))
    elif name[1:].isdigit() and name.startswith(b"/"):
        long = names.at(int(name[1:]))
    return long or name.decode("utf-8", "backslashreplace")


def symbol_table_size(count: int) -> int:
    """Bytes of the symbol table of a PE file."""
    return count * _SYMBOL.size


def symbols_of(
    data: Data,
    table: int,
    count: int,
    sections: Sequence[CoffSection],
    names: StringTable,
    *,
    without_underscore: bool,
    row: struct.Struct = _SYMBOL,
) -> tuple[tuple[Symbol, ...], tuple[Symbol, ...]]:
    """Functions by name, sized up to the next one: those in the file, and those whose section is in another file.

    Args:
        data: the file.
        table: offset of the symbol table.
        count: its rows.
        sections: all sections, in their order.
        names: the string table.
        without_underscore: whether C names begin with an underscore, as they do on i386.
        row: layout of a row.

    Raises:
        ValueError: there are far too many, or not all of the table is in the file.
    """
    starts, auxiliary = [], 0
    for name, value, section, kind, _, following in rows(data, row, table, count):
        if auxiliary:
            auxiliary -= 1
            continue
        auxiliary = following
        if kind & _TYPE == _FUNCTION and 0 < section <= len(sections):
            short = name.partition(b"\0")[0].decode("utf-8", "backslashreplace")
            text = short if name[:4] != bytes(4) else names.at(int.from_bytes(name[4:], "little"))
            starts.append((sections[section - 1].address + value, text))
            if len(starts) > MOST_FUNCTIONS:
                raise ValueError(f"it has symbols for more than {MOST_FUNCTIONS} functions")
    if without_underscore:
        starts = [(address, text.removeprefix("_")) for address, text in starts]
    code = [section for section in sections if section.purpose is Purpose.CODE]
    here = named(sized(starts, [section.code for section in code if section.size]))
    elsewhere = named(sized(starts, [section.code for section in code if not section.size]))
    return here, elsewhere
