"""Tar files, plain or compressed, read from front to end."""

from __future__ import annotations

import io
import lzma
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path

from trimtab.artifact.archives.packed import CHUNK, ArchiveMember, Budget, MemberNames, RefusedError, copied

if sys.version_info >= (3, 14):
    import tarfile

    from compression import zstd
else:  # not only for zstd: the `tarfile` of an older Python can be kept busy for hours by a header of digits
    from backports import zstd
    from backports.zstd import tarfile

MOST_HEADERS = 1 << 20
"""Bytes that may lie between two members; extended headers are read whole, and may follow each other."""

DAMAGE: tuple[type[Exception], ...] = (tarfile.TarError, zlib.error, lzma.LZMAError, zstd.ZstdError)
"""Exceptions raised for a damaged file, besides Python's built-in ones."""


def is_tar(file: io.BufferedReader) -> bool:
    """Whether a file begins with a header, once it is expanded.

    Raises:
        Exception: one of `DAMAGE` or Python's own, if it is compressed and damaged from the beginning.
    """
    try:
        tarfile.TarInfo.frombuf(_expanded(file).read(tarfile.BLOCKSIZE), "utf-8", "surrogateescape")
    except tarfile.HeaderError:
        return False
    return True


def unpack_tar(path: Path, scratch: Path) -> Iterator[ArchiveMember]:
    """Every file in a tar file, see `trimtab.artifact.archives.unpack.unpack`.

    Raises:
        RefusedError: it would cost too much.
        Exception: one of `DAMAGE` or Python's own.
    """
    names, size = MemberNames(), path.stat().st_size
    budget = Budget(size)  # besides that of the stream: a sparse member has bytes that nobody stored
    with path.open("rb") as file, _expanded(file) as source:
        forward = _Forward(source, Budget(size))
        with tarfile.TarFile(fileobj=forward, stream=True) as archive:
            for member in _headers(archive, forward, budget):
                name = names.take(member.name)
                if member.issym() or member.islnk() or member.isdev():
                    yield ArchiveMember(name, 0, None, None)
                elif not member.isreg() or not member.size:
                    yield ArchiveMember(name, member.size, None, None)
                else:
                    forward.allowed = member.size
                    stream = archive.extractfile(member)
                    assert stream
                    with stream, copied(stream, member.size, scratch, budget) as copy:
                        yield ArchiveMember(name, member.size, None, copy)


def _headers(archive: tarfile.TarFile, forward: _Forward, budget: Budget) -> Iterator[tarfile.TarInfo]:
    for member in archive:
        if member.size < 0:
            raise tarfile.ReadError("a member has a negative size")
        budget.list_member(member.size)
        if not member.isdir():
            yield member
        forward.allowed = MOST_HEADERS
    # `tarfile` takes a broken header for the end, but a tar file ends with a block of zeros.
    if forward.last != bytes(tarfile.BLOCKSIZE):
        raise tarfile.ReadError("a broken header" if len(forward.last) == tarfile.BLOCKSIZE else "the end is missing")
    forward.finish()


def _expanded(file: io.BufferedReader) -> io.BufferedIOBase:
    """A file as it was before it was compressed; all of these expand no more at a time than they are asked for."""
    head = file.peek(6)
    if head.startswith(b"\x1f\x8b"):
        import gzip

        return gzip.GzipFile(fileobj=file)
    if head.startswith(b"BZh"):
        import bz2

        return bz2.BZ2File(file)
    if head.startswith(b"\xfd7zXZ\0"):
        return lzma.LZMAFile(file, format=lzma.FORMAT_XZ)
    if head.startswith(b"\x28\xb5\x2f\xfd"):
        return zstd.ZstdFile(file)
    return file


class _Forward:
    """A tar file as `tarfile` wants to have it, which never goes back and hands out no more than it was told to.

    (The streams of `tarfile` itself expand all of what they have just read, which may be millions of times as much.)
    """

    def __init__(self, source: io.BufferedIOBase, budget: Budget) -> None:
        self._source, self._budget = source, budget
        self._position = 0
        self.allowed = MOST_HEADERS
        """Bytes that may be read; passing over bytes is free."""
        self.last = b""
        """The bytes read last: after the last member, the block that is no header."""

    def read(self, size: int, /) -> bytes:
        self.allowed -= size
        if self.allowed < 0 or size < 0:
            raise RefusedError(f"a header is longer than {MOST_HEADERS >> 10} KiB")
        self.last = self._take(size)
        return self.last

    def seek(self, position: int, /) -> None:
        if position < self._position:
            raise tarfile.ReadError("a header points backwards")
        while self._position < position and self._take(min(CHUNK, position - self._position)):
            pass

    def tell(self) -> int:
        return self._position

    def finish(self) -> None:
        """Read what is behind the last member, so that checksums are compared."""
        while self._take(CHUNK):
            pass

    def _take(self, size: int) -> bytes:
        data = self._source.read(size)
        self._position += len(data)
        self._budget.spend(len(data))
        return data

    def write(self, _data: bytes, /) -> None:
        raise io.UnsupportedOperation("this is only read")

    def close(self) -> None:
        """Whoever opened the source closes it."""
