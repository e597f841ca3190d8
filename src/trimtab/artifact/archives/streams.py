"""Streams made of parts of other streams."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


class _Source(io.RawIOBase):
    """Bytes that a function gives, at most so many at a time; none at the end."""

    def __init__(self, read: Callable[[int], bytes]) -> None:
        super().__init__()
        self._read = read

    def readable(self) -> bool:
        """Whether it can be read, which is all that it is for."""
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Fill a buffer, or the beginning of it."""
        view = memoryview(buffer)
        data = self._read(len(view))
        view[: len(data)] = data
        return len(data)


def stream_of(read: Callable[[int], bytes]) -> io.BufferedReader:
    """The stream of what a function gives."""
    return io.BufferedReader(_Source(read))


def sliced(file: IO[bytes], start: int, size: int) -> io.BufferedReader:
    """So many bytes of a file from an offset on; several slices of a file may be read in turns."""
    position = 0

    def read(count: int) -> bytes:
        nonlocal position
        file.seek(start + position)
        data = file.read(min(count, size - position))
        position += len(data)
        return data

    return stream_of(read)


def joined(first: bytes, rest: io.BufferedReader) -> io.BufferedReader:
    """Some bytes, and then those of a stream."""

    def read(count: int) -> bytes:
        nonlocal first
        data, first = first[:count], first[count:]
        return data or rest.read(count)

    return stream_of(read)
