"""`trimtab bench` with real programs."""

from __future__ import annotations

import json
import signal

import pytest

from tests.integration.user import User

pytestmark = pytest.mark.integration


def test_twice_the_time_is_called(user: User) -> None:
    document = user.does("bench", "sleep 0.01", "sleep 0.02", "--json").document
    wall = next(row for row in document["rows"] if row["metric"] == "wall")
    assert wall["verdict"] == "regressed"
    assert 0.3 < wall["low"] <= wall["change"] <= wall["high"]
    assert document["headline"].startswith("1 regressed") or document["headline"].startswith("2 regressed")
    assert document["null"][0]["runs"] > 0


def test_binaries_take_the_place_of_bin(user: User) -> None:
    for name in ("old", "new"):
        program = user.folder / name
        program.write_text(f"#!/bin/sh\n# {name}\nexit 0\n")
        program.chmod(0o755)
    arguments = ("--bin", f"base={user.folder}/old", "--bin", f"head={user.folder}/new", "--runs", "5", "--json")
    document = user.does("bench", *arguments, "--", "{bin}", "x").document
    assert {row["runs"] for row in document["rows"]} == {5}


def test_what_hyperfine_exports(user: User) -> None:
    options = ("--shell", "sh", "--runs", "4", "--export-json", user.folder / "runs.json")
    user.does("bench", "true", "python3 -c 'x = bytearray(200 << 20)'", *options)
    small, large = json.loads((user.folder / "runs.json").read_text())["results"]
    assert small["command"] == "true"
    assert all(result["exit_codes"] == [0] * 4 and min(result["times"]) > 0 for result in (small, large))
    assert small["memory_usage_byte"] == [0] * 4  # less than trimtab itself, so unknown
    assert all(200 << 20 < memory < 300 << 20 for memory in large["memory_usage_byte"])


def test_every_run_has_its_own_input_and_preparation(user: User) -> None:
    (user.folder / "input").write_text("a line\n")
    log = user.folder / "log"
    prepare = f"printf p >> {log}"
    options = ("--input", user.folder / "input", "--prepare", prepare, "--shell", "sh", "--runs", "3")
    user.does("bench", f"cat >> {log}", f"tee -a {log}", *options)
    runs = 2 + 3 * 2 + 2  # a warm-up each, three blocks, the copy in two of them
    assert log.read_text() == "pa line\n" * runs


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("true", "no-such-program-here"), "cannot run 'no-such-program-here'"),
        (("true", "false"), "false fails: exit code 1"),
        (("true", "kill -SEGV $$", "--shell", "sh"), "signal 11"),
        (("sleep 0", "sleep 60", "--timeout", "1s"), "no end after 1 s"),
        (("true", "true", "--prepare", "exit 3"), "the --prepare command fails: exit code 3"),
    ],
)
def test_programs_that_do_not_work(user: User, arguments: tuple[str, ...], what: str) -> None:
    error = user.run("bench", *arguments).refused(2)
    assert what in error.splitlines()[0]


def test_a_flood_of_output_is_not_kept(user: User) -> None:
    flood = "head -c 50000000 /dev/zero"
    assert user.does("bench", flood, flood, "--runs", "3", "--json").document["rows"][0]["runs"] == 3


def test_ctrl_c_prints_what_was_measured(user: User) -> None:
    running = user.start("bench", "sleep 0.011", "sleep 0.0111", "--budget", "5m", "--json")
    running.wait_a_little(3)
    result = running.stop(signal.SIGINT)
    assert result.code == 0, result
    assert result.document["rows"][0]["runs"] > 0
