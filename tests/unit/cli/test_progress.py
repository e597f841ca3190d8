"""Progress of an exploration: a bar on a terminal, lines in logs."""

from __future__ import annotations

import io
import time
from dataclasses import replace

import pytest
from rich.console import Console

from tests.fakes.parts import FakeClock
from tests.fakes.values import FAT, THIN, TODAY, failed, study, trial
from trimtab.cli import progress as module
from trimtab.cli.progress import BarProgress, LineProgress, outcome
from trimtab.model.build_progress import BuildProgress, FinishedUnit, RunningUnit, Stage
from trimtab.model.profile import Profile

APP = RunningUnit(name="app 1.0.0 (program)", begun=60.0, is_program=True, stage_begun=60.0)


def played(progress: LineProgress) -> None:
    """An exploration of three profiles."""
    odd = Profile(rustflags=("--cfg=[x]",))
    progress.begin(study(planned=3), 3)
    progress.step(TODAY, "building")
    progress.done(trial(TODAY, file=1000, seconds=60.0), known=True, left=2)
    progress.step(FAT, "running check")
    progress.done(trial(FAT, file=900, seconds=90.0), known=False, left=1)
    progress.done(failed(odd), known=False, left=0)


def console(width: int = 160) -> tuple[Console, io.StringIO]:
    text = io.StringIO()
    return Console(file=text, width=width, color_system=None, force_terminal=False), text


def units(count: int) -> tuple[FinishedUnit, ...]:
    return tuple(FinishedUnit(name=f"crate-{number} 1.0.0", wall=1.0) for number in range(count))


def compiling(*names: str) -> tuple[RunningUnit, ...]:
    return tuple(RunningUnit(name=name, begun=0.0) for name in names)


class TestLines:
    def test_each_step_is_one(self) -> None:
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

    def test_a_short_build_has_no_others(self) -> None:
        out, text = console()
        clock = FakeClock()
        progress = LineProgress(out, clock)
        progress.begin(study(), 1)
        progress.step(TODAY, "building")
        for _ in range(29):
            clock.now += 1.0
            progress.building(TODAY, BuildProgress(elapsed=clock.now, total=50, finished=units(20)))
            progress.tick()
        assert len(text.getvalue().splitlines()) == 2

    def test_a_long_build_has_one_every_30_seconds(self) -> None:
        out, text = console()
        clock = FakeClock()
        progress = LineProgress(out, clock)
        progress.begin(study(), 1)
        progress.step(TODAY, "building")
        progress.building(TODAY, BuildProgress(total=50, running=compiling("syn 2.0.0", "libc 0.2.0"), remaining=85.0))
        for _ in range(95):
            clock.now += 1.0
            progress.tick()
        assert text.getvalue().splitlines()[2:] == [
            "  today: building, 0 of 50 units, 30 s so far, about 55 s left; compiling syn 2.0.0, libc 0.2.0",
            "  today: building, 0 of 50 units, 60 s so far, about 25 s left; compiling syn 2.0.0, libc 0.2.0",
            "  today: building, 0 of 50 units, 90 s so far; compiling syn 2.0.0, libc 0.2.0",
        ]

    def test_two_builds_at_once_have_one_each(self) -> None:
        out, text = console()
        clock = FakeClock()
        progress = LineProgress(out, clock)
        progress.begin(study(), 2)
        for profile in (FAT, THIN):
            progress.step(profile, "building")
        clock.now = 31.0
        progress.building(FAT, BuildProgress(elapsed=31.0, total=50, finished=units(30)))
        progress.tick()
        assert text.getvalue().splitlines()[3:] == [
            "  lto fat: building, 30 of 50 units, 31 s so far",
            "  lto thin: building, 31 s so far",
        ]

    def test_any_long_step_has_them(self) -> None:
        out, text = console()
        clock = FakeClock()
        progress = LineProgress(out, clock)
        progress.step(TODAY, "measuring size: strip, gzip, xz of 103 MiB", expected=50.0)
        clock.now = 40.0
        progress.tick()
        assert text.getvalue().splitlines()[1:] == [
            "  : measuring size: strip, gzip, xz of 103 MiB, 40 s so far, about 10 s left"
        ]

    def test_come_by_themselves_until_the_end(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(module, "_TICK", 0.001)
        monkeypatch.setattr(module, "BETWEEN_LINES", 0.002)
        out, text = console()
        with LineProgress(out) as progress:
            progress.step(TODAY, "building")
            deadline = time.monotonic() + 20
            while len(text.getvalue().splitlines()) < 3 and time.monotonic() < deadline:
                time.sleep(0.001)
        assert text.getvalue().splitlines()[1].startswith("  : building, 1 s so far")


class TestStates:
    @pytest.mark.parametrize(
        ("state", "line"),
        [
            (BuildProgress(elapsed=70.0), "building, 80 s so far"),
            (BuildProgress(elapsed=70.0, remaining=500.0), "building, 80 s so far, about 8m 10s left"),
            (BuildProgress(elapsed=70.0, total=9, finished=units(7)), "building, 7 of 9 units, 80 s so far"),
            (
                BuildProgress(elapsed=70.0, total=9, running=compiling("a", "b", "c", "d", "e")),
                "building, 0 of 9 units, 80 s so far; compiling a, b, c and 2 more",
            ),
            (
                BuildProgress(elapsed=70.0, total=9, finished=units(8), running=(APP,)),
                "building, 8 of 9 units, 80 s so far; compiling app 1.0.0 (program) for 20 s",
            ),
            (
                BuildProgress(
                    elapsed=70.0, total=9, finished=units(8), running=(replace(APP, stage=Stage.LTO, stage_begun=65.0),)
                ),
                "building, 8 of 9 units, 80 s so far; final link-time optimization of app 1.0.0 (program) for 15 s",
            ),
            (
                BuildProgress(elapsed=70.0, total=9, running=(replace(APP, stage=Stage.LINKING, stage_begun=70.0),)),
                "building, 0 of 9 units, 80 s so far; linking app 1.0.0 (program) for 10 s",
            ),
            (
                BuildProgress(elapsed=70.0, rebuilds="src/main.rs"),
                "rebuilding after an edit of src/main.rs, 80 s so far",
            ),
            (
                BuildProgress(elapsed=70.0, total=9, running=compiling("\x1b[2Jevil\u202e")),
                "building, 0 of 9 units, 80 s so far; compiling \\x1b[2Jevil\\u202e",
            ),
        ],
    )
    def test_of_a_build_ten_seconds_later(self, state: BuildProgress, line: str) -> None:
        out, text = console()
        clock = FakeClock(70.0)
        progress = LineProgress(out, clock)
        progress.building(TODAY, state)
        clock.now, progress._last_line = 80.0, 0.0
        progress.tick()
        assert text.getvalue() == f"  : {line}\n"


class TestBar:
    def test_keeps_a_line_per_trial(self) -> None:
        out, text = console()
        with BarProgress(out) as bar:
            played(bar)
            assert [task.completed for task in bar._bar.tasks] == [3]
            assert [task.total for task in bar._bar.tasks] == [3]
        lines = text.getvalue()
        assert "  lto fat: 900 B, took 90 s\n" in lines
        assert "building" not in lines

    def test_has_the_state_of_each_build_below_it_cut_to_the_width(self) -> None:
        out, text = console(width=80)
        clock = FakeClock()
        bar = BarProgress(out, clock)
        bar.begin(study(), 5)
        bar.done(trial(TODAY, file=1000, seconds=60.0), known=False, left=4)
        for profile in (FAT, THIN):
            bar.step(profile, "building")
        bar.building(
            FAT, BuildProgress(total=9, finished=units(3), running=compiling("serde_derive 1.0.0", "syn 2.0.0"))
        )
        clock.now = 5.0
        text.truncate(0)
        text.seek(0)
        out.print(bar._bar.get_renderable())
        lines = text.getvalue().splitlines()
        assert "1/5" in lines[0]
        assert "4 left, about 4m 00s" in lines[0]
        assert lines[1:] == [
            "  lto fat: building, 3 of 9 units, 5 s so far; compiling serde_derive 1.0.0, sy…",
            "  lto thin: building, 5 s so far",
        ]

    def test_prints_no_lines_for_states(self) -> None:
        out, text = console()
        clock = FakeClock()
        bar = BarProgress(out, clock)
        bar.step(TODAY, "building")
        clock.now = 100.0
        bar.tick()
        assert text.getvalue() == ""


@pytest.mark.parametrize(("known", "text"), [(True, "1000 B, known already"), (False, "1000 B, took 60 s")])
def test_outcomes(text: str, *, known: bool) -> None:
    assert outcome(trial(TODAY, file=1000), known=known) == text


def test_a_failure_that_is_known_says_so() -> None:
    assert outcome(failed(FAT), known=True).endswith("mismatched types (known already)")
