"""How a target can be built here, by what is here; and what is said where it cannot."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fakes.runner import FakeRunner, finished
from tests.fakes.targets import ARM, HOST, WASM, WINDOWS, compiler
from trimtab.builders.overlay import Overlay, overlay
from trimtab.builders.routes import (
    BuildRoute,
    TargetToolchain,
    Unavailable,
    choose_way,
    find_compiler,
    linkers_in_force,
)
from trimtab.errors import MissingError

MINGW = "x86_64-w64-mingw32-gcc"


def chosen(triple: str, *compilers: TargetToolchain, linkers: dict[str, str] | None = None) -> BuildRoute:
    way = choose_way(triple, compilers, linkers or {})
    assert isinstance(way, BuildRoute), way
    return way


def refused(triple: str, *compilers: TargetToolchain, linkers: dict[str, str] | None = None) -> Unavailable:
    way = choose_way(triple, compilers, linkers or {})
    assert isinstance(way, Unavailable), way
    return way


class TestWay:
    def test_this_machines_own_target_takes_its_c_compiler(self, tmp_path: Path) -> None:
        way = chosen(HOST, compiler(tmp_path, HOST, programs=["cc"]))
        assert (way.name, way.program, way.more) == ("cargo", ("cargo", "build"), ())
        assert str(way) == "cargo, rustc 1.95.0 (59807616e)"

    def test_musl_on_the_same_architecture_too(self, tmp_path: Path) -> None:
        musl = "x86_64-unknown-linux-musl"
        assert chosen(musl, compiler(tmp_path, musl, programs=["cc"])).more == ()

    def test_the_linker_that_rustc_calls_by_itself_is_not_named(self, tmp_path: Path) -> None:
        assert chosen(WINDOWS, compiler(tmp_path, WINDOWS, programs=[MINGW])).more == ()

    def test_others_are(self, tmp_path: Path) -> None:
        way = chosen(ARM, compiler(tmp_path, ARM, programs=["cc", "aarch64-linux-gnu-gcc"]))
        assert way.more == ("--config", f'target.{ARM}.linker="aarch64-linux-gnu-gcc"')

    def test_a_linker_that_comes_with_the_toolchain(self, tmp_path: Path) -> None:
        own = tmp_path / "lib" / "rustlib" / HOST / "bin"
        own.mkdir(parents=True)
        (own / "rust-lld").touch(0o755)
        assert chosen(WASM, compiler(tmp_path, WASM)).more == ()

    def test_the_linker_that_cargo_is_configured_to_use(self, tmp_path: Path) -> None:
        here = compiler(tmp_path, ARM, programs=["clang"])
        assert chosen(ARM, here, linkers={ARM: "clang"}).more == ()
        assert refused(ARM, here, linkers={ARM: "gone"}).reason == (
            "its linker gone, which Cargo is configured to use, is not here"
        )

    def test_the_next_toolchain_has_the_library(self, tmp_path: Path) -> None:
        usual = compiler(tmp_path / "usual", HOST, programs=["cc", MINGW])
        other = compiler(tmp_path / "other", WINDOWS, programs=[MINGW])
        assert chosen(HOST, usual, other).compiler is usual
        assert chosen(WINDOWS, usual, other).compiler is other

    def test_zig_links_where_nothing_else_does(self, tmp_path: Path) -> None:
        way = chosen(ARM, compiler(tmp_path, ARM, programs=["cargo-zigbuild"]))
        assert (way.name, way.program) == ("cargo zigbuild", ("cargo", "zigbuild"))

    @pytest.mark.parametrize("engine", ["docker", "podman"])
    def test_cross_brings_its_own_library(self, tmp_path: Path, engine: str) -> None:
        way = chosen(ARM, compiler(tmp_path, HOST, programs=["cross", engine]))
        assert (str(way), way.program) == ("cross", ("cross", "build"))

    def test_cross_without_containers_is_no_way(self, tmp_path: Path) -> None:
        refused(ARM, compiler(tmp_path, HOST, programs=["cross"]))


class TestNoWay:
    def test_all_that_is_missing_is_named(self, tmp_path: Path) -> None:
        way = refused(ARM, compiler(tmp_path, HOST))
        assert way.reason == "its standard library is not installed; there is no aarch64-linux-gnu-gcc to link it"
        assert way.how == (
            f"rustup target add {ARM} and sudo apt-get install gcc-aarch64-linux-gnu",
            f"rustup target add {ARM} and pip install cargo-zigbuild",
            "cargo install cross, which needs docker or podman",
        )

    def test_only_the_library(self, tmp_path: Path) -> None:
        way = refused(WINDOWS, compiler(tmp_path, HOST, programs=[MINGW]))
        assert way.reason == "its standard library is not installed"
        assert way.how[0] == (
            f"rustup target add {WINDOWS} (for Debian's rustc: sudo apt-get install libstd-rust-dev-windows)"
        )

    def test_only_the_linker(self, tmp_path: Path) -> None:
        way = refused(WINDOWS, compiler(tmp_path, WINDOWS))
        assert way.reason == f"there is no {MINGW} to link it"
        assert way.how[:2] == ("sudo apt-get install gcc-mingw-w64-x86-64", "pip install cargo-zigbuild")

    @pytest.mark.parametrize(
        ("triple", "reason", "how"),
        [
            (
                "x86_64-pc-windows-msvc",
                "it needs Microsoft's linker and libraries",
                "build it on Windows, or with cargo-xwin",
            ),
            ("aarch64-apple-darwin", "it needs Apple's linker and SDK", "build it on macOS"),
        ],
    )
    def test_some_are_built_elsewhere(self, tmp_path: Path, triple: str, reason: str, how: str) -> None:
        way = refused(triple, compiler(tmp_path, triple, programs=["cc"]))
        assert way.reason == reason
        assert how in way.how

    def test_a_system_that_nobody_links_for_by_default(self, tmp_path: Path) -> None:
        way = refused("x86_64-unknown-redox", compiler(tmp_path, "x86_64-unknown-redox", programs=["cc"]))
        assert way == Unavailable(
            reason="trimtab knows no linker for it", how=("set target.x86_64-unknown-redox.linker for Cargo",)
        )

    def test_another_name(self, tmp_path: Path) -> None:
        assert refused("wasm32-wasi", compiler(tmp_path, HOST)).reason == "this rustc calls it wasm32-wasip1"

    def test_a_name_that_nobody_knows(self, tmp_path: Path) -> None:
        assert refused("x86_64-pc-lunix", compiler(tmp_path, HOST)).reason == "no rustc here knows it"


class TestCompiler:
    def test_of_a_folder_comes_first_on_the_path(self, tmp_path: Path) -> None:
        for name in ("cargo", "rustc"):
            (tmp_path / name).touch()
        library = tmp_path / "root" / "lib" / "rustlib" / WINDOWS / "lib"
        library.mkdir(parents=True)
        (library / "libcore-1234.rlib").touch()
        (tmp_path / "root" / "lib" / "rustlib" / "etc").mkdir()
        runner = FakeRunner()
        runner.on("cargo -V", finished("cargo 1.65.0")).on("cc --version", finished("cc 12"))
        runner.on("rustc -vV", finished(f"rustc 1.63.0\nrelease: 1.63.0\nhost: {HOST}\n"))
        runner.on("rustc --print sysroot", finished(f"{tmp_path / 'root'}\n"))
        runner.on("rustc --print target-list", finished(f"{HOST}\n{WINDOWS}\n"))
        found = find_compiler(runner, tmp_path, {"PATH": "/usr/bin", "RUSTC": "/else/rustc"}, tmp_path)
        assert found.environment == {"PATH": f"{tmp_path}:/usr/bin"}
        assert found.libraries == frozenset({WINDOWS})
        assert found.known == frozenset({HOST, WINDOWS})
        assert found.toolchain.rustc == "rustc 1.63.0 (unknown)"

    def test_a_folder_without_one_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(MissingError, match="there is no cargo"):
            find_compiler(FakeRunner(), tmp_path, {}, tmp_path)


def test_linkers_that_are_configured() -> None:
    configuration = {"target": {ARM: {"linker": "a"}, WINDOWS: {"linker": "b"}, "cfg(unix)": {"runner": "x"}}}
    environment = {"CARGO_TARGET_X86_64_PC_WINDOWS_GNU_LINKER": "c", "CARGO_TARGET_THUMBV8M_MAIN_NONE_LINKER": "d"}
    triples = [ARM, WINDOWS, WASM, "thumbv8m.main-none"]
    assert linkers_in_force(configuration, environment, triples) == {ARM: "a", WINDOWS: "c", triples[-1]: "d"}


class TestOverlay:
    def test_is_taken_with_what_rights_there_are(self, tmp_path: Path) -> None:
        runner = FakeRunner().on("unshare --mount --map-root-user *", finished()).on("unshare *", finished(exit_code=1))
        made = overlay(runner, tmp_path / "tree", tmp_path / "work", {})
        assert made
        assert made.within[:3] == ("unshare", "--mount", "--map-root-user")
        assert ",userxattr" in made.within[-2]
        assert made.within[-1] == str(tmp_path / "tree")

    def test_there_is_none_without_rights_or_unshare(self, tmp_path: Path) -> None:
        refusing = FakeRunner().on("unshare *", finished(exit_code=1))
        assert overlay(refusing, tmp_path / "tree", tmp_path / "work", {}) is None
        missing = FakeRunner().on("unshare *", MissingError("no unshare"))
        assert overlay(missing, tmp_path / "tree", tmp_path / "work", {}) is None

    @pytest.mark.parametrize(("tree", "work"), [("a:b", "w"), ("a,b", "w"), ("a", "w\\"), ("a", "a/w")])
    def test_there_is_none_over_paths_that_cannot_be_said(self, tmp_path: Path, tree: str, work: str) -> None:
        assert overlay(FakeRunner(), tmp_path / tree, tmp_path / work, {}) is None

    def test_layers_lie_over_the_tree(self, tmp_path: Path) -> None:
        made = overlay(
            FakeRunner().on("unshare *", finished()), tmp_path / "tree", tmp_path / "w", {}, (tmp_path / "l",)
        )
        assert made
        assert f"lowerdir={tmp_path}/l:{tmp_path}/tree,upperdir={tmp_path}/w/upper" in made.within[-2]
        assert f"upperdir={tmp_path}/elsewhere/upper" in made.at(tmp_path / "elsewhere").within[-2]

    def test_there_is_none_over_a_tree_in_which_something_is_mounted(self, tmp_path: Path) -> None:
        assert overlay(FakeRunner(), Path("/"), tmp_path, {}) is None

    def test_what_was_written_is_found(self, tmp_path: Path) -> None:
        made = Overlay(tree=tmp_path / "tree", folder=tmp_path / "work")
        made.renew()
        (tmp_path / "work" / "upper" / "new.rs").touch()
        assert made.written(tmp_path / "tree" / "new.rs") == tmp_path / "work" / "upper" / "new.rs"
        assert made.written(tmp_path / "tree" / "old.rs") is None
        assert made.written(tmp_path / "new.rs") is None

    def test_what_git_writes_about_itself_is_no_change(self, tmp_path: Path) -> None:
        made = Overlay(tree=tmp_path / "tree", folder=tmp_path / "work")
        made.renew()
        (tmp_path / "work" / "upper" / ".git").mkdir()
        (tmp_path / "work" / "upper" / ".git" / "index").touch()
        assert made.changes() == ()

    def test_changes_are_named_up_to_a_few(self, tmp_path: Path) -> None:
        made = Overlay(tree=tmp_path / "tree", folder=tmp_path / "work")
        made.renew()
        assert made.changes() == ()
        for number in range(7):
            (tmp_path / "work" / "upper" / f"{number}.rs").touch()
        assert made.changes() == (*(f"wrote {number}.rs" for number in range(5)), "and 2 more")
        made.renew()
        assert made.changes() == ()
