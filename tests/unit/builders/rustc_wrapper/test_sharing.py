"""What may be taken from another build: what changes a key and what does not, and what is never kept."""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.rustc import Crate, compile_with, report
from trimtab.builders.rustc_wrapper.inputs import read_dep_info
from trimtab.builders.rustc_wrapper.invocation import RustcCall
from trimtab.builders.rustc_wrapper.key_context import KeyContext
from trimtab.builders.rustc_wrapper.recorder import Activity, Recorder
from trimtab.builders.rustc_wrapper.server import CachedResult, RunInstruction
from trimtab.builders.rustc_wrapper.sharing import SharingListener
from trimtab.builders.rustc_wrapper.tracer import LinkWatch
from trimtab.builders.rustc_wrapper.unit_cache import UnitCache
from trimtab.errors import InputError
from trimtab.model.profile import Lto, Strip
from trimtab.model.trace import Trace
from trimtab.model.trial import Cost

HOST = "x86_64-unknown-linux-gnu"
OFF, LOCAL, BITCODE = "-C lto=off -C embed-bitcode=no", "-C embed-bitcode=no", "-C linker-plugin-lto"
ALL = (Strip.NONE, Strip.DEBUGINFO, Strip.SYMBOLS)


class Builds:
    """Builds of one project, each in a target directory of its own, that share what they make."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root, self.cache = folder / "project", folder / "cache"
        for name in ("base", "tool", "magic"):
            (self.root / name / "src").mkdir(parents=True)
            (self.root / name / "Cargo.toml").touch()
            (self.root / name / "src" / "lib.rs").write_text(f"// {name}")
        self.outside = Crate(package=folder / "registry" / "outside-1.0.0", target=self.target, name="outside")
        self.outside.package.mkdir(parents=True)
        (self.outside.package / "lib.rs").write_text("// outside")
        self.basis = KeyContext(toolchain="rustc 1.95", sources="as they are", tree=self.tree(), compilers=("rustc",))

    def tree(self) -> dict[Path, tuple[int, int]]:
        paths = (path for path in self.root.rglob("*") if not path.is_dir())
        return {path: (path.stat().st_size, path.stat().st_mtime_ns) for path in paths}

    @property
    def target(self) -> Path:
        return self.folder / "target"

    def crate(self, name: str = "base", **changes: object) -> Crate:
        crate = Crate(package=self.root / name, target=self.target, name=name)
        return replace(crate, **changes)  # type: ignore[arg-type]

    @property
    def program(self) -> Crate:
        return self.crate("tool", types=("bin",))

    @contextlib.contextmanager
    def build(self, basis: KeyContext | None = None, target: Path | None = None) -> Iterator[Build]:
        """One build; its target directory is emptied before."""
        target = target or self.target
        shutil.rmtree(target, ignore_errors=True)
        links = self.folder / "links"
        links.mkdir(exist_ok=True)
        recorder = Recorder(Activity())
        watch = LinkWatch(wrapper=self.folder / "wrapper", folder=links, host=HOST)
        entries = UnitCache(self.cache, 1 << 40)
        yield Build(
            SharingListener(
                recorder=recorder,
                links=watch,
                entries=entries,
                basis=basis or self.basis,
                target=target,
                ended=threading.Event(),
            ),
            recorder,
        )

    def key(self, crate: Crate, basis: KeyContext | None = None) -> str:
        """The key of a crate in a build in which what it needs was compiled before."""
        with self.build(basis, crate.target) as build:
            return build.key(crate)

    def makes(self, crate: Crate, basis: KeyContext | None = None, **reads: object) -> bool:
        """Whether a build has to run rustc for a crate."""
        with self.build(basis, crate.target) as build:
            return build.compile(crate, **reads) is not None  # type: ignore[arg-type]


class Build:
    """One build."""

    def __init__(self, sharer: SharingListener, recorder: Recorder) -> None:
        self.sharer, self.recorder = sharer, recorder

    def key(self, crate: Crate) -> str:
        for need in crate.needs:
            self.compile(need)
        with self.sharer.called(crate.call) as conversation:
            return conversation.key

    def compile(
        self, crate: Crate, *, reads: tuple[Path | str, ...] = (), variables: Mapping[str, str] | None = None
    ) -> RustcCall | None:
        """Compile a crate and give what rustc was told; ``None`` if it did not have to run."""
        with self.sharer.called(crate.call) as conversation:
            answer = conversation.answer()
            if isinstance(answer, CachedResult):
                return None
            told = compile_with(answer, crate.call, reads=reads, variables=variables)
            conversation.ended(report())
        return told

    @property
    def trace(self) -> Trace:
        return self.recorder.trace(cost=Cost(wall=1.0, cpu=0.0), stdout="", target=self.sharer.target, jobs=1)


@pytest.fixture
def builds(tmp_path: Path) -> Builds:
    return Builds(tmp_path)


def unnamed(call: RustcCall) -> RustcCall:
    """A call with nothing added to file names."""
    return call.changed(lambda option: None if (option.codegen or ("",))[0] == "extra-filename" else option)


def written_by_script(crate: Crate, text: str = "fn f() {}", run: str = "1") -> Crate:
    """A crate whose build script has written something, and named the folder."""
    folder = crate.target / "release" / "build" / f"{crate.name}-{run}" / "out"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "code.rs").write_text(text)
    return crate.but(environment={**crate.environment, "OUT_DIR": str(folder)})


class TestKey:
    """Of two calls: the same if they make the same."""

    @pytest.mark.parametrize(
        "words",
        [
            "-C opt-level=1", "-C panic=abort", "-C codegen-units=1", "-C debuginfo=2", "-C lto=fat",
            "-C target-cpu=native", "-C relocation-model=static", "-C overflow-checks=on", "--edition=2018",
            "-O", "-g", "src/main.rs", '--cfg feature="more"', "--check-cfg cfg(other)",
            "--target aarch64-unknown-linux-gnu", "--cap-lints allow",
            "-l static=z", "--extern alloc", "--crate-type staticlib", "-Dwarnings",
        ],
    )  # fmt: skip
    def test_changes_with_what_rustc_is_told(self, words: str, builds: Builds) -> None:
        crate = builds.crate()
        changed = builds.key(crate.but(*words.split()))
        assert changed
        assert changed != builds.key(crate)

    @pytest.mark.parametrize(
        "changes",
        [
            {"PATH": "/usr/bin"}, {"CARGO_PKG_VERSION": "0.2.0"}, {"GREETING": "hello"}, {"RUSTC_BOOTSTRAP": "1"},
            {"CARGO_ENCODED_RUSTFLAGS": "-g"}, {"LC_ALL": "C"}, {"HOME": "/root"}, {"CARGO_MANIFEST_DIR": "/elsewhere"},
        ],
    )  # fmt: skip
    def test_changes_with_a_variable(self, changes: Mapping[str, str], builds: Builds) -> None:
        assert builds.key(builds.crate(environment=changes)) != builds.key(builds.crate())

    @given(value=st.text(), other=st.text())
    def test_of_two_values_of_a_variable_differs(
        self, value: str, other: str, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        builds = Builds(tmp_path_factory.mktemp("builds"))
        one, two = (builds.crate(environment={"GREETING": text}) for text in (value, other))
        assert (builds.key(one) == builds.key(two)) is (value == other)

    @pytest.mark.parametrize(
        "changes",
        [
            {"TERM": "dumb"}, {"COLUMNS": "80"}, {"CARGO_MAKEFLAGS": "-j --jobserver-auth=3,4"}, {"MAKEFLAGS": "-j9"},
            {"RUSTC_WRAPPER": "/w"}, {"TRIMTAB_SOCKET": "/s"}, {"TRIMTAB_WORK": "/w"}, {"PWD": "/"}, {"SHLVL": "3"},
        ],
    )  # fmt: skip
    def test_does_not_change_with_the_session(self, changes: Mapping[str, str], builds: Builds) -> None:
        assert builds.key(builds.crate(environment=changes)) == builds.key(builds.crate())

    def test_does_not_change_with_the_names_that_cargo_gives(self, builds: Builds) -> None:
        assert builds.key(builds.crate(unit="fedcba9876543210")) == builds.key(builds.crate())

    def test_does_not_change_with_the_target_directory(self, builds: Builds) -> None:
        keys = set()
        for name in ("target", "another target"):
            with builds.build(target=builds.folder / name) as build:
                crate = written_by_script(builds.crate(target=builds.folder / name))
                keys.add(build.key(crate.but("-L", f"native={crate.environment['OUT_DIR']}")))
        assert len(keys) == 1
        assert all(keys)

    def test_changes_with_the_toolchain(self, builds: Builds) -> None:
        other = replace(builds.basis, toolchain="rustc 1.96")
        assert builds.key(builds.crate(), other) != builds.key(builds.crate())

    def test_changes_with_the_compiler_that_is_called(self, builds: Builds) -> None:
        mine, theirs = builds.crate().call, replace(builds.crate().call, program="/opt/rustc")
        both = replace(builds.basis, compilers=("rustc", "/opt/rustc"))
        with builds.build(both) as build, build.sharer.called(mine) as one, build.sharer.called(theirs) as other:
            assert one.key != other.key

    def test_changes_with_the_folder_it_runs_in(self, builds: Builds) -> None:
        here, there = builds.crate().call, replace(builds.crate().call, folder="/elsewhere")
        with builds.build() as build, build.sharer.called(here) as one, build.sharer.called(there) as other:
            assert one.key != other.key

    def test_of_the_users_own_packages_changes_with_the_tree(self, builds: Builds) -> None:
        other = replace(builds.basis, sources="edited")
        assert builds.key(builds.crate(), other) != builds.key(builds.crate())
        assert builds.key(builds.outside, other) == builds.key(builds.outside)

    def test_of_another_package_changes_with_what_it_holds(self, builds: Builds) -> None:
        key = builds.key(builds.outside)
        (builds.outside.package / "lib.rs").write_text("// patched")
        assert builds.key(builds.outside) != key

    def test_a_package_is_read_once_for_all_builds_that_share(self, builds: Builds) -> None:
        with builds.build() as build:
            key = build.key(builds.outside)
            (builds.outside.package / "lib.rs").write_text("// patched")
            assert build.key(builds.outside) == key
            assert list(build.sharer.packages) == [builds.outside.package]

    def test_changes_with_the_key_of_a_dependency(self, builds: Builds) -> None:
        base = builds.crate()
        keys = {
            builds.key(builds.program.but(needs=(need,)))
            for need in (base, base.but("-C", "opt-level=1"), base.but(environment={"GREETING": "hello"}))
        }
        assert len(keys) == 3
        assert all(keys)

    def test_changes_with_the_key_of_a_dependency_of_a_dependency(self, builds: Builds) -> None:
        base, between = builds.crate(), builds.crate("magic")
        keys = set()
        for need in (base, base.but("-C", "opt-level=1")):
            with builds.build() as build:
                build.compile(need)
                keys.add(build.key(builds.program.but(needs=(between.but(needs=(need,)),))))
        assert len(keys) == 2

    def test_changes_with_the_name_under_which_a_dependency_is_known(self, builds: Builds) -> None:
        base = builds.crate()
        with builds.build() as build:
            build.compile(base)
            keys = {build.key(builds.program.but("--extern", f"{name}={base.library}")) for name in ("base", "other")}
        assert len(keys) == 2

    def test_of_what_expands_a_macro_of_the_users_changes_with_the_sweep(self, builds: Builds) -> None:
        macro = builds.crate("magic", types=("proc-macro",))
        crate, plain = builds.crate("app", needs=(macro,)), builds.crate("plain")
        again = replace(builds.basis, sweep="another")
        assert builds.key(crate) != builds.key(crate, again)
        assert builds.key(plain) == builds.key(plain, again)

    def test_a_fresh_sweep_takes_nothing_of_earlier_ones(self, builds: Builds) -> None:
        plain = builds.crate("plain")
        once, again = (replace(builds.basis, sweep=sweep, fresh=True) for sweep in ("one", "two"))
        assert len({builds.key(plain), builds.key(plain, once), builds.key(plain, again)}) == 3
        assert builds.key(plain, once) == builds.key(plain, once)

    def test_changes_with_what_a_build_script_wrote(self, builds: Builds) -> None:
        keys = set()
        for text in ("fn f() {}", "fn g() {}"):
            with builds.build() as build:
                keys.add(build.key(written_by_script(builds.crate(), text)))
        assert len(keys) == 2

    def test_does_not_change_with_where_a_build_script_wrote_it(self, builds: Builds) -> None:
        keys = set()
        for run in ("1", "2"):
            with builds.build() as build:
                crate = written_by_script(builds.crate(), run=run)
                output = crate.environment["OUT_DIR"]
                more = ("-L", f"native={output}", "-L", output, "-C", f"link-arg=-Wl,--dynamic-list={output}/exported")
                keys.add(build.key(crate.but(*more, environment={**crate.environment, "FILE": f"{output}/code.rs"})))
        assert len(keys) == 1
        assert all(keys)

    def test_changes_with_a_library_outside(self, builds: Builds) -> None:
        place = builds.folder / "opt" / "libz.a"
        place.parent.mkdir()
        keys = []
        for text in ("one", "another", None):
            if text:
                place.write_text(text)
            else:
                place.unlink()
            keys.append(builds.key(builds.crate().but("-L", f"native={place.parent}", "-l", "static=z")))
        assert len(set(keys)) == 3

    def test_changes_with_one_that_the_build_has_written_where_we_do_not_see_it(self, builds: Builds) -> None:
        place, upper = builds.root / "base" / "native", builds.folder / "upper"
        crate = builds.crate().but("-L", f"native={place}", "-l", "static=z")
        keys = {builds.key(crate)}
        upper.mkdir()
        for text in ("one", "another"):
            (upper / "libz.a").write_text(text)
            with builds.build() as build:
                build.sharer.written = lambda path: upper if path == place else None
                keys.add(build.key(crate))
        assert len(keys) == 3

    @pytest.mark.parametrize("words", ["", "-l static:+verbatim=libz.a", "-l static:+whole-archive=zed:z"])
    def test_changes_with_it_however_it_is_named(self, words: str, builds: Builds) -> None:
        """In the sources, for example, by ``#[link(name = "z")]``."""
        place = builds.folder / "opt" / "libz.a"
        place.parent.mkdir()
        keys = set()
        for text in ("one", "another"):
            place.write_text(text)
            keys.add(builds.key(builds.crate().but("-L", f"native={place.parent}", *words.split())))
        assert len(keys) == 2

    @pytest.mark.parametrize("words", ["link-arg={}", "link-arg=-Wl,-T,{}", "link-args=-lm {} -lc", "linker={}"])
    def test_changes_with_a_file_that_the_linker_is_told(self, words: str, builds: Builds) -> None:
        place = builds.folder / "memory.x"
        keys = set()
        for text in ("one", "another"):
            place.write_text(text)
            keys.add(builds.key(builds.program.but("-C", words.format(place))))
        assert len(keys) == 2

    def test_does_not_change_with_the_records_of_compilers_that_a_build_script_tried_out(self, builds: Builds) -> None:
        keys = set()
        for run in ("1", "2"):
            with builds.build() as build:
                crate = written_by_script(builds.crate(), run=run)
                output = Path(crate.environment["OUT_DIR"])
                (output / "probe.d").write_text(f"{output}/libprobe.rmeta: build/probe.rs")
                keys.add(build.key(crate))
        assert len(keys) == 1
        with builds.build() as build:
            crate = written_by_script(builds.crate())
            (Path(crate.environment["OUT_DIR"]) / "another.d").touch()
            assert build.key(crate) not in keys

    def test_what_a_build_script_wrote_is_read_once(self, builds: Builds, monkeypatch: pytest.MonkeyPatch) -> None:
        with builds.build() as build:
            crate = written_by_script(builds.crate())
            assert build.key(crate)
            monkeypatch.setattr(UnitCache, "output", lambda *_: pytest.fail("it is read again"))
            assert build.key(crate)

    def test_does_not_change_with_the_date_of_what_a_build_script_wrote(self, builds: Builds) -> None:
        keys = set()
        for year in (1, 2):
            shutil.rmtree(builds.cache, ignore_errors=True)
            with builds.build() as build:
                crate = written_by_script(builds.crate())
                output = Path(crate.environment["OUT_DIR"])
                (output / "libsix.a").write_text("six")
                os.utime(output / "libsix.a", (year * 31_000_000, year * 31_000_000))
                keys.add(build.key(crate.but("-L", f"native={output}", "-l", "static=six")))
        assert len(keys) == 1


class TestMergedSettings:
    """Settings of which it is known that they make no difference."""

    def key(self, builds: Builds, crate: Crate, **basis: object) -> str:
        return builds.key(crate, replace(builds.basis, **basis))  # type: ignore[arg-type]

    def test_thin_and_fat_are_one_for_a_library(self, builds: Builds) -> None:
        """Cargo gives the same words for both."""
        assert builds.key(builds.crate(lto=BITCODE)) == builds.key(builds.crate(lto=BITCODE))
        assert len({builds.key(builds.crate(lto=lto)) for lto in (OFF, LOCAL, BITCODE)}) == 3

    @pytest.mark.parametrize(("mode", "alike", "other"), [(Lto.OFF, OFF, LOCAL), (Lto.LOCAL, LOCAL, OFF)])
    def test_in_embed_mode_one_more_is(self, mode: Lto, alike: str, other: str, builds: Builds) -> None:
        keys = {lto: self.key(builds, builds.crate(lto=lto), embeds=mode) for lto in (OFF, LOCAL, BITCODE)}
        assert keys[alike] == keys[BITCODE] != keys[other]
        assert keys[other] == builds.key(builds.crate(lto=other))
        assert keys[alike] not in {builds.key(builds.crate(lto=lto)) for lto in (OFF, LOCAL, BITCODE, "")}

    def test_what_was_made_for_off_and_for_local_is_not_the_same(self, builds: Builds) -> None:
        crate = builds.crate(lto=BITCODE)
        assert self.key(builds, crate, embeds=Lto.OFF) != self.key(builds, crate, embeds=Lto.LOCAL)

    @pytest.mark.parametrize("mode", [Lto.OFF, Lto.LOCAL])
    def test_in_embed_mode_words_that_no_profile_gives_stay(self, mode: Lto, builds: Builds) -> None:
        for lto in ("", "-C lto -C embed-bitcode=no", "-C lto=thin -C embed-bitcode=no", f"{BITCODE} {BITCODE}"):
            crate = builds.crate(lto=lto)
            assert self.key(builds, crate, embeds=mode) == builds.key(crate)

    def test_what_build_scripts_and_macros_need_is_made_as_cargo_says(self, builds: Builds) -> None:
        """It has the words of local, and none on optimization."""
        crate = builds.crate(level="")
        assert self.key(builds, crate, embeds=Lto.LOCAL) == builds.key(crate)

    @pytest.mark.parametrize(("mode", "said"), [(Lto.OFF, "off"), (Lto.LOCAL, None)])
    def test_in_embed_mode_a_library_is_told_to_have_both(self, mode: Lto, said: str | None, builds: Builds) -> None:
        for lto in (OFF if said else LOCAL, BITCODE):
            shutil.rmtree(builds.cache, ignore_errors=True)
            with builds.build(replace(builds.basis, embeds=mode)) as build:
                told = build.compile(builds.crate(lto=lto))
                assert told
                assert (told.codegen("lto"), told.codegen("embed-bitcode")) == (said, "yes")
                assert told.codegen("linker-plugin-lto") is None

    def test_in_embed_mode_what_is_not_shared_is_told_what_cargo_says(self, builds: Builds) -> None:
        with builds.build(replace(builds.basis, embeds=Lto.OFF)) as build:
            crate = builds.crate(lto=BITCODE).but("-Zthreads=8")
            told = build.compile(crate)
            assert told
            assert told.arguments == crate.call.arguments

    def test_a_program_is_linked_as_cargo_says_in_embed_mode_too(self, builds: Builds) -> None:
        ltos = (OFF, "-C lto=thin", "-C lto")
        assert len({self.key(builds, replace(builds.program, lto=lto), embeds=Lto.OFF) for lto in ltos}) == 3

    @pytest.mark.parametrize("types", [("lib",), ("proc-macro",)])
    def test_strip_of_what_is_no_program(self, types: tuple[str, ...], builds: Builds) -> None:
        crate = builds.crate(types=types)
        assert builds.key(crate.but("-C", "strip=symbols")) == builds.key(crate)
        with builds.build() as build:
            told = build.compile(crate)
            assert told
            assert told.codegen("strip") is None

    def test_strip_of_a_build_script(self, builds: Builds) -> None:
        crate = builds.crate("base", types=("bin",)).but(name="build_script_build")
        assert builds.key(crate.but("-C", "strip=symbols")) == builds.key(crate)

    def test_strip_of_a_program_counts_where_one_value_is_wanted(self, builds: Builds) -> None:
        keys = {strip: builds.key(builds.program.but("-C", f"strip={strip}")) for strip in ALL}
        assert len(set(keys.values())) == 3
        with builds.build() as build:
            told = build.compile(builds.program.but("-C", "strip=symbols"))
            assert told
            assert told.codegen("strip") == "symbols"

    @pytest.mark.parametrize("types", [("bin",), ("cdylib",)])
    def test_and_does_not_where_several_are(self, types: tuple[str, ...], builds: Builds) -> None:
        crate = replace(builds.program, types=types)
        keys = {self.key(builds, crate.but("-C", f"strip={strip}"), strips=ALL) for strip in ALL}
        assert len(keys) == 1

    def test_but_counts_for_another_target(self, builds: Builds) -> None:
        crate = builds.program.but("--target", "x86_64-pc-windows-gnu")
        assert len({self.key(builds, crate.but("-C", f"strip={strip}"), strips=ALL) for strip in ALL}) == 3


class TestWithoutAKey:
    """Whatever cannot be told is run as Cargo says, and never kept."""

    @pytest.mark.parametrize(
        "words",
        [
            "-C profile-use=/p.profdata", "-C profile-generate", "-C incremental=/i", "-C llvm-args=-x", "-C passes=p",
            "-C instrument-coverage", "-C save-temps", "-C remark=all", "-Cnew-option-of-2030", "-C new_option",
            "-Zthreads=8", "-Z threads=8", "--test", "-o x", "--print=cfg", "--sysroot /s", "--emit=asm",
            "--env-set A=B", "--emit=link,llvm-ir", "--remap-path-prefix=/a=/b", "@/some/words",
            "--target /my/target.json", "--target=my.json", "--extern other=/elsewhere/libother-1.rlib",
            "--extern other=/elsewhere/libother.so",
        ],
    )  # fmt: skip
    def test_with_words_whose_effect_is_not_known(self, words: str, builds: Builds) -> None:
        crate = builds.crate().but(*words.split())
        assert builds.key(crate) == ""
        with builds.build() as build:
            told = build.compile(crate)
            assert told
            assert told.arguments == crate.call.arguments
        assert builds.makes(crate)
        assert list(builds.cache.glob("units/*/*")) == []

    def test_of_a_compiler_that_nobody_has_looked_at(self, builds: Builds) -> None:
        """Cargo's configuration names it, for example."""
        call = replace(builds.crate().call, program="/opt/rustc")
        with builds.build() as build, build.sharer.called(call) as conversation:
            assert conversation.key == ""

    @pytest.mark.parametrize(
        "words",
        ["link-arg=-L/opt/lib", "link-args=-Wl,-L,/opt/lib -lz", "link-arg=@/some/words", "link-arg=-T/some/memory.x",
         "link-arg=some/memory.x", "link-args=-Wl,-T,some/memory.x"],
    )  # fmt: skip
    def test_what_links_with_files_that_the_linker_finds_by_itself(self, words: str, builds: Builds) -> None:
        told = ("-C", words)
        for types in (("bin",), ("cdylib",), ("proc-macro",)):
            assert builds.key(builds.crate(types=types).but(*told)) == ""
        assert builds.key(builds.crate().but(*told)), "a library is not linked"
        assert builds.key(builds.program.but("-C", "link-args=-Wl,-z,now -fuse-ld=lld -lz"))

    def test_with_a_path_into_the_target_directory(self, builds: Builds) -> None:
        assert builds.key(builds.crate().but("-L", f"native={builds.target}/release")) == ""
        assert builds.key(builds.crate().but("--cfg", f'place="{builds.target}"')) == ""

    def test_with_a_dependency_that_has_none(self, builds: Builds) -> None:
        base = builds.crate().but("-Zthreads=8")
        between = builds.crate("magic", needs=(base,))
        with builds.build() as build:
            build.compile(base)
            assert build.key(builds.program.but(needs=(between,))) == ""
            told = build.compile(builds.program.but(needs=(between,)))
            assert told
            assert told.externs == (between.library,)

    def test_it_finds_its_dependencies_that_have_one(self, builds: Builds) -> None:
        base = builds.crate()
        with builds.build() as build:
            key = build.key(base)
            build.compile(base)
            told = build.compile(builds.program.but("-Zthreads=8", needs=(base,)))
            assert told
            assert told.externs == (base.library.with_name(f"libbase-{key[:16]}.rlib"),)
            assert told.externs[0].exists()


class TestWhatRustcReads:
    """A unit that read what its key does not stand for is not kept, nor is what depends on it."""

    @pytest.fixture
    def elsewhere(self, builds: Builds) -> Path:
        path = builds.folder / "elsewhere.txt"
        path.write_text("whatever")
        builds.basis = replace(builds.basis, since=time.time() + 1)
        return path

    def is_kept(self, builds: Builds, crate: Crate, *reads: Path | str, **variables: str) -> bool:
        with builds.build() as build:
            assert build.compile(crate, reads=reads, variables=variables)
            return build.sharer.entries.find(build.key(crate)) is not None

    def test_its_own_sources(self, builds: Builds) -> None:
        assert self.is_kept(builds, builds.crate(), "base/src/lib.rs", builds.root / "base" / "src" / "lib.rs")

    def test_files_of_the_tree_outside_of_its_package(self, builds: Builds) -> None:
        assert self.is_kept(builds, builds.crate(), "base/src/../../tool/src/lib.rs")

    def test_nothing_at_all(self, builds: Builds) -> None:
        assert self.is_kept(builds, builds.crate())

    def test_a_file_of_the_tree_that_the_build_has_written_where_we_do_not_see_it(self, builds: Builds) -> None:
        source = builds.root / "base" / "src" / "lib.rs"
        with builds.build() as build:
            build.sharer.written = lambda path: path if path == source else None
            assert build.compile(builds.crate(), reads=(source,))
        assert builds.makes(builds.crate(), reads=(source,))
        assert not builds.makes(builds.crate(), reads=(source,))

    def test_sources_of_a_package_outside(self, builds: Builds) -> None:
        assert self.is_kept(builds, builds.outside, builds.outside.package / "lib.rs")

    def test_a_file_outside(self, builds: Builds, elsewhere: Path) -> None:
        assert not self.is_kept(builds, builds.crate(), elsewhere)
        assert not self.is_kept(builds, builds.outside, elsewhere)
        assert not self.is_kept(builds, builds.outside, "../elsewhere.txt")

    def test_a_file_that_is_there_no_more(self, builds: Builds) -> None:
        assert not self.is_kept(builds, builds.crate(), "base/src/gone.rs")

    def test_a_file_of_the_users_package_that_does_not_count_as_a_source(self, builds: Builds) -> None:
        """Git ignores it, for example."""
        (builds.root / "base" / "src" / "ignored.rs").touch()
        assert not self.is_kept(builds, builds.crate(), "base/src/ignored.rs")

    def test_a_file_of_the_users_tree_by_a_package_outside(self, builds: Builds) -> None:
        """Its key does not change with the tree."""
        assert not self.is_kept(builds, builds.outside, builds.root / "base" / "src" / "lib.rs")

    def test_a_link_that_leads_outside(self, builds: Builds, elsewhere: Path) -> None:
        link = builds.root / "base" / "src" / "linked.rs"
        link.symlink_to(elsewhere)
        builds.basis = replace(builds.basis, tree=builds.tree())
        assert not self.is_kept(builds, builds.crate(), "base/src/linked.rs")
        link.unlink()
        link.symlink_to("lib.rs")
        assert self.is_kept(builds, builds.crate(), "base/src/linked.rs")

    def test_a_link_that_leads_out_of_a_package(self, builds: Builds, elsewhere: Path) -> None:
        (builds.outside.package / "linked.rs").symlink_to(elsewhere)
        assert not self.is_kept(builds, builds.outside, builds.outside.package / "linked.rs")

    @pytest.mark.parametrize("where", ["base", "outside"])
    def test_a_file_that_was_written_after_the_sources_were_digested(self, where: str, builds: Builds) -> None:
        """By a build script, for example, or by somebody who takes that back later."""
        crate = builds.crate() if where == "base" else builds.outside
        source = crate.package / ("src/lib.rs" if where == "base" else "lib.rs")
        builds.basis = replace(builds.basis, since=time.time() - 1)
        old = source.stat()
        source.write_text("// edited")
        os.utime(source, ns=(old.st_atime_ns, old.st_mtime_ns))
        assert not self.is_kept(builds, crate, source)

    def test_a_folder_that_took_anothers_place(self, builds: Builds) -> None:
        """Which does not change the dates of what is in it."""
        crate, other = builds.crate(), builds.folder / "other"
        other.mkdir()
        (other / "lib.rs").write_text("// something else")
        builds.basis = replace(builds.basis, since=time.time() + 1)
        assert self.is_kept(builds, crate, crate.package / "src" / "lib.rs")
        shutil.rmtree(builds.cache)
        (crate.package / "src").rename(builds.folder / "before")
        other.rename(crate.package / "src")
        assert not self.is_kept(builds, crate, crate.package / "src" / "lib.rs")

    def test_what_a_build_script_wrote(self, builds: Builds) -> None:
        with builds.build() as build:
            crate = written_by_script(builds.crate())
            with build.sharer.called(crate.call) as conversation:
                answer = conversation.answer()
                assert isinstance(answer, RunInstruction)
                copied = Path(answer.environment["OUT_DIR"])
                assert (copied / "code.rs").read_text() == "fn f() {}"
                assert copied.is_relative_to(builds.cache)
                compile_with(answer, crate.call, reads=(copied / "code.rs",), variables={"OUT_DIR": str(copied)})
                conversation.ended(report())
            assert build.compile(crate) is None

    @pytest.mark.parametrize(("name", "is_kept"), [("text.rs", True), ("text.d", False)])
    def test_a_record_of_a_compiler_that_a_build_script_tried_out(
        self, name: str, is_kept: bool, builds: Builds
    ) -> None:
        with builds.build() as build:
            crate = written_by_script(builds.crate())
            (Path(crate.environment["OUT_DIR"]) / name).write_text("include me")
            with build.sharer.called(crate.call) as conversation:
                answer = conversation.answer()
                assert isinstance(answer, RunInstruction)
                compile_with(answer, crate.call, reads=(Path(answer.environment["OUT_DIR"]) / name,))
                conversation.ended(report())
            assert (build.compile(crate) is None) is is_kept

    def test_what_another_build_script_wrote(self, builds: Builds) -> None:
        with builds.build() as build:
            other = written_by_script(builds.crate("magic")).environment["OUT_DIR"]
            assert build.compile(builds.crate(), reads=(Path(other) / "code.rs",))
            assert build.compile(builds.crate())

    @pytest.mark.parametrize("variable", ["TERM", "PWD", "TRIMTAB_SOCKET", "CARGO_MAKEFLAGS"])
    def test_a_variable_of_the_session(self, variable: str, builds: Builds) -> None:
        assert not self.is_kept(builds, builds.crate(), **{variable: "dumb"})

    def test_a_variable_that_names_the_target_directory(self, builds: Builds) -> None:
        assert not self.is_kept(builds, builds.crate(), CARGO_TARGET_DIR=str(builds.target))

    def test_another_variable(self, builds: Builds) -> None:
        assert self.is_kept(builds, builds.crate(), CARGO_PKG_VERSION="0.1.0")

    def test_without_a_record_of_it_nothing_is_kept(self, builds: Builds) -> None:
        crate = builds.crate()
        with builds.build() as build, build.sharer.called(crate.call) as conversation:
            answer = conversation.answer()
            assert isinstance(answer, RunInstruction)
            told = compile_with(answer, crate.call)
            (told.out_dir / f"{told.id}.d").unlink()
            conversation.ended(report())
        assert builds.makes(crate)

    def test_what_depends_on_such_a_unit_is_not_kept_either(self, builds: Builds, elsewhere: Path) -> None:
        """Its key is the same whatever the other file holds."""
        base = builds.crate()
        program = builds.program.but(needs=(base,))
        for _ in range(2):
            with builds.build() as build:
                assert build.compile(base, reads=(elsewhere,))
                told = build.compile(program)
                assert told
                assert told.externs[0].exists()

    def test_nor_what_began_before_that_unit_ended(self, builds: Builds, elsewhere: Path) -> None:
        """Others go on with its metadata."""
        base, between = builds.crate(), builds.crate("magic")
        for _ in range(2):
            with builds.build() as build, build.sharer.called(base.call) as conversation:
                answer = conversation.answer()
                assert isinstance(answer, RunInstruction)
                compile_with(answer, base.call, reads=(elsewhere,))
                assert build.compile(between.but(needs=(base,)))
                conversation.ended(report())

    def test_what_began_before_the_end_of_one_that_is_kept_is_kept_too(self, builds: Builds) -> None:
        base, between = builds.crate(), builds.crate("magic")
        with builds.build() as build, build.sharer.called(base.call) as conversation:
            answer = conversation.answer()
            assert isinstance(answer, RunInstruction)
            compile_with(answer, base.call, reads=("base/src/lib.rs",))
            assert build.compile(between.but(needs=(base,)))
            conversation.ended(report())
        with builds.build() as build:
            assert build.compile(base) is None
            assert build.compile(between.but(needs=(base,))) is None

    @pytest.mark.parametrize("link", ["{elsewhere}", "../../../../../elsewhere.txt"])
    def test_what_a_build_script_only_linked_to(self, link: str, builds: Builds, elsewhere: Path) -> None:
        """What is behind the link may change, and a copy of the link may lead nowhere."""
        with builds.build() as build:
            crate = written_by_script(builds.crate())
            output = Path(crate.environment["OUT_DIR"])
            (output / "libsix.a").symlink_to(link.format(elsewhere=elsewhere))
            assert (output / "libsix.a").exists()
            assert build.key(crate.but("-L", f"native={output}")) == ""
            told = build.compile(crate, reads=(output / "libsix.a",))
            assert told
            assert told.environment["OUT_DIR"] == str(output)
            assert build.compile(crate)


class TestNames:
    """Rustc makes files under names of ours; Cargo finds them under its own."""

    def test_of_a_library(self, builds: Builds) -> None:
        base = builds.crate()
        with builds.build() as build:
            key = build.key(base)
            told = build.compile(base)
            assert told
            assert (told.codegen("metadata"), told.extra_filename) == (key[:16], f"-{key[:16]}")
        names = ("libbase-{}.rlib", "libbase-{}.rmeta", "base-{}.d")
        expected = {name.format(unit) for name in names for unit in (base.unit, key[:16])}
        assert {path.name for path in base.out.iterdir()} == expected

    def test_are_the_same_where_it_is_reused(self, builds: Builds) -> None:
        base = builds.crate()
        builds.makes(base)
        names = {path.name: path.read_bytes() for path in base.out.iterdir()}
        with builds.build() as build:
            assert build.compile(base) is None
        assert {path.name: path.read_bytes() for path in base.out.iterdir()} == names

    def test_are_cargos_of_that_build(self, builds: Builds) -> None:
        builds.makes(builds.crate())
        again = builds.crate(unit="fedcba9876543210", target=builds.folder / "other")
        assert not builds.makes(again)
        assert again.library.exists()

    def test_metadata_is_there_as_soon_as_rustc_says_so(self, builds: Builds) -> None:
        base = builds.crate()
        with builds.build() as build, build.sharer.called(base.call) as conversation:
            answer = conversation.answer()
            assert isinstance(answer, RunInstruction)
            ((made, expected),) = answer.links
            assert expected == base.library.with_suffix(".rmeta")
            assert made == expected.with_name(f"libbase-{conversation.key[:16]}.rmeta")

    @pytest.fixture
    def plugin(self, builds: Builds) -> RustcCall:
        """A library that others load: Cargo adds nothing to its name."""
        return unnamed(builds.crate(types=("lib", "cdylib")).call)

    def test_of_what_cargo_gives_no_name_of_its_own(self, builds: Builds, plugin: RustcCall) -> None:
        for expected in (RunInstruction, CachedResult):
            with builds.build() as build, build.sharer.called(plugin) as conversation:
                answer = conversation.answer()
                assert isinstance(answer, expected)
                if isinstance(answer, RunInstruction):
                    assert answer.links == ()
                    compile_with(answer, plugin)
                    conversation.ended(report())
            names = {path.name for path in plugin.out_dir.iterdir()}
            assert names == {"base.d", "libbase.rlib", "libbase.rmeta", "libbase.so"}

    def test_what_lies_there_under_such_a_name_is_replaced(self, builds: Builds, plugin: RustcCall) -> None:
        """It may be that of another profile."""
        library = plugin.out_dir / "libbase.so"
        with builds.build() as build:
            for _ in range(2):
                with build.sharer.called(plugin) as conversation:
                    answer = conversation.answer()
                    if isinstance(answer, RunInstruction):
                        compile_with(answer, plugin)
                        conversation.ended(report())
                assert "--crate-name" in library.read_text()
                library.unlink()
                library.write_text("of another profile")

    def test_of_the_same_crate_for_this_machine_and_for_a_target(self, builds: Builds, plugin: RustcCall) -> None:
        """Where Cargo gives both the same name, their folders tell them apart."""
        there = builds.target / "triple" / "release" / "deps"
        aimed = RustcCall.read(
            plugin.folder,
            ("rustc", *plugin.arguments, "--target", "aarch64-unknown-linux-gnu", "--out-dir", str(there)),
            plugin.environment,
        )
        keys = []
        with builds.build() as build:
            for call in (aimed, plugin):
                with build.sharer.called(call) as conversation:
                    answer = conversation.answer()
                    assert isinstance(answer, RunInstruction)
                    compile_with(answer, call)
                    conversation.ended(report())
                    keys.append(conversation.key)
            assert keys[0] != keys[1]
            libraries = (there / "libbase.rlib", plugin.out_dir / "libbase.rlib")
            assert [build.sharer.key_of(library) for library in libraries] == keys


class TestStrips:
    """A program is linked once for each way to strip it."""

    @pytest.fixture
    def several(self, builds: Builds) -> Builds:
        builds.basis = replace(builds.basis, strips=ALL)
        return builds

    def test_cargo_gets_the_one_that_it_asked_for(self, several: Builds) -> None:
        found = {}
        for strip in (Strip.DEBUGINFO, Strip.SYMBOLS, Strip.NONE):
            program = several.program.but("-C", f"strip={strip}")
            with several.build() as build:
                assert (build.compile(program) is None) is (strip is not Strip.DEBUGINFO)
            found[strip] = (program.out / f"tool-{program.unit}").read_text().rpartition(" ")[2]
        assert (found[Strip.SYMBOLS], found[Strip.DEBUGINFO]) == ("symbols", "debuginfo")
        assert found[Strip.NONE] not in ("symbols", "debuginfo")

    def test_none_is_what_cargo_says_nothing_about(self, several: Builds) -> None:
        plain = several.program
        call = plain.call.changed(lambda option: None if option.value == "strip=debuginfo" else option)
        assert call.codegen("strip") is None
        several.makes(plain)
        with several.build() as build, build.sharer.called(call) as conversation:
            assert isinstance(conversation.answer(), CachedResult)
        assert not (plain.out / f"tool-{plain.unit}").read_text().endswith(("symbols", "debuginfo"))

    def test_one_that_nobody_looks_for_is_made_as_cargo_says(self, builds: Builds) -> None:
        """Flags in the environment ask for it, for example."""
        builds.basis = replace(builds.basis, strips=(Strip.NONE, Strip.DEBUGINFO))
        with builds.build() as build:
            told = build.compile(builds.program.but("-C", "strip=symbols"))
        assert told
        assert told.codegen("strip") == "symbols"

    def test_what_is_kept_with_fewer_ways_is_made_again(self, several: Builds) -> None:
        fewer = replace(several.basis, strips=(Strip.NONE, Strip.SYMBOLS))
        assert several.makes(several.program, fewer)
        assert not several.makes(several.program, fewer)
        assert several.makes(several.program)
        assert not several.makes(several.program)
        assert not several.makes(several.program, fewer)

    def test_a_library_without_a_link_is_not_kept(self, several: Builds) -> None:
        archive = replace(several.program, types=("staticlib",))
        assert several.makes(archive)
        assert several.makes(archive)
        assert list(several.cache.glob("units/*/*")) == []


class TestEntriesThatVanish:
    def test_what_is_damaged_is_made_again(self, builds: Builds) -> None:
        base = builds.crate()
        builds.makes(base)
        (kept,) = builds.cache.glob("units/*/*/*.rlib")
        kept.unlink()
        kept.write_text("damaged")
        assert builds.makes(base)
        assert not builds.makes(base)

    def test_what_is_removed_while_it_is_laid_out_is_made_again(self, builds: Builds) -> None:
        base = builds.crate()
        builds.makes(base)
        with builds.build() as build, build.sharer.called(base.call) as conversation:
            assert build.sharer.entries.find(conversation.key)
            for kept in builds.cache.glob("units/*/*/*.rlib"):
                kept.unlink()
            answer = conversation.answer()
            assert isinstance(answer, RunInstruction)
            compile_with(answer, base.call)
            conversation.ended(report())
        assert not builds.makes(base)
        assert [unit.reused for unit in build.trace.units] == [False]

    def test_a_disk_that_is_full_keeps_nothing_and_the_build_goes_on(
        self, builds: Builds, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def full(*_: object, **__: object) -> None:
            raise OSError(28, "No space left on device")

        base = builds.crate()
        with monkeypatch.context() as patch:
            patch.setattr(UnitCache, "keep", full)
            assert builds.makes(base)
        assert base.library.exists()
        with builds.build() as build, monkeypatch.context() as patch:
            patch.setattr(UnitCache, "output", full)
            crate = written_by_script(builds.crate())
            told = build.compile(crate)
            assert told
            assert told.environment["OUT_DIR"] == crate.environment["OUT_DIR"]

    def test_a_unit_that_failed_is_not_kept(self, builds: Builds) -> None:
        base = builds.crate()
        with builds.build() as build:
            with build.sharer.called(base.call) as conversation:
                answer = conversation.answer()
                assert isinstance(answer, RunInstruction)
                compile_with(answer, base.call)
                conversation.ended(report(code=1.0))
            assert build.trace.units == ()
        assert builds.makes(base)


class TestSeveralAtOnce:
    def test_each_unit_is_made_by_one_and_taken_by_the_other(self, builds: Builds) -> None:
        made: list[str] = []
        both = threading.Barrier(2)

        def build(number: int) -> None:
            target = builds.folder / f"target-{number}"
            with builds.build(target=target) as build:
                both.wait(20)
                for name in ("base", "magic", "tool"):
                    crate = builds.crate(name, target=target, unit=f"{number:016}")
                    with build.sharer.called(crate.call) as conversation:
                        answer = conversation.answer()
                        if isinstance(answer, RunInstruction):
                            made.append(name)
                            time.sleep(0.1)
                            compile_with(answer, crate.call)
                            conversation.ended(report())
                    assert crate.library.exists()

        threads = [threading.Thread(target=build, args=(number,)) for number in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert sorted(made) == ["base", "magic", "tool"]

    def test_waiting_for_another_ends_with_the_build(self, builds: Builds) -> None:
        target = builds.folder / "target-2"
        with builds.build() as mine, builds.build(target=target) as theirs, mine.sharer.called(builds.crate().call):
            threading.Timer(0.2, theirs.sharer.ended.set).start()
            begun = time.monotonic()
            with theirs.sharer.called(builds.crate(target=target).call):
                assert 0.1 < time.monotonic() - begun < 60

    def test_without_a_lock_work_may_be_done_twice(self, builds: Builds, monkeypatch: pytest.MonkeyPatch) -> None:
        def full(*_: object) -> None:
            raise InputError("the cache folder cannot be written: No space left on device")

        monkeypatch.setattr("trimtab.builders.rustc_wrapper.sharing.UnitCache.hold", full)
        assert builds.makes(builds.crate())

    def test_one_that_hangs_up_lets_the_other_go_on(self, builds: Builds) -> None:
        base = builds.crate()
        with builds.build() as build, contextlib.suppress(EOFError), build.sharer.called(base.call) as conversation:
            conversation.answer()
            raise EOFError
        assert builds.makes(base)

    def test_two_units_with_one_key_in_one_build(self, builds: Builds) -> None:
        """The same crate for this machine and for a target, where nothing but strip tells them apart."""
        one, two = builds.crate(unit="1" * 16), builds.crate(unit="2" * 16).but("-C", "strip=symbols")
        with builds.build() as build:
            assert build.compile(one)
            assert build.compile(two) is None
            assert build.key(one) == build.key(two)
        assert one.library.read_bytes() == two.library.read_bytes()


class TestRecord:
    def test_says_what_was_reused_and_what_it_cost_when_it_was_made(self, builds: Builds) -> None:
        base, program = builds.crate(), builds.program
        with builds.build() as build:
            build.compile(base)
        with builds.build() as build:
            build.compile(base)
            build.compile(program)
            first, second = build.trace.units
        assert (first.reused, second.reused) == (True, False)
        assert (first.cost.wall, first.cost.cpu) == (2.0, 3.0)
        assert first.id == base.call.id
        assert first.arguments == base.call.arguments

    def test_of_what_rustc_said_is_kept(self, builds: Builds) -> None:
        base = builds.crate()
        builds.makes(base)
        with builds.build() as build, build.sharer.called(base.call) as conversation:
            assert conversation.answer() == CachedResult(stderr=b"a warning\n")


class TestDepInfo:
    def test_as_rustc_writes_it(self) -> None:
        text = (
            "/t/release/deps/libbase-1.rmeta: base/src/lib.rs base/src/my\\ file.rs /c/out/code.rs\n\n"
            "/t/release/deps/base-1.d: base/src/lib.rs base/src/my\\ file.rs /c/out/code.rs\n\n"
            "base/src/lib.rs:\nbase/src/my\\ file.rs:\n/c/out/code.rs:\n\n"
            "# env-dep:CARGO_PKG_VERSION=0.1.0\n# env-dep:OUT_DIR=/c/out\n# env-dep:NOT_SET\n# env-dep:A=b=c:\n"
        )
        sources, variables = read_dep_info(text)
        assert sources == ("base/src/lib.rs", "base/src/my file.rs", "/c/out/code.rs")
        assert variables == {"CARGO_PKG_VERSION": "0.1.0", "OUT_DIR": "/c/out", "NOT_SET": "", "A": "b=c:"}

    def test_each_file_once(self) -> None:
        assert read_dep_info("a.rs:\nb.rs:\na.rs:\n") == (("a.rs", "b.rs"), {})

    def test_of_nothing(self) -> None:
        assert read_dep_info("") == ((), {})
