"""Difference between two size reports."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import PurePosixPath

from trimtab.commands.diff.model import BinaryDifference, Difference, OneSided, Side, SizeRow
from trimtab.model.size_report import Image, Member, Purpose, SizeReport, Symbol
from trimtab.units import format_change, format_signed

NOT_NAMED = "[not named]"
"""Code that no symbol covers: padding between functions, jump tables, hand-written assembly."""

OUTSIDE = "[archive]"
"""Bytes of a zip beside its members: their headers and its directory."""

# Possessive, since names come from files: nothing is tried twice.
_VERSION = re.compile(r"(?<!\d)\d++(?:[._]\d++)+\w*+")
_TAG = re.compile(
    r"\.(?:cpython-[\w-]++|cp\d++|abi3|pypy\d[\w-]*+|\w++-(?:linux|darwin|win)[\w-]*+|exe|so|pyd|dylib|dll)(?=\.|$)"
)
_LEAST_NAMED = 0.05
"""Share of the code that must have names for crates to mean anything."""
_REMOVABLE = (Purpose.SYMBOLS, Purpose.DEBUG)
_LEAST_REMOVED = 0.01
_Sizes = dict[str, tuple[int, int]]
"""Name → bytes and number."""
_NOTHING = (0, 0)


def difference(base: SizeReport, head: SizeReport | None = None) -> Difference:
    """Compare two size reports; for one alone, its sizes stand on the side of base."""
    pairs = list(_matched(base.members, head.members)) if head else [(member, None) for member in base.members]
    binaries = [_binary(old, new, alone=head is None) for old, new in pairs if _has_image(old) or _has_image(new)]
    return Difference(
        base=_side(base),
        head=_side(head) if head else None,
        total=SizeRow(name=(head or base).name, base=base.size, head=head.size if head else None),
        binaries=tuple(sorted(binaries, key=lambda binary: (by_change(binary.total), binary.name))),
        members=_sorted([*_member_rows(pairs), *_outside(base, head)]),
        notes=tuple(f"{side.name}: {note}" for side in (base, head) if side for note in side.notes),
    )


def _has_image(member: Member | None) -> bool:
    return member is not None and member.image is not None


def _member_rows(pairs: Iterable[tuple[Member | None, Member | None]]) -> Iterator[SizeRow]:
    """Sizes of all members; a binary in an archive that is a member itself counts there."""
    for base, head in pairs:
        if not all(member.within for member in (base, head) if member):
            yield SizeRow(name=_name(base, head), base=_stored(base), head=_stored(head))


def _name(base: Member | None, head: Member | None) -> str:
    return head.name if head else base.name if base else ""


def _outside(base: SizeReport, head: SizeReport | None) -> list[SizeRow]:
    """Row that makes the members add up to the file, where each is compressed by itself."""
    sides = [_unclaimed(side) if side else None for side in (base, head)]
    return [SizeRow(name=OUTSIDE, base=sides[0], head=sides[1])] if any(sides) else []


def _unclaimed(report: SizeReport) -> int | None:
    stored = [member.compressed for member in report.members if not member.within]
    return report.size - sum(size or 0 for size in stored) if any(size is not None for size in stored) else None


def _side(report: SizeReport) -> Side:
    return Side(path=report.path, kind=report.kind, bytes=report.size, sha256=report.sha256)


def _stored(member: Member | None) -> int | None:
    if member is None:
        return None
    return member.size if member.compressed is None else member.compressed


def _matched(base: Iterable[Member], head: Iterable[Member]) -> Iterator[tuple[Member | None, Member | None]]:
    """Pair members by name, by name without versions and platform tags, by file name; at last the only binaries."""
    base_left, head_left = list(base), list(head)
    keys: tuple[Callable[[Member], str | None], ...] = (
        lambda member: member.name,
        lambda member: _VERSION.sub("*", _untagged(member.name)),
        lambda member: _untagged(PurePosixPath(member.name).name),
        lambda member: "the only binary" if member.image else None,
    )
    for key in keys:
        ours, theirs = _unique(base_left, key), _unique(head_left, key)
        shared = [name for name in ours if name in theirs]
        yield from ((ours[name], theirs[name]) for name in shared)
        paired = {id(side[name]) for name in shared for side in (ours, theirs)}
        base_left = [member for member in base_left if id(member) not in paired]
        head_left = [member for member in head_left if id(member) not in paired]
    yield from ((member, None) for member in base_left)
    yield from ((None, member) for member in head_left)


def _unique(members: list[Member], key: Callable[[Member], str | None]) -> dict[str, Member]:
    """The members whose key no other one has."""
    by_key: dict[str, Member | None] = {}
    for member in members:
        name = key(member)
        if name is not None:
            by_key[name] = None if name in by_key else member
    return {name: member for name, member in by_key.items() if member}


def _untagged(name: str) -> str:
    return _TAG.sub("", name)


def _binary(base: Member | None, head: Member | None, *, alone: bool) -> BinaryDifference:
    old, new = base.image if base else None, head.image if head else None
    named = all(map(_is_named, (old, new)))
    symbols = _sizes(old, lambda symbol: symbol.name), _sizes(new, lambda symbol: symbol.name)
    crates = {symbol.name: symbol.crate for image in (new, old) if image for symbol in image.symbols}
    compressed = [member.compressed if member else None for member in (base, head)]
    return BinaryDifference(
        name=_name(base, head),
        base_name=base.name if base else None,
        head_name=head.name if head else None,
        total=SizeRow(name="file", base=base.size if base else None, head=head.size if head else None),
        compressed=SizeRow(name="compressed", base=compressed[0], head=compressed[1]) if any(compressed) else None,
        base_kind=_kind(old),
        head_kind=_kind(new),
        base_stripped=old.stripped if old else None,
        head_stripped=new.stripped if new else None,
        base_functions=old.functions if old else None,
        head_functions=new.functions if new else None,
        purposes=_purposes(old, new),
        sections=_rows(_sections(old), _sections(new), _section_groups(old, new)),
        crates=_rows(_crates(old), _crates(new)) if named else (),
        generics=_rows(*_generics(old, new)) if named else (),
        symbols=_rows(*symbols, crates) if named else (),
        only_base=_one_sided(symbols[0], symbols[1], crates, on_base=True) if named and old and new else None,
        only_head=_one_sided(symbols[1], symbols[0], crates, on_base=False) if named and old and new else None,
        notes=_notes(old, new, named=named, alone=alone),
        base_image=old,
        head_image=new,
    )


def _kind(image: Image | None) -> str | None:
    return f"{image.format} {image.architecture}" if image else None


def _is_named(image: Image | None) -> bool:
    """Whether there are names for enough of the code; a missing side does not stand in the way."""
    if image is None:
        return True
    return sum(symbol.size for symbol in image.symbols) > _LEAST_NAMED * image.bytes_for(Purpose.CODE)


def _notes(old: Image | None, new: Image | None, *, named: bool, alone: bool) -> tuple[str, ...]:
    notes = [
        note if alone else f"{side}: {note}"
        for side, image in (("base", old), ("head", new))
        if image
        for note in image.notes
    ]
    if old and new:
        if _kind(old) != _kind(new):
            notes.append(f"base is {_kind(old)}, head {_kind(new)}: sections and functions hardly compare")
        notes += _strip_note(old, new)
    if not named and any(image.symbols for image in (old, new) if image):
        which = "hardly any code has a name" if alone else "one side has no names for its code, or hardly any"
        notes.append(f"{which}, so there is nothing to list by crate or function")
    return tuple(notes)


def _strip_note(old: Image, new: Image) -> list[str]:
    """Note that tells what `strip` removes apart from what the compiler did."""
    removable = [sum(image.bytes_for(purpose) for purpose in _REMOVABLE) for image in (old, new)]
    change = removable[1] - removable[0]
    if not change or (old.stripped is new.stripped and abs(change) <= _LEAST_REMOVED * old.size):
        return []
    rest = [old.size - removable[0], new.size - removable[1]]
    without = f"{format_signed(rest[1] - rest[0])} ({format_change(rest[1] / rest[0])})"
    return [f"symbol tables and debug info changed by {format_signed(change)}; all else by {without}"]


def _purposes(old: Image | None, new: Image | None) -> tuple[SizeRow, ...]:
    rows = [
        SizeRow(
            name=purpose, base=old.bytes_for(purpose) if old else None, head=new.bytes_for(purpose) if new else None
        )
        for purpose in Purpose
    ]
    return tuple(row for row in rows if row.base or row.head)


def _sections(image: Image | None) -> _Sizes:
    return _summed((section.name, section.size) for section in image.sections) if image else {}


def _section_groups(old: Image | None, new: Image | None) -> dict[str, str]:
    return {section.name: section.purpose for image in (old, new) if image for section in image.sections}


def _crates(image: Image | None) -> _Sizes:
    sizes = _sizes(image, lambda symbol: symbol.crate)
    if image and (rest := image.bytes_for(Purpose.CODE) - sum(size for size, _ in sizes.values())) > 0:
        sizes[NOT_NAMED] = (rest, 0)
    return sizes


def _generics(old: Image | None, new: Image | None) -> tuple[_Sizes, _Sizes]:
    """Functions that exist in several copies, on either side."""
    sizes = _sizes(old, lambda symbol: symbol.generic), _sizes(new, lambda symbol: symbol.generic)
    several = {name for side in sizes for name, (_, count) in side.items() if count > 1}
    return tuple({name: side[name] for name in several if name in side} for side in sizes)  # type: ignore[return-value]


def _sizes(image: Image | None, key: Callable[[Symbol], str]) -> _Sizes:
    return _summed((key(symbol), symbol.size) for symbol in image.symbols) if image else {}


def _summed(parts: Iterable[tuple[str, int]]) -> _Sizes:
    sums: _Sizes = {}
    for name, size in parts:
        sums[name] = _sum(sums.get(name, _NOTHING), (size, 1))
    return sums


def _sum(sizes: tuple[int, int], other: tuple[int, int]) -> tuple[int, int]:
    return sizes[0] + other[0], sizes[1] + other[1]


def _one_sided(ours: _Sizes, theirs: _Sizes, crates: Mapping[str, str], *, on_base: bool) -> OneSided:
    only = {name: sizes for name, sizes in ours.items() if name not in theirs}
    by_crate: _Sizes = {}
    for name, sizes in only.items():
        by_crate[crates[name]] = _sum(by_crate.get(crates[name], _NOTHING), sizes)
    return OneSided(
        count=sum(count for _, count in only.values()),
        bytes=sum(size for size, _ in only.values()),
        crates=_rows(by_crate, {}) if on_base else _rows({}, by_crate),
    )


def _rows(base: _Sizes, head: _Sizes, groups: Mapping[str, str] | None = None) -> tuple[SizeRow, ...]:
    absent = (None, 0)
    return _sorted(
        SizeRow(
            name=name,
            base=base.get(name, absent)[0],
            head=head.get(name, absent)[0],
            base_count=base.get(name, absent)[1],
            head_count=head.get(name, absent)[1],
            group=(groups or {}).get(name, ""),
        )
        for name in base.keys() | head.keys()
    )


def _sorted(rows: Iterable[SizeRow]) -> tuple[SizeRow, ...]:
    """Rows with the largest change first; among equals the larger."""
    return tuple(sorted(rows, key=lambda row: (by_change(row), row.name)))


def by_change(row: SizeRow) -> tuple[int, int]:
    """Sort key: the largest change first; among equals the larger."""
    return -abs(row.change), -max(row.base or 0, row.head or 0)
