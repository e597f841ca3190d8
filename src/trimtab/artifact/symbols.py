"""From the entries of a symbol table to named functions with sizes."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from trimtab.artifact.demangle import crate_of, expanded, generic_of
from trimtab.model.size_report import Symbol


class SymbolEntry(NamedTuple):
    """A function in a symbol table."""

    address: int
    size: int
    name: str
    """As in the file, mangled."""


def sized(starts: Iterable[tuple[int, str]], ranges: Sequence[tuple[int, int]]) -> list[SymbolEntry]:
    """Give functions of a table without sizes the bytes up to the next function or the end of their section.

    Args:
        starts: address and name of each function.
        ranges: first address and end of each section with code, which do not overlap.
    """
    ordered, ranges = sorted(starts), sorted(ranges)
    addresses = sorted({address for address, _ in ordered})
    firsts = [first for first, _ in ranges]
    entries = []
    for address, name in ordered:
        section = bisect_right(firsts, address) - 1
        if section < 0 or address >= ranges[section][1]:
            continue
        following = bisect_right(addresses, address)
        end = addresses[following] if following < len(addresses) else ranges[section][1]
        entries.append(SymbolEntry(address, min(end, ranges[section][1]) - address, name))
    return entries


_FREE, _GROWTH = 1 << 24, 8
"""Demangled names may have so many characters, and so many times those in the file; further ones stay mangled."""


def named(entries: Iterable[SymbolEntry]) -> tuple[Symbol, ...]:
    """Functions by address, demangled; bytes that have several names count for one of the largest."""
    characters_left = _FREE
    shared: dict[str, str] = {}  # each crate and each generic function is kept once, not once for each symbol
    symbols, last = [], None
    for address, size, mangled in sorted(entries, key=lambda entry: (entry.address, -entry.size, entry.name)):
        name, cost = expanded(mangled) if characters_left > 0 else (mangled, 0)
        characters_left += _GROWTH * len(mangled) - cost
        generic = generic_of(name)
        crate = crate_of(mangled, generic)
        generic, crate = shared.setdefault(generic, generic), shared.setdefault(crate, crate)
        symbols.append(Symbol(name, crate, generic, 0 if address == last else size))
        last = address
    return tuple(symbols)
