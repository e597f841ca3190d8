"""Wheels published on a package index, fetched by pip, so that the user's own index settings hold."""

from __future__ import annotations

import platform
import re
import sys
import sysconfig
import tempfile
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

from trimtab.artifact.wheel_cache import cache_wheel, cached_wheel, wheels_in
from trimtab.errors import InputError, MissingError, TrimtabError
from trimtab.system.process import Command, Finished, Runner

PREFIX = "pypi:"

_LONGEST = 200
_SPEC = re.compile(
    r"pypi:(?P<name>[a-z0-9]([a-z0-9._-]*[a-z0-9])?)(==(?P<version>[a-z0-9][a-z0-9.!+_-]*))?(@(?P<tag>[a-z0-9._-]+))?",
    re.IGNORECASE | re.ASCII,
)
_PYTHON = re.compile(r"(?P<implementation>cp|pp|py|ip|jy|graalpy)(?P<major>\d)_?(?P<minor>\d*)")
"""The Python of a wheel. Source: "Platform compatibility tags" of the Python Packaging User Guide."""
_ABI = re.compile(r"none|abi\d+t?|(?:cp|pypy|pp|ip|jy|graalpy)\d\w*")
_TAG = re.compile(r"any|win32|[a-z]+\d*_\w+")
"""A platform: a system, and an architecture or version behind an underscore; whatever the index has may follow."""
_KNOWN = re.compile(r"(win|linux|macosx|manylinux(1|2010|2014|_\d+_\d+)|[a-z]+linux_\d+_\d+|android|ios)_\w+")
"""Platforms that may be written with hyphens."""
_OPTIONS = (
    *("--disable-pip-version-check", "--no-input", "--no-color", "--progress-bar=off", "-vv"),
    *("--no-deps", "--only-binary=:all:"),
    "--ignore-requires-python",  # nothing is installed, so nothing has to run here
)
_INDEX_VARIABLES = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_NO_INDEX")
_NO_PIP = "No module named pip"
_WHEEL = re.compile(r"/([A-Za-z0-9._]+)-([^-/\s]+)(?:-\d[^-/\s]*)?-([^-/\s]+)-([^-/\s]+)-([^-/\s]+)\.whl")
"""A wheel in an address: project, version, Python, ABI and platform. Source: PEP 427, "File name convention"."""
_UNFETCHED = re.compile(r"Could not fetch URL \S+ (.+?)(?: - skipping)?$", re.MULTILINE)
_OFFERED = re.compile(r"\(from versions: (.+)\)")
_FEW = 12


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A wheel as a user names it."""

    name: str
    version: str
    """Empty: the newest."""
    platform: str
    """A short name or tags; empty: this machine's."""
    tags: tuple[str, ...]
    """Of the platform, most wanted first."""
    python: str = ""
    """Python tag; empty: this Python's."""
    abi: str = ""
    """Empty: whatever goes with the Python."""
    index: tuple[str, ...] = ()
    """Settings of pip's index in the environment: another index may have another wheel of the same name."""

    def __str__(self) -> str:
        return f"{self.name} {self.version}".strip()

    @property
    def requirement(self) -> str:
        """As pip wants it."""
        return f"{self.name}=={self.version}" if self.version else self.name

    def folder(self, version: str) -> str:
        """Cache folder of the wheel; other Pythons, and other machines with the same home, get other wheels."""
        platform = self.platform or f"here-{sysconfig.get_platform()}"
        python = "-".join(filter(None, (self.python, self.abi))) or sys.implementation.cache_tag
        index = f"-{sha256(repr(self.index).encode()).hexdigest()[:8]}" if any(self.index) else ""
        return f"{self.name}=={version}@{platform}-{python}{index}"


def published_wheel(runner: Runner, spec: str, cache: Path, environment: Mapping[str, str]) -> Path:
    """The wheel of ``pypi:NAME[==VERSION][@[PYTHON-[ABI-]]PLATFORM]``, in the cache.

    pip chooses among the wheels of that version as if it were to install one, on the platform, with that Python. If
    none is named and there is no wheel for this one, the wheel for the newest Python is taken. A pinned version that is
    there already is used again, without pip or network, unless the environment names another index than it did; a
    change in pip's configuration files is not seen.

    Args:
        runner: runs pip.
        spec: what the user wrote. PYTHON, ABI and PLATFORM are a wheel's tags, such as ``cp312-win_amd64``; PLATFORM
            may be a short name in ``platforms.toml``, such as ``manylinux-x86_64``; without it, this machine's.
        cache: trimtab's own cache folder.
        environment: the user's, with pip's settings.

    Raises:
        InputError: the spec cannot be parsed; no such project, version or wheel; the cache cannot be written.
        MissingError: there is no pip, or it cannot reach the index.
    """
    wanted = replace(_parsed(spec), index=tuple(environment.get(name, "") for name in _INDEX_VARIABLES))
    kept = cache / "wheels"
    if wanted.version and (wheel := cached_wheel(kept / wanted.folder(wanted.version))):
        return wheel
    try:
        kept.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".draft-", dir=kept) as scratch:
            draft = Path(scratch) / "wheel"
            draft.mkdir()
            _download(runner, wanted, draft, environment)
            version = wanted.version or wheels_in(draft)[0].name.split("-")[1]
            return cache_wheel(draft, kept / wanted.folder(version))
    except OSError as error:
        raise InputError(f"the cache folder cannot be written: {error.strerror}", where=str(kept)) from None


# What the user asks for


def _parsed(spec: str) -> _Wanted:
    parts = _SPEC.fullmatch(spec)
    if not parts or len(spec) > _LONGEST:
        raise InputError(
            f"{spec[:_LONGEST]!r} names no wheel",
            hint="write it like pypi:uv==0.2.35 or pypi:uv==0.2.35@manylinux-x86_64, without extras or ranges",
        )
    name, tag = _canonical(parts["name"]), (parts["tag"] or "").lower()
    python, tag = _leading(_PYTHON, tag)
    abi, tag = _leading(_ABI, tag) if python else ("", tag)
    platform, tags = _platform(tag) if parts["tag"] else ("", ())
    return _Wanted(name, parts["version"] or "", platform, tags, python, abi)


def _leading(pattern: re.Pattern[str], tag: str) -> tuple[str, str]:
    """The first of tags joined by hyphens, if it is of a kind, and the rest."""
    first, _, rest = tag.partition("-")
    return (first, rest) if rest and pattern.fullmatch(first) else ("", tag)


def _platform(written: str) -> tuple[str, tuple[str, ...]]:
    """A platform's own name, and the wheel tags that it stands for, most wanted first."""
    names, tag = _short_names(), written.replace("-", "_")
    for name, tags in names.items():
        if name.replace("-", "_") == tag:
            return name, tags
    if all(map(_TAG.fullmatch, tag.split("."))) and ("-" not in written or _KNOWN.fullmatch(tag)):
        return tag, tuple(tag.split("."))
    one_of_each = {tags: name for name, tags in reversed(names.items())}.values()
    raise InputError(
        f"{written!r} is no platform",
        hint=f"write a wheel's tag, such as win_amd64 or cp312-win_amd64, or {', '.join(sorted(one_of_each))}",
    )


def _short_names() -> dict[str, tuple[str, ...]]:
    """The tags behind every short name, from ``platforms.toml``."""
    from importlib import resources

    facts = tomllib.loads(resources.files("trimtab.artifact").joinpath("platforms.toml").read_text("utf-8"))
    return {
        f"{name}-{written}": tuple(tag.format(arch=arch) for tag in family["tags"])
        for family in facts["family"]
        for name in family["names"]
        for written, arch in family["architectures"].items()
    }


# Asking pip


def _download(runner: Runner, wanted: _Wanted, folder: Path, environment: Mapping[str, str]) -> None:
    arguments = ("download", *_OPTIONS, "--dest", str(folder))
    finished = _run_pip(runner, (*arguments, *_target(wanted), wanted.requirement), environment)
    if not finished.ok and not wanted.abi and (other := _of_those_passed_over(wanted, finished)):
        finished = _run_pip(runner, (*arguments, *_target(other), other.requirement), environment)
    if not finished.ok:
        raise _trouble(wanted, finished)
    if not wheels_in(folder):
        raise MissingError(f"pip left no wheel of {wanted} behind", hint="look at `pip config list`")


def _target(wanted: _Wanted) -> tuple[str, ...]:
    """Options of pip that say for which Python and platform."""
    version, implementation = ".".join(map(str, sys.version_info[:2])), ""
    if python := _PYTHON.fullmatch(wanted.python):
        version = ".".join(filter(None, (python["major"], python["minor"])))
        implementation = python["implementation"]
    return (
        *("--python-version", version),  # always, since a pip from PATH may belong to another Python
        *((f"--implementation={implementation}",) if implementation else ()),
        *((f"--abi={wanted.abi}",) if wanted.abi else ()),
        *(f"--platform={tag}" for tag in wanted.tags),
    )


def _of_those_passed_over(wanted: _Wanted, finished: Finished) -> _Wanted | None:
    """The wheel for the newest Python, or for that named, of those that pip passed over for their Python or ABI."""
    output = finished.stdout + finished.stderr
    tags = wanted.tags or _short_names().get(_this_platform(), ())
    fitting = [
        wheel
        for wheel in _listed(wanted, output)
        if _PYTHON.fullmatch(wheel.python.split(".")[-1])
        and wanted.python in ("", *wheel.python.split("."))
        and wheel.runs_on(tags)
    ]
    if not fitting:
        return None
    best = max(fitting, key=lambda wheel: wheel.newness)
    python, abi = wanted.python or best.python.split(".")[-1], best.abi.split(".")[0]
    return replace(wanted, version=best.version, python=python, abi=abi, tags=tuple(best.platform.split(".")))


def _this_platform() -> str:
    """Short name of this machine's platform."""
    system = {"linux": "manylinux", "darwin": "macos", "win32": "windows"}.get(sys.platform, sys.platform)
    return f"{system}-{platform.machine().lower()}"


class _Wheel(NamedTuple):
    """A wheel that pip looked at."""

    name: str
    version: str
    python: str
    abi: str
    platform: str

    @property
    def newness(self) -> tuple[list[int], bool, tuple[int, int]]:
        """Order in which wheels are wanted: by version, CPython's first, by version of Python."""
        python = _PYTHON.fullmatch(self.python.split(".")[-1])
        version = (int(python["major"]), int(python["minor"] or 0)) if python else (0, 0)
        return [int(number) for number in re.findall(r"\d+", self.version)], self.python.startswith("cp"), version

    def runs_on(self, tags: Sequence[str]) -> bool:
        """Whether one of its platforms is among those tags, or one that a newer macOS can run, too."""
        for own in self.platform.split("."):
            macos = own.startswith("macosx_") and any(
                tag.startswith("macosx_") and own.endswith((tag.split("_", 3)[3], "universal2")) for tag in tags
            )
            if own in tags or own == "any" or macos:
                return True
        return False


def _listed(wanted: _Wanted, output: str) -> list[_Wheel]:
    """Wheels of the project and version in what pip says with ``-vv``."""
    wheels = [_Wheel(*wheel) for wheel in _WHEEL.findall(unquote(output)) if _canonical(wheel[0]) == wanted.name]
    return [wheel for wheel in wheels if not wanted.version or _same_version(wheel.version, wanted.version)]


def _run_pip(runner: Runner, arguments: tuple[str, ...], environment: Mapping[str, str]) -> Finished:
    """Run this Python's own pip, or else one on PATH.

    Raises:
        MissingError: there is none.
    """
    own = [(sys.executable, "-P", "-m", "pip")] if sys.executable else []  # -P: not a pip.py that lies around here
    for pip in (*own, ("pip",), ("pip3",)):
        try:
            finished = runner.run(Command(argv=(*pip, *arguments), environment=environment))
        except MissingError:
            continue
        if finished.ok or _NO_PIP not in finished.stderr:
            return finished
    raise MissingError(
        "there is no pip, which fetches wheels",
        hint=f"run `{sys.executable or 'python3'} -m ensurepip`, or download it",
    )


def _trouble(wanted: _Wanted, finished: Finished) -> TrimtabError:
    """Why pip gave no wheel, from what it says with ``-vv``: every link it passed over, and every failed request."""
    output = finished.stdout + finished.stderr
    errors = re.findall(r"^ERROR: (.+)$", output, re.MULTILINE)
    if not any(line.startswith("No matching distribution") for line in errors):
        lines = errors or output.split("\n")
        reason = next((line.strip() for line in reversed(lines) if line.strip()), f"exit code {finished.exit_code}")
        return MissingError(f"pip cannot fetch {wanted}: {reason}", hint="check the network and `pip config list`")
    wheels = _listed(replace(wanted, version=""), output)
    unreachable = [reason for reason in _UNFETCHED.findall(output) if "404 Client Error" not in reason]
    if unreachable and not wheels:
        reason = unreachable[-1].rpartition(">: ")[2].rstrip("')")  # without which object of pip's it was
        return MissingError(
            f"the package index cannot be reached: {reason}", hint="check the network and `pip config list`"
        )
    return _absent(wanted, wheels, output)


def _absent(wanted: _Wanted, wheels: list[_Wheel], output: str) -> InputError:
    """The index was asked, and does not have it."""
    if not wheels and "No sources permitted" in output:
        return InputError(f"{wanted.name} publishes no wheels", hint="build one, and name its file")
    if not wheels:
        return InputError(f"there is no project {wanted.name!r} on the index", hint="check the name")
    fitting = [wheel for wheel in wheels if not wanted.version or _same_version(wheel.version, wanted.version)]
    if not fitting:
        offered = _OFFERED.findall(output)
        newest = ", ".join(offered[-1].split(", ")[-3:]) if offered else ""
        return InputError(
            f"there is no {wanted}, or it has no wheels",
            hint=f"the newest are {newest}" if newest not in ("", "none") else "check the version",
        )
    pythons = _some(f"{wheel.python}-{wheel.abi}" for wheel in fitting)
    platforms = _some(wheel.platform.split(".")[0] for wheel in fitting)
    target = wanted.platform or "this machine"
    python = wanted.python or "this Python"
    return InputError(
        f"{wanted} has no wheel for {target} and {python}",
        hint=f"after @ write one that has: {platforms} (for Python {pythons})",
    )


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _same_version(base: str, other: str) -> bool:
    """Whether two versions are equal, as far as trailing zeros and separators go: enough for a hint."""
    base, other = (re.sub(r"(\.0)+$", "", version.lower().replace("-", "_")) for version in (base, other))
    return base == other


def _some(names: Iterable[str]) -> str:
    different = sorted(set(names))
    return ", ".join(different[:_FEW]) + (" and others" if len(different) > _FEW else "")
