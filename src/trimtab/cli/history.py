"""``trimtab history``."""

from __future__ import annotations

import contextlib

import click

from trimtab.cli.output import console, existing_store, output_options, show, store_option
from trimtab.commands.history.reports import history_json, history_table


@click.command("history")
@store_option
@output_options
def command(store: str | None, as_json: bool, quiet: bool, no_color: bool) -> int:  # noqa: ARG001
    """List all studies, newest first."""
    with contextlib.closing(existing_store(store)) as opened:
        studies = opened.history()
    if as_json:
        click.echo(history_json(studies))
    else:
        show([history_table(studies)], console(no_color=no_color))
    return 0
