"""``trimtab compare``."""

from __future__ import annotations

import contextlib
import re
from dataclasses import replace
from typing import Any

import click

from trimtab.cli.bench_options import (
    pairs_said,
    print_comparison,
    require_helpers,
    rules_of,
    run_options,
)
from trimtab.cli.options import command_line
from trimtab.cli.output import message_printer, output_options, refuse_two_formats, status_line, store_option
from trimtab.cli.progress import trial_progress
from trimtab.commands.compare.cargo_bench import CargoBenches
from trimtab.commands.compare.run import CompareContext, CompareRequest, run
from trimtab.config.file import parse_bench
from trimtab.errors import InputError, MissingError
from trimtab.measure.counters import Counter, find_counter
from trimtab.measure.paired import RunOptions
from trimtab.system.paths import default_folders
from trimtab.system.process import Runner, SystemRunner

_PATIENCE = 60.0
"""Seconds for each bench that counting may take if nobody asked for it."""


@click.command("compare")
@click.argument("base")
@click.argument("head")
@click.option("--bin", "binaries", multiple=True, metavar="NAME", help="The program that is meant, of several.")
@click.option("--wheel", is_flag=True, help="Projects ship the wheel of their Python project.")
@click.option(
    "--cargo-bench", "targets", multiple=True, metavar="TARGET", help="Cases of cargo bench too; '*' is all targets."
)
@click.option("--filter", "pattern", default="", metavar="REGEX", help="Only cases of cargo bench that match.")
@click.option("--layouts", type=click.IntRange(min=6), metavar="N", help="Layouts of each side to run too (none).")
@click.option("--counts/--no-counts", default=None, help="Instructions and cycles (if that takes under a minute).")
@run_options
@store_option
@output_options
def command(base: str, head: str, store: str | None, **options: Any) -> int:
    """Compare two programs: what changed, and is it real? Weighs both and runs benches with them in pairs.

    Each side is a program, a wheel, an archive, pypi:NAME==VERSION, a trial as STUDY:TRIAL, or something to build:
    crate:NAME@VERSION, a Cargo project's folder, or a profile or git revision of the project in this folder. Benches
    come from --bench or from trimtab.toml; {bin} stands for the program, and {python} for an interpreter with the wheel
    installed.

    With --cargo-bench, benches written with criterion or divan are built on both sides and their cases run in turn.
    With --layouts, sides that are built are linked again with their functions in other orders (by lld), to tell a
    difference from the luck of placement.
    """
    refuse_two_formats(as_json=options["as_json"], markdown=options["markdown"])
    require_helpers(options, 1 if options["layouts"] else 2)
    rules, runner, looks = rules_of(options), SystemRunner(), {name: options[name] for name in ("quiet", "no_color")}
    request = CompareRequest(
        base=base,
        head=head,
        options=rules,
        benches=tuple(replace(parse_bench(one), smallest_change=options["smallest"]) for one in options["benches"]),
        binaries=options["binaries"],
        wheel=options["wheel"],
        smallest=options["smallest"],
        cargo_benches=_cargo_benches(options),
        layouts=options["layouts"] or 0,
        counter=_counter(runner, rules, options["counts"]),
        command=command_line(),
    )

    with status_line(**looks) as say:
        context = CompareContext(
            folders=default_folders(store),
            runner=runner,
            progress=lambda: trial_progress(**looks),
            on_progress=lambda one: say(pairs_said(one)),
            on_message=message_printer(quiet=options["quiet"]),
        )
        found, measured = run(request, context)
    return print_comparison(found, measured, options)


def _cargo_benches(options: dict[str, Any]) -> CargoBenches | None:
    if not options["targets"]:
        if options["pattern"]:
            raise InputError("--filter chooses among cases of cargo bench", hint="add --cargo-bench '*'")
        return None
    try:
        pattern = re.compile(options["pattern"])
    except re.error as error:
        raise InputError(f"--filter is no regular expression: {error}", where=options["pattern"]) from None
    return CargoBenches(targets=options["targets"], pattern=pattern, smallest=options["smallest"])


def _counter(runner: Runner, rules: RunOptions, wanted: bool | None) -> Counter | None:
    """The counter, unless unwanted. Where it was not asked for it may be missing, and may not take long."""
    if wanted is False:
        return None
    if wanted:
        return find_counter(runner, rules.environment)
    with contextlib.suppress(MissingError):
        return replace(find_counter(runner, rules.environment), limit=_PATIENCE)
    return None
