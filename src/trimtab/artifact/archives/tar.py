"""Tar files, plain or compressed, read from front to end."""

from __future__ import annotations

import contextlib
import functools
import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from trimtab.artifact.archives.compression import expanded
from trimtab.artifact.archives.packed import CHUNK, Budget, PackedEntry, RefusedError

if sys.version_info >= (3, 14):
    import tarfile
else:  # the `tarfile` of an older Python can be kept busy for hours by a header of digits
    from backports.zstd import tarfile

MOST_HEADERS = 1 << 20
"""Bytes that may lie between two members; extended headers are read whole, and may follow each other."""

BLOCK = tarfile.BLOCKSIZE
DAMAGE: tuple[type[Exception], ...] = (tarfile.TarError,)
"""Exceptions raised for a damaged file, besides Python's built-in ones."""


def is_tar_header(block: bytes) -> bool:
    """Whether a tar file may begin so."""
    try:
        tarfile.TarInfo.frombuf(block[:BLOCK], "utf-8", "surrogateescape")
    except tarfile.HeaderError:
        return False
    return True


def tar_entries(file: io.BufferedReader, budget: Budget) -> Iterator[PackedEntry]:
    """Every file in a tar file; directories are left out.

    Args:
        file: the tar file, plain or compressed.
        budget: limits on what comes out of it.

    Raises:
        RefusedError: it would cost too much.
        Exception: one of `DAMAGE`, of those of compressed streams, or Python's own.
    """
    for archive, member in _members(file, budget):
        if member.issym() or member.islnk() or member.isdev():
            yield PackedEntry(member.name, 0, None)
        elif not member.isreg() or not member.size:
            yield PackedEntry(member.name, member.size, None)
        else:
            yield PackedEntry(member.name, member.size, None, functools.partial(_opened, archive, member))


def extract_tar(file: io.BufferedReader, folder: Path, budget: Budget) -> None:
    """Put the files of a tar file into a folder, with links that stay in it; what would lead out of it is left out.

    Raises:
        RefusedError: it would cost too much.
        Exception: one of `DAMAGE`, of those of compressed streams, or Python's own.
    """
    for archive, member in _members(file, budget):
        if not member.isdev():
            with contextlib.suppress(tarfile.FilterError, KeyError):  # the latter for links to nothing
                archive.extract(member, folder, filter="data")


def _opened(archive: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    stream = archive.extractfile(member)
    assert stream
    return stream


def _members(file: io.BufferedReader, budget: Budget) -> Iterator[tuple[tarfile.TarFile, tarfile.TarInfo]]:
    """Every member but directories, with the archive that its content can be read from before the next is asked for."""
    with expanded(file) as source:
        forward = _Forward(source, budget)
        with tarfile.TarFile(fileobj=forward, stream=True) as archive:
            for member in archive:
                if member.size < 0:
                    raise tarfile.ReadError("a member has a negative size")
                budget.list_member(member.size)
                if not member.isdir():
                    forward.allowed = member.size
                    yield archive, member
                forward.allowed = MOST_HEADERS
        # `tarfile` takes a broken header for the end. A tar file ends with blocks of zeros, or where no whole
        # block is left, which GNU tar accepts too.
        if len(forward.last) == BLOCK and forward.last != bytes(BLOCK):
            raise tarfile.ReadError("a broken header")
        forward.finish()


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
        while self._position < position:
            if not self._take(min(CHUNK, position - self._position)):
                raise tarfile.ReadError("it ends in the middle of a member")

    def tell(self) -> int:
        return self._position

    def finish(self) -> None:
        """Read what is behind the last member, so that checksums are compared."""
        while self._take(CHUNK):
            pass

    def _take(self, size: int) -> bytes:
        data = self._source.read(size)
        self._position += len(data)
        self._budget.expand(len(data))
        return data

    def write(self, _data: bytes, /) -> None:
        raise io.UnsupportedOperation("this is only read")

    def close(self) -> None:
        """Whoever opened the source closes it."""
