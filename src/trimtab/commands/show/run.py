"""Loading a stored study.

>>> import trimtab
>>> trimtab.answer(trimtab.show("last")).recommendation  # doctest: +SKIP
"""

from __future__ import annotations

import contextlib
from pathlib import Path

from trimtab.measure.trial_pairs import at_one_level
from trimtab.model.study import Study
from trimtab.store.sqlite import open_existing


def show(study: str = "last", *, store: str | Path | None = None) -> Study:
    """Load a stored study with its trials.

    Args:
        study: its id, the beginning of it, or ``last`` for the newest.
        store: file in which studies are kept; the user's own if left out.

    Raises:
        InputError: there is no such study, or the store cannot be used.
    """
    with contextlib.closing(open_existing(store)) as opened:
        return at_one_level(opened.load(study))
