"""How a difference reads."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.fakes.weights import after, bare, before, image, section, symbol, weight
from tests.unit.commands.explore.test_reports import printed
from tests.unit.test_schemas import validator
from trimtab.commands.diff.difference import difference
from trimtab.commands.diff.grouping import Levels
from trimtab.commands.diff.json import diff_json
from trimtab.commands.diff.listing import headline, listings, remarks
from trimtab.commands.diff.markdown import diff_markdown
from trimtab.commands.diff.model import By, Difference
from trimtab.commands.diff.registry_limits import allowances
from trimtab.commands.diff.terminal import diff_renderables
from trimtab.model.size_report import Format, Member, Purpose

Golden = Callable[[str, str], None]
HOSTILE = "[bold]a|b`c_d</x>\n# e\x1b[2J"


def both() -> Difference:
    return difference(before(), after())


def hostile() -> Difference:
    sides = [
        image(section(HOSTILE, size, Purpose.CODE), symbols=[symbol(HOSTILE, size)], notes=(HOSTILE,))
        for size in (50, 60)
    ]
    return difference(bare(HOSTILE, sides[0]), bare(HOSTILE, sides[1]))


def terminal(
    found: Difference, by: By | Levels | None = None, *, top: int = 15, width: int = 100, downloads: int = 0
) -> str:
    words = remarks(found, allowances(found, 17), downloads)
    return printed(diff_renderables(found, listings(found, by, top), words, width), width)


def markdown(found: Difference, by: By | Levels | None = None, *, top: int = 15) -> str:
    return diff_markdown(found, listings(found, by, top), remarks(found, allowances(found, 17), 1_000_000))


class TestTerminal:
    @pytest.mark.parametrize("width", [80, 120])
    def test_two_wheels(self, golden: Golden, width: int) -> None:
        text = terminal(both(), width=width, downloads=2_000_000)
        assert max(map(len, text.splitlines())) <= width
        golden(f"diff-{width}.txt", text)

    def test_one_file(self, golden: Golden) -> None:
        golden("diff-alone.txt", terminal(difference(before())))

    @pytest.mark.parametrize("by", list(By))
    def test_one_listing(self, golden: Golden, by: By) -> None:
        golden(f"diff-by-{by}.txt", terminal(both(), by, top=2))

    def test_two_levels(self, golden: Golden) -> None:
        golden("diff-by-crate-symbol.txt", terminal(both(), (By.CRATE, By.SYMBOL), top=3))

    def test_of_a_library_with_thousands_of_objects_only_some_have_tables(self) -> None:
        objects = [Member(name=f"{n:04}.o", size=9, image=image(section(".text", 9, Purpose.CODE))) for n in range(100)]
        text = terminal(difference(weight("lib.a", *objects, kind=Format.ARCHIVE)), top=2)
        assert text.count(" by section") == 2
        assert "85 more binaries: --by member,section lists all" in text

    def test_names_are_not_markup(self) -> None:
        assert "[bold]a|b`c_d</x>" in terminal(hostile())

    def test_names_move_no_cursor(self) -> None:
        for text in (terminal(hostile()), markdown(hostile())):
            assert all(line.isprintable() for line in text.splitlines())
            assert "\\x1b[2J" in text or "\\\\x1b\\[2J" in text

    def test_more_traffic_is_not_called_a_saving(self) -> None:
        assert "it costs 858 MiB of traffic a month" in terminal(difference(after(), before()), downloads=1_000_000)


class TestMarkdown:
    def test_two_wheels(self, golden: Golden) -> None:
        golden("diff.md", markdown(both(), top=3))

    def test_one_file(self, golden: Golden) -> None:
        golden("diff-alone.md", markdown(difference(before()), top=3))

    def test_names_break_neither_cells_nor_lines(self) -> None:
        for line in markdown(hostile()).splitlines():
            assert not line.startswith("#")
            if line.startswith("|"):
                assert line.replace("\\|", "").count("|") == 6


class TestJson:
    @pytest.mark.parametrize("found", [both(), difference(before()), hostile()], ids=["two", "one", "hostile"])
    def test_keeps_its_schema(self, found: Difference) -> None:
        validator("diff").validate(json.loads(diff_json(found, allowances(found, 3))))

    @pytest.mark.parametrize("levels", [(By.CRATE, By.SECTION), (By.MEMBER, By.CRATE)])
    def test_has_groups_of_two_levels_if_they_are_asked_for(self, levels: Levels) -> None:
        document = json.loads(diff_json(both(), (), levels))
        validator("diff").validate(document)
        assert [group["by"] for group in document["groups"]] == [list(levels)]
        (group,) = document["groups"]
        assert group["member"] == (None if By.MEMBER in levels else document["members"][0]["name"])
        assert group["rows"]
        assert "groups" not in json.loads(diff_json(both(), ()))

    def test_two_wheels(self, golden: Golden) -> None:
        golden("diff.json", diff_json(both(), allowances(both(), 17)) + "\n")

    def test_parts_add_up(self) -> None:
        (member,) = json.loads(diff_json(both(), ()))["members"]
        for side in ("base", "head"):
            assert sum(row[side] or 0 for row in member["sections"]) == member[f"{side}_bytes"]
            assert sum(row[side] or 0 for row in member["purposes"]) == member[f"{side}_bytes"]
            code = next(row[side] for row in member["purposes"] if row["name"] == "code")
            assert sum(row[side] or 0 for row in member["crates"]) == code


def test_the_headline_is_exact_to_the_byte() -> None:
    assert headline(both()).endswith(": 10000 → 9100 bytes (-9.0 %)")
