"""Sandbox for one run of a program: a scratch folder of its own, which is removed afterwards.

Every repetition runs at the same path, so that no path differs; so do both programs, but for those that work in their
own places only, whose paths are then replaced in all that they print. In the folder there are ``bin`` with the program
and the files beside it, ``work`` with a copy of the input, in which it runs, and ``home`` and ``tmp``, which its
environment names. How much may be written, and for how long, is limited; what it left running is killed.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import stat
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from trimtab.commands.parity.model import Behaviour, Content, Input, Written
from trimtab.commands.parity.programs import OwnPaths, Program
from trimtab.errors import MissingError
from trimtab.model.parity_check import ParityCheck
from trimtab.system.command_template import filled
from trimtab.system.disk_quota import bytes_below
from trimtab.system.orphans import WORK_VARIABLE, kill_leftovers, work_mark
from trimtab.system.process import Command, Confinement, Runner, out_of_space
from trimtab.units import format_bytes

_MOST_LISTED = 8 << 20
"""Bytes of which a text may have more only if nobody wants to see its lines."""
_CHUNK = 1 << 20
_CANNOT_RUN = 127
"""Exit code of a shell for a program that is not there."""
_NOTHING = Content(size=0, sha256=hashlib.sha256().hexdigest(), text="")
_KINDS = {stat.S_IFREG: "file", stat.S_IFDIR: "folder", stat.S_IFLNK: "link"}
_MOST_LINKED = 256 << 20
"""Bytes that may be in a folder outside of a project to which a link in it leads."""
_Stamp = tuple[int, int, int, int, int]
"""Mode, size, times of modification and of change, and inode of a file. Programs can set the former time back."""


class CopyError(Exception):
    """An input that cannot be copied, and why, in half a line: nothing can be said of it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sandbox:
    """Runs programs, one at a time, in one folder."""

    runner: Runner
    folder: Path
    environment: Mapping[str, str]

    def observe(self, program: Program, check: ParityCheck, given: Input, beside: Mapping[str, Path]) -> Behaviour:
        """Run a program once.

        Args:
            program: one that is linked is on the same file system as the folder.
            check: what to run.
            given: the input.
            beside: files that lie in the scratch folder too, by their place.

        Raises:
            CopyError: the input cannot be copied.
            MissingError: no space is left.
        """
        try:
            with _cleared(self.folder):
                self._prepare(program, given, beside)
                before = _stamps(self.folder / "work")
                limit = check.most_written + bytes_below(self.folder)
                began = time.time()
                try:
                    finished = self.runner.run(self._command(program, check, given, limit))
                except MissingError as error:
                    return _not_started(program.own_paths, error.what)
                kill_leftovers(self.folder, began)
                flooded = finished.flooded or bytes_below(self.folder) > limit
                stopped = flooded or finished.timed_out
                behaviour = Behaviour(
                    exit_code=finished.exit_code,
                    timed_out=finished.timed_out and not flooded,  # it would have taken as long as there is room
                    flooded=flooded,
                    stdout=_NOTHING if stopped else _content(self.folder / "stdout"),
                    stderr=_NOTHING if stopped else _content(self.folder / "stderr"),
                    files={} if stopped else dict(self._written(before, given, beside)),
                )
                return _without_paths(behaviour, program.own_paths) if program.own_paths else behaviour
        except OSError as error:
            if not out_of_space(error):
                raise
            raise MissingError(
                "no space left for scratch copies",
                where=str(self.folder),
                hint="free some, or point TMPDIR elsewhere, or use fewer --jobs",
            ) from None

    def _command(self, program: Program, check: ParityCheck, given: Input, limit: int) -> Command:
        work = self.folder / "work"
        linked = {"{bin}": str(self.folder / "bin" / program.linked.name)} if program.linked else {}
        stdin = work / given.path if check.stdin == "{input}" else Path(check.stdin)
        return Command(
            argv=filled(check.command, {"{input}": given.path, **program.values, **linked}),
            cwd=work,
            environment={**self._environment(), **program.environment},
            timeout=check.timeout,
            stdin=stdin if check.stdin else None,
            outputs=(self.folder / "stdout", self.folder / "stderr"),
            confinement=Confinement(folder=self.folder, most=limit),
        )

    def _prepare(self, program: Program, given: Input, beside: Mapping[str, Path]) -> None:
        for name in ("bin", "work", "home", "tmp"):
            (self.folder / name).mkdir(parents=True)
        for file in program.linked.parent.iterdir() if program.linked else ():
            if file.is_file():
                os.link(file, self.folder / "bin" / file.name)
        sources = dict(beside)
        if given.source:
            sources[given.path] = given.source
        for below, source in sources.items():
            _copy(source, self.folder / "work" / below)

    def _environment(self) -> dict[str, str]:
        """The user's environment, less what would make runs depend on each other or on the user's own settings.

        There are no backtraces, which name addresses and what was inlined: no two profiles would have the same. Cargo
        and rustup look for their toolchains and downloads in the home folder, so these stay where they are.
        """
        kept = {name: value for name, value in self.environment.items() if not name.startswith("XDG_")}
        home = Path(kept.get("HOME", "/"))
        tools = {name: str(home / of) for name, of in (("CARGO_HOME", ".cargo"), ("RUSTUP_HOME", ".rustup"))}
        return {
            **{name: path for name, path in tools.items() if Path(path).is_dir()},
            **kept,
            **dict.fromkeys(("RUST_BACKTRACE", "RUST_LIB_BACKTRACE"), "0"),
            "HOME": str(self.folder / "home"),
            "TMPDIR": str(self.folder / "tmp"),
            "PWD": str(self.folder / "work"),
            WORK_VARIABLE: work_mark(self.folder),
        }

    def _written(
        self, before: Mapping[str, _Stamp], given: Input, beside: Mapping[str, Path]
    ) -> Iterator[tuple[str, Written]]:
        """Files that are new, have other contents or permissions, or are gone; folders are what is in them."""
        work = self.folder / "work"
        after = _stamps(work)
        for name in sorted(before.keys() | after.keys()):
            was, now = before.get(name), after.get(name)
            if was == now or (not (was and now) and any(stamp and stat.S_ISDIR(stamp[0]) for stamp in (was, now))):
                continue
            old = _before(name, was, given, beside) if was else None
            new = _content(work / name) if now else None
            if old != new:
                yield name, Written(before=old, after=new)


def _before(name: str, was: _Stamp, given: Input, beside: Mapping[str, Path]) -> Content | None:
    """Content of a file before the run, read where it was copied from; a link that led out was copied as its target."""
    origin = _origin(name, given, beside)
    if not origin:
        return None
    return _content(origin if stat.S_ISLNK(was[0]) else Path(os.path.realpath(origin)))


def _origin(name: str, given: Input, beside: Mapping[str, Path]) -> Path | None:
    """Original of a file in the scratch folder."""
    sources = {**beside, **({given.path: given.source} if given.source else {})}
    for below, source in sources.items():
        if Path(name).is_relative_to(below):
            return source / Path(name).relative_to(below) if Path(name) != Path(below) else source
    return None


def _not_started(own_paths: OwnPaths | None, reason: str) -> Behaviour:
    return Behaviour(
        exit_code=_CANNOT_RUN,
        timed_out=False,
        flooded=False,
        stdout=_NOTHING,
        stderr=_content_of_text(own_paths.without(reason) if own_paths else reason),
        files={},
    )


def _without_paths(behaviour: Behaviour, own_paths: OwnPaths) -> Behaviour:
    """The same without the paths of the programs in all that was printed or written."""

    def without(content: Content | None) -> Content | None:
        if content is None or content.text is None or (text := own_paths.without(content.text)) == content.text:
            return content
        return replace(_content_of_text(text), mode=content.mode)

    stdout, stderr = without(behaviour.stdout), without(behaviour.stderr)
    assert stdout
    assert stderr
    files = {name: Written(before=file.before, after=without(file.after)) for name, file in behaviour.files.items()}
    return replace(behaviour, stdout=stdout, stderr=stderr, files=files)


def _content_of_text(text: str) -> Content:
    data = text.encode("utf-8", "surrogateescape")
    return Content(size=len(data), sha256=hashlib.sha256(data).hexdigest(), text=text)


def _copy(source: Path, target: Path) -> None:
    """Copy a file, or a folder with the files, folders and links in it; whatever else is there is left out."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        if source.is_dir():
            _copy_folder(source, target, Path())
        else:
            shutil.copy2(source, target)
    except OSError as error:
        if out_of_space(error):
            raise
        raise CopyError(f"{error.filename or source} cannot be copied: {error.strerror or error}") from None


def _copy_folder(source: Path, target: Path, below: Path, *, project: bool = True) -> None:
    """Copy what is in one folder of a project, or of a folder outside that a link in the project leads to.

    A link that leads out is copied as what it leads to: it would let a run write there. From a folder outside no link
    to another one is followed, so that there are no circles.
    """
    (target / below).mkdir(exist_ok=True)
    with os.scandir(source / below) as entries:
        for entry in entries:
            to = target / below / entry.name
            if entry.is_symlink() and not _leads_out(Path(entry.path), source):
                to.symlink_to(Path(entry.path).readlink())
            elif entry.is_dir(follow_symlinks=False):
                _copy_folder(source, target, below / entry.name, project=project)
            elif entry.is_file():
                shutil.copy2(entry.path, to)
            elif project and entry.is_dir():
                if bytes_below(Path(entry.path)) > _MOST_LINKED:
                    raise CopyError(f"the link {entry.path} leads to more than {format_bytes(_MOST_LINKED)}")
                _copy_folder(Path(os.path.realpath(entry.path)), to, Path(), project=False)


def _leads_out(link: Path, folder: Path) -> bool:
    real = Path(os.path.realpath(link))  # unlike Path.resolve, it does not mind circles
    return link.readlink().is_absolute() or not real.is_relative_to(folder.resolve())


def _stamps(folder: Path) -> dict[str, _Stamp]:
    """Stamps of all files below a folder, by relative path; what cannot be looked at is left out."""
    stamps: dict[str, _Stamp] = {}
    folders = [""]
    while folders:
        below = folders.pop()
        with contextlib.suppress(OSError), os.scandir(folder / below) as entries:
            for entry in entries:
                with contextlib.suppress(OSError):
                    status, name = entry.stat(follow_symlinks=False), os.path.join(below, entry.name)  # noqa: PTH118
                    times = status.st_mtime_ns, status.st_ctime_ns
                    stamps[name] = (status.st_mode, status.st_size, *times, status.st_ino)
                    if entry.is_dir(follow_symlinks=False):
                        stamps[name] = (status.st_mode, 0, 0, 0, 0)  # a folder is what is in it
                        folders.append(name)
    return stamps


def _content(path: Path) -> Content:
    """Content of a file, or the target of a link; for anything else, its kind."""
    try:
        mode = path.lstat().st_mode
        kind = stat.S_IFMT(mode)
        if kind == stat.S_IFREG:
            return _content_of_file(path, stat.S_IMODE(mode))
        text = f"a {_KINDS.get(kind, 'special file')}"
        if kind == stat.S_IFLNK:
            text += f" to {path.readlink()}"
    except OSError as error:
        text = f"cannot be read: {error.strerror}"
    return _content_of_text(text)


def _content_of_file(path: Path, mode: int) -> Content:
    digest, size, kept = hashlib.sha256(), 0, bytearray()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            size += len(chunk)
            if size <= _MOST_LISTED:
                kept += chunk
    text = kept.decode("utf-8", "surrogateescape") if size <= _MOST_LISTED else None
    return Content(size=size, sha256=digest.hexdigest(), text=text, mode=mode)


@contextlib.contextmanager
def _cleared(folder: Path) -> Iterator[None]:
    """An empty folder, which is gone afterwards."""
    _remove(folder)
    folder.mkdir(parents=True)
    try:
        yield
    finally:
        _remove(folder)


def _remove(folder: Path) -> None:
    """Remove a folder, whatever its permissions, and however deep it is: one level at a time, moved to the top."""
    if not folder.exists():
        return
    pending, number = [folder], 0
    while pending:
        current = pending.pop()
        with contextlib.suppress(OSError):
            current.chmod(0o700)
        with contextlib.suppress(OSError), os.scandir(current) as entries:
            for entry in entries:
                with contextlib.suppress(OSError):
                    if not entry.is_dir(follow_symlinks=False):
                        Path(entry.path).unlink()
                        continue
                    number += 1
                    higher = folder.with_name(f"{folder.name}.{number}")
                    Path(entry.path).chmod(0o700)  # a folder that may not be written cannot be moved
                    Path(entry.path).rename(higher)
                    pending.append(higher)
        with contextlib.suppress(OSError):
            current.rmdir()
