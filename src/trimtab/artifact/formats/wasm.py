"""WebAssembly modules, and components, which have modules in them.

Read by hand, for there is no maintained Python library.
Source: WebAssembly core specification, "Binary Format" and, for names, appendix "Custom Sections"; what a module may
hold at most: WebAssembly JavaScript interface, "Implementation-defined Limits". Components: "Component Model Binary
Format Explainer" of the WebAssembly Community Group.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from trimtab.artifact.formats.layout import HEADERS, Claim, Data, divide, oddities
from trimtab.artifact.symbols import SymbolEntry, named
from trimtab.model.size_report import Format, Functions, Image, Purpose, Symbol

_PREAMBLE = b"\0asm\1\0\0\0"
_COMPONENT = b"\0asm\x0d\0\1\0"
_CORE_MODULE, _NESTED_COMPONENT = 1, 4
_COMPONENT_SECTIONS = {
    _CORE_MODULE: "core module",
    2: "core instance",
    3: "core type",
    _NESTED_COMPONENT: "component",
    5: "instance",
    6: "alias",
    7: "type",
    8: "canon",
    9: "start",
    10: "import",
    11: "export",
    12: "value",
}
"""By section id, in a component."""
_DEEPEST = 100
"""Components within components."""
_CUSTOM, _IMPORT, _CODE = 0, 2, 10
_SECTIONS = {
    1: ("type", Purpose.OTHER),
    _IMPORT: ("import", Purpose.LINKING),
    3: ("function", Purpose.OTHER),
    4: ("table", Purpose.OTHER),
    5: ("memory", Purpose.OTHER),
    6: ("global", Purpose.DATA),
    7: ("export", Purpose.LINKING),
    8: ("start", Purpose.OTHER),
    9: ("element", Purpose.DATA),
    _CODE: ("code", Purpose.CODE),
    11: ("data", Purpose.DATA),
    12: ("data count", Purpose.OTHER),
    13: ("tag", Purpose.OTHER),
}
"""By section id."""
_MOST = 1_000_000
"""Functions, and imports."""
_MOST_SECTIONS = 10_000
"""Far above what linkers write: a hundred or so, most of them custom."""
_LONGEST_NUMBER = 10
"""Bytes that 64 bits take in LEB128."""
_FUNCTION_NAMES = 1
"""Subsection of the name section."""

_FUNCTION, _TABLE, _MEMORY, _GLOBAL, _TAG = range(5)
"""Kinds of imports."""
_REFERENCES = {0x63, 0x64}
"""First bytes of the reference types that are longer than one byte."""
_HAS_MAXIMUM, _HAS_PAGE_SIZE = 1, 8
"""Flags of limits."""


class _Cursor:
    """Reads a part of a file from its beginning to its end, and nothing beyond."""

    __slots__ = ("at", "data", "end")

    def __init__(self, data: Data, at: int, end: int) -> None:
        self.data = data
        self.at = at
        self.end = end

    def byte(self) -> int:
        if self.at >= self.end:
            raise ValueError(f"it ends in the middle of something, at {self.at}")
        self.at += 1
        return self.data[self.at - 1]

    def number(self) -> int:
        """An unsigned LEB128; a signed one is as long."""
        value = 0
        for shift in range(0, 7 * _LONGEST_NUMBER, 7):
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:  # noqa: PLR2004 - the bit that says more follows
                return value
        raise ValueError(f"there is a number without an end at {self.at}")

    def part(self, size: int) -> _Cursor:
        """The next bytes, to be read on their own."""
        if size > self.end - self.at:
            raise ValueError(f"{size} bytes are announced at {self.at}, where there are {self.end - self.at}")
        self.at += size
        return _Cursor(self.data, self.at - size, self.at)

    def text(self) -> str:
        part = self.part(self.number())
        return self.data[part.at : part.end].decode("utf-8", "backslashreplace")


@dataclass(frozen=True, slots=True)
class _Module:
    """A module: the whole file, or a part of a component."""

    claims: list[Claim]
    bodies: list[tuple[int, int]]
    """Offset and size of each function's body."""
    symbols: tuple[Symbol, ...]
    notes: tuple[str, ...]


def read_wasm(_: Path, data: Data) -> Image:
    """Measure a WebAssembly module or component.

    A section's size is that of its contents; the bytes that say its id, its size and, if it is a custom section, its
    name are headers. Functions are the bodies in the code section, without the bytes that say how long each is. It
    counts as stripped if it has neither names nor debug sections nor the symbols that a linker needs.

    Of a component, sections of all its modules are added up by name; its own are named after the component.

    Raises:
        ValueError: it is damaged, or of a version that is not read here.
    """
    whole = _Cursor(data, 0, len(data))
    claims: list[Claim] = []
    modules: list[_Module] = []
    if data[: len(_PREAMBLE)] == _COMPONENT:
        architecture = "component"
        claims = list(_component(whole, modules, 0))
    else:
        architecture = "wasm"
        modules.append(_module(whole))
    for module in modules:
        claims += module.claims
    layout = divide(data, claims)
    bodies = [body for module in modules for body in module.bodies]
    return Image(
        format=Format.WASM,
        architecture=architecture,
        size=len(data),
        sections=layout.sections,
        stripped=not any(claim.purpose in (Purpose.SYMBOLS, Purpose.DEBUG) for claim in claims),
        functions=Functions(count=len(bodies), size=sum(size for _, size in bodies), source="code section"),
        symbols=tuple(symbol for module in modules for symbol in module.symbols),
        notes=(*oddities(layout), *dict.fromkeys(note for module in modules for note in module.notes)),
    )


def _module(module: _Cursor) -> _Module:
    claims = list(_sections(module))
    contents = {claim.name: _Cursor(module.data, claim.start, claim.start + claim.size) for claim in claims}
    bodies = list(_bodies(contents["code"])) if "code" in contents else []
    symbols, notes = _symbols(contents, bodies) if "custom:name" in contents else ((), ())
    return _Module(claims, bodies, symbols, notes)


def _component(component: _Cursor, modules: list[_Module], depth: int) -> Iterator[Claim]:
    """Sections of a component, each after a claim for its header; modules in it are added to a list."""
    if depth > _DEEPEST:
        raise ValueError(f"there are more than {_DEEPEST} components within each other")
    start = component.at
    preamble = component.part(len(_COMPONENT))
    if component.data[start : preamble.end] != _COMPONENT:
        raise ValueError(f"what lies at {start} is no component of a version that is read here")
    yield Claim(start, len(_COMPONENT), HEADERS, Purpose.OTHER)
    while component.at < component.end:
        header, number = component.at, component.byte()
        content = component.part(component.number())
        if number == _CORE_MODULE:
            yield Claim(header, content.at - header, HEADERS, Purpose.OTHER)
            modules.append(_module(content))
        elif number == _NESTED_COMPONENT:
            yield Claim(header, content.at - header, HEADERS, Purpose.OTHER)
            yield from _component(content, modules, depth + 1)
        else:
            name, purpose = (
                _custom(content.text())
                if number == _CUSTOM
                else (f"component:{_COMPONENT_SECTIONS.get(number, number)}", Purpose.LINKING)
            )
            yield Claim(header, content.at - header, HEADERS, Purpose.OTHER)
            yield Claim(content.at, content.end - content.at, name, purpose)


def _sections(module: _Cursor) -> Iterator[Claim]:
    """Sections, each after a claim for its header."""
    start = module.at
    preamble = module.part(min(len(_PREAMBLE), module.end - start))
    if module.data[start : preamble.end] != _PREAMBLE:
        raise ValueError(f"what lies at {start} is no module of version 1")
    yield Claim(start, len(_PREAMBLE), HEADERS, Purpose.OTHER)
    seen = set()
    for _ in range(_MOST_SECTIONS):
        if module.at == module.end:
            return
        header, number = module.at, module.byte()
        content = module.part(module.number())
        name, purpose = _named_section(number, content)
        if number != _CUSTOM and name in seen:
            raise ValueError(f"there is a second section {number} at {header}, where the format allows none")
        seen.add(name)
        yield Claim(header, content.at - header, HEADERS, Purpose.OTHER)
        yield Claim(content.at, content.end - content.at, name, purpose)
    raise ValueError(f"it has more than {_MOST_SECTIONS} sections")


def _named_section(number: int, content: _Cursor) -> tuple[str, Purpose]:
    """Name and purpose of a section; of a custom one, its name is read. Proposals add further numbers."""
    return _custom(content.text()) if number == _CUSTOM else _SECTIONS.get(number, (f"section {number}", Purpose.OTHER))


def _custom(name: str) -> tuple[str, Purpose]:
    purpose = Purpose.OTHER
    if name in ("name", "component-name", "linking") or name.startswith("reloc."):
        purpose = Purpose.SYMBOLS  # the latter are for linkers, and ``strip`` removes them
    elif name.startswith(".debug_"):
        purpose = Purpose.DEBUG
    elif name in ("dylink", "dylink.0"):
        purpose = Purpose.LINKING
    return f"custom:{name}", purpose


def _count(cursor: _Cursor) -> int:
    count = cursor.number()
    if count > _MOST:
        raise ValueError(f"{count} items are announced, where {_MOST} are allowed")
    return count


def _bodies(code: _Cursor) -> Iterator[tuple[int, int]]:
    """Offset and size of each function's body."""
    for _ in range(_count(code)):
        body = code.part(code.number())
        yield body.at, body.end - body.at


def _symbols(contents: dict[str, _Cursor], bodies: list[tuple[int, int]]) -> tuple[tuple[Symbol, ...], tuple[str, ...]]:
    """Functions by name; errors in a custom section are no reason to refuse a module, says the specification."""
    try:
        imported = _imported_functions(contents["import"]) if "import" in contents else 0
        by_body = {index - imported: name for index, name in _function_names(contents["custom:name"])}
    except ValueError as error:
        return (), (f"the names of its functions cannot be read: {error}",)
    entries = (SymbolEntry(*bodies[body], name, "code") for body, name in by_body.items() if 0 <= body < len(bodies))
    return named(entries), ()


def _function_names(names: _Cursor) -> Iterator[tuple[int, str]]:
    """Index and name of each function; imported ones come first in the count."""
    last = -1
    while names.at < names.end:
        kind = names.byte()
        part = names.part(names.number())
        if kind <= last:
            raise ValueError("its parts are not in order")
        last = kind
        if kind == _FUNCTION_NAMES:
            for _ in range(_count(part)):
                yield part.number(), part.text()


def _imported_functions(imports: _Cursor) -> int:
    functions = 0
    for _ in range(_count(imports)):
        for _ in ("module", "name"):
            imports.part(imports.number())
        kind = imports.byte()
        functions += kind == _FUNCTION
        if kind == _GLOBAL:
            _skip_type(imports)
            imports.byte()
        elif kind in (_TABLE, _MEMORY):
            if kind == _TABLE:
                _skip_type(imports)
            _skip_limits(imports)
        elif kind in (_FUNCTION, _TAG):
            for _ in range(1 + (kind == _TAG)):
                imports.number()
        else:
            raise ValueError(f"it imports something of an unknown kind, {kind}")
    return functions


def _skip_type(cursor: _Cursor) -> None:
    if cursor.byte() in _REFERENCES:
        cursor.number()


def _skip_limits(cursor: _Cursor) -> None:
    flags = cursor.number()
    for _ in range(1 + bool(flags & _HAS_MAXIMUM) + bool(flags & _HAS_PAGE_SIZE)):
        cursor.number()
