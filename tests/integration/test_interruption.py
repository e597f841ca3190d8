"""Killed, interrupted, stopped: what was measured is kept, a rerun completes it, and nothing is left running."""

from __future__ import annotations

import random
import signal
import sqlite3
import statistics
from typing import Any

import pytest

from tests.integration.user import User, control_groups, eventually, processes_about

pytestmark = pytest.mark.integration

AXES = ("--axis", "opt-level=3,s", "--axis", "codegen-units=16,1")
PLANNED = 4
MOMENTS = 3
SEED = 20
DETERMINISTIC = "size."


@pytest.mark.slow
def test_killed_at_three_random_moments_the_answer_is_that_of_an_unbroken_run(user: User) -> None:
    project = user.project("duo")
    arguments = ("explore", project, *AXES, "--bench", "count={bin} count 20", "--bench-time", "50ms", "--json")
    unbroken = user.does(*arguments).document
    assert len(unbroken["trials"]) == PLANNED
    typical = statistics.median(trial["seconds"] for trial in unbroken["trials"])
    user.data.rename(user.folder / "data-unbroken")
    user.cache.rename(user.folder / "cache-unbroken")

    moment = random.Random(SEED)
    pids = []
    finished: list[list[str]] = [[]]
    for _ in range(MOMENTS):
        running = user.start(*arguments)
        # A moment of the first trial that this run makes, its build and its measurements included
        running.wait_for("building")
        running.wait_a_little(moment.uniform(0, typical))
        assert running.stop(signal.SIGKILL).code == -signal.SIGKILL
        pids.append(running.process.pid)
        finished.append(_stored(user))
        assert finished[-1][: len(finished[-2])] == finished[-2], "a finished trial was lost"

    last = user.start(*arguments)
    result = last.end()
    assert result.code == 0, result
    pids.append(last.process.pid)
    stored = _stored(user)
    assert len(stored) == len(set(stored)) == PLANNED
    assert stored[: len(finished[-1])] == finished[-1]
    assert _deterministic(result.document) == _deterministic(unbroken)
    assert _counts(result.document) == pytest.approx(_counts(unbroken), rel=1e-4)  # the loader's own may be others
    assert eventually(lambda: not processes_about(user.folder)), processes_about(user.folder)
    assert eventually(lambda: not control_groups(pids)), control_groups(pids)


def test_finished_trials_are_not_measured_again_after_a_kill(user: User) -> None:
    project = user.project("duo")
    arguments = ("explore", project, *AXES, "--measure", "size", "--json")
    running = user.start(*arguments)
    running.wait_for("took", times=2)
    running.stop(signal.SIGKILL)
    before = _documents(user)
    assert len(before) >= 2
    assert eventually(lambda: not processes_about(user.folder))  # the build that goes on alone has told of itself
    begun = len(user.builds())
    user.does(*arguments)
    assert len(user.builds()) - begun == PLANNED - len(before)
    after = _documents(user)
    assert {name: after[name] for name in before} == before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_is_said_and_what_was_measured_is_kept(user: User, number: signal.Signals) -> None:
    project = user.project("duo")
    running = user.start("explore", project, *AXES, "--measure", "size,build")
    running.wait_for("building", times=3)
    result = running.stop(number)
    error = result.refused(130)
    assert "interrupted" in error
    assert "kept" in error
    assert len(_stored(user)) == 2
    assert eventually(lambda: not processes_about(user.folder)), processes_about(user.folder)
    assert eventually(lambda: not control_groups([running.process.pid]))
    work = user.cache / "trimtab" / "work"
    assert not [path for path in work.rglob("*") if path.is_file() and path.name != "lock"]


@pytest.mark.parametrize(("builds", "pause"), [(1, 0.0), (2, 0.005)])
def test_a_second_interruption_at_once_leaves_nothing_either(user: User, builds: int, pause: float) -> None:
    project = user.project("duo")
    axes = ("--axis", "opt-level=3,2,s,z,1", "--axis", "codegen-units=16,1", "--measure", "size,build")
    running = user.start("explore", project, *axes, *(("--exact",) if builds == 1 else ()))
    running.wait_for("building", times=1 + builds)
    running.process.send_signal(signal.SIGINT)
    running.wait_a_little(pause)
    result = running.stop(signal.SIGINT)
    assert "interrupted" in result.refused(130)
    assert not processes_about(user.folder)
    assert not control_groups([running.process.pid])
    work = user.cache / "trimtab" / "work"
    assert not [path for path in work.rglob("*") if path.is_file() and path.name != "lock"]


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_during_a_bench_ends_the_bench_and_keeps_the_build(user: User, number: signal.Signals) -> None:
    project = user.project("duo")
    running = user.start("explore", project, "--axis", "opt-level=s", "--bench", "wait={bin} wait 3600")
    running.wait_for("running wait")
    assert eventually(lambda: _waiting(user))
    running.stop(number).refused(130)
    assert eventually(lambda: not _waiting(user)), _waiting(user)
    builds = len(user.builds())
    user.does("explore", project, "--axis", "opt-level=s", "--bench", "count={bin} count 1", "--bench-time", "10ms")
    assert len([line for line in user.builds()[builds:] if "opt-level" not in line]) == 0, "today's was built again"


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_screening_that_ends_in_the_middle_is_taken_up(user: User, number: signal.Signals) -> None:
    """With two builds at once, which share what they compile."""
    project = user.project("duo")
    axes = ("--axis", "opt-level=3,2,s,z,1", "--axis", "codegen-units=16,1", "--measure", "size,build")
    running = user.start("explore", project, *axes, "--json")
    running.wait_for("building", times=4)
    assert running.stop(number).code == (130 if number is signal.SIGINT else -number)
    before = _stored(user)
    study = user.does("explore", project, *axes, "--json").document
    assert any(trial["screened"] for trial in study["trials"])
    stored = _stored(user)
    assert set(before) <= set(stored)
    assert len(stored) == len(set(stored)) == len(study["trials"]) >= len("32sz1") * len(("16", "1"))
    assert eventually(lambda: not processes_about(user.folder)), processes_about(user.folder)


def test_a_bench_left_behind_by_a_kill_is_ended_by_the_next_run(user: User) -> None:
    project = user.project("duo")
    running = user.start("explore", project, "--axis", "opt-level=s", "--bench", "wait={bin} wait 3600")
    running.wait_for("running wait")
    assert eventually(lambda: _waiting(user))
    running.stop(signal.SIGKILL)
    assert _waiting(user)
    user.does("explore", project, "--axis", "opt-level=s", "--measure", "size")
    assert eventually(lambda: not _waiting(user)), _waiting(user)


def test_a_build_left_behind_by_a_kill_is_ended_by_the_next_run(user: User) -> None:
    project = user.project("moody")
    running = user.start("explore", project, "--axis", "opt-level=z", "--measure", "size")
    running.wait_for("building", times=2)
    assert eventually(lambda: any("moody-never-ends" in line for line in processes_about(user.folder)))
    running.stop(signal.SIGKILL)
    assert any("moody-never-ends" in line for line in processes_about(user.folder))
    user.does("explore", project, "--axis", "opt-level=0", "--measure", "size")
    assert eventually(lambda: not processes_about(user.folder)), processes_about(user.folder)
    assert eventually(lambda: not control_groups([running.process.pid]))


def _waiting(user: User) -> list[str]:
    return [
        line for line in processes_about(user.folder) if line.endswith(" wait 3600") and "trimtab explore" not in line
    ]


def _stored(user: User) -> list[str]:
    """Ids of the trials in the store, in order."""
    if not user.store.exists():
        return []
    with sqlite3.connect(user.store) as store:
        ids = [row[0] for row in store.execute("SELECT id FROM trials ORDER BY rowid")]
    store.close()
    return ids


def _documents(user: User) -> dict[str, bytes]:
    with sqlite3.connect(user.store) as store:
        documents = dict(store.execute("SELECT id, document FROM trials"))
    store.close()
    return documents


def _counts(study: dict[str, Any]) -> dict[tuple[str, str], float]:
    """Instructions of each trial."""
    return {
        (trial["label"], name): metric["value"]
        for trial in study["trials"]
        for name, metric in trial["metrics"].items()
        if name.endswith(".instructions")
    }


def _deterministic(study: dict[str, Any]) -> dict[str, Any]:
    """The part of a study that must come out the same each time."""
    return {
        "id": study["id"],
        "baseline": study["baseline"],
        "planned": study["planned"],
        "trials": [
            {
                "metrics": {
                    name: metric["value"] for name, metric in trial["metrics"].items() if name.startswith(DETERMINISTIC)
                },
                **{key: trial[key] for key in ("id", "label", "profile", "status", "effect", "artifacts", "failure")},
            }
            for trial in study["trials"]
        ],
    }
