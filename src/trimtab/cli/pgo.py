"""``trimtab pgo``."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import click

from trimtab.cli.options import chosen_project, duration, project_options
from trimtab.cli.output import chosen_runner, console, message_printer, output_options, show, store_option
from trimtab.cli.progress import trial_progress
from trimtab.commands.pgo.age import age as run_age
from trimtab.commands.pgo.age import committed, published
from trimtab.commands.pgo.build import build as run_build
from trimtab.commands.pgo.json import age_json, build_json
from trimtab.commands.pgo.terminal import age_renderables, build_renderables
from trimtab.config.file import parse_bench, parse_training_command
from trimtab.errors import InputError
from trimtab.experiment.request import Request
from trimtab.system.paths import default_folders

_MOST_REVISIONS = 6

_train = click.option("--train", multiple=True, metavar="'{bin} args…'", help="A command to train with; repeatable.")
_data = click.option(
    "--profile-data", type=click.Path(exists=True, dir_okay=False), metavar="FILE", help="A merged profile to use."
)
_wheel = click.option("--wheel", is_flag=True, help="What ships is the wheel of the Python project.")
_python = click.option("--python", default="", metavar="PATH", help="The interpreter that wheels are for.")
_jobs = click.option("--jobs", "-j", type=click.IntRange(min=1), metavar="N", help="Cargo's --jobs (one per core).")
_timeout = click.option("--timeout", callback=duration, metavar="T", help="Longest time for one build or run.")
_verbose = click.option("--verbose", "-v", is_flag=True, help="Print every command that is run.")


@click.group("pgo")
def command() -> None:
    """Build the trained program that ships; find out how long its profile serves.

    Whether profile-guided optimization pays is what `trimtab explore --axis pgo=off,on` answers.
    """


@command.command("build")
@project_options
@_train
@_data
@click.option("--pgo/--no-pgo", default=True, help="Have the compiler use a profile (yes).")
@click.option(
    "--pgo-hot", type=click.IntRange(1, 1_000_000), metavar="N", help="Share of counts that is hot code, in millionths."
)
@click.option("--bolt", is_flag=True, help="Lay the linked program out anew with BOLT.")
@click.option("--target", default="", metavar="TRIPLE", help="Target to build for (as Cargo is configured).")
@_wheel
@_python
@click.option("--output", "-o", type=click.Path(file_okay=False, path_type=Path), metavar="DIR", help="For the files.")
@_jobs
@_timeout
@_verbose
@output_options
def build(*, as_json: bool, quiet: bool, no_color: bool, **options: Any) -> int:
    """Build the program or wheel that ships, with profile-guided optimization, in one step.

    Built with instrumentation, trained by the commands of [pgo] in trimtab.toml or of --train, and built again with
    what was learned. The profile is written beside the program; a job that cannot train takes one by --profile-data.
    """
    built = run_build(
        _request(options),
        options["output"],
        default_folders(),
        chosen_runner(verbose=options["verbose"], no_color=no_color),
        pgo=options["pgo"],
        pgo_hot=options["pgo_hot"],
        bolt=options["bolt"],
        on_message=message_printer(quiet=quiet),
    )
    if as_json:
        click.echo(build_json(built))
    else:
        show(build_renderables(built), console(no_color=no_color))
    return 0


@command.command("age")
@project_options
@_train
@_data
@click.option("--revisions", metavar="A..B", help="Revisions of git to try.")
@click.option("--count", type=click.IntRange(min=2), default=_MOST_REVISIONS, metavar="N", help="At most so many (6).")
@click.option("--versions", default="", metavar="V,V…", help="Published versions of crate:NAME to try, oldest first.")
@click.option("--bench", "benches", multiple=True, metavar="NAME='{bin} args…'", help="A command to time; repeatable.")
@click.option("--shared-input", multiple=True, metavar="PATH", help="What benches and training may both read.")
@click.option("--bench-time", callback=duration, metavar="T", help="Time for each bench of each trial (4s).")
@_wheel
@_python
@_jobs
@_timeout
@_verbose
@store_option
@output_options
def age(*, store: str | None, as_json: bool, quiet: bool, no_color: bool, **options: Any) -> int:
    """Measure how much of its gain a profile keeps in later revisions.

    Each revision is built plainly, with a profile of its own, and with that of the first revision (or the one given by
    --profile-data); benches run in pairs, and what is left of the gain has an interval. Run again, it goes on where it
    was interrupted.
    """
    folders = default_folders(store)
    runner = chosen_runner(verbose=options["verbose"], no_color=no_color)
    versions = [version.strip() for version in options["versions"].split(",") if version.strip()]
    if bool(versions) is bool(options["revisions"]):
        raise InputError("which revisions?", hint="give --revisions A..B, or --versions V,V… for crate:NAME")
    if versions:
        revisions = published(options["path"], versions)
    else:
        revisions = committed(options["path"], options["revisions"], options["count"], folders, runner)
    request = Request(
        **_common(options),
        benches=tuple(map(parse_bench, options["benches"])),
        bench_time=options["bench_time"],
        shared_inputs=options["shared_input"],
    )
    progress = partial(trial_progress, quiet=quiet, no_color=no_color)
    aging = run_age(request, revisions, folders, progress, runner, message_printer(quiet=quiet))
    if as_json:
        click.echo(age_json(aging))
    else:
        show(age_renderables(aging), console(no_color=no_color))
    return 0


def _request(options: dict[str, Any]) -> Request:
    return Request(**_common(options), target=options["target"])


def _common(options: dict[str, Any]) -> dict[str, Any]:
    return {
        **chosen_project(options),
        "training": tuple(map(parse_training_command, options["train"])),
        "profile_data": options["profile_data"] or "",
        "wheel": options["wheel"],
        "python": options["python"],
        "jobs": options["jobs"],
        "timeout": options["timeout"],
    }
