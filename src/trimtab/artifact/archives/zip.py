"""Zip files, of which wheels are one kind.

Members are opened by `zipfile` if they are stored or deflated. It expands other methods in steps without a limit, so
those are expanded here.
Source: PKWARE, APPNOTE.TXT 6.3.10, sections 4.3.7, 4.4.4, 4.4.5 and 5.8.8.
"""

from __future__ import annotations

import contextlib
import functools
import heapq
import io
import lzma
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from trimtab.artifact.archives.compression import expanded
from trimtab.artifact.archives.packed import MOST_MEMBERS, Budget, PackedEntry, RefusedError
from trimtab.artifact.archives.streams import joined, sliced, stream_of

MOST_PEEKED = 10_000
"""So many members of a zip are looked at, the largest: a binary is hardly smaller than ten thousand other files."""
MOST_DIRECTORY = 128 << 20
"""Bytes of a zip's directory, which is read whole."""

DAMAGE: tuple[type[Exception], ...] = (zipfile.BadZipFile,)
"""Exceptions raised for a damaged file, besides Python's built-in ones."""

_DIRECTORY_ENTRY = b"PK\1\2"
_LEAST_ENTRY = 46
"""Bytes of a directory entry without its name."""
_LOCAL_HEADER = struct.Struct("<4s22xHH")
"""Signature, lengths of the name and of the extra field that follow it."""
_ENCRYPTED = 1
_HAS_END_MARKER = 2
"""Flag of members compressed with LZMA."""
_WHEEL = re.compile(r"[^/]+\.dist-info/WHEEL")
_LZMA, _XZ, _OLD_ZSTD, _ZSTD = 14, 95, 20, 93
_BY_ZIPFILE = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
_BY_MAGIC = {zipfile.ZIP_BZIP2, _XZ, _OLD_ZSTD, _ZSTD}
"""Methods whose bytes are what a compressed file of that kind has in it."""
_LZMA_HEADER = 9
"""Bytes before an LZMA stream: version, length of the properties, and five bytes of these."""
_NAMES = {
    1: "Shrink", 6: "Implode", 9: "Deflate64", 10: "old Implode", 16: "CMPSC", 18: "TERSE", 19: "LZ77", 94: "MP3",
    96: "JPEG", 97: "WavPack", 98: "PPMd",
}  # fmt: skip
"""Methods that are not read here."""


class _ZipSource(io.BufferedReader):
    """Bounds what `zipfile` reads at once, which is the directory: every entry in it costs time and memory."""

    def read(self, size: int | None = -1, /) -> bytes:
        """Read, unless it is too much."""
        if size is not None and size > MOST_DIRECTORY:
            raise RefusedError(f"its directory takes more than {MOST_DIRECTORY >> 20} MiB")
        data = super().read(size)
        if len(data) > MOST_MEMBERS * _LEAST_ENTRY and data.count(_DIRECTORY_ENTRY) > MOST_MEMBERS:
            raise RefusedError(f"it has more than {MOST_MEMBERS:,} members")
        return data


@contextlib.contextmanager
def open_zip(path: Path) -> Iterator[zipfile.ZipFile]:
    """A zip file with its directory read."""
    with _ZipSource(io.FileIO(path)) as source, zipfile.ZipFile(source) as archive:
        yield archive


def is_wheel(archive: zipfile.ZipFile) -> bool:
    """Whether a zip has the metadata of a wheel."""
    return any(map(_WHEEL.fullmatch, archive.namelist()))


def zip_entries(path: Path, budget: Budget) -> Iterator[PackedEntry]:
    """Every file in a zip, in its order; directories are left out.

    Raises:
        RefusedError: it would cost too much.
        Exception: one of `DAMAGE` or Python's own.
    """
    with open_zip(path) as archive:
        members = [member for member in archive.infolist() if member.file_size or not member.filename.endswith("/")]
        check_directory(members, budget)
        by_size = heapq.nlargest(MOST_PEEKED, range(len(members)), key=lambda index: members[index].file_size)
        peeked = set(by_size)
        for index, member in enumerate(members):
            name, packed = member.filename, member.compress_size
            if not is_plain(member):
                yield PackedEntry(name, 0, packed)
            elif note := unreadable(member):
                yield PackedEntry(name, member.file_size, packed, note=note)
            else:
                stream = functools.partial(opened, archive, member) if index in peeked else None
                yield PackedEntry(name, member.file_size, packed, stream)


def check_directory(members: list[zipfile.ZipInfo], budget: Budget) -> None:
    """Refuse a zip whose directory announces too much; members are held to the sizes that are declared there."""
    for member in members:
        budget.list_member(member.file_size)
        budget.expand(member.file_size)


def unreadable(member: zipfile.ZipInfo) -> str:
    """Reason why a member cannot be opened; empty if it can."""
    if member.flag_bits & _ENCRYPTED:
        return "encrypted"
    method = member.compress_type
    if method in _BY_ZIPFILE or method in _BY_MAGIC or method == _LZMA:
        return ""
    return f"compressed with {_NAMES.get(method, f'method {method}')}, which is not read"


def is_plain(member: zipfile.ZipInfo) -> bool:
    """Whether a member is no symbolic link, device or the like. Only zips made on Unix, or as on Unix, say so."""
    kind = stat.S_IFMT(member.external_attr >> 16)
    return kind in (0, stat.S_IFREG, stat.S_IFDIR)


def opened(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> IO[bytes]:
    """A member's bytes, of whichever method `unreadable` does not name."""
    if member.compress_type in _BY_ZIPFILE:
        return archive.open(member)
    assert archive.fp
    raw = _stored_bytes(archive.fp, member)
    if member.compress_type == _LZMA:
        properties = raw.read(_LZMA_HEADER)[4:]
        size = -1 if member.flag_bits & _HAS_END_MARKER else member.file_size
        alone = joined(properties + struct.pack("<q", size), raw)
        return _checked(lzma.LZMAFile(alone, format=lzma.FORMAT_ALONE), member)
    return _checked(expanded(raw), member)


def _stored_bytes(file: IO[bytes], member: zipfile.ZipInfo) -> io.BufferedReader:
    file.seek(member.header_offset)
    header = file.read(_LOCAL_HEADER.size)
    signature, name, extra = _LOCAL_HEADER.unpack(header)
    if signature != b"PK\3\4":
        raise zipfile.BadZipFile(f"{member.filename!r} has no header")
    return sliced(file, member.header_offset + _LOCAL_HEADER.size + name + extra, member.compress_size)


def _checked(stream: io.BufferedIOBase, member: zipfile.ZipInfo) -> io.BufferedReader:
    """A member's stream, held to the size and the checksum in the directory."""
    left, checksum = member.file_size, 0

    def read(size: int) -> bytes:
        nonlocal left, checksum
        data = stream.read(min(size, left))
        left -= len(data)
        checksum = zlib.crc32(data, checksum)
        if not left and checksum != member.CRC:
            raise zipfile.BadZipFile(f"Bad CRC-32 for file {member.filename!r}")
        return data

    return stream_of(read)
