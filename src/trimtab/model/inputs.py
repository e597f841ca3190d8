"""Inputs: the files, folders and variables that a build or a bench read, as they were then."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class InputRecord:
    """A file or folder at the time when it was read."""

    path: str
    """Relative to the project's root wherever it is named so, for other checkouts to find their own; else absolute."""
    stamp: str
    """Digest of its metadata, links followed: kinds, bytes and dates; empty where there was nothing."""
    digest: str
    """Digest of its content, links followed: names and bytes; empty where there was nothing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BuildInputs:
    """Everything that a build read beside the sources whose digest is part of its identity."""

    files: tuple[InputRecord, ...] = ()
    variables: tuple[tuple[str, str], ...] = ()
    """Name of an environment variable → digest of its value; empty where it was not set."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BenchInputs:
    """Everything that a bench's runs are known to depend on beside the program."""

    bench: str
    files: tuple[InputRecord, ...] = ()
    """Files and folders that its command names or that are declared as its ``inputs``."""
    environment: str = ""
    """Digest of the environment of its runs, without what differs from one terminal to the next."""
