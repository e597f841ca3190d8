"""Symbol names: demangled, the crate a function comes from, and the generic function it is a copy of.

Demangling is the libraries' business: ``pyderust`` (bindings of the Rust project's own rustc-demangle) for Rust's two
schemes and ``cpp_demangle`` for C++. What no library says is done here: the crate and the generic function.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

NO_CRATE = "[no crate]"
"""Rust code that belongs to no crate by its name, such as an implementation for a built-in type."""
C = "[C]"
CPP = "[C++]"

_MANGLED = ("_Z", "_R", "__Z", "__R")
_CRATE_ROOT = re.compile(
    # Paths begin with a crate, whatever is wrapped around it: N… a name in it, I… with type arguments, M… and X… in an
    # implementation, which says where it stands before it says for which type.
    r"_?_R\d*(?:N[a-zA-Z]|I|[MX](?:s[0-9a-zA-Z]*_)?)*C(?:s[0-9a-zA-Z]*_)?(\d{1,4})_?"
)
"""The crate in a v0 name. Source: RFC 2603, "Rust symbol name mangling v0", syntax of ``path`` and ``impl-path``."""
_LEGACY_RUST = re.compile(r"17h[0-9a-f]{16}E")
"""Only rustc ends names like this."""
_RUNTIME = re.compile(r"_{0,3}(?:rust_(?:eh_personality|begin_unwind|panic\b)|__?rust_|__?rdl_|__?rg_)")
"""Functions of Rust's runtime that go by a C name."""
_NEEDS = ("core", "alloc", "std")
"""Each knows those before it, and all other crates know these."""

_FIRST = re.compile(r"[\s&*<(\[]*(?:(?:mut|const|dyn|impl)\s+)*([A-Za-z_]\w*)::")
_COPY = re.compile(r"(?:\.(?:llvm\.)?\d+)+$")
"""Suffixes of LLVM's for functions that one module imports from another; the numbers mean nothing."""
_LONGEST = 16_384
"""Characters of a demangled name. References back let a name of two hundred characters stand for millions."""
_SUBSTITUTION = re.compile(r"[ST][0-9A-Z]*_")
_MOST_SUBSTITUTIONS = 26
"""In a C++ name; two of them can double what is there already, and the library has no limit of its own."""
_BRACKET = re.compile(r"(<|(?<!-)>)")
_BRACKET_OR_OPERATOR = re.compile(r"(\boperator(?:<<|>>|[<>])|<|(?<!-)>)")
"""C++ has names with brackets in them that do not belong together. Looking for both takes longer."""


@lru_cache(maxsize=1)
def _demanglers() -> tuple[Callable[[str], str | None], Callable[[str], str | None]]:
    import pyderust

    def rust(name: str) -> str | None:
        try:
            return pyderust.demangle(name)
        except pyderust.DemangleError:
            return None

    try:
        import cpp_demangle
    except ImportError:  # there are no wheels of it for some platforms; C++ names then stay mangled
        return rust, lambda _: None

    def cpp(name: str) -> str | None:
        try:
            return str(cpp_demangle.demangle(name))
        except ValueError:
            return None

    return rust, cpp


def demangled(name: str) -> str:
    """A symbol's name as people write it, without Rust's hash and LLVM's numbers; as it is where it is not mangled."""
    return expanded(name)[0]


def expanded(name: str) -> tuple[str, int]:
    """The demangled name, and the number of characters that demangling produced, whether they were used or not."""
    if "." in name:
        name = _COPY.sub("", name)
    if not name.startswith(_MANGLED):
        return name, 0
    rust, cpp = _demanglers()
    demangled_name = rust(name)
    if not demangled_name and len(_SUBSTITUTION.findall(name)) <= _MOST_SUBSTITUTIONS:
        demangled_name = cpp(name)
    cost = len(demangled_name or "")
    return (demangled_name if demangled_name and cost <= _LONGEST else name), cost


def crate_of(mangled: str, generic: str) -> str:
    """The crate in which a function was written, going by its name alone.

    A copy of a generic function counts for the crate of the generic function, and what a trait provides for the crate
    of the trait. Of an implementation, v0 names say where it stands. Legacy names leave two crates to choose from:
    ``<a::Type as b::Trait>::method`` counts for ``a``, unless ``a`` belongs to Rust's standard library and cannot know
    ``b``, or the type belongs to no crate.

    Args:
        mangled: the name as in the symbol table.
        generic: the same, demangled, as `generic_of` gives it.
    """
    if root := _CRATE_ROOT.match(mangled):
        crate = mangled[root.end() : root.end() + int(root[1])]
        return "std" if crate == "__rustc" else crate  # rustc's own shims for allocators and panics, all part of std
    if not mangled.startswith(_MANGLED):
        return "std" if _RUNTIME.match(mangled) else C
    is_v0 = mangled.startswith(("_R", "__R"))
    if not is_v0 and not _LEGACY_RUST.search(mangled):
        return CPP
    implementor, _, trait = generic.rpartition(" as ")
    crates = [match[1] for match in (_FIRST.match(implementor), _FIRST.match(trait)) if match]
    if is_v0:  # and yet not at home in a crate: what a trait provides; or not Rust, such as `_Read`
        return crates[-1] if crates else C
    return max(crates, key=_rank, default=NO_CRATE)


def _rank(crate: str) -> int:
    return _NEEDS.index(crate) if crate in _NEEDS else len(_NEEDS)


def generic_of(name: str) -> str:
    """A demangled name with its type arguments left out, so that all copies of one generic function are called alike.

    >>> generic_of("<alloc::vec::Vec<u8> as core::ops::Drop>::drop")
    '<alloc::vec::Vec<_> as core::ops::Drop>::drop'
    """
    if "<" not in name:
        return name
    pieces = (_BRACKET_OR_OPERATOR if "operator" in name else _BRACKET).split(name)
    kept: list[str] = []
    opened = depth = 0
    for at, piece in enumerate(pieces):
        if depth:
            depth += (piece == "<") - (piece == ">")
            if not depth:
                kept.append("<_>")
        elif piece == "<" and _ends_a_name(pieces[at - 1]):
            opened, depth = at, 1
        else:
            kept.append(piece)
    if depth:  # they never end, so they are no arguments
        kept += pieces[opened:]
    return "".join(kept)


def _ends_a_name(text: str) -> bool:
    """Whether a bracket after it opens arguments, and not ``<Type as Trait>``."""
    last = text[-1:]
    return last.isalnum() or (last != "" and last in "_:}")
