"""Options and output that ``bench`` and ``compare`` share."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from trimtab.cli.options import duration
from trimtab.cli.output import console, show, write_file
from trimtab.commands.bench.hyperfine import EXPORTS, BenchmarkResult, benchmark_results
from trimtab.commands.bench.json import comparison_json
from trimtab.commands.bench.markdown import comparison_markdown
from trimtab.commands.bench.terminal import comparison_renderables
from trimtab.errors import InputError
from trimtab.measure.paired import RunOptions
from trimtab.measure.series import BenchRuns
from trimtab.model.comparison import Comparison, Runs, Verdict
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


HELPERS = ("setup", "prepare", "conclude", "cleanup")
"""Options for commands around the runs."""


def run_options(function: F) -> F:
    """Hyperfine's options, and when enough is enough."""
    options = (
        click.option(
            "--bench", "benches", multiple=True, metavar="NAME='{bin} …'", help="A command with {bin}; repeatable."
        ),
        click.option(
            "--prepare", "-p", multiple=True, metavar="CMD", help="Run before each run; one, or one for each command."
        ),
        click.option(
            "--conclude", "-C", multiple=True, metavar="CMD", help="Run after each run; one, or one for each."
        ),
        click.option("--setup", "-s", multiple=True, metavar="CMD", help="Run before the first run of each command."),
        click.option("--cleanup", "-c", multiple=True, metavar="CMD", help="Run after the last run of each command."),
        click.option(
            "--warmup", "-w", type=click.IntRange(min=0), default=1, metavar="N", help="Runs that do not count (1)."
        ),
        click.option("--runs", "-r", type=click.IntRange(min=1), metavar="N", help="Exactly N blocks, decided or not."),
        click.option("--min-runs", "-m", type=click.IntRange(min=1), metavar="N", help="At least N blocks (3)."),
        click.option("--max-runs", "-M", type=click.IntRange(min=1), metavar="N", help="At most N blocks."),
        click.option("--budget", callback=duration, default="15s", metavar="T", help="Time for each bench (15s)."),
        click.option("--timeout", callback=duration, metavar="T", help="Longest time for one run."),
        click.option(
            "--smallest-change", "smallest", callback=_smallest, default="1%", metavar="P", help="That matters (1%)."
        ),
        click.option(
            "--ignore-failure",
            "-i",
            is_flag=True,
            help="Runs that fail count too; with =CODE,CODE… those with these exit codes.",
        ),
        click.option("--input", "stdin", metavar="FILE", help="Standard input of every run (null)."),
        click.option(
            "--export-json", type=click.Path(dir_okay=False), metavar="FILE", help="All runs, as hyperfine has them."
        ),
        click.option(
            "--fail-on",
            type=click.Choice(["regressed", "unclear", "never"]),
            help="Exit code 1 if something regressed, or is unclear too, or never.",
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
    if options["runs"] and (options["min_runs"] or options["max_runs"]):
        raise InputError("--runs is an exact number", hint="leave --min-runs and --max-runs out")
    if options["max_runs"] and (options["min_runs"] or 0) > options["max_runs"]:
        raise InputError("--min-runs is more than --max-runs", hint="give the smaller number for --min-runs")
    return RunOptions(
        environment=dict(os.environ),
        budget=options["budget"],
        runs=options["runs"],
        min_runs=options["min_runs"] or 0,
        max_runs=options["max_runs"],
        warmup=options["warmup"],
        setup=_helpers(options["setup"]),
        prepare=_helpers(options["prepare"]),
        conclude=_helpers(options["conclude"]),
        cleanup=_helpers(options["cleanup"]),
        ignore_failure=options["ignore_failure"],
        ignored_codes=options.get("ignored_codes", frozenset()),
        timeout=options["timeout"],
        stdin=Path(stdin) if stdin and stdin != "null" else None,
    )


def _helpers(texts: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """Commands around the runs, which are not timed, so a shell does no harm."""
    return tuple(("sh", "-c", text) for text in texts)


def require_helpers(options: Mapping[str, Any], commands: int) -> None:
    """Refuse helper commands that are given more than once, but not once for each command.

    Raises:
        InputError: there are too many or too few.
    """
    for which in HELPERS:
        if (count := len(options[which])) > 1 and count != commands:
            raise InputError(
                f"--{which} is given {count} times, and there {_are(commands)}",
                hint="give it once, or once for each command in their order",
            )


def _are(commands: int) -> str:
    return f"are {commands} commands" if commands != 1 else "is 1 command"


def print_comparison(
    found: Comparison, measured: Sequence[BenchRuns], options: Mapping[str, Any], fail_on: str = "never"
) -> int:
    """Print a comparison as asked for, and export its runs.

    Args:
        found: the comparison.
        measured: its runs.
        options: of the command line.
        fail_on: verdict that ends with exit code 1 where the options do not say.

    Returns:
        The exit code, which tells of benches that failed, and of bad news.
    """
    write_exports(benchmark_results(all_runs(measured)), options)
    show_comparison(found, options)
    return exit_code(found, options["fail_on"] or fail_on)


def exit_code(comparison: Comparison, fail_on: str) -> int:
    """1 where benches failed, or have a verdict that counts as bad news."""
    bad = {"never": (), "regressed": (Verdict.REGRESSED,), "unclear": (Verdict.REGRESSED, Verdict.UNCLEAR)}[fail_on]
    return int(bool(comparison.failures) or any(comparison.counts[verdict] for verdict in bad))


def write_exports(results: Sequence[BenchmarkResult], options: Mapping[str, Any]) -> None:
    """Write runs in the formats that are asked for; a file ``-`` is standard output.

    Raises:
        InputError: a file cannot be written.
    """
    for name, text_of in EXPORTS.items():
        if path := options.get(f"export_{name}"):
            text = text_of(results, options.get("time_unit") or "", options.get("sort") == "mean-time")
            if path == "-":
                click.echo(f"\n{text}")
            else:
                write_file(Path(path), text)


def show_comparison(found: Comparison, options: Mapping[str, Any]) -> None:
    """Print a comparison in the format that is asked for."""
    if options["as_json"]:
        click.echo(comparison_json(found))
    elif options["markdown"]:
        click.echo(comparison_markdown(found), nl=False)
    else:
        to = console(no_color=options["no_color"])
        show(comparison_renderables(found, to.width), to)


def all_runs(measured: Sequence[BenchRuns]) -> dict[str, Runs]:
    """All candidates of all benches, under names that tell them apart."""
    if len(measured) == 1:
        return measured[0].runs
    return {f"{one.case.name}: {name}": runs for one in measured for name, runs in one.runs.items()}


def pairs_said(one: BenchRuns) -> str:
    """Progress of a bench; a block takes too little time for a line of its own in a log."""
    pairs: Sequence[int] = [len(many[0].sequence) for name, many in one.series.items() if name in one.heads]
    return f"{one.case.name}: {max(pairs, default=0)} pairs"
