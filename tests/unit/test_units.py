"""How people write and read seconds, bytes and changes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.errors import InputError
from trimtab.units import (
    format_age,
    format_bytes,
    format_change,
    format_count,
    format_seconds,
    format_value,
    parse_duration,
    parse_ratio,
    parse_size,
)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("20m", 1200),
        ("2h", 7200),
        ("1.5h", 5400),
        ("30d", 30 * 86400),
        ("300ms", 0.3),
        ("45", 45),
        (" 4 s ", 4),
        ("0.05", 0.05),
    ],
)
def test_durations_are_read(text: str, seconds: float) -> None:
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-1, "0s"), (0.4, "0s"), (59.9, "59s"), (60, "1m"), (7199, "1h"), (86400, "1d"), (100 * 86400, "100d")],
)
def test_ages_are_written_in_the_largest_unit_that_fits(seconds: float, text: str) -> None:
    assert format_age(seconds) == text


@pytest.mark.parametrize("text", ["", "0", "0s", "-1s", "1w", "m", "1m30s", "1e3", "20 minutes"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="is not a duration") as caught:
        parse_duration(text)
    assert "20m" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "size"), [("60M", 60 << 20), ("2G", 2 << 30), ("1.5k", 1536), ("10 MiB", 10 << 20), ("4096", 4096)]
)
def test_sizes_are_read(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "0", "-1M", "M", "2x", "1e3", "ten"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="is not a size"):
        parse_size(text)


@pytest.mark.parametrize(
    ("text", "ratio"), [("2.5x", 2.5), ("2 x", 2), ("+5%", 1.05), ("-10%", 0.9), ("5 %", 1.05), ("0%", 1.0)]
)
def test_limits_are_read(text: str, ratio: float) -> None:
    assert parse_ratio(text) == pytest.approx(ratio)


@pytest.mark.parametrize("text", ["", "2", "x", "%", "+x", "2.5", "five%", "-2x", "0x", "-100%", "-150%"])
def test_what_is_no_limit_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="is not a limit"):
        parse_ratio(text)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0172, "17.2 ms"),
        (0.000123, "123 µs"),
        (5.76e-8, "57.6 ns"),
        (0.00099999, "1 ms"),
        (0.9999, "1 s"),
        (3.414, "3.41 s"),
        (99.96, "100 s"),
        (119.9, "120 s"),
        (145, "2m 25s"),
        (7199.9, "119m 59s"),
        (7500, "2h 05m"),
        (0, "0 s"),
    ],
)
def test_seconds_are_shown(seconds: float, text: str) -> None:
    assert format_seconds(seconds) == text


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (812, "812 B"),
        (1023, "1023 B"),
        (1024, "1 KiB"),
        (14_643, "14.3 KiB"),
        (1_023_700, "1000 KiB"),
        (1023 * 1024, "1023 KiB"),
        (5_368_709, "5.12 MiB"),
        (1_610_612_736, "1.50 GiB"),
        (3 * 1024**4, "3.00 TiB"),
    ],
)
def test_sizes_are_shown(size: int, text: str) -> None:
    assert format_bytes(size) == text


@pytest.mark.parametrize(
    ("ratio", "text"),
    [
        (0.84, "-16.0 %"),
        (1.004, "+0.4 %"),
        (3.5, "+250 %"),
        (1.0, "0.0 %"),
        (0.9996, "0.0 %"),
        (1.9994, "+99.9 %"),
        (1.9996, "+100 %"),
    ],
)
def test_changes_are_shown_with_their_direction(ratio: float, text: str) -> None:
    assert format_change(ratio) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [(812, "812"), (14_300, "14.3 k"), (5_120_000, "5.12 M"), (1_500_000_000, "1.5 G"),
     (999_960, "1 M"), (999_400_000, "999 M")],
)  # fmt: skip
def test_counts_are_shown(number: int, text: str) -> None:
    assert format_count(number) == text


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [(1.5, "s", "1.5 s"), (2048, "bytes", "2 KiB"), (0.9, "ratio", "-10.0 %"), (5e6, "instructions", "5 M"),
     (0.7, "cores", "0.7 cores")],
)  # fmt: skip
def test_every_unit_is_read_in_its_own_way(value: float, unit: str, text: str) -> None:
    assert format_value(value, unit) == text


@given(st.floats(0.001, 1e6))
def test_written_seconds_are_read_back(seconds: float) -> None:
    assert parse_duration(f"{seconds:.6f}s") == pytest.approx(seconds, abs=1e-6)


@given(st.text(max_size=8))
def test_a_text_is_a_positive_duration_or_refused(text: str) -> None:
    try:
        seconds = parse_duration(text)
    except InputError:
        return
    assert seconds > 0


@given(st.floats(0.001, 0.999), st.integers(1, 10**12))
def test_no_number_is_shown_without_a_digit_and_a_unit(seconds: float, size: int) -> None:
    assert format_seconds(seconds).partition(" ")[2] in ("ns", "µs", "ms", "s")
    number, _, unit = format_bytes(size).partition(" ")
    assert unit in ("B", "KiB", "MiB", "GiB", "TiB")
    assert "e" not in number
    assert float(number) * {"B": 1, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3, "TiB": 1024**4}[unit] == pytest.approx(
        size, rel=0.01
    )
