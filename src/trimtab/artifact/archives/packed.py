"""Members of archives of all kinds, and limits on the work that reading them may take."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from trimtab.artifact.formats.sniff import HEAD, sniff
from trimtab.units import printable

MOST_MEMBERS = 200_000
FREE_MEMBERS = 100_000
LEAST_MEMBER = 16
"""More than `FREE_MEMBERS` may be in an archive only if it has so many bytes for each: a name alone takes that much."""
MOST_BINARIES = 10_000
"""Making a file costs far more than reading a header."""
MOST_BYTES = 4 << 30
"""The largest member."""
FREE_BYTES = 256 << 20
MOST_TIMES = 100
"""More than `FREE_BYTES` may come out of an archive only if that is at most so many times its own size."""

_LONGEST_NAME = 4096

CHUNK = 1 << 18


@dataclass(frozen=True, slots=True)
class ArchiveMember:
    """A file in an archive."""

    name: str
    """Unique: a second member of the same name gets ``#2``. Characters that cannot be printed are shown as escapes."""
    size: int
    """Bytes when unpacked; 0 for links and devices."""
    compressed: int | None
    """Bytes as stored in the zip; ``None`` in a tar file, which is compressed as a whole."""
    file: Path | None
    """Its bytes, until the next member is asked for, if it begins like a binary."""


class RefusedError(Exception):
    """The archive may be whole, but it asks for too much, or for something that cannot be read."""


class MemberNames:
    """Makes the names of members harmless and unique."""

    def __init__(self) -> None:
        self._given: dict[str, int] = {}

    def take(self, name: str) -> str:
        """The name to list a member under."""
        name = printable(name[:_LONGEST_NAME])
        count, unique = self._given.get(name, 0) + 1, name
        while count > 1 and (unique := f"{name}#{count}") in self._given:
            count += 1
        self._given[name] = count
        self._given.setdefault(unique, 1)
        return unique


class Budget:
    """Limits on what is unpacked from an archive, by its size.

    Every method raises `RefusedError` for what is too much.
    """

    def __init__(self, size: int) -> None:
        self._left = max(FREE_BYTES, MOST_TIMES * size)
        self._members_left = min(MOST_MEMBERS, max(FREE_MEMBERS, size // LEAST_MEMBER))
        self._binaries_left = MOST_BINARIES

    def spend(self, count: int) -> None:
        """Let bytes out."""
        self._left -= count
        if self._left < 0:
            times = f"more than {MOST_TIMES} times its size"
            raise RefusedError(f"{times}, and more than {FREE_BYTES >> 20} MiB, would come out of it")

    def list_member(self, size: int) -> None:
        """Let a member of so many bytes be listed."""
        self._members_left -= 1
        if self._members_left < 0:
            raise RefusedError(f"it has more than {MOST_MEMBERS:,} members, or more than its size can hold")
        if size > MOST_BYTES:
            raise RefusedError(f"a member is larger than {MOST_BYTES >> 30} GiB")

    def copy_binary(self) -> None:
        """Let a member be copied to a file."""
        self._binaries_left -= 1
        if self._binaries_left < 0:
            raise RefusedError(f"it has more than {MOST_BINARIES:,} binaries")


@contextlib.contextmanager
def copied(stream: IO[bytes], size: int, scratch: Path, budget: Budget) -> Iterator[Path | None]:
    """A member's bytes in a file with a name of our own, if it begins like a binary.

    It has then been read to its end, where a zip's checksum is compared.

    Raises:
        EOFError: it is shorter than it should be.
        RefusedError: the budget does not allow for it.
    """
    block = stream.read(HEAD)
    if not sniff(block):
        yield None
        return
    budget.copy_binary()
    with tempfile.NamedTemporaryFile(prefix="member-", dir=scratch) as copy:
        written = 0
        while block:
            budget.spend(len(block))
            written += copy.write(block)
            block = stream.read(CHUNK)
        if written != size:
            raise EOFError(f"a member has {written} bytes and should have {size}")
        copy.flush()
        yield Path(copy.name)
