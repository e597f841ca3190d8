"""Reports, compared with golden files: ``pytest --write-golden`` writes them anew, and eyes must judge the change."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.fakes.values import FAT, FAT1, PROJECT, TODAY, a_full_study, failed, study, trial
from trimtab.choice.answer import answer
from trimtab.commands.explore.json import study_json
from trimtab.commands.explore.terminal import study_renderables
from trimtab.model.plan import Goal
from trimtab.model.profile import Profile
from trimtab.model.study import Study

if TYPE_CHECKING:
    from rich.console import RenderableType

Golden = Callable[[str, str], None]


def printed(renderables: Iterable[RenderableType], width: int) -> str:
    from rich.console import Console

    text = io.StringIO()
    console = Console(file=text, width=width, color_system=None, highlight=False)
    for renderable in renderables:
        console.print(renderable)
    return "".join(f"{line.rstrip()}\n" for line in text.getvalue().splitlines())


def terminal(found: Study, width: int) -> str:
    return printed(study_renderables(found, answer(found), width), width)


class TestTerminal:
    @pytest.mark.parametrize("width", [80, 120, 160])
    def test_a_study_with_everything(self, golden: Golden, width: int) -> None:
        text = terminal(a_full_study(), width)
        assert max(map(len, text.splitlines())) <= width
        golden(f"study-{width}.txt", text)

    def test_a_study_that_keeps_today(self, golden: Golden) -> None:
        found = study(trial(TODAY, touch=10.0), trial(FAT, stripped=799_000, cpu=90.0, touch=42.0), goal=Goal.SPEED)
        golden("study-keeps-today.txt", terminal(found, 120))

    def test_a_study_in_which_nothing_was_built(self, golden: Golden) -> None:
        golden("study-nothing-built.txt", terminal(study(failed(TODAY), failed(FAT)), 120))

    def test_a_study_without_a_trial(self, golden: Golden) -> None:
        golden("study-empty.txt", terminal(study(planned=4), 120))

    def test_names_are_not_markup(self) -> None:
        project = replace(PROJECT, name="[bold]odd[/bold]", notes=("[red]note[/red]",))
        odd = Profile(rustflags=("--cfg=[x]",))
        found = study(trial(TODAY), failed(odd, message="[/oops] expected `]`"), project=project)
        text = terminal(found, 120)
        for verbatim in ("[bold]odd[/bold]", "[red]note[/red]", "rustflags '--cfg=[x]'", "[/oops] expected `]`"):
            assert verbatim in text

    def test_today_comes_first_and_changes_carry_their_sign(self) -> None:
        found = study(trial(TODAY, stripped=1000), trial(FAT, stripped=1100), trial(FAT1, stripped=900))
        lines = [line for line in terminal(found, 120).splitlines() if "lto" in line or "today " in line]
        assert "1000 B" in next(line for line in lines if "* today" in line or "  today" in line)
        assert any("codegen-units 1" in line and "-10.0 %" in line for line in lines)
        assert any("codegen-units" not in line and "+10.0 %" in line for line in lines)


def test_the_studys_document(golden: Golden) -> None:
    found = a_full_study()
    golden("study.json", study_json(found, answer(found)) + "\n")
