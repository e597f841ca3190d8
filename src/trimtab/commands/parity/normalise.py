"""Normalisers: parts of lines that may differ become a word in brackets, line by line.

All of these are idempotent, and keep the number of lines. ``order`` comes last, so that lines which differ only in what
another one takes away end up side by side.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping

from trimtab.model.parity_check import Normaliser

# What stands before a path is the beginning of the line or something that no path goes on from.
_PATH = re.compile(r"(?<![\w.~/\\\]…-])(?:file://)?(?:~?/|[A-Za-z]:[\\/])(?:[^\s:;,'\"`<>()\[\]|*?\\/]+[\\/])+")
_TIMES = re.compile(
    r"""
    \b\d{4}-\d\d-\d\d (?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:\s?Z|\s?[+-]\d\d:?\d\d)?)?\b  # 2026-01-31T12:34:56.7Z
    | \b\d\d?:\d\d:\d\d(?:[.,]\d+)?\b                                                     # 12:34:56.7
    | \b\d+(?:[.,]\d+)?\s?(?:ns|µs|μs|us|ms|s|secs?|seconds?|min|mins|minutes?|hours?|h)\b   # 1.5s, 12 ms, 3 minutes
    """,
    re.VERBOSE,
)
_HASHES = re.compile(
    r"""
    \b0x[0-9a-fA-F]+\b                                                       # an address
    | \b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b                 # a UUID
    | \b(?=[0-9]*[a-fA-F])(?=[a-fA-F]*[0-9])[0-9a-fA-F]{7,128}\b   # letters and digits both: neither number nor word
    """,
    re.VERBOSE,
)


_PROCESS = re.compile(r"^(?:(thread '[^'\n]*') \(\d+\)(?= panicked at)|==\d+==(?=ERROR|WARNING))", re.MULTILINE)
"""Numbers of threads and processes in what Rust (from 1.91 on) says of a panic, and sanitisers of their findings."""


def without_process(text: str) -> str:
    """Text without the numbers that the system gave a process: they never mean anything, so nobody has to declare them.

    Without this, every panic would differ from itself.
    """
    return _PROCESS.sub(lambda match: match[1] or "", text)


def paths(text: str) -> str:
    """Folders of absolute paths become ``[path]/``; the last part stays."""
    return _PATH.sub("[path]/", text)


def times(text: str) -> str:
    """Dates, times of day and durations with a unit become ``[time]``."""
    return _TIMES.sub("[time]", text)


def hashes(text: str) -> str:
    """Addresses (``0x…``), UUIDs and hexadecimal words of seven characters or more become ``[hash]``."""
    return _HASHES.sub("[hash]", text)


def order(text: str) -> str:
    """Lines are sorted."""
    return "\n".join(sorted(text.split("\n")))


_IN_ORDER: Mapping[Normaliser, Callable[[str], str]] = {
    Normaliser.PATHS: paths,
    Normaliser.TIMES: times,
    Normaliser.HASHES: hashes,
    Normaliser.ORDER: order,
}


def normalised(text: str, normalisers: Iterable[Normaliser]) -> str:
    """A text without what does not matter.

    Args:
        text: of any length; lines end with ``\\n``.
        normalisers: which to apply, in whatever order.
    """
    chosen, text = set(normalisers), without_process(text)
    for kind, apply in _IN_ORDER.items():
        if kind in chosen:
            text = apply(text)
    return text
