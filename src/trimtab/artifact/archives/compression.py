"""Streams of compressed files, which expand no more at a time than they are asked for."""

from __future__ import annotations

import io
import lzma
import sys
import zlib

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

DAMAGE: tuple[type[Exception], ...] = (zlib.error, lzma.LZMAError, zstd.ZstdError)
"""Exceptions raised for damaged streams, besides Python's built-in ones."""

LONGEST_MAGIC = 6
_MAGIC = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd")


def is_compressed(head: bytes) -> bool:
    """Whether a file that begins so is compressed with gzip, bzip2, xz or zstd."""
    return head.startswith(_MAGIC)


def expanded(file: io.BufferedReader) -> io.BufferedIOBase:
    """A file as it was before it was compressed; the file itself, if it is not compressed."""
    head = file.peek(LONGEST_MAGIC)
    if head.startswith(b"\x1f\x8b"):
        return _gunzipped(file)
    if head.startswith(b"BZh"):
        import bz2

        return bz2.BZ2File(file)
    if head.startswith(b"\xfd7zXZ\0"):
        return lzma.LZMAFile(file, format=lzma.FORMAT_XZ)
    if head.startswith(b"\x28\xb5\x2f\xfd"):
        return zstd.ZstdFile(file)
    return file


def _gunzipped(file: io.BufferedReader) -> io.BufferedIOBase:
    import gzip

    class Gunzipped(gzip.GzipFile):
        """Ends where the last compressed part ends, as ``gzip`` itself does: what follows it is ignored."""

        _begun = False

        def read(self, size: int | None = -1) -> bytes:
            try:
                data = super().read(size)
            except gzip.BadGzipFile as error:
                if self._begun and str(error).startswith("Not a gzipped file"):
                    return b""
                raise
            self._begun = True
            return data

    return Gunzipped(fileobj=file)
