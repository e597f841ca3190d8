"""Counting functions in ``.eh_frame``: what a stripped ELF still tells about its code.

pyelftools reads this table too, but decodes every unwind instruction on the way, which takes seconds for a large
program (see ``docs/benchmarks.md``); here only the headers of the entries are read.

Source: Linux Standard Base Core 5.0, "Exception Frames" and "DWARF Exception Header Encoding".
"""

from __future__ import annotations

import struct

from trimtab.artifact.formats.layout import Data
from trimtab.model.size_report import Functions

_EXTENDED = 0xFFFFFFFF
_WIDTHS = {0x02: 2, 0x03: 4, 0x04: 8, 0x0A: 2, 0x0B: 4, 0x0C: 8}
"""Low half of a pointer encoding → bytes; 0 and 8 are as wide as an address."""
_MOST_AUGMENTATION = 16


def frame_functions(data: Data, start: int, end: int, *, order: str, address: int) -> Functions:
    """Number and bytes of the functions that an ``.eh_frame`` section describes: one per frame description entry.

    Args:
        data: the file.
        start: offset of the section.
        end: offset of its end.
        order: ``<`` or ``>``, the byte order.
        address: bytes of an address, 4 or 8.

    Raises:
        ValueError: an entry reaches beyond the section, or refers to none.
    """
    try:
        count, size = _counted(data[start:end], order, address)
    except (IndexError, struct.error):
        raise ValueError("an entry of .eh_frame reaches beyond its end") from None
    return Functions(count=count, size=size, source=".eh_frame")


def _counted(section: bytes, order: str, address: int) -> tuple[int, int]:
    u32 = struct.Struct(order + "I").unpack_from
    u64 = struct.Struct(order + "Q").unpack_from
    unsigned = {width: struct.Struct(order + code).unpack_from for width, code in ((2, "H"), (4, "I"), (8, "Q"))}
    widths: dict[int, int] = {}
    count, size, at, end = 0, 0, 0, len(section)
    while at + 4 <= end:
        begin = at
        (length,) = u32(section, at)
        at += 4
        if length == 0:  # a terminator; linkers leave some in the middle
            continue
        if length == _EXTENDED:
            (length,) = u64(section, at)
            at += 8
        following = at + length
        if following > end or following < at + 4:
            raise ValueError("an entry of .eh_frame reaches beyond its end")
        (distance,) = u32(section, at)
        if distance == 0:  # a common information entry
            widths[begin] = _pointer_width(section, at + 4, address)
        else:  # a frame description entry, which says how far back its common information entry begins
            width = widths.get(at - distance)
            if width is None:
                raise ValueError("an entry of .eh_frame refers to none")
            size += unsigned[width](section, at + 4 + width)[0]
            count += 1
        at = following
    return count, size


def _pointer_width(section: bytes, at: int, address: int) -> int:
    """Bytes of the addresses in entries that refer to the common information entry with its version at ``at``."""
    version = section[at]
    stop = section.find(b"\0", at + 1, at + 1 + _MOST_AUGMENTATION)
    if stop < 0:
        raise ValueError("the augmentation of an .eh_frame entry does not end")
    augmentation = section[at + 1 : stop]
    at = stop + 1
    if not augmentation.startswith(b"z"):
        return address
    for _ in range(3 if version > 1 else 2):  # alignment factors of code and data; the return address register
        at = _after_leb128(section, at)
    at = _after_leb128(section, at if version > 1 else at + 1)  # in version 1 the register is one byte
    for letter in augmentation[1:]:
        if letter == ord("R"):
            return _WIDTHS.get(section[at] & 0x0F, address)
        if letter == ord("P"):
            at += 1 + _WIDTHS.get(section[at] & 0x0F, address)
        elif letter == ord("L"):
            at += 1
    return address


def _after_leb128(section: bytes, at: int) -> int:
    """Offset behind a LEB128 number of at most 64 bits."""
    for last in range(at, at + 10):
        if section[last] < 0x80:  # noqa: PLR2004 - the bit that says that more follows
            return last + 1
    raise ValueError("a number in .eh_frame does not end")
