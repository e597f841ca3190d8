"""The last link of a build, kept and run again: the same bytes as it was, the same program in another order."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from tests.integration.user import PROJECTS, snapshot
from trimtab.builders.relink import capturing, find_lld, relink, replicate, reproduces
from trimtab.errors import InputError, MissingError
from trimtab.experiment.exploration import Exploration
from trimtab.experiment.prepare import prepare
from trimtab.experiment.request import Request
from trimtab.model.trial import Built
from trimtab.system.paths import Folders
from trimtab.system.process import SystemRunner

pytestmark = pytest.mark.integration

RUNNER = SystemRunner()


@pytest.fixture(scope="module", autouse=True)
def _tools(tmp_path_factory: pytest.TempPathFactory) -> None:
    if not shutil.which("readelf"):
        pytest.skip("there is no readelf to look at sections with")
    try:
        find_lld(RUNNER, tmp_path_factory.mktemp("nowhere"))
    except MissingError as error:
        pytest.skip(error.what)


@pytest.fixture(autouse=True)
def _no_settings_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_TARGET_DIR", "CARGO_BUILD_TARGET"):
        monkeypatch.delenv(name, raising=False)


def prepared(project: Path, folder: Path, **request: object) -> Exploration:
    return prepare(Request(path=str(project), **request), Folders(store=folder / "db", cache=folder))  # type: ignore[arg-type]


def build(exploration: Exploration, folder: Path, *, links: Path | None = None) -> Built:
    builder = replace(exploration.cargo_builder(folder / "work", folder / "kept"), links=links)
    built = builder.build(exploration.today.profile, touch=False)
    assert isinstance(built, Built), built
    return built


def output(*command: str | Path) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def symbols(binary: Path, kind: str) -> list[str]:
    """Names and sizes of symbols in the order of their addresses."""
    rows = [line.split() for line in output("readelf", "--syms", "--wide", binary).splitlines()]
    placed = [(int(row[1], 16), row[2], row[7]) for row in rows if len(row) == 8 and row[3] == kind and row[6] != "UND"]
    return [f"{name} {size}" for _, size, name in sorted(placed)]


@pytest.fixture
def duo(tmp_path: Path) -> Path:
    """A project in a folder with spaces in its name."""
    return Path(shutil.copytree(PROJECTS / "duo", tmp_path / "two words" / "duo"))


class TestDuo:
    def test_is_relinked(self, duo: Path, tmp_path: Path) -> None:
        before = snapshot(duo)
        exploration = prepared(duo, tmp_path)
        work, links = tmp_path / "a b", tmp_path / "the links"
        plain = build(exploration, work).artifacts[0]
        built = build(exploration, work, links=links).artifacts[0]
        assert built.sha256 == plain.sha256
        assert snapshot(duo) == before
        assert not (work / "work" / "target").exists()
        assert [path.name for path in links.iterdir() if not path.name.startswith(".")] == ["duo"]

        capture, binary = links / "duo", Path(built.path)
        assert reproduces(RUNNER, capture, binary)

        first, second = replicate(RUNNER, capture, tmp_path / "layouts", 2)
        again = tmp_path / "again"
        relink(RUNNER, capture, again, 1)
        assert again.read_bytes() == first.read_bytes()
        assert len({path.read_bytes() for path in (binary, first, second)}) == 3
        assert {output(path, "count", "1000") for path in (binary, first, second)} == {output(binary, "count", "1000")}

        assert symbols(first, "FUNC") != symbols(second, "FUNC")
        assert sorted(symbols(first, "FUNC")) == sorted(symbols(second, "FUNC"))
        assert symbols(first, "OBJECT") == symbols(second, "OBJECT")

    def test_by_another_linker_than_lld(self, duo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        if not shutil.which("ld.bfd"):
            pytest.skip("there is no GNU ld here")
        monkeypatch.setenv("RUSTFLAGS", "-Clink-arg=-fuse-ld=bfd")
        built = build(prepared(duo, tmp_path), tmp_path, links=tmp_path / "links").artifacts[0]
        capture = tmp_path / "links" / "duo"
        assert reproduces(RUNNER, capture, Path(built.path))
        (layout,) = replicate(RUNNER, capture, tmp_path, 1)
        assert "LLD" in output("readelf", "-p", ".comment", layout)
        assert "LLD" not in output("readelf", "-p", ".comment", built.path)
        assert output(layout, "count", "9") == output(built.path, "count", "9")

    def test_through_the_linker_of_the_configuration(self, duo: Path, tmp_path: Path) -> None:
        linker = tmp_path / "my linkers" / "clang"
        linker.parent.mkdir()
        linker.write_text(f'#!/bin/sh\necho "$@" >> "{tmp_path}/calls"\nexec cc "$@"\n')
        linker.chmod(0o755)
        (duo / ".cargo").mkdir()
        (duo / ".cargo" / "config.toml").write_text(f"[target.'cfg(unix)']\nlinker = '{linker}'\n")
        built = build(prepared(duo, tmp_path), tmp_path, links=tmp_path / "links").artifacts[0]
        assert (tmp_path / "calls").read_text().count("\n") == 1
        assert reproduces(RUNNER, tmp_path / "links" / "duo", Path(built.path))

    def test_through_a_symbolic_link(self, duo: Path, tmp_path: Path) -> None:
        (tmp_path / "real").mkdir()
        (tmp_path / "symbolic").symlink_to(tmp_path / "real")
        built = build(prepared(duo, tmp_path), tmp_path / "symbolic", links=tmp_path / "links").artifacts[0]
        assert reproduces(RUNNER, tmp_path / "links" / "duo", Path(built.path))

    def test_a_link_that_was_not_captured_is_told(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="the last link of duo was not captured"):
            relink(RUNNER, tmp_path / "duo", tmp_path / "out", 1)


MANY = {
    "Cargo.toml": '[workspace]\nresolver = "2"\nmembers = ["tool", "magic"]\n',
    "magic/Cargo.toml": '[package]\nname = "magic"\nversion = "0.1.0"\nedition = "2021"\n[lib]\nproc-macro = true\n',
    "magic/src/lib.rs": """
        use proc_macro::TokenStream;
        #[proc_macro]
        pub fn seven(_: TokenStream) -> TokenStream { "7".parse().unwrap() }
    """,
    "tool/Cargo.toml": """
        [package]
        name = "my-tool"
        version = "0.1.0"
        edition = "2021"
        [dependencies]
        magic = { path = "../magic" }
    """,
    "tool/build.rs": """
        use std::process::Command;
        fn main() {
            let out = std::env::var("OUT_DIR").unwrap();
            let run = |words: &[&str]| assert!(Command::new(words[0]).args(&words[1..]).status().unwrap().success());
            std::fs::write(format!("{out}/six.c"), "int six(void) { return 6; }").unwrap();
            std::fs::write(format!("{out}/exported"), "{ six; };").unwrap();
            run(&["cc", "-c", "-o", &format!("{out}/six.o"), &format!("{out}/six.c")]);
            run(&["ar", "crs", &format!("{out}/libsix.a"), &format!("{out}/six.o")]);
            println!("cargo:rustc-link-search=native={out}");
            println!("cargo:rustc-link-lib=static:-bundle=six");
            println!("cargo:rustc-link-arg-bins=-Wl,--dynamic-list={out}/exported");
        }
    """,
    "tool/src/main.rs": """
        extern "C" { fn six() -> i32; }
        fn main() { println!("{}", unsafe { six() } * magic::seven!()); }
    """,
    "tool/src/bin/other.rs": 'fn main() { println!("other"); }',
}


class TestMany:
    @pytest.fixture
    def many(self, tmp_path: Path) -> Path:
        """A build script that makes a library, a macro and two binaries."""
        if not shutil.which("ar"):
            pytest.skip("there is no ar here")
        root = tmp_path / "many"
        for name, text in MANY.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)
        subprocess.run(["cargo", "generate-lockfile", "--offline"], check=True, cwd=root, capture_output=True)
        return root

    def test_only_the_wanted_link_is_kept_with_all_that_it_reads(self, many: Path, tmp_path: Path) -> None:
        built = build(prepared(many, tmp_path, binaries=("my-tool",)), tmp_path, links=tmp_path / "links").artifacts[0]
        assert [path.name for path in (tmp_path / "links").glob("[!.]*")] == ["my-tool"]
        assert reproduces(RUNNER, tmp_path / "links" / "my-tool", Path(built.path))
        for layout in replicate(RUNNER, tmp_path / "links" / "my-tool", tmp_path, 2):
            assert output(layout) == "42\n"

    def test_each_of_several(self, many: Path, tmp_path: Path) -> None:
        exploration = prepared(many, tmp_path, all_binaries=True)
        for artifact in build(exploration, tmp_path, links=tmp_path / "links").artifacts:
            assert reproduces(RUNNER, tmp_path / "links" / artifact.name, Path(artifact.path))


class TestWrapper:
    """The script by itself, as rustc calls it when there are too many words for one command line."""

    def call(self, duo: Path, tmp_path: Path, *arguments: str) -> Path:
        exploration = prepared(duo, tmp_path)
        _, setting = capturing(
            RUNNER, exploration.project, exploration.environment,
            binaries=exploration.binaries, target=tmp_path / "target", folder=tmp_path / "links",
        )  # fmt: skip
        wrapper = setting.partition("=")[2].strip('"')
        subprocess.run([wrapper, *arguments], check=False, capture_output=True, cwd=tmp_path)
        return tmp_path / "links" / "duo"

    @pytest.fixture
    def made(self, tmp_path: Path) -> list[str]:
        source, made = tmp_path / "main.c", tmp_path / "target" / "d d"
        made.mkdir(parents=True)
        source.write_text('#include <stdio.h>\nint main(void) { puts("hello"); return 0; }\n')
        subprocess.run(["cc", "-c", "-o", made / "main.o", source], check=True)
        return [str(made / "main.o"), "-o", str(made / "duo-0123456789abcdef"), "-Wl,--gc-sections"]

    def test_reads_a_response_file(self, duo: Path, tmp_path: Path, made: list[str]) -> None:
        response_file = tmp_path / "linker-arguments"
        response_file.write_text("\n".join(argument.replace(" ", "\\ ") for argument in made))
        capture = self.call(duo, tmp_path, f"@{response_file}")
        binary = Path(made[2])
        assert binary.exists()
        response_file.unlink()
        Path(made[0]).unlink()
        assert reproduces(RUNNER, capture, binary)

    def test_a_link_that_cannot_be_kept_goes_on(
        self, duo: Path, tmp_path: Path, made: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        cp = tmp_path / "bin" / "cp"
        cp.parent.mkdir()
        cp.write_text("#!/bin/sh\nexit 1\n")
        cp.chmod(0o755)
        monkeypatch.setenv("PATH", str(cp.parent), prepend=":")
        assert not self.call(duo, tmp_path, *made).exists()
        assert Path(made[2]).exists()
