"""Pages of commands under ``docs/commands``: each says what its command takes, prints and returns."""

from __future__ import annotations

import importlib
import json
import re
from pathlib import Path

import click
import pytest

import trimtab
from trimtab.cli.app import COMMANDS

ROOT = Path(__file__).parents[3]
PAGES = ROOT / "docs" / "commands"
ROW = re.compile(r"^\| `(-[^`]*|[A-Z\[][^`]*)`", re.MULTILINE)
"""The first cell of a row in the table of options: what is typed."""


def page(command: str) -> str:
    return (PAGES / f"{command}.md").read_text("utf-8")


def parameters(command: str) -> list[click.Parameter]:
    """Those of a command; of one with parts, those of all of them, each once."""
    module = importlib.import_module(f"trimtab.cli.{command}")
    found: click.Command = module.command
    parts = found.commands.values() if isinstance(found, click.Group) else (found,)
    return list({parameter.name: parameter for part in parts for parameter in part.params}.values())


def names(parameter: click.Parameter) -> set[str]:
    """How a parameter is typed: its options, or the metavariable of an argument."""
    if isinstance(parameter, click.Argument):
        return {parameter.make_metavar(click.Context(click.Command("x")))}
    return {*parameter.opts, *parameter.secondary_opts}


@pytest.mark.parametrize("command", COMMANDS)
def test_lists_every_option_and_no_other(command: str) -> None:
    rows = {name for cell in ROW.findall(page(command)) for name in re.findall(r"(?<!\S)--?[A-Za-z][a-z-]*", cell)}
    options = {name for option in parameters(command) if isinstance(option, click.Option) for name in names(option)}
    assert rows == options


@pytest.mark.parametrize("command", COMMANDS)
def test_lists_every_argument(command: str) -> None:
    cells = [cell for cell in ROW.findall(page(command)) if not cell.startswith("-")]
    arguments = [option for option in parameters(command) if isinstance(option, click.Argument)]
    assert len(cells) == len(arguments)


@pytest.mark.parametrize("command", COMMANDS)
def test_has_two_examples_of_its_own_command(command: str) -> None:
    text = page(command)
    assert text.startswith(f"# trimtab {command}\n")
    assert len(re.findall(rf"^```console\n\$ trimtab {command}\b", text, flags=re.MULTILINE)) >= 2
    assert "\n## Exit codes\n" in text


@pytest.mark.parametrize("command", COMMANDS)
def test_names_the_document_that_json_prints(command: str) -> None:
    schemas = re.findall(r"\[`(trimtab\.[a-z]+/\d+)`\]\(\.\./schemas/([a-z]+\.schema\.json)\)", page(command))
    assert schemas
    for title, file in schemas:
        assert json.loads((ROOT / "docs" / "schemas" / file).read_text("utf-8"))["title"] == title


@pytest.mark.parametrize("command", COMMANDS)
def test_shows_the_python_function_where_there_is_one(command: str) -> None:
    assert (f"trimtab.{command}(" in page(command)) is hasattr(trimtab, command)


def test_the_index_lists_all() -> None:
    index = (PAGES / "README.md").read_text("utf-8")
    assert re.findall(r"^\| \[`([a-z]+)`\]\(([a-z]+)\.md\)", index, flags=re.MULTILINE) == [
        (name, name) for name in COMMANDS
    ]


def test_no_page_is_left_over() -> None:
    assert {path.stem for path in PAGES.glob("*.md")} == {*COMMANDS, "README"}


@pytest.mark.parametrize("path", sorted(PAGES.glob("*.md")), ids=lambda path: str(path.name))
def test_links_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", path.read_text("utf-8")):
        assert (path.parent / target).exists(), target


def test_the_readme_calls_every_public_function_and_no_other() -> None:
    called = set(re.findall(r"\btrimtab\.([a-z]+)\(", (ROOT / "README.md").read_text("utf-8")))
    functions = {name for name in trimtab.__all__ if name.islower()}
    assert called == functions
