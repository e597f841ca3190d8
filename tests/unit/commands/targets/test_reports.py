"""What `trimtab targets` prints."""

from __future__ import annotations

import io
import json
from collections.abc import Callable

import pytest

from tests.fakes.targets import HOST, a_full_report, attempt, not_tried, report, result
from tests.unit.test_schemas import validator
from trimtab.commands.targets.json import targets_json
from trimtab.commands.targets.markdown import targets_markdown
from trimtab.commands.targets.model import TargetsReport
from trimtab.commands.targets.terminal import targets_renderables

Golden = Callable[[str, str], None]


def printed(found: TargetsReport, width: int) -> str:
    from rich.console import Console

    console = Console(file=io.StringIO(), width=width, no_color=True, highlight=False)
    for renderable in targets_renderables(found, width):
        console.print(renderable, markup=False)
    assert isinstance(console.file, io.StringIO)
    return "".join(f"{line.rstrip()}\n" for line in console.file.getvalue().splitlines())


@pytest.mark.parametrize("width", [80, 120, 160])
def test_the_table(golden: Golden, width: int) -> None:
    golden(f"targets-{width}.txt", printed(a_full_report(), width))


def test_today_alone(golden: Golden) -> None:
    golden("targets-today.txt", printed(report(result(HOST, attempt()), not_tried(), candidate=None), 120))


def test_markdown(golden: Golden) -> None:
    golden("targets.md", targets_markdown(a_full_report()))


def test_json(golden: Golden) -> None:
    text = targets_json(a_full_report())
    validator("targets").validate(json.loads(text))
    golden("targets.json", text + "\n")


def test_what_is_empty_keeps_the_schema() -> None:
    validator("targets").validate(json.loads(targets_json(report(candidate=None))))
