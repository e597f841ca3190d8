"""Building the trained program or wheel that ships, in one step, for a release job."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from trimtab.builders.training import program_at
from trimtab.builders.work_folder import hold_workplace
from trimtab.choice.table import label
from trimtab.commands.pgo.model import OptimizedBuild
from trimtab.errors import InputError, NothingBuiltError
from trimtab.experiment.build_messages import BuildMessages
from trimtab.experiment.exploration import Exploration
from trimtab.experiment.prepare import prepare
from trimtab.experiment.request import Request
from trimtab.model.plan import ProbeKind
from trimtab.model.space import parse_axis
from trimtab.model.trial import BuildFailed, Built
from trimtab.store.kept import keeping
from trimtab.system.paths import Folders
from trimtab.system.process import Runner

_SWITCH = {True: "on", False: "off"}


def build(
    request: Request,
    output: Path | None,
    folders: Folders,
    runner: Runner | None = None,
    *,
    pgo: bool = True,
    pgo_hot: int | None = None,
    bolt: bool = False,
    on_message: Callable[[str], None] = lambda _: None,
) -> OptimizedBuild:
    """Build what ships with the profile that ships, trained; nothing is measured but what building takes.

    Args:
        request: the project, its training or profile data; its axes are not looked at.
        output: folder for the programs or the wheel and the profile data; ``pgo`` where Cargo has its own if ``None``.
        folders: cache and store.
        runner: runs Cargo and all other programs.
        pgo: whether the compiler uses a profile.
        pgo_hot: how much of what was counted is hot code, in millionths; LLVM's own share if ``None``.
        bolt: whether BOLT lays the linked program out anew.
        on_message: called with the steps.

    Raises:
        InputError: wrong arguments, configuration or project, or the output cannot be written.
        MissingError: Cargo, ``llvm-profdata`` or BOLT is missing.
        NothingBuiltError: a build, the training or the profile data fails.
    """
    if not (pgo or bolt):
        raise InputError("nothing to train for", hint="leave out --no-pgo, or add --bolt")
    if pgo_hot is not None and not pgo:
        raise InputError("--pgo-hot is about the profile that --no-pgo leaves out", hint="leave out one of them")
    texts = (f"pgo={_SWITCH[pgo]}", f"bolt={_SWITCH[bolt]}", *([f"pgo-hot={pgo_hot}"] if pgo_hot else []))
    axes = tuple(map(parse_axis, texts))
    settled = replace(request, axes=axes, probes=frozenset({ProbeKind.BUILD}))
    with keeping(folders):
        exploration = prepare(settled, folders, runner)
        folder = output or exploration.project.target_directory / exploration.plan.selection.target / "pgo"
        with hold_workplace(folders.cache) as work:
            built = _built(exploration, work, on_message)
            exploration.sources.check_unchanged()
            return _written(exploration, built, folder)


def _built(exploration: Exploration, work: Path, on_message: Callable[[str], None]) -> Built:
    profile = next(profile for profile in exploration.profiles if profile.is_trained)
    name = label(profile, exploration.today.profile)
    wheels = exploration.wheels
    stage = (
        partial(wheels.installer(exploration.runner, work, exploration.environment).words, copied=False)
        if wheels
        else program_at
    )
    on_message(f"{name}: building, training and building again")
    builder = exploration.builder(work, work / "kept", stage)
    built = builder.build(profile, touch=False, on_progress=BuildMessages(name, on_message))
    if isinstance(built, BuildFailed):
        for line in built.log:
            on_message(line)
        raise NothingBuiltError(f"{name} cannot be built: {built.message}", hint="mend that and run the same again")
    if built.trained and built.trained.matched == 0:
        raise NothingBuiltError(
            "the profile is of another version: none of its counts is of a function of this program",
            hint="rustc names functions by their crate's version, so a profile serves one version: train again",
        )
    return built


def _written(exploration: Exploration, built: Built, folder: Path) -> OptimizedBuild:
    assert built.trained, "a trained profile was built"
    data = built.trained.profile_data
    try:
        folder.mkdir(parents=True, exist_ok=True)
        files = tuple(_copied(Path(artifact.path), folder) for artifact in built.artifacts)
        profile_data = _copied(Path(data.path), folder) if data else None
    except OSError as error:
        raise InputError(
            f"cannot write into this folder: {error.strerror}", where=str(folder), hint="choose another with --output"
        ) from None
    return OptimizedBuild(
        project=exploration.study.project,
        profile=next(profile for profile in exploration.profiles if profile.is_trained),
        files=files,
        profile_data=profile_data,
        account=built.trained,
        cost=built.clean,
        notes=(*exploration.study.project.notes, *built.trained.notes),
    )


def _copied(file: Path, folder: Path) -> Path:
    """A file in another folder, whole or not at all: a job may be interrupted, and the old one may be running."""
    draft, final = folder / f".{file.name}.draft", folder / file.name
    try:
        shutil.copy2(file, draft)
        draft.replace(final)
    finally:
        draft.unlink(missing_ok=True)
    return final
