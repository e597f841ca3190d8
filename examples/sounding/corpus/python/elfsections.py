#!/usr/bin/env python3
"""List the sections of 64-bit little-endian ELF files, or compare those of two files.

Reads only the section headers, as described in the System V ABI, chapter 4.
"""

import struct
import sys
from collections import namedtuple
from pathlib import Path

Section = namedtuple("Section", "name kind flags address offset size")

HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
SECTION = struct.Struct("<IIQQQQIIQQ")
NOBITS = 8
ALLOC = 2


class NotElf(ValueError):
    """The file is no 64-bit little-endian ELF file."""


def text_at(table, start):
    """The zero-terminated name that starts at an offset of a string table."""
    end = table.find(b"\0", start)
    if end < 0:
        end = len(table)
    return table[start:end].decode("utf-8", "replace")


def read_sections(path):
    data = Path(path).read_bytes()
    if len(data) < HEADER.size or data[:4] != b"\x7fELF":
        raise NotElf(f"{path}: not an ELF file")
    if data[4] != 2 or data[5] != 1:
        raise NotElf(f"{path}: not 64-bit little-endian")
    header = HEADER.unpack_from(data)
    table_offset, entry_size, count, names_index = header[6], header[11], header[12], header[13]
    if entry_size != SECTION.size or table_offset + count * entry_size > len(data):
        raise NotElf(f"{path}: the section headers are damaged")
    raw = [SECTION.unpack_from(data, table_offset + number * entry_size) for number in range(count)]
    names = b""
    if names_index < count:
        start, size = raw[names_index][4], raw[names_index][5]
        names = data[start : start + size]
    return [
        Section(text_at(names, entry[0]), entry[1], entry[2], entry[3], entry[4], entry[5])
        for entry in raw[1:]
    ]


def print_one(path):
    sections = read_sections(path)
    loaded = 0
    stored = 0
    for section in sorted(sections, key=lambda item: item.size, reverse=True):
        mark = "loaded" if section.flags & ALLOC else ""
        print(f"{section.size:>12,}  {section.name:<24} {mark}")
        if section.flags & ALLOC:
            loaded += section.size
        if section.kind != NOBITS:
            stored += section.size
    print(f"{loaded:>12,}  loaded into memory")
    print(f"{stored:>12,}  stored in the file")


def print_difference(before, after):
    old = {section.name: section.size for section in read_sections(before)}
    new = {section.name: section.size for section in read_sections(after)}
    rows = []
    for name in sorted(old.keys() | new.keys()):
        change = new.get(name, 0) - old.get(name, 0)
        if change:
            rows.append((change, name))
    for change, name in sorted(rows, key=lambda row: (-abs(row[0]), row[1])):
        share = f"{change / old[name]:+.1%}" if old.get(name) else "new"
        print(f"{change:>+12,}  {share:>8}  {name}")
    print(f"{sum(change for change, _ in rows):>+12,}            (all)")


def main(arguments):
    try:
        if len(arguments) == 1:
            print_one(arguments[0])
        elif len(arguments) == 2:
            print_difference(*arguments)
        else:
            print("usage: elfsections.py FILE [FILE]", file=sys.stderr)
            return 2
    except (NotElf, OSError) as error:
        print(f"elfsections: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
