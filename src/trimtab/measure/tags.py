"""Whether a wheel is what its tags say: the platforms and Pythons that it claims to work on.

Two libraries that are made for this are asked: auditwheel for the oldest Linux that has all that a wheel needs
(PEP 600), abi3audit for symbols outside of the stable ABI (PEP 384) that an ``abi3`` wheel promises to keep to.
"""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from typing import Any

from trimtab.model.trial import WheelTags
from trimtab.process import Command, Finished, Runner

_PLATFORM = re.compile(r"(?P<libc>manylinux|musllinux)_(?P<major>\d+)_(?P<minor>\d+)_")
_LEGACY = {"manylinux1": "manylinux_2_5", "manylinux2010": "manylinux_2_12", "manylinux2014": "manylinux_2_17"}


def wheel_tags(runner: Runner, wheel: Path) -> WheelTags:
    """What a wheel's name claims, and where that is not so.

    Args:
        runner: runs auditwheel and abi3audit, which come with the extra ``wheels``.
        wheel: its file.
    """
    from packaging.utils import parse_wheel_filename

    _, _, _, tags = parse_wheel_filename(wheel.name)
    claimed = tuple(sorted(map(str, tags)))
    platform, warnings = "", []
    if any("linux" in tag.platform for tag in tags):
        platform = _oldest_platform(runner, wheel)
        wrong = [tag.platform for tag in tags if platform and _is_older(tag.platform, platform)]
        if wrong:
            warnings.append(f"the wheel claims {wrong[0]}, but needs {platform} (auditwheel)")
    if any(tag.abi == "abi3" for tag in tags):
        warnings += _outside_stable_abi(runner, wheel)
    return WheelTags(claimed=claimed, platform=platform, warnings=tuple(warnings))


def _oldest_platform(runner: Runner, wheel: Path) -> str:
    """The tag of the oldest Linux on which a wheel works; nothing where auditwheel cannot say."""
    finished = _ask(runner, "auditwheel", "show", "--json", str(wheel))
    return str(_document(finished).get("overall_tag", "")) if finished.ok else ""


def _is_older(claimed: str, needed: str) -> bool:
    """Whether a manylinux or musllinux tag promises an older system than is needed; plain ``linux`` promises none."""
    one, two = _PLATFORM.match(_modern(claimed)), _PLATFORM.match(_modern(needed))
    if not one or not two or one["libc"] != two["libc"]:
        return False
    return (int(one["major"]), int(one["minor"])) < (int(two["major"]), int(two["minor"]))


def _modern(platform: str) -> str:
    """A platform tag in the spelling of PEP 600, which has names for the older ones."""
    name, _, rest = platform.partition("_")
    return f"{_LEGACY[name]}_{rest}" if name in _LEGACY else platform


def _outside_stable_abi(runner: Runner, wheel: Path) -> list[str]:
    """What abi3audit finds: symbols that are not in the stable ABI, or only in that of a newer Python."""
    finished = _ask(runner, "abi3audit", "--report", str(wheel))
    found = []
    for spec in _document(finished).get("specs", {}).values():
        for one in spec.get(spec.get("kind", ""), []):
            result = one.get("result", {})
            for symbol in result.get("non_abi3_symbols", []):
                found.append(f"{one.get('name')}: {symbol} is not in the stable ABI (abi3audit)")
            for symbol, since in result.get("future_abi3_objects", {}).items():
                found.append(f"{one.get('name')}: {symbol} is in the stable ABI since Python {since} only (abi3audit)")
    return found


def _ask(runner: Runner, module: str, *words: str) -> Finished:
    """Run a library of this Python's, which has no interface but its command line."""
    return runner.run(Command(argv=(sys.executable, "-m", module, *words), environment=dict(os.environ)))


def _document(finished: Finished) -> dict[str, Any]:
    try:
        document = json.loads(finished.stdout)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}
