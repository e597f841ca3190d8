"""Opening archives without trusting them: what is listed is only a name, and nothing is written under it.

Members are looked at one after the other. One that begins like a binary is copied to a file with a name of our own, as
long as somebody looks at it; of the others nothing but the beginning is read. Symbolic and hard links, devices and
whatever else is no plain file are listed, never followed. What an archive may cost is limited, see
`trimtab.artifact.archives.packed`.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import io
import re
import shutil
import struct
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import IO, Literal

from trimtab.artifact.archives import ar, compression, tar
from trimtab.artifact.archives import zip as zips
from trimtab.artifact.archives.packed import CHUNK, ArchiveMember, Budget, MemberNames, PackedEntry, RefusedError
from trimtab.artifact.formats.sniff import HEAD, binary_format, sniff, universal_slices
from trimtab.errors import InputError, MissingError
from trimtab.model.size_report import Format

Shape = Literal["zip", "tar", "ar", "universal", "deb", "compressed"]
"""Ways in which a file can have others in it: the fourth has an ``ar`` for each architecture, the last one file."""

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_MOST_COMPRESSED = 1 << 20
"""Bytes that are looked at of a compressed member: bzip2 gives nothing before it has read a block of 900 kB."""
_SUFFIX = re.compile(r"(?<=.)\.(gz|bz2|xz|zst|zstd)$", re.IGNORECASE)


def archive_kind(path: Path) -> Format | None:
    """Kind of an archive, going by its bytes alone; ``None`` for other files.

    A zip or compressed file that is damaged counts as an archive: `unpack` says what is wrong with it. A program with a
    zip behind it counts as a program. A compressed file counts as an archive of one member.

    Raises:
        InputError: the file cannot be read.
    """
    if not path.is_file():
        return None
    with _errors_for_users(path):
        shape = _shape(path)
    if shape != "zip":
        return Format.ARCHIVE if shape else None
    try:
        with _errors_for_users(path), zips.open_zip(path) as archive:
            return Format.WHEEL if zips.is_wheel(archive) else Format.ARCHIVE
    except InputError:
        return Format.ARCHIVE


def unpack(
    path: Path, scratch: Path, *, nested: bool = False, on_message: Callable[[str], None] = lambda _: None
) -> Iterator[ArchiveMember]:
    """Every file in an archive, once, in its order; directories are left out.

    Args:
        path: a wheel or zip, a tar file or ``ar`` archive, a Debian package, or a file compressed by itself; tar files
            plain or compressed with gzip, bzip2, xz or zstd.
        scratch: a folder for the one binary that is being looked at.
        nested: whether the binaries in archives in the archive follow these.
        on_message: called with the name of a member that cannot be looked at, and the reason.

    Raises:
        InputError: the archive is damaged, of no known kind, or would cost too much.
        MissingError: no space is left in the scratch folder.
    """
    with _errors_for_users(path):
        shape = _shape(path) if path.is_file() else None
        if not shape:
            raise InputError("not an archive", where=str(path), hint="give a wheel, a zip, a tar file or a .deb")
        size = path.stat().st_size
        inner = Budget(size) if nested else None
        for member, archive in _unpacked(path, shape, path.name, scratch, Budget(size), inner, on_message):
            yield member
            if archive and inner:
                yield from _nested(member, archive, scratch, inner, on_message)


def nested_binaries(path: Path, name: str, scratch: Path, on_message: Callable[[str], None]) -> Iterator[ArchiveMember]:
    """The binaries in a file of a folder, if it is an archive."""
    budget = Budget(path.stat().st_size)
    yield from _nested(ArchiveMember(name, path.stat().st_size, None, None), path, scratch, budget, on_message)


def extract(path: Path, folder: Path) -> None:
    """Put the files of a wheel or zip, or of a tar file, into a folder; devices are left out.

    So are links of a zip; nothing of a zip may be run. What leads out of the folder is left out of a tar file.

    Raises:
        InputError: it is damaged, of another kind, would cost too much, or a name in a zip leads out of the folder.
        MissingError: no space is left.
    """
    with _errors_for_users(path):
        budget = Budget(path.stat().st_size)
        if _shape(path) == "tar":
            with path.open("rb") as tar_file:
                tar.extract_tar(tar_file, folder, budget)
            return
        with zips.open_zip(path) as archive:
            members = [member for member in archive.infolist() if not member.is_dir() and zips.is_plain(member)]
            zips.check_directory(members, budget)
            for member in members:
                if note := zips.unreadable(member):
                    raise RefusedError(f"{member.filename!r} is {note}")
                target = folder / _safe(member.filename)
                target.parent.mkdir(parents=True, exist_ok=True)
                with zips.opened(archive, member) as stream, target.open("wb") as file:
                    shutil.copyfileobj(stream, file)


def _safe(name: str) -> PurePosixPath:
    """A member's name as a place below a folder."""
    target = PurePosixPath(name)
    if target.is_absolute() or ".." in target.parts or not target.parts or "\\" in name or "\0" in name:
        raise RefusedError(f"{name[:100]!r} is no name for a file below a folder")
    return target


@contextlib.contextmanager
def _errors_for_users(path: Path) -> Iterator[None]:
    """Turn exceptions of the libraries into errors for users."""
    try:
        yield
    except RefusedError as error:
        raise InputError(f"the archive is refused: {error}", where=str(path)) from None
    except (FileNotFoundError, PermissionError) as error:
        raise InputError(f"the file cannot be read: {error.strerror}", where=str(path)) from None
    except _DAMAGE as error:
        if isinstance(error, OSError) and error.errno in _FULL:
            raise MissingError(
                "no space left for unpacking", where=str(path), hint="free some space, or point TMPDIR elsewhere"
            ) from None
        raise InputError(f"the archive is damaged: {_reason(error)}", where=str(path)) from None


_DAMAGE: tuple[type[Exception], ...] = (
    *tar.DAMAGE, *zips.DAMAGE, *compression.DAMAGE, struct.error, EOFError, OSError, ValueError, OverflowError,
    MemoryError, NotImplementedError, RuntimeError,
)  # fmt: skip
"""Exceptions that the libraries raise for damaged archives.

``RuntimeError`` is a recursion: headers of a tar file that extend the next one, one after the other.
"""


def _reason(error: Exception) -> str:
    return " ".join(str(error).split())[:200].rstrip(".") or type(error).__name__


# What kind of archive it is


def _shape(path: Path) -> Shape | None:
    with path.open("rb") as file:
        shape = _shape_by_head(file.read(tar.BLOCK))
        if shape == "compressed":
            file.seek(0)
            try:
                return "tar" if tar.is_tar_header(compression.expanded(file).read(tar.BLOCK)) else "compressed"
            except _DAMAGE:
                return "compressed"
    if shape:
        return shape
    if universal_slices(path):
        return "universal"
    # A zip is known by its end, too; but there are programs with a zip behind them.
    return "zip" if not binary_format(path) and zipfile.is_zipfile(path) else None


def _shape_by_head(head: bytes) -> Shape | None:
    """Shape of a file that begins so; compressed tar files are told later."""
    if sniff(head[:HEAD]):
        return None
    if head.startswith((b"PK\3\4", b"PK\5\6")):
        return "zip"
    if head.startswith((ar.MAGIC, ar.THIN_MAGIC)):
        return "deb" if ar.is_debian_package(head) else "ar"
    if compression.is_compressed(head):
        return "compressed"
    return "tar" if tar.is_tar_header(head) else None


# Reading it


def _entries(path: Path, shape: Shape, name: str, budget: Budget) -> Iterator[PackedEntry]:
    """Members of an archive as its format lists them."""
    if shape == "zip":
        yield from zips.zip_entries(path, budget)
        return
    with path.open("rb") as file:
        if shape == "tar":
            yield from tar.tar_entries(file, budget)
        elif shape == "ar":
            yield from ar.ar_entries(file, 0, path.stat().st_size, budget)
        elif shape == "universal":
            for start, size in universal_slices(path):
                yield from ar.ar_entries(file, start, size, budget)
        elif shape == "deb":
            yield from ar.package_entries(file, path.stat().st_size, budget)
        else:
            with compression.expanded(file) as stream:
                yield PackedEntry(_SUFFIX.sub("", name), None, path.stat().st_size, lambda: stream)  # type: ignore[arg-type,return-value]


def _unpacked(
    path: Path,
    shape: Shape,
    name: str,
    scratch: Path,
    budget: Budget,
    inner: Budget | None,
    on_message: Callable[[str], None],
) -> Iterator[tuple[ArchiveMember, Path | None]]:
    """Members with their bytes: in the member if it is a binary, beside it if it is an archive to be looked into."""
    names = MemberNames()
    for entry in _entries(path, shape, name, budget):
        listed = ArchiveMember(names.take(entry.name), entry.size or 0, entry.compressed, None)
        if entry.note:
            on_message(f"{listed.name}: {entry.note}")
        if not entry.open:
            yield listed, None
            continue
        with entry.open() as stream, contextlib.ExitStack() as stack:
            block = _read(stream, tar.BLOCK)
            if sniff(block[:HEAD]):
                budget.copy_binary()
                copy, size = stack.enter_context(_copied(block, stream, scratch, budget))
                _check_size(entry, size)
                yield replace(listed, size=size, file=copy), None
                continue
            archive = None
            if inner and (kind := _shape_by_head(block)):
                try:
                    if kind == "compressed":
                        block += _read(stream, _MOST_COMPRESSED)
                    if kind != "compressed" or _may_hold_binaries(block):
                        archive = stack.enter_context(_archive(entry, block, stream, scratch, inner))
                except RefusedError as error:
                    on_message(f"{listed.name}: {error}, so it is not looked into, nor are archives behind it")
                    inner = None
            if entry.size is None:
                rest = 0 if archive else len(block) + _counted(stream, budget)
                listed = replace(listed, size=archive.stat().st_size if archive else rest)
            yield listed, archive


@contextlib.contextmanager
def _archive(entry: PackedEntry, block: bytes, stream: IO[bytes], scratch: Path, inner: Budget) -> Iterator[Path]:
    """A copy of an archive in the archive."""
    inner.copy_binary()
    with _copied(block, stream, scratch, inner) as (copy, size):
        _check_size(entry, size)
        yield copy


def _read(stream: IO[bytes], size: int) -> bytes:
    """So many bytes, or fewer at the end only."""
    block = stream.read(size)
    while len(block) < size and (more := stream.read(size - len(block))):
        block += more
    return block


def _check_size(entry: PackedEntry, size: int | None) -> None:
    if entry.size is not None and size != entry.size:
        raise EOFError(f"a member has {size} bytes and should have {entry.size}")


def _counted(stream: IO[bytes], budget: Budget) -> int:
    count = 0
    while block := stream.read(CHUNK):
        budget.expand(len(block))
        count += len(block)
    return count


def _may_hold_binaries(block: bytes) -> bool:
    """Whether a compressed file that begins so is a binary or an archive; text is not worth a copy."""
    try:
        head = compression.expanded(io.BufferedReader(io.BytesIO(block))).read(tar.BLOCK)
    except _DAMAGE:
        return False
    return sniff(head[:HEAD]) is not None or _shape_by_head(head) not in (None, "compressed")


@contextlib.contextmanager
def _copied(block: bytes, stream: IO[bytes], scratch: Path, budget: Budget) -> Iterator[tuple[Path, int]]:
    """A member's bytes in a file with a name of our own, and their number.

    It has then been read to its end, where checksums are compared.

    Raises:
        RefusedError: the budget does not allow for it.
    """
    with tempfile.NamedTemporaryFile(prefix="member-", dir=scratch) as copy:
        size = 0
        while block:
            budget.spend(len(block))
            size += copy.write(block)
            block = stream.read(CHUNK)
        copy.flush()
        yield Path(copy.name), size


def _nested(
    outer: ArchiveMember, archive: Path, scratch: Path, budget: Budget, on_message: Callable[[str], None]
) -> Iterator[ArchiveMember]:
    """The binaries in an archive within another; of one that cannot be read, a message."""
    try:
        shape = _shape(archive)
        if not shape:
            return
        file_name = PurePosixPath(outer.name).name
        say = functools.partial(_prefixed, outer.name, on_message)
        for member, _ in _unpacked(archive, shape, file_name, scratch, budget, None, say):
            if member.file:
                yield replace(member, name=f"{outer.name}/{member.name}", compressed=None, within=outer.name)
    except RefusedError as error:
        on_message(f"{outer.name}: not all of it is looked into: {error}")
    except _DAMAGE as error:
        if isinstance(error, OSError) and error.errno in _FULL:
            raise
        on_message(f"{outer.name}: the archive is damaged: {_reason(error)}")


def _prefixed(name: str, on_message: Callable[[str], None], message: str) -> None:
    on_message(f"{name}/{message}")
