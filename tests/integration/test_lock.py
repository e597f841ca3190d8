"""The lock and the index: it has what is locked, with the same hashes, and a wheel of every package for each Python."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.integration.user import scripts

pytestmark = [pytest.mark.integration, pytest.mark.registry]

LOCKS = Path(__file__).parents[2] / "requirements"
CANNOT_ASK = ("error sending request", "Request failed after", "Failed to fetch", "network was disabled")


def uv(words: str, folder: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the locked uv."""
    return subprocess.run(
        [scripts() / "uv", *words.split(), *arguments],
        check=False,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
    )


def hashes(lock: str) -> dict[str, set[str]]:
    """Each pinned package of a lock's text with its hashes."""
    entries = re.findall(r"^(\S+==\S+)(.*\n(?: .*\n)*)", lock, re.MULTILINE)
    return {pin: set(re.findall(r"--hash=(\S+)", rest)) for pin, rest in entries}


@pytest.fixture(scope="module", autouse=True)
def index(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Skips where the index of Python packages cannot be reached: found out by asking it for one package."""
    folder = tmp_path_factory.mktemp("index")
    (folder / "one.txt").write_text("iniconfig==2.0.0\n")
    asked = uv("pip compile --quiet --no-cache one.txt", folder)
    if asked.returncode:
        assert any(one in asked.stderr for one in CANNOT_ASK), asked.stderr
        pytest.skip(f"the index of Python packages cannot be reached: {asked.stderr.strip()[:200]}")


@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13", "3.14"])
@pytest.mark.parametrize("lock", ["default.txt", "dev.txt"])
def test_there_is_a_wheel_of_everything_for_each_python(lock: str, python: str, tmp_path: Path) -> None:
    # With a target and a platform, uv needs no such Python here.
    for_python = f"--python-version {python} --python-platform linux --target nothing"
    strictly = "--no-deps --require-hashes --only-binary :all:"
    done = uv(f"pip install --dry-run {strictly} {for_python} --requirements", tmp_path, LOCKS / lock)
    assert done.returncode == 0, done.stderr
    assert " + rich==" in done.stderr
    assert (" + backports-zstd==" in done.stderr) == (python != "3.14")


@pytest.mark.parametrize("lock", ["default.txt", "dev.txt"])
def test_what_is_hashed_is_in_the_index(lock: str, tmp_path: Path) -> None:
    # A dry run compares no hashes; compiling takes them from the index and not from its input.
    compiling = "pip compile --quiet --no-deps --universal --no-strip-extras --generate-hashes --python-version 3.11"
    done = uv(compiling, tmp_path, LOCKS / lock)
    assert done.returncode == 0, done.stderr
    known, locked = hashes(done.stdout), hashes((LOCKS / lock).read_text("utf-8"))
    assert known.keys() == locked.keys()
    assert {pin: lost for pin in locked if (lost := locked[pin] - known[pin])} == {}  # files may be added to a release
