"""PE: Windows. 32 and 64 bits, x86 and ARM.

Headers are pefile's business. It reads no symbols and no long section names, and it makes several objects of each
exception entry, which takes seconds for a large program, so these are unpacked here.
Source: Microsoft, "PE Format", "x64 exception handling" and "ARM64 exception handling".
"""

from __future__ import annotations

import struct
import zlib
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from trimtab.artifact.formats.coff import (
    I386,
    MACHINES,
    CoffSection,
    is_coff_object,
    read_coff_object,
    section_name,
    string_table,
    symbol_table_size,
    symbols_of,
)
from trimtab.artifact.formats.layout import HEADERS, Claim, Data, divide, oddities, text_at
from trimtab.artifact.formats.tables import StringTable, rows
from trimtab.model.size_report import Format, Functions, Image, Purpose

if TYPE_CHECKING:
    from pefile import PE, SectionStructure

_AMD64, _ARM64 = 0x8664, 0xAA64
"""Machines."""
_EXCEPTION, _SECURITY = 3, 4
"""Data directories; the latter has an offset in the file, where others have an address."""
_X64_ENTRY = struct.Struct("<III")
"""``RUNTIME_FUNCTION``: addresses of the beginning, of the end, and of the unwind information."""
_INDIRECT = 1
"""In the last of these: it is the address of another entry."""
_CHAINED = 4 << 3
"""In the first byte of ``UNWIND_INFO``, above the version: it ends in the entry of its parent."""
_ARM64_ENTRY = struct.Struct("<II")
"""Address of the beginning; length and unwind information in 32 bits, or where to find them."""
_UNPACKED, _FRAGMENT = 0, 2
"""In the lowest bits of the latter: it is an address; it is of a function that begins elsewhere."""
_SECTION_HEADER = 40


class _Addresses:
    """Finds in the file what has an address in memory."""

    def __init__(self, data: Data, sections: list[CoffSection]) -> None:
        self._end = len(data)
        self._sections = sorted(sections, key=lambda section: section.address)
        self._firsts = [section.address for section in self._sections]

    def offset(self, address: int, size: int) -> int | None:
        """Offset in the file of so many bytes; ``None`` if they are not all in the file and in one section."""
        number = bisect_right(self._firsts, address) - 1
        if number < 0:
            return None
        section = self._sections[number]
        within = address - section.address
        offset = section.offset + within
        return offset if within + size <= section.size and offset + size <= self._end else None


def read_pe(_: Path, data: Data) -> Image:
    """Measure a PE file, or an object file of Windows.

    Sections have the size that they have in the file, where each is filled up to a multiple of 512 bytes or so. It
    counts as stripped if it has no COFF symbols: what Microsoft's linker makes never has any.

    Raises:
        ValueError: it is damaged; so say `struct.error` and pefile's own errors too.
    """
    import pefile

    if is_coff_object(data[:64]):
        return read_coff_object(data)
    pe = pefile.PE(data=data, fast_load=True)
    header = pe.FILE_HEADER
    table = header.PointerToSymbolTable
    strings = string_table(data, table + symbol_table_size(header.NumberOfSymbols) if table else 0)
    names = StringTable(data, *strings)
    sections = [_section(each, names) for each in sorted(pe.sections, key=lambda each: each.get_file_offset())]
    layout = divide(data, _claims(pe, sections, strings))
    functions, notes = _functions(data, pe, _Addresses(data, sections))
    if len(sections) < header.NumberOfSections:
        notes += (f"only {len(sections)} of {header.NumberOfSections} sections can be made out",)
    symbols, elsewhere = symbols_of(
        data, table, header.NumberOfSymbols if table else 0, sections, names,
        without_underscore=header.Machine == I386,
    )  # fmt: skip
    if elsewhere:
        notes += (f"it holds symbols and debug information of {len(elsewhere)} functions that are in another file",)
    link, checksum = _debug_link(data, sections)
    return Image(
        format=Format.PE,
        architecture=_architecture(header.Machine),
        size=len(data),
        sections=layout.sections,
        stripped=not (table and header.NumberOfSymbols),
        functions=functions,
        symbols=symbols,
        elsewhere=elsewhere,
        code=tuple(section.code for section in sections if section.size and section.purpose is Purpose.CODE),
        identity=frozenset((f"crc32 {checksum if link else zlib.crc32(data):08x}",) if link or elsewhere else ()),
        debug_link=link,
        notes=(*oddities(layout), *notes),
    )


def _architecture(machine: int) -> str:
    import pefile

    name = pefile.MACHINE_TYPE.get(machine)
    return str(name).removeprefix("IMAGE_FILE_MACHINE_").lower() if name else MACHINES.get(machine, f"{machine:#06x}")


def _section(section: SectionStructure, names: StringTable) -> CoffSection:
    in_file = section.PointerToRawData > 0
    return CoffSection(
        name=section_name(section.Name.partition(b"\0")[0], names),
        offset=section.PointerToRawData,
        size=section.SizeOfRawData if in_file else 0,
        address=section.VirtualAddress,
        end=section.VirtualAddress + (section.Misc_VirtualSize or section.SizeOfRawData),
        flags=section.Characteristics,
    )


def _debug_link(data: Data, sections: Sequence[CoffSection]) -> tuple[str, int]:
    """File name of the separate debug file, and its checksum, as in ELF; an empty name if none is told."""
    section = next((section for section in sections if section.name == ".gnu_debuglink" and section.size), None)
    if section is None:
        return "", 0
    name = text_at(data, section.offset, section.offset + section.size)
    (checksum,) = struct.unpack_from("<I", data, section.offset + (len(name.encode()) + 4 & ~3))
    return name, checksum


def _claims(pe: PE, sections: list[CoffSection], strings: tuple[int, int]) -> Iterator[Claim]:
    header, optional = pe.FILE_HEADER, pe.OPTIONAL_HEADER
    table = optional.get_file_offset() + header.SizeOfOptionalHeader
    yield Claim(0, table + header.NumberOfSections * _SECTION_HEADER, HEADERS, Purpose.OTHER)
    first, end = header.PointerToSymbolTable, 0
    if first:
        end = first + symbol_table_size(header.NumberOfSymbols) + strings[1]
    for section in sections:
        holds_symbols = section.offset <= first < section.offset + section.size
        if holds_symbols:  # Go's linker has a section for them
            first = section.offset + section.size
        purpose = Purpose.SYMBOLS if holds_symbols else section.purpose
        yield Claim(section.offset, section.size, section.name, purpose)
    yield Claim(first, end - first, "[symbols]", Purpose.SYMBOLS)
    yield Claim(*_directory(pe, _SECURITY), "[signature]", Purpose.OTHER)


def _directory(pe: PE, number: int) -> tuple[int, int]:
    """Address and size; nothing if there are not so many directories."""
    directories = pe.OPTIONAL_HEADER.DATA_DIRECTORY
    return (directories[number].VirtualAddress, directories[number].Size) if number < len(directories) else (0, 0)


def _functions(data: Data, pe: PE, addresses: _Addresses) -> tuple[Functions | None, tuple[str, ...]]:
    """Functions in the exception directory; if it cannot be read, ``None`` and a note with the reason."""
    machine = pe.FILE_HEADER.Machine
    if machine not in (_AMD64, _ARM64):
        return None, ("functions are not counted: only amd64 and arm64 have a table of them that is read here",)
    address, size = _directory(pe, _EXCEPTION)
    start = addresses.offset(address, size) if size else None
    if start is None:
        return None, ("functions are not counted: their table is not in the file",)
    counter = _x64_functions if machine == _AMD64 else _arm64_functions
    count, total = counter(data, start, size, addresses)
    return Functions(count=count, size=total, source=".pdata"), ()


def _x64_functions(data: Data, start: int, size: int, addresses: _Addresses) -> tuple[int, int]:
    """Number and bytes of functions.

    One that is in several pieces has an entry for each, and all but the first are chained to the first: they add to the
    bytes, not to the number. ``llvm-readobj --unwind`` shows the functions as entries without ``ChainInfo``.
    """
    functions = total = 0
    for first, end, unwind in rows(data, _X64_ENTRY, start, size // _X64_ENTRY.size):
        total += max(0, end - first)
        where = addresses.offset(unwind, 1)
        chained = unwind & _INDIRECT or (where is not None and data[where] & _CHAINED)
        functions += not chained
    return functions, total


def _arm64_functions(data: Data, start: int, size: int, addresses: _Addresses) -> tuple[int, int]:
    """Number and bytes of functions; fragments, which continue another entry, add to the bytes only."""
    functions = total = 0
    for _, unwind in rows(data, _ARM64_ENTRY, start, size // _ARM64_ENTRY.size):
        kind, length = unwind & 3, unwind >> 2 & 0x7FF
        if kind == _UNPACKED:
            where = addresses.offset(unwind, 4)
            length = struct.unpack_from("<I", data, where)[0] & 0x3FFFF if where is not None else 0
        functions += kind != _FRAGMENT
        total += length * 4
    return functions, total
