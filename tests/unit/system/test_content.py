"""Files and folders as digests: what counts as a change, in this checkout and in another."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from trimtab.system.content import digest_text, is_unchanged, record_input

CHANGES: dict[str, Callable[[Path], object]] = {
    "content": lambda root: (root / "data" / "a.txt").write_text("other"),
    "content of the same length and date": lambda root: _rewrite_quietly(root / "data" / "a.txt", "b"),
    "a new file": lambda root: (root / "data" / "deep" / "new").write_text(""),
    "a file less": lambda root: (root / "data" / "deep" / "b.txt").unlink(),
    "a name": lambda root: (root / "data" / "a.txt").rename(root / "data" / "c.txt"),
    "what a link leads to": lambda root: (root / "target.txt").write_text("other"),
    "where a link leads": lambda root: _relink(root / "data" / "link", root / "data" / "deep" / "b.txt"),
}


def _rewrite_quietly(path: Path, text: str) -> None:
    status = path.stat()
    path.write_text(text)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def _relink(link: Path, to: Path) -> None:
    link.unlink()
    link.symlink_to(to)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    (root / "data" / "deep").mkdir(parents=True)
    (root / "data" / "a.txt").write_text("a")
    (root / "data" / "deep" / "b.txt").write_text("b")
    (root / "target.txt").write_text("far")
    (root / "data" / "link").symlink_to(root / "target.txt")
    return root


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_in_a_folder_is_seen(root: Path, change: str) -> None:
    record = record_input("data", root)
    assert is_unchanged(record, root)
    CHANGES[change](root)
    assert not is_unchanged(record, root)


@pytest.mark.parametrize("path", ["data/a.txt", "data/link", "data", "not/there"])
def test_other_dates_and_another_checkout_are_no_change(root: Path, path: str) -> None:
    record = record_input(path, root)
    (root / "data" / "a.txt").touch()
    assert is_unchanged(record, root)
    copy = root.parent / "elsewhere"
    shutil.copytree(root, copy, symlinks=False)
    assert is_unchanged(record, copy)


def test_what_appears_later_is_a_change(root: Path) -> None:
    record = record_input("late.txt", root)
    assert (record.stamp, record.digest) == ("", "")
    (root / "late.txt").write_text("")
    assert not is_unchanged(record, root)


def test_what_lies_outside_is_named_by_its_whole_path(root: Path, tmp_path: Path) -> None:
    (tmp_path / "above.txt").write_text("1")
    record = record_input(tmp_path / "above.txt", root)
    assert record.path == str(tmp_path / "above.txt")
    (tmp_path / "above.txt").write_text("2")
    assert not is_unchanged(record, root)


def test_build_folders_repositories_and_what_is_ours_are_passed_over(root: Path) -> None:
    for folder in ("target", ".git", "ours"):
        (root / "data" / folder).mkdir()
    (root / "data" / "target" / "CACHEDIR.TAG").write_text("")
    ours = (root / "data" / "ours",)
    record = record_input("data", root, ours)
    for folder in ("target", ".git", "ours"):
        (root / "data" / folder / "news").write_text("news")
    assert is_unchanged(record, root, ours)


def test_a_circle_of_links_ends(root: Path) -> None:
    (root / "data" / "deep" / "up").symlink_to(root / "data")
    record = record_input("data", root)
    assert is_unchanged(record, root)


def test_a_variable_that_is_not_set_differs_from_an_empty_one() -> None:
    assert digest_text(None) == ""
    assert digest_text("") != digest_text(None)
    assert digest_text("\udcff") != digest_text("")
