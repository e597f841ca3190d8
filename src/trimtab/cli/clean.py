"""``trimtab clean``."""

from __future__ import annotations

from typing import Any

import click

from trimtab.cli.options import duration
from trimtab.cli.output import console, has_terminal, output_options, show, store_option
from trimtab.commands.clean.json import clean_json
from trimtab.commands.clean.model import Cleaning
from trimtab.commands.clean.run import CleanRequest, carry_out, plan
from trimtab.commands.clean.terminal import clean_renderables, clean_sums
from trimtab.errors import InputError
from trimtab.system.paths import default_folders
from trimtab.units import parse_size


def _size(_ctx: click.Context, _param: click.Parameter, value: str | None) -> int | None:
    return parse_size(value) if value else None


@click.command("clean")
@click.option("--older-than", callback=duration, metavar="T", help="Free what was not used for so long, such as 30d.")
@click.option("--to-size", callback=_size, metavar="SIZE", help="Free what was used least recently, down to this size.")
@click.option("--study", "studies", multiple=True, metavar="ID", help="Forget this study; may be repeated.")
@click.option("--all", "everything", is_flag=True, help="Free all that can be made again.")
@click.option("--dry-run", is_flag=True, help="Show what would be freed, and free nothing.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@store_option
@output_options
def command(
    *, store: str | None, as_json: bool, quiet: bool, no_color: bool, dry_run: bool, yes: bool, **options: Any
) -> int:
    """Free what is kept: programs of trials, compiled units, sources, wheels, environments.

    What would be freed is shown first, kind by kind. Without an option that says what, it is what is over the limit,
    and what killed commands have left. What was measured stays, but for the studies named with --study, and so does
    what a running command uses. What was freed is made again when it is needed.

    Commands keep all of it within a limit by themselves: 20G, or what the environment variable TRIMTAB_CACHE_SIZE says
    (none: no limit).
    """
    folders = default_folders(store)
    cleaning = plan(CleanRequest(**options), folders)
    out = console(no_color=no_color, stderr=as_json)
    is_shown = not (as_json and quiet)
    if is_shown:
        show(clean_renderables(cleaning), out)
    if not dry_run and not cleaning.is_nothing and (yes or _is_agreed(cleaning)):
        cleaning = carry_out(cleaning, folders)
        if is_shown:
            show(clean_sums(cleaning), out)
    if as_json:
        click.echo(clean_json(cleaning))
    return 0


def _is_agreed(cleaning: Cleaning) -> bool:
    """Ask on the terminal.

    Raises:
        InputError: there is none.
    """
    if not has_terminal():
        raise InputError(
            "nothing was freed: there is no terminal on which to confirm it",
            hint="add --yes to free it, or --dry-run to see only what would be freed",
        )
    return click.confirm("Free it?" if cleaning.freed else "Forget it?", err=True)
