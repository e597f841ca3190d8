"""``trimtab fit``."""

from __future__ import annotations

from typing import Any

import click

from trimtab.cli.options import chosen_project, duration, project_options
from trimtab.cli.output import chosen_runner, console, message_printer, output_options, show
from trimtab.commands.fit.json import fit_json
from trimtab.commands.fit.model import Fit
from trimtab.commands.fit.run import FitRequest, run
from trimtab.commands.fit.terminal import fit_renderables
from trimtab.experiment.request import Request
from trimtab.model.space import parse_axis
from trimtab.system.paths import default_folders
from trimtab.units import parse_size


def _size(_ctx: click.Context, _param: click.Parameter, value: str) -> int:
    return parse_size(value)


@click.command("fit")
@project_options
@click.option("--memory", required=True, callback=_size, metavar="SIZE", help="Memory of the machine, such as 2G.")
@click.option("--cpus", type=click.IntRange(min=1), default=1, metavar="N", help="CPUs of the machine (1).")
@click.option("--within", callback=duration, metavar="T", help="Longest time for a clean build, such as 30m.")
@click.option("--forecast-only", is_flag=True, help="Build nothing within the limits.")
@click.option("--axis", "axes", multiple=True, metavar="NAME=V,V…", help="Profiles to try instead of lighter ones.")
@click.option("--verbose", "-v", is_flag=True, help="Print every command that is run.")
@output_options
def command(*, as_json: bool, quiet: bool, no_color: bool, **options: Any) -> int:
    """Tell whether a clean build fits into a machine with so much memory and so many CPUs.

    Today's profile and lighter ones are built once without limits and traced, to forecast what each would take there.
    Then today's is built within real limits (a control group), and so are the others that may fit, the quickest first,
    until one does.

    Exit code 1 when today's profile does not fit.
    """
    exploring = Request(**chosen_project(options), axes=tuple(map(parse_axis, options["axes"])) or None)
    report = run(
        FitRequest(
            exploring=exploring,
            memory=options["memory"],
            cpus=options["cpus"],
            within=options["within"],
            forecast_only=options["forecast_only"],
        ),
        default_folders(),
        chosen_runner(verbose=options["verbose"], no_color=no_color),
        message_printer(quiet=quiet),
    )
    if as_json:
        click.echo(fit_json(report))
    else:
        show(fit_renderables(report), console(no_color=no_color))
    return 0 if report.rows[0].fit is Fit.FITS else 1
