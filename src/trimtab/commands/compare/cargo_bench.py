"""The cases of ``cargo bench`` as benches, interleaved between two builds of a project."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path

from trimtab.builders.work_folder import hold_workplace
from trimtab.commands.bench.run import BenchPlan
from trimtab.commands.compare.bench_targets import BenchBuilder
from trimtab.commands.compare.harnesses import BenchExecutable, open_bench
from trimtab.errors import InputError
from trimtab.experiment.exploration import Exploration
from trimtab.experiment.held_out import require_untrained
from trimtab.measure.series import Case
from trimtab.model.profile import Profile
from trimtab.system.process import Finished

_SECONDS = 0.2
"""For one run of a case; a bench has many of them, each with a process, and so addresses, of its own."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CargoBenches:
    """Selection of cases of ``cargo bench``."""

    targets: tuple[str, ...]
    """Names of bench targets; Cargo knows ``*``."""
    pattern: re.Pattern[str]
    """Pattern to be found in ``TARGET/CASE``."""
    smallest: float = 0.01
    """The smallest change that matters, as a fraction."""


@contextlib.contextmanager
def cargo_bench_plan(selection: CargoBenches, sides: Mapping[str, tuple[Exploration, Profile]]) -> Iterator[BenchPlan]:
    """A case for each case of the bench targets that all sides have. They are built here, and gone afterwards.

    Args:
        selection: which of them.
        sides: the sources and the profile of each candidate, the baseline first.

    Raises:
        InputError: benches cannot be built, or nothing is left to run.
    """
    first, _ = next(iter(sides.values()))
    with hold_workplace(first.folders.cache) as work:
        opened = [
            _build(selection.targets, exploration, profile, work, f"target/{number:02}")
            for number, (exploration, profile) in enumerate(sides.values())
        ]
        cases = tuple(_cases(selection, list(sides), opened))
        if not cases:
            raise InputError(
                "cargo bench has no case to run", hint="see what --filter says; criterion and divan are known"
            )
        yield BenchPlan(cases=cases, candidates=tuple(sides))


Executables = dict[tuple[str, str], BenchExecutable]
"""Package and name of a bench target → its executable."""


def _build(
    targets: tuple[str, ...], exploration: Exploration, profile: Profile, work: Path, folder: str
) -> Executables:
    """The bench executables of a side; those of other harnesses than criterion and divan are left out."""
    require_untrained((profile,), "cases of cargo bench")  # whose functions have other names, so that no count is found
    builder = BenchBuilder(calls=exploration.calls(work), benches=targets, overlay=exploration.overlay_in(work))
    built = builder.build(profile, folder)
    scratch = work / "target" / "criterion"
    opened = {
        (target.package, target.name): open_bench(exploration.runner, target, exploration.environment, scratch)
        for target in built
    }
    return {key: executable for key, executable in opened.items() if executable}


def _cases(selection: CargoBenches, names: Sequence[str], sides: Sequence[Executables]) -> Iterator[Case]:
    """The cases that all sides have, in the baseline's order."""
    for key, base in sides[0].items():
        executables = [built[key] for built in sides if key in built]
        if len(executables) < len(sides):
            continue
        listed = [set(executable.cases()) for executable in executables[1:]]
        by_side = dict(zip(names, executables, strict=True))
        digests = {side: _digest(run.target.path) for side, run in by_side.items()}
        for case in base.cases():
            name = f"{base.target.name}/{case}"
            if all(case in others for others in listed) and selection.pattern.search(name):
                yield Case(
                    name=name,
                    commands={side: run.command(case, _SECONDS) for side, run in by_side.items()},
                    null=base.command(case, _SECONDS),
                    smallest=selection.smallest,
                    identical=frozenset(side for side, digest in digests.items() if digest == digests[names[0]])
                    - {names[0]},
                    cwd={side: run.target.cwd for side, run in by_side.items()},
                    variables={side: run.variables for side, run in by_side.items()},
                    reported=_reader(base, case),
                )


def _reader(executable: BenchExecutable, case: str) -> Callable[[Finished], float]:
    return lambda finished: executable.time(case, finished)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()
