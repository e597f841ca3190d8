"""What is kept: the list, the limit, and what is removed while other commands run."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

import trimtab
from trimtab.builders.work_folder import ArtifactStore, hold_workplace, is_intact
from trimtab.errors import InputError
from trimtab.model.kept import KeptItem, KeptKind
from trimtab.model.trial import Artifact
from trimtab.store.kept import (
    _LEFTOVERS,
    _PLACES,
    _UNITS,
    DEFAULT_LIMIT,
    free,
    keeping,
    kept_items,
    least_recently_used,
    size_limit,
)
from trimtab.system.paths import Folders, hold_lock
from trimtab.system.usage import mark_of, mark_used, running

DAY = 86400.0
SOURCE = Path(trimtab.__file__).parent
IN_CACHE = re.compile(r"\bcache / \"(\w+)\"")
KIB = 1024


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    return Folders(store=tmp_path / "data" / "trimtab.db", cache=tmp_path / "cache")


def kept(place: Path, size: int = 4 * KIB, days: float = 0.0) -> Path:
    """A folder with one file in it that was last used so long ago."""
    place.mkdir(parents=True)
    (place / "file").write_bytes(b"x" * size)
    assert mark_used(place)
    return aged(place, days)


def aged(place: Path, days: float) -> Path:
    os.utime(mark_of(place), (time.time() - days * DAY,) * 2)
    return place


def program(folders: Folders, text: str, days: float = 0.0) -> Artifact:
    built = folders.store.parent.parent / "built"
    built.write_text(text)
    artifact = ArtifactStore(folders.artifacts).keep("app", built)
    aged(Path(artifact.path).parent, days)
    return artifact


def listed(folders: Folders) -> dict[str, KeptItem]:
    return {item.path.name: item for item in kept_items(folders)}


class TestList:
    def test_nothing_is_kept(self, folders: Folders) -> None:
        assert kept_items(folders) == ()

    def test_every_kind_is_found_with_its_size_and_last_use(self, folders: Folders) -> None:
        folders.store.parent.mkdir(parents=True)
        folders.store.write_bytes(b"x" * 5000)
        artifact = program(folders, "a program", days=3)
        for place, days in (
            ("sources/app-1", 9),
            ("crates/hexyl-0.16.0", 8),
            ("revisions/repository/commit", 7),
            ("wheels/uv==0.2.35@here", 6),
            ("corpus/uv==0.2.35@here/uv-0.2.35", 5),
            ("backends/1a2b", 4),
            ("targets/artifacts/3c4d", 2),
            ("wine", 1.5),
            ("wrapper/5e6f", 1),
        ):
            kept(folders.cache / place, days=days)
        unit = folders.cache / "compiled" / "units" / "ab" / "abcd"
        unit.mkdir(parents=True)
        (unit / "entry.json").write_text("{}")
        (folders.cache / "work" / "0" / "target").mkdir(parents=True)
        (folders.cache / "work" / "0" / "lock").touch()
        (folders.cache / "wheels" / ".draft-1").mkdir()
        items = kept_items(folders)
        assert [(item.kind, item.path.name) for item in items if item.kind is not KeptKind.LEFTOVERS] == [
            (KeptKind.SOURCES, "app-1"),
            (KeptKind.CRATES, "hexyl-0.16.0"),
            (KeptKind.REVISIONS, "commit"),
            (KeptKind.WHEELS, "uv==0.2.35@here"),
            (KeptKind.WHEELS, "uv-0.2.35"),
            (KeptKind.BACKENDS, "1a2b"),
            (KeptKind.PROGRAMS, artifact.sha256),
            (KeptKind.TARGETS, "3c4d"),
            (KeptKind.TARGETS, "wine"),
            (KeptKind.WRAPPERS, "5e6f"),
            (KeptKind.STUDIES, "trimtab.db"),
            (KeptKind.UNITS, "abcd"),
        ]
        assert sorted(item.path.name for item in items if item.kind is KeptKind.LEFTOVERS) == [".draft-1", "target"]
        assert listed(folders)["trimtab.db"].size == 5000
        assert {item.size for item in items if item.kind not in (KeptKind.STUDIES, KeptKind.LEFTOVERS)} == {4 * KIB}

    def test_looking_is_no_use(self, folders: Folders) -> None:
        kept(folders.cache / "crates" / "a-1", days=3)
        assert listed(folders)["a-1"].used == listed(folders)["a-1"].used < time.time() - 2 * DAY

    def test_the_size_follows_a_second_name_of_the_same_program(self, folders: Folders) -> None:
        artifact = program(folders, "a program")
        assert listed(folders)[artifact.sha256].size == 4 * KIB
        (folders.store.parent.parent / "built").rename(folders.store.parent.parent / "other")
        ArtifactStore(folders.artifacts).keep("other", folders.store.parent.parent / "other")
        assert listed(folders)[artifact.sha256].size == 8 * KIB

    def test_what_has_no_mark_counts_as_used_now(self, folders: Folders) -> None:
        place = kept(folders.cache / "crates" / "a-1", days=300)
        mark_of(place).unlink()
        assert listed(folders)["a-1"].used > time.time() - DAY


def test_whatever_lies_in_the_cache_is_listed() -> None:
    named = {name for path in SOURCE.rglob("*.py") for name in IN_CACHE.findall(path.read_text("utf-8"))}
    patterns = (*(pattern for _, pattern in _PLACES), *_UNITS, *_LEFTOVERS)
    assert {"crates", "wheels", "wine", "work"} < named
    unlisted = named - {pattern.partition("/")[0] for pattern in patterns}
    assert unlisted == {"locks", "running", "embedding"}, "the last is a folder in `compiled`"


@pytest.mark.parametrize("run", sorted((SOURCE / "commands").glob("*/run.py")), ids=lambda path: str(path.parent.name))
def test_commands_that_build_or_fetch_hold_what_they_use(run: Path) -> None:
    text = run.read_text("utf-8")
    adds = re.search(r"experiment\.prepare|\b(published_wheel|published_crate|Finder|hold_workplace)\(", text)
    assert not adds or "with keeping(" in text


@pytest.mark.parametrize(("text", "limit"), [("", DEFAULT_LIMIT), ("500M", 500 << 20), ("none", None), ("NONE", None)])
def test_the_limit(text: str, limit: int | None) -> None:
    assert size_limit({"TRIMTAB_CACHE_SIZE": text}) == limit


def test_a_limit_that_is_no_size_names_the_variable() -> None:
    with pytest.raises(InputError, match="'much' is not a size") as caught:
        size_limit({"TRIMTAB_CACHE_SIZE": "much"})
    assert "TRIMTAB_CACHE_SIZE" in caught.value.where


def item(name: str, size: int, used: float, kind: KeptKind = KeptKind.CRATES) -> KeptItem:
    return KeptItem(kind=kind, path=Path(name), size=size, used=used)


class TestLeastRecentlyUsed:
    def test_goes_first_until_the_rest_is_within_the_limit(self) -> None:
        items = [item("a", 10, 3.0), item("b", 10, 1.0), item("c", 10, 2.0)]
        assert [one.path.name for one in least_recently_used(items, 15)] == ["b", "c"]
        assert least_recently_used(items, 30) == ()

    def test_studies_count_and_stay(self) -> None:
        items = [item("db", 10, 0.0, KeptKind.STUDIES), item("a", 10, 3.0)]
        assert [one.path.name for one in least_recently_used(items, 5)] == ["a"]

    def test_leftovers_go_whatever_the_limit_and_before_all_others(self) -> None:
        items = [item("a", 10, 1.0), item("left", 10, 9.0, KeptKind.LEFTOVERS)]
        assert [one.path.name for one in least_recently_used(items, 10)] == ["left"]


class TestFreeing:
    def test_removes_items_with_their_marks(self, folders: Folders) -> None:
        place = kept(folders.cache / "crates" / "a-1", days=3)
        assert [one.path for one in free(folders, kept_items(folders))] == [place]
        assert list(place.parent.iterdir()) == []

    def test_what_is_used_between_the_plan_and_its_end_stays(self, folders: Folders) -> None:
        place = kept(folders.cache / "crates" / "a-1", days=3)
        planned = kept_items(folders)
        mark_used(place)
        assert free(folders, planned) == ()
        assert (place / "file").exists()

    def test_a_unit_that_is_used_meanwhile_stays(self, folders: Folders) -> None:
        facts = folders.cache / "compiled" / "units" / "ab" / "abcd" / "entry.json"
        facts.parent.mkdir(parents=True)
        facts.write_text("{}")
        os.utime(facts, (1.0, 1.0))
        planned = kept_items(folders)
        os.utime(facts)
        assert free(folders, planned) == ()
        assert [one.path for one in free(folders, kept_items(folders))] == [facts.parent]
        assert list(facts.parent.parent.iterdir()) == []

    def test_what_a_running_command_has_used_stays_until_it_ends(self, folders: Folders) -> None:
        old, new = (kept(folders.cache / "crates" / name, days=3) for name in ("a-1", "b-1"))
        with running(folders.cache):
            mark_used(new)
            free(folders, kept_items(folders))
            assert (old.exists(), new.exists()) == (False, True)
        free(folders, kept_items(folders))
        assert not new.exists()

    def test_a_command_that_was_killed_holds_nothing(self, folders: Folders) -> None:
        (folders.cache / "running").mkdir(parents=True)
        (folders.cache / "running" / "4711-killed").touch()
        place = kept(folders.cache / "crates" / "a-1")
        free(folders, kept_items(folders))
        assert not place.exists()
        assert list((folders.cache / "running").iterdir()) == []

    def test_a_work_folder_that_is_held_stays(self, folders: Folders) -> None:
        with hold_workplace(folders.cache) as work:
            (work / "target").mkdir()
            free(folders, kept_items(folders))
            assert (work / "target").exists()
            shutil.copytree(work / "target", folders.cache / "work" / "9" / "target")  # of a killed command
            free(folders, kept_items(folders))
            assert not (folders.cache / "work" / "9" / "target").exists()

    def test_lock_files_that_nobody_holds_go_where_no_command_runs(self, folders: Folders) -> None:
        locks = [folders.cache / name for name in ("locks/study", "compiled/locks/unit", "backends/1a2b.lock")]
        for lock in locks:
            with hold_lock(lock):
                pass
        with running(folders.cache):
            free(folders, ())
            assert all(lock.exists() for lock in locks)
        with hold_lock(locks[0]):
            free(folders, ())
            assert [lock.exists() for lock in locks] == [True, False, False]

    @pytest.mark.parametrize("stopped_at", ["trimtab.system.usage.Path.rename", "trimtab.store.kept.clear"])
    def test_an_interrupt_leaves_items_whole_or_gone(
        self, folders: Folders, monkeypatch: pytest.MonkeyPatch, stopped_at: str
    ) -> None:
        place = kept(folders.cache / "crates" / "a-1", days=3)

        def interrupted(*_: object) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as patched:
            patched.setattr(stopped_at, interrupted)
            with pytest.raises(KeyboardInterrupt):
                free(folders, kept_items(folders))
        assert place.exists() is ("rename" in stopped_at)
        free(folders, kept_items(folders))
        assert list(place.parent.iterdir()) == []

    def test_a_folder_that_cannot_be_written_keeps_what_is_in_it(
        self, folders: Folders, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        place = kept(folders.cache / "crates" / "a-1", days=3)

        def denied(*_: object) -> None:
            raise PermissionError

        monkeypatch.setattr("trimtab.system.usage.Path.rename", denied)
        assert free(folders, kept_items(folders)) == ()
        assert place.exists()


class TestKeeping:
    """The limit at the end of a command."""

    @pytest.fixture(autouse=True)
    def _limit(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("TRIMTAB_CACHE_SIZE", "20K")

    def fill(self, folders: Folders) -> list[Path]:
        return [kept(folders.cache / "crates" / f"{name}-1", 10 * KIB, days=5 - n) for n, name in enumerate("abc")]

    def test_what_was_used_least_recently_goes(self, folders: Folders) -> None:
        old, middle, new = self.fill(folders)
        with keeping(folders):
            mark_used(old)
        assert [place.exists() for place in (old, middle, new)] == [True, False, True]

    def test_what_was_used_within_the_hour_stays_though_it_is_over_the_limit(self, folders: Folders) -> None:
        places = self.fill(folders)
        for place in places:
            mark_used(place)
        with keeping(folders):
            pass
        assert all(place.exists() for place in places)

    def test_what_the_command_used_hours_ago_stays(self, folders: Folders) -> None:
        old, middle, new = self.fill(folders)
        with keeping(folders):
            (began,) = (folders.cache / "running").iterdir()
            os.utime(began, (time.time() - 4.5 * DAY,) * 2)
        assert [place.exists() for place in (old, middle, new)] == [False, True, True]

    def test_after_an_error_too_but_not_after_an_interrupt(self, folders: Folders) -> None:
        places = self.fill(folders)
        for error, are_left in ((KeyboardInterrupt, 3), (InputError, 2)):
            with contextlib.suppress(error), keeping(folders):
                raise error("stopped")
            assert sum(place.exists() for place in places) == are_left

    def test_without_a_limit_all_stays(self, folders: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("TRIMTAB_CACHE_SIZE", "none")
        with keeping(folders):
            places = self.fill(folders)
        assert all(place.exists() for place in places)

    def test_a_cache_that_cannot_be_written_is_no_error(self, tmp_path: Path) -> None:
        (tmp_path / "cache").touch()
        with keeping(Folders(store=tmp_path / "db", cache=tmp_path / "cache")):
            pass


class TestSideBySide:
    def test_a_command_keeps_what_it_has_used_while_another_frees_all(self, folders: Folders) -> None:
        built = folders.store.parent.parent / "built"
        built.write_text("a program")
        folders.cache.mkdir(parents=True)
        over = threading.Event()

        def clean_again() -> int:
            freed = 0
            while not over.is_set():
                freed += len(free(folders, kept_items(folders)))
            return freed

        with ThreadPoolExecutor(1) as pool:
            cleaning = pool.submit(clean_again)
            try:
                for _ in range(30):
                    with running(folders.cache):
                        artifact = ArtifactStore(folders.artifacts).keep("app", built)
                        for _ in range(3):
                            assert is_intact(artifact)
                            assert Path(artifact.path).read_text() == "a program"
                    time.sleep(0.002)
            finally:
                over.set()
            assert cleaning.result(60) > 0


class Histories(RuleBasedStateMachine):
    """Any sequence of keeps, uses, damages, limits and cleanings, with a clock of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.scratch = Path(tempfile.mkdtemp())
        self.folders = Folders(store=self.scratch / "data" / "trimtab.db", cache=self.scratch / "cache")
        self.now = time.time() - 1000 * DAY
        self.uses: dict[Path, float] = {}
        """Items that were not freed → their last use."""
        self.programs: dict[str, Artifact] = {}

    def teardown(self) -> None:
        shutil.rmtree(self.scratch)

    def stamp(self, place: Path) -> None:
        self.now += DAY
        self.uses[place] = self.now
        os.utime(mark_of(place), (self.now, self.now))

    @initialize()
    def begin(self) -> None:
        self.keep_program("first")

    @rule(name=st.sampled_from(["a", "b", "c"]), size=st.integers(1, 40 * KIB))
    def keep_crate(self, name: str, size: int) -> None:
        place = self.folders.cache / "crates" / name
        if not mark_used(place):
            kept(place, size)
        self.stamp(place)

    @rule(text=st.sampled_from(["first", "second", "third"]))
    def keep_program(self, text: str) -> None:
        self.programs[text] = program(self.folders, text * 1000)
        assert is_intact(self.programs[text])
        self.stamp(Path(self.programs[text].path).parent)

    @rule(text=st.sampled_from(["first", "second", "third"]))
    def use_program(self, text: str) -> None:
        if text in self.programs and Path(self.programs[text].path).exists():
            is_intact(self.programs[text])
            self.stamp(Path(self.programs[text].path).parent)

    @rule(text=st.sampled_from(["first", "second", "third"]))
    def damage_program(self, text: str) -> None:
        if text in self.programs and Path(self.programs[text].path).exists():
            Path(self.programs[text].path).write_bytes(b"")
            assert not is_intact(self.programs[text])
            self.stamp(Path(self.programs[text].path).parent)

    @precondition(lambda self: self.uses)
    @rule(limit=st.integers(1, 80 * KIB), in_use=st.booleans())
    def clean(self, limit: int, in_use: bool) -> None:
        newest = max(self.uses, key=lambda place: self.uses[place])
        with running(self.folders.cache) if in_use else contextlib.nullcontext():
            if in_use:
                (began,) = (self.folders.cache / "running").iterdir()
                os.utime(began, (self.uses[newest],) * 2)
            items = kept_items(self.folders)
            freed = {one.path for one in free(self.folders, least_recently_used(items, limit))}
        left = kept_items(self.folders)
        assert sum(one.size for one in left) <= limit or (in_use and [one.path for one in left] == [newest])
        assert newest.exists() or sum(one.size for one in items if one.path == newest) > limit
        assert all(self.uses[gone] < self.uses[stays] for gone in freed for stays in self.uses.keys() - freed)
        for place in freed:
            del self.uses[place]

    @invariant()
    def all_that_was_not_freed_is_there(self) -> None:
        assert {one.path: one.used for one in kept_items(self.folders)} == pytest.approx(self.uses)


TestHistories = Histories.TestCase
TestHistories.settings = settings(max_examples=25, stateful_step_count=15, deadline=None)
