"""The lock is whole: it is installed without a resolver, on every Python and system that is supported."""

from __future__ import annotations

import importlib.metadata
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
LOCKS = {"requirements/default.txt": "trimtab", "requirements/dev.txt": "trimtab[dev]"}
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
SYSTEMS = (
    ("posix", "linux", "Linux", "x86_64"),
    ("posix", "linux", "Linux", "aarch64"),
    ("posix", "darwin", "Darwin", "arm64"),
    ("nt", "win32", "Windows", "AMD64"),
)
ENVIRONMENTS = {
    f"{python} {sys_platform} {machine}": {
        "implementation_name": "cpython",
        "implementation_version": f"{python}.0",
        "os_name": os_name,
        "platform_machine": machine,
        "platform_python_implementation": "CPython",
        "platform_release": "",
        "platform_system": system,
        "platform_version": "",
        "python_full_version": f"{python}.0",
        "python_version": python,
        "sys_platform": sys_platform,
    }
    for python in PYTHONS
    for os_name, sys_platform, system, machine in SYSTEMS
}
"""What markers ask for, by a name for it."""

HASH = re.compile(r"sha256:[0-9a-f]{64}")


def faults_in(lock: str, root: str) -> set[str]:
    """What is wrong with a lock's text that should hold all that a requirement such as ``trimtab[dev]`` needs."""
    entries: list[Requirement] = []
    faults = set()
    for line in lock.replace("\\\n", " ").splitlines():
        text, *hashes = re.split(r"\s--hash=", line.partition("#")[0].strip())
        if not text:
            continue
        if "://" in line or text.startswith("-"):
            faults.add(f"{text}: names a place to install from")
            continue
        entry = Requirement(text)
        if re.fullmatch(r"==[^*,]+", str(entry.specifier)):
            entries.append(entry)
        else:
            faults.add(f"{entry.name}: is not pinned")
        if not hashes or not all(HASH.fullmatch(one.strip()) for one in hashes):
            faults.add(f"{entry.name}: has no SHA-256")
    for name in ENVIRONMENTS:
        faults.update(f"{fault} on {name}" for fault in _faults_on(name, entries, root))
    return faults


def _faults_on(environment: str, entries: list[Requirement], root: str) -> Iterator[str]:
    """What is missing in one of the environments, or not made for it."""
    here = {canonicalize_name(one.name): one for one in entries if _holds(one, environment)}
    for name, entry in here.items():
        pythons = SpecifierSet(_metadata(name, _pin(entry)).pythons)
        if not pythons.contains(ENVIRONMENTS[environment]["python_full_version"]):
            yield f"{name}: is for Python {pythons}"
    todo = [(Requirement(root), "")]
    seen: set[tuple[str, str]] = set()
    while todo:
        wanted, by = todo.pop()
        name, version = canonicalize_name(wanted.name), ""
        if name != "trimtab":
            if name not in here:
                yield f"{by}: {name} is missing"
                continue
            version = _pin(here[name])
            if not wanted.specifier.contains(version, prereleases=True):
                yield f"{by}: {name} {version} is not {wanted.specifier}"
            if lost := wanted.extras - here[name].extras:
                yield f"{by}: {name} is without {sorted(lost)}"
        for extra in {"", *wanted.extras} - {extra for one, extra in seen if one == name}:
            seen.add((name, extra))
            todo += [(one, name) for one in _requirements(name, version, extra, environment)]


def _pin(entry: Requirement) -> str:
    return str(entry.specifier).removeprefix("==")


def _holds(requirement: Requirement, environment: str, extra: str = "") -> bool:
    return not requirement.marker or requirement.marker.evaluate({**ENVIRONMENTS[environment], "extra": extra})


class Metadata(NamedTuple):
    """What a package says of itself."""

    pythons: str = ""
    requires: tuple[Requirement, ...] = ()


@cache
def _metadata(name: str, version: str) -> Metadata:
    """A locked package's metadata: nothing unless this very version is installed here."""
    if name == "trimtab":
        return Metadata(requires=tuple(_own_requirements()))
    try:
        found = importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        return Metadata()
    if found.version != version:
        return Metadata()
    pythons = found.metadata.get_all("Requires-Python", [""])[0]
    return Metadata(pythons, tuple(map(Requirement, found.requires or ())))


@cache
def _requirements(name: str, version: str, extra: str, environment: str) -> list[Requirement]:
    """What a package requires for an extra, or without any."""
    return [one for one in _metadata(name, version).requires if _holds(one, environment, extra)]


def _own_requirements() -> Iterator[Requirement]:
    """All of ``pyproject.toml``, extras as in the metadata of a package; dev builds trimtab without build isolation."""
    document = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    yield from map(Requirement, document["project"]["dependencies"])
    extras = document["project"]["optional-dependencies"]
    for extra, texts in {**extras, "dev": extras["dev"] + document["build-system"]["requires"]}.items():
        for text in texts:
            bare, _, marker = text.partition(";")
            yield Requirement(f'{bare}; extra == "{extra}"' + (f" and ({marker})" if marker else ""))


@pytest.mark.parametrize(("lock", "root"), LOCKS.items())
def test_the_lock_is_pinned_hashed_and_whole(lock: str, root: str) -> None:
    assert faults_in((ROOT / lock).read_text("utf-8"), root) == set()


@pytest.mark.parametrize(
    ("pattern", "replacement", "fault", "where"),
    [
        (r"^click==", "click>=", "click: is not pinned", ""),
        (r"^click==\S+", "click==8.*", "click: is not pinned", ""),
        (r"^(mdurl==\S+ )(\\\n +--hash=\S+ ?)+", r"\1", "mdurl: has no SHA-256", ""),
        (r"^(mdurl==\S+ \\\n +--hash=sha)256", r"\g<1>1", "mdurl: has no SHA-256", ""),
        (r"^click==", "--index-url https://example.org/simple\nclick==", "names a place to install from", ""),
        (r"^click==\S+", "click @ https://example.org/click-8.5.1-py3-none-any.whl", "names a place", ""),
        (r"^coverage\[toml\]", "coverage", "pytest-cov: coverage is without ['toml']", ""),
        (r"^iniconfig==.*\n( .*\n)+", "", "pytest: iniconfig is missing", ""),
        (r"^(iniconfig==\S+)", r"\1 ; python_full_version < '3.14'", "pytest: iniconfig is missing", "3.14"),
        (r"^(backports-zstd==.*)3\.14", r"\g<1>3.13", "trimtab: backports-zstd is missing", "3.13"),
        (r"^(cpp-demangle==\S+ ; .*) or .* ", r"\1 ", "trimtab: cpp-demangle is missing on 3.11 darwin arm64", ""),
        (r"^pluggy==\S+", "pluggy==0.1", "pytest: pluggy 0.1 is not ", ""),
        (r"^hatchling==\S+", "hatchling==1.0", "trimtab: hatchling 1.0 is not >=1.27", ""),
    ],
)
def test_what_is_wrong_with_a_lock_is_found(pattern: str, replacement: str, fault: str, where: str) -> None:
    lock = (ROOT / "requirements/dev.txt").read_text("utf-8")
    spoilt, times = re.subn(pattern, replacement, lock, count=1, flags=re.MULTILINE)
    assert times == 1
    found = faults_in(spoilt, "trimtab[dev]")
    assert any(fault in one and where in one for one in found), found
    assert all(where in one for one in found), found


def test_a_package_for_other_pythons_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    real = _metadata
    fake = lambda name, version: real(name, version)._replace(pythons="<3.14" if name == "mdurl" else "")  # noqa: E731
    monkeypatch.setitem(globals(), "_metadata", fake)
    found = faults_in((ROOT / "requirements/default.txt").read_text("utf-8"), "trimtab")
    assert found == {f"mdurl: is for Python <3.14 on {one}" for one in ENVIRONMENTS if one.startswith("3.14")}
