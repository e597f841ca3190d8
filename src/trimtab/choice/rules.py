"""Rules of the goals: what is compared, in which order, in which steps, and within which limits."""

from __future__ import annotations

from dataclasses import dataclass

from trimtab.model.plan import Goal, Limits

SIZE, BUILD, TOUCH, RUNTIME = "size.stripped", "build.clean.cpu", "build.touch.cpu", "runtime"
METRIC_NAMES = {
    SIZE: "stripped size",
    "size.file": "size as shipped",
    "size.wheel": "wheel",
    BUILD: "build CPU",
    "build.clean.wall": "build wall",
    "build.peak_memory": "peak memory",
    TOUCH: "touch-and-rebuild CPU",
    "build.touch.wall": "touch-and-rebuild wall",
    RUNTIME: "runtime",
}
LEAST_STEP = {SIZE: 32.0, "size.file": 32.0, BUILD: 1.0}
"""The smallest step in absolute terms: what sections are padded to (firmware counts bytes), and a second."""
DEAR_TOUCH, DEAR_TOUCH_SECONDS = 1.5, 1.0
"""Touch-and-rebuild is dear at this multiple of today's, if that is so many seconds more."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """Objectives in order of importance, each with its step as a fraction of today's; and limits."""

    objectives: tuple[tuple[str, float], ...]
    limits: Limits


RULES: dict[Goal, Rule] = {
    Goal.SIZE: Rule(objectives=((SIZE, 0.01), (RUNTIME, 0.01), (BUILD, 0.1)), limits=Limits(build=4.0)),
    Goal.SPEED: Rule(objectives=((RUNTIME, 0.01), (SIZE, 0.01), (BUILD, 0.1)), limits=Limits(build=4.0, size=1.1)),
    Goal.BALANCED: Rule(objectives=((SIZE, 0.02), (RUNTIME, 0.01), (BUILD, 0.1)), limits=Limits(build=3.0, size=1.0)),
    Goal.BUILD: Rule(objectives=((BUILD, 0.1), (SIZE, 0.01), (RUNTIME, 0.01)), limits=Limits(build=1.0, size=1.1)),
}
