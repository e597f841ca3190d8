"""Command templates: a line is split into arguments as a shell would, and placeholders become values.

No shell runs a template, so what only a shell understands is refused rather than passed on as an argument. Where the
template itself starts a shell (``sh -c '{bin} < in'``), values are quoted for the line that they stand in.

Source: POSIX.1-2017, Shell Command Language, 2.2 "Quoting", 2.6 "Word Expansions" and 2.7 "Redirection".
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePath
from typing import NamedTuple

from trimtab.errors import InputError

SHELLS = frozenset({"sh", "ash", "bash", "dash", "ksh", "mksh", "zsh"})
"""Programs that run the line behind ``-c`` as POSIX has it."""

_OPERATOR = re.compile(r"\d*(?:<<<|<<|<>|<&|<|>>|>&|>\||>)|&&|&>|&|\|\||\|&|\||;|\(|\)|`|\n")
_EXPANSION = re.compile(r"\$(?:[A-Za-z_]\w*|\{|\(|[0-9@*#?!$])")
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")
_TILDE = re.compile(r"~[\w.-]*(?=/|\s|$)")
_BRACKETS = re.compile(r"\[[^\]\s]+\]")
_LIST_OPERATORS = frozenset({"<", "<<", "<<<", ">", ">>", "2>", "2>&1", "&>", "|", "||", "&&", "&"})
"""Operators that nobody means as an argument of a program; ``;`` is one of ``find -exec``."""
_SCRIPT_OPTION = re.compile(r"-[a-zA-Z]*c")
_QUOTED_PLACEHOLDER = re.compile(r"(?<!\S)'(\{[a-z]+\})'(?!\S)")
_IN_DOUBLE_QUOTES = re.compile(r'([\\"$`])')


class Character(NamedTuple):
    """A character of a line, and the quotes that it stands in."""

    position: int
    text: str
    quotes: str
    """``'``, ``"``, a backslash before it, or nothing."""


class ShellSyntax(NamedTuple):
    """A part of a line that only a shell understands."""

    text: str
    meaning: str
    advice: str


def line_of(command: Sequence[str]) -> str:
    """The line that gives a template's arguments: placeholders need no quotes, though braces do in a shell."""
    return _QUOTED_PLACEHOLDER.sub(r"\1", shlex.join(command))


def argv_of(template: str | Sequence[str], subject: str) -> tuple[str, ...]:
    """The arguments of a template that is run without a shell.

    Args:
        template: a line, which is split as a shell would; or its arguments.
        subject: the name for it in errors, such as ``the bench 'parse'``.

    Raises:
        InputError: a quote is not closed, or a part of it is for a shell.
    """
    if not isinstance(template, str):
        for argument in template:
            if argument in _LIST_OPERATORS:
                raise _refusal(_operator(argument, ""), subject, shlex.join(template))
        return tuple(template)
    try:
        argv = tuple(shlex.split(template))
    except ValueError:
        raise InputError(f"{subject} has a quote that is not closed", where=template) from None
    if found := shell_syntax(template):
        raise _refusal(found, subject, template)
    return argv


def _refusal(syntax: ShellSyntax, subject: str, line: str) -> InputError:
    return InputError(
        f"{subject} has {syntax.text}, {syntax.meaning} to a shell, but no shell runs it",
        where=" ".join(line.split()),
        hint=f"{syntax.advice}; or start a shell, as in sh -c '…'",
    )


def shell_syntax(line: str) -> ShellSyntax | None:
    """The first part of a line that a shell would not pass on as it is; ``None`` if there is none."""
    line = line.strip()
    begins_word = True
    for character in characters(line):
        index, text, quotes = character
        if quotes in ("", '"') and (match := _EXPANSION.match(line, index)):
            return ShellSyntax(match[0], "a variable or command", "single quotes keep the characters themselves")
        if quotes in ("", '"') and text == "`":
            return ShellSyntax(text, "a command", "single quotes keep the characters themselves")
        if not quotes and (found := _unquoted(line, index, begins_word=begins_word)):
            return found
        begins_word = not quotes and text.isspace()
    return None


def _unquoted(line: str, index: int, *, begins_word: bool) -> ShellSyntax | None:
    text = line[index]
    if (match := _OPERATOR.match(line, index)) and (begins_word or not text.isdigit()):
        return _operator(match[0], line[match.end() :])
    if text in "*?" or (text == "[" and _BRACKETS.match(line, index)):
        return ShellSyntax(text, "a pattern of file names", "quotes keep it for a program that knows patterns itself")
    if begins_word and (match := _TILDE.match(line, index)):
        return ShellSyntax(match[0], "a home folder", "write the path")
    if index == 0 and (match := _ASSIGNMENT.match(line)):
        return ShellSyntax(match[0], "a variable for the command", f"write env {line.split(maxsplit=1)[0]} …")
    return None


def _operator(operator: str, rest: str) -> ShellSyntax:
    file = next(iter(rest.split()), "FILE")
    if operator == "<":
        return ShellSyntax(
            operator, "standard input", f'give that as stdin = "{file}" in trimtab.toml or by its option'
        )
    if ">" in operator:
        return ShellSyntax(operator, "a file for the output", "leave it out: trimtab takes the output itself")
    if "<" in operator:
        return ShellSyntax(operator, "standard input", "give that as stdin in trimtab.toml or by its option")
    if operator in ("|", "|&"):
        return ShellSyntax(operator, "a pipe", "leave the rest out")
    if operator.strip():
        return ShellSyntax(operator, "the end of a command", "give each command a bench or check of its own")
    return ShellSyntax("a line break", "the end of a command", "write it in one line")


def characters(line: str) -> Iterator[Character]:
    """Each character of a line with its quotes; quotes and backslashes themselves are left out where they quote."""
    quotes, index = "", 0
    while index < len(line):
        text = line[index]
        escapes = (
            text == "\\" and index + 1 < len(line) and (not quotes or (quotes == '"' and line[index + 1] in '\\"$`'))
        )
        if escapes:
            yield Character(index + 1, line[index + 1], "\\")
            index += 1
        elif text == quotes:
            quotes = ""
        elif not quotes and text in "'\"":
            quotes = text
        else:
            yield Character(index, text, quotes)
        index += 1


def filled(argv: Sequence[str], values: Mapping[str, str]) -> tuple[str, ...]:
    """A template's arguments with values in the places of placeholders, such as ``{bin}``.

    In the line that a shell is given, values are quoted as it takes there: bare, or in either kind of quotes.
    """
    scripts = set(_scripts(argv))
    return tuple(
        _filled_line(argument, values) if index in scripts else _filled_plain(argument, values)
        for index, argument in enumerate(argv)
    )


def _scripts(argv: Sequence[str]) -> Iterator[int]:
    """Positions of arguments that are lines for a shell."""
    has_shell = False
    for index, argument in enumerate(argv[:-1]):
        if has_shell and _SCRIPT_OPTION.fullmatch(argument):
            yield index + 1
            has_shell = False
        has_shell = has_shell or PurePath(argument).name in SHELLS


def _filled_plain(argument: str, values: Mapping[str, str]) -> str:
    pattern = "|".join(map(re.escape, values))
    return re.sub(pattern, lambda match: values[match[0]], argument) if pattern else argument


def _filled_line(line: str, values: Mapping[str, str]) -> str:
    parts, end = [], 0
    for index, _, quotes in list(characters(line)):
        name = next((name for name in values if line.startswith(name, index)), "")
        if name and index >= end and quotes != "\\":
            parts += [line[end:index], _quoted(values[name], quotes)]
            end = index + len(name)
    return "".join((*parts, line[end:]))


def _quoted(value: str, quotes: str) -> str:
    if quotes == '"':
        return _IN_DOUBLE_QUOTES.sub(r"\\\1", value)
    return value.replace("'", "'\\''") if quotes == "'" else shlex.quote(value)
