"""``ar`` archives: static libraries, Rust's libraries, import libraries of Windows, and Debian packages.

Source: ar(5) of 4.4BSD for ``#1/`` names, GNU binutils and "System V" for ``/`` names, Microsoft "PE Format", "Archive
(Library) File Format", deb(5) for packages.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from typing import IO, NamedTuple

from trimtab.artifact.archives.packed import Budget, PackedEntry
from trimtab.artifact.archives.streams import sliced
from trimtab.artifact.archives.tar import tar_entries

MAGIC = b"!<arch>\n"
THIN_MAGIC = b"!<thin>\n"
"""Of an archive that has only the names of its members, and where to find them."""
_HEADER = 60
_END = b"`\n"
_MOST_NAMES = 64 << 20
"""Bytes of the table of long names."""
_SYMBOL_TABLES = re.compile(r"/|/SYM64/|/<\w+>/|__\.SYMDEF(?:_64)?(?: SORTED)?")
"""Names of members that are indexes: of System V, of 64 bits, of Microsoft's for ARM64EC, of BSD."""
_LONG_NAMES = "//"
_FIRST_OF_PACKAGE = b"debian-binary"
_CONTENTS = re.compile(r"data\.tar(?:\.\w+)?")


class _Member(NamedTuple):
    name: str
    start: int
    size: int


def is_debian_package(head: bytes) -> bool:
    """Whether an ``ar`` archive that begins so is a Debian package."""
    return head.startswith(MAGIC + _FIRST_OF_PACKAGE)


def ar_entries(file: IO[bytes], start: int, size: int, budget: Budget) -> Iterator[PackedEntry]:
    """Every member of an archive but its indexes.

    Args:
        file: the file that it lies in.
        start: offset of its beginning.
        size: bytes.
        budget: limits on what comes out of it.

    Raises:
        ValueError: it is damaged.
    """
    file.seek(start)
    thin = file.read(len(MAGIC)) == THIN_MAGIC
    for member in _members(file, start + len(MAGIC), start + size, thin=thin):
        budget.list_member(member.size)
        opened = None if thin else functools.partial(sliced, file, member.start, member.size)
        yield PackedEntry(member.name, member.size, None, opened)


def package_entries(file: IO[bytes], size: int, budget: Budget) -> Iterator[PackedEntry]:
    """The files that a Debian package installs, beside the other parts of the package."""
    for member in _members(file, len(MAGIC), size, thin=False):
        if _CONTENTS.fullmatch(member.name):
            yield from tar_entries(sliced(file, member.start, member.size), budget)
        else:
            budget.list_member(member.size)
            yield PackedEntry(member.name, member.size, None)


def _members(file: IO[bytes], at: int, end: int, *, thin: bool) -> Iterator[_Member]:
    """Members with the offsets of their bytes, without indexes and the table of long names."""
    first, long_names = at, b""
    while at < end:
        file.seek(at)
        header = file.read(_HEADER)
        if not header.strip(b"\0\n"):  # padding behind the last member
            return
        if len(header) < _HEADER or header[58:] != _END:
            raise ValueError(f"there is no header of a member at {at}")
        size, at = _number(header[48:58]), at + _HEADER
        name, start = _name(file, header[:16].decode("utf-8", "surrogateescape").rstrip(), at, size, long_names)
        is_own = name == _LONG_NAMES or _SYMBOL_TABLES.fullmatch(name)
        stored = size if is_own or not thin else 0
        if at + stored > end:
            raise ValueError(f"the member {name[:100]!r} reaches beyond its end")
        if name == _LONG_NAMES:
            if size > _MOST_NAMES:
                raise ValueError(f"its names take {size} bytes")
            file.seek(at)
            long_names = file.read(size)
        elif not is_own:
            yield _Member(name, start, size - (start - at))
        at += stored + (at + stored - first) % 2


def _name(file: IO[bytes], name: str, at: int, size: int, long_names: bytes) -> tuple[str, int]:
    """A member's whole name, and the offset of its contents, which begin at ``at`` or behind the name."""
    if name.startswith("#1/"):
        length = _number(name[3:].encode())
        if length > size:
            raise ValueError(f"a name of {length} bytes in a member of {size}")
        return file.read(length).rstrip(b"\0").decode("utf-8", "surrogateescape"), at + length
    if name.startswith("/") and name[1:].isdigit():
        return _long_name(long_names, int(name[1:])), at
    if name == _LONG_NAMES or _SYMBOL_TABLES.fullmatch(name):
        return name, at
    return name.removesuffix("/"), at


def _number(text: bytes) -> int:
    digits = text.strip()
    if not digits.isdigit():
        raise ValueError(f"{text!r} is no number of bytes")
    return int(digits)


def _long_name(names: bytes, at: int) -> str:
    """A name in the table of long ones: GNU ends it with a slash and a newline, Microsoft with a zero byte."""
    if at >= len(names):
        raise ValueError(f"there is no name at {at} of its table of names")
    name = re.split(rb"/?\n|\0", names[at : at + 4096], maxsplit=1)[0]
    return name.decode("utf-8", "surrogateescape")
