"""Counting functions in ``.eh_frame``: every shape of its entries, and tables that are not what they seem."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.artifact.formats.unwind import frame_functions

ABSOLUTE, UDATA2, SDATA4, UDATA8, RELATIVE = 0x00, 0x02, 0x0B, 0x04, 0x10
CODES = {0x02: "H", 0x0A: "H", 0x03: "I", 0x0B: "I", 0x04: "Q", 0x0C: "Q"}


class Frames:
    """An ``.eh_frame`` section that is being written."""

    def __init__(self, *, order: str = "<", address: int = 8) -> None:
        self.order = order
        self.address = address
        self.data = b""

    def number(self, code: str, value: int) -> bytes:
        return struct.pack(self.order + code, value)

    def entry(self, body: bytes, *, wide: bool = False) -> int:
        """Add an entry; returns where it begins."""
        at = len(self.data)
        length = self.number("I", 0xFFFFFFFF) + self.number("Q", len(body)) if wide else self.number("I", len(body))
        self.data += length + body
        return at

    def common(
        self, augmentation: str = "zR", encoding: int = RELATIVE | SDATA4, *, version: int = 1, wide: bool = False
    ) -> int:
        """Add a common information entry."""
        data = {"R": bytes([encoding]), "L": b"\x1b", "P": b"\x9b" + bytes(4), "S": b"", "B": b""}
        extra = b"".join(data[letter] for letter in augmentation[1:]) if augmentation.startswith("z") else b""
        length = bytes([len(extra)]) if augmentation.startswith("z") else b""
        pointer = bytes(self.address) if augmentation == "eh" else b""
        # A code factor of 1 in three bytes, a data factor of -8, register 16.
        head = self.number("I", 0) + bytes([version]) + augmentation.encode() + b"\0" + pointer
        return self.entry(head + b"\x81\x80\x00" + b"\x78" + b"\x10" + length + extra + b"\x0c\x07\x08", wide=wide)

    def function(self, common: int, size: int, encoding: int = SDATA4, *, wide: bool = False) -> None:
        """Add a frame description entry."""
        code = CODES.get(encoding & 0xF, "Q" if self.address == 8 else "I")
        distance = len(self.data) + (12 if wide else 4) - common
        numbers = self.number("I", distance) + self.number(code, 0x77) + self.number(code, size)
        self.entry(numbers + b"\0\0\0", wide=wide)

    def count(self, data: bytes | None = None) -> tuple[int, int]:
        """How many functions are found, and their bytes."""
        section = self.data if data is None else data
        found = frame_functions(
            b"file" + section + b"rest", 4, 4 + len(section), order=self.order, address=self.address
        )
        assert found.source == ".eh_frame"
        return found.count, found.size


@pytest.fixture(params=["<4", "<8", ">4", ">8"])
def frames(request: pytest.FixtureRequest) -> Frames:
    """Both byte orders, both widths."""
    return Frames(order=request.param[0], address=int(request.param[1]))


@pytest.mark.parametrize("encoding", [ABSOLUTE, UDATA2, 0x0A, 0x03, SDATA4, UDATA8, 0x0C, RELATIVE | SDATA4, 0x30])
@pytest.mark.parametrize("augmentation", ["zR", "zPLR", "zRS", "zLRB", "zSPR"])
@pytest.mark.parametrize("version", [1, 3])
def test_functions_are_counted(frames: Frames, encoding: int, augmentation: str, version: int) -> None:
    common = frames.common(augmentation, encoding, version=version)
    frames.function(common, 100, encoding)
    frames.function(common, 23, encoding)
    assert frames.count() == (2, 123)


@pytest.mark.parametrize("augmentation", ["", "eh", "z", "zL", "zP"])
def test_addresses_are_absolute_where_nothing_is_said(frames: Frames, augmentation: str) -> None:
    frames.function(frames.common(augmentation), 100, ABSOLUTE)
    assert frames.count() == (1, 100)


def test_each_function_is_read_as_its_own_common_entry_says(frames: Frames) -> None:
    short, long = frames.common(encoding=UDATA2), frames.common(encoding=UDATA8, version=3)
    frames.function(long, 1000, UDATA8)
    frames.function(short, 200, UDATA2)
    frames.function(long, 30, UDATA8)
    assert frames.count() == (3, 1230)


def test_lengths_of_64_bits_are_read(frames: Frames) -> None:
    common = frames.common(wide=True)
    frames.function(common, 100, wide=True)
    frames.function(common, 20)
    assert frames.count() == (2, 120)


def test_a_terminator_in_the_middle_is_not_the_end(frames: Frames) -> None:
    common = frames.common()
    frames.function(common, 100)
    frames.data += bytes(4)
    frames.function(frames.common(), 20)
    frames.data += bytes(8)
    assert frames.count() == (2, 120)


@pytest.mark.parametrize("data", [b"", b"\0", bytes(4), bytes(400)])
def test_an_empty_table_has_no_functions(frames: Frames, data: bytes) -> None:
    assert frames.count(data) == (0, 0)


def test_entries_beyond_the_end_are_refused(frames: Frames) -> None:
    frames.function(frames.common(), 100)
    for cut in range(1, 16):
        with pytest.raises(ValueError, match="beyond its end"):
            frames.count(frames.data[:-cut])


@pytest.mark.parametrize("length", [1, 3, 0xFFFFFFF0])
def test_an_entry_has_room_for_its_own_head(frames: Frames, length: int) -> None:
    with pytest.raises(ValueError, match="beyond its end"):
        frames.count(frames.number("I", length) + bytes(40))


@pytest.mark.parametrize("length", [0, 3, 2**63, 2**64 - 1])
def test_an_absurd_wide_length_is_refused(frames: Frames, length: int) -> None:
    with pytest.raises(ValueError, match="beyond its end"):
        frames.count(frames.number("I", 0xFFFFFFFF) + frames.number("Q", length) + bytes(40))


@pytest.mark.parametrize("distance", [1, 2, 3, 5, 8, 0x7FFFFFFF])
def test_a_function_refers_to_a_common_entry(frames: Frames, distance: int) -> None:
    at = frames.common()
    frames.entry(frames.number("I", distance) + bytes(16))
    assert at == 0
    with pytest.raises(ValueError, match="refers to none"):
        frames.count()


def test_an_augmentation_ends(frames: Frames) -> None:
    at = frames.entry(frames.number("I", 0) + b"\1" + b"z" * 40)
    frames.function(at, 1)
    with pytest.raises(ValueError, match="augmentation"):
        frames.count()


def test_a_number_ends(frames: Frames) -> None:
    at = frames.entry(frames.number("I", 0) + b"\1zR\0" + b"\x80" * 40)
    frames.function(at, 1)
    with pytest.raises(ValueError, match="does not end"):
        frames.count()


@given(st.binary(max_size=120))
def test_any_bytes_are_counted_or_refused(data: bytes) -> None:
    try:
        count, size = Frames().count(data)
    except ValueError:
        return
    assert 0 <= count <= len(data) // 8
    assert size >= 0


@given(st.data())
def test_a_damaged_table_is_counted_or_refused(data: st.DataObject) -> None:
    frames = Frames(order=data.draw(st.sampled_from("<>")), address=data.draw(st.sampled_from([4, 8])))
    common = frames.common("zPLR")
    for size in (100, 200):
        frames.function(common, size)
    damaged = bytearray(frames.data)
    for at in data.draw(st.lists(st.integers(0, len(damaged) - 1), min_size=1, max_size=4)):
        damaged[at] = data.draw(st.integers(0, 255))
    try:
        count, _ = frames.count(bytes(damaged))
    except ValueError:
        return
    assert count <= len(damaged) // 8
