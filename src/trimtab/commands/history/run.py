"""Listing stored studies.

>>> import trimtab
>>> [study.id for study in trimtab.history()]  # doctest: +SKIP
"""

from __future__ import annotations

import contextlib
from pathlib import Path

from trimtab.model.study import Summary
from trimtab.store.sqlite import open_existing


def history(*, store: str | Path | None = None) -> list[Summary]:
    """List all stored studies, newest first.

    Args:
        store: file in which studies are kept; the user's own if left out.

    Raises:
        InputError: the store cannot be used.
    """
    with contextlib.closing(open_existing(store)) as opened:
        return opened.history()
