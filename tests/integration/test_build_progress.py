"""Progress of real builds, as the wrapper observes them."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

import pytest

from tests.fakes.parts import RecordingProgress
from tests.integration.user import User
from trimtab.experiment.exploration import Exploration
from trimtab.experiment.prepare import prepare
from trimtab.experiment.request import Request
from trimtab.experiment.run import run
from trimtab.model.build_progress import BuildProgress, Stage
from trimtab.model.plan import ProbeKind
from trimtab.model.profile import Lto
from trimtab.model.space import parse_axis
from trimtab.store.sqlite import SqliteStore
from trimtab.system.paths import Folders

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="there is no rustc wrapper for this system"),
]

SLOW_LINKER = '#!/bin/sh\nsleep 0.5\nexec cc "$@"\n'


@pytest.fixture
def exploration(user: User, monkeypatch: pytest.MonkeyPatch) -> Exploration:
    """Today's profile and fat link-time optimization of a small workspace, whose links take half a second."""
    monkeypatch.setattr("os.environ", {**user.environment})
    project = user.project("duo")
    linker = user.folder / "slow-linker"
    linker.write_text(SLOW_LINKER)
    linker.chmod(0o755)
    settings = project / ".cargo" / "config.toml"
    settings.parent.mkdir(exist_ok=True)
    before = settings.read_text() if settings.exists() else ""
    settings.write_text(f'{before}\n[target."cfg(unix)"]\nlinker = "{linker}"\n')
    request = Request(
        path=str(project),
        axes=(parse_axis("lto=fat"),),
        probes=frozenset({ProbeKind.BUILD, ProbeKind.TOUCH, ProbeKind.SIZE}),
    )
    return prepare(request, Folders(store=user.folder / "trimtab.db", cache=user.cache / "trimtab"))


@pytest.mark.slow
def test_names_units_stages_and_an_estimate(exploration: Exploration, user: User) -> None:
    progress = RecordingProgress()
    with contextlib.closing(SqliteStore(user.folder / "trimtab.db")) as store:
        study = run(exploration, store, progress)
    assert not any(trial.failure for trial in study.trials)
    today, fat = ([state for profile, state in progress.states if profile.lto is lto] for lto in (Lto.LOCAL, Lto.FAT))
    total = exploration.today.rustc_calls
    for states in (today, fat):
        clean = [state for state in states if not state.rebuilds]
        assert [state.total for state in clean] == [total] * len(clean)
        counts = [len(state.finished) for state in clean]
        assert counts == sorted(counts)
        assert counts[-1] == total
        assert clean[-1].running == ()
        assert any(unit.name.startswith("duo ") for state in clean for unit in state.running)
        assert Stage.LINKING in stages(clean)
        assert [state.rebuilds for state in states[len(clean) :]] == ["app/src/main.rs"]
    assert Stage.LTO in stages(fat)
    assert Stage.LTO not in stages(today)
    assert {state.remaining for state in today} == {None}
    assert [state.remaining for state in fat][1]
    assert fat[-1].remaining
    assert sum("measuring size" in event for event in progress.events) == 2


@pytest.mark.slow
def test_units_from_the_cache_are_told_apart(exploration: Exploration, user: User, tmp_path: Path) -> None:
    builder = exploration.sharing_builder(tmp_path / "work", tmp_path / "kept", exploration.sharing())
    seen: list[list[BuildProgress]] = []
    for profile in (exploration.today.profile, exploration.today.profile):
        states: list[BuildProgress] = []
        builder.build(profile, touch=False, on_progress=states.append)
        seen.append(states)
    first, second = ({unit.reused for unit in states[-1].finished} for states in seen)
    assert first == {False}
    assert any(second), "units of the first build are reused in the second"
    assert len(seen[1][-1].finished) == exploration.today.rustc_calls


def stages(states: list[BuildProgress]) -> set[Stage]:
    return {unit.stage for state in states for unit in state.running}
