"""Separate debug files, joined to the stripped programs they belong to.

Source: GDB manual, "Debugging Information in Separate Files", for where they lie; they are recognized by build id or by
the checksum in ``.gnu_debuglink``, those of macOS by UUID.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from trimtab.model.size_report import Image, Symbol

GLOBAL_FOLDER = Path("/usr/lib/debug")
"""Debug files of the system's own programs."""
NAMED_IN = "its functions are named in {}"
"""Note of a program that was joined to its debug file."""
_BUILD_ID = "build-id "


class DebugFile(NamedTuple):
    """A file that may have the symbols of a stripped one."""

    name: str
    image: Image


def debug_file_paths(program: Path, image: Image) -> Iterator[Path]:
    """Places where the debug file of a program may lie, as debuggers look for it."""
    folder = program.absolute().parent
    if image.debug_link and "/" not in image.debug_link:
        yield folder / image.debug_link
        yield folder / ".debug" / image.debug_link
        yield GLOBAL_FOLDER / folder.relative_to(folder.anchor) / image.debug_link
    for identifier in sorted(image.identity):
        if identifier.startswith(_BUILD_ID):
            digits = identifier.removeprefix(_BUILD_ID)
            yield GLOBAL_FOLDER / ".build-id" / digits[:2] / f"{digits[2:]}.debug"
    yield Path(f"{program}.dSYM") / "Contents" / "Resources" / "DWARF" / program.name


def joined(image: Image, debug_files: Iterable[DebugFile]) -> Image:
    """A stripped program with the functions named in its debug file; any other image as it is."""
    if image.symbols or not image.code or not image.identity:
        return image
    for debug in debug_files:
        if image.identity & debug.image.identity:
            symbols = tuple(_within(image, debug.image))
            if symbols:
                return replace(image, symbols=symbols, notes=(*image.notes, NAMED_IN.format(debug.name)))
    return image


def _within(image: Image, debug: Image) -> Iterator[Symbol]:
    """Functions whose code is in the program."""
    ranges = sorted(image.code)
    firsts = [section.first for section in ranges]
    for symbol in sorted((*debug.symbols, *debug.elsewhere), key=lambda symbol: symbol.address):
        number = bisect_right(firsts, symbol.address) - 1
        if number >= 0 and symbol.address < ranges[number].end:
            yield replace(symbol, section=ranges[number].section)
