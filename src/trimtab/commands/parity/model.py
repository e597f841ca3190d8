"""Two programs with the same inputs: what each did, and where they differ."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from trimtab.model.machine import Machine


@dataclass(frozen=True, kw_only=True, slots=True)
class Input:
    """A file or folder that a check is run on."""

    name: str
    """Unique within a check."""
    project: str
    """The project or package that it belongs to, for reports."""
    source: Path | None = None
    """The file or folder, which is copied for each run; ``None`` for a run without input."""
    path: str = ""
    """Path of the copy in the scratch folder; ``{input}`` stands for it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Content:
    """Bytes of an output stream, or of a file."""

    size: int
    sha256: str
    text: str | None
    """Its characters, with lone surrogates for bytes that are none; ``None`` where it is too long to be looked at."""
    mode: int | None = None
    """Permissions, of a file."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Written:
    """A file that a run wrote, changed or removed."""

    before: Content | None
    """Content before the run; ``None`` where it is new."""
    after: Content | None
    """Content after the run; ``None`` where it is gone."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Behaviour:
    """Observable behaviour of one run: exit status, both streams and files."""

    exit_code: int
    """Negative: the signal that ended it."""
    timed_out: bool
    flooded: bool
    stdout: Content
    stderr: Content
    files: Mapping[str, Written]
    """Files that were written, changed or removed in the folder it ran in, by path."""


class Ending(StrEnum):
    """Kinds of ends of a run, the worst first."""

    NOT_STARTED = "not started"
    """The program, its interpreter or a library that it needs is not there: exit codes 126 and 127 say so."""
    SANITIZER = "sanitizer"
    """It, or the C library, found its memory broken."""
    SIGNAL = "signal"
    PANIC = "panic"
    TIMEOUT = "time-out"
    FLOOD = "flood"
    """It printed or wrote more than it may."""
    EXIT = "exit"


@dataclass(frozen=True, kw_only=True, slots=True)
class End:
    """End of a run, with the line that tells of it."""

    ending: Ending
    exit_code: int | None
    """Negative: a signal; ``None`` where trimtab itself ended it, or nothing ran."""
    message: str = ""

    @property
    def crashed(self) -> bool:
        """Whether it ended in a way that no program means to."""
        return self.ending in (Ending.SANITIZER, Ending.SIGNAL, Ending.PANIC)

    @property
    def summary(self) -> str:
        """The end, in a few words."""
        if self.exit_code is None:
            return self.message or self.ending
        status = f"exit code {self.exit_code}" if self.exit_code >= 0 else _signal_name(-self.exit_code)
        if self.ending is Ending.NOT_STARTED and self.message:
            status += f": {self.message}"
        return status if self.ending in (Ending.EXIT, Ending.SIGNAL) else f"{self.ending} ({status})"


def _signal_name(number: int) -> str:
    try:
        return f"signal {signal.Signals(number).name}"
    except ValueError:
        return f"signal {number}"


@dataclass(frozen=True, kw_only=True, slots=True)
class LineChange:
    """Lines that differ in one place."""

    where: str
    """``stdout``, ``stderr``, ``file PATH``, ``ending`` or ``test``."""
    removed: tuple[str, ...] = ()
    """Lines that only the baseline has."""
    added: tuple[str, ...] = ()
    """Lines that only the candidate has."""
    remark: str = ""
    """A difference that lines do not show: another order, bytes that are no text, a file that only one side wrote."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BehaviourDifference:
    """An input on which the two programs differ."""

    input: str
    project: str
    base: End
    head: End
    changes: tuple[LineChange, ...]
    stable: bool = True
    """Whether the candidate did the same each time."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SetAside:
    """An input of which it cannot be said whether the two programs agree."""

    input: str
    project: str
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Tally:
    """Added and removed lines under one name."""

    name: str
    added: int
    removed: int


@dataclass(frozen=True, kw_only=True, slots=True)
class ProjectResult:
    """Counts of one project's inputs."""

    name: str
    inputs: int
    differ: int
    flaky: int
    not_compared: int
    added: int
    """Lines."""
    removed: int
    rules: tuple[Tally, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class EndingCount:
    """Number of runs that ended in one way, on each side."""

    ending: Ending
    base: int
    head: int


@dataclass(frozen=True, kw_only=True, slots=True)
class ExitCount:
    """Number of runs that ended by themselves with one exit code, on each side."""

    exit_code: int
    base: int
    head: int


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckResult:
    """One check over all its inputs."""

    name: str
    command: tuple[str, ...]
    inputs: int
    """All of them; after an interrupt, those that were finished."""
    differences: tuple[BehaviourDifference, ...]
    flaky: tuple[SetAside, ...]
    """Those on which a side does not agree with itself."""
    not_compared: tuple[SetAside, ...]
    """Those on which both sides had to be stopped or did not start, and those that could not be copied."""
    endings: tuple[EndingCount, ...]
    exits: tuple[ExitCount, ...]
    projects: tuple[ProjectResult, ...]
    """Those with most changed lines first."""
    rules: tuple[Tally, ...]
    """Codes that lines carry, those with most changed lines first."""
    not_started: int = 0
    """Inputs with which neither side starts, which are not compared."""

    @property
    def compared(self) -> int:
        """Inputs of which it is known whether both sides agree."""
        return self.inputs - len(self.flaky) - len(self.not_compared)

    @property
    def same(self) -> int:
        """Inputs on which both sides agree."""
        return self.compared - len(self.differences)

    @property
    def added(self) -> int:
        """Lines that only the candidate has."""
        return sum(project.added for project in self.projects)

    @property
    def removed(self) -> int:
        """Lines that only the baseline has."""
        return sum(project.removed for project in self.projects)


@dataclass(frozen=True, kw_only=True, slots=True)
class Parity:
    """Result of a parity run."""

    base: str
    head: str
    identical: bool
    """The same bytes: nothing was run."""
    checks: tuple[CheckResult, ...]
    machine: Machine
    seconds: float
    """That it took."""
    complete: bool = True
    """Whether all inputs were run: not after an interrupt."""
    notes: tuple[str, ...] = ()
    command: str = ""

    @property
    def differ(self) -> int:
        """Inputs on which the two sides differ."""
        return sum(len(check.differences) for check in self.checks)

    @property
    def flaky(self) -> int:
        """Inputs on which a side does not agree with itself."""
        return sum(len(check.flaky) for check in self.checks)

    @property
    def not_compared(self) -> int:
        """Inputs that tell nothing: both sides had to be stopped or did not start, or they could not be copied."""
        return sum(len(check.not_compared) for check in self.checks)

    @property
    def inputs(self) -> int:
        """All inputs; after an interrupt, those that were finished."""
        return sum(check.inputs for check in self.checks)

    @property
    def same(self) -> int:
        """Inputs on which both sides agree."""
        return sum(check.same for check in self.checks)

    @property
    def passed(self) -> bool:
        """Whether nothing differs, each check has compared something, and the programs start with all inputs."""
        return self.identical or (
            bool(self.checks)
            and not self.differ
            and all(check.compared and not check.not_started for check in self.checks)
        )

    @property
    def headline(self) -> str:
        """The answer in one line."""
        if self.identical:
            return "identical: the same bytes, nothing was run"
        if not self.inputs:
            return "nothing was run"
        aside = f"; {self.flaky} flaky set aside" if self.flaky else ""
        aside += f"; {self.not_compared} not compared" if self.not_compared else ""
        if self.differ:
            added, removed = (sum(getattr(check, name) for check in self.checks) for name in ("added", "removed"))
            projects = len({project.name for check in self.checks for project in check.projects if project.differ})
            return (
                f"{self.differ} of {self.inputs} inputs differ (+{added} -{removed} lines in {projects} "
                f"project{'s' * (projects != 1)}){aside}"
            )
        if not self.same:
            return f"none of {self.inputs} input{'s' * (self.inputs != 1)} could be compared{aside}"
        return f"no differences over {self.same} input{'s' * (self.same != 1)}{aside}"
