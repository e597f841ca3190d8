"""Groups of two levels."""

from __future__ import annotations

import dataclasses

import pytest

from tests.fakes.weights import bare, image, section
from trimtab.commands.diff.difference import NOT_NAMED, difference
from trimtab.commands.diff.grouping import Group, Levels, grouped
from trimtab.commands.diff.model import By
from trimtab.model.size_report import Image, Purpose, Symbol


def binary(main: int) -> Image:
    """Code of two crates in two sections, and data."""
    whole = image(section(".text", 100, Purpose.CODE), section(".cold", 20, Purpose.CODE), section(".rodata", 50))
    symbols = (
        Symbol("app::main", "app", "app::main", main, ".text"),
        Symbol("core::drop::<A>", "core", "core::drop::<_>", 10, ".text"),
        Symbol("core::drop::<B>", "core", "core::drop::<_>", 15, ".cold"),
    )
    return dataclasses.replace(whole, symbols=symbols, stripped=False)


BOTH = difference(bare("tool", binary(30)), bare("tool", binary(50)))


def table(groups: tuple[Group, ...]) -> dict[str, dict[str, tuple[int | None, int | None]]]:
    for group in groups:
        for side in ("base", "head"):
            assert getattr(group.row, side) == sum(getattr(part, side) or 0 for part in group.parts)
    return {group.row.name: {part.name: (part.base, part.head) for part in group.parts} for group in groups}


def test_crates_within_sections_add_up_to_the_file() -> None:
    found = table(grouped(BOTH.binaries, (By.SECTION, By.CRATE)))
    assert found == {
        ".text": {"app": (30, 50), NOT_NAMED: (60, 40), "core": (10, 10)},
        ".rodata": {NOT_NAMED: (50, 50)},
        ".cold": {"core": (15, 15), NOT_NAMED: (5, 5)},
    }


def test_sections_within_crates_add_up_to_the_code() -> None:
    found = table(grouped(BOTH.binaries, (By.CRATE, By.SECTION)))
    assert found == {
        "app": {".text": (30, 50)}, NOT_NAMED: {".text": (60, 40), ".cold": (5, 5)},
        "core": {".cold": (15, 15), ".text": (10, 10)},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("levels", "name", "part"),
    [
        ((By.GENERIC, By.SYMBOL), "core::drop::<_>", "core::drop::<B>"),
        ((By.CRATE, By.GENERIC), "core", "core::drop::<_>"),
        ((By.CRATE, By.MEMBER), "core", "tool"),
        ((By.MEMBER, By.CRATE), "tool", "core"),
    ],
)
def test_other_levels(levels: Levels, name: str, part: str) -> None:
    assert part in table(grouped(BOTH.binaries, levels))[name]


def test_numbers_are_of_functions() -> None:
    (core,) = [group for group in grouped(BOTH.binaries, (By.CRATE, By.SECTION)) if group.row.name == "core"]
    assert (core.row.base_count, [part.base_count for part in core.parts]) == (2, [1, 1])


def test_members_and_sections_need_no_symbols() -> None:
    stripped = difference(bare("tool", image(section(".text", 9, Purpose.CODE), section(".data", 4))))
    (group,) = grouped(stripped.binaries, (By.MEMBER, By.SECTION))
    assert (group.row.name, group.row.base, group.row.head) == ("tool", 13, None)
    assert [(part.name, part.base) for part in group.parts] == [(".text", 9), (".data", 4)]
    assert grouped(stripped.binaries, (By.MEMBER, By.CRATE)) == ()
