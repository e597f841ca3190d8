"""Inputs of a rustc call that its arguments do not name: from its dep-info, and native libraries that it may link."""

from __future__ import annotations

import contextlib
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from trimtab.builders.rustc_wrapper.invocation import Option, RustcCall

_LINKER_OPTIONS = ("linker", "link-arg", "link-args")
_SEPARATOR = re.compile(r"[\s,=]")
_NATIVE = (".a", ".so", ".lib")


def stamps_outside(
    call: RustcCall, outputs: tuple[Path, ...], written: Callable[[Path], Path | None] = lambda _: None
) -> Iterator[str]:
    """Native files outside the build that may be linked or bundled, each as path, bytes and modification time.

    These are the libraries in the folders of ``-L`` (sources can name them too), the linker, and files among its
    arguments.

    Args:
        call: of rustc.
        outputs: content-addressed folders, which need no stamps.
        written: tells where that lies which the build has written at a path, where it sees other files than we do.
    """
    searched = (option.value or "" for option in call.options if option.name == "-L")
    named = {Path(value.rpartition("=")[2]) for value in searched if not value.startswith("dependency=")}
    folders = [Path(call.folder, name) for name in named if not any(map(name.is_relative_to, outputs))]
    for folder in (*folders, *filter(None, map(written, folders))):
        with contextlib.suppress(OSError):
            yield from (_stamp(path) for path in folder.iterdir() if path.suffix in _NATIVE)
    if linker := shutil.which(call.codegen("linker") or "", path=call.environment.get("PATH")):
        yield _stamp(Path(linker))
    codegen = (option.codegen for option in call.options if option.codegen)
    arguments = (part for name, value in codegen if name in _LINKER_OPTIONS for part in _SEPARATOR.split(value))
    paths = [Path(argument) for argument in arguments if argument.startswith("/")]
    yield from (_stamp(written(path) or path) for path in paths)


def leads_linker_elsewhere(option: Option) -> bool:
    """Whether an option has the linker search folders, or read a file by its relative path or a response file."""
    name, value = option.codegen or ("", "")
    arguments = _SEPARATOR.split(value) if name in _LINKER_OPTIONS else ()
    return any(text.startswith(("-L", "@")) or ("/" in text and not text.startswith("/")) for text in arguments)


def _stamp(path: Path) -> str:
    try:
        status = path.stat()
    except OSError:
        return str(path)
    return f"{path} {status.st_size} {status.st_mtime_ns}"


def read_dep_info(text: str) -> tuple[tuple[str, ...], dict[str, str]]:
    """The source files and environment variables that rustc has read, from the text of its ``.d`` file."""
    sources: list[str] = []
    variables: dict[str, str] = {}
    for line in text.splitlines():
        if line.startswith("# env-dep:"):
            name, _, value = line.removeprefix("# env-dep:").partition("=")
            variables[name] = value
        elif line.endswith(":") and not line.startswith("#"):
            sources.append(line[:-1].replace("\\ ", " "))
    return tuple(dict.fromkeys(sources)), variables
