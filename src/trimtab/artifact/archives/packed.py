"""Members of archives of all kinds, and limits on the work that reading them may take."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

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
class PackedEntry:
    """A member as the reader of an archive's format lists it."""

    name: str
    """As in the archive."""
    size: int | None
    """Bytes when unpacked; ``None`` where only unpacking tells."""
    compressed: int | None
    open: Callable[[], IO[bytes]] | None = None
    """Opens its bytes, before the next member is asked for; ``None`` for links, and where there is no need to look."""
    note: str = ""
    """Reason why it cannot be opened."""


@dataclass(frozen=True, slots=True)
class ArchiveMember:
    """A file in an archive."""

    name: str
    """Unique: a second member of the same name gets ``#2``. Characters that cannot be printed are shown as escapes."""
    size: int
    """Bytes when unpacked; 0 for links and devices."""
    compressed: int | None
    """Bytes as stored, where each member is compressed by itself, as in a zip; ``None`` elsewhere, as in a tar file."""
    file: Path | None
    """Its bytes, until the next member is asked for, if it begins like a binary."""
    within: str = ""
    """Name of the archive in the archive that it lies in; empty for most."""


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
        self._left = self._expanded_left = max(FREE_BYTES, MOST_TIMES * size)
        self._members_left = min(MOST_MEMBERS, max(FREE_MEMBERS, size // LEAST_MEMBER))
        self._binaries_left = MOST_BINARIES

    def spend(self, count: int) -> None:
        """Let bytes be copied to a file."""
        self._left -= count
        _check_bytes(self._left)

    def expand(self, count: int) -> None:
        """Let bytes come out of a stream, or be announced by a directory: a sparse member has more than were stored."""
        self._expanded_left -= count
        _check_bytes(self._expanded_left)

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


def _check_bytes(left: int) -> None:
    if left < 0:
        times = f"more than {MOST_TIMES} times its size"
        raise RefusedError(f"{times}, and more than {FREE_BYTES >> 20} MiB, would come out of it")
