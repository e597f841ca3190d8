"""cibuildwheel: which architectures it builds wheels for.

Source: cibuildwheel.pypa.io, options (``archs``, ``build``, ``skip``; environment variables over ``pyproject.toml``).
Patterns are those of a shell with Bash's braces, as the package bracex expands them.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from trimtab.release.triples import short_name, system_of, with_musl

_SYSTEMS = ("linux", "macos", "windows")
_PYTHONS = tuple(f"cp3{minor}" for minor in range(6, 16))
_OWN = {"x86_64-unknown-linux-gnu": "x86_64", "aarch64-unknown-linux-gnu": "aarch64",
        "x86_64-apple-darwin": "x86_64", "aarch64-apple-darwin": "arm64",
        "x86_64-pc-windows-msvc": "AMD64", "aarch64-pc-windows-msvc": "ARM64"}  # fmt: skip
"""Runner → its own architecture, as cibuildwheel calls it."""
_BRACES = re.compile(r"\{(?:(?P<first>\d{1,3})\.\.(?P<last>\d{1,3})|(?P<words>[^{}]*,[^{}]*))\}")
_LONGEST, _MOST = 500, 1000
"""Characters of a pattern, and steps of writing its braces out: a line of them can stand for billions."""
_ALL = {"linux": ("x86_64", "i686", "aarch64", "ppc64le", "s390x", "armv7l", "riscv64"),
        "macos": ("x86_64", "arm64", "universal2"), "windows": ("AMD64", "x86", "ARM64")}  # fmt: skip


@dataclass(frozen=True, slots=True)
class CibuildwheelSettings:
    """``[tool.cibuildwheel]`` of a ``pyproject.toml``."""

    table: Mapping[str, Any] = field(default_factory=dict)

    def triples(self, system: str, runner: str, *, archs: str = "", build: str = "", skip: str = "") -> Iterator[str]:
        """The targets of one system.

        Args:
            system: ``linux``, ``macos`` or ``windows``.
            runner: the triple of the machine that builds.
            archs: that of the environment, before the file's own; so are the others.
            build: patterns of wheels to build.
            skip: patterns of wheels to leave out.
        """
        wanted = archs.replace(",", " ").split() or self._setting("archs", system) or ["auto"]
        chosen = _plain(build.split() or self._setting("build", system) or ["*"])
        left_out = _plain(skip.split() or self._setting("skip", system))
        for arch in dict.fromkeys(itertools.chain.from_iterable(_archs(name, system, runner) for name in wanted)):
            for triple in short_name("cibuildwheel", system, arch):
                for libc, made in (("manylinux", triple), ("musllinux", with_musl(triple))):
                    platform = f"{libc}_{arch}" if system == "linux" else _tag(system, arch)
                    names = (f"{python}-{platform}" for python in _PYTHONS)
                    if any(_matches(name, chosen) and not _matches(name, left_out) for name in names):
                        yield made
                    if system != "linux":
                        break

    def named(self) -> dict[str, list[str]]:
        """System → architectures that the file names, ``auto`` and its like left out."""
        named = {system: self._setting("archs", system) for system in _SYSTEMS}
        return {
            system: [arch for arch in archs if short_name("cibuildwheel", system, arch)]
            for system, archs in named.items()
        }

    def _setting(self, name: str, system: str) -> list[str]:
        own = self.table.get(system, {})
        value = own.get(name, self.table.get(name, [])) if isinstance(own, Mapping) else []
        names = value.split() if isinstance(value, str) else value
        return [str(name) for name in names] if isinstance(names, list) else []


def _archs(name: str, system: str, runner: str) -> tuple[str, ...]:
    """Architectures, where the name stands for those of the machine."""
    own = _OWN.get(runner, "") if system_of(runner) == system else ""
    if name == "all":
        return _ALL[system]
    if name == "auto32":
        return {"AMD64": ("x86",), "x86_64": ("i686",) if system == "linux" else ()}.get(own, ())
    if name == "auto" and own == "AMD64":
        return ("AMD64", "x86")
    return (own,) if name in ("auto", "native", "auto64") else (name,)


def _tag(system: str, arch: str) -> str:
    """A wheel's platform as ``build`` and ``skip`` name it."""
    return f"macosx_{arch}" if system == "macos" else {"AMD64": "win_amd64", "x86": "win32"}.get(arch, "win_arm64")


def _matches(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _plain(patterns: list[str]) -> list[str]:
    """Patterns without braces."""
    return [plain for pattern in patterns for plain in _without_braces(pattern[:_LONGEST])]


def _without_braces(pattern: str) -> Iterator[str]:
    """All that a pattern stands for, innermost braces first: ``cp3{9,1{0,1}}-*`` is for 9, 10 and 11."""
    waiting = [pattern]
    for _ in range(_MOST):
        if not waiting:
            return
        pattern = waiting.pop()
        if braces := _BRACES.search(pattern):
            waiting += [f"{pattern[: braces.start()]}{choice}{pattern[braces.end() :]}" for choice in _choices(braces)]
        else:
            yield pattern


def _choices(braces: re.Match[str]) -> list[str]:
    if braces["words"]:
        return braces["words"].split(",")
    return [str(number) for number in range(int(braces["first"]), int(braces["last"]) + 1)]
