"""All that a project says about its release targets, put together."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path

from trimtab.errors import InputError
from trimtab.model.release_target import Discovery, Place, ReleaseTarget
from trimtab.release.cibuildwheel import CibuildwheelSettings
from trimtab.release.settings import read_cargo_config, read_dist, read_pyproject, read_rust_toolchain
from trimtab.release.workflows import Named, Workflow, read_workflow

_WORKFLOWS = ".github/workflows"
_DIST = ("dist-workspace.toml", "dist.toml", "Cargo.toml")
_PYPROJECT = "pyproject.toml"
_RUST_TOOLCHAIN = ("rust-toolchain.toml", "rust-toolchain")
_CARGO_CONFIG = (".cargo/config.toml", ".cargo/config")
_LARGEST = 1 << 20


def find_targets(root: Path, known: Collection[str]) -> Discovery:
    """The release targets of the project in a folder; the files of the repository that it lies in count.

    Args:
        root: the workspace's root.
        known: the triples that rustc knows.
    """
    top = next((folder for folder in (root, *root.parents) if (folder / ".git").exists()), root)
    folders = list(dict.fromkeys((root, top)))
    wanted = (*_DIST, _PYPROJECT, *_RUST_TOOLCHAIN, *_CARGO_CONFIG)
    paths = [path for folder in folders for name in wanted if (path := folder / name).is_file()]
    paths += sorted(path for path in (top / _WORKFLOWS).glob("*.y*ml") if path.is_file())
    texts, notes = {}, []
    for path in paths:
        name = str(path.relative_to(top))
        try:
            if path.stat().st_size > _LARGEST:
                raise InputError("it is larger than 1 MiB")
            texts[name] = path.read_text("utf-8")
        except (OSError, UnicodeDecodeError, InputError) as error:
            notes.append(f"{name} was not read: {error}")
    discovered = targets_in(texts, known)
    return Discovery(targets=discovered.targets, notes=(*notes, *discovered.notes))


def targets_in(texts: Mapping[str, str], known: Collection[str]) -> Discovery:
    """The release targets that some files name.

    What releases comes first: workflows that release, dist, wheel builders. Only where they name nothing count other
    workflows, and after them the targets that rustup and Cargo are set up for.

    Args:
        texts: path from the project's root → text.
        known: the triples that rustc knows.
    """
    notes: list[str] = []

    def read(names: Iterable[str], reader: Callable[[str, str], list[Named]]) -> list[Named]:
        targets = []
        for path in [path for path in texts if path in names or any(path.endswith(f"/{name}") for name in names)]:
            try:
                targets += reader(texts[path], path)
            except (InputError, AttributeError, TypeError) as error:  # a table that is no table is as wrong as no TOML
                notes.append(f"{path} was not read: {error}")
        return targets

    wheels = CibuildwheelSettings()

    def pyproject(text: str, path: str) -> list[Named]:
        nonlocal wheels
        named, wheels = read_pyproject(text, path)
        return named

    shipped = [*read(_DIST, read_dist), *read([_PYPROJECT], pyproject)]
    workflows = _workflows(texts, known, wheels, notes)
    releasing = _releasing(workflows)
    shipped += [named for workflow in workflows if workflow.file in releasing for named in workflow.named]
    used = [workflow for workflow in workflows if workflow.file in releasing]
    if not shipped and any(workflow.named for workflow in workflows):
        used = workflows
        shipped = [named for workflow in workflows for named in workflow.named]
        notes.append("no workflow says that it releases: the targets of all workflows are taken")
    if not shipped:
        shipped = [
            *read(_RUST_TOOLCHAIN, read_rust_toolchain),
            *read(_CARGO_CONFIG, lambda text, path: read_cargo_config(text, path, known)),
        ]
    notes += [note for workflow in used for note in workflow.notes]
    return Discovery(targets=_merged(shipped), notes=tuple(dict.fromkeys(notes)))


def _workflows(
    texts: Mapping[str, str], known: Collection[str], wheels: CibuildwheelSettings, notes: list[str]
) -> list[Workflow]:
    workflows = []
    for path, text in texts.items():
        if path.startswith(_WORKFLOWS):
            try:
                workflows.append(read_workflow(text, path, known, wheels))
            except InputError as error:
                notes.append(f"{path} was not read: {error}")
    return workflows


def _releasing(workflows: list[Workflow]) -> set[str]:
    """Files of the workflows that release, and of those that they call."""
    by_name = {workflow.file: workflow for workflow in workflows}
    releasing: set[str] = set()
    waiting = [workflow.file for workflow in workflows if workflow.releases]
    while waiting:
        file = waiting.pop()
        if file in by_name and file not in releasing:
            releasing.add(file)
            waiting += [f"{_WORKFLOWS}/{name}" for name in by_name[file].calls]
    return releasing


def _merged(named: Iterable[Named]) -> tuple[ReleaseTarget, ...]:
    places: dict[str, dict[Place, None]] = {}
    for triple, place in named:
        places.setdefault(triple, {})[place] = None
    return tuple(ReleaseTarget(triple=triple, places=tuple(triple_places)) for triple, triple_places in places.items())
