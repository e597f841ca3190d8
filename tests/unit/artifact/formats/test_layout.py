"""Every byte of a file belongs to exactly one part, whatever its headers claim."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from trimtab.artifact.formats.layout import Claim, Layout, divide, oddities, text_at
from trimtab.model.size_report import Purpose


def code(start: int, size: int, name: str = ".text") -> Claim:
    return Claim(start, size, name, Purpose.CODE)


def sizes(layout: Layout) -> dict[str, int]:
    return {section.name: section.size for section in layout.sections}


def test_parts_come_in_file_order_with_what_lies_between() -> None:
    layout = divide(b"....ccccdd....more", [code(8, 2, ".data"), code(4, 4), code(10, 4, ".bss")])
    assert list(sizes(layout).items()) == [
        ("[unclaimed]", 4), (".text", 4), (".data", 2), (".bss", 4), ("[overlay]", 4),
    ]  # fmt: skip


def test_zeros_between_parts_are_padding_and_anything_else_is_unclaimed() -> None:
    layout = divide(b"aa" + bytes(3) + b"bb" + b"\0\1\0" + b"cc", [code(0, 2, "a"), code(5, 2, "b"), code(10, 2, "c")])
    assert sizes(layout) == {"a": 2, "[padding]": 3, "b": 2, "[unclaimed]": 3, "c": 2}


def test_one_byte_at_the_end_of_a_long_gap_is_seen() -> None:
    gap = bytes(200_000)
    assert "[padding]" in sizes(divide(b"a" + gap + b"b", [code(0, 1), code(200_001, 1)]))
    assert "[unclaimed]" in sizes(divide(b"a" + gap[:-1] + b"\1" + b"b", [code(0, 1), code(200_001, 1)]))


def test_what_follows_the_last_part_is_an_overlay_even_if_it_is_zero() -> None:
    assert sizes(divide(b"aa" + bytes(5), [code(0, 2)])) == {".text": 2, "[overlay]": 5}


def test_a_file_that_nobody_claims_is_all_overlay() -> None:
    assert sizes(divide(b"abc", [])) == {"[overlay]": 3}
    assert divide(b"", []) == Layout(sections=(), overlap=0, beyond=0)


def test_parts_of_one_name_are_one_section_unless_they_are_for_different_things() -> None:
    data = Claim(4, 2, ".text", Purpose.DATA)
    layout = divide(b"aabbcc", [code(0, 2), code(2, 2), data])
    assert [(section.purpose, section.size) for section in layout.sections] == [(Purpose.CODE, 4), (Purpose.DATA, 2)]


def test_bytes_claimed_twice_count_for_the_part_that_begins_first() -> None:
    layout = divide(bytes(10), [code(4, 6, "late"), code(0, 8, "early"), code(1, 2, "inside")])
    assert sizes(layout) == {"early": 8, "late": 2}
    assert layout.overlap == 2 + 4
    assert oddities(layout) == ("sections overlap by 6 bytes",)


def test_bytes_after_the_end_of_the_file_do_not_count() -> None:
    layout = divide(bytes(10), [code(0, 4), code(8, 5, "cut"), code(50, 7, "away")])
    assert sizes(layout) == {".text": 4, "[padding]": 4, "cut": 2}
    assert layout.beyond == 3 + 7
    assert oddities(layout) == ("sections reach 10 bytes beyond the end of the file",)


def test_nothing_is_odd_about_an_ordinary_file() -> None:
    assert oddities(divide(bytes(10), [code(0, 4), code(4, 0), code(6, 4)])) == ()


@given(
    st.binary(max_size=80),
    st.lists(st.builds(code, st.integers(0, 2**64), st.integers(-5, 2**64), st.sampled_from("abc")))
    | st.lists(st.builds(code, st.integers(0, 90), st.integers(0, 40), st.sampled_from("abc"))),
)
def test_the_parts_always_add_up(data: bytes, claims: list[Claim]) -> None:
    layout = divide(data, claims)
    assert sum(section.size for section in layout.sections) == len(data)
    assert all(section.size > 0 for section in layout.sections)
    claimed = {at for claim in claims for at in range(claim.start, min(claim.start + claim.size, len(data)))}
    assert sum(section.size for section in layout.sections if section.name in "abc") == len(claimed)
    inside = sum(max(0, min(claim.start + claim.size, len(data)) - claim.start) for claim in claims)
    assert layout.overlap == inside - len(claimed)
    assert layout.beyond == sum(max(0, claim.size) for claim in claims) - inside


def test_a_text_ends_at_a_zero_or_where_its_table_ends() -> None:
    assert text_at(b"..main\0rest", 2, 11) == "main"
    assert text_at(b"..main\0rest", 7, 9) == "re"
    assert text_at(b"..main\0rest", 6, 9) == ""
    assert text_at(b"..main\0rest", 11, 11) == ""
    assert text_at(b"..main\0rest", -1, 11) == ""


@given(st.binary(), st.integers(), st.integers(0, 200))
def test_a_text_can_be_read_anywhere(data: bytes, offset: int, end: int) -> None:
    assert "\0" not in text_at(data, offset, end)


def test_what_is_not_utf8_is_shown_as_escapes() -> None:
    assert text_at(b"a\xff\xc3\xa9", 0, 4) == "a\\xffé"
