"""Commands within limits of memory and CPUs, held by what this machine has for that."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.user import control_groups, end, eventually, pids_about, processes_about
from trimtab.errors import MissingError
from trimtab.system import memory as tree_memory
from trimtab.system import process
from trimtab.system.process import Command, Finished, ResourceLimits, SystemRunner, limits_enforced_by

pytestmark = pytest.mark.integration

MB = 1_000_000
MOST = 150 * MB
NOT_HERE = "nothing can hold a program below a limit of memory here"
HOLDS = "import sys; block = b'x' * int(sys.argv[1]); print('here', flush=True)"
PARENT = """\
import subprocess, sys
child = subprocess.run([sys.executable, "-c", *sys.argv[1:]])
print("child", child.returncode, flush=True)
"""
"""Survives what happens to its child, and tells it."""
FAMILY = """\
import subprocess, sys
child = "import sys; block = b'x' * int(sys.argv[1]); print('here', flush=True); sys.stdin.read()"
argv = [sys.executable, "-c", child, sys.argv[1]]
children = [subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) for _ in range(3)]
print(sum(bool(one.stdout.readline()) for one in children), flush=True)
for one in children:
    one.communicate()
"""
"""Three children hold so many bytes each, all at the same time."""
CPUS = "import os; print(sorted(os.sched_getaffinity(0)), flush=True)"
READS = """\
import sys
with open(sys.argv[1], "rb") as file:
    while file.read(1_000_000):
        pass
"""


def run(*argv: str, **rest: object) -> Finished:
    return SystemRunner().run(Command(argv=argv, **rest))  # type: ignore[arg-type]


def within(limit: int, *argv: str, **rest: object) -> Finished:
    return run(*argv, limits=ResourceLimits(memory=limit), **rest)


@pytest.fixture(autouse=True)
def _nothing_left() -> Iterator[None]:
    yield
    ours = [os.getpid()]
    assert eventually(lambda: not control_groups(ours), 5), control_groups(ours)


@pytest.fixture
def _enforced() -> None:
    if not limits_enforced_by():
        pytest.skip(NOT_HERE)


@pytest.mark.usefixtures("_enforced")
class TestMemory:
    def test_with_less_than_the_limit_a_program_gets_through_and_is_measured(self) -> None:
        finished = within(MOST, sys.executable, "-c", HOLDS + "; import time; time.sleep(0.3)", str(100 * MB))
        assert finished.ok, finished.stderr
        assert finished.stdout == "here\n"
        assert not finished.oom_killed
        assert finished.memory_method.startswith("control group")
        assert finished.peak_memory
        assert 100 * MB < finished.peak_memory < MOST

    def test_with_more_it_is_killed(self) -> None:
        finished = within(MOST, sys.executable, "-c", HOLDS, str(200 * MB))
        assert (finished.exit_code, finished.stdout) == (-signal.SIGKILL, "")
        assert finished.oom_killed
        assert not finished.timed_out
        assert finished.peak_memory
        assert finished.peak_memory <= MOST

    def test_a_child_that_was_killed_is_told_even_where_its_parent_survives(self) -> None:
        finished = within(MOST, sys.executable, "-c", PARENT, HOLDS, str(200 * MB))
        assert (finished.exit_code, finished.stdout) == (0, f"child {-signal.SIGKILL}\n")
        assert finished.oom_killed

    @pytest.mark.parametrize(("limit", "alive"), [(MOST, False), (400 * MB, True)])
    def test_the_limit_is_of_all_processes_together(self, limit: int, *, alive: bool) -> None:
        finished = within(limit, sys.executable, "-c", FAMILY, str(100 * MB))
        assert finished.oom_killed is not alive
        assert (finished.stdout == "3\n") is alive

    def test_files_that_are_read_do_not_count(self, tmp_path: Path) -> None:
        large = tmp_path / "large"
        large.write_bytes(bytes(2 * MOST))
        descriptor = os.open(large, os.O_RDONLY)
        os.fsync(descriptor)  # what is not on the disk yet stays in memory
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(descriptor)
        finished = within(MOST, sys.executable, "-c", READS, str(large))
        assert finished.ok, finished.stderr
        assert not finished.oom_killed

    def test_files_that_are_written_do_not_count(self, tmp_path: Path) -> None:
        finished = within(MOST, "dd", "if=/dev/zero", f"of={tmp_path / 'large'}", "bs=1M", "count=300")
        assert finished.ok, finished.stderr
        assert not finished.oom_killed

    def test_whoever_cannot_join_does_not_run(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("_JOIN_OR_END", "_JOIN_SCOPE_OR_END"):
            monkeypatch.setattr(tree_memory, name, getattr(tree_memory, name).replace('"$0"', '"$0/nowhere"'))
        finished = within(MOST, "echo", "well")
        assert not finished.ok
        assert finished.stdout == ""
        assert finished.stderr
        process._limiter.cache_clear()
        try:
            assert limits_enforced_by() == ""
        finally:
            process._limiter.cache_clear()

    def test_a_program_that_is_not_there(self) -> None:
        with pytest.raises(MissingError, match="no-such-program"):
            within(MOST, "no-such-program")

    def test_arguments_and_surroundings_reach_it_as_they_are(self, tmp_path: Path) -> None:
        words = ("a b", "$HOME", "${HOME}", "$$", "'", '"', "", "*", "ü", "-e", "%n")
        script = "import os, sys; print(sys.argv[1:], os.getcwd(), sorted(os.environ))"
        free, held = (
            run(sys.executable, "-c", script, *words, cwd=tmp_path, limits=limits)
            for limits in (None, ResourceLimits(memory=MOST))
        )
        ours = " 'PWD', "  # shells set it; so it is with groups without limits
        assert held.stdout.replace(ours, " ") == free.stdout.replace(ours, " ")
        assert str(list(words)) in held.stdout

    def test_no_file_descriptors_are_lost(self) -> None:
        within(MOST, "true")
        before = len(list(Path("/proc/self/fd").iterdir()))
        for _ in range(3):
            within(MOST, "true")
        assert len(list(Path("/proc/self/fd").iterdir())) == before

    def test_cargo_survives_a_compiler_that_was_killed_and_says_so(self, tmp_path: Path) -> None:
        cargo = shutil.which("cargo")
        if not cargo:
            pytest.skip("there is no cargo here")
        (tmp_path / "src").mkdir()
        (tmp_path / "src" / "lib.rs").write_text("pub static LARGE: [u8; 400 << 20] = [1; 400 << 20];\n")
        (tmp_path / "Cargo.toml").write_text('[package]\nname = "large"\nversion = "0.0.0"\nedition = "2021"\n')
        finished = within(300 * MB, cargo, "build", "--offline", cwd=tmp_path)
        assert finished.exit_code == 101, finished.stderr
        assert "SIGKILL" in finished.stderr
        assert finished.oom_killed


@pytest.mark.usefixtures("_enforced")
class TestTheEnd:
    """Whatever happens, no process and, as :func:`_nothing_left` says, no group is left."""

    def test_of_a_command_that_leaves_processes_behind(self, tmp_path: Path) -> None:
        within(MOST, "sh", "-c", "setsid sleep 3600 & exit 0", cwd=tmp_path)
        assert eventually(lambda: not processes_about(tmp_path), 5), processes_about(tmp_path)

    def test_by_a_time_out(self, tmp_path: Path) -> None:
        finished = within(MOST, "sh", "-c", "setsid sleep 3600 & sleep 3600", cwd=tmp_path, timeout=0.5)
        assert finished.timed_out
        assert not finished.oom_killed
        assert eventually(lambda: not processes_about(tmp_path), 5), processes_about(tmp_path)

    @pytest.mark.parametrize("seconds", [0.0, 0.02, 1.0])
    def test_by_an_interruption(self, tmp_path: Path, seconds: float) -> None:
        timer = threading.Timer(seconds, lambda: os.kill(os.getpid(), signal.SIGINT))
        with pytest.raises(KeyboardInterrupt):  # noqa: PT012 - it may come at once
            timer.start()
            within(MOST, "sh", "-c", "setsid sleep 3600 & sleep 3600", cwd=tmp_path)
        timer.join()
        assert eventually(lambda: not processes_about(tmp_path), 5), processes_about(tmp_path)

    def test_of_a_run_that_was_killed_comes_with_the_next(self, tmp_path: Path) -> None:
        script = (
            "import sys; from trimtab.system.process import Command, ResourceLimits, SystemRunner\n"
            "limits = ResourceLimits(memory=150_000_000)\n"
            "SystemRunner().run(Command(argv=('sleep', '3600'), cwd=sys.argv[1], limits=limits))"
        )
        killed = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], cwd="/")
        try:
            assert eventually(lambda: any("sleep 3600" in line for line in processes_about(tmp_path)))
        finally:
            killed.kill()
            killed.wait()
        assert control_groups([killed.pid])
        assert eventually(lambda: (within(MOST, "true"), not control_groups([killed.pid]))[1])
        gone = eventually(lambda: not processes_about(tmp_path), 5)
        end(pids_about(tmp_path))
        assert gone


class TestCpus:
    @pytest.mark.parametrize("memory", [None, MOST])
    def test_children_and_grandchildren_have_as_many_as_allowed(self, memory: int | None) -> None:
        if memory and not limits_enforced_by():
            pytest.skip(NOT_HERE)
        usable = sorted(os.sched_getaffinity(0))
        for count in (1, len(usable)):
            limits = ResourceLimits(cpus=count, memory=memory)
            for argv in ((sys.executable, "-c", CPUS), (sys.executable, "-c", PARENT, CPUS)):
                assert run(*argv, limits=limits).stdout.splitlines()[0] == str(usable[:count])
            assert run("sh", "-c", "nproc", limits=limits).stdout == f"{count}\n"
        assert sorted(os.sched_getaffinity(0)) == usable

    def test_what_runs_beside_keeps_all(self) -> None:
        usable = os.sched_getaffinity(0)
        seen = set[int]()
        done = threading.Event()

        def look() -> None:
            while not done.is_set():
                seen.add(len(os.sched_getaffinity(0)))
                time.sleep(0.001)

        beside = threading.Thread(target=look)
        beside.start()
        run("true", limits=ResourceLimits(cpus=1))
        done.set()
        beside.join()
        assert seen == {len(usable)}

    def test_more_than_there_are_are_not_to_be_had(self) -> None:
        usable = len(os.sched_getaffinity(0))
        for count in (0, usable + 1):
            with pytest.raises(MissingError, match=f"may not use {count} CPUs") as caught:
                run("true", limits=ResourceLimits(cpus=count))
            assert str(usable) in caught.value.hint

    def test_they_are_given_back_where_the_program_is_not_there(self) -> None:
        usable = os.sched_getaffinity(0)
        with pytest.raises(MissingError, match="no-such-program"):
            run("no-such-program", limits=ResourceLimits(cpus=1))
        assert os.sched_getaffinity(0) == usable
