"""One bench over several layouts of two builds: the difference between them beyond where their functions happen to lie.

The unit of evidence is a layout, not a run. All runs of a binary share its placement: with more of them one learns ever
more exactly what this one placement costs, and the interval over runs closes around a number that the next build draws
anew. Only several draws on both sides tell the change between two builds from the luck of one; so each layout counts
once, however often it was run, and the interval is that of the difference between the means of two samples.

Every layout is run once in each round, in random order. Its effect is the median over rounds of the log ratio of its
time and the round's median: drift from round to round drops out, and a burst of load costs one round of it.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from trimtab.measure.paired import PairedBench, helped
from trimtab.measure.series import BenchRuns, Case
from trimtab.model.comparison import Runs, Sample
from trimtab.model.layout import LayoutSpread
from trimtab.stats.median import CONFIDENCE
from trimtab.stats.welch import mean_difference

_FEWEST = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class LayoutRuns:
    """Runs of all layouts, and the spreads made of them."""

    runs: Mapping[str, Runs]
    """Layout → its runs."""
    spreads: tuple[LayoutSpread, ...]
    """One for each metric; none if nothing was run, or if its times are too short for the clock."""
    failure: str = ""
    """Reason why it was given up; runs made before count."""
    interrupted: bool = False
    """Whether the user has seen enough."""


class LayoutBench(PairedBench):
    """Runs all layouts of two builds in turn, until the budget is over or the wanted number of rounds is done."""

    def spread(
        self,
        case: Case,
        base: Collection[str],
        on_progress: Callable[[int], None] = lambda _: None,
        confidence: float = CONFIDENCE,
    ) -> LayoutRuns:
        """Run a case to its end. An interrupt ends the runs, not the report.

        Args:
            case: a bench with the command of each layout of both builds; its null control is not run.
            base: which of them are the base's; the others are the head's.
            on_progress: called after every round with their number.
            confidence: of each interval.

        Raises:
            InputError: a helper command fails.
            ValueError: one side has no layouts.
        """
        if not base or not set(base) < set(case.commands):
            raise ValueError("layouts of both sides are needed")
        bench = BenchRuns(
            case=case,
            runs={layout: Runs(command=" ".join(command)) for layout, command in case.commands.items()},
            series={layout: [] for layout in list(case.commands)[1:]},  # nobody looks at pairs of layouts
        )
        try:
            with helped(self._runner, self._options, case):
                if self._warm(bench):
                    self._rounds(bench, on_progress)
        except KeyboardInterrupt:
            if not bench.runs[bench.base].samples:
                raise
            bench.interrupted = True
        return LayoutRuns(
            runs=bench.runs,
            spreads=tuple(_spreads(bench, base, confidence)),
            failure=bench.failure,
            interrupted=bench.interrupted,
        )

    def _rounds(self, bench: BenchRuns, on_progress: Callable[[int], None]) -> None:
        started, rounds = self._clock(), 0
        while not self._over(rounds, self._clock() - started):
            if not self._round(bench):
                return
            rounds += 1
            on_progress(rounds)

    def _round(self, bench: BenchRuns) -> bool:
        """Every layout once; whether all runs worked."""
        layouts = list(bench.runs)
        samples: dict[str, Sample] = {}
        for layout in self._order.sample(layouts, len(layouts)):
            if (sample := self._sample(bench, layout)) is None:
                return False
            samples[layout] = sample
        for layout, sample in samples.items():
            bench.runs[layout].samples.append(sample)
        return True

    def _over(self, rounds: int, seconds: float) -> bool:
        if self._options.runs:
            return rounds >= self._options.runs
        return rounds >= _FEWEST and seconds >= self._options.budget


def _spreads(bench: BenchRuns, base: Collection[str], confidence: float) -> Iterator[LayoutSpread]:
    rounds = len(bench.runs[bench.base].samples)
    for metric, read in _metrics(bench.case).items():
        times = {layout: [read(sample) for sample in runs.samples] for layout, runs in bench.runs.items()}
        if not rounds or min(map(min, times.values())) <= 0:
            continue
        effects = dict(zip(times, layout_effects(list(times.values())), strict=True))
        ours = tuple(effect for layout, effect in effects.items() if layout in base)
        theirs = tuple(effect for layout, effect in effects.items() if layout not in base)
        difference = mean_difference(ours, theirs, confidence)
        yield LayoutSpread(
            subject=bench.case.name,
            metric=metric,
            base=ours,
            head=theirs,
            rounds=rounds,
            change=math.expm1(difference.value),
            low=None if difference.low is None else math.expm1(difference.low),
            high=None if difference.high is None else math.expm1(difference.high),
        )


def _metrics(case: Case) -> dict[str, Callable[[Sample], float]]:
    if case.reported:
        return {"time": lambda sample: sample.reported or 0.0}
    return {"wall": lambda sample: sample.wall, "cpu": lambda sample: sample.user + sample.system}


def layout_effects(times: Sequence[Sequence[float]]) -> list[float]:
    """The effect of each layout as a log ratio.

    Args:
        times: of each layout, its times in all rounds; above zero.
    """
    logs = [[math.log(time) for time in row] for row in times]
    middles = [statistics.median(column) for column in zip(*logs, strict=True)]
    return [statistics.median(log - middle for log, middle in zip(row, middles, strict=True)) for row in logs]
