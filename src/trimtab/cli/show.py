"""``trimtab show``."""

from __future__ import annotations

import click

from trimtab.choice.answer import answer
from trimtab.cli.output import console, output_options, show, store_option
from trimtab.commands.explore.json import study_json
from trimtab.commands.explore.terminal import study_renderables
from trimtab.commands.show.run import show as load


@click.command("show")
@click.argument("study", default="last")
@store_option
@output_options
def command(study: str, store: str | None, as_json: bool, quiet: bool, no_color: bool) -> int:  # noqa: ARG001
    """Print a study again: its id, the beginning of it, or `last`."""
    loaded = load(study, store=store)
    result = answer(loaded)
    if as_json:
        click.echo(study_json(loaded, result))
    else:
        out = console(no_color=no_color)
        show(study_renderables(loaded, result, out.width), out)
    return 0
