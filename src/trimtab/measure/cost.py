"""Build cost: what Cargo's runs cost, as metrics. It comes with the build, so this is no probe of its own."""

from __future__ import annotations

from collections.abc import Iterator

from trimtab.model.metric import Absent, Measurement
from trimtab.model.trial import Built, Cost


def cost_of(built: Built) -> Iterator[Measurement | Absent]:
    """Wall and CPU seconds, peak memory in bytes, and how many cores others kept busy meanwhile."""
    yield from _times("build.clean", built.clean, "clean build in an empty target directory")
    if built.clean.peak_memory is None:
        yield Absent(name="build.peak_memory", reason="the process tree could not be watched on this machine")
    else:
        yield Measurement(
            name="build.peak_memory", value=built.clean.peak_memory, unit="bytes", method=built.clean.memory_method
        )
    if isinstance(built.touch, Absent):
        yield built.touch
    elif built.touch:
        yield from _times("build.touch", built.touch, f"rebuild after a touch of {built.touched}")


def _times(name: str, cost: Cost, method: str) -> Iterator[Measurement]:
    yield Measurement(name=f"{name}.wall", value=cost.wall, unit="s", method=method)
    yield Measurement(name=f"{name}.cpu", value=cost.cpu, unit="s", method=method)
    yield Measurement(
        name=f"{name}.other_load", value=cost.other_load, unit="cores", method="busy cores of the machine less ours"
    )
