"""Runs that hyperfine has exported, as a comparison that calls nothing.

Hyperfine runs one command after the other, so that whatever drifts meanwhile looks like a difference between them, and
its files do not tell on what machine that was. Medians and their intervals are shown; a verdict would be a guess.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from trimtab.errors import InputError
from trimtab.model.comparison import Comparison, ComparisonRow, Conditions, Mode, Verdict
from trimtab.model.machine import Machine
from trimtab.stats.median import Interval, median_interval

_UNKNOWN = Machine(cpu="unknown CPU", cores=0, memory=0, os="unknown system", kernel="unknown", arch="unknown")
_HINT = "hyperfine --export-json FILE writes such files"


class HyperfineResult(msgspec.Struct, frozen=True):
    """One command in a file of hyperfine; all that some version of it may leave out is optional."""

    command: str
    mean: float
    median: float | None = None
    user: float | None = None
    system: float | None = None
    times: list[float] | None = None
    memory_usage_byte: list[int | None] | None = None
    exit_codes: list[int | None] = []
    parameters: dict[str, Any] = {}

    @property
    def wall(self) -> Interval:
        """Seconds of the typical run, with an interval where single runs are told."""
        return median_interval(self.times) if self.times else _alone(self.median or self.mean)

    @property
    def cpu(self) -> Interval | None:
        """Mean seconds of processor time."""
        return None if self.user is None or self.system is None else _alone(self.user + self.system)

    @property
    def memory(self) -> Interval | None:
        """Bytes; hyperfine writes 0 where it does not know."""
        known = [size for size in self.memory_usage_byte or () if size]
        return median_interval(known) if known and len(known) == len(self.memory_usage_byte or ()) else None

    @property
    def failed(self) -> int:
        """Runs that ended with another exit code than 0."""
        return sum(code != 0 for code in self.exit_codes)


class HyperfineFile(msgspec.Struct, frozen=True):
    """A file that ``--export-json`` writes."""

    results: list[HyperfineResult]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Pair:
    """Two results side by side."""

    subject: str
    base: HyperfineResult
    head: HyperfineResult


def _alone(value: float) -> Interval:
    return Interval(value=value, low=None, high=None, samples=1)


def imported_comparison(paths: Sequence[Path], command: str = "") -> Comparison:
    """The commands of one file beside the first of them, or those of several files beside the first file's.

    Args:
        paths: files that hyperfine or trimtab has exported.
        command: the command line that repeats it.

    Raises:
        InputError: a file cannot be read, or there is nothing in it to compare.
    """
    files = {_name(path, paths): _read(path) for path in paths}
    by_file = len(files) > 1
    pairs = list(_across(files) if by_file else _within(next(iter(files.values()))))
    if not pairs:
        raise InputError(
            "no command is in all of these files" if by_file else "one command alone has nothing beside it",
            where=", ".join(map(str, paths)),
            hint="give files of the same commands, or a file of several commands",
        )
    results = [result for results in files.values() for result in results]
    names = list(files) if by_file else _labels(next(iter(files.values())))
    return Comparison(
        base=names[0],
        heads=tuple(names[1:]),
        rows=tuple(row for pair in pairs for row in _rows(pair)),
        null=(),
        machine=_UNKNOWN,
        conditions=Conditions(aslr=None, cpus=(), governor="", environment=0, cwd=""),
        seconds=sum(sum(result.times or ()) for result in results),
        notes=(*_notes(paths, results), *_missing(files)),
        command=command,
    )


def _name(path: Path, paths: Sequence[Path]) -> str:
    return path.stem if [other.stem for other in paths].count(path.stem) == 1 else str(path)


def _read(path: Path) -> list[HyperfineResult]:
    try:
        results = msgspec.json.decode(path.read_bytes(), type=HyperfineFile).results
    except OSError as error:
        raise InputError(f"it cannot be read: {error.strerror}", where=str(path)) from None
    except msgspec.DecodeError as error:
        raise InputError(f"it is no export of hyperfine: {error}", where=str(path), hint=_HINT) from None
    if not results:
        raise InputError("there are no results in it", where=str(path), hint=_HINT)
    return results


def _labels(results: Sequence[HyperfineResult]) -> list[str]:
    """The commands, with parameters or a number where they are the same."""
    labels = []
    for number, result in enumerate(results, start=1):
        same = [other for other in results if other.command == result.command]
        told = ", ".join(f"{name} = {value}" for name, value in result.parameters.items()) or str(number)
        labels.append(f"{result.command} ({told})" if len(same) > 1 else result.command)
    return labels


def _within(results: Sequence[HyperfineResult]) -> Iterator[_Pair]:
    several = len(results) > 2  # noqa: PLR2004 - base, and more than one head
    for label, result in list(zip(_labels(results), results, strict=True))[1:]:
        yield _Pair(subject=f"bench, {label}" if several else "bench", base=results[0], head=result)


def _across(files: Mapping[str, Sequence[HyperfineResult]]) -> Iterator[_Pair]:
    (_, base), *heads = ((name, dict(zip(_labels(results), results, strict=True))) for name, results in files.items())
    for label, result in base.items():
        for name, others in heads:
            if label in others:
                yield _Pair(subject=f"{label}, {name}" if len(heads) > 1 else label, base=result, head=others[label])


def _rows(pair: _Pair) -> Iterator[ComparisonRow]:
    for metric, unit in (("wall", "s"), ("cpu", "s"), ("memory", "bytes")):
        base, head = (getattr(result, metric) for result in (pair.base, pair.head))
        if base is None or head is None:
            continue
        ends = (base.low, base.high, head.low, head.high)
        bounded = base.value > 0 and all(end is not None and end > 0 for end in ends)
        yield ComparisonRow(
            subject=pair.subject,
            metric=metric,
            mode=Mode.IMPORTED,
            base=base.value,
            head=head.value,
            unit=unit,
            change=head.value / base.value - 1 if base.value else None,
            low=head.low / base.high - 1 if bounded else None,
            high=head.high / base.low - 1 if bounded else None,
            verdict=Verdict.UNCLEAR,
            runs=min(len(pair.base.times or ()) or 1, len(pair.head.times or ()) or 1),
        )


def _notes(paths: Sequence[Path], results: Sequence[HyperfineResult]) -> Iterator[str]:
    yield (
        f"read from {', '.join(map(str, paths))}, nothing was run. Not known: the machine and its load, the compiler, "
        "what the commands printed, and the order of runs, which hyperfine makes one command after the other"
    )
    yield (
        "so nothing is called: drift between the commands would look like a change; trimtab bench with the same "
        "commands runs them in pairs and tells"
    )
    if statistics.fmean(bool(result.times) for result in results) < 1:
        yield "some results have no single runs, so there is no interval"
    for result in results:
        if result.failed:
            yield f"{result.command}: {result.failed} of {len(result.exit_codes)} runs failed"


def _missing(files: Mapping[str, Sequence[HyperfineResult]]) -> Iterator[str]:
    """Commands that not all files have."""
    if len(files) > 1:
        labels = {name: _labels(results) for name, results in files.items()}
        for label in dict.fromkeys(label for own in labels.values() for label in own):
            if absent := [name for name, own in labels.items() if label not in own]:
                yield f"{label} is not in {', '.join(absent)}"
