"""The command line of one rustc call as Cargo makes it: parsed, queried and changed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from trimtab.model.trace import UnitKind

_VALUED = """
    --crate-name --crate-type --emit --out-dir --extern --cfg --check-cfg --target --edition -C --codegen -L -l -o -A -W
    -D -F --cap-lints --print -Z --sysroot --remap-path-prefix --env-set --json --error-format --color --explain
    --diagnostic-width
"""
_TAKES_VALUE = frozenset(_VALUED.split())
"""Options whose value may be the next argument (``rustc --help -v``)."""
_LIBRARY_PATHS = ("LD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH")
"""Variables for the dynamic loader, which are never substituted: they are no inputs of the compiler."""
_OUTPUT_OF_SCRIPT = re.compile(r"^(?P<folder>.*[/\\]build[/\\][^/\\]+)[/\\]out$")


@dataclass(frozen=True, kw_only=True, slots=True)
class Option:
    """One option of a call with its value, or an argument that is no option."""

    name: str
    value: str | None = None

    @property
    def codegen(self) -> tuple[str, str] | None:
        """Name and value of a ``-C`` option."""
        if self.name != "-C" or self.value is None:
            return None
        name, _, value = self.value.partition("=")
        return name.replace("_", "-"), value

    def argv(self) -> tuple[str, ...]:
        """The option as arguments of rustc."""
        if self.value is None:
            return (self.name,)
        return (f"{self.name}={self.value}",) if self.name.startswith("--") else (self.name, self.value)


@dataclass(frozen=True, kw_only=True, slots=True)
class RustcCall:
    """A call of rustc by Cargo."""

    folder: str
    """Its working directory."""
    program: str
    options: tuple[Option, ...]
    environment: Mapping[str, str]

    @classmethod
    def read(cls, folder: str, argv: tuple[str, ...], environment: Mapping[str, str]) -> RustcCall:
        """Parse a command line, rustc itself first."""
        return cls(folder=folder, program=argv[0], options=tuple(_options(argv[1:])), environment=environment)

    @property
    def arguments(self) -> tuple[str, ...]:
        """The arguments after the program."""
        return tuple(argument for option in self.options for argument in option.argv())

    def value(self, name: str) -> str:
        """The last value of an option; empty if it is not there."""
        return next((option.value or "" for option in reversed(self.options) if option.name == name), "")

    def codegen(self, name: str) -> str | None:
        """The last value of a ``-C`` option; ``None`` if it is not there."""
        pairs = (option.codegen for option in reversed(self.options))
        return next((pair[1] for pair in pairs if pair and pair[0] == name), None)

    def changed(self, change: Callable[[Option], Option | None]) -> RustcCall:
        """The call with each option put through a function, or left out where that gives ``None``."""
        options = (change(option) for option in self.options)
        return replace(self, options=tuple(option for option in options if option))

    def substituted(self, change: Callable[[str], str]) -> RustcCall:
        """The call with the values of options and variables put through a function."""
        return replace(
            self.changed(lambda option: replace(option, value=option.value and change(option.value))),
            environment={
                name: value if name in _LIBRARY_PATHS else change(value) for name, value in self.environment.items()
            },
        )

    @property
    def crate(self) -> str:
        """The crate's name."""
        return self.value("--crate-name")

    @property
    def extra_filename(self) -> str:
        """Suffix of the output files' names: a dash and Cargo's hash of the unit."""
        return self.codegen("extra-filename") or ""

    @property
    def out_dir(self) -> Path:
        """The folder of the output files."""
        return Path(self.value("--out-dir"))

    @property
    def id(self) -> str:
        """Identifies the unit within a build: the stem of its files' names."""
        return f"{self.crate}{self.extra_filename}"

    @property
    def script_output(self) -> str:
        """The ``OUT_DIR`` of the package's build script; empty where it has none."""
        return self.environment.get("OUT_DIR", "")

    @property
    def package(self) -> str:
        """The package's name."""
        return self.environment.get("CARGO_PKG_NAME", self.crate)

    @property
    def version(self) -> str:
        """The package's version."""
        return self.environment.get("CARGO_PKG_VERSION", "")

    @property
    def kind(self) -> UnitKind:
        """Kind of the unit, from its crate types."""
        types = {option.value for option in self.options if option.name == "--crate-type"}
        if self.crate.startswith("build_script_") and types == {"bin"} and "CARGO_BIN_NAME" not in self.environment:
            return UnitKind.SCRIPT
        if "proc-macro" in types:
            return UnitKind.MACRO
        return UnitKind.PROGRAM if types & {"bin", "cdylib", "staticlib", "dylib"} else UnitKind.LIBRARY

    @property
    def externs(self) -> tuple[Path, ...]:
        """The files of its direct dependencies (``--extern``)."""
        values = ((option.value or "").partition("=")[2] for option in self.options if option.name == "--extern")
        return tuple(Path(value) for value in values if value)

    @property
    def codegen_units(self) -> int:
        """Value of ``-C codegen-units``; 16, rustc's default, without it."""
        return int(self.codegen("codegen-units") or 16)


def library_id(path: Path) -> str:
    """Id of the unit that makes a library, from the name of its file."""
    return path.name.partition(".")[0].removeprefix("lib")


def script_folder(output: str) -> str:
    """Id of a build script's run: the name of the folder that holds its ``OUT_DIR``; empty for other folders."""
    match = _OUTPUT_OF_SCRIPT.match(output)
    return Path(match["folder"]).name if match else ""


def _options(arguments: tuple[str, ...]) -> Iterator[Option]:
    """Parse arguments into options, each in one spelling."""
    remaining = iter(arguments)
    for argument in remaining:
        name, equals, value = argument.partition("=")
        if argument in _TAKES_VALUE:
            yield Option(name="-C" if argument == "--codegen" else argument, value=next(remaining, None))
        elif argument.startswith("--") and equals:
            yield Option(name="-C" if name == "--codegen" else name, value=value)
        elif argument[:2] in ("-C", "-L", "-l", "-A", "-W", "-D", "-F", "-Z") and len(argument) > 2:  # noqa: PLR2004
            yield Option(name=argument[:2], value=argument[2:])
        else:
            yield Option(name=argument)
