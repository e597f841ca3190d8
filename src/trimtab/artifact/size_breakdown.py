"""Size report of a file: a binary, or an archive with binaries in it."""

from __future__ import annotations

import contextlib
import hashlib
import mmap
import os
import struct
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from trimtab.artifact.archives.packed import ArchiveMember
from trimtab.artifact.archives.unpack import archive_kind, nested_binaries, unpack
from trimtab.artifact.debug_files import NAMED_IN, DebugFile, debug_file_paths, joined
from trimtab.artifact.formats.elf import read_elf
from trimtab.artifact.formats.layout import Data
from trimtab.artifact.formats.macho import read_macho
from trimtab.artifact.formats.pe import read_pe
from trimtab.artifact.formats.sniff import binary_format
from trimtab.artifact.formats.wasm import read_wasm
from trimtab.errors import InputError
from trimtab.model.size_report import Format, Image, Member, SizeReport
from trimtab.units import printable

_READERS: dict[Format, Callable[[Path, Data], Image]] = {
    Format.ELF: read_elf,
    Format.MACHO: read_macho,
    Format.PE: read_pe,
    Format.WASM: read_wasm,
}
_DAMAGED = (
    ValueError, LookupError, ArithmeticError, RecursionError, EOFError, struct.error,
)  # fmt: skip
"""Built-in exceptions that the libraries raise when a file is not what its headers say."""


def size_breakdown(path: Path, name: str = "", debug_files: Sequence[DebugFile] = ()) -> SizeReport:
    """Measure a file: its members, and the sections, functions and symbols of each binary.

    Binaries in archives in an archive are measured too, one level deep; so are those of a folder, which counts as an
    archive. The functions of a stripped program are named if its separate debug file is found: among those given, in
    the same archive or folder, or where debuggers look for it.

    Args:
        path: the file or folder.
        name: what the user called it.
        debug_files: separate debug files, as `read_debug_files` gives them.

    Raises:
        InputError: it is not there, damaged, or neither a binary nor an archive.
        MissingError: no space is left for unpacking.
    """
    notes: list[str] = []
    if path.is_dir():
        members = list(_folder_members(path, notes))
        kind, size, sha256 = Format.ARCHIVE, sum(member.size for member in members if not member.within), _digest(path)
    else:
        kind, size, sha256, members = _file_members(path, name or str(path), notes)
    among = _debug_files_among(members)
    members = [_with_debug_file(path, member, [*debug_files, *among]) for member in members]
    names = {NAMED_IN.format(file.name) for file in debug_files}
    if debug_files and not any(names.intersection(member.image.notes) for member in members if member.image):
        notes.append("no debug file that was given belongs to a stripped program here")
    return SizeReport(
        path=name or str(path), name=path.name or path.resolve().name, kind=kind, size=size, sha256=sha256,
        members=tuple(members), notes=tuple(notes),
    )  # fmt: skip


def read_debug_files(paths: Iterable[Path]) -> tuple[DebugFile, ...]:
    """Separate debug files by themselves, in folders or in packages.

    Raises:
        InputError: one cannot be read, or holds no symbols.
    """
    files = []
    for path in paths:
        report = size_breakdown(path)
        among = [
            DebugFile(member.name, member.image)
            for member in report.binaries
            if member.image and member.image.identity and (member.image.elsewhere or member.image.symbols)
        ]
        if not among:
            raise InputError(
                "no debug file: no program can be told by it, or it has no symbols",
                where=str(path),
                hint="name the result of `objcopy --only-keep-debug`, a -dbgsym package, or the program before `strip`",
            )
        files += among
    return tuple(files)


def _file_members(path: Path, name: str, notes: list[str]) -> tuple[Format, int, str, list[Member]]:
    """Kind, bytes, digest and members of a file."""
    if path.exists() and not path.is_file():
        raise InputError("not a file", where=name, hint="name a binary, a wheel, an archive or a folder")
    try:
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"the file cannot be read: {error.strerror}", where=name) from None
    size = path.stat().st_size
    if kind := binary_format(path):
        return kind, size, sha256, [Member(name=path.name, size=size, image=read_image(path, kind))]
    if kind := archive_kind(path):
        return kind, size, sha256, list(_members(path, notes))
    raise InputError(
        "neither a binary (ELF, Mach-O, PE, wasm) nor a wheel or archive",
        where=name,
        hint="archives are .whl, .zip, .tar, .deb, .a, .rlib, .lib, and whatever gzip, bzip2, xz or zstd compressed",
    )


def _digest(folder: Path) -> str:
    """Digest of the names and contents of all files in a folder."""
    digest = hashlib.sha256()
    for path in _files(folder):
        with path.open("rb") as file:
            contents = hashlib.file_digest(file, "sha256").hexdigest()
        digest.update(f"{contents} {path.relative_to(folder).as_posix()}\n".encode(errors="surrogateescape"))
    return digest.hexdigest()


def _files(folder: Path) -> Iterator[Path]:
    """Plain files below a folder, in order; links are not followed."""
    for parent, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            path = Path(parent) / name
            if path.is_file() and not path.is_symlink():
                yield path


def _folder_members(folder: Path, notes: list[str]) -> Iterator[Member]:
    """Files in a folder, each followed by the binaries in it if it is an archive; of what is damaged, a note."""
    with tempfile.TemporaryDirectory(prefix="trimtab-") as scratch:
        for path in _files(folder):
            name = printable(path.relative_to(folder).as_posix())
            kind = binary_format(path)
            yield Member(name=name, size=path.stat().st_size, image=_image(path, kind, name, notes))
            if not kind:
                yield from _listed(nested_binaries(path, name, Path(scratch), notes.append), notes)


def _members(path: Path, notes: list[str]) -> Iterator[Member]:
    """Members of an archive; of a binary that is damaged, a note."""
    with tempfile.TemporaryDirectory(prefix="trimtab-") as scratch:
        yield from _listed(unpack(path, Path(scratch), nested=True, on_message=notes.append), notes)


def _listed(packed_members: Iterable[ArchiveMember], notes: list[str]) -> Iterator[Member]:
    for packed in packed_members:
        kind = binary_format(packed.file) if packed.file else None
        image = _image(packed.file, kind, packed.name, notes) if packed.file else None
        yield Member(
            name=packed.name, size=packed.size, compressed=packed.compressed, image=image, within=packed.within
        )


def _image(path: Path, kind: Format | None, name: str, notes: list[str]) -> Image | None:
    """A binary in an archive or folder, unless it is damaged."""
    try:
        return read_image(path, kind) if kind else None
    except InputError as error:
        notes.append(f"{name}: {error.what}")
        return None


def _debug_files_among(members: Iterable[Member]) -> list[DebugFile]:
    return [DebugFile(each.name, each.image) for each in members if each.image and each.image.elsewhere]


def _with_debug_file(path: Path, member: Member, debug_files: Iterable[DebugFile]) -> Member:
    """A member whose functions are named, if a debug file has their names."""
    image = member.image
    if image is None or image.symbols or not image.identity:
        return member
    image = joined(image, debug_files)
    if not image.symbols and (path.is_dir() or member.name == path.name):
        program = path / member.name if path.is_dir() else path
        image = joined(image, _found_files(program, image))
    return replace(member, image=image)


def _found_files(program: Path, image: Image) -> Iterator[DebugFile]:
    """Debug files on this machine; one that cannot be read counts as none."""
    for path in debug_file_paths(program, image):
        with contextlib.suppress(OSError, InputError):
            if path.is_file() and (kind := binary_format(path)):
                yield DebugFile(str(path), read_image(path, kind))


def read_image(path: Path, kind: Format) -> Image:
    """Measure a binary.

    Raises:
        InputError: it is damaged.
    """
    with _mapped(path) as data, _refused(path, kind):
        return _READERS[kind](path, data)


@contextlib.contextmanager
def _mapped(path: Path) -> Iterator[Data]:
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        yield data


@contextlib.contextmanager
def _refused(path: Path, kind: Format) -> Iterator[None]:
    """A damaged file in a user's words: the one place where parsers' errors end."""
    import pefile
    from elftools.common.exceptions import ELFError
    from elftools.construct import ConstructError

    try:
        yield
    except (*_DAMAGED, ELFError, ConstructError, pefile.PEFormatError) as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise InputError(f"the {kind} file is damaged: {reason}", where=str(path)) from None
