"""The programs in a file or archive: which are taken out, and that nothing else is written."""

from __future__ import annotations

import errno
import os
import shutil
import sys
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.artifact.archives.test_unpack import make_tar, make_zip, tar_entry
from trimtab.artifact.programs import programs
from trimtab.errors import InputError, MissingError

HEADS = {
    "linux": b"\x7fELF" + bytes(range(200)),
    "win32": b"MZ" + bytes(200),
    "darwin": bytes.fromhex("cffaedfe") + bytes(200),
}
HERE = HEADS.get(sys.platform, HEADS["linux"])
ELSEWHERE = {name: head for name, head in HEADS.items() if head != HERE}
WASM = b"\0asm" + bytes(200)
Taken = dict[str, Path]
MAKERS: dict[str, Callable[[Iterable[tuple[Any, bytes]]], bytes]] = {"zip": make_zip, "tar": make_tar}


@pytest.fixture(autouse=True)
def _a_known_system(monkeypatch: pytest.MonkeyPatch) -> None:
    if sys.platform not in HEADS:
        monkeypatch.setattr("sys.platform", "linux")


@pytest.fixture(params=MAKERS)
def taken(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., Taken]:
    """The programs of an archive with these files; all that is written must lie in the scratch folder."""

    def take(*files: tuple[str, bytes]) -> Taken:
        home = tmp_path / "home"
        scratch = home / "scratch"
        scratch.mkdir(parents=True)
        (home / "archive").write_bytes(MAKERS[request.param](files))
        found = programs(home / "archive", scratch)
        assert {path.name for path in home.iterdir()} == {"archive", "scratch"}
        assert {path.name for path in tmp_path.iterdir()} == {"home"}
        for name, path in found.items():
            assert path.name == name
            assert path.is_file()
            assert path.resolve().is_relative_to(scratch.resolve())
            assert path.stat().st_mode & 0o777 == 0o755
        return found

    return take


class TestFiles:
    @pytest.mark.parametrize("content", [HERE, b"#!/bin/sh\nexit 0\n", b"", b"\x7fEL"])
    def test_a_file_is_a_program_whatever_it_is(self, tmp_path: Path, content: bytes) -> None:
        path = tmp_path / "tool"
        path.write_bytes(content)
        assert programs(path, tmp_path / "nowhere") == {"tool": path}

    @pytest.mark.parametrize("content", [*ELSEWHERE.values(), WASM])
    def test_unless_another_system_runs_it(self, tmp_path: Path, content: bytes) -> None:
        path = tmp_path / "tool"
        path.write_bytes(content)
        assert programs(path, tmp_path / "nowhere") == {}

    def test_a_damaged_archive(self, tmp_path: Path) -> None:
        whole = make_zip([("bin/tool", HERE * 50)], zipfile.ZIP_DEFLATED)
        (tmp_path / "archive").write_bytes(whole[: len(whole) // 2])
        with pytest.raises(InputError, match="the archive is damaged"):
            programs(tmp_path / "archive", tmp_path)


class TestArchives:
    def test_programs_are_taken_out_under_their_names(self, taken: Callable[..., Taken]) -> None:
        found = taken(
            ("tool-1.0.data/scripts/tool", HERE), ("tool-1.0.data/scripts/other", HERE + b"2"), ("README", b"#!/bin/sh")
        )
        assert {name: path.read_bytes() for name, path in found.items()} == {"tool": HERE, "other": HERE + b"2"}

    @pytest.mark.parametrize(
        "name",
        ["libx.so", "libx.so.1.2", "x.cpython-311-x86_64-linux-gnu.so", "x.dylib", "x.DLL", "x.pyd", "x.a", "x.o"],
    )
    def test_libraries_are_left_out(self, taken: Callable[..., Taken], name: str) -> None:
        assert taken((f"lib/{name}", HERE)) == {}

    @pytest.mark.parametrize("name", ["a.out", "tool.exe", "so", "tool-1.2", "tool.so-called"])
    def test_what_is_called_like_a_program_is_one(self, taken: Callable[..., Taken], name: str) -> None:
        assert set(taken((f"bin/{name}", HERE))) == {name}

    @pytest.mark.parametrize("content", [*ELSEWHERE.values(), WASM, b"#!/bin/sh\n", b"", b"text"])
    def test_scripts_texts_and_programs_of_other_systems_are_left_out(
        self, taken: Callable[..., Taken], content: bytes
    ) -> None:
        assert taken(("bin/tool", content)) == {}

    def test_the_first_of_a_name_is_taken(self, taken: Callable[..., Taken]) -> None:
        found = taken(("a/tool", HERE + b"1"), ("b/tool", HERE + b"2"))
        assert {name: path.read_bytes() for name, path in found.items()} == {"tool": HERE + b"1"}

    @pytest.mark.parametrize(
        "name",
        [
            "../../tool", "/tool", "/../tool", "a/../../../tool", "./tool", "a//tool", "../tool#2", "~/tool",
            "a/./b/../tool",
        ],
    )  # fmt: skip
    def test_only_the_last_part_of_a_name_counts(self, taken: Callable[..., Taken], name: str) -> None:
        assert set(taken((name, HERE))) == {"tool"}

    @pytest.mark.parametrize("name", ["..", "a/..", "../..", ".", "#2", "a/#", "/", "//", "a/../.."])
    def test_what_names_a_folder_is_left_out(self, taken: Callable[..., Taken], name: str) -> None:
        assert set(taken((name, HERE), ("bin/tool", HERE))) <= {"tool", "a"}

    def test_hidden_and_odd_names(self, taken: Callable[..., Taken]) -> None:
        assert set(taken(("...", HERE), (".tool", HERE), ("-rf", HERE), ("a b\n", HERE), ("\\\\x\\y", HERE))) == {
            "...", ".tool", "-rf", "a b\\n", "\\\\x\\y",
        }  # fmt: skip

    def test_names_longer_than_a_file_system_has_them(self, taken: Callable[..., Taken]) -> None:
        (name,) = taken((f"bin/{'ä' * 300}", HERE))
        assert name.startswith("ääää")

    def test_the_same_path_twice(self, tmp_path: Path) -> None:
        (tmp_path / "archive").write_bytes(make_tar([("bin/tool", HERE + b"1"), ("bin/tool", HERE + b"2")]))
        found = programs(tmp_path / "archive", tmp_path)
        assert found["tool"].read_bytes() == HERE + b"1"

    @pytest.mark.parametrize("maker", MAKERS.values(), ids=MAKERS)
    def test_a_release_archive_is_unpacked_as_it_lies_there(
        self, tmp_path: Path, maker: Callable[[Iterable[tuple[Any, bytes]]], bytes]
    ) -> None:
        files = [
            ("t-1/bin/impl", HERE),
            ("t-1/lib/libx.so", HERE + b"x"),
            ("t-1/tool", b"#!/bin/sh\n"),
            ("t-1/a", b"#!"),
        ]
        (tmp_path / "archive").write_bytes(maker(files))
        found = programs(tmp_path / "archive", tmp_path, ("tool",))
        assert set(found) == {"impl", "tool"}
        root = found["tool"].parent
        assert found["impl"] == root / "bin" / "impl"
        assert {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()} == {
            name.removeprefix("t-1/"): content for name, content in files
        }
        assert all(os.access(root / name, os.X_OK) for name in ("tool", "bin/impl", "lib/libx.so"))
        assert set(programs(tmp_path / "archive", tmp_path)) == {"impl"}

    def test_links_in_it_lead_where_they_lead_there_and_not_out_of_it(self, tmp_path: Path) -> None:
        (tmp_path / "secret").write_bytes(HERE)
        links = [
            tar_entry("t/lib/libx.so", type=b"2", linkname="libx.so.1"),
            tar_entry("t/lib/out.so", type=b"2", linkname="../../../secret"),
            tar_entry("t/lib/absolute.so", type=b"2", linkname=str(tmp_path / "secret")),
        ]
        members = [("t/bin/tool", HERE), ("t/lib/libx.so.1", HERE + b"x"), *links]
        (tmp_path / "archive").write_bytes(make_tar(members))
        library = programs(tmp_path / "archive", tmp_path)["tool"].parents[1] / "lib"
        assert (library / "libx.so").read_bytes() == HERE + b"x"
        assert {path.name for path in library.iterdir()} == {"libx.so", "libx.so.1"}

    def test_links_are_not_followed(self, tmp_path: Path) -> None:
        secret = tmp_path / "secret"
        secret.write_bytes(HERE)
        links = [
            tar_entry("bin/hard", type=b"1", linkname=str(secret)),
            tar_entry("bin/symbolic", type=b"2", linkname=str(secret)),
        ]
        (tmp_path / "archive").write_bytes(make_tar(links))
        assert programs(tmp_path / "archive", tmp_path) == {}

    @given(name=st.text(max_size=30))
    def test_no_name_breaks_out(self, tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
        home = tmp_path_factory.mktemp("any")
        scratch = home / "scratch"
        scratch.mkdir()
        try:
            (home / "archive").write_bytes(make_tar([(name, HERE)]))
        except (ValueError, UnicodeError):
            return  # not even tarfile writes such a name
        for path in programs(home / "archive", scratch).values():
            assert path.resolve().is_relative_to(scratch.resolve())
        assert {path.name for path in home.iterdir()} == {"archive", "scratch"}

    @pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
    def test_a_full_disk_is_told(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
        def full(*_: object) -> None:
            raise OSError(number, "full")

        (tmp_path / "archive").write_bytes(make_zip([("bin/tool", HERE)]))
        monkeypatch.setattr(shutil, "copyfile", full)
        with pytest.raises(MissingError, match="no space left for unpacking"):
            programs(tmp_path / "archive", tmp_path)
