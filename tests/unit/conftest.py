"""The command line in this process, with a Cargo that builds nothing."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.fakes.cargo import FakeCargo
from trimtab.cli.app import run
from trimtab.store.sqlite import SqliteStore


@dataclass(frozen=True)
class Said:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def errors(self) -> list[str]:
        """The lines of an error (after the empty one that leaves a ``^C`` behind)."""
        return self.err.strip("\n").splitlines()


@dataclass
class Shell:
    """A folder with a project in it, and a command line."""

    folder: Path
    cargo: FakeCargo
    capture: pytest.CaptureFixture[str]

    @property
    def store(self) -> Path:
        """Where studies are kept."""
        return self.folder / "data" / "trimtab" / "trimtab.db"

    def trimtab(self, line: str) -> Said:
        """Run a command line such as ``explore --axis lto=fat``."""
        self.capture.readouterr()
        code = run(shlex.split(line))
        out, err = self.capture.readouterr()
        return Said(code, out, err)

    def opened(self) -> contextlib.closing[SqliteStore]:
        """The store itself."""
        return contextlib.closing(SqliteStore(self.store))


@pytest.fixture(autouse=True)
def _signals() -> Iterator[None]:
    """The command line takes some signals for itself."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def make_shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[[FakeCargo], Shell]:
    """Puts a fake Cargo in place of every process."""

    def make(cargo: FakeCargo) -> Shell:
        for name in [name for name in os.environ if name.startswith(("CARGO", "RUST", "NO_COLOR", "FORCE_COLOR"))]:
            monkeypatch.delenv(name)
        monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        monkeypatch.setattr(shutil, "which", lambda name, **_: f"/usr/bin/{name}")
        for module in (
            "trimtab.experiment.prepare",
            "trimtab.commands.apply.run",
            "trimtab.commands.doctor.run",
            "trimtab.commands.init.run",
            "trimtab.cli.output",
        ):
            monkeypatch.setattr(f"{module}.SystemRunner", lambda: cargo)
        monkeypatch.chdir(cargo.root)
        return Shell(tmp_path, cargo, capsys)

    return make


@pytest.fixture
def shell(make_shell: Callable[[FakeCargo], Shell], tmp_path: Path) -> Shell:
    """A project with one binary and ``lto = "thin"``."""
    return make_shell(FakeCargo.with_project(tmp_path / "app"))
