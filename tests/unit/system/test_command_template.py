"""Templates of commands: what a shell would make of them, and values in the places of placeholders."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.errors import InputError
from trimtab.system.command_template import argv_of, filled, line_of, shell_syntax

SUBJECT = "the bench 'x'"


class TestWithoutAShell:
    @pytest.mark.parametrize(
        ("line", "argv"),
        [
            ("{bin} check src", ("{bin}", "check", "src")),
            ("{bin} '<' '$X' '*.py' \"a|b\" \\>", ("{bin}", "<", "$X", "*.py", "a|b", ">")),
            ("{bin} -c 'import a; print(a)'", ("{bin}", "-c", "import a; print(a)")),
            ('{python} -c "import a; print(a[0])"', ("{python}", "-c", "import a; print(a[0])")),
            ("sh -c '{bin} < in | wc -c'", ("sh", "-c", "{bin} < in | wc -c")),
            ("find . -exec {bin} {} \\;", ("find", ".", "-exec", "{bin}", "{}", ";")),
            ("{bin} --level=3 a~ ./~b x=y 5$ é", ("{bin}", "--level=3", "a~", "./~b", "x=y", "5$", "é")),
        ],
    )
    def test_a_line_is_split(self, line: str, argv: tuple[str, ...]) -> None:
        assert argv_of(line, SUBJECT) == argv

    @pytest.mark.parametrize(
        ("line", "part", "meaning"),
        [
            ("{bin} < in", "<", "standard input"),
            ("{bin}<in", "<", "standard input"),
            ("{bin} | wc", "|", "a pipe"),
            ("{bin} > out", ">", "a file for the output"),
            ("{bin} x 2>&1", "2>&", "a file for the output"),
            ("cd x && {bin}", "&&", "the end of a command"),
            ("{bin}; {bin}", ";", "the end of a command"),
            ("{bin} || true", "||", "the end of a command"),
            ("{bin} &", "&", "the end of a command"),
            ("{bin} $HOME", "$HOME", "a variable"),
            ("{bin} ${HOME}/x", "${", "a variable"),
            ('{bin} "$(cat x)"', "$(", "a variable or command"),
            ("{bin} `cat x`", "`", "a command"),
            ("{bin} src/*.py", "*", "a pattern of file names"),
            ("{bin} a?c", "?", "a pattern of file names"),
            ("{bin} [ab].txt", "[", "a pattern of file names"),
            ("{bin} ~/x", "~", "a home folder"),
            ("{bin} ~user/x", "~user", "a home folder"),
            ("RUST_LOG=debug {bin}", "RUST_LOG=", "a variable for the command"),
            ("(cd x)", "(", "the end of a command"),
            ("{bin} a\n{bin} b", "a line break", "the end of a command"),
        ],
    )
    def test_what_is_for_a_shell_is_refused(self, line: str, part: str, meaning: str) -> None:
        with pytest.raises(InputError) as raised:
            argv_of(line, SUBJECT)
        assert raised.value.what.startswith(f"{SUBJECT} has {part}, {meaning}")
        assert raised.value.hint.endswith("or start a shell, as in sh -c '…'")

    def test_the_hint_names_the_field(self) -> None:
        with pytest.raises(InputError) as raised:
            argv_of("{bin} < corpus/all.txt", SUBJECT)
        assert 'stdin = "corpus/all.txt"' in raised.value.hint

    def test_a_list_is_taken_as_it_is_but_for_operators_alone(self) -> None:
        assert argv_of(["{bin}", "$X", "*", "a<b", ";", ""], SUBJECT) == ("{bin}", "$X", "*", "a<b", ";", "")
        for operator in ("<", "|", ">", "&&", "2>&1"):
            with pytest.raises(InputError, match="the bench 'x' has"):
                argv_of(["{bin}", operator, "x"], SUBJECT)

    @pytest.mark.parametrize("line", ["{bin} 'x", '{bin} "x', "{bin} \\"])
    def test_a_quote_that_is_not_closed(self, line: str) -> None:
        with pytest.raises(InputError, match="has a quote that is not closed"):
            argv_of(line, SUBJECT)

    @given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1), min_size=1))
    def test_what_is_quoted_is_never_refused(self, argv: list[str]) -> None:
        assert argv_of(shlex.join(("{bin}", *argv)), SUBJECT) == ("{bin}", *argv)

    @given(st.text("ab $'\"\\<>|&;*?[]~=#`(){}\n", max_size=8))
    def test_what_is_split_and_quoted_again_needs_no_shell(self, text: str) -> None:
        assert shell_syntax(f"{{bin}} {shlex.quote(text)}") is None


VALUES = {"{bin}": "/my programs/it's $1/tool", "{input}": "a {bin}.txt"}


class TestPlaceholders:
    def test_an_argument_holds_any_value(self) -> None:
        assert filled(["{bin}", "--in={input}", "{bin}{bin}"], VALUES) == (
            "/my programs/it's $1/tool",
            "--in=a {bin}.txt",
            "/my programs/it's $1/tool/my programs/it's $1/tool",
        )

    @pytest.mark.parametrize(
        "argv",
        [
            ("sh", "-c", "{bin} < {input} | wc"),
            ("bash", "-ec", "'{bin}' < '{input}'"),
            ("/bin/dash", "-c", 'x="{bin}"; "$x" < "{input}"'),
            ("env", "A=1", "timeout", "5", "sh", "-c", "exec {bin} x{input}y"),
            ("sh", "-c", "\\{bin}{bin} {input}"),
        ],
    )
    def test_the_line_of_a_shell_has_it_quoted(self, argv: tuple[str, ...]) -> None:
        line = filled(argv, VALUES)[-1]
        arguments = [argument for argument in shlex.split(line) if argument not in ("<", "|", "wc", "exec")]
        assert any("/my programs/it's " in argument and "/tool" in argument for argument in arguments)
        assert any("a {bin}.txt" in argument for argument in arguments)

    def test_python_is_no_shell(self) -> None:
        assert filled(("python3", "-c", "open('{input}')"), {"{input}": "a b"})[-1] == "open('a b')"


@given(st.lists(st.sampled_from(["{bin}", "{python}", "{input}", "a b", "$x", "'", "-c", "{bin}/x", "é", "x{bin}"])))
def test_the_line_of_a_command_is_split_into_it_again(command: list[str]) -> None:
    assert shlex.split(line_of(command)) == command


def test_placeholders_are_not_quoted() -> None:
    assert line_of(("{bin}", "check", "a b")) == "{bin} check 'a b'"
