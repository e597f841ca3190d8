"""Options and output that ``bench`` and ``compare`` share."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from trimtab.cli.options import duration
from trimtab.cli.output import console, show, write_file
from trimtab.commands.bench.hyperfine import hyperfine_json
from trimtab.commands.bench.json import comparison_json
from trimtab.commands.bench.markdown import comparison_markdown
from trimtab.commands.bench.terminal import comparison_renderables
from trimtab.errors import InputError
from trimtab.measure.paired import RunOptions
from trimtab.measure.series import BenchRuns
from trimtab.model.comparison import Comparison, Runs
from trimtab.units import parse_ratio

F = TypeVar("F", bound=Callable[..., Any])


def _smallest(_ctx: click.Context, _param: click.Parameter, value: str) -> float:
    try:
        change = parse_ratio(value if value.startswith(("+", "-")) else f"+{value}") - 1
    except InputError:
        change = 0.0
    if not 0 < change < 1:
        raise InputError(f"{value!r} is no smallest change", hint="write it like 2%")
    return change


def run_options(function: F) -> F:
    """Hyperfine's options, and when enough is enough."""
    options = (
        click.option(
            "--bench", "benches", multiple=True, metavar="NAME='{bin} …'", help="A command with {bin}; repeatable."
        ),
        click.option("--prepare", "-p", metavar="CMD", help="Run before each run."),
        click.option("--setup", "-s", metavar="CMD", help="Run before the first run of each command."),
        click.option("--cleanup", "-c", metavar="CMD", help="Run after the last run of each command."),
        click.option(
            "--warmup", "-w", type=click.IntRange(min=1), default=1, metavar="N", help="Runs that do not count (1)."
        ),
        click.option("--runs", "-r", type=click.IntRange(min=3), metavar="N", help="Exactly N blocks, decided or not."),
        click.option("--budget", callback=duration, default="15s", metavar="T", help="Time for each bench (15s)."),
        click.option("--timeout", callback=duration, metavar="T", help="Longest time for one run."),
        click.option(
            "--smallest-change", "smallest", callback=_smallest, default="1%", metavar="P", help="That matters (1%)."
        ),
        click.option("--ignore-failure", "-i", is_flag=True, help="Runs that fail count too."),
        click.option("--input", "stdin", metavar="FILE", help="Standard input of every run (null)."),
        click.option(
            "--export-json", type=click.Path(dir_okay=False), metavar="FILE", help="All runs, as hyperfine has them."
        ),
        click.option("--markdown", is_flag=True, help="Markdown, for a pull request."),
    )
    for option in reversed(options):
        function = option(function)
    return function


def rules_of(options: Mapping[str, Any]) -> RunOptions:
    """Run options from the command line."""
    stdin = options["stdin"]
    if stdin and stdin != "null" and not Path(stdin).is_file():
        raise InputError("there is no such input file", where=stdin, hint="name a regular file, or null")
    return RunOptions(
        environment=dict(os.environ),
        budget=options["budget"],
        runs=options["runs"],
        warmup=options["warmup"],
        setup=_helper(options["setup"]),
        prepare=_helper(options["prepare"]),
        cleanup=_helper(options["cleanup"]),
        ignore_failure=options["ignore_failure"],
        timeout=options["timeout"],
        stdin=Path(stdin) if stdin and stdin != "null" else None,
    )


def _helper(text: str | None) -> tuple[str, ...]:
    """A command around the runs, which is not timed, so a shell does no harm."""
    return ("sh", "-c", text) if text else ()


def print_comparison(found: Comparison, measured: Sequence[BenchRuns], options: Mapping[str, Any]) -> int:
    """Print a comparison as asked for, and export its runs; the exit code tells of benches that failed."""
    if options["export_json"]:
        write_file(Path(options["export_json"]), hyperfine_json(_all_runs(measured)) + "\n")
    if options["as_json"]:
        click.echo(comparison_json(found))
    elif options["markdown"]:
        click.echo(comparison_markdown(found), nl=False)
    else:
        to = console(no_color=options["no_color"])
        show(comparison_renderables(found, to.width), to)
    return 1 if found.failures else 0


def _all_runs(measured: Sequence[BenchRuns]) -> dict[str, Runs]:
    """All candidates of all benches, under names that tell them apart."""
    if len(measured) == 1:
        return measured[0].runs
    return {f"{one.case.name}: {name}": runs for one in measured for name, runs in one.runs.items()}


def pairs_said(one: BenchRuns) -> str:
    """Progress of a bench; a block takes too little time for a line of its own in a log."""
    pairs: Sequence[int] = [len(many[0].sequence) for name, many in one.series.items() if name in one.heads]
    return f"{one.case.name}: {max(pairs, default=0)} pairs"
