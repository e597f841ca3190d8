"""PE: Windows. 32 and 64 bits, x86 and ARM.

Headers are pefile's business. It reads no symbols and no long section names, and it makes several objects of each
exception entry, which takes seconds for a large program, so these are unpacked here.
Source: Microsoft, "PE Format", "x64 exception handling" and "ARM64 exception handling".
"""

from __future__ import annotations

import base64
import struct
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from trimtab.artifact.formats.layout import HEADERS, Claim, Data, divide, oddities
from trimtab.artifact.formats.tables import MOST_FUNCTIONS, StringTable, rows
from trimtab.artifact.symbols import named, sized
from trimtab.model.size_report import Format, Functions, Image, Purpose, Symbol

if TYPE_CHECKING:
    from pefile import PE, SectionStructure

_I386, _AMD64, _ARM64 = 0x014C, 0x8664, 0xAA64
"""Machines."""
_EXCEPTION, _SECURITY = 3, 4
"""Data directories; the latter has an offset in the file, where others have an address."""
_CODE = 0x20000020
"""Section flags: contains code, can be executed."""

_UNWIND = (".pdata", ".xdata", ".eh_frame", ".gcc_except_table")
_LINKING = (".idata", ".didat", ".edata", ".reloc")
_DEBUG = (".debug_", ".zdebug_", ".stab")

_SYMBOL = struct.Struct("<8sIHHBB")
"""Name, value, section, type, storage class, number of auxiliary records that follow."""
_TYPE, _FUNCTION = 0x30, 0x20
"""In a symbol's type: the bits that say what it is derived from, and their value for a function."""

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


@dataclass(frozen=True, kw_only=True, slots=True)
class _Section:
    name: str
    offset: int
    size: int
    """Bytes in the file."""
    address: int
    """Relative to the beginning of the image, as all addresses here."""
    end: int
    """Address of its end, without what fills it up in the file."""
    flags: int

    @property
    def purpose(self) -> Purpose:
        """Going by name where the name is a convention, else by flags."""
        if self.name.startswith(_DEBUG):
            return Purpose.DEBUG
        if self.name in _UNWIND:
            return Purpose.UNWIND
        if self.name in _LINKING:
            return Purpose.LINKING
        return Purpose.CODE if self.flags & _CODE else Purpose.DATA


class _Addresses:
    """Finds in the file what has an address in memory."""

    def __init__(self, data: Data, sections: list[_Section]) -> None:
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
    """Weigh a PE file.

    Sections have the size that they have in the file, where each is filled up to a multiple of 512 bytes or so. It
    counts as stripped if it has no COFF symbols: what Microsoft's linker makes never has any.

    Raises:
        ValueError: it is damaged; so say `struct.error` and pefile's own errors too.
    """
    import pefile

    pe = pefile.PE(data=data, fast_load=True)
    header = pe.FILE_HEADER
    strings = _strings(data, header.PointerToSymbolTable + header.NumberOfSymbols * _SYMBOL.size)
    names = StringTable(data, *strings)
    sections = [_section(each, names) for each in sorted(pe.sections, key=lambda each: each.get_file_offset())]
    layout = divide(data, _claims(pe, sections, strings))
    functions, notes = _functions(data, pe, _Addresses(data, sections))
    if len(sections) < header.NumberOfSections:
        notes += (f"only {len(sections)} of {header.NumberOfSections} sections can be made out",)
    machine = pefile.MACHINE_TYPE.get(header.Machine, f"{header.Machine:#06x}")
    return Image(
        format=Format.PE,
        architecture=machine.removeprefix("IMAGE_FILE_MACHINE_").lower(),
        size=len(data),
        sections=layout.sections,
        stripped=not header.NumberOfSymbols,
        functions=functions,
        symbols=_symbols(data, pe, sections, names),
        notes=(*oddities(layout), *notes),
    )


def _strings(data: Data, start: int) -> tuple[int, int]:
    """Offset and size of the string table, which follows the symbols and begins with its size."""
    if not 0 < start <= len(data) - 4:
        return 0, 0
    return start, struct.unpack_from("<I", data, start)[0]


def _section(section: SectionStructure, names: StringTable) -> _Section:
    in_file = section.PointerToRawData > 0
    return _Section(
        name=_name(section.Name.partition(b"\0")[0], names),
        offset=section.PointerToRawData,
        size=section.SizeOfRawData if in_file else 0,
        address=section.VirtualAddress,
        end=section.VirtualAddress + (section.Misc_VirtualSize or section.SizeOfRawData),
        flags=section.Characteristics,
    )


def _name(name: bytes, names: StringTable) -> str:
    """``/4`` and ``//AAAAAE`` are offsets in the string table, the second in base 64."""
    long = ""
    if name.startswith(b"//"):
        long = names.at(int.from_bytes(base64.b64decode(b"AA" + name[2:])))
    elif name[1:].isdigit() and name.startswith(b"/"):
        long = names.at(int(name[1:]))
    return long or name.decode("utf-8", "backslashreplace")


def _claims(pe: PE, sections: list[_Section], strings: tuple[int, int]) -> Iterator[Claim]:
    header, optional = pe.FILE_HEADER, pe.OPTIONAL_HEADER
    table = optional.get_file_offset() + header.SizeOfOptionalHeader
    yield Claim(0, table + header.NumberOfSections * _SECTION_HEADER, HEADERS, Purpose.OTHER)
    for section in sections:
        yield Claim(section.offset, section.size, section.name, section.purpose)
    if header.PointerToSymbolTable:
        size = header.NumberOfSymbols * _SYMBOL.size + strings[1]
        yield Claim(header.PointerToSymbolTable, size, "[symbols]", Purpose.SYMBOLS)
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


def _symbols(data: Data, pe: PE, sections: list[_Section], names: StringTable) -> tuple[Symbol, ...]:
    header = pe.FILE_HEADER
    starts, auxiliary = [], 0
    for name, value, section, kind, _, following in rows(
        data, _SYMBOL, header.PointerToSymbolTable, header.NumberOfSymbols
    ):
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
    if header.Machine == _I386:  # there C names begin with an underscore
        starts = [(address, text.removeprefix("_")) for address, text in starts]
    code = [(section.address, section.end) for section in sections if section.purpose is Purpose.CODE]
    return named(sized(starts, code))
