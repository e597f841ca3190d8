"""What ``trimtab parity`` prints."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from tests.fakes.parities import FINE, a_full_parity, judged, same
from tests.unit.test_schemas import validator
from trimtab.commands.parity.json import parity_json
from trimtab.commands.parity.markdown import parity_markdown
from trimtab.commands.parity.model import End, Ending, LineChange, Parity
from trimtab.commands.parity.summary import summed
from trimtab.commands.parity.terminal import parity_renderables
from trimtab.commands.parity.wording import endings
from trimtab.report.comment import COMMENT_ROOM


def printed(parity: Parity, width: int = 120) -> str:
    file = io.StringIO()
    console = Console(file=file, width=width, highlight=False, color_system=None)
    for renderable in parity_renderables(parity):
        console.print(renderable, markup=False)
    return "\n".join(line.rstrip() for line in file.getvalue().split("\n"))


def test_terminal(golden: Callable[[str, str], None]) -> None:
    golden("parity.txt", printed(a_full_parity()))


def test_markdown(golden: Callable[[str, str], None]) -> None:
    golden("parity.md", parity_markdown(a_full_parity()))


def test_json_is_as_its_schema_says() -> None:
    document = json.loads(parity_json(a_full_parity()))
    validator("parity").validate(document)
    assert document["counts"] == {"inputs": 10, "same": 3, "differ": 5, "flaky": 1, "not_compared": 1}
    assert document["checks"][0]["lines"] == {"added": 5, "removed": 2}
    assert document["checks"][0]["exits"] == [
        {"exit_code": 0, "base": 5, "head": 2},
        {"exit_code": 1, "base": 1, "head": 2},
    ]


@pytest.mark.parametrize(
    ("parity", "headline"),
    [
        (a_full_parity(), "5 of 10 inputs differ (+7 -3 lines in 4 projects); 1 flaky set aside; 1 not compared"),
        (
            replace(a_full_parity(), checks=a_full_parity().checks[:1] * 2),
            "8 of 14 inputs differ (+10 -4 lines in 3 projects); 2 flaky set aside; 2 not compared",
        ),
        (replace(a_full_parity(), checks=a_full_parity().checks[1:2]), "no differences over 1 input"),
        (replace(a_full_parity(), checks=()), "nothing was run"),
        (replace(a_full_parity(), checks=(), identical=True), "identical: the same bytes, nothing was run"),
    ],
)
def test_headlines(parity: Parity, headline: str) -> None:
    assert parity.headline == headline
    assert printed(parity).startswith(headline)
    assert parity_markdown(parity).startswith(f"**{headline}**")


def test_an_interrupt_is_told() -> None:
    parity = replace(a_full_parity(), complete=False)
    assert "interrupted: not all inputs were run" in printed(parity)
    assert "interrupted: not all inputs were run" in parity_markdown(parity)


def large(projects: int, lines: int, length: int) -> Parity:
    """So many projects with so many added lines."""
    text = tuple(f"a.py:{number}:1: F401 {'x' * length}" for number in range(lines))
    everything = [
        judged(f"{number}/a.py", f"project-{number}", FINE, FINE, LineChange(where="stdout", added=text))
        for number in range(projects)
    ]
    return replace(a_full_parity(), checks=(summed("lint", ("{bin}", "{input}"), everything),))


def units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


@pytest.mark.parametrize(("projects", "lines", "length"), [(1, 5000, 80), (40, 300, 80), (3000, 2, 10), (5, 3, 10_000)])
def test_a_comment_can_hold_it(projects: int, lines: int, length: int) -> None:
    parity = large(projects, lines, length)
    text = parity_markdown(parity)
    assert units(text) <= COMMENT_ROOM
    assert text.count("<details>") == text.count("</details>") > 0
    assert f"| F401 | +{projects * lines} | -0 |" in text
    if projects * lines * min(length, 300) > COMMENT_ROOM:
        assert re.search(r"and \d+ more (lines|projects): see `--json`", text)
        assert units(text) > COMMENT_ROOM // 4  # most of the room is used
    shown = json.loads(parity_json(parity))["checks"][0]["differences"]
    assert sum(len(change["added"]) for one in shown for change in one["changes"]) == projects * lines


lines = st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=30) | st.just("````"), max_size=6).map(
    tuple
)


@settings(max_examples=50)
@given(st.lists(st.tuples(st.sampled_from("abc"), lines, lines), min_size=1, max_size=20), st.integers(500, 3000))
def test_no_report_is_longer_than_it_may_be(
    found: list[tuple[str, tuple[str, ...], tuple[str, ...]]], most: int
) -> None:
    everything = [
        judged(str(number), name, FINE, FINE, LineChange(where="stdout", removed=removed, added=added))
        for number, (name, removed, added) in enumerate(found)
    ]
    parity = replace(a_full_parity(), checks=(summed("lint", ("{bin}", "{input}"), everything),))
    assert units(parity_markdown(parity, most)) <= most


def test_no_line_ends_a_block_of_code() -> None:
    text = parity_markdown(a_full_parity())
    assert "\n````diff\n" in text
    assert "+a ``` b | <c>" in text


def test_nobody_is_called_by_a_name() -> None:
    text = parity_markdown(a_full_parity())
    outside = re.sub(r"^```+diff$.*?^```+$|`[^`\n]*`", "", text, flags=re.MULTILINE | re.DOTALL)
    assert "@&#8203;octocat" in outside
    assert not re.search(r"@\w", outside)


@pytest.mark.parametrize("number", [3, 30])
def test_of_many_exit_codes_some_are_shown(number: int) -> None:
    ends = [End(ending=Ending.EXIT, exit_code=code) for code in range(number)]
    check = summed("lint", ("{bin}",), [same(str(end.exit_code), "a", end) for end in ends])
    said = endings(check)
    assert said.startswith("exit 0: 1 → 1, exit 1: 1 → 1, ")
    assert said.endswith("exit 2: 1 → 1" if number == 3 else "exit 9: 1 → 1, 20 more exit codes")
