"""Exports, and commands with parameters, as hyperfine's own tests have them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.commands.bench.hyperfine import (
    BenchmarkResult,
    fitting_unit,
    hyperfine_csv,
    hyperfine_json,
    markup_table,
    summary,
)
from trimtab.commands.bench.parameters import bench_commands, with_parameters


def result(command: str, *times: float, **parameters: str) -> BenchmarkResult:
    return BenchmarkResult(
        command=command,
        label=command,
        times=times,
        user=0.00005,
        system=0.0,
        memory=(0,) * len(times),
        exit_codes=(0,) * len(times),
        parameters=parameters,
    )


ONE, TWO = result("sleep 1 | cat", 1.0, 1.2, 1.1), result("sleep 2", 2.0, 2.4, 2.2)


class TestTables:
    def test_markdown(self) -> None:
        assert markup_table([TWO, ONE], "markdown") == (
            "| Command | Mean [s] | Min [s] | Max [s] | Relative |\n"
            "|:---|---:|---:|---:|---:|\n"
            "| `sleep 2` | 2.200 ± 0.200 | 2.000 | 2.400 | 2.00 ± 0.26 |\n"
            "| `sleep 1 \\| cat` | 1.100 ± 0.100 | 1.000 | 1.200 | 1.00 |\n"
        )

    def test_the_fastest_first_in_another_unit(self) -> None:
        lines = markup_table([TWO, ONE], "markdown", "millisecond", by_mean=True).splitlines()
        assert lines[0].startswith("| Command | Mean [ms]")
        assert lines[2] == "| `sleep 1 \\| cat` | 1100.0 ± 100.0 | 1000.0 | 1200.0 | 1.00 |"

    def test_asciidoc(self) -> None:
        assert markup_table([result("a", 0.5)], "asciidoc") == (
            '[cols="<,>,>,>,>"]\n|===\n| Command \n| Mean [ms] \n| Min [ms] \n| Max [ms] \n| Relative \n'
            "\n| `a` \n| 500.0 \n| 500.0 \n| 500.0 \n| 1.00 \n|===\n"
        )

    def test_orgmode(self) -> None:
        assert markup_table([result("a", 0.5)], "orgmode") == (
            "| Command  |  Mean [ms] |  Min [ms] |  Max [ms] |  Relative |\n|--+--+--+--+--|\n"
            "| =a=  |  500.0 |  500.0 |  500.0 |  1.00 |\n"
        )

    def test_csv_has_no_exponents(self) -> None:
        text = hyperfine_csv([result("a,b", 1.0, foo="one", bar="two"), result("c", 1.0, foo="x", bar="y")])
        assert text == (
            "command,mean,stddev,median,user,system,min,max,parameter_foo,parameter_bar\n"
            '"a,b",1,0,1,0.00005,0,1,1,one,two\nc,1,0,1,0.00005,0,1,1,x,y\n'
        )

    def test_json_leaves_parameters_out_where_there_are_none(self) -> None:
        first, second = json.loads(hyperfine_json([ONE, result("a", 1.0, n="1")]))["results"]
        assert list(first) == [
            *("command", "mean", "stddev", "median", "user", "system", "min", "max", "times"),
            *("memory_usage_byte", "exit_codes"),
        ]
        assert second["parameters"] == {"n": "1"}

    @pytest.mark.parametrize(("seconds", "unit"), [(1.0, "second"), (0.999, "millisecond"), (0.0005, "microsecond")])
    def test_units(self, seconds: float, unit: str) -> None:
        assert fitting_unit(seconds) == unit

    def test_a_line_for_a_command_alone(self) -> None:
        assert summary(ONE) == (
            "sleep 1 | cat: 1.100 s ± 0.100 s (mean and standard deviation), range 1.000 s … 1.200 s, 3 runs; "
            "user 0.000 s, system 0.000 s"
        )


class TestParameters:
    def test_a_scan(self) -> None:
        commands = bench_commands(["sleep {d}"], scan=("d", "0.3", "0.7"), step="0.2")
        assert [command.text for command in commands] == ["sleep 0.3", "sleep 0.5", "sleep 0.7"]

    def test_a_scan_goes_through_the_commands_first(self) -> None:
        commands = bench_commands(["a {n}", "b {n}"], scan=("n", "1", "2"))
        assert [command.text for command in commands] == ["a 1", "b 1", "a 2", "b 2"]

    def test_lists_go_through_commands_and_then_parameters_in_order(self) -> None:
        commands = bench_commands(["{x}{y}", "{y}{x}"], lists=[("x", "1,2"), ("y", "a,b")])
        assert [command.text for command in commands] == ["1a", "a1", "2a", "a2", "1b", "b1", "2b", "b2"]

    @pytest.mark.parametrize(
        ("text", "values"),
        [
            ("", [""]), ("a,b", ["a", "b"]), ("a,,b", ["a", "", "b"]), (r"hello\, world!", ["hello, world!"]),
            (r"\\,x", ["\\", "x"]), (r"\n", [r"\n"]), ("\\", ["\\"]),
        ],
    )  # fmt: skip
    def test_values_between_commas(self, text: str, values: list[str]) -> None:
        assert [command.text for command in bench_commands(["{v}"], lists=[("v", text)])] == values

    def test_names(self) -> None:
        assert [command.name for command in bench_commands(["a", "b"], ["one"])] == ["one", "b"]
        commands = bench_commands(["a {n}"], ["{n} of them"], lists=[("n", "1,2")])
        assert [command.name for command in commands] == ["1 of them", "2 of them"]

    def test_what_values_say_is_no_parameter(self) -> None:
        assert with_parameters("{foo} {bar}", {"foo": "{bar}", "bar": "baz"}) == "{bar} baz"

    @given(st.text("{}ab "), st.dictionaries(st.text("ab", min_size=1), st.text("{}ab ")))
    def test_each_place_gets_its_value(self, line: str, parameters: dict[str, str]) -> None:
        plain = {name: name.upper() for name in parameters}
        assert not any(f"{{{name}}}" in with_parameters(line, plain) for name in plain)
