"""Weighing what a user names: here the parts of ``trimtab diff`` are put together.

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
from trimtab.experiment.sides import trial_named
from trimtab.model.size_report import Format, SizeReport
from trimtab.model.study import Study
from trimtab.model.trial import Trial
from trimtab.system.paths import Folders, default_folders
from trimtab.system.process import Runner, SystemRunner


def diff(base: str | Path, head: str | Path | None = None, *, store: str | Path | None = None) -> Difference:
    """Say what two files weigh and where their bytes are; with one file alone, weigh it.

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
    weights = [weighed(str(word), folders, runner) for word in (base, head) if word is not None]
    return difference(*weights)


def weighed(word: str, folders: Folders, runner: Runner) -> SizeReport:
    """What a user names, weighed; see `diff`."""
    if os.path.exists(word):  # noqa: PTH110 - unlike Path.exists, it raises nothing for a word too long for a path
        return size_breakdown(Path(word), word)
    if word.startswith(PREFIX):
        return size_breakdown(published_wheel(runner, word, folders.cache, dict(os.environ)), word)
    if named := trial_named(word, folders):
        return _weigh_trial(word, *named)
    raise InputError(
        f"there is no file {word!r}", hint="name a file, pypi:NAME==VERSION, or a trial of a study as STUDY:TRIAL"
    )


def _weigh_trial(word: str, study: Study, trial: Trial) -> SizeReport:
    weights = [size_breakdown(Path(artifact.path), word) for artifact in trial.artifacts]
    if not weights:
        raise InputError(f"the trial {word!r} was not built", where=study.id)
    if len(weights) == 1:
        return weights[0]
    return replace(
        weights[0],
        name=word,
        kind=Format.ARCHIVE,
        size=sum(weight.size for weight in weights),
        sha256=hashlib.sha256("".join(weight.sha256 for weight in weights).encode()).hexdigest(),
        members=tuple(member for weight in weights for member in weight.members),
    )
