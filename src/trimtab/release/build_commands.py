"""Commands that build, as scripts of release workflows have them: their profile, and what they set on top of it.

Sources: the Cargo book, "cargo build", "cargo install" and "Configuration"; maturin.rs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise, takewhile
from pathlib import PurePosixPath

UNKNOWN = "\0"
"""Stands for what is only known while the workflow runs."""
_PRINTERS = ("echo", "printf", "write-host", "write-output")
_CARGOS = ("cargo", "cross")
_BUILDERS = {"build": "", "b": "", "zigbuild": "", "rustc": "", "deb": "release", "install": "release"}
"""Command → its profile where it is given none; ``deb`` is that of cargo-deb."""
_WRAPPERS = ("auditable", "ndk", "xwin")
"""Commands that have Cargo build, as in ``cargo auditable build``."""
_TAKE_VALUES = (
    *("--bin", "--color", "--compatibility", "--config", "--example", "--exclude", "--features", "--interpreter"),
    *("--jobs", "--manifest-path", "--manylinux", "--message-format", "--out", "--package", "--path", "--root"),
    *("--target", "--target-dir", "-F", "-Z", "-i", "-j", "-o", "-p", "-t"),
)
PROFILE_NAME = re.compile(r"[\w-]+")
_PROGRAMS = ("cargo", "cross", "maturin", "cargo.exe")
_FLAG_VARIABLES = ("RUSTFLAGS", "CARGO_BUILD_RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS")
_LINTS = re.compile(r"(?<!\S)(-[DWAF]|--(deny|warn|allow|forbid|cap-lints))[ =]?[\w:-]+")
_ASSIGNMENT_AHEAD = re.compile(r"\s+(?=[A-Z_0-9]+=)")
FOR_TESTS = ("dev", "debug", "test", "bench")


def asked_profile(argv: Sequence[str], wheels: str) -> tuple[str, str] | None:
    """The profile that a command builds with, as in `Shipped`, and how it says so; nothing for other commands."""
    if argv[0].lower() in _PRINTERS:
        return None
    for at, argument in enumerate(argv):
        program, rest = PurePosixPath(argument).name.removesuffix(".exe"), list(takewhile("--".__ne__, argv[at + 1 :]))
        if program in _CARGOS:
            return _of_cargo(rest)
        if program == "maturin":
            usual = {"build": "", "publish": wheels}
            return _profile_of(rest[0], rest, usual[rest[0]]) if rest and rest[0] in usual else None
        if program == UNKNOWN and rest[:1] == ["build"]:  # Cargo or cross, if it takes a profile
            choice = _profile_of("build", rest, "")
            return choice if choice and choice[0] else None
    return None


def settings_on_top(argv: Sequence[str], variables: Mapping[str, str], profile: str) -> Iterator[str]:
    """Settings that change a build's profile from outside: variables, ``--config``, compiler flags other than lints."""
    own = f"CARGO_PROFILE_{profile}_".upper().replace("-", "_")
    before = list(takewhile(lambda argument: PurePosixPath(argument).name not in _PROGRAMS, argv))
    inline = dict(text.partition("=")[::2] for text in _ASSIGNMENT_AHEAD.split(" ".join(before)) if "=" in text)
    for name, value in {**variables, **inline}.items():
        is_profile = name.startswith(own) and not name.startswith((f"{own}PACKAGE_", f"{own}BUILD_OVERRIDE_"))
        if is_profile or (name in _FLAG_VARIABLES and _LINTS.sub("", value).strip()):
            yield f"{name}={value}"
    for option, following in pairwise([*argv, ""]):
        name, _, value = option.partition("=")
        text = (value or following) if name == "--config" else ""
        if text.startswith((f"profile.{profile}.", "build.rustflags")):
            yield f"--config {text.replace(UNKNOWN, '…')}"


def _of_cargo(arguments: Sequence[str]) -> tuple[str, str] | None:
    plain = [argument for argument in arguments if not argument.startswith(("-", "+"))] or [""]
    command = "build" if plain[0] in _WRAPPERS and "build" in plain else plain[0]
    given = {argument.partition("=")[0] for argument in arguments}
    # What is installed from elsewhere is a tool; what is packed without being built was built by another command.
    foreign = command == "install" and "--path" not in given
    if command not in _BUILDERS or foreign or given & {"--debug", "--no-build"}:
        return None
    return _profile_of(command, arguments, _BUILDERS[command])


def _profile_of(command: str, arguments: Sequence[str], usual: str) -> tuple[str, str] | None:
    for argument, following in pairwise([*arguments, ""]):
        option, _, value = argument.partition("=")
        name = "release" if argument in ("--release", "-r") else (value or following) if option == "--profile" else ""
        if name in FOR_TESTS:
            return None
        if name:
            spelling = argument if argument in ("--release", "-r") else f"--profile {name}".replace(UNKNOWN, "…")
            return (name if PROFILE_NAME.fullmatch(name) else ""), spelling
    pairs = pairwise(["", *arguments])
    if any(argument.startswith(UNKNOWN) and option not in _TAKE_VALUES for option, argument in pairs):
        return "", command
    return (usual, command) if usual else None
