"""``trimtab show``."""

from __future__ import annotations

import click

from trimtab.cli.explore import print_study
from trimtab.cli.output import markdown_option, output_options, refuse_two_formats, store_option
from trimtab.commands.show.run import show


@click.command("show")
@click.argument("study", default="last")
@markdown_option
@store_option
@output_options
def command(
    study: str, markdown: bool, store: str | None, as_json: bool, quiet: bool, no_color: bool,  # noqa: ARG001
) -> int:  # fmt: skip
    """Print a study again: its id, the beginning of it, or `last`."""
    refuse_two_formats(as_json=as_json, markdown=markdown)
    print_study(show(study, store=store), as_json=as_json, markdown=markdown, no_color=no_color)
    return 0
