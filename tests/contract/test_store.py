"""What every store keeps to."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given

from tests import strategies
from tests.fakes.parts import MemoryStore
from tests.fakes.values import FAT, FAT1, PROJECT, THIN, TODAY, a_full_study, failed, study, trial
from trimtab.errors import InputError
from trimtab.model.study import Study, Summary
from trimtab.model.trial import Trial
from trimtab.store.protocol import Store
from trimtab.store.sqlite import SqliteStore

MAKERS: dict[str, Callable[[Path], Store]] = {
    "sqlite": SqliteStore,
    "memory": lambda _: MemoryStore(),
}
OLD, NEW = "2026-01-01T00:00:00+00:00", "2026-02-01T00:00:00+00:00"


@pytest.fixture(params=MAKERS)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    with contextlib.closing(MAKERS[request.param](tmp_path / "store.db")) as opened:
        yield opened


def keep(store: Store, study: Study) -> Study:
    store.begin(study)
    for one in study.trials:
        store.append(study.id, one)
    return study


class TestStore:
    def test_gives_back_what_it_was_given(self, store: Store) -> None:
        kept = keep(store, a_full_study())
        assert store.load(kept.id) == kept
        assert store.find_trials(kept.trials[2].id)[0] == kept.trials[2]

    def test_gives_trials_in_the_order_in_which_they_ended(self, store: Store) -> None:
        keep(store, study(trial(FAT), trial(TODAY), trial(THIN)))
        assert [one.profile for one in store.load("last").trials] == [FAT, TODAY, THIN]

    def test_the_same_trial_again_takes_the_place_of_the_earlier_one(self, store: Store) -> None:
        kept = keep(store, study(trial(TODAY), trial(FAT, cpu=40.0)))
        store.append(kept.id, trial(FAT, cpu=50.0))
        found = store.load(kept.id).trials
        assert [one.value("build.clean.cpu") for one in found] == [40.0, 50.0]

    def test_beginning_a_study_again_keeps_its_trials(self, store: Store) -> None:
        kept = keep(store, study(trial(TODAY), trial(FAT)))
        store.begin(replace(kept, trials=(), planned=12, command="again"))
        found = store.load(kept.id)
        assert found.trials == kept.trials
        assert (found.planned, found.command) == (12, "again")

    def test_trials_of_the_frame_are_not_kept(self, store: Store) -> None:
        store.begin(study(trial(TODAY)))
        assert store.load("last").trials == ()

    def test_finds_the_records_of_a_trial_in_all_studies_newest_first(self, store: Store) -> None:
        keep(store, study(trial(TODAY, cpu=1.0), id="one"))
        keep(store, study(trial(TODAY, cpu=2.0), id="two"))
        assert store.find_trials(trial().id) == (trial(TODAY, cpu=2.0), trial(TODAY, cpu=1.0))
        store.append("one", trial(TODAY, cpu=3.0))
        assert store.find_trials(trial().id) == (trial(TODAY, cpu=3.0), trial(TODAY, cpu=2.0))
        assert store.load("two").trials == (trial(TODAY, cpu=2.0),)

    def test_does_not_find_what_is_not_there(self, store: Store) -> None:
        assert store.find_trials("nothing") == ()
        assert store.history() == []
        for name in ("last", "app-1", ""):
            with pytest.raises(InputError):
                store.load(name)

    def test_lists_studies_newest_first(self, store: Store) -> None:
        keep(store, study(trial(TODAY), failed(FAT), id="new", created=NEW, planned=3))
        keep(store, study(id="old", created=OLD, planned=7))
        assert store.history() == [
            Summary(id="new", created=NEW, project="sounding-cli", root=PROJECT.root, planned=3, trials=2, failed=1),
            Summary(id="old", created=OLD, project="sounding-cli", root=PROJECT.root, planned=7, trials=0, failed=0),
        ]
        assert store.load("last").id == "new"

    def test_a_study_taken_up_again_is_the_newest(self, store: Store) -> None:
        keep(store, study(id="one", created=OLD))
        keep(store, study(id="two", created=NEW))
        keep(store, study(id="one", created="2026-03-01T00:00:00+00:00"))
        assert store.load("last").id == "one"

    @pytest.mark.parametrize(
        ("name", "found"),
        [("sounding-1", "sounding-1"), ("sounding-12", "sounding-12"), ("r", "rg-a"), ("rg-", "rg-a")],
    )
    def test_finds_a_study_by_the_beginning_of_its_id(self, store: Store, name: str, found: str) -> None:
        for study_id in ("sounding-1", "sounding-12", "sounding-123", "rg-a"):
            store.begin(study(id=study_id))
        if name == "sounding-12":
            assert store.load(name).id == "sounding-12"
        assert store.load(name).id == found

    @pytest.mark.parametrize("name", ["sounding", "sounding_1", "ounding-1", "%", "sounding-1%", ""])
    def test_refuses_a_name_of_none_or_several(self, store: Store, name: str) -> None:
        for study_id in ("sounding-12", "sounding-13"):
            store.begin(study(id=study_id))
        with pytest.raises(InputError):
            store.load(name)

    def test_an_outdated_trial_is_no_part_of_its_study_but_still_found(self, store: Store) -> None:
        kept = keep(store, study(trial(TODAY), trial(FAT)))
        store.append(kept.id, replace(trial(FAT), outdated=True))
        assert [one.profile for one in store.load(kept.id).trials] == [TODAY]
        assert store.find_trials(trial(FAT).id) == (trial(FAT),)

    def test_keeps_studies_apart(self, store: Store) -> None:
        keep(store, study(trial(TODAY), trial(FAT), id="one"))
        keep(store, study(trial(TODAY), trial(FAT1), id="two"))
        assert [one.profile for one in store.load("one").trials] == [TODAY, FAT]
        assert [one.profile for one in store.load("two").trials] == [TODAY, FAT1]


@pytest.mark.parametrize("kind", MAKERS)
@given(kept=strategies.studies)
def test_any_study_is_given_back_unchanged(kind: str, tmp_path_factory: pytest.TempPathFactory, kept: Study) -> None:
    path = Path(":memory:") if kind == "sqlite" else Path()
    with contextlib.closing(MAKERS[kind](path)) as store:
        keep(store, kept)
        assert store.load(kept.id) == kept


@given(strategies.trials)
def test_any_trial_is_found_unchanged(kept: Trial) -> None:
    with contextlib.closing(SqliteStore(Path(":memory:"))) as store:
        store.begin(study())
        store.append(study().id, kept)
        assert store.find_trials(kept.id)[0] == kept
