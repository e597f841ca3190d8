"""``trimtab fit``, with a Cargo that compiles nothing but says so over the wrapper's socket."""

from __future__ import annotations

import json

import pytest

from tests.fakes.compiling import MEMORY, Compiling
from tests.unit.conftest import Shell


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
        first, *others = json.loads(said.out)["rows"]
        assert first["verdict"] == "out of memory"
        assert (first["tried"]["unit"], first["tried"]["wanted"]) == ("app 0.1.0 (program)", MEMORY)
        assert {row["verdict"] for row in others} == {"out of memory"}
        assert not any(row["tried"] for row in others), "none is built of which one unit alone takes too much"
        assert json.loads(said.out)["cheapest"] is None

    def test_a_build_that_comes_to_no_end_is_too_slow(self, shell: Shell, cargo: Compiling) -> None:
        cargo.late = True
        found = json.loads(shell.trimtab("fit --memory 2G --within 90s --json").out)
        assert found["rows"][0]["verdict"] == "too slow"
        assert found["limits"]["within"] == 90

    def test_what_is_known_to_take_too_long_is_not_built(self, shell: Shell, cargo: Compiling) -> None:
        said = shell.trimtab("fit --memory 2G --within 1s --json")
        assert (said.code, json.loads(said.out)["rows"][0]["tried"]) == (1, None)
        assert not any(command.limits for command in cargo.commands)

    def test_lighter_profiles_are_looked_at(self, shell: Shell, cargo: Compiling) -> None:
        found = json.loads(shell.trimtab("fit --memory 2G --json").out)
        assert [row["label"] for row in found["rows"]] == ["today", "lto local", "lto off"]

    def test_or_those_of_the_axes(self, shell: Shell, cargo: Compiling) -> None:
        found = json.loads(shell.trimtab("fit --memory 2G --json --axis codegen-units=1").out)
        assert [row["label"] for row in found["rows"]] == ["today", "codegen-units 1"]

    def test_a_forecast_builds_nothing_within_the_limits(self, shell: Shell, cargo: Compiling) -> None:
        found = json.loads(shell.trimtab("fit --memory 2G --cpus 64 --forecast-only --json").out)
        assert {row["tried"] for row in found["rows"]} == {None}
        assert not any(command.limits for command in cargo.commands)

    def test_where_nothing_can_hold_a_build(
        self, shell: Shell, cargo: Compiling, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("trimtab.commands.fit.run.limits_enforced_by", lambda: "")
        found = json.loads(shell.trimtab("fit --memory 2G --json").out)
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
