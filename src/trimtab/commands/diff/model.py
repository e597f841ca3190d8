"""Difference between two size reports: values that reports print as they are."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from trimtab.model.size_report import Format, Functions, Image


class By(StrEnum):
    """Grouping of bytes in a table."""

    SECTION = "section"
    CRATE = "crate"
    SYMBOL = "symbol"
    GENERIC = "generic"
    MEMBER = "member"


@dataclass(frozen=True, kw_only=True, slots=True)
class Side:
    """One of the two files."""

    path: str
    kind: Format
    bytes: int
    sha256: str


@dataclass(frozen=True, kw_only=True, slots=True)
class SizeRow:
    """Bytes of one item (a section, crate, member …) on both sides; ``None`` where a side has it not."""

    name: str
    base: int | None
    """Bytes."""
    head: int | None
    base_count: int = 1
    """Number of items summed up here, such as copies of a generic function."""
    head_count: int = 1
    group: str = ""
    """Purpose of a section, crate of a function; empty elsewhere."""

    @property
    def change(self) -> int:
        """Bytes more in head."""
        return (self.head or 0) - (self.base or 0)

    @property
    def differs(self) -> bool:
        """Whether the sides differ in bytes or number."""
        return self.base != self.head or self.base_count != self.head_count

    @property
    def ratio(self) -> float | None:
        """Head over base; ``None`` where either is missing or nothing."""
        return self.head / self.base if self.base and self.head is not None else None


@dataclass(frozen=True, kw_only=True, slots=True)
class OneSided:
    """Functions, by name, that only one side has."""

    count: int
    bytes: int
    crates: tuple[SizeRow, ...]
    """Bytes and number by crate, the largest first; all on the side that has them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BinaryDifference:
    """A binary on both sides, or on one."""

    name: str
    base_name: str | None
    head_name: str | None
    total: SizeRow
    compressed: SizeRow | None
    """As stored in a wheel or zip; ``None`` elsewhere."""
    base_kind: str | None
    """Format and architecture, such as ``elf x86_64``."""
    head_kind: str | None
    base_stripped: bool | None
    head_stripped: bool | None
    base_functions: Functions | None
    head_functions: Functions | None
    purposes: tuple[SizeRow, ...]
    sections: tuple[SizeRow, ...]
    crates: tuple[SizeRow, ...]
    generics: tuple[SizeRow, ...]
    symbols: tuple[SizeRow, ...]
    only_base: OneSided | None
    only_head: OneSided | None
    notes: tuple[str, ...]
    base_image: Image | None = field(default=None, repr=False)
    """All that was read of it, for groupings of two levels."""
    head_image: Image | None = field(default=None, repr=False)

    @property
    def unchanged(self) -> bool:
        """Whether both sides have it, and nothing that was weighed differs."""
        both = self.base_name is not None and self.head_name is not None
        rows = (*self.sections, *self.symbols)
        return both and self.base_functions == self.head_functions and not any(row.differs for row in rows)


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """Two files side by side; one file alone is a difference whose head is missing."""

    base: Side
    head: Side | None
    total: SizeRow
    binaries: tuple[BinaryDifference, ...]
    members: tuple[SizeRow, ...]
    """All files in the archive, sizes as stored (compressed where each is compressed by itself)."""
    notes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Allowance:
    """A wheel beside a registry's default limits."""

    registry: str
    file_limit: int
    """Bytes that one file may have."""
    project_limit: int
    """Bytes that all files of all releases may have."""
    wheels: int
    """Platform wheels in a release."""
    base_releases: int
    """Number of releases of so many wheels of base's size that fit into the project's limit."""
    head_releases: int | None
