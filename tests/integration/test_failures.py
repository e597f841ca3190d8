"""Builds that fail are results with a cause, and the rest goes on."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.fakes import values
from tests.integration.user import User, by_label, eventually, processes_about
from trimtab.errors import MissingError
from trimtab.store.sqlite import SqliteStore

pytestmark = pytest.mark.integration

MIB = 1 << 20


def test_a_compiler_error_under_one_value_is_a_result(user: User) -> None:
    project = user.project("picky")
    study = user.explores(project, "--axis", "panic=unwind,abort", "--axis", "opt-level=3,s", "--measure", "size")
    trials = by_label(study)
    assert {label: trial["status"] for label, trial in trials.items()} == {
        "today": "ok",
        "opt-level s": "ok",
        "panic abort": "failed",
        "opt-level s, panic abort": "failed",
    }
    failure = trials["panic abort"]["failure"]
    assert failure["cause"] == "compiler"
    assert failure["message"] == "picky needs panics that unwind"
    assert any("src/main.rs" in line for line in failure["log"])
    assert trials["panic abort"]["metrics"] == {}
    assert trials["panic abort"]["artifacts"] == []
    assert trials["panic abort"]["id"] not in study["pareto"]
    assert any("2 of 4 profiles could not be built" in caveat for caveat in study["recommendation"]["caveats"])
    text = user.does("show").out
    assert "picky needs panics that unwind" in text


def test_a_known_compiler_error_is_not_tried_again(user: User) -> None:
    project = user.project("picky")
    first = user.explores(project, "--axis", "panic=abort", "--measure", "size")
    assert len(user.builds()) == 2
    again = user.explores(project, "--axis", "panic=abort", "--measure", "size")
    assert len(user.builds()) == 2
    assert again["trials"] == first["trials"]


def test_a_linker_error_is_a_result(user: User) -> None:
    axis = "rustflags=-C link-arg=-lnonexistent_xyz;-C link-arg=-Wl,-O1"
    study = user.explores(user.project("picky"), "--axis", axis, "--measure", "size")
    statuses = [(trial["status"], (trial["failure"] or {}).get("cause")) for trial in study["trials"]]
    assert statuses == [("ok", None), ("failed", "linker"), ("ok", None)]
    assert "nonexistent_xyz" in "\n".join(study["trials"][1]["failure"]["log"])


def test_a_failing_build_script_is_a_result(user: User) -> None:
    failure = _mood(user, "1")["failure"]
    assert failure["cause"] == "build script"
    assert any("level 1 is not to my liking" in line for line in failure["log"])


def test_a_time_out_is_a_result_and_ends_the_whole_tree(user: User) -> None:
    trial = _mood(user, "z", "--timeout", "8s")
    assert trial["status"] == "timeout"
    assert trial["failure"]["cause"] == "timeout"
    assert 8 <= trial["failure"]["wall"] < 60
    assert eventually(lambda: not processes_about(user.folder)), processes_about(user.folder)
    assert eventually(lambda: not _running("moody-never-ends")), _running("moody-never-ends")


def test_a_time_out_is_tried_again_only_with_more_time(user: User) -> None:
    project = user.project("moody")
    script = project / "build.rs"
    script.write_text(
        script.read_text().replace("from_secs(3600)", "from_secs(6)").replace("while :; do sleep 1; done", ":")
    )
    arguments = (project, "--axis", "opt-level=z", "--measure", "size")
    assert [trial["status"] for trial in user.explores(*arguments, "--timeout", "4s")["trials"]] == ["ok", "timeout"]
    assert len(user.builds()) == 2
    assert [trial["status"] for trial in user.explores(*arguments, "--timeout", "3s")["trials"]] == ["ok", "timeout"]
    assert len(user.builds()) == 2
    assert [trial["status"] for trial in user.explores(*arguments, "--timeout", "200s")["trials"]] == ["ok", "ok"]
    assert len(user.builds()) == 3


def test_out_of_memory_is_a_result(user: User, memory_limit: Callable[[int], tuple[str, ...]]) -> None:
    project = user.project("moody")
    enter = memory_limit(600 * MIB)
    user.does("explore", project, "--axis", "opt-level=s", "--measure", "size,build", inside=enter)
    study = user.does("show", "--json").document
    trial = study["trials"][1]
    assert study["trials"][0]["status"] == "ok"
    if "control group" in study["trials"][0]["metrics"]["build.peak_memory"]["method"]:
        assert (trial["status"], trial["failure"]["cause"]) == ("oom", "out of memory")
    else:  # without a group of its own nobody but the kernel's log knows why it was killed
        assert (trial["status"], trial["failure"]["cause"]) == ("failed", "killed")


def test_memory_that_is_there_is_not_out_of_memory(user: User) -> None:
    project = user.project("moody")
    study = user.explores(project, "--axis", "opt-level=s", "--measure", "build")
    assert [trial["status"] for trial in study["trials"]] == ["ok", "ok"]
    peaks = [trial["metrics"]["build.peak_memory"]["value"] for trial in study["trials"]]
    assert peaks[0] < 900 * MIB
    if "control group" in study["trials"][1]["metrics"]["build.peak_memory"]["method"]:
        assert 1000 * MIB < peaks[1] < 1400 * MIB


def test_a_full_disk_under_a_build_is_a_result(user: User, tmpfs: Callable[[str], Path]) -> None:
    cache = tmpfs("size=64m")
    trial = _mood(user, "2", XDG_CACHE_HOME=str(cache))
    assert (trial["status"], trial["failure"]["cause"]) == ("failed", "disk full")


def test_a_full_disk_is_tried_again(user: User, tmpfs: Callable[[str], Path]) -> None:
    cache = tmpfs("size=64m")
    project = user.project("moody")
    arguments = (project, "--axis", "opt-level=2", "--measure", "size")
    assert user.explores(*arguments, XDG_CACHE_HOME=str(cache))["trials"][1]["failure"]["cause"] == "disk full"
    assert [trial["status"] for trial in user.explores(*arguments)["trials"]] == ["ok", "ok"]


def test_a_disk_too_small_for_any_build_is_said_plainly(user: User, tmpfs: Callable[[str], Path]) -> None:
    cache = tmpfs("size=256k")
    arguments = ("--axis", "opt-level=s", "--measure", "size", "--json")
    result = user.run("explore", user.project("duo"), *arguments, XDG_CACHE_HOME=str(cache))
    result.refused(4)
    # A linker that writes through a memory map dies of a bus error; that must not pass for a broken profile.
    study = user.does("show", "--json").document
    assert [trial["failure"]["cause"] for trial in study["trials"]] == ["disk full"]  # today's


def test_a_full_disk_under_the_store_is_said_plainly(user: User, tmpfs: Callable[[str], Path]) -> None:
    data = tmpfs("size=1m")
    project = user.project("duo")
    result = user.run("explore", project, "--axis", "opt-level=s,z,2,1,0", "--measure", "size", XDG_DATA_HOME=str(data))
    assert "Traceback" not in result.err, result.err
    study = user.does("show", "--json", XDG_DATA_HOME=str(data)).document
    causes = {(trial["failure"] or {}).get("cause") for trial in study["trials"]}
    assert causes <= {None, "disk full"}  # none where the first program fits and there is no room to tell of another
    assert result.code in (0, 3, 4), result
    for trial in study["trials"]:
        assert all(Path(artifact["path"]).stat().st_size == artifact["size"] for artifact in trial["artifacts"])


def test_a_store_that_fills_its_disk_loses_nothing_and_says_so(tmpfs: Callable[[str], Path]) -> None:
    store = SqliteStore(tmpfs("size=512k") / "studies.db")
    with contextlib.closing(store):
        store.begin(values.study())
        kept: list[str] = []

        def fill() -> None:
            for number in range(10_000):
                trial = replace(values.trial(values.TODAY), id=f"trial-{number}")
                store.append(values.study().id, trial)
                kept.append(trial.id)

        with pytest.raises(MissingError, match="no space left"):
            fill()
        assert kept
        assert [trial.id for trial in store.load("last").trials] == kept


def test_no_space_for_a_store_at_all_is_said_plainly(user: User, tmpfs: Callable[[str], Path]) -> None:
    data = tmpfs("size=16k")
    result = user.run("explore", user.project("duo"), "--axis", "opt-level=s", XDG_DATA_HOME=str(data))
    assert "space" in result.refused(3)


def test_when_nothing_builds_the_exit_code_is_4(user: User) -> None:
    project = user.project("picky")
    with (project / "Cargo.toml").open("a") as manifest:
        manifest.write('\n[profile.release]\npanic = "abort"\n')
    result = user.run("explore", project, "--axis", "opt-level=s", "--json")
    error = result.refused(4)
    assert "picky needs panics that unwind" in error
    assert "trimtab show picky-" in error
    study = user.does("show", "--json").document
    assert study["recommendation"] is None
    assert [trial["status"] for trial in study["trials"]] == ["failed"]  # nothing could be compared with today's


def test_when_today_does_not_build_the_study_ends_there_with_advice(user: User) -> None:
    project = user.project("picky")
    with (project / "Cargo.toml").open("a") as manifest:
        manifest.write('\n[profile.release]\npanic = "abort"\n')
    arguments = ("--axis", "panic=unwind,abort", "--bench", "run={bin}", "--bench-time", "20ms")
    assert "picky needs panics that unwind" in user.run("explore", project, *arguments).refused(4)
    study = user.does("show", "--json").document
    assert [trial["status"] for trial in study["trials"]] == ["failed"]
    assert study["recommendation"] is None
    user.run("apply", "--yes").refused(2)


def test_a_bench_that_fails_under_one_profile_only_is_shown(user: User) -> None:
    project = user.project("duo")
    bench = "unwinds=sh -c '{bin} flags | grep -vq panic_abort || ! {bin} flags | grep -q panic_abort'"
    arguments = ("--axis", "panic=abort", "--bench", bench, "--bench-time", "20ms", "--measure", "size,run")
    study = user.explores(project, *arguments, "--goal", "size")
    trials = by_label(study)
    assert "run.unwinds.wall" in trials["today"]["metrics"]
    assert "run.unwinds.wall" not in trials["panic abort"]["metrics"]
    assert "exit code 1" in trials["panic abort"]["absent"]["run.unwinds.wall"]
    assert study["recommendation"]["trial"] == study["baseline"]


def _mood(user: User, level: str, *arguments: str, **environment: str) -> dict[str, Any]:
    """The one trial that fails between two that do not."""
    study = user.explores(
        user.project("moody"),
        "--axis",
        f"opt-level={level},0",
        "--measure",
        "size",
        *arguments,
        cwd=None,
        **environment,
    )
    assert [trial["status"] == "ok" for trial in study["trials"]] == [True, False, True]
    trial: dict[str, Any] = study["trials"][1]
    return trial


def _running(name: str) -> list[str]:
    import psutil

    return [
        " ".join(process.info["cmdline"])
        for process in psutil.process_iter(["cmdline"])
        if name in (process.info["cmdline"] or ())
    ]


@pytest.fixture
def memory_limit() -> Iterator[Callable[[int], tuple[str, ...]]]:
    """Makes a control group with so many bytes; gives the words that put a program into it."""
    made: list[Path] = []

    def make(limit: int) -> tuple[str, ...]:
        parent, names = _memory_group()
        group = parent / f"tests-{os.getpid()}"
        try:
            group.mkdir()
            made.append(group)
            for name in names:
                if (group / name).exists():
                    (group / name).write_text(str(limit))
        except OSError as error:
            pytest.skip(f"no control group with a memory limit can be made here: {error}")
        if not any((group / name).exists() for name in names):
            pytest.skip("no control group with a memory limit can be made here: the controller is not delegated")
        return ("sh", "-c", 'echo $$ > "$0" && exec "$@"', str(group / "cgroup.procs"))

    yield make
    for group in made:
        assert eventually(lambda group=group: _removed(group))  # type: ignore[misc]


def _memory_group() -> tuple[Path, tuple[str, ...]]:
    """The memory control group of this process, and the files that hold limits in that version."""
    own = Path("/proc/self/cgroup")
    for line in own.read_text().splitlines() if own.exists() else []:
        _, controllers, path = line.split(":", 2)
        if "memory" in controllers.split(","):
            limits = ("memory.limit_in_bytes", "memory.memsw.limit_in_bytes")
            return Path("/sys/fs/cgroup/memory") / path.lstrip("/"), limits
        if not controllers and Path("/sys/fs/cgroup/cgroup.controllers").exists():
            return Path("/sys/fs/cgroup") / path.lstrip("/"), ("memory.max", "memory.swap.max")
    pytest.skip("there are no control groups here")


def _removed(group: Path) -> bool:
    try:
        group.rmdir()
    except OSError:
        return False
    return True
