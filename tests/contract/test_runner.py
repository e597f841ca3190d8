"""What every runner keeps to. The real one starts a few short processes to show that the fake tells the truth."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.fakes.runner import FakeRunner, finished
from trimtab.errors import MissingError
from trimtab.system.process import Command, Confinement, Runner, SystemRunner

SAYS = (sys.executable, "-c", "import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)")
FLOODS = "import sys\nwhile True: getattr(sys, sys.argv[1]).write('x' * 65536)"
SLEEPS = (sys.executable, "-c", "import time; time.sleep(60)")


ONE_FILE = """\
import signal
signal.signal(signal.SIGXFSZ, signal.SIG_DFL)  # as in programs of other languages
with open("large", "wb") as file:
    while True:
        file.write(bytes(4096))
"""
MANY_FILES = """\
import itertools
numbers = itertools.count()
while True:
    open(str(next(numbers)), "wb").close()
"""


@pytest.fixture(params=["fake", pytest.param("system", marks=pytest.mark.integration)])
def runner(request: pytest.FixtureRequest) -> Runner:
    if request.param == "system":
        return SystemRunner()
    played = FakeRunner().on("no-such-program", MissingError("cannot run 'no-such-program'"))
    played.on("*while True*", replace(finished(exit_code=-9), flooded=True))
    no_program = MissingError("cannot run 'foreign': it is no program of this system", hint="name one that is")
    played.on("*/foreign", no_program)
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

    def test_printing_without_end_is_told_apart(self, runner: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("trimtab.system.process._MOST_PRINTED", 1 << 20)
        for stream in ("stdout", "stderr"):
            found = runner.run(Command(argv=(sys.executable, "-c", FLOODS, stream), timeout=60))
            assert (found.flooded, found.timed_out, found.ok) == (True, False, False)
            assert found.ended.startswith("it prints")

    @pytest.mark.parametrize("program", [ONE_FILE, MANY_FILES])
    def test_writing_without_end_is_told_apart(self, runner: Runner, tmp_path: Path, program: str) -> None:
        confinement = Confinement(folder=tmp_path, most=1 << 20)
        outputs = (tmp_path / "out", tmp_path / "err")
        command = Command(
            argv=(sys.executable, "-c", program), cwd=tmp_path, timeout=60, outputs=outputs, confinement=confinement
        )
        found = runner.run(command)
        assert (found.flooded, found.timed_out, found.ok) == (True, False, False)
        assert found.ended == "it prints or writes without end"
        assert (found.stdout, found.stderr) == ("", "")

    def test_what_is_no_program_of_this_system_is_named(self, runner: Runner, tmp_path: Path) -> None:
        foreign = tmp_path / "foreign"
        foreign.write_bytes(bytes(range(7, 64)) * 9)
        foreign.chmod(0o755)
        with pytest.raises(MissingError, match="it is no program of this system") as caught:
            runner.run(Command(argv=(str(foreign),)))
        assert caught.value.hint

    def test_too_long_is_told_apart(self, runner: Runner) -> None:
        found = runner.run(Command(argv=SLEEPS, timeout=0.2))
        assert found.timed_out
        assert found.exit_code == -9
