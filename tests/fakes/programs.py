"""Native programs of a few bytes, which say where they look for libraries and cannot be run."""

from __future__ import annotations

import struct
from pathlib import Path

_HEADER, _SEGMENT = 64, 56


def native(text: str = "", *, runpath: str = "", needed: str = "") -> bytes:
    """A 64-bit ELF file with a text at its end; with a dynamic section if it names libraries or where they are."""
    strings = b"\0" + needed.encode() + b"\0" + runpath.encode() + b"\0"
    names = [(1, 1)] * bool(needed) + [(29, len(needed) + 2)] * bool(runpath)
    segments = 2 if names else 0
    start = _HEADER + segments * _SEGMENT
    tags = b"".join(struct.pack("<QQ", *entry) for entry in (*names, (5, start), (0, 0))) if names else b""
    length = start + len(strings) + len(tags) if names else 0
    header = b"\x7fELF\x02\x01\x01".ljust(16, b"\0") + struct.pack(
        "<HHIQQQIHHHHHH", 2, 62, 1, 0, _HEADER, 0, 0, _HEADER, _SEGMENT, segments, 0, 0, 0
    )
    loads = struct.pack("<IIQQQQQQ", 1, 4, 0, 0, 0, length, length, 1)
    dynamic = struct.pack("<IIQQQQQQ", 2, 4, start + len(strings), 0, 0, len(tags), len(tags), 1)
    body = loads + dynamic + strings + tags if names else b""
    return header + body + text.encode()


def text_of(path: Path) -> str:
    """The text of a script, or of a native program without a dynamic section."""
    data = path.read_bytes()
    return (data[_HEADER:] if data.startswith(b"\x7fELF") else data).decode("utf-8", "replace")
