"""``trimtab init``."""

from __future__ import annotations

import click

from trimtab.cli.output import output_options, say
from trimtab.commands.init.json import init_json
from trimtab.commands.init.run import init


@click.command("init")
@click.argument("path", default=".")
@click.option("--dry-run", is_flag=True, help="Show the file and write nothing.")
@output_options
def command(path: str, dry_run: bool, as_json: bool, quiet: bool, no_color: bool) -> int:  # noqa: ARG001
    """Write a commented trimtab.toml after looking at the project."""
    file, text = init(path, dry_run=dry_run)
    if as_json:
        click.echo(init_json(file, text, written=not dry_run))
    elif dry_run or not quiet:
        click.echo(text, nl=False)
    if not dry_run and not quiet:
        say(f"wrote {file}")
    return 0
