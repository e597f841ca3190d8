"""``trimtab apply``: a chosen profile goes into Cargo.toml, the others keep what they had, and Cargo agrees."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.integration.user import User, by_label, snapshot

pytestmark = pytest.mark.integration

PROFILES = """
# how we ship
[profile.release]
opt-level = 3  # fast

[profile.profiling]
inherits = "release"
debug = 1

[profile.dist]
inherits = "release"
lto = "thin"
"""
AXIS = ("--axis", "lto=off", "--axis", "codegen-units=1", "--measure", "size,build")


@pytest.fixture(scope="module")
def user(new_user: Callable[[Path], User], tmp_path_factory: pytest.TempPathFactory) -> User:
    """One for all of these tests, so that what has been built for one is known to the others."""
    return new_user(tmp_path_factory.mktemp("apply"))


@pytest.fixture
def project(user: User) -> Path:
    """The project, as it was before any test."""
    return _made_anew(user)


@pytest.fixture(scope="module")
def chosen(user: User) -> tuple[str, ...]:
    """Arguments that choose its trial without LTO and with one codegen unit; it is explored once."""
    trial = _explored(user, _made_anew(user))
    return (user.does("show", "--json").document["id"], "--trial", trial)


def _made_anew(user: User) -> Path:
    shutil.rmtree(user.folder / "duo", ignore_errors=True)
    project = user.project("duo")
    with (project / "Cargo.toml").open("a") as manifest:
        manifest.write(PROFILES)
    (project / "app" / "benches").mkdir()
    (project / "app" / "benches" / "speed.rs").write_text("fn main() {}\n")
    return project


def test_a_rehearsal_writes_nothing(user: User, chosen: tuple[str, ...], project: Path) -> None:
    before = snapshot(project)
    result = user.does("apply", *chosen, "--dry-run")
    assert snapshot(project) == before
    for line in ('+lto = "off"', "+codegen-units = 1", "nothing was written"):
        assert line in result.out


def test_without_an_answer_nothing_is_written(user: User, chosen: tuple[str, ...], project: Path) -> None:
    before = snapshot(project)
    user.run("apply", *chosen)
    assert snapshot(project) == before


def test_the_others_keep_what_they_had_and_cargo_agrees(user: User, chosen: tuple[str, ...], project: Path) -> None:
    text = (project / "Cargo.toml").read_text()
    before = {name: _profile(user, project, name) for name in ("release", "profiling", "dist", "bench", "dev")}
    user.does("apply", *chosen, "--yes")
    after = {name: _profile(user, project, name) for name in before}
    assert {name for name in before if after[name] != before[name]} == {"release"}
    assert (after["release"]["lto"], after["release"]["codegen_units"]) == ("off", 1)
    written = (project / "Cargo.toml").read_text()
    remaining = iter(written.splitlines())
    assert all(line in remaining for line in text.splitlines()), "a line was lost"
    leftover = [path.name for path in project.iterdir() if path.name.startswith(".Cargo.toml")]
    assert leftover == []


def test_a_comment_tells_the_numbers_and_how_to_check_them(user: User, chosen: tuple[str, ...], project: Path) -> None:
    user.does("apply", *chosen, "--yes")
    lines = (project / "Cargo.toml").read_text().splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("# trimtab 20"))
    block = [line for line in lines[start:] if line.startswith("#")]
    assert "rustc " in block[0]
    assert any("stripped size" in line and "→" in line and "%" in line for line in block)
    (check,) = [line for line in block if "check again: trimtab explore" in line]
    command = check.partition("check again: trimtab ")[2].split()
    assert user.run(*command, "--measure", "size", "--dry-run", cwd=project).code == 0
    assert lines.index('lto = "off"') > start


def test_applying_again_changes_nothing(user: User, chosen: tuple[str, ...], project: Path) -> None:
    user.does("apply", *chosen, "--yes")
    before = snapshot(project)
    again = user.run("apply", *chosen, "--yes")
    if again.code == 0:
        assert "nothing to change" in again.out
    else:
        assert "has changed since the study" in again.refused(2)
    assert snapshot(project) == before


@pytest.mark.slow
def test_afterwards_the_new_profile_is_that_of_today(user: User, chosen: tuple[str, ...], project: Path) -> None:
    user.does("apply", *chosen, "--yes")
    study = user.explores(project, "--axis", "opt-level=s", "--measure", "size")
    assert study["trials"][0]["label"] == "today"
    assert study["trials"][0]["profile"]["lto"] == "off"
    assert study["trials"][0]["profile"]["codegen-units"] == 1
    back = user.explores(project, "--axis", "lto=local", "--axis", "codegen-units=16", "--measure", "size")
    user.does("apply", "--trial", back["trials"][1]["id"], "--yes")
    for name in ("release", "profiling", "dist"):
        assert _profile(user, project, name)["codegen_units"] == 16
    assert (project / "Cargo.toml").read_text().count("# trimtab 20") == 1


def test_the_recommended_profile_is_taken_for_the_goal(user: User, project: Path) -> None:
    user.explores(project, "--axis", "opt-level=0,3", "--measure", "size,build", "--limit", "build=1000x")
    study = user.does("show", "--json").document
    recommended = study["recommendation"]
    assert recommended["keeps_today"] is True  # level 0 is larger
    result = user.does("apply", "--yes")
    assert "nothing to change" in result.out
    assert "# trimtab" not in (project / "Cargo.toml").read_text()


def test_in_a_project_its_own_study_is_taken_and_no_other(user: User, project: Path) -> None:
    _explored(user, project)
    other = user.project("picky", into="other")
    before = snapshot(other)
    error = user.run("apply", "--yes", cwd=other).refused(2)
    assert "no study of this project" in error
    user.explores(other, "--axis", "opt-level=s", "--measure", "size")
    label = "lto off, codegen-units 1"
    user.does("apply", "--trial", label, "--yes", cwd=project / "app")
    assert 'lto = "off"' in (project / "Cargo.toml").read_text()
    assert snapshot(other) == before


def test_what_apply_did_is_told_as_json(user: User, chosen: tuple[str, ...], project: Path) -> None:
    document = user.does("apply", *chosen, "--dry-run", "--json").document
    assert document["schema"] == "trimtab.application/1"
    assert document["written"] is False
    assert '+lto = "off"' in document["diff"]
    document = user.does("apply", *chosen, "--yes", "--json").document
    assert document["written"] is True


@pytest.mark.slow
@pytest.mark.parametrize("values", ["debug=line-tables-only", "strip=none", "panic=abort"])
def test_every_axis_can_be_applied(user: User, project: Path, values: str) -> None:
    study = user.explores(project, "--axis", values, "--measure", "size")
    before = {name: _profile(user, project, name) for name in ("profiling", "dist")}
    user.does("apply", "--trial", study["trials"][1]["id"], "--yes")
    assert {name: _profile(user, project, name) for name in before} == before
    plan = user.does("explore", project, "--axis", "opt-level=s", "--dry-run", "--json").document
    assert plan["profiles"][0]["profile"] == study["trials"][1]["profile"]


def test_a_setting_that_a_configuration_file_wins_is_refused_by_name(user: User, project: Path) -> None:
    (project / ".cargo").mkdir()
    (project / ".cargo" / "config.toml").write_text('[profile.release]\nlto = "off"\n')
    study = user.explores(project, "--axis", "lto=local", "--measure", "size")
    assert study["trials"][0]["profile"]["lto"] == "off"
    before = (project / "Cargo.toml").read_bytes()
    error = user.run("apply", "--trial", study["trials"][1]["id"], "--yes").refused(2)
    assert f"profile.release.lto ({project}/.cargo/config.toml) comes before it" in error
    assert (project / "Cargo.toml").read_bytes() == before


def test_a_setting_that_the_environment_wins_is_refused_by_name(user: User, project: Path) -> None:
    study = user.explores(project, "--axis", "opt-level=1", "--measure", "size", CARGO_PROFILE_RELEASE_OPT_LEVEL="2")
    before = (project / "Cargo.toml").read_bytes()
    trial = study["trials"][1]["id"]
    result = user.run("apply", "--trial", trial, "--yes", CARGO_PROFILE_RELEASE_OPT_LEVEL="2")
    assert "CARGO_PROFILE_RELEASE_OPT_LEVEL (the environment) comes before it" in result.refused(2)
    assert (project / "Cargo.toml").read_bytes() == before


def test_a_setting_that_a_table_of_the_package_wins_is_refused_by_name(user: User, project: Path) -> None:
    with (project / "Cargo.toml").open("a") as manifest:
        manifest.write("[profile.release.package.duo]\nopt-level = 2\n")
    text = (project / "Cargo.toml").read_text()
    study = user.explores(project, "--axis", "opt-level=s", "--measure", "size")
    error = user.run("apply", "--trial", study["trials"][1]["id"], "--yes").refused(2)
    assert "profile.release.package.duo.opt-level (Cargo.toml) comes before it" in error
    assert (project / "Cargo.toml").read_text() == text


def test_profiles_of_configuration_files_keep_what_they_had(user: User, project: Path) -> None:
    (project / ".cargo").mkdir()
    configured = '[profile.ship]\ninherits = "release"\n[build]\nincremental = true\n'
    (project / ".cargo" / "config.toml").write_text(configured)
    before = {name: _profile(user, project, name) for name in ("ship", "profiling", "dist")}
    assert before["ship"]["codegen_units"] == 256, "what Cargo implies of incremental builds"
    user.does("apply", "--trial", _explored(user, project), "--yes")
    assert {name: _profile(user, project, name) for name in before} == before
    assert (project / ".cargo" / "config.toml").read_text() == configured


def test_an_heir_keeps_what_cargo_implies_of_a_package_with_debug_information(user: User, project: Path) -> None:
    """Cargo strips a profile without debug information by itself, and not where a package has some."""
    manifest = project / "Cargo.toml"
    tables = '[profile.release.package.words]\ndebug = 1\n[profile.ships]\ninherits = "release"\n'
    manifest.write_text(f"{manifest.read_text()}\n{tables}")
    before = _profile(user, project, "ships")
    study = user.explores(project, "--axis", "strip=symbols", "--measure", "size")
    user.does("apply", "--trial", study["trials"][1]["id"], "--yes")
    assert _profile(user, project, "release")["strip"] == "symbols"
    assert _profile(user, project, "ships") == before


@pytest.mark.slow
def test_dev_can_be_explored_and_applied(user: User, project: Path) -> None:
    before = {name: _profile(user, project, name) for name in ("release", "profiling")}
    study = user.explores(project, "--profile", "dev", "--axis", "debug=line-tables-only", "--measure", "size")
    user.does("apply", "--trial", study["trials"][1]["id"], "--yes")
    assert _profile(user, project, "dev")["debuginfo"] == "line-tables-only"
    assert {name: _profile(user, project, name) for name in before} == before


@pytest.mark.slow
def test_toml_that_only_cargo_reads_is_read_and_edited(user: User) -> None:
    project = user.project("duo", into="newer")
    text = (project / "Cargo.toml").read_text()
    (project / "Cargo.toml").write_text(f'{text}\n[profile]\nrelease = {{\n  lto = "on", # \\e is fine too\n}}\n')
    study = user.explores(project, "--axis", "lto=thin", "--measure", "size")
    assert study["trials"][0]["profile"]["lto"] == "fat"
    user.does("apply", "--trial", study["trials"][1]["id"], "--yes")
    assert _profile(user, project, "release")["lto"] == "thin"
    assert "is fine too" in (project / "Cargo.toml").read_text()


def test_a_profile_that_changed_since_is_not_overwritten(user: User, chosen: tuple[str, ...], project: Path) -> None:
    manifest = project / "Cargo.toml"
    manifest.write_text(manifest.read_text().replace("opt-level = 3", "opt-level = 2"))
    before = snapshot(project)
    assert "has changed since the study" in user.run("apply", *chosen, "--yes").refused(2)
    assert snapshot(project) == before


def test_a_trial_that_failed_cannot_be_applied(user: User) -> None:
    project = user.project("picky")
    study = user.explores(project, "--axis", "panic=abort", "--measure", "size")
    before = snapshot(project)
    assert "could not be built" in user.run("apply", "--trial", study["trials"][1]["id"], "--yes").refused(2)
    assert snapshot(project) == before


def test_compiler_flags_are_not_written_into_the_profile(user: User, project: Path) -> None:
    study = user.explores(project, "--axis", "rustflags=-C target-cpu=native", "--measure", "size")
    before = snapshot(project)
    result = user.does("apply", "--trial", study["trials"][1]["id"], "--yes")
    assert ".cargo/config.toml" in result.out
    assert snapshot(project) == before


def test_a_project_without_lock_file_is_refused_with_the_way_out(user: User, project: Path) -> None:
    lock = (project / "Cargo.lock").read_bytes()
    (project / "Cargo.lock").unlink()
    trial = _explored(user, project)
    before = snapshot(project)
    assert "cargo generate-lockfile" in user.run("apply", "--trial", trial, "--yes").refused(2)
    assert snapshot(project) == before
    (project / "Cargo.lock").write_bytes(lock)
    user.does("apply", "--trial", trial, "--yes")
    assert 'lto = "off"' in (project / "Cargo.toml").read_text()


def test_how_to_check_again_names_the_binary_where_there_are_several(user: User, project: Path) -> None:
    (project / "app" / "src" / "bin").mkdir()
    (project / "app" / "src" / "bin" / "other.rs").write_text("fn main() {}\n")
    study = user.explores(project, "--bin", "duo", *AXIS)
    user.does("apply", "--trial", study["trials"][1]["id"], "--yes")
    (line,) = [line for line in (project / "Cargo.toml").read_text().splitlines() if "check again: trimtab" in line]
    command = line.partition("check again: trimtab ")[2].split()
    user.does(*command, "--dry-run", cwd=project)


def test_line_ends_and_permissions_are_kept(user: User, project: Path) -> None:
    manifest = project / "Cargo.toml"
    manifest.write_bytes(manifest.read_bytes().replace(b"\n", b"\r\n"))
    manifest.chmod(0o640)
    user.does("apply", "--trial", _explored(user, project), "--yes")
    written = manifest.read_bytes()
    assert written.count(b"\n") == written.count(b"\r\n")
    assert manifest.stat().st_mode & 0o777 == 0o640


def _explored(user: User, project: Path) -> str:
    """The id of the trial without LTO and with one codegen unit."""
    study = user.explores(project, *AXIS)
    trial: str = by_label(study)["lto off, codegen-units 1"]["id"]
    return trial


def _profile(user: User, project: Path, name: str) -> dict[str, Any]:
    """The profile that Cargo resolves for the final binary, less its name."""
    argv = ["cargo", "build", "-Z", "unstable-options", "--unit-graph", "--profile", name, "--bin", "duo"]
    environment = {**user.environment, "RUSTC_BOOTSTRAP": "1", "CARGO_TARGET_DIR": str(user.folder / "asked")}
    finished = subprocess.run(argv, cwd=project, env=environment, capture_output=True, text=True, check=True)
    graph = json.loads(finished.stdout)
    profile: dict[str, Any] = graph["units"][graph["roots"][0]]["profile"]
    while isinstance(profile["strip"], dict):  # whether it was resolved now or later, and to what
        (profile["strip"],) = profile["strip"].values()
    profile["codegen_units"] = profile["codegen_units"] or (256 if profile["incremental"] else 16)
    return {key: value for key, value in profile.items() if key != "name"}
