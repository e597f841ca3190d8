"""What criterion and divan print, and how they are called. Texts as criterion 0.5 to 0.8 and divan 0.1.21 have them."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.runner import FakeRunner, finished
from trimtab.commands.compare.bench_targets import BenchTarget
from trimtab.commands.compare.harnesses import (
    CRITERION,
    DIVAN,
    BenchExecutable,
    Harness,
    cases,
    find_harness,
    open_bench,
)
from trimtab.errors import InputError

HARNESSES = [CRITERION, DIVAN]
DIVAN_HEAD = "speed       fastest       │ slowest       │ median        │ mean          │ samples │ iters"

CRITERION_TEXTS = {
    "a short name": ("plain                   time:   [595.21 ps 702.59 ps 765.20 ps]\n\n", 702.59e-12),
    "a long name": (
        """\
        a name that is really very long and does not fit on one line at all
                                time:   [4.3004 ns 4.6554 ns 5.0870 ns]
        Found 1 outliers among 10 measurements (10.00%)
          1 (10.00%) high mild
        """,
        4.6554e-9,
    ),
    "with throughput and a change": (
        """\
        group/sum of/10         time:   [3.4057 µs 3.4835 µs 3.5534 µs]
                                thrpt:  [2.8142 Melem/s 2.8706 Melem/s 2.9362 Melem/s]
                         change:
                                time:   [-20.010% -9.3304% +1.3023%] (p = 0.18 > 0.05)
                                thrpt:  [-1.2855% +10.291% +25.015%]
                                No change in performance detected.
        """,
        3.4835e-6,
    ),
    "units that differ": ("slow                    time:   [980.12 ms 1.0012 s 1.0304 s]\n", 1.0012),
    "two of the same name": (
        """\
        twins                   time:   [1.0000 ns 1.0000 ns 1.0000 ns]
        twins                   time:   [4.0000 ns 4.0000 ns 4.0000 ns]
        """,
        2e-9,
    ),
}
DIVAN_TEXTS = {
    "a function": (
        "╰─ plain    42.3 ns       │ 1.563 µs      │ 48.71 ns      │ 50.51 ns      │ 11321   │ 724544\n",
        48.71e-9,
    ),
    "an argument": (
        """\
        ╰─ sorts                  │               │               │               │         │
           ╰─ 1000  302.6 ns      │ 11.96 µs      │ 323.8 ns      │ 330.4 ns      │ 16123   │ 128984
        """,
        323.8e-9,
    ),
    "threads": (
        """\
        ╰─ shared                 │               │               │               │         │
           ├─ t=1   34.3 ns       │ 1.71 µs       │ 40 ns         │ 36.92 ns      │ 106896  │ 6841344
           ╰─ t=2   34.47 ns      │ 522.8 ns      │ 90 ns         │ 39.08 ns      │ 6358    │ 406912
        """,
        60e-9,
    ),
    "a name like a table": (
        "╰─ a │ b    9.52 ms       │ 10.13 ms      │ 9.965 ms      │ 9.92 ms       │ 10      │ 10\n",
        9.965e-3,
    ),
    "counters and allocations": (
        """\
        ╰─ grows    114.7 ns      │ 152.9 ns      │ 120.6 ns      │ 125.8 ns      │ 10      │ 160
                    1.095 GB/s    │ 919 MB/s      │ 1.042 GB/s    │ 1.011 GB/s    │         │
                    max alloc:    │               │               │               │         │
                      1           │ 1             │ 1             │ 1             │         │
                      16 B        │ 16 B          │ 16 B          │ 16 B          │         │
        """,
        120.6e-9,
    ),
    "too quick for the clock": (
        "╰─ nothing  0 ns          │ 5.747 ns      │ 0 ns          │ 0.016 ns      │ 7836    │ 64192512\n",
        0.0,
    ),
    "minutes": ("╰─ patient  1 m           │ 1.2 m         │ 1.1 m         │ 1.1 m         │ 10      │ 10\n", 66.0),
}
NOT_UNDERSTOOD = {
    CRITERION: [
        "",
        "plain                   time:   [123.00 cycles 124.00 cycles 125.00 cycles]\n",
        "plain                   time:   [NaN ns NaN ns NaN ns]\n",
        "test plain ... bench:         703 ns/iter (+/- 80)\n",
    ],
    DIVAN: [
        "",
        DIVAN_HEAD + "\n╰─ plain    (ignored)     │               │               │               │         │\n",
        "speed\n╰─ plain\n",
    ],
}


@pytest.mark.parametrize("name", CRITERION_TEXTS)
def test_criterion_tells_a_time(name: str) -> None:
    text, seconds = CRITERION_TEXTS[name]
    assert CRITERION.seconds(dedent(text)) == pytest.approx(seconds)


@pytest.mark.parametrize("name", DIVAN_TEXTS)
def test_divan_tells_a_time(name: str) -> None:
    text, seconds = DIVAN_TEXTS[name]
    assert DIVAN.seconds(f"{DIVAN_HEAD}\n{dedent(text)}\n") == pytest.approx(seconds)


@pytest.mark.parametrize(("harness", "text"), [(one, text) for one, texts in NOT_UNDERSTOOD.items() for text in texts])
def test_what_is_not_understood_is_no_time(harness: Harness, text: str) -> None:
    assert harness.seconds(text) is None


@given(st.floats(1e-12, 9_999), st.sampled_from(["x", "a b/c", "time: [1 ns 2 ns", "f(x)=[y] $"]))
def test_criterion_and_its_units(seconds: float, name: str) -> None:
    shown = " ".join(in_words(value, digits=5) for value in (seconds * 0.9, seconds, seconds * 1.1))
    assert CRITERION.seconds(f"{name:<23} time:   [{shown}]\n") == pytest.approx(seconds, rel=1e-3)


@given(st.floats(1e-9, 59), st.sampled_from(["x", "a │ b", "│", "Vec<u8>"]), st.integers(1, 10**9))
def test_divan_and_its_units(seconds: float, name: str, samples: int) -> None:
    cells = [in_words(seconds * factor, digits=4) for factor in (0.1, 9, 1, 1.5)]
    row = f"╰─ {name}  {' │ '.join(f'{cell:<13}' for cell in cells)} │ {samples:<7} │ {samples * 2}"
    assert DIVAN.seconds(f"{DIVAN_HEAD}\n{row}\n\n") == pytest.approx(seconds, rel=1e-2)


@given(st.text())
def test_any_words_are_read_without_failing(text: str) -> None:
    for harness in HARNESSES:
        assert (harness.seconds(text) or 0.0) >= 0.0
    assert all("\n" not in case for case in cases(text))


def in_words(seconds: float, *, digits: int) -> str:
    """A time with so many digits, in the unit that keeps it under a thousand."""
    units = [("s", 1.0), ("ms", 1e-3), ("µs", 1e-6), ("ns", 1e-9), ("ps", 1e-12)]
    unit, scale = next(((unit, scale) for unit, scale in units if seconds >= scale), units[-1])
    number = seconds / scale
    return f"{number:.{max(0, digits - len(str(int(number))))}f} {unit}"


def test_the_list_of_cases() -> None:
    text = """\
        plain: benchmark
        naïve: µ: benchmark

        odd: benchmark: benchmark
        group/sum of/10: benchmark
        speed::a group::sorts::Vec<u8>::a b: benchmark
        plain: benchmark
        a test: test
        """
    names = ("plain", "naïve: µ", "odd: benchmark", "group/sum of/10", "speed::a group::sorts::Vec<u8>::a b")
    assert cases(dedent(text)) == names


@pytest.mark.parametrize("harness", HARNESSES, ids=["criterion", "divan"])
@pytest.mark.parametrize("case", ["plain", "--list", "a.*b [x] (y) $", " "])
def test_a_case_comes_last_and_is_never_an_option(harness: Harness, case: str) -> None:
    *options, dashes, last = harness.arguments(case, 1.0)
    assert (dashes, last) == ("--", case)
    assert {"--bench", "--exact"} <= set(options)


def test_the_time_that_a_run_may_take() -> None:
    line = " ".join(CRITERION.arguments("x", 0.4))
    assert "--warm-up-time 0.1000 --measurement-time 0.3000" in line
    line = " ".join(DIVAN.arguments("x", 0.75))
    assert "--min-time 0.7500 --max-time 7.5000" in line
    assert "--min-time 0.0100 --max-time 5.0000" in " ".join(DIVAN.arguments("x", 0.01))


def made(folder: Path, *content: bytes) -> BenchTarget:
    """A bench target whose executable has these bytes in it."""
    path = folder / "speed-0123456789abcdef"
    path.write_bytes(b"\x7fELF" + bytes(5000) + b"".join(content) + bytes(5000))
    return BenchTarget(name="speed", package="app", path=path, cwd=folder)


def opened(folder: Path, runner: FakeRunner, harness: Harness = CRITERION) -> BenchExecutable:
    """A bench in a user's surroundings."""
    bench = open_bench(runner, made(folder, harness.marker), {"HOME": "/home/ann"}, folder / "scratch")
    assert bench
    return bench


@pytest.mark.parametrize("harness", HARNESSES, ids=["criterion", "divan"])
def test_an_executable_tells_its_harness_without_being_run(tmp_path: Path, harness: Harness) -> None:
    assert find_harness(made(tmp_path, b"usage: ", harness.marker, b"\n").path) is harness


def test_another_harness_is_left_out_without_being_run(tmp_path: Path) -> None:
    runner = FakeRunner()
    assert find_harness(made(tmp_path, b"#[bench]").path) is None
    assert open_bench(runner, made(tmp_path, b"#[bench]"), {}, tmp_path) is None
    assert runner.commands == []


@pytest.mark.parametrize("harness", HARNESSES, ids=["criterion", "divan"])
def test_cases_are_listed_where_cargo_would_run_them(tmp_path: Path, harness: Harness) -> None:
    runner = FakeRunner().on("*", finished("one: benchmark\ntwo: benchmark\n"))
    assert opened(tmp_path, runner, harness).cases() == ("one", "two")
    (command,) = runner.commands
    assert command.argv[1:] == ("--bench", "--list", "--format", "terse")
    assert command.cwd == tmp_path
    assert command.timeout == 60
    assert command.environment == {
        "HOME": "/home/ann",
        "CRITERION_HOME": str(tmp_path / "scratch"),
        "CARGO_MANIFEST_DIR": str(tmp_path),
        "NEXTEST": "1",
    }


def test_a_case_is_run(tmp_path: Path) -> None:
    bench = opened(tmp_path, FakeRunner())
    assert bench.command("a b", 0.5)[0] == str(bench.target.path)
    assert bench.command("a b", 0.5)[-2:] == ("--", "a b")
    assert "NEXTEST" not in bench.variables
    assert bench.time("a b", finished(CRITERION_TEXTS["a short name"][0])) == pytest.approx(702.59e-12)


def test_an_old_harness_is_refused(tmp_path: Path) -> None:
    said = "error: Found argument '--format' which wasn't expected, or isn't valid in this context\n"
    bench = opened(tmp_path, FakeRunner().on("*--list*", finished(stderr=said, exit_code=2)))
    with pytest.raises(InputError, match="bench speed does not list its cases: exit code 2: error: Found") as error:
        bench.cases()
    assert error.value.where == str(bench.target.path)
    assert "criterion 0.5 or divan 0.1.19" in error.value.hint


def test_a_case_that_fails(tmp_path: Path) -> None:
    bench = opened(tmp_path, FakeRunner())
    with pytest.raises(InputError, match="case 'a b' of bench speed fails: exit code 101: thread 'main' panicked"):
        bench.time("a b", finished(stderr="thread 'main' panicked\n", exit_code=101))


def test_a_case_that_tells_no_time(tmp_path: Path) -> None:
    bench = opened(tmp_path, FakeRunner(), DIVAN)
    with pytest.raises(InputError, match="case 'a b' of bench speed prints no time as divan does") as error:
        bench.time("a b", finished("Timer precision: 20 ns\n"))
    assert error.value.where == str(bench.target.path)
