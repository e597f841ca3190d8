"""Which profiles `trimtab fit` looks at, and which it builds within limits, in which order."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.fakes.foretold import row
from tests.fakes.values import FAT, SMALL, THIN, TODAY
from trimtab.commands.fit.model import Bounds, Fit, FitRow
from trimtab.commands.fit.run import attempts, lighter
from trimtab.model.profile import Lto, Profile

ROOM = Bounds(memory=950 << 20, cpus=1)
"""Less than the profiles take together with what runs beside their hungriest unit, and more than that alone."""


def takes(found: FitRow, peak: int) -> FitRow:
    return replace(found, forecast=replace(found.forecast, peak_memory=peak))


def labels(*rows: FitRow, bounds: Bounds = ROOM) -> list[str]:
    return list(attempts(rows, bounds))


class TestAttempts:
    def test_todays_comes_first_and_then_the_quickest(self) -> None:
        assert labels(row(), row(FAT, wall=90.0), row(THIN, wall=80.0)) == ["today", "lto thin", "lto fat"]

    def test_todays_comes_first_whatever_its_forecast_says_of_memory(self) -> None:
        assert labels(row(fit=Fit.OUT_OF_MEMORY), row(THIN)) == ["today", "lto thin"]

    def test_what_a_forecast_may_have_wronged_comes_last(self) -> None:
        rows = (
            row(),
            takes(row(FAT, fit=Fit.OUT_OF_MEMORY), 3 << 30),
            takes(row(SMALL, fit=Fit.OUT_OF_MEMORY), 2 << 30),
        )
        assert labels(*rows, row(THIN, wall=500.0)) == ["today", "lto thin", rows[2].label, rows[1].label]

    def test_but_not_where_one_unit_takes_too_much_by_itself(self) -> None:
        assert labels(row(), row(FAT, fit=Fit.OUT_OF_MEMORY), bounds=replace(ROOM, memory=800 << 20)) == ["today"]

    def test_what_cannot_end_in_time_is_not_tried(self) -> None:
        slow, doubtful = row(fit=Fit.TOO_SLOW), row(FAT, wall=66.0, fit=Fit.TOO_SLOW)
        bounds = replace(ROOM, within=60.0)
        assert labels(slow, doubtful, row(THIN, wall=10.0), bounds=bounds) == [
            "lto thin",
            "lto fat",
        ]


@pytest.mark.parametrize(
    ("profile", "expected"),
    [
        (replace(TODAY, lto=Lto.FAT, codegen_units=1), ["thin/1", "local/1", "off/1", "local/16"]),
        (replace(TODAY, lto=Lto.LOCAL, codegen_units=16), ["off/16"]),
        (replace(TODAY, lto=Lto.OFF, codegen_units=1), ["off/16"]),
        (replace(TODAY, lto=Lto.OFF, codegen_units=16), []),
    ],
)
def test_lighter_profiles_ask_for_less(profile: Profile, expected: list[str]) -> None:
    assert [f"{one.lto}/{one.codegen_units}" for one in lighter(profile)] == expected
