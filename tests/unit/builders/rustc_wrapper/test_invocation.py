"""One call of rustc: read, asked, and said otherwise without losing a word."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.builders.rustc_wrapper.invocation import Option, RustcCall, library_id, script_folder
from trimtab.model.trace import UnitKind

PROGRAM = (
    "rustc --crate-name ripgrep --edition=2021 crates/core/main.rs --error-format=json "
    "--json=diagnostic-rendered-ansi,artifacts,future-incompat --diagnostic-width=114 --crate-type bin "
    "--emit=dep-info,link -C opt-level=3 -C panic=abort -C lto -C codegen-units=1 --warn=unexpected_cfgs "
    '--check-cfg cfg(docsrs,test) --cfg feature="pcre2" -C metadata=2c7 -C extra-filename=-a46 --out-dir '
    "/t/release/deps -C strip=debuginfo -L dependency=/t/release/deps --extern grep=/t/release/deps/libgrep-eb5.rlib "
    "--extern proc_macro -L native=/t/release/build/pcre2-sys-77e/out -l static=pcre2 -A dead_code"
)
WORDS = st.one_of(
    st.sampled_from(sorted(set(PROGRAM.split()))),
    st.sampled_from(
        ["-Copt-level=s", "--codegen=lto=fat", "--codegen", "-lz", "-L/lib", "-Zthreads=8", "-O", "-g", "--"]
    ),
    st.sampled_from(["--cfg=", "--test", "-", "@words", "--emit", "-C", "", "--=", "-Dwarnings", "--x=y=z", "-h"]),
    st.text(max_size=8),
)


def read(words: str, **environment: str) -> RustcCall:
    return RustcCall.read("/work", tuple(words.split()), environment)


def making(*types: str, crate: str = "tool", **environment: str) -> RustcCall:
    return read(f"rustc --crate-name {crate} {' '.join(f'--crate-type {name}' for name in types)}", **environment)


class TestWords:
    @given(st.lists(WORDS, max_size=12))
    def test_no_option_is_lost_or_changed_by_saying_it_again(self, words: list[str]) -> None:
        call = RustcCall.read("/work", ("rustc", *words), {})
        again = RustcCall.read("/work", ("rustc", *call.arguments), {})
        assert again.options == call.options
        assert again.arguments == call.arguments

    @given(st.lists(WORDS, max_size=12))
    def test_changing_nothing_says_the_same(self, words: list[str]) -> None:
        call = RustcCall.read("/work", ("rustc", *words), {})
        assert call.changed(replace) == call

    @given(st.lists(st.text(max_size=8), max_size=12))
    def test_no_letter_is_lost(self, words: list[str]) -> None:
        call = RustcCall.read("/work", ("rustc", *words), {})
        assert "".join(call.arguments).replace("=", "") == "".join(words).replace("=", "").replace("--codegen", "-C")

    @pytest.mark.parametrize(
        ("words", "said"),
        [
            ("-Copt-level=3", ("-C", "opt-level=3")),
            ("-C opt-level=3", ("-C", "opt-level=3")),
            ("--codegen opt-level=3", ("-C", "opt-level=3")),
            ("--codegen=opt-level=3", ("-C", "opt-level=3")),
            ("--extern a=b", ("--extern=a=b",)),
            ("--extern=a=b", ("--extern=a=b",)),
            ("--cfg test", ("--cfg=test",)),
            ("-lstatic=z", ("-l", "static=z")),
            ("-O -g src/lib.rs --test", ("-O", "-g", "src/lib.rs", "--test")),
            ("src/lib.rs -C", ("src/lib.rs", "-C")),
        ],
    )
    def test_have_one_way_to_be_written(self, words: str, said: tuple[str, ...]) -> None:
        assert read(f"rustc {words}").arguments == said

    def test_of_a_whole_call(self) -> None:
        call = read(PROGRAM)
        assert (call.folder, call.program) == ("/work", "rustc")
        assert Option(name="--cfg", value='feature="pcre2"') in call.options
        assert Option(name="crates/core/main.rs") in call.options
        assert " ".join(("rustc", *call.arguments)).replace("=", " ") == PROGRAM.replace("=", " ")

    def test_are_left_out_where_asked(self) -> None:
        call = read("rustc -C strip=none -C lto=fat x.rs").changed(
            lambda option: None if option.codegen == ("strip", "none") else option
        )
        assert call.arguments == ("-C", "lto=fat", "x.rs")


class TestValues:
    def test_the_last_one_counts(self) -> None:
        call = read("rustc -C opt-level=3 --out-dir /a -C opt_level=0 --out-dir /b")
        assert call.codegen("opt-level") == "0"
        assert call.out_dir == Path("/b")

    def test_of_what_is_not_said(self) -> None:
        call = read("rustc x.rs")
        assert call.value("--target") == ""
        assert call.codegen("lto") is None
        assert (call.crate, call.extra_filename, call.id, call.codegen_units) == ("", "", "", 16)
        assert (call.package, call.version, call.script_output, call.externs) == ("", "", "", ())

    def test_an_option_without_a_value_is_there(self) -> None:
        assert read("rustc -C linker-plugin-lto").codegen("linker-plugin-lto") == ""

    def test_of_a_whole_call(self) -> None:
        call = read(PROGRAM, CARGO_PKG_NAME="rg", CARGO_PKG_VERSION="14.1.1", OUT_DIR="/t/release/build/rg-1/out")
        assert (call.crate, call.extra_filename, call.id) == ("ripgrep", "-a46", "ripgrep-a46")
        assert (call.package, call.version, call.codegen_units) == ("rg", "14.1.1", 1)
        assert (call.out_dir, call.script_output) == (Path("/t/release/deps"), "/t/release/build/rg-1/out")
        assert call.externs == (Path("/t/release/deps/libgrep-eb5.rlib"),)
        assert (call.codegen("lto"), call.codegen("panic"), call.codegen("metadata")) == ("", "abort", "2c7")


class TestKind:
    @pytest.mark.parametrize(
        ("types", "kind"),
        [
            (("lib",), UnitKind.LIBRARY),
            (("rlib",), UnitKind.LIBRARY),
            ((), UnitKind.LIBRARY),
            (("bin",), UnitKind.PROGRAM),
            (("cdylib",), UnitKind.PROGRAM),
            (("staticlib",), UnitKind.PROGRAM),
            (("dylib",), UnitKind.PROGRAM),
            (("lib", "cdylib"), UnitKind.PROGRAM),
            (("proc-macro",), UnitKind.MACRO),
        ],
    )
    def test_is_read_from_the_types(self, types: tuple[str, ...], kind: UnitKind) -> None:
        assert making(*types).kind is kind

    @pytest.mark.parametrize("crate", ["build_script_build", "build_script_main"])
    def test_a_build_script_is_known_by_its_name(self, crate: str) -> None:
        assert making("bin", crate=crate).kind is UnitKind.SCRIPT

    def test_a_users_program_of_such_a_name_is_a_program(self) -> None:
        call = making("bin", crate="build_script_tool", CARGO_BIN_NAME="build-script-tool")
        assert call.kind is UnitKind.PROGRAM

    def test_a_users_library_of_such_a_name_is_a_library(self) -> None:
        assert making("lib", crate="build_script_tool").kind is UnitKind.LIBRARY

    def test_only_libraries_can_do_with_the_metadata_of_others(self) -> None:
        assert [kind for kind in UnitKind if not kind.links] == [UnitKind.LIBRARY]


class TestNames:
    @pytest.mark.parametrize("crate", ["base", "libbase", "lib", "lib_c"])
    @pytest.mark.parametrize("ending", [".rlib", ".rmeta", ".so"])
    def test_a_library_is_found_by_the_id_of_the_unit_that_makes_it(self, crate: str, ending: str) -> None:
        call = read(f"rustc --crate-name {crate} -C extra-filename=-0a1b")
        assert library_id(Path(f"/t/deps/lib{crate}-0a1b{ending}")) == call.id

    def test_also_where_cargo_adds_nothing_to_file_names(self) -> None:
        assert library_id(Path("/t/deps/libplugin.so")) == read("rustc --crate-name plugin").id

    @pytest.mark.parametrize(
        ("output", "folder"),
        [
            ("/t/release/build/zstd-sys-16f/out", "zstd-sys-16f"),
            ("/two words/release/build/zstd-sys-16f/out", "zstd-sys-16f"),
            ("/t/build/x-1/out/build/y-2/out", "y-2"),
            ("/t/release/build/zstd-sys-16f/out/lib", ""),
            ("/t/release/deps", ""),
            ("/build/out", ""),
            ("", ""),
        ],
    )
    def test_a_run_of_a_build_script_is_named_by_its_folder(self, output: str, folder: str) -> None:
        assert script_folder(output) == folder
