"""Telling two programs apart while the runs go on: evidence that may be looked at after every pair.

Two programs run in pairs, in random order within each pair. If they are the same program, the log ratio of a pair is
symmetric around zero given everything before it, whatever drifts, bursts or heavy tails there are: exchanging the two
runs changes its sign, and the coin for their order was fair. If one takes a constant factor exp(d) as long, the log
ratio is symmetric around d. Nothing else is assumed; a run that disturbs the next one of its pair (caches, clocks)
breaks it.

**Betting on signs.** Be x symmetric around zero given the past, and g an odd function chosen from the past alone. Then
2/(1 + exp(-g(x))) and 2/(1 + exp(g(x))), the factors for x and -x, have the mean one, so the product of such factors
over all pairs is a martingale that starts at one: wealth from fair bets. By Ville's inequality it ever reaches 1/a with
a chance of at most a. So "symmetric around d" may be rejected as soon as it does, at any time, for any reason to look.
Weighted means of such products are martingales too; here they mix how boldly is bet and how far outliers count.

This is the self-normalised martingale of de la Peña with its exact normaliser: E exp(bx)/cosh(bx) = 1, where the usual
form bounds cosh(bx) by exp(b²x²/2). A bounded factor is what heavy tails want: no pair wins or loses more than a factor
of two by itself, and outliers are let go.

Sources: V. H. de la Peña, "A general class of exponential inequalities for martingales and ratios", Annals of
Probability 27 (1999); S. R. Howard, A. Ramdas, J. McAuliffe and J. Sekhon, "Time-uniform Chernoff bounds via
nonnegative supermartingales", Probability Surveys 17 (2020) and "Time-uniform, nonparametric, nonasymptotic confidence
sequences", Annals of Statistics 49 (2021). How often it errs and how soon it decides: ``benchmarks/verdicts.py``.
"""

from __future__ import annotations

import math
import statistics
from bisect import bisect_left, insort
from collections.abc import Callable, Iterator, Sequence

from trimtab.stats.median import Interval

_BETS = (0.2, 0.5, 1.2, 3.0)
"""Stakes per scale of a pair: the first finds changes of a tenth of the noise, the last those beyond it."""
_OUTLIER = 2.5
"""Scales from the centre at which a pair counts most; beyond that it counts for less and less."""
_SATURATION = 3.0
"""Scales at which the one bet that lets no outlier go counts a pair in full. It finds changes far beyond the noise, for
which every pair looks like an outlier, and it makes what is rejected an interval."""
_WEIGHT = 1 / (len(_BETS) + 1)
_FIRST_SCALE, _FEWEST = 0.02, 4
"""Scale of a log ratio before there are pairs to tell it."""
_LEAST_SCALE = 1e-4
_FARTHEST = 1e4
"""No two floating-point numbers are further apart in log ratio; what is, counts as this far."""
_GRID = 32
_HALVINGS = 20
_FORESIGHT = 20
_AT_ONCE = 128
"""Factors that are multiplied before a logarithm is taken: each is below 50, so no product overflows."""


class Evidence:
    """Wealth from betting that the centre of symmetry lies above (or below) a value."""

    def __init__(self, centre: float, sign: int) -> None:
        """Bet against "symmetric around ``centre``", on the side of ``sign`` (1: above, -1: below)."""
        self._centre = centre
        self._sign = sign
        self._wealth = [0.0] * (len(_BETS) + 1)

    def add(self, difference: float, scale: float) -> None:
        """Bet on one pair; the scale must not depend on it."""
        for number, step in enumerate(_bets(self._sign * (difference - self._centre) / scale)):
            self._wealth[number] += step

    @property
    def log(self) -> float:
        """Natural logarithm of the wealth."""
        return _mixed(self._wealth)


class PairSequence:
    """Pairs of one bench as they come in, and what they say at any time.

    Args:
        smallest: the smallest log ratio that matters, such as ``log(1.01)``.
        error: the chance of ever rejecting the true change that is put up with, both sides together.
    """

    def __init__(self, *, smallest: float, error: float) -> None:
        if not (0 < smallest < math.inf and 0 < error < 1):
            raise ValueError("a smallest change above zero and an error between zero and one are needed")
        self.smallest = smallest
        self._error = error
        self._threshold = math.log(2 / error)
        self._differences: list[float] = []
        self._ordered: list[float] = []
        self._scales: list[float] = []
        self._above = {centre: Evidence(centre, 1) for centre in (-smallest, 0.0)}
        self._below = {centre: Evidence(centre, -1) for centre in (0.0, smallest)}

    def __len__(self) -> int:
        return len(self._differences)

    def add(self, difference: float) -> None:
        """Take in the log ratio head/base of one pair.

        Raises:
            ValueError: it is infinite or not a number.
        """
        if not math.isfinite(difference):
            raise ValueError(f"{difference} is no log ratio of two times")
        difference = max(-_FARTHEST, min(_FARTHEST, difference))
        scale = _scale(self._ordered)
        for evidence in (*self._above.values(), *self._below.values()):
            evidence.add(difference, scale)
        self._differences.append(difference)
        self._scales.append(scale)
        insort(self._ordered, difference)

    @property
    def differences(self) -> tuple[float, ...]:
        """The log ratios, in the order in which they came."""
        return tuple(self._differences)

    @property
    def centre(self) -> float:
        """The median log ratio."""
        return statistics.median(self._ordered) if self._ordered else 0.0

    @property
    def slower(self) -> bool:
        """Whether head takes longer, and by as much as matters."""
        called = self._above[0.0].log >= self._threshold and self.centre >= self.smallest
        return called and self.bounded(self._error)

    @property
    def faster(self) -> bool:
        """Whether head takes less time, and by as much as matters."""
        called = self._below[0.0].log >= self._threshold and self.centre <= -self.smallest
        return called and self.bounded(self._error)

    def bounded(self, error: float) -> bool:
        """Whether there are pairs enough for an interval with two ends; one without them decides nothing."""
        return len(self) >= self.fewest(error)

    def fewest(self, error: float) -> int:
        """The smallest number of pairs that can decide anything."""
        return math.ceil((math.log(2 / error) - math.log(_WEIGHT)) / _saturated(_SATURATION))

    @property
    def same(self) -> bool:
        """Whether any difference is smaller than what matters."""
        return self.within(self._error)

    def within(self, error: float, margin: float = 0.0) -> bool:
        """The same at another error than the sequence's own, and by so much below what matters."""
        threshold = math.log(2 / error)
        if min(self._above[-self.smallest].log, self._below[self.smallest].log) < threshold:
            return False
        limit = self.smallest - margin
        return margin == 0 or (
            limit > 0 and self._rejects(-limit, 1, threshold) and self._rejects(limit, -1, threshold)
        )

    @property
    def log_evidence(self) -> float:
        """Of a difference either way, as the logarithm of an e-value, whose mean is at most one for equal programs."""
        return _log_mean(self._above[0.0].log, self._below[0.0].log)

    def interval(self, error: float | None = None) -> Interval:
        """The centres that are not rejected, as log ratios; unbounded sides are ``None``.

        Args:
            error: another than the sequence's own, where several sequences make one report.
        """
        threshold = math.log(2 / (error or self._error))
        low, high = self._bound(1, threshold), self._bound(-1, threshold)
        return Interval(value=self.centre, low=low, high=high, samples=len(self))

    def pairs_left(self, error: float | None = None) -> int | None:
        """About how many more pairs a decision takes if they go on like this; ``None`` if there is no telling.

        There is none beyond twenty times the pairs so far: what they go on like is not known so well.

        With each pair the logarithm of the wealth grows by about half the squared distance from what is to be
        rejected, in scales, as long as that is small; it never grows by more than log 2.
        """
        if len(self) < _FEWEST:
            return None
        distance = abs(self.centre) - (0 if abs(self.centre) >= self.smallest else self.smallest)
        noise = _scale(self._ordered) / distance
        growth = 1 / (2 * noise * noise + 1 / math.log(2))
        threshold = math.log(2 / (error or self._error))
        left = max(0.0, threshold - self._evidence_for_the_centre()) / growth
        left = max(left, self.fewest(error or self._error) - len(self))
        return max(1, math.ceil(left)) if left < _FORESIGHT * len(self) else None

    def _evidence_for_the_centre(self) -> float:
        """Logarithm of the wealth that decides, if the centre stays where it is."""
        if abs(self.centre) < self.smallest:
            return min(self._above[-self.smallest].log, self._below[self.smallest].log)
        return (self._above if self.centre > 0 else self._below)[0.0].log

    def _bound(self, sign: int, threshold: float) -> float | None:
        """The outermost centre on one side that is not rejected.

        The bet that lets no outlier go grows with the distance, so beyond the point where it alone suffices all is
        rejected; from there inwards the first centre that holds is looked for.
        """
        outer = self._bound_by_saturation(sign, threshold)
        if outer is None:
            return None

        def rejects(centre: float) -> bool:
            return self._rejects(centre, sign, threshold)

        step = (self.centre - outer) / _GRID
        for number in range(_GRID):
            if not rejects(outer + (number + 1) * step):
                return _last(rejects, outer + number * step, outer + (number + 1) * step)
        return self.centre

    def _rejects(self, centre: float, sign: int, threshold: float) -> bool:
        """Whether the wealth from betting against a centre, on one side, reaches a threshold."""
        return _wealth([sign * (x - centre) / scale for x, scale in self._pairs()]) >= threshold

    def _bound_by_saturation(self, sign: int, threshold: float) -> float | None:
        def rejects(centre: float) -> bool:
            steps = (_saturated(sign * (x - centre) / scale) for x, scale in self._pairs())
            return math.log(_WEIGHT) + sum(steps) >= threshold

        reach = _LEAST_SCALE
        while not rejects(self.centre - sign * reach):
            reach *= 2
            if reach > 100:  # noqa: PLR2004 - a factor beyond all bounds: too few pairs for an interval
                return None
        return _last(rejects, self.centre - sign * reach, self.centre)

    def _pairs(self) -> Iterator[tuple[float, float]]:
        return zip(self._differences, self._scales, strict=True)


def discoveries(log_evidence: Sequence[float], rate: float) -> set[int]:
    """The rows that may be called different with a false-discovery rate, whatever they have to do with each other.

    The e-BH procedure: the k largest e-values are kept, for the largest k such that the k-th is at least n/(k·rate). It
    holds for e-values from sequences that were stopped whenever it seemed right.

    Source: R. Wang and A. Ramdas, "False discovery rate control with e-values", JRSS B 84 (2022).
    """
    order = sorted(range(len(log_evidence)), key=lambda row: -log_evidence[row])
    kept = 0
    for k, row in enumerate(order, start=1):
        if log_evidence[row] >= math.log(len(order) / (k * rate)):
            kept = k
    return set(order[:kept])


def _scale(ordered: Sequence[float]) -> float:
    """The noise of a log ratio: its median absolute deviation, times 1.4826 to be one standard deviation if normal."""
    if len(ordered) < _FEWEST:
        return _FIRST_SCALE
    centre, half = statistics.median(ordered), len(ordered) // 2
    deviation = _nearest(ordered, centre, half)
    if len(ordered) % 2 == 0:
        deviation = (_nearest(ordered, centre, half - 1) + deviation) / 2
    return max(_LEAST_SCALE, 1.4826 * deviation)


def _nearest(ordered: Sequence[float], centre: float, rank: int) -> float:
    """The distance from a centre of the value that has so many nearer ones.

    Distances grow from the centre to either side, so it is found by halving how many of the nearer ones lie below.
    """
    split, count = bisect_left(ordered, centre), len(ordered)
    low, high = max(0, rank + 1 - (count - split)), min(split, rank + 1)
    while low < high:  # the least number of values below for which the next of them is no nearer than the last above
        below = (low + high) // 2
        above = rank + 1 - below
        if above and centre - ordered[split - 1 - below] < ordered[split + above - 1] - centre:
            low = below + 1
        else:
            high = below
    above = rank + 1 - low
    farthest_below = centre - ordered[split - low] if low else 0.0
    return max(farthest_below, ordered[split + above - 1] - centre if above else 0.0)


def _last(holds: Callable[[float], bool], inside: float, outside: float) -> float:
    """About the last value on the way from ``inside`` to ``outside`` for which something holds."""
    for _ in range(_HALVINGS):
        middle = (inside + outside) / 2
        inside, outside = (middle, outside) if holds(middle) else (inside, middle)
    return inside


def _bets(x: float) -> list[float]:
    """Logarithms of the factors that a pair brings, ``x`` being in scales."""
    tamed = x / (1 + (x / _OUTLIER) ** 2)
    return [*(_log_factor(bet * tamed) for bet in _BETS), _saturated(x)]


def _saturated(x: float) -> float:
    return _log_factor(max(-_SATURATION, min(_SATURATION, x)))


def _log_factor(g: float) -> float:
    """log(2/(1 + exp(-g)))."""
    return math.log(2) - (math.log1p(math.exp(-g)) if g > 0 else math.log1p(math.exp(g)) - g)


def _wealth(scaled: Sequence[float]) -> float:
    """Logarithm of what the bets on all pairs bring, as `Evidence` has it, one bet after the other and so quicker."""
    tamed = [x / (1 + (x / _OUTLIER) ** 2) for x in scaled]
    bets = [[bet * x for x in tamed] for bet in _BETS]
    bets.append([max(-_SATURATION, min(_SATURATION, x)) for x in scaled])
    exp, prod = math.exp, math.prod
    return _mixed(
        [
            len(scaled) * math.log(2)
            - sum(
                math.log(prod([1 + exp(-g) for g in gs[start : start + _AT_ONCE]]))
                for start in range(0, len(gs), _AT_ONCE)
            )
            for gs in bets
        ]
    )


def _mixed(logs: Sequence[float]) -> float:
    """Logarithm of the mean of wealths."""
    largest = max(logs)
    return largest + math.log(sum(math.exp(log - largest) for log in logs) * _WEIGHT)


def _log_mean(one: float, other: float) -> float:
    largest = max(one, other)
    return largest + math.log((math.exp(one - largest) + math.exp(other - largest)) / 2)
