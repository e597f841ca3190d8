"""Known issues that fit a failure: facts with their sources, never verdicts."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from fnmatch import fnmatchcase
from functools import cache
from importlib import resources
from typing import Any

from trimtab.commands.targets.model import KnownIssue, TargetAttempt
from trimtab.model.profile import Profile


def hints(triple: str, attempts: Sequence[TargetAttempt]) -> tuple[KnownIssue, ...]:
    """The known issues that fit the failures of a target; none where nothing failed.

    An issue does not fit where the target also fails without the settings that it blames, or works with them.
    """
    failed = [attempt for attempt in attempts if not attempt.works]
    works = [attempt for attempt in attempts if attempt.works]
    return tuple(
        _trouble(row)
        for row in _facts()
        if any(fnmatchcase(triple, pattern) for pattern in row["targets"])
        and failed
        and all(_explains(row, attempt) for attempt in failed)
        and not any(_has(attempt.profile, row["settings"]) for attempt in works)
    )


def axes_in_question(issues: Sequence[KnownIssue]) -> frozenset[str]:
    """The axes that known issues blame."""
    return frozenset(axis for issue in issues for axis in issue.settings)


def _explains(row: dict[str, Any], attempt: TargetAttempt) -> bool:
    if "causes" in row and (not attempt.failure or attempt.failure.cause not in row["causes"]):
        return False
    return _has(attempt.profile, row["settings"])


def _has(profile: Profile, settings: dict[str, list[str]]) -> bool:
    spelled = profile.spelled()
    return all(str(spelled[axis]) in values for axis, values in settings.items())


def _trouble(row: dict[str, Any]) -> KnownIssue:
    return KnownIssue(
        targets=tuple(row["targets"]),
        settings={axis: tuple(values) for axis, values in row["settings"].items()},
        says=row["says"],
        remedy=row["remedy"],
        source=row["source"],
    )


@cache
def _facts() -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = tomllib.loads(
        resources.files(__package__).joinpath("known_issues.toml").read_text("utf-8")
    )["trouble"]
    return rows
