"""What changed between two weighed files."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.weights import after, bare, before, image, section, symbol, weight
from trimtab.commands.diff.difference import NOT_NAMED, OUTSIDE, difference
from trimtab.commands.diff.model import BinaryDifference, SizeRow
from trimtab.commands.diff.registry_limits import allowances
from trimtab.model.size_report import Format, Image, Member, Purpose

TEXT = section(".text", 1000, Purpose.CODE)
NAMES = st.builds(
    "{}{}/{}{}".format, st.sampled_from(["", "tool-1.2", "tool-1.3.0"]), st.sampled_from(["", "/a"]),
    st.sampled_from("abc"), st.sampled_from(["", ".so", ".cpython-312-x86_64-linux-gnu.so", ".exe"]),
)  # fmt: skip


def rows(found: tuple[SizeRow, ...]) -> dict[str, tuple[int | None, int | None]]:
    return {row.name: (row.base, row.head) for row in found}


def of_images(base: Image, head: Image) -> BinaryDifference:
    (binary,) = difference(bare("old", base), bare("new", head)).binaries
    return binary


class TestTotals:
    def test_the_files_themselves(self) -> None:
        found = difference(before(), after())
        assert (found.total.base, found.total.head, found.total.change) == (10_000, 9_100, -900)
        assert found.total.ratio == pytest.approx(0.91)

    def test_a_binary_and_its_compressed_size(self) -> None:
        (binary,) = difference(before(), after()).binaries
        assert (binary.total.base, binary.total.head) == (20_000, 16_000)
        assert binary.compressed is not None
        assert (binary.compressed.base, binary.compressed.head) == (9_000, 8_100)

    def test_purposes_add_up_to_the_file(self) -> None:
        (binary,) = difference(before(), after()).binaries
        assert sum(row.base or 0 for row in binary.purposes) == 20_000
        assert sum(row.head or 0 for row in binary.purposes) == 16_000

    def test_one_file_alone_is_weighed(self) -> None:
        found = difference(before())
        assert found.head is None
        assert found.total.head is None
        (binary,) = found.binaries
        assert binary.head_name is None
        assert binary.only_base is None
        assert rows(binary.crates)["app"] == (7_000, None)


class TestMatching:
    def names(self, base: list[str], head: list[str]) -> set[tuple[str | None, str | None]]:
        sides = [
            weight("x", *(Member(name=name, size=10, image=image(TEXT)) for name in names)) for names in (base, head)
        ]
        return {(one.base_name, one.head_name) for one in difference(*sides).binaries}

    @pytest.mark.parametrize(
        ("base", "head"),
        [
            ("bin/tool", "bin/tool"),
            ("uv-0.2.34.data/scripts/uv", "uv-0.2.35.data/scripts/uv"),
            ("pkg/_core.cpython-312-x86_64-linux-gnu.so", "pkg/_core.cpython-313-x86_64-linux-gnu.so"),
            ("pkg/_core.cp312-win_amd64.pyd", "pkg/_core.abi3.so"),
            ("ruff-0.1.data/scripts/ruff", "ruff-0.2.data/scripts/ruff.exe"),
            ("tool-1.2.3-x86_64-unknown-linux-gnu/tool", "tool-1.3.0-aarch64-apple-darwin/tool"),
        ],
    )
    def test_members_of_two_versions_belong_together(self, base: str, head: str) -> None:
        others = ["a/helper", "b/helper"]
        assert (base, head) in self.names([base, *others], [head, *others])

    def test_the_only_binaries_belong_together_whatever_their_names(self) -> None:
        assert self.names(["a"], ["b"]) == {("a", "b")}

    def test_what_cannot_be_told_apart_is_not_guessed(self) -> None:
        found = self.names(["x1/tool", "x2/tool"], ["y1/tool", "y2/tool"])
        assert found == {("x1/tool", None), ("x2/tool", None), (None, "y1/tool"), (None, "y2/tool")}

    def test_every_member_is_listed_once_as_stored(self) -> None:
        found = difference(before(), after())
        assert rows(found.members) == {
            "app-1.1.0.data/scripts/app": (9_000, 8_100),
            "app-1.1.0.dist-info/METADATA": (400, 420),
            "app-1.1.0.dist-info/LICENSE": (None, 500),
            "app/py.typed": (2, None),
            OUTSIDE: (598, 80),
        }

    @given(st.lists(NAMES, unique=True), st.lists(NAMES, unique=True))
    def test_nobody_is_lost_or_counted_twice(self, base: list[str], head: list[str]) -> None:
        sides = [weight("x", *(Member(name=name, size=1) for name in names), size=9) for names in (base, head)]
        found = difference(*sides)
        assert sum(row.base is not None for row in found.members) == len(base)
        assert sum(row.head is not None for row in found.members) == len(head)
        assert {row.name for row in found.members if row.base and row.head} >= set(base) & set(head)

    def test_thousands_of_members_and_endless_names_take_no_time(self) -> None:
        names = [f"f{number}" for number in range(20_000)] + [
            "1" * 60_000,
            ".cpython-" + "1" * 60_000 + "-",
            "a." * 9_000,
        ]
        side = weight("x", *(Member(name=name, size=1) for name in names))
        started = time.process_time()
        assert len(difference(side, replace(side, sha256="0" * 64)).members) == len(names)
        assert time.process_time() - started < 5

    def test_the_order_is_the_same_whatever_the_members(self) -> None:
        names = [f"bin/{letter}" for letter in "zyxwvu"]
        sides = [weight("x", *(Member(name=name, size=10, image=image(TEXT)) for name in names), size=99) for _ in "ab"]
        assert [one.name for one in difference(*sides).binaries] == sorted(names)


class TestSymbols:
    def test_crates_add_up_to_the_code(self) -> None:
        (binary,) = difference(before(), after()).binaries
        assert rows(binary.crates) == {
            "app": (7_000, 5_540),
            "core": (800, 500),
            "alloc": (1_000, 900),
            NOT_NAMED: (1_200, 1_060),
        }

    def test_copies_of_one_generic_are_counted_together(self) -> None:
        (binary,) = difference(before(), after()).binaries
        (generic,) = binary.generics
        assert (generic.name, generic.base, generic.head) == ("core::ptr::drop_in_place::<_>", 800, 500)
        assert (generic.base_count, generic.head_count) == (2, 1)

    def test_what_only_one_side_has_by_crate(self) -> None:
        (binary,) = difference(before(), after()).binaries
        assert binary.only_base is not None
        assert binary.only_head is not None
        assert (binary.only_base.count, binary.only_base.bytes) == (3, 3_400)
        assert [(row.name, row.base, row.base_count) for row in binary.only_base.crates] == [
            ("app", 3_000, 1), ("core", 300, 1), ("alloc", 100, 1),
        ]  # fmt: skip
        assert (binary.only_head.count, binary.only_head.bytes) == (1, 40)

    def test_equal_names_are_one_row_with_their_number(self) -> None:
        twins = image(TEXT, symbols=[symbol("a::f", 100), symbol("a::f", 200)])
        (row,) = of_images(twins, image(TEXT, symbols=[symbol("a::f", 100)])).symbols
        assert (row.base, row.head, row.base_count, row.head_count, row.group) == (300, 100, 2, 1, "a")

    def test_with_symbols_on_one_side_only_nothing_is_compared(self) -> None:
        found = of_images(image(TEXT, symbols=[symbol("a::f", 100)]), image(TEXT))
        assert (found.crates, found.symbols, found.generics, found.only_base) == ((), (), (), None)
        assert any("one side has no names for its code" in note for note in found.notes)

    def test_names_for_hardly_any_code_are_none(self) -> None:
        (alone,) = difference(bare("tool", image(TEXT, symbols=[symbol("a::f", 10)]))).binaries
        assert alone.crates == ()
        assert any("hardly any code has a name" in note for note in alone.notes)

    def test_what_strip_takes_is_told_apart_from_what_the_compiler_did(self) -> None:
        debug = section(".debug_info", 700, Purpose.DEBUG)
        table = section(".symtab", 300, Purpose.SYMBOLS)
        whole = image(TEXT, debug, table, symbols=[symbol("a::f", 100)])
        larger = image(section(".text", 1100, Purpose.CODE))
        said = "symbol tables and debug info changed by -1000 B; all else by +100 B (+10.0 %)"
        assert said in of_images(whole, larger).notes
        assert any("changed by +1000 B; all else by -100 B" in note for note in of_images(larger, whole).notes)

    def test_debug_info_alone_is_told_too(self) -> None:
        symbols = [symbol("a::f", 500)]
        base = image(TEXT, section(".debug_info", 700, Purpose.DEBUG), symbols=symbols)
        assert any(
            "changed by -700 B; all else by 0 B" in note for note in of_images(base, image(TEXT, symbols=symbols)).notes
        )
        assert not any("debug info" in note for note in of_images(base, base).notes)

    def test_unlike_formats_are_named(self) -> None:
        windows = replace(image(TEXT), format=Format.PE, architecture="amd64")
        found = of_images(image(TEXT), windows)
        assert (found.base_kind, found.head_kind) == ("elf x86_64", "pe amd64")
        assert "base is elf x86_64, head pe amd64: sections and functions hardly compare" in found.notes


class TestOrder:
    def test_what_changed_most_comes_first_and_then_the_larger(self) -> None:
        base = image(section("a", 10), section("b", 500), section("c", 90), section("d", 900))
        head = image(section("a", 15), section("b", 100), section("c", 90), section("d", 900))
        assert [row.name for row in of_images(base, head).sections] == ["b", "a", "d", "c"]

    def test_notes_name_their_side(self) -> None:
        found = difference(
            bare("old", image(TEXT, notes=("odd",)), notes=("x is damaged",)), bare("new", image(TEXT, notes=("even",)))
        )
        assert found.binaries[0].notes == ("base: odd", "head: even")
        assert found.notes == ("old: x is damaged",)
        assert difference(bare("old", image(TEXT, notes=("odd",)))).binaries[0].notes == ("odd",)


class TestRegistries:
    def test_a_wheel_beside_the_limits(self) -> None:
        base, head = replace(before(), size=20 * 1024**2), replace(after(), size=10 * 1024**2)
        (allowance,) = allowances(difference(base, head), wheels=16)
        assert (allowance.registry, allowance.file_limit, allowance.wheels) == ("PyPI", 100 * 1024**2, 16)
        assert (allowance.base_releases, allowance.head_releases) == (32, 64)

    def test_one_wheel_alone(self) -> None:
        (allowance,) = allowances(difference(before()), wheels=1)
        assert allowance.head_releases is None

    def test_other_files_have_no_limit(self) -> None:
        assert allowances(difference(bare("tool", image(TEXT))), wheels=1) == ()
        assert allowances(difference(before(), bare("tool", image(TEXT))), wheels=1) == ()
