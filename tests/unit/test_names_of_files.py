"""Files and modules that documentation, docstrings and comments name are there: a move leaves no stale name behind."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
MODULES = [
    path
    for folder in ("src", "tests", "benchmarks")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if not path.is_relative_to(ROOT / "tests" / "projects")
]
FILE = re.compile(r"(?<![\w/.*{}<>:-])((?:[\w.-]+/)*[\w-]+\.py|(?:[\w-]+/)+(?!Cargo|pyproject|config)[\w-]+\.toml)\b")
"""Python files, and tables of facts such as ``builders/linkers.toml``."""
MODULE = re.compile(r"\btrimtab((?:\.[a-z_]+){2,})\b(?![/(])")
FOREIGN = {
    "format.py": "of Python's email library, in a corpus",
    "pip.py": "of packaging",
    "scripts/welch_ttest.py": "of hyperfine",
    "setup.py": "of projects",
}
"""Names of files that are not ours."""


@cache
def files() -> frozenset[str]:
    """Every file of ours, from the root, with a slash before it."""
    folders = ("src", "tests", "benchmarks", "scripts", "docs", "examples")
    return frozenset(f"/{path.relative_to(ROOT)}" for name in folders for path in (ROOT / name).rglob("*.[pt]*"))


def texts(source: str) -> Iterator[str]:
    """Docstrings and comments of a module, and strings that stand alone."""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.string
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield node.value.value


def unknown_files(text: str) -> list[str]:
    """Names of files in a text that no file has; ``X`` stands for any command."""
    names = [name.replace("X", "explore") for name in FILE.findall(text)]
    return [name for name in names if name not in FOREIGN and not any(file.endswith(f"/{name}") for file in files())]


def unknown_modules(text: str) -> list[str]:
    """Dotted names in a text that begin with no module of ours."""
    return [name for name in MODULE.findall(text) if not _is_module(name.lstrip(".").split("."))]


def _is_module(parts: list[str]) -> bool:
    """Whether it is a package or a module, or a name within one."""
    package = ROOT / "src" / "trimtab"
    path, home = package.joinpath(*parts), package.joinpath(*parts[:-1])
    return path.is_dir() or path.with_suffix(".py").exists() or home.with_suffix(".py").exists()


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_page_names_files_that_exist(path: Path) -> None:
    text = path.read_text("utf-8")
    assert (unknown_files(text), unknown_modules(text)) == ([], [])


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_names_files_that_exist(path: Path) -> None:
    found = list(texts(path.read_text("utf-8")))
    assert [name for text in found for name in unknown_files(text)] == []
    assert [name for text in found for name in unknown_modules(text)] == []


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("see `cli/app.py`", []),
        ("see `app.py`", []),
        ("see `trimtab/cli/app.py`", []),
        ("see `li/app.py`", ["li/app.py"]),
        ("see `memory_of_trees.py`", ["memory_of_trees.py"]),
        ("rows of `builders/linkers.toml` and `cargo/linkers.toml`", ["cargo/linkers.toml"]),
        ("settings of `.cargo/config.toml`, `a/Cargo.toml` and trimtab.toml", []),
        ("`cli/X.py` and `commands/X/run.py`", []),
        ("`cli/X.py` and `commands/X/go.py`", ["commands/explore/go.py"]),
    ],
)
def test_the_check_of_files_sees(text: str, names: list[str]) -> None:
    assert unknown_files(text) == names


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("`trimtab.model.trial.BuildFailed`", 0),
        ("`trimtab.commands.diff.run`", 0),
        ("trimtab.system.process is the door", 0),
        ("`trimtab.old.process`", 1),
        ("`trimtab.analysis.recommend.rules`", 1),
    ],
)
def test_the_check_of_modules_sees(text: str, count: int) -> None:
    assert len(unknown_modules(text)) == count
