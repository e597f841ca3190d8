"""Verdicts on series of pairs, rows for a report, and warnings about conditions that spoil times."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from trimtab.measure.series import ERROR, NULL, BenchRuns, Series
from trimtab.model.comparison import ComparisonRow, Count, Mode, Placement, Sample, Verdict
from trimtab.model.layout import LayoutSpread
from trimtab.stats.sequence import discoveries

_CALLED = (Verdict.IMPROVED, Verdict.REGRESSED)
_FEWEST, _SHORT, _DRIFT = 6, 0.005, 0.05
_SURE = 3.0
"""Standard errors."""


def verdicts_of(measured: Sequence[BenchRuns]) -> Iterator[tuple[int, Verdict]]:
    """The verdict on every series with pairs but the null controls, by its ``id``; over all of them, errors are rare.

    Benches that are still to be run count: a verdict must not be taken back because others come after it. A row that is
    not to be called different, its change being small or its pairs few, is no evidence: what is reported must be all
    that the procedure finds, for its rate to hold.
    """
    series = _judged(measured)
    error = ERROR / max(1, len(series))
    differs = [abs(one.sequence.centre) >= one.sequence.smallest and one.sequence.bounded(error) for one in series]
    evidence = [one.sequence.log_evidence if large else -math.inf for one, large in zip(series, differs, strict=True)]
    found = discoveries(evidence, ERROR)
    for number, one in enumerate(series):
        if number in found:
            yield id(one), Verdict.REGRESSED if one.sequence.centre > 0 else Verdict.IMPROVED
        elif one.tells:
            yield id(one), Verdict.SAME if one.sequence.within(error) else Verdict.UNCLEAR


def _judged(measured: Sequence[BenchRuns]) -> list[Series]:
    """All rows of the report, those without pairs yet too."""
    return [one for bench in measured for name in bench.heads for one in bench.series[name] if not one.absent]


def rows_of(measured: Sequence[BenchRuns]) -> tuple[list[ComparisonRow], list[ComparisonRow]]:
    """The rows to report, and those of the null controls."""
    verdicts, judged = dict(verdicts_of(measured)), max(1, len(_judged(measured)))
    called = sum(verdict in _CALLED for verdict in verdicts.values())
    shown, decides = ERROR * max(1, called) / judged, ERROR / judged
    rows: list[ComparisonRow] = []
    null: list[ComparisonRow] = []
    for one in measured:
        for name in one.heads:
            telling = [series for series in one.series[name] if series.tells]
            rows += [_row(one, name, series, verdicts[id(series)], shown, decides) for series in telling]
            rows += _counted(one, name, one.counts.get(one.base, []), one.counts.get(name, []))
            rows += _printed(one, name)
        telling = [series for series in one.series[NULL] if series.tells]
        null += [_row(one, NULL, series, series_verdict(series), ERROR, ERROR) for series in telling]
        counts = one.counts.get(one.base, [])
        null += _counted(one, NULL, counts[:1], counts[1:])
        rows += [_identical(one, name, series.metric) for name in one.case.identical for series in one.series[NULL][:2]]
    return rows, null


def _subject(one: BenchRuns, name: str) -> str:
    several = len(one.case.commands) > 2  # noqa: PLR2004 - a baseline and one candidate
    return f"{one.case.name}, {name}" if several or name == NULL else one.case.name


def _identical(one: BenchRuns, name: str, metric: str) -> ComparisonRow:
    return ComparisonRow(
        subject=_subject(one, name), metric=metric, mode=Mode.PAIRED, base=None, head=None, unit="s", change=0.0,
        low=0.0, high=0.0, verdict=Verdict.IDENTICAL, runs=0,
    )  # fmt: skip


def _counted(one: BenchRuns, name: str, base: Sequence[Count], head: Sequence[Count]) -> Iterator[ComparisonRow]:
    """Counts hardly differ from run to run, so the range of a few is shown in the place of an interval."""
    for metric in ("instructions", "cycles") if base and head else ():
        before, after = ([getattr(count, metric) for count in counts] for counts in (base, head))
        if None in (*before, *after):
            continue
        low, high = min(after) / max(before) - 1, max(after) / min(before) - 1
        values = statistics.median(before), statistics.median(after)
        yield ComparisonRow(
            subject=_subject(one, name), metric=metric, mode=Mode.COUNTED, base=values[0], head=values[1], unit=metric,
            change=values[1] / values[0] - 1, low=low, high=high, verdict=range_verdict(low, high, one.case.smallest),
            runs=min(len(before), len(after)),
        )  # fmt: skip


def _printed(one: BenchRuns, name: str) -> Iterator[ComparisonRow]:
    """The row on bytes printed: neither more nor less of it is better, so a difference has no verdict."""
    base, head = one.output.get(one.base), one.output.get(name)
    if not one.case.reported and base is not None and head is not None and (base or head):
        change = head / base - 1 if base else None
        yield ComparisonRow(
            subject=_subject(one, name), metric="output", mode=Mode.EXACT, base=base, head=head, unit="bytes",
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
    found = {(spread.subject, spread.metric): spread for spread in spreads}
    return [
        _over_layouts(row, found[row.subject, row.metric], smallest[row.subject])
        if (row.subject, row.metric) in found and row.mode is Mode.PAIRED
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
    return Verdict.SAME if sequence.same else Verdict.UNCLEAR


def _row(one: BenchRuns, name: str, series: Series, verdict: Verdict, shown: float, decides: float) -> ComparisonRow:
    found = series.sequence.interval(shown)
    base = one.runs[one.base]
    medians = [_median(series, runs.samples) for runs in (base, one.runs.get(name, base))]
    return ComparisonRow(
        subject=_subject(one, name),
        metric=series.metric,
        mode=Mode.PAIRED,
        base=medians[0],
        head=medians[1],
        unit=series.unit,
        change=math.expm1(found.value) if found.samples else None,
        low=None if found.low is None else math.expm1(found.low),
        high=None if found.high is None else math.expm1(found.high),
        verdict=verdict,
        runs=found.samples,
        more=series.sequence.pairs_left(decides) if verdict is Verdict.UNCLEAR else None,
    )


def _median(series: Series, samples: Sequence[Sample]) -> float | None:
    known = [value for sample in samples if (value := series.read(sample)) is not None]
    return statistics.median(known) if known else None


def warnings_of(measured: Sequence[BenchRuns]) -> Iterator[str]:
    """Warnings about times: runs too short for the clock, machines that change their speed, null controls."""
    for one in measured:
        for warning in (*_gaps(one), *_tails(one), *_unsteady([sample.wall for sample in one.runs[one.base].samples])):
            yield f"{one.case.name}: {warning}"
        for series in one.series[NULL]:
            if series_verdict(series) in _CALLED:
                yield f"{one.case.name}: the baseline's {series.metric} differs from its copy's: mistrust this machine"


def _gaps(one: BenchRuns) -> Iterator[str]:
    """Warnings about metrics that could not be measured."""
    yield from one.notes
    for metric, reason in {series.metric: series.absent for name in one.heads for series in one.series[name]}.items():
        if reason:
            yield f"no {metric}: {reason}"


def _tails(one: BenchRuns) -> Iterator[str]:
    """Changes of the mean that the median run does not show: verdicts are on typical runs."""
    base = one.runs[one.base].samples
    for name in one.heads:
        series = one.series[name][0]
        pairs = [
            (before, after)
            for old, new in zip(base, one.runs[name].samples, strict=False)
            if (before := series.read(old)) and (after := series.read(new))
        ]
        if len(pairs) < _FEWEST or not series.tells:
            continue
        middle = statistics.fmean(before for before, _ in pairs)
        typical = math.exp(series.sequence.centre)
        beyond = [(after - typical * before) / middle for before, after in pairs]
        mean, error = statistics.fmean(beyond), statistics.stdev(beyond) / math.sqrt(len(beyond))
        if abs(mean) > max(one.case.smallest, _SURE * error):
            change = f"{typical + mean - 1:+.1%}"
            yield f"the mean {series.metric} of {name} changes by {change}, unlike its typical run's: look at the runs"


def _unsteady(walls: Sequence[float]) -> Iterator[str]:
    """Warnings about the machine, from the wall times alone."""
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
