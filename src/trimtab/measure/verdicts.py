"""Verdicts on series of pairs, rows for a report, and warnings about conditions that spoil times."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from trimtab.measure.series import ERROR, NULL, BenchRuns, Series, new_sequence
from trimtab.model.comparison import ComparisonRow, Count, Mode, Placement, Verdict
from trimtab.model.layout import LayoutSpread
from trimtab.stats.sequence import discoveries
from trimtab.units import format_seconds

COUNTED = ("instructions", "cycles")
"""Metrics of a `Count`."""
_CALLED = (Verdict.IMPROVED, Verdict.REGRESSED)
_FEWEST, _SHORT, _DRIFT = 6, 0.005, 0.05
_SURE = 3.0
"""Standard errors."""
_MARGIN = 1.2
"""Time to ask for, over what the fewest pairs are expected to take."""
SURE_REPEATS = 5
"""Counts of each side that must agree before a difference is called by them alone: a program that counts one of two
values at random gives so many equal ones on both sides, and others there, in 1 of 512 cases at most."""


def verdicts_of(measured: Sequence[BenchRuns]) -> Iterator[tuple[int, Verdict]]:
    """The verdict on every series with pairs but the null controls, by its ``id``; over all of them, errors are rare.

    Benches that are still to be run count: a verdict must not be taken back because others come after it. A row that is
    not to be called different, its change being small, its pairs few or its runs disturbed by those before them, is no
    evidence: what is reported must be all that the procedure finds, for its rate to hold.
    """
    judged = _judged(measured)
    error = ERROR / max(1, len(judged))
    found = discoveries([_evidence(series, error) for series in judged], ERROR)
    for number, series in enumerate(judged):
        if number in found:
            yield id(series), Verdict.REGRESSED if series.sequence.centre > 0 else Verdict.IMPROVED
        elif series.tells:
            same = series.same(error) and not series.carries_over
            yield id(series), Verdict.SAME if same else Verdict.UNCLEAR


def _evidence(series: Series, error: float) -> float:
    sequence = series.sequence
    large = abs(sequence.centre) >= sequence.smallest and sequence.bounded(error)
    return sequence.log_evidence if large and not series.carries_over else -math.inf


def _judged(measured: Sequence[BenchRuns]) -> list[Series]:
    """All rows of the report that are uncertain, those without pairs yet too."""
    return [
        series
        for bench in measured
        for name in bench.heads
        for series in (*bench.series[name], *bench.counted.get(name, ()))
        if not series.absent and not count_is_certain(series)
    ]


def count_is_certain(series: Series) -> bool:
    """Whether the counts of both sides repeat exactly, and often enough for what they say.

    Two of each side do where they differ by less than what matters.
    """
    if series.metric not in COUNTED or not series.repeats:
        return False
    before, after = series.pairs[0]
    small = range_verdict(after / before - 1, after / before - 1, math.expm1(series.sequence.smallest)) is Verdict.SAME
    return small or len(series.pairs) >= SURE_REPEATS


def rows_of(measured: Sequence[BenchRuns]) -> tuple[list[ComparisonRow], list[ComparisonRow]]:
    """The rows to report, and those of the null controls."""
    verdicts, judged = dict(verdicts_of(measured)), max(1, len(_judged(measured)))
    called = sum(verdict in _CALLED for verdict in verdicts.values())
    shown, decides = ERROR * max(1, called) / judged, ERROR / judged
    rows: list[ComparisonRow] = []
    null: list[ComparisonRow] = []
    for bench in measured:
        for name in bench.heads:
            for series in (*bench.series[name], *bench.counted.get(name, ())):
                if count_is_certain(series):
                    rows.append(_certain(bench, name, series))
                elif series.tells:
                    rows.append(_row(bench, name, series, verdicts[id(series)], shown, decides))
            rows += _printed(bench, name)
        telling = [series for series in bench.series[NULL] if series.tells]
        null += [_row(bench, NULL, series, series_verdict(series), ERROR, ERROR) for series in telling]
        null += _counted_twice(bench)
        rows += [
            _identical(bench, name, series.metric) for name in bench.case.identical for series in bench.series[NULL][:2]
        ]
    return rows, null


def _subject(bench: BenchRuns, name: str) -> str:
    several = len(bench.case.commands) > 2  # noqa: PLR2004 - a baseline and one candidate
    return f"{bench.case.name}, {name}" if several or name == NULL else bench.case.name


def _identical(bench: BenchRuns, name: str, metric: str) -> ComparisonRow:
    return ComparisonRow(
        subject=_subject(bench, name), metric=metric, mode=Mode.PAIRED, base=None, head=None, unit="s", change=0.0,
        low=0.0, high=0.0, verdict=Verdict.IDENTICAL, runs=0,
    )  # fmt: skip


def _certain(bench: BenchRuns, name: str, series: Series) -> ComparisonRow:
    """The row of counts that repeat exactly, about which there is nothing uncertain."""
    before, after = series.pairs[0]
    change = after / before - 1
    return ComparisonRow(
        subject=_subject(bench, name), metric=series.metric, mode=Mode.COUNTED, base=before, head=after,
        unit=series.unit, change=change, low=change, high=change,
        verdict=range_verdict(change, change, bench.case.smallest), runs=len(series.pairs),
    )  # fmt: skip


def _counted_twice(bench: BenchRuns) -> Iterator[ComparisonRow]:
    """The null control of counts: the baseline's first run beside its second, which are never called different."""
    counts: list[Count] = bench.counts.get(bench.base, [])[:2]
    for metric in COUNTED if len(counts) > 1 else ():
        before, after = (getattr(count, metric) for count in counts)
        if before is not None and after is not None:
            change = after / before - 1
            small = abs(change) < bench.case.smallest
            yield ComparisonRow(
                subject=_subject(bench, NULL), metric=metric, mode=Mode.COUNTED, base=before, head=after, unit=metric,
                change=change, low=change, high=change, verdict=Verdict.SAME if small else Verdict.UNCLEAR, runs=1,
            )  # fmt: skip


def _printed(bench: BenchRuns, name: str) -> Iterator[ComparisonRow]:
    """The row on bytes printed: neither more nor less of it is better, so a difference has no verdict."""
    base, head = bench.output.get(bench.base), bench.output.get(name)
    if not bench.case.reported and base is not None and head is not None and (base or head):
        change = head / base - 1 if base else None
        yield ComparisonRow(
            subject=_subject(bench, name), metric="output", mode=Mode.EXACT, base=base, head=head, unit="bytes",
            change=change, low=change, high=change, verdict=Verdict.SAME if base == head else Verdict.UNCLEAR, runs=1,
        )  # fmt: skip


def range_verdict(low: float, high: float, smallest: float) -> Verdict:
    """The verdict on a change that lies between two values for certain."""
    if low >= smallest:
        return Verdict.REGRESSED
    if high <= -smallest:
        return Verdict.IMPROVED
    return Verdict.SAME if max(abs(low), abs(high)) < smallest else Verdict.UNCLEAR


def over_layouts(
    rows: Sequence[ComparisonRow], spreads: Sequence[LayoutSpread], smallest: Mapping[str, float]
) -> list[ComparisonRow]:
    """Rows with the verdict over several layouts in the place of that on two programs alone.

    Args:
        rows: those of the two programs.
        spreads: of some of their benches and metrics.
        smallest: bench → the change that matters.
    """
    by_row = {(spread.subject, spread.metric): spread for spread in spreads}
    return [
        _over_layouts(row, by_row[row.subject, row.metric], smallest[row.subject])
        if (row.subject, row.metric) in by_row and row.mode is Mode.PAIRED
        else row
        for row in rows
    ]


def _over_layouts(row: ComparisonRow, spread: LayoutSpread, smallest: float) -> ComparisonRow:
    if spread.low is None or spread.high is None:
        verdict = Verdict.UNCLEAR
    elif spread.low > 0 and spread.change >= smallest:
        verdict = Verdict.REGRESSED
    elif spread.high < 0 and spread.change <= -smallest:
        verdict = Verdict.IMPROVED
    else:
        verdict = Verdict.SAME if -smallest < spread.low and spread.high < smallest else Verdict.UNCLEAR
    return replace(
        row,
        mode=Mode.LAYOUTS,
        change=spread.change,
        low=spread.low,
        high=spread.high,
        verdict=verdict,
        runs=min(len(spread.base), len(spread.head)),
        more=None,
        reason="",
        placement=Placement(
            verdict=row.verdict,
            change=row.change,
            low=row.low,
            high=row.high,
            base_spread=spread.base_spread,
            head_spread=spread.head_spread,
            layout_only=row.verdict in _CALLED and spread.explains(row.change),
        ),
    )


def series_verdict(series: Series) -> Verdict:
    """The verdict on one series by itself."""
    sequence = series.sequence
    if sequence.slower:
        return Verdict.REGRESSED
    if sequence.faster:
        return Verdict.IMPROVED
    return Verdict.SAME if series.same(ERROR) else Verdict.UNCLEAR


def _row(bench: BenchRuns, name: str, series: Series, verdict: Verdict, shown: float, decides: float) -> ComparisonRow:
    """The row of a series of pairs; a clock's tick widens its interval, but a called change keeps its sign."""
    interval = series.interval(shown)
    low = None if interval.low is None else math.expm1(interval.low)
    high = None if interval.high is None else math.expm1(interval.high)
    if verdict is Verdict.REGRESSED and low is not None:
        low = max(low, 0.0)
    if verdict is Verdict.IMPROVED and high is not None:
        high = min(high, 0.0)
    before, after = (statistics.median(values) for values in zip(*series.pairs, strict=True))
    unclear = verdict is Verdict.UNCLEAR
    return ComparisonRow(
        subject=_subject(bench, name),
        metric=series.metric,
        mode=Mode.COUNTED if series.metric in COUNTED else Mode.PAIRED,
        base=before,
        head=after,
        unit=series.unit,
        change=math.expm1(interval.value),
        low=low,
        high=high,
        verdict=verdict,
        runs=interval.samples,
        more=series.sequence.pairs_left(decides) if unclear and not (series.carries_over or series.is_coarse) else None,
        reason=_reason(bench, name, series, decides) if unclear and name != NULL else "",
    )


def _reason(bench: BenchRuns, name: str, series: Series, decides: float) -> str:
    """Reason why a row is unclear, where it is not just the noise."""
    fewest = series.sequence.fewest(decides)
    few = f"a verdict takes {fewest} pairs at least" if len(series.sequence) < fewest else ""
    doubt = series.doubt(bench.base, name)
    return doubt if series.carries_over else few or doubt


def warnings_of(measured: Sequence[BenchRuns]) -> Iterator[str]:
    """Warnings about times: runs too short for the clock, machines that change their speed, null controls."""
    error = ERROR / max(1, len(_judged(measured)))
    for bench in measured:
        for warning in (*_gaps(bench), *_few(bench, error), *_tails(bench), *_unsteady(bench)):
            yield f"{bench.case.name}: {warning}"
        for series in bench.series[NULL]:
            if series_verdict(series) in _CALLED:
                name = bench.case.name
                yield f"{name}: the baseline's {series.metric} differs from its copy's: mistrust this machine"


def _gaps(bench: BenchRuns) -> Iterator[str]:
    """Warnings about metrics that could not be measured."""
    yield from bench.notes
    for metric, reason in {
        series.metric: series.absent for name in bench.heads for series in bench.series[name]
    }.items():
        if reason:
            yield f"no {metric}: {reason}"
    for name, runs in bench.left_running.items():
        yield f"{name} leaves processes running ({runs} of its runs): they were ended before the next run"


def _few(bench: BenchRuns, error: float) -> Iterator[str]:
    """A note where there are too few pairs for any verdict, with what it would take."""
    pairs = len(bench.runs[bench.base].samples)
    fewest = new_sequence(bench.case).fewest(error)
    if not bench.heads or not 0 < pairs < fewest or bench.failure or bench.interrupted:
        return
    if bench.budget is None:
        yield f"{pairs} pairs are too few for a verdict, which takes {fewest} at least: --runs {fewest}"
        return
    needed = _MARGIN * fewest * bench.seconds / pairs
    option = f"{math.ceil(needed / 60)}m" if needed > 2 * 60 else f"{math.ceil(needed / 5) * 5}s"
    yield (
        f"{pairs} pairs are all that fit into the budget of {format_seconds(bench.budget)}, and a verdict takes "
        f"{fewest} at least, more where the difference is small: --budget {option}"
    )


def _tails(bench: BenchRuns) -> Iterator[str]:
    """Changes of the mean that the median run does not show: verdicts are on typical runs."""
    base = bench.runs[bench.base].samples
    for name in bench.heads:
        series = bench.series[name][0]
        pairs = [
            (before, after)
            for old, new in zip(base, bench.runs[name].samples, strict=False)
            if (before := series.read(old)) and (after := series.read(new))
        ]
        if len(pairs) < _FEWEST or not series.tells:
            continue
        middle = statistics.fmean(before for before, _ in pairs)
        typical = math.exp(series.sequence.centre)
        beyond = [(after - typical * before) / middle for before, after in pairs]
        mean, error = statistics.fmean(beyond), statistics.stdev(beyond) / math.sqrt(len(beyond))
        if abs(mean) > max(bench.case.smallest, _SURE * error):
            change = f"{typical + mean - 1:+.1%}"
            yield f"the mean {series.metric} of {name} changes by {change}, unlike its typical run's: look at the runs"


def _unsteady(bench: BenchRuns) -> Iterator[str]:
    """Warnings about the machine, from the baseline's wall times alone."""
    walls = [sample.wall for sample in bench.runs[bench.base].samples]
    if len(walls) < _FEWEST:
        return
    if statistics.median(walls) < _SHORT:
        yield "a run takes less than 5 ms, of which much is starting the process"
    third = len(walls) // 3
    first, last = statistics.median(walls[:third]), statistics.median(walls[-third:])
    if abs(math.log(last / first)) > _DRIFT:
        yield f"the machine's speed changed by {last / first - 1:+.0%} meanwhile (the pairs do not mind)"
    if _two_states(walls):
        yield "times fall into two groups, as with a clock of two speeds (the pairs do not mind)"


def _two_states(walls: Sequence[float]) -> bool:
    """Whether the logarithms split into two groups that are further apart than four times their own spread."""
    logs = sorted(map(math.log, walls))
    fifth = max(2, len(logs) // 5)
    gap, at = max((logs[i + 1] - logs[i], i + 1) for i in range(len(logs) - 1))
    if not fifth <= at <= len(logs) - fifth:
        return False
    spread = max(statistics.pstdev(logs[:at]), statistics.pstdev(logs[at:]))
    return gap > 4 * spread
