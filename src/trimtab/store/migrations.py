"""Migrations: each brings a store one version further; they are only ever added."""

from __future__ import annotations

import contextlib
import re
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec

from trimtab.model.identity import build_basis, build_identity
from trimtab.model.machine import Machine, Toolchain
from trimtab.model.plan import Selection
from trimtab.model.profile import Profile

Migration = str | Callable[[sqlite3.Connection], None]
"""SQL statements, or a function that changes documents; both run inside of a transaction."""

_TELLS_JOBS = re.compile(r"(^|\s)(--jobs|-j)")


def _identities_without_place(connection: sqlite3.Connection) -> None:
    """Give trials the identities that hold in every checkout, and their times the machine that they were taken on.

    Until version 2 an identity held the folder of the checkout and the whole machine. Wheels keep theirs, since what
    built them was not stored: they are measured again when they are asked for.
    """
    for study_id, document in connection.execute("SELECT id, document FROM studies").fetchall():
        with contextlib.suppress(msgspec.DecodeError, KeyError, TypeError):
            _identify(connection, study_id, msgspec.json.decode(document))


def _identify(connection: sqlite3.Connection, study_id: str, study: dict[str, Any]) -> None:
    selection = msgspec.convert(study.get("selection", {}), Selection)
    if selection.wheel:
        return
    project, toolchain = study["project"], msgspec.convert(study["toolchain"], Toolchain)
    machine = msgspec.convert(study["machine"], Machine)
    basis = build_basis(
        sources=project["sources"],
        toolchain=toolchain,
        target=toolchain.host,
        selection=selection,
        binaries=[(project["name"], name) for name in project["binaries"]],
    )
    baseline = build_identity(basis, msgspec.convert(study["baseline_profile"], Profile))
    connection.execute(
        "UPDATE studies SET document = ? WHERE id = ?",
        (msgspec.json.encode({**study, "basis": basis, "baseline": baseline}), study_id),
    )
    is_timed = not _TELLS_JOBS.search(study.get("command", ""))  # with how many jobs was not stored
    timing = {"machine": msgspec.to_builtins(machine), "jobs": None, "touched": ""} if is_timed else None
    for row, trial in _trials(connection, study_id):
        identity = build_identity(basis, msgspec.convert(trial["profile"], Profile))
        connection.execute(
            "UPDATE trials SET id = ?, document = ? WHERE rowid = ?",
            (identity, msgspec.json.encode({**trial, "id": identity, "timing": timing}), row),
        )


def _trials(connection: sqlite3.Connection, study_id: str) -> Iterator[tuple[int, dict[str, Any]]]:
    rows = connection.execute("SELECT rowid, document FROM trials WHERE study = ?", (study_id,)).fetchall()
    for row, document in rows:
        with contextlib.suppress(msgspec.DecodeError):
            yield row, msgspec.json.decode(document)


MIGRATIONS: Sequence[Migration] = (
    """
    CREATE TABLE studies (
        id TEXT PRIMARY KEY,
        created TEXT NOT NULL,
        project TEXT NOT NULL,
        planned INTEGER NOT NULL,
        document BLOB NOT NULL
    );
    CREATE TABLE trials (
        study TEXT NOT NULL REFERENCES studies (id),
        id TEXT NOT NULL,
        status TEXT NOT NULL,
        document BLOB NOT NULL,
        PRIMARY KEY (study, id)
    );
    """,
    "CREATE INDEX trials_by_id ON trials (id);",
    _identities_without_place,
)
"""Each step brings a store one version further; steps are only ever added."""
