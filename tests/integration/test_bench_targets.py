"""Bench targets of criterion and divan, built once and run for real: this needs crates.io."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.integration.user import User, snapshot
from trimtab.cargo.calls import Calls
from trimtab.cargo.project import fetch, load_project
from trimtab.commands.compare.bench_targets import BenchBuilder, BenchTarget
from trimtab.commands.compare.harnesses import BenchExecutable, open_bench
from trimtab.errors import InputError
from trimtab.model.plan import Selection
from trimtab.model.profile import OptLevel, Profile
from trimtab.system.process import Command, SystemRunner

pytestmark = [pytest.mark.integration, pytest.mark.registry, pytest.mark.slow, pytest.mark.usefixtures("registry")]

MANIFEST = """\
[package]
name = "timed"
version = "0.0.0"
edition = "2021"

[dev-dependencies]
criterion = { version = "0.7", default-features = false }
divan = { version = "0.1.21", default-features = false }

[[bench]]
name = "with-criterion"
harness = false

[[bench]]
name = "with-divan"
harness = false

[[bench]]
name = "with-nothing"
harness = false
"""
ODD_NAMES = ("--list", "a.*b [x] (y) $", "naïve: µ", "the end: benchmark", " spaces ")
CRITERION_BENCH = """\
use criterion::{criterion_group, criterion_main, BenchmarkId, Criterion};
use std::{thread::sleep, time::Duration};

fn all(c: &mut Criterion) {
    c.bench_function("naps", |b| b.iter(|| sleep(Duration::from_millis(1))));
    c.bench_function("naps longer", |b| b.iter(|| sleep(Duration::from_millis(3))));
    for name in [ODD_NAMES] {
        c.bench_function(name, |b| b.iter(|| timed::work(10)));
    }
    let mut group = c.benchmark_group("group/one");
    for n in [10, 1000] {
        group.bench_with_input(BenchmarkId::new("sum of", n), &n, |b, n| b.iter(|| timed::work(*n)));
    }
    group.finish();
    c.bench_function("panics", |b| b.iter(|| assert!(timed::work(2) == 0)));
}

criterion_group!(group, all);
criterion_main!(group);
""".replace("ODD_NAMES", ", ".join(f'"{name}"' for name in ODD_NAMES))
DIVAN_BENCH = """\
use std::{thread::sleep, time::Duration};

fn main() {
    divan::main();
}

#[divan::bench(args = [1, 3])]
fn naps(n: u64) {
    sleep(Duration::from_millis(n));
}

#[divan::bench(name = "a.*b [x] │ $", args = ["c/d", "e f"])]
fn odd(text: &str) -> u64 {
    timed::work(text.len() as u64)
}

#[divan::bench(threads = [1, 2])]
fn shared() -> u64 {
    timed::work(100)
}

#[divan::bench(types = [String, Vec<u8>])]
fn empty<T: Default>() -> T {
    T::default()
}

#[divan::bench(ignore)]
fn left_out() {}
"""
LIBRARY = "pub fn work(n: u64) -> u64 {\n    (0..n).map(std::hint::black_box).sum()\n}\n"


@dataclass(frozen=True)
class Made:
    """The project's benches after the one build."""

    user: User
    project: Path
    targets: tuple[BenchTarget, ...]

    def open(self, name: str) -> BenchExecutable | None:
        (target,) = (target for target in self.targets if target.name == name)
        return open_bench(SystemRunner(), target, self.user.environment, self.user.folder / "scratch")

    def opened(self, name: str) -> BenchExecutable:
        bench = self.open(name)
        assert bench
        return bench


def time(bench: BenchExecutable, case: str, seconds: float) -> float:
    """The time, in seconds, that one run of a case reports."""
    surroundings = {**bench.environment, **bench.variables}
    command = Command(argv=bench.command(case, seconds), cwd=bench.target.cwd, environment=surroundings, timeout=60)
    return bench.time(case, bench.runner.run(command))


@pytest.fixture(scope="module")
def made(registry: None, new_user: Callable[[Path], User], tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Builds unoptimized, by a setting from outside: the libraries are quicker to compile that way."""
    user = new_user(tmp_path_factory.mktemp("benches"))
    project, runner, environment = user.folder / "timed", SystemRunner(), dict(user.environment)
    (project / "benches").mkdir(parents=True)
    (project / "src").mkdir()
    (project / "Cargo.toml").write_text(MANIFEST)
    (project / "src" / "lib.rs").write_text(LIBRARY)
    (project / "benches" / "with-criterion.rs").write_text(CRITERION_BENCH)
    (project / "benches" / "with-divan.rs").write_text(DIVAN_BENCH)
    (project / "benches" / "with-nothing.rs").write_text("fn main() {}\n")
    locked = runner.run(Command(argv=("cargo", "generate-lockfile"), cwd=project, environment=environment))
    assert locked.ok, locked.stderr
    loaded = load_project(runner, project / "Cargo.toml", environment)
    fetch(runner, loaded, environment)
    before = snapshot(project)
    calls = Calls(
        runner=runner,
        project=loaded,
        selection=Selection(profile="bench"),
        today=Profile(),
        rustflags=(),
        environment=environment,
        work=user.folder / "work",
        jobs=None,
        timeout=300,
    )
    builder = BenchBuilder(calls=calls)
    targets = builder.build(Profile(opt_level=OptLevel.O0), "base")
    assert snapshot(project) == before
    return Made(user, project, targets)


def test_the_benches_are_built_elsewhere_and_run_in_the_package(made: Made) -> None:
    assert [target.name for target in made.targets] == ["with-criterion", "with-divan", "with-nothing"]
    for target in made.targets:
        assert (target.package, target.cwd) == ("timed", made.project)
        assert target.path.is_relative_to(made.user.folder / "work" / "base")


def test_the_harness_is_known(made: Made) -> None:
    assert made.opened("with-criterion").harness.name == "criterion"
    assert made.opened("with-divan").harness.name == "divan"
    assert made.open("with-nothing") is None


def test_criterion_lists_its_cases(made: Made) -> None:
    names = ("naps", "naps longer", *ODD_NAMES, "group/one/sum of/10", "group/one/sum of/1000", "panics")
    assert made.opened("with-criterion").cases() == names


def test_divan_lists_its_cases_with_arguments_and_types(made: Made) -> None:
    names = [
        "naps::1",
        "naps::3",
        "a.*b [x] │ $::c/d",
        "a.*b [x] │ $::e f",
        "shared",
        "empty::String",
        "empty::Vec<u8>",
    ]
    assert sorted(made.opened("with-divan").cases()) == sorted(f"with_divan::{name}" for name in names)


@pytest.mark.parametrize(
    ("bench", "case", "milliseconds"),
    [
        ("with-criterion", "naps", 1),
        ("with-criterion", "naps longer", 3),
        ("with-divan", "with_divan::naps::1", 1),
        ("with-divan", "with_divan::naps::3", 3),
    ],
)
def test_a_nap_takes_as_long_as_it_says(made: Made, bench: str, case: str, milliseconds: int) -> None:
    assert milliseconds / 1000 <= time(made.opened(bench), case, 0.1) < milliseconds / 1000 + 0.1


@pytest.mark.parametrize("bench", ["with-criterion", "with-divan"])
def test_every_case_can_be_run_by_its_name_and_leaves_no_trace(made: Made, bench: str) -> None:
    before, calls = snapshot(made.project), made.user.cargo_log.read_text()
    opened = made.opened(bench)
    for case in opened.cases():
        if case != "panics":
            assert 0 < time(opened, case, 0.02) < 1
    assert snapshot(made.project) == before
    assert made.user.cargo_log.read_text() == calls


def test_a_part_of_a_name_is_not_the_name(made: Made) -> None:
    for bench, case in (("with-criterion", "nap"), ("with-divan", "with_divan::naps")):
        with pytest.raises(InputError, match="prints no time"):
            time(made.opened(bench), case, 0.02)


def test_a_case_that_panics_says_so(made: Made) -> None:
    with pytest.raises(InputError, match="case 'panics' of bench with-criterion fails: exit code 101"):
        time(made.opened("with-criterion"), "panics", 0.02)
