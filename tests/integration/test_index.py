"""Wheels from the package index that pip is set up for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.fakes.runner import FakeRunner
from trimtab.artifact.archives.unpack import archive_kind, unpack
from trimtab.artifact.pypi import published_wheel
from trimtab.errors import InputError, MissingError
from trimtab.model.size_report import Format
from trimtab.system.process import SystemRunner

pytestmark = [pytest.mark.integration, pytest.mark.registry]

SIZES = {
    "manylinux-x86_64": 11_035_749,
    "windows-x86_64": 11_505_278,
    "macos-arm64": 9_865_341,
    "musllinux-aarch64": 10_163_168,
}
"""Bytes of the wheels of uv 0.2.35."""


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache with one small wheel in it; skips where the index cannot be reached."""
    folder = tmp_path_factory.mktemp("cache")
    environment = {**os.environ, "PIP_RETRIES": "0", "PIP_DEFAULT_TIMEOUT": "20"}
    try:
        published_wheel(SystemRunner(), "pypi:iniconfig==2.0.0", folder, environment)
    except MissingError as error:
        pytest.skip(error.what)
    return folder


def fetch(word: str, cache: Path) -> Path:
    return published_wheel(SystemRunner(), word, cache, dict(os.environ))


@pytest.mark.slow
@pytest.mark.parametrize("platform", SIZES)
def test_wheels_of_several_platforms(platform: str, cache: Path, tmp_path: Path) -> None:
    word = f"pypi:uv==0.2.35@{platform}"
    wheel = fetch(word, cache)
    assert wheel.stat().st_size == SIZES[platform]
    assert archive_kind(wheel) is Format.WHEEL
    binaries = [member.name for member in unpack(wheel, tmp_path) if member.file]
    assert [Path(name).stem for name in binaries] == ["uv", "uvx"]
    assert published_wheel(FakeRunner(), word, cache, dict(os.environ)) == wheel


def test_the_newest(cache: Path) -> None:
    assert fetch("pypi:iniconfig", cache).name.startswith("iniconfig-")


def test_a_platform_without_a_wheel(cache: Path) -> None:
    with pytest.raises(InputError, match=r"uv 0\.2\.35 has no wheel for windows-arm64") as caught:
        fetch("pypi:uv==0.2.35@windows-arm64", cache)
    assert "macosx_11_0_arm64" in caught.value.hint


def test_a_version_that_is_not_there(cache: Path) -> None:
    with pytest.raises(InputError, match=r"there is no iniconfig 999\.0"):
        fetch("pypi:iniconfig==999.0", cache)


def test_a_project_that_is_not_there(cache: Path) -> None:
    with pytest.raises(InputError, match="there is no project"):
        fetch("pypi:trimtab-no-such-project-anywhere", cache)


def test_an_index_that_does_not_answer(tmp_path: Path) -> None:
    nobody = {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_RETRIES": "0", "NO_PROXY": "127.0.0.1"}
    with pytest.raises(MissingError, match=r"the package index cannot be reached: .*refused"):
        published_wheel(SystemRunner(), "pypi:trimtab-no-such-project-anywhere", tmp_path, {**os.environ, **nobody})
