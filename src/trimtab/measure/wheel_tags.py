"""Wheel tags: the platforms and Pythons that a wheel claims to work on, and those that it does work on.

Two libraries that are made for this are asked: auditwheel for the oldest Linux that has all that a wheel needs
(PEP 600), abi3audit for symbols outside of the stable ABI (PEP 384) that an ``abi3`` wheel promises to keep to.
"""

from __future__ import annotations

import itertools
import json
import os
import re
import sys
from pathlib import Path
from typing import Any

from trimtab.model.trial import WheelTags
from trimtab.pyproject.environments import error_line
from trimtab.system.process import Command, Runner

_PLATFORM = re.compile(r"(?P<libc>manylinux|musllinux)_(?P<major>\d+)_(?P<minor>\d+)_")
_TIMEOUT = 60.0
"""Seconds for one look at a wheel."""
_LONGEST = 300
_LEGACY = {"manylinux1": "manylinux_2_5", "manylinux2010": "manylinux_2_12", "manylinux2014": "manylinux_2_17"}


def wheel_tags(runner: Runner, wheel: Path) -> WheelTags:
    """Tags that a wheel's name claims, and warnings where it does not keep to them.

    Args:
        runner: runs auditwheel and abi3audit, which come with the extra ``wheels``.
        wheel: its file.
    """
    parts = [part.split(".") for part in wheel.stem.split("-")[-3:]]  # Pythons, ABIs and platforms, each one or more
    claimed = tuple(sorted("-".join(tag) for tag in itertools.product(*parts)))
    platform, warnings, unknown = "", [], []
    if any("linux" in tag for tag in parts[-1]):
        try:
            platform = _oldest_platform(runner, wheel)
        except _UnknownError as error:
            unknown.append(str(error))
        wrong = [tag for tag in parts[-1] if platform and _is_older(tag, platform)]
        if wrong:
            warnings.append(f"the wheel claims {wrong[0]}, but needs {platform} (auditwheel)")
    if any("-abi3-" in tag for tag in claimed):
        try:
            warnings += _outside_stable_abi(runner, wheel)
        except _UnknownError as error:
            unknown.append(str(error))
    return WheelTags(claimed=claimed, platform=platform, warnings=tuple(warnings), unknown=tuple(unknown))


class _UnknownError(Exception):
    """Something cannot be checked; it says why."""


def _oldest_platform(runner: Runner, wheel: Path) -> str:
    """The tag of the oldest Linux on which a wheel works."""
    return str(_ask(runner, "overall_tag", "auditwheel", "show", "--json", str(wheel)))


def _is_older(claimed: str, needed: str) -> bool:
    """Whether a manylinux or musllinux tag promises an older system than is needed; plain ``linux`` promises none."""
    ours, theirs = _PLATFORM.match(_modern(claimed)), _PLATFORM.match(_modern(needed))
    if not ours or not theirs or ours["libc"] != theirs["libc"]:
        return False
    return (int(ours["major"]), int(ours["minor"])) < (int(theirs["major"]), int(theirs["minor"]))


def _modern(platform: str) -> str:
    """A platform tag in the spelling of PEP 600, which has names for the older ones."""
    name, _, rest = platform.partition("_")
    return f"{_LEGACY[name]}_{rest}" if name in _LEGACY else platform


def _outside_stable_abi(runner: Runner, wheel: Path) -> list[str]:
    """abi3audit's findings: symbols that are not in the stable ABI, or only in that of a newer Python."""
    specs = _ask(runner, "specs", "abi3audit", "--report", str(wheel))
    modules = [module for spec in specs.values() for module in spec.get(spec.get("kind", ""), [])]
    if not modules:
        raise _UnknownError("abi3audit finds no module that it can read")
    violations = []
    for module in modules:
        result = module.get("result", {})
        for symbol in result.get("non_abi3_symbols", []):
            violations.append(f"{module.get('name')}: {symbol} is not in the stable ABI (abi3audit)")
        for symbol, since in result.get("future_abi3_objects", {}).items():
            violations.append(
                f"{module.get('name')}: {symbol} is in the stable ABI since Python {since} only (abi3audit)"
            )
    return violations


def _ask(runner: Runner, key: str, module: str, *arguments: str) -> Any:
    """The value under a key of the JSON that a library of this Python's prints; its command line is its only interface.

    Raises:
        _UnknownError: it has nothing.
    """
    finished = runner.run(
        Command(argv=(sys.executable, "-m", module, *arguments), environment=dict(os.environ), timeout=_TIMEOUT)
    )
    if f"No module named {module}" in finished.stderr:
        raise _UnknownError(f"{module} cannot be run: pip install 'trimtab[wheels]'")
    try:
        return json.loads(finished.stdout)[key]
    except (ValueError, TypeError, LookupError):  # no JSON, no object, no such key
        why = finished.ended if finished.timed_out else error_line(finished)
        raise _UnknownError(f"{module} fails: {why}"[:_LONGEST]) from None
