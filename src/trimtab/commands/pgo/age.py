"""Aging of a profile: the gain that an old profile gives later revisions, beside that of one of their own."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path

from trimtab.builders.profile_data import ProfileTools, find_profile_tools
from trimtab.cargo.git import checkout, revisions_between
from trimtab.cargo.project import find_manifest
from trimtab.cargo.registry import PREFIX
from trimtab.cargo.toolchain import ask
from trimtab.choice.table import judged_benches, size_metric
from trimtab.commands.pgo.model import AgedBench, AgedRevision, Aging, Gain
from trimtab.errors import InputError, NothingBuiltError
from trimtab.experiment.exploration import Exploration
from trimtab.experiment.prepare import prepare
from trimtab.experiment.protocols import Progress
from trimtab.experiment.request import Request
from trimtab.experiment.run import require_built, run
from trimtab.model.metric import RUN_WALL, ratio_metric
from trimtab.model.plan import ProbeKind
from trimtab.model.space import parse_axis
from trimtab.model.study import Study
from trimtab.model.trial import Trial
from trimtab.store.kept import keeping
from trimtab.store.sqlite import SqliteStore
from trimtab.system.paths import Folders
from trimtab.system.process import Runner, SystemRunner

_AXIS = parse_axis("pgo=off,on")


@dataclass(frozen=True, kw_only=True, slots=True)
class Revision:
    """One revision: its name for people, and the path or ``crate:NAME@VERSION`` where it is."""

    name: str
    path: str


def published(spec: str, versions: Sequence[str]) -> tuple[Revision, ...]:
    """Published versions of ``crate:NAME``.

    Raises:
        InputError: it is no crate, or has a version already.
    """
    if not spec.startswith(PREFIX) or "@" in spec:
        raise InputError(f"--versions is of a published crate, not of {spec!r}", hint="name it as crate:NAME")
    return tuple(Revision(name=version, path=f"{spec}@{version}") for version in versions)


def committed(path: str, span: str, most: int, folders: Folders, runner: Runner | None = None) -> tuple[Revision, ...]:
    """Revisions of a git repository from ``A..B``, both among them, evenly spaced if there are more than so many.

    Raises:
        InputError: there is no such revision, no repository, or less than two revisions.
    """
    runner, environment = runner or SystemRunner(), dict(os.environ)
    folder = find_manifest(Path(path)).parent
    commits = revisions_between(runner, span, folder, environment)
    if len(commits) < 2:  # noqa: PLR2004
        raise InputError(f"{span!r} holds less than two revisions", hint="name an older and a newer one: A..B")
    last, steps = len(commits) - 1, min(most, len(commits)) - 1
    chosen = dict.fromkeys(commits[round(number * last / steps)] for number in range(steps + 1))
    cache = folders.cache / "revisions"
    return tuple(
        Revision(name=commit[:12], path=str(checkout(runner, commit, folder, cache, environment))) for commit in chosen
    )


def age(
    request: Request,
    revisions: Sequence[Revision],
    folders: Folders,
    progress: Callable[[], AbstractContextManager[Progress]],
    runner: Runner | None = None,
    on_message: Callable[[str], None] = lambda _: None,
) -> Aging:
    """Measure what a profile of the first revision, or the one that is given, does for each revision.

    All is kept in the store, so an interrupted run goes on where it was.

    Args:
        request: training and benches, which hold for all revisions; its path and axes are not looked at.
        revisions: oldest first.
        folders: cache and store.
        progress: shows the trials of one revision.
        runner: runs Cargo and all other programs.
        on_message: called when a revision begins.

    Raises:
        InputError: wrong arguments, configuration or project.
        MissingError: Cargo or ``llvm-profdata`` is missing.
        NothingBuiltError: the first revision cannot be built, trained and measured.
    """
    data = request.profile_data
    source = data or revisions[0].name
    rows: list[AgedRevision] = []
    study: Study | None = None
    with keeping(folders), contextlib.closing(SqliteStore(folders.store)) as store:
        ages = _Ages(request=request, folders=folders, store=store, progress=progress, runner=runner)
        for revision in revisions:
            try:
                on_message(f"{revision.name}: with a profile of its own")
                found = ages.explored(revision, "")
                data = data or found.data
                study = study or found.study
                on_message(f"{revision.name}: with the profile of {source}")
                aged = ages.explored(revision, data) if data != found.data else found
                rows.append(_row(revision.name, found, aged, _known(found.tools, data, found.data)))
            except (InputError, NothingBuiltError) as error:
                if study is None:  # nothing to hold the others against
                    raise
                rows.append(AgedRevision(name=revision.name, failure=error.what))
    assert study, "there is a first revision"
    return Aging(
        project=study.project,
        machine=study.machine,
        toolchain=study.toolchain,
        source=source,
        revisions=tuple(rows),
        notes=tuple(_notes(study)),
        command=request.command,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Explored:
    study: Study
    trial: Trial
    """With the profile."""
    data: str
    """Path of that."""
    tools: ProfileTools


@dataclass(frozen=True, kw_only=True, slots=True)
class _Ages:
    """Explores revisions with one profile or another."""

    request: Request
    folders: Folders
    store: SqliteStore
    progress: Callable[[], AbstractContextManager[Progress]]
    runner: Runner | None

    def explored(self, revision: Revision, data: str) -> _Explored:
        """A revision without and with a profile: its own, or the one in a file.

        Raises:
            InputError: it cannot be explored.
            NothingBuiltError: one of the two cannot be built.
        """
        request = replace(
            self.request,
            path=revision.path,
            profile_data=data,
            axes=(_AXIS,),
            probes=frozenset({ProbeKind.SIZE, ProbeKind.RUN}),
        )
        exploration = prepare(request, self.folders, self.runner)
        if not judged_benches(exploration.study):
            raise InputError(
                "there is no bench on which a gain could be seen", hint="give one with --bench NAME='{bin} args…'"
            )
        with self.progress() as shown:
            study = run(exploration, self.store, shown)
        require_built(study)
        for trial in study.trials:
            if trial.failure:
                raise NothingBuiltError(
                    f"{revision.name} cannot be built: {trial.failure.message}", hint="mend that and run the same again"
                )
            if trial.trained and trial.trained.profile_data:
                kept = trial.trained.profile_data.path
                return _Explored(study=study, trial=trial, data=data or kept, tools=_tools(exploration))
        raise NothingBuiltError(f"{revision.name} was not trained", hint="give it more time")


def _tools(exploration: Exploration) -> ProfileTools:
    runner, environment = exploration.runner, exploration.environment
    sysroot = Path(ask(runner, ("rustc", "--print", "sysroot"), exploration.project.folder, environment))
    return find_profile_tools(runner, sysroot, exploration.study.toolchain.host, environment)


def _known(tools: ProfileTools, old: str, own: str) -> float | None:
    """Share of the functions that ran in a revision's own training which the old profile has too."""
    ran, before = (tools.covered_functions(Path(data)) for data in (own, old))
    return len(ran & before) / len(ran) if ran else None


def _row(name: str, own: _Explored, aged: _Explored, known: float | None) -> AgedRevision:
    study = own.study
    benches = []
    for bench in judged_benches(study):
        gains = [_gain(one.trial, bench.name) for one in (own, aged)]
        if gains[0] and gains[1]:
            benches.append(AgedBench(bench=bench.name, own=gains[0], aged=gains[1]))
    metric = size_metric(study)
    today = study.baseline_trial
    sizes = [one.value(metric) for one in (today, own.trial, aged.trial) if one]
    whole = tuple(size for size in sizes if size)
    return AgedRevision(
        name=name,
        benches=tuple(benches),
        known=known,
        sizes=(whole[0], whole[1], whole[2]) if len(whole) == 3 else None,  # noqa: PLR2004
        failure="" if benches else "no bench could be run with both",
    )


def _gain(trial: Trial, bench: str) -> Gain | None:
    paired = trial.get(ratio_metric(bench, RUN_WALL))
    if paired is None:
        return None
    low, high = (None, None) if paired.doubt else (paired.low, paired.high)
    return Gain(ratio=paired.value, low=low, high=high)


def _notes(study: Study) -> Iterator[str]:
    yield from study.project.notes
    yield "gains are of wall time in pairs with the program of the same revision without profile-guided optimization"
    if any(trial.trained and trial.trained.notes for trial in study.built):
        yield from dict.fromkeys(note for trial in study.built if trial.trained for note in trial.trained.notes)
