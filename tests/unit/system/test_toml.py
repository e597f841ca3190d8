"""TOML as Cargo reads it."""

from __future__ import annotations

from typing import Any

import pytest

from trimtab.system.toml import parse_toml


@pytest.mark.parametrize(
    ("text", "tables"),
    [
        ('[profile.release]\nlto = "thin"\n', {"profile": {"release": {"lto": "thin"}}}),
        ("\ufeff[profile.release]\r\ndebug = 1\r\n", {"profile": {"release": {"debug": 1}}}),
        ("profile = {\n  # 1.1\n  release = { debug = 1, },\n}\n", {"profile": {"release": {"debug": 1}}}),
        (r'name = "\e[1m\x41"', {"name": "\x1b[1mA"}),
    ],
)
def test_a_text_is_read_as_cargo_reads_it(text: str, tables: dict[str, Any]) -> None:
    assert parse_toml(text) == tables


@pytest.mark.parametrize("text", ["[profile", "a = 1\na = 2", "a = {b = 1", "é = 1", "[" * 5000])
def test_what_is_no_toml_is_refused_with_its_place(text: str) -> None:
    with pytest.raises(ValueError, match=r"line \d+|end of document"):
        parse_toml(text)
