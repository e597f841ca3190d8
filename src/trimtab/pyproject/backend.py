"""Calling a project's build backend through its hooks (PEP 517), each call a process of its own."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from trimtab.errors import InputError, MissingError
from trimtab.pyproject.environments import Environment, clean, error_line, kept_tools
from trimtab.pyproject.project import WheelProject
from trimtab.system.process import Command, Finished, Runner

if TYPE_CHECKING:
    from pyproject_hooks import BuildBackendHookCaller

EXTRA = "install what wheels need: pip install 'trimtab[wheels]'"
_MOST_ASKED = 120.0
"""Seconds in which a backend must say what it needs."""


class HookFailedError(Exception):
    """A hook did not succeed; how its process ended tells why."""

    def __init__(self, finished: Finished) -> None:
        super().__init__(finished.ended)
        self.finished = finished


@dataclass(frozen=True, kw_only=True, slots=True)
class Backend:
    """A build backend, installed."""

    project: WheelProject
    tools: Environment
    """Environment in which it is installed, with pip beside it."""
    versions: tuple[str, ...]
    """Python and everything installed there: part of what makes two builds the same."""

    def build_wheel(self, source: Path, folder: Path, run: Callable[[Command], Finished]) -> Path:
        """Build a wheel into a folder.

        Args:
            source: where the project lies; the backend may write there.
            folder: where the wheel is to go.
            run: runs the command with which the hook is called; its environment is what the hook asks for alone.

        Raises:
            HookFailedError: it cannot be built.
        """
        return folder / _hooks(self.project, self.tools, source, run).build_wheel(str(folder))


def find_backend(
    runner: Runner,
    project: WheelProject,
    python: str,
    cache: Path,
    copy: Callable[[Path], Path],
    environment: Mapping[str, str],
) -> Backend:
    """Install a project's build backend with all that it asks for; what is there already is used again.

    Args:
        runner: runs Python and pip.
        project: the project.
        python: the interpreter that the wheels are for.
        cache: where environments are kept.
        copy: puts a copy of the sources into a folder, and returns where the project lies in it: a backend that is
            asked may write there.
        environment: the user's.

    Raises:
        InputError: it cannot be installed or loaded.
        MissingError: there is no such Python, or no library to call the backend with.
    """
    tools = kept_tools(runner, python, cache, project.requires, environment)
    with tempfile.TemporaryDirectory(prefix="trimtab-") as scratch:
        more = _asked(runner, project, tools, copy(Path(scratch) / "tree"), environment)
    if more:  # in an environment of its own: the other one is that of every project with these requirements
        tools = kept_tools(runner, python, cache, (*project.requires, *more), environment)
    versions = [
        runner.run(Command(argv=(tools.python, *arguments), environment=clean(environment))).stdout
        for arguments in (("-VV",), ("-m", "pip", "--disable-pip-version-check", "list", "--format=freeze"))
    ]
    return Backend(project=project, tools=tools, versions=tuple("".join(versions).splitlines()))


def _asked(
    runner: Runner, project: WheelProject, tools: Environment, source: Path, environment: Mapping[str, str]
) -> tuple[str, ...]:
    """Requirements that the backend comes up with when it is asked."""

    def run(command: Command) -> Finished:
        around = {**tools.inside(environment), **command.environment}
        return runner.run(replace(command, environment=around, timeout=_MOST_ASKED))

    hooks = _hooks(project, tools, source, run)
    from pyproject_hooks import BackendUnavailable

    try:
        return tuple(map(str, hooks.get_requires_for_build_wheel()))
    except HookFailedError as error:
        why = error_line(error.finished)
    except BackendUnavailable as error:
        why = str(error) or "it cannot be imported"
    raise InputError(f"the build backend {project.backend} fails: {why}", where=str(project.root))


def _hooks(
    project: WheelProject, tools: Environment, source: Path, run: Callable[[Command], Finished]
) -> BuildBackendHookCaller:
    try:
        from pyproject_hooks import BuildBackendHookCaller
    except ImportError:
        raise MissingError("building wheels takes pyproject-hooks, which is not installed", hint=EXTRA) from None

    def call(cmd: Sequence[str], cwd: str | None = None, extra_environ: Mapping[str, str] | None = None) -> None:
        finished = run(Command(argv=tuple(cmd), cwd=Path(cwd or source), environment=dict(extra_environ or {})))
        if not finished.ok:
            raise HookFailedError(finished)

    return BuildBackendHookCaller(
        str(source), project.backend, project.backend_path or None, runner=call, python_executable=tools.python
    )
