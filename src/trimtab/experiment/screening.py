"""Screening: profiles looked at before some of them are built cleanly."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from trimtab.builders.builder import Builder
from trimtab.errors import MissingError
from trimtab.experiment.exploration import Exploration
from trimtab.store.sqlite import SqliteStore
from trimtab.system.machine import usable_cores
from trimtab.system.orphans import kill_leftovers


@dataclass(frozen=True, kw_only=True, slots=True)
class Screening:
    """Screening of profiles, before some of them are built cleanly."""

    builders: tuple[Builder, ...]
    """Builders that share their units; those that may build at once have places of their own."""
    beside: Callable[[int], int]
    """Tells the number that may build at once, given the peak memory of a clean build in bytes."""
    interrupt: Callable[[], object]
    """Ends the builds that run."""


_LEAST_SCREENED = 10
"""Profiles: of fewer, a screening saves less than it costs to build cleanly what each goal would take."""

_AT_ONCE = 2
"""Builds in a screening; wall times are not recorded then."""

_MARGIN = 1.25
"""By which another profile may need more memory than today's."""

_BESIDE = "beside"
"""Folder of the second build, in the work folder."""


def screening_of(exploration: Exploration, store: SqliteStore, work: Path) -> Screening | None:
    """Set up the screening; none where there are hardly more profiles than are built cleanly in the end."""
    if exploration.plan.exact or exploration.wheels or len(exploration.profiles) < _LEAST_SCREENED:
        return None
    try:
        sharing = exploration.sharing()
        places = [work, *(work / _BESIDE / str(number) for number in range(1, _AT_ONCE))]
        builders = tuple(exploration.sharing_builder(place, store.artifacts, sharing) for place in places)
    except MissingError:
        return None
    sharing.entries.tidy(time.time())
    return Screening(builders=builders, beside=_beside, interrupt=lambda: kill_leftovers(work))


def _beside(peak: int) -> int:
    """Number of builds that may go on at once: their last steps leave cores idle, but all of their memory must fit."""
    import psutil

    fitting = int(psutil.virtual_memory().available / (peak * _MARGIN))
    return max(1, min(_AT_ONCE, usable_cores(), fitting))
