"""Cleanings: what is kept, and what of it goes."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from trimtab.model.kept import KeptItem, KeptKind
from trimtab.model.study import Summary


@dataclass(frozen=True, kw_only=True, slots=True)
class Cleaning:
    """Everything that is kept, and the part of it that is freed, or was."""

    kept: tuple[KeptItem, ...]
    """All items before anything is freed, the least recently used first."""
    freed: tuple[KeptItem, ...]
    """Items that are freed, in this order."""
    studies: tuple[Summary, ...] = ()
    """Studies that are forgotten, with all that was measured for them."""
    in_use: int = 0
    """Number of items that stay although they were asked for, since a running command uses them."""
    limit: int | None
    """Bytes above which commands free by themselves; ``None``: never."""
    now: float
    """The time of the plan, in seconds since 1970."""
    done: bool = False
    """Whether it was carried out."""

    @property
    def is_nothing(self) -> bool:
        """Whether there is nothing to free."""
        return not (self.freed or self.studies)

    @property
    def kinds(self) -> tuple[tuple[KeptKind, tuple[KeptItem, ...], tuple[KeptItem, ...]], ...]:
        """Each kind of which something is kept, with its items and those that are freed."""
        return tuple(
            (kind, kept, tuple(item for item in self.freed if item.kind is kind))
            for kind in KeptKind
            if (kept := tuple(item for item in self.kept if item.kind is kind))
        )


def size_of(items: Collection[KeptItem]) -> int:
    """Bytes of items."""
    return sum(item.size for item in items)
