"""The trimtab.toml that `init` writes, compared with golden files."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.fakes.values import TODAY
from trimtab.commands.init.config_file import config_file
from trimtab.model.profile import Profile

Golden = Callable[[str, str], None]


@pytest.mark.parametrize(
    ("name", "binaries", "today"),
    [("one", ("sounding",), TODAY), ("several", ("sounding", "sounding-index"), Profile(rustflags=("-g",)))],
)
def test_the_settings_that_init_writes(golden: Golden, name: str, binaries: tuple[str, ...], today: Profile) -> None:
    golden(f"trimtab-{name}.toml", config_file(binaries, today))
