"""The fast tests start no process: the guard itself."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable

import pytest

from trimtab.system.process import Command, SystemRunner


@pytest.mark.parametrize(
    "start",
    [
        lambda: subprocess.run([sys.executable, "-V"], check=False),
        lambda: subprocess.check_output([sys.executable, "-V"]),
        lambda: os.system("true"),
        lambda: os.posix_spawn("/bin/true", ["true"], {}),
        lambda: os.fork(),  # noqa: PLW0108 - looked up when called, not before
        lambda: SystemRunner().run(Command(argv=("true",))),
    ],
    ids=["run", "check_output", "system", "posix_spawn", "fork", "SystemRunner"],
)
def test_starting_a_process_is_an_error(start: Callable[[], object]) -> None:
    with pytest.raises(AssertionError, match="not marked integration starts a process"):
        start()
