"""Checks as a table in a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from trimtab.commands.doctor.model import Check, Health

if TYPE_CHECKING:
    from rich.table import Table

_STYLES = {Health.OK: "green", Health.NOTE: "yellow", Health.MISSING: "bold red"}


def doctor_table(checks: Sequence[Check]) -> Table:
    """One line per check, with cost and remedy where there is something to do."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table("", "", "found", "what that costs", "what to do", box=box.SIMPLE_HEAD, pad_edge=False)
    for check in checks:
        state = Text(check.health, style=_STYLES[check.health])
        table.add_row(state, *map(Text, (check.name, check.found, check.cost, check.remedy)))
    return table
