"""A crate published on a registry, as a project: fetched by Cargo, so that the user's registry settings hold."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from pathlib import Path

from trimtab.cargo.environment import plain
from trimtab.cargo.sources import lock_copy, publish
from trimtab.cargo.toolchain import complaint
from trimtab.errors import InputError
from trimtab.system.process import Command, Runner
from trimtab.system.toml import parse_toml
from trimtab.system.usage import mark_used

PREFIX = "crate:"
_IDENTIFIERS = r"[0-9a-z-]+(\.[0-9a-z-]+)*"
_SPEC = re.compile(
    rf"crate:(?P<name>[a-z0-9_][a-z0-9_-]{{0,63}})"
    rf"(@(?P<version>\d{{1,20}}(\.\d{{1,20}}){{0,2}}(-{_IDENTIFIERS})?(\+{_IDENTIFIERS})?))?",
    re.IGNORECASE | re.ASCII,
)
"""Sources: names as on crates.io; Semantic Versioning 2.0.0, of which Cargo also takes the first numbers alone."""
_LONGEST = 200
_NOT_SOURCES = (".cargo-checksum.json", ".cargo_vcs_info.json", "Cargo.toml.orig")
_MANIFEST = """\
[package]
name = "trimtab-fetch"
version = "0.0.0"
edition = "2021"

[lib]
path = "lib.rs"

[dependencies]
{name} = {version}

[workspace]
"""


def published_crate(runner: Runner, spec: str, folder: Path, environment: dict[str, str]) -> Path:
    """The sources of ``crate:NAME[@VERSION]`` in a folder of their own, with a lock file.

    The crate is named as the dependency of an empty package, whose dependencies Cargo is told to vendor. (``cargo
    metadata`` would not do: it passes over packages without a library.)

    Args:
        runner: runs Cargo.
        spec: ``crate:NAME`` or ``crate:NAME@VERSION``.
        folder: where such copies are kept; one that is there already is used again.
        environment: the user's.

    Raises:
        InputError: the spec cannot be parsed; no such crate or version, or the registry cannot be reached.
    """
    name, version = _parsed(spec)
    if version and mark_used(folder / f"{name}-{version}"):
        return folder / f"{name}-{version}"
    with tempfile.TemporaryDirectory(prefix="trimtab-") as scratch:
        requirement = json.dumps(f"={version}" if version else "*")
        (Path(scratch) / "Cargo.toml").write_text(_MANIFEST.format(name=name, version=requirement), "utf-8")
        (Path(scratch) / "lib.rs").touch()
        argv = ("cargo", "vendor", "--quiet", "--versioned-dirs", "vendored")
        finished = runner.run(Command(argv=argv, cwd=Path(scratch), environment=plain(environment)))
        if not finished.ok:
            raise InputError(
                f"Cargo cannot get {spec}: {complaint(finished)}",
                hint="check the name, the version and that the registry can be reached",
            )
        locked = parse_toml((Path(scratch) / "Cargo.lock").read_text("utf-8"))["package"]
        exact = next(package["version"] for package in locked if package["name"] == name)
        return _copy(runner, Path(scratch) / "vendored" / f"{name}-{exact}", folder, environment)


def _parsed(spec: str) -> tuple[str, str]:
    """Name and version; they become names of folders and parts of a manifest, so nothing else may be in them."""
    parts = _SPEC.fullmatch(spec)
    if not parts or len(spec) > _LONGEST:
        raise InputError(
            f"{spec[:_LONGEST]!r} names no crate", hint="write it like crate:ripgrep or crate:ripgrep@14.1.1"
        )
    return parts["name"], parts["version"] or ""


def _copy(runner: Runner, source: Path, folder: Path, environment: dict[str, str]) -> Path:
    destination = folder / source.name
    if mark_used(destination):
        return destination
    folder.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{destination.name}.", dir=folder))
    shutil.copytree(source, draft, dirs_exist_ok=True, ignore=shutil.ignore_patterns(*_NOT_SOURCES))
    lock_copy(runner, draft, environment, f"crate:{source.name}")
    publish(draft, destination)
    return destination
