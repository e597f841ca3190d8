"""Size reports of what a user names, and their difference: the use case behind ``trimtab diff``.

>>> import trimtab
>>> trimtab.diff("pypi:uv==0.2.34", "pypi:uv==0.2.35").total.ratio  # doctest: +SKIP
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from trimtab.artifact.debug_files import DebugFile
from trimtab.artifact.pypi import PREFIX, published_wheel
from trimtab.artifact.size_breakdown import read_debug_files, size_breakdown
from trimtab.commands.diff.difference import difference
from trimtab.commands.diff.model import Difference
from trimtab.errors import InputError
from trimtab.experiment.sides import require_intact, trial_named
from trimtab.model.size_report import Format, SizeReport
from trimtab.model.study import Study
from trimtab.model.trial import Trial
from trimtab.store.kept import keeping
from trimtab.system.paths import Folders, default_folders
from trimtab.system.process import Runner, SystemRunner


def diff(
    base: str | Path,
    head: str | Path | None = None,
    *,
    store: str | Path | None = None,
    debug_files: Iterable[str | Path] = (),
) -> Difference:
    """Compare the sizes of two files: totals, sections, crates, symbols; with one file alone, list its sizes.

    Args:
        base: a binary (ELF, Mach-O, PE, wasm), a wheel, release archive, package, static library or folder,
            ``pypi:NAME==VERSION[@[PYTHON-]PLATFORM]``, or a trial of a study as ``STUDY:TRIAL``.
        head: the same, for the other side.
        store: file in which studies are kept; the user's own if left out.
        debug_files: separate debug files that name the functions of stripped programs, or packages and
            folders with these.

    Raises:
        InputError: a file is not there, damaged, or of no known kind.
        MissingError: pip is missing, the index cannot be reached, or no space is left.
    """
    folders, runner = default_folders(store), SystemRunner()
    files = read_debug_files(map(Path, debug_files))
    reports = [size_report(str(spec), folders, runner, files) for spec in (base, head) if spec is not None]
    return difference(*reports)


def size_report(spec: str, folders: Folders, runner: Runner, debug_files: Sequence[DebugFile] = ()) -> SizeReport:
    """Size report of what a user names; see `diff`."""
    if os.path.exists(spec):  # noqa: PTH110 - unlike Path.exists, it raises nothing for a text too long for a path
        return size_breakdown(Path(spec), spec, debug_files)
    if spec.startswith(PREFIX):
        with keeping(folders):
            return size_breakdown(published_wheel(runner, spec, folders.cache, dict(os.environ)), spec, debug_files)
    if named := trial_named(spec, folders):
        with keeping(folders):
            return _trial_report(spec, *named, debug_files)
    raise InputError(
        f"no such file or trial: {spec!r}", hint="name a file, pypi:NAME==VERSION, or a trial of a study as STUDY:TRIAL"
    )


def _trial_report(spec: str, study: Study, trial: Trial, debug_files: Sequence[DebugFile]) -> SizeReport:
    require_intact(spec, trial.artifacts)
    reports = [size_breakdown(Path(artifact.path), spec, debug_files) for artifact in trial.artifacts]
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
