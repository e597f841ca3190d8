"""What rustc has made, kept by key: whole or not at all, the latest instead of the one before, and not too much."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from trimtab.builders.rustc_wrapper import unit_cache as module
from trimtab.builders.rustc_wrapper.unit_cache import UnitCache, copy, digest_of_folder, leads_outside, replace_file
from trimtab.model.trace import Phase, UnitCost

KEY, OTHER = "0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210"
COST = UnitCost(wall=2.0, cpu=3.5, metadata=Phase(begun=0.0, wall=1.0, cpu=0.9), peak_memory=1 << 20, beside=0.5)
MANY = 1 << 40
HOUR = 3600.0


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def entries(cache: Path) -> UnitCache:
    return UnitCache(cache, MANY)


@pytest.fixture
def keep(entries: UnitCache, tmp_path: Path) -> Callable[..., Path]:
    """Keeps two files with a text in them under a key."""

    def keep(key: str = KEY, text: str = "machine code", into: UnitCache = entries) -> Path:
        made = tmp_path / "made" / str(len(list(tmp_path.glob("made/*"))))
        made.mkdir(parents=True)
        files = {"libbase-1.rlib": made / "libbase-1.rlib", "base-1.d": made / "base-1.d"}
        for path in files.values():
            path.write_text(text)
        into.keep(key, "base", files, COST, "warning: unused\n")
        return into.entry_folder(key)

    return keep


class TestKeeping:
    def test_what_is_kept_is_found_as_it_was(self, entries: UnitCache, keep: Callable[..., Path]) -> None:
        place = keep()
        found = entries.find(KEY)
        assert found
        assert (found.crate, found.cost, found.stderr) == ("base", COST, "warning: unused\n")
        assert set(found.files) == {"libbase-1.rlib", "base-1.d"}
        assert (place / "libbase-1.rlib").read_text() == "machine code"

    def test_also_by_another_process(self, cache: Path, keep: Callable[..., Path]) -> None:
        keep()
        found = UnitCache(cache, MANY).find(KEY)
        assert found
        assert found.cost == COST

    def test_what_is_not_kept_is_not_found(self, entries: UnitCache, keep: Callable[..., Path]) -> None:
        assert (entries.find(KEY), entries.has(KEY)) == (None, False)
        keep(OTHER)
        assert (entries.find(KEY), entries.has(KEY)) == (None, False)

    def test_nothing_is_left_beside_it(self, cache: Path, keep: Callable[..., Path]) -> None:
        keep()
        keep()
        assert sorted(path.name for path in cache.iterdir()) == ["drafts", "units"]
        assert list((cache / "drafts").iterdir()) == []

    def test_the_latest_takes_the_place_of_the_one_before(self, entries: UnitCache, keep: Callable[..., Path]) -> None:
        keep(text="old")
        place = keep(text="new")
        assert {path.name: path.read_text() for path in place.iterdir() if path.suffix != ".json"} == {
            "libbase-1.rlib": "new",
            "base-1.d": "new",
        }
        assert entries.find(KEY)

    def test_files_that_the_latest_does_not_have_are_gone(
        self, entries: UnitCache, keep: Callable[..., Path], tmp_path: Path
    ) -> None:
        place = keep()
        (tmp_path / "base-1").touch()
        entries.keep(KEY, "base", {"base-1": tmp_path / "base-1"}, COST, "")
        assert {path.name for path in place.iterdir()} == {"base-1", "entry.json"}

    def test_what_is_made_later_under_the_same_name_changes_nothing(
        self, entries: UnitCache, keep: Callable[..., Path], tmp_path: Path
    ) -> None:
        place = keep()
        replace_file(place / "libbase-1.rlib", tmp_path / "libbase-1.rlib")
        (tmp_path / "other").write_text("other code")
        replace_file(tmp_path / "other", tmp_path / "libbase-1.rlib")
        assert (tmp_path / "libbase-1.rlib").read_text() == "other code"
        assert (place / "libbase-1.rlib").read_text() == "machine code"
        assert entries.find(KEY)

    def test_a_file_that_is_not_there_is_an_error_and_nothing_is_kept(self, entries: UnitCache, tmp_path: Path) -> None:
        with pytest.raises(OSError, match="nowhere"):
            entries.keep(KEY, "base", {"a": tmp_path / "nowhere"}, COST, "")
        assert not entries.has(KEY)

    def test_a_full_disk_is_an_error_and_leaves_what_was_kept_before(
        self, entries: UnitCache, keep: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        keep(text="old")

        def full(source: Path, to: Path) -> None:
            to.write_text("hal")
            raise OSError(28, "No space left on device", str(to))

        with monkeypatch.context() as patch:
            patch.setattr(module, "copy", full)
            with pytest.raises(OSError, match="No space left"):
                keep(text="new")
        assert entries.find(KEY)
        assert (entries.entry_folder(KEY) / "base-1.d").read_text() == "old"


class TestDamage:
    """A crash of the machine may leave anything; what is not exactly what was kept is not used."""

    def damaged(self, cache: Path) -> bool:
        """To a process that has not looked at it before."""
        return UnitCache(cache, MANY).find(KEY) is None

    def test_a_byte_that_changed(self, cache: Path, keep: Callable[..., Path]) -> None:
        path = keep() / "libbase-1.rlib"
        path.write_text("machine c0de")
        assert self.damaged(cache)

    def test_a_file_that_was_cut(self, cache: Path, keep: Callable[..., Path]) -> None:
        path = keep() / "libbase-1.rlib"
        os.truncate(path, 5)
        assert self.damaged(cache)

    def test_a_file_that_is_empty(self, cache: Path, keep: Callable[..., Path]) -> None:
        os.truncate(keep() / "base-1.d", 0)
        assert self.damaged(cache)

    def test_a_file_that_is_missing(self, cache: Path, keep: Callable[..., Path]) -> None:
        (keep() / "libbase-1.rlib").unlink()
        assert self.damaged(cache)

    def test_a_record_that_is_missing(self, cache: Path, keep: Callable[..., Path]) -> None:
        (keep() / "entry.json").unlink()
        assert self.damaged(cache)

    @pytest.mark.parametrize("end", [0, 1, 10, -1])
    def test_a_record_that_was_cut(self, end: int, cache: Path, keep: Callable[..., Path]) -> None:
        record = keep() / "entry.json"
        record.write_bytes(record.read_bytes()[:end])
        assert self.damaged(cache)

    @pytest.mark.parametrize("text", ["\0" * 300, "{}", "[]", '{"crate": 7}', "\xff"])
    def test_a_record_that_is_none(self, text: str, cache: Path, keep: Callable[..., Path]) -> None:
        (keep() / "entry.json").write_text(text, "latin-1")
        assert self.damaged(cache)

    def test_a_folder_without_anything_in_it(self, entries: UnitCache) -> None:
        entries.entry_folder(KEY).mkdir(parents=True)
        assert entries.find(KEY) is None

    def test_what_was_damaged_is_kept_anew(self, cache: Path, keep: Callable[..., Path]) -> None:
        (keep() / "libbase-1.rlib").write_text("damaged")
        again = UnitCache(cache, MANY)
        assert again.find(KEY) is None
        keep(into=again)
        assert again.find(KEY)
        assert not self.damaged(cache)


class TestSeveral:
    def test_only_one_holds_a_key(self, entries: UnitCache, cache: Path) -> None:
        with entries.hold(KEY) as mine, UnitCache(cache, MANY).hold(KEY) as theirs:
            assert (mine, theirs) == (True, False)
        with UnitCache(cache, MANY).hold(KEY) as theirs:
            assert theirs

    def test_another_holds_another_key(self, entries: UnitCache) -> None:
        with entries.hold(KEY) as one, entries.hold(OTHER) as other:
            assert one
            assert other

    def test_a_key_is_let_go_when_the_work_fails(self, entries: UnitCache) -> None:
        with pytest.raises(KeyError), entries.hold(KEY):
            raise KeyError
        with entries.hold(KEY) as held:
            assert held

    def test_two_who_keep_under_one_key_at_once_leave_one_whole_entry(self, cache: Path, tmp_path: Path) -> None:
        both = threading.Barrier(2)

        def keep(text: str) -> None:
            made = tmp_path / text
            made.mkdir()
            files = {name: made / name for name in ("a", "b", "c")}
            for path in files.values():
                path.write_text(text)
            own = UnitCache(cache, MANY)
            both.wait(20)
            for _ in range(50):
                own.keep(KEY, text, files, COST, "")

        with ThreadPoolExecutor(2) as pool:
            for ending in [pool.submit(keep, text) for text in ("one", "two")]:
                ending.result(30)
        found = UnitCache(cache, MANY).find(KEY)
        assert found
        assert {(UnitCache(cache, MANY).entry_folder(KEY) / name).read_text() for name in "abc"} == {found.crate}

    def test_somebody_who_looks_while_another_keeps_finds_all_of_it_or_nothing(
        self, cache: Path, keep: Callable[..., Path]
    ) -> None:
        keep()
        over = threading.Event()

        def keep_again() -> None:
            while not over.is_set():
                keep()

        with ThreadPoolExecutor(1) as pool:
            keeping = pool.submit(keep_again)
            found = [UnitCache(cache, MANY).find(KEY) for _ in range(100)]
            over.set()
            keeping.result(30)
        assert {entry.cost for entry in found if entry} <= {COST}


class TestTidying:
    def old(self, *places: Path, hours: float) -> None:
        then = time.time() - hours * HOUR
        for place in places:
            os.utime(place / "entry.json" if (place / "entry.json").exists() else place, (then, then))

    def size_of(self, place: Path) -> int:
        return sum(path.stat().st_size for path in place.rglob("*") if path.is_file())

    def test_nothing_goes_where_there_is_room(self, entries: UnitCache, keep: Callable[..., Path]) -> None:
        place = keep()
        self.old(place, hours=10_000)
        assert entries.tidy(time.time()) == self.size_of(place)
        assert entries.find(KEY)

    def test_nothing_is_there(self, entries: UnitCache) -> None:
        assert entries.tidy(time.time()) == 0

    def test_what_was_used_longest_ago_goes_first(self, cache: Path, keep: Callable[..., Path]) -> None:
        keys = [f"{number}" * 32 for number in range(5)]
        places = {key: keep(key) for key in keys}
        for hours, key in enumerate(("2", "0", "4", "1", "3"), 2):
            self.old(places[key * 32], hours=hours)
        most = 2 * self.size_of(places[keys[0]])
        limited = UnitCache(cache, most)
        assert limited.tidy(time.time()) <= most
        assert [key[0] for key in keys if limited.find(key)] == ["0", "2"]
        assert sorted(path.name for path in cache.glob("units/*/*")) == sorted((keys[0], keys[2]))
        assert list((cache / "drafts").iterdir()) == []

    def test_being_found_is_being_used(self, cache: Path, keep: Callable[..., Path]) -> None:
        place, other = keep(KEY), keep(OTHER)
        self.old(place, hours=9)
        self.old(other, hours=8)
        limited = UnitCache(cache, self.size_of(place))
        limited.find(KEY)
        limited.tidy(time.time())
        assert (limited.has(KEY), limited.has(OTHER)) == (True, False)

    def test_what_a_build_may_still_need_stays_whatever_the_limit(self, cache: Path, keep: Callable[..., Path]) -> None:
        place, other = keep(KEY), keep(OTHER)
        self.old(place, hours=0.9)
        self.old(other, hours=1.1)
        assert UnitCache(cache, 0).tidy(time.time()) == self.size_of(place)
        assert place.exists()
        assert not other.exists()

    def test_what_was_removed_can_be_kept_again(self, cache: Path, keep: Callable[..., Path]) -> None:
        limited = UnitCache(cache, 0)
        self.old(keep(into=limited), hours=2)
        limited.tidy(time.time())
        assert limited.find(KEY) is None
        keep(into=limited)
        assert limited.find(KEY)

    def test_drafts_of_processes_that_were_killed_go(self, entries: UnitCache, cache: Path) -> None:
        killed, running = cache / "drafts" / "killed", cache / "drafts" / "running"
        for draft in (killed, running):
            (draft / KEY).mkdir(parents=True)
            (draft / KEY / "libbase-1.rlib").write_text("half of the")
        self.old(killed, hours=2)
        entries.tidy(time.time())
        assert not killed.exists()
        assert running.exists()

    def test_a_draft_that_vanishes_meanwhile_is_no_error(
        self, entries: UnitCache, cache: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (cache / "drafts").mkdir(parents=True)
        gone = cache / "drafts" / "gone"
        real = Path.glob
        monkeypatch.setattr(Path, "glob", lambda self, words: [gone] if words == "drafts/*" else real(self, words))
        assert entries.tidy(time.time()) == 0

    def test_two_who_tidy_at_once_do_not_disturb_each_other(self, cache: Path, keep: Callable[..., Path]) -> None:
        for number in range(20):
            self.old(keep(f"{number:032}"), hours=2 + number)
        with ThreadPoolExecutor(2) as pool:
            tidying = [pool.submit(UnitCache(cache, 0).tidy, time.time()) for _ in range(2)]
            for ending in tidying:
                ending.result(30)
        assert list(cache.glob("units/*/*")) == []

    def test_copies_of_what_scripts_wrote_go_too(self, cache: Path, tmp_path: Path) -> None:
        written = tmp_path / "out"
        written.mkdir()
        (written / "code.rs").write_text("fn f() {}")
        limited = UnitCache(cache, 0)
        place = limited.output(written)
        limited.tidy(time.time())
        assert place.exists()
        self.old(place.parent, hours=2)
        limited.tidy(time.time())
        assert not place.exists()
        assert limited.output(written) == place
        assert (place / "code.rs").read_text() == "fn f() {}"


class TestOutputs:
    """What build scripts wrote lies at a place that says what it holds."""

    @pytest.fixture
    def written(self, tmp_path: Path) -> Path:
        folder = tmp_path / "target" / "release" / "build" / "base-1" / "out"
        (folder / "deep").mkdir(parents=True)
        (folder / "deep" / "code.rs").write_text("fn f() {}")
        (folder / "libsix.so.1").write_text("code")
        (folder / "libsix.so").symlink_to("libsix.so.1")
        return folder

    def test_the_same_has_the_same_place_wherever_it_was_written(
        self, entries: UnitCache, written: Path, tmp_path: Path
    ) -> None:
        place = entries.output(written)
        other = Path(shutil.copytree(written, tmp_path / "elsewhere", symlinks=True))
        assert entries.output(other) == place
        assert place.name == "out"
        assert (place / "deep" / "code.rs").read_text() == "fn f() {}"
        assert (place / "libsix.so").readlink() == Path("libsix.so.1")

    def change_content(self, folder: Path) -> None:
        (folder / "deep" / "code.rs").write_text("fn g() {}")

    def change_name(self, folder: Path) -> None:
        (folder / "deep" / "code.rs").rename(folder / "deep" / "cod.rs")

    def change_folder(self, folder: Path) -> None:
        (folder / "deep").rename(folder / "flat")

    def add(self, folder: Path) -> None:
        (folder / "empty").touch()

    def lead_elsewhere(self, folder: Path) -> None:
        (folder / "libsix.so").unlink()
        (folder / "libsix.so").symlink_to("deep/code.rs")

    @pytest.mark.parametrize("change", [change_content, change_name, change_folder, add, lead_elsewhere])
    def test_what_differs_has_another_place(
        self, change: Callable[[TestOutputs, Path], None], entries: UnitCache, written: Path
    ) -> None:
        place = entries.output(written)
        change(self, written)
        assert entries.output(written) != place

    def test_a_copy_does_not_change_with_what_it_is_a_copy_of(self, entries: UnitCache, written: Path) -> None:
        place = entries.output(written)
        with (written / "deep" / "code.rs").open("a") as file:  # the same inode
            file.write("fn g() {}")
        assert (place / "deep" / "code.rs").read_text() == "fn f() {}"

    def test_a_copy_that_was_damaged_is_made_again(self, cache: Path, entries: UnitCache, written: Path) -> None:
        place = entries.output(written)
        (place / "deep" / "code.rs").write_text("fn")
        assert UnitCache(cache, MANY).output(written) == place
        assert (place / "deep" / "code.rs").read_text() == "fn f() {}"

    def test_somebody_else_who_was_quicker_keeps_the_place(
        self, cache: Path, entries: UnitCache, written: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Rustc may be reading there."""
        real, inodes = shutil.copytree, []

        def copytree(folder: Path, to: Path, *, symlinks: bool) -> None:
            monkeypatch.setattr(shutil, "copytree", real)
            inodes.append(UnitCache(cache, MANY).output(written).stat().st_ino)
            real(folder, to, symlinks=symlinks)

        monkeypatch.setattr(shutil, "copytree", copytree)
        assert entries.output(written).stat().st_ino == inodes[0]

    def test_links_that_lead_outside_are_seen(self, written: Path, tmp_path: Path) -> None:
        assert not leads_outside(written)
        inside, outside = written / "inside", written / "deep" / "outside"
        inside.symlink_to(written / "deep")
        assert not leads_outside(written)
        (tmp_path / "elsewhere.h").touch()
        outside.symlink_to("../" * 6 + "elsewhere.h")
        assert leads_outside(written)
        outside.unlink()
        outside.symlink_to(tmp_path / "elsewhere.h")
        assert leads_outside(written)


class TestFiles:
    def test_a_copy_shares_its_bytes_where_that_can_be(self, tmp_path: Path) -> None:
        (tmp_path / "a").write_text("code")
        copy(tmp_path / "a", tmp_path / "b")
        assert (tmp_path / "b").samefile(tmp_path / "a")

    def test_and_else_has_its_own(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def refused(*_: object) -> None:
            raise OSError(18, "Invalid cross-device link")

        monkeypatch.setattr(Path, "hardlink_to", refused)
        (tmp_path / "a").write_text("code")
        (tmp_path / "a").chmod(0o755)
        copy(tmp_path / "a", tmp_path / "b")
        assert (tmp_path / "b").read_text() == "code"
        assert not (tmp_path / "b").samefile(tmp_path / "a")
        assert os.access(tmp_path / "b", os.X_OK)

    def test_a_file_is_replaced_by_another_or_itself_and_nothing_is_left_beside(self, tmp_path: Path) -> None:
        for name in ("a", "b"):
            (tmp_path / name).write_text(name)
        (tmp_path / "second name of b").hardlink_to(tmp_path / "b")
        for _ in range(2):
            replace_file(tmp_path / "a", tmp_path / "b")
        assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
            "a": "a", "b": "a", "second name of b": "b",
        }  # fmt: skip

    def test_a_draft_that_was_left_lying_there_is_not_written_to(self, tmp_path: Path) -> None:
        (tmp_path / "a").write_text("a")
        (tmp_path / "kept").write_text("kept")
        (tmp_path / f".b.{threading.get_native_id()}").hardlink_to(tmp_path / "kept")
        replace_file(tmp_path / "a", tmp_path / "b")
        assert (tmp_path / "kept").read_text() == "kept"
        assert (tmp_path / "b").read_text() == "a"

    def test_the_digest_of_a_folder_tells_contents_from_names(self, tmp_path: Path) -> None:
        digests = set()
        for number, files in enumerate(({"a": "bc"}, {"ab": "c"}, {"a": "b", "c": ""}, {"a": ""}, {})):
            folder = tmp_path / str(number)
            folder.mkdir()
            for name, text in files.items():
                (folder / name).write_text(text)
            digests.add(digest_of_folder(folder))
        assert len(digests) == 5
