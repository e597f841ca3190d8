"""Runtime: pairs in random order, the null control, and what is not run at all."""

from __future__ import annotations

import hashlib
import itertools
import random
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from tests.fakes.runner import FakeRunner, callgrind, finished
from trimtab.builders.work_folder import ArtifactStore
from trimtab.errors import InputError, MissingError
from trimtab.measure import trial_pairs as bench_pairs
from trimtab.measure.runtime import Binaries, InstructionProbe, RunContext, RunProbe, command_line
from trimtab.model.metric import Absent, Level, Measurement, PairedRuns
from trimtab.model.plan import STARTUP_BENCH, Bench
from trimtab.model.trial import Artifact
from trimtab.system.process import Command, Finished

CHECK = Bench(name="check", command=("{bin}", "check", "corpus"))
FIXED = "today", "faster"
LEVEL = Level(error=0.001, smallest=0.01)


@pytest.fixture
def binaries(tmp_path: Path) -> tuple[Artifact, ...]:
    """Today's binary and a faster one."""
    kept = []
    for name in FIXED:
        path = tmp_path / name / "app"
        path.parent.mkdir()
        path.write_text(name)
        kept.append(Artifact(name="app", size=5, sha256=hashlib.sha256(name.encode()).hexdigest(), path=str(path)))
    return tuple(kept)


def program(times: Callable[[bool], float]) -> Callable[[Command], Finished]:
    """A run whose seconds depend on whether it is today's binary or a copy of it; no two readings are the same."""
    readings = random.Random(1)

    def run(command: Command) -> Finished:
        wall = times(Path(command.argv[0]).read_text() == "today") * (1 + 1e-3 * readings.random())
        return finished(wall=wall, cpu=wall / 2)

    return run


def steady(today: bool) -> float:
    return 0.1 if today else 0.08


def around(runner: FakeRunner) -> RunContext:
    return RunContext(runner=runner, cwd=Path("/work"), environment={"A": "b"}, timeout=60)


class Clock:
    """A clock that goes on by what each run takes."""

    def __init__(self, runner: FakeRunner) -> None:
        self.now = 0.0
        self._run, runner.run = runner.run, self._timed  # type: ignore[method-assign]

    def _timed(self, command: Command) -> Finished:
        done = self._run(command)
        self.now += done.wall
        return done

    def __call__(self) -> float:
        return self.now


def run(
    runner: FakeRunner,
    head: Artifact,
    base: Artifact | None,
    *benches: Bench,
    seconds: float = 4.0,
) -> dict[str, Measurement | Absent]:
    probe = RunProbe(around(runner), benches or (CHECK,), seconds, clock=Clock(runner))
    return {one.name: one for one in probe.measure((head,), (base,) if base else ())}


def timed(runner: FakeRunner) -> str:
    """Which binary each timed run (they are not captured) was of: T today's, F the other."""
    return "".join("T" if "today" in command.argv[0] else "F" for command in runner.commands if not command.capture)


def pairs_of(found: Mapping[str, Measurement | Absent], name: str = "run.check.wall.ratio") -> PairedRuns:
    ratio = found[name]
    assert isinstance(ratio, Measurement)
    assert ratio.pairs
    return ratio.pairs


def test_medians_and_the_paired_ratio(binaries: tuple[Artifact, ...]) -> None:
    today, faster = binaries
    found = run(FakeRunner().on("*", program(steady)), faster, today)
    wall, ratio = found["run.check.wall"], found["run.check.wall.ratio"]
    assert isinstance(wall, Measurement)
    assert isinstance(ratio, Measurement)
    assert wall.unit == "s"
    assert wall.value == pytest.approx(0.08, rel=1e-2)
    assert [ratio.value, ratio.low, ratio.high] == pytest.approx([0.8, 0.8, 0.8], rel=5e-3)
    assert ratio.unit == "ratio"
    assert "pairs of random order with today's binary" in ratio.method
    assert all(pair == pytest.approx((0.1, 0.08), rel=1e-2) for pair in pairs_of(found).values)
    assert {name for name in found if isinstance(found[name], Measurement)} == {
        "run.check.wall", "run.check.wall.ratio", "run.check.cpu", "run.check.cpu.ratio",
    }  # fmt: skip
    assert isinstance(found["run.check.memory"], Absent), "this machine tells no memory"


def test_both_runs_of_a_pair_come_after_the_same_program(binaries: tuple[Artifact, ...]) -> None:
    """As in bench, whoever comes first in a block is run once more where it would not come right before."""
    today, faster = binaries
    runner = FakeRunner().on("*", program(steady))
    pairs = len(pairs_of(run(runner, faster, today)).values)
    order = timed(runner)
    assert 2 * pairs < len(order) <= 4 * pairs
    assert {"TT", "FF", "TF", "FT"} == {order[at : at + 2] for at in range(len(order) - 1)}


def test_a_program_that_slows_whatever_runs_next_is_unclear(binaries: tuple[Artifact, ...]) -> None:
    today, faster = binaries
    previous, readings = [""], random.Random(1)

    def disturbed(command: Command) -> Finished:
        wall = 0.1 * (1.1 if previous[0] == faster.path else 1.0) * (1 + 1e-3 * readings.random())
        previous[0] = command.argv[0]
        return finished(wall=wall, cpu=wall)

    found = run(FakeRunner().on("*", disturbed), faster, today, seconds=20.0)
    ratio = found["run.check.wall.ratio"]
    assert isinstance(ratio, Measurement)
    assert ratio.value == pytest.approx(1.0, rel=1e-3)
    assert ratio.doubt.startswith("this profile's leaves work behind: what runs right after it takes +10")
    assert not bench_pairs.ratio_of(ratio.name, replace(pairs_of(found), carry_over=()), LEVEL, "").doubt


@pytest.mark.parametrize(("seconds", "pairs"), [(0.01, 20), (10.0, 500)])
def test_a_round_takes_its_time_but_no_more_pairs_than_tell(
    binaries: tuple[Artifact, ...], seconds: float, pairs: int
) -> None:
    today, faster = binaries
    found = run(FakeRunner().on("*", finished(wall=0.001, cpu=0.001)), faster, today, seconds=seconds)
    assert len(pairs_of(found).values) == pairs


def test_a_round_goes_on_for_its_time_whatever_the_pairs_say(binaries: tuple[Artifact, ...]) -> None:
    today, faster = binaries
    kept = pairs_of(run(FakeRunner().on("*", program(steady)), faster, today, seconds=10.0))
    assert 10.0 <= kept.seconds < 10.6
    assert len(kept.values) > 40, "a verdict takes 16"


def test_processes_that_are_left_running_are_counted(binaries: tuple[Artifact, ...]) -> None:
    today, faster = binaries
    runner = (
        FakeRunner().on(f"{faster.path} *", replace(finished(wall=0.1), left_running=1)).on("*", finished(wall=0.1))
    )
    kept = pairs_of(run(runner, faster, today))
    assert kept.left_running >= len(kept.values)


def test_drift_hits_both_alike(binaries: tuple[Artifact, ...]) -> None:
    """A machine that becomes ten times slower meanwhile changes no ratio by more than one step of the drift."""
    today, faster = binaries
    slower = itertools.count(start=100, step=5)

    def drifting(is_today: bool) -> float:
        return next(slower) / 100 * steady(is_today)

    ratio = run(FakeRunner().on("*", program(drifting)), faster, today)["run.check.wall.ratio"]
    assert isinstance(ratio, Measurement)
    assert ratio.value == pytest.approx(0.8, rel=0.05)


def test_today_runs_against_a_byte_copy_of_itself(binaries: tuple[Artifact, ...]) -> None:
    today, _ = binaries
    runner = FakeRunner().on("*", program(steady))
    found = run(runner, today, None)["run.check.wall.ratio"]
    assert isinstance(found, Measurement)
    assert [found.value, found.low, found.high] == pytest.approx([1.0, 1.0, 1.0], rel=5e-3)
    assert "null control" in found.method
    paths = {command.argv[0] for command in runner.commands}
    assert len(paths) == 2
    assert today.path in paths
    assert not (paths - {today.path}).pop().startswith(str(Path(today.path).parent))


def test_identical_bytes_are_not_run(tmp_path: Path) -> None:
    """Kept by content, the same bytes of another profile are the very same file: still this is no null control."""
    made = tmp_path / "target" / "app"
    made.parent.mkdir()
    made.write_text("today")
    store = ArtifactStore(tmp_path / "kept")
    today, same = store.keep("app", made), store.keep("app", made)
    runner = FakeRunner()
    found = run(runner, same, today)
    ratio, wall = found["run.check.wall.ratio"], found["run.check.wall"]
    assert isinstance(ratio, Measurement)
    assert (ratio.value, ratio.low, ratio.high, ratio.samples) == (1.0, 1.0, 1.0, 0)
    assert isinstance(wall, Absent)
    assert "identical" in wall.reason
    assert runner.commands == []


def test_a_bench_that_fails_with_todays_binary_is_the_users_to_correct(binaries: tuple[Artifact, ...]) -> None:
    today, faster = binaries
    runner = FakeRunner().on("*", finished(exit_code=2, stderr="corpus:\n  No such file\n"))
    with pytest.raises(InputError) as caught:
        run(runner, faster, today)
    assert caught.value.what == "the bench 'check' fails with today's binary: exit code 2: corpus: No such file"
    assert caught.value.where == "{bin} check corpus"
    assert len(runner.commands) == 1


@pytest.mark.parametrize(
    ("ending", "reason"),
    [
        (finished(exit_code=101, stderr="thread 'main' panicked"), "exit code 101: thread 'main' panicked"),
        (finished(exit_code=-11), "signal 11"),
        (finished(exit_code=-9, timed_out=True, wall=60.2), "no end after 60 s"),
    ],
)
def test_a_bench_that_fails_only_with_the_trial_is_a_result(
    binaries: tuple[Artifact, ...], ending: Finished, reason: str
) -> None:
    today, faster = binaries
    runner = FakeRunner().on(f"{faster.path} *", ending).on("*", program(steady))
    found = run(runner, faster, today)
    assert found == {"run.check.wall": Absent(name="run.check.wall", reason=reason)}
    assert timed(runner) == ""


def test_a_failure_in_the_middle_ends_the_bench(binaries: tuple[Artifact, ...]) -> None:
    """In which block it comes depends on how often the program had to be run once more before."""
    today, faster = binaries
    runner = FakeRunner().on(f"{faster.path} *", *[finished(wall=0.1)] * 4, finished(exit_code=1)).on("*", finished())
    (absent,) = run(runner, faster, today).values()
    assert isinstance(absent, Absent)
    assert absent.name == "run.check.wall"
    assert re.fullmatch(r"this profile's fails in block [234]: exit code 1", absent.reason)


def test_a_clock_too_coarse_for_cpu_time_leaves_that_ratio_absent(binaries: tuple[Artifact, ...]) -> None:
    today, faster = binaries
    found = run(FakeRunner().on("*", finished(wall=0.001, cpu=0.0)), faster, today)
    assert isinstance(found["run.check.wall.ratio"], Measurement)
    assert found["run.check.cpu.ratio"] == Absent(
        name="run.check.cpu.ratio", reason="some runs are too short for the clock"
    )


def test_runs_happen_in_the_project_with_a_limit(binaries: tuple[Artifact, ...]) -> None:
    today, faster = binaries
    runner = FakeRunner().on("*", program(steady))
    run(runner, faster, today)
    assert {(command.cwd, command.timeout, command.environment["A"]) for command in runner.commands} == {
        (Path("/work"), 60, "b")
    }


class TestStartup:
    def test_help_stands_in_for_version(self, binaries: tuple[Artifact, ...]) -> None:
        today, faster = binaries
        runner = FakeRunner().on("* --version", finished(exit_code=2)).on("* --help", program(steady))
        found = run(runner, faster, today, STARTUP_BENCH)["run.startup.wall"]
        assert isinstance(found, Measurement)
        assert found.method.startswith("{bin} --help;")

    def test_a_program_that_takes_neither_has_no_startup_time(self, binaries: tuple[Artifact, ...]) -> None:
        today, faster = binaries
        found = run(FakeRunner().on("*", finished(exit_code=2)), faster, today, STARTUP_BENCH)
        assert found == {
            "run.startup.wall": Absent(name="run.startup.wall", reason="the program takes neither --version nor --help")
        }


def test_the_binary_takes_the_place_of_its_name_anywhere() -> None:
    bench = Bench(name="x", command=("sh", "-c", "{bin} a | {bin} b", "{binary}"))
    assert command_line(bench, {"{bin}": "/kept/app"}) == ("sh", "-c", "/kept/app a | /kept/app b", "{binary}")


class TestInstructions:
    @pytest.fixture(autouse=True)
    def _valgrind(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")

    def count(self, runner: FakeRunner, head: Artifact, base: Artifact | None) -> list[Measurement | Absent]:
        return list(InstructionProbe(around(runner), (CHECK,)).measure((head,), (base,) if base else ()))

    def test_counted_by_callgrind_at_fixed_addresses(self, binaries: tuple[Artifact, ...]) -> None:
        today, faster = binaries
        runner = FakeRunner().on("*", lambda command: callgrind(command, 1000))
        found = self.count(runner, faster, today)
        assert {(one.name, one.value) for one in found if isinstance(one, Measurement)} == {
            ("run.check.instructions", 1000),
            ("run.check.cycles", 1000 + 10 * 100),
        }
        (line,) = runner.lines
        assert line.startswith("setarch -R valgrind --tool=callgrind")
        assert line.endswith(f"{faster.path} check corpus")

    def test_today_is_counted_too(self, binaries: tuple[Artifact, ...]) -> None:
        found = self.count(FakeRunner().on("*", lambda command: callgrind(command, 5)), binaries[0], None)
        assert all(isinstance(one, Measurement) for one in found)

    def test_identical_bytes_are_not_run(self, binaries: tuple[Artifact, ...]) -> None:
        runner = FakeRunner()
        (found,) = self.count(runner, binaries[0], binaries[0])
        assert isinstance(found, Absent)
        assert "identical" in found.reason
        assert runner.commands == []

    @pytest.mark.parametrize(
        ("answer", "reason"),
        [
            (
                finished(exit_code=1, stderr="valgrind: Unrecognised instruction"),
                "callgrind failed: exit code 1: valgrind:",
            ),
            (MissingError("cannot run 'setarch'"), "cannot run 'setarch'"),
        ],
    )
    def test_what_fails_is_absent_with_its_reason(
        self, binaries: tuple[Artifact, ...], answer: Finished | Exception, reason: str
    ) -> None:
        (found,) = self.count(FakeRunner().on("*", answer), binaries[1], binaries[0])
        assert isinstance(found, Absent)
        assert found.reason.startswith(reason)

    def test_without_valgrind(self, binaries: tuple[Artifact, ...], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(shutil, "which", lambda _: None)
        (found,) = self.count(FakeRunner(), binaries[1], binaries[0])
        assert found == Absent(name="run.check.instructions", reason="valgrind is not installed", needs="valgrind")


def test_a_copy_of_a_program_has_what_lies_beside_it(tmp_path: Path) -> None:
    store = tmp_path / ("0" * 64)
    store.mkdir()
    (store / "app").write_text("app")
    (store / "words.txt").write_text("words")
    artifact = Artifact(name="app", size=3, sha256="01" * 32, path=str(store / "app"))
    with Binaries().words(artifact, copied=True) as words:
        copy = Path(words["{bin}"])
        assert copy != store / "app"
        assert copy.with_name("words.txt").read_text() == "words"
    assert not copy.exists()
