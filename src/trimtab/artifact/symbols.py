"""From the entries of a symbol table to named functions with sizes."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from trimtab.artifact.demangle import crate_of, expanded, generic_of
from trimtab.model.size_report import CodeRange, Symbol


class SymbolEntry(NamedTuple):
    """A function in a symbol table."""

    address: int
    size: int
    name: str
    """As in the file, mangled."""
    section: str = ""


def sized(starts: Iterable[tuple[int, str]], ranges: Sequence[CodeRange]) -> list[SymbolEntry]:
    """Give functions of a table without sizes the bytes up to the next function or the end of their section.

    Args:
        starts: address and name of each function.
        ranges: sections with code, which do not overlap.
    """
    ordered, ranges = sorted(starts), sorted(ranges)
    addresses = sorted({address for address, _ in ordered})
    firsts = [section.first for section in ranges]
    entries = []
    for address, name in ordered:
        number = bisect_right(firsts, address) - 1
        if number < 0 or address >= ranges[number].end:
            continue
        following = bisect_right(addresses, address)
        end = addresses[following] if following < len(addresses) else ranges[number].end
        entries.append(SymbolEntry(address, min(end, ranges[number].end) - address, name, ranges[number].section))
    return entries


_FREE, _GROWTH = 1 << 24, 8
"""Demangled names may have so many characters, and so many times those in the file; further ones stay mangled."""


def named(entries: Iterable[SymbolEntry]) -> tuple[Symbol, ...]:
    """Functions by address, demangled; bytes that have several names count for one of the largest."""
    characters_left = _FREE
    shared: dict[str, str] = {}  # each crate and each generic function is kept once, not once for each symbol
    symbols, last = [], None
    for address, size, mangled, section in sorted(
        entries, key=lambda entry: (entry.address, -entry.size, entry.name, entry.section)
    ):
        name, cost = expanded(mangled) if characters_left > 0 else (mangled, 0)
        characters_left += _GROWTH * len(mangled) - cost
        generic = generic_of(name)
        crate = crate_of(mangled, generic)
        generic, crate = shared.setdefault(generic, generic), shared.setdefault(crate, crate)
        symbols.append(Symbol(name, crate, generic, 0 if address == last else size, section, address))
        last = address
    return tuple(symbols)


def _place(entry: SymbolEntry) -> tuple[int, int, str, str]:
    """Order of functions: by address, of those that begin at one the largest first."""
    return entry.address, -entry.size, entry.name, entry.section
