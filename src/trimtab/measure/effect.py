"""The effect check: the options that rustc was given for the final artifact, held against those asked for.

Cargo drops or overrides profile settings silently in several cases (crate types that cannot take LTO, ``RUSTFLAGS``,
per-package overrides). The rustc calls of the build itself do not lie. Where an option is given twice, rustc takes
the last.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from trimtab.model.profile import Debug, Lto, Panic, Profile, Strip, Switch, profile_from_spelled
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
    """Options that one binary was compiled with; ``None`` when its rustc call is not among the invocations."""
    # Where a package has a program and a library of one name, the program is compiled last.
    final = next((call for call in reversed(invocations) if _ships(call, binary)), None)
    if final is None:
        return None
    effective = compiled_with(final)
    if asked.bolt is Switch.ON:  # which strips by itself, after the link
        effective = replace(effective, strip=asked.strip)
    return Effect(
        binary=binary,
        lto=str(effective.lto),
        codegen_units=effective.codegen_units,
        opt_level=str(effective.opt_level),
        panic=str(effective.panic),
        strip=str(effective.strip),
        debug=str(effective.debug),
        rustflags=tuple(flag for flag in asked.rustflags if flag in final.arguments),
        warnings=(
            *_differences(asked, effective, final, binary),
            *_mixed_types(asked, effective, final, binary),
            *_lost_unwinding(effective, final, binary),
            *_dependency_warnings(asked, _dependencies(final, invocations)),
        ),
    )


def shipped_crates(invocations: Sequence[Invocation]) -> tuple[str, ...]:
    """The crates that a build was for: programs and libraries that no other crate of it links."""
    linked = {
        match["library"] for call in invocations for argument in call.arguments if (match := _LIBRARY.search(argument))
    }
    return tuple(
        dict.fromkeys(
            call.crate
            for call in invocations
            if _SHIPPED & set(_crate_types(call))
            and f"lib{call.crate}{_extra_filename(call)}" not in linked
            and not call.crate.startswith("build_script_")
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


def _differences(asked: Profile, effective: Profile, final: Invocation, binary: str) -> list[str]:
    warnings = [
        f"{binary}: {axis.name} was asked as {axis.show(axis.get(asked))} "
        f"but rustc was told {axis.show(axis.get(effective))}"
        for axis in effective.differing(asked)
        if axis.in_cargo
    ]
    if asked.pgo is Switch.ON and "profile-use" not in codegen_options(final.arguments):
        warnings.append(f"{binary}: pgo was asked but rustc was given no profile")
    lost = [flag for flag in asked.rustflags if flag not in final.arguments]
    if lost:
        warnings.append(f"{binary}: rustc was not given {' '.join(lost)}")
    return warnings


def _mixed_types(asked: Profile, effective: Profile, final: Invocation, binary: str) -> Iterator[str]:
    """A warning where a library gets no link-time optimization, which Cargo's `lto.rs` leaves out for an ``rlib``."""
    types = _crate_types(final)
    if asked.lto in (Lto.THIN, Lto.FAT) and effective.lto is Lto.LOCAL and _FOR_RUSTC & set(types) and len(types) > 1:
        yield (
            f"{binary}: a library that is {' and '.join(types)} at once gets no LTO; build it as {_only(types)} alone, "
            f"as in `cargo rustc --lib --crate-type {_only(types)}`"
        )


def _only(types: Sequence[str]) -> str:
    return next(kind for kind in types if kind in _SHIPPED)


def _lost_unwinding(effective: Profile, final: Invocation, binary: str) -> Iterator[str]:
    """PyO3 turns a panic into an exception by catching it as it unwinds (PyO3's user guide, "Error handling")."""
    is_module = "cdylib" in _crate_types(final) and any(argument.startswith("pyo3=") for argument in final.arguments)
    if is_module and effective.panic is not Panic.UNWIND:
        yield f"{binary}: {ENDS_INTERPRETER}"


def _dependencies(final: Invocation, invocations: Sequence[Invocation]) -> list[Invocation]:
    """The crates linked into the binary: reached through ``--extern``, procedural macros and build scripts excluded."""
    by_library = {f"lib{call.crate}{_extra_filename(call)}": call for call in invocations}
    reached: dict[str, Invocation] = {}
    waiting = [final]
    while waiting:
        for argument in waiting.pop().arguments:
            match = _LIBRARY.search(argument)
            if match and match["library"] not in reached and (library := by_library.get(match["library"])):
                reached[match["library"]] = library
                waiting.append(library)
    return list(reached.values())


def _extra_filename(invocation: Invocation) -> str:
    return codegen_options(invocation.arguments).get("extra-filename", "")


def _dependency_warnings(asked: Profile, dependencies: Sequence[Invocation]) -> list[str]:
    """Dependencies compiled otherwise than asked; LTO and strip are the final artifact's own business."""
    warnings = []
    for name in ("codegen-units", "opt-level", "panic", "debug"):
        odd = sorted({call.crate for call in dependencies if _differs(asked, call, name)})
        if odd:
            more = f" and {len(odd) - _MOST_NAMED} more" if len(odd) > _MOST_NAMED else ""
            warnings.append(f"dependencies with another {name} than asked: {', '.join(odd[:_MOST_NAMED])}{more}")
    if asked.lto in (Lto.THIN, Lto.FAT):
        lost = sorted({call.crate for call in dependencies if _no_bitcode(call)})
        if lost:
            warnings.append(
                f"dependencies without bitcode, so that LTO cannot see into them: {', '.join(lost[:_MOST_NAMED])}"
            )
    return warnings


def _differs(asked: Profile, invocation: Invocation, name: str) -> bool:
    return name in {axis.name for axis in compiled_with(invocation).differing(asked)}


def _no_bitcode(invocation: Invocation) -> bool:
    return codegen_options(invocation.arguments).get("embed-bitcode") in _OFF
