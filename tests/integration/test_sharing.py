"""Builds that share what rustc makes: each program is the one that a cold build would have made, to the byte.

What a program prints tells which sources and settings it was made of. Each test makes sure that something was reused,
since a build that shares nothing is always right.
"""

from __future__ import annotations

import dataclasses
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from tests.integration.user import eventually, processes_about
from trimtab.builders.builder import Builder
from trimtab.builders.rustc_wrapper.compiler import UnitSharing
from trimtab.experiment.exploration import Exploration
from trimtab.experiment.prepare import prepare
from trimtab.experiment.request import Request
from trimtab.model.profile import Lto, OptLevel, Panic, Profile, Strip
from trimtab.model.space import parse_axis
from trimtab.model.trace import Trace, Unit, UnitKind
from trimtab.model.trial import Built
from trimtab.system.paths import Folders

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="nothing can stand between Cargo and rustc here"),
]

FILES = {
    ".cargo/config.toml": """
        [source.crates-io]
        replace-with = "vendored"
        [source.vendored]
        directory = "{vendor}"
    """,
    "Cargo.toml": """
        [workspace]
        resolver = "2"
        members = ["app", "base", "magic"]
        [profile.release]
        opt-level = 0
        codegen-units = 2
    """,
    "magic/Cargo.toml": """
        [package]
        name = "magic"
        version = "0.1.0"
        edition = "2021"
        [lib]
        proc-macro = true
    """,
    "magic/src/lib.rs": """
        use proc_macro::TokenStream;
        #[proc_macro]
        pub fn seven(_: TokenStream) -> TokenStream { "7".parse().unwrap() }
    """,
    "base/Cargo.toml": """
        [package]
        name = "base"
        version = "0.1.0"
        edition = "2021"
        [features]
        extra = []
        [dependencies]
        magic = { path = "../magic" }
        native = "1"
        steady = "1"
    """,
    "base/build.rs": """
        fn main() {
            println!("cargo:rerun-if-env-changed=BASE_WORD");
            println!("cargo:rerun-if-env-changed=SETTING");
            let word = std::env::var("BASE_WORD").unwrap_or_default();
            let setting = std::fs::read_to_string(std::env::var("SETTING").unwrap()).unwrap();
            let level = std::env::var("OPT_LEVEL").unwrap();
            let code = format!("pub const SAID: &str = {:?};", format!("word={word} setting={setting} level={level}"));
            std::fs::write(format!("{}/said.rs", std::env::var("OUT_DIR").unwrap()), code).unwrap();
        }
    """,
    "base/src/lib.rs": """
        include!(concat!(env!("OUT_DIR"), "/said.rs"));
        mod util;
        #[inline(never)]
        pub fn said() -> String {
            let numbers: Vec<u32> = (1..9).map(util::changed).collect();
            format!("{SAID} six={} seven={} extra={} sum={}", native::six(), magic::seven!(), cfg!(feature = "extra"),
                    steady::sum(&numbers))
        }
    """,
    "base/src/util.rs": "pub fn changed(number: u32) -> u32 { number + 1 }",
    "app/Cargo.toml": """
        [package]
        name = "app"
        version = "0.1.0"
        edition = "2021"
        [features]
        extra = ["base/extra"]
        [dependencies]
        base = { path = "../base" }
        steady = "1"
    """,
    "app/src/main.rs": """
        mod util;
        fn main() {
            println!("{} abort={} app={}", base::said(), cfg!(panic = "abort"), util::changed(steady::sum(&[1, 2])));
        }
    """,
    "app/src/util.rs": "pub fn changed(number: u32) -> u32 { number * 10 }",
    "../setting": "plain",
    "../vendor/steady/.cargo-checksum.json": '{"files": {}}',
    "../vendor/steady/Cargo.toml": '[package]\nname = "steady"\nversion = "1.0.0"\nedition = "2021"\n',
    "../vendor/steady/src/lib.rs": """
        mod deep { pub fn add(sum: u32, number: &u32) -> u32 { sum + *number } }
        #[inline(never)]
        pub fn sum(numbers: &[u32]) -> u32 { numbers.iter().fold(0, deep::add) }
    """,
    "../vendor/native/.cargo-checksum.json": '{"files": {}}',
    "../vendor/native/Cargo.toml": '[package]\nname = "native"\nversion = "1.0.0"\nedition = "2021"\nlinks = "six"\n',
    "../vendor/native/build.rs": """
        use std::process::Command;
        fn main() {
            let out = std::env::var("OUT_DIR").unwrap();
            let run = |words: &[&str]| assert!(Command::new(words[0]).args(&words[1..]).status().unwrap().success());
            run(&["cc", "-c", "-O1", "-o", &format!("{out}/six.o"), "src/six.c"]);
            run(&["ar", "crs", &format!("{out}/libsix.a"), &format!("{out}/six.o")]);
            println!("cargo:rustc-link-search=native={out}");
            println!("cargo:rustc-link-lib=static=six");
        }
    """,
    "../vendor/native/src/six.c": "int six(void) { return 6; }",
    "../vendor/native/src/lib.rs": """
        extern "C" { #[link_name = "six"] fn of_c() -> i32; }
        pub fn six() -> i32 { unsafe { of_c() } }
    """,
}
PLAIN = "word= setting=plain level=0 six=6 seven=7 extra=false sum=44 abort=false app=30"
HOST_UNITS = {"magic (procedural macro)", "base (build script)", "native (build script)"}
OUTSIDE = {"steady", "native", "native (build script)"}
"""Units of packages that are not the user's own."""
EVERYTHING = {*HOST_UNITS, *OUTSIDE, "base", "app (program)"}
STRIPS = (Strip.NONE, Strip.DEBUGINFO, Strip.SYMBOLS)
OWN_LINKER = """
    after=
    for word do
        shift
        case "$after$word" in
            -Wl,*) echo "unrecognized option: $word" >&2; exit 1;;
            -o) set -- "$@" "$word";;
            -z*|--*|-B*|-O*|-plugin*|-dynamic-linker) set -- "$@" -Xlinker "$word";;
            *) set -- "$@" "$word";;
        esac
        case "$word" in -z|-plugin-opt|-dynamic-linker) after=-z;; *) after=;; esac
    done
    exec cc "$@"
"""
"""As ld, which finds what a C program begins with by itself."""


def lay(root: Path, files: Mapping[str, str]) -> None:
    """Write files."""
    for name, text in files.items():
        project = Path(os.path.normpath(root / name))
        project.parent.mkdir(parents=True, exist_ok=True)
        project.write_text(text.replace("{vendor}", str(root.parent / "vendor")))


def script(project: Path, code: str) -> Path:
    """A program in the language of the shell."""
    project.write_text(f"#!/bin/sh\n{code}\n")
    project.chmod(0o755)
    return project


@dataclass(frozen=True, kw_only=True)
class Made:
    """A build that succeeded."""

    built: Built
    trace: Trace

    def file(self, name: str = "") -> Path:
        """The built file with that name, or the first."""
        return Path(next(made.path for made in self.built.artifacts if name in ("", made.name)))

    @property
    def bytes(self) -> bytes:
        """Contents of all built files, one after another."""
        return b"".join(Path(made.path).read_bytes() for made in self.built.artifacts)

    def says(self, name: str = "") -> str:
        """Standard output of the program."""
        return subprocess.run([self.file(name)], check=True, capture_output=True, text=True).stdout.strip()

    @property
    def units(self) -> list[Unit]:
        """Traced calls of rustc, without runs of build scripts."""
        return [unit for unit in self.trace.units if unit.kind is not UnitKind.RUN]

    def units_that(self, *, reused: bool) -> set[str]:
        """Names of the units that were reused, or those that were not."""
        return {unit.name.replace(f" {unit.version}", "") for unit in self.units if unit.reused is reused}

    @property
    def reused(self) -> set[str]:
        """Names of the units that were not made in this build."""
        return self.units_that(reused=True)

    @property
    def made(self) -> set[str]:
        """Names of the units that were."""
        return self.units_that(reused=False)


@dataclass(kw_only=True)
class Project:
    """A Cargo project, with a folder for its builds and its unit cache."""

    root: Path
    folder: Path
    request: dict[str, Any] = dataclasses.field(default_factory=dict)
    _known: tuple[Any, Exploration] | None = None

    @property
    def cache(self) -> Path:
        return self.folder / "cache"

    @property
    def compiled(self) -> Path:
        """The unit cache."""
        return self.cache / "compiled"

    def write(self, files: Mapping[str, str]) -> None:
        """Write or edit files of the project."""
        lay(self.root, files)
        self._known = None

    def lock(self, *, offline: bool) -> None:
        """Make a Cargo.lock."""
        argv = ["cargo", "generate-lockfile", *(["--offline"] if offline else [])]
        subprocess.run(argv, check=True, cwd=self.root, capture_output=True)

    def exploration(self) -> Exploration:
        """The project as it is now; it is looked at again after each change."""
        request = Request(path=str(self.root), **{"axes": (), **self.request})
        seen = (request, self.folder, dict(os.environ))
        if not self._known or self._known[0] != seen:
            self._known = (seen, prepare(request, Folders(store=self.folder / "db", cache=self.cache)))
        return self._known[1]

    def build(self, *, basis: Mapping[str, Any] | None = None, work: str = "work", **settings: Any) -> Made:
        """Build the project as it is now, sharing with all builds before, as in one sweep."""
        exploration = self.exploration()
        sharing = in_one_sweep(exploration.sharing(), **(basis or {}))
        return self.with_sharing(exploration, sharing, work=work, **settings)

    def with_sharing(
        self, exploration: Exploration, sharing: UnitSharing, *, work: str = "work", **settings: Any
    ) -> Made:
        """Build with what is given."""
        builder = exploration.sharing_builder(self.folder / work, self.folder / "kept", sharing)
        return self.built(builder, replace(exploration.today.profile, **settings))

    def cold(self, **how: Any) -> Made:
        """The same with nothing to share, at the same places."""
        warm = self.compiled.rename(self.cache / "warm")
        made = self.build(**how)
        assert made.reused == set()
        shutil.rmtree(self.compiled)
        warm.rename(self.compiled)
        return made

    def built(self, builder: Builder, profile: Profile) -> Made:
        """The build of a profile, which must succeed."""
        built = builder.build(profile, touch=False)
        assert isinstance(built, Built), built
        return Made(built=built, trace=built.trace or Trace(units=()))


def in_one_sweep(sharing: UnitSharing, **basis: Any) -> UnitSharing:
    """The unit cache as it is within one sweep: what expands a macro of the tree is not shared between two."""
    return replace(sharing, basis=replace(sharing.basis, **{"sweep": "the only one", **basis}))


@pytest.fixture(autouse=True)
def _no_settings_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_TARGET_DIR", "CARGO_BUILD_TARGET", "BASE_WORD"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def new_project(tmp_path: Path, wrappers: Path) -> Callable[..., Project]:
    """Makes projects of files."""

    def make(files: Mapping[str, str], folder: str = "here", *, offline: bool = True, **request: Any) -> Project:
        project = Project(root=tmp_path / folder / "project", folder=tmp_path / folder / "made", request=request)
        project.cache.mkdir(parents=True)
        (project.cache / "wrapper").symlink_to(wrappers)
        project.write(files)
        project.lock(offline=offline)
        return project

    return make


@pytest.fixture
def project(new_project: Callable[..., Project], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """The project with all sorts of crates."""
    for tool in ("ar", "cc"):
        if not shutil.which(tool):
            pytest.skip(f"there is no {tool} here")
    monkeypatch.setenv("SETTING", str(tmp_path / "here" / "setting"))
    return new_project(FILES)


class TestTheSameAgain:
    def test_is_not_made_again(self, project: Project) -> None:
        first, second = project.build(), project.build()
        assert (first.made, first.reused) == (EVERYTHING, set())
        assert (second.made, second.reused) == (set(), EVERYTHING)
        assert first.says() == second.says() == PLAIN
        assert first.bytes == second.bytes

    def test_nor_at_another_place(self, project: Project) -> None:
        first = project.build()
        other = project.build(work="another work folder")
        assert other.reused == EVERYTHING
        assert other.bytes == first.bytes == project.cold(work="third").bytes

    def test_in_folders_with_blanks_and_behind_links(
        self, new_project: Callable[..., Project], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SETTING", str(tmp_path / "two words" / "setting"))
        project = new_project(FILES, folder="two words")
        (tmp_path / "linked").symlink_to(tmp_path / "two words")
        first = project.build(work="a b")
        project.root, project.folder = tmp_path / "linked" / "project", tmp_path / "linked" / "made"
        second = project.build(work="a b")  # copies of what scripts wrote have another name there
        assert second.reused == {*HOST_UNITS, "steady"}
        assert first.says() == second.says() == PLAIN
        project.root, project.folder = tmp_path / "two words" / "project", tmp_path / "two words" / "made"
        third = project.build(work="c d")
        assert third.reused == EVERYTHING
        assert third.bytes == first.bytes

    def test_what_expands_a_macro_of_the_users_is_made_anew_in_the_next_sweep(self, project: Project) -> None:
        project.build()
        again = project.build(basis={"sweep": "another"})
        assert again.made == {"app (program)", "base"}
        assert again.says() == PLAIN

    def test_nothing_of_ours_is_left_in_the_target_directory(
        self, project: Project, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        seen: list[Path] = []
        monkeypatch.setattr("trimtab.builders.cargo.clear", lambda target: seen.extend(target.rglob("*")))
        project.build()
        drafts = [path for path in seen if path.name.startswith(".") and path.parent.name == "deps"]
        assert drafts == []
        assert len([path for path in seen if path.name.startswith("libsteady-") and path.suffix == ".rlib"]) == 2


class TestSources:
    """An edited unit is compiled anew, and all that depends on it."""

    def check(self, project: Project, edit: Mapping[str, str], old: str, new: str, *, made: set[str]) -> None:
        first = project.build()
        project.write(edit)
        second = project.build()
        assert second.made == made
        assert second.reused == EVERYTHING - made
        assert first.says() == PLAIN
        assert second.says() == PLAIN.replace(old, new)
        assert second.bytes == project.cold().bytes

    def test_of_the_users_own(self, project: Project) -> None:
        """A unit of the tree counts as changed with any file of it."""
        output, made = PLAIN, project.build()
        for name, old, new, changed in (
            ("app/src/util.rs", "number * 10", "number * 20", ("app=30", "app=60")),
            ("base/src/util.rs", "number + 1", "number + 2", ("sum=44", "sum=52")),
            ("magic/src/lib.rs", '"7"', '"77"', ("seven=7", "seven=77")),
            ("base/build.rs", "word=", "words=", ("word=", "words=")),
        ):
            project.write({name: FILES[name].replace(old, new)})
            made, output = project.build(), output.replace(*changed)
            assert made.says() == output
            assert (made.reused, made.made) == (OUTSIDE, EVERYTHING - OUTSIDE)
        assert made.bytes == project.cold().bytes

    def test_of_a_package_outside(self, project: Project) -> None:
        steady = FILES["../vendor/steady/src/lib.rs"].replace("fold(0", "fold(100")
        edit = {"../vendor/steady/src/lib.rs": steady}
        self.check(
            project, edit, "sum=44 abort=false app=30", "sum=144 abort=false app=1030",
            made={"steady", "base", "app (program)"},
        )  # fmt: skip

    def test_in_c(self, project: Project) -> None:
        """The program is linked with another library, and no Rust code differs."""
        edit = {"../vendor/native/src/six.c": "int six(void) { return 66; }"}
        self.check(project, edit, "six=6", "six=66", made={"native", "native (build script)", "base", "app (program)"})

    def test_that_a_build_script_reads_anywhere(self, project: Project) -> None:
        """Nothing tells of that file but what the script writes."""
        self.check(project, {"../setting": "changed"}, "=plain", "=changed", made={"base", "app (program)"})

    def test_that_rustc_reads_anywhere(self, project: Project, tmp_path: Path) -> None:
        """They are in no digest, so neither the unit that reads them nor what depends on it is reused."""
        note = tmp_path / "note"
        steady = f'pub fn sum(_: &[u32]) -> u32 {{ include_str!("{note}").len() as u32 }}'
        project.write({"../vendor/steady/src/lib.rs": steady})
        reused: set[str] = set()
        for text in ("a", "note", "a note"):
            note.write_text(text)
            made = project.build()
            assert f"sum={len(text)} abort=false app={len(text) * 10}" in made.says()
            assert made.made >= {"steady", "base", "app (program)"}
            reused = made.reused
        assert reused == {"native", *HOST_UNITS}

    def test_that_are_taken_back(self, project: Project) -> None:
        """A unit of sources that were edited during the build is not kept for those before."""
        exploration = project.exploration()
        sharing = exploration.sharing()
        source = project.root / "app" / "src" / "util.rs"
        before = (source.read_text(), source.stat())
        source.write_text("pub fn changed(number: u32) -> u32 { number * 20 }")
        assert "app=60" in project.with_sharing(exploration, sharing).says()
        source.write_text(before[0])
        os.utime(source, ns=(before[1].st_atime_ns, before[1].st_mtime_ns))
        made = project.build()
        assert made.says() == PLAIN
        assert made.reused >= OUTSIDE
        assert "app (program)" in made.made


class TestSettings:
    """A unit compiled with other settings is not reused."""

    def check(self, project: Project, old: str, new: str, *, reused: set[str], **settings: Any) -> None:
        first, second = project.build(), project.build(**settings)
        assert second.reused == reused
        assert first.says() == PLAIN
        assert second.says() == PLAIN.replace(old, new)
        assert second.bytes == project.cold(**settings).bytes
        assert second.bytes != first.bytes
        again = project.build()
        assert again.reused == EVERYTHING
        assert again.bytes == first.bytes

    def test_panic(self, project: Project) -> None:
        self.check(project, "abort=false", "abort=true", reused=HOST_UNITS, panic=Panic.ABORT)

    def test_optimization_which_a_build_script_asks_for(self, project: Project) -> None:
        self.check(project, "level=0", "level=1", reused=HOST_UNITS, opt_level=OptLevel.O1)

    def test_codegen_units(self, project: Project) -> None:
        self.check(project, "", "", reused=HOST_UNITS, codegen_units=1)

    def test_link_time_optimization(self, project: Project) -> None:
        self.check(project, "", "", reused=HOST_UNITS, lto=Lto.OFF)

    @pytest.mark.slow
    def test_codegen_units_of_fat_link_time_optimization(self, project: Project) -> None:
        """One codegen unit in the last step only would make another program."""
        several, single = project.build(lto=Lto.FAT), project.build(lto=Lto.FAT, codegen_units=1)
        assert single.reused == HOST_UNITS
        assert several.says() == single.says() == PLAIN
        assert single.bytes == project.cold(lto=Lto.FAT, codegen_units=1).bytes
        assert several.bytes != single.bytes

    def test_of_one_package(self, project: Project) -> None:
        """A package that has its own settings is the same in all profiles; what depends on it is not."""
        manifest = FILES["Cargo.toml"] + "[profile.release.package.steady]\nopt-level = 3\ncodegen-units = 1\n"
        project.write({"Cargo.toml": manifest})
        self.check(project, "level=0", "level=1", reused={*HOST_UNITS, "steady"}, opt_level=OptLevel.O1)
        project.write({"Cargo.toml": manifest.replace("opt-level = 3", "opt-level = 2")})
        changed = project.build()
        assert changed.reused >= OUTSIDE - {"steady"}
        assert changed.made >= {"steady", "base", "app (program)"}
        assert changed.bytes == project.cold().bytes

    def test_features(self, project: Project) -> None:
        first = project.build()
        project.request["features"] = ("extra",)
        second = project.build()
        assert second.made == {"base", "base (build script)", "app (program)"}
        assert second.says() == PLAIN.replace("extra=false", "extra=true")
        assert second.bytes == project.cold().bytes
        del project.request["features"]
        assert project.build().bytes == first.bytes

    def test_the_environment(self, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
        made = {}
        for value in ("one", "two"):
            monkeypatch.setenv("BASE_WORD", value)
            made[value] = project.build()
            assert made[value].says() == PLAIN.replace("word=", f"word={value}")
        assert made["two"].bytes == project.cold().bytes
        monkeypatch.setenv("BASE_WORD", "one")
        again = project.build()
        assert again.reused == EVERYTHING
        assert again.bytes == made["one"].bytes

    def test_compiler_flags(self, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
        first = project.build()
        monkeypatch.setenv("RUSTFLAGS", "-C overflow-checks=on")
        second = project.build()
        assert second.reused == set()
        assert second.bytes == project.cold().bytes
        assert project.build().reused == EVERYTHING
        assert first.bytes != second.bytes

    def test_flags_whose_effect_is_not_known(self, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("RUSTFLAGS", "-C llvm-args=-inline-threshold=5")
        for _ in range(2):
            assert project.build().reused == set()
        monkeypatch.delenv("RUSTFLAGS")
        assert project.build().says() == PLAIN


class TestStrip:
    def test_each_value_is_what_rustc_makes_of_it(self, project: Project) -> None:
        """A program is linked once for each; rustc's own way is to link it in one."""
        several = {"strips": STRIPS}
        shared = {strip: project.build(basis=several, strip=strip) for strip in STRIPS}
        assert [made.made for made in shared.values()] == [EVERYTHING, set(), set()]
        for strip, made in shared.items():
            own = project.build(basis={"strips": ()}, strip=strip)
            assert own.made == {"app (program)"}
            assert made.bytes == own.bytes
            assert made.says() == PLAIN
        assert len({made.bytes for made in shared.values()}) == 3

    def test_with_a_linker_that_rustc_speaks_to_itself(
        self, project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It does not know the words of a C compiler."""
        monkeypatch.setenv("RUSTFLAGS", f"-C linker={script(tmp_path / 'my-ld', OWN_LINKER)}")
        made = project.build(basis={"strips": STRIPS}, strip=Strip.SYMBOLS)
        own = project.build(basis={"strips": ()}, strip=Strip.SYMBOLS)
        assert (made.made, own.made) == (EVERYTHING, {"app (program)"})
        assert made.bytes == own.bytes
        assert project.build(basis={"strips": STRIPS}, strip=Strip.NONE).reused == EVERYTHING

    def test_with_a_linker_that_cannot_strip(
        self, project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A program that could not be stripped does not pass for a stripped one."""
        code = 'case "$*" in *--strip-all*) echo "no such option" >&2; exit 1;; esac; exec cc "$@"'
        monkeypatch.setenv("RUSTFLAGS", f"-C linker={script(tmp_path / 'my-cc', code)}")
        with pytest.raises(AssertionError, match=r"linking with .* failed: exit status: 1"):
            project.build(basis={"strips": STRIPS}, strip=Strip.SYMBOLS)
        assert project.build(basis={"strips": ()}, strip=Strip.NONE).reused == EVERYTHING - {"app (program)"}


class TestEmbedMode:
    @pytest.mark.slow
    @pytest.mark.parametrize("mode", [Lto.OFF, Lto.LOCAL])
    def test_libraries_serve_one_more_beside_thin_and_fat(self, mode: Lto, project: Project) -> None:
        how: dict[str, Any] = {"basis": {"embeds": mode}, "opt_level": OptLevel.O1}
        first = project.build(**how, lto=mode)
        thin, fat = (project.build(**how, lto=lto) for lto in (Lto.THIN, Lto.FAT))
        assert thin.made == fat.made == {"app (program)"}
        assert first.says() == thin.says() == fat.says() == PLAIN.replace("level=0", "level=1")
        assert len({first.bytes, thin.bytes, fat.bytes}) == 3
        assert fat.bytes == project.cold(**how, lto=Lto.FAT).bytes

    @pytest.mark.slow
    def test_is_used_if_the_compiler_passes_the_trial(self, project: Project) -> None:
        """Compilers of 2026 do."""
        project.request["axes"] = (parse_axis("lto=local,thin"),)
        exploration = project.exploration()
        assert exploration.sharing(merging=False).basis.embeds is None
        assert exploration.sharing().basis.embeds is Lto.LOCAL
        [answer] = (project.compiled / "embedding").iterdir()
        answer.write_text("no")
        assert exploration.sharing().basis.embeds is None


LOADED = {
    "Cargo.toml": '[workspace]\nresolver = "2"\nmembers = ["plugin", "tools"]\n[profile.release]\nopt-level = 0\n',
    "plugin/Cargo.toml": """
        [package]
        name = "plugin"
        version = "0.1.0"
        edition = "2021"
        [lib]
        crate-type = ["cdylib", "rlib"]
    """,
    "plugin/src/lib.rs": """
        #[no_mangle]
        pub extern "C" fn level() -> i32 { if cfg!(panic = "abort") { 1 } else { 0 } }
    """,
    "tools/Cargo.toml": """
        [package]
        name = "tools"
        version = "0.1.0"
        edition = "2021"
        [dependencies]
        plugin = { path = "../plugin" }
    """,
    "tools/build.rs": 'fn main() { println!("cargo:rustc-env=AT_BUILD=10"); }',
    "tools/src/bin/first.rs": 'fn main() { println!("first {} {}", plugin::level(), env!("AT_BUILD")); }',
    "tools/src/bin/second.rs": 'fn main() { println!("second {} {}", plugin::level(), env!("AT_BUILD")); }',
}
AT_BUILD = '[build-dependencies]\nplugin = { path = "../plugin" }\n'


class TestOtherShapes:
    """A library that others load, whose files bear no hash; two programs; a crate for host and target at once."""

    @pytest.mark.slow
    @pytest.mark.parametrize("target", ["", "--target"])
    def test_are_what_a_cold_build_makes(self, target: str, new_project: Callable[..., Project]) -> None:
        project = new_project(LOADED, all_binaries=True)
        if target:
            host = project.exploration().study.toolchain.host
            project.write(
                {
                    ".cargo/config.toml": f'[build]\ntarget = "{host}"\n',
                    "tools/Cargo.toml": LOADED["tools/Cargo.toml"].replace("[dep", f"{AT_BUILD}[dep"),
                    "tools/build.rs": LOADED["tools/build.rs"]
                    .replace("10", "1{}")
                    .replace('")', '", plugin::level())'),
                }
            )
        for basis, settings in (({"strips": ()}, {}), ({"strips": STRIPS}, {"strip": Strip.SYMBOLS})):
            how: dict[str, Any] = {"basis": basis, **settings}
            unwinding, aborting = project.build(basis=basis), project.build(**how, panic=Panic.ABORT)
            assert aborting.reused == ({"plugin (program)"} if target else set()) | {"tools (build script)"}
            for made, level in ((unwinding, 0), (aborting, 1)):
                assert made.says("first") == f"first {level} 10"
                assert made.says("second") == f"second {level} 10"
            assert aborting.bytes == project.cold(**how, panic=Panic.ABORT).bytes
            again = project.build(basis=basis)
            assert again.made == set()
            assert again.bytes == unwinding.bytes


class TestAtOnce:
    def test_two_builds_make_each_unit_once(self, project: Project) -> None:
        explorations = [project.exploration() for _ in range(2)]
        begin = threading.Barrier(2)

        def build(number: int) -> Made:
            sharing = in_one_sweep(explorations[number].sharing())  # as in two processes
            begin.wait(60)
            return project.with_sharing(explorations[number], sharing, work=f"work-{number}")

        with ThreadPoolExecutor(2) as pool:
            first, second = pool.map(build, range(2))
        assert first.made | second.made == EVERYTHING
        assert first.made & second.made == set()
        assert first.says() == second.says() == PLAIN
        assert first.bytes == second.bytes == project.cold().bytes


KILLED = """
import sys, time
from pathlib import Path
from trimtab.builders.rustc_wrapper import unit_cache as entries
from trimtab.experiment.prepare import prepare
from trimtab.experiment.request import Request
from trimtab.system.paths import Folders

root, folder = map(Path, sys.argv[1:])
copy = entries.copy

def slow(source, to):
    if to.suffix == ".rlib" and "steady" in to.name and "drafts" in str(to):
        to.write_bytes(source.read_bytes()[:100])
        print("writing", flush=True)
        time.sleep(600)
    copy(source, to)

entries.copy = slow
exploration = prepare(Request(path=str(root), axes=()), Folders(store=folder / "db", cache=folder / "cache"))
builder = exploration.sharing_builder(folder / "work", folder / "kept", exploration.sharing())
builder.build(exploration.today.profile, touch=False)
"""


class TestKilled:
    def test_what_was_being_written_is_not_used(self, project: Project) -> None:
        process = subprocess.Popen(
            [sys.executable, "-c", KILLED, project.root, project.folder],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            text=True,
        )
        assert process.stdout
        with process, process.stdout:
            assert process.stdout.readline() == "writing\n"
            process.send_signal(signal.SIGKILL)
        assert eventually(lambda: processes_about(project.folder) == []), processes_about(project.folder)
        assert list(project.compiled.glob("drafts/*/*/libsteady-*.rlib"))
        made = project.build()
        assert "steady" in made.made
        assert made.says() == PLAIN
        assert made.bytes == project.cold().bytes
        assert project.build().reused == EVERYTHING


class TestTracing:
    """Without sharing, a build is what plain Cargo makes."""

    def plainly(self, project: Project, **settings: Any) -> Made:
        exploration = project.exploration()
        builder = exploration.cargo_builder(project.folder / "work", project.folder / "kept")
        return project.built(builder, replace(exploration.today.profile, **settings))

    def traced(self, project: Project, **settings: Any) -> Made:
        exploration = project.exploration()
        builder = exploration.builder(project.folder / "work", project.folder / "kept")
        return project.built(builder, replace(exploration.today.profile, **settings))

    @pytest.mark.parametrize("strip", STRIPS)
    def test_makes_the_same_to_the_byte(self, project: Project, strip: Strip) -> None:
        plain, traced = self.plainly(project, strip=strip), self.traced(project, strip=strip)
        assert traced.bytes == plain.bytes
        assert traced.made == EVERYTHING
        assert sorted(call.arguments for call in traced.built.invocations) == sorted(
            call.arguments for call in plain.built.invocations
        )

    def test_sees_the_link_time_optimization_that_the_manifest_asks_for(self, project: Project) -> None:
        """Cargo says ``-C lto`` then, without a value."""
        code = '#[no_mangle] pub fn more_{0}(x: u64) -> String {{ format!("{{x}} {{:?}}", vec![x; {0}]) }}\n'
        many = "".join(code.format(number) for number in range(400))  # what is short is not always seen
        project.write(
            {
                "Cargo.toml": FILES["Cargo.toml"].replace("opt-level = 0", "opt-level = 1\n        lto = true"),
                "app/src/util.rs": FILES["app/src/util.rs"] + many,
            }
        )
        final = self.traced(project).trace.final
        assert final
        assert "lto" in final.arguments
        assert final.cost.lto

    def test_knows_each_unit(self, project: Project) -> None:
        made = self.traced(project, lto=Lto.THIN, opt_level=OptLevel.O1)
        assert made.says() == PLAIN.replace("level=0", "level=1")
        units = {unit.name.replace(f" {unit.version}", ""): unit for unit in made.trace.units}
        assert set(units) == EVERYTHING | {"base (run of a build script)", "native (run of a build script)"}
        ids = {unit.id: name for name, unit in units.items()}
        needs = {name: {ids[need] for need in unit.needs} for name, unit in units.items()}
        assert needs == {
            "steady": set(),
            "magic (procedural macro)": set(),
            "native (build script)": set(),
            "base (build script)": set(),
            "native (run of a build script)": {"native (build script)"},
            "base (run of a build script)": {"base (build script)"},
            "native": {"native (run of a build script)"},
            "base": {"steady", "native", "magic (procedural macro)", "base (run of a build script)"},
            "app (program)": {"base", "steady"},
        }
        for name, unit in units.items():
            assert unit.cost.wall > 0 or unit.kind is UnitKind.RUN, name  # Cargo counts in hundredths of a second
            assert unit.cost.cpu > 0 or unit.kind is UnitKind.RUN, name
            assert (unit.cost.metadata is not None) is (unit.kind is UnitKind.LIBRARY), name
            if unit.cost.metadata:
                assert 0 < unit.cost.metadata.wall <= unit.cost.wall
            for need in needs[name]:
                assert units[need].begun <= unit.begun, (name, need)
        final = made.trace.final
        assert final is units["app (program)"]
        assert final.cost.link
        assert final.cost.lto
        assert final.cost.lto.wall + final.cost.link.wall < final.cost.wall
        assert final.cost.lto.begun + final.cost.lto.wall == pytest.approx(final.cost.link.begun)
        assert final.cost.lto.cpu + final.cost.link.cpu < final.cost.cpu + 0.05
        assert final.cost.peak_memory
        assert made.trace.cargo_cpu > 0
        assert made.trace.cpu == pytest.approx(made.built.clean.cpu, rel=0.1, abs=0.3)


PROBING = {
    "Cargo.toml": """
        [package]
        name = "probing"
        version = "0.1.0"
        edition = "2021"
        [profile.release]
        opt-level = 0
    """,
    "build.rs": r"""
        use std::{env, process::Command};
        fn main() {
            let (out, rustc) = (env::var("OUT_DIR").unwrap(), env::var("RUSTC").unwrap());
            let probe = |before: &[String], code: &str| {
                std::fs::write(format!("{out}/probe.rs"), code).unwrap();
                let words = ["--crate-name", "probe", "--crate-type", "lib", "--emit=metadata", "--out-dir", &out];
                let words = [before, &words.map(String::from), &[format!("{out}/probe.rs")]].concat();
                Command::new(&words[0]).args(&words[1..]).output().unwrap().status.success()
            };
            let direct = vec![rustc.clone()];
            let wrapper = env::var("RUSTC_WRAPPER").unwrap_or_default();
            let through = if wrapper.is_empty() { direct.clone() } else { vec![wrapper, rustc] };
            let found: Vec<bool> = [&direct, &through].iter().flat_map(|before| {
                [probe(before, "pub fn f() {}"), probe(before, "this is no Rust")]
            }).collect();
            println!("cargo:rustc-env=FOUND={found:?}");
        }
    """,
    "src/main.rs": 'fn main() { println!("{}", env!("FOUND")); }',
}


class TestProbes:
    """A build script that tries out the compiler gets the answers of the compiler."""

    def test_go_straight_to_rustc(self, new_project: Callable[..., Project]) -> None:
        project = new_project(PROBING)
        exploration = project.exploration()
        traced = project.built(
            exploration.builder(project.folder / "work", project.folder / "kept"), exploration.today.profile
        )
        first, second = project.build(), project.build()
        for made in (traced, first, second):
            assert made.says() == "[true, false, true, false]"
            assert {unit.crate for unit in made.units} == {"build_script_build", "probing"}
        assert second.reused == {"probing (build script)", "probing (program)"}


@pytest.mark.slow
@pytest.mark.registry
@pytest.mark.usefixtures("registry")
class TestPublished:
    """Crates whose build scripts try out the compiler, set variables and link what the system has."""

    @pytest.mark.slow
    def test_crates_of_the_registry(self, new_project: Callable[..., Project]) -> None:
        manifest = FILES["Cargo.toml"].replace('"app", "base", "magic"', '"app"')
        dependencies = 'anyhow = "=1.0.86"\nlibc = "0.2"\nlog = "0.4"\nmemchr = "2"\n'
        project = new_project(
            {
                "Cargo.toml": manifest,
                "app/Cargo.toml": f'[package]\nname = "app"\nversion = "0.1.0"\n[dependencies]\n{dependencies}',
                "app/src/main.rs": """
                    fn main() {
                        log::info!("{:?}", unsafe { libc::getpid() } );
                        println!("{} {:?}", anyhow::anyhow!("no"), memchr::memchr(b'b', b"abc"));
                    }
                """,
            },
            offline=False,
        )
        first, second = project.build(), project.build(panic=Panic.ABORT)
        scripts = {unit.name.replace(f" {unit.version}", "") for unit in first.units if unit.kind is UnitKind.SCRIPT}
        assert "anyhow (build script)" in scripts
        assert second.reused == scripts
        assert first.says() == second.says() == "no Some(1)"
        assert second.bytes == project.cold(panic=Panic.ABORT).bytes
        assert project.build().made == set()
        project.build(lto=Lto.THIN)
        assert project.build(lto=Lto.FAT).made == {"app (program)"}, "though a trial of the compiler has left records"


@pytest.fixture(scope="module", autouse=True)
def _nothing_is_left_running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    yield
    assert processes_about(tmp_path_factory.getbasetemp()) == []
