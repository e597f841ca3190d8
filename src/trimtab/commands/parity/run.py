"""Parity of two programs: here the parts of ``trimtab parity`` are put together.

>>> import trimtab
>>> check = {"lint": "{bin} check --isolated {input}"}
>>> trimtab.parity("pypi:ruff==0.14.0", "pypi:ruff==0.14.1", check, inputs="corpus/**/*.py").differ  # doctest: +SKIP
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from trimtab.commands.parity.cargo_test import cargo_tests
from trimtab.commands.parity.corpus import Corpus
from trimtab.commands.parity.model import CheckResult, Input, Parity
from trimtab.commands.parity.programs import place_programs
from trimtab.commands.parity.runner import DifferentialRunner
from trimtab.commands.parity.summary import caveats, summed
from trimtab.config.file import NAME, distinct_checks, parse_check, read_config
from trimtab.errors import InputError
from trimtab.experiment.protocols import Progress, SilentProgress
from trimtab.experiment.sides import Candidate, Finder
from trimtab.model.parity_check import SMOKE_CHECKS, ParityCheck
from trimtab.store.kept import keeping
from trimtab.system.machine import this_machine, usable_cores
from trimtab.system.paths import Folders, default_folders
from trimtab.system.process import Runner, SystemRunner


@dataclass(frozen=True, kw_only=True, slots=True)
class ParityRequest:
    """Sides, checks and options of a parity run."""

    base: str
    head: str
    checks: tuple[ParityCheck, ...] = ()
    """Those of ``trimtab.toml`` if there are none, else smoke runs."""
    binaries: tuple[str, ...] = ()
    """The program that is meant, where there are several."""
    jobs: int | None = None
    """Inputs at a time; as many as there are cores if left out."""
    timeout: float | None = None
    """Seconds for one run, whatever a check says."""
    tests: bool = True
    """Whether to run the project's own tests too, where both sides are built here."""
    command: str = ""
    """The command line that repeats it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ParityContext:
    """Folders, environment and callbacks of a parity run."""

    folders: Folders
    runner: Runner
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    progress: Callable[[], contextlib.AbstractContextManager[Progress]] = field(
        default=lambda: contextlib.nullcontext(SilentProgress())
    )
    on_progress: Callable[[str, int, int], None] = lambda _name, _done, _all: None
    """Called after every input with the name of the check, the inputs done, and all of them."""
    on_message: Callable[[str], None] = lambda _: None
    """Called with a line on each longer step."""


def parity(
    base: str | Path,
    head: str | Path,
    checks: Mapping[str, str] | None = None,
    *,
    inputs: str = "",
    bins: Sequence[str] = (),
    jobs: int | None = None,
    timeout: float | None = None,
    tests: bool = True,
    store: str | Path | None = None,
) -> Parity:
    """Run two programs on the same inputs and compare what they do.

    Args:
        base: a program, wheel or archive, ``pypi:NAME==VERSION``, ``STUDY:TRIAL``, ``crate:NAME@VERSION``, a Cargo
            project's folder, or a profile or git revision of the Cargo project in the current folder.
        head: the same, for the other side.
        checks: name → command with ``{bin}`` and ``{input}`` in it; those of ``trimtab.toml`` if left out.
        inputs: the files that stand for ``{input}`` in these checks, as a glob below the current folder.
        bins: the program that is meant, where there are several.
        jobs: inputs to run at a time; one for each core if left out.
        timeout: seconds for one run.
        tests: whether to run ``cargo test`` too, where both sides are built here.
        store: file in which studies are kept; the user's own if left out.

    Raises:
        InputError: a side is nothing that is known, or a check has no inputs.
        MissingError: a program that is needed is missing, or no space is left.
        NothingBuiltError: a side could not be built.
    """
    parsed = (parse_check(f"{name}={command}") for name, command in (checks or {}).items())
    request = ParityRequest(
        base=str(base),
        head=str(head),
        checks=tuple(replace(check, inputs=inputs) for check in parsed),
        binaries=tuple(bins),
        jobs=jobs,
        timeout=timeout,
        tests=tests,
    )
    return run(request, ParityContext(folders=default_folders(store), runner=SystemRunner()))


def run(request: ParityRequest, context: ParityContext) -> Parity:
    """Find both sides and their inputs, and run them.

    An interrupt ends it early: what was run by then is reported, as not complete.

    Raises:
        InputError: see `parity`.
    """
    with keeping(context.folders):
        return _run(request, context)


def _run(request: ParityRequest, context: ParityContext) -> Parity:
    started = time.monotonic()
    declared, root = _declared(request)
    checks = declared or SMOKE_CHECKS
    if request.timeout:
        checks = tuple(replace(check, timeout=request.timeout) for check in checks)
    corpus = Corpus(root=root, cache=context.folders.cache, runner=context.runner, environment=context.environment)
    work = [
        _Work(check=corpus.with_stdin(check), inputs=corpus.inputs(check), beside=corpus.beside(check))
        for check in checks
    ]
    with tempfile.TemporaryDirectory(prefix="trimtab-") as scratch:
        finder = Finder(
            folders=context.folders,
            runner=context.runner,
            scratch=Path(scratch),
            progress=context.progress,
            binaries=request.binaries,
        )
        base_side, head_side = finder.find(request.base, request.head)
        result = Parity(
            base=base_side.name,
            head=head_side.name,
            identical=False,
            checks=(),
            machine=this_machine(),
            seconds=0.0,
            command=request.command,
        )
        programs = place_programs((base_side, head_side), checks, request.binaries, finder)
        if programs.identical:
            return replace(result, identical=True, seconds=time.monotonic() - started)
        differential = DifferentialRunner(
            runner=context.runner,
            environment=context.environment,
            folder=Path(scratch) / "runs",
            base=programs.base,
            head=programs.head,
            jobs=request.jobs or usable_cores(),
            on_progress=context.on_progress,
        )
        results = [_checked(differential, item, context.on_message) for item in work if not differential.interrupted]
        result = replace(result, checks=tuple(results), complete=not differential.interrupted)
        if request.tests and result.complete:
            result = _with_tests(result, finder, (base_side, head_side), context.on_message)
    undeclared = () if declared else ("nothing is declared: only --help and --version were run",)
    notes = (*undeclared, *programs.notes, *(note for check in result.checks for note in caveats(check)), *result.notes)
    return replace(result, notes=notes, seconds=time.monotonic() - started)


def _declared(request: ParityRequest) -> tuple[tuple[ParityCheck, ...], Path]:
    """The checks that are asked for or in ``trimtab.toml``, and the folder that names in them are relative to.

    The file is that of this folder or of the next one above it that has one, in the same repository.
    """
    here = Path.cwd()
    if checks := distinct_checks(request.checks):
        return checks, here
    for folder in (here, *here.parents):
        if (folder / NAME).is_file():
            return read_config(folder).checks, folder
        if (folder / ".git").exists():
            break
    return (), here


@dataclass(frozen=True, kw_only=True, slots=True)
class _Work:
    """A check with its inputs."""

    check: ParityCheck
    inputs: tuple[Input, ...]
    beside: Mapping[str, Path]


def _checked(differential: DifferentialRunner, work: _Work, on_message: Callable[[str], None]) -> CheckResult:
    on_message(f"{work.check.name}: {len(work.inputs)} input{'s' * (len(work.inputs) != 1)}")
    return summed(work.check.name, work.check.command, differential.results(work.check, work.inputs, work.beside))


def _with_tests(
    result: Parity, finder: Finder, sides: tuple[Candidate, Candidate], on_message: Callable[[str], None]
) -> Parity:
    """The same, with the project's own tests where trimtab has built both sides."""
    if not all(side.exploration or side.trial for side in sides):
        return result
    try:
        base, head = (finder.sources(side) for side in sides)
        results, notes = cargo_tests(base, head, on_message)
    except InputError as error:
        return replace(result, notes=(*result.notes, f"cargo test compared nothing: {error.what}"))
    except KeyboardInterrupt:
        return replace(result, complete=False)
    return replace(result, checks=(*result.checks, *results), notes=(*result.notes, *notes))
