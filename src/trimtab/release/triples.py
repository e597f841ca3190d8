"""Names of targets: triples in a text, short names of wheel builders, labels of runners."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection
from fnmatch import fnmatchcase
from functools import cache
from importlib import resources
from typing import Any

_WORD = re.compile(r"[^\s\"'`=,;:()\[\]{}<>|&\\#]+")
_GLIBC = re.compile(r"(\.\d+)+$")
_CHANNEL = re.compile(r"^(stable|beta|nightly|\d+\.\d+(\.\d+)?)(-\d{4}-\d\d-\d\d)?-")
_SYSTEMS = {"linux": "linux", "darwin": "macos", "windows": "windows"}


def triples_in(text: str, known: Collection[str]) -> list[str]:
    """Target triples that stand in a text as whole words, each once.

    A glibc version behind one (``x86_64-unknown-linux-gnu.2.17``, as cargo-zigbuild takes it) and a channel before one
    (``stable-i686-pc-windows-msvc``, as rustup takes it) are left out. Triples within paths and file names do not
    count: they are names of archives and downloads.
    """
    names = (_CHANNEL.sub("", _GLIBC.sub("", name)) for name in _WORD.findall(text))
    return list(dict.fromkeys(name for name in names if name in known))


def system_of(triple: str) -> str:
    """``linux``, ``macos`` or ``windows``; nothing for others."""
    return next((system for part, system in _SYSTEMS.items() if f"-{part}" in triple), "")


def runner_triple(labels: Collection[str]) -> str:
    """The target that a hosted runner itself is; nothing where its labels do not say."""
    for label in labels:
        for pattern, triple in _facts()["runners"]["patterns"]:
            if fnmatchcase(label.lower(), pattern):
                return str(triple)
    return ""


def short_name(builder: str, system: str, name: str) -> tuple[str, ...]:
    """The triples that a wheel builder's own name for an architecture stands for.

    Args:
        builder: ``maturin`` or ``cibuildwheel``.
        system: where it builds, as `system_of` says it.
        name: such as ``x86_64`` or ``universal2``.
    """
    return tuple(_facts()[builder].get(system, {}).get(name, ()))


def with_musl(triple: str) -> str:
    """The target with musl in the place of glibc."""
    return triple.replace("-linux-gnu", "-linux-musl")


@cache
def _facts() -> dict[str, Any]:
    return tomllib.loads(resources.files(__package__).joinpath("names.toml").read_text("utf-8"))
