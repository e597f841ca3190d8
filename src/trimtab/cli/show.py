"""``trimtab show``."""

from __future__ import annotations

import contextlib

import click

from trimtab.choice.answer import answer
from trimtab.cli.output import console, existing_store, output_options, show, store_option
from trimtab.commands.explore.json import study_json
from trimtab.commands.explore.terminal import study_renderables


@click.command("show")
@click.argument("study", default="last")
@store_option
@output_options
def command(study: str, store: str | None, as_json: bool, quiet: bool, no_color: bool) -> int:  # noqa: ARG001
    """Print a study again: its id, the beginning of it, or `last`."""
    with contextlib.closing(existing_store(store)) as opened:
        loaded = opened.load(study)
    found = answer(loaded)
    if as_json:
        click.echo(study_json(loaded, found))
    else:
        out = console(no_color=no_color)
        show(study_renderables(loaded, found, out.width), out)
    return 0
