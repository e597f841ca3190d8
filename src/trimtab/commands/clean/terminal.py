"""A cleaning as a table in a terminal."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from trimtab.commands.clean.model import Cleaning, size_of
from trimtab.model.kept import KeptItem, KeptKind
from trimtab.units import format_age, format_bytes

if TYPE_CHECKING:
    from rich.console import RenderableType


def clean_renderables(cleaning: Cleaning) -> Iterator[RenderableType]:
    """A plan: one line for each kind of what is kept, the studies that would be forgotten, and the sums."""
    from rich import box
    from rich.table import Table

    table = Table("", box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("kept", "size", "last used", "to free", "size"):
        table.add_column(heading, justify="right")
    for kind, kept, freed in cleaning.kinds:
        count = "" if kind is KeptKind.STUDIES else str(len(kept))
        row = (kind, count, format_bytes(size_of(kept)), _ages(kept, cleaning.now))
        table.add_row(*row, *((str(len(freed)), format_bytes(size_of(freed))) if freed else ("", "")))
    if cleaning.kept:
        yield table
    for study in cleaning.studies:
        trials = f"{study.trials} trial{'' if study.trials == 1 else 's'}"
        yield f"to forget: {study.id} with what was measured for {trials}"
    yield from clean_sums(cleaning)


def clean_sums(cleaning: Cleaning) -> Iterator[str]:
    """Bytes that go and bytes that stay, and the number of items that a running command uses, in a line each."""
    total, freed = size_of(cleaning.kept), size_of(cleaning.freed)
    limit = f"the limit is {format_bytes(cleaning.limit)}" if cleaning.limit else "there is no limit"
    goes = f"{'freed' if cleaning.done else 'to free'}: {format_bytes(freed)}" if cleaning.freed else "nothing to free"
    yield f"{goes}; {format_bytes(total - freed)} {'stays' if freed else 'is kept'} ({limit})"
    if cleaning.in_use:
        yield f"{cleaning.in_use} more stay, since a running command uses them"


def _ages(items: Collection[KeptItem], now: float) -> str:
    """The time since the last use: of the item used last, and of the one used least recently."""
    newest, oldest = (format_age(now - end(item.used for item in items)) for end in (max, min))
    return f"{newest} ago" if newest == oldest else f"{newest} to {oldest} ago"
