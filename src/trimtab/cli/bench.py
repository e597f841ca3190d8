"""``trimtab bench``."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import click

from trimtab.cli.bench_options import (
    all_runs,
    exit_code,
    pairs_said,
    require_helpers,
    rules_of,
    run_options,
    show_comparison,
    write_exports,
)
from trimtab.cli.hyperfine_options import (
    ITERATION,
    BenchCommandLine,
    argv_in,
    commands_of,
    exports_anything,
    hyperfine_options,
    ignored_codes,
    needs_shell,
    outputs_of,
    shell_of,
)
from trimtab.cli.options import command_line
from trimtab.cli.output import output_options, refuse_two_formats, status_line
from trimtab.commands.bench.hyperfine import benchmark_results, summary
from trimtab.commands.bench.imported import imported_comparison
from trimtab.commands.bench.parameters import BenchCommand, with_parameters
from trimtab.commands.bench.run import TWO_BINARIES, BenchPlan, bench, binaries_plan, commands_plan, require_run
from trimtab.config.file import parse_bench, read_config
from trimtab.errors import InputError
from trimtab.measure.counters import find_counter
from trimtab.measure.series import NULL
from trimtab.model.comparison import Comparison
from trimtab.model.plan import Bench
from trimtab.system.process import SystemRunner
from trimtab.units import printable


@click.command("bench", cls=BenchCommandLine)
@click.argument("commands", nargs=-1, metavar="COMMAND… | -- '{bin}' ARGS…")
@click.option(
    "--bin", "binaries", multiple=True, metavar="NAME=FILE", help="A binary for {bin}; the first is the base."
)
@hyperfine_options
@click.option("--counts", is_flag=True, help="Count instructions and cycles too (perf or valgrind).")
@click.option(
    "--import-json", "imports", multiple=True, metavar="FILE",
    help="Runs that hyperfine has exported, in the place of commands; repeatable.",
)  # fmt: skip
@run_options
@output_options
def command(commands: tuple[str, ...], **options: Any) -> int:
    """Is B faster than A, or is it noise? Runs commands in pairs of random order until that is decided.

    Give one or more commands, each with quotes around it; or several binaries with --bin and, after --, one command in
    which {bin} stands for each of them. Benches from trimtab.toml are run where no command is given. The first command
    or binary is the baseline; one alone is timed. Of the differences that are called, at most 1 % are expected to be
    wrong, whenever it stops.

    Exit code 1 if a command fails, or if something regressed; but not where runs are exported or have parameters,
    as in scripts for hyperfine, unless --fail-on is given.
    """
    options |= {**_looks(options["style"], options), "ignored_codes": ignored_codes()}
    refuse_two_formats(as_json=options["as_json"], markdown=options["markdown"])
    if options["imports"]:
        return _imported(commands, options)
    prepared = _prepared(commands, options)
    rules = replace(rules_of(prepared.helpers), outputs=prepared.outputs, iteration=ITERATION)
    runner = SystemRunner()
    if options["counts"] and prepared.shell:
        raise InputError("what a shell starts cannot be counted", hint="leave --shell or --counts out")
    counter = find_counter(runner, rules.environment) if options["counts"] else None
    line = status_line(quiet=options["quiet"], no_color=options["no_color"])
    with prepared.plan as plan, line as say:
        found, measured = bench(
            plan, rules, runner, counter=counter, on_progress=lambda one: say(pairs_said(one)), command=command_line()
        )
    results = benchmark_results(all_runs(measured), prepared.commands)
    write_exports(results, options)
    try:
        require_run(found)
    except InputError as error:  # not of trimtab's own usage: hyperfine, too, says 1 of a command that fails
        click.echo("\n".join(error.lines()), err=True)
        return 1
    found = replace(found, notes=(*prepared.notes, *found.notes))
    if options["style"] != "none":
        _show(found, [summary(result, options["time_unit"] or "") for result in results], options)
    return exit_code(found, options["fail_on"] or ("never" if exports_anything(options) else "regressed"))


def _show(found: Comparison, summaries: Sequence[str], options: Mapping[str, Any]) -> None:
    """Print a comparison; of a command alone its times, which are compared with nothing."""
    if found.heads:
        show_comparison(found, options)
    elif options["as_json"] or options["markdown"]:
        show_comparison(replace(found, notes=(*summaries, *found.notes)), options)
    else:
        for line in (*summaries, *(f"failed: {failure}" for failure in found.failures)):
            click.echo(printable(line))
        for note in found.notes:
            click.echo(printable(f"note: {note}"))


def _looks(style: str | None, options: Mapping[str, Any]) -> dict[str, bool]:
    plain = style in ("basic", "nocolor", "none")
    return {
        "no_color": options["no_color"] or plain,
        "quiet": options["quiet"] or style in ("basic", "none", "color"),
    }


@dataclass(frozen=True, kw_only=True)
class _Prepared:
    """Plan of a run, with all that the command line says on it."""

    plan: contextlib.AbstractContextManager[BenchPlan]
    helpers: Mapping[str, Any]
    """The options, with the helper commands of each command."""
    commands: Mapping[str, BenchCommand] = field(default_factory=dict)
    """Candidate → its command."""
    outputs: tuple[str, ...] = ()
    shell: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def _prepared(lines: tuple[str, ...], options: Mapping[str, Any]) -> _Prepared:
    shell = shell_of(options)
    if options["binaries"]:
        binaries = _binaries(options["binaries"])
        require_helpers(options, len(binaries))
        benches, shell = _benches(lines, shell, options)
        return _Prepared(
            plan=binaries_plan(binaries, benches),
            helpers=options,
            outputs=outputs_of(options, len(binaries)),
            shell=shell,
        )
    if options["benches"]:
        raise InputError("--bench needs binaries for {bin}", hint=TWO_BINARIES)
    commands = commands_of(lines, options)
    if any("{bin}" in command.text for command in commands):
        raise InputError("nothing stands for {bin}", hint=TWO_BINARIES)
    require_helpers(options, len(commands))
    notes: tuple[str, ...] = ()
    if shell is None:
        needy = next((command.text for command in commands if needs_shell(command.text)), "")
        shell = ("sh",) if needy else ()
        notes = (f"all commands are run by sh, which {needy!r} needs; its start is in all times",) if needy else ()
    names = _distinct([command.label for command in commands])
    plan = commands_plan(
        [(name, argv_in(command.text, shell)) for name, command in zip(names, commands, strict=True)],
        options["smallest"],
    )
    return _Prepared(
        plan=contextlib.nullcontext(plan),
        helpers=_with_helpers(options, commands),
        commands=dict(zip(names, commands, strict=True)),
        outputs=outputs_of(options, len(commands)),
        shell=shell,
        notes=notes,
    )


def _with_helpers(options: Mapping[str, Any], commands: Sequence[BenchCommand]) -> Mapping[str, Any]:
    """The options with parameters in the helper commands, one for each command where there are such."""
    if not any(command.parameters for command in commands):
        return options
    helpers = {}
    for which in ("setup", "prepare", "conclude", "cleanup"):
        texts = options[which] * len(commands) if len(options[which]) == 1 else options[which]
        helpers[which] = tuple(
            with_parameters(text, command.parameters) for text, command in zip(texts, commands, strict=False)
        )
    return {**options, **helpers}


def _distinct(names: Sequence[str]) -> list[str]:
    """Names with a number behind those that are there more than once."""
    return [
        name if list(names).count(name) == 1 else f"{name} ({number})" for number, name in enumerate(names, start=1)
    ]


def _binaries(texts: Sequence[str]) -> dict[str, Path]:
    binaries: dict[str, Path] = {}
    for text in texts:
        name, equals, path = text.partition("=")
        if not equals or not name or not path:
            raise InputError(f"{text!r} is no binary with a name", hint="write it like --bin base=./old")
        if name == NULL:
            raise InputError(f"{NULL!r} cannot name a binary", hint="it is what the baseline's own copy is called")
        if name in binaries:
            raise InputError(f"two binaries are called {name!r}", hint="results go by name: give each its own")
        binaries[name] = Path(path)
    return binaries


def _benches(
    lines: tuple[str, ...], shell: tuple[str, ...] | None, options: Mapping[str, Any]
) -> tuple[list[Bench], tuple[str, ...]]:
    """Benches from the command line, else from ``trimtab.toml``; and the shell that runs a line after ``--``."""
    benches = [
        replace(parse_bench(text, shell or ()), smallest_change=options["smallest"]) for text in options["benches"]
    ]
    if lines:
        alone = len(lines) == 1
        if shell is None:
            shell = ("sh",) if alone and needs_shell(lines[0]) else ()
        argv = argv_in(lines[0], shell) if alone else lines
        if not any("{bin}" in argument for argument in argv):
            raise InputError("the command does not run {bin}", hint="write it like -- '{bin}' check src")
        benches.append(Bench(name="bench", command=argv, smallest_change=options["smallest"]))
    benches = benches or list(read_config(Path.cwd()).benches)
    if not benches:
        raise InputError("there is no command to run", hint="give one after --, such as -- '{bin}' check src")
    return benches, shell or ()


def _imported(commands: tuple[str, ...], options: Mapping[str, Any]) -> int:
    if commands or options["binaries"] or options["benches"]:
        raise InputError("--import-json runs nothing", hint="leave the commands out")
    found = imported_comparison([Path(name) for name in options["imports"]], command_line())
    show_comparison(found, options)
    return exit_code(found, options["fail_on"] or "never")
