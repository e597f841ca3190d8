"""Everything that can go wrong for a user, as one tree; each family has its own exit code.

::

    TrimtabError
    ├── InputError          2   wrong usage, configuration or input file
    │   └── SourcesChanged  2   the project was edited while it was being measured
    ├── MissingError        3   something needed is missing on this machine
    ├── NothingBuiltError   4   no trial could be built
    └── InterruptError    130   Ctrl-C; what was measured is kept

Exit code 0 means done and 1 means that the answer is bad news; neither is an error.
A *failed build* is not an error either but a result: see :class:`trimtab.model.trial.BuildFailed`.
"""

from __future__ import annotations

from typing import ClassVar


class TrimtabError(Exception):
    """Base of all errors shown to a user in two or three lines: what is wrong, where, what to do.

    Args:
        what: one line, without a full stop.
        where: the file, key or command it is about, if that helps.
        hint: what to do next.
    """

    exit_code: ClassVar[int]

    def __init__(self, what: str, *, where: str = "", hint: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.hint = hint

    def lines(self) -> list[str]:
        """The two or three lines a person reads."""
        lines = [f"error: {self.what}"]
        if self.where:
            lines.append(f"  in: {self.where}")
        if self.hint:
            lines.append(f"  do: {self.hint}")
        return lines


class InputError(TrimtabError):
    """Wrong usage, configuration or input file."""

    exit_code = 2


class SourcesChanged(InputError):  # noqa: N818 - names the event, not a kind of error
    """The project was edited while it was being measured, so its trials no longer compare."""


class MissingError(TrimtabError):
    """Something needed is missing on this machine; the hint says how to get it."""

    exit_code = 3


class NothingBuiltError(TrimtabError):
    """Not one trial could be built."""

    exit_code = 4


class InterruptError(TrimtabError):
    """The user stopped the run; what was measured is kept."""

    exit_code = 130
