"""Size reports of what a user names, and their difference: the use case behind ``trimtab diff``.

>>> import trimtab
>>> trimtab.diff("pypi:uv==0.2.34", "pypi:uv==0.2.35").total.ratio  # doctest: +SKIP
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from pathlib import Path

from trimtab.artifact.pypi import PREFIX, published_wheel
from trimtab.artifact.size_breakdown import size_breakdown
from trimtab.commands.diff.difference import difference
from trimtab.commands.diff.model import Difference
from trimtab.errors import InputError
from trimtab.experiment.sides import require_intact, trial_named
from trimtab.model.size_report import Format, SizeReport
from trimtab.model.study import Study
from trimtab.model.trial import Trial
from trimtab.system.paths import Folders, default_folders
from trimtab.system.process import Runner, SystemRunner


def diff(base: str | Path, head: str | Path | None = None, *, store: str | Path | None = None) -> Difference:
    """Compare the sizes of two files: totals, sections, crates, symbols; with one file alone, list its sizes.

    Args:
        base: a binary (ELF, Mach-O, PE, wasm), a wheel or release archive, ``pypi:NAME==VERSION[@PLATFORM]``, or a
            trial of a study as ``STUDY:TRIAL``.
        head: the same, for the other side.
        store: file in which studies are kept; the user's own if left out.

    Raises:
        InputError: a file is not there, damaged, or of no known kind.
        MissingError: pip is missing, the index cannot be reached, or no space is left.
    """
    folders, runner = default_folders(store), SystemRunner()
    reports = [size_report(str(spec), folders, runner) for spec in (base, head) if spec is not None]
    return difference(*reports)


def size_report(spec: str, folders: Folders, runner: Runner) -> SizeReport:
    """Size report of what a user names; see `diff`."""
    if os.path.exists(spec):  # noqa: PTH110 - unlike Path.exists, it raises nothing for a text too long for a path
        return size_breakdown(Path(spec), spec)
    if spec.startswith(PREFIX):
        return size_breakdown(published_wheel(runner, spec, folders.cache, dict(os.environ)), spec)
    if named := trial_named(spec, folders):
        return _trial_report(spec, *named)
    raise InputError(
        f"no such file or trial: {spec!r}", hint="name a file, pypi:NAME==VERSION, or a trial of a study as STUDY:TRIAL"
    )


def _trial_report(spec: str, study: Study, trial: Trial) -> SizeReport:
    require_intact(spec, trial.artifacts)
    reports = [size_breakdown(Path(artifact.path), spec) for artifact in trial.artifacts]
    if not reports:
        raise InputError(f"the trial {spec!r} was not built", where=study.id)
    if len(reports) == 1:
        return reports[0]
    return replace(
        reports[0],
        name=spec,
        kind=Format.ARCHIVE,
        size=sum(report.size for report in reports),
        sha256=hashlib.sha256("".join(report.sha256 for report in reports).encode()).hexdigest(),
        members=tuple(member for report in reports for member in report.members),
    )
