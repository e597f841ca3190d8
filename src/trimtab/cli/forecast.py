"""``trimtab forecast``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from trimtab.cli.options import chosen_project, project_options
from trimtab.cli.output import chosen_runner, console, message_printer, output_options, show, write_file
from trimtab.commands.forecast.html import forecast_html, profile_svg
from trimtab.commands.forecast.json import forecast_json
from trimtab.commands.forecast.run import CORES, run
from trimtab.commands.forecast.terminal import forecast_renderables
from trimtab.experiment.request import Request
from trimtab.model.space import parse_axis
from trimtab.system.paths import default_folders


@click.command("forecast")
@project_options
@click.option(
    "--cores",
    type=click.IntRange(min=1),
    multiple=True,
    metavar="N",
    help="Of a machine; repeatable.",
)
@click.option("--axis", "axes", multiple=True, metavar="NAME=V,V…", help="Other profiles beside today's; repeatable.")
@click.option("--jobs", "-j", type=click.IntRange(min=1), metavar="N", help="Cargo's --jobs while tracing.")
@click.option("--html", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="A page with timelines.")
@click.option("--svg", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Today's timeline alone.")
@click.option("--verbose", "-v", is_flag=True, help="Print every command that is run.")
@output_options
def command(*, as_json: bool, quiet: bool, no_color: bool, **options: Any) -> int:
    """Forecast how long a clean build takes on other machines, and what holds it up.

    Each profile is built once, with every call of rustc traced and what profiles have in common compiled once; from
    that, clean builds on 1, 2, 4 … cores are simulated as Cargo would schedule them.
    """
    report = run(
        Request(**chosen_project(options), axes=tuple(map(parse_axis, options["axes"])), jobs=options["jobs"]),
        tuple(dict.fromkeys(options["cores"])) or CORES,
        default_folders(),
        chosen_runner(verbose=options["verbose"], no_color=no_color),
        message_printer(quiet=quiet),
    )
    if as_json:
        click.echo(forecast_json(report))
    else:
        show(forecast_renderables(report), console(no_color=no_color))
    if options["html"]:
        write_file(options["html"], forecast_html(report))
    if options["svg"]:
        write_file(options["svg"], profile_svg(report, report.profiles[0]))
    return 0
