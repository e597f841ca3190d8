"""Reports, compared with golden files: ``pytest --write-golden`` writes them anew, and eyes must judge the change."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.fakes.values import FAT, FAT1, PROJECT, TODAY, a_full_study, failed, study, trial
from trimtab.choice.answer import answer
from trimtab.choice.recommend import gains_and_costs
from trimtab.commands.apply.comment import manifest_comment
from trimtab.commands.doctor.json import doctor_json
from trimtab.commands.doctor.model import Check, Health
from trimtab.commands.doctor.terminal import doctor_table
from trimtab.commands.explore.json import study_json
from trimtab.commands.explore.terminal import study_renderables
from trimtab.commands.history.json import history_json
from trimtab.commands.history.terminal import history_table
from trimtab.commands.init.config_file import config_file
from trimtab.model.plan import Goal
from trimtab.model.profile import Profile
from trimtab.model.study import Study, Summary

if TYPE_CHECKING:
    from rich.console import RenderableType

Golden = Callable[[str, str], None]

STUDIES = [
    Summary(
        id="sounding-1a2b3c",
        created="2026-05-01T10:00:00+00:00",
        project="sounding-cli",
        root="/src/sounding",
        planned=8,
        trials=6,
        failed=1,
    ),
    Summary(
        id="rg-9f8e7d",
        created="2026-04-30T22:15:09+00:00",
        project="ripgrep",
        root="crate:ripgrep@14.1.1",
        planned=6,
        trials=6,
        failed=0,
    ),
]
CHECKS = [
    Check(name="cargo", health=Health.OK, found="cargo 1.95.0 (f2d3ce0bd 2026-03-21)"),
    Check(name="cc", health=Health.MISSING, found="not on PATH", cost="Rust cannot link", remedy="apt-get install gcc"),
    Check(name="valgrind", health=Health.NOTE, found="not on PATH", cost="no instruction counts",
          remedy="sudo apt-get install valgrind"),
    Check(name="compiler wrapper", health=Health.NOTE, found="[sccache]",
          cost="a cache would fake build times: trials turn it off"),
]  # fmt: skip


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


def test_history(golden: Golden) -> None:
    golden("history.txt", printed([history_table(STUDIES)], 80))
    golden("history.json", history_json(STUDIES) + "\n")


def test_doctor(golden: Golden) -> None:
    golden("doctor.txt", printed([doctor_table(CHECKS)], 120))
    golden("doctor.json", doctor_json(CHECKS) + "\n")


@pytest.mark.parametrize(
    ("name", "binaries", "today"),
    [("one", ("sounding",), TODAY), ("several", ("sounding", "sounding-index"), Profile(rustflags=("-g",)))],
)
def test_the_settings_that_init_writes(golden: Golden, name: str, binaries: tuple[str, ...], today: Profile) -> None:
    golden(f"trimtab-{name}.toml", config_file(binaries, today))


def test_the_comment_that_apply_writes(golden: Golden) -> None:
    found = replace(a_full_study(), project=replace(PROJECT, profile_name="dist"))
    chosen = found.trials[3]
    lines = manifest_comment(found, gains_and_costs(found, chosen), "2026-05-02")
    golden("comment.txt", "".join(f"# {line}\n" for line in lines))
