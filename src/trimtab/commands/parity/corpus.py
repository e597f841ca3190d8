"""The inputs of a check: files that a glob matches, projects in a folder, and packages that are fetched."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from trimtab.artifact.archives.unpack import extract
from trimtab.artifact.pypi import PREFIX as WHEEL
from trimtab.artifact.pypi import published_wheel
from trimtab.cargo.registry import PREFIX as CRATE
from trimtab.cargo.registry import published_crate
from trimtab.commands.parity.model import Input
from trimtab.errors import InputError
from trimtab.model.parity_check import ParityCheck
from trimtab.system.process import Runner
from trimtab.system.usage import mark_used
from trimtab.units import printable

_WILD = set("*?[")


@dataclass(frozen=True, kw_only=True, slots=True)
class Corpus:
    """Finds inputs, and fetches what is published."""

    root: Path
    """The folder that names in a check are relative to."""
    cache: Path
    runner: Runner
    environment: Mapping[str, str]

    def inputs(self, check: ParityCheck) -> tuple[Input, ...]:
        """All inputs of a check, in order; one without a source where it has none.

        Raises:
            InputError: there is nothing of that name, or a package cannot be fetched.
            MissingError: pip or Cargo is missing.
        """
        if not (check.inputs or check.projects or check.fetch):
            return (Input(name=check.name, project=check.name),)
        if check.projects or check.fetch:
            _require_below(check.inputs)
        projects = [*self._projects(check), *map(self._fetched, dict.fromkeys(check.fetch))]
        if not projects:
            inputs = list(self._files(check.inputs))
        elif check.inputs:
            inputs = [given for project in projects for given in _files_of(project, check.inputs)]
        else:
            inputs = projects
        if not inputs:
            where = f"{self.root}" if not projects else ", ".join(project.name for project in projects[:3])
            raise InputError(
                f"the check {check.name!r} has no inputs: nothing matches {check.inputs!r}", where=where,
                hint="a glob is relative to trimtab.toml, or to each project: corpus/**/*.py",
            )  # fmt: skip
        return tuple(_distinct(inputs))

    def beside(self, check: ParityCheck) -> dict[str, Path]:
        """The files that lie beside every input, by their place.

        Raises:
            InputError: one is not there.
        """
        paths = {_inside(name): self.root / name for name in check.files}
        for path in paths.values():
            if not path.exists():
                raise InputError(f"a file of the check {check.name!r} is not there", where=str(path))
        return paths

    def with_stdin(self, check: ParityCheck) -> ParityCheck:
        """The check with the whole path of the file that its runs read as standard input, if it is no input.

        Raises:
            InputError: there is no such file.
        """
        if check.stdin in ("", "{input}"):
            return check
        path = self.root / check.stdin
        if not path.is_file():
            raise InputError(
                f"the check {check.name!r} has no such file for stdin", where=str(path), hint="name a file"
            )
        return replace(check, stdin=str(path.absolute()))

    def _files(self, pattern: str) -> Iterator[Input]:
        """The files that a glob matches; the folder below its fixed part is their project."""
        fixed = _fixed_part(pattern)
        for path in sorted(_matching(self.root, pattern)):
            relative = _inside(os.path.relpath(path, self.root))
            below = path.relative_to(self.root / fixed).parts
            project = below[0] if len(below) > 1 else fixed.name or path.parent.name
            yield Input(name=printable(relative), project=printable(project), source=path, path=relative)

    def _projects(self, check: ParityCheck) -> Iterator[Input]:
        if not check.projects:
            return
        folder = self.root / check.projects
        names = sorted(entry.name for entry in os.scandir(folder) if entry.is_dir()) if folder.is_dir() else []
        if not names:
            raise InputError(f"the check {check.name!r} finds no projects", where=str(folder), hint="name their folder")
        for name in names:
            shown = printable(name)
            yield Input(name=shown, project=shown, source=folder / name, path=_inside(name))

    def _fetched(self, package: str) -> Input:
        if package.startswith(WHEEL):
            source = self._wheel(package)
        elif package.startswith(CRATE):
            source = published_crate(self.runner, package, self.cache / "crates", dict(self.environment))
        else:
            raise InputError(f"{package!r} cannot be fetched", hint="write pypi:NAME==VERSION or crate:NAME@VERSION")
        return Input(name=package, project=package, source=source, path=source.name)

    def _wheel(self, package: str) -> Path:
        """The files of a wheel, unpacked once."""
        wheel = published_wheel(self.runner, package, self.cache, self.environment)
        name = "-".join(wheel.name.split("-")[:2])
        folder = self.cache / "corpus" / wheel.parent.name / name
        if mark_used(folder):
            return folder
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".draft-", dir=folder.parent) as scratch:
            draft = Path(scratch) / "files"
            draft.mkdir()
            extract(wheel, draft)
            try:
                draft.rename(folder)
            except OSError:
                if not folder.exists():  # else another process was quicker, with the same files
                    raise
        mark_used(folder)
        return folder


def _distinct(inputs: Iterable[Input]) -> Iterator[Input]:
    """The same inputs with a number behind each name that was there before: printed, different names can look alike."""
    seen = set[str]()
    for given in inputs:
        name, number = given.name, 1
        while name in seen:
            number += 1
            name = f"{given.name}#{number}"
        seen.add(name)
        yield replace(given, name=name)


def _require_below(pattern: str) -> None:
    """A glob for projects stays in them: what lies elsewhere would be copied to elsewhere."""
    if ".." in Path(pattern).parts or Path(pattern).anchor:
        raise InputError(
            f"the glob {pattern!r} leads out of the projects", hint="it is looked for in each of them: **/*.py"
        )


def _files_of(project: Input, pattern: str) -> Iterator[Input]:
    """The files of a project that a glob matches, each an input by itself."""
    assert project.source
    for path in sorted(_matching(project.source, pattern)):
        below = path.relative_to(project.source)
        yield Input(
            name=printable(f"{project.name}/{below}"),
            project=project.name,
            source=path,
            path=str(PurePosixPath(project.path, below)),
        )


def _matching(folder: Path, pattern: str) -> Iterator[Path]:
    """Files below a folder; links to folders are not followed, so that there are no circles."""
    try:
        base, rest = (Path(Path(pattern).anchor), pattern.lstrip("/")) if pattern.startswith("/") else (folder, pattern)
        yield from (path for path in base.glob(rest) if path.is_file())
    except (ValueError, NotImplementedError, OSError) as error:
        raise InputError(f"the glob {pattern!r} cannot be used: {error}", where=str(folder)) from None


def _fixed_part(pattern: str) -> Path:
    """The folders of a glob before the first that has a wildcard."""
    parts = []
    for part in Path(pattern).parts[:-1]:
        if _WILD & set(part):
            break
        parts.append(part)
    return Path(*parts)


def _inside(path: str) -> str:
    """A place for a copy: what lies above the folder lies in it there, and none is taken for an option."""
    parts = [part for part in PurePosixPath(path).parts if part not in ("..", "/")]
    path = str(PurePosixPath(*parts))
    return f"./{path}" if path.startswith("-") else path
