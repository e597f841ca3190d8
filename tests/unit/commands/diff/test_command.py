"""``trimtab diff`` as it is typed."""

from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path

import pytest

import trimtab
from tests.unit.conftest import Shell
from tests.unit.test_schemas import validator
from trimtab.errors import InputError

EMPTY = b"\0asm\1\0\0\0"
"""The smallest WebAssembly module."""
TYPES = EMPTY + b"\1\4\1\x60\0\0"
"""The same with a type section."""


@pytest.fixture
def here(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with some files, which is the current one."""
    folder = shell.folder / "files"
    folder.mkdir()
    monkeypatch.chdir(folder)
    (folder / "old.wasm").write_bytes(TYPES)
    (folder / "new.wasm").write_bytes(EMPTY)
    (folder / "notes.txt").write_text("nothing to see")
    (folder / "empty").touch()
    (folder / "broken").write_bytes(b"\x7fELF" + b"\xff" * 60)
    with zipfile.ZipFile(folder / "release.zip", "w") as archive:
        archive.writestr("tool.wasm", TYPES)
        archive.writestr("broken", b"\x7fELF" + b"\xff" * 60)
    return folder


class TestDiff:
    def test_two_files(self, here: Path, shell: Shell) -> None:
        said = shell.trimtab("diff old.wasm new.wasm")
        assert (said.code, said.err) == (0, "")
        assert said.out.startswith("new.wasm: 14 → 8 bytes (-42.9 %)")

    def test_one_file_alone(self, here: Path, shell: Shell) -> None:
        assert shell.trimtab("diff old.wasm").out.startswith("old.wasm: 14 bytes")

    def test_the_document(self, here: Path, shell: Shell) -> None:
        document = json.loads(shell.trimtab("diff old.wasm new.wasm --json").out)
        validator("diff").validate(document)
        assert document["change"]["bytes"] == -6
        assert (document["base"]["path"], document["base"]["kind"]) == ("old.wasm", "wasm")

    def test_two_levels(self, here: Path, shell: Shell) -> None:
        said = shell.trimtab("diff old.wasm new.wasm --by member,section")
        assert "└─type" in said.out
        document = json.loads(shell.trimtab("diff old.wasm --by member,section --json").out)
        validator("diff").validate(document)
        assert document["groups"][0]["rows"][0]["base"] == len(TYPES)

    def test_a_folder(self, here: Path, shell: Shell) -> None:
        document = json.loads(shell.trimtab("diff . --json").out)
        validator("diff").validate(document)
        assert {"new.wasm", "old.wasm", "release.zip/tool.wasm"} == {one["name"] for one in document["members"]}

    def test_markdown(self, here: Path, shell: Shell) -> None:
        said = shell.trimtab("diff old.wasm new.wasm --markdown --by section")
        assert said.out.startswith("**new.wasm: 14 → 8 bytes (-42.9 %)**")

    def test_a_damaged_binary_in_an_archive_is_said_and_the_rest_weighed(self, here: Path, shell: Shell) -> None:
        document = json.loads(shell.trimtab("diff release.zip old.wasm --json").out)
        assert [one["base_name"] for one in document["members"]] == ["tool.wasm"]
        assert document["members"][0]["head_name"] == "old.wasm"
        assert any("release.zip: broken: the elf file is damaged" in note for note in document["notes"])

    @pytest.mark.parametrize(
        ("line", "what"),
        [
            ("diff", "Missing argument 'BASE'"),
            ("diff missing.wasm", "no such file or trial: 'missing.wasm'"),
            ("diff old.wasm folder/missing:x", "no such file"),
            ("diff notes.txt", "neither a binary"),
            ("diff empty", "neither a binary"),
            ("diff ./empty.d", "no such file or trial"),
            ("diff pipe", "not a file"),
            ("diff broken", "the elf file is damaged"),
            ("diff nostudy:today", "there is no study 'nostudy'"),
            ("diff pypi:", "pypi:"),
            ("diff old.wasm new.wasm --json --markdown", "exclude each other"),
            ("diff old.wasm --by colour", "'colour' is not one of"),
            ("diff old.wasm --by crate,crate", "two different ones"),
            ("diff old.wasm --by crate,section,symbol", "give one group, or two"),
            ("diff old.wasm --debug-file new.wasm", "no debug file"),
            ("diff old.wasm --debug-file missing", "does not exist"),
            ("diff old.wasm --top 0", "not in the range"),
        ],
    )
    def test_mistakes_are_two_or_three_lines(self, here: Path, shell: Shell, line: str, what: str) -> None:
        os.mkfifo(here / "pipe")
        said = shell.trimtab(line)
        assert said.code == 2
        assert said.out == ""
        assert what in said.errors[0] or what in said.errors[1]
        assert 2 <= len(said.errors) <= 3
        assert all(one.startswith(("error: ", "  in: ", "  do: ")) for one in said.errors)


class TestTrials:
    def test_a_trial_is_found_by_the_name_in_the_table(self, shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
        # what the fake builder keeps is no binary; the modules that stand in for it are not what was recorded
        monkeypatch.setattr("trimtab.commands.diff.run.require_intact", lambda *_: None)
        shell.trimtab("explore --axis lto=fat --measure size --quiet")
        with shell.opened() as store:
            artifacts = {
                name: store.load("last").trials[number].artifacts for number, name in enumerate(("today", "fat"))
            }
        for name, content in (("today", TYPES), ("fat", EMPTY)):
            Path(artifacts[name][0].path).write_bytes(content)
        said = shell.trimtab("diff last:today 'last:lto fat' --json")
        assert json.loads(said.out)["change"]["bytes"] == -6

    def test_a_trial_that_is_not_there(self, shell: Shell) -> None:
        shell.trimtab("explore --axis lto=fat --measure size --quiet")
        assert "no trial 'thin' in " in shell.trimtab("diff last:thin").errors[0]


def test_from_a_script(here: Path) -> None:
    assert trimtab.diff(here / "old.wasm", here / "new.wasm").total.change == -6
    with pytest.raises(InputError, match="no such file"):
        trimtab.diff(here / "missing")
