"""Mach-O: macOS and its relatives. 32 and 64 bits, both byte orders, universal binaries.

The structures are macholib's. Its reader is not used, because it copies the contents of every section into memory.
Symbols, function starts and ``__unwind_info``, which macholib does not read at all, are read here.
Source: Apple, ``mach-o/loader.h``, ``mach-o/fat.h``, ``mach-o/nlist.h`` and ``mach-o/compact_unwind_encoding.h``.
"""

from __future__ import annotations

import struct
from array import array
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from trimtab.artifact.formats.layout import HEADERS, Claim, Data, divide, oddities
from trimtab.artifact.formats.tables import MOST_FUNCTIONS, StringTable, rows
from trimtab.artifact.symbols import named, sized
from trimtab.model.size_report import CodeRange, Format, Functions, Image, Purpose, Symbol

_MAGIC = {
    b"\xfe\xed\xfa\xce": (">", False),
    b"\xfe\xed\xfa\xcf": (">", True),
    b"\xce\xfa\xed\xfe": ("<", False),
    b"\xcf\xfa\xed\xfe": ("<", True),
}
"""Byte order, and whether it has 64 bits."""
_UNIVERSAL = {b"\xca\xfe\xba\xbe": False, b"\xca\xfe\xba\xbf": True}
"""By magic: ``True`` if offsets have 64 bits."""

_CPUS = {
    7: "i386",
    12: "arm",
    18: "ppc",
    0x01000007: "x86_64",
    0x0100000C: "arm64",
    0x01000012: "ppc64",
    0x0200000C: "arm64_32",
}
_SUBTYPES = {
    ("x86_64", 8): "x86_64h",
    ("arm64", 2): "arm64e",
    ("arm", 6): "armv6",
    ("arm", 9): "armv7",
    ("arm", 11): "armv7s",
    ("arm", 12): "armv7k",
    ("ppc", 10): "ppc7400",
}
"""Names as ``lipo`` prints them."""
_SUBTYPE = 0x00FFFFFF

_MOST_SLICES = 40
_MOST_HEADERS = 1 << 20
"""Bytes of load commands: real ones have a few thousand."""
_REGULAR_PAGE, _COMPRESSED_PAGE = 2, 3

_UNWIND = {"__unwind_info", "__compact_unwind", "__eh_frame", "__gcc_except_tab"}
_LINKEDIT = {
    "LC_FUNCTION_STARTS": ("[function starts]", Purpose.OTHER),
    "LC_DATA_IN_CODE": ("[data in code]", Purpose.OTHER),
    "LC_CODE_SIGNATURE": ("[signature]", Purpose.OTHER),
    "LC_CODE_SEGMENT_SPLIT_INFO": ("[segment split info]", Purpose.LINKING),
    "LC_DYLIB_CODE_SIGN_DRS": ("[signing requirements]", Purpose.OTHER),
    "LC_LINKER_OPTIMIZATION_HINT": ("[linker hints]", Purpose.OTHER),
    "LC_DYLD_EXPORTS_TRIE": ("[exports]", Purpose.LINKING),
    "LC_DYLD_CHAINED_FIXUPS": ("[chained fixups]", Purpose.LINKING),
}
"""Load commands that have an offset and a size, and what lies there."""
_DYLD_INFO = ("rebase", "bind", "weak_bind", "lazy_bind", "export")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Section:
    name: str
    address: int
    size: int
    offset: int
    """In the file; 0 if nothing is in the file."""
    relocations: tuple[int, int]
    """Offset and number."""
    purpose: Purpose

    @property
    def code(self) -> CodeRange:
        """Its addresses, under its name."""
        return CodeRange(self.address, self.address + self.size, self.name)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Slice:
    """Headers of one architecture. Offsets count from the beginning of the whole file."""

    start: int
    headers: int
    """Bytes of headers."""
    order: str
    wide: bool
    """Whether it has 64 bits."""
    architecture: str
    text: int
    """Address of the segment ``__TEXT``."""
    sections: tuple[_Section, ...]
    commands: dict[str, Any]
    """macholib's structures of load commands other than segments, by name."""

    @property
    def uuid(self) -> str:
        """Identifier that the file shares with its ``.dSYM``; empty if it has none."""
        command = self.commands.get("LC_UUID")
        return bytes(command.uuid).hex() if command else ""

    @property
    def code(self) -> list[_Section]:
        """Sections with code."""
        return [section for section in self.sections if section.purpose is Purpose.CODE]


def read_macho(_: Path, data: Data) -> Image:
    """Weigh a Mach-O file.

    In a universal binary the parts of each architecture are called after it, and functions and symbols are those of all
    architectures together.

    It counts as stripped if it has no function or variable that is known to itself alone and no debugging entry:
    what ``strip`` leaves is exported or imported. The few exported functions of a stripped file are not listed, because
    what lies between them is not theirs.

    Raises:
        ValueError: it is damaged; so says `struct.error` too.
    """
    universal = data[:4] in _UNIVERSAL
    claims, slices = _slices(data) if universal else ([], [_slice(data, 0, len(data))])
    for part in slices:
        prefix = f"{part.architecture} " if universal else ""
        claims += (replace(claim, name=prefix + claim.name) for claim in _claims(part))
    layout = divide(data, claims)
    functions = [_functions(data, part) for part in slices]
    tables = [
        table
        for part in slices
        if (table := _symbols(data, part, f"{part.architecture} " if universal else "")) is not None
    ]
    elsewhere = tuple(symbol for table in tables for symbol in table.elsewhere)
    notes = oddities(layout)
    if not all(functions):
        notes += ("functions are not counted: there is no table of them",)
    if elsewhere:
        notes += (f"it holds symbols and debug information of {len(elsewhere)} functions that are in another file",)
    alone = [] if universal else slices  # addresses of several architectures are in each other's way
    return Image(
        format=Format.MACHO,
        architecture="+".join(part.architecture for part in slices),
        size=len(data),
        sections=layout.sections,
        stripped=not tables,
        functions=_together(functions),
        symbols=tuple(symbol for table in tables for symbol in table.here),
        elsewhere=elsewhere,
        code=tuple(section.code for part in alone for section in part.code if section.offset),
        identity=frozenset(f"uuid {part.uuid}" for part in alone if part.uuid),
        notes=notes,
    )


def _together(functions: Sequence[Functions | None]) -> Functions | None:
    """Those of all architectures, if all are known."""
    known = [table for table in functions if table]
    if len(known) < len(functions):
        return None
    return Functions(
        count=sum(table.count for table in known),
        size=sum(table.size for table in known),
        source=" and ".join(dict.fromkeys(table.source for table in known)),
    )


def _slices(data: Data) -> tuple[list[Claim], list[_Slice]]:
    from macholib import mach_o

    kind = mach_o.fat_arch64 if _UNIVERSAL[data[:4]] else mach_o.fat_arch
    (count,) = struct.unpack_from(">I", data, 4)
    if not 0 < count <= _MOST_SLICES:
        raise ValueError(f"it claims to hold {count} architectures")
    end = 8 + count * kind._size_
    headers = [kind.from_mmap(data, at) for at in range(8, end, kind._size_)]
    places = sorted((int(each.offset), int(each.size)) for each in headers)
    for (start, size), (following, _) in pairwise([(0, end), *places, (len(data), 0)]):
        if start + size > following:
            raise ValueError("its architectures overlap or reach beyond the end of the file")
    return [Claim(0, end, HEADERS, Purpose.OTHER)], [_slice(data, start, size) for start, size in places]


def _slice(data: Data, start: int, size: int) -> _Slice:
    from macholib import mach_o

    magic = data[start : start + min(4, size)]
    if magic not in _MAGIC:
        raise ValueError(f"what lies at {start} is not Mach-O")
    order, wide = _MAGIC[magic]
    header = (mach_o.mach_header_64 if wide else mach_o.mach_header).from_mmap(data, start, _endian_=order)
    headers = header._size_ + int(header.sizeofcmds)
    if headers > size or header.sizeofcmds > _MOST_HEADERS:
        raise ValueError(f"it claims {header.sizeofcmds} bytes of load commands")
    cpu = _CPUS.get(int(header.cputype), f"cpu{header.cputype}")
    sections: list[_Section] = []
    commands: dict[str, Any] = {}
    text = 0
    for name, content, rest in _commands(data, start + header._size_, start + headers, int(header.ncmds), order):
        if name in ("LC_SEGMENT", "LC_SEGMENT_64"):
            sections += _sections(data, content, rest, start, order)
            text = int(content.vmaddr) if content.segname.rstrip(b"\0") == b"__TEXT" else text
        else:
            commands[name] = content
    return _Slice(
        start=start,
        headers=headers,
        order=order,
        wide=wide,
        architecture=_SUBTYPES.get((cpu, int(header.cpusubtype) & _SUBTYPE), cpu),
        text=text,
        sections=tuple(sections),
        commands=commands,
    )


def _commands(data: Data, at: int, end: int, count: int, order: str) -> Iterator[tuple[str, Any, range]]:
    """Name, contents and the offsets of what follows the contents, for the load commands that are of use here."""
    from macholib import mach_o

    for _ in range(count):
        number, size = struct.unpack_from(f"{order}II", data, at)
        if size < 8 or at + size > end:  # noqa: PLR2004 - its own length
            raise ValueError("its load commands are longer than it says")
        name = mach_o.LC_NAMES.get(number, "")
        if name in _LINKEDIT or name.startswith(("LC_SEGMENT", "LC_SYMTAB", "LC_DYSYMTAB", "LC_DYLD_INFO", "LC_UUID")):
            kind = mach_o.LC_REGISTRY[number]
            rest = range(at + 8 + kind._size_, at + size)
            yield name.removesuffix("_ONLY"), kind.from_mmap(data, at + 8, _endian_=order), rest
        at += size


def _sections(data: Data, segment: Any, headers: range, start: int, order: str) -> Iterator[_Section]:
    from macholib import mach_o

    empty = (mach_o.S_ZEROFILL, mach_o.S_GB_ZEROFILL, mach_o.S_THREAD_LOCAL_ZEROFILL)
    kind = mach_o.section_64 if isinstance(segment, mach_o.segment_command_64) else mach_o.section
    if segment.nsects * kind._size_ > len(headers):
        raise ValueError(f"it claims {segment.nsects} sections in one segment")
    for each in headers[: segment.nsects * kind._size_ : kind._size_]:
        header = kind.from_mmap(data, each, _endian_=order)
        name, owner = (
            text.partition(b"\0")[0].decode("utf-8", "backslashreplace") for text in (header.sectname, header.segname)
        )
        in_file = header.offset and header.flags & mach_o.SECTION_TYPE not in empty
        yield _Section(
            name=f"{owner},{name}",
            address=int(header.addr),
            size=int(header.size),
            offset=start + header.offset if in_file else 0,
            relocations=(start + header.reloff, int(header.nreloc)),
            purpose=_purpose(owner, name, int(header.flags)),
        )


def _purpose(segment: str, section: str, flags: int) -> Purpose:
    from macholib import mach_o

    if section in _UNWIND:
        return Purpose.UNWIND
    if segment == "__DWARF" or flags & mach_o.S_ATTR_DEBUG:
        return Purpose.DEBUG
    code = flags & (mach_o.S_ATTR_PURE_INSTRUCTIONS | mach_o.S_ATTR_SOME_INSTRUCTIONS)
    return Purpose.CODE if code else Purpose.DATA


def _claims(part: _Slice) -> Iterator[Claim]:
    """The headers, the sections, and the pieces of ``__LINKEDIT``."""
    yield Claim(part.start, part.headers, HEADERS, Purpose.OTHER)
    for section in part.sections:
        if section.offset:
            yield Claim(section.offset, section.size, section.name, section.purpose)
        yield Claim(section.relocations[0], section.relocations[1] * 8, "[relocations]", Purpose.LINKING)
    for name, command in part.commands.items():
        for offset, size, piece, purpose in _pieces(name, command, 16 if part.wide else 12):
            yield Claim(part.start + offset, size, piece, purpose)


def _pieces(name: str, command: Any, symbol: int) -> Iterator[tuple[int, int, str, Purpose]]:
    """Offset, size, name and purpose of what a load command points to; a symbol has so many bytes."""
    if name in _LINKEDIT:
        yield command.dataoff, command.datasize, *_LINKEDIT[name]
    elif name == "LC_SYMTAB":
        yield command.symoff, command.nsyms * symbol, "[symbol table]", Purpose.SYMBOLS
        yield command.stroff, command.strsize, "[string table]", Purpose.SYMBOLS
    elif name == "LC_DYSYMTAB":
        yield command.indirectsymoff, command.nindirectsyms * 4, "[indirect symbols]", Purpose.LINKING
        for offset, count in ((command.extreloff, command.nextrel), (command.locreloff, command.nlocrel)):
            yield offset, count * 8, "[relocations]", Purpose.LINKING
    elif name == "LC_DYLD_INFO":
        for kind in _DYLD_INFO:
            offset, size = getattr(command, f"{kind}_off"), getattr(command, f"{kind}_size")
            yield offset, size, f"[{kind.replace('_', ' ')} info]", Purpose.LINKING


def _functions(data: Data, part: _Slice) -> Functions | None:
    """Each function extends to the next one or to the end of its section: the table says only where they begin."""
    command = part.commands.get("LC_FUNCTION_STARTS")
    unwind = next((section for section in part.sections if section.name.endswith(",__unwind_info")), None)
    if command and command.datasize:
        source, starts = (
            "LC_FUNCTION_STARTS",
            _function_starts(data, part.start + command.dataoff, command.datasize, part.text),
        )
    elif unwind and unwind.offset:
        source, starts = "__unwind_info", _unwind_info(data, unwind.offset, unwind.size, part)
    else:
        return None
    size = 0
    for first, end, _ in (section.code for section in part.code):
        index = bisect_left(starts, first)
        if index < len(starts) and starts[index] < end:
            size += end - starts[index]
    return Functions(count=len(starts), size=size, source=source)


def _function_starts(data: Data, at: int, size: int, text: int) -> array[int]:
    """Differences in unsigned LEB128, the first from the beginning of ``__TEXT``; a zero ends them."""
    if at + size > len(data) or size > MOST_FUNCTIONS * 4:  # bytes for each: two, as a rule
        raise ValueError(f"it claims {size} bytes of function starts at {at}")
    starts = array("Q")
    address, difference, shift = text, 0, 0
    for byte in data[at : at + size]:
        difference |= (byte & 0x7F) << shift
        if byte & 0x80:
            shift += 7
            if shift > 63:  # noqa: PLR2004 - bits of an address
                raise ValueError("there is a number without an end in its function starts")
            continue
        if not difference:
            break
        address += difference
        starts.append(address)
        difference = shift = 0
    return starts


def _unwind_info(data: Data, at: int, size: int, part: _Slice) -> array[int]:
    """The addresses in a table of two levels: pages, and the functions in each.

    Neighbours that unwind alike may share an entry, so there can be more functions than this finds.
    """
    index, count = struct.unpack_from(f"{part.order}5I2I", data, at)[5:]
    starts, bytes_left = array("Q"), size
    for first, page, _ in rows(data, struct.Struct(f"{part.order}3I"), at + index, count):
        if not page:  # the last row says where the last page ends
            continue
        offsets = _unwind_page(data, at + page, part.order, first)
        bytes_left -= 20 + 4 * len(offsets)  # what a page takes at least, with its row
        if bytes_left < 0:
            raise ValueError("the pages of its unwind information overlap")
        starts.extend(part.text + offset for offset in offsets)
    return array("Q", sorted(starts))


def _unwind_page(data: Data, at: int, order: str, first: int) -> list[int]:
    """Offsets of functions from the beginning of ``__TEXT``; the compressed ones count from the first of the page."""
    kind, entries, count = struct.unpack_from(f"{order}IHH", data, at)
    if kind == _REGULAR_PAGE:
        return [offset for offset, _ in rows(data, struct.Struct(f"{order}II"), at + entries, count)]
    if kind == _COMPRESSED_PAGE:
        return [first + (entry & 0xFFFFFF) for (entry,) in rows(data, struct.Struct(f"{order}I"), at + entries, count)]
    raise ValueError(f"its unwind information has a page of an unknown kind, {kind}")


class _SymbolTable(NamedTuple):
    """Functions by name."""

    here: tuple[Symbol, ...]
    elsewhere: tuple[Symbol, ...]
    """Those of a ``.dSYM``, whose code is in another file."""


def _symbols(data: Data, part: _Slice, prefix: str) -> _SymbolTable | None:
    """Functions by name, sized up to the next one; ``None`` if the file is stripped."""
    from macholib import mach_o

    table = part.commands.get("LC_SYMTAB")
    if table is None:
        return None
    row = struct.Struct(part.order + ("IBBHQ" if part.wide else "IBBhI"))
    names = StringTable(data, part.start + table.stroff, table.strsize)
    code = {number for number, section in enumerate(part.sections, 1) if section.purpose is Purpose.CODE}
    starts, stripped = [], True
    for name, kind, section, _, address in rows(data, row, part.start + table.symoff, table.nsyms):
        if kind & mach_o.N_STAB:
            stripped = False
        elif kind & mach_o.N_TYPE == mach_o.N_SECT:
            stripped = stripped and bool(kind & mach_o.N_EXT)
            if section in code:
                starts.append((address, names.at(name).removeprefix("_")))
                if len(starts) > MOST_FUNCTIONS:
                    raise ValueError(f"it has symbols for more than {MOST_FUNCTIONS} functions")
    if stripped:
        return None
    here, elsewhere = (
        [
            section.code._replace(section=prefix + section.name)
            for section in part.code
            if bool(section.offset) is inside
        ]
        for inside in (True, False)
    )
    return _SymbolTable(named(sized(starts, here)), named(sized(starts, elsewhere)))
