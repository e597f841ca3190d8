"""Trained programs and aging profiles in a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from trimtab.commands.pgo.model import Aging, OptimizedBuild
from trimtab.commands.pgo.wording import age_headline, gain_text, kept_text, lost, steps
from trimtab.units import format_bytes, format_change, printable

if TYPE_CHECKING:
    from rich.console import RenderableType


def build_renderables(built: OptimizedBuild) -> Iterator[RenderableType]:
    """Files, steps, notes."""
    from rich.text import Text

    for file in built.files:
        yield Text(printable(f"{file}: {format_bytes(file.stat().st_size)}"), style="bold")
    if built.profile_data:
        yield Text(printable(f"{built.profile_data}: the profile, for --profile-data"))
    for step in steps(built):
        yield Text(printable(step))
    for note in built.notes:
        yield Text(printable(f"note: {note}"), style="dim")


def age_renderables(aging: Aging) -> Iterator[RenderableType]:
    """Headline, a row for each bench of each revision, advice, notes."""
    from rich.table import Table
    from rich.text import Text

    yield Text(printable(age_headline(aging)), style="bold")
    machine = f"{aging.machine.cpu}, {aging.machine.os}; {aging.toolchain.rustc}, {aging.toolchain.host}"
    yield Text(printable(machine), style="dim")
    table = Table(box=None, pad_edge=False)
    headings = (
        "revision",
        "bench",
        "own profile",
        f"profile of {aging.source}",
        "kept",
        "known",
        "size, own",
        "size, old",
    )
    for heading in headings:
        table.add_column(printable(heading), justify="left" if heading in ("revision", "bench") else "right")
    for revision in aging.revisions:
        name = printable(revision.name)
        for bench in revision.benches:
            known = f"{100 * revision.known:.0f} %" if revision.known is not None else "–"
            plain, own, old = revision.sizes or (0, 0, 0)
            sizes = [format_change(size / plain) if plain else "–" for size in (own, old)]
            row = (printable(bench.bench), gain_text(bench.own), gain_text(bench.aged), kept_text(bench.kept), known)
            table.add_row(Text(name), *map(Text, (*row, *sizes)))
            name = ""
        if revision.failure:
            table.add_row(Text(name), Text(printable(f"failed: {revision.failure}"), style="red"))
    yield table
    for advice in lost(aging):
        yield Text(printable(advice), style="bold")
    yield Text("known: share of the functions that its own training runs which the old profile has", style="dim")
    yield Text("size: stripped, with its own profile and with the old one, beside the plain program", style="dim")
    for note in aging.notes:
        yield Text(printable(f"note: {note}"), style="dim")
    if aging.command:
        yield Text(printable(f"to repeat: {aging.command}"), style="dim")
