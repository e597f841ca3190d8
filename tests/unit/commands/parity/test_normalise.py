"""What may differ without being a difference."""

from __future__ import annotations

from datetime import datetime
from random import Random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from trimtab.commands.parity.normalise import hashes, normalised, order, paths, times, without_process
from trimtab.model.parity_check import Normaliser

PIECES = (
    *("/home/ann/src/main.rs", "~/x/y", "C:\\Users\\ann\\a.txt", "file:///tmp/a/b", "https://docs.test/a/b"),
    *("2026-01-31T12:34:56.7Z", "2026-01-31", "12:34:56", "1.5s", "12 ms", "3 minutes", "7", "0.25", "v1.2.3"),
    *("1m 03s", "[00:12]", "Nov 29", "14:03", "2026", "days,", "PT1M", "GMT", "e-05", "m", "h", "and", "<", ","),
    *("0xdeadbeef", "d34db33f", "decade0", "1234567", "deadbeef", "123e4567-e89b-12d3-a456-426614174000", "F401"),
    *(" ", "  ", "\n", "\t", ":", "[path]", "[time]", "[hash]", "]", "'", "é", "\0", "\udcff"),
    *("a/b.rs", "/", "//", "thread 'a' (7) panicked at"),
)  # fmt: skip
texts = st.lists(st.sampled_from(PIECES) | st.text(max_size=5), max_size=12).map("".join)
kinds = st.sets(st.sampled_from(Normaliser))


class TestEach:
    @pytest.mark.parametrize(
        ("line", "left"),
        [
            ("at /home/ann/src/main.rs:3:5", "at [path]/main.rs:3:5"),
            ("'/tmp/x/y' is gone", "'[path]/y' is gone"),
            ("~/.cache/tool/log", "[path]/log"),
            ("C:\\Users\\ann\\a.txt", "[path]/a.txt"),
            ("file:///tmp/a/b", "[path]/b"),
            ("see https://docs.test/a/b", "see https://docs.test/a/b"),
            ("src/main.rs:3:5 and and/or", "src/main.rs:3:5 and and/or"),
            ("/tmp", "/tmp"),
        ],
    )
    def test_paths(self, line: str, left: str) -> None:
        assert paths(line) == left

    @pytest.mark.parametrize(
        ("line", "left"),
        [
            ("2026-01-31T12:34:56.789Z done", "[time] done"),
            ("2026-01-31 12:34:56+02:00", "[time]"),
            ("on 2026-01-31", "on [time]"),
            ("at 12:34:56 sharp", "at [time] sharp"),
            ("took 1.52s (12 ms, 3 minutes, 7µs)", "took [time] ([time], [time], [time])"),
            ("in 1m 03s or 59.9s or 1h2m3s or 2 hours and 5 minutes", "in [time] or [time] or [time] or [time]"),
            ("9.5e-05s, 9.8 msec, 100msecs, 1,234.5 ms, 3 µsec", "[time], [time], [time], [time], [time]"),
            ("[00:12] (01:02) [00:12<00:34, 5it/s]", "[[time]] ([time]) [[time]<[time], 5it/s]"),
            ("0:00.12elapsed 2 days, 3:04:05", "[time]elapsed [time]"),
            ("Sun, 29 Nov 2026 14:03:22 GMT", "[time]"),
            ("Sun Nov 29 14:03:22 UTC 2026", "[time]"),
            ("Sun Nov 29 14:03:22 2026", "[time]"),
            ("Nov 29 14:03:22 host", "[time] host"),
            ("November 29, 2026 and 29-Nov-2026", "[time] and [time]"),
            ("[29/Nov/2026:14:03:22 +0000] 11/29/2026 2:03 PM", "[[time]] [time]"),
            ("2026/11/29 14:03:22 20261129T140322Z", "[time] [time]"),
            ("2:03 PM PT1M3.5S took <1ms", "[time] [time] took [time]"),
            ("src/main.rs:12:34: error", "src/main.rs:12:34: error"),
            ("src/a.ts(12:34): error at 12:34", "src/a.ts(12:34): error at 12:34"),
            ("5m of rope, 7 d, may 5 files, port 80:80, 3/4", "5m of rope, 7 d, may 5 files, port 80:80, 3/4"),
            ("finished in 2m, took 3 m, 31.1.2026 12:00:00", "finished in [time], took [time], [time]"),
            ("v1.5s 1.2.3s a1s", "v1.5s 1.2.3s a1s"),
            ("1.2.3, 15 files, 4sure", "1.2.3, 15 files, 4sure"),
        ],
    )
    def test_times(self, line: str, left: str) -> None:
        assert times(line) == left

    @pytest.mark.parametrize(
        ("line", "left"),
        [
            ("at 0x7ffd12 in", "at [hash] in"),
            ("commit 59807616e", "commit [hash]"),
            ("123e4567-e89b-12d3-a456-426614174000", "[hash]"),
            ("app-1a2b3c4d5e6f7a8b.d", "app-[hash].d"),
            ("1234567890 bytes", "1234567890 bytes"),
            ("defaced facade F401 E0308", "defaced facade F401 E0308"),
        ],
    )
    def test_hashes(self, line: str, left: str) -> None:
        assert hashes(line) == left

    def test_order(self) -> None:
        assert order("b\na\nc") == "a\nb\nc"

    def test_a_panic_does_not_differ_from_itself(self) -> None:
        told = "thread 'main' ({}) panicked at src/main.rs:3:5:\n"
        assert without_process(told.format(17)) == without_process(told.format(4711))
        assert "main.rs:3:5" in without_process(told.format(17))
        found = "=={}==ERROR: AddressSanitizer: heap-use-after-free"
        assert without_process(found.format(17)) == without_process(found.format(4711))

    def test_nothing_that_was_not_asked_for(self) -> None:
        line = "/a/b/c 12:34:56 0xff b a"
        assert normalised(line, ()) == line


@given(texts, kinds)
@example("2026-01-31PT1M", {Normaliser.TIMES})
def test_twice_is_once(text: str, chosen: set[Normaliser]) -> None:
    once = normalised(text, chosen)
    assert normalised(once, chosen) == once


@given(texts, kinds)
def test_lines_stay_lines(text: str, chosen: set[Normaliser]) -> None:
    assert normalised(text, chosen).count("\n") == text.count("\n")


@given(texts, kinds)
def test_equal_texts_stay_equal_in_whatever_order_they_are_named(text: str, chosen: set[Normaliser]) -> None:
    assert normalised(text, sorted(chosen)) == normalised(text, sorted(chosen, reverse=True))


@given(st.lists(texts.filter(lambda text: "\n" not in text)), st.randoms(use_true_random=False))
def test_shuffled_lines_are_the_same_in_order(lines: list[str], dice: Random) -> None:
    shuffled = list(lines)
    dice.shuffle(shuffled)
    both = ("\n".join(one) for one in (lines, shuffled))
    first, second = (normalised(text, (Normaliser.ORDER,)) for text in both)
    assert first == second


moments = st.datetimes(min_value=datetime(1970, 1, 1))
FORMS = (
    *("%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S.%f", "%Y-%m-%d %H:%M:%S,%fZ", "%H:%M:%S", "%Y%m%dT%H%M%SZ", "%I:%M %p"),
    *(
        "%a, %d %b %Y %H:%M:%S GMT",
        "%a %b %d %H:%M:%S %Y",
        "%A, %B %d, %Y",
        "%d/%b/%Y:%H:%M:%S +0200",
        "%b %d %H:%M:%S",
    ),
    *("%m/%d/%Y %I:%M:%S %p", "%Y/%m/%d %H:%M:%S", "[%M:%S]", "%d-%b-%Y"),
)


@given(moments, moments, st.sampled_from(FORMS))
def test_no_two_times_differ(one: datetime, other: datetime, form: str) -> None:
    said = [f"built at {moment.strftime(form)}, fine" for moment in (one, other)]
    assert times(said[0]) == times(said[1])


def durations(seconds: float) -> tuple[str, ...]:
    """A duration as programs print it."""
    whole = int(seconds)
    minutes, rest = divmod(whole, 60)
    hours, odd = divmod(minutes, 60)
    return (
        *(f"{seconds!r}s", f"{seconds:.2f} seconds", f"{seconds * 1e3:,.1f} ms", f"{seconds:.1e} sec"),
        *(f"{minutes}m{rest}s", f"{minutes}m {rest:02}.5s", f"{hours}h {odd}m", f"{hours} hours {odd} mins"),
        *(f"{hours}:{odd:02}:{rest:02}", f"{minutes}:{rest:02}.12", f"PT{minutes}M{rest}S"),
    )


@given(st.floats(0, 90_000), st.floats(0, 90_000))
def test_no_two_durations_differ(one: float, other: float) -> None:
    for ours, theirs in zip(durations(one), durations(other), strict=True):
        assert times(f"took {ours}, fine") == times(f"took {theirs}, fine") == "took [time], fine"


@given(st.integers(0, 2**64), st.integers(0, 2**64))
def test_no_two_addresses_differ(one: int, other: int) -> None:
    assert hashes(f"<object at {one:#x}>") == hashes(f"<object at {other:#x}>")
