"""``trimtab init``: a trimtab.toml after looking at the project."""

from __future__ import annotations

import json

import pytest

import trimtab
from tests.unit.conftest import Shell
from tests.unit.test_schemas import validator
from trimtab.errors import InputError


class TestInit:
    def test_writes_what_it_shows_and_never_over_a_file(self, shell: Shell) -> None:
        shown = shell.trimtab("init --dry-run").out
        place = shell.cargo.root / "trimtab.toml"
        assert not place.exists()
        assert 'bin = "app"' in shown
        assert "lto = thin" in shown
        assert shell.trimtab("init").out == shown == place.read_text()
        place.write_text("# mine\n")
        said = shell.trimtab("init")
        assert said.code == 2
        assert said.errors[0] == "error: there is a trimtab.toml already"
        assert place.read_text() == "# mine\n"

    def test_without_a_lock_file_it_says_what_to_do(self, shell: Shell) -> None:
        (shell.cargo.root / "Cargo.lock").unlink()
        said = shell.trimtab("init")
        assert said.code == 2
        assert "cargo generate-lockfile" in said.errors[-1]

    @pytest.mark.parametrize(("option", "written"), [("", True), (" --dry-run", False)])
    def test_the_document(self, shell: Shell, option: str, written: bool) -> None:
        document = json.loads(shell.trimtab(f"init --json{option}").out)
        validator("init").validate(document)
        file = shell.cargo.root / "trimtab.toml"
        assert (document["file"], document["written"]) == (str(file), written)
        assert file.exists() is written
        assert document["text"] == trimtab.init("." if not written else _another(shell), dry_run=True)[1]


def _another(shell: Shell) -> str:
    """The same project, from which the file that was written has gone."""
    (shell.cargo.root / "trimtab.toml").unlink()
    return str(shell.cargo.root)


class TestFromPython:
    def test_writes_the_file_and_returns_it(self, shell: Shell) -> None:
        planned = trimtab.init(shell.cargo.root, dry_run=True)
        assert not planned[0].exists()
        file, text = trimtab.init(shell.cargo.root)
        assert (file, text) == planned
        assert file.read_text() == text

    def test_a_file_of_the_user_is_kept(self, shell: Shell) -> None:
        file, _ = trimtab.init(shell.cargo.root)
        file.write_text("# mine\n")
        with pytest.raises(InputError, match=r"there is a trimtab\.toml already"):
            trimtab.init(shell.cargo.root)
        assert file.read_text() == "# mine\n"
