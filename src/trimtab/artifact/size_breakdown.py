"""Size report of a file: a binary, or an archive with binaries in it."""

from __future__ import annotations

import contextlib
import hashlib
import mmap
import struct
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from trimtab.artifact.archives.unpack import archive_kind, unpack
from trimtab.artifact.formats.elf import read_elf
from trimtab.artifact.formats.layout import Data
from trimtab.artifact.formats.macho import read_macho
from trimtab.artifact.formats.pe import read_pe
from trimtab.artifact.formats.sniff import HEAD, sniff
from trimtab.artifact.formats.wasm import read_wasm
from trimtab.errors import InputError
from trimtab.model.size_report import Format, Image, Member, SizeReport

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


def size_breakdown(path: Path, name: str = "") -> SizeReport:
    """Measure a file: its members, and the sections, functions and symbols of each binary.

    Args:
        path: the file.
        name: what the user called it.

    Raises:
        InputError: it is not there, damaged, or neither a binary nor an archive.
        MissingError: no space is left for unpacking.
    """
    if path.exists() and not path.is_file():
        raise InputError("not a file", where=name or str(path), hint="name a binary, a wheel or an archive")
    try:
        with path.open("rb") as file:
            head = file.read(HEAD)
            file.seek(0)
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"the file cannot be read: {error.strerror}", where=name or str(path)) from None
    notes: list[str] = []
    if kind := sniff(head):
        members = [Member(name=path.name, size=path.stat().st_size, image=read_image(path, kind))]
    elif kind := archive_kind(path):
        members = list(_members(path, notes))
    else:
        raise InputError(
            "neither a binary (ELF, Mach-O, PE, wasm) nor a wheel or archive",
            where=name or str(path),
            hint="archives may be .whl, .zip, .tar.gz, .tar.xz or .tar.zst; unpack a single compressed file first",
        )
    return SizeReport(
        path=name or str(path), name=path.name, kind=kind, size=path.stat().st_size, sha256=sha256,
        members=tuple(members), notes=tuple(notes),
    )  # fmt: skip


def _members(path: Path, notes: list[str]) -> Iterator[Member]:
    """Members of an archive; of a binary that is damaged, a note."""
    with tempfile.TemporaryDirectory(prefix="trimtab-") as scratch:
        for packed in unpack(path, Path(scratch)):
            image = None
            try:
                image = _packed_image(packed.file)
            except InputError as error:
                notes.append(f"{packed.name}: {error.what}")
            yield Member(name=packed.name, size=packed.size, compressed=packed.compressed, image=image)


def _packed_image(file: Path | None) -> Image | None:
    if file is None:
        return None
    with file.open("rb") as opened:
        kind = sniff(opened.read(HEAD))
    return read_image(file, kind) if kind else None


def read_image(path: Path, kind: Format) -> Image:
    """Weigh a binary.

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
