"""``trimtab forecast``."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import click

from trimtab.cli.output import LoudRunner, console, output_options, show
from trimtab.errors import InputError
from trimtab.exploration import Request
from trimtab.folders import default_folders
from trimtab.forecasting import CORES, run
from trimtab.model.space import parse_axis
from trimtab.process import SystemRunner
from trimtab.report.forecast import forecast_html, forecast_json, forecast_renderables, profile_svg


@click.command("forecast")
@click.argument("path", default=".", metavar="[PATH | crate:NAME[@VERSION]]")
@click.option("--cores", type=click.IntRange(min=1), multiple=True, metavar="N", help="Of a machine; repeatable.")
@click.option("--axis", "axes", multiple=True, metavar="NAME=V,V…", help="Other profiles beside today's; repeatable.")
@click.option("--bin", "binaries", multiple=True, metavar="NAME", help="The binary to ship; may be repeated.")
@click.option("--package", "-p", "packages", multiple=True, metavar="NAME", help="Only this package's binaries.")
@click.option("--features", multiple=True, metavar="F,F…", help="Features to turn on.")
@click.option("--no-default-features", is_flag=True, help="Turn the default features off.")
@click.option("--profile", default="", metavar="NAME", help="The profile that ships (release).")
@click.option("--jobs", "-j", type=click.IntRange(min=1), metavar="N", help="Cargo's --jobs while tracing.")
@click.option("--html", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="A page with timelines.")
@click.option("--svg", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Today's timeline alone.")
@click.option("--verbose", "-v", is_flag=True, help="Print every command that is run.")
@output_options
def command(path: str, *, as_json: bool, quiet: bool, no_color: bool, **options: Any) -> int:
    """How long will a clean build take on other machines, and what holds it up?

    Each profile is built once, with every call of rustc traced and what profiles have in common compiled once; from
    that, clean builds on 1, 2, 4 … cores are played as Cargo would schedule them.
    """
    runner = SystemRunner()

    def told(text: str) -> None:
        if not quiet:
            click.echo(text, err=True)

    report = run(
        Request(
            path=path,
            axes=tuple(map(parse_axis, options["axes"])),
            binaries=options["binaries"],
            packages=options["packages"],
            features=tuple(name for text in options["features"] for name in text.replace(",", " ").split()),
            default_features=not options["no_default_features"],
            profile=options["profile"],
            jobs=options["jobs"],
            command=shlex.join(("trimtab", *click.get_current_context().obj)),
        ),
        tuple(dict.fromkeys(options["cores"])) or CORES,
        default_folders(),
        LoudRunner(runner, console(no_color=no_color, stderr=True)) if options["verbose"] else runner,
        told,
    )
    if options["html"]:
        _write(options["html"], forecast_html(report))
    if options["svg"]:
        _write(options["svg"], profile_svg(report, report.profiles[0]))
    if as_json:
        click.echo(forecast_json(report))
    else:
        show(forecast_renderables(report), console(no_color=no_color))
    return 0


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, "utf-8")
    except OSError as error:
        raise InputError(f"it cannot be written: {error.strerror}", where=str(path)) from None
