"""Release targets for real: native, Windows under wine, WebAssembly under wasmtime, and one that cannot be built here.

`make cross` installs what these tests need beside the usual toolchain, where Debian has it; else they are skipped.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.integration.user import Result, User, eventually, processes_about, snapshot

pytestmark = pytest.mark.integration

HOST = "x86_64-unknown-linux-gnu"
WINDOWS = "x86_64-pc-windows-gnu"
WASM = "wasm32-wasi"
ARM = "aarch64-unknown-linux-gnu"
CROSS = Path(__file__).parents[2] / ".tools" / "cross" / "bin"
CANDIDATE = ("--candidate", "lto=fat", "--candidate", "codegen-units=1")

VANDAL = """\
fn main() {
    let tree = std::env::var("CARGO_MANIFEST_DIR").unwrap();
    for name in ["src", "Cargo.toml", "Cargo.lock", ".github", "build.rs"] {
        let path = std::path::Path::new(&tree).join(name);
        let _ = std::fs::remove_dir_all(&path);
        let _ = std::fs::remove_file(&path);
    }
}
"""


@pytest.fixture(scope="session")
def crossing() -> Path:
    """A folder with a cargo and a rustc for Windows and WebAssembly, and what links and runs their programs."""
    missing = [name for name in ("wine", "x86_64-w64-mingw32-gcc") if not shutil.which(name)]
    if not (CROSS / "rustc").exists():
        missing.insert(0, "Rust for other targets")
    if missing:
        pytest.skip(f"not here: {', '.join(missing)}; `make cross` gets it from Debian")
    asked = ("rustc", "--print", "target-libdir", "--target", WINDOWS)
    if Path(subprocess.run(asked, check=True, capture_output=True, text=True).stdout.strip()).is_dir():
        pytest.skip(f"the first Rust has {WINDOWS} itself, with a standard library that Debian's Wine cannot load")
    return CROSS


WRITER = """\
fn main() {
    assert!(std::path::Path::new("src/main.rs").exists() && !std::path::Path::new("written").exists());
    std::fs::remove_file("src/main.rs").unwrap();
    std::fs::write("written", "by the program").unwrap();
}
"""


def results(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {target["triple"]: target for target in document["targets"]}


@dataclass(frozen=True, kw_only=True)
class Tried:
    """All targets of `finicky`, tried once."""

    user: User
    project: Path
    before: dict[str, tuple[str, int, int]]
    result: Result

    @property
    def targets(self) -> dict[str, dict[str, Any]]:
        return results(self.result.document)


@pytest.fixture(scope="module")
def tried(
    crossing: Path, new_user: Callable[[Path], User], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Tried]:
    user = new_user(tmp_path_factory.mktemp("targets"))
    project = user.project("finicky")
    before = snapshot(project)
    result = user.run("targets", project, "--toolchain", crossing, *CANDIDATE, "--json")
    yield Tried(user=user, project=project, before=before, result=result)
    shutil.rmtree(user.cache)  # wine's own folder is large


class TestAllTargets:
    @pytest.mark.slow
    def test_the_candidate_breaks_one_of_four(self, tried: Tried) -> None:
        assert tried.result.code == 1
        assert {triple: target["standing"] for triple, target in tried.targets.items()} == {
            HOST: "passes",
            WINDOWS: "breaks",
            WASM: "passes",
            ARM: "not tried",
        }
        assert tried.targets[WASM]["places"] == [{"file": ".github/workflows/release.yml", "line": 13, "said": WASM}]

    def test_each_program_really_ran_where_it_belongs(self, tried: Tried) -> None:
        outputs = {
            triple: {run["runner"]: run["said"] for attempt in target["attempts"] for run in attempt["runs"]}
            for triple, target in tried.targets.items()
        }
        assert outputs == {
            HOST: {"native": "--version: finicky 0.1.0 on linux: 42"},
            WINDOWS: {"wine": "--version: finicky 0.1.0 on windows: 42"},
            WASM: {"wasmtime": "--version: finicky 0.1.0 on wasi: 42"},
            ARM: {},
        }

    def test_what_cannot_be_built_says_why_and_how(self, tried: Tried) -> None:
        target = tried.targets[ARM]
        assert target["reason"].startswith("its standard library is not installed")
        assert any(f"rustup target add {ARM}" in how for how in target["how"])
        assert target["attempts"] == []

    def test_the_effect_of_each_build_was_checked(self, tried: Tried) -> None:
        for triple in (HOST, WASM):
            today, candidate = tried.targets[triple]["attempts"]
            assert (today["effects"][0]["lto"], candidate["effects"][0]["lto"]) == ("local", "fat")
            assert [entry["effects"][0]["warnings"] for entry in (today, candidate)] == [[], []]
            assert candidate["size"] < today["size"]

    def test_the_broken_target_gets_settings_of_its_own_that_work(self, tried: Tried) -> None:
        windows = tried.targets[WINDOWS]
        assert windows["attempts"][1]["failure"]["cause"] == "compiler"
        assert [(entry["label"], entry["builds"]) for entry in windows["narrowed"]] == [("codegen-units 1", True)]
        (proposal,) = tried.result.document["proposals"]
        assert proposal["proven"]
        assert proposal["profile"] == "release-lto-local"
        assert proposal["workflow"][0].startswith(".github/workflows/release.yml:12: ")

    @pytest.mark.slow
    def test_the_proposal_does_what_it_says(self, tried: Tried, crossing: Path) -> None:
        """Both profiles are written into the manifest, and the target is built with the second one."""
        (proposal,) = tried.result.document["proposals"]
        project = tried.user.project("finicky", into="taken")
        with (project / "Cargo.toml").open("a") as manifest:
            manifest.write('lto = "fat"\ncodegen-units = 1\n')  # of the release profile, which comes last
            manifest.write("\n".join(proposal["manifest"]) + "\n")
        arguments = (project, "--toolchain", crossing, "--target", WINDOWS, "--json")
        assert tried.user.run("targets", *arguments).code == 4
        document = tried.user.does("targets", *arguments, "--profile", proposal["profile"]).document
        assert results(document)[WINDOWS]["standing"] == "passes"

    def test_the_tree_is_as_it_was_and_nothing_is_left_running(self, tried: Tried) -> None:
        assert snapshot(tried.project) == tried.before
        assert eventually(lambda: not processes_about(tried.user.folder)), processes_about(tried.user.folder)
        assert not list((tried.user.cache / "trimtab" / "work").glob("*/target"))

    @pytest.mark.usefixtures("containment")
    def test_what_a_program_writes_does_not_stay(self, tried: Tried, crossing: Path) -> None:
        """Nor where wine's server runs already, which opens files for others in the tree that it sees itself."""
        project = tried.user.project("finicky", into="writer")
        (project / "src" / "main.rs").write_text(WRITER)
        before = snapshot(project)
        wine = {**tried.user.environment, "WINEPREFIX": str(tried.user.cache / "trimtab" / "wine")}
        subprocess.run(["wineserver", "-p60"], check=True, env=wine)
        targets = ("--toolchain", crossing, "--target", HOST, "--target", WINDOWS)
        result = tried.user.does("targets", project, *targets, "--candidate", "opt-level=2", "--run", "x")
        assert result.out.startswith("2 of 2 release targets pass with opt-level 2"), result.out
        assert snapshot(project) == before

    def test_again_nothing_is_built_and_all_is_run(self, tried: Tried, crossing: Path) -> None:
        result = tried.user.run("targets", tried.project, "--toolchain", crossing, *CANDIDATE, "--target", WASM)
        assert result.code == 0
        assert "building" not in result.err
        assert "1 of 1 release targets pass with lto fat, codegen-units 1" in result.out


def test_a_target_that_only_builds_without_fat_lto(user: User) -> None:
    """Without any tool of Debian's: the native target, with the feature that makes the program finicky there too."""
    project = user.project("finicky")
    arguments = (project, "--target", HOST, "--features", "everywhere", "--candidate")
    result = user.run("targets", *arguments, "lto=fat", "--json")
    assert result.code == 1
    assert results(result.document)[HOST]["standing"] == "breaks"
    assert result.document["proposals"][0]["settings"] == [{"key": "lto", "value": False}]
    assert user.does("targets", *arguments, "lto=off").out.startswith("1 of 1 release targets pass with lto off")


@pytest.mark.usefixtures("containment")
def test_a_build_script_that_deletes_its_own_tree_harms_nothing(user: User) -> None:
    project = user.project("finicky")
    (project / "build.rs").write_text(VANDAL)
    before = snapshot(project)
    result = user.run("targets", project, "--target", HOST, "--candidate", "lto=thin", "--json")
    assert snapshot(project) == before
    target = results(result.document)[HOST]
    assert [len(target["attempts"]), target["standing"]] == [2, "fails"]
    for attempt in target["attempts"]:  # the second build had the whole tree again
        assert "deleted Cargo.lock" in attempt["wrote"]
        assert "src" in attempt["failure"]["message"]
    assert eventually(lambda: not processes_about(user.folder)), processes_about(user.folder)
    assert not list((user.cache / "trimtab" / "work").glob("*/tree"))


@pytest.mark.slow
@pytest.mark.usefixtures("containment")
def test_a_build_script_that_only_deletes_under_one_target_fails_that_one(user: User, crossing: Path) -> None:
    project = user.project("finicky")
    guard = 'if std::env::var("CARGO_CFG_TARGET_OS").as_deref() != Ok("windows") { return; }'
    (project / "build.rs").write_text(VANDAL.replace("fn main() {\n", f"fn main() {{\n    {guard}\n", 1))
    before = snapshot(project)
    targets = ("--target", HOST, "--target", WINDOWS, "--target", WASM)
    result = user.run("targets", project, "--toolchain", crossing, *targets, "--json")
    assert snapshot(project) == before
    assert {triple: target["standing"] for triple, target in results(result.document).items()} == {
        HOST: "passes",
        WINDOWS: "fails",
        WASM: "passes",
    }
    assert result.code == 1


def test_what_a_build_writes_into_the_tree_does_not_stay(user: User, containment: None) -> None:
    project = user.project("finicky")
    (project / "build.rs").write_text('fn main() { std::fs::write("src/generated.rs", "// made").unwrap(); }\n')
    before = snapshot(project)
    result = user.does("targets", project, "--target", HOST)
    assert snapshot(project) == before
    assert "wrote src/generated.rs" in " ".join(result.out.split())


def test_an_interrupted_run_leaves_nothing_and_goes_on_where_it_was(user: User) -> None:
    project = user.project("moody")
    arguments = ("targets", project, "--target", HOST, "--candidate", "opt-level=z")  # whose build never ends
    running = user.start(*arguments)
    running.wait_for("building opt-level z")
    running.wait_a_little(1)
    running.stop(signal.SIGINT).refused(130)
    assert eventually(lambda: not processes_about(user.folder)), processes_about(user.folder)
    assert not list((user.cache / "trimtab" / "work").glob("*/t*"))
    again = user.run(*arguments, "--timeout", "3s", "--json")
    assert "building today" not in again.err
    assert results(again.document)[HOST]["attempts"][1]["failure"]["cause"] == "timeout"


def test_a_runner_of_cargos_own_is_used(user: User) -> None:
    project = user.project("picky")
    (project / ".cargo").mkdir()
    (project / ".cargo" / "config.toml").write_text(f'[target.{HOST}]\nrunner = ["env", "-u", "NOTHING"]\n')
    document = user.does("targets", project, "--json").document
    (run,) = results(document)[HOST]["attempts"][0]["runs"]
    assert (run["runner"], run["state"]) == ("env", "ok")


def test_a_candidate_that_cargos_flags_override_does_not_pass(user: User) -> None:
    project = user.project("picky")
    (project / ".cargo").mkdir()
    (project / ".cargo" / "config.toml").write_text('[build]\nrustflags = ["-C", "codegen-units=8"]\n')
    arguments = ("targets", project, "--target", HOST, "--candidate", "codegen-units=1")
    assert user.run(*arguments, "--strict").code == 1
    document = user.does(*arguments, "--json").document
    assert results(document)[HOST]["standing"] == "not in effect"
    assert "0 of 1 release targets pass" in document["headline"]


@pytest.mark.parametrize("kind", ["cdylib", "staticlib"])
def test_a_library_is_built_and_not_run(user: User, kind: str) -> None:
    project = user.project("picky")
    (project / "src" / "main.rs").rename(project / "src" / "lib.rs")
    with (project / "Cargo.toml").open("a") as manifest:
        manifest.write(f'\n[lib]\ncrate-type = ["{kind}"]\n')
    document = user.does("targets", project, "--target", HOST, "--candidate", "codegen-units=1", "--json").document
    target = results(document)[HOST]
    assert target["standing"] == "built"
    assert {run["said"] for attempt in target["attempts"] for run in attempt["runs"]} == {"a library: nothing to run"}


def test_a_program_that_crashes_under_the_candidate_breaks(user: User) -> None:
    project = user.project("picky")
    (project / "src" / "main.rs").write_text(
        'fn main() { let _ = std::panic::catch_unwind(|| panic!("caught")); println!("still here"); }\n'
    )
    result = user.run("targets", project, "--target", HOST, "--candidate", "panic=abort", "--json")
    assert result.code == 1
    target = results(result.document)[HOST]
    assert target["standing"] == "breaks"
    assert target["attempts"][1]["runs"][0]["said"].startswith("signal 6")
    assert target["hints"][0]["source"] == "pmcfadin/cqlite#1440"
