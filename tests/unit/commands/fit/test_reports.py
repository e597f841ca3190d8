"""What `trimtab fit` prints, and what a report says is cheapest."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.fakes.foretold import a_fit, killed, row, went_well
from tests.fakes.values import FAT, PROJECT, THIN, TODAY
from tests.unit.test_schemas import validator
from trimtab.commands.fit.json import fit_json
from trimtab.commands.fit.model import Bounds, Fit, FitReport, FitRow, LimitedBuild
from trimtab.commands.fit.terminal import advice, fit_renderables, reason
from trimtab.commands.fit.wording import headline

Golden = Callable[[str, str], None]
SLOW = LimitedBuild(fit=Fit.TOO_SLOW, wall=600.0, message="it did not end within 600 s")
BROKEN = LimitedBuild(fit=Fit.FAILED, wall=3.0, unit="app 1.0.0 (program)", message="linking with `cc` failed")
ELSEWHERE = LimitedBuild(fit=Fit.OUT_OF_MEMORY, wall=4.0, message="a process was killed")
SMALL = Bounds(memory=2 << 30, cpus=2)


def printed(found: FitReport, width: int = 140) -> str:
    from rich.console import Console

    console = Console(file=io.StringIO(), width=width, no_color=True, highlight=False)
    for renderable in fit_renderables(found):
        console.print(renderable, markup=False)
    assert isinstance(console.file, io.StringIO)
    return "".join(f"{line.rstrip()}\n" for line in console.file.getvalue().splitlines())


@pytest.mark.parametrize("width", [100, 140])
def test_the_table(golden: Golden, width: int) -> None:
    text = printed(a_fit(), width)
    assert max(map(len, text.splitlines())) <= width
    golden(f"fit-{width}.txt", text)


def test_by_forecast_alone(golden: Golden) -> None:
    golden("fit-forecast.txt", printed(a_fit(row(), row(THIN, wall=80.0), bounds=SMALL)))


def test_json(golden: Golden) -> None:
    text = fit_json(a_fit())
    validator("fit").validate(json.loads(text))
    golden("fit.json", text + "\n")


@pytest.mark.parametrize(
    "found",
    [
        a_fit(row(), bounds=SMALL),
        a_fit(row(tried=went_well()), row(THIN, tried=went_well())),
        a_fit(row(tried=SLOW), row(FAT, fit=Fit.OUT_OF_MEMORY)),
        a_fit(row(tried=BROKEN), row(THIN, tried=ELSEWHERE)),
        a_fit(row(fit=Fit.TOO_SLOW)),
    ],
)
def test_every_document_keeps_its_schema(found: FitReport) -> None:
    validator("fit").validate(json.loads(fit_json(found)))


@pytest.mark.parametrize(
    ("today", "expected"),
    [
        (row(tried=went_well()), "fits, and takes 90 s"),
        (row(), "fits, and takes 100 s by forecast"),
        (row(tried=killed()), "runs out of memory"),
        (row(fit=Fit.OUT_OF_MEMORY), "runs out of memory by forecast"),
        (row(tried=SLOW), "takes too long"),
        (row(fit=Fit.TOO_SLOW), "takes too long by forecast"),
        (row(tried=BROKEN), "fails"),
    ],
)
def test_the_headline(today: FitRow, expected: str) -> None:
    assert headline(a_fit(today, bounds=SMALL)) == f"sounding-cli in 2.00 GiB and 2 CPUs: today's release {expected}"


def test_the_headline_names_the_time_that_is_allowed() -> None:
    assert headline(a_fit()).startswith("sounding-cli in 512 MiB and 1 CPU within 10m 00s: ")


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (row(), ""),
        (row(fit=Fit.OUT_OF_MEMORY, tried=went_well()), ""),
        (row(tried=killed()), "out of memory after 40 s in app 1.0.0 (program), which needs 900 MiB without limits"),
        (row(tried=ELSEWHERE), "out of memory after 4 s: a process was killed"),
        (row(tried=SLOW), "stopped after 10m 00s; it takes about 100 s"),
        (row(tried=BROKEN), "linking with `cc` failed"),
        (row(fit=Fit.OUT_OF_MEMORY), "most of it for app 1.0.0 (program): 900 MiB"),
        (row(fit=Fit.TOO_SLOW), "it takes 90 s to 2m 00s"),
    ],
)
def test_the_reason(found: FitRow, expected: str) -> None:
    assert reason(found) == expected


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ((row(),), "cheapest that fits: today, 100 s (forecast)"),
        ((row(), row(THIN, wall=80.0)), "cheapest that fits: lto thin, 80 s (forecast), 4.77 MiB where today's has 4.77 MiB"),  # noqa: E501
        ((row(tried=went_well()), row(THIN, wall=80.0)), "cheapest that fits: today, 90 s"),
        ((row(tried=went_well()), row(THIN, tried=went_well(70.0))), "cheapest that fits: lto thin, 70 s, 4.77 MiB where"),  # noqa: E501
        ((row(tried=killed()), row(THIN, fit=Fit.TOO_SLOW)), "none of these profiles fits in 2.00 GiB and 2 CPUs; those that were not built are judged by forecast"),  # noqa: E501
        ((row(tried=killed()),), "none of these profiles fits in 2.00 GiB and 2 CPUs"),
    ],
)  # fmt: skip
def test_the_advice(rows: tuple[FitRow, ...], expected: str) -> None:
    assert advice(a_fit(*rows, bounds=SMALL)).startswith(expected)


def test_names_are_text_and_nothing_else() -> None:
    odd = "[bold]a[/oops] \x1b[2J"
    failed = replace(killed(), unit=odd)
    report = replace(a_fit(row(tried=failed), row(FAT)), project=replace(PROJECT, name=odd), notes=(odd,), command=odd)
    text = printed(report, 200)
    assert text.count("[bold]a[/oops] \\x1b[2J") == 4
    assert "\x1b" not in text
    assert report.rows[0].profile == TODAY
