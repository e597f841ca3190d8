"""Archives: what is in them, and that nothing in them can do harm."""

from __future__ import annotations

import bz2
import contextlib
import errno
import gzip
import io
import lzma
import stat
import struct
import sys
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trimtab.artifact.archives import packed as limits
from trimtab.artifact.archives.packed import ArchiveMember, MemberNames
from trimtab.artifact.archives.unpack import archive_kind, unpack
from trimtab.errors import InputError, MissingError
from trimtab.model.size_report import Format

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

ELF = b"\x7fELF" + bytes(range(256)) * 40
TEXT = b"print('hello')\n" * 100
FILES = {"pkg/__init__.py": TEXT, "pkg/lib.so": ELF, "pkg/empty": b""}
COMPRESSED: dict[str, Callable[[bytes], bytes]] = {
    "tar": bytes,
    "tar.gz": gzip.compress,
    "tar.bz2": bz2.compress,
    "tar.xz": lzma.compress,
    "tar.zst": zstd.compress,
}


def make_zip(files: Iterable[tuple[Any, bytes]], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, data in files:
            archive.writestr(name, data)
    return buffer.getvalue()


def make_tar(files: Iterable[tuple[Any, bytes]], kind: int = tarfile.PAX_FORMAT) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=kind) as archive:
        for name, data in files:
            info = tarfile.TarInfo(name) if isinstance(name, str) else name
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def tar_entry(name: str, **fields: Any) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    for field, value in fields.items():
        setattr(info, field, value)
    return info, b""


def header(size: int = 0, kind: bytes = tarfile.REGTYPE, name: str = "x") -> bytes:
    """One block of a tar file, whatever may follow."""
    info = tarfile.TarInfo(name)
    info.size, info.type = size, kind
    return info.tobuf(tarfile.GNU_FORMAT)


def recompressed(content: bytes, method: int, compressed: bytes) -> bytes:
    """A zip with one member, whose bytes another program has compressed."""
    data = bytearray(make_zip([("a", compressed)], zipfile.ZIP_STORED))
    at = data.index(b"PK\1\2")
    data[at + 10 : at + 12] = method.to_bytes(2, "little")
    data[at + 16 : at + 20] = zlib.crc32(content).to_bytes(4, "little")
    data[at + 24 : at + 28] = len(content).to_bytes(4, "little")
    return bytes(data)


def everything(data: bytes, folder: Path, name: str = "archive") -> list[tuple[ArchiveMember, bytes | None]]:
    """All members with the bytes of those that were unpacked; checks that nothing is left and nothing got out."""
    home = Path(tempfile.mkdtemp(dir=folder))
    path, scratch = home / name, home / "scratch"
    scratch.mkdir()
    path.write_bytes(data)
    found = []
    try:
        for member in unpack(path, scratch):
            assert member.file is None or [member.file] == list(scratch.iterdir())
            found.append((member, member.file.read_bytes() if member.file else None))
    finally:
        assert sorted(home.rglob("*")) == sorted([path, scratch])
    names = [member.name for member, _ in found]
    assert len(set(names)) == len(names)
    return found


def names_in(data: bytes, folder: Path) -> list[str]:
    return [member.name for member, _ in everything(data, folder)]


def refuses(data: bytes, folder: Path) -> str:
    """Why an archive is not unpacked."""
    with pytest.raises(InputError) as caught:
        everything(data, folder)
    assert "\n" not in caught.value.what
    assert caught.value.where.endswith("archive")
    return caught.value.what


class TestKinds:
    @pytest.mark.parametrize("kind", COMPRESSED)
    def test_tar_files_are_told_by_their_bytes(self, kind: str, tmp_path: Path) -> None:
        path = tmp_path / "download"
        path.write_bytes(COMPRESSED[kind](make_tar(FILES.items())))
        assert archive_kind(path) is Format.ARCHIVE

    def test_a_wheel_is_a_zip_with_wheel_metadata_whatever_its_name(self, tmp_path: Path) -> None:
        (tmp_path / "a").write_bytes(make_zip([("a-1.dist-info/WHEEL", b"Wheel-Version: 1.0\n")]))
        (tmp_path / "b.whl").write_bytes(make_zip([("vendored/a-1.dist-info/WHEEL", b""), ("WHEEL", b"")]))
        assert archive_kind(tmp_path / "a") is Format.WHEEL
        assert archive_kind(tmp_path / "b.whl") is Format.ARCHIVE

    @pytest.mark.parametrize(
        "data",
        [b"", b"text", bytes(20_000), ELF, ELF + make_zip([("a", b"")])],
        ids=["empty", "text", "zeros", "binary", "binary with a zip"],
    )
    def test_others_are_none(self, data: bytes, tmp_path: Path) -> None:
        (tmp_path / "file").write_bytes(data)
        assert archive_kind(tmp_path / "file") is None
        assert archive_kind(tmp_path) is None
        assert "not an archive" in refuses(data, tmp_path)

    def test_a_zip_behind_something_else_is_a_zip(self, tmp_path: Path) -> None:
        (tmp_path / "app.pyz").write_bytes(b"#!/usr/bin/env python3\n" + make_zip([("a", b"")]))
        assert archive_kind(tmp_path / "app.pyz") is Format.ARCHIVE

    def test_a_tar_with_a_zip_in_the_end_is_a_tar(self, tmp_path: Path) -> None:
        assert names_in(make_tar([("a.zip", make_zip([("b", b"")]))]), tmp_path) == ["a.zip"]

    def test_a_damaged_zip_is_an_archive(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_bytes(make_zip(FILES.items())[:-30])
        assert archive_kind(tmp_path / "file") is Format.ARCHIVE

    def test_what_cannot_be_read(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="not an archive"):
            list(unpack(tmp_path, tmp_path))
        with pytest.raises(InputError, match="not an archive"):
            list(unpack(tmp_path / "missing", tmp_path))


class TestMembers:
    @pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
    def test_of_a_zip(self, method: int, tmp_path: Path) -> None:
        data = make_zip([("pkg/", b""), *FILES.items()], method)
        found = everything(data, tmp_path)
        assert {member.name: member.size for member, _ in found} == {name: len(data) for name, data in FILES.items()}
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            stored = {info.filename: info.compress_size for info in archive.infolist() if not info.is_dir()}
        assert {member.name: member.compressed for member, _ in found} == stored
        assert {member.name: kept for member, kept in found if kept} == {"pkg/lib.so": ELF}

    @pytest.mark.parametrize("kind", COMPRESSED)
    @pytest.mark.parametrize("flavour", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
    def test_of_a_tar(self, kind: str, flavour: int, tmp_path: Path) -> None:
        files = [tar_entry("pkg", type=tarfile.DIRTYPE), *FILES.items(), ("n/" * 60 + "x" * 95, b"long")]
        found = everything(COMPRESSED[kind](make_tar(files, flavour)), tmp_path)
        assert [member.name for member, _ in found] == [*FILES, "n/" * 60 + "x" * 95]
        assert [member.size for member, _ in found] == [len(TEXT), len(ELF), 0, 4]
        assert {member.compressed for member, _ in found} == {None}
        assert {member.name: kept for member, kept in found if kept} == {"pkg/lib.so": ELF}

    @pytest.mark.parametrize("kind", ["tar.gz", "tar.bz2", "tar.xz", "tar.zst"])
    def test_of_a_file_compressed_in_several_parts(self, kind: str, tmp_path: Path) -> None:
        data = make_tar(FILES.items())
        parts = COMPRESSED[kind](data[:5000]) + COMPRESSED[kind](data[5000:])
        assert names_in(parts, tmp_path) == list(FILES)

    def test_equal_names_are_told_apart(self, tmp_path: Path) -> None:
        with pytest.warns(UserWarning, match="Duplicate name"):
            data = make_zip([("a", b"1"), ("a#2", b"2"), ("a", b"33"), ("a", ELF)])
        found = everything(data, tmp_path)
        assert [member.name for member, _ in found] == ["a", "a#2", "a#3", "a#4"]
        assert [member.size for member, _ in found] == [1, 1, 2, len(ELF)]
        assert found[-1][1] == ELF

    @given(st.lists(st.sampled_from(["a", "a#2", "a#2#2", "a#3", "b", "", "\x1b[2J", "\udcff"])))
    def test_names_are_unique_and_printable(self, given_names: list[str]) -> None:
        names = MemberNames()
        taken = [names.take(name) for name in given_names]
        assert len(set(taken)) == len(taken)
        assert all(name.isprintable() for name in taken)

    @pytest.mark.parametrize("make", [make_zip, make_tar])
    def test_names_are_never_paths(self, make: Callable[..., bytes], tmp_path: Path) -> None:
        outside = tmp_path / "outside"
        hostile = ["../../outside", str(outside), "a/../../../outside", "C:\\outside", "\x1b[31m\nred", "."]
        found = everything(make([(name, ELF) for name in hostile]), tmp_path)
        assert [kept for _, kept in found] == [ELF] * len(hostile)
        assert found[0][0].name == "../../outside"
        assert found[4][0].name == "\\x1b[31m\\nred"
        assert not outside.exists()

    def test_links_and_devices_in_a_tar_are_only_names(self, tmp_path: Path) -> None:
        secret = tmp_path / "secret"
        secret.write_bytes(ELF)
        files = [
            ("real", ELF),
            tar_entry("symbolic", type=tarfile.SYMTYPE, linkname=str(secret)),
            tar_entry("hard", type=tarfile.LNKTYPE, linkname="real"),
            tar_entry("device", type=tarfile.CHRTYPE),
            tar_entry("pipe", type=tarfile.FIFOTYPE),
            ("symbolic", TEXT),
        ]
        found = everything(make_tar(files), tmp_path)
        assert [(member.name, member.size, kept is None) for member, kept in found] == [
            ("real", len(ELF), False), ("symbolic", 0, True), ("hard", 0, True), ("device", 0, True),
            ("pipe", 0, True), ("symbolic#2", len(TEXT), True),
        ]  # fmt: skip

    def test_links_in_a_zip_are_only_names(self, tmp_path: Path) -> None:
        link = zipfile.ZipInfo("link")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        ((member, kept),) = everything(make_zip([(link, ELF)]), tmp_path)
        assert (member.size, kept) == (0, None)
        assert member.compressed

    def test_a_sparse_member_is_as_long_as_it_says(self, tmp_path: Path) -> None:
        records = b"".join(
            b"%d %s\n" % (len(record) + 4, record)
            for record in (b"GNU.sparse.major=1", b"GNU.sparse.minor=0", b"GNU.sparse.realsize=1100")
        )
        map_block = b"1\n0\n512\n".ljust(512, b"\0")
        data = header(len(records), tarfile.XHDTYPE) + records.ljust(512, b"\0")
        data += header(1024) + map_block + ELF[:512] + bytes(1024)
        ((member, kept),) = everything(data, tmp_path)
        assert member.size == 1100
        assert kept == ELF[:512] + bytes(588)

    def test_the_file_is_gone_when_nobody_looks_any_more(self, tmp_path: Path) -> None:
        (tmp_path / "archive").write_bytes(make_zip([("a", ELF), ("b", ELF)]))
        scratch = tmp_path / "scratch"
        scratch.mkdir()
        members = unpack(tmp_path / "archive", scratch)
        first = next(members)
        assert first.file
        assert first.file.exists()
        members.close()  # type: ignore[attr-defined] # it is a generator
        assert list(scratch.iterdir()) == []

    def test_only_the_largest_members_of_a_zip_are_looked_at(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("trimtab.artifact.archives.zip.MOST_PEEKED", 2)
        found = everything(make_zip([("small", ELF[:100]), ("large", ELF), ("text", TEXT)]), tmp_path)
        assert {member.name for member, kept in found if kept} == {"large"}

    @pytest.mark.parametrize("make", [make_zip, make_tar])
    def test_twenty_thousand_members(self, make: Callable[..., bytes], tmp_path: Path) -> None:
        assert len(everything(make((f"pkg/{i}.py", b"pass") for i in range(20_000)), tmp_path)) == 20_000


class TestTheEndOfATar:
    """GNU tar and Python take all of these for whole."""

    @pytest.mark.parametrize("tail", [b"", bytes(512), bytes(100), b"text", bytes(1024) + ELF], ids=len)
    def test_may_be_missing_short_or_followed_by_something(self, tail: bytes, tmp_path: Path) -> None:
        data = make_tar([("tool", ELF)], tarfile.USTAR_FORMAT)[: 512 + -(-len(ELF) // 512) * 512]
        assert names_in(data + tail, tmp_path) == ["tool"]
        assert names_in(gzip.compress(data + tail), tmp_path) == ["tool"]

    def test_what_follows_a_gzip_is_ignored(self, tmp_path: Path) -> None:
        assert names_in(gzip.compress(make_tar(FILES.items())) + b"garbage", tmp_path) == list(FILES)
        assert names_in(gzip.compress(make_tar(FILES.items())) + bytes(1000), tmp_path) == list(FILES)


class TestMethodsOfZips:
    @pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
    @pytest.mark.parametrize("content", [ELF, ELF + bytes(1 << 20)], ids=["small", "large"])
    def test_that_python_writes(self, method: int, content: bytes, tmp_path: Path) -> None:
        found = everything(make_zip([("a", content), ("b", TEXT)], method), tmp_path)
        assert [(member.name, member.size, kept) for member, kept in found] == [
            ("a", len(content), content), ("b", len(TEXT), None),
        ]  # fmt: skip

    @pytest.mark.parametrize(("method", "compress"), [(93, zstd.compress), (20, zstd.compress), (95, lzma.compress)])
    def test_that_other_programs_write(self, method: int, compress: Callable[[bytes], bytes], tmp_path: Path) -> None:
        ((member, kept),) = everything(recompressed(ELF, method, compress(ELF)), tmp_path)
        assert (member.size, kept) == (len(ELF), ELF)

    def test_checksums_are_compared(self, tmp_path: Path) -> None:
        data = recompressed(ELF, 93, zstd.compress(ELF[:-1] + b"x"))
        assert "damaged: Bad CRC-32" in refuses(data, tmp_path)

    @pytest.mark.parametrize(("method", "name"), [(9, "Deflate64"), (98, "PPMd"), (42, "method 42")])
    def test_that_are_not_read_are_said(self, method: int, name: str, tmp_path: Path) -> None:
        (tmp_path / "file.zip").write_bytes(recompressed(ELF, method, b"whatever"))
        messages: list[str] = []
        (member,) = unpack(tmp_path / "file.zip", tmp_path, on_message=messages.append)
        assert (member.name, member.size, member.file) == ("a", len(ELF), None)
        assert messages == [f"a: compressed with {name}, which is not read"]

    def test_an_encrypted_member_is_listed(self, tmp_path: Path) -> None:
        data = bytearray(make_zip([("a", ELF)]))
        data[data.index(b"PK\1\2") + 8] |= 1
        (tmp_path / "file.zip").write_bytes(data)
        messages: list[str] = []
        (member,) = unpack(tmp_path / "file.zip", tmp_path, on_message=messages.append)
        assert (member.size, member.file, messages) == (len(ELF), None, ["a: encrypted"])


class TestCompressedFiles:
    @pytest.mark.parametrize("kind", ["tar.gz", "tar.bz2", "tar.xz", "tar.zst"])
    @pytest.mark.parametrize("content", [ELF, TEXT, b""], ids=["binary", "text", "empty"])
    def test_are_archives_of_one_file(self, kind: str, content: bytes, tmp_path: Path) -> None:
        data, suffix = COMPRESSED[kind](content), kind.removeprefix("tar")
        (tmp_path / f"tool{suffix}").write_bytes(data)
        assert archive_kind(tmp_path / f"tool{suffix}") is Format.ARCHIVE
        (member,) = unpack(tmp_path / f"tool{suffix}", tmp_path)
        assert (member.name, member.size, member.compressed) == ("tool", len(content), len(data))
        assert (member.file is not None) is (content == ELF)

    @pytest.mark.parametrize("name", ["tool", ".gz", "tool.gz.GZ"])
    def test_only_a_suffix_is_taken_off(self, name: str, tmp_path: Path) -> None:
        (tmp_path / name).write_bytes(gzip.compress(ELF))
        assert [member.name for member in unpack(tmp_path / name, tmp_path)] == [name.removesuffix(".GZ")]

    def test_a_bomb(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(limits, "FREE_BYTES", 1 << 20)
        for content in (bytes(2 << 20), ELF + bytes(2 << 20)):
            assert "more than 100 times its size" in refuses(gzip.compress(content), tmp_path)

    def test_damage(self, tmp_path: Path) -> None:
        assert "damaged" in refuses(gzip.compress(ELF)[:-9], tmp_path)
        assert "damaged" in refuses(b"\x1f\x8b" + bytes(100), tmp_path)


WHEEL_IN_IT = make_zip([("tool.whl", make_zip([("bin/tool", ELF), ("a.py", TEXT)])), ("notes.txt", TEXT)], 0)


class TestArchivesInArchives:
    def binaries(self, data: bytes, folder: Path) -> tuple[list[str], list[str]]:
        """Names of the members with bytes, and what is said."""
        (folder / "outer").write_bytes(data)
        scratch = folder / "scratch"
        scratch.mkdir(exist_ok=True)
        messages: list[str] = []
        names = [
            member.name
            for member in unpack(folder / "outer", scratch, nested=True, on_message=messages.append)
            if member.file and member.file.read_bytes() == ELF
        ]
        assert list(scratch.iterdir()) == []
        return names, messages

    @pytest.mark.parametrize(
        "inner",
        [
            make_zip([("tool", ELF)]), make_tar([("tool", ELF)]), gzip.compress(make_tar([("tool", ELF)])),
            zstd.compress(make_tar([("tool", ELF)])), bz2.compress(make_tar([("tool", ELF)])),
        ],
        ids=["zip", "tar", "tar.gz", "tar.zst", "tar.bz2"],
    )  # fmt: skip
    @pytest.mark.parametrize("make", [make_zip, make_tar])
    def test_are_looked_into(self, make: Callable[..., bytes], inner: bytes, tmp_path: Path) -> None:
        data = make([("inner", inner), ("other", ELF)])
        assert self.binaries(data, tmp_path) == (["inner/tool", "other"], [])

    @pytest.mark.parametrize("compress", [gzip.compress, bz2.compress, lzma.compress, zstd.compress])
    def test_a_compressed_binary(self, compress: Callable[[bytes], bytes], tmp_path: Path) -> None:
        data = make_tar([("bin/tool.gz", compress(ELF)), ("doc/a.gz", compress(TEXT))])
        assert self.binaries(data, tmp_path)[0] == ["bin/tool.gz/tool"]

    def test_one_level_deep(self, tmp_path: Path) -> None:
        assert self.binaries(make_zip([("outermost.zip", WHEEL_IN_IT)]), tmp_path) == ([], [])
        assert self.binaries(gzip.compress(WHEEL_IN_IT), tmp_path) == ([], [])

    def test_only_if_asked_for(self, tmp_path: Path) -> None:
        assert names_in(WHEEL_IN_IT, tmp_path) == ["tool.whl", "notes.txt"]

    def test_a_damaged_one_is_said(self, tmp_path: Path) -> None:
        damaged = bytearray(make_zip([("tool", ELF)], 0))
        damaged[1000] ^= 1
        names, messages = self.binaries(make_zip([("inner", bytes(damaged)), ("other", ELF)]), tmp_path)
        assert names == ["other"]
        assert messages[0].startswith("inner: the archive is damaged: Bad CRC-32")

    def test_what_costs_too_much_is_said(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(limits, "FREE_BYTES", 1 << 20)
        monkeypatch.setattr(limits, "MOST_TIMES", 1)
        bomb = gzip.compress(ELF + bytes(5 << 20))
        names, messages = self.binaries(make_zip([("inner", bomb), ("other", ELF)]), tmp_path)
        assert names == ["other"]
        assert "inner: not all of it is looked into: more than 1 times its size" in messages[0]


class TestBombs:
    """Those that are told by a number in a header or by a limit, which is lowered here."""

    @pytest.fixture(autouse=True)
    def _low_limits(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(limits, "FREE_BYTES", 1 << 20)

    def test_a_zip(self, tmp_path: Path) -> None:
        assert "more than 100 times its size" in refuses(make_zip([("a", bytes(2 << 20))]), tmp_path)

    @pytest.mark.parametrize("kind", ["tar.gz", "tar.bz2", "tar.xz", "tar.zst"])
    @pytest.mark.parametrize("content", [bytes(2 << 20), ELF + bytes(2 << 20)], ids=["data", "binary"])
    def test_a_tar(self, kind: str, content: bytes, tmp_path: Path) -> None:
        assert "more than 100 times its size" in refuses(COMPRESSED[kind](make_tar([("a", content)])), tmp_path)

    @pytest.mark.parametrize("kind", ["tar.gz", "tar.xz", "tar.zst"])
    def test_a_tar_with_a_long_end(self, kind: str, tmp_path: Path) -> None:
        data = COMPRESSED[kind](make_tar([("a", b"")]) + bytes(2 << 20))
        assert "more than 100 times its size" in refuses(data, tmp_path)

    def test_a_sparse_member(self, tmp_path: Path) -> None:
        sparse = bytearray(header(512, tarfile.GNUTYPE_SPARSE))
        sparse[386:410] = b"%011o\0%011o\0" % (0, 512)
        sparse[483:495] = b"%011o\0" % (1 << 30)
        sparse[148:156] = b"%06o\0 " % (sum(sparse) - sum(sparse[148:156]) + 8 * 32)
        assert "more than 100 times its size" in refuses(bytes(sparse) + ELF[:512] + bytes(1024), tmp_path)

    def test_what_little_comes_out_is_free(self, tmp_path: Path) -> None:
        assert len(everything(make_zip([("a", bytes(1 << 20))]), tmp_path)) == 1

    @pytest.mark.parametrize("make", [make_zip, make_tar])
    def test_too_many_members(
        self, make: Callable[..., bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(limits, "MOST_MEMBERS", 99)
        assert "more than 99 members" in refuses(make((str(i), b"") for i in range(100)), tmp_path)

    def test_more_members_than_a_file_can_hold(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(limits, "FREE_MEMBERS", 99)
        assert "members" in refuses(gzip.compress(header() * 100 + bytes(1024)), tmp_path)

    @pytest.mark.parametrize("make", [make_zip, make_tar])
    def test_too_many_binaries(
        self, make: Callable[..., bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(limits, "MOST_BINARIES", 3)
        assert "more than 3 binaries" in refuses(make((str(i), ELF) for i in range(4)), tmp_path)

    @pytest.mark.parametrize("entries", [1_000_001, 3_000_000])
    def test_a_directory_of_nothing_but_entries(self, entries: int, tmp_path: Path) -> None:
        directory = (b"PK\1\2" + bytes(42)) * entries
        end = b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, 65535, 65535, len(directory), 0, 0)
        assert "refused: it" in refuses(directory + end, tmp_path)

    def test_a_member_that_is_too_large(self, tmp_path: Path) -> None:
        assert "larger than 4 GiB" in refuses(header(5 << 30) + bytes(1024), tmp_path)

    @pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME])
    def test_a_long_header(self, kind: bytes, tmp_path: Path) -> None:
        for size in (1 << 40, 2 << 20):
            assert "header is longer than 1024 KiB" in refuses(header(size, kind) + bytes(1024), tmp_path)

    def test_a_header_that_keeps_a_parser_busy(self, tmp_path: Path) -> None:
        assert "invalid header" in refuses(header(900_000, tarfile.XHDTYPE) + b"1" * 900_096 + bytes(1024), tmp_path)

    def test_headers_that_extend_each_other(self, tmp_path: Path) -> None:
        assert "recursion" in refuses(header(0, tarfile.XHDTYPE) * 1500 + bytes(1024), tmp_path)

    def test_a_tar_that_goes_in_circles(self, tmp_path: Path) -> None:
        record = b"15 size=-10000\n"
        data = header(len(record), tarfile.XHDTYPE) + record.ljust(512, b"\0") + header() + bytes(1024)
        assert "damaged" in refuses(data, tmp_path)

    def test_a_binary_with_more_in_it_than_declared(self, tmp_path: Path) -> None:
        data = bytearray(make_zip([("a", ELF)]))
        at = data.index(b"PK\1\2") + 24
        data[at : at + 4] = (1000).to_bytes(4, "little")
        assert "CRC" in refuses(bytes(data), tmp_path)


class TestDamage:
    def test_a_wrong_checksum(self, tmp_path: Path) -> None:
        data = bytearray(make_zip([("a", ELF)], zipfile.ZIP_STORED))
        data[1000] ^= 1
        assert "damaged: Bad CRC-32" in refuses(bytes(data), tmp_path)

    def test_fewer_bytes_than_declared(self, tmp_path: Path) -> None:
        data = bytearray(make_zip([("a", ELF)], zipfile.ZIP_STORED))
        at = data.index(b"PK\1\2") + 24
        data[at : at + 4] = (20_000).to_bytes(4, "little")
        assert "damaged: a member has 10244 bytes and should have 20000" in refuses(bytes(data), tmp_path)

    @pytest.mark.parametrize("kind", COMPRESSED)
    def test_a_truncated_tar(self, kind: str, tmp_path: Path) -> None:
        data = COMPRESSED[kind](make_tar(FILES.items(), tarfile.USTAR_FORMAT))
        whole = 14_336 if kind == "tar" else len(data)  # the zeros behind a tar may be fewer
        for end in range(1, whole, max(1, whole // 60)):
            if kind != "tar" or not _ends_between_members(data, end):
                assert refuses(data[:end], tmp_path)

    def test_a_truncated_zip(self, tmp_path: Path) -> None:
        data = make_zip(FILES.items())
        for end in range(1, len(data), max(1, len(data) // 60)):
            assert refuses(data[:end], tmp_path)

    def test_a_broken_header_is_not_the_end_of_a_tar(self, tmp_path: Path) -> None:
        data = bytearray(make_tar([("a", b"1"), ("b", b"2")], tarfile.USTAR_FORMAT))
        data[1024 + 100] ^= 1
        assert "a broken header" in refuses(bytes(data), tmp_path)

    def test_a_checksum_behind_the_last_member(self, tmp_path: Path) -> None:
        data = bytearray(gzip.compress(make_tar(FILES.items())))
        data[-8] ^= 1
        assert "CRC check failed" in refuses(bytes(data), tmp_path)

    def test_a_full_disk(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def full(**_: Any) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr("trimtab.artifact.archives.unpack.tempfile.NamedTemporaryFile", full)
        (tmp_path / "archive").write_bytes(make_zip([("a", ELF)]))
        with pytest.raises(MissingError, match="no space left"):
            list(unpack(tmp_path / "archive", tmp_path))


def _ends_between_members(data: bytes, end: int) -> bool:
    """Whether GNU tar, too, takes a tar file that is cut there for a whole one: less than a block is left over."""
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        ends = [member.offset_data + -(-member.size // 512) * 512 for member in archive]
    return any(0 <= end - each < 512 for each in ends)


SMALL = [("a.py", TEXT), ("lib.so", ELF[:300]), ("../x", b"")]
VALID = [make_zip(SMALL), make_zip(SMALL, zipfile.ZIP_STORED)]
VALID += [compress(make_tar(SMALL, flavour)) for compress in COMPRESSED.values() for flavour in (0, 1, 2)]
edits = st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=8)


@settings(max_examples=200)
@given(data=st.sampled_from(VALID), edits=edits, start=st.integers(0, 40), cut=st.integers(0, 40), tail=st.binary())
def test_whatever_happened_to_an_archive_it_is_read_or_refused(
    data: bytes, edits: list[tuple[float, int]], start: int, cut: int, tail: bytes
) -> None:
    changed = bytearray(data[start // 20 :])
    for place, value in edits:
        changed[int(place * len(changed))] = value
    with tempfile.TemporaryDirectory() as folder, contextlib.suppress(InputError):
        everything(bytes(changed[: len(changed) - cut]) + tail, Path(folder))
