"""Static libraries and Debian packages."""

from __future__ import annotations

import gzip
import lzma
import struct
from pathlib import Path

import pytest

from tests.unit.artifact.archives.test_unpack import ELF, TEXT, everything, make_tar, names_in, refuses
from trimtab.artifact.archives.unpack import archive_kind
from trimtab.model.size_report import Format

LONG = "a-name-of-more-than-fifteen-letters.o"
SYMBOL_TABLE = ("/", struct.pack(">I", 0))


def ar(*members: tuple[str, bytes], magic: bytes = b"!<arch>\n", stored: bool = True) -> bytes:
    """An archive with these members, whose names are as they stand in a header."""
    data = magic
    for name, content in members:
        data += f"{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(content):<10}`\n".encode()
        data += content.ljust(len(content) + len(content) % 2, b"\n") if stored or name in ("/", "//") else b""
    return data


GNU = ar(SYMBOL_TABLE, ("//", f"{LONG}/\nother.o/\n".encode()), ("short.o/", ELF), ("/0", ELF[:333]), ("/39", TEXT))
BSD = ar(
    ("#1/12", b"__.SYMDEF\0\0\0" + bytes(8)), ("short.o", ELF),
    (f"#1/{len(LONG) + 3}", LONG.encode() + bytes(3) + ELF[:333]), ("other.o", TEXT),
)  # fmt: skip
MICROSOFT = ar(
    ("/", bytes(4)), ("/", bytes(6)), ("//", f"{LONG}\0other.o\0".encode()), ("/<ECSYMBOLS>/", bytes(4)),
    ("short.o/", ELF), ("/0", ELF[:333]), ("/38", TEXT),
)  # fmt: skip


@pytest.mark.parametrize("data", [GNU, BSD, MICROSOFT], ids=["GNU", "BSD", "Microsoft"])
def test_members_of_every_kind_of_library(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(data)
    assert archive_kind(tmp_path / "file") is Format.ARCHIVE
    assert [(member.name, member.size, kept) for member, kept in everything(data, tmp_path)] == [
        ("short.o", len(ELF), ELF), (LONG, 333, ELF[:333]), ("other.o", len(TEXT), None),
    ]  # fmt: skip


def test_an_empty_library_and_padding_behind_the_last_member(tmp_path: Path) -> None:
    assert names_in(ar(), tmp_path) == []
    assert names_in(ar(("a.o/", b"1")) + b"\n\0\0", tmp_path) == ["a.o"]


def test_a_thin_library_has_only_names(tmp_path: Path) -> None:
    data = ar(SYMBOL_TABLE, ("//", b"folder/a.o/\n"), ("/0", ELF), ("b.o/", ELF), magic=b"!<thin>\n", stored=False)
    found = everything(data, tmp_path)
    assert [(member.name, member.size, kept) for member, kept in found] == [
        ("folder/a.o", len(ELF), None), ("b.o", len(ELF), None),
    ]  # fmt: skip


def test_a_universal_library_has_one_for_each_architecture(tmp_path: Path) -> None:
    first, second = ar(("a.o/", ELF)), ar(("a.o/", ELF[:100]), ("b.o/", b"1"))
    header = struct.pack(">II", 0xCAFEBABE, 2)
    header += struct.pack(">5I", 7, 3, 4096, len(first), 12)
    header += struct.pack(">5I", 12, 0, 4096 + len(first), len(second), 12)
    found = everything(header.ljust(4096, b"\0") + first + second, tmp_path)
    assert [(member.name, kept) for member, kept in found] == [("a.o", ELF), ("a.o#2", ELF[:100]), ("b.o", None)]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"!<arch>\n" + b"x" * 60, "no header of a member at 8"),
        (ar(("a.o/", ELF))[:-500], "'a.o' reaches beyond its end"),
        (ar(("a.o/", ELF))[:30], "no header of a member at 8"),
        (ar(("a.o/", ELF)).replace(b"10244     ", b"many      "), "is no number of bytes"),
        (ar(("/7", ELF)), "no name at 7"),
        (ar(("#1/99999", ELF)), "a name of 99999 bytes in a member of 10244"),
    ],
)
def test_damage(data: bytes, reason: str, tmp_path: Path) -> None:
    assert "damaged: " in refuses(data, tmp_path)
    assert reason in refuses(data, tmp_path)


class TestDebianPackages:
    FILES = make_tar([("./usr/bin/tool", ELF), ("./usr/share/doc/tool/changelog.gz", gzip.compress(TEXT))])

    @pytest.mark.parametrize(
        ("name", "contents"),
        [("data.tar", FILES), ("data.tar.xz", lzma.compress(FILES)), ("data.tar.gz/", gzip.compress(FILES))],
    )
    def test_hold_the_files_that_they_install(self, name: str, contents: bytes, tmp_path: Path) -> None:
        control = gzip.compress(make_tar([("./control", b"Package: tool\n")]))
        data = ar(("debian-binary", b"2.0\n"), ("control.tar.gz", control), (name, contents))
        found = everything(data, tmp_path)
        assert [(member.name, member.size) for member, _ in found] == [
            ("debian-binary", 4), ("control.tar.gz", len(control)), ("./usr/bin/tool", len(ELF)),
            ("./usr/share/doc/tool/changelog.gz", len(gzip.compress(TEXT))),
        ]  # fmt: skip
        assert found[2][1] == ELF
