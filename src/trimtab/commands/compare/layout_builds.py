"""Benches over several layouts of two builds: each side is built once more and its last link repeated, shuffled."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from trimtab.builders.relink import replicate, reproduces
from trimtab.builders.work_folder import hold_workplace
from trimtab.commands.compare.layouts import LayoutBench
from trimtab.errors import InputError, NothingBuiltError
from trimtab.experiment.exploration import Exploration
from trimtab.experiment.held_out import require_untrained
from trimtab.measure.paired import RunOptions
from trimtab.measure.runtime import command_line, standard_input
from trimtab.measure.series import Case
from trimtab.model.layout import LayoutSpread
from trimtab.model.plan import Bench
from trimtab.model.profile import Profile
from trimtab.model.trial import BuildFailed
from trimtab.stats.median import CONFIDENCE
from trimtab.system.launcher import timing_runner
from trimtab.system.process import Runner

Source = tuple[Exploration, Profile, Path]
"""The sources and the profile of a side, and the program that is compared."""


def layout_spreads(
    base: Source,
    head: Source,
    benches: Sequence[Bench],
    count: int,
    options: RunOptions,
    runner: Runner,
    on_message: Callable[[str], None],
) -> tuple[list[LayoutSpread], list[str]]:
    """Run benches over so many layouts of both sides.

    Args:
        base: the one side.
        head: the other.
        benches: commands with ``{bin}`` in them.
        count: layouts of each side.
        options: how they are run; the budget is that of a bench over all layouts.
        runner: runs Cargo, linkers and commands.
        on_message: called with a line when something that takes long begins.

    Returns:
        The spreads, one for each bench and metric, and notes.

    Raises:
        InputError: a link cannot be repeated.
        MissingError: there is no lld.
        NothingBuiltError: a side cannot be built any more.
    """
    notes: list[str] = []
    with hold_workplace(base[0].folders.cache) as work, tempfile.TemporaryDirectory(prefix="trimtab-") as scratch:
        laid_out: dict[str, tuple[Path, ...]] = {}
        for side, source in (("base", base), ("head", head)):
            on_message(f"building {side} once more, to keep its last link")
            laid_out[side] = _replicates(source, work, Path(scratch) / side, count, runner, notes)
        spreads: list[LayoutSpread] = []
        confidence = 1 - (1 - CONFIDENCE) / (2 * len(benches))  # of wall and CPU time, so that all hold together
        with timing_runner(runner, base[0].folders.cache) as (timed, _):
            for bench in benches:
                on_message(f"{bench.name}: {2 * count} layouts")
                try:
                    layout_runs = LayoutBench(runner, options, timed).spread(
                        _case(bench, laid_out, options.cwd or Path.cwd()),
                        _names("base", laid_out["base"]),
                        confidence=confidence,
                    )
                except KeyboardInterrupt:
                    notes.append(f"{bench.name}, layouts: interrupted")
                    break
                spreads += layout_runs.spreads
                notes += [f"{bench.name}, layouts: {layout_runs.failure}"] if layout_runs.failure else []
                if layout_runs.interrupted:
                    notes.append(f"{bench.name}, layouts: interrupted")
                    break
    return spreads, notes


def _replicates(
    source: Source, work: Path, folder: Path, count: int, runner: Runner, notes: list[str]
) -> tuple[Path, ...]:
    exploration, profile, program = source
    require_untrained((profile,), "layouts")
    links = work / "links" / folder.name  # apart: where one side's link is not captured, the other's is no stand-in
    # What is built goes to a place of its own: it is the same program, which is kept already.
    builder = replace(exploration.cargo_builder(work, folder.with_name("built")), links=links)
    built = builder.build(profile, touch=False)
    if isinstance(built, BuildFailed):
        raise NothingBuiltError(
            f"a side cannot be built any more: {built.message}", hint="see that `cargo build` works"
        )
    artifact = next((built_file for built_file in built.artifacts if built_file.name == program.name), None)
    if not artifact:
        raise InputError(f"the build makes no {program.name}", hint="choose the program with --bin NAME")
    if not reproduces(runner, links / artifact.name, Path(artifact.path)):
        notes.append(
            f"{artifact.name}: the last link, repeated, gives other bytes: layouts may differ in more than that"
        )
    if program.read_bytes() != Path(artifact.path).read_bytes():
        notes.append(f"{artifact.name}: built once more, it has other bytes than the program that was compared")
    return replicate(runner, links / artifact.name, folder, count)


def _names(side: str, programs: Sequence[Path]) -> list[str]:
    return [f"{side} {number}" for number in range(1, len(programs) + 1)]


def _case(bench: Bench, laid_out: Mapping[str, Sequence[Path]], cwd: Path) -> Case:
    commands = {
        name: command_line(bench, {"{bin}": str(program)})
        for side, programs in laid_out.items()
        for name, program in zip(_names(side, programs), programs, strict=True)
    }
    stdin = standard_input(bench, cwd)
    return Case(name=bench.name, commands=commands, null=(), smallest=bench.smallest_change, stdin=stdin)
