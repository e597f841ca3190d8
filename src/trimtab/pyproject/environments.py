"""Virtual environments: one with the build backend, and one for each wheel that is tried.

An environment for a wheel is made without pip, which would take seconds: the backend's installs into it
(``pip --python``, pip's user guide).
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from trimtab.errors import InputError, MissingError
from trimtab.system.paths import hold_lock
from trimtab.system.process import Command, Finished, Runner
from trimtab.system.usage import mark_used

_UNWANTED = (
    "PYTHONPATH",
    "PYTHONHOME",
    "VIRTUAL_ENV",
    "PIP_TARGET",
    "PIP_PREFIX",
    "PIP_USER",
    "PIP_REQUIRE_VIRTUALENV",
)
"""Variables that put other packages into an environment, or have pip install elsewhere."""
_PIP = "pip>=23.1"
_COMPLETE = "complete"
"""A file that is made last."""
_QUIET = ("--disable-pip-version-check", "--no-input", "--quiet", "--no-color")


@dataclass(frozen=True, slots=True)
class Environment:
    """A virtual environment."""

    folder: Path

    @property
    def python(self) -> str:
        """Its interpreter."""
        return str(self.folder / "bin" / "python")

    def program(self, name: str) -> Path:
        """A script or program that is installed in it."""
        return self.folder / "bin" / name

    def inside(self, environment: Mapping[str, str]) -> dict[str, str]:
        """The user's environment as it is with this one activated."""
        path = f"{self.folder / 'bin'}{os.pathsep}{environment.get('PATH', os.defpath)}"
        return {**clean(environment), "PATH": path, "VIRTUAL_ENV": str(self.folder)}


def clean(environment: Mapping[str, str]) -> dict[str, str]:
    """The user's environment without what reaches into virtual environments."""
    return {name: value for name, value in environment.items() if name not in _UNWANTED}


def make_environment(
    runner: Runner, python: str, folder: Path, environment: Mapping[str, str], *, pip: bool = False
) -> Environment:
    """An empty virtual environment.

    Args:
        runner: runs Python.
        python: the interpreter.
        folder: where it is to lie; nothing may be there.
        environment: the user's.
        pip: whether pip is to be in it.

    Raises:
        MissingError: there is no such Python, or it cannot make one.
    """
    argv = (python, "-m", "venv", *(() if pip else ("--without-pip",)), str(folder))
    hint = "install it (on Debian: sudo apt-get install python3-venv), or name another with `python` in trimtab.toml"
    try:
        finished = runner.run(Command(argv=argv, environment=clean(environment)))
    except MissingError:
        raise MissingError(f"there is no Python called {python}", hint=hint) from None
    if not finished.ok:
        raise MissingError(f"{python} cannot make a virtual environment: {error_line(finished)}", hint=hint)
    return Environment(folder)


def install(
    runner: Runner,
    tools: Environment,
    requirements: tuple[str, ...],
    environment: Mapping[str, str],
    into: Environment | None = None,
) -> Finished:
    """Have pip install requirements or wheels.

    Args:
        runner: runs pip.
        tools: an environment with pip.
        requirements: as in pip's command line, or paths of wheels.
        environment: the user's, with pip's settings.
        into: where to; ``tools`` itself if left out.

    Returns:
        How that ended.
    """
    there = ("--python", into.python) if into else ()
    argv = (tools.python, "-m", "pip", *_QUIET, *there, "install", *requirements)
    return runner.run(Command(argv=argv, environment=clean(environment)))


def kept_tools(
    runner: Runner, python: str, cache: Path, requires: tuple[str, ...], environment: Mapping[str, str]
) -> Environment:
    """An environment with pip and what a build backend needs, made once and kept.

    Args:
        runner: runs Python and pip.
        python: the interpreter.
        cache: where environments are kept.
        requires: requirements beside pip.
        environment: the user's, with pip's settings.

    Raises:
        InputError: a requirement cannot be installed.
        MissingError: there is no such Python, or it cannot make an environment.
    """
    path = shutil.which(python, path=environment.get("PATH")) or python
    key = blake2b(repr((requires, os.path.realpath(path))).encode(), digest_size=8).hexdigest()
    folder = cache / key
    with hold_lock(cache / f"{key}.lock", wait=True):
        mark_used(folder)
        if not (folder / _COMPLETE).exists():
            shutil.rmtree(folder, ignore_errors=True)
            tools = make_environment(runner, python, folder, environment, pip=True)
            finished = install(runner, tools, (_PIP, *requires), environment)
            if not finished.ok:
                raise InputError(
                    f"the build backend cannot be installed: {error_line(finished)}",
                    where=", ".join(requires),
                    hint="check the network and `pip config list`",
                )
            (folder / _COMPLETE).touch()
        mark_used(folder)
    return Environment(folder)


def error_line(finished: Finished) -> str:
    """Error line of pip or Python, else the last line of output."""
    lines = [line.strip() for line in (finished.stderr or finished.stdout).splitlines() if line.strip()]
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    return (errors or lines or [finished.ended])[-1]
