"""`trimtab bench` with real programs."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import signal
import subprocess
from dataclasses import replace

import pytest

from tests.integration.user import User

pytestmark = pytest.mark.integration


def test_twice_the_time_is_called(user: User) -> None:
    result = user.run("bench", "sleep 0.01", "sleep 0.02", "--json")
    assert result.code == 1, result  # a regression is bad news
    document = result.document
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
    assert all(1 << 20 < memory < 8 << 20 for memory in small["memory_usage_byte"])
    assert all(200 << 20 < memory < 300 << 20 for memory in large["memory_usage_byte"])


def test_every_run_has_its_own_input_and_preparation(user: User) -> None:
    (user.folder / "input").write_text("a line\n")
    log = user.folder / "log"
    prepare = f"printf p >> {log}"
    options = ("--input", user.folder / "input", "--prepare", prepare, "--shell", "sh", "--runs", "3")
    user.does("bench", f"cat >> {log}", f"tee -a {log}", *options)
    runs, rest = divmod(len(log.read_text()), len("pa line\n"))
    assert (log.read_text(), rest) == ("pa line\n" * runs, 0)
    assert 2 + 3 * 2 <= runs <= 2 + 3 * 3 + 3  # a warm-up each, three blocks, a primer and the copy in some of them


@pytest.mark.parametrize(
    ("arguments", "code", "what"),
    [
        (("true", "no-such-program-here"), 1, "cannot run 'no-such-program-here'"),
        (("true", "false"), 1, "false fails: exit code 1"),
        (("true", "kill -SEGV $$", "--shell", "sh"), 1, "signal 11"),
        (("sleep 0", "sleep 60", "--timeout", "1s"), 1, "no end after 1 s"),
        (("true", "true", "--prepare", "exit 3"), 2, "the --prepare command fails: exit code 3"),
    ],
)
def test_programs_that_do_not_work(user: User, arguments: tuple[str, ...], code: int, what: str) -> None:
    error = user.run("bench", *arguments).refused(code)
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


def test_a_launcher_is_not_its_bytes(user: User) -> None:
    """Two releases with one launcher, and other code behind it that is found by the launcher's place."""
    for side, seconds in (("old", 0), ("new", 0.2)):
        for folder in ("bin", "lib"):
            (user.folder / side / folder).mkdir(parents=True)
        for name, text in {
            "bin/tool": '#!/bin/sh\nexec "$(dirname "$(readlink -f "$0")")/../lib/impl" "$@"\n',
            "lib/impl": f"#!/bin/sh\nsleep {seconds}\n",
        }.items():
            (user.folder / side / name).write_text(text)
            (user.folder / side / name).chmod(0o755)
    result = user.run(
        "bench", "--bin", "a=old/bin/tool", "--bin", "b=new/bin/tool", "--runs", "3", "--json", "--", "{bin}"
    )
    wall = next(row for row in result.document["rows"] if row["metric"] == "wall")
    assert wall["head"] > 0.2 > wall["base"]


@pytest.mark.parametrize("option", [("--shell", "sh"), ("-S", "bash")])
def test_a_bench_run_by_a_shell_reads_what_the_shell_gives_it(user: User, option: tuple[str, ...]) -> None:
    (user.folder / "in put").mkdir()
    for side in ("old", "new"):
        program = user.folder / "in put" / side
        program.write_text(f"#!/bin/sh\n: {side}\nwc -c\n")
        program.chmod(0o755)
    (user.folder / "in").write_bytes(bytes(5000))
    pair = ("--bin", "a=in put/old", "--bin", "b=in put/new", "--runs", "3", "--json")
    found = user.does("bench", *option, *pair, "--bench", "x={bin} < in").document
    assert [row["base"] for row in found["rows"] if row["metric"] == "output"] in ([5], [])
    assert not found["failures"]
    (user.folder / "trimtab.toml").write_text('[[bench]]\nname = "x"\ncommand = "{bin}"\nstdin = "in"\n')
    user.does("bench", *pair)
    (user.folder / "trimtab.toml").write_text('[[bench]]\nname = "x"\ncommand = "{bin} < in"\n')
    assert "the bench 'x' has <" in user.run("bench", *pair).refused(2)


EXAMPLES = """\
'sleep 0.01'
--runs 5 'sleep 0.01'
'wc -c file' 'cksum file'
--warmup 3 'grep -R TODO *'
--prepare 'sync; true' 'grep -R TODO *'
--prepare 'true clean' --parameter-scan num_threads 1 3 'echo make -j {num_threads}'
--parameter-scan delay 0.03 0.07 -D 0.02 'sleep {delay}'
-L compiler gcc,clang 'echo {compiler} -O2 main.cpp'
--shell bash 'for i in {1..100}; do echo test; done'
-N 'grep TODO file'
--shell=bash my_function
'my_function() { sleep 0.01; }; my_function'
'. ./my_alias.sh; my_alias'
'sleep 0.020' 'sleep 0.021' 'sleep 0.022' --export-json runs.json
-P size 0 2 'sleep $(({size} / 100))'
-n first -n second -i 'exit 1' 'false'
--setup 'touch made' --cleanup 'rm made' 'test -e made'
'echo > output-${HYPERFINE_ITERATION}.log'
--reference 'sleep 0.02' --reference-name ref -L t 1,2 'sleep 0.0{t}' --export-markdown - --style basic
--conclude 'true' --output=pipe --input file -u millisecond --sort mean-time 'cat'
--ignore-failure=3,4 --min-runs 3 --max-runs 4 -w 0 'exit 3' 'exit 4'
"""
"""Command lines of hyperfine's README and help, shorter and with tools that are everywhere."""
_NEWER = {"--reference", "--conclude", "--ignore-failure=3,4"}


@pytest.mark.slow
@pytest.mark.parametrize("line", EXAMPLES.splitlines())
def test_hyperfines_own_examples_run_unchanged(user: User, line: str) -> None:
    (user.folder / "file").write_text("TODO\n")
    (user.folder / "my_alias.sh").write_text("my_alias() { true; }\n")
    arguments = shlex.split(line)
    exports = () if "--export-json" in arguments else ("--export-json", "runs.json")
    few = () if {"--runs", "--max-runs"} & set(arguments) else ("-r", "2")
    functions = {"BASH_FUNC_my_function%%": "() { true; }"}
    shell = replace(user, environment={**user.environment, **functions})
    result = shell.run("bench", "-q", *arguments, *exports, *few)
    assert result.code == 0, result
    ours = json.loads((user.folder / "runs.json").read_text())["results"]
    if not (hyperfine := shutil.which("hyperfine")) or _NEWER & set(arguments):
        return  # the one of Debian 12 does not know these yet
    (user.folder / "runs.json").unlink()
    subprocess.run(
        [hyperfine, *arguments, *exports, *few, "--style", "none"],
        cwd=user.folder, env=dict(shell.environment), check=True, capture_output=True,
    )  # fmt: skip
    theirs = json.loads((user.folder / "runs.json").read_text())["results"]
    for our, their in zip(ours, theirs, strict=True):
        assert set(their) - set(our) == set()
        assert set(our) - set(their) <= {"memory_usage_byte"}
        for key in ("command", "parameters", "exit_codes"):
            assert our.get(key) == their.get(key)
        assert len(our["times"]) == len(their["times"])


def test_a_table_is_hyperfines_own(user: User) -> None:
    """The tables of both, of the same numbers as far as times can be."""
    if not (hyperfine := shutil.which("hyperfine")):
        pytest.skip("hyperfine is not here")
    names = ("markdown", "csv", "asciidoc", "orgmode")
    exports = [argument for name in names for argument in (f"--export-{name}", name)]
    arguments = ["-L", "t", "1,9", "sleep 0.0{t} | cat", "-r", "2", *exports]
    user.does("bench", *arguments)
    ours = {name: (user.folder / name).read_text() for name in names}
    subprocess.run(
        [hyperfine, *arguments], cwd=user.folder, env=dict(user.environment), check=True, capture_output=True
    )
    for name in names:
        shape = [_without_numbers(text) for text in (ours[name], (user.folder / name).read_text())]
        assert shape[0] == shape[1]


def _without_numbers(text: str) -> str:
    return re.sub(r"[\d.]+(e-\d+)?", "0", re.sub(r"0 ± |\[.?s\]| ± [\d.]+", "", text))
