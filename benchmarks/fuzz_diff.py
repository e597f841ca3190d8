"""Feeding `trimtab diff` damaged files: mutations of real ones, of every format.

Each must be weighed or refused with a file and a reason, within 5 seconds and 1 GiB, and leave nothing behind. Seeds
are small published wheels for thirteen platforms, the extension modules in them, archives of these, and a WebAssembly
module. Mutations: bits flipped, numbers replaced by extreme ones, parts cut, doubled or mixed.

    python benchmarks/fuzz_diff.py [--files 20000] [--seed 1] [--keep FOLDER]
"""

from __future__ import annotations

import argparse
import io
import lzma
import os
import random
import resource
import signal
import sys
import tarfile
import tempfile
import time
import zipfile
from collections import Counter
from pathlib import Path

from trimtab.artifact.pypi import published_wheel
from trimtab.artifact.size_breakdown import size_breakdown
from trimtab.commands.diff.difference import difference
from trimtab.commands.diff.json import diff_json
from trimtab.commands.diff.registry_limits import allowances
from trimtab.errors import InputError, MissingError
from trimtab.system.paths import default_folders
from trimtab.system.process import SystemRunner

WHEELS = (
    *(f"pypi:markupsafe==3.0.3@{platform}" for platform in (
        "manylinux-x86_64", "manylinux-aarch64", "manylinux-riscv64", "musllinux-x86_64", "musllinux-aarch64",
        "macos-arm64", "macos-x86_64", "windows-x86_64", "windows-x86", "windows-arm64",
    )),
    "pypi:markupsafe==2.1.5@manylinux-i686",
    "pypi:cffi==1.17.1@manylinux-s390x",
    "pypi:cffi==1.17.1@manylinux-ppc64le",
)  # fmt: skip
WASM = bytes.fromhex(
    "0061736d010000000105016000017f03030200 00".replace(" ", "")
    + "0a0b020400412a0b0400412b0b000f046e616d650108020001 61 0001 62".replace(" ", "")
)
EXTREMES = (0, 1, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 1 << 40, (1 << 64) - 1)
LONGEST, MOST_MEMORY = 5, 1 << 30


def seeds(environment: dict[str, str]) -> dict[str, bytes]:
    """Real files by name."""
    found: dict[str, bytes] = {"wasm": WASM}
    for word in WHEELS:
        try:
            wheel = published_wheel(SystemRunner(), word, default_folders().cache, environment)
        except InputError as error:
            print(f"not used: {word}: {error.what}", file=sys.stderr)
            continue
        found[f"{word} wheel"] = wheel.read_bytes()
        with zipfile.ZipFile(wheel) as archive:
            for name in archive.namelist():
                if name.endswith((".so", ".pyd")):
                    found[word] = archive.read(name)
    binary = next(data for name, data in found.items() if "manylinux" in name and "wheel" not in name)
    for mode, name in (("w", "tar"), ("w:gz", "tar.gz"), ("w:xz", "tar.xz"), ("w:bz2", "tar.bz2")):
        file = io.BytesIO()
        with tarfile.open(fileobj=file, mode=mode) as archive:  # type: ignore[call-overload]
            member = tarfile.TarInfo("tool/bin/tool")
            member.size = len(binary)
            archive.addfile(member, io.BytesIO(binary))
        found[name] = file.getvalue()
    found["xz without tar"] = lzma.compress(binary)
    return found


def mutated(data: bytes, other: bytes, dice: random.Random) -> bytes:
    """A damaged copy."""
    changed = bytearray(data)
    for _ in range(dice.choice((1, 1, 2, 4, 16))):
        if not changed:
            break
        # Headers are where a change hurts most, and they lie at either end.
        at = dice.choice(
            (
                dice.randrange(len(changed)),
                dice.randrange(min(len(changed), 1024)),
                -1 - dice.randrange(min(len(changed), 4096)),
            )
        )
        at %= len(changed)
        match dice.randrange(6):
            case 0:
                changed[at] ^= 1 << dice.randrange(8)
            case 1 | 2:
                width = dice.choice((1, 2, 4, 8))
                number = dice.choice((*EXTREMES, len(changed), len(changed) - 1, dice.getrandbits(32)))
                changed[at : at + width] = (number & ((1 << 8 * width) - 1)).to_bytes(
                    width, dice.choice(("little", "big"))
                )
            case 3:
                del changed[at : dice.choice((len(changed), at + dice.randrange(1, 200)))]
            case 4:
                changed[at:at] = changed[at : at + dice.randrange(1, 5000)]
            case 5:
                start = dice.randrange(len(other))
                changed[at:at] = other[start : start + dice.randrange(1, 3000)]
    return bytes(changed)


def outcome(path: Path) -> str:
    """What became of one file, in a word; raises whatever must not happen."""
    try:
        weight = size_breakdown(path)
    except (InputError, MissingError) as error:
        if not error.what or str(path.parent) not in error.where:
            raise
        return "refused"
    for member in weight.binaries:
        assert member.image is not None
        assert sum(section.size for section in member.image.sections) == member.size
    alone = difference(weight)
    diff_json(difference(weight, weight), allowances(alone, 1))
    return "weighed" if weight.binaries or not weight.notes else "weighed but for a damaged binary"


def main() -> None:
    """Make, feed, count."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="keep what failed here")
    options = parser.parse_args()
    found = seeds(dict(os.environ))
    names, dice = list(found), random.Random(options.seed)
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    counts: Counter[str] = Counter()
    slowest = ("", 0.0)
    with tempfile.TemporaryDirectory() as folder:
        scratch, path = Path(folder) / "scratch", Path(folder) / "file"
        scratch.mkdir()
        tempfile.tempdir = str(scratch)
        for number in range(options.files):
            name = names[number % len(names)]
            path.write_bytes(mutated(found[name], found[dice.choice(names)], dice))
            started = time.monotonic()
            signal.alarm(LONGEST)
            try:
                counts[outcome(path)] += 1
            except BaseException as error:
                counts[f"FAILED: {type(error).__name__}"] += 1
                print(f"file {number} ({name}): {type(error).__name__}: {error}", file=sys.stderr)
                if options.keep:
                    options.keep.mkdir(parents=True, exist_ok=True)
                    (options.keep / f"{options.seed}-{number}").write_bytes(path.read_bytes())
                if isinstance(error, KeyboardInterrupt):
                    raise
            signal.alarm(0)
            slowest = max(slowest, (name, time.monotonic() - started), key=lambda one: one[1])
            assert [one.name for one in Path(folder).iterdir() if one.name not in ("scratch", "file")] == []
            assert not list(scratch.iterdir()), "something was left behind"
    print(
        f"{options.files} files from {len(names)} seeds: "
        + ", ".join(f"{n} {what}" for what, n in counts.most_common())
    )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    print(f"slowest {slowest[1]:.2f} s ({slowest[0]}); peak memory {peak} MiB")
    sys.exit(any(what.startswith("FAILED") for what in counts))


def _too_long(*_: object) -> None:
    raise TimeoutError(f"no answer within {LONGEST} s")


if __name__ == "__main__":
    signal.signal(signal.SIGALRM, _too_long)
    main()
