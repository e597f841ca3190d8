"""``trimtab doctor``."""

from __future__ import annotations

import os
from pathlib import Path

import click

from trimtab.cli.output import console, output_options, show
from trimtab.commands.doctor.model import Health
from trimtab.commands.doctor.reports import doctor_json, doctor_table
from trimtab.commands.doctor.run import examine
from trimtab.system.paths import default_folders
from trimtab.system.process import SystemRunner


@click.command("doctor")
@click.argument("path", default=".", type=click.Path(exists=True, file_okay=False))
@output_options
def command(path: str, as_json: bool, quiet: bool, no_color: bool) -> int:  # noqa: ARG001
    """Tell what is here, what is missing, what that costs and how to get it.

    Exit code 1 when something is missing without which nothing can be built.
    """
    checks = list(examine(SystemRunner(), Path(path), default_folders().cache, os.environ))
    if as_json:
        click.echo(doctor_json(checks))
    else:
        show([doctor_table(checks)], console(no_color=no_color))
    return int(any(check.health is Health.MISSING for check in checks))
