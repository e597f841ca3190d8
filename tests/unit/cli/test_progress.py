"""What is said while an exploration runs."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from tests.fakes.values import FAT, TODAY, failed, study, trial
from trimtab.cli.progress import BarProgress, LineProgress, outcome
from trimtab.model.profile import Profile


def played(progress: LineProgress) -> None:
    """An exploration of three profiles."""
    odd = Profile(rustflags=("--cfg=[x]",))
    progress.begin(study(planned=3), 3)
    progress.step(TODAY, "building")
    progress.done(trial(TODAY, file=1000, seconds=60.0), known=True, left=2)
    progress.step(FAT, "running check")
    progress.done(trial(FAT, file=900, seconds=90.0), known=False, left=1)
    progress.done(failed(odd), known=False, left=0)


def console() -> tuple[Console, io.StringIO]:
    text = io.StringIO()
    return Console(file=text, width=120, color_system=None, force_terminal=False), text


def test_a_line_per_step_for_logs() -> None:
    out, text = console()
    played(LineProgress(out))
    assert text.getvalue().splitlines() == [
        "sounding-1a2b3c: 3 profiles",
        "  today: building",
        "  today: 1000 B, known already; 2 left",
        "  lto fat: running check",
        "  lto fat: 900 B, took 90 s; 1 left, about 90 s",
        "  rustflags '--cfg=[x]': compiler: error[E0308]: mismatched types",
    ]


def test_a_bar_keeps_a_line_per_trial() -> None:
    out, text = console()
    with BarProgress(out) as bar:
        played(bar)
        assert [task.completed for task in bar._bar.tasks] == [3]
        assert [task.total for task in bar._bar.tasks] == [3]
        assert "; 1 left, about 90 s" in bar._bar.tasks[0].description or bar._left == ""
    said = text.getvalue()
    assert "  lto fat: 900 B, took 90 s\n" in said
    assert "building" not in said


@pytest.mark.parametrize(("known", "text"), [(True, "1000 B, known already"), (False, "1000 B, took 60 s")])
def test_outcomes(text: str, *, known: bool) -> None:
    assert outcome(trial(TODAY, file=1000), known=known) == text


def test_a_failure_that_is_known_says_so() -> None:
    assert outcome(failed(FAT), known=True).endswith("mismatched types (known already)")
