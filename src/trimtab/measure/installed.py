"""Wheels as users get them: installed, imported, and run.

Each wheel gets an environment of its own, into which pip installs it with what it needs. The *smoke check* tells a
wheel that works from one that merely was built: all its extension modules can be imported, its console scripts start,
and the user's own lines of Python work.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import signal
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path, PurePosixPath

from trimtab.errors import InputError
from trimtab.measure.runtime import Words
from trimtab.model.trial import Artifact, BuildFailed, Cause
from trimtab.pyproject.environments import Environment, error_line, install, make_environment
from trimtab.system.process import Command, Finished, Runner

_LIBRARY = re.compile(r"(?P<name>[A-Za-z_]\w*)(\.[\w-]+)?\.(so|pyd)")
_PROGRAM = re.compile(r"[^/]+\.data/scripts/(?P<name>[^/]+)")
_METADATA = re.compile(r"[^/]+\.dist-info/METADATA")
_TIMEOUT = 60.0
"""Seconds for one step of the smoke check."""
_LOG_LINES, _LONGEST = 30, 300
BENCH_VARIABLES = {"PYTHONSAFEPATH": "1", "PYTHONPATH": ""}
"""For whatever runs with a wheel installed: what lies in the folder, or beside a script, is not imported in its place.

Python knows the first of them since 3.11.
"""
_QUIET = {"RUST_BACKTRACE": "0", "RUST_LIB_BACKTRACE": "0"}
"""Has the last line of a panic be its message."""
_FIND = """\
import os, sys
from importlib.machinery import PathFinder
own = os.path.realpath(sys.prefix) + os.sep
for module in sys.argv[1:]:
    folders, place = None, ""
    for part in module.split("."):
        spec = PathFinder.find_spec(part, folders)
        if spec is None:
            break
        folders = spec.submodule_search_locations or ()
        place = os.path.realpath(spec.origin or next(iter(folders)))
    if place and not place.startswith(own):
        print("`import " + module + "` finds " + place)
        break
"""
"""Names the first of some modules that is found outside of the interpreter's own environment, importing none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Installer:
    """Installs wheels, each into an environment of its own, and keeps these."""

    runner: Runner
    tools: Environment
    """An environment with pip, made with the Python that is meant."""
    folder: Path
    """Parent folder of the environments."""
    environment: Mapping[str, str]
    program: str = ""
    """The console script that ``{bin}`` stands for; if left out, the only one there is, or that of the wheel's name."""
    smoke: str = ""
    """The user's own smoke check, in Python."""
    _kept: dict[tuple[str, bool], Environment] = field(default_factory=dict)

    def installed(self, wheel: Path, key: str, *, copied: bool = False) -> Environment:
        """An environment with a wheel in it; paths of all of them are of one length.

        Raises:
            InputError: pip cannot install it.
        """
        if kept := self._kept.get((key, copied)):
            return kept
        self.folder.mkdir(parents=True, exist_ok=True)
        folder = self.folder / f"{len(self._kept):04}"
        made = make_environment(self.runner, self.tools.python, folder, self.environment)
        finished = install(self.runner, self.tools, (str(wheel),), self.environment, into=made)
        if not finished.ok:
            shutil.rmtree(folder, ignore_errors=True)
            raise InputError(f"pip cannot install it: {error_line(finished)}", where=wheel.name)
        self._kept[key, copied] = made
        return made

    @contextlib.contextmanager
    def words(self, artifact: Artifact, *, copied: bool) -> Iterator[Words]:
        """``{python}``, and ``{bin}`` where there is a console script; what is installed is kept for the next time."""
        wheel = Path(artifact.path)
        made = self.installed(wheel, artifact.sha256, copied=copied)
        words = {"{python}": made.python, "{module}": next(iter(modules_in(wheel)), "sys")}
        names = _meant(wheel, self.program)
        if len(names) == 1:
            words["{bin}"] = str(made.program(names[0]))
        yield words

    def check(self, artifact: Artifact) -> BuildFailed | None:
        """The smoke check of a wheel; what is wrong, or nothing."""
        wheel = Path(artifact.path)
        try:
            made = self.installed(wheel, artifact.sha256)
        except InputError as error:
            return BuildFailed(cause=Cause.INSTALL, message=error.what[:_LONGEST])
        for module in modules_in(wheel):
            if not (finished := self._python(made, f"import {module}")).ok:
                return _not_working(f"import {module}", finished)
        for name in programs_in(wheel):
            if failure := self._starts(made, name):
                return failure
        if self.smoke and not (finished := self._python(made, self.smoke)).ok:
            return _not_working("the smoke check of trimtab.toml", finished)
        return None

    def require_own_modules(self, artifact: Artifact, cwd: Path) -> None:
        """See that benches import what a wheel installs, and not what lies in the folder, such as a build in place.

        `BENCH_VARIABLES` see to that with Python 3.11 and later.

        Args:
            artifact: the wheel.
            cwd: where benches are run; ``python -c`` and ``python -m`` look there first.

        Raises:
            InputError: they would import something else, or pip cannot install it.
        """
        made = self.installed(Path(artifact.path), artifact.sha256)
        argv = (made.python, "-c", _FIND, *modules_in(Path(artifact.path)))
        environment = {**self.environment, **BENCH_VARIABLES}
        finished = self.runner.run(Command(argv=argv, cwd=cwd, environment=environment, timeout=_TIMEOUT))
        if finished.ok and (location := finished.stdout.strip()):
            raise InputError(
                f"benches would not run the wheel: {location}", where=str(cwd), hint="remove what is there"
            )

    def _starts(self, made: Environment, name: str) -> BuildFailed | None:
        """The failure of an installed program to start: it need not know an option, but it must not crash."""
        finished = self._run(made, (str(made.program(name)), "--version"))
        if not finished.ok and _fell_over(finished):
            return _not_working(f"{name} --version", finished)
        return None

    def _python(self, made: Environment, code: str) -> Finished:
        return self._run(made, (made.python, "-c", code))

    def _run(self, made: Environment, argv: tuple[str, ...]) -> Finished:
        with tempfile.TemporaryDirectory(prefix="trimtab-") as scratch:  # not where the module's sources may lie
            inside = {**made.inside(self.environment), **_QUIET}
            return self.runner.run(Command(argv=argv, cwd=Path(scratch), environment=inside, timeout=_TIMEOUT))


def modules_in(wheel: Path) -> list[str]:
    """Names to import to load the shared libraries of a wheel.

    A library that has an init function (``PyInit_NAME``) is an extension module. Any other is loaded by the package
    around it, as with cffi and uniffi. Its bytes are searched for that name: no other string of it is likely to end so.
    """
    modules = set()
    with zipfile.ZipFile(wheel) as archive:
        members = {_installed_at(PurePosixPath(name)): name for name in archive.namelist()}
        for path, name in members.items():
            match, folders = _LIBRARY.fullmatch(path.name), path.parts[:-1]
            if not match or not all(folder.isidentifier() for folder in folders):
                continue
            if f"PyInit_{match['name']}\0".encode() in archive.read(name):
                modules.add(".".join((*folders, match["name"])))
            elif path.with_name("__init__.py") in members:
                modules.add(".".join(folders))
    return sorted(modules - {""})


def programs_in(wheel: Path) -> list[str]:
    """The programs that a wheel installs: console scripts and binaries."""
    with zipfile.ZipFile(wheel) as archive:
        folder = next(name for name in archive.namelist() if _METADATA.fullmatch(name)).rpartition("/")[0]
        described = metadata.PathDistribution(zipfile.Path(archive, f"{folder}/"))
        scripts = {script.name for script in described.entry_points.select(group="console_scripts")}
    return sorted(scripts | {match["name"] for name in _names(wheel) if (match := _PROGRAM.fullmatch(name))})


def _meant(wheel: Path, program: str) -> list[str]:
    """The programs of a wheel that ``{bin}`` may stand for: one, if it is clear which."""
    names = programs_in(wheel)
    if program:
        return [name for name in names if name == program]
    distribution = wheel.name.partition("-")[0]
    own = [name for name in names if re.sub(r"[-_.]+", "_", name).lower() == distribution.lower()]
    return own if len(own) == 1 else names


def _installed_at(path: PurePosixPath) -> PurePosixPath:
    """Installed path of a member, relative to the folder of installed packages."""
    in_data = len(path.parts) > 1 and path.parts[0].endswith(".data") and path.parts[1] in ("platlib", "purelib")
    return PurePosixPath(*path.parts[2:]) if in_data else path


def _names(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


def _fell_over(finished: Finished) -> bool:
    return finished.exit_code < 0 or finished.timed_out or "Traceback" in finished.stderr


def _not_working(tried: str, finished: Finished) -> BuildFailed:
    lines = [line.strip() for line in finished.stderr.splitlines()]
    messages = [line for line in lines if line and not line.startswith("note: ")]  # Rust's hint at backtraces
    if finished.timed_out:
        ended = finished.ended
    elif finished.exit_code < 0:
        ended = f"the interpreter or program is ended by {signal.Signals(-finished.exit_code).name}"
    else:
        ended = f"exit code {finished.exit_code}"
    message = f"{tried}: {ended}" + (f": {messages[-1]}" if messages else "")
    cause = Cause.INSTALL if finished.timed_out else Cause.SMOKE
    return BuildFailed(cause=cause, message=message[:_LONGEST], log=tuple(messages[-_LOG_LINES:]), wall=finished.wall)
