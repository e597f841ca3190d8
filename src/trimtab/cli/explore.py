"""``trimtab explore``."""

from __future__ import annotations

import contextlib
import json
from dataclasses import asdict
from typing import Any

import click

from trimtab.choice.answer import answer
from trimtab.choice.table import label
from trimtab.cli.options import chosen_project, duration, project_options
from trimtab.cli.output import (
    chosen_runner,
    console,
    markdown_option,
    output_options,
    refuse_two_formats,
    show,
    store_option,
)
from trimtab.cli.progress import trial_progress
from trimtab.commands.explore.estimate import estimate
from trimtab.commands.explore.json import study_json
from trimtab.commands.explore.markdown import study_markdown
from trimtab.commands.explore.terminal import study_renderables
from trimtab.config.file import parse_bench, parse_choice, parse_limits, parse_training_command
from trimtab.errors import InputError
from trimtab.experiment.exploration import Exploration
from trimtab.experiment.prepare import prepare
from trimtab.experiment.request import Request
from trimtab.experiment.run import require_built, run
from trimtab.model.plan import Goal, ProbeKind
from trimtab.model.space import parse_axis
from trimtab.model.study import Study
from trimtab.store.kept import keeping
from trimtab.store.sqlite import SqliteStore
from trimtab.system.machine import usable_cores
from trimtab.system.paths import default_folders
from trimtab.units import format_seconds

PLAN_SCHEMA = "trimtab.plan/1"


def _probes(_ctx: click.Context, _param: click.Parameter, value: str | None) -> frozenset[ProbeKind]:
    return frozenset(parse_choice(ProbeKind, name.strip()) for name in value.split(",")) if value else frozenset()


def _limits(_ctx: click.Context, _param: click.Parameter, value: tuple[str, ...]) -> dict[str, str]:
    limits = {}
    for text in value:
        name, _, limit = text.partition("=")
        if name not in ("build", "touch", "size"):
            raise InputError(f"there is no limit {name!r}", hint="the limits are build, touch and size")
        if not limit:
            raise InputError(f"the limit {name} has no value", hint=f"write it like {name}=2x or {name}=+5%")
        limits[name] = limit
    return limits


@click.command("explore")
@project_options
@click.option("--axis", "axes", multiple=True, metavar="NAME=V,V…", help="Values to try on one axis; may be repeated.")
@click.option("--bench", "benches", multiple=True, metavar="NAME='{bin} args…'", help="A command to time; repeatable.")
@click.option("--bench-time", callback=duration, metavar="T", help="Time for each bench of each trial (4s).")
@click.option("--train", multiple=True, metavar="'{bin} args…'", help="A command to train with, for pgo and bolt.")
@click.option("--shared-input", multiple=True, metavar="PATH", help="What benches and training may both read.")
@click.option("--target", default="", metavar="TRIPLE", help="Target to build for (as Cargo is configured).")
@click.option("--wheel", is_flag=True, help="What ships is the wheel of the Python project.")
@click.option("--python", default="", metavar="PATH", help="The interpreter that wheels are for.")
@click.option("--measure", "probes", callback=_probes, metavar="P,P…", help="Among size, build, touch, run (all).")
@click.option("--goal", type=click.Choice([goal.value for goal in Goal]), help="What to optimize for (balanced).")
@click.option(
    "--limit", "limits", multiple=True, callback=_limits, metavar="build=2x", help="Limits: build, touch, size."
)
@click.option("--jobs", "-j", type=click.IntRange(min=1), metavar="N", help="Cargo's --jobs (one per core).")
@click.option("--timeout", callback=duration, metavar="T", help="Longest time for one build (none) or run (1h).")
@click.option("--budget", callback=duration, metavar="T", help="Time for the whole exploration, such as 20m.")
@click.option("--dry-run", is_flag=True, help="What would be built and about how long it takes.")
@click.option("--exact", is_flag=True, help="Build every profile cleanly, with no screening.")
@click.option("--fresh", is_flag=True, help="Measure again what is known already.")
@click.option("--verbose", "-v", is_flag=True, help="Print every command that is run.")
@markdown_option
@store_option
@output_options
def command(
    *, store: str | None, as_json: bool, markdown: bool, quiet: bool, verbose: bool, no_color: bool, dry_run: bool,
    **options: Any,
) -> int:  # fmt: skip
    """Measure release profiles side by side and recommend one.

    The project is never changed: settings are given to Cargo from outside, and each profile is built in an empty
    target directory of its own. Run again, it goes on where it was interrupted and repeats nothing.

    The axes are lto (off, local, thin, fat), codegen-units, opt-level, panic, strip, debug, rustflags, pgo, pgo-hot and
    bolt (off, on); without any, a grid of twelve profiles around today's is explored. Benches run in the project's
    folder, without a shell and with empty standard input; {bin} stands for the binary.

    pgo and bolt take commands to train with (--train, or [pgo] in trimtab.toml). What benches run must be something
    else: the gain on training itself is shown, and decides nothing.

    Of ten profiles or more, all are screened first, with what they have in common compiled once; today's and those
    that a goal would take are then built cleanly, and only these can be recommended. --exact builds all cleanly.

    With --wheel, wheels are built by the project's own build backend (maturin, setuptools-rust), installed, checked and
    run: {bin} stands for the console script, {python} for an interpreter that can import the module.
    """
    refuse_two_formats(as_json=as_json, markdown=markdown)
    if dry_run and markdown:
        raise InputError("--dry-run has no Markdown", hint="leave out --markdown, or take --json")
    folders = default_folders(store)
    with keeping(folders), contextlib.closing(SqliteStore(folders.store)) as opened:
        exploration = prepare(_request(options), folders, chosen_runner(verbose=verbose, no_color=no_color))
        if dry_run:
            _print_plan(exploration, opened, as_json=as_json, no_color=no_color)
            return 0
        with trial_progress(quiet=quiet, no_color=no_color) as progress:
            study = run(exploration, opened, progress)
    if as_json or study.built:
        print_study(study, as_json=as_json, markdown=markdown, no_color=no_color)
    require_built(study)
    return 0


def _request(options: dict[str, Any]) -> Request:
    return Request(
        **chosen_project(options),
        target=options["target"],
        wheel=options["wheel"],
        python=options["python"],
        axes=tuple(map(parse_axis, options["axes"])) or None,
        benches=tuple(map(parse_bench, options["benches"])),
        training=tuple(map(parse_training_command, options["train"])),
        shared_inputs=options["shared_input"],
        probes=options["probes"],
        goal=Goal(options["goal"]) if options["goal"] else None,
        limits=parse_limits(options["limits"]),
        jobs=options["jobs"],
        timeout=options["timeout"],
        bench_time=options["bench_time"],
        budget=options["budget"],
        exact=options["exact"],
        fresh=options["fresh"],
    )


def print_study(study: Study, *, as_json: bool, markdown: bool, no_color: bool) -> None:
    """Print a study and its answer as JSON, as Markdown or for a terminal."""
    result = answer(study)
    if as_json:
        click.echo(study_json(study, result))
    elif markdown:
        click.echo(study_markdown(study, result), nl=False)
    else:
        out = console(no_color=no_color)
        show(study_renderables(study, result, out.width), out)


def _print_plan(exploration: Exploration, store: SqliteStore, *, as_json: bool, no_color: bool) -> None:
    study = exploration.study
    labels = {label(profile, exploration.today.profile): profile for profile in exploration.profiles}
    trials = exploration.known(store)
    known = [name for name, profile in labels.items() if trials.find(profile) is not None]
    earlier = next((s.id for s in store.history() if s.project == study.project.name and s.trials), None)
    seconds = estimate(
        units=exploration.today.units,
        trials=len(labels) - len(known),
        cores=exploration.plan.jobs or usable_cores(),
        bench_seconds=exploration.plan.bench_time * len(study.benches),
        earlier=store.load(earlier) if earlier else None,
    )
    if as_json:
        profiles = [{"label": name, "known": name in known, "profile": p.spelled()} for name, p in labels.items()]
        document = {"schema": PLAN_SCHEMA, "id": study.id, "units": exploration.today.units, "profiles": profiles}
        click.echo(json.dumps({**document, "seconds": asdict(seconds)}, indent=2))
        return
    lines = [f"{study.project.name}: {len(labels)} profiles of {exploration.today.units} units each"]
    lines += [f"  {name}{' (known already)' if name in known else ''}" for name in labels]
    lines.append(f"about {format_seconds(seconds.low)} to {format_seconds(seconds.high)} ({seconds.basis})")
    show(lines, console(no_color=no_color))
