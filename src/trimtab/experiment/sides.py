"""Sides of a comparison: files that are there, files that are fetched, and programs to build."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from trimtab.artifact.programs import programs
from trimtab.artifact.pypi import PREFIX, published_wheel
from trimtab.builders.work_folder import is_intact
from trimtab.cargo.git import checkout, profile_names, revision_of
from trimtab.cargo.profiles.rustflags import flags_in_force
from trimtab.cargo.project import find_manifest, load_project
from trimtab.cargo.registry import PREFIX as CRATE
from trimtab.choice.table import choose_trial
from trimtab.errors import InputError
from trimtab.experiment.exploration import Exploration
from trimtab.experiment.prepare import prepare
from trimtab.experiment.protocols import Progress
from trimtab.experiment.request import Request
from trimtab.experiment.run import require_built, run
from trimtab.experiment.wheels import wheel_meant
from trimtab.model.plan import ProbeKind
from trimtab.model.profile import Profile
from trimtab.model.study import Study
from trimtab.model.trial import Artifact, Trial
from trimtab.store.sqlite import SqliteStore
from trimtab.system.paths import Folders
from trimtab.system.process import Runner

_REVISION = 12
_KNOWN = "name a file, pypi:NAME==VERSION, crate:NAME@VERSION, STUDY:TRIAL, a project's folder, a profile or a revision"


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """One side of a comparison."""

    name: str
    files: tuple[Path, ...]
    """Files to measure: the one that was named, or each program that was built."""
    programs: Mapping[str, Path]
    """Programs that can be run here, by name."""
    study: Study | None = None
    """Set where trimtab built it."""
    trial: Trial | None = None
    exploration: Exploration | None = None
    """Set where it was built just now."""

    @property
    def wheel(self) -> Path | None:
        """The wheel that it is, if it is one."""
        return self.files[0] if len(self.files) == 1 and self.files[0].suffix == ".whl" else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Finder:
    """Finds out what words mean, and builds what has to be built."""

    folders: Folders
    runner: Runner
    scratch: Path
    """Folder for programs out of archives, as long as they are needed."""
    progress: Callable[[], contextlib.AbstractContextManager[Progress]]
    binaries: tuple[str, ...] = ()
    """The programs that are meant, where a project has several."""
    ships_wheel: bool = False
    """Whether projects ship the wheel of their Python project."""
    project: Path = Path()
    """The project whose profiles and revisions are meant."""
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))

    def find(self, *specs: str) -> tuple[Candidate, ...]:
        """A side for each word. All words are understood before anything is built: no build for a slip of the pen.

        Raises:
            InputError: see `understand`.
        """
        return tuple(make() for make in list(map(self.understand, specs)))

    def understand(self, spec: str) -> Callable[[], Candidate]:
        """One side: a file, a published wheel or crate, a trial, a project, a profile or a revision, in this order.

        Raises:
            InputError: it is none of these, or cannot be built.
            MissingError: a program that is needed for it is missing.
        """
        if os.path.isfile(spec):  # noqa: PTH113 - unlike Path.is_file, it raises nothing for a word too long for a path
            return partial(self._file, spec, Path(spec))
        if spec.startswith(PREFIX):
            return partial(self._wheel, spec)
        if spec.startswith(CRATE):
            return partial(self._build, spec, Request(path=spec))
        if named := trial_named(spec, self.folders):
            return partial(self._kept, spec, *named)
        if _is_project(spec):
            return partial(self._build, spec, Request(path=spec, wheel=self.ships_wheel))
        return self._of_the_project(spec)

    def _wheel(self, spec: str) -> Candidate:
        path = published_wheel(self.runner, spec, self.folders.cache, self.environment)
        name = spec if "==" in spec else f"{spec} ({'-'.join(path.name.split('-')[:2])})"  # which is the newest today
        return self._file(name, path)

    def _file(self, spec: str, path: Path) -> Candidate:
        return Candidate(name=spec, files=(path,), programs=programs(path, self.scratch, self.binaries))

    def _kept(self, spec: str, study: Study, trial: Trial) -> Candidate:
        """The binaries of a trial, which are kept."""
        if trial.failure:
            raise InputError(f"{spec} was not built: {trial.failure.message}", where=study.id)
        chosen = () if study.selection.wheel else self.binaries
        artifacts = [one for one in trial.artifacts if not chosen or one.name in chosen]
        require_intact(spec, artifacts)
        paths = {artifact.name: Path(artifact.path) for artifact in artifacts}
        runnable = programs(Path(artifacts[0].path), self.scratch) if study.selection.wheel else paths
        return Candidate(name=spec, files=tuple(paths.values()), programs=runnable, study=study, trial=trial)

    def _of_the_project(self, spec: str) -> Callable[[], Candidate]:
        """A profile or revision of the project, built unless that was done before."""
        try:
            wheel = wheel_meant(self.project, asked=self.ships_wheel)
            manifest = wheel.manifest if wheel else find_manifest(self.project)
        except InputError:
            raise self._unknown(spec, "there is no Cargo project here") from None
        project = load_project(self.runner, manifest, dict(self.environment))
        if spec in profile_names(project.manifest):
            return partial(self._build, spec, Request(path=str(self.project), profile=spec, wheel=self.ships_wheel))
        folder = wheel.root if wheel else manifest.parent
        if commit := revision_of(self.runner, spec, folder, self.environment):
            tree = checkout(self.runner, commit, folder, self.folders.cache / "revisions", self.environment)
            name = spec if commit.startswith(spec) else f"{spec} ({commit[:_REVISION]})"
            return partial(self._build, name, Request(path=str(tree), wheel=self.ships_wheel))
        raise self._unknown(spec, "it is no file, study, profile or revision of this project")

    def _unknown(self, spec: str, why: str) -> InputError:
        why = "there is no such file" if spec.startswith((os.sep, os.curdir)) else why
        return InputError(
            f"no such file, study, profile or revision: {spec!r} ({why})",
            hint=_KNOWN,
        )

    def _build(self, spec: str, request: Request) -> Candidate:
        """A project with the profile that ships, built by the loop of an exploration and kept in the same store."""
        settled = replace(
            request, binaries=self.binaries, axes=(), probes=frozenset({ProbeKind.BUILD}), command="trimtab compare"
        )
        with contextlib.closing(SqliteStore(self.folders.store)) as store, self.progress() as progress:
            exploration = prepare(settled, self.folders, self.runner)
            study = run(exploration, store, progress)
        require_built(study)
        assert study.baseline_trial
        return replace(self._kept(spec, study, study.baseline_trial), exploration=exploration)

    def sources(self, side: Candidate) -> tuple[Exploration, Profile]:
        """All that it takes to build a side once more, and the profile to do it with; a trained one with its counts.

        Raises:
            InputError: it has no sources, or they have changed.
        """
        if side.exploration:
            return side.exploration, side.exploration.today.profile
        if not side.study or not side.trial:
            raise InputError(
                f"{side.name} comes without sources", hint="name a profile, a revision, a project's folder or a trial"
            )
        chosen = side.study.selection
        settled = Request(
            path=side.study.project.folder or side.study.project.root, target=chosen.target,
            profile=chosen.profile, binaries=chosen.binaries, packages=chosen.packages,
            features=chosen.features, default_features=chosen.default_features, axes=(), wheel=chosen.wheel,
            python=chosen.python,
        )  # fmt: skip
        exploration = prepare(settled, self.folders, self.runner)
        if exploration.sources.digest != side.study.project.sources:
            raise InputError(f"the sources of {side.name} have changed since it was built", hint="explore again")
        profile, trained = side.trial.profile, side.trial.trained
        if trained and trained.profile_data:
            require_intact(side.name, (trained.profile_data,))
            use = f"-Cprofile-use={trained.profile_data.path}"
            profile = replace(profile, rustflags=(*profile.rustflags, use))
        if profile.rustflags:  # they come on top of those in force, which are asked for with an axis only
            flags = flags_in_force(self.runner, exploration.project, exploration.environment)
            exploration = replace(exploration, rustflags=flags)
        return exploration, profile


def _is_project(spec: str) -> bool:
    """Whether a word is a project's folder. A mere name takes a ``Cargo.toml`` there: it may be a profile or branch."""
    named = os.sep in spec or spec in (os.curdir, os.pardir) or os.path.isfile(os.path.join(spec, "Cargo.toml"))  # noqa: PTH113, PTH118 - as above
    return named and os.path.isdir(spec)  # noqa: PTH112 - as above


def common_program(sides: tuple[Candidate, Candidate], wanted: Sequence[str]) -> tuple[Path, Path]:
    """The program of each side that is run: the one they have in common, or the only one of each.

    Raises:
        InputError: there is none, or more than one.
    """
    base, head = (
        {name: path for name, path in side.programs.items() if len(side.programs) == 1 or not wanted or name in wanted}
        for side in sides
    )
    common = [name for name in base if name in head]
    if len(common) == 1:
        return base[common[0]], head[common[0]]
    if not common and len(base) == len(head) == 1:
        return next(iter(base.values())), next(iter(head.values()))
    names = ", ".join(sorted({name for side in sides for name in side.programs}))
    raise InputError(f"which program is to be run? There are {names}", hint="choose one of both sides with --bin NAME")


def require_intact(spec: str, artifacts: Iterable[Artifact]) -> None:
    """Raise where a kept program is no longer what was built.

    Raises:
        InputError: it is not there, or has other bytes.
    """
    for artifact in artifacts:
        if not is_intact(artifact):
            what = "is damaged" if Path(artifact.path).exists() else "is not here"
            raise InputError(
                f"the binary of {spec} {what}", where=artifact.path, hint="explore again: it is built again then"
            )


def trial_named(spec: str, folders: Folders) -> tuple[Study, Trial] | None:
    """The trial that ``STUDY:TRIAL`` names; ``None`` if the word has another form.

    Raises:
        InputError: there is no such study or trial.
    """
    study_id, colon, name = spec.partition(":")
    if not colon or not study_id or "/" in study_id:
        return None
    if not folders.store.exists():
        raise InputError(
            f"there is no study {study_id!r}", where=str(folders.store), hint="`trimtab explore` makes one"
        )
    with contextlib.closing(SqliteStore(folders.store)) as store:
        study = store.load(study_id)
    return study, choose_trial(study, name)
