"""Runs as hyperfine exports them, so that its scripts read them: JSON, CSV, and tables of three markup languages.

Source: hyperfine 1.20, ``src/export`` and ``src/benchmark``.
"""

from __future__ import annotations

import csv
import io
import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import msgspec

from trimtab.commands.bench.json import encodable
from trimtab.commands.bench.parameters import BenchCommand
from trimtab.model.comparison import Runs

UNITS = {"microsecond": ("µs", 1e6, 1), "millisecond": ("ms", 1e3, 1), "second": ("s", 1.0, 3)}
"""Name of a unit → its sign, units in a second, and digits behind the point."""
_SIGNALLED, _THOUSAND = 128, 1000
_COLUMNS = ("mean", "stddev", "median", "user", "system", "min", "max")


@dataclass(frozen=True, kw_only=True, slots=True)
class BenchmarkResult:
    """All runs of one command."""

    command: str
    label: str
    """The command with the parameters that it does not tell itself."""
    times: tuple[float, ...]
    """Seconds of each run, as those of all else."""
    user: float
    system: float
    memory: tuple[int, ...]
    """Bytes; 0 where it is not known, as in hyperfine."""
    exit_codes: tuple[int, ...]
    """128 and its number for a signal."""
    parameters: Mapping[str, str] = field(default_factory=dict)

    @property
    def mean(self) -> float:
        """Mean of the times."""
        return statistics.fmean(self.times)

    @property
    def stddev(self) -> float | None:
        """Standard deviation of the times; none of a single one."""
        return statistics.stdev(self.times) if len(self.times) > 1 else None

    @property
    def median(self) -> float:
        """Median of the times."""
        return statistics.median(self.times)

    @property
    def min(self) -> float:
        """Shortest time."""
        return min(self.times)

    @property
    def max(self) -> float:
        """Longest time."""
        return max(self.times)


def benchmark_results(
    runs: Mapping[str, Runs], commands: Mapping[str, BenchCommand] | None = None
) -> list[BenchmarkResult]:
    """Results of all candidates that were run.

    Args:
        runs: name of a candidate → its runs.
        commands: name of a candidate → its command, where that has another name or parameters.
    """
    return [_result((commands or {}).get(name) or BenchCommand(text=name, name=name), one) for name, one in runs.items()
            if one.samples]  # fmt: skip


def _result(command: BenchCommand, runs: Runs) -> BenchmarkResult:
    return BenchmarkResult(
        command=command.name,
        label=command.label,
        times=tuple(sample.wall for sample in runs.samples),
        user=statistics.fmean(sample.user for sample in runs.samples),
        system=statistics.fmean(sample.system for sample in runs.samples),
        memory=tuple(sample.memory or 0 for sample in runs.samples),
        exit_codes=tuple(code if (code := sample.exit_code) >= 0 else _SIGNALLED - code for sample in runs.samples),
        parameters=dict(sorted(command.parameters.items())),
    )


def hyperfine_json(results: Sequence[BenchmarkResult]) -> str:
    """All runs as ``--export-json`` writes them."""
    document = {"results": list(map(_document, results))}
    return msgspec.json.format(msgspec.json.encode(encodable(document)), indent=2).decode() + "\n"


def _document(result: BenchmarkResult) -> dict[str, Any]:
    return {
        "command": result.command,
        **{name: getattr(result, name) for name in _COLUMNS},
        "times": result.times,
        "memory_usage_byte": result.memory,
        "exit_codes": result.exit_codes,
        **({"parameters": result.parameters} if result.parameters else {}),
    }


def hyperfine_csv(results: Sequence[BenchmarkResult]) -> str:
    """One line for each command as ``--export-csv`` writes it, times in seconds; no deviation of one run is 0."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    parameters = results[0].parameters if results else {}
    writer.writerow(["command", *_COLUMNS, *(f"parameter_{name}" for name in parameters)])
    for result in results:
        values = (_plain(getattr(result, name) or 0.0) for name in _COLUMNS)
        writer.writerow([result.command, *values, *result.parameters.values()])
    return text.getvalue()


def _plain(value: float) -> str:
    """A number without an exponent, and without a fraction of nothing."""
    text = f"{Decimal(repr(value)):f}"
    return text.removesuffix(".0")


def markup_table(results: Sequence[BenchmarkResult], markup: str, unit: str = "", *, by_mean: bool = False) -> str:
    """Mean, range and relative time of each command, as ``--export-markdown`` and its likes write them.

    Args:
        results: of all commands.
        markup: ``markdown``, ``asciidoc`` or ``orgmode``.
        unit: of all times; that which fits the first mean if left out.
        by_mean: whether the fastest comes first; else they keep their order.
    """
    sign, factor, digits = UNITS[unit or fitting_unit(results[0].mean if results else 1.0)]
    start, row, rule, end = _MARKUPS[markup]
    fastest = min(results, key=lambda result: result.mean, default=None)
    lines = [row(["Command", f"Mean [{sign}]", f"Min [{sign}]", f"Max [{sign}]", "Relative"])]
    for result in sorted(results, key=lambda result: result.mean) if by_mean else results:
        assert fastest
        mean, shortest, longest = (f"{value * factor:.{digits}f}" for value in (result.mean, result.min, result.max))
        deviation = "" if result.stddev is None else f" ± {result.stddev * factor:.{digits}f}"
        quotes = "=" if markup == "orgmode" else "`"
        command = f"{quotes}{result.label.replace('|', chr(92) + '|')}{quotes}"
        lines.append(row([command, f"{mean}{deviation}", shortest, longest, _relative(result, fastest)]))
    return start + lines[0] + rule + "".join(lines[1:]) + end


def _relative(result: BenchmarkResult, fastest: BenchmarkResult) -> str:
    """Mean over the fastest one's, with the deviation that both have by propagation of uncertainty."""
    if result is fastest or result.mean == fastest.mean == 0:
        return "1.00"
    if fastest.mean == 0:
        return "inf"
    ratio = result.mean / fastest.mean
    if result.stddev is None or fastest.stddev is None:
        return f"{ratio:.2f}"
    deviation = ratio * math.hypot(result.stddev / result.mean, fastest.stddev / fastest.mean)
    return f"{ratio:.2f} ± {deviation:.2f}"


def fitting_unit(seconds: float) -> str:
    """The unit in which a time is told."""
    return next((name for name, (_, factor, _) in UNITS.items() if seconds * factor < _THOUSAND), "second")


_MARKUPS: Mapping[str, tuple[str, Callable[[Sequence[str]], str], str, str]] = {
    "markdown": ("", lambda cells: f"| {' | '.join(cells)} |\n", "|:---|---:|---:|---:|---:|\n", ""),
    "asciidoc": ('[cols="<,>,>,>,>"]\n|===', lambda cells: "\n| " + " \n| ".join(cells) + " \n", "", "|===\n"),
    "orgmode": ("", lambda cells: f"| {cells[0]}  |  {' |  '.join(cells[1:])} |\n", "|--+--+--+--+--|\n", ""),
}
"""Markup language → beginning of a table, a row of it, the rule below its head, and its end."""
EXPORTS: Mapping[str, Callable[[Sequence[BenchmarkResult], str, bool], str]] = {
    "json": lambda results, _unit, _by_mean: hyperfine_json(results),
    "csv": lambda results, _unit, _by_mean: hyperfine_csv(results),
    "markdown": lambda results, unit, by_mean: markup_table(results, "markdown", unit, by_mean=by_mean),
    "asciidoc": lambda results, unit, by_mean: markup_table(results, "asciidoc", unit, by_mean=by_mean),
    "orgmode": lambda results, unit, by_mean: markup_table(results, "orgmode", unit, by_mean=by_mean),
}
"""Format of an export → its text, from results, a unit and whether the fastest comes first."""


def summary(result: BenchmarkResult, unit: str = "") -> str:
    """One command's times in a line."""
    sign, factor, digits = UNITS[unit or fitting_unit(result.mean)]

    def told(seconds: float) -> str:
        return f"{seconds * factor:.{digits}f} {sign}"

    deviation = "" if result.stddev is None else f" ± {told(result.stddev)} (mean and standard deviation)"
    count = len(result.times)
    return (
        f"{result.label}: {told(result.mean)}{deviation}, range {told(result.min)} … {told(result.max)}, "
        f"{count} run{'s' * (count != 1)}; user {told(result.user)}, system {told(result.system)}"
    )
