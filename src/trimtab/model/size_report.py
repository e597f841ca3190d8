"""Size report of a file: its bytes by member, section, function and crate."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple


class Format(StrEnum):
    """File format."""

    ELF = "elf"
    MACHO = "macho"
    PE = "pe"
    WASM = "wasm"
    WHEEL = "wheel"
    ARCHIVE = "archive"


class Purpose(StrEnum):
    """Purpose of a section's bytes, so that a strip change is never taken for an effect of link-time optimization."""

    CODE = "code"
    DATA = "data"
    UNWIND = "unwind tables"
    LINKING = "linking"
    """Imports, exports, relocations: read by the dynamic linker."""
    SYMBOLS = "symbol tables"
    """Symbols, their names and relocations kept for tools: removed by ``strip``."""
    DEBUG = "debug info"
    OTHER = "other"
    """Headers, padding, signatures, bytes that no header speaks of."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Section:
    """A named part of a file. The sections of a binary add up to its size."""

    name: str
    size: int
    """Bytes in the file."""
    purpose: Purpose


@dataclass(frozen=True, slots=True)
class Symbol:
    """A function with a name."""

    name: str
    """Demangled, without the hash that tells equal names apart."""
    crate: str
    """Crate it comes from, or one of the bracketed names in `trimtab.artifact.demangle`."""
    generic: str
    """Its name with the type arguments left out: the same for all copies of one generic function."""
    size: int
    """Bytes of code; 0 for a second name of the same code."""
    section: str = ""
    """Name of the section that it lies in."""
    address: int = 0
    """Virtual address; in an object file, offset in the file."""


class CodeRange(NamedTuple):
    """Virtual addresses of code that is in the file."""

    first: int
    end: int
    section: str = ""
    """Name of the section."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Functions:
    """Number and size of all functions, whether they have symbols or not."""

    count: int
    size: int
    """Bytes of all of them together."""
    source: str
    """The table that was counted, such as ``.eh_frame``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Image:
    """One executable, library or object file: sections, functions and symbols."""

    format: Format
    architecture: str
    size: int
    sections: tuple[Section, ...]
    stripped: bool
    """Whether it has no symbol table of its own (the one for dynamic linking does not count)."""
    functions: Functions | None = None
    """``None`` where nothing tells."""
    symbols: tuple[Symbol, ...] = ()
    """Functions by name, if it has a symbol table; by address. Only those whose code is in the file."""
    elsewhere: tuple[Symbol, ...] = ()
    """Functions whose code is in another file: this one holds that one's symbols and debug information."""
    code: tuple[CodeRange, ...] = ()
    """Code by address; empty in object files."""
    identity: frozenset[str] = frozenset()
    """Identifiers that a program and its separate debug file share: build id, UUID, checksum of the debug file."""
    debug_link: str = ""
    """File name of its separate debug file, where it tells one."""
    notes: tuple[str, ...] = ()

    def bytes_for(self, purpose: Purpose) -> int:
        """All bytes of one purpose."""
        return sum(section.size for section in self.sections if section.purpose is purpose)


@dataclass(frozen=True, kw_only=True, slots=True)
class Member:
    """A file in an archive; or the whole file, where there is no archive."""

    name: str
    size: int
    compressed: int | None = None
    """Bytes as stored in the archive, if its format compresses each member by itself."""
    image: Image | None = None
    """If it is a binary."""
    within: str = ""
    """Name of the member that it lies in, for a binary in an archive in the archive."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SizeReport:
    """A file's size, with its members and the binaries among them."""

    path: str
    """As the user named it."""
    name: str
    """Its file name."""
    kind: Format
    size: int
    sha256: str
    members: tuple[Member, ...]
    notes: tuple[str, ...] = ()

    @property
    def binaries(self) -> tuple[Member, ...]:
        """The members that are executables or libraries."""
        return tuple(member for member in self.members if member.image)
