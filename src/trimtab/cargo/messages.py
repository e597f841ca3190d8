"""Parser of the output of ``cargo build -v --message-format=json-render-diagnostics``.

Standard output carries one JSON message a line (The Cargo book, "External tools"); standard error carries, thanks to
``-v``, each rustc call as it was made, which costs nothing and needs no wrapper.
"""

from __future__ import annotations

import json
import re
import shlex
import signal
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from trimtab.model.trial import BuildFailed, Cause, Invocation

KILLED = re.compile(r"SIGKILL|terminated with signal 9|\bKilled\b")
"""Spellings of a SIGKILL by Cargo (of rustc), rustc (of a linker), C compilers and shells (of their children)."""
_RUNNING = re.compile(r"^\s*Running `(?P<call>.*)`\s*$")
_FAILURES: tuple[tuple[Cause, re.Pattern[str]], ...] = (
    (
        Cause.DISK_FULL,
        # A bus error is what a full disk looks like to a linker that writes through a memory map, as lld does.
        re.compile(
            r"No space left on device|os error 28\b|disk full|terminated with signal 7\b|signal: 7, SIGBUS",
            re.IGNORECASE,
        ),
    ),
    (
        Cause.OUT_OF_MEMORY,
        re.compile(
            r"memory allocation of \d+ bytes failed|LLVM ERROR: out of memory|Cannot allocate memory|std::bad_alloc"
            r"|memory exhausted"
        ),
    ),
    (Cause.KILLED, re.compile(r"signal: 9, SIGKILL|ld terminated with signal 9|signal: 15, SIGTERM")),
    (Cause.BUILD_SCRIPT, re.compile(r"failed to run custom build command")),
    (Cause.LINKER, re.compile(r"linking with .* failed|linker .* not found|could not exec the linker|collect2: error")),
    (Cause.COMPILER, re.compile(r"^error(\[E\d+\])?: could not compile|^error\[E\d+\]", re.MULTILINE)),
)
_NAMING = re.compile(
    r"^(error(\[E\d+\])?: |Error: |LLVM ERROR|memory allocation"
    r"|.*No space left|.*undefined (reference|symbol)|.*signal: \d+)"
)
_LONG_CALL = re.compile(r"`(?:[^`]*--crate-name (?P<crate>\S+))?[^`]{60,}`")
_LAST_LINES, _LONGEST = 30, 300
_STATIC, _FOR_RUSTC = (".a", ".lib"), (".rlib", ".rmeta")
_UNPROFILED = re.compile(r"no profile data available for function (\S+)")


def executables(stdout: str) -> dict[str, Path]:
    """Binary name → path of the executable that Cargo made."""
    paths = {}
    for message in _messages(stdout):
        if message.get("reason") == "compiler-artifact" and message.get("executable"):
            paths[message["target"]["name"]] = Path(message["executable"])
    return paths


def libraries(stdout: str) -> dict[str, Path]:
    """Library name → path of the file that other programs load or link; the one to load where there are both."""
    paths = {}
    for message in _messages(stdout):
        if message.get("reason") == "compiler-artifact" and {"cdylib", "staticlib"} & set(message["target"]["kind"]):
            files = sorted(map(Path, message["filenames"]), key=lambda path: path.suffix in _STATIC)
            paths[message["target"]["name"]] = next(path for path in files if path.suffix not in _FOR_RUSTC)
    return paths


def rebuilt(stdout: str) -> bool:
    """Whether Cargo compiled anything, rather than finding all of it fresh."""
    return any(
        message.get("reason") == "compiler-artifact" and message.get("fresh") is False for message in _messages(stdout)
    )


def script_runs(stdout: str) -> Iterator[tuple[tuple[str, str], str]]:
    """Name and version of a package, and the folder that its build script wrote to, in the order of their ends."""
    for message in _messages(stdout):
        if message.get("reason") == "build-script-executed":
            yield _package(message["package_id"]), message["out_dir"]


def invocations(stderr: str) -> tuple[Invocation, ...]:
    """The rustc calls that Cargo made, in order; runs of build scripts are left out."""
    return tuple(_invocations(stderr.splitlines()))


def unprofiled(stderr: str) -> frozenset[str]:
    """Mangled names of functions that rustc compiled without profile data though it was given some.

    It says so where ``-C llvm-args=-pgo-warn-missing-function`` was asked for.
    """
    return frozenset(_UNPROFILED.findall(stderr))


def failure(stderr: str, exit_code: int, *, timed_out: bool, oom_killed: bool, wall: float) -> BuildFailed:
    """Cause of a failed build, from its last lines of output and its exit status.

    Args:
        stderr: what Cargo and rustc printed.
        exit_code: Cargo's; negative for a signal.
        timed_out: whether the time limit ended it.
        oom_killed: whether the kernel is known to have killed a part of it for want of memory.
        wall: seconds until it failed.
    """
    lines = [line.rstrip() for line in stderr.splitlines() if line.strip() and not _RUNNING.match(line)]
    kept = [line for line in lines if not re.match(r"\s*(Compiling|Fresh|Dirty|Finished) ", line)]
    if timed_out:
        cause, message = Cause.TIMEOUT, f"stopped after {wall:.0f} s"
    elif oom_killed and (exit_code == -signal.SIGKILL or KILLED.search(stderr)):
        script = re.search(r"failed to run custom build command for `(?P<package>[^`]+)`", stderr)
        whose = f"what the build script of {script['package']} ran" if script else "a process of the build"
        cause, message = Cause.OUT_OF_MEMORY, f"the kernel killed {whose} for want of memory"
    else:
        text = "\n".join(kept)
        cause = next((cause for cause, pattern in _FAILURES if pattern.search(text)), Cause.CARGO)
        if exit_code < 0 and cause is Cause.CARGO:
            cause = Cause.KILLED
        message = _naming_line(kept, cause) or f"cargo ended with exit code {exit_code}"
    return BuildFailed(cause=cause, message=message, log=tuple(kept[-_LAST_LINES:]), wall=wall)


def _naming_line(lines: list[str], cause: Cause) -> str:
    """The line that says most: one of the cause's own, else one that looks like it, else the last."""
    patterns = [pattern for member, pattern in _FAILURES if member is cause]
    own = [line for line in lines if any(pattern.search(line) for pattern in patterns)]
    naming = [*own, *(line for line in lines if _NAMING.match(line)), *lines[-1:]]
    line = next((line for line in naming if "could not compile" not in line), naming[0] if naming else "")
    return _LONG_CALL.sub(_short_call, line.strip()).removeprefix("error: ").removeprefix("= note: ")[:_LONGEST]


def _short_call(match: re.Match[str]) -> str:
    return f"`rustc --crate-name {match['crate']} …`" if match["crate"] else "`…`"


def _package(identity: str) -> tuple[str, str]:
    """Name and version, from ``registry+https://…#serde@1.0``, ``path+file:///…/serde#1.0`` or ``serde 1.0 (…)``."""
    source, hash_, fragment = identity.partition("#")
    if not hash_:
        name, version, *_ = identity.split(" ")
        return name, version
    name, at, version = fragment.rpartition("@")
    return (name, version) if at else (source.rpartition("/")[2].partition("?")[0], fragment)


def _messages(stdout: str) -> Iterator[dict[str, Any]]:
    for line in stdout.splitlines():
        if line.startswith("{"):
            try:
                message = json.loads(line)
            except ValueError:
                continue  # a build script's or compiler plugin's own output in between
            if isinstance(message, dict):
                yield message


def _invocations(lines: Iterable[str]) -> Iterator[Invocation]:
    for line in lines:
        match = _RUNNING.match(line)
        if not match or "--crate-name" not in match["call"]:
            continue
        try:
            argv = shlex.split(match["call"])
        except ValueError:
            continue
        at = argv.index("--crate-name")
        yield Invocation(crate=argv[at + 1], arguments=tuple(argv[at + 2 :]))
