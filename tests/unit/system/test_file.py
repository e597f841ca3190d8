"""Writing into a file that somebody has."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from trimtab.errors import InputError
from trimtab.system.file import replace_text


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "Cargo.toml"
    path.write_text("old\n")
    path.chmod(0o640)
    return path


def test_it_is_replaced_with_the_mode_it_had(file: Path) -> None:
    before = file.stat()
    replace_text(file, "é\r\n")
    assert file.read_bytes() == "é\r\n".encode()
    assert (file.stat().st_mode, file.stat().st_uid, file.stat().st_gid) == (
        before.st_mode, before.st_uid, before.st_gid,
    )  # fmt: skip
    assert file.stat().st_ino != before.st_ino, "at any moment it held one text or the other"
    assert [path.name for path in file.parent.iterdir()] == ["Cargo.toml"]


def test_a_link_stays_a_link(file: Path) -> None:
    link = file.with_name("link")
    link.symlink_to("Cargo.toml")
    replace_text(link, "new\n")
    assert link.is_symlink()
    assert file.read_text() == "new\n"


def test_a_file_with_two_names_keeps_both(file: Path) -> None:
    other = file.with_name("other")
    other.hardlink_to(file)
    replace_text(file, "n\n")
    assert other.read_text() == "n\n"


def test_where_the_owner_cannot_be_kept_the_file_itself_is_written(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError

    inode = file.stat().st_ino
    real = Path.stat

    def foreign(path: Path, *, follow_symlinks: bool = True) -> os.stat_result:
        status = list(real(path, follow_symlinks=follow_symlinks))
        status[4] += path == file  # the user's id
        return os.stat_result(status)

    monkeypatch.setattr(os, "chown", refuse)
    monkeypatch.setattr(Path, "stat", foreign)
    replace_text(file, "new\n")
    monkeypatch.undo()
    assert (file.read_text(), file.stat().st_ino) == ("new\n", inode)
    assert [path.name for path in file.parent.iterdir()] == ["Cargo.toml"]


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be written"):
        replace_text(tmp_path / "nothere", "x")
