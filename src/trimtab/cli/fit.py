"""``trimtab fit``."""

from __future__ import annotations

import shlex
from typing import Any

import click

from trimtab.cli.output import LoudRunner, console, output_options, show
from trimtab.exploration import Request as Exploring
from trimtab.fitting import Request, run
from trimtab.folders import default_folders
from trimtab.model.fit import Fit
from trimtab.model.space import parse_axis
from trimtab.process import SystemRunner
from trimtab.report.fit import fit_json, fit_renderables
from trimtab.units import parse_duration, parse_size


def _duration(_ctx: click.Context, _param: click.Parameter, value: str | None) -> float | None:
    return parse_duration(value) if value else None


def _size(_ctx: click.Context, _param: click.Parameter, value: str) -> int:
    return parse_size(value)


@click.command("fit")
@click.argument("path", default=".", metavar="[PATH | crate:NAME[@VERSION]]")
@click.option("--memory", required=True, callback=_size, metavar="SIZE", help="Of the machine, such as 2G.")
@click.option("--cpus", type=click.IntRange(min=1), default=1, metavar="N", help="Of the machine (1).")
@click.option("--within", callback=_duration, metavar="T", help="What a clean build may take, such as 30m.")
@click.option("--forecast-only", is_flag=True, help="Build nothing within the limits.")
@click.option("--axis", "axes", multiple=True, metavar="NAME=V,V…", help="Other profiles than lighter ones.")
@click.option("--bin", "binaries", multiple=True, metavar="NAME", help="The binary to ship; may be repeated.")
@click.option("--package", "-p", "packages", multiple=True, metavar="NAME", help="Only this package's binaries.")
@click.option("--features", multiple=True, metavar="F,F…", help="Features to turn on.")
@click.option("--no-default-features", is_flag=True, help="Turn the default features off.")
@click.option("--profile", default="", metavar="NAME", help="The profile that ships (release).")
@click.option("--verbose", "-v", is_flag=True, help="Print every command that is run.")
@output_options
def command(path: str, *, as_json: bool, quiet: bool, no_color: bool, **options: Any) -> int:
    """Does a clean build fit into a machine with so much memory and so many CPUs?

    Today's profile and lighter ones are built once without limits and traced, which says what each would take there.
    Then today's is built within real limits (a control group), and the quickest of the others that may fit.

    Exit code 1 when today's profile does not fit.
    """
    runner = SystemRunner()

    def told(text: str) -> None:
        if not quiet:
            click.echo(text, err=True)

    exploring = Exploring(
        path=path,
        axes=tuple(map(parse_axis, options["axes"])) or None,
        binaries=options["binaries"],
        packages=options["packages"],
        features=tuple(name for text in options["features"] for name in text.replace(",", " ").split()),
        default_features=not options["no_default_features"],
        profile=options["profile"],
        command=shlex.join(("trimtab", *click.get_current_context().obj)),
    )
    report = run(
        Request(
            exploring=exploring,
            memory=options["memory"],
            cpus=options["cpus"],
            within=options["within"],
            forecast_only=options["forecast_only"],
        ),
        default_folders(),
        LoudRunner(runner, console(no_color=no_color, stderr=True)) if options["verbose"] else runner,
        told,
    )
    if as_json:
        click.echo(fit_json(report))
    else:
        show(fit_renderables(report), console(no_color=no_color))
    return 0 if report.rows[0].fit is Fit.FITS else 1
