"""Explorations on a command line, with their document and the number of builds they took."""

from __future__ import annotations

import json
from typing import Any

from tests.unit.conftest import Shell
from tests.unit.test_schemas import validator

EXPLORE = "explore --axis lto=thin,fat"
"""Two profiles: today's, which is thin, and fat."""


def study(shell: Shell, line: str) -> Any:
    """The document that a command prints, checked against its schema."""
    said = shell.trimtab(f"{line} --json --quiet")
    assert (said.code, said.err) == (0, "")
    document = json.loads(said.out)
    validator("study").validate(document)
    return document


def builds(shell: Shell) -> int:
    return sum(line.startswith("cargo build --verbose") for line in shell.cargo.lines)
