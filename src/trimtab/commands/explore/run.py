"""Exploration from Python: settings as plain values, a `Study` as the result.

>>> import trimtab
>>> study = trimtab.explore("path/to/project", axes={"lto": ["thin", "fat"]})  # doctest: +SKIP
>>> trimtab.answer(study).recommendation  # doctest: +SKIP
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from trimtab.config.file import parse_bench, parse_choice, parse_limits, parse_training_command
from trimtab.experiment.prepare import prepare
from trimtab.experiment.protocols import Progress, SilentProgress
from trimtab.experiment.request import Request
from trimtab.experiment.run import require_built, run
from trimtab.model.plan import Goal, ProbeKind
from trimtab.model.profile import axis_kind
from trimtab.model.space import axis_of
from trimtab.model.study import Study
from trimtab.store.kept import keeping
from trimtab.store.sqlite import SqliteStore
from trimtab.system.paths import default_folders


def explore(
    path: str | Path = ".",
    *,
    axes: Mapping[str, Sequence[object]] | None = None,
    benches: Mapping[str, str] | None = None,
    train: Sequence[str] = (),
    bins: Sequence[str] = (),
    packages: Sequence[str] = (),
    features: Sequence[str] = (),
    profile: str = "",
    wheel: bool = False,
    goal: str = "",
    limits: Mapping[str, str] | None = None,
    measure: Sequence[str] = (),
    jobs: int | None = None,
    timeout: float | None = None,
    bench_time: float | None = None,
    budget: float | None = None,
    exact: bool = False,
    fresh: bool = False,
    store: str | Path | None = None,
    progress: Progress | None = None,
) -> Study:
    """Measure release profiles of a Cargo project side by side.

    Args:
        path: a folder of a Cargo project, or ``crate:NAME[@VERSION]``.
        axes: axis name → values to try, as in ``{"lto": ["local", "fat"]}``; none is today's profile alone; a sensible
            space if left out.
        benches: name → command with ``{bin}`` in it.
        train: commands with ``{bin}`` that train the program, for the axes ``pgo`` and ``bolt``.
        bins: names of the binaries to ship, where there are several.
        packages: only these packages' binaries.
        features: features to turn on.
        profile: the profile that ships; ``release`` if left out.
        wheel: whether what ships is the wheel of a Python project; benches may then use ``{python}`` too.
        goal: ``size``, ``speed``, ``balanced`` or ``build``.
        limits: ``build``, ``touch``, ``size`` → limit such as ``"2x"`` or ``"+5%"`` of today's.
        measure: groups of metrics among ``size``, ``build``, ``touch``, ``run``; all if left out.
        jobs: Cargo's ``--jobs``.
        timeout: seconds for one build or one run of a bench.
        bench_time: seconds for each bench of each trial.
        budget: seconds for the whole exploration.
        exact: build every profile cleanly, instead of screening them first and building those that a goal may take.
        fresh: measure again what is known already.
        store: file to keep the study in; the user's own store if left out.
        progress: receives the steps as they happen; nothing is shown if left out.

    Returns:
        The study, finished or, within a budget, as far as it came. A repeated call measures nothing twice.

    Raises:
        InputError: wrong arguments, configuration or project.
        MissingError: Cargo or another tool is missing.
        NothingBuiltError: no profile could be built; the failures are in the store.
    """
    request = Request(
        path=str(path),
        axes=tuple(axis_of(axis_kind(name), [str(value) for value in values]) for name, values in axes.items())
        if axes is not None
        else None,
        benches=tuple(parse_bench(f"{name}={command}") for name, command in (benches or {}).items()),
        training=tuple(map(parse_training_command, train)),
        binaries=tuple(bins),
        packages=tuple(packages),
        features=tuple(features),
        profile=profile,
        wheel=wheel,
        goal=parse_choice(Goal, goal) if goal else None,
        limits=parse_limits(limits or {}),
        probes=frozenset(parse_choice(ProbeKind, name) for name in measure),
        jobs=jobs,
        timeout=timeout,
        bench_time=bench_time,
        budget=budget,
        exact=exact,
        fresh=fresh,
    )
    folders = default_folders(store)
    with keeping(folders), contextlib.closing(SqliteStore(folders.store)) as opened:
        study = run(prepare(request, folders), opened, progress or SilentProgress())
    require_built(study)
    return study
