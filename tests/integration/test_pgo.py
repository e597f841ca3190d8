"""Profile-guided optimization with the real compiler: instrumented, trained, merged, optimized, and what goes wrong."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from tests.integration.user import User, by_label, eventually, processes_about, snapshot
from trimtab.builders.profile_data import find_profile_tools
from trimtab.errors import MissingError
from trimtab.system.llvm import find_programs
from trimtab.system.process import SystemRunner

pytestmark = pytest.mark.integration

BUILD_THAT_WAITS = """
fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let marker = std::path::Path::new("MARKER");
    let Ok(left) = std::fs::read_to_string(marker) else { return };
    let left: u32 = left.trim().parse().unwrap();
    if left == 0 { std::process::Command::new("sleep").arg("600").status().unwrap(); }
    std::fs::write(marker, (left - 1).to_string()).unwrap();
}
"""
COLD_BENCH = """
[[bench]]
name = "held"
command = ["{bin}", "common", "held.txt"]
[[bench]]
name = "cold"
command = ["{bin}", "seldom", "held.txt"]
[measure]
bench-time = "50ms"
"""
TRAIN = "{bin} common train.txt"
BENCH = "held={bin} common held.txt"
PGO = ("--axis", "pgo=off,on", "--measure", "size,run", "--bench-time", "100ms")
WITH_COSTS = ("--axis", "pgo=off,on", "--measure", "size,build,touch,run", "--bench-time", "100ms")


@pytest.fixture(scope="module", autouse=True)
def _profdata(toolchain: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Skips where nothing merges what programs of this compiler count."""
    folder = tmp_path_factory.mktemp("counted")
    (folder / "main.rs").write_text("fn main() {}")
    rustc = [str(toolchain / "rustc"), "-Cprofile-generate=raw", "main.rs"]
    subprocess.run(rustc, cwd=folder, check=True, capture_output=True)
    subprocess.run([folder / "main"], cwd=folder, check=True)
    version = subprocess.run([toolchain / "rustc", "-vV"], capture_output=True, text=True, check=True).stdout
    host = next(line.partition(": ")[2] for line in version.splitlines() if line.startswith("host"))
    try:
        find_profile_tools(SystemRunner(), toolchain.parent, host, os.environ).merge(folder / "raw", folder / "merged")
    except MissingError as error:
        pytest.skip(f"{error.what}; {error.hint}, or `make cross`")


@pytest.fixture
def learner(user: User) -> Path:
    """A program with a build script and a procedural macro, which are not to be instrumented."""
    project = user.project("learner")
    (project / "train.txt").write_text("one two three four " * 2000)
    (project / "held.txt").write_text("five, six; seven! eight? " * 2000)
    return project


def explored(user: User, project: Path, *more: str, train: str = TRAIN, **environment: Any) -> dict[str, Any]:
    return user.explores(project, "--bench", BENCH, "--train", train, *more, **environment)


def failure(study: dict[str, Any]) -> str:
    trial = by_label(study)["pgo on"]
    assert trial["status"] == "failed"
    assert trial["failure"]["cause"] == "training"
    return str(trial["failure"]["message"])


def test_a_trained_program_with_its_price(user: User, learner: Path) -> None:
    before = snapshot(learner)
    study = explored(user, learner, *WITH_COSTS)
    assert snapshot(learner) == before
    today, trained = by_label(study)["today"], by_label(study)["pgo on"]
    assert trained["profile"]["pgo"] == "on"
    assert "pgo" not in today["profile"]
    training = trained["training"]
    assert 0 < training["covered"] < training["functions"]
    assert training["executed"] == pytest.approx(1, abs=0.1), "the bench is like the training"
    assert Path(training["profile_data"]["path"]).stat().st_size == training["profile_data"]["size"]
    assert training["notes"] == []
    assert trained["effect"][0]["warnings"] == []

    metrics = {name: metric["value"] for name, metric in trained["metrics"].items()}
    steps = ("pgo.instrumented", "pgo.training", "pgo.merging", "optimized")
    assert metrics["build.clean.cpu"] == pytest.approx(sum(metrics[f"build.{step}.cpu"] for step in steps))
    assert metrics["build.pgo.instrumented.size"] > trained["artifacts"][0]["size"]
    assert metrics["build.pgo.untrained"] == pytest.approx(1 - training["covered"] / training["functions"])
    assert metrics["build.touch.cpu"] < metrics["build.clean.cpu"]
    assert "run.held.wall.ratio" in metrics
    assert "run.training-1.wall.ratio" in metrics, "the gain on training is shown too"
    assert "training-1" not in study["recommendation"]["rule"], "and decides nothing"

    assert len(user.builds()) == 5, "today's with its rebuild; instrumented, optimized and its rebuild"
    again = explored(user, learner, *WITH_COSTS)
    assert len(user.builds()) == 5
    assert by_label(again)["pgo on"] == trained

    (learner / "train.txt").write_text("quite another text\n" * 2000)
    retrained = by_label(explored(user, learner, *WITH_COSTS))["pgo on"]
    assert retrained["id"] != trained["id"]
    assert retrained["training"]["profile_data"]["sha256"] != training["profile_data"]["sha256"]


@pytest.fixture
def rustc_calls(user: User, tmp_path: Path) -> Callable[[], list[str]]:
    """Reads the calls of rustc, which the user's Cargo logs from now on."""
    log, wrapper = tmp_path / "rustc.log", tmp_path / "rustc"
    real = shutil.which("rustc", path=user.environment["PATH"])
    wrapper.write_text(f'#!/bin/sh\necho "$@" >> {log}\nexec {real} "$@"\n')
    wrapper.chmod(0o755)
    cast("dict[str, str]", user.environment)["RUSTC"] = str(wrapper)

    def calls() -> list[str]:
        lines = [line for line in log.read_text().splitlines() if "--crate-name" in line]
        return [call for call in lines if "--crate-name ___" not in call]  # Cargo asks what rustc knows

    return calls


def test_flags_are_kept_from_build_scripts_and_macros(
    user: User, learner: Path, rustc_calls: Callable[[], list[str]]
) -> None:
    explored(user, learner, *PGO)
    calls = rustc_calls()
    flagged = {
        re.split(r"--crate-name[= ]", call)[1].split()[0]: kind
        for call in calls
        for kind in ("profile-generate", "profile-use")
        if kind in call
    }
    assert set(flagged) == {"learner"}
    for kind in ("profile-generate", "profile-use"):
        assert sum(kind in call for call in calls) == 1
    assert any("build_script_build" in call for call in calls)
    assert any("magic" in call for call in calls)


@pytest.mark.parametrize(
    ("train", "message"),
    [
        ("{bin} common nowhere.txt", "exit code 101"),
        ("{bin} abort", "signal 6"),
        ("{bin} hang", "no end after 15 s"),
    ],
)
def test_a_training_command_that_fails_is_named_before_anything_is_trained(
    user: User, learner: Path, train: str, message: str
) -> None:
    arguments = (*PGO, "--bench", BENCH, "--train", train, "--timeout", "15s")
    refusal = user.run("explore", learner, *arguments).refused(2)
    assert f"the bench 'training-1' fails with today's binary: {message}" in refusal
    assert len(user.builds()) == 1


def test_training_that_counts_nothing_is_a_result(user: User, learner: Path) -> None:
    study = explored(user, learner, *PGO, train="sh -c 'LLVM_PROFILE_FILE=/dev/null {bin} common train.txt'")
    assert "training wrote no counters" in failure(study)
    assert study["recommendation"]["keeps_today"]


def test_a_corrupt_counter_file_is_a_note(user: User, learner: Path) -> None:
    spoiling = "sh -c '{bin} common train.txt && echo junk > $(dirname $LLVM_PROFILE_FILE)/0.profraw'"
    trial = by_label(explored(user, learner, *PGO, train=spoiling))["pgo on"]
    assert trial["status"] == "ok"
    (note,) = trial["training"]["notes"]
    assert note.startswith("a counter file of training was left out: 0.profraw")
    assert note in user.does("show").out.replace("\n", " ")


def test_what_was_trained_is_not_judged(user: User, learner: Path) -> None:
    arguments = (*PGO, "--train", TRAIN)
    refusal = user.run("explore", learner, *arguments, "--bench", f"same={TRAIN}").refused(2)
    assert "the bench 'same' is a training command" in refusal
    shutil.copy(learner / "train.txt", learner / "copy.txt")
    refusal = user.run("explore", learner, *arguments, "--bench", "same={bin} seldom copy.txt").refused(2)
    assert "reads copy.txt, which training reads too" in refusal
    assert user.builds() == []


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("--axis", "pgo=on"), 2, "no training commands"),
        (("--axis", "bolt=on"), 2, "no training commands"),
        (("--axis", "pgo=on", "--train", "true"), 2, "a training command does not run {bin}"),
        (("--axis", "pgo=maybe", "--train", TRAIN), 2, "'maybe' is not a value of the axis pgo"),
        (("--axis", "pgo-hot=2000000", "--train", TRAIN), 2, "'2000000' is not a value of the axis pgo-hot"),
        (("--axis", "pgo=on", "--train", TRAIN, "--target", "wasm32-wasip1"), 2, "cannot be trained on"),
    ],
)
def test_what_cannot_be_trained_is_refused_at_once(
    user: User, learner: Path, arguments: tuple[str, ...], code: int, message: str
) -> None:
    assert message in user.run("explore", learner, *arguments).refused(code)
    assert user.builds() == []


@pytest.mark.slow
@pytest.mark.parametrize("step", ["instrumented build", "training", "optimized build"])
def test_killed_anywhere_it_is_taken_up_again(user: User, learner: Path, tmp_path: Path, step: str) -> None:
    marker = tmp_path / "wait"
    (learner / "waiting.sh").write_text(f'[ ! -e {marker} ] || sleep 600\n"$1" common train.txt\n')
    (learner / "build.rs").write_text(BUILD_THAT_WAITS.replace("MARKER", str(tmp_path / "wait-for")))
    if step == "training":
        marker.write_text("")
    else:
        (tmp_path / "wait-for").write_text({"instrumented build": "1", "optimized build": "2"}[step])
    arguments = ("--bench", BENCH, *PGO, "--train", "sh waiting.sh {bin}")
    running = user.start("explore", learner, *arguments)
    assert eventually(lambda: any("sleep" in one for one in processes_about(user.folder)), 60)
    running.stop(signal.SIGKILL)
    for left in (marker, tmp_path / "wait-for"):
        left.unlink(missing_ok=True)
    study = user.explores(learner, *arguments)
    assert by_label(study)["pgo on"]["status"] == "ok"
    assert eventually(lambda: not any("sleep" in one for one in processes_about(user.folder)))


def test_untrained_code_pays(user: User, learner: Path) -> None:
    (learner / "trimtab.toml").write_text('[pgo]\nuntrained = ["cold"]\n' + COLD_BENCH)
    study = user.explores(learner, "--axis", "pgo=off,on", "--measure", "size,run", "--train", TRAIN)
    trained = by_label(study)["pgo on"]
    assert {"run.held.wall.ratio", "run.cold.wall.ratio", "run.training-1.wall.ratio"} <= set(trained["metrics"])
    assert trained["training"]["executed"] > 0.9, "of the held-out bench alone"
    assert "cold: never touched by training, so that trained programs may be slower" in study["notes"]


def test_the_hot_threshold_reaches_llvm(user: User, learner: Path) -> None:
    study = explored(user, learner, *PGO, "--axis", "pgo-hot=default,500000")
    assert set(by_label(study)) == {"today", "pgo on", "pgo on, pgo-hot 500000"}
    assert all(trial["status"] == "ok" for trial in study["trials"])


@pytest.mark.slow
@pytest.mark.parametrize("more", [(), ("--bolt",)], ids=["", "with BOLT"])
def test_counts_are_found_by_the_names_of_functions(
    user: User, learner: Path, rustc_calls: Callable[[], list[str]], more: tuple[str, ...]
) -> None:
    """Cargo makes a crate's settings part of its `-C metadata`, and rustc that of names."""
    if more and not find_programs("llvm-bolt", os.environ):
        pytest.skip("llvm-bolt is not here")
    user.does("pgo", "build", learner, "--train", TRAIN, *more)
    trained = [call for call in rustc_calls() if "profile-" in call]
    assert len(trained) == 2
    assert len({re.search(r"-C metadata=(\w+)", call)[1] for call in trained}) == 1  # type: ignore[index]


@pytest.mark.slow
def test_bolt_after_the_link(user: User, learner: Path) -> None:
    if not find_programs("llvm-bolt", os.environ):
        pytest.skip("llvm-bolt is not here")
    study = explored(user, learner, "--axis", "bolt=off,on", "--axis", "pgo=off,on", "--measure", "size,build,run")
    trials = by_label(study)
    assert set(trials) == {"today", "pgo on", "bolt on", "pgo on, bolt on"}
    for label, trial in trials.items():
        assert trial["status"] == "ok", trial["failure"]
        program = trial["artifacts"][0]["path"]
        ran = subprocess.run([program, "common", learner / "held.txt"], capture_output=True, text=True, check=True)
        assert ran.stdout == "6000\n", label
        sections = subprocess.run(
            ["readelf", "--sections", "--wide", program], capture_output=True, text=True, check=True
        )
        assert ".rela.text" not in sections.stdout
        assert ("build.bolt.training.cpu" in trial["metrics"]) is ("bolt" in label)


def git(folder: Path, *words: str) -> str:
    who = ("-c", "user.name=Ann", "-c", "user.email=ann@example.org")
    return subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True, text=True).stdout


class TestBuild:
    def test_the_program_that_ships_and_its_profile(self, user: User, learner: Path, tmp_path: Path) -> None:
        (learner / "trimtab.toml").write_text('[pgo]\ntrain = [["{bin}", "common", "train.txt"]]\n')
        document = user.does("pgo", "build", learner, "--output", tmp_path / "dist", "--json").document
        program, data = tmp_path / "dist" / "learner", tmp_path / "dist" / "learner.profdata"
        assert (document["files"], document["profile_data"]) == ([str(program)], str(data))
        ran = subprocess.run([program, "common", learner / "held.txt"], capture_output=True, text=True, check=True)
        assert ran.stdout == "6000\n"
        assert 0 < document["covered"] < document["functions"]
        steps = (document["pgo"][name]["cpu"] for name in ("instrumented", "training", "merging"))
        assert document["cost"]["cpu"] == pytest.approx(document["optimized"]["cpu"] + sum(steps))

        again = user.does("pgo", "build", learner, "--profile-data", data, "--json").document
        assert again["files"] == [str(learner / "target" / "pgo" / "learner")]
        assert again["pgo"] is None
        assert Path(again["files"][0]).read_bytes() == program.read_bytes()

    def test_a_profile_of_another_version_is_refused(self, user: User, learner: Path, tmp_path: Path) -> None:
        user.does("pgo", "build", learner, "--train", TRAIN, "--output", tmp_path / "dist")
        manifest = learner / "Cargo.toml"
        manifest.write_text(manifest.read_text().replace('"0.1.0"', '"0.2.0"', 1))
        subprocess.run(["cargo", "update", "--offline", "--workspace"], cwd=learner, check=True, capture_output=True)
        result = user.run("pgo", "build", learner, "--profile-data", tmp_path / "dist" / "learner.profdata")
        assert "the profile is of another version" in result.refused(4)

    def test_bad_profile_data(self, user: User, learner: Path, tmp_path: Path) -> None:
        wrong = tmp_path / "wrong.profdata"
        wrong.write_text("no profile")
        assert "is no merged profile" in user.run("pgo", "build", learner, "--profile-data", wrong).refused(4)
        assert not (learner / "target" / "pgo").exists()

    def test_a_folder_that_cannot_be_written(self, user: User, learner: Path) -> None:
        taken = learner / "taken"
        taken.write_text("")
        result = user.run("pgo", "build", learner, "--train", TRAIN, "--output", taken / "dist")
        assert "cannot write into this folder" in result.refused(2)

    def test_nothing_to_train_for(self, user: User, learner: Path) -> None:
        assert "nothing to train for" in user.run("pgo", "build", learner, "--no-pgo", "--train", TRAIN).refused(2)


class TestAge:
    ARGUMENTS = ("--train", TRAIN, "--bench", BENCH, "--bench-time", "50ms", "--json")

    @pytest.fixture
    def revisions(self, learner: Path) -> list[str]:
        """Four commits, of which the third knows one more function and the last does not compile."""
        git(learner, "init", "--quiet", "--initial-branch=main")
        for number in range(4):
            more = {2: "\nfn other() {}\n", 3: "\nfn broken( {}\n"}.get(number, f"// {number}\n")
            with (learner / "src" / "main.rs").open("a") as source:
                source.write(more)
            git(learner, "add", ".")
            git(learner, "commit", "--quiet", f"--message={number}")
        return git(learner, "rev-list", "--reverse", "main").split()

    @pytest.mark.slow
    def test_each_revision_with_its_own_profile_and_with_the_first(
        self, user: User, learner: Path, revisions: list[str]
    ) -> None:
        before = snapshot(learner)
        arguments = ("pgo", "age", learner, "--revisions", f"{revisions[0]}..main", *self.ARGUMENTS)
        document = user.does(*arguments).document
        assert snapshot(learner) == before
        assert document["source"] == revisions[0][:12]
        assert [row["name"] for row in document["revisions"]] == [name[:12] for name in revisions]
        *good, broken = document["revisions"]
        assert broken["failure"].endswith("this file contains an unclosed delimiter")
        for row in good:
            (bench,) = row["benches"]
            assert bench["bench"] == "held"
            assert bench["own"]["ratio"] > 0
            assert row["known"] == 1
            assert len(row["sizes"]) == 3
        assert good[0]["benches"][0]["own"] == good[0]["benches"][0]["aged"]
        builds = len(user.builds())
        again = user.does(*arguments).document
        assert again["revisions"][:3] == document["revisions"][:3]
        assert len(user.builds()) - builds <= 1, "only what failed is tried again"

    @pytest.mark.slow
    def test_a_given_profile_and_fewer_revisions(self, user: User, learner: Path, revisions: list[str]) -> None:
        git(learner, "checkout", "--quiet", revisions[0])
        user.does("pgo", "build", learner, "--output", learner.parent / "old", "--train", TRAIN)
        data = learner.parent / "old" / "learner.profdata"
        span = f"{revisions[0]}..{revisions[2]}"
        arguments = ("--revisions", span, "--count", "2", "--profile-data", data, *self.ARGUMENTS)
        document = user.does("pgo", "age", learner, *arguments).document
        assert document["source"] == str(data)
        assert [row["name"] for row in document["revisions"]] == [revisions[0][:12], revisions[2][:12]]

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ((), "which revisions?"),
            (("--revisions", "a..b", "--versions", "1.0"), "which revisions?"),
            (("--revisions", "main"), "no range of revisions"),
            (("--revisions", "nowhere..main"), "no revision 'nowhere'"),
            (("--revisions", "main..main"), "less than two revisions"),
            (("--versions", "1.0"), "of a published crate"),
        ],
    )
    def test_bad_revisions(
        self, user: User, learner: Path, revisions: list[str], arguments: tuple[str, ...], message: str
    ) -> None:
        assert message in user.run("pgo", "age", learner, *arguments, *self.ARGUMENTS[:-1]).refused(2)

    def test_without_a_bench_nothing_can_be_seen(self, user: User, learner: Path, revisions: list[str]) -> None:
        arguments = ("--revisions", f"{revisions[0]}..{revisions[1]}", "--train", TRAIN)
        assert "no bench" in user.run("pgo", "age", learner, *arguments).refused(2)


def test_a_trained_profile_is_applied_by_the_workflow(user: User, learner: Path) -> None:
    workflow = learner / ".github" / "workflows" / "release.yml"
    workflow.parent.mkdir(parents=True)
    workflow.write_text(
        "on: {push: {tags: ['v*']}}\njobs:\n  build:\n    strategy:\n      matrix:\n"
        "        target: [x86_64-unknown-linux-gnu, aarch64-apple-darwin]\n    runs-on: ubuntu-latest\n"
        "    steps:\n      - run: cargo build --release --target ${{ matrix.target }}\n"
    )
    manifest = (learner / "Cargo.toml").read_text()
    explored(user, learner, *PGO)
    notes = user.does("apply", "--trial", "pgo on", "--yes", "--json", cwd=learner).document["notes"]
    command = f"trimtab pgo build --bin learner --train '{TRAIN}' --target"
    assert f"x86_64-unknown-linux-gnu: `{command} x86_64-unknown-linux-gnu`" in notes
    assert any(note.startswith("aarch64-apple-darwin: on a machine that runs it") for note in notes)
    assert (learner / "Cargo.toml").read_text() == manifest


@pytest.mark.slow
def test_programs_and_tests_behave_the_same_when_trained(
    user: User, learner: Path, rustc_calls: Callable[[], list[str]]
) -> None:
    with (learner / "src" / "main.rs").open("a") as source:
        source.write('\n#[test]\nfn counts() { assert_eq!(common("a bb cc"), 2); }\n')
    study = explored(user, learner, *PGO)
    check = ("--check", "same={bin} common {input}", "--inputs", "*.txt", "--tests", "--json")
    document = user.does("parity", "last:today", "last:pgo on", *check, cwd=learner).document
    assert {one["name"] for one in document["checks"]} == {"same", "cargo test"}
    assert all(not one["differences"] for one in document["checks"]), document
    data = by_label(study)["pgo on"]["training"]["profile_data"]["path"]
    assert any("--test" in call.split() and f"profile-use={data}" in call for call in rustc_calls())
    assert any("tests are compiled with the trial's profile data" in note for note in document["notes"])


def test_targets_are_trained_where_they_run(user: User, learner: Path) -> None:
    (learner / "trimtab.toml").write_text('[pgo]\ntrain = [["{bin}", "common", "train.txt"]]\n')
    arguments = ("--candidate", "pgo=on", "--run", "common held.txt", "--target", "x86_64-unknown-linux-gnu")
    document = user.does("targets", learner, *arguments, "--json").document
    (target,) = document["targets"]
    assert [attempt["label"] for attempt in target["attempts"]] == ["today", "pgo on"]
    assert document["headline"].startswith("1 of 1")
    (learner / "trimtab.toml").unlink()
    assert "no training commands" in user.run("targets", learner, *arguments).refused(2)
