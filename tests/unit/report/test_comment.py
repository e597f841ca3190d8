"""Drafts of a report, of which the longest that a comment can hold is taken."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from trimtab.report.comment import fitting

CUT = "\n\n… the rest is in `--json`.\n"


def units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def test_the_first_that_fits_is_taken() -> None:
    assert fitting(["x" * 51, "y" * 50, "z" * 40], room=50) == "y" * 50


def test_later_drafts_are_not_made() -> None:
    drafts = iter(["x" * 51, "y" * 50, "never made"])
    fitting(drafts, room=50)
    assert list(drafts) == ["never made"]


def test_the_last_is_cut_where_none_fits() -> None:
    text = fitting(["x" * 90, "y" * 80], room=50)
    assert text == "y" * (50 - len(CUT)) + CUT


def test_a_letter_outside_of_the_basic_plane_counts_twice() -> None:
    assert fitting(["\U0001f980" * 26, "short"], room=50) == "short"
    assert fitting(["\U0001f980" * 25], room=50) == "\U0001f980" * 25


@given(st.lists(st.text(max_size=200), min_size=1, max_size=4), st.integers(50, 150))
def test_it_always_fits(drafts: list[str], room: int) -> None:
    assert units(fitting(drafts, room)) <= room
