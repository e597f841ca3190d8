"""``trimtab history``."""

from __future__ import annotations

import click

from trimtab.cli.output import console, output_options, show, store_option
from trimtab.commands.history.json import history_json
from trimtab.commands.history.run import history
from trimtab.commands.history.terminal import history_table


@click.command("history")
@store_option
@output_options
def command(store: str | None, as_json: bool, quiet: bool, no_color: bool) -> int:  # noqa: ARG001
    """List all studies, newest first."""
    studies = history(store=store)
    if as_json:
        click.echo(history_json(studies))
    else:
        show([history_table(studies)], console(no_color=no_color))
    return 0
