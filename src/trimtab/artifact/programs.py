"""The programs in a file: itself, or what an archive holds, taken out so that it can be run.

A release archive is unpacked whole, since a program may need what lies around it: libraries by ``$ORIGIN``, data, the
binary behind a launcher. A program in a wheel, in a package of Debian's or in an archive within another is taken out
alone, since it is not run from where it lies there.
"""

from __future__ import annotations

import contextlib
import filecmp
import re
import shutil
import sys
import tempfile
from collections.abc import Collection
from pathlib import Path, PurePosixPath

from trimtab.artifact.archives.unpack import archive_kind, extract, unpack
from trimtab.artifact.formats.sniff import HEAD, sniff
from trimtab.errors import InputError, MissingError
from trimtab.model.size_report import Format
from trimtab.system.process import out_of_space

_LIBRARY = re.compile(r"\.(so|dylib|dll|pyd|a|o|obj|lib|debug)(\.|$)", re.IGNORECASE)
_LONGEST = 60
"""Characters of a name: file systems allow for 255 bytes."""
_RUNS_HERE = {"linux": Format.ELF, "darwin": Format.MACHO, "win32": Format.PE}


def programs(path: Path, scratch: Path, wanted: Collection[str] = ()) -> dict[str, Path]:
    """The programs for this system that a file is or holds, by their file names; libraries are known by theirs.

    A file that is no archive is taken for a program, whatever it is: a script is one too.

    Args:
        path: a program, wheel or archive.
        scratch: a folder in which those of an archive are put. Names in an archive are not trusted: nothing is
            written outside of it.
        wanted: names under which scripts in an archive count, too.

    Raises:
        InputError: the archive is damaged, or the file cannot be read.
        MissingError: no space is left in the scratch folder.
    """
    kind = archive_kind(path)
    if not kind:
        return {path.name: path} if _may_run(path) else {}
    by_name: dict[str, Path] = {}
    places: dict[str, str] = {}
    members = 0
    with tempfile.TemporaryDirectory(prefix="trimtab-") as unpacked:
        for packed in unpack(path, Path(unpacked), nested=True):
            members += 1
            name = PurePosixPath(packed.name).name.split("#")[0][:_LONGEST]
            named = name not in ("", "..") and name not in by_name and not _LIBRARY.search(name)
            if packed.file and named and _may_run(packed.file):
                by_name[name] = _copied(packed.file, Path(tempfile.mkdtemp(dir=scratch)) / name)
                places[name] = packed.name
    if kind is Format.WHEEL or members == 1 or not (by_name or wanted):
        return by_name
    tree = Path(tempfile.mkdtemp(dir=scratch))
    with contextlib.suppress(InputError):  # of another kind, or with names that lead elsewhere
        extract(path, tree)
        scripts = _executable(tree)
        by_name = {name: _in_its_place(tree, places[name], alone) for name, alone in by_name.items()}
        by_name |= {name: scripts[name] for name in wanted if name in scripts and name not in by_name}
    return by_name


def _executable(tree: Path) -> dict[str, Path]:
    """The scripts in a tree by name. They and binaries can be run then: a zip need not say what may be."""
    scripts: dict[str, Path] = {}
    for file in sorted(file for file in tree.rglob("*") if file.is_file() and not file.is_symlink()):
        with file.open("rb") as opened:
            head = opened.read(HEAD)
        if head.startswith(b"#!"):
            scripts.setdefault(file.name, file)
        if head.startswith(b"#!") or sniff(head):
            file.chmod(0o755)
    return scripts


def _in_its_place(tree: Path, name: str, alone: Path) -> Path:
    """A program in the tree, if it is there; else its copy."""
    file = tree / name.lstrip("/")
    try:
        is_there = file.resolve().is_relative_to(tree.resolve()) and filecmp.cmp(file, alone, shallow=False)
    except (OSError, ValueError):
        return alone
    return file if is_there else alone


def _copied(file: Path, target: Path) -> Path:
    try:
        shutil.copyfile(file, target)
        target.chmod(0o755)
    except OSError as error:
        if not out_of_space(error):
            raise
        raise MissingError(
            "no space left for unpacking", where=str(target), hint="free some space, or point TMPDIR elsewhere"
        ) from None
    return target


def _may_run(path: Path) -> bool:
    """Whether a file is no program of another system."""
    with path.open("rb") as file:
        return sniff(file.read(HEAD)) in (_RUNS_HERE.get(sys.platform), None)
