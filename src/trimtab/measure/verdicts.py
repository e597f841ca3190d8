"""What the pairs say: verdicts, rows for a report, and what makes times less worth."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Sequence

from trimtab.measure.series import ERROR, NULL, Measured, Series
from trimtab.model.comparison import Row, Runs, Verdict
from trimtab.stats.sequence import discoveries

_CALLED = (Verdict.IMPROVED, Verdict.REGRESSED)
_FEWEST, _SHORT, _DRIFT = 6, 0.005, 0.05


def verdicts_of(measured: Sequence[Measured]) -> Iterator[tuple[int, Verdict]]:
    """The verdict on every series but the null controls, by its ``id``; errors are controlled over all of them."""
    series = [one for bench in measured for name, many in bench.series.items() if name != NULL for one in many]
    found = discoveries([one.sequence.log_evidence for one in series], ERROR)
    for number, one in enumerate(series):
        sequence = one.sequence
        large = abs(sequence.centre) >= sequence.smallest
        if number in found and large and sequence.bounded(ERROR / len(series)):
            yield id(one), Verdict.REGRESSED if sequence.centre > 0 else Verdict.IMPROVED
        elif sequence.within(ERROR / len(series)):
            yield id(one), Verdict.SAME
        else:
            yield id(one), Verdict.UNCLEAR


def rows_of(measured: Sequence[Measured]) -> tuple[list[Row], list[Row]]:
    """The rows to report, and those of the null controls."""
    verdicts = dict(verdicts_of(measured))
    called = sum(verdict in _CALLED for verdict in verdicts.values())
    error = ERROR * max(1, called) / max(1, len(verdicts))
    rows: list[Row] = []
    null: list[Row] = []
    for one in measured:
        base = one.runs[one.base]
        several = len(one.case.commands) > 2  # noqa: PLR2004 - a baseline and one candidate
        for name, many in one.series.items():
            subject = f"{one.case.name}, {name}" if several or name == NULL else one.case.name
            for series in many:
                if name == NULL:
                    null.append(_row(subject, series, base, base, series_verdict(series), ERROR))
                else:
                    rows.append(_row(subject, series, base, one.runs[name], verdicts[id(series)], error))
        rows += [
            Row(subject=f"{one.case.name}, {name}" if several else one.case.name, metric=metric, base=None, head=None,
                unit="s", change=0.0, low=0.0, high=0.0, verdict=Verdict.IDENTICAL, runs=0)
            for name in one.case.identical for metric in ("wall", "cpu")
        ]  # fmt: skip
    return rows, null


def series_verdict(series: Series) -> Verdict:
    """The verdict on one series by itself."""
    sequence = series.sequence
    if sequence.slower:
        return Verdict.REGRESSED
    if sequence.faster:
        return Verdict.IMPROVED
    return Verdict.SAME if sequence.same else Verdict.UNCLEAR


def _row(subject: str, series: Series, base: Runs, head: Runs, verdict: Verdict, error: float) -> Row:
    found = series.sequence.interval(error)
    medians = [
        statistics.median(series.read(sample) for sample in runs.samples) if runs.samples else None
        for runs in (base, head)
    ]
    return Row(
        subject=subject,
        metric=series.metric,
        base=medians[0],
        head=medians[1],
        unit=series.unit,
        change=math.expm1(found.value) if found.samples else None,
        low=None if found.low is None else math.expm1(found.low),
        high=None if found.high is None else math.expm1(found.high),
        verdict=verdict,
        runs=found.samples,
        more=series.sequence.pairs_left() if verdict is Verdict.UNCLEAR else None,
    )


def warnings_of(measured: Sequence[Measured]) -> Iterator[str]:
    """What makes times less worth: runs too short for the clock, machines that change their speed, null controls."""
    for one in measured:
        base = one.runs[one.base]
        walls = [sample.wall for sample in base.samples]
        if one.failure:
            yield f"{one.case.name}: {one.failure}"
        if len(walls) < _FEWEST:
            continue
        if statistics.median(walls) < _SHORT:
            yield f"{one.case.name}: a run takes less than 5 ms, of which much is starting the process"
        third = len(walls) // 3
        first, last = statistics.median(walls[:third]), statistics.median(walls[-third:])
        if abs(math.log(last / first)) > _DRIFT:
            change = f"{last / first - 1:+.0%}"
            yield f"{one.case.name}: the machine's speed changed by {change} meanwhile (the pairs do not mind)"
        if _two_states(walls):
            yield f"{one.case.name}: times fall into two groups, as with a clock of two speeds (the pairs do not mind)"
        for series in one.series[NULL]:
            if series_verdict(series) in _CALLED:
                yield f"{one.case.name}: the baseline's {series.metric} differs from its copy's: mistrust this machine"


def _two_states(walls: Sequence[float]) -> bool:
    """Whether the logarithms split into two groups that are further apart than four times their own spread."""
    logs = sorted(map(math.log, walls))
    fifth = max(2, len(logs) // 5)
    gap, at = max((logs[i + 1] - logs[i], i + 1) for i in range(len(logs) - 1))
    if not fifth <= at <= len(logs) - fifth:
        return False
    spread = max(statistics.pstdev(logs[:at]), statistics.pstdev(logs[at:]))
    return gap > 4 * spread
