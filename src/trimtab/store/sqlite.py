"""The store in one SQLite file.

Each trial is one row with its document as JSON; columns repeat only what is searched for. Write-ahead logging lets
readers and several explorations work at once, and every append is one transaction, so that a process killed at any
moment loses at most the trial it was working on.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import msgspec

from trimtab.errors import InputError, MissingError
from trimtab.model.study import Study, Summary
from trimtab.model.trial import Status, Trial
from trimtab.store.migrations import MIGRATIONS
from trimtab.system.paths import default_folders

_WAIT, _PAUSE = 30.0, 0.01
_NO_SPACE = ("SQLITE_FULL", "SQLITE_IOERR_SHMSIZE")
"""The second is what a full disk looks like to write-ahead logging when it starts."""
_ANOTHER = "name another file with --store"


class SqliteStore:
    """Studies and trials in a SQLite file, made if it is not there."""

    def __init__(self, path: Path) -> None:
        """Open a store and bring it up to date; one that cannot be written can be read.

        Raises:
            InputError: it is no store, comes from a newer trimtab, or cannot be made.
        """
        self.path = path
        self._is_read_only = path.exists() and not (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK))
        with _explained(path):
            if self._is_read_only:
                self._connection = _copied(path)
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                self._connection = sqlite3.connect(path, timeout=_WAIT, isolation_level=None)
                self._log_ahead()
            self._connection.execute("PRAGMA foreign_keys = ON")
            self._migrate()

    @property
    def artifacts(self) -> Path:
        """The folder beside it in which binaries are kept."""
        return self.path.with_name(self.path.name + ".artifacts")

    def begin(self, study: Study) -> None:
        """Keep a study's frame."""
        with self._writing():
            self._connection.execute(
                "INSERT INTO studies VALUES (?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET"
                " created = excluded.created, planned = excluded.planned, document = excluded.document",
                (study.id, study.created, study.project.name, study.planned, _encode(replace(study, trials=()))),
            )

    def append(self, study_id: str, trial: Trial) -> None:
        """Keep a finished trial."""
        with self._writing():
            self._connection.execute(
                "INSERT OR REPLACE INTO trials VALUES (?, ?, ?, ?)", (study_id, trial.id, trial.status, _encode(trial))
            )

    def find_trials(self, trial_id: str) -> tuple[Trial, ...]:
        """Find all records of a trial in any study, the newest first; a record that cannot be read is none."""
        query = "SELECT document FROM trials WHERE id = ? ORDER BY rowid DESC"
        with _explained(self.path):
            rows = self._connection.execute(query, (trial_id,)).fetchall()
        return tuple(replace(trial, outdated=False) for trial in _decoded(rows))

    def load(self, study_id: str) -> Study:
        """A study with its trials."""
        with _explained(self.path):
            found_id = self._find(study_id)
            (document,) = self._connection.execute("SELECT document FROM studies WHERE id = ?", (found_id,)).fetchone()
            query = "SELECT document FROM trials WHERE study = ? ORDER BY rowid"
            rows = self._connection.execute(query, (found_id,)).fetchall()
        try:
            frame = msgspec.json.decode(document, type=Study)
        except msgspec.DecodeError as error:
            raise InputError(f"the study {found_id} cannot be read: {error}", where=str(self.path)) from None
        return replace(frame, trials=tuple(trial for trial in _decoded(rows) if not trial.outdated))

    def history(self) -> list[Summary]:
        """All studies, newest first."""
        query = (
            "SELECT studies.id, created, project, json_extract(CAST(studies.document AS TEXT), '$.project.root'),"
            " planned, count(trials.id), count(trials.id) FILTER (WHERE status != ?)"
            " FROM studies LEFT JOIN trials ON trials.study = studies.id"
            " GROUP BY studies.id ORDER BY created DESC, studies.rowid DESC"
        )
        with _explained(self.path):
            rows = self._connection.execute(query, (Status.OK,)).fetchall()
        return [
            Summary(
                id=row[0], created=row[1], project=row[2], root=row[3], planned=row[4], trials=row[5], failed=row[6]
            )
            for row in rows
        ]

    def programs(self) -> dict[str, frozenset[str]]:
        """Folders in which the programs of trials are kept, by name, with the studies that have them."""
        with _explained(self.path):
            rows = self._connection.execute("SELECT study, document FROM trials").fetchall()
        studies: dict[str, set[str]] = {}
        for study_id, document in rows:
            for trial in _decoded([(document,)]):
                data = trial.trained.profile_data if trial.trained else None
                for artifact in (*trial.artifacts, *((data,) if data else ())):
                    studies.setdefault(Path(artifact.path).parent.name, set()).add(study_id)
        return {folder: frozenset(ids) for folder, ids in studies.items()}

    def remove(self, study_ids: Collection[str]) -> None:
        """Remove studies with their trials, all at once; the programs stay.

        Raises:
            InputError: the file is read-only.
        """
        ids = [(study_id,) for study_id in study_ids]
        with self._writing():
            self._connection.executemany("DELETE FROM trials WHERE study = ?", ids)
            self._connection.executemany("DELETE FROM studies WHERE id = ?", ids)
        with contextlib.suppress(sqlite3.OperationalError):  # a smaller file is no promise: it may be in use
            self._connection.execute("VACUUM")

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def _find(self, study_id: str) -> str:
        if study_id == "last":
            rows = self._connection.execute("SELECT id FROM studies ORDER BY created DESC, rowid DESC LIMIT 1")
        else:
            rows = self._connection.execute("SELECT id FROM studies WHERE substr(id, 1, length(?1)) = ?1", (study_id,))
        ids = [row[0] for row in rows]
        if study_id in ids:
            return study_id
        if len(ids) == 1:
            return str(ids[0])
        what = f"several studies begin with {study_id!r}" if ids else f"there is no study {study_id!r}"
        raise InputError(what, where=str(self.path), hint="`trimtab history` lists them")

    def _log_ahead(self) -> None:
        """Turn write-ahead logging on. SQLite does not wait by itself when two do so with a new file at once."""
        give_up = time.monotonic() + _WAIT
        while True:
            try:
                self._connection.execute("PRAGMA journal_mode = WAL")
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) or time.monotonic() > give_up:
                    raise
                time.sleep(_PAUSE)
            else:
                return

    def _migrate(self) -> None:
        with self._transaction():
            (version,) = self._connection.execute("PRAGMA user_version").fetchone()
            if version > len(MIGRATIONS):
                raise InputError("the store comes from a newer trimtab", where=str(self.path), hint="update trimtab")
            for number, step in enumerate(MIGRATIONS[version:], start=version + 1):
                if isinstance(step, str):
                    for statement in filter(str.strip, step.split(";")):
                        self._connection.execute(statement)
                else:
                    step(self._connection)
                self._connection.execute(f"PRAGMA user_version = {number}")

    def _writing(self) -> contextlib.AbstractContextManager[None]:
        """A transaction that changes the file.

        Raises:
            InputError: the file is read-only.
        """
        if self._is_read_only:
            raise InputError("the store is read-only", where=str(self.path), hint=_ANOTHER)
        return self._transaction()

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        with _explained(self.path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")


def open_existing(file: str | Path | None) -> SqliteStore:
    """Open a store to read from: one that the user names must be there.

    Args:
        file: the store's file; the user's own store if left out.

    Raises:
        InputError: it is not there, or cannot be used.
    """
    path = default_folders(file).store
    if file and not path.exists():
        raise InputError("there is no such store", where=str(path), hint="`trimtab explore --store FILE` makes one")
    return SqliteStore(path)


def _copied(path: Path) -> sqlite3.Connection:
    """A copy in memory of a store that cannot be written, where it can be brought up to date all the same."""
    memory = sqlite3.connect(":memory:", isolation_level=None)
    name = f"file:{quote(str(path))}"
    try:
        # Readers of a write-ahead log share a file beside it; where that cannot be made, the log is no longer written.
        for mode in ("mode=ro", "mode=ro&immutable=1"):
            with contextlib.closing(sqlite3.connect(f"{name}?{mode}", uri=True)) as source:
                try:
                    source.backup(memory)
                except sqlite3.OperationalError:
                    if "immutable" in mode:
                        raise
                else:
                    return memory
    except sqlite3.Error:
        memory.close()
        raise
    return memory


@contextlib.contextmanager
def _explained(path: Path) -> Iterator[None]:
    """SQLite's errors in a user's words."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if error.sqlite_errorname in _NO_SPACE:
            raise MissingError("no space left for the store", where=str(path), hint="free some disk space") from None
        raise InputError(f"the store cannot be used: {error}", where=str(path), hint=_ANOTHER) from None
    except sqlite3.DatabaseError as error:
        raise InputError(f"this is not a store: {error}", where=str(path), hint=_ANOTHER) from None
    except OSError as error:
        raise InputError(f"the store cannot be used: {error.strerror}", where=str(path), hint=_ANOTHER) from None


def _decoded(rows: Iterable[tuple[bytes]]) -> Iterator[Trial]:
    """Trials that can be read: what was damaged is unknown, and measured again when it is asked for."""
    decoder = msgspec.json.Decoder(Trial)
    for (document,) in rows:
        with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError):
            yield decoder.decode(document)


def _encode(document: Study | Trial) -> bytes:
    return msgspec.json.encode(document)
