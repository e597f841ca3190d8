"""ELF: Linux, the BSDs and most else. 32 and 64 bits, both byte orders.

The file header is pyelftools' business. Tables are unpacked here: pyelftools takes about 20 µs for a symbol, which is
half a minute for a debug build, and believes a damaged file that claims to have a billion sections.

Source: System V ABI, chapters 4 and 5, "Sections", "Symbol Table" and "Program Header".
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from trimtab.artifact.formats.layout import HEADERS, Claim, Data, divide, oddities
from trimtab.artifact.formats.tables import StringTable, rows
from trimtab.artifact.formats.unwind import frame_functions
from trimtab.artifact.symbols import SymbolEntry, named
from trimtab.model.size_report import Format, Functions, Image, Purpose, Symbol

if TYPE_CHECKING:
    from elftools.elf.elffile import ELFFile

_ELSEWHERE = 0xFFFF
"""In place of a number that does not fit into the file header: the first section header has it."""
_SYMTAB, _NOBITS = 2, 8
_LINKING_TYPES = {4, 5, 6, 9, 11, 19, 0x6FFFFFF6, 0x6FFFFFFD, 0x6FFFFFFE, 0x6FFFFFFF}
"""RELA, HASH, DYNAMIC, REL, DYNSYM, RELR, GNU_HASH, GNU_verdef, GNU_verneed, GNU_versym."""
_LINKING_NAMES = {".dynstr", ".interp"}
_UNWIND = {".eh_frame", ".eh_frame_hdr", ".gcc_except_table", ".ARM.exidx", ".ARM.extab"}
_SYMBOLS = {".symtab", ".strtab", ".symtab_shndx", ".gnu_debugdata"}
_ALLOC, _EXECUTE = 2, 4
_LOAD = 1
_FUNCTIONS = {2, 10}
"""Symbol types: functions, and those that are chosen when the program is loaded."""


class _Section(NamedTuple):
    """A section header, as far as it matters here."""

    name: str
    type: int
    flags: int
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
    def purpose(self) -> Purpose:
        """Going by name where the name is a convention, else by type and flags."""
        if self.name.startswith((".debug_", ".zdebug_")) or self.name == ".gdb_index":
            return Purpose.DEBUG
        if self.name in _UNWIND:
            return Purpose.UNWIND
        if self.name in _SYMBOLS:
            return Purpose.SYMBOLS
        if self.type in _LINKING_TYPES or self.name in _LINKING_NAMES:
            return Purpose.LINKING
        if not self.flags & _ALLOC:
            return Purpose.OTHER
        return Purpose.CODE if self.flags & _EXECUTE else Purpose.DATA


def read_elf(_: Path, data: Data) -> Image:
    """Weigh an ELF file.

    Raises:
        ValueError: it is damaged; so say `struct.error` and pyelftools' own errors too.
    """
    from elftools.elf.elffile import ELFFile

    elf = ELFFile(io.BytesIO(data) if isinstance(data, bytes) else data)  # type: ignore[arg-type]
    sections = _sections(elf, data)
    parts = map(_claim, sections) if sections else _segments(elf, data)
    layout = divide(data, (*_headers(elf, len(sections)), *parts))
    table = next((section for section in sections if section.type == _SYMTAB), None)
    functions, notes = _functions(elf, data, sections)
    symbols, wrong = _symbols(elf, data, table, sections) if table else ((), ())
    return Image(
        format=Format.ELF,
        architecture=str(elf["e_machine"]).removeprefix("EM_").lower(),
        size=len(data),
        sections=layout.sections,
        stripped=table is None,
        functions=functions,
        symbols=symbols,
        notes=(*oddities(layout), *notes, *wrong),
    )


def _row(elf: ELFFile, wide: str, narrow: str) -> struct.Struct:
    """Layout of a table's rows, in 64 or in 32 bits."""
    return struct.Struct(("<" if elf.little_endian else ">") + (wide if elf.elfclass == 64 else narrow))  # noqa: PLR2004


def _sections(elf: ELFFile, data: Data) -> list[_Section]:
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
        _Section(names(name), kind, flags, offset, 0 if kind in (0, _NOBITS) else size, link)
        for name, kind, flags, _, offset, size, link, *_ in headers
    ]


def _headers(elf: ELFFile, sections: int) -> Iterator[Claim]:
    for start, size in (
        (0, elf["e_ehsize"]),
        (elf["e_phoff"], elf["e_phnum"] * elf["e_phentsize"]),
        (elf["e_shoff"], sections * elf["e_shentsize"]),
    ):
        yield Claim(start, size, HEADERS, Purpose.OTHER)


def _claim(section: _Section) -> Claim:
    return Claim(section.offset, section.size, section.name or "[no name]", section.purpose)


def _segments(elf: ELFFile, data: Data) -> Iterator[Claim]:
    """Segments that are loaded: all there is to see in a file without section headers."""
    row = _row(elf, "IIQQQQQQ", "8I")
    # Headers are loaded too, as part of the first segment.
    headers = elf["e_phoff"] + elf["e_phnum"] * row.size if elf["e_phoff"] == elf["e_ehsize"] else elf["e_ehsize"]
    for fields in rows(data, row, elf["e_phoff"], elf["e_phnum"]):
        if elf.elfclass == 64:  # noqa: PLR2004 - bits
            kind, flags, offset, _, _, size, *_ = fields
        else:
            kind, offset, _, _, size, _, flags, _ = fields
        if kind == _LOAD:
            letters = "".join(letter if flags & bit else "-" for letter, bit in (("r", 4), ("w", 2), ("x", 1)))
            start = max(offset, headers)
            yield Claim(
                start, offset + size - start, f"[segment {letters}]", Purpose.CODE if flags & 1 else Purpose.DATA
            )


def _functions(elf: ELFFile, data: Data, sections: list[_Section]) -> tuple[Functions | None, tuple[str, ...]]:
    frames = next((section for section in sections if section.name == ".eh_frame" and section.size), None)
    if not frames or frames.end > len(data):
        return None, ("functions are not counted: there is no .eh_frame",)
    order, address = "<" if elf.little_endian else ">", elf.elfclass // 8
    try:
        functions = frame_functions(data, frames.offset, frames.end, order=order, address=address)
    except ValueError as error:  # no reason not to weigh the rest
        return None, (f"functions are not counted: {error}",)
    return (functions, ()) if functions.count else (None, ("functions are not counted: .eh_frame is empty",))


def _symbols(
    elf: ELFFile, data: Data, table: _Section, sections: list[_Section]
) -> tuple[tuple[Symbol, ...], tuple[str, ...]]:
    try:
        return named(_entries(elf, data, table, sections)), ()
    except ValueError as error:  # no reason not to weigh the rest
        return (), (f"functions have no names: {error}",)


def _entries(elf: ELFFile, data: Data, table: _Section, sections: list[_Section]) -> Iterator[SymbolEntry]:
    """The functions in the symbol table."""
    if not 0 < table.link < len(sections):
        raise ValueError("the symbol table names no string table")
    strings = sections[table.link]
    if strings.end > len(data):
        raise ValueError("the names of symbols reach beyond the end of the file")
    names = StringTable(data, strings.offset, strings.size)
    # In an object file, addresses are counted from the beginning of each section.
    starts = [section.offset for section in sections] if elf["e_type"] == "ET_REL" else []
    row = _row(elf, "IBBHQQ", "IIIBBH")
    for fields in rows(data, row, table.offset, table.size // row.size):
        if elf.elfclass == 64:  # noqa: PLR2004 - bits
            name, info, _, section, value, size = fields
        else:
            name, value, size, info, _, section = fields
        if info & 0xF in _FUNCTIONS and section and size:
            start = starts[section] if section < len(starts) else 0
            yield SymbolEntry(start + value, size, names.at(name))
