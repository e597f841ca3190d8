"""An exploration of a small workspace from its beginning to its answer."""

from __future__ import annotations

import gzip
import hashlib
import lzma
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.integration.user import Result, User, by_label, snapshot

pytestmark = pytest.mark.integration

BENCH = "count={bin} count 300"
LTO = "lto=off,local,thin,fat"


@dataclass(frozen=True, kw_only=True)
class Explored:
    """A finished exploration of the four kinds of link-time optimization."""

    user: User
    project: Path
    text: Result
    study: dict[str, Any]


@pytest.fixture(scope="module")
def explored(new_user: Callable[[Path], User], tmp_path_factory: pytest.TempPathFactory) -> Explored:
    user = new_user(tmp_path_factory.mktemp("explored"))
    project = user.project("duo")
    text = user.does("explore", project, "--axis", LTO, "--bench", BENCH, "--bench-time", "100ms")
    return Explored(user=user, project=project, text=text, study=user.does("show", "--json").document)


@pytest.mark.slow
def test_explore_and_show_print_the_same_document(explored: Explored) -> None:
    arguments = (explored.project, "--axis", LTO, "--bench", BENCH, "--bench-time", "100ms")
    before = len(explored.user.builds())
    again = explored.user.explores(*arguments)
    assert len(explored.user.builds()) == before
    for moving in ("created", "command"):
        again.pop(moving)
    assert again == {key: value for key, value in explored.study.items() if key not in ("created", "command")}


def test_the_table_has_today_first_and_names_what_changed(explored: Explored) -> None:
    lines = [line for line in explored.text.out.splitlines() if line.strip()]
    rows = [line.lstrip(" *") for line in lines if line.startswith((" * ", "   "))]
    labels = [label for row in rows for label in ("today", "lto off", "lto thin", "lto fat") if row.startswith(label)]
    assert labels[0] == "today"
    assert sorted(labels) == ["lto fat", "lto off", "lto thin", "today"]
    assert "4 of 4 profiles" in explored.text.out
    assert "For the goal balanced:" in explored.text.out
    assert explored.study["id"] in explored.text.out


def test_progress_goes_to_standard_error(explored: Explored) -> None:
    assert "lto fat: building" in explored.text.err
    assert "building" not in explored.text.out


def test_the_baseline_is_the_first_trial(explored: Explored) -> None:
    first = explored.study["trials"][0]
    assert explored.study["schema"] == "trimtab.study/1"
    assert first["id"] == explored.study["baseline"]
    assert first["label"] == "today"
    assert first["profile"] == {
        "lto": "local",
        "codegen-units": 16,
        "opt-level": "3",
        "panic": "unwind",
        "strip": "debuginfo",
        "debug": "none",
        "rustflags": "",
    }


def test_every_trial_has_every_metric_with_its_unit(explored: Explored) -> None:
    units = {
        "build.clean.wall": "s",
        "build.clean.cpu": "s",
        "build.touch.wall": "s",
        "build.peak_memory": "bytes",
        "size.file": "bytes",
        "size.stripped": "bytes",
        "size.gzip": "bytes",
        "size.xz": "bytes",
        "run.count.wall": "s",
    }
    if shutil.which("valgrind"):
        units["run.count.instructions"] = "instructions"
    for trial in explored.study["trials"]:
        assert trial["status"] == "ok"
        for name, unit in units.items():
            metric = trial["metrics"][name]
            assert (name, metric["unit"]) == (name, unit)
            assert metric["value"] > 0, name
        wall = trial["metrics"]["run.count.wall"]
        assert wall["low"] <= wall["value"] <= wall["high"]
        assert wall["samples"] >= 8


def test_sizes_are_those_of_the_kept_files(explored: Explored) -> None:
    for trial in explored.study["trials"]:
        (artifact,) = trial["artifacts"]
        content = Path(artifact["path"]).read_bytes()
        sizes = {name: metric["value"] for name, metric in trial["metrics"].items() if name.startswith("size.")}
        assert artifact["sha256"] == hashlib.sha256(content).hexdigest()
        assert artifact["size"] == sizes["size.file"] == len(content)
        assert sizes["size.gzip"] == len(gzip.compress(content, 9, mtime=0))
        assert sizes["size.xz"] == len(lzma.compress(content, preset=6))
        assert sizes["size.xz"] < sizes["size.stripped"] <= sizes["size.file"]


def test_the_kept_files_run(explored: Explored) -> None:
    outputs = {
        subprocess.run([trial["artifacts"][0]["path"], "count", "3"], capture_output=True, check=True).stdout
        for trial in explored.study["trials"]
    }
    assert len(outputs) == 1


def test_each_kind_of_lto_took_effect(explored: Explored) -> None:
    trials = by_label(explored.study)
    expected = {"today": "local", "lto off": "off", "lto thin": "thin", "lto fat": "fat"}
    assert {label: trials[label]["effect"][0]["lto"] for label in expected} == expected
    assert [trial["effect"][0]["warnings"] for trial in explored.study["trials"]] == [[]] * 4
    assert len({trial["artifacts"][0]["sha256"] for trial in explored.study["trials"]}) == 4


def test_fat_is_smaller_than_thin(explored: Explored) -> None:
    trials = by_label(explored.study)
    sizes = {label: trials[label]["metrics"]["size.stripped"]["value"] for label in ("lto thin", "lto fat")}
    assert sizes["lto fat"] < sizes["lto thin"]


def test_the_smallest_is_on_the_front_and_recommended_for_size(explored: Explored) -> None:
    before = len(explored.user.builds())
    study = explored.user.explores(
        explored.project, "--axis", LTO, "--measure", "size,build", "--goal", "size", "--limit", "build=10000x"
    )
    assert len(explored.user.builds()) == before
    smallest = min(study["trials"], key=lambda trial: int(trial["metrics"]["size.stripped"]["value"]))
    assert smallest["label"] == "lto fat"
    assert smallest["id"] in study["pareto"]
    assert study["recommendation"]["trial"] == smallest["id"]
    assert study["recommendation"]["goal"] == "size"
    assert study["recommendation"]["keeps_today"] is False
    assert any("runtime was not judged" in caveat for caveat in study["recommendation"]["caveats"])
    assert any("stripped size" in reason for reason in study["recommendation"]["why"])


def test_a_limit_is_kept(explored: Explored) -> None:
    study = explored.user.explores(
        explored.project, "--axis", LTO, "--measure", "size,build", "--goal", "size", "--limit", "size=0.01x"
    )
    assert study["recommendation"]["trial"] == study["baseline"]
    assert study["recommendation"]["keeps_today"] is True


def test_a_repeated_command_is_the_one_that_was_typed(explored: Explored) -> None:
    assert explored.study["command"].startswith("trimtab explore ")
    assert "--bench 'count={bin} count 300'" in explored.study["command"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("axis", "key", "value"),
    [
        ("panic=abort", "panic", "abort"),
        ("debug=full", "debug", "full"),
        ("debug=line-tables-only", "debug", "line-tables-only"),
        ("strip=symbols", "strip", "symbols"),
        ("codegen-units=1", "codegen-units", 1),
        ("opt-level=s", "opt-level", "s"),
    ],
)
def test_every_axis_takes_effect(explored: Explored, axis: str, key: str, value: object) -> None:
    study = explored.user.explores(explored.project, "--axis", axis, "--measure", "size")
    baseline, trial = study["trials"]
    (effect,) = trial["effect"]
    assert effect[key] == value
    assert effect["warnings"] == []
    rest = {name for name in effect if name not in ("binary", "rustflags", "warnings", key)}
    assert {name: effect[name] for name in rest} == {name: baseline["effect"][0][name] for name in rest}


@pytest.mark.slow
def test_debug_information_makes_the_file_larger_but_not_the_stripped_one(explored: Explored) -> None:
    study = explored.user.explores(
        explored.project, "--axis", "debug=none,full", "--axis", "strip=none", "--measure", "size"
    )
    trials = by_label(study)
    without = {name: metric["value"] for name, metric in trials["strip none"]["metrics"].items()}
    debug = {name: metric["value"] for name, metric in trials["strip none, debug full"]["metrics"].items()}
    assert debug["size.file"] > without["size.file"] + 1000
    assert debug["size.stripped"] < without["size.file"] / 2
    assert abs(debug["size.stripped"] - without["size.stripped"]) < 0.01 * without["size.stripped"]


CONFIG = '[build]\nrustflags = ["--cfg", "from_config"]\n'
TARGET_CONFIG = '[target.\'cfg(all())\']\nrustflags = ["--cfg", "from_config"]\n'
ENVIRONMENT = {"RUSTFLAGS": "--cfg from_environment"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("config", "environment", "kept"),
    [
        ("", {}, set()),
        (CONFIG, {}, {"from_config"}),
        (TARGET_CONFIG, {}, {"from_config"}),
        ("", ENVIRONMENT, {"from_environment"}),
        # Cargo takes only one of them: what it takes without our flags, it shall take with them
        (CONFIG, ENVIRONMENT, {"from_environment"}),
    ],
    ids=["alone", "build", "target", "environment", "both"],
)
def test_compiler_flags_come_on_top_of_those_in_force(
    user: User, toolchain: Path, config: str, environment: dict[str, str], kept: set[str]
) -> None:
    project = user.project("duo")
    (project / ".cargo").mkdir()
    (project / ".cargo" / "config.toml").write_text(config)
    axis = "rustflags=none;--cfg asked -C target-cpu=native"
    study = user.explores(project, "--axis", axis, "--measure", "size", cwd=None, **environment)
    today, flagged = study["trials"]
    assert _flags(today) & {"from_config", "from_environment", "asked"} == kept
    assert _flags(flagged) & {"from_config", "from_environment", "asked"} == kept | {"asked"}
    assert _flags(flagged) >= _features(toolchain, "native")
    assert flagged["effect"][0]["rustflags"] == ["--cfg", "asked", "-C", "target-cpu=native"]
    assert flagged["effect"][0]["warnings"] == []


def _flags(trial: dict[str, Any]) -> set[str]:
    """The flags with which a kept binary says that it was built."""
    argv = [trial["artifacts"][0]["path"], "flags"]
    return set(subprocess.run(argv, capture_output=True, text=True, check=True).stdout.split())


def _features(toolchain: Path, cpu: str) -> set[str]:
    """Those features of a processor that ``duo flags`` looks at."""
    argv = [str(toolchain / "rustc"), "--print", "cfg", "-C", f"target-cpu={cpu}"]
    printed = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    return {name for name in ("sse4.2", "avx2", "neon") if f'target_feature="{name}"' in printed}


def test_an_override_in_the_environment_is_part_of_today(user: User) -> None:
    study = user.explores(
        user.project("duo"), "--axis", "opt-level=3,s", "--measure", "size", CARGO_PROFILE_RELEASE_OPT_LEVEL="1"
    )
    assert study["trials"][0]["profile"]["opt-level"] == "1"
    assert [trial["effect"][0]["opt-level"] for trial in study["trials"]] == ["1", "3", "s"]
    assert [trial["effect"][0]["warnings"] for trial in study["trials"]] == [[], [], []]


def test_a_package_with_settings_of_its_own_is_told(user: User) -> None:
    project = user.project("duo")
    with (project / "Cargo.toml").open("a") as manifest:
        manifest.write("\n[profile.release.package.words]\nopt-level = 0\n")
    study = user.explores(project, "--axis", "opt-level=s", "--measure", "size")
    assert study["project"]["overrides"] == ["words"]
    warnings = study["trials"][1]["effect"][0]["warnings"]
    assert any("words" in warning and "opt-level" in warning for warning in warnings)


def test_several_binaries_are_weighed_one_by_one_and_as_a_whole(user: User) -> None:
    project = user.project("duo")
    extra = project / "app" / "src" / "bin"
    extra.mkdir()
    (extra / "tiny.rs").write_text("fn main() {}\n")
    study = user.explores(project, "--bins", "--axis", "opt-level=s", "--measure", "size")
    assert sorted(study["project"]["binaries"]) == ["duo", "tiny"]
    for trial in study["trials"]:
        sizes = trial["metrics"]
        for name in ("size.file", "size.stripped", "size.gzip", "size.xz"):
            parts = [sizes[f"{name}[{binary}]"]["value"] for binary in ("duo", "tiny")]
            assert sizes[name]["value"] == sum(parts)
        assert sorted(effect["binary"] for effect in trial["effect"]) == ["duo", "tiny"]
    text = user.does("show").out
    assert "binary by binary" in text
    assert "tiny" in text


def test_one_binary_is_taken_by_its_name(user: User) -> None:
    project = user.project("duo")
    (project / "app" / "src" / "bin").mkdir()
    (project / "app" / "src" / "bin" / "tiny-tool.rs").write_text("fn main() {}\n")
    study = user.explores(project, "--bin", "tiny-tool", "--axis", "opt-level=s", "--measure", "size")
    assert study["project"]["binaries"] == ["tiny-tool"]
    assert [trial["effect"][0]["opt-level"] for trial in study["trials"]] == ["3", "s"]


def test_features_are_turned_on(user: User) -> None:
    project = user.project("duo")
    with (project / "app" / "Cargo.toml").open("a") as manifest:
        manifest.write("\n[features]\nloud = []\n")
    main = project / "app" / "src" / "main.rs"
    main.write_text(main.read_text() + '\n#[cfg(not(feature = "loud"))]\ncompile_error!("too quiet");\n')
    assert user.run("explore", project, "--axis", "opt-level=s", "--measure", "size").code == 4
    study = user.explores(project, "--features", "loud", "--axis", "opt-level=s", "--measure", "size")
    assert [trial["status"] for trial in study["trials"]] == ["ok", "ok"]


def test_a_profile_of_ones_own_ships(user: User) -> None:
    project = user.project("duo")
    with (project / "Cargo.toml").open("a") as manifest:
        manifest.write('\n[profile.dist]\ninherits = "release"\nopt-level = 2\n')
    study = user.explores(project, "--profile", "dist", "--axis", "opt-level=s", "--measure", "size")
    assert study["project"]["profile_name"] == "dist"
    assert [trial["effect"][0]["opt-level"] for trial in study["trials"]] == ["2", "s"]


def test_a_compiler_cache_is_turned_off(user: User) -> None:
    wrapper = user.folder / "fake-cache"
    wrapper.write_text(f'#!/bin/sh\necho "$@" >> {user.folder / "cache.log"}\nexec "$@"\n')
    wrapper.chmod(0o755)
    arguments = ("--axis", "opt-level=s", "--measure", "size")
    study = user.explores(user.project("duo"), *arguments, RUSTC_WRAPPER=str(wrapper))
    assert any("turned off" in note for note in study["notes"])
    project = user.project("duo", into="configured")
    (project / ".cargo").mkdir()
    (project / ".cargo" / "config.toml").write_text(f'[build]\nrustc-wrapper = "{wrapper}"\n')
    study = user.explores(project, *arguments)
    assert any("turned off" in note for note in study["notes"])
    used = user.folder / "cache.log"  # Cargo may ask rustc through it for its version
    assert "--crate-name duo" not in (used.read_text() if used.exists() else "")


@pytest.mark.slow
@pytest.mark.parametrize(
    "config",
    [
        '[build]\ntarget = "{host}"\n',
        '[build]\ntarget-dir = "elsewhere"\njobs = 1\n[term]\nquiet = true\n',
        '[term]\nverbose = true\ncolor = "always"\n[profile.release]\nincremental = true\n',
        '[build]\nincremental = true\n[profile.release]\nsplit-debuginfo = "unpacked"\ndebug = 1\n',
    ],
)
def test_settings_of_cargo_that_lead_elsewhere(user: User, toolchain: Path, config: str) -> None:
    project = user.project("duo")
    version = subprocess.run([str(toolchain / "rustc"), "-vV"], capture_output=True, text=True, check=True).stdout
    host = next(line.removeprefix("host: ") for line in version.splitlines() if line.startswith("host: "))
    (project / ".cargo").mkdir()
    (project / ".cargo" / "config.toml").write_text(config.replace("{host}", host))
    before = snapshot(project)
    study = user.explores(project, "--axis", "opt-level=s", "--measure", "size,build,touch")
    assert snapshot(project) == before
    for trial in study["trials"]:
        assert trial["status"] == "ok"
        assert trial["metrics"]["build.touch.wall"]["value"] > 0
        assert trial["effect"][0]["warnings"] == []
    assert [trial["effect"][0]["opt-level"] for trial in study["trials"]] == ["3", "s"]


def test_a_startup_run_is_named_as_such(user: User) -> None:
    study = user.explores(user.project("picky"), "--axis", "opt-level=s", "--measure", "run", "--bench-time", "20ms")
    assert [trial["metrics"]["run.startup.wall"]["value"] > 0 for trial in study["trials"]] == [True, True]
    assert any("not a bench" in note for note in study["notes"])


def test_a_dry_run_builds_nothing_and_keeps_nothing(user: User) -> None:
    project = user.project("duo")
    assert user.does("explore", project, "--axis", LTO, "--dry-run", "--json").document["schema"] == "trimtab.plan/1"
    result = user.does("explore", project, "--axis", LTO, "--dry-run")
    assert "4 profiles" in result.out
    for label in ("today", "lto off", "lto thin", "lto fat"):
        assert f"  {label}\n" in result.out
    assert "about " in result.out
    assert user.builds() == []
    assert user.does("history", "--json").document["studies"] == []


def test_a_budget_ends_the_exploration_early_but_not_before_the_first(user: User) -> None:
    project = user.project("duo")
    arguments = (project, "--axis", "opt-level=s,1", "--measure", "size")
    study = user.explores(*arguments, "--budget", "10ms")
    assert [trial["label"] for trial in study["trials"]] == ["today"]
    assert study["planned"] == 3
    assert any("2 of 3" in caveat for caveat in study["recommendation"]["caveats"])
    assert len(user.explores(*arguments)["trials"]) == 3


def test_another_edition_of_a_path_with_spaces_and_letters(user: User) -> None:
    project = user.project("duo", into="naïve tür & so")
    study = user.explores(".", "--axis", "opt-level=s", cwd=project, CARGO_TERM_COLOR="always")
    assert [trial["status"] for trial in study["trials"]] == ["ok", "ok"]
    assert all(trial["metrics"]["build.touch.wall"]["value"] > 0 for trial in study["trials"])
    assert all(len(trial["effect"]) == 1 for trial in study["trials"])


def test_a_program_finds_the_data_that_its_build_left_beside_it(user: User) -> None:
    """A build script writes a file into the target directory, beside the program, which reads it there."""
    project = user.project("duo")
    app = project / "app"
    (app / "build.rs").write_text(
        "fn main() {\n"
        '    let out = std::path::PathBuf::from(std::env::var_os("OUT_DIR").unwrap());\n'
        '    std::fs::write(out.ancestors().nth(3).unwrap().join("words.txt"), "one two three\\n").unwrap();\n'
        "}\n"
    )
    (app / "src" / "main.rs").write_text(
        "fn main() {\n"
        '    let path = std::env::current_exe().unwrap().with_file_name("words.txt");\n'
        '    println!("{}", std::fs::read_to_string(path).unwrap().split_whitespace().count());\n'
        "}\n"
    )
    axes = ("--axis", "panic=abort", "--bench", "w={bin}", "--bench-time", "100ms")
    study = user.explores(project, "--measure", "run", *axes)
    assert all("run.w.wall" in trial["metrics"] for trial in study["trials"])


@pytest.mark.slow
def test_a_library_is_weighed_and_not_run(user: User) -> None:
    project = user.project("duo", into="archive")
    manifest = project / "app" / "Cargo.toml"
    manifest.write_text(manifest.read_text() + '\n[lib]\nname = "archive"\ncrate-type = ["staticlib"]\n')
    (project / "app" / "src" / "lib.rs").write_text('#[no_mangle]\npub extern "C" fn one() -> u8 { 1 }\n')
    (project / "app" / "src" / "main.rs").unlink()
    study = user.explores(project / "app", "--axis", "opt-level=s", "--measure", "size,run")
    assert study["trials"][0]["metrics"]["size.file"]["value"] > 0
    assert study["trials"][0]["absent"]["run.startup.wall"] == "a library is not run by itself"
