"""A comparison with rows of all kinds as text, Markdown and JSON, compared with golden files."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.values import MACHINE
from tests.unit.commands.explore.test_reports import printed
from tests.unit.test_schemas import validator
from trimtab.commands.bench.hyperfine import benchmark_results, hyperfine_json
from trimtab.commands.bench.json import comparison_json
from trimtab.commands.bench.markdown import comparison_markdown
from trimtab.commands.bench.terminal import comparison_renderables
from trimtab.commands.bench.wording import ordered
from trimtab.model.comparison import Comparison, ComparisonRow, Conditions, Mode, Placement, Runs, Sample, Verdict

Golden = Callable[[str, str], None]


def row(subject: str, metric: str, verdict: Verdict, change: float | None, **fields: Any) -> ComparisonRow:
    """A paired row of seconds with an interval of a percent around its change, unless said otherwise."""
    values: dict[str, Any] = {
        "mode": Mode.PAIRED, "base": 0.1, "head": None if change is None else 0.1 * (1 + change), "unit": "s",
        "low": None if change is None else change - 0.01, "high": None if change is None else change + 0.01, "runs": 40,
    }  # fmt: skip
    return ComparisonRow(subject=subject, metric=metric, verdict=verdict, change=change, **{**values, **fields})


def exact(subject: str, metric: str, verdict: Verdict, base: int, head: int) -> ComparisonRow:
    """Bytes."""
    change = head / base - 1 if base else None
    return row(
        subject, metric, verdict, change, mode=Mode.EXACT, base=base, head=head, unit="bytes", low=change, high=change,
        runs=1,
    )  # fmt: skip


def placed(verdict: Verdict, change: float, *, layout_only: bool) -> Placement:
    return Placement(
        verdict=verdict, change=change, low=change - 0.01, high=change + 0.01, base_spread=0.031, head_spread=0.058,
        layout_only=layout_only,
    )  # fmt: skip


EVERYTHING = Comparison(
    base="main (8f3a2b1c9d0e)",
    heads=("HEAD (0123456789ab)",),
    machine=MACHINE,
    conditions=Conditions(aslr=True, cpus=(0, 1), governor="performance", environment=812, cwd="/home/ann/sounding"),
    seconds=75.25,
    rows=(
        exact("sounding", "size.wheel", Verdict.REGRESSED, 5_000_000, 5_400_000),
        exact("sounding", "size.file", Verdict.SAME, 12_000_000, 12_010_000),
        exact("sounding-index", "size.file", Verdict.IDENTICAL, 800_000, 800_000),
        row("check", "wall", Verdict.REGRESSED, 0.123),
        row("check", "cpu", Verdict.IMPROVED, -0.071),
        row("check", "memory", Verdict.UNCLEAR, 0.008, base=41_000_000, head=41_300_000, unit="bytes", more=1234),
        row("check", "faults", Verdict.UNCLEAR, 0.004, base=9000, head=9040, unit="faults", low=None, high=None, more=1,
            runs=4),
        row("check", "instructions", Verdict.IMPROVED, -0.12, mode=Mode.COUNTED, base=812_345_678, head=714_864_196,
            unit="instructions", low=-0.1201, high=-0.1199, runs=2),
        row("check", "cycles", Verdict.UNCLEAR, -0.03, mode=Mode.COUNTED, base=1_500_000_000, head=1_455_000_000,
            unit="cycles", low=-0.08, high=0.02, runs=2),
        exact("check", "output", Verdict.SAME, 1234, 1234),
        exact("list", "output", Verdict.UNCLEAR, 0, 500),
        row("list", "wall", Verdict.IDENTICAL, 0.0, base=None, head=None, low=0.0, high=0.0, runs=0),
        row("sort", "wall", Verdict.REGRESSED, 0.045, mode=Mode.LAYOUTS, runs=10,
            placement=placed(Verdict.REGRESSED, 0.06, layout_only=False)),
        row("sort", "cpu", Verdict.SAME, 0.001, mode=Mode.LAYOUTS, low=-0.004, high=0.006, runs=10,
            placement=placed(Verdict.REGRESSED, 0.034, layout_only=True)),
        row("scan/parse [x] | `y`", "time", Verdict.SAME, 0.0, base=2.5e-6, head=2.5e-6),
        row("scan/empty", "time", Verdict.UNCLEAR, None, base=0.0, head=1e-9),
    ),
    null=(
        row("check, null control", "wall", Verdict.UNCLEAR, 0.002, low=-0.006, high=0.009, runs=20),
        row("check, null control", "cpu", Verdict.REGRESSED, 0.03, runs=20),
        row("check, null control", "instructions", Verdict.SAME, 0.0, mode=Mode.COUNTED, base=812_345_678,
            head=812_345_678, unit="instructions", low=0.0, high=0.0, runs=1),
    ),
    notes=(
        "sounding: code +300 KiB, data +90.6 KiB (more: trimtab diff sounding-1a2b3c:0f sounding-4d5e6f:1e)",
        "build times are not compared, since they come from different machines: cores 2, not 4",
        "list: HEAD fails: exit code 1: no [such] *option*",
    ),
    command="trimtab compare main HEAD --layouts 10",
)  # fmt: skip
SMALL = replace(EVERYTHING, rows=EVERYTHING.rows[3:4], null=(), notes=())


def text_of(found: Comparison, width: int) -> str:
    return printed(comparison_renderables(found, width), width)


class TestTerminal:
    @pytest.mark.parametrize("width", [80, 100, 160])
    def test_a_comparison_with_everything(self, golden: Golden, width: int) -> None:
        text = text_of(EVERYTHING, width)
        assert max(map(len, text.splitlines())) <= width
        golden(f"comparison-{width}.txt", text)

    def test_nothing_was_compared(self, golden: Golden) -> None:
        golden("comparison-empty.txt", text_of(replace(SMALL, rows=()), 120))

    def test_what_regressed_and_improved_comes_first_and_the_most_of_it_at_the_top(self) -> None:
        rows = ordered(EVERYTHING)
        assert [one.verdict for one in rows] == sorted((one.verdict for one in rows), key=list(Verdict).index)
        worse = [one.change or 0 for one in rows if one.verdict is Verdict.REGRESSED]
        assert worse == sorted(worse, reverse=True)
        assert len(rows) == len(EVERYTHING.rows)

    @pytest.mark.parametrize(
        ("aslr", "said"), [(True, "addresses random"), (False, "addresses fixed"), (None, "Debian GNU/Linux 12, 812")]
    )
    def test_conditions(self, aslr: bool | None, said: str) -> None:
        found = replace(SMALL, conditions=replace(SMALL.conditions, aslr=aslr))
        assert said in text_of(found, 160)

    def test_names_are_not_markup_and_move_no_cursor(self) -> None:
        odd = replace(SMALL.rows[0], subject="[red]odd[/red]\x1b[2J\r")
        text = text_of(replace(SMALL, base="a\nb", rows=(odd,), notes=("[/x] \x1b]0;",)), 200)
        assert "[red]odd[/red]\\x1b[2J\\r" in text
        assert "a\\nb" in text
        assert "note: [/x] \\x1b]0;" in text
        assert "\x1b" not in text


class TestMarkdown:
    def test_a_comparison_with_everything(self, golden: Golden) -> None:
        golden("comparison.md", comparison_markdown(EVERYTHING))

    def test_every_row_has_as_many_cells_as_the_head(self) -> None:
        lines = [line for line in comparison_markdown(EVERYTHING).splitlines() if line.startswith("|")]
        assert {line.replace("\\|", "").count("|") for line in lines} == {10}
        assert len(lines) == 2 + len(EVERYTHING.rows) + len(EVERYTHING.null)


class TestJson:
    def test_everything_keeps_the_schema(self) -> None:
        document = json.loads(comparison_json(EVERYTHING))
        validator("comparison").validate(document)
        assert len(document["rows"]) == len(EVERYTHING.rows)
        assert sum(document["counts"].values()) == len(EVERYTHING.rows)

    @given(st.text(), st.text())
    def test_any_name_keeps_it(self, name: str, note: str) -> None:
        validator("comparison").validate(json.loads(comparison_json(replace(SMALL, base=name, notes=(note,)))))

    def test_bytes_that_are_no_text_are_escaped(self) -> None:
        odd = "l\udce9"
        found = replace(
            SMALL, base=odd, heads=(odd,), notes=(odd,), command=odd, conditions=replace(SMALL.conditions, cwd=odd),
            rows=(replace(SMALL.rows[0], subject=odd),),
        )  # fmt: skip
        document = json.loads(comparison_json(found))
        validator("comparison").validate(document)
        assert document["base"] == document["conditions"]["cwd"] == document["rows"][0]["subject"] == "l\\udce9"
        runs = Runs(command=odd, samples=[Sample(wall=1, user=1, system=0, memory=None, faults=None, exit_code=0)])
        assert json.loads(hyperfine_json(benchmark_results({odd: runs})))["results"][0]["command"] == "l\\udce9"
        assert "l\\udce9" in text_of(found, 200)
        assert "\udce9" not in comparison_markdown(found)
