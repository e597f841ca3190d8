"""The one door to subprocesses, with real processes behind it."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.integration.user import control_groups, end, eventually, pids_about, processes_about
from trimtab.errors import MissingError
from trimtab.system import memory as tree_memory
from trimtab.system import process
from trimtab.system.memory import ControlGroup, MemoryWatch, ProcessWalk
from trimtab.system.orphans import WORK_VARIABLE, kill_leftovers, own_work_folder, work_mark
from trimtab.system.process import Command, Finished, SystemRunner

pytestmark = pytest.mark.integration

MB = 1_000_000
FAMILY = """\
import subprocess, sys
child = "import sys; block = bytearray(int(sys.argv[1])); print('here', flush=True); sys.stdin.read()"
argv = [sys.executable, "-c", child, sys.argv[1]]
children = [subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) for _ in range(3)]
for one in children:
    one.stdout.readline()
if sys.argv[2:]:
    import time
    time.sleep(float(sys.argv[2]))
for one in children:
    one.stdin.close()
    one.wait()
    one.stdout.close()
"""
"""Three children hold so many bytes each, all at the same time."""
STUBBORN = """\
trap '' TERM HUP INT
sh -c "trap '' TERM HUP INT; while :; do sleep 1; done" "$0" "$1" &
sh -c "trap '' TERM HUP INT; exec setsid sh -c 'while :; do sleep 1; done' $0 $1" &
while :; do sleep 1; done
"""
"""A shell, a child and a grandchild in a session of its own, none of which wants to end."""


def run(*argv: str, **rest: object) -> Finished:
    return SystemRunner().run(Command(argv=argv, **rest))  # type: ignore[arg-type]


@pytest.fixture(params=["control group", "process walk"])
def watch(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Both ways to watch memory, the first where it is allowed."""

    def opened() -> MemoryWatch:
        return ProcessWalk()

    if request.param == "control group":
        group = ControlGroup.make()
        if group is None:
            pytest.skip("no control group can be made here")
        group.close()
    else:
        monkeypatch.setattr(process, "open_watch", opened)
    yield request.param
    assert control_groups([os.getpid()]) == []


def test_the_peak_is_the_sum_over_all_that_live_at_the_same_time(watch: str) -> None:
    # Walks are rare by design, so that what they shall see must last for a while.
    finished = run(sys.executable, "-c", FAMILY, str(100 * MB), "2", watch_memory=True)
    assert finished.ok, finished.stderr
    assert finished.memory_method.startswith(watch)
    assert finished.peak_memory
    assert 300 * MB < finished.peak_memory < 400 * MB


@pytest.mark.parametrize("watch", ["control group"], indirect=True)  # a walk may miss it, and says so
def test_a_short_peak_is_seen_by_a_control_group(watch: str) -> None:
    finished = run(sys.executable, "-c", FAMILY, str(100 * MB), "0.1", watch_memory=True)
    assert finished.peak_memory
    assert 300 * MB < finished.peak_memory < 400 * MB


def test_file_pages_do_not_count(watch: str, tmp_path: Path) -> None:
    large = tmp_path / "large"
    large.write_bytes(bytes(200 * MB))
    reader = "import mmap, sys, time; f = open(sys.argv[1], 'rb'); m = mmap.mmap(f.fileno(), 0, prot=mmap.PROT_READ); sum(m[i] for i in range(0, len(m), 4096)); time.sleep(1)"  # noqa: E501
    finished = run(sys.executable, "-c", reader, str(large), watch_memory=True)
    assert finished.ok, finished.stderr
    assert finished.peak_memory
    assert finished.peak_memory < 100 * MB


def test_a_time_out_kills_those_that_do_not_want_to_end(watch: str, tmp_path: Path) -> None:
    name = f"stubborn-{os.getpid()}-{watch.replace(' ', '-')}"
    before = time.monotonic()
    finished = run("sh", "-c", STUBBORN, name, str(tmp_path), timeout=1.5, watch_memory=True)
    assert finished.timed_out
    assert finished.exit_code == -signal.SIGKILL
    assert 1.5 <= finished.wall < time.monotonic() - before + 0.1 < 60
    gone = eventually(lambda: not processes_about(tmp_path), 5)
    left = processes_about(tmp_path)
    end(pids_about(tmp_path))
    assert gone, left


def test_an_end_in_time_is_no_time_out() -> None:
    finished = run("sh", "-c", "exit 7", timeout=60.0)
    assert (finished.exit_code, finished.timed_out) == (7, False)


def test_an_interruption_ends_the_tree(watch: str, tmp_path: Path) -> None:
    def interrupt() -> None:
        os.kill(os.getpid(), signal.SIGINT)

    timer = threading.Timer(1.0, interrupt)
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        run("sh", "-c", "sleep 3600 & sleep 3600", cwd=tmp_path, watch_memory=True)
    timer.join()
    assert eventually(lambda: not processes_about(tmp_path), 5), processes_about(tmp_path)


def test_a_second_interruption_at_once_leaves_nothing_either(
    watch: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    kill_tree = process._kill_tree

    def interrupted_again(*arguments: Any) -> None:
        signal.raise_signal(signal.SIGINT)
        kill_tree(*arguments)
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(process, "_kill_tree", interrupted_again)
    name = f"twice-{os.getpid()}-{watch.replace(' ', '-')}"
    timer = threading.Timer(1.0, lambda: os.kill(os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        run("sh", "-c", STUBBORN, name, str(tmp_path), watch_memory=True)
    assert eventually(lambda: not processes_about(tmp_path), 5)
    assert eventually(lambda: not control_groups([os.getpid()]))


def test_an_interruption_at_the_moment_of_the_start_leaves_nothing_running(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, watch: str
) -> None:
    started = subprocess.Popen

    def start_and_interrupt(*arguments: Any, **rest: Any) -> subprocess.Popen[bytes]:
        child: subprocess.Popen[bytes] = started(*arguments, **rest)
        os.kill(os.getpid(), signal.SIGINT)
        return child

    monkeypatch.setattr(subprocess, "Popen", start_and_interrupt)
    handler = signal.getsignal(signal.SIGINT)
    try:
        with pytest.raises(KeyboardInterrupt):
            run("sleep", "3600", cwd=tmp_path, watch_memory=True)
        assert eventually(lambda: not processes_about(tmp_path), 5), processes_about(tmp_path)
    finally:
        end(pids_about(tmp_path))
    assert signal.getsignal(signal.SIGINT) is handler


def test_a_flood_of_output_does_not_fill_our_memory() -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    flood = (
        "import sys; line = b'x' * 999_999 + b'\\n'; [sys.stdout.buffer.write(line) for _ in range(1000)]; print('end')"
    )
    finished = run(sys.executable, "-c", flood)
    assert finished.ok
    assert finished.stdout.endswith("end\n")
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    assert grown < 900 * MB


def test_what_goes_to_nobody_is_not_kept() -> None:
    finished = run("sh", "-c", "echo out; echo err >&2", capture=False)
    assert (finished.stdout, finished.stderr) == ("", "")


def test_output_that_is_not_utf_8_is_no_trouble() -> None:
    assert run("printf", r"a\377b").stdout == "a\N{REPLACEMENT CHARACTER}b"


def test_the_cpu_time_of_children_and_grandchildren_counts() -> None:
    spin = "import time\nwhile time.process_time() < 0.4: pass"
    nested = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {spin!r}], check=True)"
    outer = (
        f"import subprocess, sys; [subprocess.run([sys.executable, '-c', {nested!r}], check=True) for _ in range(2)]"
    )
    for watched in (False, True):
        finished = run(sys.executable, "-c", outer, watch_memory=watched)
        assert finished.ok, finished.stderr
        assert 0.8 <= finished.cpu < 2.5
        assert finished.wall >= 0.4


def test_sleep_takes_wall_but_no_cpu_time() -> None:
    finished = run("sleep", "0.5")
    assert finished.wall >= 0.5
    assert finished.cpu < 0.2


def test_the_signal_that_ended_a_program_is_told() -> None:
    assert run("sh", "-c", "kill -SEGV $$").exit_code == -signal.SIGSEGV


@pytest.mark.parametrize("watched", [False, True])
def test_a_program_that_is_not_there(watched: bool, tmp_path: Path) -> None:
    with pytest.raises(MissingError, match="no-such-program"):
        run("no-such-program", watch_memory=watched)
    plain = tmp_path / "plain"
    plain.write_text("no program")
    with pytest.raises(MissingError):
        run(str(plain), watch_memory=watched)
    assert control_groups([os.getpid()]) == []


def test_arguments_reach_a_watched_program_as_they_are(watch: str) -> None:
    words = ("a b", "$HOME", "'", '"', "", "*", "ü", "-e")
    script = "import sys; print(sys.argv[1:])"
    assert run(sys.executable, "-c", script, *words, watch_memory=True).stdout == f"{list(words)}\n"


def test_no_file_descriptors_are_lost(watch: str) -> None:
    run("true", watch_memory=True)
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(5):
        run("true", watch_memory=True, timeout=60.0)
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_leftovers_of_a_work_folder_are_killed_and_others_are_not(tmp_path: Path) -> None:
    ours, others = tmp_path / "0", tmp_path / "1"
    containers = f"{'0' * 32}:{ours}"
    marks = (work_mark(ours / "beside"), work_mark(others), containers, str(ours))
    children = [subprocess.Popen(["sleep", "3600"], env={**os.environ, WORK_VARIABLE: mark}) for mark in marks]
    try:
        assert eventually(lambda: kill_leftovers(ours) == 1)
        assert children[0].wait(20) == -signal.SIGKILL
        assert [child.poll() for child in children[1:]] == [None] * 3
        assert kill_leftovers(ours) == 0
    finally:
        for child in children:
            child.kill()
            child.wait()


def test_the_next_owner_of_a_folder_kills_what_a_killed_one_left_running(tmp_path: Path) -> None:
    owner = (
        "import os, subprocess, sys; from pathlib import Path; from trimtab.system import orphans\n"
        "work = Path(sys.argv[1]); owned = orphans.own_work_folder(work); owned.__enter__()\n"
        "marked = {**os.environ, orphans.WORK_VARIABLE: orphans.work_mark(work)}\n"
        "print(subprocess.Popen(['sleep', '3600'], env=marked, stdout=-3).pid, flush=True); os.kill(os.getpid(), 9)"
    )
    child = subprocess.Popen([sys.executable, "-c", owner, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    left = int(child.communicate(timeout=60)[0])
    stranger = subprocess.Popen(["sleep", "3600"], env={**os.environ, WORK_VARIABLE: f"{'0' * 32}:{tmp_path}"})
    try:
        with own_work_folder(tmp_path):
            assert eventually(lambda: not psutil.pid_exists(left) or psutil.Process(left).status() == "zombie")
            mine = subprocess.Popen(["sleep", "3600"], env={**os.environ, WORK_VARIABLE: work_mark(tmp_path)})
        assert mine.wait(20) == -signal.SIGKILL
        assert stranger.poll() is None
        assert list(tmp_path.iterdir()) == []
    finally:
        stranger.kill()
        stranger.wait()


def test_a_group_left_by_a_killed_run_is_swept_with_what_runs_in_it() -> None:
    orphan = "import subprocess, sys, os; from trimtab.system.memory import ControlGroup; g = ControlGroup.make(); print(bool(g), flush=True); subprocess.Popen(g.enter(['sleep', '3600']), start_new_session=True, stdout=-3) if g else None; import time; d = g._folder / 'cgroup.procs' if g else None\nwhile d and not d.read_text(): time.sleep(0.01)\nos.kill(os.getpid(), 9)"  # noqa: E501
    child = subprocess.Popen([sys.executable, "-c", orphan], stdout=subprocess.PIPE, text=True)
    said = child.communicate(timeout=60)[0]
    if "True" not in said:
        pytest.skip("no control group can be made here")
    (group,) = control_groups([child.pid])
    members = (group / "cgroup.procs").read_text().split()
    assert len(members) == 1, "the run was killed before its child had joined the group"
    run("true", watch_memory=True)
    assert eventually(lambda: not Path(f"/proc/{members[0]}").exists())
    assert eventually(lambda: (run("true", watch_memory=True), not control_groups([child.pid]))[1])


def test_the_group_of_a_living_run_is_left_alone() -> None:
    first = ControlGroup.make()
    if first is None:
        pytest.skip("no control group can be made here")
    child = subprocess.Popen(first.enter(["sleep", "3600"]))
    (group,) = control_groups([os.getpid()])
    assert eventually((group / "cgroup.procs").read_text)
    try:
        second = ControlGroup.make()
        assert second
        second.close()
        assert child.poll() is None
        assert len(control_groups([os.getpid()])) == 1
    finally:
        first.close()
        child.wait(20)
    assert child.returncode == -signal.SIGKILL
    assert control_groups([os.getpid()]) == []


def test_a_group_that_cannot_be_joined_does_not_stop_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tree_memory, "_JOIN", tree_memory._JOIN.replace('"$0"', '"$0/nowhere"'))
    finished = run("echo", "well", watch_memory=True)
    assert finished.stdout == "well\n"
