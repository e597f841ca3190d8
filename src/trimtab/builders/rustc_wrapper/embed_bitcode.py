"""Embed mode: one compilation of a library, to object code and bitcode, for several values of ``lto``.

Cargo has libraries for ``lto = "thin"`` and ``"fat"`` compiled to bitcode alone, and those for ``"off"`` and ``false``
(local) to object code alone. In *embed mode* they are compiled to both and serve thin, fat and one of the others, if
the compiler then makes the same programs of them. A test with a library that has some of everything tells whether it
does. (For local, rustc 1.63 does not: it embeds bitcode that thin-local LTO has already changed.)

With embedded bitcode, object code of off, and of local where a crate is one codegen unit, goes through LLVM's passes in
another order: those that prepare for link-time optimization come first. The tested programs are the same to the byte;
in real programs it has moved some bytes, fewer than other symbol names do (docs/benchmarks.md).
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
"""``-C`` options of Cargo for libraries that need object code alone."""
BITCODE = ("linker-plugin-lto",)
"""``-C`` options of Cargo for libraries that need bitcode alone: those for thin and fat."""
BOTH = {Lto.OFF: ("lto=off", "embed-bitcode=yes"), Lto.LOCAL: ("embed-bitcode=yes",)}
"""``-C`` options of embed mode, by the ``lto`` that takes the object code."""


def mergeable(profiles: Iterable[Profile]) -> tuple[Lto, ...]:
    """The ones of off and local for which embed mode saves time in a sweep over profiles, the larger saving first.

    It does if at least half of the groups of profiles that take bitcode take object code too; profiles of a group
    differ in ``lto`` and ``strip`` only. In embed mode a library costs about a quarter more than bitcode alone, and
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
    """Whether programs come out the same to the byte with libraries of embed mode; false where that cannot be tested.

    The test is made once for each compiler.

    Args:
        lto: takes the object code: off or local.
        runner: runs rustc.
        cache: folder in which the result is kept.
        toolchain: identifies the compiler.
        root: the folder in which rustc is called, so that rustup selects its toolchain.
        environment: the user's.
    """
    cases = (  # codegen units, options of the library, options of the program
        (16, OBJECT_CODE[lto], OBJECT_CODE[lto]),
        (1, OBJECT_CODE[lto], OBJECT_CODE[lto]),
        (16, BITCODE, ("lto=thin",)),
        (16, BITCODE, ("lto=fat",)),
    )
    test = repr((_LIBRARY, _PROGRAM, BOTH[lto], cases)).encode()
    known = cache / f"{toolchain}-{hashlib.blake2b(test, digest_size=8).hexdigest()}"
    with contextlib.suppress(OSError):
        return known.read_text("utf-8") == _YES
    with contextlib.suppress(OSError), tempfile.TemporaryDirectory(prefix="trimtab-") as scratch:  # a disk may be full
        programs = _TestPrograms(runner, environment.get("RUSTC") or "rustc", root, environment, Path(scratch))
        pairs = [
            [programs.make(units, library, final) for library in (apart, BOTH[lto])] for units, apart, final in cases
        ]
        made = [(apart, embedded) for apart, embedded in pairs if apart and embedded]
        if len(made) == len(pairs):
            alike = all(filecmp.cmp(apart, embedded, shallow=False) for apart, embedded in made)
            cache.mkdir(parents=True, exist_ok=True)
            draft = cache / f".{known.name}.{os.getpid()}"
            draft.write_text(_YES if alike else "no", "utf-8")
            draft.rename(known)
            return alike
    return False


class _TestPrograms:
    """Compiles the library and the program of the test."""

    def __init__(self, runner: Runner, rustc: str, root: Path, environment: dict[str, str], folder: Path) -> None:
        self._runner, self._rustc, self._root, self._environment = runner, rustc, root, environment
        self._folder = folder
        (folder / "lib.rs").write_text(_LIBRARY, "utf-8")
        (folder / "main.rs").write_text(_PROGRAM, "utf-8")

    def make(self, units: int, library: tuple[str, ...], final: tuple[str, ...]) -> Path | None:
        """The program, given the ``-C`` options of the library and its own; ``None`` if it cannot be compiled."""
        settings = ("opt-level=3", f"codegen-units={units}")
        rlib, program = self._folder / "liblib.rlib", Path(tempfile.mkdtemp(dir=self._folder)) / "program"
        is_made = self._compiled("lib.rs", ("--crate-type", "lib"), (*settings, *library), rlib) and self._compiled(
            "main.rs", ("--extern", f"lib={rlib}"), (*settings, *final), program
        )
        return program if is_made else None

    def _compiled(self, source: str, arguments: tuple[str, ...], codegen: tuple[str, ...], output: Path) -> bool:
        options = tuple(text for option in (*codegen, "metadata=trimtab") for text in ("-C", option))
        argv = (self._rustc, "--edition", "2021", *arguments, *options, "-o", str(output), str(self._folder / source))
        return self._runner.run(Command(argv=argv, cwd=self._root, environment=plain(self._environment))).ok
