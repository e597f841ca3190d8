"""Ready-made weights: a wheel before and after link-time optimization, as it might be."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256

from trimtab.model.size_report import Format, Functions, Image, Member, Purpose, Section, SizeReport, Symbol


def section(name: str, size: int, purpose: Purpose = Purpose.DATA) -> Section:
    """A part of a file."""
    return Section(name=name, size=size, purpose=purpose)


def symbol(name: str, size: int, *, crate: str = "", generic: str = "") -> Symbol:
    """A function whose crate is the beginning of its name."""
    return Symbol(name, crate or name.partition("::")[0], generic or name, size, ".text")


def image(
    *sections: Section, symbols: Iterable[Symbol] = (), functions: Functions | None = None, notes: tuple[str, ...] = ()
) -> Image:
    """An ELF file with these parts."""
    named = tuple(symbols)
    return Image(
        format=Format.ELF, architecture="x86_64", size=sum(one.size for one in sections), sections=sections,
        stripped=not named, functions=functions, symbols=named, notes=notes,
    )  # fmt: skip


def weight(
    name: str, *members: Member, kind: Format = Format.WHEEL, size: int = 0, notes: tuple[str, ...] = ()
) -> SizeReport:
    """A file with these members, as large as they are if nothing else is said."""
    stored = sum(member.size if member.compressed is None else member.compressed for member in members)
    digest = sha256(name.encode()).hexdigest()
    return SizeReport(
        path=name, name=name, kind=kind, size=size or stored, sha256=digest, members=members, notes=notes
    )  # fmt: skip


def bare(name: str, of: Image, *, notes: tuple[str, ...] = ()) -> SizeReport:
    """A binary without an archive around it."""
    return weight(name, Member(name=name, size=of.size, image=of), kind=of.format, notes=notes)


def before() -> SizeReport:
    """A wheel whose binary has symbols."""
    symbols = (
        symbol("app::main", 4_000),
        symbol("app::check", 3_000),
        symbol("core::ptr::drop_in_place::<app::Rule>", 500, generic="core::ptr::drop_in_place::<_>"),
        symbol("core::ptr::drop_in_place::<app::File>", 300, generic="core::ptr::drop_in_place::<_>"),
        symbol("alloc::vec::grow", 900),
        symbol("alloc::vec::shrink", 100),
    )
    binary = image(
        section("[headers]", 1_000, Purpose.OTHER),
        section(".text", 10_000, Purpose.CODE),
        section(".rodata", 5_000),
        section(".eh_frame", 2_000, Purpose.UNWIND),
        section(".symtab", 2_000, Purpose.SYMBOLS),
        symbols=symbols,
        functions=Functions(count=120, size=9_500, source=".eh_frame"),
    )
    return weight(
        "app-1.0.0-py3-none-manylinux_2_17_x86_64.whl",
        Member(name="app-1.0.0.data/scripts/app", size=20_000, compressed=9_000, image=binary),
        Member(name="app-1.0.0.dist-info/METADATA", size=900, compressed=400),
        Member(name="app/py.typed", size=0, compressed=2),
        size=10_000,
    )


def after() -> SizeReport:
    """The next version of it: less of everything but one function."""
    symbols = (
        symbol("app::main", 5_500),
        symbol("core::ptr::drop_in_place::<app::Rule>", 500, generic="core::ptr::drop_in_place::<_>"),
        symbol("alloc::vec::grow", 900),
        symbol("app::fresh", 40),
    )
    binary = image(
        section("[headers]", 1_000, Purpose.OTHER),
        section(".text", 8_000, Purpose.CODE),
        section(".rodata", 4_500),
        section(".eh_frame", 1_200, Purpose.UNWIND),
        section(".symtab", 1_300, Purpose.SYMBOLS),
        symbols=symbols,
        functions=Functions(count=70, size=7_800, source=".eh_frame"),
    )
    return weight(
        "app-1.1.0-py3-none-manylinux_2_17_x86_64.whl",
        Member(name="app-1.1.0.data/scripts/app", size=16_000, compressed=8_100, image=binary),
        Member(name="app-1.1.0.dist-info/METADATA", size=950, compressed=420),
        Member(name="app-1.1.0.dist-info/LICENSE", size=1_000, compressed=500),
        size=9_100,
    )
