"""``trimtab apply``: a profile written into Cargo.toml."""

from __future__ import annotations

import io
import json
import re
import tomllib
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from tests.fakes.cargo import MANIFEST, FakeCargo
from tests.fakes.runner import finished
from tests.fakes.values import a_full_study
from tests.unit.commands.exploring import EXPLORE, study
from tests.unit.conftest import Shell
from tests.unit.test_schemas import validator
from trimtab.cli.apply import _offer


class TestApply:
    AFTER = MANIFEST.replace('lto = "thin" # smaller', 'lto = "fat"')

    def test_writes_the_setting_and_keeps_the_inheriting_profile(self, shell: Shell) -> None:
        study(shell, f"{EXPLORE} --measure size,build")
        said = shell.trimtab("apply --yes")
        assert said.code == 0
        text = (shell.cargo.root / "Cargo.toml").read_text()
        assert 'lto = "fat" # smaller' in text
        assert 'inherits = "release"' in text
        assert text.count("lto = ") == 2
        assert "# trimtab 20" in text
        assert "stripped size 550 B → 500 B (-9.1 %)" in text
        assert "and Cargo reads it as intended" in said.out
        assert '+lto = "fat"' in said.out

    def test_a_rehearsal_and_a_no_write_nothing(self, shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
        study(shell, f"{EXPLORE} --measure size,build")
        assert "nothing was written" in shell.trimtab("apply --dry-run").out
        monkeypatch.setattr("trimtab.cli.apply.has_terminal", lambda: True)
        monkeypatch.setattr("click.confirm", lambda *_, **__: False)
        assert "nothing was written" in shell.trimtab("apply").out
        assert (shell.cargo.root / "Cargo.toml").read_text() == MANIFEST

    def test_without_a_terminal_nothing_is_asked_and_that_is_said(self, shell: Shell) -> None:
        study(shell, f"{EXPLORE} --measure size,build")
        said = shell.trimtab("apply")
        assert said.code == 2
        assert '+lto = "fat"' in said.out
        assert "there is no terminal on which to confirm it" in said.errors[0]
        assert said.errors[1] == "  do: add --yes to write it, or --dry-run to see the change only"
        assert (shell.cargo.root / "Cargo.toml").read_text() == MANIFEST

    def test_a_change_is_shown_whole_in_a_narrow_terminal(self) -> None:
        before = f"[profile]\nrelease = {{ {', '.join(f'opt-level-{number} = 3' for number in range(12))} }}\n"
        change: Any = SimpleNamespace(
            before=before, after=before.replace(" }", ', strip = "symbols" }'), notes=(),
            project=SimpleNamespace(manifest=Path("Cargo.toml")), study=SimpleNamespace(id="app-1"),
        )  # fmt: skip
        shown = io.StringIO()
        _offer(change, Console(file=shown, force_terminal=True, width=100), dry_run=True, yes=False, quiet=False)
        plain = re.sub(r"\x1b\[[0-9;]*m|\s", "", shown.getvalue())
        assert 'opt-level-11=3,strip="symbols"}' in plain

    def test_the_document(self, shell: Shell) -> None:
        study(shell, f"{EXPLORE} --measure size,build")
        said = shell.trimtab("apply --yes --json")
        document = json.loads(said.out)
        validator("application").validate(document)
        assert document["written"] is True
        assert '+lto = "fat"' in document["diff"]

    def test_another_trial_or_goal_can_be_chosen(self, shell: Shell) -> None:
        found = study(shell, "explore --axis lto=thin,fat,off --measure size,build")
        off = next(trial["id"] for trial in found["trials"] if trial["profile"]["lto"] == "off")
        assert '+lto = "off"' in shell.trimtab(f"apply --trial {off[:6]} --dry-run").out
        assert '+lto = "off"' not in shell.trimtab("apply --goal size --dry-run").out
        said = shell.trimtab("apply --trial zzz")
        assert said.code == 2
        assert "no trial 'zzz' in app-" in said.errors[0]

    def test_todays_profile_changes_nothing(self, shell: Shell) -> None:
        study(shell, "explore --axis lto=off --measure size,build")
        said = shell.trimtab("apply --yes")
        assert said.code == 0
        assert "nothing to change" in said.out
        assert (shell.cargo.root / "Cargo.toml").read_text() == MANIFEST

    def test_a_profile_edited_since_is_refused(self, shell: Shell) -> None:
        study(shell, f"{EXPLORE} --measure size,build")
        manifest = shell.cargo.root / "Cargo.toml"
        manifest.write_text(MANIFEST.replace('"thin"', '"off"'))
        said = shell.trimtab("apply --yes")
        assert said.code == 2
        assert said.errors[0] == "error: the profile release has changed since the study"
        assert '"off"' in manifest.read_text()

    def test_a_change_that_cargo_reads_otherwise_is_taken_back(self, shell: Shell) -> None:
        study(shell, f"{EXPLORE} --measure size,build")
        manifest = shell.cargo.root / "Cargo.toml"
        honest = FakeCargo._unit_graph

        def overridden(command: Any) -> Any:
            graph = honest(shell.cargo, list(command.argv[2:]))
            return finished(graph.stdout.replace('"fat"', '"off"'))

        shell.cargo.on("cargo build -Z*--unit-graph*", overridden)
        said = shell.trimtab("apply --yes")
        assert said.code == 2
        assert said.errors[0].startswith("error: the old text was put back")
        assert "CARGO_PROFILE_" in said.errors[-1]
        assert manifest.read_text() == MANIFEST
        assert [path.name for path in manifest.parent.glob(".Cargo*")] == []

    def test_flags_cannot_be_applied_and_where_they_belong_is_told(self, shell: Shell) -> None:
        found = study(shell, "explore --axis 'rustflags=-C target-cpu=native' --measure size")
        native = found["trials"][1]["id"]
        said = shell.trimtab(f"apply --trial {native} --yes")
        assert 'rustflags = ["-C", "target-cpu=native"]' in " ".join(said.out.split())
        assert (shell.cargo.root / "Cargo.toml").read_text() == MANIFEST

    def test_a_failed_trial_is_refused(self, shell: Shell) -> None:
        shell.cargo.failing["lto=fat"] = finished(stderr="error[E0425]: cannot find `x`\n", exit_code=101)
        found = study(shell, f"{EXPLORE} --measure size")
        fat = next(trial for trial in found["trials"] if trial["status"] == "failed")
        said = shell.trimtab(f"apply --trial {fat['id']}")
        assert said.code == 2
        assert said.errors[0] == f"error: trial {fat['id']} could not be built: error[E0425]: cannot find `x`"

    def test_a_study_without_today_recommends_nothing(self, shell: Shell) -> None:
        shell.cargo.failing["lto=thin"] = finished(stderr="error[E0425]: cannot find `x`\n", exit_code=101)
        assert shell.trimtab(f"{EXPLORE} --measure size --json --quiet").code == 4
        said = shell.trimtab("apply")
        assert said.code == 2
        assert "has no recommendation" in said.errors[0]

    def test_where_rebuilds_get_dear_a_profile_to_iterate_with_keeps_what_release_had(self, shell: Shell) -> None:
        study(shell, EXPLORE)
        manifest = shell.cargo.root / "Cargo.toml"
        said = shell.trimtab("apply --yes")
        assert "iterate with `cargo build --profile" in " ".join(said.out.split())
        assert "keeps what release had" in " ".join(said.out.split())
        profiles = tomllib.loads(manifest.read_text())["profile"]
        (iteration,) = [name for name in profiles if name != "release"]
        assert profiles["release"]["lto"] == "fat"
        assert profiles[iteration]["lto"] == "thin"

    def test_one_is_made_where_there_is_none_and_only_if_it_is_wanted(self, shell: Shell) -> None:
        manifest = shell.cargo.root / "Cargo.toml"
        manifest.write_text(MANIFEST.split("[profile.")[0] + '[profile.release]\nlto = "thin"\n')
        study(shell, EXPLORE)
        assert "profiling" not in shell.trimtab("apply --no-pair --dry-run").out
        assert shell.trimtab("apply --yes").code == 0
        assert tomllib.loads(manifest.read_text())["profile"] == {
            "release": {"lto": "fat"},
            "profiling": {"inherits": "release", "debug": "line-tables-only", "strip": False, "lto": "thin"},
        }


class TestChoiceOfStudy:
    def test_the_newest_of_the_project_in_this_folder(self, shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
        here = study(shell, f"{EXPLORE} --measure size")["id"]
        with shell.opened() as opened:
            found = opened.load(here)
            elsewhere = replace(found.project, root="/elsewhere")
            opened.begin(replace(found, id="other", created="2999-01-01T00:00:00+00:00", project=elsewhere))
        assert shell.trimtab("apply --dry-run").out.startswith(f"{here} → {shell.cargo.root}")

    def test_none_of_another_project(self, shell: Shell) -> None:
        with shell.opened() as opened:
            opened.begin(a_full_study())
        assert shell.trimtab("apply --dry-run").errors[0] == "error: no study of this project"
