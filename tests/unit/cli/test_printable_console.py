"""Text from outside in reports and in progress: escapes in place of what a terminal would obey."""

from __future__ import annotations

import io

from rich.table import Table
from rich.text import Text

from trimtab.cli.printable_console import PrintableConsole


def console(**settings: object) -> tuple[PrintableConsole, io.StringIO]:
    text = io.StringIO()
    return PrintableConsole(file=text, width=60, highlight=False, emoji=False, **settings), text  # type: ignore[arg-type]


def test_escapes_stand_for_control_characters_and_changes_of_direction() -> None:
    out, text = console()
    out.print("a\x1b[2Jb\u202ec\x9bd", markup=False)
    assert text.getvalue() == "a\\x1b[2Jb\\u202ec\\x9bd\n"


def test_in_tables_and_styled_text_too() -> None:
    out, text = console()
    table = Table("name\u200f")
    table.add_row(Text("evil\x1b]0;title", style="bold"))
    out.print(table)
    assert "evil\\x1b]0;t" in text.getvalue()
    assert "name\\u200f" in text.getvalue()
    assert not set(text.getvalue()) & {"\x1b", "\u200f"}


def test_colors_of_our_own_are_kept_and_lines_end_where_they_did() -> None:
    out, text = console(force_terminal=True, color_system="standard")
    out.print(Text("red\x1b\nline", style="red"))
    assert text.getvalue() == "\x1b[31mred\\x1b\x1b[0m\n\x1b[31mline\x1b[0m\n"
