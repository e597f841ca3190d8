"""``trimtab targets``."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import click

from trimtab.cli.options import chosen_project, duration, project_options
from trimtab.cli.output import (
    chosen_runner,
    console,
    markdown_option,
    message_printer,
    output_options,
    refuse_two_formats,
    show,
)
from trimtab.commands.targets.json import targets_json
from trimtab.commands.targets.markdown import targets_markdown
from trimtab.commands.targets.model import TargetsReport, TargetStatus
from trimtab.commands.targets.run import TargetsRequest, run
from trimtab.commands.targets.terminal import targets_renderables
from trimtab.errors import InputError, MissingError, NothingBuiltError
from trimtab.system.paths import default_folders


@click.command("targets")
@project_options
@click.option("--target", "names", multiple=True, metavar="T", help="A target triple; repeatable (all that ship).")
@click.option(
    "--candidate", "-c", "candidate", multiple=True, metavar="AXIS=VALUE|PROFILE|STUDY:TRIAL",
    help="The profile to try beside today's; AXIS=VALUE is repeatable.",
)  # fmt: skip
@click.option(
    "--toolchain", "toolchains", multiple=True, metavar="DIR", help="A folder with other cargo and rustc; repeatable.",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
)  # fmt: skip
@click.option("--run", "arguments", metavar="ARGUMENTS", help="Arguments to run each binary with (--version, --help).")
@click.option("--strict", is_flag=True, help="Exit code 1 unless every target was built and run.")
@click.option("--jobs", "-j", type=click.IntRange(min=1), metavar="N", help="Cargo's --jobs (one per core).")
@click.option("--timeout", callback=duration, metavar="T", help="Longest time for one build (none) or run (1h).")
@click.option("--fresh", is_flag=True, help="Build again what was built before.")
@click.option("--verbose", "-v", is_flag=True, help="Print every command that is run.")
@markdown_option
@output_options
def command(*, as_json: bool, markdown: bool, quiet: bool, no_color: bool, **options: Any) -> int:
    """Tell whether all release targets still build and run with another profile.

    The targets are those that the project's workflows, dist, maturin and cibuildwheel settings name, or rustup's and
    Cargo's. Each is built with what is here (cargo, cargo zigbuild, cross, other toolchains by --toolchain) and run
    where something runs it (natively, wine, qemu, wasmtime). What cannot be built here says why, and never passes.

    Exit code 1 when the candidate breaks a target that works today (without a candidate: when one fails), 3 when no
    target can be tried here, 4 when none could be built. --strict asks for every target to pass.
    """
    refuse_two_formats(as_json=as_json, markdown=markdown)
    report = run(
        _request(options),
        default_folders(),
        chosen_runner(verbose=options["verbose"], no_color=no_color),
        message_printer(quiet=quiet),
    )
    if as_json:
        click.echo(targets_json(report))
    elif markdown:
        click.echo(targets_markdown(report), nl=False)
    else:
        out = console(no_color=no_color)
        show(targets_renderables(report, out.width), out)
    return exit_code(report, strict=options["strict"])


def exit_code(report: TargetsReport, *, strict: bool) -> int:
    """Exit code: 1 where a target is bad news, else 0.

    Raises:
        MissingError: no target could be tried here.
        NothingBuiltError: not one could be built.
    """
    tried = [result for result in report.results if result.attempts]
    if not tried:
        raise MissingError(
            f"none of the {len(report.results)} release targets can be built here", hint="install what is named above"
        )
    if all(attempt.failure for result in tried for attempt in result.attempts):
        raise NothingBuiltError("no target could be built", hint="see the first error line of each above")
    bad = {TargetStatus.BREAKS} if report.candidate else {TargetStatus.FAILS}
    if strict:
        bad = set(TargetStatus) - {TargetStatus.PASSES}
    return int(any(result.standing in bad for result in report.results))


def _request(options: dict[str, Any]) -> TargetsRequest:
    try:
        arguments = tuple(shlex.split(options["arguments"] or ""))
    except ValueError:
        raise InputError("--run has a quote that is not closed", where=options["arguments"]) from None
    return TargetsRequest(
        **chosen_project(options),
        targets=options["names"],
        candidate=options["candidate"],
        toolchains=options["toolchains"],
        arguments=arguments,
        jobs=options["jobs"],
        timeout=options["timeout"],
        fresh=options["fresh"],
    )
