"""Provenance: what ties a trial to a checkout, a machine and the moment, beside its build identity.

A trial that is in the store is used again only while all of this holds; see ``docs/trust.md``.
"""

from __future__ import annotations

import mmap
import os
import re
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from trimtab.builders.work_folder import is_intact
from trimtab.model.identity import digest
from trimtab.model.inputs import BenchInputs, InputRecord
from trimtab.model.machine import MachineClass
from trimtab.model.plan import Bench
from trimtab.model.trial import Artifact, Built, Trial
from trimtab.system.content import digest_text, is_unchanged, record_input

_NATIVE = re.compile(r"(target-cpu|tune-cpu|-march|-mcpu|-mtune)=native")
_PARTS_OF_WORDS = re.compile(r"[\s=:,;'\"()<>|&]+")
_SESSION = re.compile(
    r"_|PWD|OLDPWD|SHLVL|TERM|TERM_.*|COLUMNS|LINES|COLORTERM|WINDOWID|DISPLAY|WAYLAND_DISPLAY|TMUX.*|STY|SSH_.*"
    r"|XDG_(SESSION|RUNTIME|CACHE|DATA).*|DBUS_.*|GPG_.*|INVOCATION_ID|JOURNAL_STREAM|PS1|PROMPT.*|HIST.*|LS_COLORS|LESS.*"
    r"|GITHUB_.*|RUNNER_.*|CI|CI_.*|BUILDKITE.*|PYTEST_.*|VIRTUAL_ENV.*|TRIMTAB_.*|CARGO_MAKEFLAGS|MAKEFLAGS|MFLAGS"
    r"|MAKELEVEL|MAKE_TERM.*|NO_COLOR|FORCE_COLOR|CLICOLOR.*"
)
"""Variables that differ from one terminal, session or CI run to the next."""


class Provenance(Protocol):
    """Protocol for what a trial was tied to, and whether that still holds."""

    def holds(self, trial: Trial) -> bool:
        """Whether what its build depended on, beside its identity, is as it was."""
        ...

    def is_kept(self, trial: Trial) -> bool:
        """Whether its programs are there, byte by byte as they were built."""
        ...

    def of_build(self, built: Built) -> tuple[tuple[str, ...], bool]:
        """Paths that got into a program, and whether it was compiled for the CPU at hand."""
        ...

    def of_bench(self, bench: Bench) -> BenchInputs:
        """Inputs of a bench as they are now."""
        ...

    def holds_for(self, bench: Bench, inputs: BenchInputs | None) -> bool:
        """Whether a bench's inputs are as they were; where they were not recorded, whether it has none."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckoutProvenance:
    """Provenance of trials in this checkout, on this machine, with this environment."""

    root: Path
    """The workspace's root."""
    home: Path
    """The folder in which benches are run."""
    paths: tuple[str, ...]
    """Absolute paths that may get into a program: of the checkout, of Cargo's home, of the work folder."""
    machine_class: MachineClass
    environment: Mapping[str, str]
    """The user's."""
    ours: tuple[Path, ...] = ()
    """Files and folders that are no input of a bench: trimtab's own, and target directories."""
    _unchanged: dict[InputRecord, bool] = field(default_factory=dict)
    """Answers so far: profiles of one study have read the same files."""

    def holds(self, trial: Trial) -> bool:
        """Whether what its build depended on, beside its identity, is as it was."""
        if not set(trial.paths) <= set(self.paths):
            return False
        if trial.native and (not trial.timing or trial.timing.machine.machine_class != self.machine_class):
            return False
        if trial.inputs is None:
            return True
        variables = ((name, digest_text(self.environment.get(name))) for name, _ in trial.inputs.variables)
        return tuple(variables) == trial.inputs.variables and self._are_unchanged(trial.inputs.files, self.root)

    def is_kept(self, trial: Trial) -> bool:
        """Whether its programs and its profile data are there, byte by byte as they were made."""
        data = trial.trained.profile_data if trial.trained else None
        return all(map(is_intact, (*trial.artifacts, *([data] if data else ()))))

    def of_build(self, built: Built) -> tuple[tuple[str, ...], bool]:
        """Paths that got into a program, and whether it was compiled for the CPU at hand."""
        flags = (argument for call in built.invocations for argument in call.arguments)
        compilers = (value for name, value in self.environment.items() if "FLAGS" in name)
        native = any(_NATIVE.search(text) for text in (*flags, *compilers))
        return tuple(path for path in self.paths if _contains(built.artifacts, path)), native

    def of_bench(self, bench: Bench) -> BenchInputs:
        """Inputs of a bench as they are now."""
        return BenchInputs(
            bench=bench.name,
            files=tuple(record_input(name, self.home, self.ours) for name in self._named(bench)),
            environment=self._bench_environment(),
        )

    def holds_for(self, bench: Bench, inputs: BenchInputs | None) -> bool:
        """Whether a bench's inputs are as they were, and those that it names are the same ones.

        Stores of old hold no inputs: a bench that names no file is taken at its word there.
        """
        if inputs is None:
            return not self._named(bench)
        return (
            self._named(bench) == [record.path for record in inputs.files]
            and inputs.environment == self._bench_environment()
            and self._are_unchanged(inputs.files, self.home)
        )

    def _named(self, bench: Bench) -> list[str]:
        """Files and folders that a bench's command names, anywhere in a word, or declares."""
        return named_inputs((*bench.command, bench.stdin), bench.inputs, self.home)

    def _bench_environment(self) -> str:
        return digest({name: value for name, value in self.environment.items() if not _SESSION.fullmatch(name)})

    def _are_unchanged(self, records: Iterable[InputRecord], root: Path) -> bool:
        for record in records:
            if record not in self._unchanged:
                self._unchanged[record] = is_unchanged(record, root, self.ours)
            if not self._unchanged[record]:
                return False
        return True


def named_inputs(words: Iterable[str], declared: Iterable[str], folder: Path) -> list[str]:
    """Files and folders that a command's words name, anywhere in a word, or that are declared beside them.

    Args:
        words: of the command.
        declared: paths or patterns.
        folder: in which it runs, which relative names are relative to.
    """
    parts = (part for word in words for part in (word, *_PARTS_OF_WORDS.split(word)))
    matching = (name for pattern in declared for name in _matching(pattern, folder))
    named = (os.path.normpath(part) for part in parts if part and "{" not in part)
    return sorted({name for name in (*named, *matching) if _exists(folder / name)})


def _matching(pattern: str, folder: Path) -> Iterator[str]:
    if Path(pattern).is_absolute():
        yield pattern
    else:
        yield from (str(path.relative_to(folder)) for path in folder.glob(pattern))


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # a word that is too long for a path, or holds a null byte
        return False


def _contains(artifacts: Iterable[Artifact], path: str) -> bool:
    sought = path.encode("utf-8", "surrogateescape")
    return any(content.find(sought) >= 0 for artifact in artifacts for content in _contents(Path(artifact.path)))


def _contents(path: Path) -> Iterator[bytes | mmap.mmap]:
    """Bytes of a program, or of each member of a wheel."""
    if path.suffix == ".whl":
        with zipfile.ZipFile(path) as wheel:
            yield from (wheel.read(name) for name in wheel.namelist())
    elif path.stat().st_size:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            yield content
