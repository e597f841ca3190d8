"""Files of every shape, from the outside: what is listed, what is measured, what is refused."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest

from tests.unit.artifact.archives.test_ar import ar
from tests.unit.artifact.archives.test_unpack import TEXT, make_tar, make_zip
from tests.unit.artifact.formats.test_coff import WHOLE, coff
from trimtab.artifact.size_breakdown import size_breakdown
from trimtab.errors import InputError
from trimtab.model.size_report import Format, SizeReport

WASM = b"\0asm\1\0\0\0"
DOS = b"MZ" + bytes(200)
"""A program of DOS: there is no PE header in it."""


def listed(report: SizeReport) -> dict[str, int]:
    return {member.name: member.size for member in report.members if not member.within}


def measured(report: SizeReport) -> list[str]:
    return [member.name for member in report.binaries]


class TestFolders:
    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        (tmp_path / "bin").mkdir()
        (tmp_path / "bin" / "tool").write_bytes(WASM)
        (tmp_path / "bin" / "broken").write_bytes(WASM + b"\1")
        (tmp_path / "notes.txt").write_bytes(TEXT)
        (tmp_path / "a.whl").write_bytes(make_zip([("lib", WASM)]))
        (tmp_path / "link").symlink_to("bin/tool")
        os.mkfifo(tmp_path / "pipe")
        return tmp_path

    def test_count_as_archives(self, folder: Path) -> None:
        report = size_breakdown(folder)
        assert report.kind is Format.ARCHIVE
        assert list(listed(report)) == ["a.whl", "notes.txt", "bin/broken", "bin/tool"]
        assert report.size == sum(listed(report).values())
        assert measured(report) == ["a.whl/lib", "bin/tool"]
        assert report.notes == ("bin/broken: the wasm file is damaged: it ends in the middle of something, at 9",)

    def test_have_a_digest_of_names_and_contents(self, folder: Path) -> None:
        before = size_breakdown(folder).sha256
        assert size_breakdown(folder).sha256 == before
        (folder / "notes.txt").rename(folder / "other.txt")
        assert size_breakdown(folder).sha256 != before


def test_binaries_in_archives_in_an_archive(tmp_path: Path) -> None:
    inner = make_zip([("tool", WASM), ("notes.txt", TEXT)])
    (tmp_path / "artifacts.zip").write_bytes(make_zip([("tool.whl", inner), ("tool", WASM)]))
    report = size_breakdown(tmp_path / "artifacts.zip")
    assert listed(report) == {"tool.whl": len(inner), "tool": len(WASM)}
    assert measured(report) == ["tool.whl/tool", "tool"]


def test_a_single_compressed_file(tmp_path: Path) -> None:
    (tmp_path / "tool.gz").write_bytes(gzip.compress(WASM))
    report = size_breakdown(tmp_path / "tool.gz")
    assert (report.kind, listed(report), measured(report)) == (Format.ARCHIVE, {"tool": len(WASM)}, ["tool"])


def test_libraries_of_objects(tmp_path: Path) -> None:
    (tmp_path / "a.lib").write_bytes(ar(("/", bytes(4)), ("a.obj/", coff(*WHOLE)), ("b.o/", WASM), ("c/", TEXT)))
    assert measured(size_breakdown(tmp_path / "a.lib")) == ["a.obj", "b.o"]


def test_a_program_of_dos_is_not_a_damaged_one_of_windows(tmp_path: Path) -> None:
    (tmp_path / "old.exe").write_bytes(DOS)
    (tmp_path / "a.tar").write_bytes(make_tar([("old.exe", DOS)]))
    with pytest.raises(InputError, match="neither a binary"):
        size_breakdown(tmp_path / "old.exe")
    report = size_breakdown(tmp_path / "a.tar")
    assert (measured(report), report.notes) == ([], ())
