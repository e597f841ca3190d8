"""Estimate of the time that an exploration will take, before it begins."""

from __future__ import annotations

from dataclasses import dataclass

from trimtab.model.study import Study

_CPU_PER_UNIT = (0.5, 1.9)
"""CPU seconds per compilation unit, least and most over the clean builds of hexyl (46 units), ripgrep (45) and the
bundled example (8) in docs/results.md."""
_TOUCH_SHARE = (0.1, 0.75)
"""Touch-and-rebuild over clean build, in the same runs."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Estimate:
    """Range of seconds, with the evidence it rests on."""

    low: float
    high: float
    basis: str


def estimate(units: int, trials: int, cores: int, bench_seconds: float, earlier: Study | None) -> Estimate:
    """Seconds for a number of trials.

    Args:
        units: compilation units of one clean build.
        trials: how many trials are still to be measured.
        cores: that Cargo may use.
        bench_seconds: to spend on benches in each trial.
        earlier: a study of the same project on this machine, if there is one: its own times beat any rule of thumb.
    """
    seconds = [trial.seconds for trial in earlier.built if trial.seconds] if earlier else []
    if seconds:
        return Estimate(
            low=min(seconds) * trials,
            high=max(seconds) * trials,
            basis=f"{len(seconds)} earlier trials of this project",
        )
    low = units * _CPU_PER_UNIT[0] / cores * (1 + _TOUCH_SHARE[0]) + bench_seconds
    high = units * _CPU_PER_UNIT[1] / min(cores, 2) * (1 + _TOUCH_SHARE[1]) + 4 * bench_seconds
    return Estimate(low=low * trials, high=high * trials, basis=f"rule of thumb for {units} compilation units")
