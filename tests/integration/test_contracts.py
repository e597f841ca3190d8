"""Import contracts of ``pyproject.toml``: each is kept, and breaks when an import that it forbids is planted."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
CONTRACTS = [
    contract["name"]
    for contract in tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
]
PLANTS = [
    ("Imports point down", "store/sqlite.py", "import trimtab.experiment.protocols"),
    ("Imports point down", "cargo/git.py", "import trimtab.builders.cargo"),
    ("Commands do not know each other", "commands/doctor/run.py", "import trimtab.commands.history.run"),
    ("Commands do not know each other", "commands/bench/run.py", "import trimtab.commands.compare.run"),
    ("Reports see values only", "commands/diff/terminal.py", "import trimtab.stats.median"),
    ("Reports see values only", "commands/explore/markdown.py", "import trimtab.choice.table"),
    ("Reports see values only", "report/escaping.py", "import trimtab.system.paths"),
    ("Only the command line parses arguments", "experiment/request.py", "import click"),
    ("Only the command line and reports draw on terminals", "commands/doctor/run.py", "import rich.table"),
    ("Only the command line and reports draw on terminals", "commands/explore/markdown.py", "import rich.table"),
]
"""Contract, module and the import that breaks it."""


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sources and the settings."""
    folder = tmp_path_factory.mktemp("contracts")
    shutil.copytree(ROOT / "src", folder / "src", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def broken(folder: Path) -> tuple[set[str], str]:
    """Names of the contracts that import-linter reports as broken, and all of its output."""
    finished = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-logo"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder / "src"), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )
    states = dict(re.findall(r"^(.+?) (KEPT|BROKEN)\b", finished.stdout, flags=re.MULTILINE))
    assert sorted(states) == sorted(CONTRACTS), finished.stdout + finished.stderr
    names = {name for name, state in states.items() if state == "BROKEN"}
    assert finished.returncode == bool(names)
    return names, finished.stdout


def test_all_are_kept(copy: Path) -> None:
    assert broken(copy)[0] == set()


@pytest.mark.parametrize(("contract", "module", "line"), PLANTS)
def test_a_planted_import_breaks_one(copy: Path, contract: str, module: str, line: str) -> None:
    path = copy / "src" / "trimtab" / module
    text = path.read_text("utf-8")
    path.write_text(f"{text}\n{line}\n", encoding="utf-8")
    try:
        names, output = broken(copy)
    finally:
        path.write_text(text, encoding="utf-8")
    assert names == {contract}
    importer = f"trimtab.{module.removesuffix('.py').replace('/', '.')}"
    assert importer in output


def test_every_contract_has_a_plant() -> None:
    assert {contract for contract, _, _ in PLANTS} == set(CONTRACTS)
