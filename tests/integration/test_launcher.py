"""The launcher itself: real programs, what they use and what they leave running."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.integration.user import eventually
from trimtab.errors import MissingError
from trimtab.system.launcher import timing_runner
from trimtab.system.process import Command, Finished, Runner, SystemRunner

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="subreapers are Linux's own"),
]
BURN = "import time\nwhile time.process_time() < 0.2: pass"


@pytest.fixture(scope="module")
def timed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runner]:
    with timing_runner(SystemRunner(), tmp_path_factory.mktemp("cache")) as (runner, note):
        assert note == ""
        yield runner


def run(timed: Runner, *argv: str, timeout: float | None = None) -> Finished:
    return timed.run(Command(argv=argv, capture=False, timeout=timeout))


def running(marker: str) -> list[psutil.Process]:
    """Processes with a word in their command line."""
    return [
        process for process in psutil.process_iter(["cmdline"]) if marker in " ".join(process.info["cmdline"] or ())
    ]


def test_memory_of_small_programs_is_known(timed: Runner, tmp_path: Path) -> None:
    source = tmp_path / "hold.c"
    source.write_text(
        "#include <stdlib.h>\n#include <string.h>\n"
        "int main(int n, char **v) { size_t s = atol(v[1]); return memset(malloc(s), n, s) == 0; }\n"
    )
    assert SystemRunner().run(Command(argv=("cc", "-o", str(tmp_path / "hold"), str(source)))).ok
    peaks = [run(timed, str(tmp_path / "hold"), str(size << 20)).largest_process or 0 for size in (1, 3)]
    assert 1 << 20 < peaks[0] < 3 << 20 < peaks[1] < 6 << 20


def test_processes_left_running_are_counted_and_ended(timed: Runner) -> None:
    marker = f"{1000 + time.time() % 1000:.6f}"
    found = run(timed, "sh", "-c", f"sleep {marker} & (setsid sleep {marker} &) ; exit 3")
    assert (found.exit_code, found.left_running) == (3, 2)
    assert eventually(lambda: not running(marker)), running(marker)


def test_cpu_time_that_nobody_waited_for_counts(timed: Runner, tmp_path: Path) -> None:
    burn = f"{sys.executable} -I -S -c '{BURN}'; touch {tmp_path}/done"
    found = run(timed, "sh", "-c", f"({burn}) & while [ ! -e {tmp_path}/done ]; do sleep 0.02; done")
    assert found.cpu > 0.2
    assert found.left_running == 0


def test_a_program_that_kills_its_group_is_reported(timed: Runner) -> None:
    assert run(timed, "sh", "-c", "kill -TERM 0; sleep 5").exit_code == -15


def test_a_time_out_ends_all(timed: Runner) -> None:
    marker = f"{3000 + time.time() % 1000:.6f}"
    found = run(timed, "sh", "-c", f"sleep {marker} & sleep {marker}", timeout=0.3)
    assert found.timed_out
    assert eventually(lambda: not running(marker)), running(marker)


def test_standard_error_of_a_failure_is_kept(timed: Runner) -> None:
    found = run(timed, "sh", "-c", "echo to nobody; echo boom >&2; exit 7")
    assert (found.exit_code, found.stdout, found.stderr) == (7, "", "boom\n")


@pytest.mark.parametrize("program", ["no-such-program", "/", "/etc/passwd"])
def test_what_cannot_be_started_is_missing(timed: Runner, program: str) -> None:
    with pytest.raises(MissingError, match="cannot run"):
        run(timed, program)
