"""``trimtab apply``."""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from trimtab.cargo.profiles.edit import difference
from trimtab.choice.recommend import recommend
from trimtab.choice.table import choose_trial, label
from trimtab.cli.output import console, has_terminal, output_options, store_option
from trimtab.commands.apply.run import Application, prepare_application, write
from trimtab.errors import InputError
from trimtab.measure.trial_pairs import at_one_level
from trimtab.model.plan import Goal
from trimtab.model.study import Study
from trimtab.model.trial import Trial
from trimtab.store.sqlite import SqliteStore, open_existing
from trimtab.units import printable

if TYPE_CHECKING:
    from rich.console import Console

SCHEMA = "trimtab.application/1"


@click.command("apply")
@click.argument("study", required=False)
@click.option("--trial", metavar="ID", help="This trial, by id or as the table names it.")
@click.option(
    "--goal", type=click.Choice([goal.value for goal in Goal]), help="The profile recommended for another goal."
)
@click.option(
    "--pair/--no-pair", default=None, help="Keep what it has today in a profile to iterate with (if rebuilds get dear)."
)
@click.option("--dry-run", is_flag=True, help="Show the change and write nothing.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@store_option
@output_options
def command(
    study: str | None, trial: str | None, goal: str | None, pair: bool | None, dry_run: bool, yes: bool,
    store: str | None, as_json: bool, quiet: bool, no_color: bool,
) -> int:  # fmt: skip
    """Write a study's recommended profile into Cargo.toml, with the measured numbers beside it.

    Profiles that inherit from the changed one keep what they had. Where touch-and-rebuild would get dear, that is the
    profile to iterate with (`profiling`, `bench` or the like), and a `profiling` is made where there is none. The
    change is shown before it is written.
    """
    with contextlib.closing(open_existing(store)) as opened:
        loaded = at_one_level(opened.load(study) if study else _newest_here(opened))
    loaded = replace(loaded, goal=Goal(goal)) if goal else loaded
    application = prepare_application(loaded, _chosen(loaded, trial), dict(os.environ), pair=pair)
    out = console(no_color=no_color, stderr=as_json)
    written = _offer(application, out, dry_run=dry_run, yes=yes, quiet=quiet)
    if as_json:
        manifest = str(application.project.manifest)
        change = difference(application.before, application.after, "Cargo.toml")
        document = {"schema": SCHEMA, "study": loaded.id, "manifest": manifest, "written": written, "diff": change}
        click.echo(json.dumps({**document, "notes": application.notes}, indent=2))
    return 0


def _newest_here(store: SqliteStore) -> Study:
    """The newest study of the project in this folder; outside of any project, the newest of all.

    Raises:
        InputError: this project has none.
    """
    here = (Path.cwd(), *Path.cwd().parents)
    for summary in store.history():
        if Path(summary.root) in here:
            return store.load(summary.id)
    if any((folder / "Cargo.toml").exists() for folder in here):
        raise InputError("no study of this project", where=str(here[0]), hint="explore it first, or name a study")
    return store.load("last")


def _chosen(study: Study, name: str | None) -> Trial:
    if name:
        return choose_trial(study, name)
    recommendation = recommend(study)
    if recommendation is None:
        raise InputError(f"the study {study.id} has no recommendation", hint="choose a trial with --trial ID")
    if recommendation.undecided:
        between = "; ".join(
            label(trial.profile, study.baseline_profile)
            for trial in study.trials
            if trial.id in recommendation.undecided
        )
        raise InputError(
            f"the study {study.id} is undecided between {between}",
            hint="explore again, which measures more of what would decide, or choose with --trial ID",
        )
    return next(trial for trial in study.trials if trial.id == recommendation.trial)


def _offer(application: Application, out: Console, *, dry_run: bool, yes: bool, quiet: bool) -> bool:
    """Show the change and, unless it is a dry run or refused, write it; returns whether it was written.

    Raises:
        InputError: it is to be confirmed, and there is no terminal.
    """
    from rich.syntax import Syntax

    manifest = application.project.manifest
    for note in application.notes:
        out.print(f"note: {note}", markup=False, style="yellow")
    if application.after == application.before:
        out.print(f"nothing to change in {manifest}", markup=False)
        return False
    if not quiet:
        out.print(f"{application.study.id} → {manifest}", markup=False)
        change = difference(application.before, application.after, manifest.name)
        if out.is_terminal:  # lines that are too long go on in the next: what is written is shown whole
            out.print(Syntax(change, "diff", background_color="default", word_wrap=True))
        else:
            out.print(change, markup=False, highlight=False, soft_wrap=True, end="")
    if not (dry_run or yes or has_terminal()):
        raise InputError(
            f"nothing was written to {manifest}: there is no terminal on which to confirm it",
            hint="add --yes to write it, or --dry-run to see the change only",
        )
    if dry_run or not (yes or click.confirm(printable(f"Write {manifest}?"), err=True)):
        out.print("nothing was written", markup=False)
        return False
    write(application)
    out.print(f"{manifest} was written, and Cargo reads it as intended", markup=False)
    return True
