"""The programs of both sides, and the way each is run: linked into the sandbox, in its place, or out of a wheel."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import file_digest
from pathlib import Path

from trimtab.artifact.self_contained import companions, same_program
from trimtab.errors import InputError
from trimtab.experiment.sides import Candidate, Finder, common_program
from trimtab.measure.installed import BENCH_VARIABLES, Installer, programs_in
from trimtab.model.parity_check import ParityCheck
from trimtab.model.trial import Artifact
from trimtab.pyproject.environments import kept_tools

_TOKEN = "[program]"  # noqa: S105 - not a secret


@dataclass(frozen=True, kw_only=True, slots=True)
class Program:
    """One side's program."""

    linked: Path | None = None
    """The file that each sandbox links with all files beside it; ``None`` for a program that is run in its place."""
    values: Mapping[str, str] = field(default_factory=dict)
    """Placeholder → value, of a program that is run in its place."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables on top of the user's."""
    own_paths: OwnPaths | None = None
    """Paths that differ between the sides only because the programs lie in two places."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Programs:
    """Both sides."""

    base: Program
    head: Program
    identical: bool
    """Whether they are known to do the same without being run."""
    notes: tuple[str, ...] = ()


class OwnPaths:
    """Replaces the paths of both programs, on both sides alike, by one word."""

    def __init__(self, base: Path, head: Path) -> None:
        pairs = [_roots(base, head), _roots(Path(os.path.realpath(base)), Path(os.path.realpath(head)))]
        roots = sorted({str(path) for pair in pairs for path in pair}, key=len, reverse=True)
        self._paths = re.compile(rf"(?<![\w./-])(?:{'|'.join(map(re.escape, roots))})(?![\w.-])")
        names = "|".join(re.escape(path.name) for path in (base, head))
        self._names = (
            re.compile(rf"(?m)^(?P<usage>[Uu][Ss][Aa][Gg][Ee]:\s+)?(?:{names})(?(usage)(?![\w.-])|(?=:\s))")
            if base.name != head.name
            else None
        )

    def without(self, text: str) -> str:
        """The text with ``[program]`` in the place of either program's folder or, where it names itself, its name."""
        text = self._paths.sub(_TOKEN, text)
        return self._names.sub(lambda match: f"{match['usage'] or ''}{_TOKEN}", text) if self._names else text


def _roots(base: Path, head: Path) -> tuple[Path, Path]:
    """The folders from which on both paths go on alike; the paths themselves, if one would be the root folder."""
    ours, theirs = base, head
    while ours.name == theirs.name and ours != theirs and ours.name:
        ours, theirs = ours.parent, theirs.parent
    if ours == theirs or not ours.name or not theirs.name:
        return base, head
    return ours, theirs


def place_programs(
    sides: tuple[Candidate, Candidate], checks: Sequence[ParityCheck], wanted: Sequence[str], finder: Finder
) -> Programs:
    """Make both programs ready to be run, in the folder of the finder.

    Native programs are copied with the files beside them under one name, from which each run has a link: not even its
    own name is to differ. They are copied before the first run: later, a copy that is still open in a process that was
    just forked off for another run could not be executed. All else is run in its place. Wheels without a program for
    this system, and those whose interpreter a check wants, are installed into environments of their own.

    Raises:
        InputError: a side has no program, or not the one that is meant, or a wheel cannot be installed.
    """
    lacking = " and ".join(side.name for side in sides if not side.programs)
    uses_python = any("{python}" in argument for check in checks for argument in check.command)
    if (lacking or uses_python) and all(side.wheel for side in sides):
        return _installed(sides, checks, wanted, finder)
    if uses_python:
        raise InputError(
            "{python} is the interpreter of a wheel", hint="compare two wheels, or write the program's path"
        )
    if lacking:
        raise InputError(f"there is no program for this system in {lacking}", hint="name one that can be run here")
    base, head = common_program(sides, wanted)
    for side, path in zip(sides, (base, head), strict=True):
        if not os.access(path, os.X_OK):
            raise InputError(f"{side.name} may not be executed", where=str(path), hint="chmod +x, if it is a program")
    identical = same_program(base, head)
    beside = [companions(path) for path in (base, head)]
    if beside[0] is not None and beside[1] is not None and not identical:
        folder = finder.scratch / "sides"
        linked = (_copied(base, beside[0], folder / "0", base.name), _copied(head, beside[1], folder / "1", base.name))
        return Programs(base=Program(linked=linked[0]), head=Program(linked=linked[1]), identical=False)
    own_paths = OwnPaths(base.absolute(), head.absolute())
    programs = (Program(values={"{bin}": str(path.absolute())}, own_paths=own_paths) for path in (base, head))
    return Programs(
        base=next(programs),
        head=next(programs),
        identical=identical,
        notes=() if identical else ("the programs were run where they are, since they may need what lies there",),
    )


def _copied(program: Path, beside: Mapping[str, Path], folder: Path, name: str) -> Path:
    folder.mkdir(parents=True)
    for own, source in {**beside, name: program}.items():
        shutil.copyfile(source, folder / own)
        (folder / own).chmod(0o555 if os.access(source, os.X_OK) else 0o444)
    return folder / name


def _installed(
    sides: tuple[Candidate, Candidate], checks: Sequence[ParityCheck], wanted: Sequence[str], finder: Finder
) -> Programs:
    python = (sides[0].study.selection.python if sides[0].study else "") or sys.executable
    installer = Installer(
        runner=finder.runner,
        tools=kept_tools(finder.runner, python, finder.folders.cache / "backends", (), finder.environment),
        folder=finder.scratch / "environments",
        environment=finder.environment,
        program=wanted[0] if wanted else "",
    )
    placed: list[Program] = []
    digests = []
    for side in sides:
        assert side.wheel
        digests.append(digest := _digest(side.wheel))
        artifact = Artifact(name=side.wheel.name, size=side.wheel.stat().st_size, sha256=digest, path=str(side.wheel))
        with installer.words(artifact, copied=False) as values:
            placed.append(Program(values=dict(values), environment=BENCH_VARIABLES))
        if "{bin}" not in values and any("{bin}" in argument for check in checks for argument in check.command):
            raise InputError(
                f"which program of {side.name} is {{bin}}? There are {', '.join(programs_in(side.wheel)) or 'none'}",
                hint="choose one with --bin NAME, or write the check with {python}",
            )
    roots = [Path(program.values["{python}"]).parent.parent for program in placed]
    own_paths = OwnPaths(*roots)
    base, head = (replace(program, own_paths=own_paths) for program in placed)
    return Programs(base=base, head=head, identical=digests[0] == digests[1])


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()
