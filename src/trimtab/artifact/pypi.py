"""Wheels published on a package index, fetched by pip, so that the user's own index settings hold."""

from __future__ import annotations

import re
import sys
import sysconfig
import tempfile
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from urllib.parse import unquote

from trimtab.artifact.wheel_cache import cache_wheel, cached_wheel, wheels_in
from trimtab.errors import InputError, MissingError, TrimtabError
from trimtab.system.process import Command, Finished, Runner

PREFIX = "pypi:"

_LONGEST = 200
_SPEC = re.compile(
    r"pypi:(?P<name>[a-z0-9]([a-z0-9._-]*[a-z0-9])?)(==(?P<version>[a-z0-9][a-z0-9.!+_-]*))?(@(?P<platform>[a-z0-9_-]+))?",
    re.IGNORECASE | re.ASCII,
)
_TAG = re.compile(r"any|win32|(win|linux|macosx|manylinux(1|2010|2014|_\d+_\d+)|[a-z]+linux_\d+_\d+|android|ios)_\w+")
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
    """A short name or a tag; empty: this machine's."""
    tags: tuple[str, ...]
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
        index = f"-{sha256(repr(self.index).encode()).hexdigest()[:8]}" if any(self.index) else ""
        return f"{self.name}=={version}@{platform}-{sys.implementation.cache_tag}{index}"


def published_wheel(runner: Runner, spec: str, cache: Path, environment: Mapping[str, str]) -> Path:
    """The wheel of ``pypi:NAME[==VERSION][@PLATFORM]``, in the cache.

    pip chooses among the wheels of that version as if it were to install one, on the platform, with this Python. A
    pinned version that is there already is used again, without pip or network, unless the environment names another
    index than it did; a change in pip's configuration files is not seen.

    Args:
        runner: runs pip.
        spec: what the user wrote. PLATFORM is a wheel's platform tag, such as ``win_amd64``, or one of the short names
            in ``platforms.toml``, such as ``manylinux-x86_64``; without it, this machine's.
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
    name = _canonical(parts["name"])
    platform, tags = _platform(parts["platform"]) if parts["platform"] else ("", ())
    return _Wanted(name, parts["version"] or "", platform, tags)


def _platform(written: str) -> tuple[str, tuple[str, ...]]:
    """A platform's own name, and the wheel tags that it stands for, most wanted first."""
    names, tag = _short_names(), written.lower().replace("-", "_")
    for name, tags in names.items():
        if name.replace("-", "_") == tag:
            return name, tags
    if _TAG.fullmatch(tag):
        return tag, (tag,)
    one_of_each = {tags: name for name, tags in reversed(names.items())}.values()
    raise InputError(
        f"{written!r} is no platform",
        hint=f"write a wheel's tag, such as win_amd64, or {', '.join(sorted(one_of_each))}",
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
    version = ".".join(map(str, sys.version_info[:2]))  # said, since a pip from PATH may belong to another Python
    arguments = ("download", *_OPTIONS, "--python-version", version, "--dest", str(folder))
    platforms = tuple(f"--platform={tag}" for tag in wanted.tags)
    finished = _run_pip(runner, (*arguments, *platforms, wanted.requirement), environment)
    if not finished.ok:
        raise _trouble(wanted, finished)
    if not wheels_in(folder):
        raise MissingError(f"pip left no wheel of {wanted} behind", hint="look at `pip config list`")


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
    wheels = [wheel for wheel in _WHEEL.findall(unquote(output)) if _canonical(wheel[0]) == wanted.name]
    unreachable = [reason for reason in _UNFETCHED.findall(output) if "404 Client Error" not in reason]
    if unreachable and not wheels:
        reason = unreachable[-1].rpartition(">: ")[2].rstrip("')")  # without which object of pip's it was
        return MissingError(
            f"the package index cannot be reached: {reason}", hint="check the network and `pip config list`"
        )
    return _absent(wanted, wheels, output)


def _absent(wanted: _Wanted, wheels: list[tuple[str, ...]], output: str) -> InputError:
    """The index was asked, and does not have it."""
    if not wheels and "No sources permitted" in output:
        return InputError(f"{wanted.name} publishes no wheels", hint="build one, and name its file")
    if not wheels:
        return InputError(f"there is no project {wanted.name!r} on the index", hint="check the name")
    fitting = [wheel for wheel in wheels if not wanted.version or _same_version(wheel[1], wanted.version)]
    if not fitting:
        offered = _OFFERED.findall(output)
        newest = ", ".join(offered[-1].split(", ")[-3:]) if offered else ""
        return InputError(
            f"there is no {wanted}, or it has no wheels",
            hint=f"the newest are {newest}" if newest not in ("", "none") else "check the version",
        )
    pythons = _some(f"{python}-{abi}" for _, _, python, abi, _ in fitting)
    platforms = _some(wheel[4].split(".")[0] for wheel in fitting)
    platform = wanted.platform or "this machine"
    return InputError(
        f"{wanted} has no wheel for {platform} and this Python",
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
