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
_WEEKDAY = r"(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,?[ ]+)?"
_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*"
_CLOCK = r"\d\d?:\d\d(?::\d\d(?:[.,]\d+)?)?(?:[ ]?[AaPp]\.?[Mm]\b)?"
_ZONE = r"(?:[ ]?(?:Z|UTC|GMT|B?ST|[CEMPW]E?[SD]?T|[AIJK]ST)\b|[ ]?[+-]\d\d:?\d\d\b)?"
_NUMBER = r"(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:[.,]\d+)?(?:[eE][+-]?\d+)?)"
_SECONDS = (
    r"(?:ns|nsecs?|nano(?:s|secs?|seconds?)|[uµμ]s|[uµμ]secs?|micro(?:s|secs?|seconds?)|ms|msecs?|milli(?:s|secs?|seconds?)"
    r"|s|secs?|seconds?)"
)
_LONGER = r"(?:mins?|minutes?|h|hrs?|hours?|days?|weeks?)"
_PART = rf"{_NUMBER}[ ]?(?:{_SECONDS}|{_LONGER}|[mdw])"
_FIRST_PARTS = (
    rf"(?:{_NUMBER}[ ]?(?:weeks?|days?|hours?),[ ](?:and[ ])?|{_NUMBER}[ ]?(?:{_LONGER}|[mdw])[ ]?(?:and[ ])?)+"
)
_TIMES = re.compile(
    rf"""
    (?<![\w.])(?:
      \d{{4}}-\d\d-\d\d(?:[T ]{_CLOCK}{_ZONE})?(?!\d)                       # 2026-01-31T12:34:56.7Z
    | \d{{4}}/\d\d/\d\d[ ]{_CLOCK}{_ZONE}                                 # 2026/01/31 12:34:56
    | \d{{8}}T\d{{6}}(?:Z|[+-]\d{{4}})?\b                                 # 20260131T123456Z
    | \d{{1,2}}/(?:\d{{1,2}}|{_MONTH})/\d{{4}}(?:(?::|,?[ ]){_CLOCK}{_ZONE})?(?!\d)  # 31/Jan/2026:12:34:56 +0000
    | \d{{1,2}}\.\d{{1,2}}\.\d{{4}}(?:,?[ ]{_CLOCK})?(?![.\d])             # 31.1.2026
    | {_WEEKDAY}\d{{1,2}}[ -]{_MONTH}[ -]\d{{4}}(?:,?[ ]{_CLOCK}{_ZONE})?(?!\d)       # Sat, 31 Jan 2026 12:34:56 GMT
    | {_WEEKDAY}{_MONTH}[ ]+\d{{1,2}},?[ ]+(?:{_CLOCK}{_ZONE}(?:[ ]+\d{{4}})?|\d{{4}}(?:,?[ ]{_CLOCK}{_ZONE})?)(?!\d)
                                                                 # Sat Jan 31 12:34:56 UTC 2026, January 31, 2026
    | {_NUMBER}[ ]days?,?[ ]\d\d?:\d\d:\d\d(?:[.,]\d+)?                   # 2 days, 3:04:05
    | \d\d?:\d\d:\d\d(?:[.,]\d+)?(?:[ ]?[AaPp][Mm]\b)?(?![:\d])              # 12:34:56.7
    | \d\d?:\d\d[ ]?[AaPp]\.?[Mm]\b                                       # 2:03 PM
    | \d+:[0-5]\d\.\d+(?![:.\d])                                           # 1:03.45
    | P(?:\d+D)?T(?:\d+(?:\.\d+)?[HMS])+\b                                # PT1M3.5S
    | (?:[<>~≈][ ]?)?{_FIRST_PARTS}{_PART}\b                        # 1m 03s, 1h2m3s, 2 hours and 5 minutes
    | (?:[<>~≈][ ]?)?{_NUMBER}[ ]?(?:{_SECONDS}|{_LONGER})\b              # 1.5s, 9.5e-05s, 12 msec, 3 minutes
    )
    | (?:(?<=\bin[ ])|(?<=\bfor[ ])|(?<=\btook[ ])|(?<=\bafter[ ])){_NUMBER}[ ]?m\b   # in 2m
    | (?:(?<=(?<!\w)[\[(])|(?<=\d<))\d{{1,3}}:[0-5]\d(?=[\])<,])                      # [00:12]
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
    chosen, text, before = set(normalisers), without_process(text), None
    while text != before:  # what is taken away can lay bare what stood right behind it
        before = text
        for kind, apply in _IN_ORDER.items():
            if kind in chosen:
                text = apply(text)
    return text
