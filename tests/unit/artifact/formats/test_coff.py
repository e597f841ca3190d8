"""Object files of Windows, made by hand."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.artifact.formats.coff import is_coff_object
from trimtab.artifact.formats.pe import read_pe
from trimtab.artifact.formats.sniff import sniff
from trimtab.model.size_report import Format, Image, Purpose

TEXT, DATA, BSS, DIRECTIVES = 0x60500020, 0x40500040, 0xC0500080, 0x00100A00
BIG = bytes.fromhex("c7a1bad1eebaa94baf20faf66aa4dcb8")


def coff(
    *sections: tuple[bytes, bytes, int, int], machine: int = 0x8664, big: bool = False, strings: bytes = b""
) -> bytes:
    """An object with sections of a name, contents, relocations and flags, and a function in each with code."""
    start = (56 if big else 20) + 40 * len(sections)
    headers, content, symbols = b"", b"", b""
    for number, (name, body, relocations, flags) in enumerate(sections, 1):
        at = start + len(content)
        sizes = (0, 0, len(body), 0 if flags == BSS else at, at + len(body) if relocations else 0, 0, relocations, 0)
        headers += struct.pack("<8s6IHHI", name, *sizes, flags)
        content += (b"" if flags == BSS else body) + bytes(10 * relocations)
        if flags == TEXT:
            symbols += struct.pack("<8sIIHBB" if big else "<8sIHHBB", f"f{number}".encode(), 2, number, 0x20, 2, 0)
    count, table = len(symbols) // (20 if big else 18), start + len(content)
    if big:
        header = struct.pack("<HHHHI16s16xIII", 0, 0xFFFF, 2, 0x8664, 0, BIG, len(sections), table, count)
    else:
        header = struct.pack("<HHIIIHH", 0x8664, len(sections), 0, table, count, 0, 0)
    return header + headers + content + symbols + struct.pack("<I", 4 + len(strings)) + strings


def read(data: bytes) -> Image:
    return read_pe(Path("a.obj"), data)


WHOLE = (
    (b".text$mn", bytes(100), 3, TEXT), (b".rdata", bytes(7), 0, DATA), (b".bss", bytes(50), 0, BSS),
    (b".debug$S", bytes(9), 1, DATA), (b".pdata", bytes(12), 2, DATA), (b".drectve", b"/x", 0, DIRECTIVES),
    (b"/4", bytes(20), 0, TEXT),
)  # fmt: skip


@pytest.mark.parametrize("big", [False, True])
def test_every_byte_is_in_a_section(big: bool) -> None:
    data = coff(*WHOLE, big=big, strings=b".text.a_long_name\0")
    image = read(data)
    sections = {(section.name, section.purpose): section.size for section in image.sections}
    assert sum(sections.values()) == image.size == len(data)
    assert sections == {
        ("[headers]", Purpose.OTHER): (56 if big else 20) + 7 * 40,
        (".text$mn", Purpose.CODE): 100,
        ("[relocations]", Purpose.LINKING): 50,
        (".rdata", Purpose.DATA): 7,
        (".debug$S", Purpose.DEBUG): 9,
        ("[relocations]", Purpose.DEBUG): 10,
        (".pdata", Purpose.UNWIND): 12,
        (".drectve", Purpose.OTHER): 2,
        (".text.a_long_name", Purpose.CODE): 20,
        ("[symbols]", Purpose.SYMBOLS): 2 * (20 if big else 18) + 4 + 18,
    }
    assert (image.format, image.architecture, image.stripped) == (Format.PE, "amd64", False)
    assert [(symbol.name, symbol.size, symbol.section) for symbol in image.symbols] == [
        ("f1", 98, ".text$mn"), ("f7", 18, ".text.a_long_name"),
    ]  # fmt: skip


def test_a_section_with_more_relocations_than_its_header_can_say() -> None:
    data = bytearray(coff((b".text", bytes(4), 3, TEXT)))
    data[20 + 32 : 20 + 40] = struct.pack("<HHI", 0xFFFF, 0, TEXT | 0x01000000)
    at = 60 + 4
    data[at : at + 4] = struct.pack("<I", 3)
    assert {section.name: section.size for section in read(bytes(data)).sections}["[relocations]"] == 30


@pytest.mark.parametrize(
    "head",
    [
        b"",
        coff(*WHOLE)[:20],
        b"\x64\x86" + bytes(62),
        b"\0\0\xff\xff\0\0" + bytes(58),
        b"\x4c\1text that is long enough" * 3,
    ],
    ids=["nothing", "cut", "no sections", "import object", "text"],
)
def test_what_is_no_object(head: bytes) -> None:
    assert not is_coff_object(head)
    assert sniff(head[:64]) is None


def test_objects_are_told_by_their_headers() -> None:
    assert sniff(coff(*WHOLE)[:64]) is sniff(coff(*WHOLE, big=True)[:64]) is Format.PE


@given(st.lists(st.tuples(st.integers(0, 700), st.integers(0, 255)), max_size=5), st.integers(64, 800), st.booleans())
def test_damage_is_measured_or_refused(changes: list[tuple[int, int]], length: int, big: bool) -> None:
    data = bytearray(coff(*WHOLE, big=big))
    for at, byte in changes:
        data[at % len(data)] = byte
    cut = bytes(data[:length])
    if is_coff_object(cut[:64]):
        try:
            image = read(cut)
        except (ValueError, struct.error):
            return
        assert sum(section.size for section in image.sections) == len(cut)
