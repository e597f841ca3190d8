"""What a symbol's name tells: how people write it, which crate it is from, which generic function it is a copy of."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from trimtab.artifact import demangle as names
from trimtab.artifact.demangle import CPP, NO_CRATE, C, crate_of, demangled, generic_of
from trimtab.artifact.symbols import SymbolEntry, named

ESCAPES = {" ": "$u20$", "<": "$LT$", ">": "$GT$", "&": "$RF$", "*": "$BP$", "(": "$LP$", ")": "$RP$", ",": "$C$",
           "[": "$u5b$", "]": "$u5d$", "{": "$u7b$", "}": "$u7d$", "::": ".."}  # fmt: skip


def legacy(*path: str) -> str:
    """A name as rustc mangles it by default."""
    parts = []
    for part in path:
        escaped = part
        for character, escape in ESCAPES.items():
            escaped = escaped.replace(character, escape)
        parts.append("_" * escaped.startswith("$") + escaped)
    return "_ZN" + "".join(f"{len(part)}{part}" for part in (*parts, "h0123456789abcdef")) + "E"


def crate(mangled: str) -> str:
    return crate_of(mangled, generic_of(demangled(mangled)))


@pytest.mark.parametrize(
    ("mangled", "name"),
    [
        (legacy("app", "main"), "app::main"),
        (legacy("app", "main", "{{closure}}"), "app::main::{{closure}}"),
        (legacy("<alloc::vec::Vec<T> as app::Sink>", "put"), "<alloc::vec::Vec<T> as app::Sink>::put"),
        (legacy("app", "main") + ".llvm.9596434256860029456", "app::main"),
        (legacy("app", "main") + ".cold", "app::main.cold"),
        ("_RNvC3app4main", "app::main"),
        ("_RNvCs1LgjJEHdxML_3app4main", "app::main"),
        ("_RNvC3app4main.llvm.123", "app::main"),
        ("_RNCNvC3app4main0B3_", "app::main::{closure#0}"),
        ("_RINvNtC4core3mem4swaphEC3app", "core::mem::swap::<u8>"),
        ("_ZN3foo3barEi", "foo::bar(int)"),
        ("_ZNSt6vectorIiSaIiEE9push_backERKi", "std::vector<int, std::allocator<int> >::push_back(int const&)"),
        ("memcpy", "memcpy"),
        ("_start", "_start"),
        ("_Z", "_Z"),
        ("_RNv", "_RNv"),
        ("_ZN3foo", "_ZN3foo"),
        ("", ""),
    ],
)
def test_names_are_shown_as_people_write_them(mangled: str, name: str) -> None:
    assert demangled(mangled) == name


@pytest.mark.parametrize(
    ("mangled", "expected"),
    [
        ("_RNvC3app4main", "app"),
        ("_RNvNtCs1LgjJEHdxML_3app4flag4main", "app"),
        ("_RNvC6_123foo3bar", "123foo"),
        ("_RNCNCNvCsasy5a8LyHLq_2rg15search_parallel00B5_", "rg"),
        ("_RINvNtC4core3mem4swaphEC3app", "core"),  # written in core, copied for app
        ("_RNvMCsjM4mISBUgOk_6lexoptNtB2_6Parser3new", "lexopt"),
        ("_RNvMs5_NtC5alloc4wtf8NtNtC4core4wtf84Wtf88into_box", "alloc"),  # the type is of core
        ("_RNvXs_C1aNtC1b1TNtC1c5Trait1m", "a"),
        ("_RNvXst_Cs8nT299EqsfW_4itoamNtB5_8Unsigned3fmt", "itoa"),
        ("_RNvYNtC1a1TNtC1b5Trait1m", "b"),  # a::T takes what b::Trait provides
        ("_RNvYINtC1a1TNtC1c1UENtC1b5Trait1m", "b"),
        ("_RNSNvYNCNvC3app4main0INtNtNtC4core3ops8function6FnOnceuE9call_once6vtableB6_", "core"),
        ("_RNvCsfLfy6EI15iL_7___rustc12___rust_alloc", "std"),
        ("__RNvC3app4main", "app"),
    ],
)
def test_v0_names_tell_the_crate(mangled: str, expected: str) -> None:
    assert crate(mangled) == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (("app", "main"), "app"),
        (("app", "main", "{{closure}}"), "app"),
        (("core", "ptr", "drop_in_place<anyhow::Error>"), "core"),
        (("alloc", "str", "<impl str>", "replace"), "alloc"),
        (("<a::T as b::Trait>", "m"), "a"),
        (("<a::T as core::fmt::Debug>", "fmt"), "a"),
        (("<alloc::vec::Vec<T> as core::ops::Drop>", "drop"), "alloc"),
        (("<alloc::vec::Vec<a::T> as b::Trait>", "m"), "b"),  # alloc knows no b
        (("<core::fmt::Arguments as alloc::string::ToString>", "to_string"), "alloc"),
        (("<alloc::vec::Vec<u8> as std::io::Write>", "write_all"), "std"),
        (("<alloc::vec::Vec<<a::T as b::U>::V> as c::Trait>", "m"), "c"),
        (("<&mut dyn a::T as core::fmt::Write>", "write_str"), "a"),
        (("<T as b::Trait>", "m"), "b"),
        (("<[T] as alloc::slice::Join>", "join"), "alloc"),
        (("<u32 as itoa::Unsigned>", "fmt"), "itoa"),
        (("<&T as core::fmt::Debug>", "fmt"), "core"),
        (("<(A,B) as Trait>", "m"), NO_CRATE),
    ],
)
def test_legacy_names_tell_the_crate_as_far_as_they_can(path: tuple[str, ...], expected: str) -> None:
    assert crate(legacy(*path)) == expected
    assert crate(legacy(*path) + ".llvm.123") == expected
    assert crate("_" + legacy(*path)) == expected


@pytest.mark.parametrize(
    ("mangled", "expected"),
    [
        ("memcpy", C), ("main", C), ("_start", C), ("_Read", C), ("rusty_function", C), ("XXH64_finalize.part.0", C),
        ("_ZN3foo3barEi", CPP), ("_Znwm.cold", CPP), ("__ZN3foo3barEi", CPP), ("_ZN4core3fmtE", CPP),
        ("rust_eh_personality", "std"), ("__rust_alloc", "std"), ("_rust_panic", "std"), ("__rdl_alloc", "std"),
    ],
)  # fmt: skip
def test_other_languages_and_rusts_runtime_are_told_apart(mangled: str, expected: str) -> None:
    assert crate(mangled) == expected


def test_without_a_cpp_demangler_names_of_cpp_stay_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    names._demanglers.cache_clear()
    monkeypatch.setitem(__import__("sys").modules, "cpp_demangle", None)
    try:
        assert demangled("_ZN3foo3barEi") == "_ZN3foo3barEi"
        assert crate("_ZN3foo3barEi") == CPP
        assert demangled("_RNvC3app4main") == "app::main"
    finally:
        names._demanglers.cache_clear()


@pytest.mark.parametrize(
    ("name", "generic"),
    [
        ("app::main", "app::main"),
        ("core::mem::swap::<u8>", "core::mem::swap::<_>"),
        ("core::ptr::drop_in_place<a::T<u8>>", "core::ptr::drop_in_place<_>"),
        ("<a::T>::m", "<a::T>::m"),
        ("<a::T<u8> as b::Trait<X, Y<Z>>>::m", "<a::T<_> as b::Trait<_>>::m"),
        ("<a::T<<b::U as c::V>::W> as d::Trait>::m", "<a::T<_> as d::Trait>::m"),
        ("<<a::T as b::U<u8>>::V as c::W>::m::<u8>", "<<a::T as b::U<_>>::V as c::W>::m::<_>"),
        ("a::f::<fn(u8) -> b::T<u8>>", "a::f::<_>"),
        ("a::f::<fn(u8) -> u8>::{closure#0}", "a::f::<_>::{closure#0}"),
        ("<fn() -> a::T<u8> as b::Call>::call", "<fn() -> a::T<_> as b::Call>::call"),
        ("a::f::<_>::{closure#0}::<u8>", "a::f::<_>::{closure#0}::<_>"),
        ("a::b::<impl c::Trait<u8> for d::T<u8>>::m", "a::b::<_>::m"),
        ("std::vector<int, std::allocator<int> >::size()", "std::vector<_>::size()"),
        ("operator<<(std::basic_ostream<char>&, T<int>)", "operator<<(std::basic_ostream<_>&, T<_>)"),
        ("bool a::operator< <int>(T<int>)", "bool a::operator< <int>(T<_>)"),
        ("T<int>::operator->()", "T<_>::operator->()"),
        ("a::f<b::g<c>", "a::f<b::g<c>"),
        ("a > b < c", "a > b < c"),
        ("<", "<"),
    ],
)
def test_copies_of_a_generic_function_are_called_alike(name: str, generic: str) -> None:
    assert generic_of(name) == generic


paths = st.text("ab_:<>{}&->,() 0é", max_size=40)
manglings = st.text("_RZNCMXYIvtsBEKhpu0123459$.LTGas", max_size=60)


@given(st.text() | paths)
@example("<" * 3000)
@example("a<" * 3000 + ">" * 3000)
def test_a_generic_name_is_its_own_generic_name(name: str) -> None:
    generic = generic_of(name)
    assert generic_of(generic) == generic
    assert name.partition("<")[0] == generic.partition("<")[0]


@given(st.text() | manglings | manglings.map("_R".__add__) | manglings.map("_ZN".__add__), paths)
@example("_RC" + "9" * 5000, "")
@example("_R" + "Ms_" * 5000, "")
@example("_R" + "N" * 5000, "")
@example("_RB_", "")
def test_no_text_is_too_strange_for_a_name(mangled: str, generic: str) -> None:
    assert isinstance(demangled(mangled), str)
    assert isinstance(crate_of(mangled, generic), str)
    crate(mangled)


@pytest.mark.parametrize("suffix", [".40073", ".llvm.1234567890", ".llvm.12.3"])
@pytest.mark.parametrize("name", ["_ZN4core3fmt5write17h0123456789abcdefE", "_RNvCs1234_7mycrate3foo", "plain_c"])
def test_numbers_that_llvm_appends_are_no_part_of_a_name(name: str, suffix: str) -> None:
    assert demangled(name + suffix) == demangled(name)


def v0_bomb(levels: int) -> str:
    """A function of types each of which is a pair of the one before, by references back."""
    digits = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
    body, last = "INvC1a1fTmmE", len("INvC1a1f")
    for _ in range(levels):
        number = last - 1
        back = f"B{digits[number // 62] if number >= 62 else ''}{digits[number % 62]}_"
        last, body = len(body), f"{body}T{back}{back}E"
    return f"_R{body}E"


def cpp_bomb(levels: int) -> str:
    digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    return "_Z1fSt4pairIiiE" + "".join(f"S_IS{digits[n]}_S{digits[n]}_E" for n in range(levels))


@pytest.mark.parametrize("bomb", [v0_bomb, cpp_bomb])
def test_a_name_that_stands_for_millions_of_characters_stays_as_it_is(bomb: Callable[[int], str]) -> None:
    assert demangled(bomb(3)) != bomb(3)
    started = time.process_time()
    assert demangled(bomb(25)) == bomb(25)
    assert time.process_time() - started < 1


def test_thousands_of_such_names_are_given_up() -> None:
    started = time.process_time()
    symbols = named(SymbolEntry(16 * number, 16, v0_bomb(8 + number % 18)) for number in range(5000))
    assert time.process_time() - started < 5
    assert sum(len(symbol.name) for symbol in symbols) < 1 << 26
