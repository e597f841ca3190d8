"""Two programs side by side, whatever names them: here the parts of ``trimtab compare`` are put together.

>>> import trimtab
>>> trimtab.compare("pypi:ruff==0.14.0", "pypi:ruff==0.14.1", {"check": "{bin} check ."}).headline  # doctest: +SKIP
"""

from __future__ import annotations

import contextlib
import filecmp
import os
import shlex
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from trimtab.artifact.size_breakdown import size_breakdown
from trimtab.builders.overlay import NOT_CONTAINED
from trimtab.builders.relink import find_lld
from trimtab.commands.bench.run import BenchPlan, bench, binaries_plan, nothing_run, require_run, wheels_plan
from trimtab.commands.compare.cargo_bench import CargoBenches, cargo_bench_plan
from trimtab.commands.compare.layout_builds import layout_spreads
from trimtab.commands.diff.difference import difference
from trimtab.commands.diff.model import Difference
from trimtab.commands.diff.model import SizeRow as Weighed
from trimtab.config.file import distinct, parse_bench, read_config
from trimtab.errors import InputError
from trimtab.experiment.protocols import Progress, SilentProgress
from trimtab.experiment.sides import Candidate, Finder, common_program
from trimtab.measure.counters import Counter
from trimtab.measure.installed import Installer
from trimtab.measure.paired import RunOptions
from trimtab.measure.series import BenchRuns
from trimtab.measure.verdicts import over_layouts, range_verdict
from trimtab.model.comparison import Comparison, ComparisonRow, Mode, Verdict
from trimtab.model.plan import Bench
from trimtab.model.size_report import Format
from trimtab.model.trial import kept_out
from trimtab.pyproject.environments import kept_tools
from trimtab.store.kept import keeping
from trimtab.system.paths import Folders, default_folders
from trimtab.system.process import Runner, SystemRunner
from trimtab.units import format_change, format_seconds, format_signed

_BUILD_CPU = "build.clean.cpu"
_NO_BENCH = "give --bench NAME='{bin} …', or a [[bench]] in trimtab.toml"


@dataclass(frozen=True, kw_only=True, slots=True)
class CompareRequest:
    """Options of a comparison."""

    base: str
    head: str
    options: RunOptions
    benches: tuple[Bench, ...] = ()
    """Those of ``trimtab.toml`` if there are none."""
    binaries: tuple[str, ...] = ()
    """The program that is meant, where there are several."""
    wheel: bool = False
    """Whether projects ship the wheel of their Python project."""
    smallest: float = 0.01
    """The smallest change in size that matters, as a fraction."""
    cargo_benches: CargoBenches | None = None
    """Cases of ``cargo bench`` to run beside the benches."""
    layouts: int = 0
    """Layouts of each side over which benches are run too."""
    counter: Counter | None = None
    command: str = ""
    """Command line that repeats it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CompareContext:
    """Folders, runner and listeners of a comparison."""

    folders: Folders
    runner: Runner
    progress: Callable[[], contextlib.AbstractContextManager[Progress]] = field(
        default=lambda: contextlib.nullcontext(SilentProgress())
    )
    on_progress: Callable[[BenchRuns], None] = lambda _: None
    """Called after every block of a bench."""
    on_message: Callable[[str], None] = lambda _: None
    """Called with a line when something that takes long begins."""


def compare(
    base: str | Path,
    head: str | Path,
    benches: Mapping[str, str] | None = None,
    *,
    bins: Sequence[str] = (),
    wheel: bool = False,
    smallest_change: float = 0.01,
    budget: float = 15.0,
    store: str | Path | None = None,
) -> Comparison:
    """Say what changed between two programs: their sizes, and the verdicts of benches that run them side by side.

    Args:
        base: a program, wheel or archive, ``pypi:NAME==VERSION``, ``STUDY:TRIAL``, ``crate:NAME@VERSION``, a Cargo
            project's folder, or a profile or git revision of the Cargo project in the current folder.
        head: the same, for the other side.
        benches: name → command with ``{bin}`` in it, or with ``{python}``, for which wheels are installed; those of
            ``trimtab.toml`` if left out.
        bins: the program that is meant, where there are several.
        wheel: whether projects ship the wheel of their Python project.
        smallest_change: that matters, as a fraction.
        budget: seconds for each bench.
        store: file in which studies are kept; the user's own if left out.

    Raises:
        InputError: a side is nothing that is known, or a bench cannot be run.
        MissingError: a program that is needed is missing.
        NothingBuiltError: a side could not be built.
    """
    asked = (parse_bench(f"{name}={words}") for name, words in (benches or {}).items())
    request = CompareRequest(
        base=str(base),
        head=str(head),
        options=RunOptions(environment=dict(os.environ), budget=budget),
        benches=tuple(replace(one, smallest_change=smallest_change) for one in asked),
        binaries=tuple(bins),
        wheel=wheel,
        smallest=smallest_change,
    )
    found, _ = run(request, CompareContext(folders=default_folders(store), runner=SystemRunner()))
    return found


def run(request: CompareRequest, context: CompareContext) -> tuple[Comparison, list[BenchRuns]]:
    """Find both sides, weigh them and run the benches.

    Returns:
        The comparison, and all runs that it is made of.

    Raises:
        InputError: see `compare`.
    """
    benches = distinct(request.benches) or read_config(Path.cwd()).benches
    with keeping(context.folders), tempfile.TemporaryDirectory(prefix="trimtab-") as scratch:
        finder = Finder(
            folders=context.folders,
            runner=context.runner,
            scratch=Path(scratch),
            progress=context.progress,
            binaries=request.binaries,
            ships_wheel=request.wheel,
        )
        base, head = finder.find(request.base, request.head)
        timed, measured = _timed(request, context, benches, finder, (base, head))
        differences, unweighed = _weighed(base, head, keep=bool(timed.rows))
    rows = (*_sizes(differences, request.smallest), *timed.rows)
    if not rows:
        require_run(timed)
        if unweighed:
            raise unweighed
    notes = [f"not weighed: {unweighed.what} ({unweighed.where})"] if unweighed else []
    moved = _what_moved(differences, _for_diff(request.base, base), _for_diff(request.head, head))
    said = (*notes, *moved, *_builds(base, head), *_changes_of_trees(base, head), *timed.notes)
    return replace(timed, rows=rows, notes=said), measured


def _timed(
    request: CompareRequest,
    context: CompareContext,
    benches: Sequence[Bench],
    finder: Finder,
    sides: tuple[Candidate, Candidate],
) -> tuple[Comparison, list[BenchRuns]]:
    """The benches, where both sides have a program for them, and those of Cargo."""
    names = [side.name for side in sides]
    if names[0] == names[1]:
        names = [f"{name} ({number})" for number, name in enumerate(names, start=1)]
    lacking = " and ".join(side.name for side in sides if not side.programs)
    wheels = _to_install(sides, benches, lacking=bool(lacking))
    with contextlib.ExitStack() as stack:
        plans = []
        programs = common_program(sides, request.binaries) if benches and not lacking and not wheels else None
        alike = programs is not None and filecmp.cmp(*programs, shallow=False)
        if request.layouts and not alike:
            _require_layouts(context, finder, sides)
        if wheels:
            installer = _installer(context, finder, sides[0], request.binaries)
            by_name = dict(zip(names, wheels, strict=True))
            plans.append(
                stack.enter_context(wheels_plan(by_name, benches, installer, request.options.cwd or Path.cwd()))
            )
        if programs:
            plans.append(stack.enter_context(binaries_plan(dict(zip(names, programs, strict=True)), benches)))
        if request.cargo_benches:
            sources = {name: finder.sources(side) for name, side in zip(names, sides, strict=True)}
            plans.append(stack.enter_context(cargo_bench_plan(request.cargo_benches, sources)))
        if not plans:
            reason = f"there is no program for this system in {lacking}" if lacking else _NO_BENCH
            return nothing_run(names, request.options, request.command, notes=(f"nothing was run: {reason}",)), []
        cases = tuple(case for contest in plans for case in contest.cases)
        found, measured = bench(
            BenchPlan(cases=cases, candidates=tuple(names)),
            request.options,
            context.runner,
            counter=request.counter,
            on_progress=context.on_progress,
            command=request.command,
        )
    if request.layouts and not programs:
        return replace(found, notes=(*found.notes, "no layouts: they are run with a --bench")), measured
    interrupted = any(one.interrupted for one in measured)
    if not request.layouts or not programs or interrupted or alike:
        return found, measured
    try:
        return _laid_out(found, request, context, benches, finder, sides, programs), measured
    except KeyboardInterrupt:
        return replace(found, notes=(*found.notes, "layouts: interrupted before there were any")), measured


def _to_install(sides: Sequence[Candidate], benches: Sequence[Bench], *, lacking: bool) -> tuple[Path, ...]:
    """Both wheels, where benches can only be run with them installed; a program in a wheel is run as it is."""
    wheels = tuple(side.wheel for side in sides if side.wheel)
    needed = lacking or any("{python}" in word for one in benches for word in one.command)
    return wheels if benches and needed and len(wheels) == len(sides) else ()


def _require_layouts(context: CompareContext, finder: Finder, sides: Sequence[Candidate]) -> None:
    """Raise where layouts are impossible, before anything is run.

    Raises:
        InputError: a side has no sources, or is a wheel.
        MissingError: there is no lld.
    """
    for side in sides:
        exploration, _ = finder.sources(side)
        if exploration.wheels:
            raise InputError(f"{side.name} is a wheel, which has no layouts", hint="leave --layouts out")
        find_lld(context.runner, exploration.project.root)


def _installer(context: CompareContext, finder: Finder, side: Candidate, binaries: tuple[str, ...]) -> Installer:
    """The installer of both wheels, with the Python that the one side was built for."""
    python = (side.study.selection.python if side.study else "") or sys.executable
    runner, environment = context.runner, finder.environment
    return Installer(
        runner=runner,
        tools=kept_tools(runner, python, context.folders.cache / "backends", (), environment),
        folder=finder.scratch / "environments",
        environment=environment,
        program=binaries[0] if binaries else "",
    )


def _laid_out(
    found: Comparison,
    request: CompareRequest,
    context: CompareContext,
    benches: Sequence[Bench],
    finder: Finder,
    sides: tuple[Candidate, Candidate],
    programs: tuple[Path, Path],
) -> Comparison:
    """The comparison with verdicts over several layouts of both sides."""
    base, head = ((*finder.sources(side), path) for side, path in zip(sides, programs, strict=True))
    spreads, notes = layout_spreads(
        base, head, benches, request.layouts, request.options, context.runner, context.on_message
    )
    smallest = {bench.name: bench.smallest_change for bench in benches}
    return replace(found, rows=tuple(over_layouts(found.rows, spreads, smallest)), notes=(*found.notes, *notes))


def _weighed(base: Candidate, head: Candidate, *, keep: bool) -> tuple[list[Difference], InputError | None]:
    """Differences in size, and the reason why there are no more: a script can be run, but not weighed.

    Args:
        base: the one side.
        head: the other.
        keep: whether there is something to keep after an interrupt.
    """
    differences: list[Difference] = []
    try:
        differences.extend(_differences(base, head))
    except InputError as error:
        return differences, error
    except KeyboardInterrupt:
        if not keep:
            raise
        return differences, InputError("interrupted", where=base.name)
    return differences, None


def _differences(base: Candidate, head: Candidate) -> Iterator[Difference]:
    """Size reports side by side: the only file of each, else those of the same name."""
    only = len(base.files) == len(head.files) == 1
    others = {path.name: path for path in head.files}
    for path in base.files:
        other = head.files[0] if only else others.get(path.name)
        if other:
            yield difference(size_breakdown(path, base.name), size_breakdown(other, head.name))


def _sizes(differences: Sequence[Difference], smallest: float) -> Iterator[ComparisonRow]:
    """Bytes of every file that was named or built, and of the binaries in it."""
    for one in differences:
        assert one.head
        kinds, same = {one.base.kind, one.head.kind}, one.base.sha256 == one.head.sha256
        if kinds == {Format.WHEEL}:
            yield _size_row(one.total.name.partition("-")[0], one.total, "size.wheel", smallest, same=same)
        else:
            yield _size_row(one.total.name, one.total, "size.file", smallest, same=same)
        for binary in one.binaries if kinds & {Format.WHEEL, Format.ARCHIVE} else ():
            if binary.base_name and binary.head_name:
                name = PurePosixPath(binary.name).name
                yield _size_row(name, binary.total, "size.file", smallest, same=same)


def _size_row(subject: str, total: Weighed, metric: str, smallest: float, *, same: bool) -> ComparisonRow:
    assert total.ratio is not None
    change = total.ratio - 1
    return ComparisonRow(
        subject=subject,
        metric=metric,
        mode=Mode.EXACT,
        base=total.base,
        head=total.head,
        unit="bytes",
        change=change,
        low=change,
        high=change,
        verdict=Verdict.IDENTICAL if same else range_verdict(change, change, smallest),
        runs=1,
    )


def _for_diff(word: str, side: Candidate) -> str:
    """The word by which ``trimtab diff``, which builds nothing, knows a side."""
    return shlex.quote(f"{side.study.id}:{side.trial.id}" if side.study and side.trial else word)


def _what_moved(differences: Sequence[Difference], base: str, head: str) -> Iterator[str]:
    """Changes by purpose, a line for each binary."""
    for binary in (binary for one in differences for binary in one.binaries):
        moved = [f"{row.name} {format_signed(row.change)}" for row in binary.purposes if row.change]
        if moved and binary.base_name and binary.head_name:
            yield f"{binary.name}: {', '.join(moved)} (more: trimtab diff {base} {head})"


def _changes_of_trees(*sides: Candidate) -> Iterator[str]:
    """Notes on what builds changed, or might have changed, in the project's own tree."""
    built = [side.exploration for side in sides if side.exploration and not side.exploration.wheels]
    if any(not exploration.overlay for exploration in built):
        yield NOT_CONTAINED
    for side in sides:
        if side.trial and side.trial.wrote:
            yield f"{side.name}: {kept_out(side.trial.wrote)}"


def _builds(base: Candidate, head: Candidate) -> Iterator[str]:
    """Notes on the CPU time of both builds, where trimtab has built both and their times may be compared."""
    if not (base.study and base.trial and head.study and head.trial):
        return
    if reasons := base.study.machine.unlike(head.study.machine):
        yield f"build times are not compared, since they come from different machines: {'; '.join(reasons)}"
        return
    seconds = base.trial.value(_BUILD_CPU), head.trial.value(_BUILD_CPU)
    if seconds[0] and seconds[1]:
        change = (
            f"{format_seconds(seconds[0])} → {format_seconds(seconds[1])} ({format_change(seconds[1] / seconds[0])})"
        )
        yield f"a clean build took {change} of CPU time, each built once"
    if base.study.toolchain != head.study.toolchain:
        yield f"the compilers differ: {base.study.toolchain.rustc}, {head.study.toolchain.rustc}"
