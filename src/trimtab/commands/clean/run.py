"""Freeing what is kept: by age, by size, by study, or all that can be made again.

>>> import trimtab
>>> trimtab.clean(older_than=30 * 86400, dry_run=True).freed  # doctest: +SKIP
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from trimtab.commands.clean.model import Cleaning
from trimtab.errors import InputError
from trimtab.model.kept import KeptItem, KeptKind
from trimtab.model.study import Summary
from trimtab.store.kept import free, in_use_since, kept_items, least_recently_used, size_limit
from trimtab.store.sqlite import SqliteStore
from trimtab.system.paths import Folders, default_folders, hold_lock


@dataclass(frozen=True, kw_only=True, slots=True)
class CleanRequest:
    """Conditions: an item that meets any of them is freed; what is over the limit, if there are none."""

    older_than: float | None = None
    """Seconds since the last use."""
    to_size: int | None = None
    """Bytes that may stay; what was used least recently goes first."""
    studies: tuple[str, ...] = ()
    """Studies to forget, with the programs that no other study has."""
    everything: bool = False
    """Whether to free all that can be made again."""


def clean(
    *,
    older_than: float | None = None,
    to_size: int | None = None,
    studies: Sequence[str] = (),
    everything: bool = False,
    dry_run: bool = False,
    store: str | Path | None = None,
) -> Cleaning:
    """Free what is kept; without arguments, what is over the limit and what killed commands have left.

    What was measured stays, but for the studies that are named. What a running command uses stays, too.

    Args:
        older_than: free what was last used so many seconds ago or earlier.
        to_size: free what was used least recently, until no more than so many bytes are kept.
        studies: forget these studies: ids, beginnings of them, or ``last``.
        everything: free all that can be made again: programs, units, sources, wheels, environments.
        dry_run: free nothing, and say what would be freed.
        store: file in which studies are kept; the user's own if left out.

    Returns:
        What was kept, and what of it was freed.

    Raises:
        InputError: no such study, or one that is being explored; the store or the cache cannot be written.
    """
    request = CleanRequest(older_than=older_than, to_size=to_size, studies=tuple(studies), everything=everything)
    folders = default_folders(store)
    planned = plan(request, folders)
    return planned if dry_run else carry_out(planned, folders)


def plan(request: CleanRequest, folders: Folders) -> Cleaning:
    """Find out what is kept and what is to be freed; changes nothing.

    Raises:
        InputError: no such study, or the limit cannot be read.
    """
    limit, now = size_limit(os.environ), time.time()
    studies, programs = _forgotten(request.studies, folders)
    since, items = in_use_since(folders), kept_items(folders)
    to_size = limit if request == CleanRequest() else request.to_size
    by_size = frozenset(least_recently_used(items, to_size) if to_size is not None else ())

    def is_chosen(item: KeptItem) -> bool:
        return item.kind is not KeptKind.STUDIES and (
            request.everything
            or item.kind is KeptKind.LEFTOVERS
            or item in by_size
            or (request.older_than is not None and item.used <= now - request.older_than)
            or (item.kind is KeptKind.PROGRAMS and item.path.name in programs)
        )

    chosen = tuple(filter(is_chosen, items))
    return Cleaning(
        kept=items,
        freed=tuple(item for item in chosen if item.used < since),
        studies=studies,
        in_use=sum(item.used >= since and item.kind is not KeptKind.LEFTOVERS for item in chosen),
        limit=limit,
        now=now,
    )


def carry_out(planned: Cleaning, folders: Folders) -> Cleaning:
    """Free what was planned, but for what was used meanwhile; an interrupt at any moment leaves no item in halves.

    Raises:
        InputError: a study is being explored; the store or the cache cannot be written.
    """
    if not planned.studies:
        return replace(planned, freed=free(folders, planned.freed), done=True)
    with contextlib.ExitStack() as stack:
        store = stack.enter_context(contextlib.closing(SqliteStore(folders.store)))
        for basis in {store.load(summary.id).basis for summary in planned.studies}:
            if not stack.enter_context(hold_lock(folders.cache / "locks" / basis)):
                raise InputError("a study is being explored at this moment", hint="wait for that to end")
        freed = free(folders, planned.freed)
        store.remove([summary.id for summary in planned.studies])  # last: until then, they can be named again
    return replace(planned, freed=freed, done=True)


def _forgotten(names: Sequence[str], folders: Folders) -> tuple[tuple[Summary, ...], frozenset[str]]:
    """The studies that are named, and the folders of programs that no other study has.

    Raises:
        InputError: no such study.
    """
    if not names:
        return (), frozenset()
    if not folders.store.exists():
        raise InputError(f"there is no study {names[0]!r}", where=str(folders.store))
    with contextlib.closing(SqliteStore(folders.store)) as store:
        ids = {store.load(name).id for name in names}
        programs = frozenset(folder for folder, studies in store.programs().items() if studies <= ids)
        return tuple(summary for summary in store.history() if summary.id in ids), programs
