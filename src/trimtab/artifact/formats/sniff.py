"""Telling binary formats apart."""

from __future__ import annotations

import struct
from pathlib import Path

from trimtab.artifact.formats.coff import is_coff_object
from trimtab.model.size_report import Format

HEAD = 64
"""Bytes from the beginning of a file that `sniff` looks at."""

_MACHO = {bytes.fromhex(magic) for magic in ("feedface", "feedfacf", "cefaedfe", "cffaedfe")}
_UNIVERSAL = {bytes.fromhex(magic) for magic in ("cafebabe", "cafebabf")}
_WIDE = 0xBF
"""Last byte of the magic of universal binaries with offsets of 64 bits."""
_LIBRARY = b"!<arch>\n"
_MOST_SLICES = 40
"""A Java class file begins like a universal binary; its version, where the number of slices would be, is 45 or more."""


def sniff(head: bytes) -> Format | None:
    """The binary format of a file that begins so."""
    if head.startswith(b"\x7fELF"):
        return Format.ELF
    if head.startswith(b"\0asm"):
        return Format.WASM
    if (head.startswith(b"MZ") and len(head) >= HEAD) or is_coff_object(head):
        return Format.PE
    if head[:4] in _MACHO:
        return Format.MACHO
    if head[:4] in _UNIVERSAL and len(head) >= HEAD and 0 < struct.unpack_from(">I", head, 4)[0] <= _MOST_SLICES:
        return Format.MACHO
    return None


def universal_slices(path: Path) -> list[tuple[int, int]]:
    """Offset and size of each static library in a universal one of macOS; empty for all other files.

    Those begin as universal binaries do.
    """
    with path.open("rb") as file:
        head = file.read(8 + _MOST_SLICES * 32)
        if head[:4] not in _UNIVERSAL or len(head) < HEAD:
            return []
        (count,) = struct.unpack_from(">I", head, 4)
        row = struct.Struct(">8xQQ8x" if head[3] == _WIDE else ">8xII4x")
        if not 0 < count <= _MOST_SLICES or 8 + count * row.size > len(head):
            return []
        slices = [row.unpack_from(head, 8 + number * row.size) for number in range(count)]
        for start, _ in slices:
            file.seek(start)
            if file.read(len(_LIBRARY)) != _LIBRARY:
                return []
    return slices


def binary_format(path: Path) -> Format | None:
    """The binary format of a file; more certain than `sniff`, which sees only the beginning.

    Programs of DOS and of 16 bits begin as PE files do, and universal static libraries as universal binaries.
    """
    with path.open("rb") as file:
        head = file.read(HEAD)
        kind = sniff(head)
        if kind is Format.PE and head.startswith(b"MZ"):
            (at,) = struct.unpack_from("<I", head, 0x3C)
            file.seek(at)
            return kind if file.read(4) == b"PE\0\0" else None
    return None if kind is Format.MACHO and universal_slices(path) else kind
