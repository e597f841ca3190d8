"""The floor plan and the words of the source tree: what a stranger may rely on when looking for something."""

from __future__ import annotations

import ast
import collections
import importlib
import itertools
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from trimtab.cli.app import COMMANDS

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "trimtab"
MODULES = sorted(SOURCE.rglob("*.py"))
LONGEST_MODULE = 450
QUESTION = re.compile(r"(What|Whether|Where|How)\b")

Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def _is_bool(node: ast.AST) -> bool:
    annotation = node.returns if isinstance(node, ast.FunctionDef) else getattr(node, "annotation", None)
    return annotation is not None and ast.unparse(annotation).split(" | ")[0] == "bool"


def _docstrings(tree: ast.Module) -> Iterator[tuple[ast.AST, int, str]]:
    """Every docstring with what it documents: modules, classes, functions, attributes and constants."""
    for node in ast.walk(tree):
        if isinstance(node, Documented) and (text := ast.get_docstring(node)):
            yield node, getattr(node, "lineno", 1), text
        body = getattr(node, "body", None)
        if not isinstance(body, list):
            continue
        for before, after in itertools.pairwise(body):
            is_text = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
            if isinstance(before, ast.Assign | ast.AnnAssign) and is_text and isinstance(after.value.value, str):
                yield before, after.lineno, after.value.value


def questions(source: str) -> list[str]:
    """Docstrings that begin with a question word, but for booleans: what is true of those is a question."""
    return [
        f"{line}: {text.splitlines()[0]}"
        for node, line, text in _docstrings(ast.parse(source))
        if QUESTION.match(text) and not (text.startswith("Whether") and _is_bool(node))
    ]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_docstrings_begin_with_the_noun_or_verb(path: Path) -> None:
    assert questions(path.read_text("utf-8")) == []


@pytest.mark.parametrize(
    ("source", "count"),
    [
        ('"""What this is."""', 1),
        ('X = 1\n"""Where it stands."""', 1),
        ('class A:\n    b: int\n    """How many."""', 1),
        ('def f() -> str:\n    """Whether it is."""', 1),
        ('def f() -> bool:\n    """Whether it is."""', 0),
        ('class A:\n    b: bool = False\n    """Whether it is."""', 0),
        ('"""Whatever comes."""', 0),
    ],
)
def test_the_check_of_docstrings_sees(source: str, count: int) -> None:
    assert len(questions(source)) == count


def test_no_public_class_name_stands_twice() -> None:
    homes = collections.defaultdict(list)
    for path in MODULES:
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                homes[node.name].append(str(path.relative_to(SOURCE)))
    assert {name: places for name, places in homes.items() if len(places) > 1} == {}


def test_the_root_holds_four_modules() -> None:
    assert sorted(path.name for path in SOURCE.glob("*.py")) == ["__init__.py", "__main__.py", "errors.py", "units.py"]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_modules_are_short(path: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) <= LONGEST_MODULE


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_has_its_rooms(command: str) -> None:
    assert (SOURCE / "cli" / f"{command}.py").is_file()
    found = importlib.import_module(f"trimtab.cli.{command}").command
    for name in found.commands if isinstance(found, click.Group) else ("run",):  # one of parts has a module for each
        assert (SOURCE / "commands" / command / f"{name}.py").is_file()
    assert list((ROOT / "tests" / "unit" / "commands" / command).glob("test_*.py"))
    page = ROOT / "docs" / "commands" / f"{command}.md"
    schemas = re.findall(r"\]\(\.\./schemas/([a-z]+\.schema\.json)\)", page.read_text("utf-8"))
    assert schemas, "every command takes --json"
    for schema in schemas:
        assert (ROOT / "docs" / "schemas" / schema).is_file()
