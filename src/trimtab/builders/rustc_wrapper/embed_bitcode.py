"""Which libraries one compilation may serve for several values of ``lto``, and whether a compiler's do.

Cargo has libraries for ``lto = "thin"`` and ``"fat"`` compiled to bitcode alone, and those for ``"off"`` and ``false``
(local) to object code alone. In *embed mode* they are compiled to both, and could serve thin, fat and one of the
others, if the compiler makes the same of them. That is tried, with a library that has some of everything. (It is not so
for local with rustc 1.63, which embeds what thin-local LTO has already changed.)

Object code of off, and of local where a crate is one codegen unit, goes through LLVM's passes in another order when
bitcode is embedded: they are prepared for link-time optimization first. What is tried comes out the same; of real
programs it has moved some bytes, fewer than other names of symbols do (docs/benchmarks.md).
"""

from __future__ import annotations

import contextlib
import filecmp
import hashlib
import os
import tempfile
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from trimtab.cargo.environment import plain
from trimtab.model.profile import Lto, Profile, Strip
from trimtab.system.process import Command, Runner

_YES = "yes"
_LIBRARY = """\
use std::collections::{BTreeMap, HashMap};
use std::fmt::{Debug, Display};

pub trait Shape {
    fn area(&self) -> f64;
    fn name(&self) -> String { format!("shape of {:.2}", self.area()) }
}
pub struct Circle(pub f64);
pub struct Square(pub f64);
impl Shape for Circle { fn area(&self) -> f64 { self.0 * self.0 * 3.14 } }
impl Shape for Square { fn area(&self) -> f64 { self.0 * self.0 } }

#[inline(never)]
pub fn count(words: &str) -> HashMap<String, usize> {
    let mut found = HashMap::new();
    for word in words.split_whitespace() { *found.entry(word.to_lowercase()).or_insert(0) += 1; }
    found
}
#[inline]
pub fn largest<K: Ord + Clone + Debug, V: Ord + Copy>(map: &BTreeMap<K, V>) -> Option<(K, V)> {
    map.iter().max_by_key(|(_, value)| **value).map(|(key, value)| (key.clone(), *value))
}
pub fn shown<T: Display>(items: &[T]) -> String {
    items.iter().map(|item| item.to_string()).collect::<Vec<_>>().join(", ")
}
pub fn dot(a: &[f32], b: &[f32]) -> f32 { a.iter().zip(b).map(|(x, y)| x * y).sum() }
pub fn checked(text: &str) -> Result<i64, std::num::ParseIntError> { Ok(text.trim().parse::<i64>()?.pow(2)) }
pub fn sorted(mut numbers: Vec<u64>) -> Vec<u64> { numbers.sort_unstable(); numbers.dedup(); numbers }
"""
_PROGRAM = """\
use lib::*;
fn main() {
    let text = std::env::args().collect::<Vec<_>>().join(" ");
    let counted: std::collections::BTreeMap<_, _> = count(&text).into_iter().collect();
    let shapes: Vec<Box<dyn Shape>> = vec![Box::new(Circle(2.0)), Box::new(Square(3.0))];
    let numbers = sorted(text.bytes().map(u64::from).collect());
    let floats: Vec<f32> = numbers.iter().map(|n| *n as f32).collect();
    println!("{:?} {} {}", largest(&counted), shown(&numbers), dot(&floats, &floats));
    println!("{:?} {}", checked(&text), shapes.iter().map(|s| s.name()).collect::<String>());
}
"""
OBJECT_CODE = {Lto.OFF: ("lto=off", "embed-bitcode=no"), Lto.LOCAL: ("embed-bitcode=no",)}
"""What Cargo says with ``-C`` for libraries that need object code alone."""
BITCODE = ("linker-plugin-lto",)
"""And for those that need bitcode alone, which are those for thin and fat."""
BOTH = {Lto.OFF: ("lto=off", "embed-bitcode=yes"), Lto.LOCAL: ("embed-bitcode=yes",)}
"""What is said in embed mode, for each ``lto`` that takes the object code."""


def mergeable(profiles: Iterable[Profile]) -> tuple[Lto, ...]:
    """Off and local, where it pays that libraries for them serve thin and fat too; the one that pays more comes first.

    It pays if at least half of the groups of profiles that take bitcode take object code too; those of a group are
    equal but for ``lto`` and ``strip``. In embed mode a library costs about a quarter more than bitcode alone, and
    little more than half as much as both apart (docs/benchmarks.md).
    """
    groups = defaultdict(set)
    for profile in profiles:
        groups[replace(profile, lto=Lto.OFF, strip=Strip.NONE)].add(profile.lto)
    linking = [ltos for ltos in groups.values() if ltos & {Lto.THIN, Lto.FAT}]
    shares = {lto: sum(lto in ltos for ltos in linking) for lto in (Lto.LOCAL, Lto.OFF)}
    paying = (lto for lto, share in shares.items() if share and share * 2 >= len(linking))
    return tuple(sorted(paying, key=lambda lto: -shares[lto]))


def embeds_alike(
    lto: Lto, runner: Runner, cache: Path, toolchain: str, root: Path, environment: dict[str, str]
) -> bool:
    """Try it, once for each compiler: a program must come out the same to the byte. What cannot be tried is not so.

    Args:
        lto: what takes the object code: off or local.
        runner: runs rustc.
        cache: where the answer is kept.
        toolchain: what stands for the compiler.
        root: the folder whose compiler is meant.
        environment: the user's.
    """
    cases = (  # into how many units, what the library is told, and what the program
        (16, OBJECT_CODE[lto], OBJECT_CODE[lto]),
        (1, OBJECT_CODE[lto], OBJECT_CODE[lto]),
        (16, BITCODE, ("lto=thin",)),
        (16, BITCODE, ("lto=fat",)),
    )
    tried = repr((_LIBRARY, _PROGRAM, BOTH[lto], cases)).encode()
    known = cache / f"{toolchain}-{hashlib.blake2b(tried, digest_size=8).hexdigest()}"
    with contextlib.suppress(OSError):
        return known.read_text("utf-8") == _YES
    with contextlib.suppress(OSError), tempfile.TemporaryDirectory(prefix="trimtab-") as scratch:  # a disk may be full
        trial = _Trial(runner, environment.get("RUSTC") or "rustc", root, environment, Path(scratch))
        pairs = [[trial.program(units, how, final) for how in (apart, BOTH[lto])] for units, apart, final in cases]
        made = [(apart, embedded) for apart, embedded in pairs if apart and embedded]
        if len(made) == len(pairs):
            found = all(filecmp.cmp(apart, embedded, shallow=False) for apart, embedded in made)
            cache.mkdir(parents=True, exist_ok=True)
            draft = cache / f".{known.name}.{os.getpid()}"
            draft.write_text(_YES if found else "no", "utf-8")
            draft.rename(known)
            return found
    return False


class _Trial:
    def __init__(self, runner: Runner, rustc: str, root: Path, environment: dict[str, str], folder: Path) -> None:
        self._runner, self._rustc, self._root, self._environment = runner, rustc, root, environment
        self._folder = folder
        (folder / "lib.rs").write_text(_LIBRARY, "utf-8")
        (folder / "main.rs").write_text(_PROGRAM, "utf-8")

    def program(self, units: int, library: tuple[str, ...], final: tuple[str, ...]) -> Path | None:
        """The program with a library compiled in one way, and itself in another; nothing if it cannot be made."""
        settings = ("opt-level=3", f"codegen-units={units}")
        place = Path(tempfile.mkdtemp(dir=self._folder))
        rlib, program = self._folder / "liblib.rlib", place / "program"
        made = self._compiled("lib.rs", ("--crate-type", "lib"), (*settings, *library), rlib) and self._compiled(
            "main.rs", ("--extern", f"lib={rlib}"), (*settings, *final), program
        )
        return program if made else None

    def _compiled(self, source: str, words: tuple[str, ...], codegen: tuple[str, ...], output: Path) -> bool:
        options = tuple(word for option in (*codegen, "metadata=trimtab") for word in ("-C", option))
        argv = (self._rustc, "--edition", "2021", *words, *options, "-o", str(output), str(self._folder / source))
        return self._runner.run(Command(argv=argv, cwd=self._root, environment=plain(self._environment))).ok
