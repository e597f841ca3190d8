"""All release targets under today's profile and a candidate: here the parts of ``trimtab targets`` are put together.

>>> import trimtab
>>> report = trimtab.targets("path/to/project", candidate=["lto=fat"])  # doctest: +SKIP
>>> print(report.headline)  # doctest: +SKIP
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from trimtab.builders.overlay import Overlay
from trimtab.builders.routes import CROSS, TargetToolchain, find_compiler
from trimtab.builders.work_folder import hold_workplace
from trimtab.cargo.git import profile_names
from trimtab.cargo.profiles.effective import effective_profile
from trimtab.cargo.project import fetch
from trimtab.choice.table import label
from trimtab.commands.targets.attempt import ProfileRequest, TargetTrials
from trimtab.commands.targets.cache import AttemptStore
from trimtab.commands.targets.model import TargetResult, TargetsReport, TargetStatus
from trimtab.commands.targets.overrides import flag_notes, proposals, training_notes
from trimtab.commands.targets.smoke_run import SmokeRunner
from trimtab.config.file import read_config
from trimtab.errors import InputError
from trimtab.experiment.exploration import Exploration
from trimtab.experiment.held_out import require_trainable
from trimtab.experiment.prepare import prepare
from trimtab.experiment.request import Request
from trimtab.experiment.sides import trial_named
from trimtab.model.plan import ProbeKind
from trimtab.model.profile import Profile, Switch, axis_kind, parse_axis_value
from trimtab.model.release_target import Discovery, Place, ReleaseTarget
from trimtab.release.targets import find_targets
from trimtab.store.kept import keeping
from trimtab.system.orphans import WORK_VARIABLE, kill_leftovers, work_mark
from trimtab.system.paths import Folders, default_folders
from trimtab.system.process import Runner, SystemRunner

_RUNS_NOT_CONTAINED = "this system gives no overlay: what --run runs can change the project's own tree"


@dataclass(frozen=True, kw_only=True, slots=True)
class TargetsRequest:
    """Project, targets, candidate and options of a run."""

    path: str = "."
    """A folder of a Cargo project, or ``crate:NAME[@VERSION]``."""
    targets: tuple[str, ...] = ()
    """Triples; those of ``trimtab.toml`` or else those that the project names, if there are none."""
    candidate: tuple[str, ...] = ()
    """``AXIS=VALUE``, a profile's name or ``STUDY:TRIAL``; today's profile alone if there is none."""
    toolchains: tuple[Path, ...] = ()
    """Folders with a ``cargo`` and a ``rustc``, for targets that the usual toolchain lacks."""
    profile: str = ""
    binaries: tuple[str, ...] = ()
    all_binaries: bool = False
    packages: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    default_features: bool = True
    arguments: tuple[str, ...] = ()
    """Arguments for every binary; ``--version`` or else ``--help`` if left out."""
    jobs: int | None = None
    timeout: float | None = None
    """Seconds for each build and each run."""
    fresh: bool = False
    """Build again what was built before."""
    command: str = ""


def targets(
    path: str | Path = ".",
    *,
    candidate: Sequence[str] = (),
    only: Sequence[str] = (),
    toolchains: Sequence[str | Path] = (),
    bins: Sequence[str] = (),
    arguments: Sequence[str] = (),
) -> TargetsReport:
    """Build and run a project's release targets under today's profile and under a candidate.

    Args:
        path: a folder of a Cargo project, or ``crate:NAME[@VERSION]``.
        candidate: ``AXIS=VALUE`` words, or one profile's name or ``STUDY:TRIAL``; today's profile alone if left out.
        only: triples of the targets; those that the project names if left out.
        toolchains: folders with further toolchains.
        bins: names of the binaries to ship, where there are several.
        arguments: what every binary is run with; ``--version`` or else ``--help`` if left out.

    Raises:
        InputError: wrong arguments, configuration or project.
        MissingError: Cargo or a named toolchain is missing.
    """
    request = TargetsRequest(
        path=str(path),
        targets=tuple(only),
        candidate=tuple(candidate),
        toolchains=tuple(map(Path, toolchains)),
        binaries=tuple(bins),
        arguments=tuple(arguments),
    )
    return run(request, default_folders(), SystemRunner())


def run(
    request: TargetsRequest, folders: Folders, runner: Runner, on_message: Callable[[str], None] = lambda _: None
) -> TargetsReport:
    """Build and run every target; see `targets`.

    Args:
        request: what is asked for.
        folders: where builds happen.
        runner: runs everything.
        on_message: called with each line of progress.
    """
    with keeping(folders):
        return _run(request, folders, runner, on_message)


def _run(request: TargetsRequest, folders: Folders, runner: Runner, on_message: Callable[[str], None]) -> TargetsReport:
    begun = time.monotonic()
    exploration = prepare(_exploring(request), folders, runner)
    compilers, notes = _compilers(request, exploration)
    known = frozenset().union(*(compiler.known for compiler in compilers))
    discovery = _wanted(request, exploration, known)
    base, candidate = _settings(request, exploration, folders)
    if candidate:
        _require_trainable(candidate.applied(exploration.today.profile), exploration)
    with hold_workplace(folders.cache) as work:
        over = exploration.overlay_in(work)
        trials = TargetTrials(
            exploration=exploration,
            base=base,
            candidate=candidate,
            fresh=request.fresh,
            work=work,
            overlay=over,
            compilers=compilers,
            attempts=AttemptStore(folders.cache / "targets"),
            smoke_runner=_smoke_runner(request, exploration, folders, work, over),
            on_message=on_message,
        )
        try:
            results = tuple(trials.result(target) for target in discovery.targets)
        finally:
            kill_leftovers(work)  # wine's own server among them
    today = exploration.today.profile
    candidate_profile = candidate.applied(trials.today(compilers[0], candidate.selection)) if candidate else None
    broken = [result for result in results if result.standing is TargetStatus.BREAKS]
    return TargetsReport(
        project=exploration.study.project.name,
        root=exploration.study.project.root,
        profile_name=base.selection.profile,
        base=today,
        candidate=candidate_profile,
        candidate_label=_label(base, candidate, candidate_profile, today),
        results=results,
        proposals=proposals(broken, candidate.selection.profile) if candidate else (),
        machine=exploration.study.machine,
        seconds=time.monotonic() - begun,
        notes=(
            *notes,
            *discovery.notes,
            *exploration.study.project.notes,
            f"toolchains: {'; '.join(compiler.toolchain.rustc for compiler in compilers)}",
            *flag_notes(broken),
            *training_notes(broken),
            *(_untrained(results) if candidate_profile and candidate_profile.is_trained else ()),
            *(_crossed(results) if over else ()),
            *((_RUNS_NOT_CONTAINED,) if request.arguments and not over else ()),
        ),
        command=request.command,
    )


def _exploring(request: TargetsRequest) -> Request:
    return Request(
        path=request.path, profile=request.profile, binaries=request.binaries, all_binaries=request.all_binaries,
        packages=request.packages, features=request.features, default_features=request.default_features, axes=(),
        probes=frozenset({ProbeKind.BUILD}), each_target=True, jobs=request.jobs, timeout=request.timeout,
    )  # fmt: skip


def _smoke_runner(
    request: TargetsRequest, exploration: Exploration, folders: Folders, work: Path, over: Overlay | None
) -> SmokeRunner:
    return SmokeRunner(
        runner=exploration.runner,
        host=exploration.study.toolchain.host,
        cache=folders.cache,
        work=work,
        project=exploration.project.root,
        libraries=frozenset(binary.name for binary in exploration.binaries if binary.is_library),
        overlay=over,
        configuration=exploration.today.configuration,
        arguments=request.arguments,
        timeout=exploration.plan.run_timeout,
        environment={**exploration.environment, WORK_VARIABLE: work_mark(work)},
    )


def _compilers(request: TargetsRequest, exploration: Exploration) -> tuple[tuple[TargetToolchain, ...], list[str]]:
    """The toolchain in force and the others that can read the project; notes about those that cannot."""
    runner, project, environment = exploration.runner, exploration.project, exploration.environment
    compilers, notes = [find_compiler(runner, project.root, environment)], list[str]()
    for folder in request.toolchains:
        other = find_compiler(runner, project.root, environment, folder)
        try:
            fetch(runner, project, dict(other.environment))
            effective_profile(
                runner, project, exploration.binaries, exploration.plan.selection, dict(other.environment)
            )
        except InputError as error:
            notes.append(f"{other.toolchain.rustc} ({other.toolchain.cargo}) was left out: {error.what}")
            continue
        compilers.append(other)
    return tuple(compilers), notes


def _wanted(request: TargetsRequest, exploration: Exploration, known: frozenset[str]) -> Discovery:
    """The targets to try: those that are named, else those that the project names, else this machine's own."""
    root, host = exploration.project.root, exploration.study.toolchain.host
    if request.targets:
        named = dict.fromkeys(name for operand in request.targets for name in operand.replace(",", " ").split())
        return Discovery(targets=tuple(_named(name, "--target") for name in named))
    if configured := read_config(root).targets:
        return Discovery(targets=tuple(_named(name, "trimtab.toml") for name in dict.fromkeys(configured)))
    discovery = find_targets(root, known)
    if discovery.targets:
        return discovery
    note = "the project names no targets: only this machine's own was tried; name others with --target"
    return Discovery(targets=(_named(host, "this machine"),), notes=(*discovery.notes, note))


def _named(triple: str, where: str) -> ReleaseTarget:
    return ReleaseTarget(triple=triple, places=(Place(file=where, line=0, said=triple),))


def _settings(
    request: TargetsRequest, exploration: Exploration, folders: Folders
) -> tuple[ProfileRequest, ProfileRequest | None]:
    """Today's profile and the candidate.

    Raises:
        InputError: a word that names no profile, or a candidate that is today's profile.
    """
    base = ProfileRequest(selection=exploration.plan.selection)
    if not request.candidate:
        return base, None
    candidate = base
    for operand in request.candidate:
        candidate = _with(operand, candidate, exploration, folders)
    same_name = candidate.selection == base.selection
    if same_name and candidate.applied(exploration.today.profile) == exploration.today.profile:
        raise InputError("the candidate is today's profile", where=" ".join(request.candidate), hint="name another")
    return base, candidate


def _with(operand: str, candidate: ProfileRequest, exploration: Exploration, folders: Folders) -> ProfileRequest:
    name, equals, value = operand.partition("=")
    if equals and ":" not in name:
        axis = axis_kind(name.strip())
        return replace(candidate, changes=(*candidate.changes, (axis.name, parse_axis_value(axis, value))))
    if candidate.changes or candidate.whole:
        raise InputError(f"{operand!r} comes too late", hint="name a profile or trial first, then AXIS=VALUE")
    if operand in profile_names(exploration.project.manifest):
        return replace(candidate, selection=replace(candidate.selection, profile=operand))
    if named := trial_named(operand, folders):
        return replace(candidate, whole=named[1].profile)
    raise InputError(
        f"there is no profile {operand!r}",
        where=str(exploration.project.manifest),
        hint="name a profile, AXIS=VALUE such as lto=fat, or STUDY:TRIAL",
    )


def _require_trainable(candidate: Profile, exploration: Exploration) -> None:
    """Raise where a candidate is to be trained, and not even this machine's own program can be.

    Raises:
        InputError: there are no training commands, or nothing that they could run.
    """
    if candidate.pgo_hot is not None and candidate.pgo is Switch.OFF:
        raise InputError("pgo-hot is about a profile, and pgo is off", hint="add pgo=on")
    if candidate.is_trained:
        host, home = exploration.study.toolchain.host, exploration.home
        require_trainable((candidate,), exploration.plan, host, host, exploration.binaries, home)


def _untrained(results: Sequence[TargetResult]) -> tuple[str, ...]:
    """A note on targets whose programs do not run here, so that they were built without training."""
    triples = [one.target.triple for one in results if one.attempts and not one.attempts[-1].profile.is_trained]
    advice = "train on a machine where they run, or ship them plain; a profile of another target does not fit"
    return (
        f"left untrained, since they do not run here or are built elsewhere: {', '.join(triples)}; {advice}",
    ) * bool(triples)


def _crossed(results: Sequence[TargetResult]) -> tuple[str, ...]:
    """Notes on builds that an overlay does not contain."""
    triples = [result.target.triple for result in results if result.way == CROSS]
    note = "cross builds in containers that see the project's own tree: what a build script writes there stays"
    return (f"{', '.join(triples)}: {note}",) if triples else ()


def _label(base: ProfileRequest, candidate: ProfileRequest | None, profile: Profile | None, today: Profile) -> str:
    if not candidate or profile is None:
        return ""
    name = candidate.selection.profile
    if name == base.selection.profile:
        return label(profile, today)
    return f"{name} ({label(profile, today)})" if profile != today else name
