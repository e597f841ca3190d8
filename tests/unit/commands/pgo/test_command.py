"""``trimtab pgo`` and the axes of training where what they need is not here."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.conftest import Shell

TRAIN = "--train '{bin} train'"


@pytest.fixture(autouse=True)
def _no_llvm(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Takes all of LLVM's programs away."""
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    monkeypatch.setattr("trimtab.system.llvm._FOLDERS", tmp_path / "nothing")


@pytest.mark.parametrize(
    ("line", "what", "remedy"),
    [
        (f"explore --axis pgo=off,on {TRAIN}", "llvm-profdata is not here", "rustup component add llvm-tools"),
        (f"pgo build {TRAIN}", "llvm-profdata is not here", "rustup component add llvm-tools"),
        (f"explore --axis bolt=off,on {TRAIN}", "llvm-bolt is not here", "install LLVM's BOLT"),
        (f"pgo build --no-pgo --bolt {TRAIN}", "llvm-bolt is not here", "install LLVM's BOLT"),
    ],
)
def test_what_is_missing_is_named_with_the_way_to_get_it(shell: Shell, line: str, what: str, remedy: str) -> None:
    said = shell.trimtab(line)
    assert (said.code, said.out) == (3, "")
    *_, error, hint = said.errors
    assert error.startswith(f"error: {what}")
    assert remedy in hint


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("pgo build", "no training commands"),
        (f"pgo build --no-pgo {TRAIN}", "nothing to train for"),
        (f"pgo build --no-pgo --bolt --pgo-hot 900000 {TRAIN}", "--pgo-hot is about the profile"),
        (f"pgo age {TRAIN}", "which revisions?"),
        (f"pgo age --versions 1.0 {TRAIN}", "--versions is of a published crate"),
        ("pgo build --profile-data nowhere", "nowhere"),
        ("pgo", "Usage: trimtab pgo"),
        (f"explore --axis pgo-hot=900000 {TRAIN}", "pgo-hot is about a profile, and pgo is off"),
        ("forecast --axis pgo=on", "no training commands"),
    ],
)
def test_what_cannot_be_done_is_refused(shell: Shell, line: str, what: str) -> None:
    said = shell.trimtab(line)
    assert said.code == 2
    assert what in said.err
