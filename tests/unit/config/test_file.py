"""``trimtab.toml``: every key, and what is said about keys and values that are wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.values import FAT1, TODAY
from trimtab.commands.init.config_file import config_file
from trimtab.config.file import Config, parse_bench, parse_config, parse_limits, read_config
from trimtab.errors import InputError
from trimtab.model.parity_check import Normaliser, ParityCheck
from trimtab.model.plan import Bench, Economics, Goal, Limits, ProbeKind
from trimtab.model.profile import AXES, Lto, OptLevel

EVERYTHING = """\
[project]
bin = ["find", "sort"]
package = "tools"
features = ["a", "b"]
default-features = false
profile = "dist"
touch = "src/lib.rs"

[space]
lto = ["off", false, "thin", true]
codegen-units = [16, 1]
opt-level = [3, "s"]
rustflags = ["none", "-C target-cpu=native"]
goal = "size"

[[bench]]
name = "check"
command = ["{bin}", "check", "a b"]
smallest-change = "2.5%"

[[bench]]
name = "look_up-2"
command = "sh -c '{bin} look up'"

[[parity]]
name = "lint"
command = ["{bin}", "check", "{input}"]
inputs = "**/*.py"
projects = "corpus"
fetch = "pypi:requests==2.32.3"
files = ["tool.toml"]
ignore = [".cache/*"]
normalise = ["paths", "order"]
timeout = "10s"
most-written = "64M"

[limits]
build = "2x"
touch = "3x"
size = "+5%"

[economics]
builds-per-month = 400
downloads-per-month = 5e4
minute-price = 0.008

[measure]
probes = ["size", "run"]
jobs = 2
timeout = "1h"
bench-time = "4s"
budget = "20m"
"""


def refused(text: str) -> InputError:
    with pytest.raises(InputError) as caught:
        parse_config(text)
    return caught.value


def test_every_key_is_read() -> None:
    config = parse_config(EVERYTHING)
    assert (config.binaries, config.packages, config.features) == (("find", "sort"), ("tools",), ("a", "b"))
    assert (config.default_features, config.profile, config.touch) == (False, "dist", "src/lib.rs")
    assert {axis.kind.name: axis.values for axis in config.axes} == {
        "lto": (Lto.OFF, Lto.LOCAL, Lto.THIN, Lto.FAT),
        "codegen-units": (16, 1),
        "opt-level": (OptLevel.O3, OptLevel.S),
        "rustflags": ((), ("-C", "target-cpu=native")),
    }
    assert config.goal is Goal.SIZE
    assert config.benches == (
        Bench(name="check", command=("{bin}", "check", "a b"), smallest_change=0.025),
        Bench(name="look_up-2", command=("sh", "-c", "{bin} look up"), smallest_change=0.01),
    )
    assert config.checks == (
        ParityCheck(
            name="lint", command=("{bin}", "check", "{input}"), inputs="**/*.py", projects="corpus",
            fetch=("pypi:requests==2.32.3",), files=("tool.toml",), ignore=(".cache/*",),
            normalise=(Normaliser.PATHS, Normaliser.ORDER), timeout=10.0, most_written=64 << 20,
        ),
    )  # fmt: skip
    assert config.limits == Limits(build=2.0, touch=3.0, size=1.05)
    assert config.economics == Economics(builds_per_month=400, downloads_per_month=50_000, minute_price=0.008)
    assert config.probes == {ProbeKind.SIZE, ProbeKind.RUN}
    assert (config.jobs, config.timeout, config.bench_time, config.budget) == (2, 3600, 4, 1200)


def test_every_key_is_optional() -> None:
    assert vars(parse_config("")) == vars(Config())
    assert vars(parse_config("[project]\n[space]\n[limits]\n[measure]\n")) == vars(Config())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", None),
        ("[economics]\n", Economics()),
        ("[economics]\nbuilds-per-month = 0\n", Economics()),
        ("[economics]\nminute-price = 0\n", Economics(minute_price=0.0)),
        ("[economics]\ndownloads-per-month = 2.5\n", Economics(downloads_per_month=2.5)),
    ],
)
def test_economics_need_not_be_told_in_full(text: str, expected: Economics | None) -> None:
    assert parse_config(text).economics == expected


def test_one_value_needs_no_list() -> None:
    config = parse_config('[project]\nbin = "app"\n[space]\nlto = "fat"\ncodegen-units = 1\n')
    assert config.binaries == ("app",)
    assert [axis.values for axis in config.axes] == [(Lto.FAT,), (1,)]


@pytest.mark.parametrize(
    ("text", "key", "hint"),
    [
        ("[projekt]\n", "projekt", "did you mean project?"),
        ("[benches]\n", "benches", "did you mean bench?"),
        ("[project]\nbins = []\n", "project.bins", "did you mean project.bin?"),
        ("[project]\ndefault_features = true\n", "project.default_features", "did you mean project.default-features?"),
        ('[[bench]]\nname = "a"\ncomand = "x"\n', "bench.comand", "did you mean bench.command?"),
        ('[[parity]]\nname = "a"\ninput = "x"\n', "parity.input", "did you mean parity.inputs?"),
        ('[limits]\nbuilds = "2x"\n', "limits.builds", "did you mean limits.build?"),
        ('[measure]\nbench_time = "2s"\n', "measure.bench_time", "did you mean measure.bench-time?"),
        (
            "[economics]\nbuild-per-month = 1\n",
            "economics.build-per-month",
            "did you mean economics.builds-per-month?",
        ),
        (
            "[economics]\nxyz = 1\n",
            "economics.xyz",
            "known here: downloads-per-month, builds-per-month, minute-price",
        ),
        ("[economic]\n", "economic", "did you mean economics?"),
        ("[measure]\nxyz = 1\n", "measure.xyz", "known here: probes, jobs, timeout, bench-time, budget"),
        ("zzz = 1\n", "zzz", "known here: project, space, bench, parity, measure, limits, economics, pgo"),
    ],
)
def test_an_unknown_key_is_named_with_the_nearest(text: str, key: str, hint: str) -> None:
    error = refused(text)
    assert (error.what, error.hint) == (f"unknown key {key}", hint)


def test_an_unknown_axis_is_named_with_the_nearest() -> None:
    error = refused("[space]\nlt0 = 'fat'\n")
    assert (error.what, error.hint) == ("there is no axis 'lt0'", "did you mean 'lto'?")


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("[project]\nbin = 3\n", "project.bin: Expected `str | array`, got `int`"),
        ("[project]\nfeatures = [1]\n", "project.features[0]: Expected `str`, got `int`"),
        ("[project]\ndefault-features = 'yes'\n", "project.default-features: Expected `bool`, got `str`"),
        ("project = 3\n", "project: Expected `object`, got `int`"),
        ("space = 3\n", "space: Expected `object`, got `int`"),
        ("bench = 3\n", "bench: Expected `array`, got `int`"),
        ("[bench]\nname = 'a'\n", "bench: Expected `array`, got `object`"),
        ("[[bench]]\nname = 'a'\n", "bench[0]: Object missing required field `command`"),
        ("[[bench]]\nname = 1\ncommand = 'x'\n", "bench[0].name: Expected `str`, got `int`"),
        ("[limits]\nbuild = 2\n", "limits.build: Expected `str`, got `int`"),
        ("economics = 3\n", "economics: Expected `object | null`, got `int`"),
        ("[economics]\nbuilds-per-month = 'many'\n", "economics.builds-per-month: Expected `float`, got `str`"),
        ("[economics]\ndownloads-per-month = true\n", "economics.downloads-per-month: Expected `float`, got `bool`"),
        ("[economics]\nbuilds-per-month = -1\n", "economics.builds-per-month: Expected `float` >= 0.0"),
        ("[economics]\nminute-price = -0.5\n", "economics.minute-price: Expected `float` >= 0.0"),
        ("[economics]\nminute-price = nan\n", "economics.minute-price: Expected `float` >= 0.0"),
        ("[economics]\ndownloads-per-month = inf\n", "economics.downloads-per-month: Expected `float` <= "),
        ("[measure]\njobs = 'two'\n", "measure.jobs: Expected `int | null`, got `str`"),
        ("[measure]\njobs = 0\n", "measure.jobs: Expected `int` >= 1"),
        ("[measure]\nprobes = ['sizes']\n", "measure.probes[0]: Invalid enum value 'sizes'"),
        ("[space]\ngoal = 'tiny'\n", "'tiny' is not known"),
        ("[space]\ngoal = 1\n", "1 is not known"),
        ("[space]\nlto = 'fast'\n", "'fast' is not a value of the axis lto"),
        ("[space]\ncodegen-units = [1.5]\n", "'1.5' is not a value of the axis codegen-units"),
        ("[space]\nlto = {a = 1}\n", "\"{'a': 1}\" is not a value of the axis lto"),
        ("[measure]\ntimeout = 'soon'\n", "'soon' is not a duration"),
        ("[measure]\ntimeout = 60\n", "measure.timeout: Expected `str`, got `int`"),
        ("[limits]\nsize = '5'\n", "'5' is not a limit"),
        ("[[bench]]\nname = 'a b'\ncommand = '{bin}'\n", "'a b' cannot name a bench"),
        ("[[bench]]\nname = 'a.b'\ncommand = '{bin}'\n", "'a.b' cannot name a bench"),
        ("[[bench]]\nname = ''\ncommand = '{bin}'\n", "'' cannot name a bench"),
        ("[[bench]]\nname = 'startup'\ncommand = '{bin}'\n", "'startup' cannot name a bench"),
        ("[[bench]]\nname = 'a'\ncommand = 'ls'\n", "the bench 'a' does not run {bin}"),
        ("[[bench]]\nname = 'a'\ncommand = []\n", "the bench 'a' does not run {bin}"),
        ("[[bench]]\nname = 'a'\ncommand = '{bin} \"x'\n", "the bench 'a' has a quote that is not closed"),
        (
            "[[bench]]\nname='a'\ncommand='{bin}'\n[[bench]]\nname='a'\ncommand='{bin} x'\n",
            "two benches are called 'a'",
        ),
        ("[[parity]]\nname = 'a'\n", "parity[0]: Object missing required field `command`"),
        ("[[parity]]\nname = 'a b'\ncommand = '{bin}'\n", "'a b' cannot name a check"),
        ("[[parity]]\nname = 'a'\ncommand = 'ls'\n", "the check 'a' does not run {bin}"),
        ("[[parity]]\nname = 'a'\ncommand = '{bin} \"x'\n", "the check 'a' has a quote that is not closed"),
        ("[[parity]]\nname = 'a'\ncommand = '{bin} {input}'\n", "the check 'a' has no inputs"),
        ("[[parity]]\nname = 'a'\ncommand = '{bin} .'\ninputs = '*'\n", "the check 'a' does not use {input}"),
        (
            "[[parity]]\nname = 'a'\ncommand = '{bin}'\nnormalise = ['dates']\n",
            "parity[0].normalise[0]: Invalid enum value 'dates'",
        ),
        ("[[parity]]\nname = 'a'\ncommand = '{bin}'\nmost-written = 'all'\n", "'all' is not a size"),
        (
            "[[parity]]\nname='a'\ncommand='{bin}'\n[[parity]]\nname='a'\ncommand='{bin}'\n",
            "two checks are called 'a'",
        ),
        ("[project\n", "not valid TOML: "),
        ("a = 1\na = 2\n", "not valid TOML: "),
    ],
)
def test_a_wrong_value_is_named_with_its_place(text: str, what: str) -> None:
    assert refused(text).what.startswith(what)


class TestFile:
    def test_where_there_is_none_the_defaults_hold(self, tmp_path: Path) -> None:
        assert vars(read_config(tmp_path)) == vars(Config())

    def test_the_file_is_named_in_an_error(self, tmp_path: Path) -> None:
        (tmp_path / "trimtab.toml").write_text("[spaces]\n")
        with pytest.raises(InputError) as caught:
            read_config(tmp_path)
        assert caught.value.lines() == [
            "error: unknown key spaces",
            f"  in: {tmp_path / 'trimtab.toml'}",
            "  do: did you mean space?",
        ]

    def test_other_bytes_are_refused(self, tmp_path: Path) -> None:
        (tmp_path / "trimtab.toml").write_bytes(b'[project]\nbin = "\xff"\n')
        with pytest.raises(InputError, match="it is not UTF-8 text"):
            read_config(tmp_path)

    def test_a_folder_of_that_name_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "trimtab.toml").mkdir()
        with pytest.raises(InputError, match="cannot be read"):
            read_config(tmp_path)

    @pytest.mark.parametrize("binaries", [("sounding",), ("sounding", "sounding-index")])
    def test_what_init_writes_can_be_read(self, binaries: tuple[str, ...]) -> None:
        config = parse_config(config_file(binaries, FAT1))
        assert config.goal is Goal.BALANCED
        assert config.binaries == (binaries if len(binaries) == 1 else ())

    def test_what_init_writes_for_a_wheel_says_that_it_ships(self) -> None:
        text = config_file((), TODAY, ships_wheel=True)
        assert parse_config(text).wheel is True
        assert parse_config(config_file((), TODAY)).wheel is None
        assert '# command = ["{python}", "-c", "import mine; mine.work()"]' in text
        assert "bin = []" not in text

    def test_what_init_writes_can_be_uncommented_as_a_whole(self) -> None:
        lines = config_file(("a", "b"), TODAY).splitlines()
        settings = [line.removeprefix("# ") for line in lines if line.startswith(("[", "# [")) or " = " in line]
        text = "\n".join(line for line in settings if not line.startswith("Today's"))
        config = parse_config(text)
        assert config.binaries == ("a", "b")
        assert {axis.kind.name for axis in config.axes} == {axis.name for axis in AXES}
        assert config.benches[0].command[0] == "{bin}"
        assert config.limits == Limits(build=2.0, touch=3.0, size=1.05)
        assert config.economics == Economics(builds_per_month=400, downloads_per_month=50_000, minute_price=0.008)
        assert (config.jobs, config.budget) == (2, 1200)


class TestBench:
    def test_is_read_from_the_command_line(self) -> None:
        assert parse_bench("check={bin} check 'a b' --x=y") == Bench(
            name="check", command=("{bin}", "check", "a b", "--x=y")
        )

    @pytest.mark.parametrize("text", ["", "check", "={bin}", "a b={bin}", "check=", "check=ls", "check={bin} 'x"])
    def test_others_are_refused(self, text: str) -> None:
        with pytest.raises(InputError):
            parse_bench(text)

    @given(st.text(max_size=20))
    def test_any_text_is_a_bench_or_refused(self, text: str) -> None:
        try:
            bench = parse_bench(text)
        except InputError:
            return
        assert bench.name
        assert any("{bin}" in word for word in bench.command)


def test_limits_leave_out_what_is_not_set() -> None:
    assert parse_limits({"build": "2x", "touch": "", "size": "-5%"}) == Limits(build=2.0, touch=None, size=0.95)
