"""Build cost: what Cargo's runs cost, as metrics. It comes with the build, so this is no probe of its own."""

from __future__ import annotations

from collections.abc import Iterator

from trimtab.model.metric import UNTRAINED_EXECUTED, Absent, Measurement
from trimtab.model.trace import Trace
from trimtab.model.trial import Built, Cost, TrainedBuild


def cost_of(built: Built) -> Iterator[Measurement | Absent]:
    """Wall and CPU seconds, peak memory in bytes, and how many cores others kept busy meanwhile.

    Where units were taken from other builds, CPU seconds alone: what all units took when they were compiled.
    """
    if built.shared and built.trace:
        method = "the sum of what each unit took when it was compiled, in this build or in another"
        yield Measurement(name="build.clean.cpu", value=built.trace.cpu, unit="s", method=method)
        return
    how = "clean build in an empty target directory"
    yield from _times("build.clean", built.clean, f"{how}, with all training" if built.trained else how)
    if built.trained:
        yield from _training(built.trained)
    if built.clean.peak_memory is None:
        yield Absent(name="build.peak_memory", reason="the process tree could not be watched on this machine")
    else:
        yield Measurement(
            name="build.peak_memory", value=built.clean.peak_memory, unit="bytes", method=built.clean.memory_method
        )
    yield from _final(built.trace)
    if isinstance(built.touch, Absent):
        yield built.touch
    elif built.touch:
        yield from _times("build.touch", built.touch, f"rebuild after a touch of {built.touched}")


def _training(account: TrainedBuild) -> Iterator[Measurement]:
    """The price of training, step by step."""
    for name, step in (("pgo", account.pgo), ("bolt", account.bolt)):
        if step:
            parts = (("instrumented", step.instrumented), ("training", step.training), ("merging", step.merging))
            for part, cost in parts:
                yield from _seconds(f"build.{name}.{part}", cost, f"{part} for {name}")
            yield Measurement(
                name=f"build.{name}.instrumented.size", value=step.instrumented_size, unit="bytes",
                method="the instrumented program",
            )  # fmt: skip
            if step.slowdown is not None:
                yield Measurement(
                    name=f"build.{name}.training.slowdown", value=step.slowdown, unit="ratio",
                    method="CPU time of training over that of the same commands with the finished program",
                )  # fmt: skip
    yield from _seconds("build.optimized", account.optimized, "the last build, with what training taught")
    if account.functions and account.covered is not None:
        yield Measurement(
            name="build.pgo.untrained", value=1 - account.covered / account.functions, unit="ratio",
            method=f"share of the program's {account.functions} functions that training did not run",
        )  # fmt: skip
    if account.executed is not None:
        yield Measurement(
            name=UNTRAINED_EXECUTED, value=1 - account.executed, unit="ratio",
            method="share of the blocks of its own code that held-out benches execute and training did not run",
        )  # fmt: skip


def _times(name: str, cost: Cost, method: str) -> Iterator[Measurement]:
    yield from _seconds(name, cost, method)
    yield Measurement(
        name=f"{name}.other_load", value=cost.other_load, unit="cores", method="busy cores of the machine less ours"
    )


def _seconds(name: str, cost: Cost, method: str) -> Iterator[Measurement]:
    yield Measurement(name=f"{name}.wall", value=cost.wall, unit="s", method=method)
    yield Measurement(name=f"{name}.cpu", value=cost.cpu, unit="s", method=method)


def _final(trace: Trace | None) -> Iterator[Measurement]:
    """The last unit, and its link-time optimization and link apart."""
    unit = trace.final if trace else None
    if unit:
        method = f"the rustc call of {unit.name}"
        yield Measurement(name="build.final.wall", value=unit.cost.wall, unit="s", method=method)
        for name, phase in (("lto", unit.cost.lto), ("link", unit.cost.link)):
            if phase:
                yield Measurement(name=f"build.final.{name}.wall", value=phase.wall, unit="s", method=method)
