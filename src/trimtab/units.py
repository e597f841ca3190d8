"""Seconds, bytes and names, and how people write and read them.

Durations are ``90s``, ``20m``, ``2h``, ``30d`` (a bare number is seconds); sizes are ``60M``, ``2G`` in powers of 1024.
Sizes are shown in the same powers, with the SI-like letters spelled ``KiB``, ``MiB``, ``GiB``.
"""

from __future__ import annotations

import re

from trimtab.errors import InputError

_DURATION = re.compile(r"(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>ms|s|m|h|d)?")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_SIZE = re.compile(r"(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>[KMGT])?(i?B)?", re.IGNORECASE)
_PERCENT = re.compile(r"(?P<number>[+-]?\d+(?:\.\d+)?)\s*%")
_FACTOR = re.compile(r"(?P<number>\d+(?:\.\d+)?)\s*x")
_SHORT_UNITS = (("ns", 1e-9), ("µs", 1e-6), ("ms", 1e-3))
_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_KIB = 1024


def parse_duration(text: str) -> float:
    """Seconds in ``90s``, ``20m``, ``1.5h``, ``30d``, ``300ms`` or a bare number of seconds.

    Raises:
        InputError: it is none of these, or zero.
    """
    match = _DURATION.fullmatch(text.strip())
    seconds = float(match["number"]) * _SECONDS[match["unit"] or "s"] if match else 0.0
    if seconds <= 0:
        raise InputError(f"{text!r} is not a duration", hint="write it like 90s, 20m, 2h or 30d")
    return seconds


def parse_size(text: str) -> int:
    """Bytes in ``60M``, ``2G`` or a bare number of bytes; powers of 1024.

    Raises:
        InputError: it is none of these, or zero.
    """
    match = _SIZE.fullmatch(text.strip())
    size = int(float(match["number"]) * _KIB ** " KMGT".index((match["unit"] or " ").upper())) if match else 0
    if size <= 0:
        raise InputError(f"{text!r} is not a size", hint="write it like 60M or 2G")
    return size


def parse_ratio(text: str) -> float:
    """The factor in ``2.5x`` (2.5), ``+5%`` (1.05) or ``-10%`` (0.9).

    Raises:
        InputError: it is neither, or not above zero.
    """
    ratio = 0.0
    if match := _FACTOR.fullmatch(text.strip()):
        ratio = float(match["number"])
    elif match := _PERCENT.fullmatch(text.strip()):
        ratio = 1 + float(match["number"]) / 100
    if ratio > 0:
        return ratio
    raise InputError(f"{text!r} is not a limit", hint="write it like 2.5x or +5%")


def format_seconds(seconds: float) -> str:
    """``57.6 ns``, ``4.03 µs``, ``17.2 ms``, ``3.41 s``, ``2m 25s`` or ``2h 05m``."""
    for unit, size in _SHORT_UNITS:
        if 0 < seconds < 0.9995 * size * 1000:  # what would round to a thousand is one of the next unit
            return f"{seconds / size:.3g} {unit}"
    if seconds < 2 * _MINUTE:
        return f"{seconds:.3g} s" if seconds < 100 else f"{seconds:.0f} s"  # noqa: PLR2004 - three digits
    if seconds < 2 * _HOUR:
        return f"{int(seconds // _MINUTE)}m {int(seconds % _MINUTE):02d}s"
    return f"{int(seconds // _HOUR)}h {int(seconds % _HOUR // _MINUTE):02d}m"


def format_age(seconds: float) -> str:
    """``40s``, ``12m``, ``5h``, ``30d``: how long ago something was, in the largest unit that fits."""
    for unit, size in (("d", _DAY), ("h", _HOUR), ("m", _MINUTE)):
        if seconds >= size:
            return f"{int(seconds // size)}{unit}"
    return f"{int(max(0.0, seconds))}s"


def format_bytes(size: float) -> str:
    """``812 B``, ``14.3 KiB``, ``5.12 MiB``, ``1.50 GiB``, ``26.44 TiB``."""
    for unit in ("B", "KiB", "MiB"):
        if abs(size) < _KIB:
            return f"{size:.0f} B" if unit == "B" else f"{size:.3g} {unit}" if size < 999.5 else f"{size:.0f} {unit}"  # noqa: PLR2004
        size /= _KIB
    return f"{size:.2f} GiB" if abs(size) < _KIB else f"{size / _KIB:.2f} TiB"


def format_signed(change: int) -> str:
    """A change in bytes with its sign: ``-1.6 MiB``, ``+382 B``, ``0 B``."""
    return format_bytes(change) if change <= 0 else f"+{format_bytes(change)}"


def format_count(number: float) -> str:
    """``812``, ``14.3 k``, ``5.12 M``, ``1.50 G``: plain counts such as instructions."""
    for unit in ("", " k", " M"):
        if abs(number) < 999.5:  # noqa: PLR2004 - three digits
            return f"{number:.0f}" if not unit else f"{number:.3g}{unit}"
        number /= 1000
    return f"{number:.3g} G"


def format_change(ratio: float) -> str:
    """A ratio as a signed change in percent: ``-16.0 %``, ``+0.4 %``, ``+250 %``."""
    percent = (ratio - 1) * 100
    if abs(percent) >= 99.95:  # noqa: PLR2004 - beyond that a decimal is noise to the eye
        return f"{percent:+.0f} %"
    return "0.0 %" if abs(percent) < 0.05 else f"{percent:+.1f} %"  # noqa: PLR2004 - what rounds to nothing has no sign


def format_value(value: float, unit: str) -> str:
    """A measured value in the way its unit is read."""
    match unit:
        case "s":
            return format_seconds(value)
        case "bytes":
            return format_bytes(value)
        case "ratio":
            return format_change(value)
        case "instructions" | "cycles" | "faults":
            return format_count(value)
        case _:
            return f"{value:.3g} {unit}"


def printable(name: str) -> str:
    """A name from a file, in which anything may stand, with escapes for what would move a cursor or end a line."""
    return name if name.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in name)
