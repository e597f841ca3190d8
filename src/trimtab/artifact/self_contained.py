"""Programs whose bytes alone decide what they do, and what lies around those of which that is not so.

A script, a launcher, an interpreter in its environment or a program with ``$ORIGIN`` in it runs code and reads data
that lie beside it: the same bytes elsewhere are another program.

Sources: System V ABI, "Dynamic Section"; ld.so(8), "Dynamic string tokens"; dyld(1), ``@loader_path``.
"""

from __future__ import annotations

import hashlib
import os
import re
import struct
from collections.abc import Iterator
from pathlib import Path

from trimtab.artifact.formats.sniff import HEAD, sniff
from trimtab.model.size_report import Format
from trimtab.system.disk_quota import bytes_below

_DYNAMIC, _INTERPRETER, _LOAD = 2, 3, 1
"""Types of program headers."""
_NEEDED, _STRINGS, _RPATH, _RUNPATH = 1, 5, 15, 29
"""Tags of the dynamic section."""
_WIDE = 2
"""Class of files with 64 bits."""
_MOST_DYNAMIC, _MOST_STRING = 1 << 16, 4096
_LOAD_COMMANDS = 1 << 16
"""Bytes at the beginning of a Mach-O file in which its load commands lie, but for those of the oddest programs."""
_RELATIVE_MACHO = (b"@loader_path", b"@executable_path", b"@rpath")
_PROGRAM_FOLDERS = frozenset({"bin", "sbin", "libexec", "Scripts", ".bin"})
_INSTALLED = ("lib", "lib64", "libexec", "share", "etc", "pyvenv.cfg", "resources", "Resources", "Frameworks")
"""Folders and files beside ``bin`` that programs in it use."""
_OF_CARGO = re.compile(r"\.cargo-.*|\.fingerprint|build|deps|examples|incremental|.*\.d")
"""Cargo's own files beside a program in a target directory."""
_BUILT = re.compile(r".*\.(rlib|rmeta|a|lib|pdb|dwp|exp)")
_MOST_FILES, _MOST_BYTES = 100, 256 << 20
"""Files beside a program that may go with a copy of it."""


def companions(path: Path) -> dict[str, Path] | None:
    """The files beside a program that a copy of it must have with it; ``None`` where it works in its own place only.

    That is so of all that is no native program, of a program that finds libraries by a path relative to itself, or
    lies in the ``bin`` folder of an installation or beside other folders, and of a link, which says by which name and
    from where a program is called.
    """
    if path.is_symlink() or not _is_native(path) or _is_installed(path):
        return None
    neighbours = _neighbours(path)
    files = [file for file in neighbours.values() if file.is_file() and os.access(file, os.R_OK)]
    if not len(files) == len(neighbours) <= _MOST_FILES:
        return None
    return neighbours if sum(file.stat().st_size for file in files) <= _MOST_BYTES else None


def data_beside(path: Path) -> dict[str, Path]:
    """The files and folders beside a program in a target directory that are no programs or libraries, by name.

    Build scripts and post-build steps put data there that the program looks for; what Cargo itself builds is not meant.
    Nothing is given where that is more than a copy should be.
    """
    found = {
        name: other
        for name, other in _neighbours(path).items()
        if other.is_dir() or (other.is_file() and not _BUILT.fullmatch(name) and not _has_code(other))
    }
    few = len(found) <= _MOST_FILES and sum(map(_bytes, found.values())) <= _MOST_BYTES
    return found if few else {}


def _bytes(path: Path) -> int:
    return bytes_below(path) if path.is_dir() else path.stat().st_size


def _has_code(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return sniff(file.read(HEAD)) is not None
    except OSError:
        return True


def same_program(base: Path, head: Path) -> bool:
    """Whether two files are known to do the same without running them.

    They have the same bytes, are native programs, and have nothing or the same files beside them; or they are one.
    """
    if base.absolute() == head.absolute():
        return True
    if any(path.is_symlink() or not _is_native(path) for path in (base, head)):
        return False
    if base.samefile(head):
        return base.name == head.name  # a program with several names does what its name says
    return _digest(base) == _digest(head) and _surroundings_alike(base, head)


def _surroundings_alike(base: Path, head: Path) -> bool:
    if base.parent.resolve() == head.parent.resolve():
        return True
    ours, theirs = companions(base), companions(head)
    if ours is None or theirs is None or ours.keys() != theirs.keys():
        return False
    return all(_digest(ours[name]) == _digest(theirs[name]) for name in ours)


def _neighbours(path: Path) -> dict[str, Path]:
    """Files and folders in a program's folder, by name, without those that are Cargo's own."""
    try:
        names = sorted(os.listdir(path.parent))  # noqa: PTH208 - names alone
    except OSError:
        return {}
    return {name: path.parent / name for name in names if name != path.name and not _OF_CARGO.fullmatch(name)}


def _is_installed(path: Path) -> bool:
    """Whether a program lies in the ``bin`` folder of an installation, or of a virtual environment."""
    folder = path.absolute().parent
    return folder.name in _PROGRAM_FOLDERS and any((folder.parent / name).exists() for name in _INSTALLED)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _is_native(path: Path) -> bool:
    """Whether a file is a program for a processor, whose libraries are not found by a path relative to it."""
    try:
        with path.open("rb") as file:
            head = file.read(max(HEAD, _LOAD_COMMANDS))
            kind = sniff(head[:HEAD])
            if kind is Format.MACHO:
                return not any(marker in head for marker in _RELATIVE_MACHO)
            if kind is not Format.ELF:
                return False
            file.seek(0)
            return not any(map(_is_relative, _search_paths(file.read())))
    except (OSError, struct.error, IndexError):
        return False


def _is_relative(path: str) -> bool:
    return not path.startswith("/") or "$" in path


def _search_paths(data: bytes) -> Iterator[str]:
    """Paths by which an ELF file finds its loader and its libraries; names of libraries alone are no paths."""
    wide, order = data[4] == _WIDE, "<" if data[5] == 1 else ">"
    offset, size, count = (
        (*struct.unpack_from(f"{order}Q", data, 32), *struct.unpack_from(f"{order}HH", data, 54))
        if wide
        else (*struct.unpack_from(f"{order}I", data, 28), *struct.unpack_from(f"{order}HH", data, 42))
    )
    segments = [_segment(data, offset + number * size, order, wide=wide) for number in range(count)]
    for kind, start, _, length in segments:
        if kind == _INTERPRETER:
            yield data[start : start + length].rstrip(b"\0").decode("utf-8", "replace")
    dynamic = next(((start, length) for kind, start, _, length in segments if kind == _DYNAMIC), None)
    if not dynamic:
        return
    entry = struct.Struct(f"{order}{'QQ' if wide else 'II'}")
    start, length = dynamic[0], min(dynamic[1], _MOST_DYNAMIC)
    tags = list(entry.iter_unpack(data[start : start + length - length % entry.size]))
    address = next((value for tag, value in tags if tag == _STRINGS), None)
    strings = next(
        (place + address - base for kind, place, base, extent in segments
         if kind == _LOAD and address is not None and base <= address < base + extent),
        None,
    )  # fmt: skip
    for tag, value in tags:
        if tag in (_NEEDED, _RPATH, _RUNPATH) and strings is not None:
            text = data[strings + value : strings + value + _MOST_STRING].partition(b"\0")[0].decode("utf-8", "replace")
            yield from text.split(":") if tag != _NEEDED else filter(lambda name: "/" in name, [text])


def _segment(data: bytes, offset: int, order: str, *, wide: bool) -> tuple[int, int, int, int]:
    """Type, offset, address and size in the file of a program header."""
    if wide:
        kind, _, start, address, _, length = struct.unpack_from(f"{order}IIQQQQ", data, offset)
    else:
        kind, start, address, _, length = struct.unpack_from(f"{order}IIIII", data, offset)
    return kind, start, address, length
