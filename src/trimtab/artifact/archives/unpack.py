"""Opening archives without trusting them: what is listed is only a name, and nothing is written under it.

Members are looked at one after the other. One that begins like a binary is copied to a file with a name of our own, as
long as somebody looks at it; of the others nothing but the beginning is read. Symbolic and hard links, devices and
whatever else is no plain file are listed, never followed. What an archive may cost is limited, see
`trimtab.artifact.archives.packed`.
"""

from __future__ import annotations

import contextlib
import errno
import heapq
import io
import re
import shutil
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Literal

from trimtab.artifact.archives.packed import MOST_MEMBERS, ArchiveMember, Budget, MemberNames, RefusedError, copied
from trimtab.artifact.formats.sniff import HEAD, sniff
from trimtab.errors import InputError, MissingError
from trimtab.model.size_report import Format

MOST_PEEKED = 10_000
"""So many members of a zip are looked at, the largest: a binary is hardly smaller than ten thousand other files."""
MOST_DIRECTORY = 128 << 20
"""Bytes of a zip's directory, which is read whole."""

_DIRECTORY_ENTRY = b"PK\1\2"
_LEAST_ENTRY = 46
"""Bytes of a directory entry without its name."""
_ENCRYPTED = 1
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_WHEEL = re.compile(r"[^/]+\.dist-info/WHEEL")
_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
"""The others are hardly ever used, and `zipfile` expands bzip2 in steps without a limit."""


def archive_kind(path: Path) -> Format | None:
    """Kind of an archive, going by its bytes alone; ``None`` for other files.

    A zip or compressed file that is damaged counts as an archive: `unpack` says what is wrong with it. A program with a
    zip behind it counts as a program.

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
        with _errors_for_users(path), _open_zip(path) as archive:
            return Format.WHEEL if any(map(_WHEEL.fullmatch, archive.namelist())) else Format.ARCHIVE
    except InputError:
        return Format.ARCHIVE


def unpack(path: Path, scratch: Path) -> Iterator[ArchiveMember]:
    """Every file in an archive, once, in its order; directories are left out.

    Args:
        path: a wheel, zip or tar file; the latter plain or compressed with gzip, bzip2, xz or zstd.
        scratch: a folder for the one binary that is being looked at.

    Raises:
        InputError: the archive is damaged, of no known kind, or would cost too much.
        MissingError: no space is left in the scratch folder.
    """
    with _errors_for_users(path):
        shape = _shape(path) if path.is_file() else None
        if shape == "zip":
            yield from _unpack_zip(path, scratch)
        elif shape == "tar":
            from trimtab.artifact.archives.tar import unpack_tar

            yield from unpack_tar(path, scratch)
        else:
            raise InputError("not an archive", where=str(path), hint="give a wheel, a zip or a tar file")


def extract(path: Path, folder: Path) -> None:
    """Put the plain files of a wheel or zip into a folder; links and devices are left out, and nothing may be run.

    Raises:
        InputError: it is damaged, no zip, would cost too much, or has a name that leads out of the folder.
        MissingError: no space is left.
    """
    with _errors_for_users(path):
        budget = Budget(path.stat().st_size)
        with _open_zip(path) as archive:
            members = [member for member in archive.infolist() if not member.is_dir() and _is_plain(member)]
            _check_directory(members, budget)
            for member in members:
                target = folder / _safe(member.filename)
                target.parent.mkdir(parents=True, exist_ok=True)
                with archive.open(member) as stream, target.open("wb") as file:
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
    except _damage() as error:
        if isinstance(error, OSError) and error.errno in _FULL:
            raise MissingError(
                "no space left for unpacking", where=str(path), hint="free some space, or point TMPDIR elsewhere"
            ) from None
        reason = " ".join(str(error).split())[:200].rstrip(".") or type(error).__name__
        raise InputError(f"the archive is damaged: {reason}", where=str(path)) from None


def _damage() -> tuple[type[Exception], ...]:
    """Exceptions that the libraries raise for damaged archives.

    ``RuntimeError`` is a recursion: headers of a tar file that extend the next one, one after the other.
    """
    from trimtab.artifact.archives.tar import DAMAGE

    ours = (*DAMAGE, zipfile.BadZipFile, zlib.error, struct.error)
    return (*ours, EOFError, OSError, ValueError, OverflowError, MemoryError, NotImplementedError, RuntimeError)


def _shape(path: Path) -> Literal["zip", "tar"] | None:
    from trimtab.artifact.archives.tar import is_tar

    with path.open("rb") as file:
        head = file.read(HEAD)
        if sniff(head):
            return None
        if head.startswith((b"PK\3\4", b"PK\5\6")):
            return "zip"
        file.seek(0)
        try:
            if is_tar(file):
                return "tar"
        except _damage():  # something compressed, of which nobody knows what it was
            return "tar"
    # Not earlier: a zip is known by its end, and the last file in a tar file may be one.
    return "zip" if zipfile.is_zipfile(path) else None


class _ZipSource(io.BufferedReader):
    """Bounds what `zipfile` reads at once, which is the directory: every entry in it costs time and memory."""

    def read(self, size: int | None = -1, /) -> bytes:
        """Read, unless it is too much."""
        if size is not None and size > MOST_DIRECTORY:
            raise RefusedError(f"its directory takes more than {MOST_DIRECTORY >> 20} MiB")
        data = super().read(size)
        if len(data) > MOST_MEMBERS * _LEAST_ENTRY and data.count(_DIRECTORY_ENTRY) > MOST_MEMBERS:
            raise RefusedError(f"it has more than {MOST_MEMBERS:,} members")
        return data


@contextlib.contextmanager
def _open_zip(path: Path) -> Iterator[zipfile.ZipFile]:
    with _ZipSource(io.FileIO(path)) as source, zipfile.ZipFile(source) as archive:
        yield archive


def _unpack_zip(path: Path, scratch: Path) -> Iterator[ArchiveMember]:
    names, size = MemberNames(), path.stat().st_size
    budget = Budget(size)
    with _open_zip(path) as archive:
        members = [member for member in archive.infolist() if member.file_size or not member.filename.endswith("/")]
        _check_directory(members, Budget(size))
        by_size = heapq.nlargest(MOST_PEEKED, range(len(members)), key=lambda index: members[index].file_size)
        peeked = set(by_size)
        for index, member in enumerate(members):
            name, packed = names.take(member.filename), member.compress_size
            if not _is_plain(member):
                yield ArchiveMember(name, 0, packed, None)
            elif index not in peeked:
                yield ArchiveMember(name, member.file_size, packed, None)
            else:
                with archive.open(member) as stream, copied(stream, member.file_size, scratch, budget) as file:
                    yield ArchiveMember(name, member.file_size, packed, file)


def _check_directory(members: list[zipfile.ZipInfo], budget: Budget) -> None:
    """Refuse what the directory alone gives away; `zipfile` holds members to the sizes that are declared there."""
    for member in members:
        budget.list_member(member.file_size)
        budget.spend(member.file_size)
        if member.flag_bits & _ENCRYPTED:
            raise RefusedError(f"{member.filename!r} is encrypted")
        if member.compress_type not in _METHODS:
            raise RefusedError(f"{member.filename!r} is compressed with method {member.compress_type}, not deflate")


def _is_plain(member: zipfile.ZipInfo) -> bool:
    """Whether a member is no symbolic link, device or the like. Only zips made on Unix, or as on Unix, say so."""
    kind = stat.S_IFMT(member.external_attr >> 16)
    return kind in (0, stat.S_IFREG, stat.S_IFDIR)
