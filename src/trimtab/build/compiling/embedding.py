"""Whether a compiler's libraries in embed mode serve several values of ``lto`` alike.

Cargo has libraries for thin and fat LTO compiled to bitcode alone (``-C linker-plugin-lto``), and those for off and
local (``false``) to object code alone. With both in one file (``-C lto=off -C embed-bitcode=yes``) they could serve all
of these, if the compiler makes the same of them: of those for local where a crate is one codegen unit, so that there is
nothing for its thin-local LTO to do. That is tried, with a library that has some of everything.
"""

from __future__ import annotations

import contextlib
import filecmp
import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from trimtab.cargo.environment import plain
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
_EMBEDDED = ("lto=off", "embed-bitcode=yes")


@dataclass(frozen=True, slots=True)
class _Case:
    """What Cargo says with one value of ``lto``."""

    units: int
    library: tuple[str, ...]
    program: tuple[str, ...]


_CASES = (
    _Case(16, ("lto=off", "embed-bitcode=no"), ("lto=off", "embed-bitcode=no")),
    _Case(1, ("embed-bitcode=no",), ("embed-bitcode=no",)),
    _Case(16, ("linker-plugin-lto",), ("lto=thin",)),
    _Case(16, ("linker-plugin-lto",), ("lto=fat",)),
)

_TRIAL = hashlib.blake2b(repr((_LIBRARY, _PROGRAM, _EMBEDDED, _CASES)).encode(), digest_size=4).hexdigest()


def embeds_alike(runner: Runner, cache: Path, toolchain: str, root: Path, environment: dict[str, str]) -> bool:
    """Try it, once for each compiler: a program must come out the same to the byte. What cannot be tried is not so.

    Args:
        runner: runs rustc.
        cache: where the answer is kept.
        toolchain: what stands for the compiler.
        root: the folder whose compiler is meant.
        environment: the user's.
    """
    known = cache / f"{toolchain}-{_TRIAL}"
    with contextlib.suppress(OSError):
        return known.read_text("utf-8") == _YES
    with contextlib.suppress(OSError), tempfile.TemporaryDirectory(prefix="trimtab-") as scratch:  # a disk may be full
        trial = _Trial(runner, environment.get("RUSTC") or "rustc", root, environment, Path(scratch))
        pairs = [trial.programs(case) for case in _CASES]
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

    def programs(self, case: _Case) -> tuple[Path | None, Path | None]:
        """A program with the library compiled for it alone, and with the one for all; nothing for what failed."""
        return self._program(case, case.library), self._program(case, _EMBEDDED)

    def _program(self, case: _Case, library: tuple[str, ...]) -> Path | None:
        """The program, or nothing if it cannot be made."""
        place = Path(tempfile.mkdtemp(dir=self._folder))
        rlib, program = self._folder / "liblib.rlib", place / "program"
        settings = ("opt-level=3", f"codegen-units={case.units}")
        made = self._compiled("lib.rs", ("--crate-type", "lib"), (*settings, *library), rlib) and self._compiled(
            "main.rs", ("--extern", f"lib={rlib}"), (*settings, *case.program), program
        )
        return program if made else None

    def _compiled(self, source: str, words: tuple[str, ...], codegen: tuple[str, ...], output: Path) -> bool:
        options = tuple(word for option in (*codegen, "metadata=trimtab") for word in ("-C", option))
        argv = (self._rustc, "--edition", "2021", *words, *options, "-o", str(output), str(self._folder / source))
        return self._runner.run(Command(argv=argv, cwd=self._root, environment=plain(self._environment))).ok
