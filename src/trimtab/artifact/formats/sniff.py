"""Telling binary formats apart, and who reads them."""

from __future__ import annotations

import struct

from trimtab.model.size_report import Format

HEAD = 64
"""Bytes from the beginning of a file that `sniff` looks at."""

_MACHO = {bytes.fromhex(magic) for magic in ("feedface", "feedfacf", "cefaedfe", "cffaedfe")}
_UNIVERSAL = {bytes.fromhex(magic) for magic in ("cafebabe", "cafebabf")}
_MOST_SLICES = 40
"""A Java class file begins like a universal binary; its version, where the number of slices would be, is 45 or more."""


def sniff(head: bytes) -> Format | None:
    """The binary format of a file that begins so."""
    if head.startswith(b"\x7fELF"):
        return Format.ELF
    if head.startswith(b"\0asm"):
        return Format.WASM
    if head.startswith(b"MZ") and len(head) >= HEAD:
        return Format.PE
    if head[:4] in _MACHO:
        return Format.MACHO
    if head[:4] in _UNIVERSAL and len(head) >= HEAD and 0 < struct.unpack_from(">I", head, 4)[0] <= _MOST_SLICES:
        return Format.MACHO
    return None
