"""Makes the users of `user.py`, the disks they fill and the registry they need."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.integration.user import User

_SETTINGS = "CARGO RUST CFLAGS CXXFLAGS LDFLAGS MAKEFLAGS MFLAGS NO_COLOR XDG_ PYTHONDONTWRITEBYTECODE"
_SETTINGS_OF_OURS = tuple(_SETTINGS.split())
_LOGGING_CARGO = """\
#!/bin/sh
printf '%s\\n' "$*" >> "$CARGO_LOG"
exec '{cargo}' "$@"
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort slow tests first, and with ``--dist loadfile`` their modules: one that came last would run alone."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


@pytest.fixture(scope="session")
def toolchain() -> Path:
    """The folder with the real cargo and rustc: rustup's proxies do not work in an empty home."""
    sysroot = subprocess.run(["rustc", "--print", "sysroot"], check=True, capture_output=True, text=True).stdout.strip()
    folder = Path(sysroot) / "bin"
    bin_folder = folder if (folder / "cargo").exists() else Path(shutil.which("cargo") or "").parent
    assert (bin_folder / "cargo").exists()
    return bin_folder


@pytest.fixture(scope="session")
def wrappers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with the compiled rustc wrapper: to compile it for each user takes a second of many tests."""
    return tmp_path_factory.mktemp("wrappers")


@pytest.fixture(scope="session")
def backends(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with installed build backends of Python projects, which all workers and users have in common."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "backends"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def new_user(toolchain: Path, wrappers: Path, backends: Path) -> Callable[[Path], User]:
    """Makes a user whose home is a folder."""

    def make(folder: Path) -> User:
        cache = folder / "cache" / "trimtab"
        cache.mkdir(parents=True)
        (cache / "wrapper").symlink_to(wrappers)
        (cache / "backends").symlink_to(backends)
        tools = folder / "tools"
        tools.mkdir(parents=True)
        shim = tools / "cargo"
        shim.write_text(_LOGGING_CARGO.format(cargo=toolchain / "cargo"))
        shim.chmod(0o755)
        (folder / "home").mkdir()
        kept = {name: value for name, value in os.environ.items() if not name.startswith(_SETTINGS_OF_OURS)}
        return User(
            folder=folder,
            environment={
                **kept,
                "PATH": f"{tools}:{toolchain}:{kept['PATH']}",
                "HOME": str(folder / "home"),
                "XDG_DATA_HOME": str(folder / "data"),
                "XDG_CACHE_HOME": str(folder / "cache"),
                # The registry's index and downloads stay where they are: this is Cargo's own documented default.
                "CARGO_HOME": os.environ.get("CARGO_HOME") or str(Path.home() / ".cargo"),
                "CARGO_LOG": str(folder / "cargo.log"),
            },
        )

    return make


@pytest.fixture
def user(new_user: Callable[[Path], User], tmp_path: Path) -> User:
    """A new user with an empty home."""
    return new_user(tmp_path)


@pytest.fixture(scope="session")
def registry(toolchain: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Skips where crates.io cannot be reached, which one request to it tells."""
    folder = tmp_path_factory.mktemp("registry")
    (folder / "src").mkdir()
    (folder / "src" / "lib.rs").touch()
    (folder / "Cargo.toml").write_text('[package]\nname = "asks"\nversion = "0.0.0"\n[dependencies]\nitoa = "1"\n')
    argv = [str(toolchain / "cargo"), "update"]
    environment = {**os.environ, "CARGO_NET_RETRY": "0", "CARGO_HTTP_TIMEOUT": "20"}
    try:
        update = subprocess.run(
            argv, check=False, cwd=folder, env=environment, capture_output=True, text=True, timeout=60
        )
    except subprocess.TimeoutExpired:
        pytest.skip("crates.io cannot be reached: no answer within 60 s")
    if update.returncode:
        pytest.skip(f"crates.io cannot be reached: {update.stderr.strip()[:200]}")


@pytest.fixture(scope="session")
def containment(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Skips where builds cannot be kept from changing the tree."""
    folder = tmp_path_factory.mktemp("overlay")
    for name in ("lower", "upper", "work"):
        (folder / name).mkdir()
    options = f"lowerdir={folder}/lower,upperdir={folder}/upper,workdir={folder}/work"
    for rights in ((), ("--map-root-user",)):
        argv = ["unshare", "--mount", *rights, "mount", "-t", "overlay", "x", "-o", options, f"{folder}/lower"]
        if shutil.which("unshare") and not subprocess.run(argv, check=False, capture_output=True).returncode:
            return
    pytest.skip("this system lets nobody here lay an overlay over a folder")


@pytest.fixture
def tmpfs(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Mounts small disks in memory, by mount options such as ``size=1m``; skips where that is not allowed."""
    mounted: list[Path] = []

    def mount(options: str) -> Path:
        folder = tmp_path / f"disk-{len(mounted)}"
        folder.mkdir()
        if not shutil.which("mount"):
            pytest.skip("there is no mount here")
        argv = ["mount", "-t", "tmpfs", "-o", options, "trimtab-tests", str(folder)]
        done = subprocess.run(argv, check=False, capture_output=True, text=True)
        if done.returncode:
            pytest.skip(f"a disk cannot be mounted here: {done.stderr.strip()}")
        mounted.append(folder)
        return folder

    yield mount
    for folder in mounted:
        subprocess.run(["umount", str(folder)], check=True)
