"""`trimtab parity` with real programs, some of them hostile, and with a project whose profiles differ."""

from __future__ import annotations

import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.wheels import make_wheel
from tests.integration.user import User, eventually, processes_about, snapshot

pytestmark = pytest.mark.integration

HOSTILE = """\
#!/usr/bin/env python3
# {side}
import os, pathlib, signal, subprocess, sys, time
what = pathlib.Path(sys.argv[1]).name
if what == "writes":
    with open("large", "wb") as file:
        while True:
            file.write(bytes(1 << 20))
elif what == "many":
    for number in range(10_000_000):
        with open(f"small-{{number}}", "wb") as file:
            file.write(b"x")
elif what == "prints":
    while True:
        os.write(1, b"y" * (1 << 20))
elif what == "forks":
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    for number in range(20):
        if not os.fork():
            if number % 2:
                os.setsid()
                if os.fork():
                    os._exit(0)
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            time.sleep(600)
    print("forked")
elif what == "stays":
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    subprocess.Popen(["setsid", "sleep", "600"])
    time.sleep(600)
elif what == "reads":
    print(len(sys.stdin.read()))
elif what == "dies":
    os.kill(os.getpid(), signal.SIGSEGV)
elif what == "removes":
    pathlib.Path(sys.argv[1]).unlink()
elif what == "random":
    print(time.time_ns())
else:
    print(what, "{side}" if what == "differs" else "")
"""
CORPUS = ("differs", "dies", "fine", "forks", "many", "prints", "random", "reads", "removes", "stays", "writes")
LIB = """\
fn main() {
    let root = std::env::var("CARGO_MANIFEST_DIR").unwrap();
    std::fs::remove_dir_all(root).unwrap();
}
"""


def script(folder: Path, name: str, text: str) -> Path:
    """A program that is a script."""
    path = folder / name
    path.write_text(text)
    path.chmod(0o755)
    return path


def differences(document: dict[str, Any], check: int = 0) -> dict[str, dict[str, Any]]:
    """Differences by input."""
    return {entry["input"]: entry for entry in document["checks"][check]["differences"]}


def test_hostile_inputs_are_contained_and_the_rest_goes_on(user: User) -> None:
    for side in ("base", "head"):
        script(user.folder, side, HOSTILE.format(side=side))
    corpus = user.folder / "corpus"
    corpus.mkdir()
    for name in CORPUS:
        (corpus / name).touch()
    (user.folder / "trimtab.toml").write_text(
        '[[parity]]\nname = "all"\ncommand = "{bin} {input}"\ninputs = "corpus/*"\n'
        'timeout = "3s"\nmost-written = "4M"\n'
    )
    before, scratch = snapshot(corpus), user.folder / "scratch"
    scratch.mkdir()
    result = user.run("parity", "base", "head", "--json", TMPDIR=str(scratch))
    assert result.code == 1, result
    document = result.document
    assert document["counts"] == {"inputs": len(CORPUS), "same": 5, "differ": 1, "flaky": 1, "not_compared": 4}
    assert list(differences(document)) == ["corpus/differs"]
    assert differences(document)["corpus/differs"]["changes"] == [
        {"where": "stdout", "removed": ["differs base"], "added": ["differs head"], "remark": ""}
    ]
    assert [entry["input"] for entry in document["checks"][0]["flaky"]] == ["corpus/random"]
    endings = {entry["ending"]: (entry["base"], entry["head"]) for entry in document["checks"][0]["endings"]}
    assert endings == {"signal": (1, 1), "time-out": (1, 1), "flood": (3, 3), "exit": (6, 6)}
    assert snapshot(corpus) == before
    assert list(scratch.iterdir()) == []
    assert eventually(lambda: not processes_about(scratch)), processes_about(scratch)


def test_a_project_whose_build_script_deletes_its_own_tree(user: User) -> None:
    projects = user.folder / "projects"
    for name in ("bad", "good"):
        (projects / name / "src").mkdir(parents=True)
        (projects / name / "Cargo.toml").write_text(
            f'[package]\nname = "{name}"\nversion = "0.0.0"\nedition = "2021"\n'
        )
        (projects / name / "src" / "lib.rs").touch()
    (projects / "bad" / "build.rs").write_text(LIB)
    text = (
        '#!/bin/sh\n# {}\nexec cargo check --quiet --offline --manifest-path "$1/Cargo.toml" --target-dir "$TMPDIR"\n'
    )
    for side in ("base", "head"):
        script(user.folder, side, text.format(side))
    before = snapshot(projects)
    arguments = ("--check", "check={bin} {input}", "--projects", "projects", "--json")
    document = user.run("parity", "base", "head", *arguments).document
    assert snapshot(projects) == before
    (check,) = document["checks"]
    assert check["counts"]["inputs"] == 2
    assert {project["name"]: project["differ"] for project in check["projects"]} == {"bad": 0, "good": 0}
    exits = {entry["ending"]: entry["base"] for entry in check["endings"]}
    assert exits == {"exit": 2}


@pytest.mark.slow
def test_a_planted_miscompile_is_found_and_named(user: User) -> None:
    project = user.project("fickle")
    (project / "corpus").mkdir()
    for name, text in (("fine", "1\n2\n"), ("answer", "40\n2\n"), ("words", "no number\n")):
        (project / "corpus" / name).write_text(text)
    (project / "trimtab.toml").write_text(
        '[[parity]]\nname = "add"\ncommand = ["{bin}", "{input}"]\ninputs = "corpus/*"\n'
    )
    before = snapshot(project)

    result = user.run("parity", "release", "checked", "--json", cwd=project)
    assert result.code == 1, result
    (name, difference), *rest = differences(result.document).items()
    assert (name, rest) == ("corpus/answer", [])
    assert difference["changes"] == [{"where": "stdout", "removed": ["42"], "added": ["43"], "remark": ""}]
    (failed,) = differences(result.document, 1).values()
    assert (result.document["checks"][1]["name"], failed["input"]) == ("cargo test", "tests::does_not_mind_the_profile")
    assert "built with debug assertions" in failed["changes"][0]["added"]

    aborting = user.run("parity", "release", "aborting", "--json", "--no-tests", cwd=project)
    assert aborting.code == 1, aborting
    ((name, difference),) = differences(aborting.document).items()
    assert name == "corpus/words"
    assert (difference["base"]["ending"], difference["base"]["exit_code"]) == ("panic", 101)
    assert (difference["head"]["ending"], difference["head"]["exit_code"]) == ("panic", -signal.SIGABRT)
    assert "panicked at src/main.rs" in difference["head"]["message"]

    same = user.does("parity", "release", "other", "--json", cwd=project).document
    assert same["counts"]["differ"] == same["counts"]["flaky"] == 0
    assert [check["counts"]["inputs"] for check in same["checks"]] == [3, 2]
    assert snapshot(project) == before


def test_test_targets_that_die_and_harnesses_of_their_own(user: User) -> None:
    project = user.project("fickle")
    (project / "tests").mkdir()
    for name, text in (
        ("dies", "#[test]\nfn late() {\n    if cfg!(debug_assertions) {\n        std::process::abort();\n    }\n}\n"),
        ("old", '#[test]\nfn fails() {\n    println!("running 1 test");\n    panic!("as ever");\n}\n'),
        ("own", "fn main() {\n    std::process::exit(if cfg!(debug_assertions) { 3 } else { 0 });\n}\n"),
    ):
        (project / "tests" / f"{name}.rs").write_text(text)
    with (project / "Cargo.toml").open("a") as manifest:
        manifest.write('\n[[test]]\nname = "own"\nharness = false\n')
    result = user.run("parity", "release", "checked", "--check", "help={bin} --help", "--json", cwd=project)
    assert result.code == 1, result
    ends = {(entry["project"], entry["input"]): entry for entry in result.document["checks"][1]["differences"]}
    assert {key: entry["head"]["ending"] for key, entry in ends.items()} == {
        ("tests/dies.rs (dies)", "late"): "exit",
        ("tests/dies.rs (dies)", "as a whole"): "signal",
        ("tests/own.rs (own)", "as a whole"): "exit",
        ("unittests src/main.rs (fickle)", "tests::does_not_mind_the_profile"): "panic",
    }
    assert ends["tests/own.rs (own)", "as a whole"]["head"]["message"] == "exit status: 3"
    assert all(entry["stable"] for entry in ends.values())
    assert result.document["checks"][1]["counts"]["same"] == 2  # one of them fails on both sides


def test_a_crash_is_not_hidden_by_a_clock(user: User) -> None:
    script(user.folder, "base", "#!/bin/sh\ndate +%N\n")
    script(user.folder, "head", "#!/bin/sh\nkill -SEGV $$\n")
    document = user.run("parity", "base", "head", "--check", "run={bin}", "--json").document
    (difference,) = differences(document).values()
    assert (difference["base"]["exit_code"], difference["head"]["exit_code"]) == (0, -signal.SIGSEGV)


def test_a_script_finds_what_lies_beside_it(user: User) -> None:
    for side in ("a", "b"):
        (user.folder / side).mkdir()
        script(user.folder / side, "tool", '#!/bin/sh\n. "$(dirname "$0")/lib.sh"\n')
        (user.folder / side / "lib.sh").write_text(f"echo {side}\n")
    document = user.run("parity", "a/tool", "b/tool", "--check", "run={bin}", "--json").document
    (difference,) = differences(document).values()
    assert difference["changes"] == [{"where": "stdout", "removed": ["a"], "added": ["b"], "remark": ""}]


def test_written_files_are_compared(user: User) -> None:
    for side, content in (("base", "one"), ("head", "two")):
        text = f'echo {content} > "$1/out"\necho x >> "$1/lib.py"\necho "$HOME" >> "$HOME/log"\ntouch "$TMPDIR/t"\n'
        script(user.folder, side, f"#!/bin/sh\n{text}")
    project = user.folder / "projects" / "app"
    project.mkdir(parents=True)
    (project / "lib.py").write_text("import os\n")
    arguments = ("--check", "fix={bin} {input}", "--projects", "projects", "--json")
    document = user.run("parity", "base", "head", *arguments).document
    (difference,) = differences(document).values()
    assert difference["changes"] == [{"where": "file app/out", "removed": ["one"], "added": ["two"], "remark": ""}]


def test_smoke_runs_and_markdown(user: User) -> None:
    for side in ("base", "head"):
        script(user.folder, side, f'#!/bin/sh\n# {side}\n[ "$1" = --help ] && echo usage: "$0" || echo {side} 1.0\n')
    result = user.run("parity", "base", "head", "--markdown")
    assert result.code == 1
    assert "#### help: no differences over 1 input" in result.out  # though it says where it lies
    assert "-base 1.0\n+head 1.0" in result.out


def test_identical_programs(user: User) -> None:
    for side in ("base", "head"):
        (user.folder / side).mkdir()
        shutil.copy(shutil.which("sleep") or "", user.folder / side / "tool")
    found = user.does("parity", "base/tool", "head/tool", "--check", "long={bin} 60", "--json").document
    assert found["identical"] is True


def test_one_launcher_for_two_programs_is_not_identical(user: User) -> None:
    launcher = '#!/bin/sh\nexec "$(dirname "$(readlink -f "$0")")/../lib/impl" "$@"\n'
    for side in ("base", "head"):
        for folder in ("bin", "lib"):
            (user.folder / side / folder).mkdir(parents=True)
        script(user.folder / side / "bin", "tool", launcher)
        script(user.folder / side / "lib", "impl", f'#!/bin/sh\necho {side} from "$0"\n')
    result = user.run("parity", "base/bin/tool", "head/bin/tool", "--check", "c={bin}", "--json")
    assert result.code == 1
    (difference,) = differences(result.document).values()
    (change,) = difference["changes"]
    assert (change["removed"], change["added"]) == (
        ["base from [program]/bin/../lib/impl"], ["head from [program]/bin/../lib/impl"],
    )  # fmt: skip


@pytest.mark.skipif(not shutil.which("cc"), reason="no C compiler")
def test_a_program_that_finds_its_library_by_its_own_place(user: User) -> None:
    (user.folder / "f.c").write_text("int f(int x) { return x + 1; }\n")
    (user.folder / "m.c").write_text("#include <stdio.h>\nint f(int x);\nint main() { puts(V); return f(-1); }\n")
    for side in ("base", "head"):
        for folder in ("bin", "lib"):
            (user.folder / side / folder).mkdir(parents=True)
        library, program = user.folder / side / "lib" / "libf.so", user.folder / side / "bin" / "tool"
        for argv in (
            ("cc", "-shared", "-fPIC", "-Wl,-soname,libf.so", "f.c", "-o", str(library)),
            (
                "cc",
                f'-DV="{side}"',
                "m.c",
                f"-L{library.parent}",
                "-lf",
                "-Wl,-rpath,$ORIGIN/../lib",
                "-o",
                str(program),
            ),
        ):
            subprocess.run(argv, cwd=user.folder, check=True)
    arguments = ("base/bin/tool", "head/bin/tool", "--check", "c={bin} x", "--json")
    result = user.run("parity", *arguments)
    assert result.code == 1
    (difference,) = differences(result.document).values()
    assert difference["changes"] == [{"where": "stdout", "removed": ["base"], "added": ["head"], "remark": ""}]
    for side in ("base", "head"):
        (user.folder / side / "lib" / "libf.so").unlink()
    result = user.run("parity", *arguments)
    assert result.code == 1
    assert result.document["headline"] == "none of 1 input could be compared; 1 not compared"
    (aside,) = result.document["checks"][0]["not_compared"]
    assert "libf.so" in aside["reason"]


def test_standard_input(user: User) -> None:
    script(user.folder, "base", "#!/bin/sh\nwc -c\n")
    script(user.folder, "head", '#!/bin/sh\nn=$(wc -c); [ "$n" = 0 ] && echo 0 || echo "head $n"\n')
    (user.folder / "corpus").mkdir()
    (user.folder / "corpus" / "a").write_text("hello\n")
    refused = user.run("parity", "base", "head", "--check", "c={bin} < {input}", "--inputs", "corpus/*").refused(2)
    assert 'stdin = "{input}"' in refused
    (user.folder / "trimtab.toml").write_text(
        '[[parity]]\nname = "c"\ncommand = "{bin}"\nstdin = "{input}"\ninputs = "corpus/*"\n'
    )
    (difference,) = differences(user.run("parity", "base", "head", "--json").document).values()
    assert difference["changes"][0]["added"] == ["head 6"]


def test_one_random_line_hides_nothing(user: User) -> None:
    for side in ("base", "head"):
        script(user.folder, side, f"#!/bin/sh\ndate +%s%N\necho {side}\necho end\n")
    (difference,) = differences(user.run("parity", "base", "head", "--check", "c={bin}", "--json").document).values()
    (change,) = difference["changes"]
    assert (change["removed"], change["added"]) == (["base"], ["head"])


def test_wheels_are_installed_for_their_scripts_and_their_interpreter(user: User) -> None:
    for side, number in (("base", 1), ("head", 2)):
        (user.folder / side).mkdir()
        make_wheel(
            user.folder / side / "app-0.1.0-py3-none-any.whl",
            {"app.py": f"def main():\n    print({number}, __file__)\n", "app-0.1.0.dist-info/RECORD": ""},
            "[console_scripts]\napp = app:main\napp-other = app:main\n",
        )
    wheels = [user.folder / side / "app-0.1.0-py3-none-any.whl" for side in ("base", "head")]
    checks = ("--check", "script={bin}", "--check", "module={python} -c 'import app; app.main()'")
    result = user.run("parity", *wheels, *checks, "--json")
    assert result.code == 1, result
    for check in range(2):
        (difference,) = differences(result.document, check).values()
        (change,) = difference["changes"]
        assert [line.partition(" ")[0] for line in (*change["removed"], *change["added"])] == ["1", "2"]
        assert "[program]" in change["added"][0]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_leaves_nothing_behind(user: User, number: signal.Signals) -> None:
    text = '#!/bin/sh\n# {}\ncase "$1" in *slow*) sleep 600;; esac\necho x\n'
    for side in ("base", "head"):
        script(user.folder, side, text.format(side))
    (user.folder / "corpus").mkdir()
    for name in ("a-quick", "b-slow", "c-slow", "d-slow"):
        (user.folder / "corpus" / name).touch()
    scratch = user.folder / "scratch"
    scratch.mkdir()
    arguments = ("--check", "all={bin} {input}", "--inputs", "corpus/*", "--jobs", "2", "--json")
    running = user.start("parity", "base", "head", *arguments, TMPDIR=str(scratch))
    assert eventually(lambda: sum("sleep 600" in line for line in processes_about(scratch)) == 2)
    result = running.stop(number)
    assert result.code == 130
    assert result.document["complete"] is False
    assert result.document["counts"] == {"inputs": 1, "same": 1, "differ": 0, "flaky": 0, "not_compared": 0}
    assert list(scratch.iterdir()) == []
    assert eventually(lambda: not processes_about(scratch)), processes_about(scratch)


@pytest.mark.registry
def test_packages_as_corpus(user: User) -> None:
    for side in ("base", "head"):
        script(user.folder, side, f'#!/bin/sh\n# {side}\ngrep -c . "$1"\n')
    arguments = ("--check", "count={bin} {input}", "--fetch", "pypi:iniconfig==2.0.0", "--inputs", "**/*.py", "--json")
    result = user.run("parity", "base", "head", *arguments)
    if result.code == 3:
        pytest.skip(result.err)
    assert result.code == 0, result
    assert result.document["counts"]["inputs"] > 2
    assert {project["name"] for project in result.document["checks"][0]["projects"]} == {"pypi:iniconfig==2.0.0"}


def test_a_program_that_cannot_be_started(user: User) -> None:
    for side in ("base", "head"):
        script(user.folder, side, f"#!/no/such/interpreter\n# {side}\n")
    result = user.run("parity", "base", "head", "--json")
    assert result.code == 1
    assert [one["input"] for one in result.document["checks"][0]["not_compared"]] == ["help"]
    assert "cannot run" in result.document["checks"][0]["not_compared"][0]["reason"]
