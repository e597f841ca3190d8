"""Marks of use, and locks that may be removed by who holds them."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from trimtab.system.paths import hold_lock
from trimtab.system.usage import last_used, mark_of, mark_used, measured_size, none_begins, running, take_away


@pytest.fixture
def item(tmp_path: Path) -> Path:
    place = tmp_path / "hexyl-0.16.0"
    place.mkdir()
    (place / "file").write_text("text")
    mark_used(place)
    os.utime(mark_of(place), (1000.0, 1000.0))
    return place


class TestMarks:
    def test_a_use_is_known_by_its_time_and_leaves_the_item_as_it_is(self, item: Path) -> None:
        before = item.stat()
        assert last_used(item) == 1000.0
        begun = time.time()
        assert mark_used(item)
        assert begun <= last_used(item) <= time.time()
        assert (item.stat().st_mtime_ns, item.stat().st_ctime_ns) == (before.st_mtime_ns, before.st_ctime_ns)

    def test_what_is_not_there_is_not_used(self, tmp_path: Path) -> None:
        assert not mark_used(tmp_path / "nothere")
        assert not mark_used(tmp_path / "no" / "folder")
        assert list(tmp_path.iterdir()) == []

    def test_measuring_is_no_use_and_happens_once(self, item: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        assert measured_size(item) == 4096
        assert last_used(item) == 1000.0
        monkeypatch.setattr("trimtab.system.usage.bytes_below", lambda _: 7)
        assert measured_size(item) == 4096
        (item / "another").touch()
        assert measured_size(item) == 7

    def test_a_damaged_mark_is_measured_anew(self, item: Path) -> None:
        mark_of(item).write_text("nonsense")
        assert measured_size(item) == 4096

    def test_what_was_taken_away_is_gone_with_its_mark(self, item: Path) -> None:
        grave = take_away(item, 1000.0)
        assert grave
        assert (grave / "file").read_text() == "text"
        assert list(item.parent.iterdir()) == [grave]
        assert take_away(item, 1000.0) is None

    def test_what_was_used_since_stays(self, item: Path) -> None:
        mark_used(item)
        assert take_away(item, 1000.0) is None
        assert item.exists()


class TestCommands:
    def test_the_oldest_that_runs_says_since_when_all_is_in_use(self, tmp_path: Path) -> None:
        with none_begins(tmp_path) as since:
            assert since == float("inf")
        begun = time.time()
        with running(tmp_path):
            with running(tmp_path), none_begins(tmp_path) as since:
                assert begun - 3 < since < time.time()
            with none_begins(tmp_path) as still:
                assert still <= since
        with none_begins(tmp_path) as since:
            assert since == float("inf")
        assert list((tmp_path / "running").iterdir()) == []


class TestLocks:
    def test_its_time_is_when_it_was_last_taken(self, tmp_path: Path) -> None:
        path = tmp_path / "lock"
        path.touch()
        os.utime(path, (1000.0, 1000.0))
        with hold_lock(path) as held:
            assert held
            taken = path.stat().st_mtime
            assert taken > 1000.0
            with hold_lock(path) as again:
                assert not again
            assert path.stat().st_mtime == taken

    def test_who_waits_for_a_lock_that_is_removed_gets_the_new_one(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = tmp_path / "lock"
        real, removed = os.fstat, list[int]()

        def remove_first(descriptor: int) -> os.stat_result:
            if not removed:
                removed.append(descriptor)
                path.unlink()  # by the last holder, between our taking it and our looking
            return real(descriptor)

        monkeypatch.setattr("trimtab.system.paths.os.fstat", remove_first)
        with hold_lock(path) as held, hold_lock(path) as other:
            assert (held, other, len(removed)) == (True, False, 1)
