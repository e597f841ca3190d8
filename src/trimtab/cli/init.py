"""``trimtab init``."""

from __future__ import annotations

import os
from pathlib import Path

import click

from trimtab.cli.output import output_options
from trimtab.commands.init.config_file import config_file
from trimtab.config.file import NAME
from trimtab.errors import InputError
from trimtab.experiment.prepare import look


@click.command("init")
@click.argument("path", default=".")
@click.option("--dry-run", is_flag=True, help="Show the file and write nothing.")
@output_options
def command(path: str, dry_run: bool, as_json: bool, quiet: bool, no_color: bool) -> int:  # noqa: ARG001
    """Write a commented trimtab.toml after looking at the project."""
    root, binaries, today, ships_wheel = look(Path(path))
    text = config_file(binaries, today, ships_wheel=ships_wheel)
    if dry_run:
        click.echo(text, nl=False)
        return 0
    place = root / NAME
    try:
        with place.open("x", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError:
        raise InputError(f"there is a {NAME} already", where=str(place), hint="--dry-run shows a new one") from None
    except OSError as error:
        raise InputError(f"cannot be written: {error.strerror}", where=str(place)) from None
    if not quiet:
        click.echo(text, nl=False)
        click.echo(f"wrote {place}", err=True)
    return 0
