"""``trimtab forecast`` and ``trimtab fit`` on a real project, within real limits."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.integration.user import User, control_groups, eventually, processes_about
from trimtab.system.process import limits_enforced_by

pytestmark = pytest.mark.integration

ROWS = 12_000
"""Of a table that rustc needs far more memory for than for anything else here."""


@pytest.fixture
def hungry(user: User) -> Path:
    """A project with a library that is hungry, a build script, and a program that is small."""
    root = user.folder / "hungry"
    table = root / "table"
    for folder in (root / "src", table / "src"):
        folder.mkdir(parents=True)
    (root / "Cargo.toml").write_text(
        '[package]\nname = "hungry"\nversion = "0.1.0"\nedition = "2021"\nbuild = "build.rs"\n'
        '[dependencies]\ntable = { path = "table" }\n[workspace]\n[profile.release]\nopt-level = 0\n'
    )
    (root / "build.rs").write_text("fn main() {}\n")
    (root / "src" / "main.rs").write_text('fn main() { println!("{}", table::ROWS.len()); }\n')
    (table / "Cargo.toml").write_text('[package]\nname = "table"\nversion = "0.2.0"\nedition = "2021"\n')
    rows = "\n".join(f'    ("row {number}", {number}, &[{number}, {number + 1}]),' for number in range(ROWS))
    (table / "src" / "lib.rs").write_text(f"pub static ROWS: &[(&str, u64, &[u64])] = &[\n{rows}\n];\n")
    (root / "Cargo.lock").write_text(
        'version = 3\n[[package]]\nname = "hungry"\nversion = "0.1.0"\ndependencies = ["table"]\n'
        '[[package]]\nname = "table"\nversion = "0.2.0"\n'
    )
    return root


def test_a_forecast_has_all_units_and_what_holds_them_up(user: User, hungry: Path) -> None:
    page = user.folder / "page.html"
    (profile,) = user.does("forecast", hungry, "--json", "--cores", "1", "--cores", "4", "--html", page).document[
        "profiles"
    ]
    units = {unit["name"]: unit for unit in profile["units"]}
    assert set(units) == {
        "hungry 0.1.0 (build script)", "hungry 0.1.0 (run of a build script)", "table 0.2.0", "hungry 0.1.0 (program)",
    }  # fmt: skip
    assert units["table 0.2.0"]["metadata"]["wall"] > 0
    assert units["hungry 0.1.0 (program)"]["link"]["wall"] > 0
    single, four = profile["forecasts"]
    assert single["wall"]["value"] >= four["wall"]["value"] > 0
    assert [slot["name"] for slot in four["critical"]] == ["table 0.2.0", "hungry 0.1.0 (program)"]
    assert "<svg " in page.read_text("utf-8")


@pytest.fixture
def enforced() -> None:
    if not limits_enforced_by():
        pytest.skip("nothing can hold a program below a limit of memory here")


@pytest.mark.slow
@pytest.mark.usefixtures("enforced")
def test_too_little_memory_names_the_unit_and_enough_fits(user: User, hungry: Path) -> None:
    roomy = user.does("fit", hungry, "--memory", "2G", "--json")
    first = roomy.document["rows"][0]
    assert (roomy.code, first["verdict"], first["forecast"]["hungriest"]) == (0, "fits", "table 0.2.0")
    wanted = first["forecast"]["hungriest_memory"]
    assert first["tried"]["peak_memory"] >= wanted / 2

    tight = user.run("fit", hungry, "--memory", str(int(wanted * 0.6)), "--json")
    assert tight.code == 1, tight
    first = tight.document["rows"][0]
    assert first["verdict"] == "out of memory"
    assert (first["tried"]["unit"], first["tried"]["wanted"]) == ("table 0.2.0", wanted)
    assert eventually(lambda: not processes_about(user.folder)), processes_about(user.folder)


@pytest.mark.slow
@pytest.mark.usefixtures("enforced")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_nothing_is_left_when_it_is_interrupted(user: User, hungry: Path, number: signal.Signals) -> None:
    running = user.start("fit", hungry, "--memory", "2G", "--json")
    running.wait_for("building within the limits")
    running.wait_a_little(0.3)
    assert running.stop(number).code == 130
    assert eventually(lambda: not control_groups([running.process.pid])), control_groups([running.process.pid])
    assert eventually(lambda: not processes_about(user.folder)), processes_about(user.folder)


def test_a_trial_is_traced(user: User, hungry: Path) -> None:
    study = user.does("explore", hungry, "--axis", "codegen-units=1", "--measure", "build", "--json").document
    metrics = study["trials"][0]["metrics"]
    assert 0 < metrics["build.final.link.wall"]["value"] < metrics["build.final.wall"]["value"]
    assert metrics["build.final.wall"]["value"] < metrics["build.clean.wall"]["value"]


@pytest.mark.slow
def test_a_large_space_is_screened_and_only_what_is_recommended_built_cleanly(user: User, hungry: Path) -> None:
    (hungry / "table" / "src" / "lib.rs").write_text("pub static ROWS: &[u64] = &[1, 2];\n")
    (hungry / "src" / "main.rs").write_text(
        '#[cfg(panic = "abort")] static MEGABYTE: [u8; 1 << 20] = [1; 1 << 20];\n'
        'fn main() { println!("{}", table::ROWS.len());\n'
        '    #[cfg(panic = "abort")] println!("{}", MEGABYTE[std::env::args().count()]); }\n'
    )
    axes = ("--axis", "opt-level=0,1,2,3,s", "--axis", "panic=unwind,abort")
    rest = ("--measure", "size,build", "--goal", "size", "--json")
    study = user.does("explore", hungry, *axes, *rest).document
    trials = {trial["label"]: trial for trial in study["trials"]}
    assert len(trials) == 10
    assert not trials["today"]["screened"]
    larger = [trial["screened"] for label, trial in trials.items() if "panic abort" in label]
    assert larger == [True] * 5, "no goal takes them, however long the tiny builds took"
    chosen = next(trial for trial in trials.values() if trial["id"] == study["recommendation"]["trial"])
    assert not chosen["screened"]
    assert {"build.clean.wall", "build.peak_memory"} <= set(chosen["metrics"])
    screened = next(trial for trial in trials.values() if trial["screened"])
    assert set(screened["metrics"]).isdisjoint({"build.clean.wall", "build.peak_memory"})

    few = ("--axis", "opt-level=0,s", "--axis", "panic=unwind,abort", *rest)
    exact = user.does("explore", hungry, *few, "--exact").document
    assert len(exact["trials"]) == 4
    assert not any(trial["screened"] for trial in exact["trials"])
    for trial in exact["trials"]:
        size = trials[trial["label"]]["metrics"]["size.file"]["value"]
        assert abs(trial["metrics"]["size.file"]["value"] / size - 1) < 0.002
