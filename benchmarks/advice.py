"""How often two runs of one study give different advice, by simulation with fixed seeds.

The studies are those of the published tables (below): twelve profiles of ripgrep (build CPU and bytes of code), or a
change as one of six projects reported it, each with runtimes as reported. A run of a study measures every profile
once, with noise, asks `trimtab.choice` what to recommend, and, as `explore` does, repeats what would decide until it is
decided or the rounds are used up. Two such runs of the same study should agree.

    python benchmarks/advice.py [--studies 100] [--one-shot] [--pairs 60] [--build-noise 0.02] [--pair-noise 0.05]

``--one-shot`` repeats nothing: the advice after the first measurement of everything.

Noise of one build's CPU time is 2 % (standard deviation of its log), of one pair of runs 5 %, each pair being a paired
log ratio; intervals are as wide as the confidence sequences of `trimtab.stats.sequence` at the level of the table.
"""

from __future__ import annotations

import argparse
import math
import random
import statistics
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.fakes.values import TODAY, seconds, study, trial
from trimtab.choice.finalists import Repeat, repeats
from trimtab.choice.recommend import recommend
from trimtab.experiment.results import MOST_BUILDS, MOST_ROUNDS, with_builds
from trimtab.model.metric import Measurement, ratio_metric, run_metric
from trimtab.model.plan import Bench, Goal
from trimtab.model.profile import Lto, OptLevel, Profile
from trimtab.model.trial import Trial

# opt-level, codegen units, LTO: CPU seconds of a clean build, bytes of code
RIPGREP: dict[tuple[str, int, str], tuple[float, int]] = {
    ("3", 16, "off"): (47, 2_630_771), ("3", 1, "off"): (49, 2_413_507),
    ("3", 16, "thin"): (71, 2_769_978), ("3", 1, "thin"): (63, 2_565_832),
    ("3", 16, "fat"): (59, 2_621_269), ("3", 1, "fat"): (61, 2_507_775),
    ("z", 16, "off"): (38, 1_917_952), ("z", 1, "off"): (38, 1_712_000),
    ("z", 16, "thin"): (56, 1_801_760), ("z", 1, "thin"): (45, 1_642_064),
    ("z", 16, "fat"): (47, 1_611_072), ("z", 1, "fat"): (43, 1_549_056),
}  # fmt: skip
REPORTED = {  # owner/repo#number: size, build and runtime over those of the first, as published
    "astral-sh/uv#5904": {("local", 16): (1, 1, 1), ("fat", 16): (25 / 30, 223 / 89, 208 / 218)},
    "astral-sh/ruff#20863": {("thin", 16): (1, 1, 1), ("fat", 16): (17 / 19, 122 / 60, 0.92)},
    "rust-lang/cargo#14719": {
        ("local", 16): (1, 1, 1), ("fat", 1): (28 / 36, 256 / 64, 0.946), ("thin", 16): (37 / 36, 68 / 64, 0.983),
    },
    "openai/codex#23710": {("fat", 1): (1, 1, 1), ("thin", 1): (212 / 197, 1243 / 2074, 1.0086)},
    "getprovenant/provenant#1060": {("fat", 1): (1, 1, 1), ("thin", 16): (45 / 34, 88 / 310, 1.05)},
    "UnknownPlatypus/djangofmt#126": {("thin", 16): (1, 1, 1), ("fat", 1): (3.28 / 3.91, 20 / 7.8, 0.96)},
}  # fmt: skip
RUNTIMES = {"off": 1.01, "thin": 0.983, "fat": 0.95}
"""Over `local`, as in cargo#14719 and uv#5904; one codegen unit takes off another half of a percent."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Noise:
    """Standard deviations of the log of one build's CPU time and of one pair's ratio, and the pairs of a round."""

    build: float
    pair: float
    pairs: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Truth:
    """What a profile is really like."""

    profile: Profile
    size: int
    cpu: float
    runtimes: tuple[float, ...]
    """Over today's, bench by bench."""


def published(chance: random.Random) -> tuple[Truth, ...]:
    """One study: a table, today's profile being one of its rows, with runtimes spread by half a percent."""

    def runtimes(centre: float) -> tuple[float, ...]:
        return tuple(centre * math.exp(chance.gauss(0, 0.005)) for _ in range(2))

    if chance.random() < 0.5:  # noqa: PLR2004 - one half
        rows = list(RIPGREP)
        first = chance.choice(rows[:6])
        truths = [
            (
                _profile(lto, units, level),
                RIPGREP[level, units, lto][1],
                RIPGREP[level, units, lto][0],
                _runtime(lto, units, level),
            )
            for level, units, lto in rows
        ]
        at = rows.index(first)
        base = truths[at][3]
        ordered = [truths[at], *(row for index, row in enumerate(truths) if index != at)]
    else:
        table = REPORTED[chance.choice(list(REPORTED))]
        ordered = [
            (_profile(lto, units, "3"), round(30e6 * by), 200.0 * cost, ratio)
            for (lto, units), (by, cost, ratio) in table.items()
        ]
        base = 1.0
    return tuple(
        Truth(profile=TODAY if not number else _other(profile, ordered[0][0]), size=bytes_, cpu=cpu,
              runtimes=(1.0, 1.0) if not number else runtimes(ratio / base))
        for number, (profile, bytes_, cpu, ratio) in enumerate(ordered)
    )  # fmt: skip


def nothing(_: random.Random) -> tuple[Truth, ...]:
    """Twelve profiles that change nothing, with three benches."""
    profiles = [TODAY, *(Profile(codegen_units=units) for units in range(1, 12))]
    return tuple(Truth(profile=profile, size=2_500_000, cpu=50.0, runtimes=(1.0, 1.0, 1.0)) for profile in profiles)


def _profile(lto: str, units: int, level: str) -> Profile:
    return Profile(lto=Lto(lto), codegen_units=units, opt_level=OptLevel(level))


def _other(profile: Profile, today: Profile) -> Profile:
    """The profile, made to differ from the studies' own today's where it is that."""
    return replace(profile, lto=today.lto, codegen_units=today.codegen_units) if profile == TODAY else profile


def _runtime(lto: str, units: int, level: str) -> float:
    return RUNTIMES[lto] * (0.995 if units == 1 else 1.0) * (1.2 if level == "z" else 1.0)


class Run:
    """One run of a study: everything once, then what would decide."""

    def __init__(self, truths: tuple[Truth, ...], goal: Goal, noise: Noise, seed: str) -> None:
        self._noise = noise
        self._chance = random.Random(seed)
        count = len(truths[0].runtimes)
        self._benches = tuple(Bench(name=f"bench{number}", command=("{bin}",)) for number in range(count))
        self._level = 0.01 / (len(truths) * count)
        first = [self._first(truth) for truth in truths]
        self._truths = {one.id: truth for one, truth in zip(first, truths, strict=True)}
        self._rounds: Counter[str] = Counter()
        self.repeated = 0
        self.study = study(*first, goal=goal, benches=self._benches)

    def advice(self, *, one_shot: bool) -> str:
        """The recommended trial; nothing where that is undecided."""
        while not one_shot and (repeat := next(self._possible(), None)):
            self.repeated += 1
            self._again(repeat)
        found = recommend(self.study)
        assert found
        return "" if getattr(found, "undecided", ()) else found.trial

    def _possible(self) -> Iterator[Repeat]:
        for repeat in repeats(self.study):
            name = f"{repeat.trial.id} {repeat.bench.name if repeat.bench else ''}"
            if self._rounds[name] < (MOST_ROUNDS if repeat.bench else MOST_BUILDS - 1):
                self._rounds[name] += 1
                yield repeat

    def _first(self, truth: Truth) -> Trial:
        runs = [
            measurement
            for number in range(len(self._benches))
            for measurement in self._runs(number, self._pairs(truth.runtimes[number]))
        ]
        return trial(
            truth.profile, file=truth.size, stripped=truth.size, cpu=None,
            more=(seconds("build.clean.cpu", self._build(truth)), *runs),
        )  # fmt: skip

    def _again(self, repeat: Repeat) -> None:
        truth, kept = self._truths[repeat.trial.id], repeat.trial
        if repeat.bench is None:
            kept = with_builds(kept, [seconds("build.clean.cpu", self._build(truth))])
        else:
            number = self._benches.index(repeat.bench)
            name = ratio_metric(repeat.bench.name, "wall")
            before = kept.get(name)
            assert before
            runs = self._runs(number, (*before.observations, *self._pairs(truth.runtimes[number])))
            names = {run.name for run in runs}
            others = (one for one in kept.measurements if one.name not in names)
            kept = replace(kept, measurements=(*others, *runs))
        trials = tuple(kept if one.id == kept.id else one for one in self.study.trials)
        self.study = replace(self.study, trials=trials)

    def _build(self, truth: Truth) -> float:
        return truth.cpu * math.exp(self._chance.gauss(0, self._noise.build))

    def _pairs(self, ratio: float) -> tuple[float, ...]:
        return tuple(math.log(ratio) + self._chance.gauss(0, self._noise.pair) for _ in range(self._noise.pairs))

    def _runs(self, number: int, pairs: tuple[float, ...]) -> list[Measurement]:
        name, n = self._benches[number].name, len(pairs)
        centre = statistics.median(pairs)
        reach = 1.2533 * self._noise.pair * math.sqrt(2 * (math.log(2 / self._level) + 1.5) / n)
        low, high = math.exp(centre - reach), math.exp(centre + reach)
        return [
            Measurement(name=run_metric(name, "wall"), value=0.1, unit="s"),
            _paired(name, math.exp(centre), low, high, pairs),
        ]


def _paired(bench: str, value: float, low: float, high: float, pairs: tuple[float, ...]) -> Measurement:
    return Measurement(
        name=ratio_metric(bench, "wall"), value=value, unit="ratio", low=low, high=high, samples=len(pairs),
        observations=pairs,
    )  # fmt: skip


def compare(
    studies: Callable[[random.Random], tuple[Truth, ...]], goal: Goal, count: int, noise: Noise, *, one_shot: bool
) -> tuple[int, int, int, float]:
    """Studies whose two runs disagree, runs that are undecided, runs that keep today's, and repeats in a run."""
    disagreeing = undecided = keeping = repeated = 0
    for number in range(count):
        truths = studies(random.Random(f"{studies.__name__} {number}"))
        runs = [Run(truths, goal, noise, f"{goal} {number} {again}") for again in range(2)]
        answers = [run.advice(one_shot=one_shot) for run in runs]
        disagreeing += bool(answers[0] and answers[1] and answers[0] != answers[1])
        undecided += answers.count("")
        keeping += answers.count(runs[0].study.baseline)
        repeated += sum(run.repeated for run in runs)
    return disagreeing, undecided, keeping, repeated / count / 2


def main() -> None:
    """Print a table: one row for each goal and kind of study."""
    parser = argparse.ArgumentParser(description="How often advice repeats")
    parser.add_argument("--studies", type=int, default=100)
    parser.add_argument("--goal", type=Goal, choices=list(Goal), action="append", help="only this one; repeatable")
    parser.add_argument("--one-shot", action="store_true", help="repeat no measurement")
    parser.add_argument("--pairs", type=int, default=60, help="of one round")
    parser.add_argument("--build-noise", type=float, default=0.02)
    parser.add_argument("--pair-noise", type=float, default=0.05)
    arguments = parser.parse_args()
    noise = Noise(build=arguments.build_noise, pair=arguments.pair_noise, pairs=arguments.pairs)
    count = arguments.studies
    print(f"{'studies':10} {'goal':9} {'disagree':>9} {'undecided':>10} {'keep today':>11} {'repeats/run':>12}")
    for studies in (published, nothing):
        for goal in arguments.goal or Goal:
            found = compare(studies, goal, count, noise, one_shot=arguments.one_shot)
            shares = [found[0] / count, found[1] / count / 2, found[2] / count / 2]
            print(
                f"{studies.__name__:10} {goal:9} {shares[0]:9.1%} {shares[1]:10.1%} {shares[2]:11.1%} {found[3]:12.1f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
