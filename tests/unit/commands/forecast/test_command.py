"""``trimtab forecast``, with a Cargo that compiles nothing but says so over the wrapper's socket."""

from __future__ import annotations

import json
from pathlib import Path

from tests.fakes.compiling import MEMORY, Compiling
from tests.fakes.runner import finished
from tests.unit.conftest import Shell


class TestForecast:
    def test_a_table_for_usual_machines(self, shell: Shell, cargo: Compiling) -> None:
        said = shell.trimtab("forecast")
        assert said.code == 0
        assert said.out.startswith("app: clean builds, forecast from traced ones\n")
        assert [line.split()[0] for line in said.out.splitlines()[4:9]] == ["2", "4", "8", "16", "64"]
        assert said.err == "today: building\n"

    def test_json_alone_on_standard_output(self, shell: Shell, cargo: Compiling) -> None:
        found = json.loads(shell.trimtab("forecast --json --cores 1 --cores 8 --axis lto=fat").out)
        assert [one["label"] for one in found["profiles"]] == ["today", "lto fat"]
        assert [one["cores"] for one in found["profiles"][0]["forecasts"]] == [1, 8]
        assert [unit["name"] for unit in found["profiles"][0]["units"]] == ["dep 0.1.0", "app 0.1.0 (program)"]
        assert found["profiles"][0]["forecasts"][0]["peak_memory"] == MEMORY
        assert found["command"] == "trimtab forecast --json --cores 1 --cores 8 --axis lto=fat"

    def test_a_page_and_a_picture(self, shell: Shell, cargo: Compiling, tmp_path: Path) -> None:
        page, picture = tmp_path / "page.html", tmp_path / "picture.svg"
        assert shell.trimtab(f"forecast -q --html {page} --svg {picture}").code == 0
        assert page.read_text("utf-8").startswith("<!doctype html>")
        assert picture.read_text("utf-8").startswith("<svg ")

    def test_a_page_that_cannot_be_written(self, shell: Shell, cargo: Compiling) -> None:
        said = shell.trimtab("forecast -q --html /nowhere/page.html")
        assert said.code == 2
        assert "clean builds" in said.out, "what took so long is not lost"
        assert said.errors[0] == "error: cannot write this file: No such file or directory"

    def test_builds_that_nobody_saw(self, shell: Shell, cargo: Compiling) -> None:
        cargo.silent = True
        said = shell.trimtab("forecast -q")
        assert said.code == 3
        assert said.errors[0] == "error: no call of rustc was traced in the build of today"

    def test_a_profile_that_cannot_be_built_is_a_note(self, shell: Shell, cargo: Compiling) -> None:
        cargo.failing["lto=fat"] = finished(stderr="error: linking with `cc` failed: exit status: 1", exit_code=101)
        found = json.loads(shell.trimtab("forecast --json --axis lto=fat").out)
        assert [one["label"] for one in found["profiles"]] == ["today"]
        assert any(note.startswith("lto fat cannot be built: linker: ") for note in found["notes"])

    def test_today_that_cannot_be_built(self, shell: Shell, cargo: Compiling) -> None:
        cargo.failing["lto=thin"] = finished(stderr="error: linking with `cc` failed: exit status: 1", exit_code=101)
        assert shell.trimtab("forecast").code == 4

    def test_the_tree_is_left_alone(self, shell: Shell, cargo: Compiling) -> None:
        before = sorted(cargo.root.rglob("*"))
        shell.trimtab("forecast -q")
        assert sorted(cargo.root.rglob("*")) == before
