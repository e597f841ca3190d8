"""Commands with parameters, as hyperfine's ``-L`` and ``-P`` make them: one for each value.

Source: hyperfine 1.20, ``command.rs``, ``parameter/range_step.rs`` and ``parameter/tokenize.rs``.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation

from trimtab.errors import InputError

_MOST = 100_000
"""Values of a scan."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BenchCommand:
    """A command line to run."""

    text: str
    """The line, with values in the places of parameters."""
    name: str
    """The user's name for it, or the line."""
    parameters: Mapping[str, str] = field(default_factory=dict)
    unused: Mapping[str, str] = field(default_factory=dict)
    """Parameters that the line does not use."""

    @property
    def label(self) -> str:
        """The name, with the parameters that it would not tell."""
        told = ", ".join(f"{name} = {value}" for name, value in self.unused.items())
        return f"{self.name} ({told})" if told else self.name


def with_parameters(text: str, parameters: Mapping[str, str]) -> str:
    """A line with values in the places of ``{NAME}``; what values say themselves is no parameter."""
    pattern = "|".join(re.escape(f"{{{name}}}") for name in parameters)
    return re.sub(pattern, lambda match: parameters[match[0][1:-1]], text) if pattern else text


def bench_commands(
    lines: Sequence[str],
    names: Sequence[str] = (),
    lists: Sequence[tuple[str, str]] = (),
    scan: tuple[str, str, str] | None = None,
    step: str | None = None,
) -> list[BenchCommand]:
    """All commands to run: each line, with each combination of parameters.

    Args:
        lines: command lines with ``{NAME}`` in the places of parameters.
        names: names of the commands, in order; with parameters one for all, or one for each.
        lists: names of parameters, each with its values between commas.
        scan: name of a parameter, and its first and last value.
        step: difference between values of the scan; 1 if left out.

    Raises:
        InputError: too many names or values, or values that are no numbers.
    """
    if repeated := [name for name, count in Counter(name for name, _ in lists).items() if count > 1]:
        raise InputError(f"two parameters are called {repeated[0]!r}", hint="give all of its values in one list")
    if scan:
        combinations = [{scan[0]: value} for value in _scanned(*scan[1:], step or "1")]
        pairs = [(line, parameters) for parameters in combinations for line in lines]
    else:
        # The command goes through its lines first, then the first parameter through its values, and so on.
        columns = [[(name, value) for value in _values(text)] for name, text in reversed(lists)]
        pairs = [(line, dict(reversed(chosen))) for chosen in itertools.product(*columns) for line in lines]
    return list(_named(pairs, names, parametrized=bool(lists or scan)))


def _named(
    pairs: Sequence[tuple[str, Mapping[str, str]]], names: Sequence[str], *, parametrized: bool
) -> Iterator[BenchCommand]:
    if len(names) > len(pairs) or (parametrized and len(names) > 1 and len(names) != len(pairs)):
        raise InputError(
            f"{len(names)} names are given for {len(pairs)} command{'s' * (len(pairs) != 1)}",
            hint="give --command-name once for each command" + " or once for all" * parametrized,
        )
    for number, (line, parameters) in enumerate(pairs):
        own = names[number : number + 1] or (names[:1] if parametrized else ())
        text = with_parameters(line, parameters)
        yield BenchCommand(
            text=text,
            name=with_parameters(own[0], parameters) if own else text,
            parameters=parameters,
            unused={name: value for name, value in parameters.items() if f"{{{name}}}" not in line},
        )


def _values(text: str) -> list[str]:
    """Values between commas; a backslash keeps a comma or another one."""
    values, current = [], ""
    characters = iter(text)
    for character in characters:
        if character == "\\":
            following = next(characters, "")
            current += following if following in (",", "\\") and following else character + following
        elif character == ",":
            values.append(current)
            current = ""
        else:
            current += character
    return [*values, current]


def _scanned(first: str, last: str, step: str) -> Iterator[str]:
    try:
        value, end, difference = (Decimal(text) for text in (first, last, step))
    except InvalidOperation:
        raise InputError(
            f"{first}, {last} and {step} are not all numbers", hint="write it like -P threads 1 8"
        ) from None
    if not all(number.is_finite() for number in (value, end, difference)) or end < value:
        raise InputError(f"from {first} to {last} there are no values", hint="give the smaller one first")
    if difference <= 0:
        raise InputError(f"{step} is no step from one value to the next", hint="give a number above 0")
    if (end - value) / difference >= _MOST:
        raise InputError(f"from {first} to {last} there are more than {_MOST:,} values", hint="take a larger step")
    while value <= end:
        yield f"{value:f}"
        value += difference
