"""The other commands, the names under which trimtab is called, and what a script sees."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.user import User, scripts

pytestmark = pytest.mark.integration

QUICK = ("--axis", "opt-level=s", "--measure", "size")


@pytest.fixture(scope="module")
def explorer(new_user: Callable[[Path], User], tmp_path_factory: pytest.TempPathFactory) -> User:
    """A user with two studies."""
    user = new_user(tmp_path_factory.mktemp("explorer"))
    user.explores(user.project("duo"), *QUICK)
    user.explores(user.project("picky"), "--axis", "panic=abort", "--measure", "size")
    return user


def test_the_history_lists_the_newest_first(explorer: User) -> None:
    studies = explorer.does("history", "--json").document
    assert studies["schema"] == "trimtab.history/1"
    assert [listed["project"] for listed in studies["studies"]] == ["picky", "duo"]
    assert [(listed["planned"], listed["trials"], listed["failed"]) for listed in studies["studies"]] == [
        (2, 2, 1),
        (2, 2, 0),
    ]
    text = explorer.does("history").out
    assert text.index("picky-") < text.index("duo-")


def test_a_study_is_shown_by_its_id_or_the_beginning_of_it_or_as_the_last(explorer: User) -> None:
    newest, oldest = (listed["id"] for listed in explorer.does("history", "--json").document["studies"])
    assert explorer.does("show", "--json").document["id"] == newest
    assert explorer.does("show", "last", "--json").document["id"] == newest
    assert explorer.does("show", oldest, "--json").document["id"] == oldest
    assert explorer.does("show", "du", "--json").document["id"] == oldest
    assert oldest in explorer.does("show", oldest).out


def test_what_is_shown_is_plain_text_in_a_pipe(explorer: User) -> None:
    for arguments in (("show",), ("history",), ("doctor",)):
        assert "\x1b" not in explorer.does(*arguments).out


def test_quiet_says_nothing_on_the_way(explorer: User) -> None:
    result = explorer.does("explore", explorer.folder / "duo", *QUICK, "--quiet")
    assert result.err == ""
    assert "For the goal" in result.out


def test_the_settings_that_init_writes_are_read(user: User) -> None:
    project = user.project("duo")
    with (project / "Cargo.toml").open("a") as manifest:
        manifest.write('\n[profile.release]\nlto = "off"\n')
    shown = user.does("init", project, "--dry-run").out
    assert not (project / "trimtab.toml").exists()
    assert user.does("init", project).out == shown
    text = (project / "trimtab.toml").read_text()
    assert text == shown
    assert 'bin = "duo"' in text
    assert "lto = off" in text
    assert user.builds() == []
    text = text.replace("# opt-level = [3, ", "opt-level = [3, ").replace('"z"]', '"s"]')
    text = text.replace('# probes = ["size", "build", "touch", "run"]', 'probes = ["size"]')
    (project / "trimtab.toml").write_text(text.replace('goal = "balanced"', 'goal = "size"'))
    study = user.explores(project)
    assert [trial["label"] for trial in study["trials"]] == ["today", "opt-level s"]
    assert study["recommendation"]["goal"] == "size"
    assert all(name.startswith("size.") for trial in study["trials"] for name in trial["metrics"])


def test_every_line_of_the_settings_is_right_when_uncommented(user: User) -> None:
    project = user.project("duo")
    user.does("init", project)
    lines = (project / "trimtab.toml").read_text().splitlines()
    keys = [re.sub(r"^# (?=[a-z\[])", "", line) if re.match(r"# ([a-z-]+ = |\[\[)", line) else line for line in lines]
    text = "\n".join(keys)
    assert text.count("[[bench]]") == 1
    for placeholder in ('package = "name"', 'features = ["a", "b"]', 'touch = "src/lib.rs"'):
        assert placeholder in text
        text = text.replace(placeholder, "")
    (project / "trimtab.toml").write_text(text)
    assert "18 profiles" not in user.does("explore", project, "--dry-run").err


def test_the_doctor_finds_what_is_here(user: User) -> None:
    document = user.does("doctor", "--json").document
    assert document["schema"] == "trimtab.doctor/1"
    checks = {check["name"]: check for check in document["checks"]}
    assert checks["cargo"]["health"] == "ok"
    assert checks["cargo"]["found"].startswith("cargo 1.")
    assert checks["rustc"]["found"].startswith("rustc ")
    for check in checks.values():
        assert check["health"] == "ok" or check["cost"], check


def test_the_doctor_tells_what_is_missing_and_how_to_get_it(user: User) -> None:
    nothing = user.folder / "nothing"
    nothing.mkdir()
    result = user.run("doctor", "--json", PATH=str(nothing))
    assert result.code == 1
    checks = {check["name"]: check for check in result.document["checks"]}
    assert checks["cargo and rustc"]["health"] == "missing"
    assert "rustup" in checks["cargo and rustc"]["remedy"]
    assert checks["valgrind"]["health"] == "note"
    assert "valgrind" in checks["valgrind"]["remedy"]
    assert checks["cc"]["health"] == "missing"
    text = user.run("doctor", PATH=str(nothing))
    assert text.code == 1
    assert "no cargo on PATH" in text.out


def test_without_valgrind_the_instructions_are_absent_with_the_reason(user: User, toolchain: Path) -> None:
    tools = user.folder / "no-valgrind"
    tools.mkdir()
    for name in ("cc", "ld", "sh", "git", "objcopy"):
        if executable := shutil.which(name):
            (tools / name).symlink_to(executable)
    for name in ("cargo", "rustc"):  # the toolchain's folder may hold a valgrind as well
        (tools / name).symlink_to(toolchain / name)
    bench = ("--measure", "run", "--bench", "count={bin} count 1", "--bench-time", "10ms")
    path = f"{user.folder / 'tools'}:{tools}"
    study = user.explores(user.project("duo"), "--axis", "opt-level=s", *bench, PATH=path)
    for trial in study["trials"]:
        assert "valgrind" in trial["absent"]["run.count.instructions"]
        assert "run.count.instructions" not in trial["metrics"]
        assert trial["metrics"]["run.count.wall"]["value"] > 0


def test_cargo_knows_the_subcommand(user: User) -> None:
    # The script alone: beside it there can be a cargo, which is not this user's.
    found = user.folder / "found"
    found.mkdir()
    (found / "cargo-trimtab").symlink_to(scripts() / "cargo-trimtab")
    environment = {**user.environment, "PATH": f"{found}:{user.environment['PATH']}"}
    version = subprocess.run(
        ["cargo", "trimtab", "--version"], env=environment, capture_output=True, text=True, check=True
    )
    assert version.stdout.startswith("trimtab, version ")
    argv = ["cargo", "trimtab", "explore", *QUICK, "--json"]
    project = user.project("duo")
    explored = subprocess.run(argv, env=environment, cwd=project, capture_output=True, text=True, check=True)
    assert [trial["status"] for trial in json.loads(explored.stdout)["trials"]] == ["ok", "ok"]


def test_the_console_script_is_the_same_program(user: User) -> None:
    done = subprocess.run(
        [str(scripts() / "trimtab"), "--version"],
        env=dict(user.environment),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == user.does("--version").out


def test_help_names_every_command(user: User) -> None:
    text = user.does("--help").out
    for command in ("explore", "apply", "show", "history", "init", "doctor"):
        assert f"  {command} " in text
        assert "Usage: trimtab" in user.does(command, "--help").out


SCRIPT = """\
import trimtab

study = trimtab.explore(
    "duo", axes={"opt-level": [3, "s"], "codegen-units": [16, 1]}, measure=["size"], goal="size", store="own.db"
)
answer = trimtab.answer(study)
print(len(study.trials), study.baseline_trial.status, answer.recommendation.goal)
print(sorted(trial.profile.codegen_units for trial in study.trials))
try:
    trimtab.explore("duo", axes={"ltoo": ["fat"]})
except trimtab.InputError as error:
    print(error.what)
"""


def test_a_script_can_explore(user: User) -> None:
    user.project("duo")
    argv = [sys.executable, "-W", "error", "-c", SCRIPT]
    environment = dict(user.environment)
    done = subprocess.run(argv, cwd=user.folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["4 ok size", "[1, 1, 16, 16]", "there is no axis 'ltoo'"]
    assert done.stderr == ""
    assert (user.folder / "own.db").exists()
    assert not user.store.exists()


def test_a_reader_that_goes_away_is_no_error(explorer: User) -> None:
    argv = f"'{sys.executable}' -m trimtab show --json | head -c 10; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", argv], env=dict(explorer.environment), capture_output=True, text=True, check=True
    )
    assert "Traceback" not in done.stderr
    assert done.stderr == ""
