"""Profile data: raw counters of training runs, merged into what rustc takes by ``-C profile-use``.

Raw counters have a version that only some ``llvm-profdata`` can read. The toolchain's own reads them always; where that
is not installed, all others are tried on the counters at hand.

Source: the rustc book, "Profile Guided Optimization"; LLVM, "llvm-profdata".
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from trimtab.builders.costs import costed
from trimtab.errors import InputError, MissingError
from trimtab.model.trial import Cost
from trimtab.system.llvm import find_programs
from trimtab.system.process import Command, Runner

TOOL = "llvm-profdata"
HINT = "rustup component add llvm-tools"
_BELOW, _FROM = (re.compile(rf"Number of functions with maximum count \({sign} 1\): (\d+)") for sign in ("<", ">="))
_WARNING = re.compile(r"warning: (?P<what>.*)")
_MOST_WARNINGS = 3
_HASH = re.compile(r"17h[0-9a-f]{16}E$|(?<=Cs)[0-9A-Za-z]*_")
"""Hash of a function in legacy names; of a crate in those of version 0 (rustc book, "Symbol Mangling")."""
_LLVM_SUFFIX = re.compile(r"\.llvm\.\d+|\.\d+$")
_NUMBER = re.compile(r"\d+")
_BLOCKS = re.compile(
    r"^  (?P<name>\S.*):\n(?:    (?!Block).*\n)*    Block counts: \[(?P<counts>[\d, ]*)\]", re.MULTILINE
)
_OLD_VERSION = ("unsupported instrumentation profile format version", "unsupported profile", "version mismatch")


@dataclass(frozen=True, kw_only=True, slots=True)
class Coverage:
    """Functions of a merged profile."""

    functions: int
    covered: int
    """Those that ran."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ProfileTools:
    """Programs that may read the counters, the best first."""

    runner: Runner
    programs: tuple[str, ...]
    environment: Mapping[str, str]

    def merge(self, raw: Path, merged: Path) -> tuple[tuple[str, ...], Cost]:
        """Merge all counter files of a folder; returns notes on those that could not be read, and the cost.

        Raises:
            InputError: there are none, or none that can be read.
            MissingError: no program here can read counters of this version.
        """
        if not any(raw.glob("*.profraw")):
            raise InputError("training wrote no counters", hint="see that its commands run the program to its end")
        complaint = ""
        for program in self.programs:
            argv = (program, "merge", "--failure-mode=all", "--output", str(merged), str(raw))
            finished, cost = costed(self.runner, Command(argv=argv, environment=self.environment))
            if finished.ok and merged.exists():
                return tuple(_warnings(finished.stderr, raw)), cost
            complaint = finished.stderr.strip()
            if not any(text in complaint for text in _OLD_VERSION):
                break
        lines = complaint.splitlines() or ["it says nothing"]
        if old := next((line for line in lines if any(text in line for text in _OLD_VERSION)), ""):
            why = old.partition(": ")[2].partition(";")[0]
            raise MissingError(f"no {TOOL} here reads the counters of this compiler: {why}", hint=HINT)
        last = lines[-1].removeprefix("error: ").replace(str(raw), "")
        raise InputError(f"the counters of training cannot be merged: {last}")

    def coverage(self, merged: Path) -> Coverage:
        """Count the functions that a profile knows, and those that ran.

        Raises:
            InputError: it is no merged profile, or of another version.
        """
        text = self._show(merged, "--value-cutoff=1")
        below, above = (int(found[1]) if (found := pattern.search(text)) else 0 for pattern in (_BELOW, _FROM))
        return Coverage(functions=below + above, covered=above)

    def executed_share(self, merged: Path, other: Path) -> float | None:
        """Share of the blocks executed in one profile which another knows as executed, too.

        Args:
            merged: what training ran.
            other: what other work ran, counted with the same instrumented program.

        Returns:
            Blocks by how often they ran in the other; ``None`` if none did.

        Raises:
            InputError: one is no merged profile, or of another version.
        """
        known = self._counts(merged)
        executed = covered = 0
        for function, counts in self._counts(other).items():
            executed += sum(counts)
            covered += sum(count for count, before in zip(counts, known.get(function, ()), strict=False) if before)
        return covered / executed if executed else None

    def _counts(self, merged: Path) -> Mapping[str, tuple[int, ...]]:
        """Function → how often each of its blocks ran."""
        text = self._show(merged, "--all-functions", "--counts")
        return {match["name"]: tuple(map(int, _NUMBER.findall(match["counts"]))) for match in _BLOCKS.finditer(text)}

    def covered_functions(self, merged: Path) -> frozenset[str]:
        """Mangled names of the functions that ran, as LLVM looks them up.

        Raises:
            InputError: it is no merged profile, or of another version.
        """
        names = self._show(merged, "--covered").splitlines()
        return frozenset(plain_symbol(name) for name in names if name.strip())

    def require_profile_of(self, merged: Path, crates: Iterable[str]) -> None:
        """Raise where a profile holds nothing of any of some crates.

        Raises:
            InputError: it is of another program.
        """
        names = [crate.replace("-", "_") for crate in crates]
        functions = self._show(merged, "--all-functions")
        if not any(f"{len(name)}{name}" in functions for name in names):
            raise InputError(f"the profile is of another program: it has no function of the crate {' or '.join(names)}")

    def matched(self, merged: Path, unprofiled: Collection[str], crates: Iterable[str]) -> float | None:
        """Share of the functions of some crates in a profile that LLVM finds in a program; ``None`` if it has none.

        rustc names a function by its path and a hash, which holds the crate's version. One that it compiled without
        counts, though the profile has its path, is another function by now.

        Args:
            merged: the profile.
            unprofiled: mangled names of functions that were compiled without counts.
            crates: names of the crates.

        Raises:
            InputError: it is no merged profile, or of another version.
        """
        marks = [f"{len(name)}{name}" for name in (crate.replace("-", "_") for crate in crates)]
        known = {plain_symbol(name) for name in self._counts(merged)}
        own = {_path_of(name) for name in known if any(mark in name for mark in marks)}
        others = {_path_of(name) for name in map(plain_symbol, unprofiled) if name not in known}
        return 1 - len(own & others) / len(own) if own else None

    def _show(self, merged: Path, *options: str) -> str:
        complaint = ""
        for program in self.programs:
            argv = (program, "show", *options, str(merged))
            finished = self.runner.run(Command(argv=argv, environment=self.environment))
            if finished.ok:
                return finished.stdout
            complaint = next(iter(finished.stderr.strip().splitlines()), "")
        what = complaint.removeprefix("error: ").removeprefix(f"{merged}: ")
        raise InputError(f"it is no merged profile that {TOOL} reads: {what}", where=str(merged))


def plain_symbol(name: str) -> str:
    """A mangled name without what LLVM adds to it: its file before it, and suffixes behind it.

    rustc's own hash stays: it holds the version of the crate, and LLVM uses no counts of another.
    """
    return _LLVM_SUFFIX.sub("", name.strip().rpartition(";")[2])


def _path_of(name: str) -> str:
    """A mangled name without rustc's hash."""
    return _HASH.sub("", name)


def find_profile_tools(runner: Runner, sysroot: Path, host: str, environment: Mapping[str, str]) -> ProfileTools:
    """Find the programs that may read counters: the toolchain's, then those on PATH and in Debian's folders.

    Args:
        runner: runs them.
        sysroot: of the toolchain.
        host: its triple.
        environment: the user's.

    Raises:
        MissingError: there is none.
    """
    own = sysroot / "lib" / "rustlib" / host / "bin" / TOOL
    programs = (*((str(own),) if own.exists() else ()), *find_programs(TOOL, environment))
    if not programs:
        raise MissingError(f"{TOOL} is not here: it merges what training has counted", hint=HINT)
    return ProfileTools(runner=runner, programs=programs, environment=environment)


def _warnings(stderr: str, raw: Path) -> Iterator[str]:
    found = [match["what"].replace(f"{raw}/", "") for match in _WARNING.finditer(stderr)]
    yield from (f"a counter file of training was left out: {what}" for what in found[:_MOST_WARNINGS])
    if len(found) > _MOST_WARNINGS:
        yield f"and {len(found) - _MOST_WARNINGS} more counter files"
