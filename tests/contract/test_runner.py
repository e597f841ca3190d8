"""What every runner keeps to. The real one starts a few short processes to show that the fake tells the truth."""

from __future__ import annotations

import sys

import pytest

from tests.fakes.runner import FakeRunner, finished
from trimtab.errors import MissingError
from trimtab.process import Command, Runner, SystemRunner

SAYS = (sys.executable, "-c", "import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)")
SLEEPS = (sys.executable, "-c", "import time; time.sleep(60)")


@pytest.fixture(params=["fake", pytest.param("system", marks=pytest.mark.integration)])
def runner(request: pytest.FixtureRequest) -> Runner:
    if request.param == "system":
        return SystemRunner()
    played = FakeRunner().on("no-such-program", MissingError("cannot run 'no-such-program'"))
    played.on("*time.sleep*", finished(exit_code=-9, timed_out=True))
    return played.on("*", finished("out\n", stderr="err\n", exit_code=3))


class TestRunner:
    def test_tells_how_it_ended_and_what_was_said(self, runner: Runner) -> None:
        found = runner.run(Command(argv=SAYS))
        assert (found.exit_code, found.ok, found.timed_out) == (3, False, False)
        assert (found.stdout, found.stderr) == ("out\n", "err\n")
        assert found.wall > 0

    def test_a_program_that_does_not_exist_is_named(self, runner: Runner) -> None:
        with pytest.raises(MissingError, match="no-such-program"):
            runner.run(Command(argv=("no-such-program",)))

    def test_too_long_is_told_apart(self, runner: Runner) -> None:
        found = runner.run(Command(argv=SLEEPS, timeout=0.2))
        assert found.timed_out
        assert found.exit_code == -9
