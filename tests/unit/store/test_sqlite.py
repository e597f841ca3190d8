"""The store's file: versions, damage, and several writers at once. What every store does: tests/contract."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import GOLDEN
from tests.fakes.parts import FakeProvenance
from tests.fakes.values import FAT, TODAY, failed, study, trial
from trimtab.errors import InputError, MissingError
from trimtab.experiment.known import KnownTrials
from trimtab.model.identity import build_basis, build_identity
from trimtab.model.machine import Timing
from trimtab.model.metric import Measurement
from trimtab.model.trial import Cause, Status
from trimtab.store.migrations import MIGRATIONS
from trimtab.store.sqlite import SqliteStore


def opened(path: Path) -> contextlib.closing[SqliteStore]:
    return contextlib.closing(SqliteStore(path))


def ask(path: Path, query: str) -> list[Any]:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return connection.execute(query).fetchall()


def old_store(path: Path, version: int = 1) -> Path:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.executescript((GOLDEN / "stores" / f"version-{version}.sql").read_text("utf-8"))
    return path


class TestVersions:
    def test_a_new_store_has_the_newest_version_and_its_folders_are_made(self, tmp_path: Path) -> None:
        path = tmp_path / "deep" / "below" / "store.db"
        with opened(path) as store:
            assert store.artifacts == path.with_name("store.db.artifacts")
        assert ask(path, "PRAGMA user_version") == [(len(MIGRATIONS),)]
        assert ask(path, "PRAGMA journal_mode") == [("wal",)]

    def test_a_store_of_version_1_is_brought_up_to_date_with_its_data(self, tmp_path: Path) -> None:
        path = old_store(tmp_path / "store.db")
        with opened(path) as store:
            loaded = store.load("last")
            assert store.find_trials(loaded.trials[0].id)[0] == loaded.trials[0]
        assert ask(path, "PRAGMA user_version") == [(len(MIGRATIONS),)]
        assert ask(path, "SELECT name FROM sqlite_master WHERE type = 'index' AND name = 'trials_by_id'")
        assert (loaded.id, loaded.planned, loaded.baseline_profile) == ("sounding-0a1b2c", 4, TODAY)
        built, broken = loaded.trials
        assert built.get("run.check.wall.ratio") == Measurement(
            name="run.check.wall.ratio", value=1.0, unit="ratio", low=0.99, high=1.01, samples=20,
            method="{bin} check corpus; 20 pairs of random order with today's binary",
        )  # fmt: skip
        assert broken.status is Status.FAILED
        assert broken.failure is not None
        assert broken.failure.cause is Cause.COMPILER

    def test_an_old_store_can_be_gone_on_with(self, tmp_path: Path) -> None:
        path = old_store(tmp_path / "store.db")
        with opened(path) as store:
            failed_then = store.load("last").trials[1]
            store.append("sounding-0a1b2c", trial(FAT, id=failed_then.id))
        with opened(path) as store:
            assert [one.status for one in store.load("last").trials] == ["ok", "ok"]

    @pytest.mark.parametrize("version", [1, 2])
    def test_trials_of_an_old_store_are_known_in_any_checkout_and_under_any_kernel(
        self, tmp_path: Path, version: int
    ) -> None:
        with opened(old_store(tmp_path / "store.db", version)) as store:
            loaded = store.load("last")
            basis = build_basis(
                sources=loaded.project.sources,
                toolchain=loaded.toolchain,
                target=loaded.toolchain.host,
                selection=loaded.selection,
                binaries=[(loaded.project.name, name) for name in loaded.project.binaries],
            )
            assert (loaded.basis, loaded.baseline) == (basis, build_identity(basis, loaded.baseline_profile))
            today = replace(loaded, machine=replace(loaded.machine, kernel="99.0", memory=1))
            known = KnownTrials(store=store, study=today, provenance=FakeProvenance())
            for kept in loaded.trials:
                assert known.find(kept.profile) == kept
                assert kept.timing == Timing(machine=loaded.machine)

    def test_how_many_jobs_an_old_study_had_is_not_guessed(self, tmp_path: Path) -> None:
        path = old_store(tmp_path / "store.db")
        with contextlib.closing(sqlite3.connect(path)) as connection, connection:
            connection.execute(
                "UPDATE studies SET document ="
                " CAST(replace(CAST(document AS TEXT), 'trimtab explore', 'trimtab explore -j1') AS BLOB)"
            )
        with opened(path) as store:
            assert {one.timing for one in store.load("last").trials} == {None}

    def test_every_version_so_far_has_a_fixture_or_is_the_newest(self) -> None:
        kept = {path.stem for path in (GOLDEN / "stores").glob("version-*.sql")}
        assert kept == {f"version-{number}" for number in range(1, len(MIGRATIONS))}

    def test_a_newer_store_is_refused_and_left_alone(self, tmp_path: Path) -> None:
        path = tmp_path / "store.db"
        SqliteStore(path).close()
        with contextlib.closing(sqlite3.connect(path)) as connection:
            connection.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
        with pytest.raises(InputError, match="newer trimtab") as caught:
            SqliteStore(path)
        assert caught.value.where == str(path)
        assert ask(path, "PRAGMA user_version") == [(len(MIGRATIONS) + 1,)]

    def test_a_migration_that_fails_changes_nothing(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        path = old_store(tmp_path / "store.db")
        broken = (*MIGRATIONS, "CREATE TABLE more (id TEXT); CREATE TABLE trials (id TEXT);")
        with monkeypatch.context() as patch:
            patch.setattr("trimtab.store.sqlite.MIGRATIONS", broken)
            with pytest.raises(InputError, match="table trials already exists"):
                SqliteStore(path)
        assert ask(path, "PRAGMA user_version") == [(1,)]
        assert ask(path, "SELECT name FROM sqlite_master WHERE name = 'more'") == []
        with opened(path) as store:
            assert len(store.load("last").trials) == 2


class TestDamage:
    def test_a_trial_that_cannot_be_read_is_unknown_and_the_others_are_not(self, tmp_path: Path) -> None:
        path = tmp_path / "store.db"
        with opened(path) as store:
            kept = study(trial(TODAY), trial(FAT))
            store.begin(kept)
            for one in kept.trials:
                store.append(kept.id, one)
        for damage in (b"", b"{", b'{"id": 3}', b"\xff\xfe"):
            with contextlib.closing(sqlite3.connect(path)) as connection, connection:
                connection.execute("UPDATE trials SET document = ? WHERE id = ?", (damage, trial(FAT).id))
            with opened(path) as store:
                assert store.load(kept.id).trials == (trial(TODAY),)
                assert store.find_trials(trial(FAT).id) == ()


class TestReadOnly:
    @pytest.fixture
    def read_only(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        path = old_store(tmp_path / "store ?#.db", 2)
        monkeypatch.setattr(os, "access", lambda *_: False)
        return path

    def test_it_can_be_read_and_is_left_as_it_is(self, read_only: Path) -> None:
        before = read_only.read_bytes()
        with opened(read_only) as store:
            loaded = store.load("last")
            assert store.find_trials(loaded.trials[0].id) == loaded.trials[:1]
            assert len(store.history()) == 1
        assert read_only.read_bytes() == before
        assert list(read_only.parent.iterdir()) == [read_only]

    def test_what_would_write_is_refused(self, read_only: Path) -> None:
        with opened(read_only) as store:
            with pytest.raises(InputError, match="read-only") as caught:
                store.begin(study())
            assert "--store" in caught.value.hint
            with pytest.raises(InputError, match="read-only"):
                store.append("moody", trial())


class TestTrouble:
    def refused(self, path: Path) -> InputError:
        with pytest.raises(InputError) as caught:
            SqliteStore(path)
        assert caught.value.where == str(path)
        assert "--store" in caught.value.hint
        return caught.value

    def test_another_file_is_no_store_and_left_alone(self, tmp_path: Path) -> None:
        path = tmp_path / "Cargo.toml"
        path.write_text('[package]\nname = "precious"\n' * 20)
        assert "not a store" in self.refused(path).what
        assert path.read_text().startswith("[package]")

    def test_a_folder_is_no_store(self, tmp_path: Path) -> None:
        assert "cannot be used" in self.refused(tmp_path).what

    def test_a_place_below_a_file(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        assert "cannot be used" in self.refused(tmp_path / "file" / "store.db").what

    def test_a_read_only_place(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """The user running the tests may be allowed everything, so that files are opened for reading instead."""
        path, full, connect = tmp_path / "empty.db", tmp_path / "full.db", sqlite3.connect
        path.touch()
        with opened(full) as store:
            store.begin(study(trial(TODAY)))
        monkeypatch.setattr(
            sqlite3, "connect", lambda place, **rest: connect(f"file:{place}?mode=ro", uri=True, **rest)
        )
        assert self.refused(path).what == "the store cannot be used: attempt to write a readonly database"
        with opened(full) as store:
            assert len(store.history()) == 1  # looking is allowed
            with pytest.raises(InputError, match="readonly database"):
                store.append(study().id, trial(TODAY))

    def test_a_full_disk_is_missing_space(self, tmp_path: Path) -> None:
        with opened(tmp_path / "store.db") as store:
            store.begin(study())
            (pages,) = store._connection.execute("PRAGMA page_count").fetchone()
            store._connection.execute(f"PRAGMA max_page_count = {pages}")
            with pytest.raises(MissingError, match="no space left"):
                store.append(study().id, trial(TODAY, runs={f"bench{number}": (1, 1, 1) for number in range(500)}))
            assert store.load("last").trials == ()
            store.append(study().id, trial(TODAY))
            assert len(store.load("last").trials) == 1


def in_threads(*work: Callable[[], None]) -> None:
    errors: list[BaseException] = []

    def guarded(one: Callable[[], None]) -> None:
        try:
            one()
        except BaseException as error:  # noqa: BLE001 - carried out of the thread
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=(one,)) for one in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


class TestTogether:
    def test_two_writers_lose_nothing(self, tmp_path: Path) -> None:
        path = tmp_path / "store.db"
        start = threading.Barrier(2)

        def explore(name: str) -> Callable[[], None]:
            def write() -> None:
                start.wait()
                with opened(path) as store:
                    store.begin(study(id=name))
                    for number in range(50):
                        store.append(name, trial(TODAY, id=f"{name}-{number}"))

            return write

        in_threads(explore("one"), explore("two"))
        with opened(path) as store:
            for name in ("one", "two"):
                assert [one.id for one in store.load(name).trials] == [f"{name}-{number}" for number in range(50)]

    def test_many_may_make_a_new_store_at_once(self, tmp_path: Path) -> None:
        for attempt in range(20):
            path, start = tmp_path / f"{attempt}.db", threading.Barrier(4)

            def make(path: Path = path, start: threading.Barrier = start) -> None:
                start.wait()
                SqliteStore(path).close()

            in_threads(make, make, make, make)

    def test_two_may_bring_an_old_store_up_to_date(self, tmp_path: Path) -> None:
        path = old_store(tmp_path / "store.db")
        start = threading.Barrier(4)

        def load() -> None:
            start.wait()
            with opened(path) as store:
                assert len(store.load("last").trials) == 2

        in_threads(load, load, load, load)

    def test_a_reader_sees_finished_trials_while_another_writes(self, tmp_path: Path) -> None:
        path = tmp_path / "store.db"
        with opened(path) as writer, opened(path) as reader:
            writer.begin(study())
            writer.append(study().id, trial(TODAY))
            writer._connection.execute("BEGIN IMMEDIATE")
            assert len(reader.load("last").trials) == 1
            writer._connection.execute("ROLLBACK")

    def test_what_was_appended_survives_without_closing(self, tmp_path: Path) -> None:
        path = tmp_path / "store.db"
        store = SqliteStore(path)
        store.begin(study())
        store.append(study().id, trial(TODAY))
        store.append(study().id, failed(FAT))
        copy = tmp_path / "copy.db"
        for suffix in ("", "-wal"):  # what another process finds on disk when this one is killed
            (tmp_path / f"copy.db{suffix}").write_bytes((tmp_path / f"store.db{suffix}").read_bytes())
        with opened(copy) as found:
            assert len(found.load("last").trials) == 2
            assert found.history()[0].failed == 1
        store.close()


def test_ten_thousand_trials_are_listed_and_shown_quickly(tmp_path: Path) -> None:
    import time

    with opened(tmp_path / "store.db") as store:
        for number in range(100):
            store.begin(study(id=f"s{number}", created=f"2026-01-01T00:{number // 60:02}:{number % 60:02}"))
            with store._transaction():
                for one in range(100):
                    store._connection.execute(
                        "INSERT INTO trials SELECT ?, ?, 'ok', ?",
                        (f"s{number}", f"{number}-{one}", b'{"id": "x"}'),
                    )
        before = time.process_time()
        assert sum(one.trials for one in store.history()) == 10_000
        assert time.process_time() - before < 0.5


class TestRemoving:
    def test_programs_are_known_with_the_studies_that_have_them(self, tmp_path: Path) -> None:
        with opened(tmp_path / "store.db") as store:
            for name, profiles in (("one", (TODAY, FAT)), ("two", (TODAY,))):
                store.begin(study(id=name))
                for profile in profiles:
                    store.append(name, trial(profile))
            programs = {Path(one.path).parent.name for profile in (TODAY, FAT) for one in trial(profile).artifacts}
            assert set(store.programs()) == programs
            assert {frozenset(ids) for ids in store.programs().values()} <= {
                frozenset({"one", "two"}),
                frozenset({"one"}),
            }
            assert "two" in store.programs()[Path(trial(TODAY).artifacts[0].path).parent.name]

    def test_a_study_goes_with_its_trials_and_no_other_does(self, tmp_path: Path) -> None:
        with opened(tmp_path / "store.db") as store:
            for name in ("one", "two"):
                store.begin(study(id=name))
                store.append(name, trial(TODAY))
            store.remove(["one"])
            assert [summary.id for summary in store.history()] == ["two"]
            assert store.find_trials(trial(TODAY).id) == (trial(TODAY),)
            assert store.load("two").trials == (trial(TODAY),)
        assert ask(tmp_path / "store.db", "SELECT study FROM trials") == [("two",)]

    def test_the_file_becomes_smaller(self, tmp_path: Path) -> None:
        with opened(tmp_path / "store.db") as store:
            store.begin(study(id="one", command="x" * 1_000_000))
        size = (tmp_path / "store.db").stat().st_size
        with opened(tmp_path / "store.db") as store:
            store.remove(["one"])
        assert (tmp_path / "store.db").stat().st_size < size / 2

    def test_a_store_that_cannot_be_written_keeps_all(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        with opened(tmp_path / "store.db") as store:
            store.begin(study(id="one"))
        monkeypatch.setattr("trimtab.store.sqlite.os.access", lambda *_: False)
        with opened(tmp_path / "store.db") as store, pytest.raises(InputError, match="read-only"):
            store.remove(["one"])
        assert ask(tmp_path / "store.db", "SELECT id FROM studies") == [("one",)]
