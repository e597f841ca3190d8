"""Build minutes against bytes, in the user's numbers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.fakes.values import FAT, FAT1, THIN, TODAY, failed, size, study, trial
from trimtab.choice.answer import answer
from trimtab.choice.economics import trades
from trimtab.model.answer import Trade
from trimtab.model.plan import Economics
from trimtab.model.study import Study
from trimtab.model.trial import Trial

TOLD = Economics(builds_per_month=120, downloads_per_month=1000, minute_price=0.01)
BASE = trial(TODAY, file=5000, cpu=40.0)  # 20 s of wall time
DEAR = trial(FAT, file=4000, cpu=100.0)


def one(*trials: Trial, told: Economics = TOLD) -> Trade:
    (found,) = trades(study(*trials, economics=told))
    return found


def test_minutes_price_and_bytes_of_a_month() -> None:
    found = one(BASE, DEAR)
    assert (found.trial, found.label) == (DEAR.id, "lto fat")
    assert [found.minutes, found.price] == pytest.approx([60.0, 0.6])
    assert (found.bytes, found.of) == (-1_000_000, "size.file")


def test_a_cheaper_build_is_negative() -> None:
    found = one(BASE, trial(THIN, file=5500, cpu=30.0))
    assert [found.minutes, found.price] == pytest.approx([-10.0, -0.1])
    assert found.bytes == 500_000


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (Economics(builds_per_month=120), (60.0, None, None)),
        (Economics(downloads_per_month=10), (None, None, -10_000)),
    ],
)
def test_only_what_was_told_is_counted(told: Economics, expected: tuple[float | None, ...]) -> None:
    found = one(BASE, DEAR, told=told)
    assert (found.minutes, found.price, found.bytes) == expected


@pytest.mark.parametrize("told", [Economics(), Economics(minute_price=3.0)])
def test_nothing_is_set_against_nothing(told: Economics) -> None:
    assert list(trades(replace(study(BASE, DEAR), economics=told))) == []


@pytest.mark.parametrize(
    ("metrics", "expected"),
    [
        ((), "size.file"),
        (("size.gzip",), "size.gzip"),
        (("size.gzip", "size.wheel"), "size.wheel"),
    ],
)
def test_what_is_downloaded_is_weighed(metrics: tuple[str, ...], expected: str) -> None:
    base, dear = (
        trial(profile, file=5 * by, more=tuple(size(by, name) for name in metrics))
        for profile, by in ((TODAY, 1000), (FAT, 900))
    )
    found = one(base, dear)
    assert found.of == expected
    assert found.bytes == (-500_000 if expected == "size.file" else -100_000)


def test_what_one_of_the_two_lacks_is_not_counted() -> None:
    gzip = trial(TODAY, file=5000, more=(size(1000, "size.gzip"),))
    assert one(gzip, DEAR).of == "size.file"
    found = one(trial(TODAY, file=None, cpu=None), DEAR)
    assert (found.minutes, found.price, found.bytes, found.of) == (None, None, None, "")


@pytest.mark.parametrize(
    "found",
    [
        study(BASE, DEAR),
        study(failed(TODAY), DEAR, economics=TOLD),
        study(DEAR, economics=TOLD),
        study(BASE, economics=TOLD),
        study(BASE, failed(FAT), economics=TOLD),
        study(BASE, replace(DEAR, screened=True), economics=TOLD),
        study(economics=TOLD),
    ],
    ids=["not told", "today failed", "today is missing", "nothing else", "failed", "screened", "empty"],
)
def test_nothing_to_set_against_today(found: Study) -> None:
    assert tuple(trades(found)) == ()


def test_the_answer_has_them() -> None:
    found = answer(study(BASE, DEAR, trial(FAT1, file=3000, cpu=200.0), economics=TOLD))
    assert [trade.label for trade in found.trades] == ["lto fat", "lto fat, codegen-units 1"]
