"""What `trimtab forecast` prints, as text, page, picture and document."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest

from tests.fakes.foretold import a_forecast, foretold
from tests.fakes.traces import a_full_trace, library, program, trace
from tests.fakes.values import PROJECT, TODAY
from tests.unit.test_schemas import validator
from trimtab.commands.forecast.html import forecast_html, profile_svg
from trimtab.commands.forecast.json import forecast_json
from trimtab.commands.forecast.model import ForecastReport
from trimtab.commands.forecast.terminal import forecast_renderables
from trimtab.commands.forecast.wording import critical_path_text, drawn_forecast
from trimtab.model.profile import Profile
from trimtab.model.trace import Trace

Golden = Callable[[str, str], None]
SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = "<script>alert(1)</script> & \"x\" 'y' ]]> [bold]z[/oops] \x1b[2J\nline"
UNSEEN = a_forecast(foretold(trace=Trace(units=(), jobs=2)))


def printed(found: ForecastReport, width: int = 120) -> str:
    from rich.console import Console

    console = Console(file=io.StringIO(), width=width, no_color=True, highlight=False)
    for renderable in forecast_renderables(found):
        console.print(renderable, markup=False)
    assert isinstance(console.file, io.StringIO)
    return "".join(f"{line.rstrip()}\n" for line in console.file.getvalue().splitlines())


def hostile() -> ForecastReport:
    """Whatever may be named by others has a name that wants to be more than that."""
    unit = replace(library("a"), package=HOSTILE, crate=HOSTILE)
    made = replace(foretold(Profile(rustflags=(HOSTILE,)), trace(unit, program("app", "a"))), label=HOSTILE)
    return replace(a_forecast(made), project=replace(PROJECT, name=HOSTILE), notes=(HOSTILE,), command=HOSTILE)


class Page(HTMLParser):
    """Reads a page and fails where its elements do not close each other."""

    EMPTY = ("meta", "br", "hr", "img", "link")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.said: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, _: object) -> None:
        self.seen.append(tag)
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, _: object) -> None:
        self.seen.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.said.append(data)


@pytest.mark.parametrize("width", [80, 120])
def test_the_table(golden: Golden, width: int) -> None:
    text = printed(a_forecast(), width)
    assert max(map(len, text.splitlines())) <= width
    golden(f"forecast-{width}.txt", text)


def test_json(golden: Golden) -> None:
    text = forecast_json(a_forecast())
    validator("forecast").validate(json.loads(text))
    golden("forecast.json", text + "\n")


def test_the_page(golden: Golden) -> None:
    golden("forecast.html", forecast_html(a_forecast()))


def test_the_picture(golden: Golden) -> None:
    report = a_forecast()
    golden("forecast.svg", profile_svg(report, report.profiles[0]))


@pytest.mark.parametrize("found", [a_forecast(), hostile(), UNSEEN], ids=["full", "hostile", "unseen"])
class TestWellFormed:
    def test_the_picture(self, found: ForecastReport) -> None:
        root = ElementTree.fromstring(profile_svg(found, found.profiles[0]))
        assert root.tag == f"{SVG}svg"
        bars = [element for element in root.iter() if element.tag == f"{SVG}g"]
        assert len(bars) == len(found.profiles[0].trace.units)
        width, height = float(root.attrib["width"]), float(root.attrib["height"])
        for element in root.iter(f"{SVG}rect"):
            assert 0 <= float(element.get("x", 0)) <= width
            assert float(element.get("x", 0)) + float(element.attrib["width"]) <= width + 1
            assert float(element.get("y", 0)) + float(element.attrib["height"]) <= height
        assert {element.tag.removeprefix(SVG) for element in root.iter()} <= {
            "svg",
            "rect",
            "text",
            "g",
            "title",
            "line",
        }

    def test_the_page(self, found: ForecastReport) -> None:
        text = forecast_html(found)
        page = Page(text)
        assert text.startswith("<!doctype html>\n")
        assert page.seen.count("svg") == len(found.profiles)
        assert page.seen.count("tr") == 1 + sum(len(profile.forecasts) for profile in found.profiles)
        assert "script" not in page.seen
        assert "\x1b" not in text

    def test_the_document(self, found: ForecastReport) -> None:
        validator("forecast").validate(json.loads(forecast_json(found)))

    def test_the_text(self, found: ForecastReport) -> None:
        assert found.profiles[0].label.partition("\x1b")[0][:20] in printed(found, 400)


def test_names_are_text_and_nothing_else() -> None:
    report = hostile()
    page = Page(forecast_html(report))
    assert any("<script>alert(1)</script> & \"x\" 'y' ]]> [bold]z[/oops] \\x1b[2J\\nline" in one for one in page.said)
    assert "[bold]z[/oops]" in printed(report, 400)
    assert "\x1b" not in printed(report, 400)


class TestUnseen:
    def test_says_so(self) -> None:
        assert (
            critical_path_text(UNSEEN.profiles[0])
            == "today: no call of rustc was traced in its build, so there is no forecast"
        )
        for text in (printed(UNSEEN, 200), forecast_html(UNSEEN)):
            assert "no call of rustc was traced" in text


class TestHeldUp:
    def test_names_the_longest_of_the_chain_in_order(self) -> None:
        found = foretold(trace=trace(library("a", cpu=3.0), library("b", "a", cpu=3.0), program("app", "b")))
        assert critical_path_text(found) == (
            "today, 2 cores: held up by a 1.0.0 3 s (to metadata 1 s, code 2 s), b 1.0.0 3 s (to metadata 1 s, code 2 s),"  # noqa: E501
            " app 1.0.0 (program) 2 s"
        )

    def test_of_a_long_chain_only_the_longest(self) -> None:
        units = [library(f"u{at}", *([f"u{at - 1}"] if at else []), cpu=10.0 + at) for at in range(20)]
        said = critical_path_text(foretold(trace=trace(*units, jobs=1), cores=(1,)))
        assert said.startswith("today, 1 core: held up by u14 1.0.0")
        assert said.count("1.0.0") == 6

    @pytest.mark.parametrize(("cores", "expected"), [((1, 4), 1), ((4, 3, 64), 3), ((2,), 2)])
    def test_on_about_as_many_cores_as_were_traced(self, cores: tuple[int, ...], expected: int) -> None:
        assert drawn_forecast(foretold(cores=cores)).cores == expected


def test_the_steps_of_a_unit_add_up_to_its_time() -> None:
    """Code that one thread makes and code that several do are the same step."""
    document = json.loads(forecast_json(a_forecast()))
    for profile in document["profiles"]:
        for one in profile["forecasts"]:
            for slot in one["critical"]:
                assert sum(slot["steps"].values()) == pytest.approx(slot["ended"] - slot["begun"])
    final = document["profiles"][0]["forecasts"][0]["critical"][-1]
    assert set(final["steps"]) == {"code", "link-time optimization", "link"}
    assert document["profiles"][0]["profile"] == TODAY.spelled()
    assert len(document["profiles"][0]["units"]) == len(a_full_trace().units)
