"""What all tests share: no process is started by accident, and golden files."""

from __future__ import annotations

import gc
import importlib.metadata
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest
from hypothesis import settings
from packaging.version import Version

from trimtab.system.process import SystemRunner

settings.register_profile("fast tests", deadline=None)  # a busy machine is no failure
settings.load_profile("fast tests")

GOLDEN = Path(__file__).parent / "golden"
OLD_TABLES = Version(importlib.metadata.version("rich")) < Version("14.3")
STARTS_A_PROCESS = (
    (subprocess, "Popen"),
    *((os, name) for name in ("system", "popen", "fork", "forkpty", "posix_spawn", "posix_spawnp")),
    *((os, f"exec{kind}") for kind in ("l", "le", "lp", "lpe", "v", "ve", "vp", "vpe")),
    *((os, f"spawn{kind}") for kind in ("l", "le", "lp", "lpe", "v", "ve", "vp", "vpe")),
    (SystemRunner, "run"),
)
"""Every way of starting a process that Python has, and trimtab's own one door to them."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--write-golden", action="store_true", help="write the golden files anew instead of comparing")


def pytest_collection_finish() -> None:
    """What is there by now stays: pefile has the garbage collector look at everything for each file that it reads."""
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def _ctrl_c() -> None:
    """A shell that starts the tests in the background has them ignore Ctrl-C, and all that they start inherits that."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def no_processes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Starting a process is an error in every test that is not marked ``integration``."""
    if request.node.get_closest_marker("integration"):
        return

    def refuse(*arguments: Any, **_: Any) -> NoReturn:
        raise AssertionError(f"a test that is not marked integration starts a process: {arguments}")

    for place, name in STARTS_A_PROCESS:
        monkeypatch.setattr(place, name, refuse)


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Compares a text with a file under ``tests/golden``; ``--write-golden`` writes the file instead."""

    def check(name: str, text: str) -> None:
        path = GOLDEN / name
        if request.config.getoption("--write-golden"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
        if "─" in text and text != path.read_text("utf-8") and OLD_TABLES:
            pytest.skip("tables are a column wider with rich before 14.3, golden files are as with later ones")
        assert text == path.read_text("utf-8")

    return check
