"""Projects that ship wheels: built by their own backends, installed, checked and run."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tests.integration.user import User, by_label, snapshot
from trimtab.artifact.pypi import published_wheel
from trimtab.errors import MissingError
from trimtab.system.process import SystemRunner

pytestmark = [pytest.mark.integration, pytest.mark.registry, pytest.mark.slow]


@pytest.fixture(scope="session", autouse=True)
def _index(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Skips where the package index, from which build backends come, cannot be reached."""
    environment = {**os.environ, "PIP_RETRIES": "0", "PIP_DEFAULT_TIMEOUT": "20"}
    try:
        published_wheel(SystemRunner(), "pypi:iniconfig==2.0.0", tmp_path_factory.mktemp("index"), environment)
    except MissingError as error:
        pytest.skip(error.what)


def profile(trial: dict[str, Any]) -> dict[str, Any]:
    effect: dict[str, Any]
    (effect,) = trial["effect"]
    return effect


class TestProgram:
    """A program in a wheel, built by setuptools-rust, which writes into the folder that it builds."""

    def test_from_source_to_running_console_script(self, user: User) -> None:
        project = user.project("boxed")
        before = snapshot(project)
        study = user.explores(
            project, "--axis", "lto=local,fat", "--bench", "count={bin} 1000", "--bench-time", "100ms"
        )
        assert snapshot(project) == before
        trials = by_label(study)
        today, fat = trials["today"], trials["lto fat"]
        for trial in (today, fat):
            (wheel,) = trial["artifacts"]
            assert wheel["name"].startswith("boxed-0.2.0-")
            assert wheel["size"] == trial["metrics"]["size.wheel"]["value"] == Path(wheel["path"]).stat().st_size
            assert trial["metrics"]["size.file"]["value"] > wheel["size"]
            assert trial["metrics"]["run.count.wall"]["value"] > 0
            assert trial["metrics"]["build.touch.wall"]["value"] > 0
            assert trial["tags"]["claimed"] == [wheel["name"].split("-", 2)[2].removesuffix(".whl")]
        assert (profile(today)["lto"], profile(fat)["lto"]) == ("local", "fat")
        assert fat["metrics"]["size.file"]["value"] < today["metrics"]["size.file"]["value"]
        assert "setuptools-rust" in " ".join(study["notes"])
        again = user.explores(project, "--axis", "lto=local,fat", "--bench", "count={bin} 1000")
        assert by_label(again)["lto fat"]["artifacts"] == fat["artifacts"], "nothing is built twice"
        applied = user.does("apply", "--dry-run", study["id"], "--trial", "lto fat").out
        assert '+lto = "fat"' in applied
        weighed = user.does("diff", f"{study['id']}:today", f"{study['id']}:lto fat", "--json").document
        assert weighed["base"]["kind"] == weighed["head"]["kind"] == "wheel"
        assert weighed["change"]["bytes"] == fat["artifacts"][0]["size"] - today["artifacts"][0]["size"]

    def test_two_profiles_are_compared_through_their_wheels(self, user: User) -> None:
        project = user.project("boxed")
        with (project / "rust/Cargo.toml").open("a") as file:
            file.write('\n[profile.release-lto]\ninherits = "release"\nopt-level = 0\n')
        bench = ("--bench", "longest={python} -c 'import boxed; boxed.longest(100_000)'")
        document = user.does("compare", "release", "release-lto", *bench, "--no-counts", "--json", cwd=project).document
        rows = {(row["subject"], row["metric"]): row for row in document["rows"]}
        assert rows["boxed", "size.wheel"]["mode"] == "exact"
        assert rows["longest", "cpu"]["verdict"] == "regressed", "without optimization it takes many times as long"


class TestModule:
    """A PyO3 module, built by maturin."""

    @pytest.fixture(autouse=True)
    def _crates(self, registry: None) -> None:
        """PyO3 comes from crates.io."""

    def test_the_smoke_check_and_the_effect_check_tell_what_abort_does(self, user: User) -> None:
        project = user.project("panicky")
        (project / "panicky.py").write_text("raise ImportError('the one that lies around')\n")
        before = snapshot(project)
        run = ("--measure", "size,build,run", "--bench-time", "100ms")
        study = user.explores(project, "--axis", "panic=unwind,abort", *run)
        assert snapshot(project) == before
        today, abort = by_label(study)["today"], by_label(study)["panic abort"]
        assert (today["status"], today["effect"][0]["warnings"]) == ("ok", [])
        assert today["metrics"]["run.primes.wall"]["value"] > 0, "benches run what was installed"
        assert today["tags"]["claimed"][0].startswith("cp311-abi3-")
        assert today["tags"]["warnings"] == []
        assert abort["status"] == "failed"
        assert abort["failure"]["cause"] == "smoke check"
        assert "SIGABRT: on purpose" in abort["failure"]["message"]
        (warning,) = abort["effect"][0]["warnings"]
        assert warning.startswith("panicky: with panic = abort a panic ends the Python interpreter")
        assert study["recommendation"]["keeps_today"]


class TestBadInput:
    def test_a_backend_without_cargo(self, user: User) -> None:
        project = user.project("boxed")
        (project / "pyproject.toml").write_text(
            '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
        )
        error = user.run("explore", project, "--wheel").refused(2)
        assert "the build backend hatchling.build calls no Cargo" in error

    def test_a_backend_that_cannot_be_installed(self, user: User) -> None:
        project = user.project("boxed")
        text = (project / "pyproject.toml").read_text()
        (project / "pyproject.toml").write_text(text.replace("setuptools>=70", "trimtab-no-such-project-anywhere"))
        assert "the build backend cannot be installed" in user.run("explore", project).refused(2)

    def test_a_python_that_is_not_there(self, user: User) -> None:
        error = user.run("explore", user.project("boxed"), "--python", "python3.99").refused(3)
        assert "there is no Python called python3.99" in error

    def test_a_script_that_is_not_in_the_wheel(self, user: User) -> None:
        error = user.run("explore", user.project("boxed"), "--bin", "bixed").refused(2)
        assert "the wheel has no program bixed" in error

    def test_what_does_not_compile_is_a_result(self, user: User) -> None:
        project = user.project("boxed")
        (project / "rust/src/main.rs").write_text("fn main() { missing() }\n")
        result = user.run("explore", project, "--axis", "lto=local", "--json")
        assert result.code == 4
        (trial,) = result.document["trials"]
        assert trial["failure"]["cause"] == "compiler"
        assert "cannot find function `missing`" in trial["failure"]["message"]
