"""All that is kept: the list, the limit, and the removal of what was used least recently."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path

from trimtab.errors import InputError
from trimtab.model.kept import KeptItem, KeptKind
from trimtab.system.paths import Folders, clear, hold_lock
from trimtab.system.usage import (
    MARK,
    bytes_of,
    last_used,
    mark_of,
    measured_size,
    none_begins,
    running,
    take_away,
    take_away_unmarked,
)
from trimtab.units import parse_size

VARIABLE = "TRIMTAB_CACHE_SIZE"
"""Environment variable with the limit: a size such as ``20G``, or ``none``.

It is no setting of ``trimtab.toml``, which belongs to a project and is shared by its developers: what is kept belongs
to a user and a disk. Compiler caches do it alike (``SCCACHE_CACHE_SIZE``, ``CCACHE_MAXSIZE``).
"""
DEFAULT_LIMIT = 20 << 30
"""Bytes."""
_RECENT = 3600.0
"""Seconds after its last use for which nothing is removed unless the user asks for it."""
_PLACES = (
    (KeptKind.SOURCES, "sources/*"),
    (KeptKind.SOURCES, "locked/*"),
    (KeptKind.CRATES, "crates/*"),
    (KeptKind.REVISIONS, "revisions/*/*"),
    (KeptKind.WHEELS, "wheels/*"),
    (KeptKind.WHEELS, "corpus/*/*"),
    (KeptKind.BACKENDS, "backends/*"),
    (KeptKind.TARGETS, "targets/*.json"),
    (KeptKind.TARGETS, "targets/artifacts/*"),
    (KeptKind.TARGETS, "wine"),
    (KeptKind.WRAPPERS, "wrapper/*"),
    (KeptKind.WRAPPERS, "launcher/*"),
)
"""Kind and path in the cache of items with a mark. Names with a dot in front are marks, or drafts that became none."""
_FACTS = "entry.json"
_UNITS = (f"compiled/units/*/*/{_FACTS}", "compiled/outputs/*", "compiled/embedding/*")
"""Files and folders whose modification time is the last use of a unit."""
_LEFTOVERS = (".*", "compiled/drafts/*", "compiled/units/*/.*", "compiled/outputs/.*", "targets/.*", "work/*/*/")
_LOCKS = ("locks/*", "compiled/locks/*", "backends/*.lock")


def size_limit(environment: Mapping[str, str]) -> int | None:
    """Bytes of the limit on all that is kept; ``None`` where it is turned off.

    Raises:
        InputError: the variable is neither a size nor ``none``.
    """
    text = environment.get(VARIABLE, "")
    if not text:
        return DEFAULT_LIMIT
    try:
        return None if text.lower() == "none" else parse_size(text)
    except InputError as error:
        raise InputError(error.what, where=f"the variable {VARIABLE}", hint="write it like 20G, or none") from None


def kept_items(folders: Folders) -> tuple[KeptItem, ...]:
    """All that is kept for a user, the least recently used first."""
    items = [
        *_store(folders),
        *_marked(KeptKind.PROGRAMS, folders.artifacts, "*"),
        *(item for kind, pattern in _PLACES for item in _marked(kind, folders.cache, pattern)),
        *_units(folders.cache),
        *(item for pattern in _LEFTOVERS for item in _leftovers(folders.cache.glob(pattern))),
    ]
    return tuple(sorted({item.path: item for item in items}.values(), key=lambda item: item.used))


def _store(folders: Folders) -> Iterator[KeptItem]:
    files = [path for path in folders.kept if path.is_file()]
    if files:
        size, used = sum(map(bytes_of, files)), max(path.stat().st_mtime for path in files)
        yield KeptItem(kind=KeptKind.STUDIES, path=folders.store, size=size, used=used)


def _marked(kind: KeptKind, folder: Path, pattern: str) -> Iterator[KeptItem]:
    for path in folder.glob(pattern):
        if path.name.startswith("."):
            yield from _leftovers([path])
        elif path.suffix != ".lock":
            with contextlib.suppress(OSError):  # another process has removed it
                yield KeptItem(kind=kind, path=path, used=last_used(path), size=measured_size(path))


def _units(cache: Path) -> Iterator[KeptItem]:
    for mark in (path for pattern in _UNITS for path in cache.glob(pattern)):
        path = mark.parent if mark.name == _FACTS else mark
        if path.name.startswith("."):
            continue
        with contextlib.suppress(OSError):
            yield KeptItem(kind=KeptKind.UNITS, path=path, size=bytes_of(path), used=mark.stat().st_mtime)


def _leftovers(paths: Iterable[Path]) -> Iterator[KeptItem]:
    """Drafts, and what was to be deleted; they change their place, so that the change of the inode tells their age."""
    for path in paths:
        is_mark = path.name.endswith(MARK) and path.name.startswith(".")
        if is_mark and path.with_name(path.name[1 : -len(MARK)]).exists():
            continue
        with contextlib.suppress(OSError):
            status = path.lstat()
            yield KeptItem(kind=KeptKind.LEFTOVERS, path=path, size=bytes_of(path), used=status.st_ctime)


def least_recently_used(items: Collection[KeptItem], limit: int) -> tuple[KeptItem, ...]:
    """Items to remove, so that the others are within a limit of bytes: leftovers, then what was used least recently.

    Studies are never among them: what was measured cannot be made again.
    """
    total, chosen = sum(item.size for item in items), []
    for item in sorted(items, key=lambda item: (item.kind is not KeptKind.LEFTOVERS, item.used)):
        if item.kind is KeptKind.LEFTOVERS or (total > limit and item.kind is not KeptKind.STUDIES):
            chosen.append(item)
            total -= item.size
    return tuple(chosen)


def free(folders: Folders, items: Iterable[KeptItem], *, before: float = float("inf")) -> tuple[KeptItem, ...]:
    """Remove items, each at once and whole.

    They are renamed first and deleted then, so that a kill at any moment leaves an item whole or gone.

    Args:
        folders: where everything is kept.
        items: what to remove.
        before: seconds since 1970; what was used later stays, as does what a running command has used.

    Returns:
        The items that were removed.

    Raises:
        InputError: the cache folder cannot be written.
    """
    freed, graves = [], []
    with none_begins(folders.cache) as oldest:
        for item in items:
            if item.used < min(before, oldest) and (grave := _taken(item)):
                freed.append(item)
                graves.append(grave)
        if oldest == float("inf"):
            _remove_locks(folders.cache)
    for grave in graves:
        with contextlib.suppress(OSError):  # it is a leftover then
            clear(grave) if grave.is_dir() else grave.unlink()
    return tuple(freed)


def in_use_since(folders: Folders) -> float:
    """Time from which on what was used is in use, in seconds since 1970; infinity where no command runs."""
    with none_begins(folders.cache) as oldest:
        return oldest


def _taken(item: KeptItem) -> Path | None:
    """Path to which an item was moved; ``None`` where it stays, since it was used meanwhile or is held."""
    path = item.path
    if item.kind is KeptKind.UNITS:
        facts = path / _FACTS
        with contextlib.suppress(OSError):
            is_used = (facts if facts.exists() else path).stat().st_mtime > item.used
            return None if is_used else take_away_unmarked(path)
        return None
    if mark_of(path).exists():
        return take_away(path, item.used)
    if item.kind is not KeptKind.LEFTOVERS:
        return None
    lock = path.with_name("lock")
    with hold_lock(lock) if lock.exists() else contextlib.nullcontext(enter_result=True) as held:
        return take_away_unmarked(path) if held else None


def _remove_locks(cache: Path) -> None:
    """Remove the lock files that nobody holds, while no command runs."""
    for path in [path for pattern in _LOCKS for path in cache.glob(pattern)]:
        with hold_lock(path) as held:
            if held:
                path.unlink(missing_ok=True)


@contextlib.contextmanager
def keeping(folders: Folders) -> Iterator[None]:
    """Hold what a command uses of what is kept and, when it ends, remove what is over the limit.

    Where the cache folder cannot be written, nothing is held, since nothing is removed there either.

    Raises:
        InputError: the limit cannot be read.
    """
    limit = size_limit(os.environ)
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(InputError):
            stack.enter_context(running(folders.cache))
        try:
            yield
        except Exception:
            _keep_within(folders, limit)
            raise
        _keep_within(folders, limit)


def _keep_within(folders: Folders, limit: int | None) -> None:
    if limit is None:
        return
    with contextlib.suppress(OSError, InputError):  # the result of the command counts more
        before = time.time() - _RECENT
        items = kept_items(folders)
        free(folders, least_recently_used(items, limit), before=before)
