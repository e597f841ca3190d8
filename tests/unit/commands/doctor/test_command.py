"""``trimtab doctor``: tools, memory, disk and load of this machine."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable

import pytest

import trimtab
from tests.unit.conftest import Said, Shell
from tests.unit.test_schemas import validator
from trimtab.commands.doctor.model import Health
from trimtab.commands.doctor.run import doctor
from trimtab.errors import MissingError


class TestDoctor:
    def doctor(self, shell: Shell, monkeypatch: pytest.MonkeyPatch, which: Callable[[str], str | None]) -> Said:
        monkeypatch.setattr("trimtab.cli.doctor.doctor", functools.partial(doctor, which=which))
        return shell.trimtab("doctor --json")

    def test_tells_what_is_here(self, shell: Shell) -> None:
        said = shell.trimtab("doctor")
        for word in ("cargo 1.95.0", "LLVM 22.1.2", "peak memory", "free at"):
            assert word in said.out

    def test_all_is_well(self, shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
        said = self.doctor(shell, monkeypatch, lambda name: f"/usr/bin/{name}")
        document = json.loads(said.out)
        validator("doctor").validate(document)
        assert said.code == 0
        assert {"name": "valgrind", "health": "ok", "found": "/usr/bin/valgrind", "cost": "", "remedy": ""} in (
            document["checks"]
        )

    def test_what_is_missing_is_bad_news(self, shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
        shell.cargo.on("rustc -vV", MissingError("cannot run 'rustc'"))
        said = self.doctor(shell, monkeypatch, lambda _: None)
        assert said.code == 1
        checks = {check["name"]: check for check in json.loads(said.out)["checks"]}
        assert checks["cargo and rustc"]["health"] == "missing"
        assert "rustup.rs" in checks["cargo and rustc"]["remedy"]
        assert checks["cc"]["health"] == "missing"
        assert checks["valgrind"]["health"] == "note"

    @pytest.mark.parametrize(
        ("limit", "health", "words"),
        [
            ("", "ok", "of at most 20.00 GiB"),
            ("500M", "ok", "of at most 500 MiB"),
            ("none", "note", "no limit"),
            ("plenty", "note", "'plenty' is not a size"),
        ],
    )
    def test_how_much_is_kept_and_the_limit(
        self, shell: Shell, monkeypatch: pytest.MonkeyPatch, limit: str, health: str, words: str
    ) -> None:
        kept = shell.folder / "cache" / "trimtab" / "crates" / "hexyl-0.16.0"
        kept.mkdir(parents=True)
        (kept / "Cargo.toml").write_text("x" * 10_000)
        monkeypatch.setenv("TRIMTAB_CACHE_SIZE", limit)
        said = self.doctor(shell, monkeypatch, lambda name: f"/usr/bin/{name}")
        (check,) = [check for check in json.loads(said.out)["checks"] if check["name"] == "kept files"]
        assert check["health"] == health
        assert check["found"].startswith("9.77 KiB")
        assert words in check["found"] + check["cost"]

    def test_a_compiler_cache_is_a_note(self, shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("RUSTC_WRAPPER", "sccache")
        said = self.doctor(shell, monkeypatch, lambda name: f"/usr/bin/{name}")
        assert said.code == 0
        (check,) = [one for one in json.loads(said.out)["checks"] if one["name"] == "compiler wrapper"]
        assert (check["health"], check["found"]) == ("note", "sccache")


class TestFromPython:
    def test_a_check_says_what_is_missing_and_the_remedy(self, shell: Shell) -> None:
        checks = {check.name: check for check in trimtab.doctor(shell.cargo.root, which=lambda _: None)}
        assert checks["rustc"].health is Health.OK
        assert checks["rustc"].found == "rustc 1.95.0 (59807616e), x86_64-unknown-linux-gnu, LLVM 22.1.2"
        assert (checks["cc"].health, checks["cc"].remedy) == (Health.MISSING, "sudo apt-get install gcc")

    def test_the_command_prints_the_same_checks(self, shell: Shell) -> None:
        printed = json.loads(shell.trimtab("doctor --json").out)["checks"]
        steady = [check for check in trimtab.doctor() if check.name not in ("disk", "other programs")]
        assert [check["name"] for check in printed if check["name"] not in ("disk", "other programs")] == [
            check.name for check in steady
        ]
        assert {check["name"]: check["found"] for check in printed}.items() >= {
            check.name: check.found for check in steady
        }.items()
