"""``trimtab parity``."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import click

from trimtab.cli.options import command_line, duration
from trimtab.cli.output import (
    console,
    message_printer,
    output_options,
    refuse_two_formats,
    show,
    status_line,
    store_option,
)
from trimtab.cli.progress import trial_progress
from trimtab.commands.parity.json import parity_json
from trimtab.commands.parity.markdown import parity_markdown
from trimtab.commands.parity.model import Parity
from trimtab.commands.parity.run import ParityContext, ParityRequest, run
from trimtab.commands.parity.terminal import parity_renderables
from trimtab.config.file import parse_check
from trimtab.errors import InputError, InterruptError
from trimtab.model.parity_check import Normaliser, ParityCheck
from trimtab.system.paths import default_folders
from trimtab.system.process import SystemRunner

_OF_CHECKS = ("stdin", "inputs", "projects", "fetch", "normalise")


@click.command("parity")
@click.argument("base")
@click.argument("head")
@click.option("--bin", "binaries", multiple=True, metavar="NAME", help="The program that is meant, of several.")
@click.option(
    "--check", "checks", multiple=True, metavar="NAME='{bin} … {input}'", help="A command to run; repeatable."
)
@click.option("--stdin", default="", metavar="FILE|{input}", help="Standard input of --check (nothing).")
@click.option("--inputs", default="", metavar="GLOB", help="Files for --check, each an {input} by itself.")
@click.option("--projects", default="", metavar="FOLDER", help="A folder of projects for --check.")
@click.option("--fetch", multiple=True, metavar="PACKAGE", help="pypi:NAME==VERSION or crate:NAME@VERSION for --check.")
@click.option(
    "--normalise",
    multiple=True,
    type=click.Choice([kind.value for kind in Normaliser]),
    help="What may differ, for --check; repeatable.",
)
@click.option("--tests/--no-tests", default=True, help="The project's own tests too, where both sides are built here.")
@click.option("--jobs", "-j", type=click.IntRange(min=1), metavar="N", help="Inputs at a time (one for each core).")
@click.option("--timeout", callback=duration, metavar="T", help="Longest time for one run (60s).")
@click.option("--markdown", is_flag=True, help="Markdown, for a pull request.")
@store_option
@output_options
def command(base: str, head: str, store: str | None, **options: Any) -> int:
    """Tell whether two programs behave the same: runs both over a corpus and names what differs.

    Each side is a program, a wheel, an archive, pypi:NAME==VERSION, a trial as STUDY:TRIAL, or something to build:
    crate:NAME@VERSION, a Cargo project's folder, or a profile or git revision of the project in this folder. Checks
    come from --check or from [[parity]] in trimtab.toml, of this folder or one above; {bin} stands for the program,
    {input} for one file or project after the other, each run in a scratch copy of its own. Exit status, standard
    output, standard error and written files are compared. Without any check, --help and --version are run. Exit code 1
    if anything differs, or if a check could compare nothing.
    """
    refuse_two_formats(as_json=options["as_json"], markdown=options["markdown"])
    looks = {name: options[name] for name in ("quiet", "no_color")}
    request = ParityRequest(
        base=base,
        head=head,
        checks=_checks(options),
        binaries=options["binaries"],
        jobs=options["jobs"],
        timeout=options["timeout"],
        tests=options["tests"],
        command=command_line(),
    )

    with status_line(**looks) as say:
        context = ParityContext(
            folders=default_folders(store),
            runner=SystemRunner(),
            progress=lambda: trial_progress(**looks),
            on_progress=lambda name, done, inputs: say(f"{name}: {done} of {inputs}"),
            on_message=message_printer(quiet=options["quiet"]),
        )
        result = run(request, context)
    _print(result, options)
    if not result.complete:
        return InterruptError.exit_code
    return 0 if result.passed else 1


def _checks(options: dict[str, Any]) -> tuple[ParityCheck, ...]:
    given = {name: options[name] for name in _OF_CHECKS if options[name]}
    if given and not options["checks"]:
        first = next(iter(given))
        raise InputError(f"--{first} is for --check, and there is none", hint="add --check lint='{bin} check {input}'")
    given |= {"normalise": tuple(map(Normaliser, options["normalise"]))}
    return tuple(replace(parse_check(text), **given) for text in options["checks"])


def _print(result: Parity, options: dict[str, Any]) -> None:
    if options["as_json"]:
        click.echo(parity_json(result))
    elif options["markdown"]:
        click.echo(parity_markdown(result), nl=False)
    else:
        show(parity_renderables(result), console(no_color=options["no_color"]))
