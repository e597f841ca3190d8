"""Comparing commands by their times: here the parts of ``trimtab bench`` are put together."""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import file_digest
from pathlib import Path

from trimtab.artifact.self_contained import companions, same_program
from trimtab.errors import InputError, MissingError
from trimtab.measure.counters import Counter, count_runs
from trimtab.measure.installed import BENCH_VARIABLES, Installer, programs_in
from trimtab.measure.paired import PairedBench, RunOptions
from trimtab.measure.runtime import command_line, standard_input
from trimtab.measure.series import BenchRuns, Case
from trimtab.measure.verdicts import rows_of, warnings_of
from trimtab.model.comparison import Comparison, Conditions, Mode
from trimtab.model.plan import Bench
from trimtab.model.trial import Artifact
from trimtab.system.launcher import timing_runner
from trimtab.system.machine import these_conditions, this_machine, times_throttled, usable_cores
from trimtab.system.paths import default_folders
from trimtab.system.process import Runner

TWO_BINARIES = "give --bin twice, as in --bin base=./old --bin head=./new"

_BUSY = 0.5


@dataclass(frozen=True, kw_only=True, slots=True)
class BenchPlan:
    """Candidates and cases: commands as they are, or one or more benches with several binaries."""

    cases: tuple[Case, ...]
    candidates: tuple[str, ...]
    """The baseline first."""


def commands_plan(commands: Sequence[tuple[str, tuple[str, ...]]], smallest: float) -> BenchPlan:
    """One case whose candidates are the commands themselves, the first of them the baseline.

    A command alone is timed, and compared with nothing.

    Args:
        commands: labels and arguments.
        smallest: change that matters, as a fraction.

    Raises:
        InputError: there is none.
    """
    if not commands:
        raise InputError("there is no command to run", hint="give one or more, or --bin twice and a command with {bin}")
    names = [text if [other for other, _ in commands].count(text) == 1 else f"{text} ({number})"
             for number, (text, _) in enumerate(commands, start=1)]  # fmt: skip
    words = dict(zip(names, (words for _, words in commands), strict=True))
    case = Case(name="bench", commands=words, null=commands[0][1], smallest=smallest)
    return BenchPlan(cases=(case,), candidates=tuple(names))


@contextlib.contextmanager
def binaries_plan(binaries: Mapping[str, Path], benches: Sequence[Bench]) -> Iterator[BenchPlan]:
    """A case for each bench, with each binary in the place of ``{bin}``.

    The binaries are run where they are, by paths of one length, since the length of a program's path moves its stack.
    The null control has a copy of its own where the baseline works elsewhere too.

    Args:
        binaries: name → file, the baseline first.
        benches: commands with ``{bin}`` in them.

    Raises:
        InputError: fewer than two binaries, or one that is not there.
    """
    if len(binaries) < 2:  # noqa: PLR2004
        raise InputError("there is nothing to compare", hint=TWO_BINARIES)
    base = next(iter(binaries))
    for path in binaries.values():
        _require_readable(path)
    identical = frozenset(name for name in list(binaries)[1:] if same_program(binaries[base], binaries[name]))
    with tempfile.TemporaryDirectory(prefix="trimtab-") as scratch:
        copy = _copied(binaries[base], Path(scratch))
        paths = of_one_length([path.absolute() for path in (*binaries.values(), copy)])
        commands = [{"{bin}": path} for path in paths]
        cases = tuple(
            Case(
                name=bench.name,
                commands={name: command_line(bench, words) for name, words in zip(binaries, commands, strict=False)},
                null=command_line(bench, commands[-1]),
                smallest=bench.smallest_change,
                identical=identical,
                stdin=standard_input(bench, Path.cwd()),
            )
            for bench in benches
        )
        yield BenchPlan(cases=cases, candidates=tuple(binaries))


def of_one_length(paths: Sequence[Path]) -> list[str]:
    """Absolute paths, those that are shorter than the longest one with further slashes before their last part."""
    longest = max(len(str(path)) for path in paths)
    return [f"{path.parent}{'/' * (longest - len(str(path)) + (path.parent.name != ''))}{path.name}" for path in paths]


def _copied(program: Path, folder: Path) -> Path:
    """A copy of a program and what must lie beside it; the program itself, where it works in its own place only."""
    beside = companions(program)
    if beside is None:
        return program
    for path in beside.values():
        shutil.copy2(path, folder / path.name)
    return Path(shutil.copy2(program, folder / program.name))


@contextlib.contextmanager
def wheels_plan(
    wheels: Mapping[str, Path], benches: Sequence[Bench], installer: Installer, cwd: Path
) -> Iterator[BenchPlan]:
    """A case for each bench, with each wheel installed in an environment of its own: ``{python}`` and ``{bin}`` of it.

    Args:
        wheels: name → file, the baseline first.
        benches: commands with ``{python}`` or ``{bin}`` in them.
        installer: installs them.
        cwd: where the benches are run.

    Raises:
        InputError: pip cannot install one, a bench would import something else, or has ``{bin}`` and there is no one
            program.
    """
    base = next(iter(wheels))
    artifacts = {
        name: Artifact(name=path.name, size=path.stat().st_size, sha256=_digest(path), path=str(path))
        for name, path in wheels.items()
    }
    with contextlib.ExitStack() as stack:
        words = {}
        for name, artifact in artifacts.items():
            try:
                words[name] = stack.enter_context(installer.words(artifact, copied=False))
            except InputError as error:  # both files may have one name
                raise InputError(f"{name}: {error.what}", where=error.where, hint=error.hint) from None
        if any("{python}" in word for bench in benches for word in bench.command):
            for artifact in artifacts.values():
                installer.require_own_modules(artifact, cwd)
        null = stack.enter_context(installer.words(artifacts[base], copied=True))
        for name, bench in itertools.product(wheels, benches):
            if any("{bin}" in word for word in command_line(bench, words[name])):
                raise InputError(
                    f"which program of {name} is {{bin}}? There are {', '.join(programs_in(wheels[name])) or 'none'}",
                    hint="choose one with --bin NAME, or write the bench with {python}",
                )
        cases = tuple(
            Case(
                name=bench.name,
                commands={name: command_line(bench, words[name]) for name in wheels},
                null=command_line(bench, null),
                variables=dict.fromkeys(wheels, BENCH_VARIABLES),
                smallest=bench.smallest_change,
                stdin=standard_input(bench, cwd),
                identical=frozenset(
                    name for name in list(wheels)[1:] if artifacts[name].sha256 == artifacts[base].sha256
                ),
            )
            for bench in benches
        )
        yield BenchPlan(cases=cases, candidates=tuple(wheels))


def _require_readable(path: Path) -> None:
    try:
        with path.open("rb"):
            pass
    except OSError as error:
        raise InputError(f"the binary cannot be read: {error.strerror}", where=str(path)) from None


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"the binary cannot be read: {error.strerror}", where=str(path)) from None


def bench(
    plan: BenchPlan,
    options: RunOptions,
    runner: Runner,
    *,
    counter: Counter | None = None,
    on_progress: Callable[[BenchRuns], None] = lambda _: None,
    command: str = "",
) -> tuple[Comparison, list[BenchRuns]]:
    """Run all cases and judge them.

    Args:
        plan: what is compared.
        options: how it is run.
        runner: runs commands.
        counter: counts what a few more runs execute.
        on_progress: called after every block.
        command: how to repeat it.

    Returns:
        The comparison, with the benches that failed, and all runs that it is made of.

    Raises:
        InputError: a helper command fails.
    """
    started, throttled = time.monotonic(), times_throttled()
    notes = list(_surroundings(these_conditions(options.environment, options.cwd or Path.cwd())))
    empty = nothing_run(plan.candidates, options, command)
    with timing_runner(runner, default_folders().cache) as (timed, note):
        notes += [note] if note else []
        try:
            measured = PairedBench(runner, options, timed).measure(
                plan.cases, on_progress, counter.metrics if counter else ()
            )
        except MissingError as error:
            return replace(empty, failures=(error.what,)), []
    if any(case.interrupted for case in measured):
        notes.append("interrupted: what was run by then is shown")
    elif counter:
        count_runs(counter, runner, options, measured)
        if any(case.counts for case in measured):
            notes.append(f"{counter.program}: {counter.method}")
    rows, null = rows_of(measured)
    comparison = replace(
        empty,
        rows=tuple(rows),
        null=tuple(null),
        failures=tuple(f"{case.case.name}: {case.failure}" for case in measured if case.failure),
        seconds=time.monotonic() - started,
        notes=(*notes, *_outputs(measured), *warnings_of(measured), *_heat(times_throttled() - throttled)),
    )
    return comparison, measured


def require_run(comparison: Comparison) -> None:
    """Raise where benches have failed, and nothing was measured.

    Raises:
        InputError: with the first of them.
    """
    if comparison.failures and not any(row.runs for row in comparison.rows if row.mode is Mode.PAIRED):
        raise InputError(
            comparison.failures[0],
            hint="see that the command runs by itself (a shell's features need --shell sh), or accept failures with "
            "--ignore-failure",
        )


def nothing_run(
    candidates: Sequence[str], options: RunOptions, command: str = "", notes: tuple[str, ...] = ()
) -> Comparison:
    """A comparison without benches, the baseline first."""
    return Comparison(
        base=candidates[0],
        heads=tuple(candidates[1:]),
        rows=(),
        null=(),
        machine=this_machine(),
        conditions=these_conditions(options.environment, options.cwd or Path.cwd()),
        seconds=0.0,
        notes=notes,
        command=command,
    )


def _heat(times: int) -> Iterator[str]:
    if times:
        yield f"CPUs were slowed down for heat {times:,} times meanwhile (the pairs do not mind)"


def _outputs(measured: Sequence[BenchRuns]) -> Iterator[str]:
    """Programs that print different amounts hardly do the same work."""
    for bench in measured:
        for name in bench.heads:
            base, head = bench.output.get(bench.base), bench.output.get(name)
            if not bench.case.reported and base is not None and head is not None and base != head:
                yield f"{bench.case.name}: {name} prints {head:,} bytes, {bench.base} {base:,}: is it the same work?"


def _surroundings(conditions: Conditions) -> Iterator[str]:
    """Notes on conditions that make a machine a bad clock."""
    load, cores = os.getloadavg()[0], usable_cores()
    if load > _BUSY * cores:
        yield f"the machine is busy (load {load:.1f} on {cores} cores): verdicts hold, but take longer"
    if conditions.governor not in ("", "performance"):
        yield f"the CPU's frequency is scaled ({conditions.governor})"
