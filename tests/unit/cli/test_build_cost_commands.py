"""``trimtab forecast`` and ``fit``, with a Cargo that compiles nothing but says so over the wrapper's socket."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.cargo import FakeCargo
from tests.fakes.runner import finished
from tests.fakes.rustc import FIELDS, Crate, Wrapper
from tests.unit.conftest import Said, Shell
from trimtab.system.process import Finished

MEMORY = 300 << 20
PAGES = {"own": MEMORY / 4096, "largest": MEMORY / 1024, "shared": 0.0}


class Compiling(FakeCargo):
    """Has its wrapper tell of one library and one program in each build."""

    silent = False
    killed = False
    """Whether builds within limits end for want of memory."""
    late = False
    """Whether they come to no end."""

    def _build(self, arguments: list[str], target: Path) -> Finished:
        command = self.commands[-1]
        place = command.environment.get("TRIMTAB_SOCKET")
        held = command.limits is not None
        if place and not self.silent:
            self._compile(Path(place), target, killed=held and self.killed)
        if held and self.late:
            return finished(exit_code=-9, wall=command.timeout or 0.0, timed_out=True)
        if held and self.killed:
            return finished(stderr="error: signal: 9, SIGKILL: kill", exit_code=101, oom_killed=True, wall=3.0)
        return super()._build(arguments, target)

    def _compile(self, place: Path, target: Path, *, killed: bool) -> None:
        library = Crate(name="dep", package=self.root, target=target)
        program = Crate(name="app", types=("bin",), package=self.root, target=target, unit="f" * 16, needs=(library,))
        library.out.mkdir(parents=True, exist_ok=True)
        for crate in (library, program):
            with Wrapper(place) as wrapper:
                if len(wrapper.ask(crate.call)) > 1:
                    ending = {"signal": 9.0, "code": -1.0} if killed and crate is program else {}
                    wrapper.tell({**FIELDS, **PAGES, **ending})


@pytest.fixture
def cargo(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> Compiling:
    cargo = Compiling(shell.cargo.root)
    for module in ("trimtab.cli.output", "trimtab.experiment.prepare"):
        monkeypatch.setattr(f"{module}.SystemRunner", lambda: cargo)
    monkeypatch.setattr("trimtab.commands.fit.run.limits_enforced_by", lambda: "a control group")
    return cargo


def document(said: Said) -> Any:
    return json.loads(said.out)


class TestForecast:
    def test_a_table_for_usual_machines(self, shell: Shell, cargo: Compiling) -> None:
        said = shell.trimtab("forecast")
        assert said.code == 0
        assert said.out.startswith("app: clean builds, forecast from traced ones\n")
        assert [line.split()[0] for line in said.out.splitlines()[4:9]] == ["2", "4", "8", "16", "64"]
        assert said.err == "today: building\n"

    def test_json_alone_on_standard_output(self, shell: Shell, cargo: Compiling) -> None:
        found = document(shell.trimtab("forecast --json --cores 1 --cores 8 --axis lto=fat"))
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
        found = document(shell.trimtab("forecast --json --axis lto=fat"))
        assert [one["label"] for one in found["profiles"]] == ["today"]
        assert any(note.startswith("lto fat cannot be built: linker: ") for note in found["notes"])

    def test_today_that_cannot_be_built(self, shell: Shell, cargo: Compiling) -> None:
        cargo.failing["lto=thin"] = finished(stderr="error: linking with `cc` failed: exit status: 1", exit_code=101)
        assert shell.trimtab("forecast").code == 4

    def test_the_tree_is_left_alone(self, shell: Shell, cargo: Compiling) -> None:
        before = sorted(cargo.root.rglob("*"))
        shell.trimtab("forecast -q")
        assert sorted(cargo.root.rglob("*")) == before


class TestFit:
    def test_today_fits(self, shell: Shell, cargo: Compiling) -> None:
        said = shell.trimtab("fit --memory 2G")
        assert said.code == 0
        assert said.out.startswith("app in 2.00 GiB and 1 CPU: today's release fits, and takes 5")
        limits = [command.limits for command in cargo.commands if command.limits]
        assert {(one.memory, one.cpus) for one in limits} == {(2 << 30, 1)}

    def test_it_may_take_any_time_and_has_as_many_jobs_as_cpus(self, shell: Shell, cargo: Compiling) -> None:
        """Whatever the machine's own settings say."""
        (cargo.root / "trimtab.toml").write_text('[measure]\njobs = 7\ntimeout = "5s"\n')
        assert shell.trimtab("fit --memory 2G").code == 0
        builds = [command for command in cargo.commands if "--timings" in command.argv]
        jobs = {bool(command.limits): command.argv[command.argv.index("--jobs") + 1] for command in builds}
        assert jobs == {False: "7", True: "1"}
        assert {command.timeout for command in builds} == {None}

    def test_out_of_memory_names_the_unit_and_what_it_wants(self, shell: Shell, cargo: Compiling) -> None:
        cargo.killed = True
        said = shell.trimtab("fit --memory 100M --json")
        assert said.code == 1
        first, *others = document(said)["rows"]
        assert first["verdict"] == "out of memory"
        assert (first["tried"]["unit"], first["tried"]["wanted"]) == ("app 0.1.0 (program)", MEMORY)
        assert {row["verdict"] for row in others} == {"out of memory"}
        assert not any(row["tried"] for row in others), "none is built of which one unit alone takes too much"
        assert document(said)["cheapest"] is None

    def test_a_build_that_comes_to_no_end_is_too_slow(self, shell: Shell, cargo: Compiling) -> None:
        cargo.late = True
        found = document(shell.trimtab("fit --memory 2G --within 90s --json"))
        assert found["rows"][0]["verdict"] == "too slow"
        assert found["limits"]["within"] == 90

    def test_what_is_known_to_take_too_long_is_not_built(self, shell: Shell, cargo: Compiling) -> None:
        said = shell.trimtab("fit --memory 2G --within 1s --json")
        assert (said.code, document(said)["rows"][0]["tried"]) == (1, None)
        assert not any(command.limits for command in cargo.commands)

    def test_lighter_profiles_are_looked_at(self, shell: Shell, cargo: Compiling) -> None:
        found = document(shell.trimtab("fit --memory 2G --json"))
        assert [row["label"] for row in found["rows"]] == ["today", "lto local", "lto off"]

    def test_or_those_of_the_axes(self, shell: Shell, cargo: Compiling) -> None:
        found = document(shell.trimtab("fit --memory 2G --json --axis codegen-units=1"))
        assert [row["label"] for row in found["rows"]] == ["today", "codegen-units 1"]

    def test_a_forecast_builds_nothing_within_the_limits(self, shell: Shell, cargo: Compiling) -> None:
        found = document(shell.trimtab("fit --memory 2G --cpus 64 --forecast-only --json"))
        assert {row["tried"] for row in found["rows"]} == {None}
        assert not any(command.limits for command in cargo.commands)

    def test_where_nothing_can_hold_a_build(
        self, shell: Shell, cargo: Compiling, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("trimtab.commands.fit.run.limits_enforced_by", lambda: "")
        found = document(shell.trimtab("fit --memory 2G --json"))
        assert found["limits"]["enforced_by"] == ""
        assert any("this is a forecast only" in note for note in found["notes"])

    @pytest.mark.parametrize(
        ("options", "error"),
        [
            ("--memory lots", "error: 'lots' is not a size"),
            ("", "error: Missing option '--memory'"),
            ("--memory 2G --cpus 4096", "error: there are "),
            ("--memory 2G --within soon", "error: 'soon' is not a duration"),
        ],
    )
    def test_wrong_usage(self, shell: Shell, cargo: Compiling, options: str, error: str) -> None:
        said = shell.trimtab(f"fit {options}")
        assert (said.code, said.out) == (2, "")
        assert said.errors[0].startswith(error)
