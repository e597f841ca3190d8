"""``trimtab doctor``."""

from __future__ import annotations

import click

from trimtab.cli.output import console, output_options, show
from trimtab.commands.doctor.json import doctor_json
from trimtab.commands.doctor.model import Health
from trimtab.commands.doctor.run import doctor
from trimtab.commands.doctor.terminal import doctor_table


@click.command("doctor")
@click.argument("path", default=".", type=click.Path(exists=True, file_okay=False))
@output_options
def command(path: str, as_json: bool, quiet: bool, no_color: bool) -> int:  # noqa: ARG001
    """Check this machine: what is here, what is missing, what that costs and how to get it.

    Exit code 1 when something is missing without which nothing can be built.
    """
    checks = doctor(path)
    if as_json:
        click.echo(doctor_json(checks))
    else:
        show([doctor_table(checks)], console(no_color=no_color))
    return int(any(check.health is Health.MISSING for check in checks))
