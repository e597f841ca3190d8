"""What `trimtab pgo` prints, and the share of a gain that is left."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.trained import an_aging, an_optimized_build
from tests.unit.test_schemas import validator
from trimtab.commands.pgo.json import age_json, build_json
from trimtab.commands.pgo.model import AgedBench, Gain
from trimtab.commands.pgo.terminal import age_renderables, build_renderables
from trimtab.commands.pgo.wording import age_headline, lost

Golden = Callable[[str, str], None]


def printed(renderables: Iterable[object], width: int = 140) -> str:
    from rich.console import Console

    console = Console(file=io.StringIO(), width=width, no_color=True, highlight=False)
    for renderable in renderables:
        console.print(renderable, markup=False)
    assert isinstance(console.file, io.StringIO)
    return "".join(f"{line.rstrip()}\n" for line in console.file.getvalue().splitlines())


def test_the_table_of_an_aging_profile(golden: Golden) -> None:
    golden("aging.txt", printed(age_renderables(an_aging())))


def test_its_document(golden: Golden) -> None:
    text = age_json(an_aging())
    validator("aging").validate(json.loads(text))
    golden("aging.json", text + "\n")


def test_a_built_program_is_named_with_its_price(tmp_path: Path) -> None:
    built = an_optimized_build(tmp_path)
    built.files[0].write_bytes(bytes(5 << 20))
    said = printed(build_renderables(built)).replace("\n", " ")
    assert f"{built.files[0]}: 5 MiB" in said
    for step in (
        "instrumented for pgo: 12 s of CPU",
        "trained for bolt: 2.5 s",
        "in all 43 s",
        "1200 of 3000 functions",
    ):
        assert step in said
    assert "note: a counter file" in said


def test_its_document_too() -> None:
    document = json.loads(build_json(an_optimized_build()))
    validator("optimized").validate(document)
    given_data = replace(an_optimized_build().account, pgo=None, bolt=None, functions=None, covered=None)
    other = json.loads(build_json(replace(an_optimized_build(), account=given_data, profile_data=None)))
    validator("optimized").validate(other)


def test_the_headline_has_the_last_revision() -> None:
    aging = an_aging()
    assert age_headline(aging) == (
        f"{aging.project.name}: nothing is known of 1.2.0: the training command `'{{bin}}'` failed: exit code 1"
    )
    shorter = replace(aging, revisions=aging.revisions[:2])
    assert age_headline(shorter).endswith("at 1.1.0 a profile of 1.0.0 keeps 50 % [43, 58] of the gain on check")
    nothing = replace(shorter, revisions=(replace(aging.revisions[1], benches=aging.revisions[1].benches[1:2]),))
    assert "gains nothing that can be told from noise" in age_headline(nothing)


def test_a_loss_is_named_with_the_revisions_where_it_is_seen() -> None:
    aging = an_aging()
    assert list(lost(aging)) == ["check: a part of the gain is lost at 1.1.0: train again by then"]
    assert list(lost(replace(aging, revisions=aging.revisions[:1]))) == [
        "no revision is seen to have lost a part of the gain"
    ]
    assert list(lost(replace(aging, revisions=aging.revisions[2:]))) == []


@st.composite
def gains(draw: st.DrawFn, most: float = 3.0) -> Gain:
    low, ratio, high = sorted(draw(st.tuples(*[st.floats(0.3, most)] * 3)))
    return Gain(ratio=ratio, low=low, high=high)


@given(gains(most=0.95), gains(), st.floats(0, 1), st.floats(0, 1))
def test_the_interval_of_a_share_holds_all_that_both_intervals_allow(own: Gain, aged: Gain, x: float, y: float) -> None:
    kept = AgedBench(bench="check", own=own, aged=aged).kept
    assert kept
    assert kept.low is not None
    assert kept.high is not None
    assert own.low is not None
    assert own.high is not None
    assert aged.low is not None
    assert aged.high is not None
    if own == aged:
        return  # one and the same profile: nothing is lost
    truth = own.low + x * (own.high - own.low)
    old = aged.low + y * (aged.high - aged.low)
    share = (1 - old) / (1 - truth)
    assert kept.low - 1e-9 <= share <= kept.high + 1e-9
    assert kept.low <= kept.share <= kept.high


@pytest.mark.parametrize("own", [Gain(ratio=0.9, low=0.8, high=1.0), Gain(ratio=0.9, low=None, high=None)])
def test_no_share_of_a_gain_that_is_none(own: Gain) -> None:
    assert AgedBench(bench="check", own=own, aged=own).kept is None
