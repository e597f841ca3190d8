"""The programs in a file: itself, or what an archive holds, taken out so that it can be run."""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
from pathlib import Path, PurePosixPath

from trimtab.artifact.archives.unpack import archive_kind, unpack
from trimtab.artifact.formats.sniff import HEAD, sniff
from trimtab.errors import MissingError
from trimtab.model.size_report import Format
from trimtab.system.process import out_of_space

_LIBRARY = re.compile(r"\.(so|dylib|dll|pyd|a|o|obj|lib|debug)(\.|$)", re.IGNORECASE)
_LONGEST = 60
"""Characters of a name: file systems allow for 255 bytes."""
_RUNS_HERE = {"linux": Format.ELF, "darwin": Format.MACHO, "win32": Format.PE}


def programs(path: Path, scratch: Path) -> dict[str, Path]:
    """The programs for this system that a file is or holds, by their file names; libraries are known by theirs.

    A file that is no archive is taken for a program, whatever it is: a script is one too.

    Args:
        path: a program, wheel or archive.
        scratch: a folder in which those of an archive are put. Names in an archive are not trusted: only the last part
            of one is used, for a file in a folder of its own.

    Raises:
        InputError: the archive is damaged, or the file cannot be read.
        MissingError: no space is left in the scratch folder.
    """
    if not archive_kind(path):
        return {path.name: path} if _may_run(path) else {}
    by_name: dict[str, Path] = {}
    with tempfile.TemporaryDirectory(prefix="trimtab-") as unpacked:
        for packed in unpack(path, Path(unpacked), nested=True):
            name = PurePosixPath(packed.name).name.split("#")[0][:_LONGEST]
            named = name not in ("", "..") and name not in by_name and not _LIBRARY.search(name)
            if packed.file and named and _may_run(packed.file):
                by_name[name] = _copied(packed.file, Path(tempfile.mkdtemp(dir=scratch)) / name)
    return by_name


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
