"""Work folders that one exploration holds at a time, and binaries kept by content."""

from __future__ import annotations

from pathlib import Path

import pytest

from trimtab.builders.work_folder import ArtifactStore, hold_workplace, is_intact
from trimtab.errors import InputError
from trimtab.system.paths import clear


class TestWorkplace:
    def test_is_empty_at_the_same_path_each_time(self, tmp_path: Path) -> None:
        with hold_workplace(tmp_path) as first:
            (first / "target" / "release").mkdir(parents=True)
        with hold_workplace(tmp_path) as again:
            assert again == first
            assert not (again / "target").exists()

    def test_what_a_killed_run_left_is_cleared_away(self, tmp_path: Path) -> None:
        left = tmp_path / "work" / "0" / "target" / "release"
        left.mkdir(parents=True)
        with hold_workplace(tmp_path) as folder:
            assert folder == tmp_path / "work" / "0"
            assert not left.exists()

    def test_two_at_once_have_one_each(self, tmp_path: Path) -> None:
        with hold_workplace(tmp_path) as one, hold_workplace(tmp_path) as other:
            assert one != other

    def test_is_given_back_after_an_error(self, tmp_path: Path) -> None:
        def interrupted() -> None:
            with hold_workplace(tmp_path) as folder:
                (folder / "target").mkdir()
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            interrupted()
        with hold_workplace(tmp_path) as again:
            assert sorted(path.name for path in again.iterdir()) == ["lock", "token"]
        assert [path.name for path in again.iterdir()] == ["lock"]

    def test_when_all_are_taken_that_is_said(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("trimtab.builders.work_folder._MOST", 1)
        with hold_workplace(tmp_path), pytest.raises(InputError, match="1 explorations are running already"):
            hold_workplace(tmp_path).__enter__()

    def test_a_cache_that_cannot_be_written_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "work").touch()
        with pytest.raises(InputError, match="cache folder cannot be written") as caught:
            hold_workplace(tmp_path).__enter__()
        assert caught.value.where.startswith(str(tmp_path / "work"))


def test_clearing_what_is_not_there_is_nothing(tmp_path: Path) -> None:
    clear(tmp_path / "nothere")
    (tmp_path / "there" / "deep").mkdir(parents=True)
    clear(tmp_path / "there")
    assert not (tmp_path / "there").exists()


class TestArtifacts:
    def test_the_same_bytes_are_kept_once(self, tmp_path: Path) -> None:
        made = tmp_path / "app"
        store = ArtifactStore(tmp_path / "kept")
        made.write_bytes(b"first")
        first, again = store.keep("app", made), store.keep("app", made)
        made.write_bytes(b"second!")
        other = store.keep("app", made)
        assert first == again != other
        assert (first.size, other.size) == (5, 7)
        assert Path(first.path).read_bytes() == b"first"
        assert len(list((tmp_path / "kept").glob("*/app"))) == 2

    def test_it_can_still_be_run(self, tmp_path: Path) -> None:
        made = tmp_path / "app"
        made.touch(mode=0o755)
        kept = Path(ArtifactStore(tmp_path / "kept").keep("app", made).path)
        assert kept.stat().st_mode & 0o777 == 0o755

    def test_an_interrupted_copy_leaves_nothing(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        made = tmp_path / "app"
        made.write_bytes(b"bytes")

        def full(*_: object) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("shutil.copy2", full)
        with pytest.raises(OSError, match="No space left"):
            ArtifactStore(tmp_path / "kept").keep("app", made)
        assert [path for path in (tmp_path / "kept").rglob("*") if path.is_file()] == []

    @pytest.mark.parametrize("content", [b"", b"byt", b"byteS"])
    def test_what_was_damaged_is_not_intact_and_is_kept_anew(self, tmp_path: Path, content: bytes) -> None:
        made, store = tmp_path / "app", ArtifactStore(tmp_path / "kept")
        made.write_bytes(b"bytes")
        kept = store.keep("app", made)
        assert is_intact(kept)
        Path(kept.path).unlink()
        assert not is_intact(kept)
        Path(kept.path).write_bytes(content)
        assert not is_intact(kept)
        assert is_intact(store.keep("app", made))

    def test_a_program_is_on_the_disk_before_it_is_told_of(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        synced: list[str] = []
        monkeypatch.setattr("os.fsync", lambda file: synced.append(str(Path(f"/proc/self/fd/{file}").readlink())))
        made = tmp_path / "app"
        made.write_bytes(b"bytes")
        kept = Path(ArtifactStore(tmp_path / "kept").keep("app", made).path)
        assert Path(synced[0]).parent == kept.parent  # the file, before it has its name
        assert synced[1:] == [str(kept.parent), str(tmp_path / "kept")]

    def test_what_must_lie_beside_a_program_is_kept_with_it(self, tmp_path: Path) -> None:
        store, made = ArtifactStore(tmp_path / "kept"), tmp_path / "app"
        made.write_bytes(b"bytes")
        (tmp_path / "assets" / "below").mkdir(parents=True)
        (tmp_path / "assets" / "below" / "a").write_text("one")
        (tmp_path / "words.txt").write_text("words")
        beside = {name: tmp_path / name for name in ("assets", "words.txt")}
        alone, kept = store.keep("app", made), store.keep("app", made, beside)
        folder = Path(kept.path).parent
        assert (folder / "assets" / "below" / "a").read_text() == "one"
        assert (folder / "words.txt").read_text() == "words"
        assert store.keep("app", made, beside) == kept
        (tmp_path / "assets" / "below" / "a").write_text("two")
        other = store.keep("app", made, beside)
        assert len({alone.path, kept.path, other.path}) == 3
        assert {len(path) for path in (alone.path, kept.path, other.path)} == {len(kept.path)}
        assert alone.sha256 == kept.sha256 == other.sha256
