"""Fixtures of command tests."""

from __future__ import annotations

import pytest

from tests.fakes.compiling import Compiling
from tests.unit.conftest import Shell


@pytest.fixture
def cargo(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> Compiling:
    """A project whose builds are traced."""
    cargo = Compiling(shell.cargo.root)
    for module in ("trimtab.cli.output", "trimtab.experiment.prepare"):
        monkeypatch.setattr(f"{module}.SystemRunner", lambda: cargo)
    monkeypatch.setattr("trimtab.commands.fit.run.limits_enforced_by", lambda: "a control group")
    return cargo
