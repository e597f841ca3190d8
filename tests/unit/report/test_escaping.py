"""Text that Markdown shows letter by letter."""

from __future__ import annotations

import pytest

from trimtab.report.escaping import code, escaped


@pytest.mark.parametrize(
    ("text", "markdown"),
    [
        ("plain text, 1.2 %", "plain text, 1.2 %"),
        ("a|b", r"a\|b"),
        ("core::fmt<u8>", r"core::fmt\<u8\>"),
        ("*x* _y_ `z` [l]", r"\*x\* \_y\_ \`z\` \[l\]"),
        ("@octocat", "@&#8203;octocat"),
        ("two\nlines", r"two\\nlines"),
        ("\x1b[31m", r"\\x1b\[31m"),
    ],
)
def test_escaped(text: str, markdown: str) -> None:
    assert escaped(text) == markdown


@pytest.mark.parametrize(("text", "markdown"), [("a|b", "`a|b`"), ("a`b", "`a'b`"), ("a\nb", "`a\\nb`")])
def test_code(text: str, markdown: str) -> None:
    assert code(text) == markdown
