"""Default size limits of package registries, held against a wheel."""

from __future__ import annotations

import tomllib
from importlib import resources

from trimtab.commands.diff.model import Allowance, Difference
from trimtab.model.size_report import Format


def allowances(difference: Difference, wheels: int) -> tuple[Allowance, ...]:
    """The wheel beside every registry's limits; nothing for other files.

    Args:
        difference: of two wheels, or one.
        wheels: platform wheels in a release, taken to be as large as this one.
    """
    head = difference.head
    if difference.base.kind is not Format.WHEEL or (head and head.kind is not Format.WHEEL):
        return ()
    facts = tomllib.loads(resources.files(__package__).joinpath("registries.toml").read_text("utf-8"))
    return tuple(
        Allowance(
            registry=name,
            file_limit=limits["file"],
            project_limit=limits["project"],
            wheels=wheels,
            base_releases=limits["project"] // (difference.base.bytes * wheels),
            head_releases=limits["project"] // (head.bytes * wheels) if head else None,
        )
        for name, limits in facts.items()
    )
