"""The effect check: what rustc was really told for the final artifact, held against what was asked.

Cargo drops or overrides profile settings silently in several cases (crate types that cannot take LTO, ``RUSTFLAGS``,
per-package overrides). The rustc calls of the build itself do not lie. Where an option is given twice, rustc takes
the last.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from trimtab.model.profile import Debug, Lto, Panic, Profile, Strip
from trimtab.model.trial import ENDS_INTERPRETER, Effect, Invocation

_LTO = {"": Lto.FAT, "fat": Lto.FAT, "thin": Lto.THIN, "off": Lto.OFF} | dict.fromkeys(
    ("yes", "y", "on", "true"), Lto.FAT
)
_OFF = ("no", "n", "false")
_DEBUG = {"0": Debug.NONE, "1": Debug.LIMITED, "2": Debug.FULL}
_DEFAULT_UNITS, _INCREMENTAL_UNITS = 16, 256
_LIBRARY = re.compile(r"(?P<library>lib[^/\\]+)\.(rlib|rmeta)$")
_MOST_NAMED = 3
_SHIPPED = {"bin", "cdylib", "staticlib"}
_FOR_RUSTC = {"lib", "rlib"}


def check_effect(invocations: Sequence[Invocation], binary: str, asked: Profile) -> Effect | None:
    """What one binary was compiled with; ``None`` when its rustc call is not among the invocations."""
    # Where a package has a program and a library of one name, the program is compiled last.
    final = next((one for one in reversed(invocations) if _ships(one, binary)), None)
    if final is None:
        return None
    found = compiled_with(final)
    return Effect(
        binary=binary,
        lto=str(found.lto),
        codegen_units=found.codegen_units,
        opt_level=str(found.opt_level),
        panic=str(found.panic),
        strip=str(found.strip),
        debug=str(found.debug),
        rustflags=tuple(flag for flag in asked.rustflags if flag in final.arguments),
        warnings=(
            *_differences(asked, found, final, binary),
            *_mixed_types(asked, found, final, binary),
            *_lost_unwinding(found, final, binary),
            *_dependency_warnings(asked, _dependencies(final, invocations)),
        ),
    )


def shipped_crates(invocations: Sequence[Invocation]) -> tuple[str, ...]:
    """The crates that a build was for: programs and libraries that no other crate of it links."""
    linked = {match["library"] for one in invocations for word in one.arguments if (match := _LIBRARY.search(word))}
    return tuple(
        dict.fromkeys(
            one.crate
            for one in invocations
            if _SHIPPED & set(_crate_types(one))
            and f"lib{one.crate}{_extra_filename(one)}" not in linked
            and not one.crate.startswith("build_script_")
        )
    )


def compiled_with(invocation: Invocation) -> Profile:
    """The profile that a rustc call amounts to (its ``rustflags`` are left empty)."""
    options = codegen_options(invocation.arguments)
    lto = options.get("lto")
    units = options.get("codegen-units")
    default_units = _INCREMENTAL_UNITS if "incremental" in options else _DEFAULT_UNITS
    strip = options.get("strip", "none")
    debug = options.get("debuginfo", "0")
    settings = {
        "opt-level": options.get("opt-level", "0"),
        "panic": "unwind" if options.get("panic", "unwind") == "unwind" else "abort",  # or immediate-abort
    }
    from trimtab.model.profile import profile_from_spelled

    return profile_from_spelled(
        {
            **settings,
            "lto": Lto.LOCAL if lto is None else _LTO.get(lto, Lto.OFF if lto in _OFF else Lto.LOCAL),
            "codegen-units": int(units) if units else default_units,
            "strip": Strip(strip) if strip in set(Strip) else Strip.NONE,
            "debug": _DEBUG.get(debug) or debug,
        }
    )


def codegen_options(arguments: Sequence[str]) -> Mapping[str, str]:
    """The ``-C`` options of a rustc call, the last of each; ``-O`` and ``-g`` count as what they stand for."""
    options: dict[str, str] = {}
    following = iter(arguments)
    for argument in following:
        if argument in ("-C", "--codegen"):
            text = next(following, "")
        elif argument.startswith("-C"):
            text = argument[2:]
        elif argument.startswith("--codegen="):
            text = argument.removeprefix("--codegen=")
        else:
            text = {"-O": "opt-level=3", "-g": "debuginfo=2"}.get(argument, "")
        if text:
            name, _, value = text.partition("=")
            options[name.replace("_", "-")] = value
    return options


def _ships(invocation: Invocation, binary: str) -> bool:
    return bool(_SHIPPED & set(_crate_types(invocation))) and invocation.crate == binary.replace("-", "_")


def _crate_types(invocation: Invocation) -> list[str]:
    pairs = zip(invocation.arguments, invocation.arguments[1:], strict=False)
    return [value for key, value in pairs if key == "--crate-type"]


def _differences(asked: Profile, found: Profile, final: Invocation, binary: str) -> list[str]:
    warnings = [
        f"{binary}: {axis.name} was asked as {axis.show(axis.get(asked))} "
        f"but rustc was told {axis.show(axis.get(found))}"
        for axis in found.differing(asked)
        if axis.name != "rustflags"
    ]
    lost = [flag for flag in asked.rustflags if flag not in final.arguments]
    if lost:
        warnings.append(f"{binary}: rustc was not given {' '.join(lost)}")
    return warnings


def _mixed_types(asked: Profile, found: Profile, final: Invocation, binary: str) -> Iterator[str]:
    """Why a library gets no link-time optimization. Source: Cargo's `lto.rs`, which leaves it out for an ``rlib``."""
    types = _crate_types(final)
    if asked.lto in (Lto.THIN, Lto.FAT) and found.lto is Lto.LOCAL and _FOR_RUSTC & set(types) and len(types) > 1:
        yield (
            f"{binary}: a library that is {' and '.join(types)} at once gets no LTO; build it as {_only(types)} alone, "
            f"as in `cargo rustc --lib --crate-type {_only(types)}`"
        )


def _only(types: Sequence[str]) -> str:
    return next(one for one in types if one in _SHIPPED)


def _lost_unwinding(found: Profile, final: Invocation, binary: str) -> Iterator[str]:
    """PyO3 turns a panic into an exception by catching it as it unwinds (PyO3's user guide, "Error handling")."""
    is_module = "cdylib" in _crate_types(final) and any(word.startswith("pyo3=") for word in final.arguments)
    if is_module and found.panic is not Panic.UNWIND:
        yield f"{binary}: {ENDS_INTERPRETER}"


def _dependencies(final: Invocation, invocations: Sequence[Invocation]) -> list[Invocation]:
    """The crates linked into the binary: reached through ``--extern``, procedural macros and build scripts excluded."""
    by_library = {f"lib{one.crate}{_extra_filename(one)}": one for one in invocations}
    reached: dict[str, Invocation] = {}
    waiting = [final]
    while waiting:
        for argument in waiting.pop().arguments:
            match = _LIBRARY.search(argument)
            if match and match["library"] not in reached and (found := by_library.get(match["library"])):
                reached[match["library"]] = found
                waiting.append(found)
    return list(reached.values())


def _extra_filename(invocation: Invocation) -> str:
    return codegen_options(invocation.arguments).get("extra-filename", "")


def _dependency_warnings(asked: Profile, dependencies: Sequence[Invocation]) -> list[str]:
    """Dependencies compiled otherwise than asked; LTO and strip are the final artifact's own business."""
    warnings = []
    for name in ("codegen-units", "opt-level", "panic", "debug"):
        odd = sorted({one.crate for one in dependencies if _differs(asked, one, name)})
        if odd:
            more = f" and {len(odd) - _MOST_NAMED} more" if len(odd) > _MOST_NAMED else ""
            warnings.append(f"dependencies with another {name} than asked: {', '.join(odd[:_MOST_NAMED])}{more}")
    if asked.lto in (Lto.THIN, Lto.FAT):
        lost = sorted({one.crate for one in dependencies if _no_bitcode(one)})
        if lost:
            warnings.append(
                f"dependencies without bitcode, so that LTO cannot see into them: {', '.join(lost[:_MOST_NAMED])}"
            )
    return warnings


def _differs(asked: Profile, invocation: Invocation, name: str) -> bool:
    return name in {axis.name for axis in compiled_with(invocation).differing(asked)}


def _no_bitcode(invocation: Invocation) -> bool:
    return codegen_options(invocation.arguments).get("embed-bitcode") in _OFF
