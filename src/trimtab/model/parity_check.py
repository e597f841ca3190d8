"""Parity checks: commands to run on both programs, and what may differ."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Normaliser(StrEnum):
    """Parts of outputs that may differ; `trimtab.commands.parity.normalise` defines each."""

    PATHS = "paths"
    TIMES = "times"
    HASHES = "hashes"
    ORDER = "order"


@dataclass(frozen=True, kw_only=True, slots=True)
class ParityCheck:
    """A command, and the inputs that it is run on."""

    name: str
    command: tuple[str, ...]
    """``{bin}`` stands for the program, ``{python}`` for the interpreter of a wheel, ``{input}`` for an input."""
    stdin: str = ""
    """Standard input: ``{input}``, or a file from the folder of ``trimtab.toml``; empty for none."""
    inputs: str = ""
    """Files: a glob below the folder of ``trimtab.toml``, or below each project and package where there are such."""
    projects: str = ""
    """A folder; each folder in it is a project."""
    fetch: tuple[str, ...] = ()
    """Packages to fetch, as ``pypi:NAME==VERSION`` or ``crate:NAME@VERSION``."""
    files: tuple[str, ...] = ()
    """Files that lie beside every input, such as the program's settings."""
    ignore: tuple[str, ...] = ()
    """Globs of written files that are not compared."""
    normalise: tuple[Normaliser, ...] = ()
    timeout: float = 60.0
    """Seconds for one run."""
    most_written: int = 256 << 20
    """Bytes that one run may print and write."""


SMOKE_CHECKS = (
    ParityCheck(name="help", command=("{bin}", "--help"), timeout=10.0),
    ParityCheck(name="version", command=("{bin}", "--version"), timeout=10.0),
)
"""The checks that are run when none is declared."""
