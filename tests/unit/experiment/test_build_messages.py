"""Messages about a build that runs, for commands without a bar."""

from __future__ import annotations

from tests.fakes.parts import FakeClock
from trimtab.experiment.build_messages import BuildMessages
from trimtab.model.build_progress import BuildProgress, FinishedUnit


def test_come_at_most_every_30_seconds_and_not_for_short_builds() -> None:
    clock, messages = FakeClock(), list[str]()
    show = BuildMessages("lto fat", messages.append, clock)
    for second in range(100):
        clock.now = float(second)
        done = tuple(FinishedUnit(name=f"crate-{number} 1.0.0", wall=1.0) for number in range(second))
        show(BuildProgress(elapsed=clock.now, total=200, finished=done))
    assert messages == [
        "lto fat: building, 30 of 200 units, 30 s so far",
        "lto fat: building, 60 of 200 units, 60 s so far",
        "lto fat: building, 90 of 200 units, 90 s so far",
    ]
