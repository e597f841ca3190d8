"""One call of rustc as Cargo makes it: what it says, and how it is said otherwise."""

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
"""Options whose value may be a word of its own (``rustc --help -v``)."""
_OUTPUT_OF_SCRIPT = re.compile(r"^(?P<place>.*[/\\]build[/\\][^/\\]+)[/\\]out$")


@dataclass(frozen=True, kw_only=True, slots=True)
class Option:
    """A word of a call, with the value that follows it or stands in it."""

    name: str
    value: str | None = None

    @property
    def codegen(self) -> tuple[str, str] | None:
        """Name and value of a ``-C`` option."""
        if self.name != "-C" or self.value is None:
            return None
        name, _, value = self.value.partition("=")
        return name.replace("_", "-"), value

    def words(self) -> tuple[str, ...]:
        """As rustc takes it."""
        if self.value is None:
            return (self.name,)
        return (f"{self.name}={self.value}",) if self.name.startswith("--") else (self.name, self.value)


@dataclass(frozen=True, kw_only=True, slots=True)
class RustcCall:
    """What Cargo asked rustc for."""

    folder: str
    """Where it runs."""
    program: str
    options: tuple[Option, ...]
    environment: Mapping[str, str]

    @classmethod
    def read(cls, folder: str, words: tuple[str, ...], environment: Mapping[str, str]) -> RustcCall:
        """Of the words that stood on the command line, rustc itself first."""
        return cls(folder=folder, program=words[0], options=tuple(_options(words[1:])), environment=environment)

    @property
    def arguments(self) -> tuple[str, ...]:
        """The words after the program."""
        return tuple(word for option in self.options for word in option.words())

    def value(self, name: str) -> str:
        """The last value of an option; nothing if it is not there."""
        return next((option.value or "" for option in reversed(self.options) if option.name == name), "")

    def codegen(self, name: str) -> str | None:
        """The last value of a ``-C`` option; ``None`` if it is not there."""
        found = (option.codegen for option in reversed(self.options))
        return next((pair[1] for pair in found if pair and pair[0] == name), None)

    def changed(self, change: Callable[[Option], Option | None]) -> RustcCall:
        """The call with each option put through a function, or left out where that gives ``None``."""
        options = (change(option) for option in self.options)
        return replace(self, options=tuple(option for option in options if option))

    @property
    def crate(self) -> str:
        """The crate's name."""
        return self.value("--crate-name")

    @property
    def extra_filename(self) -> str:
        """What Cargo adds to the names of the files."""
        return self.codegen("extra-filename") or ""

    @property
    def out_dir(self) -> Path:
        """Where the files go."""
        return Path(self.value("--out-dir"))

    @property
    def id(self) -> str:
        """What tells its files from those of other units: libraries are found by it."""
        return f"{self.crate}{self.extra_filename}"

    @property
    def script_output(self) -> str:
        """The folder that the package's build script wrote to; nothing where there is none."""
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
        """What it makes."""
        types = {option.value for option in self.options if option.name == "--crate-type"}
        if self.crate.startswith("build_script_") and types == {"bin"} and "CARGO_BIN_NAME" not in self.environment:
            return UnitKind.SCRIPT
        if "proc-macro" in types:
            return UnitKind.MACRO
        return UnitKind.PROGRAM if types & {"bin", "cdylib", "staticlib", "dylib"} else UnitKind.LIBRARY

    @property
    def externs(self) -> tuple[Path, ...]:
        """The files of the crates that it names."""
        values = ((option.value or "").partition("=")[2] for option in self.options if option.name == "--extern")
        return tuple(Path(value) for value in values if value)

    @property
    def codegen_units(self) -> int:
        """Into how many parts its code is cut: 16 unless said otherwise."""
        return int(self.codegen("codegen-units") or 16)


def library_id(path: Path) -> str:
    """The id of the unit that makes a library, from the name of its file."""
    return path.name.partition(".")[0].removeprefix("lib")


def script_folder(output: str) -> str:
    """The name of the folder that a build script's output lies in: it names the run."""
    match = _OUTPUT_OF_SCRIPT.match(output)
    return Path(match["place"]).name if match else ""


def _options(words: tuple[str, ...]) -> Iterator[Option]:
    """Cut the words of a call into options; one way to write each."""
    following = iter(words)
    for word in following:
        name, equals, value = word.partition("=")
        if word in _TAKES_VALUE:
            yield Option(name="-C" if word == "--codegen" else word, value=next(following, None))
        elif word.startswith("--") and equals:
            yield Option(name="-C" if name == "--codegen" else name, value=value)
        elif word[:2] in ("-C", "-L", "-l", "-A", "-W", "-D", "-F", "-Z") and len(word) > 2:  # noqa: PLR2004
            yield Option(name=word[:2], value=word[2:])
        else:
            yield Option(name=word)
