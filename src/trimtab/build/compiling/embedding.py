"""Whether a compiler's libraries in embed mode serve thin and fat LTO and what needs object code alike.

Cargo has libraries for ``lto = "thin"`` and ``"fat"`` compiled to bitcode alone, and those for ``"off"`` and ``false``
(local) to object code alone. With both in one file, as rustc makes it where a library may be used either way, they
could serve thin, fat and one of the others, if the compiler makes the same of them. That is tried, with a library that
has some of everything. (rustc 1.63 does not for local: it embeds what thin-local LTO has already changed.)
"""

from __future__ import annotations

import contextlib
import filecmp
import hashlib
import os
import tempfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from trimtab.cargo.environment import plain
from trimtab.model.profile import Lto, Profile
from trimtab.process import Command, Runner

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
BITCODE = ("linker-plugin-lto",)
"""What Cargo says with ``-C`` for libraries that are wanted in one way."""
BOTH = {Lto.OFF: ("lto=off", "embed-bitcode=yes"), Lto.LOCAL: ("embed-bitcode=yes",)}
"""What is said in embed mode, for the ``lto`` that takes the object code."""
_SETTINGS = ("opt-level=3", "codegen-units=16")
_TRIAL = hashlib.blake2b(repr((_LIBRARY, _PROGRAM, BOTH, _SETTINGS)).encode(), digest_size=4).hexdigest()


def mergeable(profiles: Iterable[Profile]) -> Lto | None:
    """The ``lto`` whose libraries may serve thin and fat too: off or local, whichever more profiles have."""
    wanted = Counter(profile.lto for profile in profiles)
    most = max(OBJECT_CODE, key=lambda lto: wanted[lto])
    return most if wanted[most] and (wanted[Lto.THIN] or wanted[Lto.FAT]) else None


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
    known = cache / f"{toolchain}-{lto}-{_TRIAL}"
    with contextlib.suppress(OSError):
        return known.read_text("utf-8") == _YES
    with contextlib.suppress(OSError), tempfile.TemporaryDirectory(prefix="trimtab-") as scratch:  # a disk may be full
        trial = _Trial(runner, environment.get("RUSTC") or "rustc", root, environment, Path(scratch))
        cases = ((OBJECT_CODE[lto], OBJECT_CODE[lto]), (BITCODE, ("lto=thin",)), (BITCODE, ("lto=fat",)))
        pairs = [(trial.program(apart, final), trial.program(BOTH[lto], final)) for apart, final in cases]
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

    def program(self, library: tuple[str, ...], final: tuple[str, ...]) -> Path | None:
        """The program with a library compiled in one way, and itself in another; nothing if it cannot be made."""
        place = Path(tempfile.mkdtemp(dir=self._folder))
        rlib, program = self._folder / "liblib.rlib", place / "program"
        made = self._compiled("lib.rs", ("--crate-type", "lib"), (*_SETTINGS, *library), rlib) and self._compiled(
            "main.rs", ("--extern", f"lib={rlib}"), (*_SETTINGS, *final), program
        )
        return program if made else None

    def _compiled(self, source: str, words: tuple[str, ...], codegen: tuple[str, ...], output: Path) -> bool:
        options = tuple(word for option in (*codegen, "metadata=trimtab") for word in ("-C", option))
        argv = (self._rustc, "--edition", "2021", *words, *options, "-o", str(output), str(self._folder / source))
        return self._runner.run(Command(argv=argv, cwd=self._root, environment=plain(self._environment))).ok
