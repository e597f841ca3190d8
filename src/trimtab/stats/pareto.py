"""The Pareto front: members that no other member beats on everything."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from typing import TypeVar

Key = TypeVar("Key", bound=Hashable)


def pareto_front(points: Mapping[Key, Sequence[float]], tolerances: Sequence[float]) -> set[Key]:
    """The members that are not dominated, where values within a tolerance count as equal.

    Smaller is better. Values are compared on a logarithmic grid whose step is the tolerance, which keeps "equal"
    transitive, so that the front is never empty; of two values closer than a step that fall on either side of a grid
    line the smaller one counts as better.

    Args:
        points: member → its positive values, one per objective.
        tolerances: per objective, the ratio (such as 0.01) below which a difference does not count; 0 compares exactly.
    """
    cells = {key: tuple(map(_cell, values, tolerances)) for key, values in points.items()}
    front: list[tuple[float, ...]] = []
    # In lexicographic order a cell can only be dominated by one that came before it.
    for cell in sorted(set(cells.values())):
        if not any(_dominates(member, cell) for member in front):
            front.append(cell)
    members = set(front)
    return {key for key, cell in cells.items() if cell in members}


def _cell(value: float, tolerance: float) -> float:
    return round(math.log(value) / math.log1p(tolerance)) if tolerance else value


def _dominates(cell: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return cell != other and all(a <= b for a, b in zip(cell, other, strict=True))
