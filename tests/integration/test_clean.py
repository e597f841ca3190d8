"""``trimtab clean`` beside a run, and killed in the middle of it."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from tests.integration.user import User

pytestmark = pytest.mark.integration

FILES = 40


@pytest.fixture
def alone(user: User) -> User:
    """A user whose cache shares nothing with other users: all of it will be freed."""
    for shared in ("wrapper", "backends"):
        (user.cache / "trimtab" / shared).unlink()
    return user


def programs(user: User) -> list[Path]:
    return sorted(user.store.with_name("trimtab.db.artifacts").glob("[!.]*/*"))


@pytest.mark.slow
def test_freeing_all_during_an_exploration_breaks_nothing(alone: User) -> None:
    project = alone.project("duo")
    exploration = alone.start("explore", project, "--axis", "opt-level=s", "--measure", "size", "--json")
    exploration.wait_for("building", times=2)
    cleaning = alone.does("clean", "--all", "--yes", "--json").document
    assert cleaning["in_use"] >= 1
    assert "running command" in alone.does("clean", "--all", "--dry-run").out
    result = exploration.end()
    assert result.code == 0, result
    kept = [Path(artifact["path"]) for trial in result.document["trials"] for artifact in trial["artifacts"]]
    assert [path.stat().st_size > 0 for path in kept] == [True, True]

    alone.does("clean", "--all", "--yes")
    assert programs(alone) == []
    assert alone.does("show", "--json").document["trials"] == result.document["trials"]
    again = alone.explores(project, "--axis", "opt-level=s", "--measure", "size")
    assert len(alone.builds()) == 4
    assert len(programs(alone)) == 2
    assert [trial["metrics"] for trial in again["trials"]] == [trial["metrics"] for trial in result.document["trials"]]


def test_a_kill_leaves_items_whole_or_gone(alone: User) -> None:
    crates = alone.cache / "trimtab" / "crates"
    for number in range(100):
        folder = crates / f"crate-1.0.{number}"
        folder.mkdir(parents=True)
        for name in range(FILES):
            (folder / f"{name}.rs").write_text("fn main() {}")
    cleaning = alone.start("clean", "--all", "--yes")
    while not list(crates.glob(".freed-*")):
        assert cleaning.process.poll() is None
        time.sleep(0.001)
    cleaning.process.send_signal(signal.SIGKILL)
    cleaning.end()
    assert {len(list(folder.iterdir())) for folder in crates.glob("crate-*")} <= {FILES}
    alone.does("clean", "--all", "--yes")
    assert list(crates.iterdir()) == []
