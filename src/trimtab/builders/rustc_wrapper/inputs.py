"""What a call of rustc reads besides what it is given: by its own account, and as far as its words tell."""

from __future__ import annotations

import contextlib
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from trimtab.builders.rustc_wrapper.invocation import Option, RustcCall

_TOLD_LINKER = ("linker", "link-arg", "link-args")
_SEPARATOR = re.compile(r"[\s,=]")
_NATIVE = (".a", ".so", ".lib")


def stamps_outside(call: RustcCall, outputs: tuple[Path, ...]) -> Iterator[str]:
    """What lies outside and may be bundled or linked: libraries in the folders of ``-L``, whether they are named on the
    command line or in the sources, the linker, and files that it is told; place, bytes and date of each.

    Args:
        call: of rustc.
        outputs: folders whose names stand for what they hold.
    """
    searched = (option.value or "" for option in call.options if option.name == "-L")
    folders = {Path(value.rpartition("=")[2]) for value in searched if not value.startswith("dependency=")}
    for folder in folders:
        if not any(folder.is_relative_to(output) for output in outputs):
            with contextlib.suppress(OSError):
                yield from (_stamp(path) for path in Path(call.folder, folder).iterdir() if path.suffix in _NATIVE)
    if linker := shutil.which(call.codegen("linker") or "", path=call.environment.get("PATH")):
        yield _stamp(Path(linker))
    told = (option.codegen for option in call.options if option.codegen)
    words = (word for name, value in told if name in _TOLD_LINKER for word in _SEPARATOR.split(value))
    yield from (_stamp(Path(word)) for word in words if word.startswith("/"))


def leads_linker_elsewhere(option: Option) -> bool:
    """Whether an option has the linker look in folders, or at a file by its relative path, or read a list of words."""
    name, value = option.codegen or ("", "")
    words = _SEPARATOR.split(value) if name in _TOLD_LINKER else ()
    return any(word.startswith(("-L", "@")) or ("/" in word and not word.startswith("/")) for word in words)


def _stamp(path: Path) -> str:
    try:
        status = path.stat()
    except OSError:
        return str(path)
    return f"{path} {status.st_size} {status.st_mtime_ns}"


def read_dep_info(text: str) -> tuple[tuple[str, ...], dict[str, str]]:
    """The files and the variables that rustc has read, from the ``.d`` file that it wrote."""
    sources: list[str] = []
    variables: dict[str, str] = {}
    for line in text.splitlines():
        if line.startswith("# env-dep:"):
            name, _, value = line.removeprefix("# env-dep:").partition("=")
            variables[name] = value
        elif line.endswith(":") and not line.startswith("#"):
            sources.append(line[:-1].replace("\\ ", " "))
    return tuple(dict.fromkeys(sources)), variables
