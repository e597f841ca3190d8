"""A power cut is played: kept programs that were emptied, cut or flipped are never weighed, run or recommended."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.user import User

pytestmark = pytest.mark.integration


def _emptied(path: Path) -> None:
    path.write_bytes(b"")


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _flipped(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


@pytest.mark.slow
@pytest.mark.parametrize("damage", [_emptied, _cut, _flipped])
def test_a_damaged_program_is_refused_and_built_again(damage: Callable[[Path], None], user: User) -> None:
    project = user.project("moody")
    arguments = ("--axis", "opt-level=s", "--measure", "size,run")
    study = user.explores(*arguments, cwd=project)
    programs = sorted(user.store.with_name("trimtab.db.artifacts").glob("[!.]*/*"))
    assert len(programs) == 2
    for program in programs:
        program.chmod(0o755)
        damage(program)
    for command in (("diff", "last:today"), ("compare", "last:today", "last:opt-level s", "--bench", "b={bin}")):
        assert "explore again" in user.run(*command, cwd=project).refused(2)
    again = user.explores(*arguments, cwd=project)
    assert len(user.builds()) == 4
    sizes = [[trial["metrics"]["size.file"] for trial in one["trials"]] for one in (study, again)]
    assert sizes[0] == sizes[1]
    assert again["recommendation"] == study["recommendation"]
