"""Inputs of a clean build, told by what it left in its target directory: dep-info and what build scripts declared.

Sources: rustc's dep-info files with their ``# env-dep`` lines (rustc book, ``--emit dep-info``), and Cargo's build
script directives ``rerun-if-changed`` and ``rerun-if-env-changed`` (Cargo book, "Build Scripts").
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from trimtab.builders.rustc_wrapper.inputs import read_dep_info
from trimtab.cargo.sources import PathPackage
from trimtab.model.inputs import BuildInputs
from trimtab.system.content import digest_text, record_input

_DIRECTIVE = re.compile(r"cargo::?(rerun-if-changed|rerun-if-env-changed)=(.*)")
_SET_BY_CARGO = re.compile(
    r"CARGO|CARGO_(MANIFEST_DIR|MANIFEST_PATH|MANIFEST_LINKS|CRATE_NAME|BIN_NAME|PRIMARY_PACKAGE|TARGET_TMPDIR)"
    r"|CARGO_(PKG|BIN_EXE|CFG|FEATURE)_.*|DEP_.*|OUT_DIR|TARGET|HOST|NUM_JOBS|OPT_LEVEL|PROFILE|DEBUG|RUSTDOC"
)
"""Variables that Cargo sets itself for rustc and build scripts, whatever the user's environment says."""


@dataclass(frozen=True, kw_only=True, slots=True)
class InputReader:
    """Reads the inputs of a project's builds, less what the digest of its sources stands for already."""

    root: Path
    """The workspace's root, from which rustc names the files of members."""
    packages: tuple[PathPackage, ...]
    known: Collection[Path]
    """Files that the digest of the sources covers."""
    immutable: tuple[Path, ...]
    """Folders whose content never changes under one name: unpacked crates of registries, the toolchain."""
    ours: tuple[Path, ...]
    """Files and folders that are passed over: the project's own target directory, the store, the cache."""
    environment: Mapping[str, str]
    """The user's."""

    def read(self, target: Path, copy: tuple[Path, Path] | None = None) -> BuildInputs:
        """Read what the build in a target directory has read.

        Args:
            target: the target directory.
            copy: where a copy of the sources was built, if it was, and what it is a copy of.
        """
        files: set[str] = set()
        names: set[str] = set()
        for path in target.rglob("*.d"):
            sources, variables = read_dep_info(path.read_text("utf-8", "surrogateescape"))
            files |= {self._named(source, self.root, copy) for source in sources}
            names |= set(variables)
        for script in target.rglob("build/*/output"):
            changed, read = self._declared(script)
            files |= {self._named(path, base, copy) for base, path in changed}
            names |= read
        if any(package.is_macro for package in self.packages):
            files |= {self._named(".", package.folder, copy) for package in self.packages}
        kept = sorted(name for name in files if self._counts(self.root / name, target))
        return BuildInputs(
            files=tuple(record_input(name, self.root, self.ours) for name in kept),
            variables=tuple(
                (name, digest_text(self.environment.get(name)))
                for name in sorted(names)
                if not _SET_BY_CARGO.fullmatch(name)
            ),
        )

    def _declared(self, output: Path) -> tuple[set[tuple[Path, str]], set[str]]:
        """Files and variables of one build script, each file with the folder that it is named from.

        A script that declares nothing may have read its whole package; so Cargo takes it, too.
        """
        folder = self._folder(output.parent.name.rpartition("-")[0])
        directives = list(_directives(output))
        changed = {value for name, value in directives if name == "rerun-if-changed"}
        variables = {value for name, value in directives if name == "rerun-if-env-changed"}
        if folder and not changed and not variables:
            return {(folder, ".")}, variables
        # Relative names of unpacked crates mean files that never change.
        return {(folder or self.root, value) for value in changed if folder or Path(value).is_absolute()}, variables

    def _folder(self, package: str) -> Path | None:
        return next((known.folder for known in self.packages if known.name == package), None)

    def _named(self, name: str, base: Path, copy: tuple[Path, Path] | None) -> str:
        """Name a file as any checkout can find it: from the root, unless it was named by a whole path elsewhere."""
        path = Path(os.path.normpath(base / name))
        if copy and path.is_relative_to(copy[0]):
            path = copy[1] / path.relative_to(copy[0])
        is_relative = not Path(name).is_absolute() and base.is_relative_to(self.root)
        return os.path.relpath(path, self.root) if is_relative or path.is_relative_to(self.root) else str(path)

    def _counts(self, path: Path, target: Path) -> bool:
        path = Path(os.path.normpath(path))
        passed_over = (target, *self.immutable, *self.ours)
        is_covered = path in self.known and not path.is_symlink()  # of links, only where they lead
        return not is_covered and not any(path.is_relative_to(folder) for folder in passed_over)


def _directives(output: Path) -> Iterator[tuple[str, str]]:
    for line in output.read_text("utf-8", "replace").splitlines():
        if match := _DIRECTIVE.fullmatch(line.rstrip()):
            yield match[1], match[2].strip()
