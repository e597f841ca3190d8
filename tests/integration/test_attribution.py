"""Crates by name alone, against the compiler's debug information and against cargo-bloat, which looks into the rlibs.

The two answer different questions about a copy of a generic function. trimtab counts it for the crate in which the
function was written, which is what debug information says too; cargo-bloat for the first crate that it finds with such
a copy, which is often, but not always, the one that asked for it.
"""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from trimtab.artifact.formats import elf
from trimtab.artifact.symbols import SymbolEntry, named

if TYPE_CHECKING:
    from elftools.dwarf.die import DIE

pytestmark = [pytest.mark.integration, pytest.mark.slow]

EXAMPLE = Path(__file__).parents[2] / "examples" / "sounding"
MANGLINGS = ("legacy", "v0")
RUST = 0x1C
"""DW_LANG_Rust. Source: DWARF 5, table 7.17."""


class Program(NamedTuple):
    """A program with symbols and debug information, and how it was built."""

    path: Path
    environment: dict[str, str]


class Function(NamedTuple):
    """Machine code with a name."""

    address: int
    size: int
    mangled: str
    crate: str
    """Going by the name."""


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Program]:
    """Builds the example with one of rustc's two ways to mangle names."""
    folder = tmp_path_factory.mktemp("attribution")

    def build(mangling: str) -> Program:
        target = folder / mangling
        environment = {
            **{
                name: value for name, value in os.environ.items() if not name.startswith(("CARGO_PROFILE", "RUSTFLAGS"))
            },
            "CARGO_TARGET_DIR": str(target),
            "CARGO_PROFILE_RELEASE_DEBUG": "1",
            "CARGO_PROFILE_RELEASE_STRIP": "false",
            "RUSTC_BOOTSTRAP": "1",  # the one that is not the default is unstable
            "RUSTFLAGS": f"-Zunstable-options -Csymbol-mangling-version={mangling}",
        }
        if not target.exists():
            argv = ["cargo", "build", "--release", "--locked", "--quiet"]
            subprocess.run(argv, check=True, cwd=EXAMPLE, env=environment, capture_output=True)
        return Program(target / "release" / "sounding", environment)

    return build


@pytest.fixture(scope="session")
def cargo_bloat(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of cargo-bloat, installed if it has to be; skips where that is not possible."""
    if found := shutil.which("cargo-bloat"):
        return Path(found).parent
    root = tmp_path_factory.mktemp("cargo-bloat")
    argv = ["cargo", "install", "--quiet", "--locked", "--debug", "--root", str(root), "cargo-bloat@0.12.1"]
    done = subprocess.run(argv, check=False, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"cargo-bloat cannot be installed: {done.stderr.strip()[:200]}")
    return root / "bin"


def functions(path: Path) -> list[Function]:
    """All that has a symbol, as `read_elf` sees it, with the mangled names that it does not keep."""
    entries: list[SymbolEntry] = []

    def keep(found: Iterator[SymbolEntry]) -> tuple[()]:
        entries.extend(found)
        return ()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(elf, "named", keep)
        elf.read_elf(path, path.read_bytes())
    entries.sort(key=lambda entry: (entry.address, -entry.size, entry.name))  # as `named` does
    return [
        Function(entry.address, symbol.size, entry.name, symbol.crate)
        for entry, symbol in zip(entries, named(entries), strict=True)
        if symbol.size
    ]


@functools.cache
def written_in(path: Path) -> dict[int, str]:
    """Address of a function → the outermost namespace that debug information puts it in, which is its crate."""
    from elftools.elf.elffile import ELFFile

    crates = {}
    with path.open("rb") as file:
        for unit in ELFFile(file).get_dwarf_info().iter_CUs():
            language = unit.get_top_DIE().attributes.get("DW_AT_language")
            if language is None or language.value != RUST:
                continue
            for die in unit.iter_DIEs():
                if die.tag == "DW_TAG_subprogram" and "DW_AT_low_pc" in die.attributes:
                    namespaces = [above for above in _around(die) if above.tag == "DW_TAG_namespace"]
                    if namespaces:
                        crates[die.attributes["DW_AT_low_pc"].value] = namespaces[-1].attributes["DW_AT_name"].value
    return {address: name.decode() for address, name in crates.items()}


def _around(die: DIE) -> Iterator[DIE]:
    """What a function is in, from the inside out; of a copy of it, what the function itself is in."""
    here: DIE | None = die
    while here is not None:
        for reference in ("DW_AT_abstract_origin", "DW_AT_specification"):
            if reference in here.attributes:
                here = here.get_DIE_from_attribute(reference)
        yield here
        here = here.get_parent()


def table(found: list[Function]) -> Counter[str]:
    crates: Counter[str] = Counter()
    for function in found:
        crates[function.crate] += function.size
    return crates


@pytest.mark.parametrize("mangling", MANGLINGS)
def test_each_crate_has_the_code_that_debug_information_gives_it(
    built: Callable[[str], Program], mangling: str
) -> None:
    path = built(mangling).path
    truth = written_in(path)
    known = [function for function in functions(path) if function.address in truth]
    expected = table([function._replace(crate=truth[function.address]) for function in known])
    ours = table(known)
    wrong = sum(function.size for function in known if function.crate != truth[function.address])
    assert expected.total() > 500_000
    # Half a percent: runtime functions with C names, of which toolchains have more or fewer.
    assert wrong < 0.005 * expected.total()
    largest = [crate for crate, _ in expected.most_common(10)]
    assert [crate for crate, _ in ours.most_common(10)] == largest
    for crate in largest:
        assert ours[crate] == pytest.approx(expected[crate], rel=0.005), crate


def test_it_does_not_matter_how_rustc_mangles(built: Callable[[str], Program]) -> None:
    legacy, v0 = (table(functions(built(mangling).path)) for mangling in MANGLINGS)
    assert legacy.keys() == v0.keys()
    for crate, size in legacy.items():
        assert v0[crate] == pytest.approx(size, rel=0.01), crate


@pytest.mark.registry
@pytest.mark.parametrize("mangling", MANGLINGS)
def test_where_cargo_bloat_says_otherwise_debug_information_is_on_our_side(
    built: Callable[[str], Program], cargo_bloat: Path, mangling: str
) -> None:
    import pyderust

    path, environment = built(mangling)
    truth = written_in(path)
    theirs = bloat(environment, cargo_bloat)
    agreed = ours_right = theirs_right = neither = 0
    for function in functions(path):
        if not function.mangled.startswith(("_R", "_ZN")):
            continue
        name = pyderust.demangle(function.mangled, include_hash=True)
        if name not in theirs or function.address not in truth:
            continue
        if function.crate == theirs[name]:
            agreed += function.size
        elif function.crate == truth[function.address]:
            ours_right += function.size
        elif theirs[name] == truth[function.address]:
            theirs_right += function.size
        else:
            neither += function.size
    assert agreed > 300_000
    assert ours_right > 100_000
    assert theirs_right + neither < 1000


def bloat(environment: dict[str, str], folder: Path) -> dict[str, str]:
    """Function → crate, by cargo-bloat."""
    argv = ["cargo", "bloat", "--release", "--full-fn", "-n", "0", "--split-std", "--message-format", "json"]
    search = {"PATH": f"{folder}{os.pathsep}{environment['PATH']}"}
    said = subprocess.run(
        argv, check=True, cwd=EXAMPLE, env={**environment, **search}, capture_output=True, text=True
    ).stdout
    return {row["name"]: row.get("crate", "") for row in json.loads(said)["functions"]}
