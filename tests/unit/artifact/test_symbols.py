"""Named functions with sizes, from symbol tables with and without sizes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from trimtab.artifact.symbols import SymbolEntry, named, sized
from trimtab.model.size_report import CodeRange


def test_a_function_without_a_size_ends_where_the_next_begins() -> None:
    found = sized([(0x20, "b"), (0x10, "a"), (0x38, "c")], [CodeRange(0x10, 0x40)])
    assert found == [SymbolEntry(0x10, 0x10, "a"), SymbolEntry(0x20, 0x18, "b"), SymbolEntry(0x38, 0x08, "c")]


def test_a_function_ends_with_its_section_at_the_latest() -> None:
    found = sized([(0x10, "a"), (0x80, "b")], [CodeRange(0x80, 0x90, ".b"), CodeRange(0x10, 0x40, ".a")])
    assert found == [SymbolEntry(0x10, 0x30, "a", ".a"), SymbolEntry(0x80, 0x10, "b", ".b")]


def test_two_names_of_one_function_have_the_same_size() -> None:
    assert sized([(0, "a"), (0, "b"), (8, "c")], [CodeRange(0, 10)]) == [
        SymbolEntry(0, 8, "a"),
        SymbolEntry(0, 8, "b"),
        SymbolEntry(8, 2, "c"),
    ]


def test_what_lies_in_no_section_with_code_is_no_function() -> None:
    assert sized([(0, "before"), (0x40, "at the end"), (0x99, "after")], [CodeRange(0x10, 0x40)]) == []
    assert sized([(0, "a")], []) == []


@given(
    st.lists(st.tuples(st.integers(0, 100), st.sampled_from("abc"))),
    st.lists(st.integers(0, 100), unique=True).map(sorted),
)
def test_sized_functions_never_hold_more_bytes_than_their_sections(
    starts: list[tuple[int, str]], ends: list[int]
) -> None:
    ranges = [CodeRange(first, end) for first, end in zip(ends[::2], ends[1::2], strict=False)]
    sizes = {entry.address: entry.size for entry in sized(starts, ranges)}
    assert all(size > 0 for size in sizes.values())
    assert sum(sizes.values()) <= sum(section.end - section.first for section in ranges)


def test_symbols_come_by_address_with_all_that_their_names_tell() -> None:
    first, second = named([SymbolEntry(8, 4, "memcpy"), SymbolEntry(4, 4, "_RINvNtC4core3mem4swaphEC3app")])
    assert (first.name, first.crate, first.generic) == ("core::mem::swap::<u8>", "core", "core::mem::swap::<_>")
    assert (second.name, second.crate, second.generic, second.size) == ("memcpy", "[C]", "memcpy", 4)


def test_bytes_with_several_names_count_once_for_one_of_the_largest() -> None:
    symbols = named([SymbolEntry(0, 4, "a"), SymbolEntry(0, 9, "c"), SymbolEntry(0, 9, "b"), SymbolEntry(9, 4, "d")])
    assert [(symbol.name, symbol.size) for symbol in symbols] == [("b", 9), ("c", 0), ("a", 0), ("d", 4)]


@given(st.lists(st.builds(SymbolEntry, st.integers(0, 20), st.integers(0, 20), st.sampled_from("abc"))))
def test_the_order_of_the_table_does_not_matter(entries: list[SymbolEntry]) -> None:
    assert named(entries) == named(reversed(entries))
    largest: dict[int, int] = {}
    for address, size, *_ in entries:
        largest[address] = max(size, largest.get(address, 0))
    assert sum(symbol.size for symbol in named(entries)) == sum(largest.values())
