"""What `trimtab diff` costs: CPU seconds and peak memory of the whole command, on published files and on made-up ones.

Published: the seeds' uv pair and maturin with its symbols (fetched through pip the first time; the second run counts).
Made up: assembler files with ever more functions of 600 bytes with unwind tables and long Rust names, put together by
the C compiler, so that only the size differs. The peer is binutils' `nm`, which only lists and demangles symbols.
Other files can be named, such as a large debug build.

    python benchmarks/diff.py [FILE…] [--sizes 1,10,50,100,200] [--json]
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

MIB = 1 << 20
PUBLISHED = {
    "uv 0.2.34 → 0.2.35": ("pypi:uv==0.2.34@manylinux-x86_64", "pypi:uv==0.2.35@manylinux-x86_64"),
    "maturin 1.16.0 alone, with crates and symbols": ("pypi:maturin==1.16.0@manylinux-x86_64",),
}
BYTES_EACH = 600
FUNCTION = """\
.globl {name}
.type {name}, @function
{name}:
.cfi_startproc
.fill {bytes}, 1, 0x90
.cfi_endproc
.size {name}, .-{name}
"""
NAME = "_RNvNtNtCs{crate:x}_8made_up_{number:03}6module7submodule{length}function_{number:x}"


def made_up(size: int, folder: Path) -> Path:
    """A shared library of about so many bytes, most of them functions in 100 crates."""
    source, library = folder / "made_up.s", folder / f"made-up-{size // MIB}.so"
    with source.open("w") as file:
        file.write(".text\n")
        for number in range(size // (BYTES_EACH + 140)):
            name = NAME.format(crate=number % 100, number=number, length=len(f"function_{number:x}"))
            name = name.replace(f"8made_up_{number:03}", f"9made_up{number % 100:02}", 1)
            file.write(FUNCTION.format(name=name, bytes=BYTES_EACH))
    subprocess.run(["cc", "-shared", "-nostdlib", "-o", library, source], check=True)
    source.unlink()
    return library


def measured(command: list[str]) -> dict[str, float]:
    """CPU seconds and peak memory in bytes of one run."""
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    assert child.returncode == 0, command
    return {"cpu_seconds": usage.ru_utime + usage.ru_stime, "peak_memory": usage.ru_maxrss * 1024}


LARGEST = """
import subprocess, sys, json
command = [sys.executable, "-m", "trimtab", "diff", *sys.argv[1:], "--json"]
found = subprocess.run(command, check=True, capture_output=True)
print(max(max(one["base_bytes"] or 0, one["head_bytes"] or 0) for one in json.loads(found.stdout)["members"]))
"""


def largest(words: tuple[str, ...]) -> int:
    """Bytes of the largest binary. Asked for by a child, since a child's peak memory is never below its parent's."""
    return int(subprocess.run([sys.executable, "-c", LARGEST, *words], check=True, capture_output=True).stdout)


def row(name: str, words: tuple[str, ...]) -> dict[str, object]:
    """One line of the table; the files are in the page cache by then."""
    size = largest(words)
    ours = min(
        (measured([sys.executable, "-m", "trimtab", "diff", *words, "--json"]) for _ in range(3)),
        key=lambda one: one["cpu_seconds"],
    )
    peer = None
    if shutil.which("nm") and len(words) == 1 and Path(words[0]).exists():
        peer = measured(["nm", "--demangle", "--size-sort", words[0]])
    return {"name": name, "bytes": size, **ours, "memory_over_file": ours["peak_memory"] / size, "nm": peer}


def rows(files: list[str], sizes: list[int], folder: Path) -> Iterator[dict[str, object]]:
    """Everything there is to measure."""
    for name, words in PUBLISHED.items():
        yield row(name, words)
    for file in files:
        yield row(Path(file).name, (file,))
    for size in sizes:
        library = made_up(size * MIB, folder)
        yield row(f"made up, {size} MiB", (str(library),))
        library.unlink()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*")
    parser.add_argument("--sizes", default="1,10,50,100,200", type=lambda text: [int(one) for one in text.split(",")])
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = []
        for one in rows(options.files, options.sizes, Path(folder)):
            found.append(one)
            if not options.json:
                peer = one["nm"]
                beside = f"; nm {peer['cpu_seconds']:.2f} s, {peer['peak_memory'] / MIB:.0f} MiB" if peer else ""  # type: ignore[index]
                print(
                    f"{one['name']}: {one['bytes'] / MIB:.1f} MiB; {one['cpu_seconds']:.2f} s CPU,"  # type: ignore[operator]
                    f" {one['peak_memory'] / MIB:.0f} MiB ({one['memory_over_file']:.1f} times the file){beside}"  # type: ignore[operator]
                )
    if options.json:
        print(json.dumps({"rows": found}, indent=2))


if __name__ == "__main__":
    main()
